//! Being stopped out costs a fraction of equity. The stop's fill may be worse than its price, and commission comes on
//! top: the fraction is what the distance costs, not what the day can cost. Source: Vince (1990), fixed fractional.

use super::{Answer, Case, Factor, fits, stop_loss};

pub(super) fn contracts(fraction: Factor, case: &Case) -> Answer {
    let loss = stop_loss(case)?;
    fits(fraction, case, &[i128::from(loss.micros())], &format!("{loss} at the stop"))
}
