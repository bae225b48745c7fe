//! Margin of the contracts is a fraction of equity. The rate is configured: what the broker asks may differ, and the
//! broker's word is last.

use super::{Answer, Case, Fraction, fits};
use crate::trade::Money;

pub(super) fn contracts(fraction: Fraction, per_contract: Money, case: &Case) -> Answer {
    fits(fraction, case, &[i128::from(per_contract.micros())], &format!("{per_contract} margin"))
}
