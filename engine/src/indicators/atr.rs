//! Average true range with Wilder's smoothing: the first average is the mean of `period` true ranges.
//! The first bar has no previous close and so no true range. Source: Wilder (1978). Equals TA-Lib's ATR.

use crate::market::{Bar, Price};

#[derive(Clone, Debug)]
pub struct Atr {
    period: u32,
    seen: u32,
    previous_close: Option<Price>,
    average: f64,
}

impl Atr {
    /// `period` greater than zero.
    pub fn new(period: u32) -> Self {
        assert!(period > 0, "an average of nothing");
        Self { period, seen: 0, previous_close: None, average: 0.0 }
    }

    /// In ticks.
    pub fn push(&mut self, bar: &Bar) -> Option<f64> {
        self.push_prices(bar.high, bar.low, bar.close)
    }

    /// As [`Atr::push`], of the three prices that it needs.
    pub fn push_prices(&mut self, high: Price, low: Price, close: Price) -> Option<f64> {
        let before = self.previous_close.replace(close)?;
        let range = f64::from(high.0.max(before.0)) - f64::from(low.0.min(before.0));
        let period = f64::from(self.period);
        if self.seen < self.period {
            self.seen += 1;
            self.average += range / period;
        } else {
            self.average = (self.average * (period - 1.0) + range) / period;
        }
        (self.seen == self.period).then_some(self.average)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_counts_from_the_previous_close() {
        let mut atr = Atr::new(2);
        assert_eq!(atr.push_prices(Price(12), Price(8), Price(10)), None, "the first bar has no true range");
        assert_eq!(atr.push_prices(Price(22), Price(20), Price(21)), None);
        assert_eq!(atr.push_prices(Price(23), Price(19), Price(20)), Some(8.0), "mean of 12 and 4");
        assert_eq!(atr.push_prices(Price(11), Price(10), Price(10)), Some(9.0), "(8 + 10) / 2");
    }
}
