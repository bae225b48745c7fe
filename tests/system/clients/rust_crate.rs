//! The crate `ibapi` in the market that is known, through the same scenarios as the Python clients: what the crate's own
//! types say is checked exactly. In: a gateway's address. Out: a line a scenario.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt;
use ibapi::accounts::types::{AccountId, ContractId};
use ibapi::accounts::{AccountUpdate, PositionUpdate};
use ibapi::contracts::Contract;
use ibapi::market_data::IgnoreSize;
use ibapi::market_data::realtime::{BidAsk, Trade};
use ibapi::orders::{
    Action, ExecutionFilter, ExecutionFilterSide, Executions, OcaType, Order, OrderUpdate, Orders, TimeInForce,
};
use ibapi::prelude::StreamExt;
use ibapi::subscriptions::{Subscription, SubscriptionItem};
use ibapi::{Client, StartupMessage};

use super::{SCENARIOS, played_gateway};
use crate::support::Desk as Folder;
use crate::support::desk::wait;

const TRADER: i32 = 7;
const PACER: i32 = 50;
const OTHER: i32 = 8;
const DEADLINE: Duration = Duration::from_secs(60);
const STEPS_MAX: usize = 400;

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("an answer within the deadline")
}

/// What one order's messages said last and in sum.
#[derive(Clone, Default, Debug)]
struct Told {
    status: String,
    filled: f64,
    remaining: f64,
    fills: Vec<(f64, f64)>,
    executions: Vec<String>,
    perm_id: i64,
}

/// One client with its order updates, read up to the last answer.
struct Trader {
    client: Client,
    updates: Subscription<OrderUpdate>,
    orders: BTreeMap<i32, Told>,
    /// Commission and realised profit by execution.
    commissions: BTreeMap<String, (f64, Option<f64>)>,
    errors: Vec<i32>,
    next_id: i32,
}

async fn connect(address: &str, client_id: i32) -> Client {
    let client = Client::builder().address(address).client_id(client_id).max_reconnect_attempts(0).connect();
    within(client).await.expect("a connection")
}

impl Trader {
    async fn of(client: Client) -> Self {
        let updates = within(client.order_update_stream()).await.expect("the only order stream");
        let next_id = client.next_order_id();
        let (orders, commissions) = (BTreeMap::new(), BTreeMap::new());
        Self { client, updates, orders, commissions, errors: Vec::new(), next_id }
    }

    /// The answer to a question comes after everything that was sent before it.
    async fn settle(&mut self) {
        within(self.client.next_valid_order_id()).await.expect("an id");
        while let Some(Some(item)) = self.updates.next().now_or_never() {
            match item.expect("a message that can be read") {
                SubscriptionItem::Data(update) => self.note(update),
                SubscriptionItem::Notice(notice) => self.errors.push(notice.code),
            }
        }
    }

    fn note(&mut self, update: OrderUpdate) {
        match update {
            OrderUpdate::OpenOrder(data) => {
                self.orders.entry(data.order_id).or_default().perm_id = data.order.perm_id;
            }
            OrderUpdate::OrderStatus(status) => {
                let told = self.orders.entry(status.order_id).or_default();
                told.status = format!("{:?}", status.status);
                (told.filled, told.remaining) = (status.filled, status.remaining);
            }
            OrderUpdate::ExecutionData(data) => {
                let told = self.orders.entry(data.execution.order_id).or_default();
                told.fills.push((data.execution.shares, data.execution.price));
                told.executions.push(data.execution.execution_id);
            }
            OrderUpdate::CommissionReport(report) => {
                self.commissions.insert(report.execution_id, (report.commission, report.realized_pnl));
            }
            other => panic!("{other:?}"),
        }
    }

    async fn place(&mut self, contract: &Contract, order: &Order) -> i32 {
        let id = self.next_id;
        self.next_id += 1;
        within(self.client.submit_order(id, contract, order)).await.expect("sent");
        self.settle().await;
        id
    }

    async fn cancel(&mut self, id: i32) {
        drop(within(self.client.cancel_order(id, "")).await.expect("sent"));
        self.settle().await;
    }

    fn status(&self, id: i32) -> (&str, f64, f64) {
        let told = &self.orders[&id];
        (&told.status, told.filled, told.remaining)
    }

    fn fills(&self, id: i32) -> Vec<(f64, f64)> {
        self.orders[&id].fills.clone()
    }
}

