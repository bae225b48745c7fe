//! What returns add up to. In: simple returns, one a period, as fractions (0.01 is one per cent). Out: growth.
//! Absent: money, and where returns come from (`curve`).

use super::moments::{correlation, deviation};

/// Trading days a year.
pub const DAYS_A_YEAR: f64 = 252.0;
/// Julian year, which turns calendar days into years.
const CALENDAR_DAYS_A_YEAR: f64 = 365.25;

/// Wealth after each period, beginning with 1 before the first: one value more than returns.
pub fn wealth(returns: &[f64]) -> Vec<f64> {
    let mut value = 1.0;
    let grown = returns.iter().map(|r| {
        value *= 1.0 + r;
        value
    });
    std::iter::once(1.0).chain(grown).collect()
}

/// Compounded return over all periods: product of (1 + r), less 1.
pub fn total_return(returns: &[f64]) -> f64 {
    returns.iter().fold(1.0, |value, r| value * (1.0 + r)) - 1.0
}

/// Compounded return a year, by the number of periods: (1 + total)^(periods a year / n) - 1.
/// `None` for nothing, and when all was lost.
pub fn annual_return(returns: &[f64], periods_a_year: f64) -> Option<f64> {
    let end = 1.0 + total_return(returns);
    (!returns.is_empty() && end > 0.0).then(|| end.powf(periods_a_year / returns.len() as f64) - 1.0)
}

/// Compounded return a year, by the calendar: (1 + total)^(365.25 / days) - 1.
/// `None` for no time, and when all was lost.
pub fn annual_return_by_calendar(total: f64, calendar_days: i64) -> Option<f64> {
    (calendar_days > 0 && total > -1.0).then(|| (1.0 + total).powf(CALENDAR_DAYS_A_YEAR / calendar_days as f64) - 1.0)
}

/// Sample deviation of returns, times sqrt(periods a year).
pub fn annual_volatility(returns: &[f64], periods_a_year: f64) -> Option<f64> {
    deviation(returns).map(|sd| sd * periods_a_year.sqrt())
}

pub fn best(returns: &[f64]) -> Option<f64> {
    returns.iter().copied().reduce(f64::max)
}

pub fn worst(returns: &[f64]) -> Option<f64> {
    returns.iter().copied().reduce(f64::min)
}

/// How straight the logarithm of wealth grows: R squared of its regression on time, 0 to 1.
/// Source: Kestner's K-ratio without its slope; as empyrical's `stability_of_timeseries`.
pub fn stability(returns: &[f64]) -> Option<f64> {
    if returns.iter().any(|r| *r <= -1.0) {
        return None;
    }
    let mut log = 0.0;
    let logs: Vec<f64> = returns
        .iter()
        .map(|r| {
            log += r.ln_1p();
            log
        })
        .collect();
    let time: Vec<f64> = (0..returns.len()).map(|n| n as f64).collect();
    correlation(&time, &logs).map(|r| r * r)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_and_losses_compound() {
        assert_eq!(wealth(&[0.5, -0.5]), [1.0, 1.5, 0.75]);
        assert_eq!(total_return(&[0.5, -0.5]), -0.25);
        assert_eq!(annual_return(&[0.1, 0.1], 2.0).map(|r| (r * 1e12).round()), Some(0.21e12));
        assert_eq!(annual_return(&[-1.0], 252.0), None, "nothing is left to grow");
        assert_eq!(annual_return(&[], 252.0), None);
        assert_eq!(annual_return_by_calendar(0.1, 0), None);
    }
}
