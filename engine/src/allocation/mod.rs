//! Who gets how much of the risk budget. In: what each strategy earned, day by day, and [`Settings`]. Out: weights that
//! add up to one, and why in words and numbers.
//! One method a file; `prepare` finds who can be judged, `limits` caps what a method found, `report` explains.
//! Absent: where the days come from and what a weight does (the books), orders, clocks, randomness.
//!
//! A strategy of which too little is known gets an equal part, and the method shares the rest among the others.

mod equal;
mod hierarchical;
mod history;
mod inverse_volatility;
mod limits;
mod matrix;
mod mean_variance;
mod prepare;
mod report;
mod risk_parity;
#[cfg(test)]
mod tests;

pub use history::{DAYS_MAX, Day, Earned, History, Share, Shares};
use serde::{Deserialize, Serialize};

use crate::sizing::Factor;
use matrix::Statistics;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Method {
    Equal,
    InverseVolatility,
    RiskParity,
    HierarchicalRiskParity,
    MeanVariance,
}

impl Method {
    pub const ALL: [Method; 5] = [
        Method::Equal,
        Method::InverseVolatility,
        Method::RiskParity,
        Method::HierarchicalRiskParity,
        Method::MeanVariance,
    ];

    /// As the configuration names it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Equal => "equal",
            Method::InverseVolatility => "inverse_volatility",
            Method::RiskParity => "risk_parity",
            Method::HierarchicalRiskParity => "hierarchical_risk_parity",
            Method::MeanVariance => "mean_variance",
        }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    pub method: Method,
    /// Days that are looked at, the newest ones.
    pub lookback_days: usize,
    /// Days without which a strategy is not judged; at least 2.
    pub history_days_min: usize,
    /// Strategies whose correlation is above share one budget; 1 shares nothing.
    pub correlation_max: f64,
    /// Least weight of a strategy that is judged, for mean-variance.
    pub weight_min: f64,
}

/// One strategy's days, oldest first. All series have the same days.
#[derive(Clone, PartialEq, Debug)]
pub struct Series {
    pub name: String,
    /// Profit of a day after commission, for one unit of the risk budget; `None` where it did not run.
    pub days: Vec<Option<f64>>,
    /// Most weight, from 0 to 1.
    pub cap: f64,
}

/// The answer, strategies in the order in which they were given.
#[derive(Clone, PartialEq, Debug)]
pub struct Allocation {
    pub method: Method,
    /// Days that the method saw of every strategy it judged.
    pub days: usize,
    pub lines: Vec<Line>,
    /// What did not go as configured.
    pub notes: Vec<String>,
}

/// One strategy.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    pub name: String,
    /// Rounded down to a millionth: all together may be a few millionths less than one.
    pub weight: Factor,
    /// Weight times the number of strategies: what its size is multiplied by.
    pub share: Factor,
    /// Mean and sample deviation of its days; `None` for fewer than two.
    pub mean: Option<f64>,
    pub volatility: Option<f64>,
    /// Its part of the variance of all that were judged together.
    pub risk: Option<f64>,
    pub why: String,
}

/// Weights of those that a method judged, adding up to one, each with its reason.
type Found = Result<Vec<(f64, String)>, String>;

/// Weights for every series.
pub fn allocate(settings: &Settings, series: &[Series]) -> Allocation {
    let judged = prepare::judge(settings, series);
    let mut notes = judged.notes.clone();
    let mut lines: Vec<(f64, String)> =
        judged.aside.iter().map(|why| (part(1, series.len()), why.clone().unwrap_or_default())).collect();
    let groups = limits::groups(&judged, settings.correlation_max);
    let together = prepare::grouped(&judged, &groups);
    let found =
        by_method(settings, &together, &limits::group_caps(series, &judged, &groups)).unwrap_or_else(|reason| {
            notes.push(format!("{}: {reason}; equal weights instead", settings.method.name()));
            equal::weights(together.len())
        });
    let budget = part(judged.who.len(), series.len());
    for (group, (weight, why)) in groups.iter().zip(found) {
        let shared = limits::explain_group(series, &judged, group, settings.correlation_max);
        for &member in group {
            lines[judged.who[member]] = (budget * weight * part(1, group.len()), format!("{why}{shared}"));
        }
    }
    limits::cap(series, &mut lines);
    report::allocation(settings.method, series, &judged, lines, notes)
}

fn by_method(settings: &Settings, together: &Statistics, caps: &[f64]) -> Found {
    match settings.method {
        Method::Equal => Ok(equal::weights(together.len())),
        // One alone has everything.
        _ if together.len() < 2 => Ok(equal::weights(together.len())),
        Method::InverseVolatility => inverse_volatility::weights(together),
        Method::RiskParity => risk_parity::weights(together),
        Method::HierarchicalRiskParity => hierarchical::weights(together),
        Method::MeanVariance => mean_variance::weights(together, settings.weight_min, caps),
    }
}

fn part(of: usize, all: usize) -> f64 {
    of as f64 / all.max(1) as f64
}
