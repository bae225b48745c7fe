//! Clients in text and in protobuf at one gateway at once: whoever trades, all see one account. In: `ib_async` in text,
//! the official client and the crate `ibapi` in protobuf. Out: what each shows, compared.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use futures::Stream;
use ibapi::Client;
use ibapi::accounts::types::AccountId;
use ibapi::accounts::{AccountUpdate, PositionUpdate};
use ibapi::contracts::Contract;
use ibapi::market_data::IgnoreSize;
use ibapi::orders::{Execution, ExecutionFilter, ExecutionSide, Executions, Order, OrderData, Orders};
use ibapi::prelude::StreamExt;
use ibapi::subscriptions::SubscriptionItem;
use serde_json::{Value, json};

use super::{NEW, OLD, played_gateway, python, script};
use crate::support::Desk;
use crate::support::desk::wait;

const DEADLINE: Duration = Duration::from_secs(60);
const MONTH: &str = "202406";
/// What of the account's values is compared.
const VALUES: [&str; 4] = ["NetLiquidation", "TotalCashValue", "RealizedPnL", "UnrealizedPnL"];

/// A Python client that does what it is told, a line a time. It ends when its input does.
struct Told {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Told {
    fn start(python: PathBuf, name: &str, port: &str, client_id: &str) -> Self {
        let mut command = Command::new(python);
        command.arg("-B").arg(script(name)).args(["127.0.0.1", port, client_id, MONTH]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python runs");
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("it is piped"));
        Self { child, input, output: BufReader::new(output) }
    }

    /// The program gives up by itself when its gateway does not answer, and then its output ends.
    fn ask(&mut self, line: &str) -> Value {
        let input = self.input.as_mut().expect("it is open until the end");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("it reads");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("it writes text");
        serde_json::from_str(&answer).unwrap_or_else(|bad| panic!("{line}: {bad}: {answer:?}"))
    }

    fn end(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().expect("it is our child").success());
    }
}

/// What the crate shows, in the form of the Python programs.
async fn show(client: &Client) -> Value {
    json!({"positions": positions(client).await, "orders": orders(client).await,
        "executions": executions(client).await, "values": values(client).await})
}

/// Symbol to contracts and average cost.
async fn positions(client: &Client) -> BTreeMap<String, (f64, f64)> {
    let mut list = client.positions().await.expect("a request");
    let mut held = BTreeMap::new();
    while let SubscriptionItem::Data(PositionUpdate::Position(row)) = next(&mut list).await {
        held.insert(row.contract.local_symbol, (row.position, row.average_cost));
    }
    held
}

async fn orders(client: &Client) -> Vec<Value> {
    let mut list = client.all_open_orders().await.expect("a request");
    let rows = list.collect_to_end_within(DEADLINE).await.expect("an end of the list");
    let shown = rows.into_iter().filter_map(|row| match row {
        Orders::OrderData(OrderData { order, .. }) => Some((order.perm_id, order)),
        Orders::OrderStatus(_) => None,
    });
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by_key(|(perm_id, _)| *perm_id);
    let row = |(perm_id, order): (i64, Order)| {
        json!([perm_id, order.client_id, order.action.to_string(), order.total_quantity, order.limit_price])
    };
    shown.into_iter().map(row).collect()
}

async fn executions(client: &Client) -> Vec<Value> {
    let mut list = client.executions(ExecutionFilter::default()).await.expect("a request");
    let rows = list.collect_to_end_within(DEADLINE).await.expect("an end of the list");
    let shown = rows.into_iter().filter_map(|row| match row {
        Executions::ExecutionData(data) => Some((data.execution.execution_id.clone(), data.execution)),
        Executions::CommissionReport(_) => None,
    });
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by(|one, other| one.0.cmp(&other.0));
    let row = |(id, fill): (String, Execution)| {
        let side = if fill.side == ExecutionSide::Bought { "BOT" } else { "SLD" };
        json!([id, fill.client_id, side, fill.shares, fill.price])
    };
    shown.into_iter().map(row).collect()
}

