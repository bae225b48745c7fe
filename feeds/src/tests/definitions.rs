//! Databento's definitions: real ones beside real bars and trades, and made ones of every version that contradict.

use std::num::NonZeroU64;

use dbn::encode::{DbnEncoder, EncodeRecord};
use dbn::{InstrumentClass, Metadata, OhlcvMsg, Record, RecordHeader, SType, Schema, UNDEF_PRICE, rtype, v1, v2, v3};
use engine::bar_market::BarEvent;
use rust_decimal::Decimal;
use tempfile::TempDir;

use super::faults::{folder, write};
use super::*;
use crate::{BarOptions, FeedError, OpenedBars, open_bars};

/// 2024-01-02T00:00:00Z.
const START: u64 = 1_704_153_600_000_000_000;
const MINUTE: u64 = 60_000_000_000;
const POINT: i64 = 1_000_000_000;
/// 2024-03-15T13:30:00Z.
const MARCH: u64 = 1_710_509_400_000_000_000;

fn head(version: u8, schema: Schema) -> Metadata {
    Metadata::builder()
        .version(version)
        .dataset("GLBX.MDP3".to_owned())
        .schema(Some(schema))
        .start(START)
        .end(NonZeroU64::new(START + 1_440 * MINUTE))
        .stype_in(Some(SType::RawSymbol))
        .stype_out(SType::InstrumentId)
        .build()
}

/// What a made definition says.
#[derive(Clone)]
struct Said {
    id: u32,
    symbol: &'static str,
    class: InstrumentClass,
    tick: i64,
    units: i64,
    /// Of a displayed tick.
    amount: i64,
    month: u8,
    after: u64,
}

const ES: Said = Said {
    id: 7,
    symbol: "ESH4",
    class: InstrumentClass::Future,
    tick: POINT / 4,
    units: 50 * POINT,
    amount: POINT / 8,
    month: 3,
    after: 0,
};

macro_rules! record {
    ($version:ident, $said:expr) => {{
        let said = $said;
        let mut record = $version::InstrumentDefMsg::default();
        record.hd = RecordHeader::new::<$version::InstrumentDefMsg>(rtype::INSTRUMENT_DEF, 1, said.id, START);
        for (place, byte) in said.symbol.bytes().enumerate() {
            record.raw_symbol[place] = byte as _;
        }
        for (place, byte) in "USD".bytes().enumerate() {
            record.currency[place] = byte as _;
        }
        record.ts_recv = START + said.after;
        record.instrument_class = said.class as u8 as _;
        record.min_price_increment = said.tick;
        record.unit_of_measure_qty = said.units;
        record.min_price_increment_amount = said.amount;
        record.display_factor = POINT / 100;
        record.expiration = MARCH;
        record.maturity_year = 2024;
        record.maturity_month = said.month;
        record
    }};
}

/// A file of definitions of that version of DBN.
fn definitions(folder: &TempDir, version: u8, said: &[Said]) -> PathBuf {
    let mut bytes = Vec::new();
    let mut encoder = DbnEncoder::new(&mut bytes, &head(version, Schema::Definition)).expect("a head");
    for said in said {
        let written = match version {
            1 => encoder.encode_record(&record!(v1, said)),
            2 => encoder.encode_record(&record!(v2, said)),
            _ => encoder.encode_record(&record!(v3, said)),
        };
        written.expect("a record");
    }
    write(folder, "es.definition.dbn", &bytes)
}

/// Minutes of instrument 7, in a file that does not say what that is.
fn nameless(folder: &TempDir) -> PathBuf {
    let mut bytes = Vec::new();
    let mut encoder = DbnEncoder::new(&mut bytes, &head(3, Schema::Ohlcv1M)).expect("a head");
    for minute in 0..3 {
        let [open, high, low, close] = [4_800, 4_802, 4_799, 4_801].map(|points| points * POINT);
        let hd = RecordHeader::new::<OhlcvMsg>(rtype::OHLCV_1M, 1, 7, START + minute * MINUTE);
        encoder.encode_record(&OhlcvMsg { hd, open, high, low, close, volume: 5 }).expect("a record");
    }
    write(folder, "es.ohlcv-1m.dbn", &bytes)
}

