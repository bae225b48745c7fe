//! What time does: dates, sessions, the close. The floor opens on Monday 23 November 2026 at 09:00 in Chicago, in
//! regular hours, unless a test says otherwise.

use expect_test::expect;

use super::*;

const OPEN_S: i64 = 1_795_446_000;
const HOUR: i64 = 3600;

fn broker() -> Rules {
    Rules { margins: None, ..Rules::of_broker() }
}

/// A floor with sessions, `seconds` after 09:00.
fn floor(seconds: i64) -> Floor {
    Floor::with(broker(), Timestamp::from_secs(OPEN_S + seconds))
}

fn check_at(seconds: i64, script: &str, expected: expect_test::Expect) {
    expected.assert_eq(&floor(seconds).play(script).said);
}

#[test]
fn good_till_date_and_good_after_time() {
    check_at(
        0,
        "quote 400 5 401 5
         place 1 buy 1 lmt 390 gtd 100
         place 2 buy 1 mkt gat 50
         place 3 sell 1 stp 395 gat 200 gtc
         wait 40
         wait 20
         wait 60
         trade 395 1
         wait 100
         trade 395 1",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 1 lmt 390 gtd 100
            1 Submitted 0/1
            > place 2 buy 1 mkt gat 50
            2 PreSubmitted 0/1
            > place 3 sell 1 stp 395 gat 200 gtc
            3 PreSubmitted 0/1
            > wait 40
            > wait 20
            2 buy 1 @ 401
            2 Filled 1/1
            > wait 60
            1 Cancelled 0/1
            1 [202] Order Canceled - reason:
            > trade 395 1
            > wait 100
            3 sell 1 @ 400 realised -14.75
            3 Filled 1/1
            > trade 395 1
        "#]],
    );
}

