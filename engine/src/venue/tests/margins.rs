//! Margin, settlement, liquidation. ES: 25,300 to open and 23,000 to keep a contract; 12.50 a tick.

use expect_test::expect;

use super::*;

fn broker() -> Rules {
    Rules { hours: Hours::Always, ..Rules::of_broker() }
}

fn floor() -> Floor {
    Floor::with(broker(), Timestamp::from_secs(0))
}

fn usd(amount: i64) -> Money {
    Money::from_micros(amount * 1_000_000)
}

#[test]
fn an_order_that_the_account_cannot_afford_is_inactive() {
    let mut floor = floor();
    floor.play(
        "quote 20000 9 20001 9
         place 1 buy 4 lmt 19990
         place 2 buy 3 lmt 19990
         place 3 buy 1 lmt 19990
         place 4 sell 3 lmt 20010
         cancel 2
         place 5 buy 1 lmt 19990 hold
         place 6 buy 1 lmt 19990 parent 5",
    );
    expect![[r#"
        > quote 20000 9 20001 9
        > place 1 buy 4 lmt 19990
        1 Inactive 0/4
        1 [201] Order rejected - reason:Available funds are insufficient. In order to obtain the desired position your Equity with Loan Value [100000.00 USD] must exceed the new total Initial Margin of [101200.00 USD]
        > place 2 buy 3 lmt 19990
        2 Submitted 0/3
        > place 3 buy 1 lmt 19990
        3 Inactive 0/1
        3 [201] Order rejected - reason:Available funds are insufficient. In order to obtain the desired position your Equity with Loan Value [100000.00 USD] must exceed the new total Initial Margin of [101200.00 USD]
        > place 4 sell 3 lmt 20010
        4 Submitted 0/3
        > cancel 2
        2 Cancelled 0/3
        2 [202] Order Canceled - reason:
        > place 5 buy 1 lmt 19990 hold
        5 PendingSubmit 0/1
        > place 6 buy 1 lmt 19990 parent 5
        5 Submitted 0/1
        6 PreSubmitted 0/1
    "#]]
    .assert_eq(&floor.said);
    assert_eq!(floor.venue.order_of(1, 1).map(|order| order.status), Some(Status::Inactive));
    assert!(floor.venue.open_orders().all(|order| order.order.order_id != 1));
}

#[test]
fn an_order_that_closes_needs_nothing_and_a_group_counts_once() {
    let mut floor = floor();
    floor.play(
        "quote 20000 9 20001 9
         place 1 buy 3 mkt
         place 2 sell 3 lmt 20100 oca g 2
         place 3 sell 3 stp 19900 oca g 2
         place 4 sell 6 mkt",
    );
    assert_eq!(
        floor.venue.order_of(1, 4).map(|order| order.status),
        Some(Status::Inactive),
        "it would open three more"
    );
    let working: Vec<i32> = floor.venue.open_orders().map(|order| order.order.order_id).collect();
    assert_eq!(working, [2, 3]);
}

#[test]
fn growth_is_refused_and_changes_nothing() {
    let mut floor = floor();
    floor.play("quote 20000 9 20001 9\nplace 1 buy 2 lmt 19990\nmodify 1 buy 4 lmt 19990\nmodify 1 buy 3 lmt 19991");
    assert!(floor.said.contains("refused 201: Order rejected - reason:Available funds are insufficient."));
    assert_eq!(floor.venue.order_of(1, 1).map(|order| order.order.quantity), Some(3));
}

#[test]
fn what_if_places_nothing_and_tells_margins() {
    let mut floor = floor();
    floor.play("quote 20000 9 20001 9\nplace 1 buy 1 mkt");
    let before = format!("{:?}", floor.venue);
    let answer = floor.venue.what_if(&order(9, Side::Buy, 2, OrderKind::Market)).expect("a good order");
    assert_eq!((answer.before.initial, answer.before.maintenance), (usd(25_300), usd(23_000)));
    assert_eq!((answer.after.initial, answer.after.maintenance), (usd(75_900), usd(69_000)));
    assert_eq!(answer.commission, Money::from_micros(4_500_000));
    assert_eq!(answer.equity_before - answer.equity_after, answer.commission);
    let closing = floor.venue.what_if(&order(9, Side::Sell, 1, OrderKind::Market)).expect("a good order");
    assert_eq!(closing.after, Margins::default());
    assert_eq!(floor.venue.what_if(&order(9, Side::Buy, 0, OrderKind::Market)).map_err(|no| no.code), Err(434));
    assert_eq!(format!("{:?}", floor.venue), before);
}

#[test]
fn a_position_that_loses_too_much_is_closed_and_its_orders_go() {
    let mut floor = floor();
    floor.play("quote 20000 9 20001 9\ntrade 20000 1\nplace 1 buy 3 mkt\nplace 2 sell 3 lmt 30000 gtc");
    floor.said.clear();
    // 100,000 - 6.75 - 37.50 of spread: the maintenance margin of 69,000 is passed after 826 ticks of three contracts.
    floor.play("quote 19175 9 19176 9\ntrade 19176 1\ntrade 19175 1\ntrade 19174 1\ntrade 10000 1");
    expect![[r#"
        > quote 19175 9 19176 9
        > trade 19176 1
        > trade 19175 1
        > trade 19174 1
        2 Cancelled 0/3
        2 [202] Order Canceled - reason:The position is liquidated.
        0 sell 3 @ 19175 realised -30981.75
        0 Filled 3/3
        > trade 10000 1
    "#]]
    .assert_eq(&floor.said);
    assert_eq!(floor.position(), 0);
    let flags: Vec<bool> = floor.venue.executions().iter().map(|fill| fill.liquidation).collect();
    assert_eq!(flags, [false, true]);
}

#[test]
fn a_liquidation_waits_for_a_market_and_is_not_repeated() {
    let mut floor = floor();
    floor.play("quote 20000 9 20001 9\ntrade 20000 1\nplace 1 sell 3 mkt\nquote 25000 9 - 0");
    floor.said.clear();
    floor.play("trade 25000 1\ntrade 25001 1\nquote 24000 9 24001 1\nquote 24000 9 24002 9");
    expect![[r#"
        > trade 25000 1
        0 Submitted 0/3
        > trade 25001 1
        > quote 24000 9 24001 1
        0 buy 1 @ 24001 realised -50014.75
        0 Submitted 1/3
        > quote 24000 9 24002 9
        0 buy 2 @ 24002 realised -100054.50
        0 Filled 3/3
    "#]]
    .assert_eq(&floor.said);
}

#[test]
fn settlement_moves_gains_into_cash_and_changes_nothing_else() {
    let mut floor = floor();
    floor.play("quote 20000 9 20001 9\nplace 1 buy 2 mkt\ntrade 20041 1");
    let of_es = |floor: &Floor| floor.venue.positions().find(|held| held.symbol == ES).expect("listed");
    let (before, equity) = (of_es(&floor), floor.venue.equity());
    assert_eq!(
        (floor.venue.cash(), floor.venue.variation()),
        (usd(100_000) - Money::from_micros(4_500_000), usd(1_000))
    );
    floor.play("end_of_day");
    let after = of_es(&floor);
    assert_eq!((floor.venue.cash(), floor.venue.variation()), (Money::from_micros(100_995_500_000), Money::ZERO));
    assert_eq!((after.cost, after.realised, floor.venue.unrealised()), (before.cost, before.realised, usd(1_000)));
    assert_eq!(after.basis - before.basis, usd(1_000));
    assert_eq!(floor.venue.equity(), equity);
    floor.play("trade 20001 1\nend_of_day\nquote 20001 9 20002 9\nplace 2 sell 2 mkt");
    let closed = of_es(&floor);
    assert_eq!((closed.quantity, closed.cost, closed.basis), (0, Money::ZERO, Money::ZERO));
    assert_eq!(floor.venue.cash(), usd(100_000) - Money::from_micros(9_000_000), "bought and sold at one price");
    assert_eq!(closed.realised, Money::ZERO - Money::from_micros(9_000_000));
}

#[test]
fn rates_and_commissions_can_be_set_by_root_and_unlisted_roots_are_charged_by_value() {
    let margins = MarginTable([("ES".to_owned(), MarginRate::of(1_000, 900))].into());
    let commissions = [("NQ".to_owned(), Money::from_micros(620_000))].into();
    let rules = Rules { hours: Hours::Always, margins: Some(margins), commissions };
    let mut floor = Floor::with(rules, Timestamp::from_secs(0));
    floor.play("quote 20000 9 20001 9\nplace 1 buy 2 mkt");
    assert_eq!(floor.venue.margins(), Margins { initial: usd(2_000), maintenance: usd(1_800) });
    let nq = |event: FeedEvent| FeedEvent { symbol: NQ, ..event };
    floor.venue.on_market(&nq(trade(Timestamp::from_secs(9), 40_000, 1)), &mut Vec::new());
    let order = NewOrder { symbol: NQ, ..order(2, Side::Buy, 1, OrderKind::Market) };
    floor.venue.place(Timestamp::from_secs(9), order, &mut Vec::new()).expect("accepted");
    assert_eq!(floor.venue.executions()[1].commission, Money::from_micros(620_000));
    // A tenth of 40,000 ticks of five dollars, and a tenth less.
    assert_eq!(floor.venue.margins(), Margins { initial: usd(22_000), maintenance: usd(19_800) });
}

#[test]
fn losses_on_two_symbols_add_up() {
    let mut floor = floor();
    let nq = |event: FeedEvent| FeedEvent { symbol: NQ, ..event };
    floor.play("quote 20000 9 20001 9\ntrade 20000 1\nplace 1 buy 1 mkt");
    let at = Timestamp::from_secs(9);
    floor.venue.on_market(&nq(trade(at, 40_000, 1)), &mut Vec::new());
    let order = NewOrder { symbol: NQ, ..order(2, Side::Buy, 1, OrderKind::Market) };
    floor.venue.place(at, order, &mut Vec::new()).expect("62,700 of initial margin");
    // 57,000 of maintenance margin: 43,000 may be lost. ES loses 20,000 by 1,600 ticks, NQ 20,000 by 4,000.
    floor.said.clear();
    floor.play("trade 18400 1");
    assert!(!floor.said.contains("Filled"));
    let mut out = Vec::new();
    let falls = nq(trade(at, 36_000, 1));
    assert!(!floor.venue.would_report(&falls));
    floor.venue.on_market(&falls, &mut out);
    assert!(out.is_empty(), "{out:?}");
    let falls = nq(trade(at, 35_000, 1));
    assert!(floor.venue.would_report(&falls));
    floor.venue.on_market(&falls, &mut out);
    let closed: Vec<SymbolId> = floor.venue.executions()[2..].iter().map(|fill| fill.symbol).collect();
    assert_eq!(closed, [NQ], "the larger margin first, and that is enough");
    assert!(floor.venue.executions()[2].liquidation);
}
