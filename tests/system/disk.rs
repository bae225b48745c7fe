//! A full disk, and a journal whose end is torn, under the whole program. The disk is full by RLIMIT_FSIZE: write(2)
//! fails in every file that would grow beyond the limit, as it does with ENOSPC, and the test can lift it again.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::time::Duration;

use engine::journal::Record;
use engine::trade::{Leg, Trading};
use gateway::{Fault, Gateway};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::support::gate::{Chance, Followed, gateway};
use crate::support::{Desk, Process, Settings, config};

const JOURNAL: &str = "var/journal";
const SPEED: f64 = 20.0;
const AGREE_WITHIN: Duration = Duration::from_secs(90);

fn desk(gateway: &Gateway) -> Desk {
    Desk::with(&Settings {
        broker: format!("address = \"{}\"\nclient_id = 1\nreconnect_delay_min_ms = 20\n", gateway.local_addr()),
        flatten_on_stop: true,
        stale_after_ms: 120_000,
        lengths_s: "[5]",
        ..Settings::played(config::ten().into_iter().map(|strategy| strategy.bars(5)).collect())
    })
}

fn run(desk: &Desk) -> Process {
    desk.start(&["run", "--config", "desk.toml", "--speed", &SPEED.to_string()])
}

/// As `run`, but a write beyond a limit is an error instead of a deadly signal, as on a disk that is full.
fn run_with_limits(desk: &Desk) -> Process {
    let plain = desk.command(["run", "--config", "desk.toml", "--speed", &SPEED.to_string()]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(plain.get_program()).args(plain.get_args());
    shell.current_dir(desk.path("."));
    Process::start(&mut shell)
}

/// Bytes that a file of the process may have.
fn limit_files(process: &Process, bytes: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(process.id()).expect("ids are small")).expect("it runs");
    prlimit(Some(pid), Resource::Fsize, Rlimit { current: bytes, maximum: None }).expect("it is our child");
}

#[test]
fn a_full_disk_stops_entries_only_and_nothing_is_lost_when_there_is_room_again() {
    let gateway = gateway(11, SPEED);
    let desk = desk(&gateway);
    let running = run_with_limits(&desk);
    running.wait_for_count(" fill ", 8);
    let segment = desk.path(JOURNAL).join("00000001.pbj");
    let holds = || gateway.truth().positions.iter().any(|position| position.quantity != 0);
    wait_until("a position", holds);
    limit_files(&running, Some(segment.metadata().expect("the segment is there").len()));
    running.wait_for_text("the journal cannot be written");
    running.wait_for_text("trading paused");
    let before = gateway.truth().executions.len();
    // The position may have been closed at the very moment at which the disk became full: then nothing is left to exit.
    if holds() {
        wait_until("exits go on", || gateway.truth().executions.len() > before || !holds());
    }
    limit_files(&running, None);
    running.wait_for_text("the journal is written again");

    let mut journal = Followed::of(&desk, JOURNAL);
    journal.until_agreed(&gateway, AGREE_WITHIN);
    journal.assert_complete();
    let truth = gateway.truth();
    journal.assert_sent_once(&truth);
    assert_no_entry_since_the_halt(&journal, &truth);
    running.terminate();
    let end = running.end().ok();
    assert!(end.out.contains("at the end flat, 0 orders at the broker"), "{}\n{}", end.out, end.err);

    let again = run(&desk);
    again.wait_for_text("trading allowed");
    again.wait_for_count(" fill ", 1);
    again.terminate();
    again.end().ok();
    let report = desk.report(&["--config", "desk.toml"]);
    assert_eq!(report["session"]["end_cause"], "terminated", "the database has it all: {report}");
    gateway.stop();
}

/// Whoever stops meanwhile is told what is lost, and the next start takes it over from the broker.
#[test]
fn a_stop_while_the_disk_is_full_says_what_is_lost_and_the_next_start_agrees() {
    let gateway = gateway(12, SPEED);
    let desk = desk(&gateway);
    let running = run_with_limits(&desk);
    running.wait_for_count(" fill ", 8);
    let segment = desk.path(JOURNAL).join("00000001.pbj");
    wait_until("a position", || gateway.truth().positions.iter().any(|position| position.quantity != 0));
    limit_files(&running, Some(segment.metadata().expect("the segment is there").len()));
    running.wait_for_text("the journal cannot be written");
    running.terminate();
    let end = running.end();
    assert_eq!(end.code(), Some(1), "{}\n{}", end.out, end.err);
    assert!(end.err.contains("records could not be written to the journal"), "{}", end.err);

    let again = run(&desk);
    again.wait_for_text("trading allowed");
    again.terminate();
    let end = again.end().ok();
    assert!(end.out.contains("at the end flat, 0 orders at the broker"), "{}\n{}", end.out, end.err);
    let positions = gateway.truth().positions;
    assert!(positions.iter().all(|position| position.quantity == 0), "{positions:?}");
    gateway.stop();
}

