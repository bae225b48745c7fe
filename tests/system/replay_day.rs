//! A session through the program, recorded, and decided again by `pitboss replay-day`.

use std::fs;

use engine::journal::{Entry, MAGIC, Reader, Record, encode};

use crate::support::{Desk, Settings, config};

const SIMULATED: &str = "var/journal/simulated";
const RECORDING: &str = "[recording]\nenabled = true\n";

/// An hour and more of a synthetic market, stopped by Ctrl-C.
fn recorded(minutes: &str) -> (Desk, Settings) {
    let mut settings = Settings { flatten_on_stop: true, ..Settings::synthetic("120", config::ten()) };
    settings.more.push_str(RECORDING);
    let desk = Desk::with(&settings);
    let running = desk.start(&["run", "--config", "desk.toml"]);
    running.wait_for_text(minutes);
    running.interrupt();
    running.end().ok();
    (desk, settings)
}

#[test]
fn a_recorded_session_is_decided_again_and_an_altered_entry_is_found() {
    let (desk, mut settings) = recorded(" 13:50 bars ");
    let result = desk.run(&["replay-day", "newest", "--config", "desk.toml", "--json"]).ok().json();
    let decisions = &result["decisions"];
    assert!(decisions["recorded"].as_u64().expect("a number") > 200, "{result:#}");
    assert_eq!(decisions["equal"], decisions["recorded"], "{result:#}");
    assert_eq!(decisions["replayed"], decisions["recorded"], "{result:#}");
    assert_eq!(result["remarks"].as_array().expect("a list").len(), 0, "{result:#}");
    let fills = &result["fills"];
    let (both, orders) = (fills["both"].as_u64().expect("a number"), fills["orders"].as_u64().expect("a number"));
    assert!(both >= 10 && both * 2 > orders, "{fills:#}");

    // What orders took is measured, and a backtest draws from it.
    desk.run(&["replay-day", "newest", "--config", "desk.toml", "--round-trips", "trips.txt"]).ok();
    let trips = fs::read_to_string(desk.path("trips.txt")).expect("it was written");
    assert!(trips.lines().count() >= 10, "{trips}");
    let more = "[backtest.latency]\norder_file = \"trips.txt\"\nack_us = 500\n";
    desk.write("late.toml", format!("{}{more}", settings.to_toml()));
    let late = desk.run(&["backtest", "--config", "late.toml", "--minutes", "30", "--json"]).ok().json();
    let prompt = desk.run(&["backtest", "--config", "desk.toml", "--minutes", "30", "--json"]).ok().json();
    assert_ne!(late["account"], prompt["account"], "at 120 times the clock a round trip costs ticks");

    // Another configuration is refused by the name of its section, and shown if that is wanted.
    let other = settings.strategies[0].params;
    settings.strategies[0].params = "fast = 2\nslow = 5";
    assert_ne!(other, settings.strategies[0].params);
    desk.write("other.toml", settings.to_toml());
    let refused = desk.run(&["replay-day", "newest", "--config", "other.toml"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(refused.err.contains("different: strategies."), "{}", refused.err);
    let shown = desk.run(&["replay-day", "newest", "--config", "other.toml", "--other-config"]);
    assert_eq!(shown.status.code(), Some(1), "{shown:?}");
    assert!(shown.out.contains("then they differ"), "{}", shown.out);

    // Nor can what ran on several threads be put into one order.
    let split = settings.to_toml().replace("[recording]\nenabled = true\n", "[actors.books]\nthread = \"books\"\n");
    desk.write("split.toml", split);
    let refused = desk.run(&["replay-day", "newest", "--config", "split.toml", "--other-config"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(refused.err.contains("on several threads"), "{}", refused.err);

    // One decision altered in the journal: told with file and entry.
    let segment = desk.path(SIMULATED).join("00000001.pbj");
    let altered = alter(&segment);
    let found = desk.run(&["replay-day", "newest", "--config", "desk.toml"]);
    assert_eq!(found.status.code(), Some(1), "{found:?}");
    assert!(found.out.contains(&format!("00000001.pbj, entry {altered}")), "{}", found.out);
}

/// Changes the price of a signal's reason in the fifth signal; returns its number.
fn alter(segment: &std::path::Path) -> u64 {
    let bytes = fs::read(segment).expect("the journal is there");
    let mut entries: Vec<Entry> =
        Reader::of_segment(&bytes).expect("a journal").map(|entry| entry.expect("it can be read")).collect();
    let mut signals = entries.iter_mut().filter(|entry| matches!(entry.record, Record::Signal { .. }));
    let altered = signals.nth(4).expect("there are five signals");
    let Record::Signal { intent, .. } = &mut altered.record else { unreachable!("filtered") };
    intent.reason.push('!');
    let seq = altered.seq;
    let mut written = MAGIC.to_vec();
    entries.iter().for_each(|entry| encode(entry, &mut written).expect("it was encoded before"));
    fs::write(segment, written).expect("the folder is writable");
    seq
}

#[test]
fn a_session_without_a_recording_says_so() {
    let desk = Desk::with(&Settings::synthetic("300", config::ten()));
    let running = desk.start(&["run", "--config", "desk.toml"]);
    running.wait_for_text(" 13:27 bars ");
    running.interrupt();
    running.end().ok();
    let refused = desk.run(&["replay-day", "newest", "--config", "desk.toml"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(refused.err.contains("was not recorded") && refused.err.contains("[recording]"), "{}", refused.err);
    let unknown = desk.run(&["replay-day", "20200101T000000Z-0001", "--config", "desk.toml"]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
}
