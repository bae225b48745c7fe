//! Relative strength index with Wilder's smoothing: the first average is the mean of `period` changes.
//! Source: Wilder, New Concepts in Technical Trading Systems (1978). Equals TA-Lib's RSI.

use crate::market::Price;

#[derive(Clone, Debug)]
pub struct Rsi {
    period: f64,
    seen: f64,
    previous: Option<Price>,
    gain: f64,
    loss: f64,
}

impl Rsi {
    /// `period` greater than one.
    pub fn new(period: usize) -> Self {
        assert!(period > 1, "one change has no average");
        Self { period: period as f64, seen: 0.0, previous: None, gain: 0.0, loss: 0.0 }
    }

    /// 0 to 100; 0 if no price changed within the average, as TA-Lib has it.
    pub fn push(&mut self, price: Price) -> Option<f64> {
        let previous = self.previous.replace(price)?;
        let change = f64::from(price.0) - f64::from(previous.0);
        let (gain, loss) = (change.max(0.0), (-change).max(0.0));
        self.seen += 1.0;
        if self.seen <= self.period {
            self.gain += gain / self.period;
            self.loss += loss / self.period;
        } else {
            self.gain = (self.gain * (self.period - 1.0) + gain) / self.period;
            self.loss = (self.loss * (self.period - 1.0) + loss) / self.period;
        }
        let total = self.gain + self.loss;
        (self.seen >= self.period).then(|| if total > 0.0 { 100.0 * self.gain / total } else { 0.0 })
    }
}
