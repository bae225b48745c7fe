//! Orders as a client of Interactive Brokers lives through them: in the live order of messages, with the live codes.

use ibapi::orders::{Action, ExecutionFilter, ExecutionFilterSide, Executions, Orders, TimeInForce};

use super::*;

async fn subscribe(desk: &Desk) -> Subscription<ibapi::market_data::realtime::Trade> {
    within(desk.client.tick_by_tick(&desk.contract, 0).last()).await.expect("trades")
}

/// Every item of a list up to its end, as lines.
macro_rules! listed {
    ($request:expr, $line:expr) => {{
        let mut list = within($request).await.expect("a list");
        let items = list.collect_to_end_within(DEADLINE).await.expect("an end of the list");
        items.iter().map($line).collect::<Vec<String>>()
    }};
}

fn order_line(item: &Orders) -> String {
    match item {
        Orders::OrderData(data) => {
            let (order, state) = (&data.order, &data.order_state);
            format!("{} {:?} {} {:?}", order.order_type, order.action, order.total_quantity, state.status)
        }
        Orders::OrderStatus(status) => format!("{} {:?}", status.order_id, status.status),
    }
}

fn execution_line(item: &Executions) -> String {
    match item {
        Executions::ExecutionData(data) => {
            let fill = &data.execution;
            format!("{:?} {} at {} sum {}", fill.side, fill.shares, fill.price, fill.cumulative_quantity)
        }
        Executions::CommissionReport(report) => format!("commission {}", report.commission),
    }
}

#[tokio::test]
async fn a_market_order_fills_in_the_order_of_messages_of_a_live_gateway() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let mut desk = Desk::open(&gateway, 1).await;
    let _ticks = subscribe(&desk).await;
    step(&desk.client).await;
    desk.submit(&order(Action::Buy, 2.0, "MKT", 0.0)).await;
    desk.expect(&[
        "open 1 PreSubmitted 2",
        "status 1 PreSubmitted 0/2",
        "fill 1 Bought 2 at 5000.25",
        "open 1 Filled 2",
        "status 1 Filled 2/0",
        "open 1 Filled 2 with commission",
        "status 1 Filled 2/0",
        "commission 4.5 None",
    ])
    .await;
    desk.submit(&order(Action::Sell, 2.0, "MKT", 0.0)).await;
    for _ in 0..7 {
        desk.next().await;
    }
    assert_eq!(desk.next().await, "commission 4.5 Some(-29.5)", "the quarter point lost on two, and this commission");
    let truth = gateway.truth();
    assert_eq!(truth.positions[0].quantity, 0);
    assert_eq!(truth.cash, Money::from_micros(99_966_000_000), "100,000 less 25 for the spread and 9 in commissions");
    gateway.stop();
}

