//! Margin that is needed if everything that works fills, as a part of equity. Source: FIA 2024, 4.2.

use super::{Breach, Candidate, View};
use crate::config::Limit;
use crate::trade::Fraction;

pub const RULE: &str = "margin";

pub fn check(order: &Candidate, view: &View<'_>, limit: Limit<Fraction>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    let allowed = max.of(view.equity);
    let (Some(rate), Some(used)) = (view.margin, view.margin_used) else {
        return Err(Breach::new(RULE, "no margin rate", format!("{allowed} ({max} of {})", view.equity)));
    };
    let would_be = used + rate * i64::from(order.quantity);
    if would_be > allowed {
        return Err(Breach::new(RULE, would_be, format!("{allowed} ({max} of {})", view.equity)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm, dollars};
    use super::*;

    #[test]
    fn margin_is_held_back() {
        // Half of 100,000 is for margin, and two contracts need 50,000.
        let used = |amount| View { margin_used: Some(dollars(amount)), ..calm() };
        assert_eq!((broken(buy(2), used(0)), broken(buy(2), used(1))), (None, Some(RULE)));
        assert_eq!(broken(buy(1), View { margin: None, ..calm() }), Some(RULE));
        assert_eq!(broken(buy(1), View { margin_used: None, ..calm() }), Some(RULE));
    }
}
