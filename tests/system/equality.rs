//! One decision everywhere: a backtest in one thread and the supervised system over TCP make the same signals, orders
//! and fills of the same market, field by field, and a replay makes the same journal twice.

use engine::journal::{Entry, Record};
use engine::time::Timestamp;

use crate::support::records::{Kinds, assert_same, decided, frames, kinds};
use crate::support::{Desk, Settings, Strategy, config, data};

/// Journals of the two kinds of session; a simulated broker has its own folder below the configured one.
const BACKTEST: &str = "var/journal/backtest";
const SIMULATED: &str = "var/journal/simulated";

/// Backtests and replays the same file in one folder each, and compares.
fn backtest_equals_replay(settings: &Settings, file: &str, contract: &[&str]) -> Kinds {
    let desk = Desk::with(settings);
    let with = ["--config", "desk.toml"];
    desk.run(&[&["backtest", "--data", file], &with[..], contract].concat()).ok();
    desk.run(&[&["replay", file, "--speed", "max"], &with[..], contract].concat()).ok();
    let (backtest, replay) = (desk.journal(BACKTEST), desk.journal(SIMULATED));
    let (backtest, replay) = (decided(&backtest), decided(&replay));
    assert_same(&backtest, &replay);
    kinds(&backtest)
}

#[test]
fn an_hour_of_es_is_traded_the_same_in_backtest_and_replay() {
    let Some(ticks) = data::es() else { return };
    // The open is at 08:30 in Chicago: an opening range has nothing to do in this hour.
    let kinds = backtest_equals_replay(&Settings::played(config::ten()), data::text(&ticks), &[]);
    assert_eq!(kinds.bars, 60);
    assert!(kinds.fills >= 40 && kinds.commissions == kinds.fills && kinds.orders > kinds.fills, "{kinds:?}");
}

#[test]
fn sized_entries_are_traded_the_same_in_backtest_and_replay() {
    let Some(ticks) = data::es() else { return };
    let sizes = [
        "{ method = \"risk_per_trade\", fraction = 0.0001, max = 5 }",
        "{ method = \"volatility_target\", fraction = 0.0001, atr_bars = 3, max = 5 }",
        "{ method = \"kelly\", fraction = 0.5, cap = 0.0001, trades_min = 2, contracts_before = 2, max = 5 }",
        "[{ method = \"margin\", fraction = 0.02, margin_usd = 25_300, max = 5 }, { method = \"fixed_fractional\", fraction = 0.15 }]",
    ];
    let strategies = config::ten().into_iter().zip(sizes.into_iter().cycle()).map(|(s, size)| s.sized(size)).collect();
    let settings = Settings { order_max: 5, position_max: 50, ..Settings::played(strategies) };
    let desk = Desk::with(&settings);
    let file = data::text(&ticks);
    desk.run(&["backtest", "--data", file, "--config", "desk.toml"]).ok();
    desk.run(&["replay", file, "--speed", "max", "--config", "desk.toml"]).ok();
    let (backtest, replay) = (desk.journal(BACKTEST), desk.journal(SIMULATED));
    assert_same(&decided(&backtest), &decided(&replay));
    let quantities: std::collections::BTreeSet<u32> = backtest
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::OrderPlaced(ticket) if ticket.leg == engine::trade::Leg::Entry => Some(ticket.quantity),
            _ => None,
        })
        .collect();
    assert!(quantities.len() >= 3 && quantities.iter().all(|quantity| *quantity <= 5), "{quantities:?}");
    let refused = |entry: &&Entry| matches!(&entry.record, Record::Signal { verdict: engine::journal::Verdict::Refused { rule, .. }, .. } if rule == "sizing");
    assert!(backtest.iter().any(|entry| refused(&entry)), "the first bars have no range, and no range is no order");
}

