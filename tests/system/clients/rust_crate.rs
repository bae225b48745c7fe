//! The crate `ibapi` in the market that is known, through the same scenarios as the Python clients: what the crate's own
//! types say is checked exactly. In: a gateway's address. Out: a line a scenario.

mod desk;
mod market;
mod orders;

use std::collections::BTreeMap;

use ibapi::accounts::types::{AccountId, ContractId};
use ibapi::contracts::Contract;
use ibapi::orders::{Action, ExecutionFilter, ExecutionFilterSide, OcaType, Order, Orders};
use ibapi::prelude::StreamExt;
use ibapi::subscriptions::SubscriptionItem;
use ibapi::{Client, StartupMessage};

use self::desk::{DEADLINE, Desk, OTHER, TRADER, Trader, buy, connect, month, order, within};
use super::{SCENARIOS, played_gateway};
use crate::support::Desk as Folder;
use crate::support::desk::wait;

/// The next data of a stream.
macro_rules! data {
    ($stream:expr) => {
        match within($stream.next()).await.expect("the stream goes on").expect("a message that can be read") {
            SubscriptionItem::Data(data) => data,
            SubscriptionItem::Notice(notice) => panic!("{notice:?}"),
        }
    };
}
use data;

#[test]
fn the_rust_crate_trades_in_protobuf() {
    let folder = Folder::new();
    let (_gateway, port) = played_gateway(&folder);
    let passed = wait(async {
        let mut desk = Desk::open(format!("127.0.0.1:{port}")).await;
        let mut passed = Vec::new();
        for name in SCENARIOS {
            scenario(&mut desk, name).await;
            desk.flat().await;
            println!("ok {name}");
            passed.push(name);
        }
        passed
    });
    assert_eq!(passed, SCENARIOS);
}

async fn scenario(desk: &mut Desk, name: &str) {
    match name {
        "connect" => {
            assert_eq!(desk.trader.client.server_version(), 225);
            assert_eq!(desk.trader.client.handshake_managed_accounts(), ["DU1234567"]);
        }
        "qualify" => market::qualify(desk).await,
        "stream" => market::stream(desk).await,
        "place-modify-cancel" => orders::place_modify_cancel(desk).await,
        "partial-fill" => orders::partial_fill(desk).await,
        "limit-waits-its-turn" => orders::limit_waits_its_turn(desk).await,
        "partial-fill-then-cancel" => orders::partial_fill_then_cancel(desk).await,
        "bracket-takes-its-profit" => orders::bracket_takes_its_profit(desk).await,
        "bracket-stops-its-loss" => orders::bracket_stops_its_loss(desk).await,
        "bracket-cancel-reaches-the-children" => orders::bracket_cancel(desk).await,
        "oca-1-cancels-the-others" => orders::oca(desk, OcaType::CancelWithBlock, ("Cancelled", 0.0, 4.0)).await,
        "oca-3-reduces-the-others" => orders::oca(desk, OcaType::ReduceWithoutBlock, ("Submitted", 0.0, 3.0)).await,
        "executions-with-a-filter" => executions_with_a_filter(desk).await,
        "profit-and-account-values" => profit_and_account_values(desk).await,
        "open-and-completed-orders" => open_and_completed_orders(desk).await,
        "reconnect-with-working-orders" => reconnect_with_working_orders(desk).await,
        "refusals" => refusals(desk).await,
        "quotes-and-snapshot" => market::quotes_and_snapshot(desk).await,
        "historical-bars-and-ticks" => market::historical_bars_and_ticks(desk).await,
        "real-time-bars" => market::real_time_bars(desk).await,
        "what-if" => orders::what_if(desk).await,
        "margin-refusal" => orders::margin_refusal(desk).await,
        "trailing-stop" => orders::trailing_stop(desk).await,
        "market-if-touched" => orders::market_if_touched(desk).await,
        "good-till-date" => orders::good_till_date(desk).await,
        other => panic!("no scenario is called {other}"),
    }
}

