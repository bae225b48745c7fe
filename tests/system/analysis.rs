//! The analysis of a run: the same from the run itself, from the database and from the journal.

use serde_json::Value;

use crate::support::{Desk, Settings, config};

const MINUTES: [&str; 2] = ["--minutes", "60"];
const CONFIG: [&str; 2] = ["--config", "desk.toml"];

fn text(desk: &Desk, name: &str) -> String {
    std::fs::read_to_string(desk.path(name)).expect("it was written")
}

fn ran() -> Desk {
    let desk = Desk::with(&Settings::synthetic("\"max\"", config::ten()));
    let out =
        desk.run(&[&["backtest", "--html", "run.html", "--csv", "run"], &MINUTES[..], &CONFIG[..]].concat()).ok().out;
    assert!(out.contains("run.html") && out.contains("trades.csv"), "{out}");
    desk
}

#[test]
fn the_run_its_database_and_its_journal_tell_the_same() {
    let desk = ran();
    desk.run(&[&["report", "--html", "stored.html", "--csv", "stored"], &CONFIG[..]].concat()).ok();
    let journal = ["--journal", "var/journal/backtest", "--html", "journalled.html", "--csv", "journalled"];
    desk.run(&[&["report"], &journal[..], &CONFIG[..]].concat()).ok();
    let page = text(&desk, "run.html");
    assert!(page.len() > 50_000 && page.ends_with("</html>\n"), "{} bytes", page.len());
    assert!(page == text(&desk, "stored.html"), "the database tells another run");
    assert!(page == text(&desk, "journalled.html"), "the journal tells another run");
    let tables = ["statistics", "trades", "equity", "daily", "months", "groups", "drawdowns", "warnings"];
    for table in tables.map(|name| format!("{name}.csv")) {
        let of = |folder: &str| text(&desk, &format!("{folder}/{table}"));
        assert!(of("run").lines().count() > 1 && of("run") == of("stored") && of("run") == of("journalled"), "{table}");
    }
}

#[test]
fn the_json_has_what_the_session_itself_said() {
    let desk = ran();
    let report = desk.report(&CONFIG);
    let analytics = &report["analytics"];
    let account = &report["summary"]["account"];
    let figures: Vec<&Value> = analytics["statistics"]
        .as_array()
        .expect("families")
        .iter()
        .flat_map(|family| family["figures"].as_array().expect("figures"))
        .collect();
    let figure = |key: &str| figures.iter().find(|f| f["key"] == key).expect("it is told")["value"].clone();
    let number = |value: &Value| -> f64 { value.as_str().expect("money is a text").parse().expect("a number") };
    assert_eq!(number(&figure("commission")), number(&account["commission"]));
    // Equity counts what is open at the last close, the session's own count at the quote.
    if report["summary"]["open_positions"].as_array().is_some_and(Vec::is_empty) {
        assert_eq!(number(&figure("net_profit")), number(&account["net"]));
    }
    let trades = analytics["trades"].as_array().expect("trades");
    assert!(trades.len() > 10, "{}", trades.len());
    let net: f64 = trades.iter().map(|t| number(&t["net"])).sum();
    assert!((net - number(&figure("closed_net"))).abs() < 1e-6);
    assert_eq!(figure("trades").as_u64(), Some(trades.len() as u64));
    assert!(analytics["warnings"].as_array().is_some_and(|w| w.iter().any(|w| w["code"] == "few_days")));
}

#[test]
fn two_sessions_of_one_market_compare_as_equal() {
    let desk = ran();
    desk.run(&[&["backtest"], &MINUTES[..], &CONFIG[..]].concat()).ok();
    let list = desk.run(&[&["report", "--list", "--json"], &CONFIG[..]].concat()).ok().json();
    let ids: Vec<&str> = list.as_array().expect("a list").iter().filter_map(|s| s["session_id"].as_str()).collect();
    let compare = ["report", "--compare", ids[0], ids[1]];
    let found = desk.run(&[&compare[..], &["--json"], &CONFIG[..]].concat()).ok().json();
    assert_eq!((&found["trades_only_a"], &found["trades_only_b"]), (&0.into(), &0.into()));
    assert_eq!(found["trades_same"], found["prices_same"]);
    assert!(found["trades_same"].as_u64() > Some(10), "{found:#}");
    let figures = found["figures"].as_array().expect("figures");
    assert!(figures.iter().all(|f| f["a"] == f["b"]), "{figures:#?}");
    let shown = desk.run(&[&compare[..], &CONFIG[..]].concat()).ok().out;
    assert!(shown.contains("Sharpe ratio") && shown.contains("0 only in A, 0 only in B"), "{shown}");
}

#[test]
fn what_cannot_be_analysed_says_why() {
    let desk = ran();
    let refused = |args: &[&str], says: &str| {
        let end = desk.run(&[&["report"], args, &CONFIG[..]].concat());
        assert_eq!(end.code(), Some(2), "{end:?}");
        assert!(end.err.contains(says), "{:?} is missing: {}", says, end.err);
    };
    refused(&["--html", "x.html", "--capital", "0"], "--capital 0: expected an amount above zero");
    refused(&["--session", "nobody", "--html", "x.html"], "no session nobody");
    refused(&["--journal", "var/journal/backtest", "--session", "nobody"], "no session nobody in the journal");
    refused(&["--journal", "nowhere"], "nowhere");
    refused(&["--compare", "a", "b"], "no session a");
    refused(&["--trials", "0"], "--trials");
    let end = desk.run(&[&["report", "--html", "no/such/folder/x.html"], &CONFIG[..]].concat());
    assert_eq!((end.code(), end.err.contains("no/such/folder/x.html")), (Some(2), true), "{}", end.err);
    assert!(!desk.path("x.html").exists());
}
