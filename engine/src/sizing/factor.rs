//! A fraction of equity as whole millionths: exact in every product. In: decimals. Out: integers. Absent: rounding up.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

pub(super) const ONE: i128 = 1_000_000;

/// Not negative, in millionths: 5,000 is half a percent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Factor(u32);

impl Factor {
    pub const ZERO: Factor = Factor(0);
    pub const ONE: Factor = Factor(1_000_000);

    pub const fn from_millionths(millionths: u32) -> Self {
        Self(millionths)
    }

    pub const fn millionths(self) -> i128 {
        self.0 as i128
    }

    /// `None` for a negative number, one beyond 4,294, or one with more than six decimals.
    pub fn from_decimal(number: Decimal) -> Option<Self> {
        let millionths = number.checked_mul(Decimal::from(1_000_000))?;
        if !millionths.is_integer() {
            return None;
        }
        millionths.to_u32().map(Self)
    }

    /// The largest fraction that is not more than `number`; NaN, negative and what does not fit are zero.
    pub fn at_most(number: f64) -> Self {
        let millionths = number * 1e6;
        if !(0.0..4.2e9).contains(&millionths) {
            return Self::ZERO;
        }
        // The product may have been rounded up over the next whole number: then the quotient shows it.
        let floor = millionths.floor();
        let exact = if floor / 1e6 > number { floor - 1.0 } else { floor };
        Self(exact as u32)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Decimal::new(i64::from(self.0), 6).normalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_millionths_can_say_is_a_fraction() {
        let of = |text: &str| Factor::from_decimal(text.parse().expect("a number")).map(Factor::millionths);
        assert_eq!(of("0.005"), Some(5_000));
        assert_eq!(of("0.000001"), Some(1));
        assert_eq!(of("0.0000001"), None);
        assert_eq!(of("-0.1"), None);
        assert_eq!(of("5000"), None);
    }

    #[test]
    fn a_float_is_never_rounded_up_and_nan_is_nothing() {
        assert_eq!(Factor::at_most(0.1 + 0.2), Factor(300_000));
        assert_eq!(Factor::at_most(0.3), Factor(300_000));
        assert_eq!(Factor::at_most(0.999_999_999), Factor(999_999));
        for nothing in [f64::NAN, -0.5, f64::INFINITY, f64::NEG_INFINITY, 1e12] {
            assert_eq!(Factor::at_most(nothing), Factor::ZERO, "{nothing}");
        }
    }
}
