//! Contracts in one order, and a bracket on the right side of the market. Source: FIA 2024, 1.1.

use super::{Breach, Candidate, View};
use crate::config::Limit;
use crate::market::Price;
use crate::trade::{OrderKind, Side};

pub const RULE: &str = "order_size";
pub const BRACKET_RULE: &str = "bracket_side";
pub const PROTECTION_RULE: &str = "unprotected";

pub fn check(order: &Candidate, limit: Limit<u32>) -> Result<(), Breach> {
    if order.quantity == 0 {
        return Err(Breach::new(RULE, 0, "at least 1"));
    }
    match limit {
        Limit::Max(max) if order.quantity > max => Err(Breach::new(RULE, order.quantity, max)),
        Limit::Max(_) | Limit::Off => Ok(()),
    }
}

/// Every entry carries a stop.
pub fn check_protection(order: &Candidate, view: &View<'_>) -> Result<(), Breach> {
    if order.stop.is_none() && !view.unprotected_allowed {
        return Err(Breach::new(PROTECTION_RULE, "no stop", "a protective stop"));
    }
    Ok(())
}

/// A stop beyond the price at which the position begins would fill at once; a target there would be no target.
pub fn check_bracket(order: &Candidate, view: &View<'_>) -> Result<(), Breach> {
    if order.stop.is_none() && order.target.is_none() {
        return Ok(());
    }
    let Some(begin) = beginning(order, view) else {
        return Err(Breach::new(BRACKET_RULE, "no reference price", "a price of the symbol"));
    };
    let gain = |to: i32| i64::from(order.side.sign()) * (i64::from(to) - i64::from(begin.0));
    let side = if order.side == Side::Buy { "below" } else { "above" };
    if let Some(stop) = order.stop.filter(|stop| gain(stop.0) >= 0) {
        let limit = format!("{side} the price of the entry {} (ticks)", begin.0);
        return Err(Breach::new(BRACKET_RULE, format!("stop {} (ticks)", stop.0), limit));
    }
    match order.target {
        Some(target) if gain(target.0) <= 0 => {
            let limit = format!("beyond the price of the entry {} (ticks)", begin.0);
            Err(Breach::new(BRACKET_RULE, format!("target {} (ticks)", target.0), limit))
        }
        Some(_) | None => Ok(()),
    }
}

/// The best price at which the entry may fill: that of the market, or its own if it waits for that.
fn beginning(order: &Candidate, view: &View<'_>) -> Option<Price> {
    let better = |a: Price, b: Price| if order.side == Side::Buy { a.min(b) } else { a.max(b) };
    // The last trade may be older than the quote.
    let touch = if order.side == Side::Buy { view.mark.ask } else { view.mark.bid };
    let last = view.mark.last.into_iter().chain(touch).reduce(better).or(view.mark.bid).or(view.mark.ask)?;
    Some(match order.kind {
        OrderKind::Market => last,
        OrderKind::Limit(limit) => better(limit, last),
        OrderKind::Stop(stop) => stop,
        OrderKind::StopLimit { stop, limit } => better(stop, limit),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm, sell};
    use super::*;
    use crate::portfolio::Mark;

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert_eq!((broken(buy(2), calm()), broken(buy(3), calm())), (None, Some(RULE)));
        assert_eq!(broken(buy(0), calm()), Some(RULE));
    }

    #[test]
    fn an_entry_without_a_stop_is_refused_unless_a_backtest_allows_it() {
        let bare = Candidate { stop: None, target: None, ..buy(1) };
        assert_eq!(broken(bare, calm()), Some(PROTECTION_RULE));
        let allowed = View { unprotected_allowed: true, ..calm() };
        assert_eq!(broken(Candidate { quantity: 3, ..bare }, allowed), Some(RULE), "limits hold as ever");
        assert_eq!(broken(bare, allowed), Some("max_portfolio_risk"), "without a stop nobody knows what is at stake");
    }

    #[test]
    fn a_bracket_on_the_wrong_side_is_refused() {
        assert_eq!(broken(Candidate { stop: Some(Price(20_000)), ..buy(1) }, calm()), Some(BRACKET_RULE));
        assert_eq!(broken(Candidate { stop: Some(Price(19_999)), ..buy(1) }, calm()), None);
        assert_eq!(broken(Candidate { target: Some(Price(20_000)), ..buy(1) }, calm()), Some(BRACKET_RULE));
        assert_eq!(broken(Candidate { stop: Some(Price(20_000)), ..sell(1) }, calm()), Some(BRACKET_RULE));
    }

    #[test]
    fn the_bracket_of_an_entry_that_waits_goes_by_its_own_price() {
        let waits =
            |kind, stop, target| Candidate { kind, stop: Some(Price(stop)), target: Some(Price(target)), ..buy(1) };
        // Between the limit and the market: it would be hit by the fill itself.
        let limit = OrderKind::Limit(Price(19_990));
        assert_eq!(broken(waits(limit, 19_990, 20_020), calm()), Some(BRACKET_RULE));
        assert_eq!(broken(waits(limit, 19_989, 19_991), calm()), None, "a target below the market is one");
        assert_eq!(broken(waits(limit, 19_989, 19_990), calm()), Some(BRACKET_RULE));
        let marketable = OrderKind::Limit(Price(20_008));
        assert_eq!(broken(waits(marketable, 20_000, 20_020), calm()), Some(BRACKET_RULE));
        let stop = OrderKind::Stop(Price(20_010));
        assert_eq!(broken(waits(stop, 20_009, 20_020), calm()), None, "it begins above the market");
        assert_eq!(broken(waits(stop, 20_010, 20_020), calm()), Some(BRACKET_RULE));
        let both = OrderKind::StopLimit { stop: Price(20_006), limit: Price(20_008) };
        assert_eq!(broken(waits(both, 20_005, 20_020), calm()), None);
        assert_eq!(broken(waits(both, 20_006, 20_020), calm()), Some(BRACKET_RULE));
        let old = View { mark: Mark { last: Some(Price(20_003)), ..calm().mark }, ..calm() };
        assert_eq!(
            broken(Candidate { stop: Some(Price(20_000)), ..buy(1) }, old),
            Some(BRACKET_RULE),
            "the quote is 20,000"
        );
        let short = Candidate { kind: OrderKind::Limit(Price(20_010)), stop: Some(Price(20_010)), ..sell(1) };
        assert_eq!(broken(short, calm()), Some(BRACKET_RULE));
        assert_eq!(broken(Candidate { stop: Some(Price(20_011)), ..short }, calm()), None);
    }
}
