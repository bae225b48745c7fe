//! Files that are cut, damaged or strange, made in a temporary folder.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use dbn::MboMsg;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::*;
use crate::FeedError;

pub(super) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub(super) fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    path
}

pub(super) fn refused(path: &Path) -> FeedError {
    crate::open(&[path.to_owned()], &[], &Select::All).err().expect("refused")
}

fn lean_zip(folder: &TempDir, name: &str, entries: &[(&str, &str)]) -> PathBuf {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (entry, text) in entries {
        zip.start_file(*entry, SimpleFileOptions::default()).expect("an entry");
        zip.write_all(text.as_bytes()).expect("written");
    }
    write(folder, name, zip.finish().expect("a zip").get_ref())
}

#[test]
fn a_zstd_stream_cut_in_the_middle_is_an_error_at_its_place() {
    let Some(path) = shared("nautilus_trader/tests/test_data/databento/esh4-glbx-mdp3-20231225.mbo.dbn.zst") else {
        return;
    };
    let whole = read(open_all(std::slice::from_ref(&path)));
    let bytes = fs::read(&path).expect("the file");
    let folder = folder();
    let cut = write(&folder, "cut.dbn.zst", &bytes[..bytes.len() / 2]);
    let mut items: Vec<_> = open_all(std::slice::from_ref(&cut)).events.collect();
    let error = items.pop().expect("an item").expect_err("the last item is the error");
    let FeedError::Truncated { path, at, .. } = &error else { panic!("{error}") };
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
                assert!(matches!(last, Some(Err(FeedError::Truncated { .. }))), "{length}: {last:?}");
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
        assert!(head || matches!(error, FeedError::Truncated { .. }), "{length}: {error}");
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
    assert_eq!(read(open_all(std::slice::from_ref(&whole))).len(), 2);
    let bytes = fs::read(whole).expect("the file");
    for length in 4..bytes.len() {
        let error = refused(&write(&folder, "cut", &bytes[..length]));
        assert!(matches!(error, FeedError::Truncated { .. }), "{length}: {error}");
    }
}

#[test]
fn a_flipped_bit_inside_a_zip_is_damage_not_data() {
    let folder = folder();
    let text: String = (0..2_000).map(|ms| format!("{ms},{}.25,1,usa,,0\n", 1_600 + ms % 97)).collect();
    let whole = lean_zip(&folder, "whole", &[("20131007_es_tick_trade_201312.csv", &text)]);
    let mut bytes = fs::read(whole).expect("the file");
    bytes[400] ^= 0x10;
    let last = open_all(&[write(&folder, "flipped", &bytes)]).events.last();
    assert!(matches!(last, Some(Err(FeedError::Damaged { .. } | FeedError::Truncated { .. }))), "not seen: {last:?}");
}

#[test]
fn what_is_no_market_data_is_told_by_its_first_bytes() {
    let folder = folder();
    let text = refused(&write(&folder, "note.dbn", b"dear reader")).to_string();
    assert!(text.contains("note.dbn: not a known format: found a file that begins with [64, 65, 61, 72]"), "{text}");
    let text = refused(&write(&folder, "empty.zip", b"")).to_string();
    assert!(text.contains("found an empty file"), "{text}");
    let text = refused(&folder.path().join("absent")).to_string();
    assert!(text.contains("absent: cannot be read: No such file"), "{text}");
    let text = crate::open(&[], &[], &Select::All).err().expect("refused").to_string();
    assert!(text.contains("no file is named"), "{text}");
    let newer = refused(&write(&folder, "v9", b"DBN\x09\0\0\0\0")).to_string();
    assert!(newer.ends_with("found DBN version 9, expected DBN version 1, 2 or 3"), "{newer}");
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
        ("60000,1,1,1,1,1.5", "found `1.5` in field 6, expected a number of contracts"),
        ("60000,1,1,1,1,-1", "found `-1` in field 6, expected a number of contracts"),
        ("60000,1,2,1.5,1.5,1", "found open or close outside of low and high, expected low <= open, close <= high"),
        ("86400000,1,1,1,1,1", "found time 86400000, expected milliseconds since midnight, less than 86400000"),
    ] {
        let folder = folder();
        let path = lean_zip(&folder, "bad.zip", &[(entry, &format!("0,1,1,1,1,1\n{row}\n"))]);
        let items: Vec<_> = open_all(&[path]).events.collect();
        assert_eq!(items.len(), 5, "four trades of the sound row, then the error");
        let error = items[4].as_ref().expect_err("the bad row").to_string();
        assert!(error.ends_with(&format!("bad.zip: damaged at {entry} line 2: {complaint}")), "{error}");
    }
}

#[test]
fn bars_of_lean_that_cannot_be_are_named_by_entry_and_line() {
    let entry = "20131007_es_minute_trade_201312.csv";
    for (row, complaint) in [
        ("60000,1,1,0,1,1", "found a price that is not above zero"),
        ("30000,1,1,1,1,1", "found a bar that begins at 2013-10-07T"),
    ] {
        let folder = folder();
        let path = lean_zip(&folder, "bad.zip", &[(entry, &format!("0,1,1,1,1,1\n{row}\n"))]);
        let opened = crate::open_bars(&[path], &[], &Select::All, &crate::BarOptions::default()).expect("a sound head");
        let error = opened.bars.filter_map(Result::err).next().expect("the bad row").to_string();
        assert!(error.contains(&format!("bad.zip: damaged at {entry} line 2: {complaint}")), "{error}");
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
    assert_eq!(trades(&events).map(|(_, trade)| trade.size).collect::<Vec<_>>(), [9, 1, 2, 3, 4]);
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
fn a_side_that_the_file_leaves_empty_is_empty_until_it_appears_and_then_unchanged() {
    let folder = folder();
    let bars = "0,,,,,0,1682.25,1682.5,1682.25,1682.5,39\n\
                60000,1681.5,1681.5,1681.5,1681.5,5,,,,,0\n\
                120000,,,,,0,1682.25,1682.25,1682.25,1682.25,7\n";
    let path = lean_zip(&folder, "sides.zip", &[("20131006_es_minute_quote_201312.csv", bars)]);
    let quote = |event: &FeedEvent| match event.event {
        MarketEvent::Quote(quote) => (quote.bid.map(|p| p.0), quote.bid_size, quote.ask.map(|p| p.0), quote.ask_size),
        MarketEvent::Trade(_) => panic!("a quote file holds quotes"),
    };
    let seen: Vec<_> = read(open_all(&[path])).iter().map(quote).collect();
    let expected = [
        (None, 0, Some(6_729), 39),
        (None, 0, Some(6_730), 39),
        (Some(6_726), 5, Some(6_730), 39),
        (Some(6_726), 5, Some(6_729), 7),
    ];
    assert_eq!(seen, expected, "a quote that says nothing new is not repeated");
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
