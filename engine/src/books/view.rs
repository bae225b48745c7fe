//! What the risk gate looks at: the books at this instant, seen from one candidate. In: the books. Out: a view.
//! Whatever cannot be known is `None`, and refuses.

use std::time::Duration;

use chrono::NaiveDate;

use super::Books;
use crate::market::{Instrument, Price, SymbolId};
use crate::orders::machine::State;
use crate::risk::gate::{self, Approved};
use crate::risk::{Breach, Candidate, View};
use crate::sabotage::{self, Sabotage};
use crate::time::Timestamp;
use crate::time::session::last_trading_day;
use crate::trade::{Leg, Money, OrderKind, Side, StrategyId};
use crate::venue::{MarginTable, UNLISTED_PERCENT};

/// Initial margin of one contract by symbol.
pub(super) fn margins(instruments: &[Instrument], table: &MarginTable) -> Vec<Option<Money>> {
    instruments.iter().map(|instrument| table.0.get(&instrument.root).map(|rate| rate.initial)).collect()
}

/// One symbol in the worst case.
#[derive(Clone, Copy, Default)]
pub(super) struct Worst {
    long: i64,
    short: i64,
}

impl Worst {
    pub(super) fn contracts(self) -> i64 {
        self.long.max(self.short)
    }
}

impl Books {
    pub(super) fn check_entry(&mut self, now: Timestamp, order: Candidate) -> Result<Approved, Breach> {
        let mut sent = self.sent.counts(now, order.strategy, order.symbol);
        sent.set_days(self.state.risk.orders(order.strategy, order.symbol));
        let since_same = self.sent.since_same(now, &order);
        let reentries = self.sent.entries(now, order.strategy, self.risk.rate.reentries_within);
        let session_left = self.session_left(now, order.symbol);
        let worst = self.worst_cases();
        let of_symbol = worst.get(usize::from(order.symbol.0)).copied().unwrap_or_default();
        let view = View {
            trading: self.trading,
            latch: self.state.latches.on(order.strategy),
            enlisted: self.enlisted.get(&order.strategy) == Some(&order.symbol),
            // Orders that stand as they are stand beside each other.
            engaged: (order.stop.is_some() || !self.unprotected_allowed)
                && self.is_engaged(order.strategy, order.symbol),
            unprotected_allowed: self.unprotected_allowed,
            mark: self.state.portfolio.last_mark(order.symbol),
            data_age: self.prices_at.get(&order.symbol).map(|&at| now.since(at)),
            feed_live: !self.doubtful_feeds.contains(&order.symbol),
            tick_value: self.state.portfolio.tick_value(order.symbol),
            margin: self.margin(order.symbol),
            worst_long: of_symbol.long,
            worst_short: of_symbol.short,
            exposure: self.sum_over(&worst, |books, symbol| books.value(symbol)),
            at_stake: self.at_stake(),
            margin_used: self.sum_over(&worst, Self::margin),
            equity: self.risk.capital + self.state.portfolio.equity(),
            sent,
            resting: self.resting(order.symbol, order.side),
            since_same,
            reentries,
            own_opposite: self.own_opposite(&order),
            session_left,
            days_to_expiry: self.days_to_expiry(now, order.symbol),
        };
        gate::check(order, &view, &self.risk)
    }

    pub(super) fn worst_cases(&self) -> Vec<Worst> {
        self.instruments.iter().map(|i| self.worst_case(i.id)).collect()
    }

    fn is_engaged(&self, strategy: StrategyId, symbol: SymbolId) -> bool {
        self.state.portfolio.position(strategy, symbol) != 0
            || self.climbs.contains_key(&(strategy, symbol))
            || self.state.orders.has_live(strategy, symbol, Leg::Entry)
            || self.state.orders.has_live(strategy, symbol, Leg::Exit)
    }

    /// Contracts long and short if every order that could raise them filled: any strategy's protective order may
    /// fill and leave the others' positions standing alone.
    fn worst_case(&self, symbol: SymbolId) -> Worst {
        let mut worst = Worst::default();
        for (_, s, sleeve) in self.state.portfolio.sleeves() {
            if s == symbol {
                worst.long += sleeve.quantity.max(0);
                worst.short += (-sleeve.quantity).max(0);
            }
        }
        for order in self.state.orders.live().filter(|o| o.ticket.symbol == symbol && o.ticket.leg == Leg::Entry) {
            if sabotage::is(Sabotage::CountPositionsOnly) {
                continue;
            }
            match order.ticket.side {
                Side::Buy => worst.long += i64::from(order.left()),
                Side::Sell => worst.short += i64::from(order.left()),
            }
        }
        worst
    }

