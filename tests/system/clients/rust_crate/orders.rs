//! Scenarios of orders: what they become, one by one and tied together.

use ibapi::orders::{Action, OcaType, Order, TimeInForce};

use super::desk::{Desk, buy, order, within};

pub async fn place_modify_cancel(desk: &mut Desk) {
    let mut far = Order { tif: TimeInForce::GoodTillCanceled, order_ref: "far".to_owned(), ..buy(1.0, 4990.0) };
    let id = desk.trader.place(&desk.june, &far).await;
    assert_eq!(desk.trader.status(id), ("Submitted", 0.0, 1.0));
    (far.limit_price, far.total_quantity) = (Some(4989.75), 2.0);
    within(desk.trader.client.submit_order(id, &desk.june, &far)).await.expect("sent");
    desk.trader.settle().await;
    assert_eq!(desk.trader.status(id), ("Submitted", 0.0, 2.0));
    assert_eq!(desk.open_orders().await, [(id, "far".to_owned())]);
    desk.trader.cancel(id).await;
    assert_eq!((desk.trader.status(id), desk.trader.errors.as_slice()), (("Cancelled", 0.0, 2.0), &[202][..]));
}

pub async fn partial_fill(desk: &mut Desk) {
    desk.fresh_quote(2.0).await;
    let id = desk.trader.place(&desk.june, &order(Action::Buy, 5.0, "MKT", 0.0)).await;
    assert_eq!((desk.trader.status(id), desk.trader.fills(id)), (("Submitted", 2.0, 3.0), vec![(2.0, 5000.25)]));
    desk.done(id).await;
    assert_eq!(desk.trader.fills(id), [(2.0, 5000.25), (3.0, 5000.25)]);
    let told = &desk.trader.orders[&id];
    let paid: Vec<f64> = told.executions.iter().map(|id| desk.trader.commissions[id].0).collect();
    assert_eq!(paid, [4.5, 6.75]);
    assert_eq!(desk.positions().await, [("ESM4".to_owned(), 5.0)]);
}

pub async fn limit_waits_its_turn(desk: &mut Desk) {
    desk.fresh_quote(3.0).await;
    let id = desk.trader.place(&desk.june, &buy(4.0, 5000.0)).await;
    assert_eq!((desk.trader.status(id), desk.trader.fills(id)), (("Submitted", 0.0, 4.0), vec![]));
    desk.done(id).await;
    // Three contracts stand before it, and each trade takes two: of the second, one is left for it.
    assert_eq!(desk.trader.fills(id), [(1.0, 5000.0), (2.0, 5000.0), (1.0, 5000.0)]);
}

pub async fn partial_fill_then_cancel(desk: &mut Desk) {
    desk.fresh_quote(3.0).await;
    let id = desk.trader.place(&desk.june, &buy(4.0, 5000.0)).await;
    desk.step_until("the first fill", |desk| !desk.trader.fills(id).is_empty()).await;
    desk.trader.cancel(id).await;
    assert_eq!((desk.trader.status(id), desk.trader.fills(id)), (("Cancelled", 1.0, 3.0), vec![(1.0, 5000.0)]));
    assert_eq!(desk.positions().await, [("ESM4".to_owned(), 1.0)]);
}

/// Ids of the parent, the profit and the stop.
async fn bracket(desk: &mut Desk, entry: f64, profit: f64, loss: f64) -> [i32; 3] {
    let parent = desk.trader.next_id;
    let mut orders = [buy(2.0, entry), order(Action::Sell, 2.0, "LMT", profit), order(Action::Sell, 2.0, "STP", loss)];
    (orders[0].transmit, orders[1].transmit) = (false, false);
    (orders[1].parent_id, orders[2].parent_id) = (parent, parent);
    for order in &orders {
        desk.trader.place(&desk.sept, order).await;
    }
    [parent, parent + 1, parent + 2]
}

pub async fn bracket_takes_its_profit(desk: &mut Desk) {
    desk.swing_is_at(5051.0, 5050.0).await;
    let [parent, profit, loss] = bracket(desk, 5051.0, 5053.0, 5040.0).await;
    assert_eq!((desk.trader.status(parent).0, desk.trader.fills(parent)), ("Filled", vec![(2.0, 5050.25)]));
    assert_eq!((desk.trader.status(profit).0, desk.trader.status(loss).0), ("Submitted", "PreSubmitted"));
    desk.done(profit).await;
    assert!(desk.trader.fills(profit).iter().all(|(_, price)| *price == 5053.0), "{:?}", desk.trader.fills(profit));
    assert_eq!((desk.trader.status(loss).0, desk.trader.fills(loss)), ("Cancelled", vec![]));
}

