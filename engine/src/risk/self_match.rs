//! An entry must not trade with another order of the same account. Source: FIA 2024, 3.5.

use super::{Breach, Candidate, View};
use crate::config::Limit;
use crate::trade::{OrderKind, Side};

pub const RULE: &str = "self_match";

/// Own resting orders on the other side meet the entry where it is ready to trade: a market order takes the best price
/// there is, a limit order what is no worse than its limit. A stop becomes one later, when nobody knows what rests.
pub fn check(order: &Candidate, view: &View<'_>, limit: Limit<()>) -> Result<(), Breach> {
    let (Limit::Max(()), Some(own)) = (limit, view.own_opposite) else { return Ok(()) };
    let (touch, sign) = match order.side {
        Side::Buy => (view.mark.ask, 1),
        Side::Sell => (view.mark.bid, -1),
    };
    let ready = match order.kind {
        OrderKind::Limit(price) => Some(price),
        OrderKind::Market => touch.or(view.mark.last),
        OrderKind::Stop(_) | OrderKind::StopLimit { .. } => return Ok(()),
    };
    let meets = ready.is_none_or(|ready| sign * (i64::from(ready.0) - i64::from(own.0)) >= 0);
    if meets { Err(Breach::new(RULE, format!("own order at {} (ticks)", own.0), "none that it meets")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm, sell};
    use super::*;
    use crate::market::Price;

    #[test]
    fn an_own_order_in_the_way_refuses() {
        let own = |price| View { own_opposite: Some(Price(price)), ..calm() };
        assert_eq!((broken(buy(1), own(20_001)), broken(buy(1), own(20_000))), (None, Some(RULE)));
        assert_eq!((broken(sell(1), own(19_998)), broken(sell(1), own(19_999))), (None, Some(RULE)));
        let limit = |price| Candidate { kind: OrderKind::Limit(Price(price)), ..buy(1) };
        assert_eq!((broken(limit(20_004), own(20_005)), broken(limit(20_005), own(20_005))), (None, Some(RULE)));
    }
}
