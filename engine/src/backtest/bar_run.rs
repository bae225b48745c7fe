//! A backtest over bars: the same cores and wiring over the same queue, in front of a venue that is shown bars.
//! In: bars in the order of their ends, margin rates by date. Out: journal records, the cores and the account as they
//! ended. Absent: ticks (none are made up), files, clocks.
//!
//! What happens at the end of a bar, and in this order:
//! 1. the venue plays all bars that end then (`venue::in_bars`): orders that were there before fill;
//! 2. the books hear the fills and the new prices;
//! 3. the day's settlement with its interest, margin rates, sessions of the venue, the ends of contracts, if it is their
//!    time;
//! 4. strategies get their bars and decide; what they order is at the venue before anything else happens;
//! 5. strategies that asked to be woken then are woken.
//!
//! What is due between two bars happens at its own time, with the prices of the bars before.

use std::collections::VecDeque;
use std::iter::{Empty, Peekable};

use super::interest::{Interest, RateChange};
use super::recursive::Tap;
use super::{Backtest, Cores, IDS_A_RUN, Message, due, execution_event, first_id};
use crate::bar_market::{BarEvent, MarketBar, middle};
use crate::books::BooksState;
use crate::config::Config;
use crate::config::backtest::{BacktestConfig, OpeningPosition, RateSource};
use crate::intake::Intake;
use crate::journal::{AccountRow, InterestRow, Record, Severity};
use crate::market::{FeedEvent, Instrument, Price, SymbolId};
use crate::portfolio::{Mark, Portfolio};
use crate::strategy;
use crate::time::Timestamp;
use crate::trade::{BrokerEvent, ClientOrderId, Fill, Leg, Money, Side};
use crate::venue::in_bars::BarFills;
use crate::venue::{MarginRate, Player, Report, Venue, VenueConfig};
use crate::wiring::{News, Output, system};

/// A margin rate of a root from an instant on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarginChange {
    pub from: Timestamp,
    pub root: String,
    pub rate: MarginRate,
}

/// What a run over bars is given besides the configuration.
#[derive(Clone, Debug, Default)]
pub struct BarRunSetup {
    /// The run begins at this instant; no bar begins earlier.
    pub start: Timestamp,
    /// Symbols of which bars of trades are known: their strategies get those, the others bars of the middle.
    pub with_trades: Vec<SymbolId>,
    /// In order of time.
    pub margins: Vec<MarginChange>,
    /// Rates of interest in order of time, where the configuration names a file of them.
    pub rates: Vec<RateChange>,
    /// The number of this run in its journal, from 1.
    pub run: u32,
}

/// How a run ended.
#[derive(Debug)]
pub struct BarRunEnd {
    pub cores: Cores,
    pub account: AccountRow,
    /// Orders that the venue accepted.
    pub orders: usize,
    pub bars: u64,
    /// What the cash earned, all in all; negative when it cost.
    pub interest: Money,
}

pub struct BarBacktest<S: Iterator<Item = BarEvent>, J: FnMut(Timestamp, Record)> {
    /// Everything but the market: its player has no events.
    inner: Backtest<Empty<FeedEvent>, J>,
    source: Peekable<S>,
    settings: BacktestConfig,
    roots: Vec<String>,
    with_trades: Vec<bool>,
    margins: VecDeque<MarginChange>,
    interest: Option<Interest>,
    /// Credited so far.
    earned: Money,
    settles_at: Timestamp,
    day_ends_at: Timestamp,
    marks: Vec<Mark>,
    group: Vec<MarketBar>,
    bars: u64,
}

/// Why a run cannot begin.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BarRunError {
    #[error("[backtest.fills] model is \"ticks\", which needs ticks: choose a model of bars")]
    NoModel,
    #[error("the opening position of strategy {strategy} costs {price}, which is not a price of {symbol}")]
    OpeningPrice { strategy: String, price: String, symbol: String },
}