#[test]
fn a_day_of_gold_is_traded_the_same_in_backtest_and_replay() {
    let Some([ticks, ..]) = data::gc_ticks() else { return };
    // A day is long: one of each kind.
    let strategies = config::ten().into_iter().step_by(2).take(4).map(|strategy| strategy.on("GC")).collect();
    let settings = Settings { symbols: vec!["GC"], ..Settings::played(strategies) };
    let kinds = backtest_equals_replay(&settings, data::text(&ticks), &["--contract", "GCZ13"]);
    assert!(kinds.bars > 1_000 && kinds.fills > 100 && kinds.commissions == kinds.fills, "{kinds:?}");
}

#[test]
fn an_hour_of_a_synthetic_market_is_traded_the_same_in_backtest_and_run() {
    let settings = Settings::synthetic("\"max\"", config::ten());
    let desk = Desk::with(&settings);
    desk.run(&["backtest", "--config", "desk.toml", "--minutes", "60"]).ok();
    let running = desk.start(&["run", "--config", "desk.toml"]);
    // A line a minute of market time: the hour is over when its last minute is.
    running.wait_for_text(" 14:26 bars ");
    running.interrupt();
    running.end().ok();

    let (backtest, run) = (desk.journal(BACKTEST), desk.journal(SIMULATED));
    let end = started(&backtest) + std::time::Duration::from_secs(3_600);
    // The backtest's market ends with the hour, and so does its last bar; the other's goes on.
    let before = |entries| -> Vec<(Timestamp, &Record)> {
        decided(entries).into_iter().take_while(|(at, _)| *at < end - std::time::Duration::from_secs(1)).collect()
    };
    let (backtest, run) = (before(&backtest), before(&run));
    assert_same(&backtest, &run);
    let kinds = kinds(&backtest);
    assert!(kinds.bars >= 58 && kinds.fills >= 40 && kinds.changes > kinds.orders, "{kinds:?}");
}

fn started(entries: &[Entry]) -> Timestamp {
    let first = entries.first().expect("a journal begins with its session");
    assert!(matches!(first.record, Record::SessionStarted { .. }), "{first:?}");
    first.at
}

#[test]
fn two_replays_of_one_file_write_the_same_bytes() {
    let Some(ticks) = data::es() else { return };
    let settings = Settings { flatten_on_stop: true, ..Settings::played(config::ten()) };
    let [first, second] = [(); 2].map(|()| {
        let desk = Desk::with(&settings);
        desk.run(&["replay", data::text(&ticks), "--speed", "max", "--config", "desk.toml"]).ok();
        desk.journal(SIMULATED)
    });
    let count = |entries: &[Entry]| kinds(&decided(entries));
    assert!(count(&first).fills > 40, "{:?}", count(&first));
    assert_same(&decided(&first), &decided(&second));
    let (first, second) = (frames(&first), frames(&second));
    for ((left, entry), (right, other)) in first.iter().zip(&second) {
        assert!(left == right, "other bytes: {entry:?}\nand then {other:?}");
    }
    assert_eq!(first.len(), second.len());
}

#[test]
fn one_strategy_of_each_kind_trades_alone_as_in_company() {
    // Strategies share an account and its limits, and nothing else.
    let strategies = || -> Vec<Strategy> { config::ten().into_iter().take(4).collect() };
    let fills_of = |settings: &Settings, name: &str| {
        let desk = Desk::with(settings);
        desk.run(&["backtest", "--config", "desk.toml", "--minutes", "90"]).ok();
        let report = desk.report(&["--config", "desk.toml"]);
        let orders = report["orders"].as_array().expect("orders are listed").clone();
        let of = orders.into_iter().filter(|order| order["order"]["strategy"] == name);
        let fills = of.flat_map(|order| order["executions"].as_array().expect("a list").clone());
        fills
            .map(|fill| format!("{} {} {} {}", fill["ts"], fill["leg"], fill["side"], fill["price"]))
            .collect::<Vec<_>>()
    };
    let company = Settings::synthetic("300", strategies());
    for strategy in strategies() {
        let name = strategy.name.clone();
        let alone = fills_of(&Settings::synthetic("300", vec![strategy]), &name);
        assert!(!alone.is_empty(), "{name} never traded");
        assert_eq!(alone, fills_of(&company, &name), "{name}");
    }
}
