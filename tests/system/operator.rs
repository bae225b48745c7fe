//! What a person is told when things are not as they should be: no broker, a limit that is still broken, a strategy that
//! was renamed, words that no terminal should obey. What is said is what is so, and the exit code says whether it is done.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use engine::books::STILL_BROKEN;
use engine::journal::Record;
use serde_json::Value;

use crate::support::gate::gateway;
use crate::support::{Desk, Finished, Settings, config};

const SPEED: f64 = 30.0;

fn settings(address: &str) -> Settings {
    Settings {
        broker: format!("address = \"{address}\"\nclient_id = 1\nreconnect_delay_min_ms = 20\n"),
        flatten_on_stop: true,
        // A busy machine may hold a process back for seconds.
        stale_after_ms: 600_000,
        lengths_s: "[5]",
        ..Settings::played(config::ten().into_iter().map(|strategy| strategy.bars(5)).collect())
    }
}

fn with(desk: &Desk, args: &[&str]) -> Finished {
    desk.run(&[args, &["--config", "desk.toml"]].concat())
}

fn risk(desk: &Desk) -> Value {
    with(desk, &["risk", "show", "--json"]).ok().json()
}

/// Writes one line to the control socket, as any program of this user could.
fn written(desk: &Desk, line: &str) -> Value {
    let mut stream = UnixStream::connect(desk.path("var/control.sock")).expect("it listens");
    writeln!(stream, "{line}").expect("a line fits");
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).expect("an answer");
    serde_json::from_str(&answer).expect("one object")
}

#[test]
fn a_kill_that_nobody_hears_says_so_and_a_renamed_strategy_keeps_its_latch_in_sight() {
    let gateway = gateway(21, SPEED);
    let settings = settings(&gateway.local_addr().to_string());
    let desk = Desk::with(&settings);
    let run = || desk.start(&["run", "--config", "desk.toml", "--speed", &SPEED.to_string()]);
    let old = settings.strategies[0].name.clone();

    let running = run();
    running.wait_for_text("trading allowed");
    with(&desk, &["pause", &old, "--reason", "it loses"]).ok();
    running.interrupt();
    running.end().ok();

    desk.write("desk.toml", settings.to_toml().replace(&format!("\"{old}\""), "\"renamed\""));
    let told = format!("strategy {old} is latched by pause since ");
    let running = run();
    running.wait_for_text(&told);
    running.wait_for_text(&format!("strategy {old} of the last session is not configured any more"));
    running.wait_for_text("trading allowed");
    running.interrupt();
    running.end().ok();
    let running = run();
    running.wait_for_text(&told);
    running.wait_for_text("trading allowed");
    let shown = with(&desk, &["risk", "show"]).ok().out;
    assert!(shown.contains(&format!("LATCHED pause of strategy {old} (not configured) since ")), "{shown}");
    let latch = risk(&desk)["latches"][0].clone();
    assert_eq!((&latch["strategy"], &latch["configured"]), (&old.as_str().into(), &false.into()), "{latch}");
    let wrong = with(&desk, &["unlock", "pause", "--strategy", "renamed", "--reason", "x"]);
    assert!(wrong.code() == Some(2) && wrong.err.contains("pause of renamed is not latched"), "{}", wrong.err);
    with(&desk, &["unlock", "pause", "--strategy", &old, "--reason", "renamed on purpose"]).ok();
    assert_eq!(risk(&desk)["latches"], serde_json::json!([]));

    running.wait_for_count(" fill ", 1);
    gateway.stop();
    running.wait_for_text("trading paused");
    let killed = with(&desk, &["kill", "--flatten", "--reason", "no answer"]);
    assert_eq!(killed.code(), Some(1), "{}", killed.out);
    for text in
        ["the kill is latched", "NO CONNECTION to the broker, nothing could be confirmed", "as soon as there is"]
    {
        assert!(killed.out.contains(text), "{text}: {}", killed.out);
    }
    assert!(!killed.out.contains("confirmed it") && !killed.out.contains("as the broker confirmed"), "{}", killed.out);
    let flat = with(&desk, &["flatten", "--reason", "no answer"]);
    assert!(flat.code() == Some(1) && flat.out.contains("NOT CONFIRMED, there is no connection"), "{}", flat.out);
    let after = risk(&desk);
    assert_eq!((&after["trading"], &after["connected"]), (&"blocked".into(), &false.into()), "{after}");
    let first = with(&desk, &["risk", "show"]).ok().out;
    let first = first.lines().next().expect("a first line");
    assert!(first.starts_with("NO ENTRY PASSES") && first.contains("kill of the account"), "{first}");
    running.kill();
}

