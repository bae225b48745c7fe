//! Tick-by-tick messages. In: subscriptions. Out: ticks, written by hand, because they are nearly all of the traffic:
//! a body is encoded once for an event and joined to each subscriber's prefix (message id, request id, tick type).

use prost::encoding::{encode_varint, encoded_len_varint};

use crate::wire::contract::Contract;
use crate::wire::fields::{DecodeError, Fields};
use crate::wire::writer::TextWriter;
use crate::wire::{Ask, Encoding, PROTOBUF_ID_OFFSET};

#[derive(Clone, PartialEq, prost::Message)]
pub struct MarketDataTypeRequest {
    #[prost(int32, optional, tag = "1")]
    pub market_data_type: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TickByTickRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub tick_type: Option<String>,
    #[prost(int32, optional, tag = "4")]
    pub number_of_ticks: Option<i32>,
    #[prost(bool, optional, tag = "5")]
    pub ignore_size: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelTickByTick {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

impl Ask for MarketDataTypeRequest {
    const ID: i32 = 59;
    const NAME: &'static str = "reqMarketDataType";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { market_data_type: fields.int("marketDataType")? })
    }
}

impl Ask for TickByTickRequest {
    const ID: i32 = 97;
    const NAME: &'static str = "reqTickByTickData";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            req_id: fields.int("reqId")?,
            contract: Some(Contract::from_text(fields)?),
            tick_type: fields.text("tickType")?,
            number_of_ticks: fields.int("numberOfTicks")?,
            ignore_size: fields.flag("ignoreSize")?,
        })
    }
}

impl Ask for CancelTickByTick {
    const ID: i32 = 98;
    const NAME: &'static str = "cancelTickByTickData";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self { req_id: fields.int("reqId")? })
    }
}

const TICK_BY_TICK: i32 = 99;

/// The four kinds of tick-by-tick data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TickKind {
    Last,
    AllLast,
    BidAsk,
    MidPoint,
}

impl TickKind {
    /// From the word of the request.
    pub fn from_wire(word: &str) -> Option<TickKind> {
        Some(match word {
            "Last" => TickKind::Last,
            "AllLast" => TickKind::AllLast,
            "BidAsk" => TickKind::BidAsk,
            "MidPoint" => TickKind::MidPoint,
            _ => return None,
        })
    }

    fn number(self) -> u8 {
        match self {
            TickKind::Last => 1,
            TickKind::AllLast => 2,
            TickKind::BidAsk => 3,
            TickKind::MidPoint => 4,
        }
    }
}

/// Attributes of a tick: of a trade past the limit and unreported, of a quote bid past the low and ask past the high.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Mask(pub bool, pub bool);

impl Mask {
    /// As text has it: 1 and 2.
    fn bits(self) -> i32 {
        i32::from(self.0) | i32::from(self.1) << 1
    }

    /// As protobuf has it: fields 1 and 2, those that are set.
    #[inline]
    fn put(self, out: &mut Vec<u8>, field: u8) {
        let (mut body, mut length) = ([0; 4], 0);
        for (number, set) in [(1, self.0), (2, self.1)] {
            if set {
                body[length..length + 2].copy_from_slice(&[number << 3 | VARINT, 1]);
                length += 2;
            }
        }
        put_bytes(out, field, &body[..length]);
    }
}

/// What one frame says; prices in points, time in whole seconds since 1970.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Tick<'a> {
    Last { time: i64, price: f64, size: u32, mask: Mask, exchange: &'a str },
    BidAsk { time: i64, bid: f64, ask: f64, bid_size: u32, ask_size: u32, mask: Mask },
    MidPoint { time: i64, price: f64 },
}

/// The part of a subscriber's frames that never changes.
pub fn put_prefix(out: &mut Vec<u8>, encoding: Encoding, req_id: i32, kind: TickKind) {
    match encoding {
        Encoding::Text { version } => {
            TextWriter::new(out, version).int(TICK_BY_TICK).int(req_id).int(kind.number());
        }
        Encoding::Protobuf { .. } => {
            out.extend_from_slice(&(TICK_BY_TICK + PROTOBUF_ID_OFFSET).to_be_bytes());
            put_int(out, 1, i64::from(req_id));
            put_int(out, 2, i64::from(kind.number()));
        }
    }
}

/// Appends one frame of a prefix and a body.
#[inline]
pub fn put_frame(out: &mut Vec<u8>, prefix: &[u8], body: &[u8]) {
    let length = (prefix.len() + body.len()) as u32;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(prefix);
    out.extend_from_slice(body);
}

pub fn put_text_body(out: &mut Vec<u8>, tick: &Tick<'_>) {
    let mut text = TextWriter::new(out, 0);
    match *tick {
        Tick::Last { time, price, size, mask, exchange } => {
            text.int(time).double(price).int(size).int(mask.bits()).text(exchange).empty(1);
        }
        Tick::BidAsk { time, bid, ask, bid_size, ask_size, mask } => {
            text.int(time).double(bid).double(ask).int(bid_size).int(ask_size).int(mask.bits());
        }
        Tick::MidPoint { time, price } => {
            text.int(time).double(price);
        }
    }
}

/// `scratch` holds the inner message while its length is not known yet.
pub fn put_protobuf_body(out: &mut Vec<u8>, scratch: &mut Vec<u8>, tick: &Tick<'_>) {
    scratch.clear();
    let field = match *tick {
        Tick::Last { time, price, size, mask, exchange } => {
            put_int(scratch, 1, time);
            mask.put(scratch, 2);
            put_double(scratch, 3, price);
            put_count(scratch, 4, size);
            put_bytes(scratch, 5, exchange.as_bytes());
            3
        }
        Tick::BidAsk { time, bid, ask, bid_size, ask_size, mask } => {
            put_int(scratch, 1, time);
            mask.put(scratch, 2);
            put_double(scratch, 3, bid);
            put_double(scratch, 4, ask);
            put_count(scratch, 5, bid_size);
            put_count(scratch, 6, ask_size);
            4
        }
        Tick::MidPoint { time, price } => {
            put_int(scratch, 1, time);
            put_double(scratch, 2, price);
            put_count(scratch, 3, 0);
            5
        }
    };
    put_bytes(out, field, scratch);
}

const VARINT: u8 = 0;
const FIXED_64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;

/// Field numbers here are below 16, so a key is one byte.
#[inline]
fn put_int(out: &mut Vec<u8>, field: u8, value: i64) {
    out.push(field << 3 | VARINT);
    // A negative int32 or int64 is a varint of ten bytes: the two's complement in 64 bits.
    encode_varint(value as u64, out);
}

#[inline]
fn put_double(out: &mut Vec<u8>, field: u8, value: f64) {
    out.push(field << 3 | FIXED_64);
    out.extend_from_slice(&value.to_le_bytes());
}

#[inline]
fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.reserve(1 + encoded_len_varint(bytes.len() as u64) + bytes.len());
    out.push(field << 3 | LENGTH_DELIMITED);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// A size as the decimal string that the schema wants.
#[inline]
fn put_count(out: &mut Vec<u8>, field: u8, value: u32) {
    let mut digits = [0; 10];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    put_bytes(out, field, &digits[at..]);
}
