//! How many contracts an entry gets. In: a [`Size`] (configuration) and a [`Case`] (the books at this instant). Out: whole
//! contracts, rounded down, and why in words; zero means no order.
//! Pure and exact: amounts are [`Money`], fractions whole millionths, and every quotient of integers is rounded down.
//! Absent: limits (risk has those), where the numbers come from (the books), floating point.
//!
//! One method a file. Several methods in one [`Size`] give the smallest of their answers.

mod atr;
mod factor;
mod fixed;
mod fixed_fractional;
mod kelly;
mod margin;
mod risk_per_trade;
#[cfg(test)]
mod tests;
mod volatility_target;

pub use atr::{Atr, AtrTicks};
pub use factor::Factor;

use crate::market::Price;
use crate::trade::Money;

/// The sizing of one strategy: the smallest answer of its parts, never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Size {
    pub parts: Vec<Part>,
}

/// One method with its own upper end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    pub method: Method,
    /// Contracts; `None` leaves the upper end to another part.
    pub max: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Fixed(u32),
    /// The contracts' value is a fraction of equity; more than 1 is leverage.
    FixedFractional {
        fraction: Factor,
    },
    /// A move of `multiple` average true ranges costs a fraction of equity.
    VolatilityTarget {
        fraction: Factor,
        /// Bars of the strategy's length.
        period: u32,
        multiple: Factor,
    },
    /// A fraction of what Kelly's formula says of the strategy's own closed trades, put at risk down to the stop.
    Kelly(Kelly),
    /// Being stopped out costs a fraction of equity.
    RiskPerTrade {
        fraction: Factor,
    },
    /// Margin of the contracts is a fraction of equity.
    Margin {
        fraction: Factor,
        /// For one contract.
        per_contract: Money,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kelly {
    /// Of the full Kelly fraction: one half is usual.
    pub fraction: Factor,
    /// Most of equity that one trade may put at risk.
    pub cap: Factor,
    /// Closed trades without which the formula says nothing yet.
    pub trades_min: u32,
    /// Contracts until then.
    pub contracts_before: u32,
}

impl Method {
    /// As the configuration names it.
    pub fn name(&self) -> &'static str {
        match self {
            Method::Fixed(_) => "fixed",
            Method::FixedFractional { .. } => "fixed_fractional",
            Method::VolatilityTarget { .. } => "volatility_target",
            Method::Kelly(_) => "kelly",
            Method::RiskPerTrade { .. } => "risk_per_trade",
            Method::Margin { .. } => "margin",
        }
    }

    /// Whether the answer grows with equity, and with the strategy's share of the risk budget.
    pub fn uses_equity(&self) -> bool {
        !matches!(self, Method::Fixed(_))
    }
}

/// What the methods may look at. What is not known is `None`, and a method that needs it answers zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    /// Capital and what was earned since, realised and unrealised, after commission.
    pub equity: Option<Money>,
    /// The strategy's share of the risk budget times the number of strategies: 1 is an equal share.
    pub share: Factor,
    /// At which the entry would fill.
    pub price: Option<Price>,
    /// Money of one contract and tick.
    pub tick_value: Money,
    /// From the price to the protective stop; not positive if the stop is on the wrong side.
    pub stop_ticks: Option<i64>,
    pub atr: Option<AtrTicks>,
    pub trades: Trades,
}

/// Closed round trips of the strategy, after commission.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Trades {
    pub wins: u32,
    /// Trips that earned nothing among them.
    pub losses: u32,
    /// Sum over the wins, positive.
    pub profit: Money,
    /// Sum over the losses, positive or zero.
    pub loss: Money,
}

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sized {
    pub contracts: u32,
    /// One clause a part.
    pub why: String,
}

impl Size {
    /// The most that it can ever answer; `None` if nothing ends it.
    pub fn most(&self) -> Option<u32> {
        self.parts.iter().filter_map(Part::most).min()
    }

    pub fn uses_equity(&self) -> bool {
        self.parts.iter().any(|part| part.method.uses_equity())
    }

    /// The period of the average true range that a part asks for.
    pub fn atr_period(&self) -> Option<u32> {
        self.parts.iter().find_map(|part| match part.method {
            Method::VolatilityTarget { period, .. } => Some(period),
            _ => None,
        })
    }

