//! A whole gateway on a socket, driven by the crate `ibapi` as a real client, and by a raw socket for what a well-made
//! client would not do. Every test has its own gateway, its own scripted market and a deadline for each wait.

/// The next data of a stream.
macro_rules! data {
    ($stream:expr) => {
        match within($stream.next()).await.expect("the stream goes on").expect("a message that can be read") {
            SubscriptionItem::Data(data) => data,
            SubscriptionItem::Notice(notice) => panic!("{notice:?}"),
        }
    };
}

mod accounts;
mod codes;
mod contracts;
mod control;
mod crowd;
mod faults;
mod history;
mod interventions;
mod malformed;
mod many;
mod market_data;
mod order_types;
mod orders;
mod orders_at_random;
mod raw;
mod script;
mod session;
mod ticks;

use std::future::Future;
use std::time::Duration;

use engine::market::{FeedEvent, Instrument, MarketEvent, Price, Quote, SymbolId, Trade};
use engine::time::Timestamp;
use engine::trade::Money;
use ibapi::Client;
use ibapi::contracts::{Contract, Exchange};
use ibapi::orders::{Action, CommissionReport, ExecutionData, Order, OrderData, OrderStatus, OrderUpdate};
use ibapi::prelude::StreamExt;
use ibapi::subscriptions::{Subscription, SubscriptionItem};
use rust_decimal::Decimal;

use crate::{Gateway, History, Options, Pacing, start};

/// 2026-11-23T15:00:00Z, a Monday in regular hours.
const OPEN_S: i64 = 1_795_446_000;
const ACCOUNT: &str = "DU1234567";
const DEADLINE: Duration = Duration::from_secs(20);
/// Everything that has been sent arrives within this; only used to see that nothing more comes.
const QUIET: Duration = Duration::from_millis(100);

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("an answer within the deadline")
}

fn instrument(id: u16, root: &str, expiry: &str) -> Instrument {
    Instrument {
        id: SymbolId(id),
        name: format!("{root}{expiry}"),
        root: root.to_owned(),
        expiry: Some(expiry.to_owned()),
        exchange: "CME".to_owned(),
        currency: "USD".to_owned(),
        tick_size: Decimal::new(25, 2),
        multiplier: Decimal::from(50),
    }
}

fn price(points: f64) -> Price {
    Price((points * 4.0) as i32)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(OPEN_S + second)
}

/// Best bid and offer of ES, `second` seconds after the open.
fn quote(second: i64, bid: f64, bid_size: u32, ask: f64, ask_size: u32) -> FeedEvent {
    let quote = Quote { ts: at(second), bid: Some(price(bid)), ask: Some(price(ask)), bid_size, ask_size };
    FeedEvent { symbol: SymbolId(0), event: MarketEvent::Quote(quote) }
}

fn trade(second: i64, points: f64, size: u32) -> FeedEvent {
    let trade = Trade { ts: at(second), price: price(points), size };
    FeedEvent { symbol: SymbolId(0), event: MarketEvent::Trade(trade) }
}

fn options(events: Vec<FeedEvent>, pace: Pacing) -> Options {
    Options {
        listen: "127.0.0.1:0".parse().expect("an address"),
        instruments: vec![instrument(0, "ES", "202612"), instrument(1, "ES", "202703")],
        source: Box::new(events.into_iter()),
        pace,
        history: History::default(),
        account: ACCOUNT.to_owned(),
        cash: Money::from_micros(100_000_000_000),
        commission: Money::from_micros(2_250_000),
        wait_for_client: false,
        clients_max: crate::CLIENTS_MAX,
        log: slog::Logger::root(slog::Discard, slog::o!()),
    }
}

/// A gateway whose market moves when the first subscriber asks for the time.
fn answered(events: Vec<FeedEvent>) -> Gateway {
    start(options(events, Pacing::Answered)).expect("a free port")
}

async fn connect(gateway: &Gateway, client_id: i32) -> Client {
    let address = gateway.local_addr().to_string();
    let client = Client::builder().address(address).client_id(client_id).max_reconnect_attempts(0).connect();
    within(client).await.expect("a connection")
}

/// ES for December 2026 the way an engine sends it after the first look-up.
async fn es(client: &Client) -> Contract {
    let wanted = Contract { last_trade_date_or_contract_month: "202612".to_owned(), ..es_root() };
    let details = within(client.contract_details(&wanted)).await.expect("ES is listed");
    assert_eq!(details.len(), 1);
    let contract_id = details[0].contract.contract_id;
    Contract { contract_id, exchange: Exchange::new("CME"), ..Contract::default() }
}

fn es_root() -> Contract {
    Contract::futures("ES").any_month().on_exchange("CME").in_currency("USD").build()
}

/// Plays one step; returns market time in seconds after the open.
async fn step(client: &Client) -> i64 {
    within(client.server_time_millis()).await.expect("the clock answers").unix_timestamp() - OPEN_S
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

/// The order updates of one client, read one by one.
struct Desk {
    client: Client,
    updates: Subscription<OrderUpdate>,
    contract: Contract,
    next_id: i32,
}

impl Desk {
    /// Connects, subscribes to order updates and to trades (which makes this client the pacer), plays nothing.
    async fn open(gateway: &Gateway, client_id: i32) -> Desk {
        let client = connect(gateway, client_id).await;
        let updates = within(client.order_update_stream()).await.expect("the only order stream");
        let contract = es(&client).await;
        let next_id = within(client.next_valid_order_id()).await.expect("an id");
        Desk { client, updates, contract, next_id }
    }

    async fn submit(&mut self, order: &Order) -> i32 {
        let id = self.next_id;
        self.next_id += 1;
        within(self.client.submit_order(id, &self.contract, order)).await.expect("the order is sent");
        id
    }

    /// The next message about orders, in a line that a test can compare.
    async fn next(&mut self) -> String {
        let item = within(self.updates.next()).await.expect("the stream goes on").expect("a message that can be read");
        match item {
            SubscriptionItem::Data(update) => line(&update),
            SubscriptionItem::Notice(notice) => format!("error {}", notice.code),
        }
    }

    async fn expect(&mut self, lines: &[&str]) {
        for (at, line) in lines.iter().enumerate() {
            assert_eq!(self.next().await, *line, "message {at} of {lines:?}");
        }
    }

    /// Waits for everything that has been sent: the answer to a question comes after it.
    async fn settle(&self) {
        within(self.client.next_valid_order_id()).await.expect("an id");
    }

    async fn expect_nothing(&mut self) {
        self.settle().await;
        let more = tokio::time::timeout(QUIET, self.updates.next()).await;
        assert!(more.is_err(), "nothing more was expected, found {more:?}");
    }
}

fn line(update: &OrderUpdate) -> String {
    match update {
        OrderUpdate::OpenOrder(OrderData { order_id, order, order_state, .. }) => {
            let fee = if order_state.commission.is_some() { " with commission" } else { "" };
            format!("open {order_id} {:?} {}{fee}", order_state.status, order.total_quantity)
        }
        OrderUpdate::OrderStatus(OrderStatus { order_id, status, filled, remaining, .. }) => {
            format!("status {order_id} {status:?} {filled}/{remaining}")
        }
        OrderUpdate::ExecutionData(ExecutionData { execution, .. }) => {
            format!("fill {} {:?} {} at {}", execution.order_id, execution.side, execution.shares, execution.price)
        }
        OrderUpdate::CommissionReport(CommissionReport { commission, realized_pnl, .. }) => {
            format!("commission {commission} {realized_pnl:?}")
        }
        other => format!("{other:?}"),
    }
}
