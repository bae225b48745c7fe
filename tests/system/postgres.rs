//! A session that is stored in a real PostgreSQL server, which the test starts for itself.

use crate::support::pg_server;
use crate::support::{Desk, Settings, config};

#[test]
fn a_session_is_stored_in_postgresql() {
    let Some(server) = pg_server::shared() else { return };
    let url = server.new_database();
    let settings = Settings::synthetic("300", config::ten());
    let desk = Desk::with(&Settings { flatten_on_stop: true, stale_after_ms: 60_000, ..settings });
    let start = |args: &[&str]| {
        let mut command = desk.command(args);
        command.env("PITBOSS__STORAGE__DATABASE_URL", &url);
        crate::support::Process::start(&mut command)
    };
    let running = start(&["run", "--config", "desk.toml"]);
    running.wait_for_count(" fill ", 6);
    running.interrupt();
    running.end().ok();

    let report = start(&["report", "--json", "--config", "desk.toml"]).end().ok().json();
    let counts = &report["counts"];
    for table in ["bars", "signals", "orders", "executions", "positions", "events"] {
        assert!(counts[table].as_i64().is_some_and(|rows| rows > 0), "no {table}: {counts}");
    }
    assert_eq!(report["session"]["end_cause"], "interrupted");
    let rows = server.sql(&url, "select count(*), sum(quantity) from executions");
    let executions = counts["executions"].as_i64().expect("a number");
    assert_eq!(rows.split('|').next(), Some(executions.to_string().as_str()), "psql sees what the report says: {rows}");
    assert!(!desk.path(crate::support::desk::DATABASE).exists(), "no SQLite file beside it");
}
