//! Ctrl-C in the middle of the session that a person gets who types `pitboss` and nothing else: it ends flat and in
//! order, and what it printed, what it stored and what `pitboss report` says are the same.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::support::Desk;
use crate::support::desk::{open, wait};

/// Actors by the beginning of their name, in the order in which they must stop.
const STOP_ORDER: [&str; 4] = ["strategy:", "books", "storage", "broker"];

#[test]
fn ctrl_c_ends_flat_and_every_account_of_the_session_agrees() {
    let desk = Desk::new();
    let running = desk.start(&[]);
    running.wait_for_count(" fill ", 6);
    running.interrupt();
    let end = running.end().ok();

    for text in ["trades", "wins", "net", "  bars ", " complete", "tick to order", "messages", "restarts"] {
        assert!(end.out.contains(text), "the report lacks {text:?}:\n{}", end.out);
    }
    assert!(end.out.contains("at the end flat, 0 orders at the broker"), "{}", end.out);
    let log = desk.log();
    let stops: Vec<usize> = STOP_ORDER.iter().map(|actor| last_stop(&log, actor)).collect();
    assert!(stops.is_sorted(), "stopped out of order: {stops:?}");

    let report = desk.report(&[]);
    let session = report["session"]["session_id"].as_str().expect("a session has a name");
    assert!(end.out.contains(&format!("Session {session} (run)")));
    assert_eq!(report["session"]["end_cause"], "interrupted");
    assert_tables_filled(&desk, session);
    assert_report_agrees_with_itself(&report);

    let text = desk.run(&["report"]).ok().out;
    let printed = end.out.split_once("\nSession ").expect("the report was printed").1;
    assert!(text.contains(printed.trim()), "`pitboss report` differs:\n{text}\nfrom\n{printed}");
    let counts = &report["counts"];
    let line = format!("{} bars, {} signals", counts["bars"], counts["signals"]);
    assert!(text.contains(&line), "no {line:?} in\n{text}");
}

/// The event with which the last actor of a kind stopped.
fn last_stop(log: &[Value], actor: &str) -> usize {
    let is_of = |event: &Value| event["actor"].as_str().is_some_and(|name| name.starts_with(actor));
    let stopped = log.iter().rposition(|event| event["event"] == "actor.stopped" && is_of(event));
    stopped.unwrap_or_else(|| panic!("no stop of {actor} in {log:#?}"))
}

fn assert_tables_filled(desk: &Desk, session: &str) {
    let session = session.to_owned();
    let url = format!("sqlite:{}", desk.path(crate::support::desk::DATABASE).display());
    wait(async {
        let store = open(&url).await;
        let counts = store.counts(&session).await.expect("it can be read");
        for (table, rows) in [
            ("market_data_1min", counts.bars),
            ("trading_signals", counts.signals),
            ("orders", counts.orders),
            ("executions", counts.executions),
            ("positions", counts.positions),
            ("system_events", counts.events),
        ] {
            assert!(rows > 0, "{table} is empty: {counts:?}");
        }
        let performance = store.performance(&session).await.expect("it can be read");
        let strategies = store.strategy_performance(&session).await.expect("it can be read");
        assert!(!performance.is_empty() && !strategies.is_empty(), "{performance:?} {strategies:?}");
        let positions = store.positions(&session).await.expect("it can be read");
        assert!(positions.iter().all(|row| row.quantity == 0), "not flat: {positions:?}");
    });
}

/// The session's own summary against the rows of the database.
fn assert_report_agrees_with_itself(report: &Value) {
    let summary = &report["summary"];
    let account = &summary["account"];
    let bars: i64 = list(&summary["bars"]).iter().map(|quality| number(&quality[1])).sum();
    assert_eq!(bars, number(&report["counts"]["bars"]), "bars");
    assert_eq!(summary["signals"], report["counts"]["signals"], "signals");
    let qualities: i64 = list(&report["bars"]).iter().map(|row| number(&row["bars"])).sum();
    assert_eq!(qualities, bars, "bars by quality");

    let last = list(&report["performance"]).last().expect("a row a trade date").clone();
    assert_eq!((&last["trades"], &last["wins"]), (&account["trades"], &account["wins"]));
    assert_eq!(money(&last["realised"]), money(&account["gross"]));
    assert_eq!(money(&last["commission"]), money(&account["commission"]));
    let net = money(&account["gross"]) - money(&account["commission"]);
    assert_eq!(money(&account["net"]), net, "flat: nothing is unrealised");

    let executions: Vec<Value> =
        list(&report["orders"]).iter().flat_map(|order| list(&order["executions"]).to_vec()).collect();
    assert_eq!(executions.len() as i64, number(&report["counts"]["executions"]));
    assert_eq!(executions.iter().map(|row| money(&row["commission"])).sum::<Decimal>(), money(&account["commission"]));
    assert_eq!(cash(&executions), money(&account["gross"]), "what was paid and received in all");

    let net: Vec<&Value> = list(&report["positions"]).iter().filter(|row| row["strategy"] == "").collect();
    assert_eq!(net.iter().map(|row| money(&row["realised"])).sum::<Decimal>(), money(&account["gross"]));
    assert_eq!(net.iter().map(|row| money(&row["commission"])).sum::<Decimal>(), money(&account["commission"]));
    let strategies = list(&summary["strategies"]).iter().map(|row| money(&row[1]["net"]));
    assert_eq!(strategies.sum::<Decimal>(), money(&account["net"]), "strategies against the account");
}

/// Profit from flat to flat: sales less purchases, at ES's 50 dollars a point.
fn cash(executions: &[Value]) -> Decimal {
    let value = |row: &Value| {
        let amount = money(&row["price"]) * Decimal::from(number(&row["quantity"])) * Decimal::from(50);
        if row["side"] == "sell" { amount } else { -amount }
    };
    executions.iter().map(value).sum()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or_else(|| panic!("not a list: {value}"), Vec::as_slice)
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("not a whole number: {value}"))
}

fn money(value: &Value) -> Decimal {
    let text = value.as_str().unwrap_or_else(|| panic!("not an amount: {value}"));
    text.parse().unwrap_or_else(|reason| panic!("{text:?}: {reason}"))
}
