//! Simple moving average over integer prices; exact, because it is kept as a sum.

use rust_decimal::Decimal;

use crate::market::{Instrument, Price};

#[derive(Clone, Debug)]
pub struct Sma {
    ring: Vec<i32>,
    next: usize,
    filled: bool,
    sum: i64,
}

/// An average as its parts: `sum / count` ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Average {
    pub sum: i64,
    pub count: u32,
}

impl Average {
    /// In points, rounded to two decimals; for texts.
    pub fn points(self, instrument: &Instrument) -> Decimal {
        (Decimal::from(self.sum) * instrument.tick_size / Decimal::from(self.count)).round_dp(2).normalize()
    }
}

impl Sma {
    /// `period` greater than zero.
    pub fn new(period: usize) -> Self {
        assert!(period > 0, "an average of nothing");
        Self { ring: vec![0; period], next: 0, filled: false, sum: 0 }
    }

    /// The average of the last `period` prices, this one included.
    #[inline]
    pub fn push(&mut self, price: Price) -> Option<Average> {
        self.sum += i64::from(price.0) - i64::from(std::mem::replace(&mut self.ring[self.next], price.0));
        self.next += 1;
        if self.next == self.ring.len() {
            self.next = 0;
            self.filled = true;
        }
        self.filled.then_some(Average { sum: self.sum, count: self.ring.len() as u32 })
    }
}
