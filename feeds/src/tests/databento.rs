//! Real Databento files, against Databento's own bars and another vendor's.

use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use dbn::decode::{DbnDecoder, DbnMetadata, DecodeRecord};
use dbn::{OhlcvMsg, SymbolIndex};
use engine::market::{MarketEvent, Quote};

use super::*;
use crate::FeedError;

const BARS_FOLDER: &str = "nautilus_trader/tests/test_data/databento/historical_bars_catalog/databento";
const ESH4_MBO: &str = "nautilus_trader/tests/test_data/databento/esh4-glbx-mdp3-20231225.mbo.dbn.zst";

fn esu4(kind: &str) -> Option<PathBuf> {
    shared(&format!("{BARS_FOLDER}/futures_{kind}_2024-07-01T23-58_2024-07-02T00-02.dbn.zst"))
}

fn quotes(events: &[FeedEvent]) -> Vec<Quote> {
    let quote = |event: &FeedEvent| match event.event {
        MarketEvent::Quote(quote) => Some(quote),
        MarketEvent::Trade(_) => None,
    };
    events.iter().filter_map(quote).collect()
}

fn assert_never_crossed(quotes: &[Quote]) {
    assert!(quotes.iter().all(|quote| quote.bid.zip(quote.ask).is_none_or(|(bid, ask)| bid < ask)));
}

/// Databento's own one-minute bars of a contract.
fn ohlcv(path: &Path, symbol: &str, instrument: &Instrument) -> BTreeMap<(SymbolId, Timestamp), TestBar> {
    let mut decoder = DbnDecoder::from_zstd_file(path).expect("a DBN file");
    let symbols = decoder.metadata().symbol_map().expect("symbols");
    let price = |nanos: i64| instrument.price_from_decimal(rust_decimal::Decimal::new(nanos, 9)).expect("on the grid");
    let mut bars = BTreeMap::new();
    while let Some(bar) = decoder.decode_record::<OhlcvMsg>().expect("a bar") {
        if symbols.get_for_rec(bar).is_some_and(|name| name == symbol) {
            let begin = Timestamp::from_nanos(i64::try_from(bar.hd.ts_event).expect("in range"));
            let (open, high, low, close) = (price(bar.open), price(bar.high), price(bar.low), price(bar.close));
            bars.insert((instrument.id, begin), TestBar { open, high, low, close, volume: bar.volume });
        }
    }
    bars
}

#[test]
fn esu4_trades_fold_into_databentos_own_bars() {
    let Some(path) = esu4("trades") else { return };
    let opened = open_all(std::slice::from_ref(&path));
    let instrument = named(&opened.instruments, "ESU4").clone();
    assert_eq!(instrument.expiry.as_deref(), Some("202409"));
    let events = read(opened);
    assert_eq!(trades(&events).count(), 120);
    assert_eq!(trades(&events).map(|(_, trade)| u64::from(trade.size)).sum::<u64>(), 253);

    let bars_path = path.with_file_name("futures_ohlcv-1m_2024-07-01T23-40_2024-07-02T00-10.dbn.zst");
    let theirs = ohlcv(&bars_path, "ESU4", &instrument);
    let ours = fold(&events, 60);
    assert_eq!(ours.len(), 4);
    for (key, bar) in &ours {
        assert_eq!(theirs.get(key), Some(bar), "{}", key.1);
    }
}

#[test]
fn esu4_mbp1_has_the_same_trades_and_quotes_that_never_cross() {
    let (Some(mbp1), Some(trade_file)) = (esu4("mbp-1"), esu4("trades")) else {
        return;
    };
    let opened = open_all(&[mbp1]);
    let skipped = opened.skipped.clone();
    let events = read(opened);
    let from_trades = read(open_all(&[trade_file]));
    assert_eq!(trades(&events).collect::<Vec<_>>(), trades(&from_trades).collect::<Vec<_>>());
    let quotes = quotes(&events);
    assert_eq!(quotes.len(), 2_168);
    assert_never_crossed(&quotes);
    assert_eq!(skipped.counts(), crate::Counts::default());
}

#[test]
fn esh4_order_book_messages_give_trades_and_the_best_bid_and_offer() {
    let Some(path) = shared(ESH4_MBO) else { return };
    let opened = open_all(&[path]);
    assert_eq!(opened.instruments.len(), 1);
    let skipped = opened.skipped.clone();
    let events = read(opened);
    let sizes: Vec<u32> = trades(&events).map(|(_, trade)| trade.size).collect();
    assert_eq!((sizes.len(), sizes.iter().sum::<u32>()), (2_973, 9_892));
    let quotes = quotes(&events);
    assert_never_crossed(&quotes);
    assert_eq!(skipped.counts().unknown_orders, 0, "the snapshot makes the book whole");
    let open = Timestamp::from(chrono::DateTime::parse_from_rfc3339("2023-12-25T23:00:00Z").expect("a time").to_utc());
    let mut touch = None;
    let mut at_touch = 0;
    for event in &events {
        match event.event {
            MarketEvent::Quote(quote) => touch = Some(quote),
            MarketEvent::Trade(trade) => {
                assert!(trade.ts >= open, "no trade before the reopening");
                at_touch +=
                    u32::from(touch.is_some_and(|q: Quote| q.bid == Some(trade.price) || q.ask == Some(trade.price)));
            }
        }
    }
    assert!(at_touch > 2_500, "{at_touch}");
}

