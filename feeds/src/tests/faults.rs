//! Files that are cut, damaged or strange, made in a temporary folder.

use std::fs;
use std::io::{Cursor, Write};
use std::num::NonZeroU64;
use std::path::Path;

use dbn::encode::{DbnEncoder, EncodeRecord};
use dbn::{
    FlagSet, MappingInterval, MboMsg, Metadata, RecordHeader, SType, Schema, SymbolMapping, SymbolMappingMsg, TradeMsg,
    UNDEF_PRICE, flags, rtype,
};
use engine::market::Quote;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::*;
use crate::FeedError;

const DAY: u64 = 86_400_000_000_000;
/// 2024-01-02T00:00:00Z.
const START: u64 = 1_704_153_600_000_000_000;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    path
}

fn refused(path: &Path) -> FeedError {
    crate::open(&[path.to_owned()], &[], &Select::All)
        .err()
        .expect("refused")
}

fn lean_zip(folder: &TempDir, name: &str, entries: &[(&str, &str)]) -> PathBuf {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (entry, text) in entries {
        zip.start_file(*entry, SimpleFileOptions::default()).expect("an entry");
        zip.write_all(text.as_bytes()).expect("written");
    }
    write(folder, name, zip.finish().expect("a zip").get_ref())
}

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
        let interval = MappingInterval {
            start_date: day,
            end_date,
            symbol: id.to_owned(),
        };
        SymbolMapping {
            raw_symbol: raw.to_owned(),
            intervals: vec![interval],
        }
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
fn a_zstd_stream_cut_in_the_middle_is_an_error_at_its_place() {
    let Some(path) = shared("nautilus_trader/tests/test_data/databento/esh4-glbx-mdp3-20231225.mbo.dbn.zst") else {
        return;
    };
    let whole = read(open_all(&[path.clone()]));
    let bytes = fs::read(&path).expect("the file");
    let folder = folder();
    let cut = write(&folder, "cut.dbn.zst", &bytes[..bytes.len() / 2]);
    let mut items: Vec<_> = open_all(&[cut.clone()]).events.collect();
    let error = items.pop().expect("an item").expect_err("the last item is the error");
    let FeedError::Truncated { path, at, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*path, cut);
    assert!(at.starts_with("record "), "{at}");
    let sound: Vec<FeedEvent> = items.into_iter().map(|item| item.expect("sound until then")).collect();
    assert!(!sound.is_empty() && sound.len() < whole.len());
    assert_eq!(sound, whole[..sound.len()]);
}

#[test]
fn every_cut_of_a_small_compressed_file_is_noticed() {
    let Some(path) = shared("databento_dbn/test_data.trades.v3.dbn.zst") else {
        return;
    };
    let bytes = fs::read(path).expect("the file");
    let folder = folder();
    for length in 0..bytes.len() {
        let cut = write(&folder, "cut", &bytes[..length]);
        match crate::open(&[cut], &[], &Select::All) {
            Err(FeedError::Truncated { .. } | FeedError::UnknownFormat { .. }) => {}
            Err(error) => panic!("{length}: {error}"),
            Ok(opened) => {
                let last = opened.events.last();
                assert!(
                    matches!(last, Some(Err(FeedError::Truncated { .. }))),
                    "{length}: {last:?}"
                );
            }
        }
    }
}

#[test]
fn a_plain_file_cut_anywhere_is_refused_before_the_first_event() {
    let Some(path) = shared("databento_dbn/test_data.mbo.v3.dbn") else {
        return;
    };
    let bytes = fs::read(path).expect("the file");
    let folder = folder();
    let record = size_of::<MboMsg>();
    for length in 1..bytes.len() {
        // At a record's end the file is a shorter whole file.
        if (bytes.len() - length).is_multiple_of(record) {
            continue;
        }
        let error = refused(&write(&folder, "cut", &bytes[..length]));
        let head = length < 3 && matches!(error, FeedError::UnknownFormat { .. });
        assert!(
            head || matches!(error, FeedError::Truncated { .. }),
            "{length}: {error}"
        );
    }
    let error = refused(&write(&folder, "cut", &bytes[..bytes.len() - 1])).to_string();
    assert!(
        error.ends_with("cut off at record 2: 55 bytes of a record of 56, expected whole records up to the end"),
        "{error}"
    );
}

