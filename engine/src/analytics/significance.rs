//! Whether a Sharpe ratio means anything. In: simple returns, one a period, and how many variants were tried.
//! Out: probabilities. Absent: what was tried; only the user knows.
//! Source: Bailey and López de Prado, The Sharpe Ratio Efficient Frontier (2012); The Deflated Sharpe Ratio (2014).

use super::moments::{excess_kurtosis, skewness};
use super::normal;
use super::ratios::sharpe_a_period;

/// Euler and Mascheroni's constant.
const GAMMA: f64 = 0.577_215_664_901_532_9;

/// Standard error of a Sharpe ratio a period, for skewed and fat-tailed returns:
/// sqrt((1 - skewness x SR + (kurtosis - 1)/4 x SR^2) / (n - 1)), with the excess added to 3.
pub fn standard_error(returns: &[f64]) -> Option<f64> {
    let ratio = sharpe_a_period(returns)?;
    let (skew, kurtosis) = (skewness(returns)?, excess_kurtosis(returns)? + 3.0);
    let variance = (1.0 - skew * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio) / (returns.len() - 1) as f64;
    (variance > 0.0).then(|| variance.sqrt())
}

/// The probability that the true Sharpe ratio exceeds `benchmark`; both a period, not annualised.
pub fn probabilistic_sharpe(returns: &[f64], benchmark: f64) -> Option<f64> {
    Some(normal::probability((sharpe_a_period(returns)? - benchmark) / standard_error(returns)?))
}

/// The best Sharpe ratio a period that is expected of `trials` strategies without any merit, whose ratios have this
/// standard deviation; 0 for one trial.
pub fn expected_best(trials: u32, deviation_of_ratios: f64) -> f64 {
    if trials < 2 {
        return 0.0;
    }
    let n = f64::from(trials);
    let rare = |p: f64| normal::quantile(1.0 - p).unwrap_or(0.0);
    deviation_of_ratios * ((1.0 - GAMMA) * rare(1.0 / n) + GAMMA * rare(1.0 / (n * std::f64::consts::E)))
}

/// [`probabilistic_sharpe`] against the best of `trials` worthless strategies. The trials' spread is taken to be the
/// standard error of this one's ratio, since the others' results are not known.
pub fn deflated_sharpe(returns: &[f64], trials: u32) -> Option<f64> {
    let spread = standard_error(returns)?;
    deflated_sharpe_among(returns, trials, spread)
}

/// As [`deflated_sharpe`] where the standard deviation of the trials' ratios a period is known.
pub fn deflated_sharpe_among(returns: &[f64], trials: u32, deviation_of_ratios: f64) -> Option<f64> {
    probabilistic_sharpe(returns, expected_best(trials, deviation_of_ratios))
}

/// Periods that a record of this quality needs until its Sharpe ratio exceeds zero with `confidence`.
/// `None` when the ratio is not positive.
pub fn record_needed(returns: &[f64], confidence: f64) -> Option<f64> {
    let ratio = sharpe_a_period(returns).filter(|ratio| *ratio > 0.0)?;
    let error = standard_error(returns)?;
    let z = normal::quantile(confidence)?;
    Some(1.0 + error * error * (returns.len() - 1) as f64 * (z / ratio).powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<f64> {
        (0..200).map(|n| f64::from((n * 7919) % 101 - 48) / 5_000.0).collect()
    }

    #[test]
    fn more_trials_make_the_same_record_less_believable() {
        let returns = sample();
        let alone = probabilistic_sharpe(&returns, 0.0).expect("long enough");
        assert_eq!(deflated_sharpe(&returns, 1), Some(alone));
        let of = |trials| deflated_sharpe(&returns, trials).expect("long enough");
        assert!(alone > of(2) && of(2) > of(10) && of(10) > of(1000) && of(1000) > 0.0);
    }

    #[test]
    fn the_best_of_ten_is_as_published() {
        // Expected maximum of ten standard normals, by the paper's approximation: 1.5746.
        assert!((expected_best(10, 1.0) - 1.574_598).abs() < 1e-5, "{}", expected_best(10, 1.0));
        assert_eq!(expected_best(1, 1.0), 0.0);
    }

    #[test]
    fn the_record_needed_has_just_that_confidence() {
        let returns = sample();
        let needed = record_needed(&returns, 0.95).expect("it earned");
        let have = probabilistic_sharpe(&returns, 0.0).expect("long enough");
        assert_eq!(needed < returns.len() as f64, have > 0.95);
        assert_eq!(record_needed(&[-0.1, 0.05, -0.1, 0.02], 0.95), None);
    }
}
