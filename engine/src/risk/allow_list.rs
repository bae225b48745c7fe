//! Only strategies that run, in the symbol that each is configured for, and only order types that were allowed: no code
//! trades that nobody switched on. Source: FIA 2024, 1.1; the SEC's order on Knight Capital (2013).

use super::{Breach, Candidate, View};
use crate::config::OrderLimits;

pub const RULE: &str = "allow_list";

pub fn check(order: &Candidate, view: &View<'_>, limits: &OrderLimits) -> Result<(), Breach> {
    if !view.enlisted {
        // Who asks for what is told with the refusal.
        return Err(Breach::new(RULE, "this strategy in this instrument", "a strategy that runs, in its own symbol"));
    }
    if limits.allows(order.kind) {
        return Ok(());
    }
    Err(Breach::new(RULE, order.kind.name(), limits.order_types.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, broken_by, buy, calm};
    use super::*;

    #[test]
    fn who_is_not_enlisted_does_not_trade() {
        assert_eq!(broken(buy(1), View { enlisted: false, ..calm() }), Some(RULE));
    }

    #[test]
    fn a_type_that_is_not_on_the_list_is_refused() {
        assert_eq!(broken_by(buy(1), calm(), |l| l.order.order_types = vec!["MKT".into()]), None);
        assert_eq!(broken_by(buy(1), calm(), |l| l.order.order_types = vec!["LMT".into()]), Some(RULE));
    }
}
