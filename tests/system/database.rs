//! The database is gone for an hour of market time: trading goes on, memory does not grow with it, and what is in the
//! journal reaches the database when it is back.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use engine::journal::Record;

use crate::support::gate::{Followed, gateway};
use crate::support::{Desk, Process, Settings, config, desk, pg_server};

const SPEED: f64 = 120.0;
/// What a process may take more, for an hour that its database is away.
const GROWTH_KB_MAX: u64 = 48 << 10;
const AN_HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn an_hour_without_a_database_costs_neither_rows_nor_memory() {
    let Some(mut server) = pg_server::alone() else { return };
    let url = server.new_database();
    let gateway = gateway(12, SPEED);
    let desk = Desk::with(&Settings {
        broker: format!("address = \"{}\"\nclient_id = 1\n", gateway.local_addr()),
        flatten_on_stop: true,
        stale_after_ms: 600_000,
        lengths_s: "[30]",
        ..Settings::played(config::ten().into_iter().map(|strategy| strategy.bars(30)).collect())
    });
    let mut command = desk.command(["run", "--config", "desk.toml", "--speed", &SPEED.to_string()]);
    command.env("PITBOSS__STORAGE__DATABASE_URL", &url);
    let running = Process::start(&mut command);
    running.wait_for_count(" fill ", 6);

    server.stop();
    running.wait_for_text("cannot write to the database");
    let (from, memory) = (gateway.truth().now, resident_kb(&running));
    let deadline = Instant::now() + Duration::from_secs(300);
    while gateway.truth().now < from + AN_HOUR {
        assert!(Instant::now() < deadline, "the market stands still at {}", gateway.truth().now);
        std::thread::sleep(Duration::from_millis(50));
    }
    let grown = resident_kb(&running).saturating_sub(memory);
    println!("{grown} kB more after an hour without a database, {memory} kB at its beginning");
    assert!(grown < GROWTH_KB_MAX, "it grew by {grown} kB");
    server.start_again();
    running.wait_for_text("the database is back");
    running.terminate();
    let end = running.end().ok();
    assert!(end.err.contains("0 bytes of the journal's file are not in the database yet"), "{}", end.err);

    let mut journal = Followed::of(&desk, "var/journal");
    journal.read_on();
    let written: BTreeSet<String> = journal
        .entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Fill(fill) => Some(fill.exec_id.clone()),
            _ => None,
        })
        .collect();
    let stored: BTreeSet<String> = desk::wait(async {
        let store = desk::open(&url).await;
        let mut ids = BTreeSet::new();
        for session in store.sessions().await.expect("the table can be read") {
            let rows = store.executions(&session.session_id).await.expect("the table can be read");
            ids.extend(rows.into_iter().map(|row| row.exec_id));
        }
        ids
    });
    assert!(written.len() > 6, "it traded on: {}", written.len());
    assert_eq!(stored, written);
    assert_eq!(journal.difference(&gateway.truth()), None);
    gateway.stop();
}

fn resident_kb(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
