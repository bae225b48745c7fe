//! The gateway's own truth as JSON: positions, orders, executions, account, clients, faults in force. In: the broker.
//! Out: JSON; money as text with its decimals, prices in points.

use engine::venue::{VenueExecution, VenueOrder};
use serde_json::{Value as Json, json};

use crate::broker::Broker;
use crate::faults::span;

pub fn of(broker: &mut Broker) -> Json {
    let truth = broker.truth();
    let clients: Vec<Json> = broker
        .clients()
        .iter()
        .map(|(conn, client)| {
            json!({
                "connection": conn,
                "client": client.client_id,
                "server_version": client.encoding.version(),
                "unsent_bytes": client.outbox.pending().len(),
                "read": !client.line.not_read,
                "written": !client.line.not_written,
            })
        })
        .collect();
    let positions: Vec<Json> = truth
        .positions
        .iter()
        .map(|held| {
            json!({
                "contract": broker.name_of(held.symbol),
                "quantity": held.quantity,
                "cost": held.cost.to_decimal().to_string(),
                "realised": held.realised.to_decimal().to_string(),
            })
        })
        .collect();
    json!({
        "now": truth.now.to_string(),
        "account": {
            "cash": truth.cash.to_decimal().to_string(),
            "unrealised": truth.unrealised.to_decimal().to_string(),
        },
        "positions": positions,
        "open_orders": truth.open_orders.iter().map(|o| order(broker, o)).collect::<Vec<_>>(),
        "completed_orders": truth.completed_orders.iter().map(|o| order(broker, o)).collect::<Vec<_>>(),
        "executions": truth.executions.iter().map(|e| execution(broker, e)).collect::<Vec<_>>(),
        "clients": clients,
        "faults": running(broker),
    })
}

/// Faults in force.
pub fn running(broker: &Broker) -> Json {
    let of = |fault: &crate::faults::effect::Running| {
        json!({
            "id": fault.id,
            "name": fault.call.spec.name,
            "client": fault.call.client,
            "for": fault.call.lasts.map(span::show),
        })
    };
    broker.faults.running.iter().map(of).collect()
}

fn order(broker: &Broker, order: &VenueOrder) -> Json {
    let points = |price: Option<engine::market::Price>| price.and_then(|p| broker.points_of(order.order.symbol, p));
    json!({
        "client": order.order.client_id,
        "order_id": order.order.order_id,
        "perm_id": order.perm_id.0,
        "contract": broker.name_of(order.order.symbol),
        "side": order.order.side.name(),
        "quantity": order.order.quantity,
        "type": order.order.kind.name(),
        "limit": points(order.order.kind.limit_price(order.order.side)),
        "stop": points(order.order.kind.trigger_price()),
        "tif": order.order.tif.name(),
        "parent_id": order.order.parent_id,
        "order_ref": order.order.order_ref,
        "status": order.status.name(),
        "filled": order.filled,
    })
}

fn execution(broker: &Broker, fill: &VenueExecution) -> Json {
    json!({
        "exec_id": fill.exec_id,
        "client": fill.client_id,
        "order_id": fill.order_id,
        "perm_id": fill.perm_id.0,
        "order_ref": fill.order_ref,
        "contract": broker.name_of(fill.symbol),
        "side": fill.side.name(),
        "quantity": fill.quantity,
        "price": broker.points_of(fill.symbol, fill.price),
        "at": fill.at.to_string(),
        "commission": fill.commission.to_decimal().to_string(),
        "realised": fill.realised.map(|money| money.to_decimal().to_string()),
    })
}
