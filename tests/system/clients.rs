//! Other people's clients against `pitboss gateway`: both encodings, as real programs speak them. Each program checks
//! what its own objects say and prints a line a check. Skipped where `cargo xtask test` could make no Python for them.

mod market;
mod rust_crate;
mod together;

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Desk, Finished, Process};

const OLD: &str = "PITBOSS_PYTHON_CLIENTS";
const NEW: &str = "PITBOSS_PYTHON_OFFICIAL";

/// What every client program must have gone through, by the names that it prints.
const SCENARIOS: [&str; 25] = [
    "connect",
    "qualify",
    "stream",
    "place-modify-cancel",
    "partial-fill",
    "limit-waits-its-turn",
    "partial-fill-then-cancel",
    "bracket-takes-its-profit",
    "bracket-stops-its-loss",
    "bracket-cancel-reaches-the-children",
    "oca-1-cancels-the-others",
    "oca-3-reduces-the-others",
    "executions-with-a-filter",
    "profit-and-account-values",
    "open-and-completed-orders",
    "reconnect-with-working-orders",
    "refusals",
    "quotes-and-snapshot",
    "historical-bars-and-ticks",
    "real-time-bars",
    "what-if",
    "margin-refusal",
    "trailing-stop",
    "market-if-touched",
    "good-till-date",
];

/// The Python of an environment that the tests were given.
fn python(environment: &str) -> Option<PathBuf> {
    let python = std::env::var_os(environment).map(PathBuf::from).filter(|python| python.exists());
    if python.is_none() {
        println!("skipped: {environment} names no Python");
    }
    python
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(format!("{}/gateway/clients/{name}", env!("CARGO_MANIFEST_DIR")))
}

/// A gateway on a free port, and the port.
fn gateway(desk: &Desk, more: &[&str]) -> (Process, String) {
    let gateway = desk.start(&[&["gateway", "--listen", "127.0.0.1:0"], more].concat());
    let port = gateway.wait_for("its port", |line| line.strip_prefix("listening on 127.0.0.1:").map(str::to_owned));
    (gateway, port)
}

/// A gateway with the market that is known, which moves when it is asked to.
fn played_gateway(desk: &Desk) -> (Process, String) {
    let market = market::write(desk);
    gateway(desk, &["--speed", "max", "--cash", "1000000", "--data", market.to_str().expect("paths here are plain")])
}

/// Runs one client program to its end, which must be a good one.
fn run(python: PathBuf, name: &str, port: &str, more: &[&str]) -> Finished {
    let mut command = Command::new(python);
    // The scripts lie in the source tree, which stays as it is.
    command.arg("-B").arg(script(name)).args(["127.0.0.1", port]).args(more);
    let end = Process::start(&mut command).end();
    assert!(end.status.success(), "{}\n{}", end.out, end.err);
    end
}

/// A client against a market that moves by itself.
fn streams(environment: &str, name: &str, more: &[&str]) {
    let Some(python) = python(environment) else { return };
    let desk = Desk::new();
    let (_gateway, port) = gateway(&desk, &["--speed", "20"]);
    let end = run(python, name, &port, more);
    assert!(end.out.lines().filter(|line| line.starts_with("ok")).count() >= 10, "{}", end.out);
}

/// A client in the market that is known: every scenario must have been printed as passed.
fn trades(environment: &str, name: &str, more: &[&str]) {
    let Some(python) = python(environment) else { return };
    let desk = Desk::new();
    let (_gateway, port) = played_gateway(&desk);
    let end = run(python, name, &port, more);
    let passed: Vec<&str> = end.out.lines().filter_map(|line| line.strip_prefix("ok ")?.split(' ').next()).collect();
    assert_eq!(passed, SCENARIOS, "{}", end.out);
}

#[test]
fn ib_async_follows_a_moving_market_in_text() {
    streams(OLD, "ib_async_client.py", &[]);
}

#[test]
fn ib_insync_follows_a_moving_market_in_text() {
    streams(OLD, "ib_async_client.py", &["ib_insync"]);
}

#[test]
fn the_old_official_client_follows_a_moving_market_in_text() {
    streams(OLD, "official_client.py", &[]);
}

#[test]
fn the_new_official_client_follows_a_moving_market_in_protobuf() {
    streams(NEW, "official_client.py", &[]);
}

#[test]
fn ib_async_is_shown_data_of_every_kind() {
    streams(OLD, "ib_async_data.py", &[]);
}

#[test]
fn ib_insync_is_shown_data_of_every_kind() {
    streams(OLD, "ib_async_data.py", &["ib_insync"]);
}

#[test]
fn the_old_official_client_is_shown_data_of_every_kind() {
    streams(OLD, "official_data.py", &[]);
}

#[test]
fn the_new_official_client_is_shown_data_of_every_kind() {
    streams(NEW, "official_data.py", &[]);
}

#[test]
fn ib_async_places_orders_of_every_kind() {
    streams(OLD, "ib_async_orders.py", &[]);
}

#[test]
fn ib_insync_places_orders_of_every_kind() {
    streams(OLD, "ib_async_orders.py", &["ib_insync"]);
}

#[test]
fn ib_async_trades_in_text() {
    trades(OLD, "ib_async_scenarios.py", &[]);
}

#[test]
fn ib_insync_trades_in_text() {
    trades(OLD, "ib_async_scenarios.py", &["ib_insync"]);
}

#[test]
fn the_old_official_client_trades_in_text() {
    trades(OLD, "official_scenarios.py", &[]);
}

#[test]
fn the_new_official_client_trades_in_protobuf() {
    trades(NEW, "official_scenarios.py", &[]);
}