    /// Different periods that its parts ask for.
    pub fn atr_periods(&self) -> usize {
        let periods = self.parts.iter().filter_map(|part| match part.method {
            Method::VolatilityTarget { period, .. } => Some(period),
            _ => None,
        });
        periods.collect::<std::collections::BTreeSet<_>>().len()
    }

    pub fn contracts(&self, case: &Case) -> Sized {
        let answers: Vec<Sized> = self.parts.iter().map(|part| part.contracts(case)).collect();
        let contracts = answers.iter().map(|answer| answer.contracts).min().unwrap_or(0);
        let why: Vec<String> = answers.into_iter().map(|answer| answer.why).collect();
        Sized { contracts, why: why.join("; ") }
    }
}

impl Part {
    fn most(&self) -> Option<u32> {
        match self.method {
            Method::Fixed(contracts) => Some(self.max.map_or(contracts, |max| max.min(contracts))),
            _ => self.max,
        }
    }

    fn contracts(&self, case: &Case) -> Sized {
        let name = self.method.name();
        match (self.answer(case), self.max) {
            (Ok((found, how)), Some(max)) if found > u128::from(max) => {
                Sized { contracts: max, why: format!("{name} {max}, its most ({found}: {how})") }
            }
            (Ok((found, how)), _) => {
                let contracts = u32::try_from(found).unwrap_or(u32::MAX);
                Sized { contracts, why: format!("{name} {contracts} ({how})") }
            }
            (Err(reason), _) => Sized { contracts: 0, why: format!("{name} 0 ({reason})") },
        }
    }

    fn answer(&self, case: &Case) -> Answer {
        match self.method {
            Method::Fixed(contracts) => fixed::contracts(contracts),
            Method::FixedFractional { fraction } => fixed_fractional::contracts(fraction, case),
            Method::VolatilityTarget { fraction, multiple, .. } => {
                volatility_target::contracts(fraction, multiple, case)
            }
            Method::Kelly(kelly) => kelly::contracts(&kelly, case),
            Method::RiskPerTrade { fraction } => risk_per_trade::contracts(fraction, case),
            Method::Margin { fraction, per_contract } => margin::contracts(fraction, per_contract, case),
        }
    }
}

/// Contracts before the upper end, with how they came about; or why there are none.
type Answer = Result<(u128, String), String>;

/// Whole times that `unit` goes into `fraction` x share x equity. `unit` is a product of one to three
/// factors, each in millionths, like the amounts.
fn fits(fraction: Factor, case: &Case, unit: &[i128], what: &str) -> Answer {
    let equity = case.equity.ok_or("equity is not known")?;
    if equity <= Money::ZERO {
        return Err(format!("equity is {equity}"));
    }
    if let Some(factor) = unit.iter().find(|factor| **factor <= 0) {
        return Err(format!("{what} is not positive ({factor})"));
    }
    // The three factors above are in millionths, so three must be below.
    let scale = factor::ONE.checked_pow(u32::try_from(3 - unit.len()).expect("at most three factors"));
    let above = product(&[i128::from(equity.micros()), fraction.millionths(), case.share.millionths()]);
    let below = product(unit).zip(scale).and_then(|(unit, scale)| unit.checked_mul(scale));
    let (Some(above), Some(below)) = (above, below) else {
        return Err("the numbers are out of range".to_owned());
    };
    let times = above.div_euclid(below).unsigned_abs();
    let share = if case.share == Factor::ONE { String::new() } else { format!(" x share {}", case.share) };
    let found = format!("{fraction}{share} of {equity} by {what}");
    match times {
        0 => Err(format!("{found} is less than one contract")),
        times => Ok((times, found)),
    }
}

/// `None` beyond 127 bits.
fn product(factors: &[i128]) -> Option<i128> {
    factors.iter().try_fold(1_i128, |product, factor| product.checked_mul(*factor))
}

/// What one contract loses at the stop.
fn stop_loss(case: &Case) -> Result<Money, String> {
    let ticks = case.stop_ticks.ok_or("the distance to the stop is not known")?;
    if ticks <= 0 {
        return Err(format!("the stop is {ticks} ticks away"));
    }
    case.tick_value
        .micros()
        .checked_mul(ticks)
        .map(Money::from_micros)
        .ok_or_else(|| "the stop is out of range".to_owned())
}
