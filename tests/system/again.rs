//! Several sessions in one folder: each keeps what is its own.

use serde_json::Value;

use crate::support::{Desk, Settings, config};

#[test]
fn every_session_of_a_folder_keeps_its_own_executions() {
    let desk = Desk::with(&Settings::synthetic("\"max\"", config::ten()));
    let with = ["--config", "desk.toml"];
    for _ in 0..2 {
        desk.run(&["backtest", "--config", "desk.toml", "--minutes", "30"]).ok();
    }
    for _ in 0..2 {
        let running = desk.start(&["run", "--config", "desk.toml"]);
        running.wait_for_count(" fill ", 4);
        running.interrupt();
        running.end().ok();
    }
    let list = desk.run(&[&["report", "--list", "--json"], &with[..]].concat()).ok().json();
    let sessions = list.as_array().expect("a list");
    assert_eq!(sessions.len(), 4);
    for session in sessions {
        let id = session["session_id"].as_str().expect("a session has a name");
        let report = desk.report(&["--session", id, "--config", "desk.toml"]);
        let fills = filled(&report);
        assert!(fills > 0 && report["counts"]["executions"].as_u64() >= Some(fills), "{id}: {report:#}");
    }
}

/// Orders that filled; each has one execution at least.
fn filled(report: &Value) -> u64 {
    let orders = report["orders"].as_array().expect("orders are listed");
    orders.iter().filter(|order| order["state"] == "filled" || order["order"]["state"] == "filled").count() as u64
}
