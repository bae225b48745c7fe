//! Equity over time. In: a run. Out: equity at each bar's end and at the end of each trade date, and returns of these.
//! Equity is capital, plus what fills received, less what they paid and cost, plus what is open at the last close: exact.
//! Absent: statistics.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::prelude::ToPrimitive;

use super::calendar::Dated;
use super::run::Run;
use crate::market::{Price, SymbolId};
use crate::time::Timestamp;
use crate::time::session::SessionCursor;
use crate::trade::{Money, StrategyId};

/// Equity after everything that happened until `at`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    pub at: Timestamp,
    pub equity: Money,
    /// Contracts held, long and short added up.
    pub contracts: u64,
}

/// Equity over the whole run: the first point is the capital at the begin.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Curve {
    pub points: Vec<Point>,
}

/// The account's, or of one strategy with the same capital.
pub fn curve(run: &Run, of: Option<StrategyId>) -> Curve {
    let is_mine = |strategy: StrategyId| of.is_none_or(|id| id == strategy);
    let mut holding = Holding::default();
    for held in run.carried.iter().filter(|held| is_mine(held.strategy)) {
        holding.cash -= held.cost;
        *holding.positions.entry(held.symbol).or_default() += held.quantity;
        holding.carried.push((held.symbol, held.quantity, held.cost));
    }
    let mut points = vec![Point { at: run.started, equity: run.capital, contracts: 0 }];
    // A fill is stamped with the second in which it happened; one at a bar's end belongs to the next bar.
    let mut fills: Vec<_> = run.fills.iter().filter(|costed| is_mine(costed.fill.strategy)).collect();
    fills.sort_by_key(|costed| costed.fill.at);
    let mut fills = fills.into_iter().peekable();
    // The account's, and nobody's strategy's.
    let mut interest = run.interest.iter().filter(|_| of.is_none()).peekable();
    for bar in &run.bars {
        while let Some(row) = interest.next_if(|row| row.at < bar.end()) {
            holding.cash += row.amount;
        }
        while let Some(costed) = fills.next_if(|costed| costed.fill.at < bar.end()) {
            holding.fill(run, costed);
        }
        holding.marks.insert(bar.symbol, bar.close);
        holding.tell(run, bar.end(), &mut points);
    }
    for costed in fills {
        holding.fill(run, costed);
        holding.tell(run, costed.fill.at, &mut points);
    }
    for row in interest {
        holding.cash += row.amount;
        let last = points.last().map_or(row.at, |point| point.at);
        holding.tell(run, row.at.max(last), &mut points);
    }
    Curve { points }
}

#[derive(Default)]
struct Holding {
    cash: Money,
    positions: BTreeMap<SymbolId, i64>,
    marks: BTreeMap<SymbolId, Price>,
    /// Worth their cost until there is a price.
    carried: Vec<(SymbolId, i64, Money)>,
}

impl Holding {
    fn fill(&mut self, run: &Run, costed: &super::run::CostedFill) {
        let fill = &costed.fill;
        let signed = i64::from(fill.side.sign()) * i64::from(fill.quantity);
        let value = run.instrument(fill.symbol).tick_value() * (i64::from(fill.price.0) * signed);
        self.cash -= value + costed.commission.unwrap_or_default();
        *self.positions.entry(fill.symbol).or_default() += signed;
        self.marks.insert(fill.symbol, fill.price);
    }

    fn tell(&self, run: &Run, at: Timestamp, points: &mut Vec<Point>) {
        let worth = |(symbol, quantity): (&SymbolId, &i64)| match self.marks.get(symbol) {
            Some(price) => run.instrument(*symbol).tick_value() * (i64::from(price.0) * quantity),
            None => self.carried.iter().filter(|(s, _, _)| s == symbol).map(|(_, _, cost)| *cost).sum(),
        };
        let equity = run.capital + self.cash + self.positions.iter().map(worth).sum::<Money>();
        let contracts = self.positions.values().map(|quantity| quantity.unsigned_abs()).sum();
        let point = Point { at, equity, contracts };
        // The first point is the begin and stays.
        match points.split_first_mut().and_then(|(_, after)| after.last_mut()) {
            Some(last) if last.at == at => *last = point,
            _ => points.push(point),
        }
    }
}

impl Curve {
    /// In account currency, for statistics and drawings.
    pub fn values(&self) -> Vec<f64> {
        self.points.iter().map(|point| dollars(point.equity)).collect()
    }

    /// Simple return from each point to the next. Empty when equity was not positive all the time: a loss of more than
    /// everything has no return.
    pub fn returns(&self) -> Vec<f64> {
        returns(&self.values())
    }

    /// The last point of each trade date, oldest first, without the begin.
    pub fn daily(&self, run: &Run) -> Vec<(NaiveDate, Money)> {
        let mut cursor = SessionCursor::new(run.calendar());
        let mut days: Vec<(NaiveDate, Money)> = Vec::new();
        for point in self.points.iter().skip(1) {
            // A point at a session's very end belongs to what just ended.
            let date = cursor.trade_date(point.at - std::time::Duration::from_nanos(1));
            match days.last_mut() {
                Some((last, equity)) if *last == date => *equity = point.equity,
                _ => days.push((date, point.equity)),
            }
        }
        days
    }

    /// Simple return of each trade date on the equity before it; as [`Curve::returns`] otherwise.
    pub fn daily_returns(&self, run: &Run) -> Vec<Dated> {
        let days = self.daily(run);
        let values: Vec<f64> =
            std::iter::once(run.capital).chain(days.iter().map(|(_, equity)| *equity)).map(dollars).collect();
        days.iter().zip(returns(&values)).map(|((date, _), value)| Dated { date: *date, value }).collect()
    }

    /// The share of points at which something was held.
    pub fn exposure(&self) -> Option<f64> {
        let after = self.points.get(1..).filter(|points| !points.is_empty())?;
        Some(after.iter().filter(|point| point.contracts > 0).count() as f64 / after.len() as f64)
    }
}

fn returns(values: &[f64]) -> Vec<f64> {
    if values.iter().any(|value| *value <= 0.0) {
        return Vec::new();
    }
    values.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect()
}

/// Money as a binary float, for statistics: never for a ledger.
pub fn dollars(amount: Money) -> f64 {
    amount.to_decimal().to_f64().expect("an amount of money has few digits")
}
