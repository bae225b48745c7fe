//! Times that are known before: resets, closes, the weekly login.

use super::*;

#[test]
fn entries_are_held_before_an_expected_outage_and_until_it_is_over() {
    // 00:09 in New York; the daily reset begins at 00:15 and lasts until 01:45.
    let mut desk = Desk::at("2024-06-12T04:09:00Z");
    desk.busy(50);
    assert!(desk.may_enter());
    desk.busy(30);
    assert_eq!((desk.trading(), desk.told()), (Trading::Paused, vec!["info calendar.hold".to_owned()]));
    desk.busy(10 * 60);
    assert_eq!(desk.told(), ["info calendar.hold"], "it has begun");
    desk.busy(84 * 60);
    assert_eq!(desk.trading(), Trading::Paused);
    desk.busy(2 * 60);
    assert!(desk.may_enter());
    assert_eq!(desk.told(), ["info calendar.resume"]);
}

fn friday(weekend: AtClose) -> Desk {
    let mut config = config();
    config.calendar.weekend = weekend;
    // Friday, 15:45 in Chicago; the market closes at 16:00.
    Desk::of(&config, "2024-06-14T20:45:00Z")
}

#[test]
fn before_the_weekend_everything_is_closed_if_so_configured() {
    let mut desk = friday(AtClose::Flat);
    desk.busy(4 * 60);
    assert!(desk.may_enter());
    desk.busy(90);
    assert_eq!(desk.trading(), Trading::Liquidating);
    assert_eq!(desk.told(), ["info calendar.close", "info calendar.hold"]);
    desk.tell(Input::Flat);
    assert_eq!(desk.trading(), Trading::Paused, "and nothing is opened before the weekend");
    desk.busy(600).silent(3_600);
    assert_eq!(desk.trading(), Trading::Paused);
    assert_eq!(desk.told(), Vec::<String>::new());
}

#[test]
fn what_is_not_closed_by_the_close_is_an_alarm() {
    let mut desk = friday(AtClose::Flat);
    desk.busy(16 * 60);
    assert!(desk.told().contains(&"error calendar.not_flat".to_owned()));
    assert_eq!(desk.trading(), Trading::Liquidating, "it goes on until the broker says that it is done");
    desk.silent(60);
    assert!(desk.told().is_empty(), "said once");
}

#[test]
fn protected_positions_stay_over_the_weekend() {
    let mut desk = friday(AtClose::Protected);
    desk.busy(14 * 60);
    assert!(desk.may_enter());
    assert_eq!(desk.told(), ["info calendar.close"]);
}

#[test]
fn a_daily_close_is_no_weekend() {
    let mut config = config();
    config.calendar.weekend = AtClose::Flat;
    let mut desk = Desk::of(&config, "2024-06-12T20:45:00Z");
    desk.busy(14 * 60);
    assert_eq!(desk.trading(), Trading::Allowed);
    config.calendar.session_close = AtClose::Flat;
    let mut desk = Desk::of(&config, "2024-06-12T20:45:00Z");
    desk.busy(14 * 60);
    assert_eq!(desk.trading(), Trading::Liquidating);
}

#[test]
fn the_weekly_login_is_counted_down() {
    // Saturday, 00:00 in New York: 25 hours before.
    let mut desk = Desk::at("2024-06-15T04:00:00Z");
    let mut told = Vec::new();
    for _ in 0..26 {
        desk.silent(3_600);
        told.extend(desk.told().into_iter().filter(|told| told.ends_with("login.due")));
    }
    let expected = ["info", "info", "warning", "warning", "warning"].map(|severity| format!("{severity} login.due"));
    assert_eq!(told, expected, "a day, four hours, an hour, a quarter and the moment itself");
}

#[test]
fn a_broker_that_is_away_before_the_open_is_told_with_what_remains() {
    // Sunday, 01:00 in Chicago; the market opens at 17:00.
    let mut desk = Desk::at("2024-06-16T06:00:00Z");
    desk.tell(Input::Disconnected { cause: "login".into() });
    let mut told = Vec::new();
    for _ in 0..16 {
        desk.silent(3_600);
        told.extend(desk.told().into_iter().filter(|told| told.ends_with("before_open")));
    }
    assert_eq!(told, ["error link.away_before_open"; 4]);
}

#[test]
fn a_start_before_the_open_is_not_told_as_a_broker_that_is_away() {
    // An hour before the market opens.
    let mut desk = Desk::fresh(&config(), "2024-06-16T21:00:00Z");
    desk.link.on_deadline(desk.now, &mut desk.said);
    desk.tell(Input::Connected).tell(Input::Compared(Comparison::Agrees));
    desk.silent(60);
    assert_eq!(desk.told().iter().filter(|told| told.ends_with("before_open")).count(), 0);

    let mut desk = Desk::fresh(&config(), "2024-06-16T21:00:00Z");
    desk.silent(60);
    assert_eq!(desk.told().iter().filter(|told| told.ends_with("before_open")).count(), 1, "and after a minute it is");
}
