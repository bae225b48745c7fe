//! Contracts per symbol in the worst case: the position and every working order, long and short. Source: FIA 2024, 1.2.

use super::{Breach, Candidate, View};
use crate::config::Limit;
use crate::trade::Side;

pub const RULE: &str = "max_position_size";

pub fn check(order: &Candidate, view: &View, limit: Limit<u32>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    let held = match order.side {
        Side::Buy => view.worst_long,
        Side::Sell => view.worst_short,
    };
    let would_be = held + i64::from(order.quantity);
    if would_be > i64::from(max) { Err(Breach::new(RULE, would_be, max)) } else { Ok(()) }
}
