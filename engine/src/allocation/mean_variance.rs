//! The best mean for its deviation (Markowitz 1952, the tangency portfolio of a rate of zero): long only, weights between
//! a least and a cap each, adding up to one. The quotient becomes a convex quadratic programme in y = w / (mean of w)
//! (Cornuejols and Tutuncu 2007, 8.2): minimise y' S y with m' y = 1 and the bounds as cones; `clarabel` solves it.
//! Means are estimated badly: this is the method with the largest errors, which is why it has bounds.

use clarabel::algebra::CscMatrix;
use clarabel::solver::SupportedConeT::{NonnegativeConeT, ZeroConeT};
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, SolverStatus};

use super::Found;
use super::matrix::Statistics;

/// Least pivot of the correlation matrix: below, some strategy is a mix of others.
const PIVOT_MIN: f64 = 1e-8;
const TOLERANCE: f64 = 1e-11;

pub(super) fn weights(s: &Statistics, least: f64, caps: &[f64]) -> Found {
    if !s.correlation().is_definite(PIVOT_MIN) {
        return Err("the covariance is singular: one strategy is a mix of others, or there are too few days".to_owned());
    }
    let y = solve(s, least, caps)?;
    let sum: f64 = y.iter().sum();
    if sum.is_nan() || sum <= 0.0 {
        return Err("the solver's answer adds up to nothing".to_owned());
    }
    let weights: Vec<f64> = y.iter().zip(caps).map(|(y, cap)| (y / sum).clamp(least, cap.max(least))).collect();
    // What the solver's tolerance left over or took away.
    let sum: f64 = weights.iter().sum();
    let why = |i: usize| {
        let (mean, volatility) = (s.means[i], s.volatility(i));
        format!("mean {mean:.2} for volatility {volatility:.2}, a ratio of {:.3} a day", mean / volatility)
    };
    Ok((0..s.len()).map(|i| (weights[i] / sum, why(i))).collect())
}

fn solve(s: &Statistics, least: f64, caps: &[f64]) -> Result<Vec<f64>, String> {
    let n = s.len();
    // In units of the mean volatility, so that the numbers are near one whatever the currency.
    let unit = (0..n).map(|i| s.volatility(i)).sum::<f64>() / n as f64;
    let means: Vec<f64> = s.means.iter().map(|mean| mean / unit).collect();
    if means.iter().all(|mean| *mean <= 0.0) {
        return Err("no strategy has earned anything on average".to_owned());
    }
    let square: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| 2.0 * s.covariance.at(i, j) / (unit * unit)).collect()).collect();
    let upper: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| if j >= i { square[i][j] } else { 0.0 }).collect()).collect();
    let mut rows = vec![means];
    rows.extend((0..n).map(|i| bound(n, i, -1.0, least)));
    rows.extend((0..n).map(|i| bound(n, i, 1.0, -caps[i])));
    let mut b = vec![0.0; 2 * n + 1];
    b[0] = 1.0;
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .tol_gap_abs(TOLERANCE)
        .tol_gap_rel(TOLERANCE)
        .tol_feas(TOLERANCE)
        .build()
        .map_err(|reason| reason.to_string())?;
    let (p, a) = (CscMatrix::from(&upper), CscMatrix::from(&rows));
    let cones = [ZeroConeT(1), NonnegativeConeT(2 * n)];
    let mut solver =
        DefaultSolver::new(&p, &vec![0.0; n], &a, &b, &cones, settings).map_err(|reason| reason.to_string())?;
    solver.solve();
    match solver.solution.status {
        SolverStatus::Solved | SolverStatus::AlmostSolved => Ok(solver.solution.x.clone()),
        SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => {
            Err("no weights within the bounds earn anything on average".to_owned())
        }
        status => Err(format!("the solver ended with {status}")),
    }
}

/// `sign` x y_i + `rest` x (sum of y) <= 0.
fn bound(n: usize, i: usize, sign: f64, rest: f64) -> Vec<f64> {
    (0..n).map(|j| if i == j { sign + rest } else { rest }).collect()
}
