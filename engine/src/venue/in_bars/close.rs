//! A market order fills at once, at the close of the bar that led to it: right where decisions are made shortly before
//! the close, and too good otherwise, since the close was known when the order was sent. Stops and limits as in
//! `next_open`.

use super::next_open::NextOpen;
use super::prices::Prices;
use super::{BarModel, LimitRule};
use crate::market::Price;
use crate::trade::Side;

#[derive(Debug)]
pub(super) struct Close;

impl BarModel for Close {
    fn name(&self) -> &'static str {
        "close"
    }

    fn about(&self) -> &'static str {
        "market orders fill at the close that they were decided on, which is too good unless that is how they are sent"
    }

    fn acts_at_open(&self) -> bool {
        true
    }

    fn arriving(&self, side: Side, seen: &Prices) -> Option<Price> {
        Some(seen.trades_first(side)?.close)
    }

    fn market(&self, side: Side, bar: &Prices) -> Option<Price> {
        NextOpen.market(side, bar)
    }

    fn stop(&self, side: Side, stop: Price, bar: &Prices) -> Option<Price> {
        NextOpen.stop(side, stop, bar)
    }

    fn limit(&self, side: Side, limit: Price, bar: &Prices, rule: LimitRule) -> Option<Price> {
        NextOpen.limit(side, limit, bar, rule)
    }

    fn woken(&self, side: Side, limit: Price, stopped: Price, bar: &Prices) -> Option<Price> {
        NextOpen.woken(side, limit, stopped, bar)
    }
}
