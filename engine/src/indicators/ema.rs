//! Exponential moving average: the first value is the mean of `period` inputs, then each input weighs 2 / (period + 1).
//! Source: as TA-Lib's EMA in its classic mode.

use crate::market::Price;

#[derive(Clone, Debug)]
pub struct Ema {
    period: u32,
    seen: u32,
    /// Sum of the first inputs until there are `period` of them, then the average.
    value: f64,
}

impl Ema {
    /// `period` greater than zero.
    pub fn new(period: u32) -> Self {
        assert!(period > 0, "an average of nothing");
        Self { period, seen: 0, value: 0.0 }
    }

    /// In ticks.
    pub fn push(&mut self, price: Price) -> Option<f64> {
        self.push_value(f64::from(price.0))
    }

    /// As [`Ema::push`], of a finite number in any unit: another indicator's value.
    pub fn push_value(&mut self, value: f64) -> Option<f64> {
        let period = f64::from(self.period);
        if self.seen < self.period {
            self.seen += 1;
            self.value += value;
            if self.seen == self.period {
                self.value /= period;
            }
        } else {
            self.value += (value - self.value) * 2.0 / (period + 1.0);
        }
        (self.seen == self.period).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_with_the_mean_and_leans_to_the_newest() {
        let mut ema = Ema::new(3);
        let values: Vec<Option<f64>> = [10, 20, 30, 40].map(|ticks| ema.push(Price(ticks))).to_vec();
        assert_eq!(values, [None, None, Some(20.0), Some(30.0)]);
        assert_eq!(Ema::new(1).push(Price(7)), Some(7.0));
    }
}