/// The pacer, which moves the market, and the trader.
struct Desk {
    address: String,
    pacer: Client,
    quotes: Subscription<BidAsk>,
    trades: Subscription<Trade>,
    seen: Seen,
    trader: Trader,
    june: Contract,
    sept: Contract,
}

/// What the pacer saw last: June's offer, September's two last prices, and how many ticks of each.
#[derive(Default)]
struct Seen {
    ask_size: f64,
    prices: [f64; 2],
    quotes: usize,
    trades: usize,
}

fn month(text: &str) -> Contract {
    let root = Contract::futures("ES").any_month().on_exchange("CME").in_currency("USD").build();
    Contract { last_trade_date_or_contract_month: text.to_owned(), ..root }
}

async fn qualified(client: &Client, wanted: &str) -> Contract {
    let details = within(client.contract_details(&month(wanted))).await.expect("it is listed");
    assert_eq!(details.len(), 1);
    details[0].contract.clone()
}

impl Desk {
    async fn open(address: String) -> Self {
        let pacer = connect(&address, PACER).await;
        let trader = Trader::of(connect(&address, TRADER).await).await;
        let (june, sept) = (qualified(&pacer, "202406").await, qualified(&pacer, "202409").await);
        let quotes = within(pacer.tick_by_tick(&june, 0).bid_ask(IgnoreSize::No)).await.expect("quotes");
        let trades = within(pacer.tick_by_tick(&sept, 0).last()).await.expect("trades");
        Self { address, pacer, quotes, trades, seen: Seen::default(), trader, june, sept }
    }

    async fn step(&mut self) {
        within(self.pacer.server_time_millis()).await.expect("the clock answers");
        while let Some(Some(Ok(SubscriptionItem::Data(quote)))) = self.quotes.next().now_or_never() {
            self.seen.ask_size = quote.ask_size;
            self.seen.quotes += 1;
        }
        while let Some(Some(Ok(SubscriptionItem::Data(trade)))) = self.trades.next().now_or_never() {
            self.seen.prices = [self.seen.prices[1], trade.price];
            self.seen.trades += 1;
        }
        self.trader.settle().await;
    }

    async fn step_until(&mut self, what: &str, reached: impl Fn(&Desk) -> bool) {
        for _ in 0..STEPS_MAX {
            if reached(self) {
                return;
            }
            self.step().await;
        }
        panic!("{what}: not within {STEPS_MAX} steps of the market");
    }

    async fn fresh_quote(&mut self, ask_size: f64) {
        let before = self.seen.quotes;
        self.step_until("a fresh quote", |desk| desk.seen.quotes > before && desk.seen.ask_size == ask_size).await;
    }

    async fn swing_is_at(&mut self, from: f64, to: f64) {
        let before = self.seen.trades;
        self.step_until("the swing", |desk| desk.seen.trades > before && desk.seen.prices == [from, to]).await;
    }

    async fn done(&mut self, id: i32) {
        self.step_until("the end of an order", |desk| desk.trader.status(id).0 == "Filled").await;
    }

    async fn positions(&self) -> Vec<(String, f64)> {
        let mut list = within(self.trader.client.positions()).await.expect("positions");
        let mut found = Vec::new();
        loop {
            match within(list.next()).await.expect("an end").expect("a message that can be read") {
                SubscriptionItem::Data(PositionUpdate::Position(held)) => {
                    found.push((held.contract.local_symbol, held.position));
                }
                _ => return found,
            }
        }
    }

    /// Ids of open orders, with references.
    async fn open_orders(&self) -> Vec<(i32, String)> {
        let mut list = within(self.trader.client.all_open_orders()).await.expect("a list");
        let rows = list.collect_to_end_within(DEADLINE).await.expect("an end of the list");
        let open = rows.into_iter().filter_map(|row| match row {
            Orders::OrderData(data) => Some((data.order_id, data.order.order_ref)),
            Orders::OrderStatus(_) => None,
        });
        open.collect()
    }

    /// No orders, no positions.
    async fn flat(&mut self) {
        within(self.trader.client.global_cancel()).await.expect("sent");
        self.trader.settle().await;
        for (symbol, held) in self.positions().await {
            let contract = if symbol == "ESM4" { self.june.clone() } else { self.sept.clone() };
            let action = if held > 0.0 { Action::Sell } else { Action::Buy };
            let id = self.trader.place(&contract, &order(action, held.abs(), "MKT", 0.0)).await;
            self.done(id).await;
        }
        assert_eq!(self.open_orders().await, []);
        self.trader.errors.clear();
    }

