//! A limit is not far on the bad side of the quote. Whether it is a price at all: `super::price_sanity`.
//! Source: FIA 2024, 1.3 and 2.1; MiFID RTS 6, article 15.

use super::{Breach, Candidate, View};
use crate::config::Limit;

pub const RULE: &str = "price_collar";

pub fn check(order: &Candidate, view: &View<'_>, limit: Limit<u32>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    let Some(reference) = order.reference(&view.mark) else {
        return Err(Breach::new(RULE, "no reference price", "a price of the symbol"));
    };
    let Some(price) = order.kind.limit_price() else { return Ok(()) };
    let beyond = i64::from(order.side.sign()) * (i64::from(price.0) - i64::from(reference.0));
    if beyond > i64::from(max) {
        let value = format!("{beyond} ticks beyond {}", reference.0);
        return Err(Breach::new(RULE, value, format!("{max} ticks")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, broken_by, buy, calm, sell};
    use super::*;
    use crate::market::Price;
    use crate::portfolio::Mark;
    use crate::trade::OrderKind;

    fn at(order: Candidate, price: i32) -> Candidate {
        Candidate { kind: OrderKind::Limit(Price(price)), ..order }
    }

    #[test]
    fn a_limit_far_beyond_the_quote_is_refused_on_either_side() {
        assert_eq!((broken(at(buy(1), 20_008), calm()), broken(at(buy(1), 20_009), calm())), (None, Some(RULE)));
        assert_eq!((broken(at(sell(1), 19_991), calm()), broken(at(sell(1), 19_990), calm())), (None, Some(RULE)));
        assert_eq!(broken(at(buy(1), 19_995), calm()), None, "waiting for a better price is no danger");
    }

    #[test]
    fn the_limit_of_a_stop_limit_is_one_and_without_the_rule_it_may_lie_anywhere() {
        let both = |limit| OrderKind::StopLimit { stop: Price(20_001), limit: Price(limit) };
        let order = |limit| Candidate { kind: both(limit), ..buy(1) };
        assert_eq!((broken(order(20_008), calm()), broken(order(20_009), calm())), (None, Some(RULE)));
        let without = |l: &mut crate::config::RiskConfig| l.order.price_collar_ticks_max = Limit::Off;
        assert_eq!(broken_by(at(buy(1), 20_100), calm(), without), None);
        let last = View { mark: Mark { ask: None, bid: None, ..calm().mark }, ..calm() };
        assert_eq!((broken(at(buy(1), 20_008), last), broken(at(buy(1), 20_009), last)), (None, Some(RULE)));
    }
}
