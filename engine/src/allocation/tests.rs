//! Allocations against closed forms and against numbers that other programs made.
//!
//! The reference numbers come from Python 3 with numpy 2.4.6 and scipy 1.17.1 over the series of [`drawn`]: risk parity by
//! BFGS on log weights and Newton steps to a contribution of 0.2 within 1e-16 (Riskfolio-Lib 7.4.0 agrees to five
//! digits); hierarchical risk parity by the code printed in Lopez de Prado (2016), scipy's `linkage(d, 'single')`
//! included; mean-variance by SLSQP (PyPortfolioOpt 1.6.0, `max_sharpe(risk_free_rate=0)`, agrees to seven digits).

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// `n` series of `days` days: own chance plus a common part, from a linear congruential generator.
fn drawn(n: usize, days: usize, seed: u64) -> Vec<Series> {
    let mut state = seed;
    let mut chance = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((state >> 33) % 20_001) as f64 - 10_000.0) / 100.0
    };
    let mut columns = vec![Vec::new(); n];
    for _ in 0..days {
        let common = chance();
        for (i, column) in columns.iter_mut().enumerate() {
            let scale = 1.0 + i as f64;
            let shared = if i % 2 == 0 { 0.4 * common } else { -0.2 * common };
            column.push(scale * chance() * 0.5 + shared + 3.0 * scale * 0.8);
        }
    }
    columns.into_iter().enumerate().map(|(i, column)| series(NAMES[i], &column)).collect()
}

fn series(name: &str, days: &[f64]) -> Series {
    Series { name: name.to_owned(), days: days.iter().copied().map(Some).collect(), cap: 1.0 }
}

fn settings(method: Method) -> Settings {
    Settings { method, lookback_days: 1_000, history_days_min: 3, correlation_max: 1.0, weight_min: 0.0 }
}

/// The method's own weights, before they are cut to millionths.
fn exact(method: Method, series: &[Series], least: f64, cap: f64) -> Vec<f64> {
    let settings = Settings { weight_min: least, ..settings(method) };
    let judged = prepare::judge(&settings, series);
    let found = by_method(&settings, &judged.statistics, &vec![cap; series.len()]).expect("weights");
    found.into_iter().map(|(weight, _)| weight).collect()
}

fn assert_near(found: &[f64], expected: &[f64], within: f64) {
    assert_eq!(found.len(), expected.len());
    let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(off < within, "{found:?} is {off} away from {expected:?}");
}

fn weights(allocation: &Allocation) -> Vec<i128> {
    allocation.lines.iter().map(|line| line.weight.millionths()).collect()
}

#[test]
fn inverse_volatility_is_what_numpy_says() {
    let expected =
        [0.3762753524141705, 0.24580322045512143, 0.16738534163910124, 0.11213034566915367, 0.09840573982245326];
    assert_near(&exact(Method::InverseVolatility, &drawn(5, 60, 42), 0.0, 1.0), &expected, 1e-12);
}

#[test]
fn risk_parity_is_what_scipy_says_and_contributions_are_equal() {
    let of_five =
        [0.3519089218860518, 0.25220453875309745, 0.1748087936883476, 0.12590688759878402, 0.09517085807371921];
    let found = exact(Method::RiskParity, &drawn(5, 60, 42), 0.0, 1.0);
    assert_near(&found, &of_five, 1e-9);
    let s = prepare::judge(&settings(Method::RiskParity), &drawn(5, 60, 42)).statistics;
    let marginal = s.covariance.times(&found);
    let variance = matrix::dot(&found, &marginal);
    let contributions: Vec<f64> = found.iter().zip(&marginal).map(|(w, m)| w * m / variance).collect();
    assert_near(&contributions, &[0.2; 5], 1e-9);
    let of_eight = [
        0.3069895332254061,
        0.23514716284927778,
        0.1423408879575586,
        0.08407571109997708,
        0.06529694035154004,
        0.05668535117397095,
        0.05574309208825755,
        0.05372132125401189,
    ];
    assert_near(&exact(Method::RiskParity, &drawn(8, 90, 7), 0.0, 1.0), &of_eight, 1e-9);
}

#[test]
fn hierarchical_risk_parity_is_what_the_papers_code_says() {
    let of_five =
        [0.5577688897910097, 0.23935707821436106, 0.11497871642455892, 0.04953236527140688, 0.03836295029866341];
    assert_near(&exact(Method::HierarchicalRiskParity, &drawn(5, 60, 42), 0.0, 1.0), &of_five, 1e-12);
    let of_eight = [
        0.538222714596479,
        0.23983309904297437,
        0.09942296627388222,
        0.04158599376614808,
        0.03082120024819131,
        0.021098450435488,
        0.01710353322343623,
        0.011912042413400738,
    ];
    assert_near(&exact(Method::HierarchicalRiskParity, &drawn(8, 90, 7), 0.0, 1.0), &of_eight, 1e-12);
}

