//! Losing round trips in a row of one strategy: what it believes of the market is not so any more.

use super::Breach;
use crate::config::Limit;

pub const RULE: &str = "consecutive_losses";

pub fn check(in_row: u32, limit: Limit<u32>) -> Result<(), Breach> {
    match limit {
        Limit::Max(max) if in_row >= max => Err(Breach::new(RULE, in_row, max)),
        Limit::Max(_) | Limit::Off => Ok(()),
    }
}
