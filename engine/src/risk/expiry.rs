//! No entry into a contract that is about to end. Source: FIA 2024, 1.6: physical delivery and cash settlement are nobody's
//! plan here.

use super::{Breach, View};
use crate::config::Limit;

pub const RULE: &str = "days_to_expiry";

/// A contract that does not name its last day (the front month, resolved by the broker) is not refused.
pub fn check(view: &View<'_>, min: Limit<u32>) -> Result<(), Breach> {
    match (min, view.days_to_expiry) {
        (Limit::Max(min), Some(days)) if days < i64::from(min) => {
            Err(Breach::new(RULE, format!("{days} days"), format!("at least {min}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm};
    use super::*;

    #[test]
    fn the_last_days_of_a_contract_refuse() {
        let days = |days| View { days_to_expiry: Some(days), ..calm() };
        assert_eq!((broken(buy(1), days(2)), broken(buy(1), days(1))), (None, Some(RULE)));
        assert_eq!(broken(buy(1), days(-1)), Some(RULE));
    }
}
