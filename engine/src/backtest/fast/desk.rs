//! What a closed bar, an order and a fill do: the strategy decides, the gate is asked, the order lives, the ledger counts.
//! In: bars, prices, the time. Out: fills, and what a [`Sink`] wants to see. Absent: where prices come from.

use chrono::{Datelike, NaiveDate};

use super::{End, Plan, Unsuited};
use crate::backtest::{IDS_A_RUN, first_id};
use crate::config::{Limit, RiskConfig};
use crate::market::{Bar, Price, SymbolId};
use crate::orders::machine::{self, Event, State};
use crate::portfolio::Mark;
use crate::portfolio::ledger::Ledger;
use crate::risk::latch::Latch;
use crate::risk::sent::Sent;
use crate::risk::{Breach, Candidate, View, gate, reentries};
use crate::strategy::{self, Strategy, StrategyCore};
use crate::time::Timestamp;
use crate::time::session::{Calendar, SessionCursor, last_trading_day};
use crate::trade::{
    BrokerOrderId, ClientOrderId, Fill, Intent, Leg, Money, OrderIntent, OrderKind, Side, TimeInForce, Trading,
};
use crate::venue::UNLISTED_PERCENT;

/// An order as it was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed {
    pub id: ClientOrderId,
    pub order_id: BrokerOrderId,
    pub leg: Leg,
    pub side: Side,
    pub quantity: u32,
    pub tif: TimeInForce,
}

/// A fill of a whole order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Filled {
    pub order: ClientOrderId,
    pub leg: Leg,
    pub side: Side,
    pub quantity: u32,
    pub price: Price,
    /// Whole seconds, as the broker stamps it.
    pub at: Timestamp,
    pub commission: Money,
}

/// Who looks on. What nobody looks at is not made.
pub trait Sink {
    /// A decision with the order that it became, or the rule that refused it.
    fn signal(&mut self, _now: Timestamp, _intent: &OrderIntent, _verdict: Result<Option<ClientOrderId>, &Breach>) {}
    fn placed(&mut self, _now: Timestamp, _order: &Placed) {}
    fn moved(&mut self, _now: Timestamp, _order: ClientOrderId, _state: State) {}
    fn filled(&mut self, _now: Timestamp, _fill: &Filled) {}
    fn bar(&mut self, _now: Timestamp, _bar: &Bar) {}
}

/// Nobody.
impl Sink for () {}

/// An order that has not filled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Live {
    pub(super) placed: Placed,
    pub(super) state: State,
}

pub(super) struct Desk<'a, S, K> {
    plan: &'a Plan,
    core: StrategyCore<S>,
    pub(super) ledger: Ledger,
    sink: K,
    /// One at most: each fills before the strategy decides again.
    pub(super) live: Option<Live>,
    intents: Vec<OrderIntent>,
    sent: Sent,
    next_id: ClientOrderId,
    next_order_id: BrokerOrderId,
    /// Of the account, whose trade dates loss limits go by.
    days: SessionCursor,
    /// Of the symbol.
    hours: SessionCursor,
    /// When the trade date has to be looked at again.
    pub(super) turn_at: Timestamp,
    date: Option<NaiveDate>,
    orders_of_day: u32,
    day_start: Money,
    week_start: Money,
    /// Equity at which a limit of the day or the week is reached.
    floor: Money,
    /// The largest fall of equity and its peak when limits on it were looked at.
    fall_seen: Money,
    peak_seen: Money,
    orders: u64,
    fills: u64,
    started: Timestamp,
    /// The contract's end has come.
    pub(super) expired: bool,
    pub(super) events: u64,
    pub(super) bars: [u64; crate::market::Quality::ALL.len()],
}

impl<'a, S: Strategy, K: Sink> Desk<'a, S, K> {
    pub(super) fn new(plan: &'a Plan, strategy: S, start: Timestamp, run: u32, sink: K) -> Self {
        let core = StrategyCore::of(plan.strategy.clone(), plan.instrument.clone(), strategy).unexplained();
        let first = first_id(start).0 + u64::from(run.saturating_sub(1)) * IDS_A_RUN;
        let mut desk = Self {
            plan,
            core,
            ledger: Ledger::new(plan.instrument.tick_value()),
            sink,
            live: None,
            intents: Vec::with_capacity(4),
            sent: Sent::default(),
            next_id: ClientOrderId(first),
            next_order_id: BrokerOrderId(1),
            days: SessionCursor::new(Calendar::by_name("cme_equity_index").expect("a built-in calendar")),
            hours: SessionCursor::new(plan.calendar),
            turn_at: Timestamp::MIN,
            date: None,
            orders_of_day: 0,
            day_start: Money::ZERO,
            week_start: Money::ZERO,
            floor: Money::from_micros(i64::MIN),
            fall_seen: Money::ZERO,
            peak_seen: Money::ZERO,
            orders: 0,
            fills: 0,
            started: start,
            expired: false,
            events: 0,
            bars: Default::default(),
        };
        desk.turn(start);
        desk
    }