#[test]
fn mean_variance_is_what_scipy_says_within_bounds_and_without() {
    let free = [0.34341193290965655, 0.5131220693998672, 0.0, 0.09640927802257955, 0.04705671966789672];
    assert_near(&exact(Method::MeanVariance, &drawn(5, 60, 42), 0.0, 1.0), &free, 2e-7);
    let bound = [0.35, 0.35, 0.05, 0.15054830637339495, 0.09945169362660498];
    assert_near(&exact(Method::MeanVariance, &drawn(5, 60, 42), 0.05, 0.35), &bound, 2e-7);
}

/// Without correlation risk parity is inverse volatility, hierarchical risk parity of two is inverse variance, and the
/// tangency portfolio is mean by variance.
#[test]
fn two_strategies_without_correlation_are_closed_forms() {
    let one = series("a", &[3.0, -1.0, 3.0, -1.0]);
    let two = series("b", &[5.0, 5.0, -3.0, -3.0]);
    let both = [one, two];
    assert_near(&exact(Method::InverseVolatility, &both, 0.0, 1.0), &[2.0 / 3.0, 1.0 / 3.0], 1e-12);
    assert_near(&exact(Method::RiskParity, &both, 0.0, 1.0), &[2.0 / 3.0, 1.0 / 3.0], 1e-10);
    assert_near(&exact(Method::HierarchicalRiskParity, &both, 0.0, 1.0), &[0.8, 0.2], 1e-12);
    assert_near(&exact(Method::MeanVariance, &both, 0.0, 1.0), &[0.8, 0.2], 1e-8);
}

#[test]
fn the_scale_of_the_currency_changes_nothing() {
    for method in Method::ALL {
        let dollars = drawn(5, 60, 42);
        let mut yen = dollars.clone();
        yen.iter_mut().for_each(|s| s.days.iter_mut().flatten().for_each(|day| *day *= 15_000.0));
        let (a, b) = (exact(method, &dollars, 0.0, 0.6), exact(method, &yen, 0.0, 0.6));
        assert_near(&a, &b, 1e-7);
    }
}

#[test]
fn who_is_not_known_gets_an_equal_part_and_the_rest_is_shared() {
    let mut all = drawn(4, 60, 42);
    all[2].days[..58].iter_mut().for_each(|day| *day = None);
    all[3].days.iter_mut().for_each(|day| *day = Some(7.0));
    let found = allocate(&settings(Method::InverseVolatility), &all);
    assert_eq!(weights(&found)[2..], [250_000, 250_000]);
    let two = exact(Method::InverseVolatility, &all[..2], 0.0, 1.0);
    let expected: Vec<i128> = two.iter().map(|weight| (weight * 500_000.0) as i128).collect();
    assert_eq!(weights(&found)[..2], expected);
    assert_eq!(found.lines[2].why, "only 2 days of history, 3 are needed; an equal part, one of 4");
    assert_eq!(found.lines[3].why, "it earned the same every day: no variance; an equal part, one of 4");
    assert_eq!(found.notes.len(), 2);
    assert_eq!(found.lines[2].risk, None);
    let nobody = allocate(&Settings { history_days_min: 61, ..settings(Method::RiskParity) }, &all);
    assert_eq!(weights(&nobody), [250_000; 4]);
    assert_eq!(nobody.days, 0);
}

#[test]
fn the_border_of_a_short_history_is_a_day() {
    let mut all = drawn(2, 10, 42);
    all[1].days[..4].iter_mut().for_each(|day| *day = None);
    let days = |least| allocate(&Settings { history_days_min: least, ..settings(Method::RiskParity) }, &all);
    assert!(days(6).notes.is_empty() && days(6).days == 6);
    assert_eq!(days(7).notes, ["b: only 6 days of history, 7 are needed"]);
    assert_eq!(weights(&days(7)), [500_000; 2]);
}

#[test]
fn strategies_that_never_ran_together_are_not_compared() {
    let mut all = drawn(3, 40, 42);
    all[0].days[..19].iter_mut().for_each(|day| *day = None);
    all[1].days[20..].iter_mut().for_each(|day| *day = None);
    let found = allocate(&Settings { history_days_min: 10, ..settings(Method::RiskParity) }, &all);
    assert_eq!(found.notes, ["b: only 1 days in common with the others, 10 are needed"]);
    assert_eq!(found.days, 21);
    assert_eq!(weights(&found)[1], 333_333);
}

#[test]
fn only_the_newest_days_count() {
    let mut all = drawn(2, 100, 42);
    let newest = allocate(&Settings { lookback_days: 30, ..settings(Method::InverseVolatility) }, &all);
    all.iter_mut().for_each(|s| s.days.drain(..70).for_each(drop));
    assert_eq!(weights(&newest), weights(&allocate(&settings(Method::InverseVolatility), &all)));
}