    /// Amount per contract times worst case, over all symbols; `None` if an amount is missing that is needed.
    pub(super) fn sum_over(&self, worst: &[Worst], amount: impl Fn(&Self, SymbolId) -> Option<Money>) -> Option<Money> {
        let of = |(instrument, worst): (&Instrument, &Worst)| match worst.contracts() {
            0 => Some(Money::ZERO),
            contracts => Some(amount(self, instrument.id)? * contracts),
        };
        self.instruments.iter().zip(worst).map(of).try_fold(Money::ZERO, |sum, one| Some(sum + one?))
    }

    /// Of one contract.
    pub(super) fn value(&self, symbol: SymbolId) -> Option<Money> {
        let mark = self.state.portfolio.last_mark(symbol);
        let price = mark.last.or(mark.ask).or(mark.bid)?;
        Some(self.state.portfolio.tick_value(symbol) * i64::from(price.0))
    }

    /// Of one contract: what the table says, or a part of its value.
    pub(super) fn margin(&self, symbol: SymbolId) -> Option<Money> {
        let listed = self.margins.get(usize::from(symbol.0)).copied().flatten();
        listed.or_else(|| Some(Money::from_micros(self.value(symbol)?.micros() / 100 * UNLISTED_PERCENT)))
    }

    /// Loss if every stop were hit: of what is held from the price at which it could be closed now, of working entries from
    /// their own price. What has no stop may lose everything; what others hold in the account is theirs to protect.
    pub(super) fn at_stake(&self) -> Money {
        let portfolio = &self.state.portfolio;
        let mut stake = Money::ZERO;
        for (strategy, symbol, quantity) in portfolio.held() {
            let tick = portfolio.tick_value(symbol);
            let side = quantity.signum();
            let price = portfolio.last_mark(symbol).exit_price(quantity).unwrap_or_default();
            let mut naked = quantity.abs();
            for order in self.state.orders.live_of(strategy, symbol).filter(|o| o.ticket.leg == Leg::Stop) {
                let Some(stop) = order.ticket.kind.stop_price() else { continue };
                let covers = i64::from(order.left()).min(naked);
                let ticks = (i64::from(price.0) - i64::from(stop.0)) * side;
                stake += tick * (ticks.max(0) * covers);
                naked -= covers;
            }
            stake += tick * (i64::from(price.0) * naked);
        }
        for entry in self.state.orders.live().filter(|o| o.ticket.leg == Leg::Entry && o.left() > 0) {
            let (symbol, side) = (entry.ticket.symbol, entry.ticket.side);
            let mark = portfolio.last_mark(symbol);
            let price = entry.ticket.kind.limit_price().or(entry.ticket.kind.stop_price()).or(mark.last);
            let stop = self.state.orders.live().find(|o| o.ticket.leg == Leg::Stop && o.family() == entry.ticket.id);
            let stop = stop.and_then(|o| o.ticket.kind.stop_price()).unwrap_or_default();
            let ticks = (i64::from(price.unwrap_or_default().0) - i64::from(stop.0)) * i64::from(side.sign());
            stake += portfolio.tick_value(symbol) * (ticks.max(0) * i64::from(entry.left()));
        }
        stake
    }

    /// Live orders of the symbol on the candidate's side, and on the other.
    pub(super) fn resting(&self, symbol: SymbolId, side: Side) -> [u32; 2] {
        let mut counts = [0, 0];
        for order in self.state.orders.live().filter(|o| o.ticket.symbol == symbol) {
            counts[usize::from(order.ticket.side != side)] += 1;
        }
        counts
    }

    /// The limit price of an order of this account that the candidate would meet first. Children that wait for their
    /// parent do not rest in the market.
    fn own_opposite(&self, order: &Candidate) -> Option<Price> {
        let rests = self
            .state
            .orders
            .live()
            .filter(|o| o.ticket.symbol == order.symbol && o.ticket.side != order.side && o.state != State::Held);
        let prices = rests.filter_map(|o| match o.ticket.kind {
            OrderKind::Limit(price) => Some(price),
            OrderKind::Market | OrderKind::Stop(_) | OrderKind::StopLimit { .. } => None,
        });
        match order.side {
            Side::Buy => prices.min(),
            Side::Sell => prices.max(),
        }
    }

    fn session_left(&mut self, now: Timestamp, symbol: SymbolId) -> Option<Duration> {
        let hours = self.hours.get_mut(usize::from(symbol.0))?;
        if !hours.is_open(now) {
            return None;
        }
        Some(hours.session_of(now)?.close.since(now))
    }

    fn days_to_expiry(&self, now: Timestamp, symbol: SymbolId) -> Option<i64> {
        let instrument = self.instruments.get(usize::from(symbol.0))?;
        let last: NaiveDate = last_trading_day(&instrument.root, instrument.expiry.as_deref()?)?;
        Some((last - self.state.risk.date()?).num_days()).filter(|_| now > Timestamp::default())
    }
}
