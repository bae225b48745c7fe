//! The rules of the account and of each strategy, which latch when they are broken. In: figures. Out: breaches.
//! Run after every fill, before every entry, and every second.

use super::account::{Figures, RiskAccount};
use super::latch::Scope;
use super::{Breach, consecutive_losses, daily_loss, drawdown, profit_lock, weekly_loss};
use crate::config::LossLimits;
use crate::portfolio::Portfolio;
use crate::trade::StrategyId;

/// Every limit of the account that is reached.
pub fn account(figures: &Figures, limits: &LossLimits) -> Vec<Breach> {
    let checked = [
        daily_loss::check(daily_loss::RULE, figures.day, limits.daily_loss_max),
        weekly_loss::check(figures.week, limits.weekly_loss_max),
        drawdown::check(figures, limits.max_drawdown),
        drawdown::check_trailing(figures, limits.trailing_drawdown_max),
        profit_lock::check(figures, limits.profit_lock),
    ];
    checked.into_iter().filter_map(Result::err).collect()
}

/// Every limit of one strategy that is reached.
pub fn strategy(id: StrategyId, account: &RiskAccount, portfolio: &Portfolio, limits: &LossLimits) -> Vec<Breach> {
    let day = account.strategy_day(id, portfolio);
    let checked = [
        daily_loss::check(daily_loss::STRATEGY_RULE, day, limits.strategy_daily_loss_max),
        consecutive_losses::check(portfolio.losses_in_row(id), limits.consecutive_losses_max),
    ];
    checked.into_iter().filter_map(Result::err).collect()
}

/// All that are reached, with whom they concern.
pub fn all(
    capital: crate::trade::Money,
    of: &RiskAccount,
    portfolio: &Portfolio,
    limits: &LossLimits,
) -> Vec<(Scope, Breach)> {
    let mut found: Vec<(Scope, Breach)> = Vec::new();
    found.extend(account(&of.figures(capital, portfolio), limits).into_iter().map(|b| (Scope::Account, b)));
    for id in portfolio.strategies().filter(|id| *id != StrategyId::FOREIGN) {
        found.extend(strategy(id, of, portfolio, limits).into_iter().map(|b| (Scope::Strategy(id), b)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{dollars, limits};
    use super::*;
    use crate::trade::Money;

    fn rules(figures: Figures) -> Vec<&'static str> {
        account(&figures, &limits().loss).into_iter().map(|breach| breach.rule).collect()
    }

    fn even() -> Figures {
        let equity = dollars(100_000);
        Figures { equity, peak: equity, day: Money::ZERO, day_best: Money::ZERO, week: Money::ZERO }
    }

    const CENT: Money = Money::from_micros(10_000);

    #[test]
    fn each_limit_holds_on_both_sides_of_its_border() {
        assert!(rules(even()).is_empty());
        assert!(rules(Figures { day: CENT - dollars(1_000), ..even() }).is_empty());
        assert_eq!(rules(Figures { day: dollars(-1_000), ..even() }), ["daily_loss"]);
        assert!(rules(Figures { week: CENT - dollars(3_000), ..even() }).is_empty());
        assert_eq!(rules(Figures { week: dollars(-3_000), ..even() }), ["weekly_loss"]);
        // 5 % of a peak of 60,000 is 3,000, which is less than the trailing 4,000.
        let fell = |fall| Figures { peak: dollars(60_000), equity: dollars(60_000) - fall, ..even() };
        assert!(rules(fell(dollars(3_000) - CENT)).is_empty());
        assert_eq!(rules(fell(dollars(3_000))), ["max_drawdown"]);
        let fell = |fall| Figures { peak: dollars(200_000), equity: dollars(200_000) - fall, ..even() };
        assert!(rules(fell(dollars(4_000) - CENT)).is_empty());
        assert_eq!(rules(fell(dollars(4_000))), ["trailing_drawdown"]);
    }

    #[test]
    fn a_good_day_keeps_its_part() {
        let day = |best, now| Figures { day_best: best, day: now, ..even() };
        assert!(rules(day(dollars(800) - CENT, dollars(1))).is_empty(), "it was not good enough yet");
        assert!(rules(day(dollars(800), dollars(600) + CENT)).is_empty());
        assert_eq!(rules(day(dollars(800), dollars(600))), ["profit_lock"]);
    }

    #[test]
    fn a_row_of_losses_and_a_bad_day_stop_one_strategy() {
        let max = limits().loss.consecutive_losses_max;
        assert!(consecutive_losses::check(4, max).is_ok() && consecutive_losses::check(5, max).is_err());
        let max = limits().loss.strategy_daily_loss_max;
        let of_day = |day| daily_loss::check(daily_loss::STRATEGY_RULE, day, max);
        assert!(of_day(CENT - dollars(500)).is_ok() && of_day(dollars(-500)).is_err());
    }
}
