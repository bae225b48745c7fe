//! SIGKILL in the middle of a busy session, again and again: no order is sent twice, no fill is lost or counted twice,
//! and in the end both sides hold the same. The broker is a gateway in another process, which goes on meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use engine::journal::{Entry, Record};
use engine::orders::machine::State;
use engine::trade::Trading;
use serde_json::Value;

use crate::support::broker::{self, Seen, Truth};
use crate::support::{Desk, Process, Settings, config};

const JOURNAL: &str = "var/journal";
/// Market seconds a second: four bars each second.
const SPEED: &str = "60";

/// What the terminal shows when the process is killed, and how often that was seen before.
const MOMENTS: [(&str, usize); 6] = [
    // Between an order's record and its answer, as far as a line on a terminal can time that.
    (" signal ", 1),
    (" order ", 1),
    (" fill ", 1),
    (" order ", 9),
    (" fill ", 5),
    (" bars ", 4),
];

struct Gateway {
    process: Process,
    address: String,
}

fn gateway(desk: &Desk) -> Gateway {
    let start = "2024-06-12T13:31:00Z";
    let args = ["gateway", "--listen", "127.0.0.1:0", "--speed", SPEED, "--seed", "7", "--start", start];
    let process = desk.start(&args);
    let address = process.wait_for("the address", |line| line.strip_prefix("listening on ").map(str::to_owned));
    Gateway { process, address }
}

fn settings(address: &str) -> Settings {
    Settings {
        broker: format!("address = \"{address}\"\nclient_id = 1\nreconnect_delay_min_ms = 50\n"),
        flatten_on_stop: true,
        // A busy machine may hold a process back for a second, which is a minute of this market.
        stale_after_ms: 120_000,
        lengths_s: "[15]",
        ..Settings::played(config::ten().into_iter().map(|strategy| strategy.bars(15)).collect())
    }
}

#[test]
fn killed_at_any_moment_the_book_and_the_broker_agree_in_the_end() {
    let home = Desk::new();
    let gateway = gateway(&home);
    let desk = Desk::with(&settings(&gateway.address));
    let run = || desk.start(&["run", "--config", "desk.toml", "--speed", SPEED]);

    for (generation, (moment, times)) in (1..).zip(MOMENTS) {
        let running = run();
        wait_until(&running, moment, times);
        assert!(running.kill().was_killed());
        let entries = desk.journal(JOURNAL);
        assert_eq!(sessions(&entries), generation, "each start begins a segment");
        let broker = broker::ask(&gateway.address);
        assert_written_before_sent(&entries, &broker);
    }

    let running = run();
    // Fills alone may be those of orders that earlier sessions left at the broker.
    wait_until(&running, " order ", 1);
    wait_until(&running, " fill ", 3);
    running.terminate();
    let end = running.end().ok();
    assert!(end.out.contains("at the end flat, 0 orders at the broker"), "{}", end.out);

    let broker = broker::ask(&gateway.address);
    gateway.process.terminate();
    gateway.process.end().ok();
    assert_eq!(broker.positions, BTreeMap::new(), "flat at the broker too");
    assert_eq!(broker.open, BTreeSet::new(), "and no order is left there");
    let doubled: Vec<_> = broker.perm_ids.iter().filter(|(_, perm_ids)| perm_ids.len() > 1).collect();
    assert!(doubled.is_empty(), "sent twice: {doubled:?}");

    let entries = desk.journal(JOURNAL);
    assert_reconciled_and_traded_each_time(&entries);
    assert!(broker.executions.len() > 30, "a busy session: {}", broker.executions.len());
    assert_eq!(stored_executions(&desk), broker.executions);
    assert_no_order_in_doubt(&desk);
}

/// Waits for the text `times` times, and for trading to be allowed.
fn wait_until(running: &Process, text: &str, times: usize) {
    running.wait_for_text("trading allowed");
    running.wait_for_count(text, times);
}

fn sessions(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| matches!(entry.record, Record::SessionStarted { .. })).count()
}

/// Whatever the broker knows of us was in the journal before it was sent.
fn assert_written_before_sent(entries: &[Entry], broker: &Truth) {
    let written: BTreeSet<&str> = entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::OrderPlaced(ticket) => Some(ticket.order_ref.as_str()),
            _ => None,
        })
        .collect();
    let unknown: Vec<_> = broker.perm_ids.keys().filter(|name| !written.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "sent and not written: {unknown:?}");
}

/// Each session's first permission came of a comparison with the broker, and orders came after it.
fn assert_reconciled_and_traded_each_time(entries: &[Entry]) {
    let starts: Vec<usize> = (0..entries.len())
        .filter(|&at| matches!(entries[at].record, Record::SessionStarted { .. }))
        .chain([entries.len()])
        .collect();
    assert_eq!(starts.len(), MOMENTS.len() + 2);
    for session in starts.windows(2) {
        let records: Vec<&Record> = entries[session[0]..session[1]].iter().map(|entry| &entry.record).collect();
        let allowed = records.iter().position(|record| {
            matches!(record, Record::Trading { trading: Trading::Allowed, cause } if cause == "book and broker agree")
        });
        let allowed = allowed.unwrap_or_else(|| panic!("never reconciled: {records:#?}"));
        let is_order = |record: &&Record| matches!(record, Record::OrderPlaced(_));
        assert!(!records[..allowed].iter().any(is_order), "an order before reconciliation");
    }
    let last = &entries[starts[starts.len() - 2]..];
    let placed = last.iter().filter(|entry| matches!(entry.record, Record::OrderPlaced(_))).count();
    assert!(placed > 0, "the last session traded on");
}

/// The executions table over all sessions, in the broker's words.
fn stored_executions(desk: &Desk) -> BTreeMap<String, Seen> {
    let mut stored = BTreeMap::new();
    for (order, execution) in orders(desk).iter().flat_map(|order| {
        let executions = order["executions"].as_array().expect("a list").clone();
        executions.into_iter().map(|execution| (order["order"].clone(), execution)).collect::<Vec<_>>()
    }) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let seen = Seen {
            order_ref: text(&order["order_ref"]).expect("an order has a reference"),
            side: if execution["side"] == "buy" { "buy" } else { "sell" },
            quantity: execution["quantity"].as_i64().expect("a number"),
            price: text(&execution["price"]).expect("a price"),
            commission: text(&execution["commission"]),
        };
        let id = text(&execution["exec_id"]).expect("an execution has an id");
        assert_eq!(stored.insert(id, seen), None, "stored twice");
    }
    stored
}

/// Orders of every session with their executions.
fn orders(desk: &Desk) -> Vec<Value> {
    let with = ["--config", "desk.toml"];
    let list = desk.run(&[&["report", "--list", "--json"], &with[..]].concat()).ok();
    let sessions: Vec<Value> = serde_json::from_str(&list.out).expect("a list of sessions");
    assert_eq!(sessions.len(), MOMENTS.len() + 1);
    let of = |session: &Value| {
        let id = session["session_id"].as_str().expect("a session has a name");
        let report = desk.report(&["--config", "desk.toml", "--session", id]);
        report["orders"].as_array().expect("a list").clone()
    };
    sessions.iter().flat_map(of).collect()
}

fn assert_no_order_in_doubt(desk: &Desk) {
    let ended = [State::Filled, State::Cancelled, State::Rejected].map(State::name);
    let open: Vec<_> = orders(desk)
        .into_iter()
        .map(|order| order["order"].clone())
        .filter(|order| !order["state"].as_str().is_some_and(|state| ended.contains(&state)))
        .collect();
    assert!(open.is_empty(), "{open:#?}");
}
