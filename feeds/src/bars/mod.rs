//! Files of bars as one stream of bars, in the order in which they end. In: LEAN zips (second to daily), Databento ohlcv,
//! Sierra Chart text, CSV and Parquet with a column mapping. Out: the instruments found and their `BarEvent`s. Absent: ticks made of
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
use crate::counts::{Counters, Refusals};
use crate::databento::Definitions;
use crate::described::Described;
use crate::error::FeedError;
use crate::merge::Routes;
use crate::open;
use crate::select::{self, Holds, Select};

mod clock;
mod columns;
mod continuous;
mod dbn;
mod lean;
mod mapping;
mod merge;
mod parquet;
mod recorded;
mod sierra;
mod sound;
mod text;

pub use continuous::Roll;
pub use mapping::{Columns, Stamp, TimeColumn};
pub use recorded::{Recorded, RecordedBars};

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

    /// What it says itself of its contracts: tick size, multiplier.
    fn described(&self) -> Vec<Described> {
        Vec::new()
    }
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
    /// How other text files and Parquet files are read; `None`: they are refused.
    pub columns: Option<Columns>,
    /// All contracts of the files, of one root, as one series; `None`: each is an instrument.
    pub continuous: Option<Roll>,
    /// As `bars.jump_ticks_max`: bars beyond ten times this and a fifth of the close before are left out.
    pub jump_ticks_max: u32,
}

impl Default for BarOptions {
    fn default() -> Self {
        Self { zone: chrono_tz::America::Chicago, columns: None, continuous: None, jump_ticks_max: 400 }
    }
}

/// A stream that ends with its end or after its first error. `advance` gives the next bar, `None` at the end, and is not
/// asked again then.
pub(crate) fn until_error(
    mut advance: impl FnMut() -> Result<Option<BarEvent>, FeedError> + Send + 'static,
) -> BarStream {
    let mut ended = false;
    Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let item = advance().transpose();
        ended = !matches!(item, Some(Ok(_)));
        item
    }))
}

/// What is known besides a file.
struct Told<'a> {
    options: &'a BarOptions,
    definitions: &'a Definitions,
}

/// What opens a file of one format: `None` if the file is of another.
type Open = fn(&Path, &text::Head, &Told<'_>) -> Option<Result<Box<dyn BarFile>, FeedError>>;

/// Asked one after another; the first that recognises a file reads it.
const FORMATS: &[Open] = &[dbn::open, lean::open, parquet::open, sierra::open, columns::open];

const KNOWN: &str = "a Databento DBN file of schema ohlcv, a LEAN zip of bars, Sierra Chart's bar text, or CSV or \
                     Parquet with [backtest.columns]";

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
    /// Bars that are left out, counted as they are read.
    pub refused: Refusals,
    /// What the sources say themselves of contracts that are played.
    pub described: Vec<Described>,
}

/// Opens files, or folders of files, as one stream. Contracts become instruments as in [`crate::open`]; errors come as
/// there. Two files with the same bars are an error where they meet.
pub fn open_bars(
    paths: &[PathBuf],
    known: &[Instrument],
    select: &Select,
    options: &BarOptions,
) -> Result<OpenedBars, FeedError> {
    let (paths, definitions) = Definitions::among(open::expand(paths)?)?;
    let told = Told { options, definitions: &definitions };
    let files = paths.iter().map(|path| open_file(path, &told)).collect::<Result<Vec<_>, _>>()?;
    open_all(&files, known, select, options, &definitions)
}

/// The same of bars that sessions have kept, oldest session first.
pub fn open_recorded(
    kept: Vec<Recorded>,
    known: &[Instrument],
    select: &Select,
    options: &BarOptions,
) -> Result<OpenedBars, FeedError> {
    open_all(&recorded::lanes(kept), known, select, options, &Definitions::default())
}