#[test]
fn dates_that_cannot_be_are_refused() {
    check_at(
        0,
        "wait 1000
         place 1 buy 1 lmt 390 gtd 0
         place 2 buy 1 lmt 390 gtd 10 gat 10
         place 3 buy 1 moc ioc",
        expect![[r#"
            > wait 1000
            > place 1 buy 1 lmt 390 gtd 0
            refused 201: Order rejected - reason:The good-till date has passed.
            > place 2 buy 1 lmt 390 gtd 10 gat 10
            refused 201: Order rejected - reason:The good-after time is not before the good-till date.
            > place 3 buy 1 moc ioc
            refused 201: Order rejected - reason:An order for the close cannot be immediate.
        "#]],
    );
}

#[test]
fn a_changed_date_counts() {
    check_at(
        0,
        "place 1 buy 1 lmt 390 gtd 100
         modify 1 buy 1 lmt 390 gtd 200
         wait 150
         modify 1 buy 1 lmt 390 gtc
         wait 150
         place 2 buy 1 lmt 390 gat 500
         modify 2 buy 1 lmt 390 gat 10
         wait 10",
        expect![[r#"
            > place 1 buy 1 lmt 390 gtd 100
            1 Submitted 0/1
            > modify 1 buy 1 lmt 390 gtd 200
            1 Submitted 0/1
            > wait 150
            > modify 1 buy 1 lmt 390 gtc
            1 Submitted 0/1
            > wait 150
            > place 2 buy 1 lmt 390 gat 500
            2 PreSubmitted 0/1
            > modify 2 buy 1 lmt 390 gat 10
            2 PreSubmitted 0/1
            > wait 10
            2 Submitted 0/1
        "#]],
    );
}

#[test]
fn a_day_order_ends_with_its_session_not_with_the_calendar_day() {
    // Friday after Thanksgiving: the session ends at 12:15.
    let friday = 4 * 24 * HOUR;
    check_at(
        friday,
        "place 1 buy 1 lmt 390
         place 2 buy 1 lmt 390 gtc
         wait 11000
         wait 800
         end_of_day",
        expect![[r#"
            > place 1 buy 1 lmt 390
            1 Submitted 0/1
            > place 2 buy 1 lmt 390 gtc
            2 Submitted 0/1
            > wait 11000
            > wait 800
            1 Cancelled 0/1
            1 [202] Order Canceled - reason:
            > end_of_day
        "#]],
    );
}

#[test]
fn an_order_in_the_break_waits_for_the_evening() {
    // 16:30, between two sessions; an order of the evening is one of the next day.
    let in_break = 7 * HOUR + HOUR / 2;
    check_at(
        in_break,
        "quote 400 5 401 5
         place 1 buy 1 mkt
         place 2 buy 1 lmt 390
         wait 1700
         wait 200
         quote 403 5 404 5
         end_of_day
         wait 80000
         wait 4000",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 1 mkt
            1 PreSubmitted 0/1
            1 [399] Order Message:
            BUY 1 ES
            Warning: Your order will not be placed at the exchange until 2026-11-23 17:00:00 US/Central.
            > place 2 buy 1 lmt 390
            2 PreSubmitted 0/1
            2 [399] Order Message:
            BUY 1 ES
            Warning: Your order will not be placed at the exchange until 2026-11-23 17:00:00 US/Central.
            > wait 1700
            > wait 200
            1 Submitted 0/1
            2 Submitted 0/1
            > quote 403 5 404 5
            1 buy 1 @ 404
            1 Filled 1/1
            > end_of_day
            > wait 80000
            > wait 4000
            2 Cancelled 0/1
            2 [202] Order Canceled - reason:
        "#]],
    );
}

#[test]
fn a_stop_for_regular_hours_sleeps_through_the_night() {
    // 15:30, regular hours are over.
    check_at(
        6 * HOUR + HOUR / 2,
        "quote 400 5 401 5
         trade 400 1
         place 1 sell 1 stp 398 rth gtc
         place 2 sell 1 stp 398 gtc
         place 3 buy 1 lmt 390 rth gtc
         trade 398 1
         trade 402 1
         wait 61200
         trade 397 1",
        expect![[r#"
            > quote 400 5 401 5
            > trade 400 1
            > place 1 sell 1 stp 398 rth gtc
            1 PreSubmitted 0/1
            1 [399] Order Message:
            SELL 1 ES
            Warning: Your order will not be placed at the exchange until 2026-11-24 08:30:00 US/Central.
            > place 2 sell 1 stp 398 gtc
            2 PreSubmitted 0/1
            > place 3 buy 1 lmt 390 rth gtc
            3 Submitted 0/1
            > trade 398 1
            2 sell 1 @ 400
            2 Filled 1/1
            > trade 402 1
            > wait 61200
            1 PreSubmitted 0/1
            > trade 397 1
            1 sell 1 @ 397
            1 Filled 1/1
        "#]],
    );
}

#[test]
fn a_stop_for_regular_hours_falls_asleep_when_they_end() {
    check_at(
        0,
        "quote 400 5 401 5
         trade 400 1
         place 1 sell 1 stp 398 rth gtc
         wait 21600
         trade 397 1
         trade 400 1
         wait 63000
         trade 398 1",
        expect![[r#"
            > quote 400 5 401 5
            > trade 400 1
            > place 1 sell 1 stp 398 rth gtc
            1 PreSubmitted 0/1
            > wait 21600
            > trade 397 1
            > trade 400 1
            > wait 63000
            1 PreSubmitted 0/1
            > trade 398 1
            1 sell 1 @ 398
            1 Filled 1/1
        "#]],
    );
}

#[test]
fn a_change_after_hours_finds_the_stop_asleep() {
    let mut floor = floor(0);
    floor.play("quote 400 5 401 5\ntrade 400 1\nplace 1 sell 1 stp 390 rth gtc");
    // 15:30 by the clock of the request; the market has not moved since.
    let late = Timestamp::from_secs(OPEN_S + 6 * HOUR + HOUR / 2);
    let mut changed = floor.venue.order_of(1, 1).expect("placed").order.clone();
    changed.kind = Kind::Stop(Price(398));
    let mut out = Vec::new();
    floor.venue.modify(late, changed, &mut out).expect("accepted");
    assert!(!floor.venue.would_report(&trade(late, 397, 1)), "it sleeps");
    let Some(Report::Message { refusal, .. }) = out.last() else { panic!("{out:?}") };
    assert_eq!(refusal.code, 399);
}

#[test]
fn orders_for_the_close_have_one_turn() {
    check_at(
        0,
        "quote 400 5 401 5
         place 1 buy 2 moc rth
         place 2 buy 1 loc 400 rth
         place 3 sell 1 loc 400
         place 4 buy 9 moc
         wait 21000
         quote 402 5 403 1
         wait 600
         quote 402 5 403 9
         wait 21
         wait 3600",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 2 moc rth
            1 PreSubmitted 0/2
            > place 2 buy 1 loc 400 rth
            2 PreSubmitted 0/1
            > place 3 sell 1 loc 400
            3 PreSubmitted 0/1
            > place 4 buy 9 moc
            4 PreSubmitted 0/9
            > wait 21000
            > quote 402 5 403 1
            > wait 600
            1 buy 1 @ 403
            1 Cancelled 1/2
            1 [202] Order Canceled - reason:
            2 Cancelled 0/1
            2 [202] Order Canceled - reason:
            > quote 402 5 403 9
            > wait 21
            > wait 3600
            3 sell 1 @ 402 realised -14.75
            3 Filled 1/1
            4 buy 9 @ 403
            4 Filled 9/9
        "#]],
    );
}

#[test]
fn children_wait_for_their_parent_even_when_the_market_opens() {
    check_at(
        7 * HOUR + HOUR / 2,
        "quote 400 5 401 5
         place 1 buy 1 lmt 400 gtc hold
         place 2 sell 1 stp 390 parent 1 gtc
         wait 1900
         trade 399 1
         trade 390 1",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 1 lmt 400 gtc hold
            1 PendingSubmit 0/1
            > place 2 sell 1 stp 390 parent 1 gtc
            1 PreSubmitted 0/1
            2 PreSubmitted 0/1
            1 [399] Order Message:
            BUY 1 ES
            Warning: Your order will not be placed at the exchange until 2026-11-23 17:00:00 US/Central.
            > wait 1900
            1 Submitted 0/1
            > trade 399 1
            1 buy 1 @ 399
            1 Filled 1/1
            > trade 390 1
            2 sell 1 @ 390 realised -114.75
            2 Filled 1/1
        "#]],
    );
}

#[test]
fn metals_have_hours_of_their_own() {
    use crate::time::session::Calendar;
    let calendars = ["GC", "MGC", "ES", "MNQ"].map(|root| Hours::ByRoot.calendar(root));
    assert_eq!(calendars[..2], [Some(Calendar::COMEX_METALS); 2]);
    assert_eq!(calendars[2..], [Some(Calendar::CME_EQUITY_INDEX); 2]);
    assert_eq!(Hours::Always.calendar("ES"), None);
}

#[test]
fn what_is_due_is_a_step_of_its_own_before_the_next_event() {
    let at = |second: i64| Timestamp::from_secs(OPEN_S + second);
    let mut player = Player::new([trade(at(0), 400, 1), trade(at(900), 400, 1)].into_iter(), venue_with(broker()));
    assert!(matches!(player.step(), Some((now, Step::Market(_))) if now == at(0)));
    let limit = NewOrder { tif: Tif::GoodTillDate(at(60)), ..order(1, Side::Buy, 1, OrderKind::Limit(Price(390))) };
    player.venue_mut().place(at(0), limit, &mut Vec::new()).expect("accepted");
    let stop = Terms { regular_only: true, ..Terms::default() };
    let stop = NewOrder { terms: stop, ..order(2, Side::Sell, 1, OrderKind::Stop(Price(390))) };
    player.venue_mut().place(at(0), stop, &mut Vec::new()).expect("accepted");
    assert_eq!(player.peek_ts(), Some(at(60)), "the date comes before the next event");
    assert!(matches!(player.step(), Some((now, Step::Reports(_))) if now == at(60)));
    assert_eq!(player.peek_ts(), Some(at(900)));
    assert!(matches!(player.step(), Some((now, Step::Market(_))) if now == at(900)));
    assert_eq!((player.peek_ts(), player.step()), (None, None));
}

/// An hour before the open of the session of Monday 23 November 2026: Sunday afternoon, the market is closed.
const SUNDAY_S: i64 = OPEN_S - 17 * HOUR;

#[test]
fn what_waited_for_the_open_deals_at_its_first_price_and_not_at_the_last_one_before_it() {
    // Friday's prices, seen 49 hours ago.
    let friday = "quote 400 5 401 5
                  trade 400 1
                  wait 176395
                  place 1 buy 1 mkt
                  place 2 sell 1 stp 402 gtc
                  place 3 buy 1 lmt 410 gtc
                  wait 3600";
    let start = SUNDAY_S - 49 * HOUR - OPEN_S;
    let after = |first: &str| {
        let mut floor = floor(start);
        floor.play(friday);
        let held = floor.said.clone();
        assert!(!held.contains('@'), "the open alone is no price: {held}");
        floor.play(first);
        floor.said[held.len()..].to_owned()
    };
    expect![[r#"
        > trade 390 3
        2 sell 1 @ 390
        2 Filled 1/1
        1 buy 1 @ 390 realised -2.25
        1 Filled 1/1
        3 buy 1 @ 390
        3 Filled 1/1
    "#]]
    .assert_eq(&after("trade 390 3"));
    expect![[r#"
        > quote 380 5 381 5
        2 sell 1 @ 380
        2 Filled 1/1
        1 buy 1 @ 381 realised -14.75
        1 Filled 1/1
        3 buy 1 @ 381
        3 Filled 1/1
    "#]]
    .assert_eq(&after("quote 380 5 381 5"));
}

#[test]
fn within_a_session_an_old_price_is_a_price() {
    check_at(
        0,
        "quote 400 5 401 5
         wait 7200
         place 1 buy 1 mkt",
        expect![[r#"
            > quote 400 5 401 5
            > wait 7200
            > place 1 buy 1 mkt
            1 buy 1 @ 401
            1 Filled 1/1
        "#]],
    );
}