impl<S: Iterator<Item = BarEvent>, J: FnMut(Timestamp, Record)> BarBacktest<S, J> {
    pub fn new(config: &Config, source: S, setup: BarRunSetup, journal: J) -> Result<Self, BarRunError> {
        let crate::config::backtest::Fills::Bars(fills) = config.backtest.fills else {
            return Err(BarRunError::NoModel);
        };
        let settings = config.backtest.clone();
        let mut venue = venue(config, fills);
        venue.set_run(setup.run);
        let state = opening_books(config)?;
        for (position, price) in opening(config)? {
            venue.hold(position.symbol, side_of(position), position.quantity.unsigned_abs(), price);
        }
        let mut cores = Cores::new(config, state);
        let first = first_id(setup.start).0 + u64::from(setup.run.saturating_sub(1)) * IDS_A_RUN;
        cores.books.raise_ids(ClientOrderId(first));
        if settings.unprotected_entries {
            cores.books.allow_unprotected();
        }
        for strategy in &mut cores.strategies {
            let position = cores.books.portfolio().position(strategy.id(), strategy.symbol());
            strategy.resume(position, Default::default());
            strategy.begin(setup.start);
        }
        let inner = Backtest {
            cores,
            player: Player::new(std::iter::empty(), venue),
            intakes: vec![Intake::new(config.bars.jump_ticks_max); config.instruments.len()],
            queue: VecDeque::new(),
            requests: Vec::new(),
            strategies_ended: false,
            now: setup.start,
            journal,
            wire: None,
            expiries: super::expiries(config, setup.start),
            final_price: settings.account.settlement.rule,
        };
        let mut with_trades = vec![false; config.instruments.len()];
        for symbol in setup.with_trades {
            if let Some(with) = with_trades.get_mut(usize::from(symbol.0)) {
                *with = true;
            }
        }
        Ok(Self {
            inner,
            source: source.peekable(),
            roots: config.instruments.iter().map(|i| i.root.clone()).collect(),
            with_trades,
            margins: setup.margins.into(),
            interest: interest(&settings, setup.rates),
            earned: Money::ZERO,
            settles_at: settings.account.settlement.next(setup.start),
            day_ends_at: settings.account.day_orders_end.map_or(Timestamp::MAX, |end| end.next(setup.start)),
            settings,
            marks: vec![Mark::default(); config.instruments.len()],
            group: Vec::new(),
            bars: 0,
        })
    }

    /// Listens to every strategy; in the order of the configuration.
    pub fn tapped(self) -> (Self, Vec<Tap>) {
        let (inner, taps) = self.inner.tapped();
        (Self { inner, ..self }, taps)
    }

    /// Plays every bar. Open positions stay open.
    pub fn run(mut self) -> BarRunEnd {
        self.inner.connect();
        while self.step() {}
        self.pass_the_last_day();
        self.inner.close();
        self.credit_the_rest();
        let account = self.account();
        self.inner.route_record(Record::Account(account));
        let venue = self.inner.player.venue();
        let orders = venue.open_orders().count() + venue.completed_orders().count();
        BarRunEnd { account, orders, bars: self.bars, interest: self.earned, cores: self.inner.cores }
    }

    /// The bars that end next, and all that comes of them; false when there are no more.
    fn step(&mut self) -> bool {
        let Some(end) = self.source.peek().map(BarEvent::end) else { return false };
        // A source that steps back in time is played in its order.
        let end = end.max(self.inner.now);
        self.group.clear();
        while let Some(event) = self.source.next_if(|event| event.end() <= end) {
            self.bars += 1;
            if !self.settings.hours.is_none_or(|hours| hours.hold(event.open_ts(), event.end())) {
                continue;
            }
            if !self.group.iter_mut().any(|bar| bar.join(&event)) {
                self.group.push(MarketBar::of(event));
            }
        }
        self.pass_until(end);
        self.play(end);
        true
    }

    /// The end of a contract, unless the bars at hand tell what it traded at until then.
    fn next_expiry(&self) -> Option<Timestamp> {
        let (at, symbol) = self.inner.expiries.next()?;
        let tells = |bar: &MarketBar| bar.symbol == symbol && bar.open_ts < at;
        (!self.group.iter().any(tells)).then_some(at)
    }

    /// A contract whose data ends on its last day has ended too.
    fn pass_the_last_day(&mut self) {
        self.group.clear();
        while let Some(at) = self.inner.expiries.next_on_the_day_of(self.inner.now) {
            self.pass_until(at);
            self.inner.now = self.inner.now.max(at);
            self.pass_time(at);
            self.fire_deadlines();
        }
    }