    /// Before anything else that happens at `now`, if [`Desk::turn_at`] has come.
    #[cold]
    pub(super) fn turn(&mut self, now: Timestamp) {
        self.turn_at = self.days.same_until(now);
        if let Some(end) = self.plan.expires_at.filter(|end| *end > self.started) {
            match end <= now {
                true => self.expired = true,
                false => self.turn_at = self.turn_at.min(end),
            }
        }
        let Some(session) = self.days.session_of(now) else { return };
        let last = self.date;
        if last.is_some_and(|last| session.trade_date <= last) {
            return;
        }
        self.date = Some(session.trade_date);
        self.orders_of_day = 0;
        self.day_start = self.ledger.equity();
        if last.is_none_or(|last| last.iso_week() != session.trade_date.iso_week()) {
            self.week_start = self.day_start;
        }
        self.floor = floor(&self.plan.risk, self.day_start, self.week_start);
    }

    /// A new price, at which equity is taken.
    #[inline(always)]
    pub(super) fn mark(&mut self, price: Price) -> Result<(), Unsuited> {
        match self.ledger.mark(price) {
            Some(equity) if equity <= self.floor || self.ledger.drawdown_max() != self.fall_seen => {
                self.look_at_losses()
            }
            _ => Ok(()),
        }
    }

    /// Whether a limit might be reached, after a fill or where equity is lower than it was: then it is for the queue transport to say.
    #[inline(never)]
    fn look_at_losses(&mut self) -> Result<(), Unsuited> {
        let (loss, capital) = (&self.plan.risk.loss, self.plan.risk.capital);
        let fall = self.ledger.drawdown_max();
        // The lower of two peaks allows less.
        let allowed = loss.max_drawdown.max().map(|part| part.of(capital + self.peak_seen));
        let reached = |max: Option<Money>| max.is_some_and(|max| fall >= max);
        let fell = fall > self.fall_seen && (reached(allowed) || reached(loss.trailing_drawdown_max.max()));
        (self.fall_seen, self.peak_seen) = (fall, self.ledger.peak());
        if fell || self.ledger.equity() <= self.floor {
            return Err(Unsuited("a limit on losses is reached"));
        }
        Ok(())
    }

    /// The strategy is shown a bar that closed, and what it wants is done.
    #[inline]
    pub(super) fn on_bar(&mut self, now: Timestamp, bar: &Bar) -> Result<(), Unsuited> {
        self.bars[bar.quality as usize] += 1;
        self.sink.bar(now, bar);
        self.core.on_bar(now, bar, &mut self.intents);
        if self.intents.is_empty() { Ok(()) } else { self.act(now) }
    }

    #[inline(never)]
    fn act(&mut self, now: Timestamp) -> Result<(), Unsuited> {
        while let Some(intent) = self.intents.pop() {
            if !self.intents.is_empty() || self.live.is_some() {
                return Err(Unsuited("several orders are under way"));
            }
            match intent.intent {
                Intent::Order { side, quantity, kind: OrderKind::Market, tif, bracket: None } => {
                    let (strategy, symbol) = (intent.strategy, intent.symbol);
                    let (kind, stop, target) = (OrderKind::Market, None, None);
                    let candidate = Candidate { strategy, symbol, side, quantity, kind, stop, target };
                    self.enter(now, candidate, tif, &intent)?;
                }
                Intent::Exit => self.exit(now, &intent),
                _ => return Err(Unsuited("the strategy wants more than market orders")),
            }
        }
        Ok(())
    }