fn open_all(
    files: &[Box<dyn BarFile>],
    known: &[Instrument],
    select: &Select,
    options: &BarOptions,
    definitions: &Definitions,
) -> Result<OpenedBars, FeedError> {
    let selected = select::selected(files, known, select)?;
    let told = files.iter().flat_map(|file| file.described()).chain(definitions.described().cloned());
    let described: Vec<Described> = told.filter(|described| selected.contains(&described.contract())).collect();
    let mut instruments = open::instruments(&selected, known, &described)?;
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
    let refused = Refusals::default();
    let names = sound::names(instruments.iter().map(|instrument| (instrument.id, instrument.name.as_str())));
    let merged = merge::BarMerge::new(sources);
    let merged = sound::Believed::new(merged, options.jump_ticks_max, names, refused.clone());
    if let Some(rule) = &options.continuous {
        let opened = series(merged, rule, instruments, known, lengths_s, &with_trades, skipped)?;
        return Ok(OpenedBars { described, refused, ..opened });
    }
    let bars = Box::new(merged);
    Ok(OpenedBars { instruments, bars, with_trades, lengths_s, skipped, refused, described })
}

/// The contracts of one root as the instrument of that root without expiry.
fn series(
    merged: sound::Believed<merge::BarMerge>,
    rule: &Roll,
    mut contracts: Vec<Instrument>,
    known: &[Instrument],
    lengths_s: BTreeMap<SymbolId, BTreeSet<u32>>,
    with_trades: &[SymbolId],
    skipped: Counters,
) -> Result<OpenedBars, FeedError> {
    let roots: BTreeSet<&str> = contracts.iter().map(|contract| contract.root.as_str()).collect();
    if roots.len() > 1 {
        let text =
            format!("a series is of one root, and the files hold {}", roots.into_iter().collect::<Vec<_>>().join(", "));
        return Err(FeedError::Nothing(text));
    }
    contracts.sort_by(|a, b| a.expiry.cmp(&b.expiry));
    let Some(first) = contracts.first().cloned() else {
        return Err(FeedError::Nothing("no contract for a series".to_owned()));
    };
    let expires = |contract: &Instrument| contract.expiry.as_deref().and_then(last_trade);
    let members: Vec<continuous::Member> =
        contracts.iter().map(|c| continuous::Member { symbol: c.id, expires: expires(c) }).collect();
    if matches!(rule, Roll::DaysBeforeExpiry(_)) && members.iter().any(|member| member.expires.is_none()) {
        return Err(FeedError::Nothing("days before expiry need contracts with an expiry".to_owned()));
    }
    let named = known.iter().find(|i| i.root == first.root && i.expiry.is_none());
    let id = SymbolId(0);
    let series = Instrument {
        id,
        ..named.cloned().unwrap_or(Instrument { name: first.root.clone(), expiry: None, ..first.clone() })
    };
    let lengths = lengths_s.into_values().flatten().collect();
    let calendar = crate::specs::spec(&first.root)?.calendar;
    let bars = Box::new(continuous::Continuous::new(merged, rule.clone(), members, id, calendar));
    let with_trades = if with_trades.is_empty() { Vec::new() } else { vec![id] };
    let (lengths_s, described, refused) = ([(id, lengths)].into(), Vec::new(), Refusals::default());
    Ok(OpenedBars { instruments: vec![series], bars, with_trades, lengths_s, skipped, refused, described })
}

/// The end of a contract's last trade date: the date where it is known, otherwise the third Friday of its month, as for
/// equity index futures.
fn last_trade(expiry: &str) -> Option<Timestamp> {
    let year: i32 = expiry.get(..4)?.parse().ok()?;
    let month: u32 = expiry.get(4..6)?.parse().ok()?;
    let date = match expiry.get(6..8) {
        Some(day) => chrono::NaiveDate::from_ymd_opt(year, month, day.parse().ok()?)?,
        None => chrono::NaiveDate::from_weekday_of_month_opt(year, month, chrono::Weekday::Fri, 3)?,
    };
    Some(date.and_hms_opt(23, 59, 59)?.and_utc().into())
}

fn open_file(path: &Path, told: &Told<'_>) -> Result<Box<dyn BarFile>, FeedError> {
    let head = text::Head::of(path)?;
    FORMATS.iter().find_map(|open| open(path, &head, told)).unwrap_or_else(|| {
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
