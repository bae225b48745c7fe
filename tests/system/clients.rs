//! Other people's clients against `pitboss gateway`: both encodings, as real programs speak them. Each program checks
//! what its own objects say and prints a line a check. Skipped where `cargo xtask test` could make no Python for them.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Desk, Process};

/// Runs one client program against a moving market and a fresh account.
fn serves(environment: &str, script: &str, more: &[&str]) {
    let Some(python) = std::env::var_os(environment).map(PathBuf::from).filter(|python| python.exists()) else {
        println!("skipped: {environment} names no Python");
        return;
    };
    let desk = Desk::new();
    let gateway = desk.start(&["gateway", "--listen", "127.0.0.1:0", "--speed", "20"]);
    let port = gateway.wait_for("its port", |line| line.strip_prefix("listening on 127.0.0.1:").map(str::to_owned));
    let script = format!("{}/gateway/clients/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    command.arg(script).args(["127.0.0.1", port.as_str()]).args(more);
    let end = Process::start(&mut command).end();
    assert!(end.status.success(), "{}\n{}", end.out, end.err);
    assert!(end.out.lines().filter(|line| line.starts_with("ok")).count() >= 10, "{}", end.out);
}

#[test]
fn ib_async_trades_in_text() {
    serves("PITBOSS_PYTHON_CLIENTS", "ib_async_client.py", &[]);
}

#[test]
fn ib_insync_trades_in_text() {
    serves("PITBOSS_PYTHON_CLIENTS", "ib_async_client.py", &["ib_insync"]);
}

#[test]
fn ib_async_places_every_type_of_order() {
    serves("PITBOSS_PYTHON_CLIENTS", "ib_async_orders.py", &[]);
}

#[test]
fn ib_insync_places_every_type_of_order() {
    serves("PITBOSS_PYTHON_CLIENTS", "ib_async_orders.py", &["ib_insync"]);
}

#[test]
fn the_old_official_client_trades_in_text() {
    serves("PITBOSS_PYTHON_CLIENTS", "official_client.py", &[]);
}

#[test]
fn the_new_official_client_trades_in_protobuf() {
    serves("PITBOSS_PYTHON_OFFICIAL", "official_client.py", &[]);
}

#[test]
fn ib_async_is_served_market_data() {
    serves("PITBOSS_PYTHON_CLIENTS", "ib_async_data.py", &[]);
}

#[test]
fn ib_insync_is_served_market_data() {
    serves("PITBOSS_PYTHON_CLIENTS", "ib_async_data.py", &["ib_insync"]);
}

#[test]
fn the_old_official_client_is_served_market_data() {
    serves("PITBOSS_PYTHON_CLIENTS", "official_data.py", &[]);
}

#[test]
fn the_new_official_client_is_served_market_data() {
    serves("PITBOSS_PYTHON_OFFICIAL", "official_data.py", &[]);
}
