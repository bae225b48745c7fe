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
        let wrong = || format!("{key}: {value}");
        let text = || value.as_str().map(str::to_owned).ok_or_else(wrong);
        let points = || value.as_f64().ok_or_else(wrong);
        match key.as_str() {
            "side" => order.side = value.as_str().and_then(side_of).ok_or_else(wrong)?,
            "quantity" => order.quantity = value.as_u64().ok_or_else(wrong)?.to_string(),
            "type" => order.kind = text()?,
            "limit" => order.limit = Some(points()?),
            "stop" => order.stop = Some(points()?),
            "tif" => order.tif = text()?,
            "contract" => order.contract = Some(text()?),
            "order_ref" => order.order_ref = text()?,
            "client" => {
                let id = value.as_i64().and_then(|id| i32::try_from(id).ok());
                order.client_id = id.ok_or_else(wrong)?;
            }
            _ => return Err(wrong()),
        }
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
