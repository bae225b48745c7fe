//! What a report says of small runs: figures, warnings, groups, comparison, the page.

use rust_decimal::Decimal;

use super::compare::compare;
use super::figures::Value;
use super::groups::By;
use super::html;
use super::monte_carlo::Draw;
use super::report::Report;
use super::tests::{Desk, bar, es, minute, usd};
use crate::market::{Bar, Quality};
use crate::trade::{Leg, Money};

const QUICK: Draw = Draw { histories: 50, seed: 1 };

fn report(desk: &Desk) -> Report {
    Report::of(&desk.0, QUICK, &[])
}

fn codes(desk: &Desk) -> Vec<&'static str> {
    report(desk).warnings.iter().map(|warning| warning.code).collect()
}

/// Thirty flat minutes at 5000 and `trades` that each earn a tick or lose one, half and half.
fn steady(trades: i64) -> Desk {
    let mut desk = Desk::new().bars((0..200).map(|n| bar(n, [20_000, 20_001, 19_999, 20_000])));
    for n in 0..trades {
        let exit = if n % 2 == 0 { 20_001 } else { 19_999 };
        let order = n.unsigned_abs() * 2 + 1;
        desk = desk.fill(minute(n), order, Leg::Entry, 1, 20_000).fill(minute(n + 1), order + 1, Leg::Exit, -1, exit);
    }
    desk
}

/// With a contract that is open at the end, nine ticks above the last close.
fn report_of_open() -> Report {
    report(&steady(4).fill(minute(20), 90, Leg::Entry, 1, 20_009))
}

#[test]
fn figures_add_up() {
    let report = report(&steady(10));
    let money = |key: &str| match report.figure(key) {
        Some(Value::Money(Some(amount))) => *amount,
        other => panic!("{key}: {other:?}"),
    };
    assert_eq!(money("gross_profit"), Decimal::ZERO);
    assert_eq!(money("commission"), Decimal::from(45));
    assert_eq!((money("net_profit"), money("closed_net")), (Decimal::from(-45), Decimal::from(-45)));
    assert_eq!(money("expectancy"), Decimal::new(-45, 1));
    assert_eq!((money("best_trade"), money("worst_trade")), (Decimal::from(8), Decimal::from(-17)));
    let open = report_of_open();
    let of_open = |key: &str| match open.figure(key) {
        Some(Value::Money(Some(amount))) => *amount,
        other => panic!("{key}: {other:?}"),
    };
    assert_ne!(of_open("open_gross"), Decimal::ZERO);
    assert_eq!(
        of_open("gross_profit") + of_open("open_gross") + of_open("interest") - of_open("commission"),
        of_open("net_profit")
    );
    assert_eq!(report.figure("trades"), Some(&Value::Count(10)));
    assert_eq!(report.figure("win_rate"), Some(&Value::Share(Some(0.5))));
    assert_eq!(report.figure("profit_factor").and_then(Value::number), Some(40.0 / 85.0));
    assert_eq!(report.figure("sharpe"), Some(&Value::Number(None)), "one day has no deviation");
    assert_eq!(report.figure("annual_return"), Some(&Value::Share(None)), "one day says nothing of a year");
    let keys: Vec<&str> = report.statistics.iter().flat_map(|f| &f.figures).map(|f| f.key).collect();
    let unique: std::collections::BTreeSet<&str> = keys.iter().copied().collect();
    assert_eq!(keys.len(), unique.len(), "every key names one figure");
}

#[test]
fn groups_have_every_trade_once() {
    let report = report(&steady(10));
    for by in By::ALL {
        let of = || report.groups.iter().filter(|group| group.by == by);
        assert_eq!(of().map(|group| group.trades).sum::<usize>(), 10, "{by:?}");
        assert_eq!(of().map(|group| group.net).sum::<Decimal>(), Decimal::from(-45), "{by:?}");
    }
    let names = |by: By| report.groups.iter().filter(|g| g.by == by).map(|g| g.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(By::Strategy), ["one"]);
    assert_eq!(names(By::Weekday), ["Wed"]);
    assert_eq!(names(By::Hour), ["09:00"], "14:00 UTC in summer");
    assert_eq!(names(By::Session), ["regular hours"]);
}

#[test]
fn a_long_and_well_paid_record_has_no_severe_warning_of_its_trades() {
    let found = codes(&steady(120));
    for code in ["few_trades", "one_trade_carries", "costs_missing", "stale_fills", "fills_outside", "unmatched"] {
        assert!(!found.contains(&code), "{code}: {found:?}");
    }
    assert!(found.contains(&"few_days") && found.contains(&"trials_unknown"), "{found:?}");
}

