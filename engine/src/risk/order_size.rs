//! Contracts in one order, and a bracket on the right side of the market. Source: FIA 2024, 1.1.

use super::{Breach, Candidate, View};
use crate::config::Limit;
use crate::trade::Side;

pub const RULE: &str = "order_size";
pub const BRACKET_RULE: &str = "bracket_side";

pub fn check(order: &Candidate, limit: Limit<u32>) -> Result<(), Breach> {
    if order.quantity == 0 {
        return Err(Breach::new(RULE, 0, "at least 1"));
    }
    match limit {
        Limit::Max(max) if order.quantity > max => Err(Breach::new(RULE, order.quantity, max)),
        Limit::Max(_) | Limit::Off => Ok(()),
    }
}

/// A stop beyond the market would fill at once; a target there would be no target.
pub fn check_bracket(order: &Candidate, view: &View<'_>) -> Result<(), Breach> {
    let Some(last) = view.mark.last.or(view.mark.bid).or(view.mark.ask) else {
        return Err(Breach::new(BRACKET_RULE, "no reference price", "a price of the symbol"));
    };
    let gain = |to: i32| i64::from(order.side.sign()) * (i64::from(to) - i64::from(last.0));
    let side = if order.side == Side::Buy { "below" } else { "above" };
    if gain(order.stop.0) >= 0 {
        let limit = format!("{side} the last price {} (ticks)", last.0);
        return Err(Breach::new(BRACKET_RULE, format!("stop {} (ticks)", order.stop.0), limit));
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
    fn a_bracket_on_the_wrong_side_is_refused() {
        assert_eq!(broken(Candidate { stop: Price(20_000), ..buy(1) }, calm()), Some(BRACKET_RULE));
        assert_eq!(broken(Candidate { stop: Price(19_999), ..buy(1) }, calm()), None);
        assert_eq!(broken(Candidate { target: Some(Price(20_000)), ..buy(1) }, calm()), Some(BRACKET_RULE));
        assert_eq!(broken(Candidate { stop: Price(20_000), ..sell(1) }, calm()), Some(BRACKET_RULE));
    }
}
