//! LEAN's zip-CSV files: one zip a day, one CSV a contract. In: a path. Out: which contracts the zip holds, how much each
//! traded, and its events. Open interest is recognised and carries no events. Files of hours and days are read
//! as bars only.

mod bars;
mod entry;
pub(crate) mod rows;

pub(crate) use rows::nanos;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{NaiveDate, NaiveTime};
use engine::time::Timestamp;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::contract::Contract;
use crate::counts::Counters;
use crate::error::FeedError;
use crate::merge::{Routes, Source, Stream};
use crate::overlap::{Holding, What};
use entry::Place;

/// One zip whose directory has been read.
pub(crate) struct LeanFile {
    path: PathBuf,
    entries: Vec<Entry>,
}

/// One CSV: one contract, one UTC day, one kind of row.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) contract: Contract,
    pub(crate) date: NaiveDate,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Ticks,
    TradeBars { length_ms: u64 },
    QuoteBars { length_ms: u64 },
    OpenInterest,
}

const ENTRY_NAMES: &str = "entries named like 20131007_gc_tick_trade_201312.csv: tick trades, second or minute trades or \
                           quotes; or like es_trade_201312.csv in a folder `hour` or `daily`";

const HOUR_S: u32 = 3_600;
const DAY: Duration = Duration::from_secs(86_400);

impl Kind {
    /// Whether its rows become trades; of a contract and day there must be one such entry.
    pub(crate) fn trades(self) -> bool {
        matches!(self, Kind::Ticks | Kind::TradeBars { .. })
    }

    /// Seconds; `None` for ticks and what is no bar.
    pub(crate) fn length_s(self) -> Option<u32> {
        match self {
            Kind::TradeBars { length_ms } | Kind::QuoteBars { length_ms } => u32::try_from(length_ms / 1_000).ok(),
            Kind::Ticks | Kind::OpenInterest => None,
        }
    }

    /// Hours or days: one file for all dates.
    pub(crate) fn is_long(self) -> bool {
        self.length_s().is_some_and(|length_s| length_s >= HOUR_S)
    }

    fn of(resolution: &str, content: &str) -> Option<Self> {
        let length_ms = match resolution {
            "hour" => 3_600_000,
            "daily" => 86_400_000,
            "second" => 1_000,
            "minute" => 60_000,
            _ => 0,
        };
        match content {
            "openinterest" => Some(Kind::OpenInterest),
            "trade" if resolution == "tick" => Some(Kind::Ticks),
            "trade" if length_ms > 0 => Some(Kind::TradeBars { length_ms }),
            "quote" if length_ms > 0 => Some(Kind::QuoteBars { length_ms }),
            _ => None,
        }
    }
}

impl LeanFile {
    pub(crate) fn open(path: &Path) -> Result<Self, FeedError> {
        let file = File::open(path).map_err(|error| FeedError::unreadable(path, error))?;
        let mut zip =
            ZipArchive::new(BufReader::new(file)).map_err(|error| of_zip(path, "the zip directory", error))?;
        let entries = (0..zip.len()).map(|index| read_entry(path, &mut zip, index)).collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_owned(), entries })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Entries that carry events.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.kind != Kind::OpenInterest)
    }

    pub(crate) fn holdings(&self) -> Vec<Holding<'_>> {
        self.entries()
            .map(|entry| {
                let from = entry.midnight();
                let what = if entry.kind.trades() { What::Trades } else { What::Quotes };
                Holding { contract: &entry.contract, what, from, to: from + DAY, path: &self.path }
            })
            .collect()
    }

    /// Contracts traded, by contract. Reads every trade entry.
    pub(crate) fn volumes(&self) -> Result<BTreeMap<Contract, u64>, FeedError> {
        let mut volumes = BTreeMap::new();
        for entry in self.entries() {
            let volume = if entry.kind.trades() { rows::Rows::open(&self.path, entry)?.volume()? } else { 0 };
            *volumes.entry(entry.contract.clone()).or_insert(0) += volume;
        }
        Ok(volumes)
    }

    pub(crate) fn sources(&self, routes: &Routes, counters: &Counters) -> Vec<Source> {
        let source = |entry: &Entry| {
            let route = *routes.get(&entry.contract)?;
            let (path, entry, counters) = (self.path.clone(), entry.clone(), counters.clone());
            let not_before = entry.midnight();
            let open = Box::new(move || {
                let rows = rows::Rows::open(&path, &entry)?;
                Ok(Box::new(bars::LeanEvents::new(rows, &entry, route, counters)) as Stream)
            });
            Some(Source { not_before, open })
        };
        self.entries().filter_map(source).collect()
    }
}

