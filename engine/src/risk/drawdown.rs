//! Fall of equity from its peak, as a part of the peak and in money; of what a strategy earned, in money. Source: FIA 2024, 4.2.

use super::Breach;
use super::account::Figures;
use crate::config::Limit;
use crate::trade::{Fraction, Money};

pub const RULE: &str = "max_drawdown";
pub const TRAILING_RULE: &str = "trailing_drawdown";
pub const STRATEGY_RULE: &str = "strategy_drawdown";

pub fn check(figures: &Figures, limit: Limit<Fraction>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    let (fall, allowed) = (figures.peak - figures.equity, max.of(figures.peak));
    if fall > Money::ZERO && fall >= allowed {
        return Err(Breach::new(RULE, fall, format!("{allowed} ({max} of {})", figures.peak)));
    }
    Ok(())
}

/// `fall` from the peak.
pub fn check_fall(rule: &'static str, fall: Money, limit: Limit<Money>) -> Result<(), Breach> {
    match limit {
        Limit::Max(max) if fall >= max => Err(Breach::new(rule, fall, max)),
        Limit::Max(_) | Limit::Off => Ok(()),
    }
}
