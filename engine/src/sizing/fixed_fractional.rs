//! The value of the contracts (price x multiplier) is a fraction of equity: 2 holds twice the equity's worth.

use super::{Answer, Case, Factor, fits};

pub(super) fn contracts(fraction: Factor, case: &Case) -> Answer {
    let price = case.price.ok_or("the price is not known")?;
    let value = i128::from(price.0) * i128::from(case.tick_value.micros());
    fits(fraction, case, &[value], "the contract's value")
}
