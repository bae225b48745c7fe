//! Every number that empyrical, quantstats, ffn and numpy give for ten years of ES's daily returns, from our functions.

use std::path::PathBuf;

use chrono::NaiveDate;
use serde_json::Value;

use super::calendar::{Dated, monthly, rolling, share_positive, values, yearly};
use super::drawdown::{self, falls};
use super::moments::{self, deviation, mean};
use super::ratios::{self, excess};
use super::{growth, significance, tail, wins};

const YEAR: f64 = growth::DAYS_A_YEAR;

fn shared(name: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !folder.is_dir() {
        println!("skipped: ../shared/data is not there");
        return None;
    }
    Some(std::fs::read_to_string(folder.join(name)).expect("the data folder is complete"))
}

fn daily() -> Option<Vec<Dated>> {
    let text = shared("reference/es_daily_returns_2015_2024.csv")?;
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        Dated { date: fields[0].parse().expect("a date"), value: fields[5].parse().expect("a number") }
    };
    Some(text.lines().skip(1).map(row).collect())
}

/// Compares each of a program's numbers; one that we do not compute is a failure too.
fn check(program: &str, ours: &[(&str, Option<f64>)]) {
    let Some(text) = shared("reference/analytics_reference.json") else { return };
    let reference: Value = serde_json::from_str(&text).expect("JSON");
    let theirs = reference[program].as_object().expect("a table of numbers");
    for (name, value) in theirs {
        let expected = value.as_f64().expect("a number");
        let (_, found) = ours.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("{program} {name} is missing"));
        let found = found.unwrap_or_else(|| panic!("{program} {name} is not defined"));
        assert!((found - expected).abs() <= 1e-9, "{program} {name}: {found} not {expected}");
    }
    assert_eq!(theirs.len(), ours.len(), "{program}: only what it has is compared");
}

#[test]
fn equals_empyrical() {
    let Some(returns) = daily().map(|daily| values(&daily)) else { return };
    check(
        "empyrical",
        &[
            ("sharpe_ratio", ratios::sharpe(&returns, YEAR)),
            ("sortino_ratio", ratios::sortino(&returns, YEAR)),
            ("annual_return", growth::annual_return(&returns, YEAR)),
            ("annual_volatility", growth::annual_volatility(&returns, YEAR)),
            ("cum_returns_final", Some(growth::total_return(&returns))),
            ("max_drawdown", Some(drawdown::maximum(&growth::wealth(&returns)))),
            ("calmar_ratio", ratios::calmar(&returns, YEAR)),
            ("omega_ratio", ratios::omega(&returns)),
            ("downside_risk", ratios::downside_deviation(&returns, YEAR)),
            ("tail_ratio", tail::tail_ratio(&returns)),
            ("value_at_risk_5pct", tail::value_at_risk(&returns, 0.05)),
            ("conditional_value_at_risk_5pct", tail::expected_shortfall(&returns, 0.05)),
            ("stability_of_timeseries", growth::stability(&returns)),
            ("sharpe_ratio_rf_2pct_daily", ratios::sharpe(&excess(&returns, 0.02, YEAR), YEAR)),
        ],
    );
}

#[test]
fn equals_quantstats() {
    let Some(returns) = daily().map(|daily| values(&daily)) else { return };
    let wealth = growth::wealth(&returns);
    let count = |n: usize| Some(n as f64);
    check(
        "quantstats",
        &[
            ("sharpe", ratios::sharpe(&returns, YEAR)),
            ("sortino", ratios::sortino(&returns, YEAR)),
            ("cagr", growth::annual_return(&returns, YEAR)),
            ("volatility", growth::annual_volatility(&returns, YEAR)),
            ("max_drawdown", Some(drawdown::maximum(&wealth))),
            ("calmar", ratios::calmar(&returns, YEAR)),
            ("comp", Some(growth::total_return(&returns))),
            ("win_rate", wins::win_rate(&returns)),
            ("profit_factor", wins::profit_factor(&returns)),
            ("payoff_ratio", wins::payoff(&returns)),
            ("avg_win", wins::mean_win(&returns)),
            ("avg_loss", wins::mean_loss(&returns)),
            ("skew", moments::skewness(&returns)),
            ("kurtosis", moments::excess_kurtosis(&returns)),
            ("value_at_risk", tail::value_at_risk_normal(&returns, 0.05)),
            ("cvar", tail::expected_shortfall_normal(&returns, 0.05)),
            ("gain_to_pain_ratio", ratios::gain_to_pain(&returns)),
            ("ulcer_index", drawdown::ulcer_index(&wealth)),
            ("recovery_factor", ratios::recovery_factor(&returns)),
            ("tail_ratio", tail::tail_ratio(&returns)),
            ("kelly_criterion", wins::kelly(&returns)),
            ("smart_sharpe", ratios::smart_sharpe(&returns, YEAR)),
            ("probabilistic_sharpe_ratio", significance::probabilistic_sharpe(&returns, 0.0)),
            ("best", growth::best(&returns)),
            ("worst", growth::worst(&returns)),
            ("omega", ratios::omega(&returns)),
            ("outlier_win_ratio", tail::outlier_win_ratio(&returns)),
            ("risk_of_ruin", wins::risk_of_ruin(&returns)),
            ("consecutive_wins", count(wins::consecutive_wins(&returns))),
            ("consecutive_losses", count(wins::consecutive_losses(&returns))),
        ],
    );
}