    fn enter(
        &mut self,
        now: Timestamp,
        candidate: Candidate,
        tif: TimeInForce,
        intent: &OrderIntent,
    ) -> Result<(), Unsuited> {
        let view = self.view(now, &candidate);
        match gate::check(candidate, &view, &self.plan.risk) {
            Ok(approved) => {
                let Candidate { side, quantity, .. } = *approved.candidate();
                self.sent.entry(now, candidate);
                self.send(now, Leg::Entry, side, quantity, tif, intent);
            }
            Err(breach) if breach.rule == reentries::RULE => return Err(Unsuited("a limit on reentries is reached")),
            Err(breach) => {
                self.sink.signal(now, intent, Err(&breach));
                self.core.handle(now, strategy::Input::OrderEnded(Leg::Entry), &mut self.intents);
            }
        }
        Ok(())
    }

    /// Closing takes no approval.
    fn exit(&mut self, now: Timestamp, intent: &OrderIntent) {
        let held = self.ledger.position();
        match (Side::of_position(held), u32::try_from(held.unsigned_abs())) {
            (Some(side), Ok(quantity)) => {
                self.send(now, Leg::Exit, side.opposite(), quantity, TimeInForce::GoodTillCancelled, intent);
            }
            _ => {
                self.sink.signal(now, intent, Ok(None));
                self.core.handle(now, strategy::Input::OrderEnded(Leg::Exit), &mut self.intents);
            }
        }
    }

    fn send(&mut self, now: Timestamp, leg: Leg, side: Side, quantity: u32, tif: TimeInForce, intent: &OrderIntent) {
        let (id, order_id) = (self.next_id, self.next_order_id);
        (self.next_id, self.next_order_id) = (ClientOrderId(id.0 + 1), BrokerOrderId(order_id.0 + 1));
        let placed = Placed { id, order_id, leg, side, quantity, tif };
        self.sent.order(now, intent.strategy, intent.symbol);
        self.orders_of_day += 1;
        self.orders += 1;
        self.sink.signal(now, intent, Ok(Some(id)));
        self.sink.placed(now, &placed);
        self.live = Some(Live { placed, state: State::Sent });
    }

    /// The broker has the live order: what it says of it.
    pub(super) fn acknowledge(&mut self, now: Timestamp, event: Event) -> Result<(), Unsuited> {
        let Some(live) = &mut self.live else { return Ok(()) };
        live.state = machine::next(live.state, event).map_err(|_| Unsuited("an order took an impossible step"))?;
        self.sink.moved(now, live.placed.id, live.state);
        Ok(())
    }

    /// The live order fills, all of it. `at`: whole seconds.
    #[inline(never)]
    pub(super) fn fill(&mut self, now: Timestamp, price: Price, at: Timestamp) -> Result<(), Unsuited> {
        let Some(Live { placed, state }) = self.live.take() else { return Ok(()) };
        let Placed { id, leg, side, quantity, .. } = placed;
        let state = machine::next(state, Event::Filled { left: 0 });
        let state = state.map_err(|_| Unsuited("an order took an impossible step"))?;
        let commission = self.plan.commission * i64::from(quantity);
        self.fills += 1;
        self.sink.filled(now, &Filled { order: id, leg, side, quantity, price, at, commission });
        self.sink.moved(now, id, state);
        self.ledger.fill(i64::from(side.sign()) * i64::from(quantity), price, commission);
        if !self.ledger.is_in_range() {
            return Err(Unsuited("the position is too large"));
        }
        self.look_at_losses()?;
        if matches!(self.plan.risk.loss.consecutive_losses_max, Limit::Max(max) if self.ledger.losses_in_row() >= max) {
            return Err(Unsuited("a limit on losses in a row is reached"));
        }
        let (strategy, symbol) = (self.core.id(), self.core.symbol());
        // Its name is for journals, and for strategies that were rebuilt from one.
        let exec_id = String::new();
        let fill = Fill { exec_id, order: id, strategy, symbol, leg, side, quantity, price, at };
        self.core.handle(now, strategy::Input::Fill(fill), &mut self.intents);
        if self.intents.is_empty() { Ok(()) } else { Err(Unsuited("the strategy acts on a fill")) }
    }

