//! What happens outside the API: orders by hand, corrections, busts, positions that are set.

use super::*;

fn floor() -> Floor {
    let mut floor = Floor::new();
    floor.play("quote 400 9 401 9\nplace 1 buy 2 mkt\nquote 410 9 411 9\nplace 2 sell 1 mkt");
    floor
}

fn position(floor: &Floor) -> VenuePosition {
    floor.venue.positions().find(|held| held.symbol == ES).expect("listed")
}

#[test]
fn orders_by_hand_have_no_id_until_they_are_bound() {
    let mut floor = floor();
    let now = floor.venue.now();
    let (mut out, resting) = (Vec::new(), order(7, Side::Buy, 1, OrderKind::Limit(Price(390))));
    let one = floor.venue.place_manual(now, resting.clone(), &mut out).expect("accepted");
    let two = floor.venue.place_manual(now, resting, &mut out).expect("a second without an id");
    assert_ne!(one, two);
    let unbound: Vec<(i32, i32)> =
        floor.venue.unbound_orders().map(|o| (o.order.client_id, o.order.order_id)).collect();
    assert_eq!(unbound, [(0, 0), (0, 0)]);
    assert_eq!(floor.venue.cancel(now, 0, 0, &mut out).map_err(|no| no.code), Err(10147));
    assert!(floor.venue.bind(one, 0, -1) && !floor.venue.bind(one, 0, -2), "it is bound once");
    assert!(!floor.venue.bind(PermId(1), 0, -1));
    assert_eq!(floor.venue.order_of(0, -1).map(|order| order.perm_id), Some(one));
    assert_eq!(floor.venue.cancel(now, 0, -1, &mut out), Ok(()));
    assert_eq!(floor.venue.next_order_id(0), 3, "ids of the account's clients, not those of bound orders");
    assert!(floor.venue.cancel_as_broker(now, two, "Limit breached.", &mut out));
    assert!(!floor.venue.cancel_as_broker(now, two, "", &mut out));
    let Some(Report::Message { refusal, .. }) = out.last() else { panic!("a message ends it") };
    assert_eq!(refusal.text, "Order Canceled - reason:Limit breached.");
}

#[test]
fn a_correction_rewrites_the_account_and_keeps_the_order() {
    let mut floor = floor();
    let (now, mut out) = (floor.venue.now(), Vec::new());
    let before = (position(&floor).realised, floor.venue.cash());
    let exec_id = floor.venue.executions()[0].exec_id.clone();
    floor.venue.correct_execution(now, &exec_id, Price(403), &mut out).expect("it is there");
    let Some(Report::Corrected(fill)) = out.first() else { panic!("{out:?}") };
    assert_eq!((fill.exec_id.as_str(), fill.price, fill.serial), ("0000e1a7.6b0373b5.00000001.02", Price(403), 1));
    // Two ticks of 12.50 more for each of two contracts, of which one is closed.
    let after = position(&floor);
    assert_eq!((before.0 - after.realised).micros(), 25_000_000);
    assert_eq!((after.quantity, after.cost_ticks), (1, 403));
    assert_eq!(floor.venue.executions()[1].realised.map(Money::micros), Some(85_250_000));
    assert_eq!((before.1 - floor.venue.cash()).micros(), 25_000_000);
    let order = floor.venue.order_of(1, 1).expect("placed");
    assert_eq!((order.fill_ticks, order.last_fill, order.filled), (806, Some(Price(403)), 2));
    let gone = floor.venue.correct_execution(now, &exec_id, Price(404), &mut out).map_err(|no| no.code);
    assert_eq!(gone, Err(321), "its id is another now");
    floor.venue.correct_execution(now, "0000e1a7.6b0373b5.00000001.02", Price(401), &mut out).expect("it is there");
    assert_eq!(floor.venue.cash(), before.1);
}

#[test]
fn a_busted_execution_never_was() {
    let mut floor = floor();
    let now = floor.venue.now();
    let exec_id = floor.venue.executions()[1].exec_id.clone();
    let gone = floor.venue.bust_execution(now, &exec_id).expect("it is there");
    assert_eq!((gone.side, gone.quantity), (Side::Sell, 1));
    assert_eq!((position(&floor).quantity, position(&floor).realised.micros()), (2, -4_500_000));
    assert_eq!(floor.venue.cash(), Money::from_micros(99_995_500_000));
    assert!(floor.venue.bust_execution(now, &exec_id).is_err());
    floor.play("place 3 sell 2 mkt");
    assert_eq!(floor.venue.executions()[1].exec_id, "0000e1a7.6b0373b5.00000003.01", "ids are never used twice");
}

#[test]
fn a_position_that_is_set_costs_what_the_market_shows() {
    let mut floor = floor();
    let (now, equity) = (floor.venue.now(), floor.venue.equity());
    assert!(floor.venue.set_position(now, ES, 3));
    assert_eq!((position(&floor).quantity, position(&floor).cost_ticks), (3, 401 + 2 * 410));
    assert_eq!(floor.venue.equity(), equity, "what comes, comes at the market");
    assert!(floor.venue.set_position(now, ES, -1));
    assert_eq!((position(&floor).quantity, position(&floor).cost_ticks), (-1, -411));
    assert!(!floor.venue.set_position(now, ES, 100_001) && !floor.venue.set_position(now, ES, i64::MIN));
    assert!(floor.venue.set_position(now, ES, 0) && !floor.venue.set_position(now, SymbolId(77), 1));
    assert_eq!(position(&floor).cost, Money::ZERO);
    let exec_id = floor.venue.executions()[0].exec_id.clone();
    floor.venue.correct_execution(now, &exec_id, Price(402), &mut Vec::new()).expect("it is there");
    assert_eq!(position(&floor).quantity, 0, "a rewritten ledger keeps what was set");
}

#[test]
fn a_liquidation_on_demand_closes_and_flags() {
    let mut floor = floor();
    let (now, mut out) = (floor.venue.now(), Vec::new());
    floor.play("place 3 sell 1 lmt 450 gtc");
    assert!(floor.venue.liquidate(now, ES, &mut out).is_some());
    assert_eq!(position(&floor).quantity, 0);
    assert!(floor.venue.executions()[2].liquidation);
    assert_eq!(floor.venue.order_of(1, 3).map(|order| order.status), Some(Status::Cancelled));
    assert_eq!(floor.venue.liquidate(now, ES, &mut out), None, "nothing is left to close");
    assert_eq!(floor.venue.liquidate(now, NQ, &mut out), None);
}

#[test]
fn a_deactivated_order_rests_on_and_ids_can_be_forgotten() {
    let mut floor = floor();
    floor.play("place 3 sell 1 lmt 450 gtc");
    let (now, mut out) = (floor.venue.now(), Vec::new());
    let perm_id = floor.venue.order_of(1, 3).expect("placed").perm_id;
    assert!(floor.venue.set_inactive(now, perm_id, true, &mut out));
    assert_eq!(floor.venue.order(perm_id).map(|order| order.status), Some(Status::Inactive));
    assert!(floor.venue.set_inactive(now, perm_id, false, &mut out));
    assert_eq!(floor.venue.order(perm_id).map(|order| order.status), Some(Status::Submitted));
    floor.play("trade 451 1");
    assert!(!floor.venue.set_inactive(now, perm_id, true, &mut out), "it has filled");
    assert_eq!(floor.venue.next_order_id(1), 4);
    floor.venue.roll_back_ids(2);
    assert_eq!(floor.venue.next_order_id(1), 2);
    floor.venue.roll_back_ids(99);
    assert_eq!(floor.venue.next_order_id(1), 1);
}
