//! Contracts in one order, and a bracket on the right side of the market. Source: FIA 2024, 1.1.

use super::{Breach, Candidate, View};
use crate::config::Limit;
use crate::trade::Side;

pub const RULE: &str = "order_size";
pub const BRACKET_RULE: &str = "bracket_side";

pub fn check(order: &Candidate, limit: Limit<u32>) -> Result<(), Breach> {
    if order.quantity == 0 {
        return Err(Breach::new(RULE, 0, "at least 1"));
    }
    match limit {
        Limit::Max(max) if order.quantity > max => Err(Breach::new(RULE, order.quantity, max)),
        Limit::Max(_) | Limit::Off => Ok(()),
    }
}

/// A stop beyond the market would fill at once; a target there would be no target.
pub fn check_bracket(order: &Candidate, view: &View) -> Result<(), Breach> {
    let Some(last) = view.last_price else {
        return Err(Breach::new(BRACKET_RULE, "no reference price", "a price of the symbol"));
    };
    let gain = |to: i32| i64::from(order.side.sign()) * (i64::from(to) - i64::from(last.0));
    let side = if order.side == Side::Buy { "below" } else { "above" };
    if gain(order.stop.0) >= 0 {
        let limit = format!("{side} the last price {} (ticks)", last.0);
        return Err(Breach::new(BRACKET_RULE, format!("stop {} (ticks)", order.stop.0), limit));
    }
    match order.target {
        Some(target) if gain(target.0) <= 0 => {
            let limit = format!("beyond the last price {} (ticks)", last.0);
            Err(Breach::new(BRACKET_RULE, format!("target {} (ticks)", target.0), limit))
        }
        Some(_) | None => Ok(()),
    }
}
