//! Orders meet the market at the open of the next bar: a market order fills there; stops and limits fill at the open if
//! it has passed them, at their own price if the bar's range reaches them later. What most bar backtesters do; the
//! decision is made at a close and nothing fills at a price that was known then.

use super::prices::{Prices, allowed, best, reached, worst};
use super::{BarModel, LimitRule};
use crate::market::Price;
use crate::trade::Side;

#[derive(Debug)]
pub(super) struct NextOpen;

impl BarModel for NextOpen {
    fn name(&self) -> &'static str {
        "next_open"
    }

    fn about(&self) -> &'static str {
        "market orders fill at the next bar's open, stops and limits at their price or the open beyond it"
    }

    fn acts_at_open(&self) -> bool {
        true
    }

    fn arriving(&self, _side: Side, _seen: &Prices) -> Option<Price> {
        None
    }

    fn market(&self, side: Side, bar: &Prices) -> Option<Price> {
        Some(bar.trades_first(side)?.open)
    }

    fn stop(&self, side: Side, stop: Price, bar: &Prices) -> Option<Price> {
        reached(side, worst(side, &bar.trades_first(side)?), stop).then_some(stop)
    }

    fn limit(&self, side: Side, limit: Price, bar: &Prices, rule: LimitRule) -> Option<Price> {
        rule.filled(side, best(side, &bar.trades_first(side)?), limit).then_some(limit)
    }

    fn woken(&self, side: Side, limit: Price, stopped: Price, _bar: &Prices) -> Option<Price> {
        // Whether the market came back to the limit after the stop is not known.
        allowed(side, stopped, limit).then_some(stopped)
    }
}
