//! Every order type and time in force through the crate `ibapi`: what the client sent comes back, the venue does what
//! was ordered, and messages come in the live order.

use ibapi::orders::{Action, OrderStatusKind, TimeInForce};

use super::*;

async fn desk(gateway: &Gateway) -> (Desk, Subscription<ibapi::market_data::realtime::Trade>) {
    let desk = Desk::open(gateway, 1).await;
    let ticks = within(desk.client.tick_by_tick(&desk.contract, 0).last()).await.expect("trades");
    step(&desk.client).await;
    (desk, ticks)
}

/// The order that the next open order shows.
async fn shown(desk: &mut Desk) -> Order {
    let item = within(desk.updates.next()).await.expect("the stream goes on").expect("a message that can be read");
    match item {
        SubscriptionItem::Data(OrderUpdate::OpenOrder(data)) => data.order,
        other => panic!("expected an open order, found {other:?}"),
    }
}

fn typed(action: Action, kind: &str, change: impl FnOnce(&mut Order)) -> Order {
    let mut order = order(action, 1.0, kind, 0.0);
    order.outside_rth = true;
    change(&mut order);
    order
}

#[tokio::test]
async fn what_a_client_sends_of_each_type_comes_back() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5), trade(0, 5000.0, 1)]);
    let (mut desk, _ticks) = desk(&gateway).await;
    step(&desk.client).await;
    let sell = Action::Sell;
    let orders = [
        typed(sell, "TRAIL", |order| order.aux_price = Some(10.0)),
        typed(sell, "TRAIL", |order| (order.trailing_percent, order.trail_stop_price) = (Some(0.5), Some(4980.0))),
        typed(sell, "TRAIL LIMIT", |order| (order.aux_price, order.limit_price_offset) = (Some(10.0), Some(0.5))),
        typed(sell, "TRAIL LIMIT", |order| {
            (order.aux_price, order.trail_stop_price, order.limit_price) = (Some(10.0), Some(4985.0), Some(4984.0));
        }),
        typed(sell, "MIT", |order| order.aux_price = Some(5010.0)),
        typed(sell, "LIT", |order| (order.aux_price, order.limit_price) = (Some(5010.0), Some(5009.0))),
        typed(sell, "MOC", |_| {}),
        typed(sell, "LOC", |order| order.limit_price = Some(5001.0)),
        typed(sell, "STP", |order| {
            order.aux_price = Some(4990.0);
            order.trigger_price = Some(5010.0);
            order.adjusted_order_type = "STP LMT".to_owned();
            (order.adjusted_stop_price, order.adjusted_stop_limit_price) = (Some(5000.0), Some(4999.0));
        }),
    ];
    let mut seen = Vec::new();
    for order in &orders {
        desk.submit(order).await;
        let back = shown(&mut desk).await;
        let status = desk.next().await;
        assert!(status.ends_with("PreSubmitted 0/1"), "{status}");
        seen.push(format!(
            "{} limit {:?} aux {:?} stop {:?} percent {:?} offset {:?}",
            back.order_type,
            back.limit_price,
            back.aux_price,
            back.trail_stop_price,
            back.trailing_percent,
            back.limit_price_offset
        ));
        drop(within(desk.client.cancel_order(desk.next_id - 1, "")).await.expect("sent"));
        for ending in ["Cancelled 0/1", "error 202"] {
            assert!(desk.next().await.ends_with(ending));
        }
    }
    let expected = [
        "TRAIL limit None aux Some(10.0) stop Some(4990.0) percent None offset None",
        "TRAIL limit None aux None stop Some(4980.0) percent Some(0.5) offset None",
        "TRAIL LIMIT limit Some(4989.5) aux Some(10.0) stop Some(4990.0) percent None offset Some(0.5)",
        "TRAIL LIMIT limit Some(4989.0) aux Some(10.0) stop Some(4990.0) percent None offset Some(1.0)",
        "MIT limit None aux Some(5010.0) stop None percent None offset None",
        "LIT limit Some(5009.0) aux Some(5010.0) stop None percent None offset None",
        "MOC limit None aux None stop None percent None offset None",
        "LOC limit Some(5001.0) aux None stop None percent None offset None",
        "STP limit None aux Some(4990.0) stop None percent None offset None",
    ];
    assert_eq!(seen, expected);
    gateway.stop();
}