impl Entry {
    /// What the times of its rows count from.
    pub(crate) fn midnight(&self) -> Timestamp {
        self.date.and_time(NaiveTime::MIN).and_utc().into()
    }
}

fn read_entry(path: &Path, zip: &mut ZipArchive<impl Read + Seek>, index: usize) -> Result<Entry, FeedError> {
    let file = zip.by_index_raw(index).map_err(|error| of_zip(path, &format!("zip entry {}", index + 1), error))?;
    let name = file.name().to_owned();
    let unknown = |found: String| FeedError::UnknownSchema { path: path.to_owned(), found, expected: ENTRY_NAMES };
    let long = || parse_long_name(&name, folder_of(path)?);
    let (contract, date, kind) =
        parse_name(&name).or_else(long).ok_or_else(|| unknown(format!("a zip entry named {name}")))?;
    let deflated = match file.compression() {
        CompressionMethod::Deflated => true,
        CompressionMethod::Stored => false,
        other => return Err(unknown(format!("{name} compressed by {other}"))),
    };
    if file.encrypted() {
        return Err(unknown(format!("{name} encrypted")));
    }
    let start = file.data_start().ok_or_else(|| FeedError::damaged(path, &name, "no data", "an entry with data"))?;
    let place = Place { start, deflated, packed_bytes: file.compressed_size(), bytes: file.size(), crc: file.crc32() };
    Ok(Entry { contract, date, kind, name, place })
}

/// `20131007_gc_tick_trade_201312.csv`.
fn parse_name(name: &str) -> Option<(Contract, NaiveDate, Kind)> {
    let mut part = name.strip_suffix(".csv")?.split('_');
    let date = NaiveDate::parse_from_str(part.next()?, "%Y%m%d").ok()?;
    let root = part.next()?.to_ascii_uppercase();
    let kind = Kind::of(part.next()?, part.next()?)?;
    let expiry = part.next()?;
    let digits = matches!(expiry.len(), 6 | 8) && expiry.bytes().all(|byte| byte.is_ascii_digit());
    (digits && part.next().is_none()).then(|| (Contract::new(&root, Some(expiry)), date, kind))
}

/// `es_trade_201312.csv` in a folder `hour` or `daily`; its rows name their dates.
fn parse_long_name(name: &str, folder: &str) -> Option<(Contract, NaiveDate, Kind)> {
    let mut part = name.strip_suffix(".csv")?.split('_');
    let root = part.next()?.to_ascii_uppercase();
    let kind = Kind::of(folder, part.next()?).filter(|kind| kind.is_long() || *kind == Kind::OpenInterest)?;
    let expiry = part.next()?;
    let digits = matches!(expiry.len(), 6 | 8) && expiry.bytes().all(|byte| byte.is_ascii_digit());
    (digits && part.next().is_none()).then(|| (Contract::new(&root, Some(expiry)), NaiveDate::default(), kind))
}

fn folder_of(path: &Path) -> Option<&str> {
    path.parent()?.file_name()?.to_str()
}

fn of_zip(path: &Path, at: &str, error: ZipError) -> FeedError {
    match error {
        ZipError::Io(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            FeedError::unreadable(path, source)
        }
        ZipError::UnsupportedArchive(text) => {
            FeedError::damaged(path, at, text, "a plain zip of deflated or stored entries, not encrypted")
        }
        // A zip's directory is its end: without it the file was cut.
        error => FeedError::truncated(path, at, error.to_string(), "a complete zip directory at the end of the file"),
    }
}
