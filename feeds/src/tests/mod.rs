//! Tests on files: real ones of the shared data folder, and damaged or hand-made ones in a temporary folder.

mod bars;
mod databento;
mod definitions;
mod faults;
mod lean;
mod made;
mod parquet_files;
mod recorded;
mod settlement;
mod synthetic;

use std::collections::BTreeMap;
use std::path::PathBuf;

use engine::market::{FeedEvent, Instrument, MarketEvent, Price, SymbolId, Trade};
use engine::time::Timestamp;

use crate::{Opened, Select};

/// A path of the shared data folder; `None`, said aloud, where that folder is missing.
pub(super) fn shared(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !folder.is_dir() {
        println!("skipped: ../shared/data is not there");
        return None;
    }
    Some(folder.join(name))
}

pub(super) fn gunzip(path: &std::path::Path) -> String {
    let file = std::fs::File::open(path).expect("the data folder is complete");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut text).expect("gzipped text");
    text
}

pub(super) fn open_all(paths: &[PathBuf]) -> Opened {
    crate::open(paths, &[], &Select::All).unwrap_or_else(|error| panic!("{error}"))
}

/// All events of a stream that is expected to be sound.
pub(super) fn read(opened: Opened) -> Vec<FeedEvent> {
    opened.events.map(|item| item.unwrap_or_else(|error| panic!("{error}"))).collect()
}

pub(super) fn trades(events: &[FeedEvent]) -> impl Iterator<Item = (SymbolId, Trade)> {
    events.iter().filter_map(|event| match event.event {
        MarketEvent::Trade(trade) => Some((event.symbol, trade)),
        MarketEvent::Quote(_) => None,
    })
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TestBar {
    pub(super) open: Price,
    pub(super) high: Price,
    pub(super) low: Price,
    pub(super) close: Price,
    pub(super) volume: u64,
}

/// Trades folded into bars of `seconds`, by symbol and begin. Written for these tests only.
pub(super) fn fold(events: &[FeedEvent], seconds: i64) -> BTreeMap<(SymbolId, Timestamp), TestBar> {
    let mut bars = BTreeMap::new();
    for (symbol, Trade { ts, price, size }) in trades(events) {
        let begin = Timestamp::from_secs(ts.secs().div_euclid(seconds) * seconds);
        let bar = bars.entry((symbol, begin)).or_insert(TestBar {
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0,
        });
        bar.high = bar.high.max(price);
        bar.low = bar.low.min(price);
        bar.close = price;
        bar.volume += u64::from(size);
    }
    bars
}

pub(super) fn named<'a>(instruments: &'a [Instrument], name: &str) -> &'a Instrument {
    instruments.iter().find(|instrument| instrument.name == name).expect("the contract is in the files")
}