#[tokio::test]
async fn a_trailing_stop_is_shown_where_it_is_and_fills() {
    let events = vec![quote(0, 5000.0, 5, 5000.25, 5), trade(0, 5000.0, 1), trade(1, 5020.0, 1), trade(2, 5009.75, 1)];
    let gateway = answered(events);
    let (mut desk, _ticks) = desk(&gateway).await;
    step(&desk.client).await;
    desk.submit(&typed(Action::Sell, "TRAIL", |order| order.aux_price = Some(10.0))).await;
    desk.expect(&["open 1 PreSubmitted 1", "status 1 PreSubmitted 0/1"]).await;
    step(&desk.client).await;
    let mut open = within(desk.client.open_orders()).await.expect("a list");
    let listed = open.collect_to_end_within(DEADLINE).await.expect("an end");
    let stops: Vec<_> = listed
        .iter()
        .filter_map(|item| match item {
            ibapi::orders::Orders::OrderData(data) => data.order.trail_stop_price,
            ibapi::orders::Orders::OrderStatus(_) => None,
        })
        .collect();
    assert_eq!(stops, [5010.0]);
    step(&desk.client).await;
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.starts_with("commission")) {
        lines.push(desk.next().await);
    }
    assert!(lines.contains(&"fill 1 Sold 1 at 5000".to_owned()), "{lines:?}");
    gateway.stop();
}

#[tokio::test]
async fn an_order_outside_the_session_is_held_with_a_warning() {
    let break_s = 7 * 3600 + 1800; // 16:30 in Chicago
    let evening = quote(8 * 3600 + 60, 5000.0, 5, 5000.25, 5);
    let gateway = answered(vec![quote(break_s, 5000.0, 5, 5000.25, 5), evening]);
    let (mut desk, _ticks) = desk(&gateway).await;
    desk.submit(&typed(Action::Buy, "LMT", |order| order.limit_price = Some(4990.0))).await;
    desk.expect(&["open 1 PreSubmitted 1", "status 1 PreSubmitted 0/1"]).await;
    let item = within(desk.updates.next()).await.expect("the stream goes on").expect("a message that can be read");
    let SubscriptionItem::Notice(notice) = item else { panic!("{item:?}") };
    assert_eq!(notice.code, 399);
    let warning = "Order Message:\nBUY 1 ES DEC'26\nWarning: Your order will not be placed at the exchange until \
                   2026-11-23 17:00:00 US/Central.";
    assert_eq!(notice.message, warning);
    assert_eq!(step(&desk.client).await, 8 * 3600, "the session opens");
    desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
    gateway.stop();
}

#[tokio::test]
async fn a_dated_order_ends_at_its_date() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5), quote(900, 5000.0, 5, 5000.25, 5)]);
    let (mut desk, _ticks) = desk(&gateway).await;
    let mut dated = typed(Action::Buy, "LMT", |order| order.limit_price = Some(4990.0));
    dated.tif = TimeInForce::from("GTD");
    dated.good_till_date = "20261123 09:10:00 US/Central".to_owned();
    desk.submit(&dated).await;
    assert_eq!(shown(&mut desk).await.good_till_date, dated.good_till_date);
    desk.expect(&["status 1 Submitted 0/1"]).await;
    assert_eq!(step(&desk.client).await, 600);
    desk.expect(&["status 1 Cancelled 0/1", "error 202"]).await;
    gateway.stop();
}