#[tokio::test]
async fn a_bracket_fills_in_parts_and_its_target_ends_the_stop() {
    let events = vec![quote(0, 5000.0, 5, 5000.25, 2), quote(1, 5000.0, 5, 5000.25, 9), trade(2, 5010.25, 9)];
    let gateway = answered(events);
    let mut desk = Desk::open(&gateway, 1).await;
    let _ticks = subscribe(&desk).await;
    step(&desk.client).await;
    let mut entry = order(Action::Buy, 3.0, "LMT", 5000.25);
    let mut target = order(Action::Sell, 3.0, "LMT", 5010.0);
    let mut stop = order(Action::Sell, 3.0, "STP", 4990.0);
    (entry.transmit, target.transmit) = (false, false);
    (target.parent_id, stop.parent_id) = (1, 1);
    entry.order_ref = "entry-1".to_owned();
    desk.submit(&entry).await;
    desk.expect(&["open 1 PendingSubmit 3", "status 1 PendingSubmit 0/3"]).await;
    desk.submit(&target).await;
    desk.expect(&["open 2 PendingSubmit 3", "status 2 PendingSubmit 0/3"]).await;
    desk.submit(&stop).await;
    let mut seen = Vec::new();
    let last = ["commission", "status 1 Submitted 2/1", "status 2 Submitted", "status 3 PreSubmitted"];
    while !last.iter().all(|start| seen.iter().any(|line: &String| line.starts_with(start))) {
        seen.push(desk.next().await);
    }
    let of = |order: &str| seen.iter().filter(|l| l.starts_with(order)).map(String::as_str).collect::<Vec<_>>();
    assert_eq!(of("fill 1"), ["fill 1 Bought 2 at 5000.25"]);
    assert_eq!(of("status 1"), ["status 1 Submitted 0/3", "status 1 Submitted 2/1"]);
    assert_eq!(of("status 2").last(), Some(&"status 2 Submitted 0/3"));
    assert_eq!(of("status 3").last(), Some(&"status 3 PreSubmitted 0/3"));

    assert_eq!(step(&desk.client).await, 1, "the rest of the entry fills by the next quote");
    desk.expect(&[
        "fill 1 Bought 1 at 5000.25",
        "open 1 Filled 3",
        "status 1 Filled 3/0",
        "open 1 Filled 3 with commission",
        "status 1 Filled 3/0",
        "commission 2.25 None",
    ])
    .await;
    assert_eq!(step(&desk.client).await, 1, "the quote itself is the next step");
    assert_eq!(step(&desk.client).await, 2, "a trade beyond the target fills it");
    desk.expect(&[
        "fill 2 Sold 3 at 5010",
        "open 2 Filled 3",
        "status 2 Filled 3/0",
        "open 2 Filled 3 with commission",
        "status 2 Filled 3/0",
        "commission 6.75 Some(1455.75)",
    ])
    .await;
    assert!(desk.next().await.starts_with("status 3 Cancelled"), "the stop goes with the position");
    assert_eq!(gateway.truth().positions[0].quantity, 0);
    assert!(gateway.truth().open_orders.is_empty());
    assert_eq!(gateway.truth().executions[0].order_ref, "entry-1");
    gateway.stop();
}

#[tokio::test]
async fn an_order_is_modified_and_cancelled() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let mut desk = Desk::open(&gateway, 1).await;
    let mut limit = order(Action::Buy, 2.0, "LMT", 4990.0);
    let id = desk.submit(&limit).await;
    desk.expect(&["open 1 Submitted 2", "status 1 Submitted 0/2"]).await;
    limit.total_quantity = 3.0;
    within(desk.client.submit_order(id, &desk.contract, &limit)).await.expect("sent");
    desk.expect(&["open 1 Submitted 3", "status 1 Submitted 0/3"]).await;
    drop(within(desk.client.cancel_order(id, "")).await.expect("sent"));
    desk.expect(&["status 1 Cancelled 0/3", "error 202"]).await;
    drop(within(desk.client.cancel_order(id, "")).await.expect("sent"));
    desk.expect(&["error 10148"]).await;
    gateway.stop();
}

#[tokio::test]
async fn what_cannot_be_ordered_is_refused_with_the_code_of_the_broker_and_nothing_else() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let mut desk = Desk::open(&gateway, 1).await;
    let with = |change: fn(&mut Order)| {
        let mut changed = order(Action::Buy, 1.0, "LMT", 4990.0);
        change(&mut changed);
        changed
    };
    let refused = [
        (with(|order| order.limit_price = Some(4990.1)), "error 110"),
        (with(|order| order.limit_price = None), "error 321"),
        (with(|order| order.total_quantity = 0.0), "error 434"),
        (with(|order| order.total_quantity = 1.5), "error 321"),
        (with(|order| order.order_type = "TRAIL".to_owned()), "error 321"),
        (with(|order| order.order_type = "REL".to_owned()), "error 387"),
        (with(|order| order.tif = TimeInForce::from("GTD")), "error 321"),
        (with(|order| order.tif = TimeInForce::from("OPG")), "error 201"),
        (with(|order| order.good_after_time = "tomorrow".to_owned()), "error 321"),
        (with(|order| order.account = "U99".to_owned()), "error 321"),
        (with(|order| order.algo_strategy = "Twap".to_owned()), "error 321"),
        (with(|order| order.all_or_none = true), "error 321"),
        (with(|order| order.hidden = true), "error 321"),
        (with(|order| order.sweep_to_fill = true), "error 321"),
        (with(|order| order.cash_qty = Some(1000.0)), "error 321"),
        (with(|order| order.duration = Some(60)), "error 321"),
        (with(|order| order.model_code = "model".to_owned()), "error 321"),
    ];
    for (order, code) in &refused {
        desk.submit(order).await;
        desk.expect(&[code]).await;
    }
    desk.contract.contract_id = 1;
    desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
    desk.expect(&["error 200"]).await;
    drop(within(desk.client.cancel_order(777, "")).await.expect("sent"));
    desk.expect(&["error 10147"]).await;
    desk.expect_nothing().await;
    assert!(gateway.truth().open_orders.is_empty() && gateway.truth().completed_orders.is_empty());
    gateway.stop();
}

