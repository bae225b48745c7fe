//! The book against the broker's inventory. In: our orders, what the broker holds. Out: what each order is proved to be,
//! and what cannot be explained. Absent: repair; the books act on the findings.

use std::collections::{BTreeMap, BTreeSet};

use super::machine::Event;
use super::working::{Order, WorkingOrders};
use crate::market::SymbolId;
use crate::trade::{BrokerOrder, BrokerPosition, BrokerSnapshot, BrokerStatus, ClientOrderId, PermId};

/// What the inventory proves of one order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finding {
    pub id: ClientOrderId,
    pub event: Event,
}

/// Compares every live order with an id up to `asked_after`, the newest when the inventory was asked for: a younger
/// one may be on its way. Executions of the inventory have been applied before.
pub fn orders(
    book: &WorkingOrders,
    broker: &BrokerSnapshot,
    asked_after: ClientOrderId,
    instance: &str,
) -> Vec<Finding> {
    let open = by_id(book, &broker.open_orders, instance);
    let completed = by_id(book, &broker.completed_orders, instance);
    book.live()
        .filter(|order| order.ticket.id <= asked_after)
        .map(|order| Finding { id: order.ticket.id, event: proof(order, &open, &completed) })
        .collect()
}

type ById<'a> = BTreeMap<ClientOrderId, &'a BrokerOrder>;

fn by_id<'a>(book: &WorkingOrders, orders: &'a [BrokerOrder], instance: &str) -> ById<'a> {
    let id = |order: &BrokerOrder| identity(book, &order.order_ref, order.perm_id, instance);
    orders.iter().filter_map(|order| Some((id(order)?, order))).collect()
}

/// Which of our orders this is: by our own reference, and where that is missing by the broker's permanent id.
pub fn identity(book: &WorkingOrders, order_ref: &str, perm_id: PermId, instance: &str) -> Option<ClientOrderId> {
    match parse_ref(order_ref, instance) {
        Some(id) => Some(id),
        None if order_ref.is_empty() && perm_id.0 != 0 => book.by_perm_id(perm_id).map(|order| order.ticket.id),
        None => None,
    }
}

fn proof(order: &Order, open: &ById<'_>, completed: &ById<'_>) -> Event {
    if let Some(at_broker) = open.get(&order.ticket.id) {
        return match at_broker.status {
            BrokerStatus::Submitted => Event::ProvedWorking,
            BrokerStatus::Cancelled | BrokerStatus::Filled => Event::ProvedEnded,
            BrokerStatus::PendingSubmit
            | BrokerStatus::PreSubmitted
            | BrokerStatus::PendingCancel
            | BrokerStatus::Inactive
            | BrokerStatus::Other => Event::ProvedHeld,
        };
    }
    if completed.contains_key(&order.ticket.id) || order.filled > 0 || order.perm_id.is_some() {
        return Event::ProvedEnded;
    }
    Event::ProvedAbsent
}

/// Open orders at the broker that carry our name and are not live in the book, each reference once. Leaves out those that
/// have `ended_since` the broker was asked.
pub fn strangers<'a>(
    book: &WorkingOrders,
    broker: &'a BrokerSnapshot,
    instance: &str,
    ended_since: impl Fn(ClientOrderId) -> bool,
) -> BTreeMap<&'a str, &'a BrokerOrder> {
    let known = |order: &&BrokerOrder| match parse_ref(&order.order_ref, instance) {
        Some(id) => book.get(id).is_some_and(|order| order.is_live() || ended_since(id)),
        None => true,
    };
    broker.open_orders.iter().filter(|order| !known(order)).map(|order| (order.order_ref.as_str(), order)).collect()
}

/// Open orders of the symbols traded here that other programs or persons placed.
pub fn foreign<'a>(broker: &'a BrokerSnapshot, instance: &'a str) -> impl Iterator<Item = &'a BrokerOrder> {
    broker.open_orders.iter().filter(move |order| parse_ref(&order.order_ref, instance).is_none())
}

/// Symbols whose net position differs: `(symbol, ours, the broker's)`.
pub fn positions(ours: &BTreeMap<SymbolId, i64>, broker: &[BrokerPosition]) -> Vec<(SymbolId, i64, i64)> {
    let theirs: BTreeMap<SymbolId, i64> = broker.iter().map(|p| (p.symbol, p.quantity)).collect();
    let symbols = ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>();
    symbols
        .into_iter()
        .map(|s| (*s, ours.get(s).copied().unwrap_or(0), theirs.get(s).copied().unwrap_or(0)))
        .filter(|(_, ours, theirs)| ours != theirs)
        .collect()
}

/// Our id out of an `orderRef` of the form `instance-id`; `None` if it is not ours.
pub fn parse_ref(order_ref: &str, instance: &str) -> Option<ClientOrderId> {
    let id = order_ref.strip_prefix(instance)?.strip_prefix('-')?.parse().ok().map(ClientOrderId)?;
    // As we write it: no sign, no zeros before it.
    (make_ref(instance, id) == order_ref).then_some(id)
}

pub fn make_ref(instance: &str, id: ClientOrderId) -> String {
    format!("{instance}-{}", id.0)
}
