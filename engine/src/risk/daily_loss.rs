//! Loss of the trade date, of the account and of one strategy. Source: FIA 2024, 4.2.

use super::Breach;
use crate::config::Limit;
use crate::trade::Money;

pub const RULE: &str = "daily_loss";
pub const STRATEGY_RULE: &str = "strategy_daily_loss";

/// `day`: realised and unrealised, after commission, since the trade date began.
pub fn check(rule: &'static str, day: Money, limit: Limit<Money>) -> Result<(), Breach> {
    match limit {
        Limit::Max(max) if -day >= max => Err(Breach::new(rule, -day, max)),
        Limit::Max(_) | Limit::Off => Ok(()),
    }
}
