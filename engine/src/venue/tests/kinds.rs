//! Orders that IB simulates for futures: trailing, touched, for the close, adjustable; and what triggers them.

use expect_test::expect;

use super::*;

fn stop_of(floor: &Floor, order_id: i32) -> Option<i32> {
    floor.venue.order_of(1, order_id).expect("placed").order.kind.trigger_price().map(|price| price.0)
}

#[test]
fn a_trailing_stop_follows_the_market_up_and_never_down() {
    let mut floor = Floor::new();
    floor.play("quote 400 5 401 5\ntrade 400 1\nplace 1 sell 2 trail 5");
    assert_eq!(stop_of(&floor, 1), Some(395));
    floor.said.clear();
    let stops: Vec<_> = ["402", "401", "410", "406"]
        .map(|price| {
            floor.play(&format!("trade {price} 1"));
            stop_of(&floor, 1)
        })
        .to_vec();
    assert_eq!(stops, [Some(397), Some(397), Some(405), Some(405)]);
    floor.play("quote 404 5 405 5\ntrade 405 1");
    expect![[r#"
        > trade 402 1
        > trade 401 1
        > trade 410 1
        > trade 406 1
        > quote 404 5 405 5
        > trade 405 1
        1 sell 2 @ 404
        1 Filled 2/2
    "#]]
    .assert_eq(&floor.said);
}

#[test]
fn a_buyers_trailing_stop_mirrors_it_and_may_begin_closer() {
    let mut floor = Floor::new();
    floor.play("trade 400 1\nplace 1 buy 1 trail 5 from 403");
    assert_eq!(stop_of(&floor, 1), Some(403), "closer than the amount: it waits for the market");
    floor.play("trade 399 1");
    assert_eq!(stop_of(&floor, 1), Some(403));
    floor.play("trade 396 1");
    assert_eq!(stop_of(&floor, 1), Some(401));
    floor.play("trade 400 1");
    assert!(!floor.said.contains("Filled"));
    floor.play("trade 401 1");
    assert!(floor.said.ends_with("1 buy 1 @ 401\n1 Filled 1/1\n"), "{}", floor.said);
}

#[test]
fn a_trailing_percentage_is_rounded_to_the_grid() {
    let mut floor = Floor::new();
    floor.play("trade 20001 1\nplace 1 sell 1 trailppm 5000\nplace 2 sell 1 trailppm 10");
    assert_eq!(stop_of(&floor, 1), Some(19_901), "half a percent of 20,001 ticks is 100");
    assert_eq!(stop_of(&floor, 2), Some(20_000), "at least one tick");
}

#[test]
fn a_trailing_order_without_a_market_begins_at_the_first_price() {
    let mut floor = Floor::new();
    floor.play("place 1 sell 1 trail 4");
    assert_eq!(stop_of(&floor, 1), None);
    floor.play("trade 400 1\ntrade 397 1");
    assert_eq!(stop_of(&floor, 1), Some(396));
    floor.play("trade 396 1");
    assert!(floor.said.ends_with("1 sell 1 @ 396\n1 Filled 1/1\n"), "{}", floor.said);
}

#[test]
fn a_trailing_limit_keeps_its_limit_behind_its_stop() {
    check(
        "quote 400 5 401 5
         trade 400 1
         place 1 sell 3 traillmt 4 2
         trade 406 1
         quote 399 5 402 5
         trade 402 1
         trade 400 2
         quote 400 2 402 5
         trade 401 9",
        expect![[r#"
            > quote 400 5 401 5
            > trade 400 1
            > place 1 sell 3 traillmt 4 2
            1 PreSubmitted 0/3
            > trade 406 1
            > quote 399 5 402 5
            > trade 402 1
            1 Submitted 0/3
            > trade 400 2
            1 sell 2 @ 400
            1 Submitted 2/3
            > quote 400 2 402 5
            1 sell 1 @ 400
            1 Filled 3/3
            > trade 401 9
        "#]],
    );
}

#[test]
fn a_changed_trailing_order_goes_on_from_its_stop() {
    let mut floor = Floor::new();
    floor.play("trade 400 1\nplace 1 sell 1 trail 5\ntrade 410 1\ntrade 408 1\nmodify 1 sell 1 trail 3");
    assert_eq!(stop_of(&floor, 1), Some(405), "408 - 3 is no better than where it is");
    floor.play("trade 409 1");
    assert_eq!(stop_of(&floor, 1), Some(406));
    floor.play("modify 1 sell 1 trail 3 from 400");
    assert_eq!(stop_of(&floor, 1), Some(406), "a stop of its own is taken, then follows at once");
}

#[test]
fn a_touched_order_triggers_at_a_better_price() {
    check(
        "quote 400 5 401 5
         trade 400 1
         place 1 buy 1 mit 396
         place 2 sell 1 lit 405 404
         trade 397 1
         trade 396 1
         quote 402 5 403 5
         trade 405 1
         trade 404 9
         trade 405 1",
        expect![[r#"
            > quote 400 5 401 5
            > trade 400 1
            > place 1 buy 1 mit 396
            1 PreSubmitted 0/1
            > place 2 sell 1 lit 405 404
            2 PreSubmitted 0/1
            > trade 397 1
            > trade 396 1
            1 buy 1 @ 401
            1 Filled 1/1
            > quote 402 5 403 5
            > trade 405 1
            2 Submitted 0/1
            > trade 404 9
            > trade 405 1
            2 sell 1 @ 404 realised 35.25
            2 Filled 1/1
        "#]],
    );
}

#[test]
fn an_adjustable_stop_becomes_what_it_was_to_become() {
    let mut floor = Floor::new();
    floor.play(
        "quote 400 9 401 9
         trade 400 1
         place 1 sell 1 stp 390 adjust 405 stp 400
         place 2 sell 1 stp 390 adjust 405 trail 401 3
         place 3 sell 1 stp 390 adjust 405 stplmt 400 399
         trade 404 1",
    );
    assert_eq!([1, 2, 3].map(|id| stop_of(&floor, id)), [Some(390); 3]);
    floor.said.clear();
    floor.play("trade 405 1");
    assert_eq!([1, 2, 3].map(|id| stop_of(&floor, id)), [Some(400), Some(402), Some(400)]);
    let names = [1, 2, 3].map(|id| floor.venue.order_of(1, id).expect("placed").order.kind.name());
    assert_eq!(names, ["STP", "TRAIL", "STP LMT"]);
    floor.play("trade 408 1\nquote 399 9 400 9\ntrade 400 1");
    expect![[r#"
        > trade 405 1
        1 PreSubmitted 0/1
        2 PreSubmitted 0/1
        3 PreSubmitted 0/1
        > trade 408 1
        > quote 399 9 400 9
        > trade 400 1
        1 sell 1 @ 399
        1 Filled 1/1
        2 sell 1 @ 399
        2 Filled 1/1
        3 sell 1 @ 399
        3 Filled 1/1
    "#]]
    .assert_eq(&floor.said);
}

#[test]
fn only_a_stop_is_adjustable() {
    let mut floor = Floor::new();
    floor.play("place 1 sell 1 lmt 405 adjust 410 stp 400");
    assert!(floor.said.contains("refused 201"), "{}", floor.said);
}

/// What fills a seller's stop at 398 by each trigger method.
fn triggered_by(method: u8, events: &[&str]) -> bool {
    let mut floor = Floor::new();
    floor.play(&format!("quote 400 5 401 5\ntrade 400 1\nplace 1 sell 1 stp 398 method {method}"));
    for event in events {
        floor.play(event);
    }
    floor.venue.order_of(1, 1).expect("placed").status == Status::Filled
}

#[test]
fn each_trigger_method_looks_at_its_own_prices() {
    for method in [0, 2, 7] {
        assert!(triggered_by(method, &["trade 398 1"]), "{method}");
    }
    for method in [1, 3, 4, 8] {
        assert!(!triggered_by(method, &["trade 398 1"]), "{method}");
    }
    let ask_reaches = ["quote 397 5 398 5"];
    assert_eq!([0, 1, 3, 4, 7, 8].map(|m| triggered_by(m, &ask_reaches)), [false, false, false, true, true, true]);
    let bid_reaches = ["quote 398 5 399 5"];
    assert_eq!([1, 4, 7, 8].map(|m| triggered_by(m, &bid_reaches)), [false; 4], "a seller's stop looks at the ask");
    assert!(triggered_by(8, &["quote 396 5 400 5"]), "the middle");
}

#[test]
fn double_methods_want_two_in_a_row() {
    assert!(triggered_by(3, &["trade 398 1", "trade 397 1"]));
    assert!(!triggered_by(3, &["trade 398 1", "trade 399 1", "trade 398 1"]), "interrupted");
    assert!(triggered_by(3, &["trade 398 1", "quote 399 5 400 5", "trade 398 1"]), "a quote does not interrupt trades");
    assert!(triggered_by(1, &["quote 397 5 398 5", "trade 402 1", "quote 396 5 398 5"]));
    assert!(!triggered_by(1, &["quote 397 5 398 5", "quote 398 5 399 5", "quote 397 5 398 5"]));
}
