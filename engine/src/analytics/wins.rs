//! Winners and losers. In: results, one a trade or a period, in any unit (returns, money). Out: how often, how much.
//! A result of exactly zero is neither. Absent: where results come from.

use super::moments::mean;

/// Winners over all that were not zero. `None` without any.
pub fn win_rate(results: &[f64]) -> Option<f64> {
    let wins = results.iter().filter(|r| **r > 0.0).count();
    let decided = results.iter().filter(|r| **r != 0.0).count();
    (decided > 0).then(|| wins as f64 / decided as f64)
}

pub fn mean_win(results: &[f64]) -> Option<f64> {
    mean(&results.iter().copied().filter(|r| *r > 0.0).collect::<Vec<_>>())
}

/// Negative.
pub fn mean_loss(results: &[f64]) -> Option<f64> {
    mean(&results.iter().copied().filter(|r| *r < 0.0).collect::<Vec<_>>())
}

/// Sum of winners over the size of the sum of losers. `None` without a loser.
pub fn profit_factor(results: &[f64]) -> Option<f64> {
    let won: f64 = results.iter().filter(|r| **r > 0.0).sum();
    let lost: f64 = -results.iter().filter(|r| **r < 0.0).sum::<f64>();
    (lost > 0.0).then(|| won / lost)
}

/// Mean winner over the size of the mean loser. `None` without both.
pub fn payoff(results: &[f64]) -> Option<f64> {
    Some(mean_win(results)? / -mean_loss(results)?)
}

/// Mean result: win rate x mean winner + loss rate x mean loser, zeros counted.
pub fn expectancy(results: &[f64]) -> Option<f64> {
    mean(results)
}

/// The share of wealth that grows fastest for bets of this win rate and payoff: (payoff x p - (1 - p)) / payoff.
/// Source: Kelly, A New Interpretation of Information Rate (1956).
pub fn kelly(results: &[f64]) -> Option<f64> {
    let (p, payoff) = (win_rate(results)?, payoff(results)?);
    Some((payoff * p - (1.0 - p)) / payoff)
}

/// ((1 - p) / (1 + p))^n for win rate p: the chance to lose all of n equal bets' worth, as quantstats has it.
pub fn risk_of_ruin(results: &[f64]) -> Option<f64> {
    let p = win_rate(results)?;
    Some(((1.0 - p) / (1.0 + p)).powf(results.len() as f64))
}

/// The longest run of results that satisfy `is`.
fn longest(results: &[f64], is: impl Fn(f64) -> bool) -> usize {
    let (mut now, mut most) = (0, 0);
    for result in results {
        now = if is(*result) { now + 1 } else { 0 };
        most = most.max(now);
    }
    most
}

/// The most winners in a row.
pub fn consecutive_wins(results: &[f64]) -> usize {
    longest(results, |r| r > 0.0)
}

/// The most losers in a row.
pub fn consecutive_losses(results: &[f64]) -> usize {
    longest(results, |r| r < 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_is_neither_won_nor_lost() {
        let results = [10.0, 0.0, -4.0, 20.0, 6.0, -4.0];
        assert_eq!(win_rate(&results), Some(0.6));
        assert_eq!(profit_factor(&results), Some(4.5));
        assert_eq!((mean_win(&results), mean_loss(&results)), (Some(12.0), Some(-4.0)));
        assert_eq!(payoff(&results), Some(3.0));
        assert_eq!(expectancy(&results), Some(28.0 / 6.0));
        assert_eq!((consecutive_wins(&results), consecutive_losses(&results)), (2, 1));
    }

    #[test]
    fn only_winners_have_no_factor() {
        assert_eq!(profit_factor(&[1.0, 2.0]), None);
        assert_eq!(kelly(&[1.0]), None);
        assert_eq!(win_rate(&[0.0]), None);
        assert_eq!(expectancy(&[]), None);
    }
}