#[test]
fn a_zip_cut_anywhere_is_refused_before_the_first_event() {
    let folder = folder();
    let entry = "20131007_es_tick_trade_201312.csv";
    let whole = lean_zip(&folder, "whole", &[(entry, "1,1676.5,1,usa,,0\n2,1676.75,3,usa,,0\n")]);
    assert_eq!(read(open_all(&[whole.clone()])).len(), 2);
    let bytes = fs::read(whole).expect("the file");
    for length in 4..bytes.len() {
        let error = refused(&write(&folder, "cut", &bytes[..length]));
        assert!(matches!(error, FeedError::Truncated { .. }), "{length}: {error}");
    }
}

#[test]
fn a_flipped_bit_inside_a_zip_is_damage_not_data() {
    let folder = folder();
    let text: String = (0..2_000)
        .map(|ms| format!("{ms},{}.25,1,usa,,0\n", 1_600 + ms % 97))
        .collect();
    let whole = lean_zip(&folder, "whole", &[("20131007_es_tick_trade_201312.csv", &text)]);
    let mut bytes = fs::read(whole).expect("the file");
    bytes[400] ^= 0x10;
    let last = open_all(&[write(&folder, "flipped", &bytes)]).events.last();
    assert!(
        matches!(last, Some(Err(FeedError::Damaged { .. } | FeedError::Truncated { .. }))),
        "not seen: {last:?}"
    );
}

#[test]
fn what_is_no_market_data_is_told_by_its_first_bytes() {
    let folder = folder();
    let text = refused(&write(&folder, "note.dbn", b"dear reader")).to_string();
    assert!(
        text.contains("note.dbn: not a known format: found a file that begins with [64, 65, 61, 72]"),
        "{text}"
    );
    let text = refused(&write(&folder, "empty.zip", b"")).to_string();
    assert!(text.contains("found an empty file"), "{text}");
    let text = refused(&folder.path().join("absent")).to_string();
    assert!(text.contains("absent: cannot be read: No such file"), "{text}");
    let text = crate::open(&[], &[], &Select::All).err().expect("refused").to_string();
    assert!(text.contains("no file is named"), "{text}");
    let newer = refused(&write(&folder, "v9", b"DBN\x09\0\0\0\0")).to_string();
    assert!(
        newer.ends_with("found DBN version 9, expected DBN version 1, 2 or 3"),
        "{newer}"
    );
}

#[test]
fn headerless_and_legacy_databento_files_are_refused() {
    for name in ["definition.dbn.frag.zst", "trades.dbz", "definition.v1.dbn.frag"] {
        let Some(path) = shared(&format!("databento_dbn/test_data.{name}")) else {
            return;
        };
        let error = refused(&path);
        assert!(matches!(error, FeedError::UnknownFormat { .. }), "{name}: {error}");
    }
}

#[test]
fn a_bad_row_is_named_by_entry_and_line() {
    let entry = "20131007_es_minute_trade_201312.csv";
    for (row, complaint) in [
        ("60000,1,1,1,1", "found 5 fields, expected 6 fields"),
        ("60000,x,1,1,1,1", "found `x` in field 2, expected a price"),
        (
            "60000,1,1,1,1,1.5",
            "found `1.5` in field 6, expected a number of contracts",
        ),
        (
            "60000,1,1,1,1,-1",
            "found `-1` in field 6, expected a number of contracts",
        ),
        (
            "60000,1,2,1.5,1.5,1",
            "found open or close outside of low and high, expected low <= open, close <= high",
        ),
        (
            "86400000,1,1,1,1,1",
            "found time 86400000, expected milliseconds since midnight, less than 86400000",
        ),
    ] {
        let folder = folder();
        let path = lean_zip(&folder, "bad.zip", &[(entry, &format!("0,1,1,1,1,1\n{row}\n"))]);
        let items: Vec<_> = open_all(&[path]).events.collect();
        assert_eq!(items.len(), 5, "four trades of the sound row, then the error");
        let error = items[4].as_ref().expect_err("the bad row").to_string();
        assert!(
            error.ends_with(&format!("bad.zip: damaged at {entry} line 2: {complaint}")),
            "{error}"
        );
    }
}

