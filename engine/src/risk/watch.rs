//! The rules of the account and of each strategy, which latch when they are broken. In: figures. Out: breaches.
//! Run after every fill, before every entry, and every second.

use super::account::{Figures, RiskAccount, StrategyFigures};
use super::latch::Scope;
use super::{Breach, consecutive_losses, daily_loss, drawdown, profit_lock, weekly_loss};
use crate::config::LossLimits;
use crate::portfolio::Portfolio;
use crate::trade::StrategyId;

/// Every limit of the account that is reached.
pub fn account(figures: &Figures, limits: &LossLimits) -> Vec<Breach> {
    let checked = [
        daily_loss::check(daily_loss::RULE, figures.day, limits.daily_loss_max),
        weekly_loss::check(weekly_loss::RULE, figures.week, limits.weekly_loss_max),
        drawdown::check(figures, limits.max_drawdown),
        drawdown::check_fall(drawdown::TRAILING_RULE, figures.peak - figures.equity, limits.trailing_drawdown_max),
        profit_lock::check(profit_lock::RULE, figures.day, figures.day_best, limits.profit_lock),
    ];
    checked.into_iter().filter_map(Result::err).collect()
}

/// Every limit of one strategy that is reached.
pub fn strategy(of: &StrategyFigures, limits: &LossLimits) -> Vec<Breach> {
    let checked = [
        daily_loss::check(daily_loss::STRATEGY_RULE, of.day, limits.strategy_daily_loss_max),
        weekly_loss::check(weekly_loss::STRATEGY_RULE, of.week, limits.strategy_weekly_loss_max),
        drawdown::check_fall(drawdown::STRATEGY_RULE, of.fall, limits.strategy_drawdown_max),
        profit_lock::check(profit_lock::STRATEGY_RULE, of.day, of.day_best, limits.strategy_profit_lock),
        consecutive_losses::check(of.losses_in_row, limits.consecutive_losses_max),
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
        found.extend(strategy(&of.strategy(id, portfolio), limits).into_iter().map(|b| (Scope::Strategy(id), b)));
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
        let nothing = Figures { peak: Money::ZERO, equity: Money::ZERO, ..even() };
        assert!(
            rules(nothing).is_empty(),
            "who has not fallen has not fallen too far, whatever the part of nothing is"
        );
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
    fn each_limit_of_one_strategy_holds_on_both_sides_of_its_border() {
        let zero = Money::ZERO;
        let even = StrategyFigures { day: zero, day_best: zero, week: zero, fall: zero, losses_in_row: 0 };
        let rules =
            |of| strategy(&of, &limits().loss).into_iter().map(|breach| breach.rule).collect::<Vec<&'static str>>();
        assert_eq!(rules(even), [""; 0]);
        assert_eq!(rules(StrategyFigures { losses_in_row: 4, ..even }), [""; 0]);
        assert_eq!(rules(StrategyFigures { losses_in_row: 5, ..even }), ["consecutive_losses"]);
        assert_eq!(rules(StrategyFigures { day: CENT - dollars(500), ..even }), [""; 0]);
        assert_eq!(rules(StrategyFigures { day: dollars(-500), ..even }), ["strategy_daily_loss"]);
        assert_eq!(rules(StrategyFigures { week: CENT - dollars(700), ..even }), [""; 0]);
        assert_eq!(rules(StrategyFigures { week: dollars(-700), ..even }), ["strategy_weekly_loss"]);
        assert_eq!(rules(StrategyFigures { fall: dollars(900) - CENT, ..even }), [""; 0]);
        assert_eq!(rules(StrategyFigures { fall: dollars(900), ..even }), ["strategy_drawdown"]);
        let day = |day_best, day| StrategyFigures { day_best, day, ..even };
        assert_eq!(rules(day(dollars(400) - CENT, dollars(1))), [""; 0], "it was not good enough yet");
        assert_eq!(rules(day(dollars(400), dollars(200) + CENT)), [""; 0]);
        assert_eq!(rules(day(dollars(400), dollars(200))), ["strategy_profit_lock"]);
    }
}
