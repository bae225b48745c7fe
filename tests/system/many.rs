//! Ten strategies at once, two of each kind: every mailbox keeps up, no tick is lost, nothing is restarted.

use serde_json::Value;

use crate::support::{Desk, Settings, config};

/// What may wait at a moment that a report happens to see: a burst of the market, not a queue that grows.
const QUEUED: u64 = 200;

#[test]
fn ten_strategies_on_one_symbol_keep_up_with_three_hundred_times_the_market() {
    let settings = Settings { stale_after_ms: 60_000, ..Settings::synthetic("300", config::ten()) };
    keep_up(settings, 50, 100_000);
}

#[test]
fn ten_strategies_on_two_symbols_keep_up_with_a_hundred_times_the_market() {
    let on = |n: usize| if n.is_multiple_of(2) && n < 8 { "NQ" } else { "ES" };
    let strategies = config::ten().into_iter().enumerate().map(|(n, strategy)| strategy.on(on(n))).collect();
    let settings = Settings { stale_after_ms: 60_000, ..Settings::synthetic("100", strategies) };
    keep_up(Settings { symbols: vec!["ES", "NQ"], ..settings }, 12, 50_000);
}

/// Runs so many minutes of the market, which bring at least so many ticks.
fn keep_up(settings: Settings, minutes: usize, ticks_min: u64) {
    let more = format!("[actors]\nreport_every_ms = 500\n{}", settings.more);
    let symbols = settings.symbols.len();
    // Another program may have the machine for a second or two, which is minutes of this market; what is later than
    // that is not lag but a system that does not keep up.
    let lengths_s = "[60]\nrevise_within_ms = 600_000";
    let desk = Desk::with(&Settings { flatten_on_stop: true, lengths_s, more, ..settings });
    let running = desk.start(&["run", "--config", "desk.toml", "--json"]);
    running.wait_for_count(" bars ", minutes);
    running.interrupt();
    let summary = running.end().ok().json();
    assert_eq!(summary["restarts"], 0, "{summary}");
    assert_eq!(summary["open_positions"], Value::Array(Vec::new()), "{summary}");
    assert!(summary["ticks"].as_u64().is_some_and(|ticks| ticks >= ticks_min), "{summary}");
    let strategies = summary["strategies"].as_array().expect("a list");
    let trading = strategies.iter().filter(|row| row[1]["trades"] != 0).count();
    assert!(strategies.len() == 10 && trading >= 5, "{strategies:#?}");

    let report = desk.report(&["--config", "desk.toml"]);
    // A fill that wins against a cancel, or a price that runs away from a closing order, is the market's doing, not the
    // load's.
    let lost: Vec<_> = report["warnings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|row| !["books.flatten", "order.message", "liquidation.step"].map(Value::from).contains(&row["event"]))
        .collect();
    assert!(lost.is_empty(), "lost ticks, full mailboxes and hangs are warnings: {lost:#?}");
    let gaps: Vec<_> =
        report["bars"].as_array().expect("a list").iter().filter(|row| row["quality"] == "gap").collect();
    assert!(gaps.is_empty(), "a lost tick leaves a gap: {gaps:?}");

    let health = health(&desk);
    let actors: std::collections::BTreeSet<String> = health.iter().map(|event| event["actor"].to_string()).collect();
    // Broker, storage, link, books.
    assert!(actors.len() >= 10 + symbols + 4, "{actors:?}");
    assert!(health.len() >= 5 * actors.len(), "twice a second: {}", health.len());
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