#[tokio::test]
async fn the_lists_show_open_and_completed_orders_and_executions() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 1), quote(1, 5000.0, 5, 5000.5, 5)]);
    let mut desk = Desk::open(&gateway, 1).await;
    let _ticks = subscribe(&desk).await;
    step(&desk.client).await;
    desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
    desk.submit(&order(Action::Sell, 1.0, "LMT", 5020.0)).await;
    let gone = desk.submit(&order(Action::Buy, 1.0, "LMT", 4980.0)).await;
    drop(within(desk.client.cancel_order(gone, "")).await.expect("sent"));
    // The crate shows in a list also what comes on its own meanwhile, so let everything come first.
    desk.settle().await;
    let open = ["LMT Sell 1 Submitted", "2 Submitted"];
    assert_eq!(listed!(desk.client.open_orders(), order_line), open);
    assert_eq!(listed!(desk.client.all_open_orders(), order_line), open);
    let completed = ["MKT Buy 1 Filled", "LMT Buy 1 Cancelled"];
    assert_eq!(listed!(desk.client.completed_orders(false), order_line), completed);
    let all = listed!(desk.client.executions(ExecutionFilter::default()), execution_line);
    assert_eq!(all, ["Bought 1 at 5000.25 sum 1", "commission 2.25"]);
    let none = ExecutionFilter { side: Some(ExecutionFilterSide::Sell), ..ExecutionFilter::default() };
    assert!(listed!(desk.client.executions(none), execution_line).is_empty());
    let other = ExecutionFilter { client_id: Some(9), ..ExecutionFilter::default() };
    assert!(listed!(desk.client.executions(other), execution_line).is_empty());
    let later = ExecutionFilter { time: "20261123-15:00:01".to_owned(), ..ExecutionFilter::default() };
    assert!(listed!(desk.client.executions(later), execution_line).is_empty());
    let same = ExecutionFilter { time: "20261123 09:00:00 US/Central".to_owned(), ..ExecutionFilter::default() };
    assert_eq!(listed!(desk.client.executions(same), execution_line).len(), 2);
    gateway.stop();
}

#[tokio::test]
async fn executions_before_midnight_are_told_only_when_days_are_asked_for() {
    let midnight = 15 * 3600; // 06:00 UTC, Chicago's midnight
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 1), quote(midnight, 5000.0, 5, 5000.5, 5)]);
    let mut desk = Desk::open(&gateway, 1).await;
    let _ticks = subscribe(&desk).await;
    step(&desk.client).await;
    desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
    assert_eq!(step(&desk.client).await, 7 * 3600, "settlement at 16:00 in Chicago");
    assert_eq!(step(&desk.client).await, midnight, "the quote");
    assert!(listed!(desk.client.executions(ExecutionFilter::default()), execution_line).is_empty());
    let yesterday = ExecutionFilter { last_n_days: 1, ..ExecutionFilter::default() };
    assert_eq!(listed!(desk.client.executions(yesterday), execution_line).len(), 2);
    let date = ExecutionFilter { specific_dates: vec!["20261123".to_owned()], ..ExecutionFilter::default() };
    assert_eq!(listed!(desk.client.executions(date), execution_line).len(), 2);
    gateway.stop();
}