#[tokio::test]
async fn a_what_if_order_tells_margin_and_is_not_placed() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let (mut desk, _ticks) = desk(&gateway).await;
    let mut asked = order(Action::Buy, 2.0, "MKT", 0.0);
    asked.what_if = true;
    desk.submit(&asked).await;
    let item = within(desk.updates.next()).await.expect("the stream goes on").expect("a message that can be read");
    let SubscriptionItem::Data(OrderUpdate::OpenOrder(data)) = item else { panic!("{item:?}") };
    let state = &data.order_state;
    assert_eq!(state.status, OrderStatusKind::PreSubmitted);
    assert!(data.order.what_if);
    let margins = (state.initial_margin_before, state.initial_margin_change, state.initial_margin_after);
    assert_eq!(margins, (Some(0.0), Some(50_600.0), Some(50_600.0)));
    let margins = (state.maintenance_margin_before, state.maintenance_margin_change, state.maintenance_margin_after);
    assert_eq!(margins, (Some(0.0), Some(46_000.0), Some(46_000.0)));
    let equity = (state.equity_with_loan_before, state.equity_with_loan_change, state.equity_with_loan_after);
    assert_eq!(equity, (Some(100_000.0), Some(-4.5), Some(99_995.5)));
    assert_eq!((state.commission, state.commission_currency.as_str()), (Some(4.5), "USD"));
    desk.expect_nothing().await;
    assert!(gateway.truth().open_orders.is_empty() && gateway.truth().executions.is_empty());
    asked.total_quantity = 9.0;
    desk.next_id -= 1;
    desk.submit(&asked).await;
    let item = within(desk.updates.next()).await.expect("the stream goes on").expect("a message that can be read");
    let SubscriptionItem::Data(OrderUpdate::OpenOrder(data)) = item else { panic!("{item:?}") };
    assert!(data.order_state.warning_text.contains("227700.00"), "{}", data.order_state.warning_text);
    // The id is still free.
    desk.next_id -= 1;
    desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
    desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
    gateway.stop();
}

#[tokio::test]
async fn an_order_beyond_the_account_is_inactive_and_refused_with_the_reason() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let (mut desk, _ticks) = desk(&gateway).await;
    desk.submit(&order(Action::Buy, 4.0, "MKT", 0.0)).await;
    desk.expect(&["open 1 Inactive 4", "status 1 Inactive 0/4"]).await;
    let item = within(desk.updates.next()).await.expect("the stream goes on").expect("a message that can be read");
    let SubscriptionItem::Notice(notice) = item else { panic!("{item:?}") };
    assert_eq!(notice.code, 201);
    assert!(notice.message.contains("[100000.00 USD] must exceed the new total Initial Margin of [101200.00 USD]"));
    let mut completed = within(desk.client.completed_orders(true)).await.expect("a list");
    let listed = completed.collect_to_end_within(DEADLINE).await.expect("an end");
    let reasons: Vec<_> = listed
        .iter()
        .filter_map(|item| match item {
            ibapi::orders::Orders::OrderData(data) => Some(data.order_state.reject_reason.clone()),
            ibapi::orders::Orders::OrderStatus(_) => None,
        })
        .collect();
    assert_eq!(reasons, [notice.message.as_str()]);
    drop(within(desk.client.cancel_order(1, "")).await.expect("sent"));
    desk.expect(&["error 161"]).await;
    gateway.stop();
}

#[tokio::test]
async fn a_closing_order_trades_at_the_close() {
    let close_s = 6 * 3600; // 15:00 in Chicago
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5), quote(close_s + 60, 5001.0, 5, 5001.25, 5)]);
    let (mut desk, _ticks) = desk(&gateway).await;
    let mut closing = order(Action::Buy, 1.0, "MOC", 0.0);
    closing.outside_rth = false;
    desk.submit(&closing).await;
    desk.expect(&["open 1 PreSubmitted 1", "status 1 PreSubmitted 0/1"]).await;
    assert_eq!(step(&desk.client).await, close_s);
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.starts_with("commission")) {
        lines.push(desk.next().await);
    }
    assert_eq!(lines[0], "fill 1 Bought 1 at 5000.25", "the quote of the close");
    gateway.stop();
}

