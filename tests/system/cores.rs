//! `broker.core`: the thread that trades has the core for itself, as the kernel's list of this process' threads shows.

use crate::support::gate::gateway;
use crate::support::{Desk, Settings, config};

const SPEED: f64 = 30.0;

#[test]
fn the_thread_that_trades_has_its_core_and_the_others_keep_off_it() {
    let own = allowed(&std::fs::read_to_string("/proc/thread-self/status").expect("this runs on Linux"));
    if !own.starts_with("0-") {
        println!("skipped: needs a first core and another one, and may run on {own}");
        return;
    }
    let gateway = gateway(23, SPEED);
    let settings = Settings {
        broker: format!("address = \"{}\"\nclient_id = 1\ncore = 0\n", gateway.local_addr()),
        ..Settings::played(config::ten().into_iter().take(1).collect())
    };
    let desk = Desk::with(&settings);
    let running = desk.start(&["run", "--config", "desk.toml", "--speed", &SPEED.to_string()]);
    running.wait_for_text("trading allowed");

    let mut on_core = Vec::new();
    let mut beside = 0;
    for thread in std::fs::read_dir(format!("/proc/{}/task", running.id())).expect("it runs") {
        // A thread may end meanwhile.
        let Ok(status) = std::fs::read_to_string(thread.expect("a thread").path().join("status")) else { continue };
        let list = allowed(&status);
        let may_run_there = list.split(',').any(|cores| cores == "0" || cores.starts_with("0-"));
        if may_run_there {
            on_core.push((status.lines().next().expect("a name").to_owned(), list));
        } else {
            beside += 1;
        }
    }
    let trades = |name: &str| name.contains("actix-rt");
    // Whom it hands its own waiting to comes from it, and is seldom there.
    let helps = |name: &str| name.contains("tokio-rt-worker");
    assert_eq!(on_core.iter().filter(|(name, _)| trades(name)).count(), 1, "{on_core:?}");
    assert!(on_core.iter().all(|(name, list)| list == "0" && (trades(name) || helps(name))), "{on_core:?}");
    assert!(beside >= 4, "logs, heartbeat, journal-sync, storage: {beside}");
    running.interrupt();
    running.end().ok();
    gateway.stop();
}

/// Cores that a thread may run on, as `/proc` lists them.
fn allowed(status: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.expect("the kernel says so").trim().to_owned()
}