#[test]
fn a_singular_covariance_is_told_and_everybody_gets_the_same() {
    let mut all = drawn(3, 60, 42);
    let sum: Vec<Option<f64>> = (0..60).map(|day| Some(all[0].days[day]? + all[1].days[day]?)).collect();
    all[2].days = sum;
    let found = allocate(&settings(Method::MeanVariance), &all);
    assert_eq!(weights(&found), [333_333; 3]);
    assert!(found.notes[0].starts_with("mean_variance: the covariance is singular"), "{:?}", found.notes);
    let few = allocate(&settings(Method::MeanVariance), &drawn(5, 4, 42));
    assert!(few.notes[0].contains("singular"), "four days cannot tell five strategies apart");
    // Exactly against each other there is a portfolio without any risk, and no contribution to be equal.
    all[1].days = all[0].days.iter().map(|day| day.map(|day| -day)).collect();
    let against = allocate(&settings(Method::RiskParity), &all[..2]);
    assert_eq!(weights(&against), [500_000; 2]);
    assert!(against.notes.is_empty() || against.notes[0].contains("equal weights instead"));
    let tree = allocate(&settings(Method::HierarchicalRiskParity), &all);
    assert!(tree.notes.is_empty(), "no matrix is inverted: {:?}", tree.notes);
}

#[test]
fn mean_variance_without_a_winner_is_told() {
    let mut losers = drawn(3, 60, 42);
    losers.iter_mut().for_each(|s| s.days.iter_mut().flatten().for_each(|day| *day -= 100.0));
    let found = allocate(&settings(Method::MeanVariance), &losers);
    assert_eq!(weights(&found), [333_333; 3]);
    assert_eq!(found.notes, ["mean_variance: no strategy has earned anything on average; equal weights instead"]);
}

#[test]
fn strategies_that_move_together_share_one_budget() {
    let mut all = drawn(3, 60, 42);
    let like = all[0].days.iter().enumerate().map(|(n, day)| day.map(|day| 2.0 * day + (n % 3) as f64)).collect();
    all.push(Series { days: like, ..series("twin", &[]) });
    let alone = allocate(&settings(Method::Equal), &all);
    assert_eq!(weights(&alone), [250_000; 4]);
    let shared = allocate(&Settings { correlation_max: 0.9, ..settings(Method::Equal) }, &all);
    assert_eq!(weights(&shared), [166_666, 333_333, 333_333, 166_666]);
    assert_eq!(
        shared.lines[3].why,
        "an equal part, one of 3; one budget for a and twin, whose correlation is above 0.9"
    );
}

#[test]
fn what_is_above_a_cap_goes_to_the_others_in_proportion() {
    let mut all = drawn(5, 60, 42);
    all[0].cap = 0.2;
    let free = exact(Method::InverseVolatility, &all, 0.0, 1.0);
    let found = allocate(&settings(Method::InverseVolatility), &all);
    assert_eq!(weights(&found)[0], 200_000);
    let expected: Vec<i128> =
        free[1..].iter().map(|weight| (weight * 0.8 / (1.0 - free[0]) * 1e6).floor() as i128).collect();
    assert_eq!(weights(&found)[1..], expected);
    assert!(found.lines[0].why.ends_with("; capped at 0.2"), "{}", found.lines[0].why);
    all.iter_mut().for_each(|s| s.cap = 0.2);
    assert_eq!(weights(&allocate(&settings(Method::MeanVariance), &all)), [200_000; 5]);
}

#[test]
fn the_report_says_each_weight_in_words_and_numbers() {
    let text = allocate(&settings(Method::HierarchicalRiskParity), &drawn(3, 30, 42)).to_string();
    expect_test::expect![[r#"
        hierarchical_risk_parity over 30 days
          strategy   weight    share        mean   deviation    risk
          a          0.6794   2.0383        7.22       35.85 67.07 %
          b          0.2180   0.6540       -1.26       61.19 21.24 %
          c          0.1026   0.3078       11.70       89.19 11.69 %
          a: volatility 35.85; 67.94 % against b + c
          b: volatility 61.19; 32.06 % against a, 68.00 % against c
          c: volatility 89.19; 32.06 % against a, 32.00 % against b
    "#]]
    .assert_eq(&text);
}

proptest! {
    /// Whatever the days are: weights are not negative, add up to one less some millionths, and keep their caps.
    #[test]
    fn weights_are_a_whole_budget(
        n in 1_usize..6,
        days in prop::collection::vec(prop::collection::vec(prop::option::weighted(0.9, -1e6_f64..1e6), 6), 0..40),
        method in 0_usize..5,
        correlation_max in 0.0_f64..1.0,
        cap in 0.0_f64..1.0,
    ) {
        let cap = cap.max(1.0 / n as f64);
        let all: Vec<Series> = (0..n)
            .map(|i| Series { name: NAMES[i].to_owned(), days: days.iter().map(|day| day[i]).collect(), cap })
            .collect();
        let found = allocate(&Settings { correlation_max, ..settings(Method::ALL[method]) }, &all);
        let sum: i128 = weights(&found).iter().sum();
        prop_assert!((1_000_000 - 2 * n as i128..=1_000_000).contains(&sum), "{sum} of {n}");
        for line in &found.lines {
            prop_assert!(line.weight.millionths() as f64 <= cap * 1e6 + 1.0 && !line.why.is_empty());
        }
        prop_assert_eq!(found, allocate(&Settings { correlation_max, ..settings(Method::ALL[method]) }, &all));
    }
}
