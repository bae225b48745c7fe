//! What the system has kept as data: a backtest over the bars of its own database and of its own journal is that over the
//! file that they came from. Likewise over the same bars as Parquet.

use serde_json::Value;

use crate::support::{Desk, data, pg_server};

/// One-minute bars, each on the grid of quarters, with a gap a day.
fn minutes(days: u32, from_minute: u32) -> String {
    let mut text = "time,open,high,low,close,volume\n".to_owned();
    let mut close = 19_200_i64;
    let mut state = 12_345_u64;
    for day in 0..days {
        for minute in 0..600_u32 {
            let mut step = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 40) % 9) as i64 - 4
            };
            let open = close + step();
            close = open + step();
            let (high, low) = (open.max(close) + step().abs(), open.min(close) - step().abs());
            let [open, high, low, close] = [open, high, low, close].map(|ticks| ticks as f64 / 4.0);
            let (hour, past) = (10 + minute / 60, minute % 60);
            if day * 600 + minute >= from_minute {
                text.push_str(&format!("2024-01-{:02} {hour}:{past:02}:00,{open},{high},{low},{close},7\n", 8 + day));
            }
        }
    }
    text
}

fn config(database: &str) -> String {
    let case = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backtests/backtrader_esz23.toml");
    let text = std::fs::read_to_string(case).expect("the case is there");
    let text = text.replace("ESZ23", "ESH24").replace("202312", "202403").replace("[300]", "[60]");
    let text = text.replace("sqlite:var/backtests.db", database);
    format!("{text}\n[backtest.columns]\ntime = \"time\"\nvolume = \"volume\"\n")
}

/// Runs a backtest; its fills and its figures.
fn backtest(desk: &Desk, more: &[&str]) -> (String, Value) {
    let fixed = ["backtest", "--config", "case.toml", "--json", "--fills", "fills.csv"];
    let json = desk.run(&[&fixed[..], more].concat()).ok().json();
    (std::fs::read_to_string(desk.path("fills.csv")).expect("fills"), json)
}

/// Fills and what they came to; the rest of the figures names the session or the clock.
#[track_caller]
fn assert_same(found: &(String, Value), expected: &(String, Value)) {
    assert_eq!(found.0, expected.0, "fill by fill");
    for key in ["account", "strategies", "bars", "signals", "open_positions", "live_orders", "balance"] {
        assert_eq!(found.1[key], expected.1[key], "{key}");
    }
}

fn the_same_from_every_place(database: &str) {
    let desk = Desk::new();
    desk.write("case.toml", config(database));
    desk.write("ESH24.csv", minutes(4, 0));
    let of_file = backtest(&desk, &["--data", "ESH24.csv"]);
    assert_eq!(of_file.1["bars"][0], serde_json::json!(["complete", 2_400]));
    assert!(of_file.0.lines().count() > 40, "{}", of_file.0);
    let session = of_file.1["session"].as_str().expect("a name");
    assert_same(&backtest(&desk, &["--session", session]), &of_file);
    let journal = ["--session", session, "--journal", "var/journal/backtest"];
    assert_same(&backtest(&desk, &journal), &of_file);
    // Without a journal, on the fast path.
    let args = ["backtest", "--config", "case.toml", "--json", "--no-journal", "--session", session];
    let unrecorded = desk.run(&args).ok();
    assert!(!unrecorded.err.contains("not on the fast path"), "{}", unrecorded.err);
    assert_eq!(unrecorded.json()["account"], of_file.1["account"]);
    // Less of it is what a shorter file holds.
    desk.write("short/ESH24.csv", minutes(4, 700));
    let short = backtest(&desk, &["--data", "short/ESH24.csv"]);
    assert_ne!(short.0, of_file.0);
    assert_same(&backtest(&desk, &["--session", session, "--from", "2024-01-09T11:40:00Z"]), &short);
    let sweep = ["sweep", "--config", "case.toml", "--set", "strategies.0.params.fast=20", "--session", session];
    assert!(desk.run(&sweep).ok().out.contains("1 runs"));
}

#[test]
fn bars_of_the_database_and_of_the_journal_give_the_backtest_that_their_file_gave() {
    the_same_from_every_place("sqlite:var/backtests.db");
}

#[test]
fn bars_of_postgresql_do_too() {
    let Some(server) = pg_server::shared() else { return };
    the_same_from_every_place(&server.new_database());
}

