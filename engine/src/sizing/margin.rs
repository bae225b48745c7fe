//! Margin of the contracts is a fraction of equity. The rate is configured: what the broker asks may differ, and the
//! broker's word is last.

use super::{Answer, Case, Factor, fits};
use crate::trade::Money;

pub(super) fn contracts(fraction: Factor, per_contract: Money, case: &Case) -> Answer {
    fits(fraction, case, &[i128::from(per_contract.micros())], &format!("{per_contract} margin"))
}