    async fn executions(&self, filter: ExecutionFilter) -> Vec<(String, i64, f64, f64)> {
        let mut list = within(self.trader.client.executions(filter)).await.expect("a list");
        let rows = list.collect_to_end_within(DEADLINE).await.expect("an end of the list");
        let found = rows.into_iter().filter_map(|row| match row {
            Executions::ExecutionData(data) => {
                let fill = data.execution;
                Some((fill.execution_id, fill.perm_id, fill.shares, fill.price))
            }
            Executions::CommissionReport(_) => None,
        });
        found.collect()
    }

    async fn account_values(&self) -> BTreeMap<String, String> {
        let account = AccountId("DU1234567".to_owned());
        let mut updates = within(self.trader.client.account_updates(&account)).await.expect("updates");
        let mut values = BTreeMap::new();
        loop {
            match within(updates.next()).await.expect("an end").expect("a message that can be read") {
                SubscriptionItem::Data(AccountUpdate::AccountValue(value)) => {
                    values.insert(value.key, value.value);
                }
                SubscriptionItem::Data(AccountUpdate::End) => return values,
                _ => {}
            }
        }
    }
}

fn order(action: Action, quantity: f64, kind: &str, price: f64) -> Order {
    let mut order = Order { action, total_quantity: quantity, order_type: kind.to_owned(), ..Order::default() };
    match kind {
        "LMT" => order.limit_price = Some(price),
        "STP" => order.aux_price = Some(price),
        _ => {}
    }
    order
}

fn buy(quantity: f64, price: f64) -> Order {
    order(Action::Buy, quantity, "LMT", price)
}

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
        "qualify" => qualify(desk).await,
        "stream" => stream(desk).await,
        "place-modify-cancel" => place_modify_cancel(desk).await,
        "partial-fill" => partial_fill(desk).await,
        "limit-waits-its-turn" => limit_waits_its_turn(desk).await,
        "partial-fill-then-cancel" => partial_fill_then_cancel(desk).await,
        "bracket-takes-its-profit" => bracket_takes_its_profit(desk).await,
        "bracket-stops-its-loss" => bracket_stops_its_loss(desk).await,
        "bracket-cancel-reaches-the-children" => bracket_cancel(desk).await,
        "oca-1-cancels-the-others" => oca(desk, OcaType::CancelWithBlock, ("Cancelled", 0.0, 4.0)).await,
        "oca-3-reduces-the-others" => oca(desk, OcaType::ReduceWithoutBlock, ("Submitted", 0.0, 3.0)).await,
        "executions-with-a-filter" => executions_with_a_filter(desk).await,
        "profit-and-account-values" => profit_and_account_values(desk).await,
        "open-and-completed-orders" => open_and_completed_orders(desk).await,
        "reconnect-with-working-orders" => reconnect_with_working_orders(desk).await,
        "refusals" => refusals(desk).await,
        other => panic!("no scenario is called {other}"),
    }
}

async fn qualify(desk: &mut Desk) {
    let client = &desk.trader.client;
    let all = within(client.contract_details(&month(""))).await.expect("ES");
    // Later months are listed too, without a market.
    assert_eq!(all[..2].iter().map(|d| d.contract.local_symbol.as_str()).collect::<Vec<_>>(), ["ESM4", "ESU4"]);
    assert_eq!((all[0].min_tick, all[0].contract.multiplier.as_str()), (0.25, "50"));
    let rule = within(client.market_rule(all[0].market_rule_ids[0].parse().expect("a number"))).await.expect("a rule");
    assert_eq!(rule.price_increments[0].increment, 0.25);
    let unknown = Contract { symbol: "NOPE".into(), ..month("") };
    let refused = within(client.contract_details(&unknown)).await;
    assert!(matches!(&refused, Err(ibapi::Error::Notice(notice)) if notice.code == 200), "{refused:?}");
}