#[tokio::test]
async fn day_orders_end_with_the_day_and_others_stay() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 1), quote(8 * 3600, 4980.0, 5, 4980.25, 5)]);
    let mut desk = Desk::open(&gateway, 1).await;
    let _ticks = subscribe(&desk).await;
    step(&desk.client).await;
    desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
    let mut lasting = order(Action::Buy, 1.0, "LMT", 4970.0);
    lasting.tif = TimeInForce::GoodTillCanceled;
    desk.submit(&lasting).await;
    desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1", "open 2 Submitted 1", "status 2 Submitted 0/1"])
        .await;
    step(&desk.client).await;
    desk.expect(&["status 1 Cancelled 0/1", "error 202"]).await;
    step(&desk.client).await;
    desk.expect_nothing().await;
    assert_eq!(gateway.truth().open_orders.len(), 1, "it did not fill at the next day's lower price");
    assert_eq!(gateway.truth().positions[0].quantity, 0);
    gateway.stop();
}

#[tokio::test]
async fn immediate_orders_do_not_rest() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 2)]);
    let mut desk = Desk::open(&gateway, 1).await;
    let _ticks = subscribe(&desk).await;
    step(&desk.client).await;
    let mut whole = order(Action::Buy, 3.0, "LMT", 5000.25);
    whole.tif = TimeInForce::FillOrKill;
    desk.submit(&whole).await;
    let mut part = order(Action::Buy, 3.0, "LMT", 5000.25);
    part.tif = TimeInForce::ImmediateOrCancel;
    desk.submit(&part).await;
    desk.expect(&["open 1 Inactive 3", "status 1 Inactive 0/3", "error 202"]).await;
    desk.expect(&["open 2 Submitted 3", "status 2 Submitted 0/3", "fill 2 Bought 2 at 5000.25"]).await;
    desk.expect(&["status 2 PendingCancel 2/1", "status 2 Cancelled 2/1", "commission 4.5 None", "error 202"]).await;
    let truth = gateway.truth();
    assert!(truth.open_orders.is_empty());
    assert_eq!(truth.positions[0].quantity, 2, "the first took nothing, the second what was there");
    gateway.stop();
}

#[tokio::test]
async fn each_partial_fill_has_its_own_id_sum_and_average() {
    let events = vec![quote(0, 5000.0, 5, 5000.25, 1), quote(1, 5000.0, 5, 5000.75, 1), quote(2, 5000.0, 5, 5001.0, 5)];
    let gateway = answered(events);
    let mut desk = Desk::open(&gateway, 1).await;
    let _ticks = subscribe(&desk).await;
    step(&desk.client).await;
    desk.submit(&order(Action::Buy, 3.0, "MKT", 0.0)).await;
    while !gateway.stats().finished {
        step(&desk.client).await;
    }
    desk.settle().await;
    let mut list = within(desk.client.executions(ExecutionFilter::default())).await.expect("a list");
    let items = list.collect_to_end_within(DEADLINE).await.expect("an end of the list");
    let fills: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Executions::ExecutionData(data) => {
                let fill = &data.execution;
                Some((fill.execution_id.as_str(), fill.price, fill.cumulative_quantity, fill.average_price))
            }
            Executions::CommissionReport(_) => None,
        })
        .collect();
    let expected = [
        ("0000e1a7.6b0373b5.00000001.01", 5000.25, 1.0, 5000.25),
        ("0000e1a7.6b0373b5.00000002.01", 5000.75, 2.0, 5000.5),
        ("0000e1a7.6b0373b5.00000003.01", 5001.0, 3.0, 15_002.0 / 3.0),
    ];
    assert_eq!(fills, expected);
    gateway.stop();
}

