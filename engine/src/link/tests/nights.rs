//! What Interactive Brokers does at night and at the connection's beginning, as one sequence each.

use super::*;

const LOST: &str = "Connectivity between IB and Trader Workstation has been lost.";
const BACK: &str = "Connectivity between IB and Trader Workstation has been restored - data maintained.";

#[test]
fn the_nightly_reset_pauses_once_and_opens_by_inventory_and_tick() {
    // 00:20 in New York: within the daily reset.
    let mut desk = Desk::at("2024-06-12T04:20:00Z");
    desk.notice(1100, LOST);
    assert_eq!(desk.done(), [Output::Lost, Output::Feed { symbol: ES, live: false }], "entries were held already");
    for _ in 0..5 {
        desk.notice(1100, LOST);
        desk.notice(2103, "Market data farm connection is broken:usfuture");
        desk.notice(2105, "HMDS data farm connection is broken:ushmds");
        desk.notice(2104, "Market data farm connection is OK:usfuture");
        desk.notice(2106, "HMDS data farm connection is OK:ushmds").silent(30);
    }
    assert_eq!(desk.done(), [], "what is repeated is not done again");
    desk.notice(1102, BACK);
    assert_eq!(desk.done(), [Output::TakeInventory]);
    desk.tell(Input::Compared(Comparison::Agrees)).tick();
    assert_eq!(desk.done(), [Output::Feed { symbol: ES, live: true }], "paused until the window is over");
    desk.busy(90 * 60);
    assert!(desk.may_enter());
}

#[test]
fn an_outage_inside_its_window_is_told_as_expected_and_one_by_day_is_not() {
    let mut night = Desk::at("2024-06-12T04:20:00Z");
    night.tell(Input::Disconnected { cause: "EOF".into() }).silent(600);
    assert_eq!(night.told(), ["info link.outage_expected"]);
    let mut day = Desk::at(MORNING);
    day.tell(Input::Disconnected { cause: "EOF".into() }).silent(61);
    assert_eq!(day.told(), ["warning link.outage", "error link.away"]);
    day.tell(Input::Connected).tell(Input::Compared(Comparison::Agrees));
    assert_eq!(day.told(), ["info link.restored"]);
}

#[test]
fn a_handshake_without_servers_behind_it_counts_no_inventory() {
    let mut desk = Desk::fresh(&config(), MORNING);
    desk.tell(Input::Connected);
    assert!(desk.done().contains(&Output::TakeInventory));
    desk.notice(2110, "Connectivity between Trader Workstation and server is broken.");
    desk.tell(Input::Compared(Comparison::Agrees));
    assert_eq!(desk.trading(), Trading::Paused, "the gateway answered from its memory");
    desk.tell(Input::NoInventory { cause: "timeout".into() });
    assert!(!desk.done().iter().any(|output| matches!(output, Output::Rebuild { .. })), "it cannot answer");
    desk.notice(1101, "restored - data lost");
    assert_eq!(desk.done(), [Output::Resubscribe, Output::TakeInventory]);
    desk.tell(Input::Compared(Comparison::Agrees)).tell(Input::FeedUp(ES)).tick();
    assert!(desk.may_enter());
}

#[test]
fn servers_that_stay_lost_are_asked_for_by_a_new_connection() {
    let mut desk = Desk::at(MORNING);
    desk.notice(1100, LOST).silent(299);
    assert!(!desk.done().iter().any(|output| matches!(output, Output::Rebuild { .. })));
    desk.silent(2);
    assert!(desk.done().iter().any(|output| matches!(output, Output::Rebuild { .. })));
    let mut night = Desk::at("2024-06-12T04:20:00Z");
    night.notice(1100, LOST).silent(3_600);
    assert!(!night.done().iter().any(|output| matches!(output, Output::Rebuild { .. })), "expected to last");
}

#[test]
fn a_port_reset_builds_the_connection_anew() {
    let mut desk = Desk::at(MORNING);
    desk.notice(1300, "socket port has been reset");
    assert!(matches!(desk.done()[..], [Output::Rebuild { .. }]));
}

#[test]
fn unknown_codes_change_nothing() {
    let mut desk = Desk::at(MORNING);
    for code in [2137, 4242, -3, 326, 2107, 2157, 2158] {
        desk.notice(code, "something");
    }
    assert_eq!(desk.said, []);
}

fn with_policy(unexpected: LossPolicy, expected: LossPolicy) -> Config {
    Config { on_disconnect: OnDisconnect { unexpected, expected }, ..config() }
}

fn lost_for(config: &Config, start: &str, secs: u64) -> Trading {
    let mut desk = Desk::of(config, start);
    desk.tell(Input::Disconnected { cause: "EOF".into() }).silent(secs);
    desk.tell(Input::Connected).silent(3).tell(Input::Compared(Comparison::Agrees));
    desk.trading()
}

#[test]
fn positions_are_closed_when_the_outage_outlasted_the_grace() {
    let grace = LossPolicy::Liquidate { after: Duration::from_secs(30) };
    let config = with_policy(grace, LossPolicy::Hold);
    assert_eq!(lost_for(&config, MORNING, 29), Trading::Allowed, "the inventory's three seconds do not count");
    assert_eq!(lost_for(&config, MORNING, 30), Trading::Liquidating);
    assert_eq!(lost_for(&config, "2024-06-12T04:20:00Z", 600), Trading::Paused, "expected: held, and entries too");
}

#[test]
fn two_losses_before_an_inventory_are_one_outage() {
    let grace = LossPolicy::Liquidate { after: Duration::from_secs(30) };
    let mut desk = Desk::of(&with_policy(grace, grace), MORNING);
    desk.tell(Input::Disconnected { cause: "EOF".into() }).silent(20);
    desk.tell(Input::Connected).silent(1).tell(Input::Disconnected { cause: "EOF".into() }).silent(20);
    desk.tell(Input::Connected).tell(Input::Compared(Comparison::Agrees));
    assert_eq!(desk.trading(), Trading::Liquidating);
    // Until the books say so, whatever happens meanwhile.
    desk.notice(1100, LOST).notice(1102, BACK);
    assert_eq!(desk.trading(), Trading::Paused);
    desk.tell(Input::Compared(Comparison::Agrees));
    assert_eq!(desk.trading(), Trading::Liquidating);
    desk.tell(Input::Flat);
    assert_eq!(desk.trading(), Trading::Allowed);
}
