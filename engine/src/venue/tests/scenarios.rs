//! Single orders against the market: what each kind fills at, and what clients hear.

use expect_test::expect;

use super::*;

#[test]
fn a_market_order_takes_what_is_shown_and_the_rest_at_the_next_quotes() {
    check(
        "quote 400 5 401 2
         place 1 buy 5 mkt
         trade 401 9
         quote 400 5 402 2
         quote 400 5 - 0
         quote 401 5 402 7",
        expect![[r#"
            > quote 400 5 401 2
            > place 1 buy 5 mkt
            1 buy 2 @ 401
            1 Submitted 2/5
            > trade 401 9
            > quote 400 5 402 2
            1 buy 2 @ 402
            1 Submitted 4/5
            > quote 400 5 - 0
            > quote 401 5 402 7
            1 buy 1 @ 402
            1 Filled 5/5
        "#]],
    );
}

#[test]
fn what_one_order_took_is_gone_for_the_next() {
    check(
        "quote 400 5 401 3
         place 1 buy 2 mkt
         place 2 buy 2 mkt
         place 3 sell 1 mkt
         quote 400 5 401 3",
        expect![[r#"
            > quote 400 5 401 3
            > place 1 buy 2 mkt
            1 buy 2 @ 401
            1 Filled 2/2
            > place 2 buy 2 mkt
            2 buy 1 @ 401
            2 Submitted 1/2
            > place 3 sell 1 mkt
            3 sell 1 @ 400 realised -14.75
            3 Filled 1/1
            > quote 400 5 401 3
            2 buy 1 @ 401
            2 Filled 2/2
        "#]],
    );
}

#[test]
fn a_symbol_without_quotes_trades_at_its_last_price() {
    check(
        "place 1 buy 3 mkt
         trade 400 1
         place 2 sell 3 mkt
         place 3 buy 1 lmt 400
         place 4 buy 2 lmt 399
         trade 399 50
         trade 398 1",
        expect![[r#"
            > place 1 buy 3 mkt
            1 Submitted 0/3
            > trade 400 1
            1 buy 3 @ 400
            1 Filled 3/3
            > place 2 sell 3 mkt
            2 sell 3 @ 400 realised -6.75
            2 Filled 3/3
            > place 3 buy 1 lmt 400
            3 buy 1 @ 400
            3 Filled 1/1
            > place 4 buy 2 lmt 399
            4 Submitted 0/2
            > trade 399 50
            > trade 398 1
            4 buy 2 @ 399
            4 Filled 2/2
        "#]],
    );
}

#[test]
fn an_order_waits_while_its_side_of_the_market_is_empty() {
    check(
        "quote 400 5 - 0
         place 1 buy 1 mkt
         place 2 buy 1 lmt 405
         trade 410 1
         quote 400 5 404 5",
        expect![[r#"
            > quote 400 5 - 0
            > place 1 buy 1 mkt
            1 Submitted 0/1
            > place 2 buy 1 lmt 405
            2 Submitted 0/1
            > trade 410 1
            > quote 400 5 404 5
            1 buy 1 @ 404
            1 Filled 1/1
            2 buy 1 @ 404
            2 Filled 1/1
        "#]],
    );
}

#[test]
fn a_limit_order_at_the_touch_stands_behind_the_queue() {
    check(
        "quote 400 5 401 5
         place 1 buy 3 lmt 400
         trade 400 4
         trade 400 2
         trade 400 1
         trade 399 1",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 3 lmt 400
            1 Submitted 0/3
            > trade 400 4
            > trade 400 2
            1 buy 1 @ 400
            1 Submitted 1/3
            > trade 400 1
            1 buy 1 @ 400
            1 Submitted 2/3
            > trade 399 1
            1 buy 1 @ 400
            1 Filled 3/3
        "#]],
    );
}

#[test]
fn a_limit_order_inside_the_spread_is_first() {
    check(
        "quote 400 5 404 5
         place 1 buy 3 lmt 402
         trade 402 2
         trade 401 1",
        expect![[r#"
            > quote 400 5 404 5
            > place 1 buy 3 lmt 402
            1 Submitted 0/3
            > trade 402 2
            1 buy 2 @ 402
            1 Submitted 2/3
            > trade 401 1
            1 buy 1 @ 402
            1 Filled 3/3
        "#]],
    );
}

#[test]
fn a_limit_order_behind_the_touch_gets_its_queue_when_the_touch_comes() {
    check(
        "quote 400 5 401 5
         place 1 buy 2 lmt 398
         trade 398 50
         quote 398 7 399 5
         trade 398 8
         trade 398 8",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 2 lmt 398
            1 Submitted 0/2
            > trade 398 50
            > quote 398 7 399 5
            > trade 398 8
            1 buy 1 @ 398
            1 Submitted 1/2
            > trade 398 8
            1 buy 1 @ 398
            1 Filled 2/2
        "#]],
    );
    check(
        "quote 400 5 401 5
         place 1 sell 2 lmt 403
         trade 404 1",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 sell 2 lmt 403
            1 Submitted 0/2
            > trade 404 1
            1 sell 2 @ 403
            1 Filled 2/2
        "#]],
    );
}

#[test]
fn the_touch_may_pass_a_level_without_stopping_at_it() {
    check(
        "quote 400 5 401 5
         place 1 buy 2 lmt 398
         quote 396 7 399 5
         trade 398 1",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 2 lmt 398
            1 Submitted 0/2
            > quote 396 7 399 5
            > trade 398 1
            1 buy 1 @ 398
            1 Submitted 1/2
        "#]],
    );
}

#[test]
fn a_marketable_limit_takes_up_to_its_price_and_rests() {
    check(
        "quote 400 5 401 2
         place 1 buy 5 lmt 402
         quote 400 5 403 9
         quote 400 5 402 1
         trade 402 1
         trade 401 1",
        expect![[r#"
            > quote 400 5 401 2
            > place 1 buy 5 lmt 402
            1 buy 2 @ 401
            1 Submitted 2/5
            > quote 400 5 403 9
            > quote 400 5 402 1
            1 buy 1 @ 402
            1 Submitted 3/5
            > trade 402 1
            1 buy 1 @ 402
            1 Submitted 4/5
            > trade 401 1
            1 buy 1 @ 402
            1 Filled 5/5
        "#]],
    );
}

#[test]
fn own_orders_share_a_trade_by_price_and_age() {
    check(
        "quote 400 2 404 5
         place 1 buy 2 lmt 402
         place 2 buy 2 lmt 402
         place 3 buy 2 lmt 403
         trade 402 3",
        expect![[r#"
            > quote 400 2 404 5
            > place 1 buy 2 lmt 402
            1 Submitted 0/2
            > place 2 buy 2 lmt 402
            2 Submitted 0/2
            > place 3 buy 2 lmt 403
            3 Submitted 0/2
            > trade 402 3
            3 buy 2 @ 403
            3 Filled 2/2
            1 buy 2 @ 402
            1 Filled 2/2
            2 buy 1 @ 402
            2 Submitted 1/2
        "#]],
    );
    check(
        "quote 400 2 404 5
         place 1 buy 2 lmt 402
         place 2 buy 2 mkt
         place 3 buy 4 mkt
         quote 400 2 402 4",
        expect![[r#"
            > quote 400 2 404 5
            > place 1 buy 2 lmt 402
            1 Submitted 0/2
            > place 2 buy 2 mkt
            2 buy 2 @ 404
            2 Filled 2/2
            > place 3 buy 4 mkt
            3 buy 3 @ 404
            3 Submitted 3/4
            > quote 400 2 402 4
            3 buy 1 @ 402
            3 Filled 4/4
            1 buy 2 @ 402
            1 Filled 2/2
        "#]],
    );
}

#[test]
fn a_stop_triggers_on_trades_and_fills_at_the_quote() {
    check(
        "trade 400 1
         quote 400 5 401 5
         place 1 sell 2 stp 398
         quote 397 5 398 5
         trade 399 1
         trade 398 1",
        expect![[r#"
            > trade 400 1
            > quote 400 5 401 5
            > place 1 sell 2 stp 398
            1 PreSubmitted 0/2
            > quote 397 5 398 5
            > trade 399 1
            > trade 398 1
            1 sell 2 @ 397
            1 Filled 2/2
        "#]],
    );
}

#[test]
fn a_stop_of_a_symbol_that_never_traded_triggers_on_quotes() {
    check(
        "quote 400 5 401 5
         place 1 sell 2 stp 398
         place 2 buy 2 stp 403
         quote 398 1 399 5
         quote 398 5 403 5",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 sell 2 stp 398
            1 PreSubmitted 0/2
            > place 2 buy 2 stp 403
            2 PreSubmitted 0/2
            > quote 398 1 399 5
            1 sell 1 @ 398
            1 Submitted 1/2
            > quote 398 5 403 5
            2 buy 2 @ 403 realised -67.00
            2 Filled 2/2
            1 sell 1 @ 398 realised -64.75
            1 Filled 2/2
        "#]],
    );
}

#[test]
fn without_quotes_a_stop_fills_at_the_trade_that_triggers_it() {
    check(
        "trade 400 1
         place 1 sell 2 stp 398
         trade 396 0",
        expect![[r#"
            > trade 400 1
            > place 1 sell 2 stp 398
            1 PreSubmitted 0/2
            > trade 396 0
            1 sell 2 @ 396
            1 Filled 2/2
        "#]],
    );
}

#[test]
fn a_stop_that_is_through_already_triggers_at_once() {
    check(
        "quote 400 5 401 5
         trade 400 1
         place 1 sell 2 stp 400
         place 2 buy 1 stp 399",
        expect![[r#"
            > quote 400 5 401 5
            > trade 400 1
            > place 1 sell 2 stp 400
            1 sell 2 @ 400
            1 Filled 2/2
            > place 2 buy 1 stp 399
            2 buy 1 @ 401 realised -14.75
            2 Filled 1/1
        "#]],
    );
}

#[test]
fn a_stop_limit_becomes_a_limit_order() {
    check(
        "quote 400 5 401 5
         trade 400 1
         place 1 sell 2 stplmt 398 397
         quote 396 5 398 5
         trade 397 3
         trade 397 1
         trade 398 1",
        expect![[r#"
            > quote 400 5 401 5
            > trade 400 1
            > place 1 sell 2 stplmt 398 397
            1 PreSubmitted 0/2
            > quote 396 5 398 5
            > trade 397 3
            1 Submitted 0/2
            > trade 397 1
            1 sell 1 @ 397
            1 Submitted 1/2
            > trade 398 1
            1 sell 1 @ 397
            1 Filled 2/2
        "#]],
    );
}

#[test]
fn immediate_or_cancel_and_fill_or_kill() {
    check(
        "quote 400 5 401 2
         place 1 buy 3 lmt 401 ioc
         place 2 buy 3 mkt ioc
         quote 400 5 401 2
         place 3 buy 3 lmt 401 fok
         place 4 buy 2 lmt 401 fok",
        expect![[r#"
            > quote 400 5 401 2
            > place 1 buy 3 lmt 401 ioc
            1 buy 2 @ 401
            1 Cancelled 2/3
            1 [202] Order Canceled - reason:
            > place 2 buy 3 mkt ioc
            2 Cancelled 0/3
            2 [202] Order Canceled - reason:
            > quote 400 5 401 2
            > place 3 buy 3 lmt 401 fok
            3 Inactive 0/3
            3 [202] Order Canceled - reason:
            > place 4 buy 2 lmt 401 fok
            4 buy 2 @ 401
            4 Filled 2/2
        "#]],
    );
}

#[test]
fn the_day_ends_for_day_orders() {
    check(
        "quote 400 5 401 5
         place 1 buy 1 lmt 390
         place 2 buy 1 lmt 390 gtc
         place 3 buy 1 lmt 390 gtc
         place 4 sell 1 stp 380 parent 3
         end_of_day
         cancel_all
         cancel_all",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 1 lmt 390
            1 Submitted 0/1
            > place 2 buy 1 lmt 390 gtc
            2 Submitted 0/1
            > place 3 buy 1 lmt 390 gtc
            3 Submitted 0/1
            > place 4 sell 1 stp 380 parent 3
            4 PreSubmitted 0/1
            > end_of_day
            1 Cancelled 0/1
            1 [202] Order Canceled - reason:
            4 Cancelled 0/1
            4 [202] Order Canceled - reason:
            > cancel_all
            2 Cancelled 0/1
            2 [202] Order Canceled - reason:
            3 Cancelled 0/1
            3 [202] Order Canceled - reason:
            > cancel_all
        "#]],
    );
}

#[test]
fn a_changed_order_queues_anew_unless_it_only_shrinks() {
    check(
        "quote 400 5 401 5
         place 1 buy 3 lmt 400
         trade 400 5
         modify 1 buy 2 lmt 400
         trade 400 1
         modify 1 buy 3 lmt 400
         trade 400 5
         trade 400 1
         modify 1 buy 3 lmt 401",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 3 lmt 400
            1 Submitted 0/3
            > trade 400 5
            > modify 1 buy 2 lmt 400
            1 Submitted 0/2
            > trade 400 1
            1 buy 1 @ 400
            1 Submitted 1/2
            > modify 1 buy 3 lmt 400
            1 Submitted 1/3
            > trade 400 5
            > trade 400 1
            1 buy 1 @ 400
            1 Submitted 2/3
            > modify 1 buy 3 lmt 401
            1 buy 1 @ 401
            1 Filled 3/3
        "#]],
    );
    check(
        "trade 400 1
         quote 400 5 401 5
         place 1 sell 3 stp 390
         modify 1 sell 2 stp 400",
        expect![[r#"
            > trade 400 1
            > quote 400 5 401 5
            > place 1 sell 3 stp 390
            1 PreSubmitted 0/3
            > modify 1 sell 2 stp 400
            1 sell 2 @ 400
            1 Filled 2/2
        "#]],
    );
}

#[test]
fn a_live_id_placed_again_is_a_change() {
    check(
        "quote 400 5 401 5
         place 1 buy 3 lmt 399
         place 1 buy 3 lmt 399 ioc",
        expect![[r#"
            > quote 400 5 401 5
            > place 1 buy 3 lmt 399
            1 Submitted 0/3
            > place 1 buy 3 lmt 399 ioc
            1 Cancelled 0/3
            1 [202] Order Canceled - reason:
        "#]],
    );
}

#[test]
fn what_is_refused_changes_nothing() {
    check(
        "quote 400 5 401 5
         place 5 buy 2 mkt
         place 5 buy 2 mkt
         place 4 buy 2 mkt
         place 6 buy 0 mkt
         place 6 buy 100001 mkt
         place 6 buy 1 mkt unlisted
         place 6 buy 1 mkt parent 9
         place 6 buy 1 mkt parent 6
         place 6 buy 2 lmt 390
         modify 6 sell 2 lmt 390
         modify 6 buy 2 stp 390
         modify 6 buy 0 lmt 390
         modify 5 buy 2 mkt
         modify 7 buy 2 mkt
         cancel 7
         cancel 6 client 2
         cancel 5
         cancel 6
         cancel 6
         modify 6 buy 2 lmt 391
         place 7 sell 2 mkt parent 6
         place 1 sell 2 mkt client 2",
        expect![[r#"
            > quote 400 5 401 5
            > place 5 buy 2 mkt
            5 buy 2 @ 401
            5 Filled 2/2
            > place 5 buy 2 mkt
            refused 103: Duplicate order id
            > place 4 buy 2 mkt
            refused 103: Duplicate order id
            > place 6 buy 0 mkt
            refused 434: Order size cannot be zero.
            > place 6 buy 100001 mkt
            refused 201: Order rejected - reason:Order size 100001 is above 100000.
            > place 6 buy 1 mkt unlisted
            refused 200: No security definition has been found for the request
            > place 6 buy 1 mkt parent 9
            refused 201: Order rejected - reason:Parent order 9 is not known.
            > place 6 buy 1 mkt parent 6
            refused 201: Order rejected - reason:Parent order 6 is not known.
            > place 6 buy 2 lmt 390
            6 Submitted 0/2
            > modify 6 sell 2 lmt 390
            refused 105: Order being modified does not match original order
            > modify 6 buy 2 stp 390
            refused 105: Order being modified does not match original order
            > modify 6 buy 0 lmt 390
            refused 434: Order size cannot be zero.
            > modify 5 buy 2 mkt
            refused 104: Cannot modify a filled order.
            > modify 7 buy 2 mkt
            refused 135: Can't find order with id =7
            > cancel 7
            refused 10147: OrderId 7 that needs to be cancelled is not found.
            > cancel 6 client 2
            refused 10147: OrderId 6 that needs to be cancelled is not found.
            > cancel 5
            refused 10148: OrderId 5 that needs to be cancelled cannot be cancelled, state: Filled.
            > cancel 6
            6 Cancelled 0/2
            6 [202] Order Canceled - reason:
            > cancel 6
            refused 10148: OrderId 6 that needs to be cancelled cannot be cancelled, state: Cancelled.
            > modify 6 buy 2 lmt 391
            refused 103: Duplicate order id
            > place 7 sell 2 mkt parent 6
            refused 201: Order rejected - reason:Parent order 6 is cancelled.
            > place 1 sell 2 mkt client 2
            1 sell 2 @ 400 realised -29.50
            1 Filled 2/2
        "#]],
    );
}

#[test]
fn a_quantity_cannot_fall_to_what_is_filled() {
    check(
        "quote 400 5 401 2
         place 1 buy 4 lmt 401
         modify 1 buy 2 lmt 401
         modify 1 buy 3 lmt 401
         trade 400 1",
        expect![[r#"
            > quote 400 5 401 2
            > place 1 buy 4 lmt 401
            1 buy 2 @ 401
            1 Submitted 2/4
            > modify 1 buy 2 lmt 401
            refused 201: Order rejected - reason:Quantity 2 leaves nothing of an order that filled 2.
            > modify 1 buy 3 lmt 401
            1 Submitted 2/3
            > trade 400 1
            1 buy 1 @ 400
            1 Filled 3/3
        "#]],
    );
}

#[test]
fn ids_and_views_are_the_accounts() {
    let mut floor = Floor::new();
    assert_eq!(floor.venue.next_order_id(1), 1);
    floor.play(
        "quote 400 5 401 5
         place 7 buy 2 mkt
         place 3 buy 1 lmt 390 client 2
         place 4 sell 5 lmt 405 client 2
         trade 403 1",
    );
    let venue = &floor.venue;
    assert_eq!(venue.next_order_id(2), 8);
    let open: Vec<i64> = venue.open_orders().map(|o| o.perm_id.0).collect();
    assert_eq!(open, [2_400_000_002, 2_400_000_003]);
    assert_eq!(venue.completed_orders().map(|o| o.order.order_id).collect::<Vec<_>>(), [7]);
    assert_eq!(venue.order(PermId(2_400_000_001)).map(|o| o.fill_ticks), Some(802));
    assert_eq!(venue.order(PermId(1)), None);
    assert_eq!(venue.order_of(2, 4).map(|o| o.perm_id), Some(PermId(2_400_000_003)));
    assert_eq!(venue.executions()[0].exec_id, "0000e1a7.6b0373b5.00000001.01");
    assert_eq!(venue.quote(ES).and_then(|q| q.ask), Some(Price(401)));
    assert_eq!(venue.last_trade(ES).map(|t| t.price), Some(Price(403)));
    assert_eq!((venue.quote(NQ), venue.quote(SymbolId(2)), venue.last_trade(SymbolId(9))), (None, None, None));
    assert_eq!(venue.cash(), Money::from_micros(99_995_500_000));
    assert_eq!(venue.unrealised(), Money::from_micros(50_000_000));
}

#[test]
fn a_position_turns_through_zero_at_average_cost() {
    let mut floor = Floor::new();
    floor.play(
        "trade 400 1
         place 1 buy 2 mkt
         trade 403 1
         place 2 buy 1 mkt
         trade 404 1
         place 3 sell 1 mkt
         place 4 sell 4 mkt
         trade 400 1
         place 5 buy 2 mkt",
    );
    let realised: Vec<Option<i64>> =
        floor.venue.executions().iter().map(|e| e.realised.map(|money| money.micros())).collect();
    // Average 401: three ticks at 12.50 a contract, less 2.25 commission a contract of the whole fill.
    let expected = [None, None, Some(35_250_000), Some(66_000_000), Some(95_500_000)];
    assert_eq!(realised, expected);
    assert_eq!(floor.venue.cash(), Money::from_micros(100_190_000_000));
    assert_eq!((floor.position(), floor.venue.unrealised()), (0, Money::ZERO));
}

#[test]
fn a_marketable_limit_order_pays_the_market_s_price_and_a_resting_one_its_own() {
    check(
        "quote 400 5 401 2
         place 1 buy 9 lmt 480
         trade 402 3
         quote 400 5 402 1
         quote 481 5 482 5
         trade 479 1
         place 2 buy 1 lmt 399
         quote 396 5 397 5
         place 3 sell 9 lmt 390
         quote 395 2 396 5",
        expect![[r#"
            > quote 400 5 401 2
            > place 1 buy 9 lmt 480
            1 buy 2 @ 401
            1 Submitted 2/9
            > trade 402 3
            1 buy 3 @ 402
            1 Submitted 5/9
            > quote 400 5 402 1
            1 buy 1 @ 402
            1 Submitted 6/9
            > quote 481 5 482 5
            > trade 479 1
            1 buy 3 @ 480
            1 Filled 9/9
            > place 2 buy 1 lmt 399
            2 Submitted 0/1
            > quote 396 5 397 5
            2 buy 1 @ 399
            2 Filled 1/1
            > place 3 sell 9 lmt 390
            3 sell 5 @ 396 realised -1817.50
            3 Submitted 5/9
            > quote 395 2 396 5
            3 sell 2 @ 395 realised -752.00
            3 Submitted 7/9
        "#]],
    );
}

#[test]
fn an_order_from_before_the_first_quote_pays_the_offer_s_price() {
    check(
        "place 1 buy 1 lmt 480
         place 2 sell 1 lmt 380
         quote 400 5 401 5",
        expect![[r#"
            > place 1 buy 1 lmt 480
            1 Submitted 0/1
            > place 2 sell 1 lmt 380
            2 Submitted 0/1
            > quote 400 5 401 5
            1 buy 1 @ 401
            1 Filled 1/1
            2 sell 1 @ 400 realised -14.75
            2 Filled 1/1
        "#]],
    );
}
