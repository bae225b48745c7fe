//! Databento files made here, record by record: several instruments, bad prices, an order book, a live session.

use std::num::NonZeroU64;

use dbn::encode::{DbnEncoder, EncodeRecord};
use dbn::{
    FlagSet, MappingInterval, MboMsg, Metadata, RecordHeader, SType, Schema, SymbolMapping, SymbolMappingMsg, TradeMsg,
    UNDEF_PRICE, flags, rtype,
};
use engine::market::Quote;

use super::faults::{folder, refused, write};
use super::*;

const DAY: u64 = 86_400_000_000_000;
/// 2024-01-02T00:00:00Z.
const START: u64 = 1_704_153_600_000_000_000;

/// Instrument 1 is ESH4, 2 a spread, 3 GCG4. Without a schema it is the head of a recorded live session: no names.
fn dbn_head(schema: Option<Schema>) -> Metadata {
    let mut head = Metadata::builder()
        .dataset("GLBX.MDP3".to_owned())
        .schema(schema)
        .start(START)
        .end(NonZeroU64::new(START + DAY))
        .stype_in(Some(SType::RawSymbol))
        .stype_out(SType::InstrumentId)
        .build();
    let day = head.start().date();
    let symbol = |(raw, id): (&str, &str)| {
        let end_date = day.next_day().expect("a date");
        let interval = MappingInterval { start_date: day, end_date, symbol: id.to_owned() };
        SymbolMapping { raw_symbol: raw.to_owned(), intervals: vec![interval] }
    };
    if schema.is_some() {
        head.mappings = [("ESH4", "1"), ("ESH4-ESM4", "2"), ("GCG4", "3")].map(symbol).to_vec();
    }
    head
}

fn trade(instrument_id: u32, after_ns: u64, price: i64) -> TradeMsg {
    TradeMsg {
        hd: RecordHeader::new::<TradeMsg>(rtype::MBP_0, 1, instrument_id, START + after_ns),
        price,
        size: 2,
        action: b'T' as _,
        ts_recv: START + after_ns + 1_000,
        ..Default::default()
    }
}

fn order(action: u8, side: u8, id: u64, price: i64, size: u32, last: bool) -> MboMsg {
    MboMsg {
        hd: RecordHeader::new::<MboMsg>(rtype::MBO, 1, 1, START + 5),
        order_id: id,
        price,
        size,
        flags: FlagSet::new(if last { flags::LAST } else { 0 }),
        action: action as _,
        side: side as _,
        ts_recv: START + 1_000,
        ..Default::default()
    }
}

const POINT: i64 = 1_000_000_000;

#[test]
fn instruments_of_one_dbn_file_are_told_apart_and_bad_prices_counted() {
    let folder = folder();
    let mut bytes = Vec::new();
    let mut encoder = DbnEncoder::new(&mut bytes, &dbn_head(Some(Schema::Trades))).expect("a head");
    for record in [
        trade(1, 10, 4_800 * POINT),
        trade(2, 20, 60 * POINT),
        trade(3, 30, 2_070_100_000_000),
        trade(1, 40, UNDEF_PRICE),
        trade(1, 50, 4_800 * POINT + 1),
        trade(1, 60, 4_801 * POINT),
    ] {
        encoder.encode_record(&record).expect("a record");
    }
    let opened = open_all(&[write(&folder, "several.dbn", &bytes)]);
    let (es, gold) = (named(&opened.instruments, "ESH4").clone(), named(&opened.instruments, "GCG4").clone());
    let skipped = opened.skipped.clone();
    let events = read(opened);
    let seen: Vec<(SymbolId, i32)> = trades(&events).map(|(symbol, trade)| (symbol, trade.price.0)).collect();
    assert_eq!(seen, [(es.id, 19_200), (gold.id, 20_701), (es.id, 19_204)]);
    let expected = crate::Counts { other_contracts: 1, undefined_trades: 1, off_grid_trades: 1, ..Default::default() };
    assert_eq!(skipped.counts(), expected);
}

#[test]
fn order_book_messages_make_one_trade_and_a_quote_after_the_event() {
    let folder = folder();
    let mut bytes = Vec::new();
    let mut encoder = DbnEncoder::new(&mut bytes, &dbn_head(Some(Schema::Mbo))).expect("a head");
    let (low, high) = (4_800 * POINT, 4_801 * POINT);
    for record in [
        order(b'R', b'N', 0, UNDEF_PRICE, 0, false),
        order(b'A', b'B', 1, low, 5, false),
        order(b'A', b'A', 2, high, 3, true),
        order(b'A', b'B', 3, 85 * POINT, 9, true),
        order(b'T', b'B', 0, high, 3, false),
        order(b'F', b'A', 2, high, 3, false),
        order(b'C', b'A', 2, high, 3, true),
        order(b'C', b'A', 99, high, 3, true),
        order(b'A', b'A', 4, low, 1, true),
    ] {
        encoder.encode_record(&record).expect("a record");
    }
    let opened = open_all(&[write(&folder, "book.dbn", &bytes)]);
    let skipped = opened.skipped.clone();
    let events = read(opened);
    let ts = Timestamp::from_nanos((START + 5) as i64);
    let quote = |ask, ask_size| MarketEvent::Quote(Quote { ts, bid: Some(Price(19_200)), ask, bid_size: 5, ask_size });
    let expected = [
        quote(Some(Price(19_204)), 3),
        MarketEvent::Trade(Trade { ts, price: Price(19_204), size: 3 }),
        quote(None, 0),
    ];
    assert_eq!(events.iter().map(|event| event.event).collect::<Vec<_>>(), expected);
    assert_eq!((skipped.counts().unknown_orders, skipped.counts().crossed_quotes), (1, 1));
}

#[test]
fn a_recorded_live_session_names_its_instruments_by_records() {
    let folder = folder();
    let mut bytes = Vec::new();
    let mut encoder = DbnEncoder::new(&mut bytes, &dbn_head(None)).expect("a head");
    let mapping =
        SymbolMappingMsg::new(1, START, SType::RawSymbol, "ESH4", SType::RawSymbol, "ESH4", START, START + DAY)
            .expect("a mapping");
    encoder.encode_record(&mapping).expect("a record");
    encoder.encode_record(&trade(1, 10, 4_800 * POINT)).expect("a record");
    let opened = open_all(&[write(&folder, "live.dbn", &bytes)]);
    assert_eq!(opened.instruments[0].name, "ESH4");
    let skipped = opened.skipped.clone();
    assert_eq!(read(opened).len(), 1);
    assert_eq!(skipped.counts().other_records, 1);

    let mut bytes = Vec::new();
    let mut encoder = DbnEncoder::new(&mut bytes, &dbn_head(None)).expect("a head");
    encoder.encode_record(&trade(1, 10, 4_800 * POINT)).expect("a record");
    let text = refused(&write(&folder, "nameless.dbn", &bytes)).to_string();
    assert!(text.contains("found no symbol mappings, expected a symbol for each instrument id"), "{text}");
}
