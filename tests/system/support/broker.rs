//! The broker's side of the story: another API client asks the simulated gateway what it holds. In: an address.
//! Out: positions, orders, executions. Absent: anything that Pitboss believes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ibapi::Client;
use ibapi::accounts::PositionUpdate;
use ibapi::orders::{ExecutionFilter, ExecutionSide, Executions, Orders};
use ibapi::prelude::StreamExt;
use ibapi::subscriptions::{Subscription, SubscriptionItem};

use super::desk::wait;

/// A client number that no configuration here has.
const OBSERVER: i32 = 99;
const PATIENCE: Duration = Duration::from_secs(20);

/// One execution, as much of it as a book keeps too.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    pub order_ref: String,
    pub side: &'static str,
    pub quantity: i64,
    pub price: String,
    pub commission: Option<String>,
}

/// What the broker holds at one moment.
#[derive(Debug, Default)]
pub struct Truth {
    /// Contracts by root, zero ones left out.
    pub positions: BTreeMap<String, i64>,
    /// References of orders that are open.
    pub open: BTreeSet<String>,
    /// Permanent ids under each reference, of orders open, completed and executed.
    pub perm_ids: BTreeMap<String, BTreeSet<i64>>,
    /// By execution id.
    pub executions: BTreeMap<String, Seen>,
}

/// Everything that the gateway tells about its account.
pub fn ask(address: &str) -> Truth {
    wait(async {
        let client = Client::builder().address(address).client_id(OBSERVER).max_reconnect_attempts(0).connect();
        let client = tokio::time::timeout(PATIENCE, client).await.expect("an answer in time").expect("a connection");
        let mut truth = Truth::default();
        truth.add_orders(client.all_open_orders().await.expect("a request"), true).await;
        truth.add_orders(client.completed_orders(false).await.expect("a request"), false).await;
        truth.add_executions(&client).await;
        truth.add_positions(&client).await;
        client.disconnect().await;
        truth
    })
}

impl Truth {
    async fn add_orders(&mut self, mut request: Subscription<Orders>, open: bool) {
        for row in request.collect_to_end_within(PATIENCE).await.expect("an end of the list") {
            let Orders::OrderData(data) = row else { continue };
            if open {
                self.open.insert(data.order.order_ref.clone());
            }
            self.perm_ids.entry(data.order.order_ref).or_default().insert(data.order.perm_id);
        }
    }

    async fn add_executions(&mut self, client: &Client) {
        let filter = ExecutionFilter { last_n_days: 4, ..ExecutionFilter::default() };
        let mut request = client.executions(filter).await.expect("a request");
        let mut commissions = BTreeMap::new();
        for row in request.collect_to_end_within(PATIENCE).await.expect("an end of the list") {
            match row {
                Executions::ExecutionData(data) => {
                    let execution = data.execution;
                    let seen = Seen {
                        order_ref: execution.order_reference.clone(),
                        side: if execution.side == ExecutionSide::Bought { "buy" } else { "sell" },
                        quantity: execution.shares as i64,
                        price: execution.price.to_string(),
                        commission: None,
                    };
                    self.perm_ids.entry(execution.order_reference).or_default().insert(execution.perm_id);
                    let before = self.executions.insert(execution.execution_id, seen);
                    assert!(before.is_none(), "the gateway lists an execution twice: {before:?}");
                }
                Executions::CommissionReport(report) => {
                    commissions.insert(report.execution_id, report.commission.to_string());
                }
            }
        }
        for (id, seen) in &mut self.executions {
            seen.commission = commissions.remove(id);
        }
    }

    async fn add_positions(&mut self, client: &Client) {
        let mut request = client.positions().await.expect("a request");
        let read = async {
            loop {
                match request.next().await.expect("the list has an end").expect("a row") {
                    SubscriptionItem::Data(PositionUpdate::Position(row)) if row.position != 0.0 => {
                        self.positions.insert(row.contract.symbol.to_string(), row.position as i64);
                    }
                    SubscriptionItem::Data(PositionUpdate::PositionEnd) => break,
                    SubscriptionItem::Data(PositionUpdate::Position(_)) | SubscriptionItem::Notice(_) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("the list's end in time");
    }
}
