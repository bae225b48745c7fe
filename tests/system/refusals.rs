//! What is wrong is told before anything happens: where, what was found, what was expected, on standard error, with an
//! exit code that says whose turn it is; and nothing half-made is left behind.

use std::net::TcpListener;
use std::process::Stdio;

use crate::support::{Desk, Finished, Process, Settings, config, data};

/// The user has to change something first.
const USAGE: i32 = 2;
/// It failed while working.
const WORK: i32 = 1;
/// Files that may be there after a refusal.
const LOG: &str = "var/log/pitboss.json";

/// It failed with this code, said all of this on standard error and nothing on standard output, and left only `left`.
#[track_caller]
fn assert_refused(desk: &Desk, end: &Finished, code: i32, says: &[&str], before: &[String]) {
    assert_eq!(end.status.code(), Some(code), "{end:?}");
    for text in says {
        assert!(end.err.contains(text), "{text:?} is missing:\n{}", end.err);
    }
    assert!(!end.err.contains("panicked"), "{}", end.err);
    let made: Vec<String> = desk.files().into_iter().filter(|name| !before.contains(name) && name != LOG).collect();
    assert!(made.is_empty(), "{made:?} was left behind");
}

#[track_caller]
fn refused(desk: &Desk, args: &[&str], code: i32, says: &[&str]) {
    refused_with(desk, args, &[], code, says);
}

#[track_caller]
fn refused_with(desk: &Desk, args: &[&str], env: &[(&str, &str)], code: i32, says: &[&str]) {
    let before = desk.files();
    let mut command = desk.command(args);
    command.envs(env.iter().copied());
    let end = Process::start(&mut command).end();
    assert_refused(desk, &end, code, says, &before);
}

#[test]
fn mistakes_in_a_configuration_are_told_together_each_with_its_line() {
    let good = Settings::synthetic("300", config::ten()).to_toml();
    let line_of = |text: &str, part: &str| {
        let at = text.lines().position(|line| line.contains(part)).expect("the part is in the text");
        format!("desk.toml:{}: ", at + 1)
    };
    // What is replaced, by what, and what must be said; the place is where the new text is.
    let cases: [(&str, &str, &[&str]); 7] = [
        ("stop_ticks = 12\n", "stop_tiks = 12\n", &["stop_tiks", "unknown key", "stop_ticks"]),
        ("order_size_max = 1\n", "order_size_max = \"many\"\n", &["risk.order_size_max", "\"many\"", "whole number"]),
        ("max_position_size = 20\n", "", &["risk.max_position_size", "expected"]),
        ("kind = \"donchian\"", "kind = \"donkian\"", &["donkian", "donchian"]),
        ("symbol = \"ES\"", "symbol = \"EZ\"", &["EZ", "expected"]),
        ("slow = 4\n", "slow = 2\n", &["slow", "more bars than fast"]),
        ("start = 2024-06-12T13:25:00Z", "start = \"soon\"", &["start", "soon"]),
    ];
    let mut all = good.clone();
    let mut all_says = Vec::new();
    for (good_text, bad_text, says) in cases {
        assert!(good.contains(good_text), "{good_text}");
        let bad = good.replacen(good_text, bad_text, 1);
        all = all.replacen(good_text, bad_text, 1);
        all_says.extend_from_slice(says);
        let desk = Desk::new();
        desk.write("desk.toml", &bad);
        let mut expected = vec!["the configuration has mistakes"];
        let place = if bad_text.is_empty() { "desk.toml".to_owned() } else { line_of(&bad, bad_text.trim_end()) };
        expected.push(&place);
        expected.extend_from_slice(says);
        for command in [&["run", "--config", "desk.toml"][..], &["config", "check", "desk.toml"]] {
            refused(&desk, command, USAGE, &expected);
        }
    }
    let desk = Desk::new();
    desk.write("desk.toml", &all);
    let end = desk.run(&["config", "check", "desk.toml"]);
    assert!(end.err.lines().count() > cases.len(), "all of them at once: {}", end.err);
    assert_refused(&desk, &end, USAGE, &all_says, &["desk.toml".to_owned()]);

    let env = [("PITBOSS__RISK__ORDER_SIZE_MAX", "none"), ("PITBOSS__BROKER__CLIENT", "1")];
    let says = ["PITBOSS__RISK__ORDER_SIZE_MAX", "\"none\"", "PITBOSS__BROKER__CLIENT", "client_id"];
    refused_with(&Desk::new(), &["run"], &env, USAGE, &says);
    refused(&Desk::new(), &["run", "--config", "nowhere.toml"], USAGE, &["nowhere.toml", "No such file"]);
}

#[test]
fn data_that_cannot_be_read_is_told_and_nothing_is_written() {
    let desk = Desk::new();
    desk.write("notes.txt", "buy low, sell high\n");
    desk.write("empty.dbn", "");
    let unknown = ["notes.txt", "not a known format", "Databento DBN", "LEAN"];
    for command in [&["bars", "--out", "out.csv"][..], &["replay"], &["backtest", "--data"]] {
        let with = |file: &'static str| [command, &[file]].concat();
        refused(&desk, &with("nowhere.dbn"), USAGE, &["nowhere.dbn", "No such file"]);
        refused(&desk, &with("notes.txt"), USAGE, &unknown);
        refused(&desk, &with("empty.dbn"), USAGE, &["empty.dbn", "expected"]);
    }
    refused(&desk, &["gateway", "--listen", "127.0.0.1:0", "--data", "notes.txt"], USAGE, &unknown);
}

