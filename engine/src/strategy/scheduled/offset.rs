//! A price relative to the market or as it stands. In: an instrument, the newest close. Out: a price on the grid.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::market::{Instrument, Price};

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Offset {
    /// Points, to the nearest tick.
    Points(Decimal),
    /// From the newest close; negative is below.
    Ticks(i32),
    /// Of the newest close: 110 is a tenth above it. To the nearest tick.
    Percent(Decimal),
}

impl Offset {
    /// `None` when it needs a close and there is none, or beyond all prices.
    pub fn price(self, instrument: &Instrument, close: Option<Price>) -> Option<Price> {
        match self {
            Offset::Points(points) => nearest(points / instrument.tick_size),
            Offset::Ticks(ticks) => Some(Price(close?.0.checked_add(ticks)?)),
            Offset::Percent(percent) => nearest(Decimal::from(close?.0) * percent / Decimal::ONE_HUNDRED),
        }
    }
}

fn nearest(ticks: Decimal) -> Option<Price> {
    ticks.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i32().map(Price)
}
