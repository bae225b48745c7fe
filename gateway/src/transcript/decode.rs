//! Frames as a reader sees them. In: a body and its encoding. Out: the message's name and its fields.

use serde_json::{Map, Value as Json, json};

use crate::transcript::{fields, layouts};
use crate::wire::request::Request;
use crate::wire::response::Response;
use crate::wire::{Encoding, PROTOBUF_ID_OFFSET};

const TICK_BY_TICK: i32 = 99;

/// A tick-by-tick message: it is written by hand, so only a reader has it as a type.
#[derive(Clone, PartialEq, prost::Message)]
struct TickByTick {
    #[prost(int32, optional, tag = "1")]
    req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    tick_type: Option<i32>,
    #[prost(message, optional, tag = "3")]
    last: Option<Last>,
    #[prost(message, optional, tag = "4")]
    bid_ask: Option<BidAsk>,
    #[prost(message, optional, tag = "5")]
    mid_point: Option<MidPoint>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Last {
    #[prost(int64, optional, tag = "1")]
    time: Option<i64>,
    #[prost(double, optional, tag = "3")]
    price: Option<f64>,
    #[prost(string, optional, tag = "4")]
    size: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct BidAsk {
    #[prost(int64, optional, tag = "1")]
    time: Option<i64>,
    #[prost(double, optional, tag = "3")]
    bid: Option<f64>,
    #[prost(double, optional, tag = "4")]
    ask: Option<f64>,
    #[prost(string, optional, tag = "5")]
    bid_size: Option<String>,
    #[prost(string, optional, tag = "6")]
    ask_size: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MidPoint {
    #[prost(int64, optional, tag = "1")]
    time: Option<i64>,
    #[prost(double, optional, tag = "2")]
    price: Option<f64>,
}

pub fn request(encoding: Encoding, body: &[u8]) -> (String, Json) {
    match Request::decode(encoding, body) {
        Ok(Request::NotServed { message_id, req_id }) => {
            (format!("request {message_id}"), json!({ "message_id": message_id, "req_id": req_id }))
        }
        Ok(request) => (request.name().to_owned(), object(fields::of_debug(&format!("{request:?}")))),
        Err(bad) => ("unreadable".to_owned(), json!({ "reason": bad.to_string(), "bytes": body.len() })),
    }
}

pub fn typed(response: &Response) -> (String, Json) {
    (response.name().to_owned(), object(fields::of_debug(&format!("{response:?}"))))
}

/// A message without fields has but its name for a debug form.
fn object(fields: Json) -> Json {
    if fields.is_string() { json!({}) } else { fields }
}

pub fn response(encoding: Encoding, body: &[u8]) -> (String, Json) {
    match encoding {
        Encoding::Text { .. } => text(body),
        Encoding::Protobuf { .. } => protobuf(body),
    }
}

fn text(body: &[u8]) -> (String, Json) {
    let whole = String::from_utf8_lossy(body);
    let mut values = whole.strip_suffix('\0').unwrap_or(&whole).split('\0');
    let id = values.next().unwrap_or("");
    let Some((name, names)) = id.parse().ok().and_then(layouts::of) else {
        return (format!("message {id}"), values.collect());
    };
    let mut named = Map::new();
    for name in names {
        let Some(value) = values.next() else { break };
        named.insert(name.to_owned(), Json::from(value));
    }
    let more: Vec<&str> = values.collect();
    if !more.is_empty() {
        named.insert("more".to_owned(), Json::from(more));
    }
    (name.to_owned(), Json::Object(named))
}

fn protobuf(body: &[u8]) -> (String, Json) {
    let Some((id, payload)) = body.split_first_chunk() else {
        return ("unreadable".to_owned(), json!({ "bytes": body.len() }));
    };
    let id = i32::from_be_bytes(*id) - PROTOBUF_ID_OFFSET;
    if id == TICK_BY_TICK {
        let read = <TickByTick as prost::Message>::decode(payload);
        return ("TickByTick".to_owned(), read.map_or(Json::Null, |tick| fields::of_debug(&format!("{tick:?}"))));
    }
    match Response::describe(id, payload) {
        Some((name, debug)) => (name.to_owned(), object(fields::of_debug(&debug))),
        None => (format!("message {id}"), json!({ "bytes": body.len() })),
    }
}
