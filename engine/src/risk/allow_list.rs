//! Only order types that were allowed. Symbols are allowed by being configured. Source: FIA 2024, 1.1.

use super::{Breach, Candidate};
use crate::config::OrderLimits;

pub const RULE: &str = "allow_list";

pub fn check(order: &Candidate, limits: &OrderLimits) -> Result<(), Breach> {
    if limits.allows(order.kind) {
        return Ok(());
    }
    Err(Breach::new(RULE, order.kind.name(), limits.order_types.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken_by, buy, calm};
    use super::*;

    #[test]
    fn a_type_that_is_not_on_the_list_is_refused() {
        assert_eq!(broken_by(buy(1), calm(), |l| l.order.order_types = vec!["MKT".into()]), None);
        assert_eq!(broken_by(buy(1), calm(), |l| l.order.order_types = vec!["LMT".into()]), Some(RULE));
    }
}
