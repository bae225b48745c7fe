//! A move of some average true ranges costs a fraction of equity: few contracts in a wild market, more in a calm one.
//! Source: Wilder (1978) for the range; the Turtle rules (1983) for the size, 1 % of equity by one range.

use super::{Answer, AtrTicks, Case, Factor, fits};

pub(super) fn contracts(fraction: Factor, multiple: Factor, case: &Case) -> Answer {
    let AtrTicks(atr) = case.atr.ok_or("too few bars for the average true range")?;
    let unit = [i128::from(case.tick_value.micros()), i128::from(atr), multiple.millionths()];
    fits(fraction, case, &unit, &format!("{multiple} x ATR of {} ticks", AtrTicks(atr)))
}