#[test]
fn bars_of_databento_that_cannot_be_are_told() {
    let dir = folder();
    let told = |second: [i64; 4], at: u64| {
        let mut bytes = Vec::new();
        let mut encoder = DbnEncoder::new(&mut bytes, &head(3, Schema::Ohlcv1M)).expect("a head");
        for ([open, high, low, close], at) in [([4_800, 4_802, 4_799, 4_801], 0), (second, at)] {
            let [open, high, low, close] = [open, high, low, close].map(|points| points * POINT);
            let hd = RecordHeader::new::<OhlcvMsg>(rtype::OHLCV_1M, 1, 7, START + at);
            encoder.encode_record(&OhlcvMsg { hd, open, high, low, close, volume: 5 }).expect("a record");
        }
        let paths = [write(&dir, "es.ohlcv-1m.dbn", &bytes), definitions(&dir, 3, &[ES])];
        let bars = opened(&paths, &[]).expect("a sound head").bars;
        bars.filter_map(Result::err).next().map_or_else(String::new, |error| error.to_string())
    };
    let good = [4_800, 4_802, 4_799, 4_801];
    assert_eq!(told(good, MINUTE), "");
    assert!(told([4_800, 4_800, 4_799, 4_801], MINUTE).contains("open or close outside of low and high"));
    assert!(told([4_800, 4_802, 0, 4_801], MINUTE).contains("a price that is not above zero"));
    let overlapping = told(good, MINUTE / 2);
    assert!(
        overlapping.contains("es.ohlcv-1m.dbn") && overlapping.contains("found a bar that begins"),
        "{overlapping}"
    );
}

fn opened(paths: &[PathBuf], known: &[Instrument]) -> Result<OpenedBars, FeedError> {
    open_bars(paths, known, &Select::All, &BarOptions::default())
}

#[track_caller]
fn refused(paths: &[PathBuf], known: &[Instrument], expected: &str) {
    let text = opened(paths, known).err().map_or_else(|| "nothing".to_owned(), |error| error.to_string());
    assert!(text.contains(expected), "{text}\nis not {expected}");
}

#[test]
fn real_definitions_give_bars_and_trades_the_day_on_which_they_expire() {
    let Some(folder) = shared("nautilus_trader/tests/test_data/databento/historical_bars_catalog/databento") else {
        return;
    };
    let definition = folder.join("futures_definition.dbn.zst");
    let minutes = folder.join("futures_ohlcv-1m_2024-07-01T23-40_2024-07-02T00-10.dbn.zst");
    let told = opened(&[definition.clone(), minutes], &[]).unwrap_or_else(|error| panic!("{error}"));
    let days: Vec<(&str, Option<&str>)> =
        told.instruments.iter().map(|i| (i.name.as_str(), i.expiry.as_deref())).collect();
    assert_eq!(days, [("ESU4", Some("20240920")), ("NQU4", Some("20240920"))]);
    let multipliers: Vec<Decimal> = told.described.iter().map(|d| d.instrument.multiplier).collect();
    assert_eq!(multipliers, [Decimal::from(50), Decimal::from(20)], "as Databento says");
    assert_eq!(told.bars.count(), 60);
    let trades = folder.join("futures_trades_2024-07-01T23-58_2024-07-02T00-02.dbn.zst");
    let ticks = open_all(&[trades, definition]);
    assert_eq!(ticks.instruments[0].expiry.as_deref(), Some("20240920"));
    assert_eq!(read(ticks).len(), 120);
}

#[test]
fn every_version_names_what_a_file_does_not() {
    let dir = folder();
    let bars = nameless(&dir);
    refused(std::slice::from_ref(&bars), &[], "a symbol for each instrument id, here or in a file of definitions");
    for version in [1, 2, 3] {
        let spread = Said { id: 8, symbol: "ESH4-ESM4", class: InstrumentClass::FutureSpread, ..ES };
        let option = Said { id: 9, symbol: "ESH4 C5000", class: InstrumentClass::Call, ..ES };
        let told = definitions(&dir, version, &[spread, ES, option, Said { after: MINUTE, ..ES }]);
        let found = opened(&[told, bars.clone()], &[]).unwrap_or_else(|error| panic!("version {version}: {error}"));
        let names: Vec<(&str, Option<&str>)> =
            found.instruments.iter().map(|i| (i.name.as_str(), i.expiry.as_deref())).collect();
        assert_eq!(names, [("ESH4", Some("20240315"))], "version {version}");
        let closes: Vec<Price> = found
            .bars
            .map(|bar| match bar {
                Ok(BarEvent::Trades(bar)) => bar.close,
                other => panic!("version {version}: {other:?}"),
            })
            .collect();
        assert_eq!(closes, [Price(19_204); 3], "version {version}");
    }
}