#[test]
fn a_journal_that_is_removed_while_it_is_written_ends_entries_at_once() {
    let gateway = gateway(13, SPEED);
    let desk = desk(&gateway);
    let running = run(&desk);
    running.wait_for_count(" fill ", 4);
    std::fs::remove_dir_all(desk.path(JOURNAL)).expect("the journal is there");
    running.wait_for_text("it was removed while it was open");
    running.wait_for_text("trading paused");
    // Entries come with children, exits do not.
    let brackets = || {
        let truth = gateway.truth();
        truth.open_orders.iter().chain(&truth.completed_orders).filter(|order| order.order.parent_id.is_some()).count()
    };
    let paused = gateway.truth().now;
    wait_until("what was on its way has arrived", || gateway.truth().now > paused + Duration::from_secs(5));
    let before = brackets();
    wait_until("a while of trading", || gateway.truth().now > paused + Duration::from_secs(45));
    assert_eq!(brackets(), before, "nobody enters any more");
    running.terminate();
    let end = running.end();
    assert_eq!(end.code(), Some(1), "{}\n{}", end.out, end.err);
    assert!(end.err.contains("records could not be written to the journal"), "{}", end.err);
    gateway.stop();
}

/// What was refused for want of a record never reached the gateway.
fn assert_no_entry_since_the_halt(journal: &Followed, truth: &gateway::Truth) {
    let halted = journal.entries.iter().find(|entry| match &entry.record {
        Record::Trading { trading: Trading::Paused, cause } => cause.contains("journal"),
        _ => false,
    });
    let halted = halted.expect("the pause was recorded when there was room").seq;
    let known: BTreeSet<&str> =
        truth.open_orders.iter().chain(&truth.completed_orders).map(|order| order.order.order_ref.as_str()).collect();
    let entry = journal.entries.iter().filter(|entry| entry.seq > halted).find_map(|entry| match &entry.record {
        Record::OrderPlaced(ticket) if ticket.leg == Leg::Entry => Some(ticket.order_ref.as_str()),
        _ => None,
    });
    assert!(entry.is_none_or(|entry| !known.contains(entry)), "an entry after the halt: {entry:?}");
}

/// Trading is allowed at once, or what the tear took out of the book is told and a person removes it at the broker.
fn until_allowed(running: &Process, gateway: &Gateway) {
    let allowed = running.wait_for("a verdict", |line| {
        let differs = line.contains("is not live in the book") || line.contains("position ES: book");
        if line.contains("trading allowed") { Some(true) } else { differs.then_some(false) }
    });
    if !allowed {
        // Unless they have ended by themselves meanwhile.
        let removed = gateway.inject(Fault::new("unsolicited-cancel").with("which", "all"));
        let gone = removed.as_ref().is_err_and(|error| error.to_string().contains("there is no open order"));
        assert!(removed.is_ok() || gone, "{removed:?}");
        running.wait_for_text("trading allowed");
    }
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + AGREE_WITHIN;
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "{what}: not within {AGREE_WITHIN:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A loss of power costs what was not on the disk yet: the last moments of the journal, cut anywhere.
#[test]
fn a_journal_torn_at_any_byte_leads_back_to_the_brokers_position() {
    let seed = 20_261_124;
    println!("seed {seed}");
    let mut chance = Chance::of(seed);
    let gateway = gateway(seed, SPEED);
    let desk = desk(&gateway);
    for tear in 1..=8_u32 {
        let running = run(&desk);
        until_allowed(&running, &gateway);
        Followed::of(&desk, JOURNAL).until_held(&gateway, AGREE_WITHIN);
        std::thread::sleep(chance.millis(300, 1_500));
        assert!(running.kill().was_killed());
        let segment = desk.path(JOURNAL).join(format!("{tear:08}.pbj"));
        let file = OpenOptions::new().write(true).open(&segment).expect("each start begins a segment");
        let length = file.metadata().expect("it is there").len();
        // The first entry was on the disk before anything was sent.
        let most = (length / 3).min(2_000);
        file.set_len(length - chance.below(most)).expect("it can be cut");
    }
    let running = run(&desk);
    until_allowed(&running, &gateway);
    Followed::of(&desk, JOURNAL).until_held(&gateway, AGREE_WITHIN);
    running.terminate();
    running.end().ok();
    Followed::of(&desk, JOURNAL).until_held(&gateway, AGREE_WITHIN);
    let truth = gateway.truth();
    let mut names = BTreeSet::new();
    for order in truth.open_orders.iter().chain(&truth.completed_orders) {
        assert!(names.insert(&order.order.order_ref), "{} was used twice", order.order.order_ref);
    }
    gateway.stop();
}
