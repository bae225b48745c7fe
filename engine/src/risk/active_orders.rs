//! Orders resting at the broker per contract and side. Interactive Brokers refuses the twenty-first.
//! Source: its page on order limitations.

use super::{Breach, Candidate, View};

pub const RULE: &str = "active_orders";

/// A bracket adds its entry on one side, and its children on the other.
pub fn check(order: &Candidate, view: &View<'_>, max: u32) -> Result<(), Breach> {
    let would_be = [view.resting[0] + 1, view.resting[1] + order.tickets() - 1];
    match would_be.into_iter().max() {
        Some(most) if most > max => Err(Breach::new(RULE, most, max)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm};
    use super::*;

    #[test]
    fn each_side_has_its_own_count() {
        let resting = |same, other| View { resting: [same, other], ..calm() };
        assert_eq!((broken(buy(1), resting(14, 0)), broken(buy(1), resting(15, 0))), (None, Some(RULE)));
        assert_eq!((broken(buy(1), resting(0, 13)), broken(buy(1), resting(0, 14))), (None, Some(RULE)));
    }
}