#[tokio::test]
async fn every_part_of_a_filter_counts() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let mut desk = Desk::open(&gateway, 1).await;
    let _ticks = subscribe(&desk).await;
    step(&desk.client).await;
    desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
    desk.submit(&order(Action::Sell, 1.0, "MKT", 0.0)).await;
    desk.settle().await;
    let text = |value: &str| value.to_owned();
    let some = ExecutionFilter::default;
    let filters = [
        (some(), 4),
        (ExecutionFilter { client_id: Some(1), ..some() }, 4),
        (ExecutionFilter { account_code: text(ACCOUNT), ..some() }, 4),
        (ExecutionFilter { account_code: text("DU9"), ..some() }, 0),
        (ExecutionFilter { symbol: text("ES"), ..some() }, 4),
        (ExecutionFilter { symbol: text("NQ"), ..some() }, 0),
        (ExecutionFilter { security_type: text("FUT"), ..some() }, 4),
        (ExecutionFilter { security_type: text("STK"), ..some() }, 0),
        (ExecutionFilter { exchange: text("CME"), ..some() }, 4),
        (ExecutionFilter { exchange: text("ICE"), ..some() }, 0),
        (ExecutionFilter { side: Some(ExecutionFilterSide::Buy), symbol: text("ES"), ..some() }, 2),
        (ExecutionFilter { specific_dates: vec![text("20261122")], ..some() }, 0),
    ];
    for (filter, count) in filters {
        let shown = format!("{filter:?}");
        let found = listed!(desk.client.executions(filter), execution_line);
        assert_eq!(found.len(), count, "{shown}: {found:?}");
    }
    gateway.stop();
}

#[tokio::test]
async fn a_fill_is_told_field_by_field_as_captured() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let mut desk = Desk::open(&gateway, 1).await;
    let _ticks = subscribe(&desk).await;
    step(&desk.client).await;
    desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
    let mut states = Vec::new();
    for _ in 0..8 {
        let item = within(desk.updates.next()).await.expect("the stream goes on").expect("a message that can be read");
        let SubscriptionItem::Data(update) = item else { panic!("{item:?}") };
        match update {
            OrderUpdate::OpenOrder(data) => {
                let state = data.order_state;
                states.push(format!(
                    "{:?} {:?} {} {}",
                    state.status, state.commission, state.completed_time, state.completed_status
                ));
            }
            OrderUpdate::ExecutionData(ExecutionData { request_id, execution, contract, .. }) => {
                assert_eq!((request_id, contract.local_symbol.as_str()), (-1, "ESZ6"));
                assert_eq!(
                    (execution.time.as_str(), execution.exchange.as_str()),
                    ("20261123 09:00:00 US/Central", "CME")
                );
                assert_eq!((execution.perm_id, execution.client_id, execution.order_id), (2_400_000_001, 1, 1));
                assert_eq!((execution.cumulative_quantity, execution.average_price), (1.0, 5000.25));
                assert_eq!(execution.account_number, ACCOUNT);
            }
            OrderUpdate::OrderStatus(status) => {
                let sums = (status.filled, status.remaining, status.average_fill_price, status.last_fill_price);
                states.push(format!("{:?} {sums:?} {}", status.status, status.perm_id));
            }
            OrderUpdate::CommissionReport(report) => {
                assert_eq!(
                    (report.execution_id.as_str(), report.currency.as_str()),
                    ("0000e1a7.6b0373b5.00000001.01", "USD")
                );
                assert_eq!((report.commission, report.realized_pnl), (2.25, None));
            }
            other => panic!("{other:?}"),
        }
    }
    let filled = "Filled (1.0, 0.0, Some(5000.25), Some(5000.25)) 2400000001";
    let done = "20261123 09:00:00 US/Central Filled Size: 1";
    let expected = [
        "PreSubmitted None  ".to_owned(),
        "PreSubmitted (0.0, 1.0, Some(0.0), Some(0.0)) 2400000001".to_owned(),
        format!("Filled None {done}"),
        filled.to_owned(),
        format!("Filled Some(2.25) {done}"),
        filled.to_owned(),
    ];
    assert_eq!(states, expected);
    gateway.stop();
}
