//! Two clients of the crate `ibapi`: one that moves the market, and one that trades and notes what it is told.
//! In: a gateway's address. Out: what orders, fills and lists say. Absent: scenarios.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt;
use ibapi::Client;
use ibapi::accounts::types::AccountId;
use ibapi::accounts::{AccountUpdate, PositionUpdate};
use ibapi::contracts::Contract;
use ibapi::market_data::IgnoreSize;
use ibapi::market_data::realtime::{BidAsk, Trade};
use ibapi::orders::{Action, ExecutionFilter, Executions, Order, OrderState, OrderUpdate, Orders};
use ibapi::prelude::StreamExt;
use ibapi::subscriptions::{Subscription, SubscriptionItem};

pub const TRADER: i32 = 7;
const PACER: i32 = 50;
pub const OTHER: i32 = 8;
pub const DEADLINE: Duration = Duration::from_secs(60);
const STEPS_MAX: usize = 400;

pub async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("an answer within the deadline")
}

/// What one order's messages said last and in sum.
#[derive(Clone, Default, Debug)]
pub struct Told {
    pub status: String,
    pub filled: f64,
    pub remaining: f64,
    pub fills: Vec<(f64, f64)>,
    pub executions: Vec<String>,
    pub perm_id: i64,
}

/// One client with its order updates, read up to the last answer.
pub struct Trader {
    pub client: Client,
    pub updates: Subscription<OrderUpdate>,
    pub orders: BTreeMap<i32, Told>,
    /// Commission and realised profit by execution.
    pub commissions: BTreeMap<String, (f64, Option<f64>)>,
    pub errors: Vec<i32>,
    /// The state in each order's last message: margins, commission.
    pub states: BTreeMap<i32, OrderState>,
    pub next_id: i32,
}

pub async fn connect(address: &str, client_id: i32) -> Client {
    let client = Client::builder().address(address).client_id(client_id).max_reconnect_attempts(0).connect();
    within(client).await.expect("a connection")
}

impl Trader {
    pub async fn of(client: Client) -> Self {
        let updates = within(client.order_update_stream()).await.expect("the only order stream");
        let next_id = client.next_order_id();
        let (orders, commissions, states) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { client, updates, orders, commissions, errors: Vec::new(), states, next_id }
    }

    /// The answer to a question comes after everything that was sent before it.
    pub async fn settle(&mut self) {
        within(self.client.next_valid_order_id()).await.expect("an id");
        while let Some(Some(item)) = self.updates.next().now_or_never() {
            match item.expect("a message that can be read") {
                SubscriptionItem::Data(update) => self.note(update),
                SubscriptionItem::Notice(notice) => self.errors.push(notice.code),
            }
        }
    }