#[tokio::test]
async fn a_status_says_what_an_order_waits_for() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let (mut desk, _ticks) = desk(&gateway).await;
    let mut entry = order(Action::Buy, 1.0, "LMT", 4990.0);
    let mut target = order(Action::Sell, 1.0, "LMT", 5010.0);
    let mut stop = order(Action::Sell, 1.0, "STP", 4980.0);
    (entry.transmit, target.transmit) = (false, false);
    (target.parent_id, stop.parent_id) = (1, 1);
    for order in [&entry, &target, &stop] {
        desk.submit(order).await;
    }
    desk.submit(&order(Action::Sell, 1.0, "STP", 4980.0)).await;
    let mut held = std::collections::BTreeMap::new();
    while held.len() < 4 || !held.contains_key(&4) {
        let item = within(desk.updates.next()).await.expect("the stream goes on").expect("a message that can be read");
        if let SubscriptionItem::Data(OrderUpdate::OrderStatus(status)) = item {
            held.insert(status.order_id, status.why_held);
        }
    }
    let words: Vec<&str> = held.values().map(String::as_str).collect();
    assert_eq!(words, ["", "child", "child,trigger", "trigger"]);
    gateway.stop();
}

#[tokio::test]
async fn prices_of_every_type_can_be_changed() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5), trade(0, 5000.0, 1)]);
    let (mut desk, _ticks) = desk(&gateway).await;
    step(&desk.client).await;
    type SetPrice = fn(&mut Order, f64);
    let kinds: [(&str, SetPrice); 4] = [
        ("TRAIL", |order, points| order.aux_price = Some(points)),
        ("MIT", |order, points| order.aux_price = Some(5000.0 + points)),
        ("LIT", |order, points| (order.aux_price, order.limit_price) = (Some(5000.0 + points), Some(5000.0))),
        ("LOC", |order, points| order.limit_price = Some(5000.0 + points)),
    ];
    for (kind, price) in kinds {
        let mut changed = typed(Action::Sell, kind, |order| price(order, 10.0));
        let id = desk.submit(&changed).await;
        let before = shown(&mut desk).await;
        desk.next().await;
        price(&mut changed, 12.0);
        within(desk.client.submit_order(id, &desk.contract, &changed)).await.expect("sent");
        let after = shown(&mut desk).await;
        desk.next().await;
        let prices = |order: &Order| (order.aux_price, order.limit_price);
        assert_ne!(prices(&before), prices(&after), "{kind}");
        let (aux, limit) = (changed.aux_price.or(after.aux_price), changed.limit_price.or(after.limit_price));
        assert_eq!(prices(&after), (aux, limit), "{kind}");
        // The account cannot afford all of them at once; the first is needed below.
        if id > 1 {
            drop(within(desk.client.cancel_order(id, "")).await.expect("sent"));
            desk.next().await;
            desk.next().await;
        }
    }
    let mut other_type = order(Action::Sell, 1.0, "LMT", 5010.0);
    other_type.outside_rth = true;
    within(desk.client.submit_order(1, &desk.contract, &other_type)).await.expect("sent");
    desk.expect(&["error 105"]).await;
    // A contract without a market: a new order for it would be refused with 201.
    let listed = ibapi::contracts::Contract { last_trade_date_or_contract_month: "202709".to_owned(), ..es_root() };
    within(desk.client.submit_order(1, &listed, &typed(Action::Sell, "TRAIL", |order| order.aux_price = Some(9.0))))
        .await
        .expect("sent");
    desk.expect(&["error 105"]).await;
    gateway.stop();
}
