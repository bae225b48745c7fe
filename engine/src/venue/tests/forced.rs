//! Fills that the market did not make.

use super::*;

#[test]
fn a_resting_order_fills_at_its_limit_and_one_that_is_not_at_the_exchange_does_not() {
    let mut floor = Floor::new();
    floor.play("quote 400 9 401 9");
    let (now, mut out) = (floor.venue.now(), Vec::new());
    let entry = order(1, Side::Buy, 2, OrderKind::Limit(Price(390)));
    let child = NewOrder { parent_id: Some(1), ..order(2, Side::Sell, 2, OrderKind::Stop(Price(380))) };
    let parent = floor.venue.place(now, entry, &mut out).expect("accepted");
    let child = floor.venue.place(now, child, &mut out).expect("accepted");
    assert!(!floor.venue.fill_now(now, child, &mut out), "it waits for its parent");
    assert!(!floor.venue.fill_now(now, PermId(1), &mut out), "there is no such order");
    out.clear();
    assert!(floor.venue.fill_now(now, parent, &mut out));
    let Some(Report::Execution(fill)) = out.first() else { panic!("{out:?}") };
    assert_eq!((fill.price, fill.quantity, floor.position()), (Price(390), 2, 2));
    assert!(!floor.venue.fill_now(now, parent, &mut out), "it is over");
    assert!(floor.venue.fill_now(now, child, &mut out), "its fill sent the child to the exchange");
    assert_eq!((floor.venue.executions()[1].price, floor.position()), (Price(380), 0));
}
