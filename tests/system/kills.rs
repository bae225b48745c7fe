//! SIGKILL at two hundred random points of busy sessions over the wire, in lanes that have a gateway each: after every
//! start book and broker hold the same, no order is sent twice, journal and database are complete.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::journal::Record;

use crate::support::gate::{Chance, Followed, gateway};
use crate::support::{Desk, Settings, config, desk};

const JOURNAL: &str = "var/journal";
/// Bars of five seconds, so that there are orders within the first second of each session.
const SPEED: f64 = 40.0;
const LANES: u64 = 4;
const KILLS: usize = 50;
/// One in so many is killed while it recovers from the last kill.
const EARLY_EVERY: usize = 8;
/// A busy machine may hold everything up for a while.
const AGREE_WITHIN: Duration = Duration::from_secs(90);

#[test]
fn two_hundred_kills_lose_nothing_and_double_nothing() {
    let seed: u64 = std::env::var("PITBOSS_KILLS_SEED").ok().map_or(20_261_123, |text| text.parse().expect("a number"));
    println!("PITBOSS_KILLS_SEED={seed}");
    let lanes: Vec<_> = (0..LANES).map(|lane| std::thread::spawn(move || play(seed + lane))).collect();
    let (mut kills, mut executions) = (0, 0);
    for lane in lanes {
        let (killed, executed) = lane.join().expect("a lane tells what went wrong above");
        kills += killed;
        executions += executed;
    }
    println!("{kills} kills, {executions} executions");
    assert_eq!(kills, LANES as usize * KILLS);
    assert!(executions > kills, "the sessions were busy: {executions} executions");
}

fn settings(address: &str) -> Settings {
    Settings {
        broker: format!("address = \"{address}\"\nclient_id = 1\nreconnect_delay_min_ms = 20\n"),
        flatten_on_stop: true,
        stale_after_ms: 120_000,
        lengths_s: "[5]",
        ..Settings::played(config::ten().into_iter().map(|strategy| strategy.bars(5)).collect())
    }
}

/// Plays one lane; gives its kills and executions.
fn play(seed: u64) -> (usize, usize) {
    let mut chance = Chance::of(seed);
    let gateway = gateway(seed, SPEED);
    let desk = Desk::with(&settings(&gateway.local_addr().to_string()));
    let run = || desk.start(&["run", "--config", "desk.toml", "--speed", &SPEED.to_string()]);
    let mut journal = Followed::of(&desk, JOURNAL);
    for kill in 1..=KILLS {
        let running = run();
        if kill % EARLY_EVERY == 0 {
            std::thread::sleep(chance.millis(10, 400));
        } else {
            running.wait_for_text("trading allowed");
            journal.until_agreed(&gateway, AGREE_WITHIN);
            std::thread::sleep(chance.millis(300, 1_500));
        }
        assert!(running.kill().was_killed(), "seed {seed}, kill {kill}");
        journal.read_on();
        journal.assert_sent_once(&gateway.truth());
    }
    let running = run();
    running.wait_for_text("trading allowed");
    journal.until_agreed(&gateway, AGREE_WITHIN);
    running.terminate();
    let end = running.end().ok();
    assert!(end.out.contains("at the end flat, 0 orders at the broker"), "seed {seed}: {}", end.out);

    journal.read_on();
    journal.assert_complete();
    let truth = gateway.truth();
    assert_eq!(journal.difference(&truth), None, "seed {seed}");
    journal.assert_sent_once(&truth);
    assert!(truth.open_orders.is_empty(), "seed {seed}: orders are left at the broker: {:?}", truth.open_orders);
    assert_stored(&desk, &journal);
    gateway.stop();
    (KILLS, truth.executions.len())
}

/// Each order and execution of the journal is in the database, once.
fn assert_stored(desk: &Desk, journal: &Followed) {
    let url = format!("sqlite:{}", desk.path(desk::DATABASE).display());
    let (mut stored_orders, mut stored_executions) = (Vec::new(), Vec::new());
    desk::wait(async {
        let store = desk::open(&url).await;
        for session in store.sessions().await.expect("the table can be read") {
            let orders = store.orders(&session.session_id).await.expect("the table can be read");
            stored_orders.extend(orders.into_iter().map(|row| row.order.order_ref));
            let executions = store.executions(&session.session_id).await.expect("the table can be read");
            stored_executions.extend(executions.into_iter().map(|row| row.exec_id));
        }
    });
    let (mut orders, mut executions) = (BTreeSet::new(), BTreeSet::new());
    for entry in &journal.entries {
        match &entry.record {
            Record::OrderPlaced(ticket) => drop(orders.insert(ticket.order_ref.clone())),
            Record::Fill(fill) => drop(executions.insert(fill.exec_id.clone())),
            _ => {}
        }
    }
    assert_same(stored_orders, &orders);
    assert_same(stored_executions, &executions);
}

fn assert_same(stored: Vec<String>, written: &BTreeSet<String>) {
    let unique: BTreeSet<String> = stored.iter().cloned().collect();
    assert_eq!(unique.len(), stored.len(), "stored twice");
    let missing: Vec<_> = written.difference(&unique).collect();
    assert!(missing.is_empty(), "written and not stored: {missing:?}");
}
