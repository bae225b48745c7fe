//! Equal risk contribution: each strategy carries the same part of the portfolio's variance.
//! The weights solve x_i (C x)_i = 1/n in the matrix of correlations, found coordinate by coordinate (Griveau-Billion,
//! Richard, Roncalli 2013), then divided by the volatilities. Source: Maillard, Roncalli, Teiletche (2010).

use super::Found;
use super::matrix::{Matrix, Statistics, dot};

/// Largest relative difference of a contribution from its part.
const TOLERANCE: f64 = 1e-10;
const SWEEPS_MAX: usize = 10_000;

pub(super) fn weights(s: &Statistics) -> Found {
    let correlation = s.correlation();
    let x = solve(&correlation)
        .ok_or("no weights make all contributions equal: some strategies move exactly against each other")?;
    let scaled: Vec<f64> = (0..s.len()).map(|i| x[i] / s.volatility(i)).collect();
    let sum: f64 = scaled.iter().sum();
    let weights: Vec<f64> = scaled.iter().map(|x| x / sum).collect();
    let marginal = s.covariance.times(&weights);
    let variance = dot(&weights, &marginal);
    let why = |i: usize| {
        let risk = 100.0 * weights[i] * marginal[i] / variance;
        format!("carries {risk:.2} % of the variance with volatility {:.2}", s.volatility(i))
    };
    Ok((0..s.len()).map(|i| (weights[i], why(i))).collect())
}

fn solve(correlation: &Matrix) -> Option<Vec<f64>> {
    let n = correlation.len();
    let part = 1.0 / n as f64;
    let mut x = vec![part.sqrt(); n];
    for _ in 0..SWEEPS_MAX {
        for i in 0..n {
            let others = correlation.times(&x)[i] - correlation.at(i, i) * x[i];
            x[i] = (-others + (others * others + 4.0 * part).sqrt()) / 2.0;
        }
        let all = correlation.times(&x);
        let off = (0..n).map(|i| (x[i] * all[i] / part - 1.0).abs()).fold(0.0, f64::max);
        if off < TOLERANCE {
            return Some(x);
        }
        if !off.is_finite() {
            return None;
        }
    }
    None
}
