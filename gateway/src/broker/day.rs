//! The trading day of the account: when it ends, and what the account was worth when it began.
//! In: market time. Out: the end of the day, the values from which daily profit is counted.
//! CME's day ends at 16:00 in Chicago, on every calendar day: a weekend's ends change nothing.

use std::collections::BTreeMap;

use chrono::{Days, NaiveTime, TimeZone, Utc};
use chrono_tz::US::Central;
use engine::market::SymbolId;
use engine::time::Timestamp;
use engine::trade::Money;

use crate::calendar::CLOSE_HOUR;

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
        Self { end: next_close(now), equity, profit: BTreeMap::new(), second: i64::MIN }
    }

    /// The end of this day if it lies at or before `next`.
    pub fn ends_before(&self, next: Timestamp) -> Option<Timestamp> {
        (self.end <= next).then_some(self.end)
    }

    /// The day that begins at `now`.
    pub fn begin(&mut self, now: Timestamp, equity: Money, profit: BTreeMap<SymbolId, (Money, Money)>) {
        self.end = next_close(now);
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

/// The first close after `now`.
fn next_close(now: Timestamp) -> Timestamp {
    let close = NaiveTime::from_hms_opt(CLOSE_HOUR, 0, 0).expect("a time of day");
    let today = now.to_datetime().with_timezone(&Central).date_naive();
    let closes = (0..=2).filter_map(|ahead| {
        let local = today.checked_add_days(Days::new(ahead))?.and_time(close);
        Some(Timestamp::from(Central.from_local_datetime(&local).earliest()?.with_timezone(&Utc)))
    });
    closes.into_iter().find(|close| *close > now).unwrap_or(Timestamp::MAX)
}