    /// Everything that is due before `end`, each at its time.
    fn pass_until(&mut self, end: Timestamp) {
        loop {
            let wakes = self.inner.cores.strategies.iter().filter_map(|strategy| strategy.next_deadline());
            let venue = self.inner.player.venue().next_deadline();
            let margin = self.margins.front().map(|change| change.from);
            let next = wakes
                .chain(venue)
                .chain(margin)
                .chain(self.next_expiry())
                .chain([self.settles_at, self.day_ends_at])
                .min();
            let Some(next) = next.filter(|next| *next < end) else { return };
            self.inner.now = self.inner.now.max(next);
            self.pass_time(next);
            self.fire_deadlines();
        }
    }

    /// What time does to the venue, up to and with `at`.
    fn pass_time(&mut self, at: Timestamp) {
        let mut reports = Vec::new();
        self.inner.player.venue_mut().on_time(at, &mut reports);
        while self.day_ends_at <= at {
            self.inner.player.venue_mut().end_day(at, &mut reports);
            let end = self.settings.account.day_orders_end;
            self.day_ends_at = end.map_or(Timestamp::MAX, |end| end.next(self.day_ends_at));
        }
        while self.settles_at <= at {
            let rule = self.settings.account.settlement.rule;
            let with_orders = self.settings.account.day_orders_end.is_none();
            self.inner.player.venue_mut().settle_at(at, rule, with_orders, &mut reports);
            self.earn(at);
            self.settles_at = self.settings.account.settlement.next(self.settles_at);
            let account = self.account();
            self.inner.route_record(Record::Account(account));
        }
        while let Some(change) = self.margins.pop_front_if(|change| change.from <= at) {
            for (symbol, root) in self.roots.iter().enumerate() {
                if *root == change.root {
                    self.inner.player.venue_mut().set_margin_rate(super::symbol_id(symbol), change.rate);
                }
            }
        }
        self.tell(&reports);
        self.inner.settle();
        self.inner.expire_due(at);
    }

    /// Interest of the nights since the last settlement.
    fn earn(&mut self, at: Timestamp) {
        let Some(interest) = &mut self.interest else { return };
        let zone = self.settings.account.settlement.zone;
        let date = at.to_datetime().with_timezone(&zone).date_naive();
        let credited = interest.settle(date, self.inner.player.venue().cash());
        self.credit(at, credited);
    }

    fn credit_the_rest(&mut self) {
        let rest = self.interest.as_mut().and_then(Interest::finish);
        self.credit(self.inner.now, rest);
    }

    fn credit(&mut self, at: Timestamp, amount: Option<Money>) {
        let Some(amount) = amount else { return };
        self.inner.player.venue_mut().credit(amount);
        self.earned += amount;
        self.inner.route_record(Record::Interest(InterestRow { at, amount }));
    }

    /// What our client hears of these reports, and which positions the broker closed: bars know no inventories that would
    /// find that out a minute later.
    fn tell(&mut self, reports: &[Report]) {
        self.inner.on_reports(reports);
        for report in reports {
            let Report::Execution(fill) = report else { continue };
            if fill.liquidation {
                let (exec_id, amount) = (fill.exec_id.clone(), fill.commission);
                let text = format!(
                    "{} {} contracts: the account could not hold them any longer",
                    fill.side.name(),
                    fill.quantity
                );
                self.inner.route_record(system(Severity::Warning, "margin.call", "venue", text));
                self.inner.hear(BrokerEvent::Execution(execution_event(fill)));
                self.inner.hear(BrokerEvent::Commission { exec_id, amount });
            }
        }
    }

    fn play(&mut self, end: Timestamp) {
        self.inner.now = end;
        let mut reports = Vec::new();
        let group = std::mem::take(&mut self.group);
        self.inner.player.venue_mut().on_bars(&group, &mut reports);
        if !reports.is_empty() {
            // Fills are valued by the prices at which they happened, not by those of the bar before.
            group.iter().for_each(|bar| self.mark(bar, |prices| prices.open));
        }
        self.tell(&reports);
        group.iter().for_each(|bar| self.mark(bar, |prices| prices.close));
        self.inner.settle();
        self.pass_time(end);
        for bar in &group {
            self.tell_strategies(bar);
        }
        self.inner.settle();
        self.fire_deadlines();
        self.group = group;
    }

    /// Those of strategies and books. The link's are about a connection and about silence, and bars have neither.
    fn fire_deadlines(&mut self) {
        let now = self.inner.now;
        let cores = &mut self.inner.cores;
        let mut outputs: Vec<Output> = cores.strategies.iter_mut().filter_map(|core| due(core, now)).collect();
        outputs.extend(due(&mut cores.books, now));
        outputs.into_iter().for_each(|output| self.inner.route(output));
        self.inner.settle();
    }

