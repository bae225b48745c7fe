//! Ticks: the encoding that is written by hand against one that is derived from the schema, and the text layouts.

use proptest::prelude::*;
use prost::Message;

use crate::wire::ticks::{Mask, Tick, TickKind, put_frame, put_prefix, put_protobuf_body, put_text_body};
use crate::wire::{Encoding, frame};

/// The tick as the schema describes it, to check the encoding that is written by hand.
#[derive(Clone, PartialEq, prost::Message)]
struct TickByTick {
    #[prost(int32, optional, tag = "1")]
    req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    tick_type: Option<i32>,
    #[prost(message, optional, tag = "3")]
    last: Option<LastTick>,
    #[prost(message, optional, tag = "4")]
    bid_ask: Option<BidAskTick>,
    #[prost(message, optional, tag = "5")]
    middle: Option<MiddleTick>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Attributes {
    #[prost(bool, optional, tag = "1")]
    first: Option<bool>,
    #[prost(bool, optional, tag = "2")]
    second: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LastTick {
    #[prost(int64, optional, tag = "1")]
    time: Option<i64>,
    #[prost(message, optional, tag = "2")]
    attributes: Option<Attributes>,
    #[prost(double, optional, tag = "3")]
    price: Option<f64>,
    #[prost(string, optional, tag = "4")]
    size: Option<String>,
    #[prost(string, optional, tag = "5")]
    exchange: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct BidAskTick {
    #[prost(int64, optional, tag = "1")]
    time: Option<i64>,
    #[prost(message, optional, tag = "2")]
    attributes: Option<Attributes>,
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
struct MiddleTick {
    #[prost(int64, optional, tag = "1")]
    time: Option<i64>,
    #[prost(double, optional, tag = "2")]
    price: Option<f64>,
    #[prost(string, optional, tag = "3")]
    size: Option<String>,
}

/// One frame's body in protobuf, decoded by the derived message.
fn ticked(req_id: i32, kind: TickKind, tick: &Tick<'_>) -> TickByTick {
    let (mut prefix, mut body, mut out) = (Vec::new(), Vec::new(), Vec::new());
    put_prefix(&mut prefix, Encoding::Protobuf { version: 225 }, req_id, kind);
    put_protobuf_body(&mut body, &mut Vec::new(), tick);
    put_frame(&mut out, &prefix, &body);
    let (frame, _) = frame::split(&out).expect("a frame").expect("a whole frame");
    assert_eq!(frame[..4], 299_i32.to_be_bytes());
    let decoded = TickByTick::decode(&frame[4..]).expect("protobuf");
    assert_eq!(decoded.encode_to_vec(), frame[4..], "the same bytes as the derived encoding");
    decoded
}

proptest! {
    #[test]
    fn ticks_written_by_hand_are_what_the_schema_says(
        req_id: i32, time: i64, price: f64, other: f64, size: u32, more: u32, exchange in "[A-Z]{0,8}",
        set: bool, set_too: bool,
    ) {
        let mask = Mask(set, set_too);
        let last = ticked(req_id, TickKind::AllLast, &Tick::Last { time, price, size, mask, exchange: &exchange });
        prop_assert_eq!((last.req_id, last.tick_type), (Some(req_id), Some(2)));
        let tick = last.last.expect("a trade");
        prop_assert_eq!(tick.price.map(f64::to_bits), Some(price.to_bits()));
        prop_assert_eq!((tick.time, tick.size, tick.exchange), (Some(time), Some(size.to_string()), Some(exchange)));
        let (bid, ask) = (price, other);
        let quote = Tick::BidAsk { time, bid, ask, bid_size: size, ask_size: more, mask };
        let tick = ticked(req_id, TickKind::BidAsk, &quote).bid_ask.expect("a quote");
        prop_assert_eq!((tick.bid_size, tick.ask_size), (Some(size.to_string()), Some(more.to_string())));
        let middle = ticked(req_id, TickKind::MidPoint, &Tick::MidPoint { time, price: 1.5 }).middle;
        prop_assert_eq!(middle.expect("a middle").price, Some(1.5));
    }
}

#[test]
fn ticks_in_text_have_the_documented_fields() {
    let text = |req_id, kind, tick: &Tick<'_>| {
        let (mut prefix, mut body) = (Vec::new(), Vec::new());
        put_prefix(&mut prefix, Encoding::Text { version: 178 }, req_id, kind);
        put_text_body(&mut body, tick);
        prefix.extend(body);
        String::from_utf8(prefix).expect("text").replace('\0', "|")
    };
    let last = |mask| Tick::Last { time: 9, price: 5000.25, size: 3, mask, exchange: "CME" };
    assert_eq!(text(5, TickKind::Last, &last(Mask::default())), "99|5|1|9|5000.25|3|0|CME||");
    assert_eq!(text(5, TickKind::AllLast, &last(Mask(true, true))), "99|5|2|9|5000.25|3|3|CME||");
    let quote = |mask| Tick::BidAsk { time: 9, bid: 5000.0, ask: 5000.25, bid_size: 3, ask_size: 4, mask };
    assert_eq!(text(5, TickKind::BidAsk, &quote(Mask::default())), "99|5|3|9|5000.0|5000.25|3|4|0|");
    assert_eq!(text(5, TickKind::BidAsk, &quote(Mask(false, true))), "99|5|3|9|5000.0|5000.25|3|4|2|");
    assert_eq!(text(5, TickKind::MidPoint, &Tick::MidPoint { time: 9, price: 5000.125 }), "99|5|4|9|5000.125|");
}