#[test]
fn sessions_that_are_not_there_are_told() {
    let desk = Desk::new();
    desk.write("case.toml", config("sqlite:var/backtests.db"));
    desk.write("ESH24.csv", minutes(1, 0));
    let session = backtest(&desk, &["--data", "ESH24.csv"]).1["session"].as_str().expect("a name").to_owned();
    let refused = |more: &[&str], expected: &str| {
        let run = desk.run(&[&["backtest", "--config", "case.toml"], more].concat());
        assert_eq!(run.code(), Some(2), "{}", run.err);
        assert!(run.err.contains(expected), "{}\nis not {expected}", run.err);
    };
    refused(&["--session", "20200101T000000Z-0001"], "there is no session 20200101T000000Z-0001 in sqlite:");
    refused(&["--session", "newest"], "there is no session but backtests");
    refused(&["--session", &session, "--to", "2024-01-01T00:00:00Z"], "have no bars in that time");
    refused(&["--session", &session, "--journal", "nowhere"], "nowhere");
    refused(
        &["--session", &session, "--from", "2024-01-09T00:00:00Z", "--to", "2024-01-08T00:00:00Z"],
        "is not before",
    );
    refused(&["--from", "2024-01-09T00:00:00Z"], "--session");
}

#[test]
fn a_part_of_a_file_is_refused_and_not_the_whole_played_in_its_place() {
    let desk = Desk::new();
    desk.write("case.toml", config("sqlite:var/backtests.db"));
    desk.write("ESH24.csv", minutes(1, 0));
    let fast = "strategies.0.params.fast=20";
    let backtest = ["backtest", "--config", "case.toml", "--data", "ESH24.csv"];
    let sweep = ["sweep", "--config", "case.toml", "--set", fast, "--out", "rows.csv", "--data", "ESH24.csv"];
    let refused = |command: &[&str], more: &[&str], expected: &str| {
        let run = desk.run(&[command, more].concat());
        assert_eq!(run.code(), Some(2), "{more:?}: {}", run.err);
        assert!(run.err.contains(expected), "{}\nis not {expected}", run.err);
    };
    for command in [&backtest[..], &sweep] {
        let (early, late) = ("2024-01-08T00:00:00Z", "2024-01-09T00:00:00Z");
        refused(command, &["--from", late], "--from goes with --session");
        refused(command, &["--to", late], "--to goes with --session");
        refused(command, &["--to", early, "--from", late], "goes with --session");
        refused(command, &["--journal", "var"], "--journal goes with --session");
    }
    refused(&backtest, &["--minutes", "10"], "--minutes goes with the synthetic market");
    refused(&backtest, &["--minutes", "10", "--no-journal"], "--minutes goes with the synthetic market");
    assert!(!desk.path("var").exists() && !desk.path("rows.csv").exists(), "nothing is written");
}

#[test]
fn bars_of_another_root_than_the_strategies_are_refused() {
    let desk = Desk::new();
    let text = config("sqlite:var/backtests.db");
    desk.write("case.toml", &text);
    desk.write("NQH24.csv", minutes(1, 0));
    desk.write("ESH24.csv", minutes(1, 0));
    let says = ["ESH24", "root = \"ES\"", "NQH24"];
    let refused = |args: &[&str]| {
        let run = desk.run(args);
        assert_eq!(run.code(), Some(2), "{}", run.err);
        says.iter().for_each(|text| assert!(run.err.contains(text), "{text} is not in {}", run.err));
    };
    refused(&["backtest", "--config", "case.toml", "--data", "NQH24.csv"]);
    refused(&["backtest", "--config", "case.toml", "--data", "NQH24.csv", "--contract", "NQH24"]);
    desk.write("named.toml", text.replace("[backtest.columns]", "[backtest.columns]\nsymbol = \"NQH24\""));
    refused(&["backtest", "--config", "named.toml", "--data", "ESH24.csv", "--no-journal"]);
}

/// A run that traded by ticks: what it kept is played as bars, partial ones included.
#[test]
fn a_sessions_own_minutes_can_be_played() {
    let desk = Desk::new();
    let ticks = desk.run(&["backtest", "--minutes", "120", "--json"]).ok().json();
    let session = ticks["session"].as_str().expect("a name");
    let built_in = desk.run(&["config", "default"]).ok().out;
    let text = built_in.replace("model = \"ticks\"", "model = \"next_open\"");
    assert_ne!(text, built_in);
    desk.write("bars.toml", text);
    let bars = desk.run(&["backtest", "--config", "bars.toml", "--session", session, "--json"]).ok().json();
    let count = |json: &Value| -> u64 {
        let counts = json["bars"].as_array().expect("counts");
        counts.iter().map(|count| count[1].as_u64().expect("a number")).sum()
    };
    assert!(count(&ticks) >= 119, "{ticks}");
    assert_eq!(bars["bars"], ticks["bars"], "every bar with its quality");
    let refused = desk.run(&["backtest", "--session", data::text(std::path::Path::new(session))]);
    assert_eq!(refused.code(), Some(2), "{}", refused.err);
    assert!(refused.err.contains("choose a model of bars"), "{}", refused.err);
}
