//! What was sent, for the limits that count. In: orders as they are sent. Out: counts. Absent: limits.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Candidate;
use crate::market::SymbolId;
use crate::orders::working::WorkingOrders;
use crate::time::Timestamp;
use crate::trade::{Leg, OrderTicket, StrategyId};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Orders sent, children included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Window {
    pub second: u32,
    pub minute: u32,
    /// Of the trade date.
    pub day: u32,
}

impl Window {
    fn count(&mut self, age: Duration) {
        self.second += u32::from(age < SECOND);
        self.minute += u32::from(age < MINUTE);
    }
}

/// Those of everybody, of the candidate's strategy, of its symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    pub account: Window,
    pub strategy: Window,
    pub symbol: Window,
}

impl Counts {
    /// Those of the trade date, in the order of the fields.
    pub fn set_days(&mut self, [account, strategy, symbol]: [u32; 3]) {
        (self.account.day, self.strategy.day, self.symbol.day) = (account, strategy, symbol);
    }
}

#[derive(Clone, Copy, Debug)]
struct Order {
    at: Timestamp,
    strategy: StrategyId,
    symbol: SymbolId,
}

/// The last minute's orders and the latest entries.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    orders: VecDeque<Order>,
    last: BTreeMap<StrategyId, (Timestamp, Candidate)>,
    entries: BTreeMap<StrategyId, VecDeque<Timestamp>>,
}

impl Sent {
    /// What earlier books sent, as their orders say it: a restart begins no new minute. An entry from before a person
    /// enabled its strategy again counts once more, which is the safe side.
    pub fn of(orders: &WorkingOrders) -> Self {
        let mut sent = Self::default();
        let mut tickets: Vec<(Timestamp, &OrderTicket)> =
            orders.newest_first().map(|order| (order.sent_at, &order.ticket)).collect();
        tickets.sort_by_key(|(at, ticket)| (*at, ticket.id));
        for (at, ticket) in tickets {
            sent.order(at, ticket.strategy, ticket.symbol);
            if ticket.leg == Leg::Entry {
                sent.entries.entry(ticket.strategy).or_default().push_back(at);
            }
        }
        sent
    }

    pub fn order(&mut self, now: Timestamp, strategy: StrategyId, symbol: SymbolId) {
        self.orders.push_back(Order { at: now, strategy, symbol });
    }

    pub fn entry(&mut self, now: Timestamp, entry: Candidate) {
        self.last.insert(entry.strategy, (now, entry));
        self.entries.entry(entry.strategy).or_default().push_back(now);
    }

    /// Without those of the day, which outlive a restart and are counted by `RiskAccount`.
    pub fn counts(&mut self, now: Timestamp, strategy: StrategyId, symbol: SymbolId) -> Counts {
        while self.orders.front().is_some_and(|order| now.since(order.at) >= MINUTE) {
            self.orders.pop_front();
        }
        self.recent(now, strategy, symbol)
    }

    /// The same without forgetting what is older than a minute.
    pub fn recent(&self, now: Timestamp, strategy: StrategyId, symbol: SymbolId) -> Counts {
        let mut counts = Counts::default();
        for order in &self.orders {
            let age = now.since(order.at);
            counts.account.count(age);
            if order.strategy == strategy {
                counts.strategy.count(age);
            }
            if order.symbol == symbol {
                counts.symbol.count(age);
            }
        }
        counts
    }

    /// Since the strategy sent exactly this, if that was the last it sent.
    pub fn since_same(&self, now: Timestamp, entry: &Candidate) -> Option<Duration> {
        self.last.get(&entry.strategy).filter(|(_, last)| last == entry).map(|(at, _)| now.since(*at))
    }

    /// Entries of the strategy that are younger than `within`.
    pub fn entries(&mut self, now: Timestamp, strategy: StrategyId, within: Duration) -> u32 {
        let Some(entries) = self.entries.get_mut(&strategy) else { return 0 };
        while entries.front().is_some_and(|&at| now.since(at) >= within) {
            entries.pop_front();
        }
        u32::try_from(entries.len()).unwrap_or(u32::MAX)
    }

    /// A person enabled the strategy again.
    pub fn forget_entries(&mut self, strategy: StrategyId) {
        self.entries.remove(&strategy);
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::buy;
    use super::*;

    #[test]
    fn orders_leave_the_counts_with_time() {
        let at = |ms: i64| Timestamp::from_nanos(ms * 1_000_000);
        let mut sent = Sent::default();
        sent.order(at(0), StrategyId(0), SymbolId(0));
        sent.order(at(0), StrategyId(1), SymbolId(0));
        let early = sent.clone();
        sent.order(at(59_500), StrategyId(0), SymbolId(1));
        let window = |second, minute| Window { second, minute, day: 0 };
        let mut counts = |ms| sent.counts(at(ms), StrategyId(0), SymbolId(0));
        let of_both = |account, strategy, symbol| Counts { account, strategy, symbol };
        let of_early = |ms| early.recent(at(ms), StrategyId(0), SymbolId(0));
        assert_eq!(of_early(999), of_both(window(2, 2), window(1, 1), window(2, 2)));
        assert_eq!(of_early(1_000), of_both(window(0, 2), window(0, 1), window(0, 2)));
        assert_eq!(counts(59_999), of_both(window(1, 3), window(1, 2), window(0, 2)));
        assert_eq!(counts(60_000), of_both(window(1, 1), window(1, 1), window(0, 0)));
        assert_eq!(counts(60_499).account, window(1, 1));
        assert_eq!(counts(60_500).account, window(0, 1));
    }

    #[test]
    fn only_the_same_entry_is_the_same() {
        let mut sent = Sent::default();
        let at = Timestamp::from_secs;
        sent.entry(at(10), buy(1));
        assert_eq!(sent.since_same(at(12), &buy(1)), Some(Duration::from_secs(2)));
        assert_eq!(sent.since_same(at(12), &buy(2)), None);
        sent.entry(at(20), buy(2));
        let hour = Duration::from_secs(3_600);
        assert_eq!(sent.entries(at(3_609), StrategyId(0), hour), 2);
        assert_eq!(sent.entries(at(3_610), StrategyId(0), hour), 1);
        assert_eq!(sent.entries(at(3_610), StrategyId(1), hour), 0);
    }
}
