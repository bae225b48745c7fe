//! The trading day of the account: when it ends, and what the account was worth when it began.
//! In: market time. Out: the end of the day, the values from which daily profit is counted.
//! CME's day ends at 16:00 in Chicago, on every calendar day: a weekend's ends change nothing.

use std::collections::BTreeMap;

use engine::market::SymbolId;
use engine::time::Timestamp;
use engine::time::session::next_day_end;
use engine::trade::Money;

#[derive(Debug)]
pub struct TradingDay {
    end: Timestamp,
    equity: Money,
    /// Closed and open profit of each symbol when the day began.
    profit: BTreeMap<SymbolId, (Money, Money)>,
    /// The last second in which profit was looked at.
    second: i64,
}

impl TradingDay {
    pub fn new(now: Timestamp, equity: Money) -> Self {
        Self { end: next_day_end(now), equity, profit: BTreeMap::new(), second: i64::MIN }
    }

    /// The end of this day if it lies at or before `next`.
    pub fn ends_before(&self, next: Timestamp) -> Option<Timestamp> {
        (self.end <= next).then_some(self.end)
    }

    /// The day that begins at `now`.
    pub fn begin(&mut self, now: Timestamp, equity: Money, profit: BTreeMap<SymbolId, (Money, Money)>) {
        self.end = next_day_end(now);
        self.equity = equity;
        self.profit = profit;
    }

    pub fn equity(&self) -> Money {
        self.equity
    }

    pub fn realised(&self, symbol: SymbolId) -> Money {
        self.profit.get(&symbol).map_or(Money::ZERO, |(realised, _)| *realised)
    }

    pub fn unrealised(&self, symbol: SymbolId) -> Money {
        self.profit.get(&symbol).map_or(Money::ZERO, |(_, unrealised)| *unrealised)
    }

    pub fn realised_of_all(&self) -> Money {
        self.profit.values().map(|(realised, _)| *realised).sum()
    }

    /// Whether `second` is later than at the last call that said yes.
    pub fn next_second(&mut self, second: i64) -> bool {
        let later = second > self.second;
        self.second = self.second.max(second);
        later
    }
}
