//! Ten strategies at once, two of each kind and more on one symbol than on the other, at three hundred times the
//! market's pace: every mailbox keeps up, no tick is lost, nothing is restarted.

use serde_json::Value;

use crate::support::{Desk, Settings, config};

/// Minutes of market time to be seen: ten seconds.
const MINUTES: usize = 50;
/// What may wait at a moment that a report happens to see: a burst of the market, not a queue that grows.
const QUEUED: u64 = 200;

fn settings() -> Settings {
    // One of each kind on the other symbol.
    let strategies = config::ten().into_iter().enumerate();
    let strategies = strategies.map(|(n, s)| if n % 2 == 0 && n < 8 { s.on("NQ") } else { s }).collect();
    let settings = Settings::synthetic("300", strategies);
    let more = format!("[actors]\nreport_every_ms = 500\n{}", settings.more);
    Settings { symbols: vec!["ES", "NQ"], flatten_on_stop: true, stale_after_ms: 60_000, more, ..settings }
}

#[test]
fn ten_strategies_keep_up_with_three_hundred_times_the_market() {
    let desk = Desk::with(&settings());
    let running = desk.start(&["run", "--config", "desk.toml", "--json"]);
    running.wait_for_count(" bars ", MINUTES);
    running.interrupt();
    let summary = running.end().ok().json();
    assert_eq!(summary["restarts"], 0, "{summary}");
    assert_eq!(summary["open_positions"], Value::Array(Vec::new()), "{summary}");
    let strategies = summary["strategies"].as_array().expect("a list");
    let idle = strategies.iter().filter(|row| row[1]["trades"] == 0).count();
    assert!(strategies.len() == 10 && idle <= 2, "{strategies:#?}");
    assert!(summary["ticks"].as_u64().is_some_and(|ticks| ticks > 50_000), "{summary}");

    let report = desk.report(&["--config", "desk.toml"]);
    let lost: Vec<_> = report["warnings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|row| row["event"] != "books.flatten")
        .collect();
    assert!(lost.is_empty(), "lost ticks, full mailboxes and hangs are warnings: {lost:#?}");
    let gaps: Vec<_> = report["bars"].as_array().expect("a list").iter().filter(|row| row["quality"] == "gap").collect();
    assert!(gaps.is_empty(), "a lost tick leaves a gap: {gaps:?}");

    let health = health(&desk);
    assert!(health.len() >= 10 * 16, "16 actors, twice a second: {}", health.len());
    for event in &health {
        let of = |key: &str| event[key].as_u64().unwrap_or_else(|| panic!("no {key} in {event}"));
        assert!(of("queued_max") < of("capacity"), "a mailbox was full: {event}");
        assert_eq!(of("restarts"), 0, "{event}");
    }
    // The last report of each actor: what waits does not grow with time.
    let mut last = std::collections::BTreeMap::new();
    for event in &health {
        last.insert(event["actor"].to_string(), event["queued"].as_u64());
    }
    assert!(last.values().all(|queued| queued.is_some_and(|queued| queued < QUEUED)), "{last:#?}");
}

/// The health events of the JSON log, one a report and actor.
fn health(desk: &Desk) -> Vec<Value> {
    desk.log().into_iter().filter(|event| event["event"] == "actor.health").collect()
}
