//! What an order and everything together is worth. Source: FIA 2024, 1.1 and 4.2; MiFID RTS 6, article 15.

use super::{Breach, Candidate, View};
use crate::config::Limit;
use crate::trade::Money;

pub const ORDER_RULE: &str = "order_notional";
pub const RULE: &str = "gross_exposure";

/// `None` without a price.
fn value(order: &Candidate, view: &View<'_>) -> Option<Money> {
    let price = order.price(&view.mark)?;
    Some(view.tick_value * (i64::from(price.0) * i64::from(order.quantity)))
}

pub fn check_order(order: &Candidate, view: &View<'_>, limit: Limit<Money>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    match value(order, view) {
        None => Err(Breach::new(ORDER_RULE, "no price", max)),
        Some(value) if value > max => Err(Breach::new(ORDER_RULE, value, max)),
        Some(_) => Ok(()),
    }
}

pub fn check_all(order: &Candidate, view: &View<'_>, limit: Limit<Money>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    let (Some(own), Some(others)) = (value(order, view), view.exposure) else {
        return Err(Breach::new(RULE, "a price is missing", max));
    };
    let would_be = others + own;
    if would_be > max { Err(Breach::new(RULE, would_be, max)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, broken_by, buy, calm, dollars};
    use super::*;

    #[test]
    fn one_order_may_be_worth_so_much() {
        let at_most = |amount| broken_by(buy(2), calm(), |l| l.order.order_notional_max = Limit::Max(dollars(amount)));
        assert_eq!((at_most(500_000), at_most(499_999)), (None, Some(ORDER_RULE)), "two contracts at 20,000 ticks");
    }

    #[test]
    fn without_a_price_nobody_knows_what_an_order_is_worth() {
        let view = View { mark: crate::portfolio::Mark::default(), ..calm() };
        let limit = Limit::Max(dollars(1_000_000));
        let rule = |checked: Result<(), Breach>| checked.err().map(|breach| breach.rule);
        assert_eq!(rule(check_order(&buy(1), &view, limit)), Some(ORDER_RULE));
        assert_eq!(rule(check_all(&buy(1), &view, limit)), Some(RULE));
    }

    #[test]
    fn everything_together_may_be_worth_so_much() {
        let with = |amount| View { exposure: Some(dollars(amount)), ..calm() };
        assert_eq!((broken(buy(1), with(1_750_000)), broken(buy(1), with(1_750_001))), (None, Some(RULE)));
        assert_eq!(broken(buy(1), View { exposure: None, ..calm() }), Some(RULE));
    }
}