    fn mark(&mut self, bar: &MarketBar, price: fn(&crate::bar_market::Ohlc) -> Price) {
        let mark = &mut self.marks[usize::from(bar.symbol.0)];
        if let Some(trades) = &bar.trades {
            mark.last = Some(price(&crate::bar_market::Ohlc::of(trades)));
        }
        if let Some(quotes) = &bar.quotes {
            // A side that is empty now was not quoted: what it was is no price to close at.
            (mark.bid, mark.ask) = (quotes.bid.as_ref().map(price), quotes.ask.as_ref().map(price));
        }
        let (symbol, mark) = (bar.symbol, Some(*mark));
        self.inner.say(News::Fresh { symbol, cleaned: false });
        self.inner.say(News::Market { symbol, trades: Vec::new(), mark });
    }

    fn tell_strategies(&mut self, bar: &MarketBar) {
        match (&bar.trades, &bar.quotes) {
            (Some(trades), _) => {
                let closed = vec![crate::bars::Output::Closed(*trades)];
                self.inner.route(Output::Bars(bar.symbol, closed));
            }
            (None, Some(quotes)) if !self.with_trades[usize::from(bar.symbol.0)] => {
                // Not a bar of trades, so it is not written down as one.
                let Some(middle) = middle(quotes) else { return };
                for &id in self.inner.cores.topology.strategies(bar.symbol) {
                    self.inner.queue.push_back(Message::Strategy(id, strategy::Input::Bar(middle)));
                }
            }
            (None, _) => {}
        }
    }

    fn account(&self) -> AccountRow {
        let venue = self.inner.player.venue();
        let margins = venue.margins();
        AccountRow {
            cash: venue.cash(),
            equity: venue.equity_at(self.settings.account.mark, self.settings.account.closing_fees),
            initial_margin: margins.initial,
            maintenance_margin: margins.maintenance,
        }
    }
}

fn venue(config: &Config, fills: BarFills) -> Venue {
    let settings = &config.backtest;
    let mut venue = Venue::new(VenueConfig {
        instruments: config.instruments.clone(),
        commission: settings.commission,
        cash: settings.cash,
        rules: super::rules(config),
    });
    venue.trade_in_bars(fills);
    venue
}

fn interest(settings: &BacktestConfig, from_file: Vec<RateChange>) -> Option<Interest> {
    let config = settings.interest.clone()?;
    let rates = match config.rate {
        RateSource::Constant(rate) => vec![RateChange { from: chrono::NaiveDate::MIN, rate }],
        RateSource::File(_) => from_file,
    };
    Some(Interest::new(config, rates))
}

fn side_of(position: &OpeningPosition) -> Side {
    if position.quantity > 0 { Side::Buy } else { Side::Sell }
}

/// Each opening position with its price in ticks.
fn opening(config: &Config) -> Result<Vec<(&OpeningPosition, Price)>, BarRunError> {
    let priced = |position| -> Result<(&OpeningPosition, Price), BarRunError> {
        let position: &OpeningPosition = position;
        let instrument: &Instrument = &config.instruments[usize::from(position.symbol.0)];
        let price = instrument.price_from_decimal(position.price).map_err(|_| BarRunError::OpeningPrice {
            strategy: config.strategies[usize::from(position.strategy.0)].name.clone(),
            price: position.price.to_string(),
            symbol: instrument.name.clone(),
        })?;
        Ok((position, price))
    };
    config.backtest.positions.iter().map(priced).collect()
}

/// The books before the first bar: what the configuration says is held, and nothing else.
pub fn opening_books(config: &Config) -> Result<BooksState, BarRunError> {
    let mut state = BooksState::default();
    state.portfolio = Portfolio::new(&config.instruments);
    for (position, price) in opening(config)? {
        state.portfolio.apply(&Fill {
            exec_id: format!("opening-{}", position.strategy.0),
            order: ClientOrderId(0),
            strategy: position.strategy,
            symbol: position.symbol,
            leg: Leg::Entry,
            side: side_of(position),
            quantity: position.quantity.unsigned_abs(),
            price,
            at: Timestamp::default(),
        });
        state.portfolio.commission(&format!("opening-{}", position.strategy.0), Money::ZERO);
    }
    Ok(state)
}
