//! Stands on the wire: every request as it leaves, every limit against the venue's truth. In: records, requests, the
//! venue. Out: the first thing that must not be. Absent: the gate's own arithmetic.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::ledger::{Ledger, Planned};
use crate::backtest::CLIENT_ID;
use crate::books::Books;
use crate::config::{Limit, RiskConfig};
use crate::journal::{Record, Verdict};
use crate::market::{Price, SymbolId};
use crate::time::Timestamp;
use crate::trade::{BrokerRequest, ClientOrderId, Intent, Leg, Money, OrderTicket, Side, StrategyId, Trading};
use crate::venue::{Status, Venue};

#[derive(Debug)]
pub struct Wire {
    rails: RiskConfig,
    symbols: Vec<SymbolId>,
    tick_values: Vec<Money>,
    approved: BTreeSet<ClientOrderId>,
    sent: BTreeMap<ClientOrderId, OrderTicket>,
    by_order_id: BTreeMap<i32, ClientOrderId>,
    planned: BTreeMap<ClientOrderId, Planned>,
    /// Orders of the last minute, and whose.
    minute: VecDeque<(Timestamp, StrategyId, SymbolId)>,
    ledger: Ledger,
    seen: usize,
    commissions: Money,
    /// The most that was ever earned.
    best: Money,
    /// What could be lost beyond the limits at the worst entry that was let through before news of fills had come.
    hidden: Money,
    pub refused: Vec<String>,
    pub entries: u32,
    wrong: Option<String>,
}

impl Wire {
    pub fn new(books: &Books, rails: RiskConfig) -> Self {
        let symbols: Vec<SymbolId> = books.instruments().iter().map(|i| i.id).collect();
        Self {
            rails,
            tick_values: symbols.iter().map(|symbol| books.portfolio().tick_value(*symbol)).collect(),
            symbols,
            approved: BTreeSet::new(),
            sent: BTreeMap::new(),
            by_order_id: BTreeMap::new(),
            planned: BTreeMap::new(),
            minute: VecDeque::new(),
            ledger: Ledger::default(),
            seen: 0,
            commissions: Money::ZERO,
            best: Money::ZERO,
            hidden: Money::ZERO,
            refused: Vec::new(),
            entries: 0,
            wrong: None,
        }
    }

    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    pub fn fail(&mut self, text: String) {
        self.wrong.get_or_insert(text);
    }

    pub fn fills(&self) -> usize {
        self.seen
    }

    fn tick(&self, symbol: SymbolId) -> Money {
        self.tick_values[usize::from(symbol.0)]
    }

    pub fn on_record(&mut self, record: &Record) {
        match record {
            Record::Signal { intent, verdict: Verdict::Approved { order: Some(id) } }
                if matches!(intent.intent, Intent::Enter { .. }) =>
            {
                self.approved.insert(*id);
            }
            Record::Signal { verdict: Verdict::Refused { rule, .. }, .. } => self.refused.push(rule.clone()),
            _ => {}
        }
    }

    /// `books`: as they are after what led to this.
    pub fn on_request(&mut self, now: Timestamp, request: &BrokerRequest, books: &Books, venue: &Venue) {
        match request {
            BrokerRequest::Place(tickets) => {
                tickets.iter().for_each(|ticket| self.on_place(now, ticket, tickets, books));
                if let Some(entry) = tickets.iter().find(|ticket| ticket.leg == Leg::Entry) {
                    self.check_rates(now, entry);
                    self.see_fills(venue);
                    self.check_worst(venue, "with the entry on its way");
                    self.check_floor(entry, books, venue);
                }
            }
            BrokerRequest::Modify(ticket) => self.on_modify(ticket, books),
            BrokerRequest::Cancel(_) | BrokerRequest::TakeInventory(_) | BrokerRequest::ComparePositions(_) => {}
        }
    }

