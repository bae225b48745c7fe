//! Weights in proportion to 1 / volatility: what moves twice as much gets half. Correlations do not count.

use super::Found;
use super::matrix::Statistics;

pub(super) fn weights(s: &Statistics) -> Found {
    let inverse: Vec<f64> = (0..s.len()).map(|i| 1.0 / s.volatility(i)).collect();
    let sum: f64 = inverse.iter().sum();
    let why =
        |i: usize| format!("1 / volatility {:.2} is {:.2} % of the sum", s.volatility(i), 100.0 * inverse[i] / sum);
    Ok((0..s.len()).map(|i| (inverse[i] / sum, why(i))).collect())
}