#[test]
fn each_reason_to_doubt_is_told() {
    assert!(codes(&Desk::new()).contains(&"no_trades"));
    assert!(codes(&steady(5)).contains(&"few_trades"));
    assert!(codes(&steady(5)).contains(&"parameters"), "four parameters and five trades");

    let lucky = steady(4).fill(minute(20), 90, Leg::Entry, 1, 20_000).fill(minute(21), 91, Leg::Exit, -1, 20_400);
    assert!(codes(&lucky).contains(&"one_trade_carries"));

    let mut unpaid = steady(4);
    unpaid.0.fills[0].commission = None;
    assert!(codes(&unpaid).contains(&"costs_missing"));
    let mut free = steady(4);
    free.0.fills.iter_mut().for_each(|fill| fill.commission = Some(Money::ZERO));
    assert!(codes(&free).contains(&"costs_missing"));

    assert!(codes(&steady(4).fill(minute(20), 90, Leg::Exit, -1, 20_000)).contains(&"unmatched"));
    assert!(codes(&steady(4).fill(minute(20), 90, Leg::Entry, 1, 20_000)).contains(&"open_at_end"));
    assert!(codes(&steady(4).fill(minute(20), 90, Leg::Entry, 1, 20_009)).contains(&"fills_outside"));
    assert!(codes(&steady(4).fill(minute(500), 90, Leg::Entry, 1, 20_000)).contains(&"stale_fills"));
    assert!(codes(&steady(4).fill(minute(20), 90, Leg::Entry, 101, 20_000)).contains(&"fills_beyond_volume"));
    assert!(codes(&steady(4).fill(minute(20), 90, Leg::Entry, 11, 20_000)).contains(&"fills_share_of_volume"));
    assert!(codes(&Desk::new().fill(minute(1), 1, Leg::Entry, 1, 9)).contains(&"no_bars"));

    let ruin = steady(4).fill(minute(20), 90, Leg::Entry, 100, 20_000).bars([bar(300, [19_000; 4])]);
    assert!(codes(&ruin).contains(&"ruined"));

    let mut torn = steady(4);
    torn.0.end_cause = None;
    torn.0.bars[7] = Bar { quality: Quality::Gap, ..torn.0.bars[7] };
    torn.0.bars[8] = Bar { quality: Quality::Partial, ..torn.0.bars[8] };
    let found = codes(&torn);
    assert!(found.contains(&"not_ended") && found.contains(&"doubtful_bars"), "{found:?}");

    // Every other trade gains a tick; commission takes more than half of that.
    let gaining = |trades: i64| {
        (0..trades).fold(Desk::new().bars((0..200).map(|n| bar(n, [20_000, 20_001, 19_999, 20_000]))), |desk, n| {
            let order = n.unsigned_abs() * 2 + 1;
            desk.fill(minute(n), order, Leg::Entry, 1, 20_000).fill(
                minute(n + 1),
                order + 1,
                Leg::Exit,
                -1,
                20_000 + i32::from(n % 2 == 0),
            )
        })
    };
    assert!(codes(&gaining(10)).contains(&"costs_eat"), "9 of 12.50 every two trades");
    assert!(!codes(&steady(10)).contains(&"costs_eat"), "there is no gross to eat");
    assert!(codes(&gaining(10)).contains(&"few_days"), "one day");

    let backtest = |mut desk: Desk| {
        "backtest".clone_into(&mut desk.0.mode);
        desk
    };
    assert!(codes(&backtest(steady(4))).contains(&"trials_unknown"));
    let mut tried = backtest(steady(4));
    tried.0.trials = 7;
    assert!(!codes(&tried).contains(&"trials_unknown"));
    let quick = |desk: Desk| {
        let at = minute(20) + std::time::Duration::from_secs(10);
        desk.fill(at, 90, Leg::Entry, 1, 20_000).fill(at + std::time::Duration::from_secs(5), 91, Leg::Exit, -1, 20_000)
    };
    assert!(codes(&backtest(quick(Desk::new().bars([bar(20, [20_000; 4])])))).contains(&"same_bar"));
    assert!(!codes(&backtest(steady(4))).contains(&"same_bar"), "these last a minute");

    let mut unknown = steady(4);
    unknown.0.strategies[0].parameters = None;
    assert!(codes(&unknown).contains(&"parameters_unknown"));
}

