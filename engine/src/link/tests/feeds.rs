//! Market data: farms, silence, corrupt prices, hungry strategies.

use super::*;

const BROKEN: &str = "Market data farm connection is broken:usfuture";
const OK: &str = "Market data farm connection is OK:usfuture";

#[test]
fn a_farm_flap_blocks_entries_until_a_fresh_tick_and_touches_nothing_else() {
    let mut desk = Desk::at(MORNING);
    desk.notice(2103, BROKEN);
    assert_eq!(desk.told(), ["warning feed.farm"]);
    assert_eq!(desk.done(), [Output::Feed { symbol: ES, live: false }], "no order, no socket, no other feed");
    assert_eq!(desk.trading(), Trading::Allowed, "exits and cancels go on");
    desk.notice(2104, OK);
    assert!(!desk.may_enter(), "a farm's word proves no tick");
    desk.tick();
    assert!(desk.may_enter());
    assert_eq!(desk.told(), ["info feed.fresh"]);
}

#[test]
fn a_farm_that_serves_others_changes_nothing_and_one_that_is_unknown_concerns_all() {
    let mut desk = Desk::at(MORNING);
    desk.notice(2103, "Market data farm connection is broken:eufarm");
    assert!(desk.may_enter() && desk.said.is_empty());
    desk.notice(2103, "Market data farm connection is broken:somefarm");
    assert!(!desk.may_enter());
}

#[test]
fn silence_in_regular_hours_is_an_alarm_within_five_seconds() {
    let mut desk = Desk::at(MORNING);
    desk.busy(30);
    assert_eq!(desk.told(), Vec::<String>::new());
    desk.silent(3);
    assert!(desk.may_enter() && desk.told().is_empty(), "never early");
    desk.silent(2);
    assert_eq!(desk.told(), ["warning feed.silent"]);
    assert!(!desk.may_enter());
    desk.tick();
    assert!(desk.may_enter());
    assert_eq!(desk.told(), ["info feed.fresh"]);
}

#[test]
fn a_feed_that_stays_silent_is_subscribed_anew_with_growing_waits_and_the_socket_stays() {
    let mut desk = Desk::at(MORNING);
    desk.silent(600);
    let done = desk.done();
    let again = done.iter().filter(|output| **output == Output::ResubscribeOne(ES)).count();
    assert!((4..=6).contains(&again), "{again} times in ten minutes");
    assert!(!done.iter().any(|output| matches!(output, Output::Rebuild { .. } | Output::Lost)), "{done:?}");
}

#[test]
fn a_farm_that_flaps_all_the_time_does_not_put_the_next_subscription_off() {
    let mut desk = Desk::at(MORNING);
    for _ in 0..30 {
        desk.notice(2103, BROKEN).silent(1).notice(2119, "Market data farm is connecting:usfuture").notice(2104, OK);
    }
    assert!(desk.done().contains(&Output::ResubscribeOne(ES)));
}

#[test]
fn the_night_may_be_quiet_and_a_closed_market_is_silent() {
    let mut night = Desk::at("2024-06-12T02:00:00Z");
    night.silent(50);
    assert!(night.told().is_empty());
    night.silent(12);
    assert_eq!(night.told(), ["warning feed.silent"]);
    // 16:00 to 17:00 in Chicago: the daily pause.
    let mut pause = Desk::at("2024-06-12T20:59:58Z");
    pause.silent(3_601);
    assert_eq!(pause.told(), Vec::<String>::new(), "an hour without a tick");
    pause.silent(62);
    assert_eq!(pause.told(), ["warning feed.silent"], "the market is open again");
}

#[test]
fn data_maintained_is_believed_when_a_tick_comes_and_subscribed_anew_when_none_does() {
    let mut desk = Desk::at(MORNING);
    desk.notice(1100, "lost").notice(1102, "restored");
    desk.tell(Input::Compared(Comparison::Agrees));
    assert!(!desk.may_enter(), "reconciled, and no tick yet");
    desk.done();
    desk.silent(15);
    assert!(!desk.done().contains(&Output::ResubscribeOne(ES)));
    desk.silent(3);
    assert!(desk.done().contains(&Output::ResubscribeOne(ES)));
    desk.tell(Input::FeedUp(ES)).tick();
    assert!(desk.may_enter());
}

#[test]
fn corrupt_prices_block_entries_then_resubscribe_then_rebuild_but_not_for_ever() {
    let corrupt = || Input::Corrupt { symbol: ES, why: "trades are refused in a row".into() };
    let mut desk = Desk::at(MORNING);
    desk.tell(corrupt());
    assert_eq!(desk.told(), ["error feed.corrupt"]);
    let blocked = [Output::ResubscribeOne(ES), Output::Feed { symbol: ES, live: false }];
    assert_eq!(desk.done(), blocked);
    desk.tell(Input::FeedUp(ES)).tell(corrupt());
    assert!(matches!(desk.done()[..], [Output::Rebuild { .. }]), "a new subscription did not help");
    desk.tell(corrupt());
    assert_eq!(desk.done(), [], "one rebuild at a time");
    desk.tell(Input::Disconnected { cause: "rebuilt".into() }).tell(Input::Connected);
    desk.tell(Input::Compared(Comparison::Agrees)).tell(Input::FeedUp(ES)).tick();
    assert!(desk.may_enter());
    assert!(desk.told().contains(&"info feed.fresh".to_owned()));
}

#[test]
fn a_stream_that_ends_by_itself_is_told_and_a_lost_socket_tells_only_of_itself() {
    let mut desk = Desk::at(MORNING);
    desk.tell(Input::FeedDown(ES));
    assert_eq!(desk.told(), ["warning feed.ended"]);
    assert!(!desk.may_enter());
    let mut desk = Desk::at(MORNING);
    desk.tell(Input::Disconnected { cause: "reset".into() }).tell(Input::FeedDown(ES));
    assert_eq!(desk.told(), ["warning link.outage"]);
}

#[test]
fn a_strategy_without_bars_while_ticks_come_is_an_alarm_and_its_end_is_told() {
    let mut desk = Desk::at(MORNING);
    desk.busy(180);
    assert_eq!(desk.told(), Vec::<String>::new());
    desk.busy(10);
    assert_eq!(desk.told(), ["warning strategy.starved"; 3], "one for each strategy, once");
    desk.busy(60);
    assert_eq!(desk.told(), Vec::<String>::new());
    desk.tell(Input::Bar { symbol: ES, length_s: 60 });
    assert_eq!(desk.told(), ["info strategy.fed"; 3]);
}

#[test]
fn rebuilt_books_are_told_again_which_symbols_they_may_enter() {
    let mut desk = Desk::at(MORNING);
    desk.notice(2103, BROKEN).done();
    desk.tell(Input::BooksRestarted);
    assert_eq!(desk.done(), [Output::TakeInventory, Output::Feed { symbol: ES, live: false }]);
}

#[test]
fn a_fast_clock_makes_no_false_alarms() {
    // Three hundred market seconds a second on the wall.
    let mut link = Link::of(&config(), INVENTORY_WITHIN * 300);
    let (mut out, mut now) = (Vec::new(), at(MORNING));
    for input in [Input::Connected, Input::Compared(Comparison::Agrees), Input::FeedUp(ES), Input::Fresh(ES)] {
        link.handle(now, input, &mut out);
    }
    out.clear();
    // What the machine does in half a second on the wall is no silence.
    for _ in 0..2 {
        now = now + Duration::from_secs(75);
        link.on_deadline(now, &mut out);
    }
    assert!(!out.iter().any(|output| matches!(output, Output::Told { .. })), "{out:?}");
}
