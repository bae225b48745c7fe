//! Return for risk. In: simple returns, one a period. Out: ratios, `None` where the risk is not measurable.
//! Absent: a risk-free rate's source; whoever has one subtracts it with [`excess`].

use super::drawdown;
use super::growth::{annual_return, wealth};
use super::moments::{correlation, deviation, mean};

/// Returns above a rate that is given a year: r - rate / periods a year.
pub fn excess(returns: &[f64], annual_rate: f64, periods_a_year: f64) -> Vec<f64> {
    returns.iter().map(|r| r - annual_rate / periods_a_year).collect()
}

/// Mean over sample deviation, times sqrt(periods a year). `None` for fewer than two returns or without any spread.
/// Source: Sharpe, The Sharpe Ratio (1994).
pub fn sharpe(returns: &[f64], periods_a_year: f64) -> Option<f64> {
    sharpe_a_period(returns).map(|ratio| ratio * periods_a_year.sqrt())
}

/// As [`sharpe`], not annualised.
pub fn sharpe_a_period(returns: &[f64]) -> Option<f64> {
    let mean = mean(returns)?;
    // Equal returns leave a rest of rounding, which is no risk.
    let spread = deviation(returns).filter(|sd| *sd > 1e-12 * mean.abs())?;
    Some(mean / spread)
}

/// [`sharpe`] over what serial correlation adds to the deviation of a long holding:
/// sqrt(1 + 2 sum of (n - k)/n |rho|^k over lags k = 1..n-1), rho being the correlation of neighbours.
/// Source: Lo, The Statistics of Sharpe Ratios (2002), for an AR(1); as quantstats' `smart_sharpe`.
pub fn smart_sharpe(returns: &[f64], periods_a_year: f64) -> Option<f64> {
    Some(sharpe(returns, periods_a_year)? / autocorrelation_penalty(returns))
}

/// At least 1; 1 where there is nothing to correlate.
pub fn autocorrelation_penalty(returns: &[f64]) -> f64 {
    let (Some((_, later)), Some((_, earlier))) = (returns.split_first(), returns.split_last()) else { return 1.0 };
    let Some(rho) = correlation(earlier, later).map(f64::abs) else { return 1.0 };
    let n = returns.len() as f64;
    let (mut power, mut sum) = (1.0, 0.0);
    for lag in 1..returns.len() {
        power *= rho;
        sum += (n - lag as f64) / n * power;
    }
    (1.0 + 2.0 * sum).sqrt()
}

/// Root of the mean square of returns below zero, over all returns, times sqrt(periods a year). `None` for nothing.
pub fn downside_deviation(returns: &[f64], periods_a_year: f64) -> Option<f64> {
    let squares: Vec<f64> = returns.iter().map(|r| r.min(0.0).powi(2)).collect();
    mean(&squares).map(|square| square.sqrt() * periods_a_year.sqrt())
}

/// Annual mean over [`downside_deviation`], target zero. `None` without a loss.
/// Source: Sortino and van der Meer, Downside Risk (1991).
pub fn sortino(returns: &[f64], periods_a_year: f64) -> Option<f64> {
    let downside = downside_deviation(returns, periods_a_year).filter(|d| *d > 0.0)?;
    Some(mean(returns)? * periods_a_year / downside)
}

/// Annual return over the deepest drawdown. `None` if nothing ever fell.
/// Source: Young, Calmar Ratio: A Smoother Tool (1991), over the whole span instead of three years.
pub fn calmar(returns: &[f64], periods_a_year: f64) -> Option<f64> {
    let fall = drawdown::maximum(&wealth(returns));
    if fall < 0.0 { Some(annual_return(returns, periods_a_year)? / -fall) } else { None }
}

/// Sum of returns over the deepest drawdown, both positive. `None` if nothing ever fell.
pub fn recovery_factor(returns: &[f64]) -> Option<f64> {
    let fall = drawdown::maximum(&wealth(returns));
    (fall < 0.0).then(|| (returns.iter().sum::<f64>() / fall).abs())
}

/// Gains over losses, threshold zero: sum of positive returns over the size of the sum of negative ones.
/// `None` without a loss. Source: Keating and Shadwick, A Universal Performance Measure (2002).
pub fn omega(returns: &[f64]) -> Option<f64> {
    let gains: f64 = returns.iter().filter(|r| **r > 0.0).sum();
    losses(returns).map(|lost| gains / lost)
}

/// Sum of all returns over the size of the sum of negative ones. `None` without a loss.
/// Source: Schwager, Hedge Fund Market Wizards (2012).
pub fn gain_to_pain(returns: &[f64]) -> Option<f64> {
    losses(returns).map(|lost| returns.iter().sum::<f64>() / lost)
}

/// Size of the sum of negative returns, if there are any.
fn losses(returns: &[f64]) -> Option<f64> {
    let lost: f64 = -returns.iter().filter(|r| **r < 0.0).sum::<f64>();
    (lost > 0.0).then_some(lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_risk_there_is_no_ratio() {
        let steady = [0.01, 0.01, 0.01];
        assert_eq!(sharpe(&[0.01], 252.0), None);
        assert_eq!(sharpe(&[0.1, 0.1, 0.1], 252.0), None);
        assert_eq!(sortino(&steady, 252.0), None);
        assert_eq!(calmar(&steady, 252.0), None);
        assert_eq!(omega(&steady), None);
        assert_eq!(recovery_factor(&steady), None);
        assert_eq!(autocorrelation_penalty(&[]), 1.0);
        assert_eq!(sharpe(&[], 252.0), None);
    }

    #[test]
    fn a_rate_is_taken_off_each_period() {
        assert_eq!(excess(&[0.75, 0.25], 0.5, 2.0), [0.5, 0.0]);
    }
}