    fn on_place(&mut self, now: Timestamp, ticket: &OrderTicket, all: &[OrderTicket], books: &Books) {
        let id = ticket.id.0;
        self.minute.push_back((now, ticket.strategy, ticket.symbol));
        if self.sent.insert(ticket.id, ticket.clone()).is_some() {
            self.fail(format!("order {id} was sent twice"));
        }
        self.by_order_id.insert(ticket.order_id.0, ticket.id);
        let held = books.portfolio().position(ticket.strategy, ticket.symbol);
        let closes = Side::of_position(held).map(Side::opposite) == Some(ticket.side);
        match ticket.leg {
            Leg::Entry => self.on_entry(ticket, all, books),
            Leg::Exit if !closes || i64::from(ticket.quantity) != held.abs() => {
                self.fail(format!("exit {id}: {} {} for a position of {held}", ticket.side.name(), ticket.quantity));
            }
            Leg::Stop | Leg::Target
                if ticket.parent.is_none() && (!closes || i64::from(ticket.quantity) > held.abs()) =>
            {
                self.fail(format!("{} {id}: {} contracts for {held}", ticket.leg.name(), ticket.quantity));
            }
            _ => {}
        }
    }

    fn on_entry(&mut self, entry: &OrderTicket, all: &[OrderTicket], books: &Books) {
        let id = entry.id.0;
        self.entries += 1;
        if !self.approved.remove(&entry.id) {
            self.fail(format!("entry {id} without the gate's word"));
        }
        if books.trading() != Trading::Allowed || books.state().latches.on(entry.strategy).is_some() {
            self.fail(format!("entry {id} while trading is {:?}, {:?}", books.trading(), books.state().latches));
        }
        if self.rails.order.order_size_max.max().is_some_and(|max| entry.quantity > max) || entry.quantity == 0 {
            self.fail(format!("entry {id} of {} contracts", entry.quantity));
        }
        let stop = all.iter().find(|other| other.leg == Leg::Stop && other.parent == Some(entry.order_id));
        let Some(stop) = stop.filter(|stop| stop.quantity == entry.quantity && stop.side != entry.side) else {
            return self.fail(format!("entry {id} without a stop of its size"));
        };
        let mark = books.portfolio().last_mark(entry.symbol);
        let touch = if entry.side == Side::Buy { mark.ask } else { mark.bid };
        let reference = entry.kind.limit_price().or(entry.kind.stop_price()).or(touch).or(mark.last);
        let (Some(reference), Some(stop)) = (reference, stop.kind.stop_price()) else {
            return self.fail(format!("entry {id} without a price"));
        };
        let planned = Planned { reference: i64::from(reference.0), stop: i64::from(stop.0) };
        if let (Some(limit), Some(max)) = (entry.kind.limit_price(), self.rails.order.price_collar_ticks_max.max()) {
            let beyond = touch.or(mark.last).map(|touch| (limit.0 - touch.0) * entry.side.sign());
            if beyond.is_none_or(|beyond| i64::from(beyond) > i64::from(max)) {
                self.fail(format!("entry {id} at {limit:?}, {beyond:?} ticks beyond the quote"));
            }
        }
        if (planned.reference - planned.stop) * i64::from(entry.side.sign()) < 0 {
            self.fail(format!("entry {id} at {reference:?} with its stop at {stop:?}"));
        }
        self.planned.insert(entry.id, planned);
    }

    /// Smaller, or another price, or no larger than what is held.
    fn on_modify(&mut self, ticket: &OrderTicket, books: &Books) {
        let id = ticket.id.0;
        let Some(before) = self.sent.insert(ticket.id, ticket.clone()) else {
            return self.fail(format!("order {id} was changed before it was sent"));
        };
        let held = books.portfolio().position(ticket.strategy, ticket.symbol).unsigned_abs();
        let filled = books.state().orders.get(ticket.id).map_or(0, |order| order.filled);
        let fits = u64::from(ticket.quantity) <= u64::from(filled) + held;
        if ticket.leg == Leg::Entry || ticket.side != before.side || (ticket.quantity > before.quantity && !fits) {
            self.fail(format!(
                "{} {id}: {} -> {} contracts, held {held}",
                ticket.leg.name(),
                before.quantity,
                ticket.quantity
            ));
        }
    }