#[test]
fn a_broken_limit_is_not_unlocked_and_words_that_a_terminal_obeys_are_refused() {
    let gateway = gateway(22, SPEED);
    let settings = settings(&gateway.local_addr().to_string());
    let desk = Desk::new();
    // An entry's spread and commission alone.
    desk.write("desk.toml", settings.to_toml().replace("daily_loss_usd_max = 90_000", "daily_loss_usd_max = 0.01"));
    let running = desk.start(&["run", "--config", "desk.toml", "--speed", &SPEED.to_string()]);
    running.wait_for_text("entries stop: daily_loss of the account");

    let evil = with(&desk, &["kill", "--reason", "all is well\u{1b}[2J\nroot: go on"]);
    assert!(
        evil.code() == Some(2) && evil.err.contains("control character U+001B at its character 12"),
        "{}",
        evil.err
    );
    let long = with(&desk, &["kill", "--reason", &"x".repeat(501)]);
    assert!(long.code() == Some(2) && long.err.len() < 200 && long.err.contains("501 characters"), "{}", long.err);
    for (line, says) in [
        (r#"{"order":{"kill":{"flatten":false}},"why":"a\u001b[2J"}"#, "control character U+001B"),
        (r#"{"order":{"kill":{"flatten":false}},"why":"a\nWARN unlock by root: b"}"#, "control character U+000A"),
        (r#"{"order":{"kill":{"flatten":false}},"why":"  "}"#, "needs a reason"),
    ] {
        let answer = written(&desk, line);
        assert!(answer["refused"] == true && answer["text"].as_str().is_some_and(|t| t.contains(says)), "{answer}");
    }
    // More than the kernel keeps for a reader: who writes it is refused in words too, not with a broken pipe.
    let endless = written(&desk, &format!(r#"{{"order":"flatten","why":"{}"}}"#, "y".repeat(1 << 20)));
    assert!(endless["text"].as_str().is_some_and(|text| text.contains("at most 16384 bytes")), "{endless}");

    // Whatever the positions have earned meanwhile goes with them; the loss of the day is what is paid for them.
    let unlocked = unlock_while_broken(&desk);
    assert!(unlocked.out.contains("daily_loss of the account stays latched: it is still broken, "), "{}", unlocked.out);
    assert!(unlocked.out.contains(" against 0.01") && unlocked.out.contains("next trade date"), "{}", unlocked.out);
    running.interrupt();
    running.end().ok();

    let mut told = Vec::new();
    for entry in desk.journal("var/journal") {
        match entry.record {
            Record::Operator { command, why, .. } => told.push(format!("{command}: {why}")),
            Record::System { event, .. } if event == STILL_BROKEN => told.push(event),
            _ => {}
        }
    }
    let last = told.len().saturating_sub(2);
    assert_eq!(told[last..], ["unlock daily_loss of the account: on it".to_owned(), STILL_BROKEN.to_owned()]);
    assert!(!told.iter().any(|text| text.starts_with("kill") || text.starts_with("flatten")), "{told:?}");
}

/// A position that gains may lift the day over its limit for a moment; entries that follow pay again.
fn unlock_while_broken(desk: &Desk) -> Finished {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    loop {
        let unlocked = with(desk, &["unlock", "daily_loss", "--reason", "on it"]);
        if unlocked.code() == Some(1) {
            return unlocked;
        }
        assert!(std::time::Instant::now() < deadline, "the day never loses a cent: {unlocked:?}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