#[test]
fn stamps_that_step_back_keep_the_order_of_the_file() {
    let folder = folder();
    let ticks = "500,1676.5,1,usa,,0\n300,1676.75,2,usa,,0\n300,1677,3,usa,,0\n600,1676.25,4,usa,,0\n";
    let other = "400,1680,9,usa,,0\n";
    let names = ["20131007_es_tick_trade_201312.csv", "20131007_es_tick_trade_201403.csv"];
    let path = lean_zip(&folder, "back.zip", &[(names[0], ticks), (names[1], other)]);
    let events = read(open_all(&[path]));
    assert_eq!(
        trades(&events).map(|(_, trade)| trade.size).collect::<Vec<_>>(),
        [9, 1, 2, 3, 4]
    );
    assert_eq!(
        trades(&events).nth(2).map(|(_, trade)| trade.ts.millis() % 1_000),
        Some(300),
        "stamps stay as they are"
    );
}

#[test]
fn off_grid_and_suspicious_ticks_are_counted() {
    let folder = folder();
    let ticks = "1,1676.5,1,usa,,0\n2,1676.6,1,usa,,0\n3,1676.75,0,usa,,1\n";
    let path = lean_zip(&folder, "grid.zip", &[("20131007_es_tick_trade_201312.csv", ticks)]);
    let opened = open_all(&[path]);
    let skipped = opened.skipped.clone();
    assert_eq!(read(opened).len(), 2, "zero sizes and suspicious ticks are passed on");
    let counts = skipped.counts();
    assert_eq!((counts.off_grid_trades, counts.suspicious_kept), (1, 1));
}

#[test]
fn an_unknown_root_is_an_error_only_if_it_is_selected() {
    let folder = folder();
    let row = "1,100,1,usa,,0\n";
    let names = ["20131007_zz_tick_trade_201312.csv", "20131007_es_tick_trade_201312.csv"];
    let path = lean_zip(&folder, "roots.zip", &[(names[0], row), (names[1], row)]);
    assert!(matches!(refused(&path), FeedError::UnknownRoot { root, .. } if root == "ZZ"));
    let select = Select::Named(vec!["ESZ3".to_owned()]);
    let opened = crate::open(&[path], &[], &select).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read(opened).len(), 1);
}

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
    let (es, gold) = (
        named(&opened.instruments, "ESH4").clone(),
        named(&opened.instruments, "GCG4").clone(),
    );
    let skipped = opened.skipped.clone();
    let events = read(opened);
    let seen: Vec<(SymbolId, i32)> = trades(&events).map(|(symbol, trade)| (symbol, trade.price.0)).collect();
    assert_eq!(seen, [(es.id, 19_200), (gold.id, 20_701), (es.id, 19_204)]);
    let expected = crate::Counts {
        other_contracts: 1,
        undefined_trades: 1,
        off_grid_trades: 1,
        ..Default::default()
    };
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
    let quote = |ask, ask_size| {
        MarketEvent::Quote(Quote {
            ts,
            bid: Some(Price(19_200)),
            ask,
            bid_size: 5,
            ask_size,
        })
    };
    let expected = [
        quote(Some(Price(19_204)), 3),
        MarketEvent::Trade(Trade {
            ts,
            price: Price(19_204),
            size: 3,
        }),
        quote(None, 0),
    ];
    assert_eq!(events.iter().map(|event| event.event).collect::<Vec<_>>(), expected);
    assert_eq!(
        (skipped.counts().unknown_orders, skipped.counts().crossed_quotes),
        (1, 1)
    );
}

#[test]
fn a_recorded_live_session_names_its_instruments_by_records() {
    let folder = folder();
    let mut bytes = Vec::new();
    let mut encoder = DbnEncoder::new(&mut bytes, &dbn_head(None)).expect("a head");
    let mapping = SymbolMappingMsg::new(
        1,
        START,
        SType::RawSymbol,
        "ESH4",
        SType::RawSymbol,
        "ESH4",
        START,
        START + DAY,
    )
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
    assert!(
        text.contains("found no symbol mappings, expected a symbol for each instrument id"),
        "{text}"
    );
}