    fn check_rates(&mut self, now: Timestamp, entry: &OrderTicket) {
        while self.minute.front().is_some_and(|(at, ..)| now.since(*at) >= Duration::from_secs(60)) {
            self.minute.pop_front();
        }
        let rate = self.rails.rate.clone();
        let of_account = [rate.orders_per_second_max, rate.orders_per_minute_max];
        let of_strategy = [rate.strategy_orders_per_second_max, rate.strategy_orders_per_minute_max];
        let of_symbol = [rate.symbol_orders_per_second_max, rate.symbol_orders_per_minute_max];
        self.check_rate(now, "all strategies", of_account, |_, _| true);
        self.check_rate(now, "the entry's strategy", of_strategy, |strategy, _| strategy == entry.strategy);
        self.check_rate(now, "the entry's symbol", of_symbol, |_, symbol| symbol == entry.symbol);
    }

    fn check_rate(
        &mut self,
        now: Timestamp,
        of: &str,
        [second_max, minute_max]: [Limit<u32>; 2],
        is_of: impl Fn(StrategyId, SymbolId) -> bool,
    ) {
        let mine = self.minute.iter().filter(|(_, strategy, symbol)| is_of(*strategy, *symbol));
        let minute = mine.clone().count();
        let second = mine.filter(|(at, ..)| now.since(*at) < Duration::from_secs(1)).count();
        for (count, limit, span) in [(second, second_max, "second"), (minute, minute_max, "minute")] {
            if limit.max().is_some_and(|max| count > max as usize) {
                self.fail(format!("{count} orders of {of} in a {span}"));
            }
        }
    }

    /// Entries that may still fill: at the venue, and the newest one that is on its way. Older ones that are not there
    /// may have been lost.
    fn working(&self, venue: &Venue) -> Vec<(&OrderTicket, u32)> {
        let entries = self.sent.values().filter(|ticket| ticket.leg == Leg::Entry);
        let newest = entries.clone().map(|ticket| ticket.id).max();
        let left = |ticket: &OrderTicket| match venue.order_of(CLIENT_ID, ticket.order_id.0) {
            Some(order) if matches!(order.status, Status::Filled | Status::Cancelled | Status::Inactive) => 0,
            Some(order) => order.remaining(),
            None if Some(ticket.id) == newest => ticket.quantity,
            None => 0,
        };
        entries.map(|ticket| (ticket, left(ticket))).filter(|(_, left)| *left > 0).collect()
    }

    /// The venue's positions, and with every entry filled.
    pub fn check_worst(&mut self, venue: &Venue, when: &str) {
        let Some(max) = self.rails.order.max_position_size.max().map(i64::from) else { return };
        for symbol in self.symbols.clone() {
            let held = venue.positions().find(|p| p.symbol == symbol).map_or(0, |p| p.quantity);
            let of_symbol = self.working(venue).into_iter().filter(|(ticket, _)| ticket.symbol == symbol);
            let (mut long, mut short) = (held, -held);
            for (ticket, left) in of_symbol {
                match ticket.side {
                    Side::Buy => long += i64::from(left),
                    Side::Sell => short += i64::from(left),
                }
            }
            if held.abs() > max || long > max || short > max {
                self.fail(format!("{symbol:?} {when}: holds {held}, at worst {long} long, {short} short of {max}"));
            }
        }
    }

    /// What fills say of what was planned.
    pub fn see_fills(&mut self, venue: &Venue) {
        for fill in &venue.executions()[self.seen..] {
            let Some(ticket) = self.by_order_id.get(&fill.order_id).map(|id| self.sent[id].clone()) else {
                self.wrong.get_or_insert(format!("an execution of order {} that was never sent", fill.order_id));
                continue;
            };
            self.commissions += fill.commission;
            let of = (ticket.strategy, ticket.symbol);
            for _ in 0..fill.quantity {
                match self.planned.get(&ticket.id) {
                    Some(planned) => self.ledger.enter(of, fill.side, i64::from(fill.price.0), *planned),
                    None => self.ledger.leave(of, fill.side, i64::from(fill.price.0)),
                }
            }
        }
        self.seen = venue.executions().len();
    }