/// A contract held for forty days whose close moves by so many ticks a day, in turns.
fn held(moves: [i32; 2]) -> Desk {
    let day = |n: i64| 24 * 60 * n;
    let mut price = 20_000;
    let bars = (1..40).map(|n| {
        price += moves[usize::from(n % 2 == 1)];
        bar(day(n), [price; 4])
    });
    let bars: Vec<Bar> = std::iter::once(bar(0, [20_000; 4])).chain(bars).collect();
    Desk::new().bars(bars).fill(minute(0), 1, Leg::Entry, 1, 20_000)
}

#[test]
fn a_sharpe_ratio_that_may_be_luck_is_told_with_the_days_that_would_do() {
    let text = |desk: &Desk| {
        let found = report(desk).warnings.into_iter().find(|warning| warning.code == "not_significant");
        found.map(|warning| warning.text)
    };
    let told = text(&held([44, -40])).expect("four ticks a day are gained, and forty move");
    assert!(told.contains("above zero is 56.8 %"), "far from 95: {told}");
    assert!(told.contains("less than 95 %: this may be luck. About ") && told.ends_with("would be needed."), "{told}");
    let mut tried = held([44, -40]);
    tried.0.trials = 50;
    let told = text(&tried).expect("the best of fifty is worth less");
    assert!(told.ends_with("this may be luck."), "no days help that choice: {told}");
    assert!(!told.contains("56.8 %"), "fifty trials are not one: {told}");
    assert_eq!(text(&held([12, 8])), None, "it gains every day");
    assert_eq!(text(&held([40, -44])), None, "a loss needs no warning that it may be luck");
}

#[test]
fn what_was_wrong_with_the_data_leads_the_warnings() {
    let mut desk = steady(4);
    desk.0.doubts.push("2 bars were left out".to_owned());
    let found = report(&desk).warnings.into_iter().find(|warning| warning.code == "data_doubtful");
    let found = found.expect("it is told");
    assert_eq!((found.weight.name(), found.text.as_str()), ("severe", "2 bars were left out"));
}

#[test]
fn a_fill_in_the_second_in_which_a_bar_ends_is_borne_out_by_it() {
    let desk = Desk::new()
        .bars([bar(0, [20_000; 4]), bar(1, [20_100; 4])])
        .fill(minute(1), 1, Leg::Entry, 1, 20_000)
        .fill(minute(1) + std::time::Duration::from_secs(30), 2, Leg::Exit, -1, 20_100);
    assert!(!codes(&desk).contains(&"fills_outside"), "{:?}", codes(&desk));
}

#[test]
fn two_runs_are_compared_trade_by_trade() {
    let (a, b) = (report(&steady(10)), report(&steady(12)));
    let found = compare(&a, &b);
    assert_eq!((found.trades_same, found.prices_same, found.trades_only_a, found.trades_only_b), (10, 10, 0, 2));
    let trades = found.figures.iter().find(|pair| pair.key == "trades").expect("it is counted");
    assert_eq!((trades.difference, trades.difference_text().as_str()), (Some(2.0), "+2.00"));
    let same = compare(&a, &a);
    assert!(same.figures.iter().all(|pair| pair.a == pair.b && pair.difference.is_none_or(|d| d == 0.0)));
}

#[test]
fn the_page_stands_alone_and_cannot_be_broken_by_names() {
    let mut desk = steady(30);
    desk.0.strategies[0].name = "<script>alert(1)</script>".into();
    let report = report(&desk);
    let page = html::page(&desk.0, &report, "1.2.3");
    assert!(!page.contains("<script>alert"), "a name is only text");
    assert!(page.contains("&lt;script&gt;alert(1)"));
    for word in ["NaN", "http://", "https://", "src=", "url("] {
        assert!(!page.contains(word), "{word}");
    }
    for part in
        ["Equity and drawdown", "Monthly returns", "ES with entries", "Distribution", "All statistics", "Assumptions"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert_eq!(page.matches("<svg").count(), page.matches("<div class=\"chart\"><svg").count(), "each can be scrolled");
    assert_eq!(page.matches("<section>").count(), page.matches("</section>").count());
}

#[test]
fn a_run_in_which_nothing_happened_has_a_page_too() {
    let desk = Desk::new();
    let report = report(&desk);
    let page = html::page(&desk.0, &report, "1.2.3");
    assert!(page.contains("No trade was closed") && !page.contains("NaN"));
    assert_eq!(report.figure("net_profit"), Some(&Value::Money(Some(Decimal::ZERO))));
    assert_eq!(es().tick_value(), usd(1_250));
}