async fn executions_with_a_filter(desk: &mut Desk) {
    for _ in 0..8 {
        desk.step().await;
    }
    let time = desk.now().await.format("%Y%m%d-%H:%M:%S").to_string();
    let since = || ExecutionFilter { time: time.clone(), ..ExecutionFilter::default() };
    let bought = desk.trader.place(&desk.sept, &order(Action::Buy, 1.0, "MKT", 0.0)).await;
    let sold = desk.trader.place(&desk.sept, &order(Action::Sell, 1.0, "MKT", 0.0)).await;
    let mine = [bought, sold].map(|id| desk.trader.orders[&id].executions[0].clone());
    let ids = |rows: Vec<(String, i64, f64, f64)>| rows.into_iter().map(|row| row.0).collect::<Vec<_>>();
    assert_eq!(ids(desk.executions(since()).await), mine);
    let of_side = ExecutionFilter { side: Some(ExecutionFilterSide::Sell), ..since() };
    assert_eq!(ids(desk.executions(of_side).await), mine[1..]);
    let of_client = |id| ExecutionFilter { client_id: Some(id), ..since() };
    assert_eq!(ids(desk.executions(of_client(TRADER)).await), mine);
    assert!(desk.executions(of_client(OTHER)).await.is_empty());
    let root = |symbol: &str| ExecutionFilter { symbol: symbol.to_owned(), ..since() };
    assert_eq!(ids(desk.executions(root("ES")).await), mine);
    assert!(desk.executions(root("NQ")).await.is_empty());
    assert!(desk.executions(ExecutionFilter::default()).await.len() > 2, "all of the day");
}

async fn profit_and_account_values(desk: &mut Desk) {
    let number = |values: &BTreeMap<String, String>, key: &str| values[key].parse::<f64>().expect("a number");
    desk.fresh_quote(2.0).await;
    let before = desk.account_values().await;
    let id = desk.trader.place(&desk.june, &order(Action::Buy, 2.0, "MKT", 0.0)).await;
    assert_eq!(desk.trader.fills(id), [(2.0, 5000.25)]);
    // The last trade was at 5000.00, a tick below: 2 contracts lose 25.00, and cost 4.50 in commission.
    let account = AccountId("DU1234567".to_owned());
    let mut all = within(desk.trader.client.pnl(&account, None)).await.expect("profit");
    let contract = ContractId(desk.june.contract_id);
    let mut one = within(desk.trader.client.pnl_single(&account, contract, None)).await.expect("profit");
    let (pnl, single) = (data!(all), data!(one));
    assert_eq!((pnl.unrealized_pnl, single.unrealized_pnl, single.position), (Some(-25.0), -25.0, 2.0));
    assert_eq!(single.value, 500_000.0);
    let held = desk.account_values().await;
    let change = number(&held, "NetLiquidation") - number(&before, "NetLiquidation");
    assert!((change + 29.5).abs() < 1e-6, "{change}");
    let sold = desk.trader.place(&desk.june, &order(Action::Sell, 2.0, "MKT", 0.0)).await;
    assert_eq!(desk.trader.fills(sold), [(2.0, 5000.0)]);
    let closed = desk.account_values().await;
    let change = number(&closed, "TotalCashValue") - number(&before, "TotalCashValue");
    assert!((change + 34.0).abs() < 1e-6, "{change}");
    assert!(desk.trader.commissions[&desk.trader.orders[&sold].executions[0]].1.is_some(), "closing realises");
}

