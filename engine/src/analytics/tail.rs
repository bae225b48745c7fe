//! The bad and the good ends of a distribution. In: simple returns, one a period. Out: risk for that period; losses are
//! negative. Absent: longer horizons; a root of time would claim what fat tails deny.

use super::moments::{deviation, mean, quantile, sorted};
use super::normal;

/// The return that a share `tail` (0.05: five per cent) of periods fell below. Historical simulation.
pub fn value_at_risk(returns: &[f64], tail: f64) -> Option<f64> {
    quantile(returns, tail)
}

/// Mean of the worst share `tail` of periods: of the floor((n - 1) tail) + 1 lowest returns.
/// Source: Acerbi and Tasche, On the coherence of expected shortfall (2002); count as empyrical.
pub fn expected_shortfall(returns: &[f64], tail: f64) -> Option<f64> {
    let last = returns.len().checked_sub(1)?;
    let count = (last as f64 * tail.clamp(0.0, 1.0)).floor() as usize + 1;
    mean(&sorted(returns)[..count])
}

/// As [`value_at_risk`] if returns were normally distributed with the sample's mean and deviation.
pub fn value_at_risk_normal(returns: &[f64], tail: f64) -> Option<f64> {
    Some(mean(returns)? + deviation(returns)? * normal::quantile(tail)?)
}

/// As [`expected_shortfall`] if returns were normally distributed: mean - deviation x density(z) / tail.
pub fn expected_shortfall_normal(returns: &[f64], tail: f64) -> Option<f64> {
    let z = normal::quantile(tail)?;
    Some(mean(returns)? - deviation(returns)? * normal::density(z) / tail)
}

/// Size of the 95th percentile over the size of the 5th: above 1, good surprises are larger than bad ones.
pub fn tail_ratio(returns: &[f64]) -> Option<f64> {
    let (high, low) = (quantile(returns, 0.95)?, quantile(returns, 0.05)?);
    (low != 0.0).then(|| (high / low).abs())
}

/// The 99th percentile over the mean of returns that are not negative: how far the best periods are from usual ones.
pub fn outlier_win_ratio(returns: &[f64]) -> Option<f64> {
    let usual: Vec<f64> = returns.iter().copied().filter(|r| *r >= 0.0).collect();
    let usual = mean(&usual).filter(|m| *m > 0.0)?;
    Some(quantile(returns, 0.99)? / usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortfall_is_the_mean_of_the_worst() {
        let returns: Vec<f64> = (-50..=50).map(f64::from).collect();
        assert_eq!(value_at_risk(&returns, 0.05), Some(-45.0));
        assert_eq!(expected_shortfall(&returns, 0.05), Some(-47.5));
        assert_eq!(expected_shortfall(&[3.0], 0.05), Some(3.0));
        assert_eq!(expected_shortfall(&[], 0.05), None);
        assert_eq!(tail_ratio(&returns), Some(1.0));
        assert_eq!(value_at_risk_normal(&[1.0], 0.05), None);
    }
}
