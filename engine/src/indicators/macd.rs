//! Moving average convergence divergence: a fast less a slow exponential average, and an average of that, the signal.
//! Both averages give their first value with the same price, so the fast one does not see what came before its own
//! `fast` prices. Source: Appel (1979). Equals TA-Lib's MACD.

use super::ema::Ema;
use crate::market::Price;

#[derive(Clone, Debug)]
pub struct Macd {
    /// Prices that the fast average does not see.
    skip: u32,
    fast: Ema,
    slow: Ema,
    signal: Ema,
}

/// In ticks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Divergence {
    /// Fast less slow.
    pub line: f64,
    pub signal: f64,
    /// Line less signal.
    pub histogram: f64,
}

impl Macd {
    /// All greater than zero, `fast` less than `slow`; the usual ones are 12, 26 and 9.
    pub fn new(fast: u32, slow: u32, signal: u32) -> Self {
        assert!(fast < slow, "the fast average is the shorter one");
        Self { skip: slow - fast, fast: Ema::new(fast), slow: Ema::new(slow), signal: Ema::new(signal) }
    }

    /// `None` until the signal has its first value.
    pub fn push(&mut self, price: Price) -> Option<Divergence> {
        let slow = self.slow.push(price);
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        let line = self.fast.push(price)? - slow?;
        let signal = self.signal.push_value(line)?;
        Some(Divergence { line, signal, histogram: line - signal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_market_that_stands_has_no_divergence() {
        let mut macd = Macd::new(2, 4, 3);
        let values: Vec<_> = (0..8).map(|_| macd.push(Price(100))).collect();
        assert_eq!(values.iter().position(Option::is_some), Some(5), "slow - 1 + signal - 1");
        assert_eq!(values[7], Some(Divergence { line: 0.0, signal: 0.0, histogram: 0.0 }));
    }
}
