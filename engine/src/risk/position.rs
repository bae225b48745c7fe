//! Contracts per symbol in the worst case: the position and every working order, long and short. Source: FIA 2024, 1.2.

use super::{Breach, Candidate, View};
use crate::config::Limit;
use crate::trade::Side;

pub const RULE: &str = "max_position_size";

pub fn check(order: &Candidate, view: &View<'_>, limit: Limit<u32>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    let held = match order.side {
        Side::Buy => view.worst_long,
        Side::Sell => view.worst_short,
    };
    let would_be = held + i64::from(order.quantity);
    if would_be > i64::from(max) { Err(Breach::new(RULE, would_be, max)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm, sell};
    use super::*;

    #[test]
    fn working_orders_count_as_filled() {
        assert_eq!(broken(buy(2), View { worst_long: 3, ..calm() }), None);
        assert_eq!(broken(buy(2), View { worst_long: 4, ..calm() }), Some(RULE));
        assert_eq!(broken(buy(2), View { worst_short: 5, ..calm() }), None, "shorts do not stop a buyer");
        assert_eq!(broken(sell(1), View { worst_short: 5, ..calm() }), Some(RULE));
    }
}