    /// The contract has ended at the last price: what is held becomes cash, for nothing.
    pub(super) fn settle(&mut self, now: Timestamp) -> Result<(), Unsuited> {
        if self.live.is_some() {
            return Err(Unsuited("an order is alive when the contract ends"));
        }
        let held = self.ledger.position();
        let (Some(side), Some(price)) = (Side::of_position(held).map(Side::opposite), self.ledger.last()) else {
            return Ok(());
        };
        let quantity = u32::try_from(held.unsigned_abs()).map_err(|_| Unsuited("the position is too large"))?;
        let (order, leg, at) = (ClientOrderId(0), Leg::Settlement, now.floor(crate::backtest::STAMP));
        self.fills += 1;
        self.sink.filled(now, &Filled { order, leg, side, quantity, price, at, commission: Money::ZERO });
        self.ledger.fill(-held, price, Money::ZERO);
        let (strategy, symbol, exec_id) = (self.core.id(), self.core.symbol(), String::new());
        let fill = Fill { exec_id, order, strategy, symbol, leg, side, quantity, price, at };
        self.core.handle(now, strategy::Input::Fill(fill), &mut self.intents);
        if self.intents.is_empty() { Ok(()) } else { Err(Unsuited("the strategy acts on a fill")) }
    }

    /// The data is over, and the contract ends on the same day.
    pub(super) fn ends_today(&mut self, now: Timestamp) -> bool {
        let Some(end) = self.plan.expires_at.filter(|end| *end > self.started && !self.expired) else { return false };
        let seen = now - std::time::Duration::from_nanos(1);
        self.plan.calendar.trade_date(seen) == self.plan.calendar.trade_date(end)
    }

    /// What the gate looks at: there is no other order, no latch, and the feed is a file.
    fn view(&mut self, now: Timestamp, order: &Candidate) -> View<'static> {
        let (ledger, held) = (&self.ledger, self.ledger.position());
        let value = ledger.last().map(|price| ledger.tick_value() * i64::from(price.0));
        let listed = self.plan.margin;
        let margin = listed.or_else(|| Some(Money::from_micros(value?.micros() / 100 * UNLISTED_PERCENT)));
        let of_held = |one: Option<Money>| if held == 0 { Some(Money::ZERO) } else { Some(one? * held.abs()) };
        let mut sent = self.sent.counts(now, order.strategy, order.symbol);
        // There is one strategy, and one symbol.
        sent.set_days([self.orders_of_day; 3]);
        let session_left = match self.hours.is_open(now) {
            true => self.hours.session_of(now).map(|session| session.close.since(now)),
            false => None,
        };
        View {
            trading: Trading::Allowed,
            latch: None::<&Latch>,
            engaged: false,
            unprotected_allowed: true,
            enlisted: true,
            mark: Mark { last: ledger.last(), bid: None, ask: None },
            data_age: ledger.last().map(|_| std::time::Duration::ZERO),
            feed_live: true,
            tick_value: ledger.tick_value(),
            margin,
            worst_long: held.max(0),
            worst_short: (-held).max(0),
            exposure: of_held(value),
            at_stake: ledger.value_held(),
            margin_used: of_held(margin),
            equity: self.plan.risk.capital + ledger.equity(),
            sent,
            resting: [0, 0],
            since_same: self.sent.since_same(now, order),
            reentries: self.sent.entries(now, order.strategy, self.plan.risk.rate.reentries_within),
            own_opposite: None,
            session_left,
            days_to_expiry: self.days_to_expiry(now),
        }
    }

    fn days_to_expiry(&self, now: Timestamp) -> Option<i64> {
        let instrument = &self.plan.instrument;
        let last = last_trading_day(&instrument.root, instrument.expiry.as_deref()?)?;
        Some((last - self.date?).num_days()).filter(|_| now > Timestamp::default())
    }

    pub(super) fn symbol(&self) -> SymbolId {
        self.core.symbol()
    }

    pub(super) fn end(self) -> End {
        End {
            performance: self.ledger.performance(),
            equity: self.plan.cash + self.ledger.equity(),
            position: self.ledger.position(),
            events: self.events,
            orders: self.orders,
            fills: self.fills,
            live_orders: usize::from(self.live.is_some()),
            tally: self.core.tally(),
            bars: self.bars,
        }
    }
}

/// The highest equity at which one of the limits of the day or the week is reached.
fn floor(risk: &RiskConfig, day_start: Money, week_start: Money) -> Money {
    let loss = &risk.loss;
    let of =
        |start: Money, max: Limit<Money>| max.max().map_or(i64::MIN, |max| start.micros().saturating_sub(max.micros()));
    let daily = of(day_start, loss.daily_loss_max).max(of(day_start, loss.strategy_daily_loss_max));
    Money::from_micros(daily.max(of(week_start, loss.weekly_loss_max)))
}