#[test]
fn recorded_data_that_was_cut_off_is_told_and_nothing_is_written() {
    let (Some(es), Some([gold, ..])) = (data::es(), data::gc_ticks()) else { return };
    let desk = Desk::new();
    for (name, from) in [("cut.dbn.zst", &es), ("cut.zip", &gold)] {
        let whole = std::fs::read(from).expect("the data can be read");
        desk.write(name, &whole[..whole.len() / 3]);
    }
    // A zip archive's directory is at its end: it is missed before the work begins.
    for command in [&["bars", "--out", "out.csv"][..], &["replay"], &["backtest", "--data"]] {
        refused(&desk, &[command, &["cut.zip"]].concat(), USAGE, &["cut.zip", "cut off", "expected"]);
    }
    refused(&desk, &["bars", "--out", "out.csv", "cut.dbn.zst"], WORK, &["cut.dbn.zst", "cut off at record"]);
    // A session that had begun when its data broke off says so, in its exit code and in its record.
    let end = desk.run(&["replay", "cut.dbn.zst", "--speed", "max"]);
    assert_eq!(end.code(), Some(WORK), "{end:?}");
    assert!(end.err.contains("the data ended early: cut.dbn.zst: cut off at record"), "{}", end.err);
    let report = desk.report(&[]);
    assert!(report["counts"]["bars"].as_i64().is_some_and(|bars| bars < 60), "{}", report["counts"]);
    let data = data::text(&es);
    refused(&desk, &["bars", data, "--contract", "NQZ9", "--out", "out.csv"], USAGE, &["NQZ9", "ESH4"]);
    refused(&desk, &["replay", data, "--contract", "NQZ9"], USAGE, &["NQZ9", "ESH4"]);
    refused(&desk, &["bars", data, "--out", "nowhere/out.csv"], USAGE, &["nowhere", "folder"]);
}

/// As `pitboss backtest | head -1`, when the reader has left.
#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let desk = Desk::new();
    desk.write("desk.toml", Settings::synthetic("300", config::ten()).to_toml());
    for args in [
        &["backtest", "--minutes", "1"][..],
        &["backtest", "--minutes", "1", "--json"],
        &["backtest", "--minutes", "1", "--no-journal"],
        &["config", "default"],
        &["config", "check", "desk.toml"],
    ] {
        let mut command = desk.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("pitboss was built");
        drop(child.stdout.take());
        let end = child.wait_with_output().expect("it is our child");
        let err = String::from_utf8_lossy(&end.stderr);
        assert!(end.status.success() && !err.contains("panicked"), "{args:?}: {}: {err}", end.status);
    }
}

#[test]
fn a_busy_port_is_told() {
    let busy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = busy.local_addr().expect("it is bound").to_string();
    let says = [address.as_str(), "cannot listen", "another gateway"];
    refused(&Desk::new(), &["gateway", "--listen", &address], USAGE, &says);
    let env = [("PITBOSS__GATEWAY__LISTEN", address.as_str())];
    let desk = Desk::new();
    let mut command = desk.command(["run"]);
    command.envs(env);
    let end = Process::start(&mut command).end();
    assert_eq!(end.code(), Some(USAGE), "{end:?}");
    says.iter().for_each(|text| assert!(end.err.contains(text), "{text:?} is missing:\n{}", end.err));
}

#[test]
fn a_database_that_cannot_be_opened_is_told() {
    let desk = Desk::new();
    desk.write("notes.db", "buy low, sell high; ".repeat(100));
    for (url, says) in [
        // Nobody can make files there, whoever runs the tests.
        ("sqlite:/proc/none/pit.db", ["sqlite:/proc/none/pit.db", "/proc/none"]),
        ("sqlite:notes.db", ["notes.db", "not an SQLite database"]),
        ("postgres://pit:s3cret@127.0.0.1:1/pit", ["postgres://pit:***@127.0.0.1:1/pit", "cannot be reached"]),
        ("mysql://pit@db/pit", ["storage.database_url", "sqlite:PATH"]),
    ] {
        let env = [("PITBOSS__STORAGE__DATABASE_URL", url)];
        for command in [&["run"][..], &["report"], &["backtest", "--minutes", "1"]] {
            refused_with(&desk, command, &env, USAGE, &says);
        }
    }
    refused(&desk, &["report"], USAGE, &["var/pitboss.db", "no such file", "pitboss run"]);
    refused(&desk, &["journal", "nowhere"], USAGE, &["nowhere", "No such file"]);
}

#[test]
fn a_journal_in_use_and_an_unknown_session_are_told() {
    let desk = Desk::with(&Settings::synthetic("300", config::ten()));
    let running = desk.start(&["run", "--config", "desk.toml"]);
    running.wait_for_text("runs: 10 strategies");
    let end = desk.run(&["run", "--config", "desk.toml"]);
    assert_ne!(end.code(), Some(0), "two of them write one journal");
    assert_eq!(end.code(), Some(USAGE), "{end:?}");
    for text in ["var/journal/simulated", "another"] {
        assert!(end.err.contains(text), "{text:?} is missing:\n{}", end.err);
    }
    running.interrupt();
    running.end().ok();
    let with = ["--config", "desk.toml"];
    let unknown = [&["report", "--session", "20240101T000000Z-0001"], &with[..]].concat();
    refused(&desk, &unknown, USAGE, &["no session 20240101T000000Z-0001", "report --list"]);
    let sessions = desk.run(&[&["report", "--list"], &with[..]].concat()).ok().out;
    assert_eq!(sessions.lines().count(), 1, "the refused one is no session: {sessions}");
}
