//! A person commands the running system from another terminal: what they are told is what happened, and the journal has
//! it with who and why.

use std::os::unix::fs::PermissionsExt;

use engine::journal::Record;
use engine::risk::latch::KILL;
use engine::trade::Leg;
use serde_json::Value;

use crate::support::{Desk, Settings, config};

fn risk(desk: &Desk) -> Value {
    desk.run(&["risk", "show", "--json", "--config", "desk.toml"]).ok().json()
}

fn latched(desk: &Desk) -> Vec<String> {
    let risk = risk(desk);
    let latches = risk["latches"].as_array().expect("a list");
    latches.iter().map(|latch| latch["rule"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn a_running_system_is_shown_stopped_released_and_flattened() {
    let settings = Settings { flatten_on_stop: true, ..Settings::synthetic("60.0", config::ten()) };
    let desk = Desk::with(&settings);
    let with = |args: &[&str]| desk.run(&[args, &["--config", "desk.toml"]].concat());
    let running = desk.start(&["run", "--config", "desk.toml"]);
    running.wait_for_count(" fill ", 4);

    let socket = std::fs::metadata(desk.path("var/control.sock")).expect("the socket is where the default says");
    assert_eq!(socket.permissions().mode() & 0o777, 0o600, "nobody else may open it");
    let limits = risk(&desk);
    let rules: Vec<&str> =
        limits["limits"].as_array().expect("a list").iter().filter_map(|l| l["rule"].as_str()).collect();
    for rule in ["daily_loss", "max_drawdown", "max_position_size", "max_portfolio_risk", "orders_per_second"] {
        assert!(rules.contains(&rule), "{rule} is not in {rules:?}");
    }
    assert!(with(&["risk", "show"]).ok().out.contains("switched off: "), "what refuses nothing is named");

    let strategy = settings.strategies[0].name.as_str();
    let paused = with(&["pause", strategy, "--reason", "lunch"]).ok();
    assert!(paused.out.contains(&format!("pause of {strategy} is on")), "{}", paused.out);
    assert_eq!(latched(&desk), ["pause"]);
    let shown = with(&["risk", "show"]).ok().out;
    let first = shown.lines().next().expect("a first line");
    let says = format!("trading allowed IN PART, held back by: pause of strategy {strategy} (latched since ");
    assert!(first.starts_with(&says) && first.contains("by ") && first.contains("\"lunch\""), "{first}");
    assert_eq!(risk(&desk)["trading"], "partly");
    with(&["resume", strategy, "--reason", "back"]).ok();
    let wrong = with(&["pause", "nobody", "--reason", "x"]);
    assert!(wrong.status.code() == Some(2) && wrong.err.contains(strategy), "the names are told: {}", wrong.err);
    let wrong = with(&["unlock", "daily_loss", "--reason", "x"]);
    assert!(wrong.status.code() == Some(2) && wrong.err.contains("is not latched"), "{}", wrong.err);

    let killed = with(&["kill", "--reason", "news"]).ok();
    assert!(killed.out.contains("nobody enters any more"), "{}", killed.out);
    assert_eq!(latched(&desk), [KILL]);
    let shown = with(&["risk", "show"]).ok().out;
    assert!(shown.starts_with("NO ENTRY PASSES, held back by: kill of the account (latched since "), "{shown}");
    let killed = risk(&desk);
    assert_eq!((&killed["trading"], &killed["held_back"][0]["rule"]), (&"blocked".into(), &KILL.into()), "{killed}");
    let flat = with(&["flatten", "--reason", "done"]).ok();
    assert!(flat.out.contains(": flat"), "{}", flat.out);
    let after = risk(&desk);
    assert_eq!((&after["positions"], &after["held"]), (&serde_json::json!([]), &serde_json::json!([])));
    with(&["unlock", KILL, "--reason", "over"]).ok();
    assert!(latched(&desk).is_empty());

    running.interrupt();
    running.end().ok();
    assert!(!desk.path("var/control.sock").exists(), "it goes with its system");
    assert_journal(&desk, strategy);
}

/// Each command is there with who and why, and between the kill and its end nobody entered.
fn assert_journal(desk: &Desk, strategy: &str) {
    let journal = desk.journal("var/journal/simulated");
    let mut told = Vec::new();
    let mut killed = false;
    for entry in &journal {
        match &entry.record {
            Record::Operator { command, who, why } => {
                assert!(!who.is_empty());
                told.push(format!("{command}: {why}"));
            }
            Record::Latched(latch) if latch.rule == KILL => killed = true,
            Record::Released { rule, .. } if rule == KILL => killed = false,
            Record::OrderPlaced(ticket) if ticket.leg == Leg::Entry => assert!(!killed, "an entry after the kill"),
            _ => {}
        }
    }
    let of = format!("strategy {strategy}");
    let expected = [
        format!("pause {of}: lunch"),
        format!("resume {of}: back"),
        "kill: news".to_owned(),
        "flatten: done".to_owned(),
        "unlock kill of the account: over".to_owned(),
    ];
    assert_eq!(told, expected);
}

#[test]
fn without_a_running_system_the_place_is_named() {
    let desk = Desk::new();
    let end = desk.run(&["kill", "--reason", "x"]);
    assert_eq!(end.status.code(), Some(2));
    assert!(end.err.contains("no system listens on var/control.sock"), "{}", end.err);
}
