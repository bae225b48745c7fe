//! A gateway that hangs while its connection stands is told of before the connection counts as dead.

use std::time::Duration;

use gateway::Fault;

use crate::support::gate::trading;

#[test]
fn a_missing_heartbeat_is_in_the_log_before_the_connection_is_given_up() {
    let (desk, running, gateway) = trading(25, "heartbeat_every_ms = 300\nheartbeat_misses_max = 3\n");
    gateway.inject(Fault::new("half-open").lasting(Duration::from_secs(3_600))).expect("a fault that can be");
    running.wait_for_text("3 heartbeats without an answer");
    running.interrupt();
    running.end();
    gateway.stop();
    let log = desk.log();
    let at = |event: &str| log.iter().position(|line| line["event"] == event);
    let (missed, dropped) = (at("broker.heartbeat_missed"), at("broker.disconnected"));
    assert!(missed.is_some() && missed < dropped, "missed at {missed:?}, given up at {dropped:?}");
}