async fn values(client: &Client) -> BTreeMap<String, f64> {
    let account = AccountId("DU1234567".to_owned());
    let mut updates = client.account_updates(&account).await.expect("a request");
    let mut values = BTreeMap::new();
    loop {
        match next(&mut updates).await {
            SubscriptionItem::Data(AccountUpdate::AccountValue(value)) if VALUES.contains(&value.key.as_str()) => {
                values.insert(value.key, value.value.parse().expect("a number"));
            }
            SubscriptionItem::Data(AccountUpdate::End) => return values,
            _ => {}
        }
    }
}

async fn next<T>(
    list: &mut (impl Stream<Item = Result<SubscriptionItem<T>, ibapi::Error>> + Unpin),
) -> SubscriptionItem<T> {
    let row = tokio::time::timeout(DEADLINE, StreamExt::next(list)).await.expect("an answer in time");
    row.expect("the list goes on").expect("a message that can be read")
}

#[test]
fn text_and_protobuf_clients_see_one_account() {
    let (Some(old), Some(new)) = (python(OLD), python(NEW)) else { return };
    let desk = Desk::new();
    let (_gateway, port) = played_gateway(&desk);
    let mut text = Told::start(old, "ib_async_account.py", &port, "11");
    let mut official = Told::start(new, "official_account.py", &port, "12");
    let address = format!("127.0.0.1:{port}");
    wait(async {
        let connect = Client::builder().address(address).client_id(13).max_reconnect_attempts(0).connect();
        let client = tokio::time::timeout(DEADLINE, connect).await.expect("in time").expect("a connection");
        let root = Contract::futures("ES").any_month().on_exchange("CME").in_currency("USD").build();
        let june = Contract { last_trade_date_or_contract_month: MONTH.to_owned(), ..root };
        let quotes = client.tick_by_tick(&june, 0).bid_ask(IgnoreSize::No).await;
        let mut quotes = quotes.expect("quotes");
        // Ask until the market has shown what it offers.
        while futures::FutureExt::now_or_never(quotes.next()).is_none() {
            client.server_time().await.expect("the clock answers");
        }
        let nothing = json!({"positions": {}, "orders": [], "executions": []});
        for (key, value) in nothing.as_object().expect("an object") {
            assert_eq!(&show(&client).await[key], value);
        }
        assert_eq!(text.ask("BUY 1")["status"], "Filled");
        agree(&mut text, &mut official, &client).await;
        let step = async |times: usize| {
            for _ in 0..times {
                client.server_time().await.expect("the clock answers");
            }
        };
        step(8).await;
        assert_eq!(official.ask("SELL 2")["status"], "Filled");
        assert_eq!(official.ask("SELL 1 5010")["status"], "Submitted");
        agree(&mut text, &mut official, &client).await;
        assert_eq!(text.ask("BUY 2 4990")["status"], "Submitted");
        let id = client.next_valid_order_id().await.expect("an id");
        let made =
            Order { total_quantity: 1.0, order_type: "LMT".to_owned(), limit_price: Some(5000.0), ..Order::default() };
        client.submit_order(id, &june, &made).await.expect("sent");
        step(40).await;
        let seen = agree(&mut text, &mut official, &client).await;
        assert_eq!(seen["positions"], json!({}), "one bought, two sold, one bought");
        assert_eq!(seen["executions"].as_array().map(Vec::len), Some(3), "{seen}");
        assert_eq!(seen["orders"].as_array().map(Vec::len), Some(2), "{seen}");
        client.disconnect().await;
    });
    text.end();
    official.end();
}

/// All three see the same; returns it.
async fn agree(text: &mut Told, official: &mut Told, client: &Client) -> Value {
    let (in_text, in_protobuf, of_crate) = (text.ask("show"), official.ask("show"), show(client).await);
    assert_eq!(in_text, in_protobuf, "ib_async and the official client");
    assert_eq!(in_text, of_crate, "ib_async and the crate");
    in_text
}