async fn stream(desk: &mut Desk) {
    let client = connect(&desk.address, OTHER).await;
    let mut trades = within(client.tick_by_tick(&desk.june, 0).all_last()).await.expect("trades");
    let mut quotes = within(client.tick_by_tick(&desk.june, 0).bid_ask(IgnoreSize::No)).await.expect("quotes");
    let mut middles = within(client.tick_by_tick(&desk.june, 0).mid_point()).await.expect("middles");
    within(client.next_valid_order_id()).await.expect("an id");
    for _ in 0..12 {
        desk.step().await;
    }
    let SubscriptionItem::Data(trade) = within(trades.next()).await.expect("trades").expect("a trade") else {
        panic!("a notice instead of a trade")
    };
    assert_eq!((trade.price, trade.size, trade.exchange.as_str()), (5000.0, 2.0, "CME"));
    let SubscriptionItem::Data(quote) = within(quotes.next()).await.expect("quotes").expect("a quote") else {
        panic!("a notice instead of a quote")
    };
    assert_eq!((quote.bid_price, quote.bid_size, quote.ask_price), (5000.0, 3.0, 5000.25));
    let SubscriptionItem::Data(middle) = within(middles.next()).await.expect("middles").expect("a middle") else {
        panic!("a notice instead of a middle")
    };
    assert_eq!(middle.mid_point, 5000.125);
    client.disconnect().await;
}

async fn place_modify_cancel(desk: &mut Desk) {
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

async fn partial_fill(desk: &mut Desk) {
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

async fn limit_waits_its_turn(desk: &mut Desk) {
    desk.fresh_quote(3.0).await;
    let id = desk.trader.place(&desk.june, &buy(4.0, 5000.0)).await;
    assert_eq!((desk.trader.status(id), desk.trader.fills(id)), (("Submitted", 0.0, 4.0), vec![]));
    desk.done(id).await;
    // Three contracts stand before it, and each trade takes two: of the second, one is left for it.
    assert_eq!(desk.trader.fills(id), [(1.0, 5000.0), (2.0, 5000.0), (1.0, 5000.0)]);
}

async fn partial_fill_then_cancel(desk: &mut Desk) {
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

async fn bracket_takes_its_profit(desk: &mut Desk) {
    desk.swing_is_at(5051.0, 5050.0).await;
    let [parent, profit, loss] = bracket(desk, 5051.0, 5053.0, 5040.0).await;
    assert_eq!((desk.trader.status(parent).0, desk.trader.fills(parent)), ("Filled", vec![(2.0, 5050.25)]));
    assert_eq!((desk.trader.status(profit).0, desk.trader.status(loss).0), ("Submitted", "PreSubmitted"));
    desk.done(profit).await;
    assert!(desk.trader.fills(profit).iter().all(|(_, price)| *price == 5053.0), "{:?}", desk.trader.fills(profit));
    assert_eq!((desk.trader.status(loss).0, desk.trader.fills(loss)), ("Cancelled", vec![]));
}

async fn bracket_stops_its_loss(desk: &mut Desk) {
    desk.swing_is_at(5053.0, 5054.0).await;
    let [parent, profit, loss] = bracket(desk, 5055.0, 5060.0, 5052.0).await;
    assert_eq!(desk.trader.status(parent).0, "Filled");
    desk.done(loss).await;
    assert_eq!(desk.trader.fills(loss), [(2.0, 5052.0)]);
    assert_eq!((desk.trader.status(profit).0, desk.trader.fills(profit)), ("Cancelled", vec![]));
    assert_eq!(desk.positions().await, []);
}

async fn bracket_cancel(desk: &mut Desk) {
    let ids = bracket(desk, 4990.0, 5110.0, 4980.0).await;
    assert_eq!(ids.map(|id| desk.trader.status(id).0.to_owned()), ["Submitted", "PreSubmitted", "PreSubmitted"]);
    desk.trader.cancel(ids[0]).await;
    assert_eq!(ids.map(|id| desk.trader.status(id).0.to_owned()), ["Cancelled"; 3]);
}

/// A limit order in the queue and one far away, in one group; what the other is after the first's first fill.
async fn oca(desk: &mut Desk, kind: OcaType, other: (&str, f64, f64)) {
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

async fn executions_with_a_filter(desk: &mut Desk) {
    for _ in 0..8 {
        desk.step().await;
    }
    let now = within(desk.trader.client.server_time()).await.expect("the clock answers");
    let at = chrono::DateTime::from_timestamp(now.unix_timestamp(), 0).expect("a time of today");
    let time = at.format("%Y%m%d-%H:%M:%S").to_string();
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
    let SubscriptionItem::Data(pnl) = within(all.next()).await.expect("profit").expect("profit") else {
        panic!("a notice instead of profit")
    };
    let SubscriptionItem::Data(single) = within(one.next()).await.expect("profit").expect("profit") else {
        panic!("a notice instead of profit")
    };
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
