//! Messages about market data, field by field: requests read from both encodings, responses written in both, against
//! the documented orders and numbers of the fields. Protobuf is made and taken apart by hand here.

use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};

use super::VERSIONS;
use crate::wire::bars::*;
use crate::wire::contract::Contract;
use crate::wire::market_data::*;
use crate::wire::past::*;
use crate::wire::past_ticks::*;
use crate::wire::request::Request;
use crate::wire::response::Response;
use crate::wire::symbols::*;
use crate::wire::ticks::{MarketDataTypeRequest, TickByTickRequest};
use crate::wire::{Encoding, frame};

/// One field of a protobuf message.
#[derive(Clone, PartialEq, Debug)]
enum Value {
    Int(i64),
    Double(f64),
    Text(&'static str),
    Message(Vec<(u32, Value)>),
}

use Value::{Double, Int, Message, Text};

fn put(fields: &[(u32, Value)], out: &mut Vec<u8>) {
    for (tag, value) in fields {
        match value {
            Int(value) => {
                encode_key(*tag, WireType::Varint, out);
                encode_varint(*value as u64, out);
            }
            Double(value) => {
                encode_key(*tag, WireType::SixtyFourBit, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Text(value) => put_bytes(*tag, value.as_bytes(), out),
            Message(inner) => {
                let mut bytes = Vec::new();
                put(inner, &mut bytes);
                put_bytes(*tag, &bytes, out);
            }
        }
    }
}

fn put_bytes(tag: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Takes a message apart as far as `like` says what each field is.
fn fields(mut bytes: &[u8], like: &[(u32, Value)]) -> Vec<(u32, Vec<u8>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (tag, kind) = decode_key(&mut bytes).expect("a key");
        assert!(like.iter().any(|(known, _)| *known == tag), "field {tag} is not documented");
        let length = match kind {
            WireType::Varint => {
                let before = bytes;
                decode_varint(&mut bytes).expect("a varint");
                let length = before.len() - bytes.len();
                found.push((tag, before[..length].to_vec()));
                continue;
            }
            WireType::SixtyFourBit => 8,
            WireType::LengthDelimited => decode_varint(&mut bytes).expect("a length") as usize,
            other => panic!("{other:?}"),
        };
        found.push((tag, bytes[..length].to_vec()));
        bytes = &bytes[length..];
    }
    found
}

/// A response in protobuf is exactly these fields under this id.
fn written(response: impl Into<Response>, id: i32, expected: &[(u32, Value)]) {
    let mut out = Vec::new();
    response.into().put(Encoding::Protobuf { version: 225 }, &mut out);
    let (body, _) = frame::split(&out).expect("a frame").expect("a whole frame");
    assert_eq!(body[..4], (id + 200).to_be_bytes());
    let mut bytes = Vec::new();
    put(expected, &mut bytes);
    assert_eq!(fields(&body[4..], expected), fields(&bytes, expected), "message {id}");
}

/// A response in text is these fields, at every version.
fn text(response: impl Into<Response>, expected: &str) {
    let response = response.into();
    for version in VERSIONS {
        let mut out = Vec::new();
        response.put(Encoding::Text { version }, &mut out);
        let (body, _) = frame::split(&out).expect("a frame").expect("a whole frame");
        assert_eq!(String::from_utf8_lossy(body).replace('\0', "|"), expected, "version {version}");
    }
}

/// The request is read from both encodings as the same thing.
fn read(body: &str, id: i32, fields: &[(u32, Value)], expected: &Request) {
    for version in VERSIONS {
        let body = body.replace('|', "\0");
        let got = Request::decode(Encoding::Text { version }, body.as_bytes()).expect("a request");
        assert_eq!(got, *expected, "version {version}");
    }
    let mut body = (id + 200).to_be_bytes().to_vec();
    put(fields, &mut body);
    let got = Request::decode(Encoding::Protobuf { version: 225 }, &body).expect("a request");
    assert_eq!(got, *expected);
}

/// The twelve fields of a contract, each with a value of its own.
const CONTRACT: &str = "7|ES|FUT|202612|1.5|C|50|CME|GLOBEX|USD|ESZ6|ESC";

fn contract() -> Contract {
    let text = |value: &str| Some(value.to_owned());
    Contract {
        con_id: Some(7),
        symbol: text("ES"),
        sec_type: text("FUT"),
        last_trade_date_or_contract_month: text("202612"),
        strike: Some(1.5),
        right: text("C"),
        multiplier: Some(50.0),
        exchange: text("CME"),
        primary_exch: text("GLOBEX"),
        currency: text("USD"),
        local_symbol: text("ESZ6"),
        trading_class: text("ESC"),
        ..Contract::default()
    }
}

fn contract_fields() -> Vec<(u32, Value)> {
    let head = [(1, Int(7)), (2, Text("ES")), (3, Text("FUT")), (4, Text("202612")), (5, Double(1.5)), (6, Text("C"))];
    let tail = [(7, Double(50.0)), (8, Text("CME")), (9, Text("GLOBEX")), (10, Text("USD"))];
    [&head[..], &tail[..], &[(11, Text("ESZ6")), (12, Text("ESC"))]].concat()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn market_data_requests_are_read() {
    let request = MarketDataRequest {
        req_id: Some(5),
        contract: Some(contract()),
        generic_tick_list: some("233"),
        snapshot: Some(true),
        regulatory_snapshot: Some(false),
    };
    let fields = [(1, Int(5)), (2, Message(contract_fields())), (3, Text("233")), (4, Int(1)), (5, Int(0))];
    let expected = Request::MarketData(request.clone());
    read(&format!("1|11|5|{CONTRACT}|0|233|1|0||"), 1, &fields, &expected);
    let hedged = format!("1|11|5|{CONTRACT}|1|9|0.5|100|233|1|0||").replace('|', "\0");
    let got = Request::decode(Encoding::Text { version: 178 }, hedged.as_bytes()).expect("a request");
    assert_eq!(got, expected, "a delta-neutral contract is read over");
    let legs = "2|1|1|BUY|CME|2|1|SELL|CME";
    let combination = format!("1|11|5|{}|{legs}|0|233|1|0||", CONTRACT.replace("FUT", "BAG")).replace('|', "\0");
    let Ok(Request::MarketData(got)) = Request::decode(Encoding::Text { version: 157 }, combination.as_bytes()) else {
        panic!("another request")
    };
    assert_eq!((got.generic_tick_list, got.snapshot), (some("233"), Some(true)), "the legs are read over");

    read("2|2|5|", 2, &[(1, Int(5))], &Request::CancelMarketData(CancelMarketData { req_id: Some(5) }));
    let kind = MarketDataTypeRequest { market_data_type: Some(3) };
    read("59|1|3|", 59, &[(1, Int(3))], &Request::MarketDataType(kind));
    let ticks = TickByTickRequest {
        req_id: Some(5),
        contract: Some(contract()),
        tick_type: some("BidAsk"),
        number_of_ticks: Some(10),
        ignore_size: Some(true),
    };
    let fields = [(1, Int(5)), (2, Message(contract_fields())), (3, Text("BidAsk")), (4, Int(10)), (5, Int(1))];
    read(&format!("97|5|{CONTRACT}|BidAsk|10|1|"), 97, &fields, &Request::TickByTick(ticks));
}

#[test]
fn requests_for_bars_are_read() {
    let live = RealTimeBarsRequest {
        req_id: Some(5),
        contract: Some(contract()),
        bar_size: Some(5),
        what_to_show: some("BID"),
        use_rth: Some(true),
    };
    let fields = [(1, Int(5)), (2, Message(contract_fields())), (3, Int(5)), (4, Text("BID")), (5, Int(1))];
    read(&format!("50|3|5|{CONTRACT}|5|BID|1||"), 50, &fields, &Request::RealTimeBars(live));
    read("51|1|5|", 51, &[(1, Int(5))], &Request::CancelRealTimeBars(CancelRealTimeBars { req_id: Some(5) }));

    let with_expired = Contract { include_expired: Some(true), ..contract() };
    let expired = || Message([contract_fields(), vec![(18, Int(1))]].concat());
    let past = HistoricalDataRequest {
        req_id: Some(5),
        contract: Some(with_expired.clone()),
        end_date_time: some("20261123-15:00:00"),
        bar_size_setting: some("1 min"),
        duration: some("1 D"),
        use_rth: Some(true),
        what_to_show: some("MIDPOINT"),
        format_date: Some(2),
        keep_up_to_date: Some(true),
    };
    let fields = [
        (1, Int(5)),
        (2, expired()),
        (3, Text("20261123-15:00:00")),
        (4, Text("1 min")),
        (5, Text("1 D")),
        (6, Int(1)),
        (7, Text("MIDPOINT")),
        (8, Int(2)),
        (9, Int(1)),
    ];
    let body = format!("20|5|{CONTRACT}|1|20261123-15:00:00|1 min|1 D|1|MIDPOINT|2|1||");
    read(&body, 20, &fields, &Request::HistoricalData(past));
    read("25|1|5|", 25, &[(1, Int(5))], &Request::CancelHistoricalData(CancelHistoricalData { req_id: Some(5) }));

    let head = HeadTimestampRequest {
        req_id: Some(5),
        contract: Some(with_expired),
        use_rth: Some(true),
        what_to_show: some("TRADES"),
        format_date: Some(1),
    };
    let fields = [(1, Int(5)), (2, expired()), (3, Int(1)), (4, Text("TRADES")), (5, Int(1))];
    read(&format!("87|5|{CONTRACT}|1|1|TRADES|1|"), 87, &fields, &Request::HeadTimestamp(head));
    read("90|5|", 90, &[(1, Int(5))], &Request::CancelHeadTimestamp(CancelHeadTimestamp { req_id: Some(5) }));
}

#[test]
fn requests_for_ticks_of_the_past_and_for_symbols_are_read() {
    let ticks = HistoricalTicksRequest {
        req_id: Some(5),
        contract: Some(Contract { include_expired: Some(true), ..contract() }),
        start_date_time: some("20261123-14:00:00"),
        end_date_time: some("20261123-15:00:00"),
        number_of_ticks: Some(100),
        what_to_show: some("BID_ASK"),
        use_rth: Some(true),
        ignore_size: Some(true),
    };
    let fields = [
        (1, Int(5)),
        (2, Message([contract_fields(), vec![(18, Int(1))]].concat())),
        (3, Text("20261123-14:00:00")),
        (4, Text("20261123-15:00:00")),
        (5, Int(100)),
        (6, Text("BID_ASK")),
        (7, Int(1)),
        (8, Int(1)),
    ];
    let body = format!("96|5|{CONTRACT}|1|20261123-14:00:00|20261123-15:00:00|100|BID_ASK|1|1||");
    read(&body, 96, &fields, &Request::HistoricalTicks(ticks));
    read("107|5|", 107, &[(1, Int(5))], &Request::CancelHistoricalTicks(CancelHistoricalTicks { req_id: Some(5) }));
    let symbols = MatchingSymbolsRequest { req_id: Some(5), pattern: some("ES") };
    read("81|5|ES|", 81, &[(1, Int(5)), (2, Text("ES"))], &Request::MatchingSymbols(symbols));
}

#[test]
fn ticks_by_type_are_written() {
    let params = TickReqParams {
        req_id: Some(5),
        min_tick: some("0.25"),
        bbo_exchange: some("9c0001"),
        snapshot_permissions: Some(3),
        last_price_precision: some("0.01"),
        last_size_precision: some("1"),
    };
    text(params.clone(), "81|5|0.25|9c0001|3|");
    let fields = [(1, Int(5)), (2, Text("0.25")), (3, Text("9c0001")), (4, Int(3)), (5, Text("0.01")), (6, Text("1"))];
    written(params, 81, &fields);
    let kind = MarketDataType { req_id: Some(5), market_data_type: Some(3) };
    text(kind.clone(), "58|1|5|3|");
    written(kind, 58, &[(1, Int(5)), (2, Int(3))]);
    let (req_id, tick_type, size) = (Some(5), Some(66), some("7"));
    let price = TickPrice { req_id, tick_type, price: Some(5000.25), size: size.clone(), attr_mask: Some(1) };
    text(price.clone(), "1|6|5|66|5000.25|7|1|");
    written(price, 1, &[(1, Int(5)), (2, Int(66)), (3, Double(5000.25)), (4, Text("7")), (5, Int(1))]);
    let only_size = TickSize { req_id, tick_type, size };
    text(only_size.clone(), "2|6|5|66|7|");
    written(only_size, 2, &[(1, Int(5)), (2, Int(66)), (3, Text("7"))]);
    let generic = TickGeneric { req_id, tick_type, value: Some(0.5) };
    text(generic.clone(), "45|6|5|66|0.5|");
    written(generic, 45, &[(1, Int(5)), (2, Int(66)), (3, Double(0.5))]);
    let string = TickString { req_id, tick_type, value: some("1795446000") };
    text(string.clone(), "46|6|5|66|1795446000|");
    written(string, 46, &[(1, Int(5)), (2, Int(66)), (3, Text("1795446000"))]);
    text(TickSnapshotEnd { req_id }, "57|1|5|");
    written(TickSnapshotEnd { req_id }, 57, &[(1, Int(5))]);
}

fn bar() -> HistoricalDataBar {
    HistoricalDataBar {
        date: some("20261123"),
        open: Some(1.0),
        high: Some(4.0),
        low: Some(0.5),
        close: Some(3.0),
        volume: some("9"),
        wap: some("2.5"),
        bar_count: Some(6),
    }
}

fn bar_fields() -> Value {
    let prices = [(1, Text("20261123")), (2, Double(1.0)), (3, Double(4.0)), (4, Double(0.5)), (5, Double(3.0))];
    Message([&prices[..], &[(6, Text("9")), (7, Text("2.5")), (8, Int(6))]].concat())
}

#[test]
fn bars_are_written() {
    let data = HistoricalData { req_id: Some(5), bars: vec![bar(), bar()] };
    let end = HistoricalDataEnd { req_id: Some(5), start_date_str: some("from"), end_date_str: some("to") };
    written(data.clone(), 17, &[(1, Int(5)), (2, bar_fields()), (2, bar_fields())]);
    written(end.clone(), 108, &[(1, Int(5)), (2, Text("from")), (3, Text("to"))]);
    let one = "20261123|1.0|4.0|0.5|3.0|9|2.5|6";
    text(HistoricalDataInOne { data: Some(data), end: Some(end) }, &format!("17|5|from|to|2|{one}|{one}|"));
    let update = HistoricalDataUpdate { req_id: Some(5), bar: Some(bar()) };
    text(update.clone(), "90|5|6|20261123|1.0|3.0|4.0|0.5|2.5|9|");
    written(update, 90, &[(1, Int(5)), (2, bar_fields())]);
    let live = RealTimeBarTick {
        req_id: Some(5),
        time: Some(1_795_446_000),
        open: Some(1.0),
        high: Some(4.0),
        low: Some(0.5),
        close: Some(3.0),
        volume: some("9"),
        wap: some("2.5"),
        count: Some(-1),
    };
    text(live.clone(), "50|3|5|1795446000|1.0|4.0|0.5|3.0|9|2.5|-1|");
    let prices = [(1, Int(5)), (2, Int(1_795_446_000)), (3, Double(1.0)), (4, Double(4.0)), (5, Double(0.5))];
    written(live, 50, &[&prices[..], &[(6, Double(3.0)), (7, Text("9")), (8, Text("2.5")), (9, Int(-1))]].concat());
    let head = HeadTimestamp { req_id: Some(5), head_timestamp: some("20261123-15:00:00") };
    text(head.clone(), "88|5|20261123-15:00:00|");
    written(head, 88, &[(1, Int(5)), (2, Text("20261123-15:00:00"))]);
}

#[test]
fn sessions_and_symbols_are_written() {
    let session =
        HistoricalSession { start_date_time: some("a"), end_date_time: some("b"), ref_date: some("20261123") };
    let schedule = HistoricalSchedule {
        req_id: Some(5),
        start_date_time: some("from"),
        end_date_time: some("to"),
        time_zone: some("US/Central"),
        sessions: vec![session],
    };
    text(schedule.clone(), "106|5|from|to|US/Central|1|a|b|20261123|");
    let inner = Message(vec![(1, Text("a")), (2, Text("b")), (3, Text("20261123"))]);
    written(schedule, 106, &[(1, Int(5)), (2, Text("from")), (3, Text("to")), (4, Text("US/Central")), (5, inner)]);

    let found = Contract {
        con_id: Some(7),
        symbol: some("ES"),
        sec_type: some("IND"),
        primary_exch: some("CME"),
        currency: some("USD"),
        description: some("E-mini S&P 500"),
        issuer_id: some("e1"),
        ..Contract::default()
    };
    let kinds = vec!["FUT".to_owned(), "FOP".to_owned()];
    let one = ContractDescription { contract: Some(found), derivative_sec_types: kinds };
    let samples = SymbolSamples { req_id: Some(5), contract_descriptions: vec![one] };
    for (version, expected) in [(157, ""), (176, "E-mini S&P 500|e1|"), (178, "E-mini S&P 500|e1|")] {
        let mut out = Vec::new();
        Response::from(samples.clone()).put(Encoding::Text { version }, &mut out);
        let body = String::from_utf8_lossy(&out[4..]).replace('\0', "|");
        assert_eq!(body, format!("79|5|1|7|ES|IND|CME|USD|2|FUT|FOP|{expected}"), "version {version}");
    }
    let names = [(9, Text("CME")), (10, Text("USD")), (15, Text("E-mini S&P 500")), (16, Text("e1"))];
    let contract = [&[(1, Int(7)), (2, Text("ES")), (3, Text("IND"))][..], &names[..]].concat();
    let described = Message(vec![(1, Message(contract)), (2, Text("FUT")), (2, Text("FOP"))]);
    written(samples, 79, &[(1, Int(5)), (2, described)]);
}

#[test]
fn ticks_of_the_past_are_written() {
    let time = Some(1_795_446_000);
    let none = || Some(NoAttributes {});
    let middle = HistoricalTick { time, price: Some(5000.125), size: some("0") };
    let ticks = HistoricalTicks { req_id: Some(5), ticks: vec![middle], is_done: Some(true) };
    text(ticks.clone(), "96|5|1|1795446000|0|5000.125|0|1|");
    let inner = Message(vec![(1, Int(1_795_446_000)), (2, Double(5000.125)), (3, Text("0"))]);
    written(ticks, 96, &[(1, Int(5)), (2, inner), (3, Int(1))]);

    let quote = HistoricalTickBidAsk {
        time,
        attributes: none(),
        price_bid: Some(5000.0),
        price_ask: Some(5000.25),
        size_bid: some("3"),
        size_ask: some("4"),
    };
    let ticks = HistoricalTicksBidAsk { req_id: Some(5), ticks: vec![quote], is_done: Some(true) };
    text(ticks.clone(), "97|5|1|1795446000|0|5000.0|5000.25|3|4|1|");
    let head = [(1, Int(1_795_446_000)), (2, Message(vec![])), (3, Double(5000.0)), (4, Double(5000.25))];
    let inner = Message([&head[..], &[(5, Text("3")), (6, Text("4"))]].concat());
    written(ticks, 97, &[(1, Int(5)), (2, inner), (3, Int(1))]);

    let trade = HistoricalTickLast {
        time,
        attributes: none(),
        price: Some(5000.25),
        size: some("3"),
        exchange: some("CME"),
        special_conditions: some("x"),
    };
    let ticks = HistoricalTicksLast { req_id: Some(5), ticks: vec![trade], is_done: Some(true) };
    text(ticks.clone(), "98|5|1|1795446000|0|5000.25|3|CME|x|1|");
    let head = [(1, Int(1_795_446_000)), (2, Message(vec![])), (3, Double(5000.25)), (4, Text("3"))];
    let inner = Message([&head[..], &[(5, Text("CME")), (6, Text("x"))]].concat());
    written(ticks, 98, &[(1, Int(5)), (2, inner), (3, Int(1))]);
}
