//! Average true range in exact steps. In: bars of one symbol and length, in order. Out: millionths of a tick, rounded up,
//! so that a size that is divided by it is never rounded up. Absent: which bars; the owner chooses.
//! Source: Wilder (1978); the first value is the mean of the first `period` ranges, as TA-Lib has it.

use std::fmt;

use rust_decimal::Decimal;

use crate::market::{Bar, Price};

/// Millionths of a tick.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AtrTicks(pub i64);

const MILLION: i64 = 1_000_000;

impl fmt::Display for AtrTicks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Decimal::new(self.0, 6).round_dp(2).normalize())
    }
}

#[derive(Clone, Debug)]
pub struct Atr {
    period: i64,
    close: Option<Price>,
    /// Ranges seen, up to the period, and their sum in ticks until then.
    ranges: i64,
    sum: i64,
    value: i64,
}

impl Atr {
    /// `period` in bars, at least 1.
    pub fn new(period: u32) -> Self {
        Self { period: i64::from(period.max(1)), close: None, ranges: 0, sum: 0, value: 0 }
    }

    /// `None` until `period` bars after the first were seen.
    pub fn value(&self) -> Option<AtrTicks> {
        (self.ranges == self.period).then_some(AtrTicks(self.value))
    }

    pub fn see(&mut self, bar: &Bar) {
        let Some(close) = self.close.replace(bar.close) else { return };
        let (high, low) = (i64::from(bar.high.0.max(close.0)), i64::from(bar.low.0.min(close.0)));
        let range = high - low;
        if self.ranges < self.period {
            self.ranges += 1;
            self.sum += range;
            self.value = quotient_up(self.sum * MILLION, self.period);
        } else {
            self.value = quotient_up(self.value * (self.period - 1) + range * MILLION, self.period);
        }
    }
}

/// Of a positive or zero number.
fn quotient_up(number: i64, by: i64) -> i64 {
    (number + by - 1) / by
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Quality, SymbolId};
    use crate::time::Timestamp;

    pub fn bar(n: i64, high: i32, low: i32, close: i32) -> Bar {
        Bar {
            symbol: SymbolId(0),
            open_ts: Timestamp::from_secs(60 * n),
            length_s: 60,
            open: Price(close),
            high: Price(high),
            low: Price(low),
            close: Price(close),
            volume: 1,
            trades: 1,
            quality: Quality::Complete,
        }
    }

    #[test]
    fn the_first_value_is_a_mean_and_then_it_is_smoothed() {
        let mut atr = Atr::new(3);
        let bars = [(10, 8, 9), (12, 9, 11), (15, 14, 14), (14, 10, 10)];
        for (n, (high, low, close)) in (0..).zip(bars) {
            assert_eq!(atr.value(), None);
            atr.see(&bar(n, high, low, close));
        }
        // 3, 4 (the gap from 11 counts) and 4.
        assert_eq!(atr.value(), Some(AtrTicks(3_666_667)), "rounded up");
        atr.see(&bar(5, 11, 10, 10));
        assert_eq!(atr.value(), Some(AtrTicks(2_777_778)));
        assert_eq!(atr.value().expect("a value").to_string(), "2.78");
    }

    #[test]
    fn ten_thousand_steps_of_rounding_stay_below_a_thousandth_of_a_tick() {
        let mut atr = Atr::new(14);
        let mut exact = Vec::new();
        let mut chance = 12_345_u64;
        let mut close = 20_000;
        let mut value = 0.0;
        for n in 0..10_000 {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let [up, down, to] = [33, 43, 53].map(|shift| (chance >> shift) as i32 % 12);
            let (high, low) = (close + up, close - down);
            let range = f64::from(high - low);
            atr.see(&bar(n, high, low, close + to % 3 - 1));
            if n > 0 {
                exact.push(range);
                value = if n <= 14 { exact.iter().sum::<f64>() / n as f64 } else { (value * 13.0 + range) / 14.0 };
            }
            close += to % 3 - 1;
        }
        let AtrTicks(found) = atr.value().expect("enough bars");
        let above = found as f64 / 1e6 - value;
        assert!((0.0..1e-3).contains(&above), "{found} is not just above {value}");
    }
}