    /// What a day may lose, and what may be at stake of the most that equity ever was.
    fn limits(&self) -> Option<(Money, Money)> {
        let stake = self.rails.order.max_portfolio_risk.max()?.of(self.rails.capital + self.best);
        Some((self.rails.loss.daily_loss_max.max()?, stake))
    }

    /// If every stop held and everything filled, the day would not lose more than its limit and what may be at stake.
    fn check_floor(&mut self, entry: &OrderTicket, books: &Books, venue: &Venue) {
        let Some((loss_max, stake_max)) = self.limits() else { return };
        let working: Money = self
            .working(venue)
            .into_iter()
            .filter_map(|(ticket, left)| Some((ticket, self.planned.get(&ticket.id)?.ticks() * i64::from(left))))
            .map(|(ticket, ticks)| self.tick(ticket.symbol) * ticks)
            .sum();
        let floor = self.ledger.at_stops(|symbol| self.tick(symbol)) - working - self.commissions;
        // The book values by the last quote, and a stop by its price: a spread lies between.
        let spread = self.tick(entry.symbol) * (2 * self.ledger.contracts());
        let beyond = -floor - loss_max - stake_max - spread;
        if beyond <= Money::ZERO {
            return;
        }
        let heard = books.state().booked_executions().count() == venue.executions().len();
        if heard && self.ledger.turned == 0 {
            self.fail(format!(
                "entry {}: with all stops hit the day loses {}, of {loss_max} and {stake_max} at stake; book: {:?}, staked {}, \
                 working {working}, {:?}",
                entry.id.0,
                -floor,
                books.state().risk.figures(self.rails.capital, books.portfolio()),
                books.at_stake(),
                self.ledger,
            ));
        }
        self.hidden = self.hidden.max(beyond);
    }

    /// At any time: what is lost is what was left to lose, and what the market took beyond.
    pub fn check_loss(&mut self, venue: &Venue) {
        let Some((loss_max, stake_max)) = self.limits() else { return };
        let price = |symbol: SymbolId| -> Option<i64> {
            let quote = venue.quote(symbol)?;
            let Price(bid) = quote.bid.or(quote.ask)?;
            Some(i64::from(bid))
        };
        let tick = |symbol| self.tick(symbol);
        let lost = self.commissions - self.ledger.at_prices(tick, price);
        let best = self.best.max(-lost);
        let spread: Money =
            self.symbols.iter().map(|symbol| tick(*symbol)).sum::<Money>() * (2 * self.ledger.contracts());
        let allowed = loss_max + stake_max + self.hidden + self.ledger.gapped(tick, price) + self.commissions + spread;
        self.best = best;
        if lost > allowed {
            self.fail(format!("lost {lost}, allowed {allowed} (limit {loss_max}, at stake {stake_max})"));
        }
    }

    /// Each strategy holds in the book what its own orders came to at the venue, and together that is the account.
    pub fn check_ended(&mut self, books: &Books, venue: &Venue) {
        let strategies: Vec<StrategyId> = books.strategies().map(|(id, _)| id).collect();
        for symbol in self.symbols.clone() {
            let account = venue.positions().find(|p| p.symbol == symbol).map_or(0, |p| p.quantity);
            let mut sum = 0;
            for strategy in &strategies {
                let (book, truth) =
                    (books.portfolio().position(*strategy, symbol), self.ledger.held((*strategy, symbol)));
                sum += book;
                if book != truth {
                    self.fail(format!("{strategy:?} {symbol:?}: book {book}, its orders came to {truth}"));
                }
            }
            let net = books.portfolio().net_position(symbol);
            if sum != net || net != account {
                self.fail(format!("{symbol:?}: strategies {sum}, net {net}, account {account}"));
            }
        }
    }
}