#[test]
fn esh4_trades_fold_into_another_vendors_five_minute_bars() {
    let (Some(path), Some(bars)) = (shared(ESH4_MBO), shared("sierra_es/data/5m/ESH24-CME.scid_BarData__5m.txt.gz"))
    else {
        return;
    };
    let opened = open_all(&[path]);
    let instrument = opened.instruments[0].clone();
    let ours = fold(&read(opened), 300);
    let text = gunzip(&bars);
    let theirs: BTreeMap<(SymbolId, Timestamp), TestBar> =
        text.lines().skip(1).filter_map(|line| sierra_bar(line, &instrument)).collect();
    let same = ours.iter().filter(|(key, bar)| theirs.get(key) == Some(bar)).count();
    assert_eq!((ours.len(), same), (12, 12));
}

fn sierra_bar(line: &str, instrument: &Instrument) -> Option<((SymbolId, Timestamp), TestBar)> {
    let field: Vec<&str> = line.split(',').map(str::trim).collect();
    let date = NaiveDate::parse_from_str(field[0], "%Y/%m/%d").expect("a date");
    if date != NaiveDate::from_ymd_opt(2023, 12, 25).expect("a date") {
        return None;
    }
    let time: NaiveTime = field[1].parse().expect("a time");
    // Chicago winter time.
    let begin = NaiveDateTime::new(date, time).and_utc() + chrono::TimeDelta::hours(6);
    let price =
        |index: usize| instrument.price_from_decimal(field[index].parse().expect("a price")).expect("on the grid");
    let (open, high, low, close) = (price(2), price(3), price(4), price(5));
    let volume = field[6].parse().expect("a volume");
    Some(((instrument.id, begin.into()), TestBar { open, high, low, close, volume }))
}

#[test]
fn a_snapshot_without_trades_is_a_book() {
    let Some(path) = shared("nautilus_trader/tests/test_data/databento/esh4-glbx-mdp3-20231224.mbo.dbn.zst") else {
        return;
    };
    let opened = open_all(&[path]);
    let events = read(opened);
    let quotes = quotes(&events);
    assert_eq!((events.len(), quotes.len()), (1, 1));
    assert_eq!((quotes[0].bid, quotes[0].ask), (Some(Price(19_196)), Some(Price(19_198))));
}

#[test]
fn conformance_samples_of_all_versions_decode() {
    for schema in ["trades", "mbp-1", "mbo"] {
        for suffix in ["dbn", "v1.dbn.zst", "v2.dbn.zst", "v3.dbn.zst"] {
            let Some(path) = shared(&format!("databento_dbn/test_data.{schema}.{suffix}")) else {
                return;
            };
            let opened = open_all(&[path]);
            assert_eq!(opened.instruments[0].name, "ESH1", "{schema} {suffix}");
            assert_eq!(opened.instruments[0].expiry.as_deref(), Some("202103"));
            let skipped = opened.skipped.clone();
            let events = read(opened);
            // The two orders of the samples change a book that the samples do not show.
            assert_eq!(skipped.counts().unknown_orders, if schema == "mbo" { 2 } else { 0 });
            assert_eq!(events.len(), if schema == "mbo" { 0 } else { 2 }, "{schema} {suffix}: {events:?}");
        }
    }
}

#[test]
fn other_schemas_are_refused_by_name() {
    for schema in ["ohlcv-1m", "status", "statistics", "mbp-10"] {
        let Some(path) = shared(&format!("databento_dbn/test_data.{schema}.v3.dbn.zst")) else {
            return;
        };
        let error = crate::open(&[path], &[], &Select::All).err().expect("refused");
        let FeedError::UnknownSchema { found, .. } = error else { panic!("{error}") };
        assert_eq!(found, format!("schema {schema}"));
    }
}

#[test]
fn the_same_trades_in_two_schemas_are_refused() {
    let (Some(mbp1), Some(trade_file)) = (esu4("mbp-1"), esu4("trades")) else {
        return;
    };
    let error = crate::open(&[mbp1, trade_file], &[], &Select::All).err().expect("refused");
    let FeedError::Overlap { what, .. } = &error else { panic!("{error}") };
    assert_eq!(what, "trades of ESU4 at 2024-07-01T23:58:00Z");
}

#[test]
fn days_of_one_contract_follow_each_other_whatever_order_they_are_named_in() {
    let name =
        |day: u32| shared(&format!("nautilus_trader/tests/test_data/databento/esh4-glbx-mdp3-202312{day}.mbo.dbn.zst"));
    let (Some(first), Some(second)) = (name(24), name(25)) else {
        return;
    };
    let opened = open_all(&[second.clone(), first.clone()]);
    assert_eq!(opened.instruments.len(), 1);
    let both = read(opened);
    let mut one_by_one = read(open_all(&[first]));
    one_by_one.extend(read(open_all(&[second])));
    assert_eq!(both, one_by_one);
}