pub async fn bracket_stops_its_loss(desk: &mut Desk) {
    desk.swing_is_at(5053.0, 5054.0).await;
    let [parent, profit, loss] = bracket(desk, 5055.0, 5060.0, 5052.0).await;
    assert_eq!(desk.trader.status(parent).0, "Filled");
    desk.done(loss).await;
    assert_eq!(desk.trader.fills(loss), [(2.0, 5052.0)]);
    assert_eq!((desk.trader.status(profit).0, desk.trader.fills(profit)), ("Cancelled", vec![]));
    assert_eq!(desk.positions().await, []);
}

pub async fn bracket_cancel(desk: &mut Desk) {
    let ids = bracket(desk, 4990.0, 5110.0, 4980.0).await;
    assert_eq!(ids.map(|id| desk.trader.status(id).0.to_owned()), ["Submitted", "PreSubmitted", "PreSubmitted"]);
    desk.trader.cancel(ids[0]).await;
    assert_eq!(ids.map(|id| desk.trader.status(id).0.to_owned()), ["Cancelled"; 3]);
}

/// A limit order in the queue and one far away, in one group; what the other is after the first's first fill.
pub async fn oca(desk: &mut Desk, kind: OcaType, other: (&str, f64, f64)) {
    let group = format!("group {}", desk.trader.next_id);
    let grouped = |price| Order { oca_group: group.clone(), oca_type: kind, ..buy(4.0, price) };
    desk.fresh_quote(3.0).await;
    let near = desk.trader.place(&desk.june, &grouped(5000.0)).await;
    let far = desk.trader.place(&desk.june, &grouped(4990.0)).await;
    desk.step_until("the first fill", |desk| !desk.trader.fills(near).is_empty()).await;
    assert_eq!(desk.trader.status(near), ("Submitted", 1.0, 3.0));
    assert_eq!(desk.trader.status(far), other);
    desk.done(near).await;
    assert_eq!((desk.trader.status(far).0, desk.trader.fills(far)), ("Cancelled", vec![]));
}

/// A what-if order says what it would need, and is nowhere afterwards.
pub async fn what_if(desk: &mut Desk) {
    let id = desk.trader.next_id;
    let asked = Order { what_if: true, ..order(Action::Buy, 2.0, "MKT", 0.0) };
    desk.trader.place(&desk.june, &asked).await;
    let state = desk.trader.states[&id].clone();
    let number = |value: Option<f64>| value.expect("it is told");
    let change = number(state.initial_margin_change);
    assert!(change > number(state.maintenance_margin_change), "{state:?}");
    assert!((number(state.initial_margin_before) + change - number(state.initial_margin_after)).abs() < 1e-6);
    assert_eq!(state.commission, Some(4.5));
    assert_eq!(desk.open_orders().await, []);
}

pub async fn margin_refusal(desk: &mut Desk) {
    let id = desk.trader.place(&desk.june, &order(Action::Buy, 1000.0, "MKT", 0.0)).await;
    assert_eq!((desk.trader.status(id), desk.trader.errors.as_slice()), (("Inactive", 0.0, 1000.0), &[201][..]));
    assert_eq!((desk.positions().await, desk.open_orders().await), (vec![], vec![]));
}

pub async fn trailing_stop(desk: &mut Desk) {
    desk.swing_is_at(5051.0, 5050.0).await;
    let bought = desk.trader.place(&desk.sept, &order(Action::Buy, 1.0, "MKT", 0.0)).await;
    assert_eq!(desk.trader.fills(bought), [(1.0, 5050.25)]);
    let trail = Order { aux_price: Some(2.0), ..order(Action::Sell, 1.0, "TRAIL", 0.0) };
    let trail = desk.trader.place(&desk.sept, &trail).await;
    desk.done(trail).await;
    // From the top at 5054 the stop is two points away, and the trade that reaches it goes at the bid.
    assert_eq!(desk.trader.fills(trail), [(1.0, 5052.0)]);
}

pub async fn market_if_touched(desk: &mut Desk) {
    desk.swing_is_at(5051.0, 5052.0).await;
    let touched = Order { aux_price: Some(5050.0), ..order(Action::Buy, 1.0, "MIT", 0.0) };
    let touched = desk.trader.place(&desk.sept, &touched).await;
    assert_eq!(desk.trader.fills(touched), []);
    desk.done(touched).await;
    assert_eq!(desk.trader.fills(touched), [(1.0, 5050.25)]);
}

pub async fn good_till_date(desk: &mut Desk) {
    let end = desk.now().await + chrono::TimeDelta::seconds(5);
    let dated = Order {
        tif: TimeInForce::from("GTD"),
        good_till_date: end.format("%Y%m%d-%H:%M:%S").to_string(),
        ..buy(1.0, 4990.0)
    };
    let id = desk.trader.place(&desk.june, &dated).await;
    assert_eq!(desk.trader.status(id).0, "Submitted");
    desk.step_until("its end", |desk| desk.trader.status(id).0 != "Submitted").await;
    assert_eq!(desk.trader.status(id).0, "Cancelled");
    let late = desk.now().await - end;
    assert!((0..=1).contains(&late.num_seconds()), "{late}");
}
