//! What strategies earned day by day, and the shares that were made of it: kept by the books over restarts.
//! In: days that ended, allocations. Out: series for the methods, shares for sizes. Absent: when to look again.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{Allocation, Method, Series};
use crate::sizing::Factor;
use crate::trade::{Money, StrategyId};

/// More days than any configuration looks at are forgotten.
pub const DAYS_MAX: usize = 1_000;

/// What one strategy earned on one trade date, realised and unrealised, after commission.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Earned {
    pub strategy: StrategyId,
    pub pnl: Money,
    /// The share of the risk budget that its sizes had on that day; `None` if shares do not change them.
    pub share: Option<Factor>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Day {
    /// `YYYYMMDD`.
    pub trade_date: u32,
    pub earned: Vec<Earned>,
}

/// An allocation as it is written down.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shares {
    /// The trade date from which on they hold, `YYYYMMDD`.
    pub trade_date: u32,
    pub method: Method,
    /// Days of history that it was made of.
    pub days: u32,
    pub of: Vec<Share>,
    /// What did not go as configured.
    pub notes: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Share {
    pub strategy: StrategyId,
    /// Of the whole budget; all together at most one.
    pub weight: Factor,
    /// Weight times the number of strategies: what sizes are multiplied by.
    pub share: Factor,
    pub why: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct History {
    /// Oldest first.
    days: VecDeque<Day>,
    /// Profit since the beginning of the books, of each strategy, when the running trade date began.
    opened: BTreeMap<StrategyId, Money>,
    shares: Option<Shares>,
}

impl History {
    /// The running trade date begins; `opened` is what each strategy has earned so far.
    pub fn turn(&mut self, ended: Option<Day>, opened: impl Iterator<Item = (StrategyId, Money)>) {
        self.days.extend(ended);
        while self.days.len() > DAYS_MAX {
            self.days.pop_front();
        }
        self.opened = opened.collect();
    }

    /// What a strategy has earned since the running trade date began.
    pub fn earned(&self, strategy: StrategyId, so_far: Money) -> Money {
        so_far - self.opened.get(&strategy).copied().unwrap_or_default()
    }

    pub fn set_shares(&mut self, shares: Shares) {
        self.shares = Some(shares);
    }

    pub fn shares(&self) -> Option<&Shares> {
        self.shares.as_ref()
    }

    pub fn share(&self, strategy: StrategyId) -> Option<Factor> {
        self.shares.as_ref()?.of.iter().find(|share| share.strategy == strategy).map(|share| share.share)
    }

    pub fn days(&self) -> impl Iterator<Item = &Day> {
        self.days.iter()
    }

    /// Days of each strategy for one unit of the risk budget: what it earned divided by its share. A day without a share
    /// says nothing.
    pub fn series(&self, of: &[(StrategyId, String, f64)]) -> Vec<Series> {
        let day = |day: &Day, strategy: StrategyId| {
            let earned = day.earned.iter().find(|earned| earned.strategy == strategy)?;
            let pnl = earned.pnl.micros() as f64 / 1e6;
            match earned.share {
                Some(Factor::ZERO) => None,
                Some(share) => Some(pnl * 1e6 / share.millionths() as f64),
                None => Some(pnl),
            }
        };
        let series = |(id, name, cap): &(StrategyId, String, f64)| Series {
            name: name.clone(),
            days: self.days.iter().map(|d| day(d, *id)).collect(),
            cap: *cap,
        };
        of.iter().map(series).collect()
    }

    /// Gives every strategy the id of another numbering and forgets those that have none.
    pub fn renumber(&mut self, strategy: &impl Fn(StrategyId) -> Option<StrategyId>) {
        for day in &mut self.days {
            let earned = std::mem::take(&mut day.earned);
            day.earned =
                earned.into_iter().filter_map(|e| Some(Earned { strategy: strategy(e.strategy)?, ..e })).collect();
        }
        let opened = std::mem::take(&mut self.opened);
        self.opened = opened.into_iter().filter_map(|(id, amount)| Some((strategy(id)?, amount))).collect();
        if let Some(shares) = &mut self.shares {
            let of = std::mem::take(&mut shares.of);
            shares.of = of.into_iter().filter_map(|s| Some(Share { strategy: strategy(s.strategy)?, ..s })).collect();
        }
    }
}

impl Shares {
    /// `strategies` in the order in which the allocation has its lines.
    pub fn new(trade_date: u32, strategies: &[StrategyId], allocation: Allocation) -> Self {
        let Allocation { method, days, lines, notes } = allocation;
        let share = |(&strategy, line): (&StrategyId, super::Line)| Share {
            strategy,
            weight: line.weight,
            share: line.share,
            why: line.why,
        };
        let of = strategies.iter().zip(lines).map(share).collect();
        Self { trade_date, method, days: u32::try_from(days).unwrap_or(u32::MAX), of, notes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: StrategyId = StrategyId(0);
    const TWO: StrategyId = StrategyId(1);

    fn dollars(amount: i64) -> Money {
        Money::from_micros(amount * 1_000_000)
    }

    fn day(trade_date: u32, earned: &[(StrategyId, i64, Option<u32>)]) -> Option<Day> {
        let earned = earned.iter().map(|&(strategy, pnl, share)| Earned {
            strategy,
            pnl: dollars(pnl),
            share: share.map(Factor::from_millionths),
        });
        Some(Day { trade_date, earned: earned.collect() })
    }

    #[test]
    fn a_day_counts_for_one_unit_of_the_budget() {
        let mut history = History::default();
        let days = [
            day(1, &[(ONE, 100, Some(500_000)), (TWO, 100, None)]),
            day(2, &[(ONE, 0, Some(0)), (TWO, -7, None)]),
            day(3, &[(ONE, -30, Some(1_500_000))]),
        ];
        days.into_iter().for_each(|day| history.turn(day, std::iter::empty()));
        let series = history.series(&[(ONE, "one".into(), 1.0), (TWO, "two".into(), 0.5)]);
        assert_eq!(series[0].days, [Some(200.0), None, Some(-20.0)], "a day without a share says nothing");
        assert_eq!(series[1].days, [Some(100.0), Some(-7.0), None], "a fixed size has no share; it did not run then");
    }

    #[test]
    fn old_days_are_forgotten_and_ids_follow_the_names() {
        let mut history = History::default();
        for date in 0..DAYS_MAX as u32 + 5 {
            history.turn(day(date, &[(ONE, 1, None), (TWO, 2, None)]), [(TWO, dollars(9))].into_iter());
        }
        assert_eq!((history.days().count(), history.days().next().map(|d| d.trade_date)), (DAYS_MAX, Some(5)));
        history.renumber(&|id| (id == TWO).then_some(ONE));
        assert_eq!(history.days().last().map(|d| d.earned.len()), Some(1));
        assert_eq!(history.earned(ONE, dollars(12)), dollars(3));
    }
}
