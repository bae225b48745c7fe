//! Contracts in one order, and a bracket on the right side of the market. Source: FIA 2024, 1.1.

use super::{Breach, Candidate, View};
use crate::config::Limit;
use crate::trade::Side;

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

/// A stop beyond the market would fill at once; a target there would be no target.
pub fn check_bracket(order: &Candidate, view: &View<'_>) -> Result<(), Breach> {
    if order.stop.is_none() && order.target.is_none() {
        return Ok(());
    }
    let Some(last) = view.mark.last.or(view.mark.bid).or(view.mark.ask) else {
        return Err(Breach::new(BRACKET_RULE, "no reference price", "a price of the symbol"));
    };
    let gain = |to: i32| i64::from(order.side.sign()) * (i64::from(to) - i64::from(last.0));
    let side = if order.side == Side::Buy { "below" } else { "above" };
    if let Some(stop) = order.stop.filter(|stop| gain(stop.0) >= 0) {
        let limit = format!("{side} the last price {} (ticks)", last.0);
        return Err(Breach::new(BRACKET_RULE, format!("stop {} (ticks)", stop.0), limit));
    }
    match order.target {
        Some(target) if gain(target.0) <= 0 => {
            let limit = format!("beyond the last price {} (ticks)", last.0);
            Err(Breach::new(BRACKET_RULE, format!("target {} (ticks)", target.0), limit))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm, sell};
    use super::*;
    use crate::market::Price;

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
}
