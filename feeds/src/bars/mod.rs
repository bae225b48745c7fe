//! Files of bars as one stream of bars, in the order in which they end. In: LEAN zips (second to daily), Databento ohlcv,
//! Sierra Chart text, CSV with a column mapping. Out: the instruments found and their `BarEvent`s. Absent: ticks made of
//! bars; nothing is invented between open and close.
//!
//! A bar is read when it is asked for, so memory does not grow with a file's length. A format is one file here and one
//! line in [`FORMATS`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use engine::bar_market::BarEvent;
use engine::market::{Instrument, SymbolId};
use engine::time::Timestamp;

use crate::contract::Contract;
use crate::counts::Counters;
use crate::error::FeedError;
use crate::merge::Routes;
use crate::open;
use crate::select::{self, Holds, Select};

mod columns;
mod dbn;
mod lean;
mod merge;
mod sierra;
mod text;

pub use columns::{Columns, Stamp, TimeColumn};

pub(crate) type BarItem = Result<BarEvent, FeedError>;
pub(crate) type BarStream = Box<dyn Iterator<Item = BarItem> + Send>;

/// Bars that can be opened later.
pub(crate) struct BarSource {
    /// No bar ends earlier.
    pub(crate) not_before: Timestamp,
    pub(crate) open: Box<dyn FnOnce() -> Result<BarStream, FeedError> + Send>,
}

/// One file that has been recognised, and whose head has been read.
pub(crate) trait BarFile: Holds {
    fn lanes(&self) -> Vec<Lane>;

    fn sources(&self, routes: &Routes, counters: &Counters) -> Vec<BarSource>;
}

/// What a file holds of one contract.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Lane {
    pub(crate) contract: Contract,
    /// Bars of trades, or of quotes.
    pub(crate) trades: bool,
    /// Seconds.
    pub(crate) length_s: u32,
}

/// What a file cannot say about itself.
#[derive(Clone, PartialEq, Debug)]
pub struct BarOptions {
    /// Time zone of files that give local times without saying where (Sierra Chart).
    pub zone: Tz,
    /// How other text files are read; `None`: they are refused.
    pub columns: Option<Columns>,
}

impl Default for BarOptions {
    fn default() -> Self {
        Self { zone: chrono_tz::America::Chicago, columns: None }
    }
}

/// What opens a file of one format: `None` if the file is of another.
type Open = fn(&Path, &text::Head, &BarOptions) -> Option<Result<Box<dyn BarFile>, FeedError>>;

/// Asked one after another; the first that recognises a file reads it.
const FORMATS: &[Open] = &[dbn::open, lean::open, sierra::open, columns::open];

const KNOWN: &str = "a Databento DBN file of schema ohlcv, a LEAN zip of bars, Sierra Chart's bar text, or CSV with \
                     [backtest.columns]";

pub type Bars = Box<dyn Iterator<Item = Result<BarEvent, FeedError>> + Send>;

pub struct OpenedBars {
    /// In order of their ids.
    pub instruments: Vec<Instrument>,
    pub bars: Bars,
    /// Symbols of which there are bars of trades.
    pub with_trades: Vec<SymbolId>,
    /// Lengths in seconds, by symbol; of a symbol with bars of trades those of trades.
    pub lengths_s: BTreeMap<SymbolId, BTreeSet<u32>>,
    pub skipped: Counters,
}

/// Opens files, or folders of files, as one stream. Contracts become instruments as in [`crate::open`]; errors come as
/// there. Two files with the same bars are an error where they meet.
pub fn open_bars(
    paths: &[PathBuf],
    known: &[Instrument],
    select: &Select,
    options: &BarOptions,
) -> Result<OpenedBars, FeedError> {
    let files = open::expand(paths)?.iter().map(|path| open_file(path, options)).collect::<Result<Vec<_>, _>>()?;
    let selected = select::selected(&files, known, select)?;
    let mut instruments = open::instruments(&selected, known)?;
    let lanes: BTreeSet<Lane> = files.iter().flat_map(|file| file.lanes()).collect();
    let ids: BTreeMap<Contract, SymbolId> =
        selected.iter().cloned().zip(instruments.iter().map(|instrument| instrument.id)).collect();
    let routes = open::routes(selected, &instruments)?;
    let skipped = Counters::default();
    let sources = files.iter().flat_map(|file| file.sources(&routes, &skipped)).collect();
    instruments.sort_by_key(|instrument| instrument.id);
    let of_trades = |id: SymbolId| lanes.iter().any(|lane| lane.trades && ids.get(&lane.contract) == Some(&id));
    let with_trades: Vec<SymbolId> = ids.values().copied().filter(|id| of_trades(*id)).collect();
    let mut lengths_s: BTreeMap<SymbolId, BTreeSet<u32>> = BTreeMap::new();
    for lane in &lanes {
        if let Some(id) = ids.get(&lane.contract).filter(|id| lane.trades || !with_trades.contains(id)) {
            lengths_s.entry(*id).or_default().insert(lane.length_s);
        }
    }
    let bars = Box::new(merge::BarMerge::new(sources));
    Ok(OpenedBars { instruments, bars, with_trades, lengths_s, skipped })
}

fn open_file(path: &Path, options: &BarOptions) -> Result<Box<dyn BarFile>, FeedError> {
    let head = text::Head::of(path)?;
    FORMATS.iter().find_map(|open| open(path, &head, options)).unwrap_or_else(|| {
        let found = format!("a file that begins with {}", head.shown());
        Err(FeedError::UnknownSchema { path: path.to_owned(), found, expected: KNOWN })
    })
}

/// The contract that a file's name begins with: `ESZ23` of `ESZ23-CME.scid_BarData__5m.txt.gz`.
pub(crate) fn contract_of_name(path: &Path) -> Option<Contract> {
    let name = path.file_name()?.to_str()?;
    let word: String = name.chars().take_while(char::is_ascii_alphanumeric).collect();
    Contract::from_exchange_symbol(&word, 1970)
}

impl Holds for Box<dyn BarFile> {
    fn contracts(&self) -> Vec<Contract> {
        self.as_ref().contracts()
    }

    fn volumes(&self) -> Result<BTreeMap<Contract, u64>, FeedError> {
        self.as_ref().volumes()
    }
}
