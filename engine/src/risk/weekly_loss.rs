//! Loss since Monday, of the account and of one strategy. Source: FIA 2024, 4.2.

use super::Breach;
use crate::config::Limit;
use crate::trade::Money;

pub const RULE: &str = "weekly_loss";
pub const STRATEGY_RULE: &str = "strategy_weekly_loss";

/// `week`: realised and unrealised, after commission, since the week of trade dates began.
pub fn check(rule: &'static str, week: Money, limit: Limit<Money>) -> Result<(), Breach> {
    match limit {
        Limit::Max(max) if -week >= max => Err(Breach::new(rule, -week, max)),
        Limit::Max(_) | Limit::Off => Ok(()),
    }
}
