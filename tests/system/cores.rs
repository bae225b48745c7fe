//! `broker.core`: the thread that trades has the core for itself, as the kernel's list of this process' threads shows.
//! `broker.busy_poll_ms`: a thread that does not sleep practises over a line of its own.

use std::fs;

use crate::support::gate::trading;

#[test]
fn the_thread_that_trades_has_its_core_and_the_others_keep_off_it() {
    let own = allowed(&fs::read_to_string("/proc/thread-self/status").expect("this runs on Linux"));
    if !own.starts_with("0-") {
        println!("skipped: needs a first core and another one, and may run on {own}");
        return;
    }
    let (_desk, running, gateway) = trading(23, "core = 0\n");

    let mut on_core = Vec::new();
    let mut beside = 0;
    for thread in fs::read_dir(format!("/proc/{}/task", running.id())).expect("it runs") {
        // A thread may end meanwhile.
        let Ok(status) = fs::read_to_string(thread.expect("a thread").path().join("status")) else { continue };
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

#[test]
fn a_thread_that_does_not_sleep_practises_over_a_line_of_its_own() {
    // One to the gateway, and both of the line to practise on.
    for (broker, ends) in [("", 1), ("busy_poll_ms = 5\n", 3)] {
        let (desk, running, gateway) = trading(24, broker);
        assert_eq!(connection_ends(running.id()), ends, "{broker:?}");
        // Long enough for hundreds of walks.
        running.wait_for_text("bars 2");
        assert_eq!(connection_ends(running.id()), ends, "{broker:?}");
        running.interrupt();
        running.end().ok();
        gateway.stop();
        let failed = desk.log().into_iter().find(|event| event["event"] == "broker.rehearsal");
        assert_eq!(failed, None);
    }
}

/// Ends of established TCP connections that a process holds.
fn connection_ends(process: u32) -> usize {
    const ESTABLISHED: &str = "01";
    let held: Vec<String> = fs::read_dir(format!("/proc/{process}/fd"))
        .expect("it runs")
        .filter_map(|fd| fs::read_link(fd.ok()?.path()).ok()?.into_os_string().into_string().ok())
        .collect();
    let sockets = fs::read_to_string("/proc/net/tcp").expect("this runs on Linux");
    let inodes = sockets.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields[3] == ESTABLISHED).then(|| format!("socket:[{}]", fields[9]))
    });
    inodes.filter(|inode| held.contains(inode)).count()
}

/// Cores that a thread may run on, as `/proc` lists them.
fn allowed(status: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.expect("the kernel says so").trim().to_owned()
}