async fn open_and_completed_orders(desk: &mut Desk) {
    let mut other = Trader::of(connect(&desk.address, OTHER).await).await;
    let named = |price, name: &str| Order { order_ref: name.to_owned(), ..buy(1.0, price) };
    let theirs = other.place(&desk.june, &named(4980.0, "theirs")).await;
    desk.trader.next_id = desk.trader.next_id.max(theirs + 1);
    let mine = desk.trader.place(&desk.june, &named(4981.0, "mine")).await;
    let mut refs: Vec<String> = desk.open_orders().await.into_iter().map(|(_, name)| name).collect();
    refs.sort();
    assert_eq!(refs, ["mine", "theirs"]);
    desk.trader.cancel(theirs).await;
    assert_eq!(desk.trader.errors, [10147], "another client's order");
    assert_eq!(other.status(theirs).0, "Submitted");
    other.cancel(theirs).await;
    desk.trader.cancel(mine).await;
    let mut list = within(desk.trader.client.completed_orders(false)).await.expect("a list");
    let rows = list.collect_to_end_within(DEADLINE).await.expect("an end of the list");
    let ended = |name: &str| {
        let of_name = |row: &&Orders| matches!(row, Orders::OrderData(data) if data.order.order_ref == name);
        let status = rows.iter().find(of_name).map(|row| match row {
            Orders::OrderData(data) => format!("{:?}", data.order_state.status),
            Orders::OrderStatus(status) => format!("{:?}", status.status),
        });
        status.expect("it is listed")
    };
    assert_eq!([ended("mine"), ended("theirs")], ["Cancelled", "Cancelled"]);
    other.client.disconnect().await;
}

async fn reconnect_with_working_orders(desk: &mut Desk) {
    desk.fresh_quote(3.0).await;
    let far = desk.trader.place(&desk.june, &buy(2.0, 4985.0)).await;
    let near = desk.trader.place(&desk.june, &buy(4.0, 5000.0)).await;
    let perm_id = desk.trader.orders[&near].perm_id;
    desk.trader.client.disconnect().await;
    for _ in 0..40 {
        within(desk.pacer.server_time_millis()).await.expect("the clock answers");
    }
    let (sink, replayed) = std::sync::mpsc::channel();
    let builder = Client::builder().address(&desk.address).client_id(TRADER).max_reconnect_attempts(0);
    let builder = builder.startup_callback(move |message| {
        let line = match message {
            StartupMessage::OpenOrder(data) => format!("open {} {:?}", data.order_id, data.order_state.status),
            StartupMessage::OrderStatus(status) => format!("status {} {:?}", status.order_id, status.status),
            StartupMessage::OpenOrderEnd => "end".to_owned(),
            other => format!("{other:?}"),
        };
        sink.send(line).expect("the test waits for it");
    });
    let client = within(builder.connect()).await.expect("a connection");
    let replayed: Vec<String> = replayed.try_iter().collect();
    assert_eq!(replayed, [format!("open {far} Submitted"), format!("status {far} Submitted"), "end".to_owned()]);
    desk.trader = Trader::of(client).await;
    assert!(desk.trader.next_id > near);
    let mut away = desk.executions(ExecutionFilter::default()).await;
    away.retain(|row| row.1 == perm_id);
    let away: Vec<_> = away.into_iter().map(|row| (row.2, row.3)).collect();
    assert_eq!(away, [(1.0, 5000.0), (2.0, 5000.0), (1.0, 5000.0)], "filled while away");
    assert_eq!(desk.positions().await, [("ESM4".to_owned(), 4.0)]);
    desk.trader.cancel(far).await;
    assert_eq!(desk.trader.status(far).0, "Cancelled");
}

async fn refusals(desk: &mut Desk) {
    let unknown = Contract { symbol: "NOPE".into(), ..month("") };
    let refused = [
        (desk.june.clone(), buy(1.0, 4990.1), 110),
        (unknown, order(Action::Buy, 1.0, "MKT", 0.0), 200),
        (desk.june.clone(), buy(0.0, 4990.0), 434),
        (desk.june.clone(), order(Action::Buy, 1.0, "NOSUCH", 0.0), 387),
    ];
    for (contract, order, code) in &refused {
        desk.trader.errors.clear();
        desk.trader.place(contract, order).await;
        assert_eq!(desk.trader.errors, [*code]);
    }
    desk.trader.errors.clear();
    desk.trader.cancel(999_999).await;
    assert_eq!(desk.trader.errors, [10147]);
    let second = Client::builder().address(&desk.address).client_id(TRADER).max_reconnect_attempts(0).connect();
    let second = within(second).await;
    assert!(matches!(second, Err(ibapi::Error::ClientIdInUse { .. })), "{:?}", second.err());
}