/// ffn looks at prices. Here they begin with 100 on 2015-01-01, so that month and that year have no return of their own.
#[test]
fn equals_ffn() {
    let Some(daily) = daily() else { return };
    let returns = values(&daily);
    let wealth = growth::wealth(&returns);
    let begin: NaiveDate = "2015-01-01".parse().expect("a date");
    let dates: Vec<NaiveDate> = std::iter::once(begin).chain(daily.iter().map(|r| r.date)).collect();
    let last = dates.len() - 1;
    let days = |from: usize, to: usize| (dates[to] - dates[from]).num_days() as f64;
    let by_calendar = growth::annual_return_by_calendar(growth::total_return(&returns), days(0, last) as i64);
    let months: Vec<f64> = monthly(&daily).iter().map(|m| m.value).skip(1).collect();
    let years: Vec<f64> = yearly(&daily).iter().map(|y| y.value).skip(1).collect();
    // A fall begins on its first day below the peak.
    let lengths: Vec<f64> = falls(&wealth).iter().map(|f| days(f.peak + 1, f.end(last))).collect();
    let deepest = drawdown::maximum(&wealth);
    check(
        "ffn",
        &[
            ("total_return", Some(growth::total_return(&returns))),
            ("cagr", by_calendar),
            ("max_drawdown", Some(deepest)),
            ("calmar", by_calendar.map(|r| r / -deepest)),
            ("daily_sharpe", ratios::sharpe(&returns, YEAR)),
            ("daily_sortino", ratios::sortino(&returns, YEAR)),
            ("daily_mean", mean(&returns).map(|m| m * YEAR)),
            ("daily_vol", growth::annual_volatility(&returns, YEAR)),
            ("daily_skew", moments::skewness(&returns)),
            ("daily_kurt", moments::excess_kurtosis(&returns)),
            ("best_day", growth::best(&returns)),
            ("worst_day", growth::worst(&returns)),
            ("monthly_sharpe", ratios::sharpe(&months, 12.0)),
            ("monthly_mean", mean(&months).map(|m| m * 12.0)),
            ("monthly_vol", growth::annual_volatility(&months, 12.0)),
            ("yearly_sharpe", ratios::sharpe(&years, 1.0)),
            ("avg_drawdown", drawdown::mean_depth(&wealth)),
            ("avg_drawdown_days", mean(&lengths)),
            ("win_year_perc", share_positive(&years)),
            ("twelve_month_win_perc", share_positive(&rolling(&months, 12))),
        ],
    );
}

#[test]
fn equals_numpy() {
    let Some(returns) = daily().map(|daily| values(&daily)) else { return };
    check(
        "numpy",
        &[
            ("n", Some(returns.len() as f64)),
            ("mean", mean(&returns)),
            ("std_ddof1", deviation(&returns)),
            ("sharpe_252", ratios::sharpe(&returns, YEAR)),
            ("sortino_252_target0_full_n", ratios::sortino(&returns, YEAR)),
            ("annual_return_252", growth::annual_return(&returns, YEAR)),
            ("max_drawdown", Some(drawdown::maximum(&growth::wealth(&returns)))),
            ("calmar", ratios::calmar(&returns, YEAR)),
            ("total_return", Some(growth::total_return(&returns))),
        ],
    );
}