#[test]
fn an_id_that_changes_hands_is_followed() {
    let dir = folder();
    let june = Said { symbol: "NQH4", units: 20 * POINT, amount: POINT / 20, after: 2 * MINUTE, ..ES };
    let told = definitions(&dir, 3, &[ES, june]);
    let found = opened(&[told, nameless(&dir)], &[]).expect("both are known");
    let names: Vec<&str> = found.instruments.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["ESH4", "NQH4"]);
    let symbols: Vec<SymbolId> = found.bars.map(|bar| bar.expect("sound").symbol()).collect();
    assert_eq!(symbols, [SymbolId(0), SymbolId(0), SymbolId(1)]);
}

#[test]
fn definitions_that_contradict_are_refused() {
    let dir = folder();
    let bars = nameless(&dir);
    let told = |said: &[Said]| vec![definitions(&dir, 3, said), bars.clone()];
    let half = Said { tick: POINT / 2, amount: POINT / 4, ..ES };
    refused(&told(std::slice::from_ref(&half)), &[], "definition.dbn says 0.5, and the built-in table says 0.25");
    let micro = Said { units: 5 * POINT, amount: POINT / 80, ..ES };
    refused(&told(&[micro]), &[], "multiplier of ESH4: ");
    refused(&told(&[ES, Said { after: MINUTE, ..half }]), &[], "tick size of ESH4: ");
    refused(&told(&[Said { month: 6, ..ES }]), &[], "found ESH4 that is of 2024-6");
    let built_in = opened(&told(&[ES]), &[]).expect("sound").instruments.remove(0);
    let known = |expiry: &str, multiplier: i64| {
        [Instrument { expiry: Some(expiry.to_owned()), multiplier: multiplier.into(), ..built_in.clone() }]
    };
    refused(&told(&[ES]), &known("202403", 5), "definition.dbn says 50, and the configuration says 5");
    refused(&told(&[ES]), &known("20240314", 50), "expiry of ESH4: ");
    let agreed = opened(&told(&[ES]), &known("202403", 50)).expect("the same contract");
    assert_eq!(agreed.instruments[0].expiry.as_deref(), Some("20240315"));
    // Cents for bushels: the units are not what a point is worth, so they are not held against it.
    let unclear = Said { amount: POINT, ..ES };
    assert!(opened(&told(&[unclear]), &[]).is_ok());
    assert!(opened(&told(&[Said { tick: UNDEF_PRICE, ..ES }]), &[]).is_ok());
    refused(&[definitions(&dir, 3, &[ES])], &[], "definitions only");
}

#[test]
fn names_of_a_file_are_held_against_definitions() {
    let Some(folder) = shared("nautilus_trader/tests/test_data/databento") else { return };
    let dir = self::folder();
    let minutes =
        folder.join("historical_bars_catalog/databento/futures_ohlcv-1m_2024-07-01T23-40_2024-07-02T00-10.dbn.zst");
    // 118 is ESU4 there.
    let other = definitions(&dir, 3, &[Said { id: 118, ..ES }]);
    let text = opened(&[other, minutes.clone()], &[]).err().expect("refused").to_string();
    assert!(text.starts_with("instrument id 118 of GLBX.MDP3: "), "{text}");
    assert!(text.ends_with("says ESU4, and the definitions say ESH4"), "{text}");
    assert!(opened(&[definitions(&dir, 3, &[ES]), minutes], &[]).is_ok(), "of other contracts");
}

#[test]
fn a_record_is_as_long_as_its_version_has_it() {
    let sizes = [record!(v1, &ES).record_size(), record!(v2, &ES).record_size(), record!(v3, &ES).record_size()];
    assert_eq!(sizes, [360, 400, 520], "by which they are told apart");
}
