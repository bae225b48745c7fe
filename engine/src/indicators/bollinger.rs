//! Bollinger bands: a simple moving average and `width` standard deviations (divisor n) to both sides.
//! Sums are kept in whole ticks, so they do not drift. Source: Bollinger on Bollinger Bands (2001). Equals TA-Lib's
//! BBANDS.

use crate::market::Price;

#[derive(Clone, Debug)]
pub struct Bollinger {
    ring: Vec<i32>,
    next: usize,
    filled: bool,
    sum: i64,
    squares: i128,
    width: f64,
}

/// In ticks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bands {
    pub upper: f64,
    pub middle: f64,
    pub lower: f64,
}

impl Bollinger {
    /// `period` greater than zero, `width` finite.
    pub fn new(period: usize, width: f64) -> Self {
        assert!(period > 0, "an average of nothing");
        assert!(width.is_finite(), "bands that wide are no bands");
        Self { ring: vec![0; period], next: 0, filled: false, sum: 0, squares: 0, width }
    }

    pub fn push(&mut self, price: Price) -> Option<Bands> {
        let old = std::mem::replace(&mut self.ring[self.next], price.0);
        self.sum += i64::from(price.0) - i64::from(old);
        self.squares += square(price.0) - square(old);
        self.next += 1;
        if self.next == self.ring.len() {
            self.next = 0;
            self.filled = true;
        }
        self.filled.then(|| self.bands())
    }

    fn bands(&self) -> Bands {
        let n = self.ring.len() as f64;
        let middle = self.sum as f64 / n;
        // n times the sum of squares less the square of the sum: exact, and never negative.
        let spread = self.squares * self.ring.len() as i128 - i128::from(self.sum) * i128::from(self.sum);
        let deviation = (spread as f64).sqrt() / n;
        Bands { upper: middle + self.width * deviation, middle, lower: middle - self.width * deviation }
    }
}

fn square(ticks: i32) -> i128 {
    i128::from(ticks) * i128::from(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_follow_the_deviation() {
        let mut bands = Bollinger::new(4, 2.0);
        let last = [2, 4, 4, 6].map(|ticks| bands.push(Price(ticks)))[3].expect("four are enough");
        assert_eq!((last.upper, last.middle, last.lower), (4.0 + 2.0 * 2.0f64.sqrt(), 4.0, 4.0 - 2.0 * 2.0f64.sqrt()));
        let flat = [7, 7, 7, 7].map(|ticks| bands.push(Price(ticks)))[3].expect("four are enough");
        assert_eq!((flat.upper, flat.lower), (7.0, 7.0), "what left the window is gone without a rest");
    }
}
