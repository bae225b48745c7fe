//! Orders that come from nobody's API client: by hand, or of another program. In: JSON. Out: the order is at the
//! exchange, or why not.

use hyper::StatusCode;
use serde_json::{Map, Value as Json, json};

use super::Answer;
use crate::broker::Broker;
use crate::broker::rehearse::HandOrder;

const EXPECTED: &str = "{\"side\": \"BUY\" or \"SELL\", \"quantity\": contracts, \"type\": \"MKT\" (default), \"LMT\", \
                        \"STP\", ..., \"limit\": points, \"stop\": points, \"tif\": \"DAY\" (default), \"contract\": \
                        \"ESZ6\" (default: the first), \"client\": id (default: 0, by hand), \"order_ref\": text}";

pub fn place(broker: &mut Broker, keys: &Map<String, Json>) -> Answer {
    let order = match read(keys) {
        Ok(order) => order,
        Err(wrong) => return Answer::bad(wrong, EXPECTED),
    };
    match broker.place_by_hand(&order) {
        Ok((perm_id, order_id)) => Answer(StatusCode::CREATED, json!({ "perm_id": perm_id, "order_id": order_id })),
        Err(refusal) => {
            Answer(StatusCode::CONFLICT, json!({ "error": refusal.text, "code": refusal.code, "expected": EXPECTED }))
        }
    }
}

fn read(keys: &Map<String, Json>) -> Result<HandOrder, String> {
    let mut order = HandOrder::default();
    for (key, value) in keys {
        let read = match (key.as_str(), value) {
            ("side", Json::String(side)) => side_of(side).map(|side| order.side = side),
            ("quantity", Json::Number(number)) => number.as_u64().map(|count| order.quantity = count.to_string()),
            ("type", Json::String(kind)) => Some(order.kind.clone_from(kind)),
            ("limit", Json::Number(points)) => points.as_f64().map(|points| order.limit = Some(points)),
            ("stop", Json::Number(points)) => points.as_f64().map(|points| order.stop = Some(points)),
            ("tif", Json::String(tif)) => Some(order.tif.clone_from(tif)),
            ("contract", Json::String(name)) => Some(order.contract = Some(name.clone())),
            ("order_ref", Json::String(text)) => Some(order.order_ref.clone_from(text)),
            ("client", Json::Number(id)) => {
                id.as_i64().and_then(|id| i32::try_from(id).ok()).map(|id| order.client_id = id)
            }
            _ => None,
        };
        read.ok_or_else(|| format!("{key}: {value}"))?;
    }
    if order.side.is_empty() || order.quantity.is_empty() {
        return Err("side and quantity are missing".to_owned());
    }
    Ok(order)
}

fn side_of(text: &str) -> Option<&'static str> {
    match text {
        "BUY" | "buy" => Some("BUY"),
        "SELL" | "sell" => Some("SELL"),
        _ => None,
    }
}
