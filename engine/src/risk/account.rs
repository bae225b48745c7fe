//! What the account and each strategy have earned and lost since the day, the week and the books began.
//! In: trade dates, and what positions are worth. Out: the figures that loss limits speak of. It outlives a restart.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::market::SymbolId;
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
    strategies: BTreeMap<StrategyId, OfStrategy>,
    /// Orders sent on this trade date, children included.
    orders: u32,
    orders_of_strategies: BTreeMap<StrategyId, u32>,
    orders_of_symbols: BTreeMap<SymbolId, u32>,
}

/// One strategy's amounts, as the account's. One that appears has earned nothing before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct OfStrategy {
    day_start: Money,
    week_start: Money,
    day_best: Money,
    peak: Money,
}

impl OfStrategy {
    fn see(&mut self, earned: Money) {
        self.peak = self.peak.max(earned);
        self.day_best = self.day_best.max(earned - self.day_start);
    }
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
        self.orders_of_strategies.clear();
        self.orders_of_symbols.clear();
        if new_week {
            (self.week_start, self.week_start_foreign) = (equity, self.day_start_foreign);
        }
        for id in portfolio.strategies() {
            let (of, earned) = (self.strategies.entry(id).or_default(), portfolio.earned(id));
            (of.day_start, of.day_best) = (earned, Money::ZERO);
            if new_week {
                of.week_start = earned;
            }
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
        for id in portfolio.strategies() {
            self.strategies.entry(id).or_default().see(portfolio.earned(id));
        }
    }

    /// Of the whole account since the trade date began, what others traded included: what the broker calls its day.
    pub fn day_of_all(&self, portfolio: &Portfolio) -> Money {
        portfolio.equity() - self.day_start
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

    pub fn strategy(&self, strategy: StrategyId, portfolio: &Portfolio) -> StrategyFigures {
        let mut of = self.strategies.get(&strategy).copied().unwrap_or_default();
        let earned = portfolio.earned(strategy);
        of.see(earned);
        StrategyFigures {
            day: earned - of.day_start,
            day_best: of.day_best,
            week: earned - of.week_start,
            fall: of.peak - earned,
            losses_in_row: portfolio.losses_in_row(strategy),
        }
    }

    /// An order is sent; changes of one that is out are none.
    pub fn count_order(&mut self, strategy: StrategyId, symbol: SymbolId) {
        self.orders += 1;
        *self.orders_of_strategies.entry(strategy).or_default() += 1;
        *self.orders_of_symbols.entry(symbol).or_default() += 1;
    }

    /// Orders of this trade date: of everybody, of a strategy, of a symbol.
    pub fn orders(&self, strategy: StrategyId, symbol: SymbolId) -> [u32; 3] {
        let of_strategy = self.orders_of_strategies.get(&strategy).copied().unwrap_or_default();
        [self.orders, of_strategy, self.orders_of_symbols.get(&symbol).copied().unwrap_or_default()]
    }

    /// What has no number any more is forgotten; it still counts in the account's orders.
    pub fn renumber(
        &mut self,
        strategy: &impl Fn(StrategyId) -> Option<StrategyId>,
        symbol: &impl Fn(SymbolId) -> Option<SymbolId>,
    ) {
        self.strategies = moved(&mut self.strategies, strategy);
        self.orders_of_strategies = moved(&mut self.orders_of_strategies, strategy);
        self.orders_of_symbols = moved(&mut self.orders_of_symbols, symbol);
    }
}

fn moved<Id: Ord, T>(from: &mut BTreeMap<Id, T>, to: &impl Fn(Id) -> Option<Id>) -> BTreeMap<Id, T> {
    std::mem::take(from).into_iter().filter_map(|(id, of)| Some((to(id)?, of))).collect()
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

/// One strategy at one instant; losses are negative.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StrategyFigures {
    pub day: Money,
    pub day_best: Money,
    pub week: Money,
    /// From the most that it had ever earned, positive.
    pub fall: Money,
    /// Losing round trips since the last one that did not lose.
    pub losses_in_row: u32,
}