    pub fn note(&mut self, update: OrderUpdate) {
        match update {
            OrderUpdate::OpenOrder(data) => {
                self.states.insert(data.order_id, data.order_state);
                // A what-if order is nowhere.
                if !data.order.what_if {
                    self.orders.entry(data.order_id).or_default().perm_id = data.order.perm_id;
                }
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

    pub async fn place(&mut self, contract: &Contract, order: &Order) -> i32 {
        let id = self.next_id;
        self.next_id += 1;
        within(self.client.submit_order(id, contract, order)).await.expect("sent");
        self.settle().await;
        id
    }

    pub async fn cancel(&mut self, id: i32) {
        drop(within(self.client.cancel_order(id, "")).await.expect("sent"));
        self.settle().await;
    }

    pub fn status(&self, id: i32) -> (&str, f64, f64) {
        let told = &self.orders[&id];
        (&told.status, told.filled, told.remaining)
    }

    pub fn fills(&self, id: i32) -> Vec<(f64, f64)> {
        self.orders[&id].fills.clone()
    }
}

/// The pacer, which moves the market, and the trader.
pub struct Desk {
    pub address: String,
    pub pacer: Client,
    pub quotes: Subscription<BidAsk>,
    pub trades: Subscription<Trade>,
    pub seen: Seen,
    pub trader: Trader,
    pub june: Contract,
    pub sept: Contract,
}

/// What the pacer saw last: June's offer, September's two last prices, and how many ticks of each.
#[derive(Default)]
pub struct Seen {
    pub ask_size: f64,
    pub prices: [f64; 2],
    pub quotes: usize,
    pub trades: usize,
}

pub fn month(text: &str) -> Contract {
    let root = Contract::futures("ES").any_month().on_exchange("CME").in_currency("USD").build();
    Contract { last_trade_date_or_contract_month: text.to_owned(), ..root }
}

pub async fn qualified(client: &Client, wanted: &str) -> Contract {
    let details = within(client.contract_details(&month(wanted))).await.expect("it is listed");
    assert_eq!(details.len(), 1);
    details[0].contract.clone()
}

impl Desk {
    pub async fn open(address: String) -> Self {
        let pacer = connect(&address, PACER).await;
        let trader = Trader::of(connect(&address, TRADER).await).await;
        let (june, sept) = (qualified(&pacer, "202406").await, qualified(&pacer, "202409").await);
        let quotes = within(pacer.tick_by_tick(&june, 0).bid_ask(IgnoreSize::No)).await.expect("quotes");
        let trades = within(pacer.tick_by_tick(&sept, 0).last()).await.expect("trades");
        Self { address, pacer, quotes, trades, seen: Seen::default(), trader, june, sept }
    }

    pub async fn step(&mut self) {
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

    pub async fn step_until(&mut self, what: &str, reached: impl Fn(&Desk) -> bool) {
        for _ in 0..STEPS_MAX {
            if reached(self) {
                return;
            }
            self.step().await;
        }
        panic!("{what}: not within {STEPS_MAX} steps of the market");
    }

    pub async fn fresh_quote(&mut self, ask_size: f64) {
        let before = self.seen.quotes;
        self.step_until("a fresh quote", |desk| desk.seen.quotes > before && desk.seen.ask_size == ask_size).await;
    }

    pub async fn swing_is_at(&mut self, from: f64, to: f64) {
        let before = self.seen.trades;
        self.step_until("the swing", |desk| desk.seen.trades > before && desk.seen.prices == [from, to]).await;
    }

    pub async fn done(&mut self, id: i32) {
        self.step_until("the end of an order", |desk| desk.trader.status(id).0 == "Filled").await;
    }

    /// Market time.
    pub async fn now(&self) -> chrono::DateTime<chrono::Utc> {
        let now = within(self.trader.client.server_time()).await.expect("the clock answers");
        chrono::DateTime::from_timestamp(now.unix_timestamp(), 0).expect("a time of today")
    }

    pub async fn positions(&self) -> Vec<(String, f64)> {
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
    pub async fn open_orders(&self) -> Vec<(i32, String)> {
        let mut list = within(self.trader.client.all_open_orders()).await.expect("a list");
        let rows = list.collect_to_end_within(DEADLINE).await.expect("an end of the list");
        let open = rows.into_iter().filter_map(|row| match row {
            Orders::OrderData(data) => Some((data.order_id, data.order.order_ref)),
            Orders::OrderStatus(_) => None,
        });
        open.collect()
    }

    /// No orders, no positions.
    pub async fn flat(&mut self) {
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

    pub async fn executions(&self, filter: ExecutionFilter) -> Vec<(String, i64, f64, f64)> {
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

    pub async fn account_values(&self) -> BTreeMap<String, String> {
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

pub fn order(action: Action, quantity: f64, kind: &str, price: f64) -> Order {
    let mut order = Order { action, total_quantity: quantity, order_type: kind.to_owned(), ..Order::default() };
    match kind {
        "LMT" => order.limit_price = Some(price),
        "STP" => order.aux_price = Some(price),
        _ => {}
    }
    order
}

pub fn buy(quantity: f64, price: f64) -> Order {
    order(Action::Buy, quantity, "LMT", price)
}
