//! Every price of an entry, and every price that it is judged by, is one that can be: there, and greater than nothing.
//! Nothing switches this off: what the other rules say of a price that cannot be means nothing. Source: FIA 2024, 3.1.

use super::{Breach, Candidate, View};
use crate::market::Price;

pub const RULE: &str = "price_sanity";

pub fn check(order: &Candidate, view: &View<'_>) -> Result<(), Breach> {
    let named = [order.kind.limit_price(), order.kind.stop_price(), order.stop, order.target];
    all_possible("", named)?;
    let mark = &view.mark;
    all_possible("reference ", [mark.last, mark.bid, mark.ask])?;
    match order.reference(mark) {
        Some(_) => Ok(()),
        None => Err(Breach::new(RULE, "no reference price", "a price of the symbol")),
    }
}

fn all_possible<const N: usize>(what: &str, prices: [Option<Price>; N]) -> Result<(), Breach> {
    match prices.into_iter().flatten().find(|price| price.0 <= 0) {
        Some(price) => Err(Breach::new(RULE, format!("{what}{} (ticks)", price.0), "more than 0")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken_by, buy, calm, sell};
    use super::*;
    use crate::config::{Limit, RiskConfig};
    use crate::portfolio::Mark;
    use crate::trade::OrderKind;

    /// With and without the collar, which is another rule.
    fn rules(order: Candidate, mark: Mark) -> [Option<&'static str>; 2] {
        let without = |limits: &mut RiskConfig| limits.order.price_collar_ticks_max = Limit::Off;
        let view = View { mark, ..calm() };
        [broken_by(order, view, |_| ()), broken_by(order, view, without)]
    }

    #[test]
    fn a_price_of_nothing_or_less_is_refused_with_the_collar_and_without() {
        let limit = |price| Candidate { kind: OrderKind::Limit(Price(price)), stop: None, target: None, ..buy(1) };
        let mark = calm().mark;
        assert_eq!(rules(limit(1), mark), [Some("unprotected"); 2], "a price of one tick is one");
        assert_eq!((rules(limit(0), mark), rules(limit(-1), mark)), ([Some(RULE); 2], [Some(RULE); 2]));
        let both = |stop, limit| OrderKind::StopLimit { stop: Price(stop), limit: Price(limit) };
        for kind in [OrderKind::Stop(Price(0)), both(0, 20_001), both(20_001, 0)] {
            assert_eq!(rules(Candidate { kind, ..buy(1) }, mark), [Some(RULE); 2], "{kind:?}");
        }
        assert_eq!(rules(Candidate { stop: Some(Price(0)), ..buy(1) }, mark), [Some(RULE); 2]);
        assert_eq!(rules(Candidate { target: Some(Price(0)), ..sell(1) }, mark), [Some(RULE); 2]);
    }

    #[test]
    fn a_reference_that_is_missing_or_cannot_be_is_refused_with_the_collar_and_without() {
        let mark = calm().mark;
        assert_eq!(rules(buy(1), mark), [None; 2]);
        assert_eq!(rules(buy(1), Mark::default()), [Some(RULE); 2]);
        assert_eq!(rules(buy(1), Mark { last: None, ask: None, ..mark }), [Some(RULE); 2], "a bid sells nothing");
        assert_eq!(rules(sell(1), Mark { last: None, ask: None, ..mark }), [None; 2]);
        for price in [0, -1] {
            let price = Some(Price(price));
            for mark in [Mark { last: price, ..mark }, Mark { bid: price, ..mark }, Mark { ask: price, ..mark }] {
                assert_eq!(rules(buy(1), mark), [Some(RULE); 2], "{mark:?}");
            }
        }
    }
}
