//! What the account and each strategy have earned and lost since the day, the week and the books began.
//! In: trade dates, and what positions are worth. Out: the figures that loss limits speak of. It outlives a restart.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::portfolio::Portfolio;
use crate::trade::{Money, StrategyId};

/// Amounts are what was earned by then, without the capital.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RiskAccount {
    date: Option<NaiveDate>,
    day_start: Money,
    week_start: Money,
    /// What of both is not ours.
    day_start_foreign: Money,
    week_start_foreign: Money,
    /// The most that this trade date had earned.
    day_best: Money,
    /// The most that was ever earned.
    peak: Money,
    strategies_day_start: BTreeMap<StrategyId, Money>,
    /// Orders sent on this trade date, children included.
    pub orders: u32,
}

/// What a new trade date brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turned {
    pub new_week: bool,
}

impl RiskAccount {
    /// A new trade date begins; `None` if it is the same, or an earlier one.
    pub fn turn(&mut self, date: NaiveDate, portfolio: &Portfolio) -> Option<Turned> {
        if self.date.is_some_and(|last| date <= last) {
            return None;
        }
        let new_week = self.date.is_none_or(|last| last.iso_week() != date.iso_week());
        let equity = portfolio.equity();
        self.date = Some(date);
        self.day_start = equity;
        self.day_start_foreign = portfolio.foreign_equity();
        self.day_best = Money::ZERO;
        self.orders = 0;
        self.strategies_day_start = portfolio.strategies().map(|id| (id, portfolio.earned(id))).collect();
        if new_week {
            (self.week_start, self.week_start_foreign) = (equity, self.day_start_foreign);
        }
        self.see(portfolio);
        Some(Turned { new_week })
    }

    pub fn date(&self) -> Option<NaiveDate> {
        self.date
    }

    /// Remembers peaks.
    pub fn see(&mut self, portfolio: &Portfolio) {
        let equity = portfolio.equity();
        self.peak = self.peak.max(equity);
        self.day_best = self.day_best.max(self.day(portfolio));
    }

    fn day(&self, portfolio: &Portfolio) -> Money {
        since(portfolio, self.day_start, self.day_start_foreign)
    }

    pub fn figures(&self, capital: Money, portfolio: &Portfolio) -> Figures {
        let earned = portfolio.equity();
        Figures {
            equity: capital + earned,
            peak: capital + self.peak.max(earned),
            day: self.day(portfolio),
            day_best: self.day_best.max(self.day(portfolio)),
            week: since(portfolio, self.week_start, self.week_start_foreign),
        }
    }

    /// Since the trade date began.
    pub fn strategy_day(&self, strategy: StrategyId, portfolio: &Portfolio) -> Money {
        portfolio.earned(strategy) - self.strategies_day_start.get(&strategy).copied().unwrap_or_default()
    }

    pub fn renumber(&mut self, strategy: &impl Fn(StrategyId) -> Option<StrategyId>) {
        let starts = std::mem::take(&mut self.strategies_day_start);
        self.strategies_day_start = starts.into_iter().filter_map(|(id, start)| Some((strategy(id)?, start))).collect();
    }
}

/// What was earned since. What others lose counts; what they gain does not make room for our losses.
fn since(portfolio: &Portfolio, start: Money, start_foreign: Money) -> Money {
    let foreign = portfolio.foreign_equity() - start_foreign;
    portfolio.equity() - start - foreign + foreign.min(Money::ZERO)
}

/// The account at one instant; losses are negative.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Figures {
    /// Capital and everything earned, open positions included.
    pub equity: Money,
    pub peak: Money,
    pub day: Money,
    pub day_best: Money,
    pub week: Money,
}
