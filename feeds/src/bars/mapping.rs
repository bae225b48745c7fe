//! What somebody has said about files of bars that say too little themselves: which column holds what, what a row's time
//! means. In: a mapping, the values of a row. Out: a contract, a bar's length, bars. Absent: text, Parquet.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;
use engine::market::{Bar, Price, Quality};
use engine::time::Timestamp;

use super::{contract_of_name, sound};
use crate::contract::Contract;
use crate::error::FeedError;
use crate::merge::Route;

/// Where the time of a row is and how it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimeColumn {
    /// One column, or a date and a time of day, joined by a space.
    pub names: Vec<String>,
    /// As `strftime` has it (`%Y-%m-%d %H:%M:%S`), or `rfc3339`, `unix_s`, `unix_ms`, `unix_us`, `unix_ns`.
    pub format: String,
    /// Of times that do not name their own.
    pub zone: Tz,
}

/// What a row's time means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stamp {
    Open,
    Close,
}

/// Where a file has what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Columns {
    pub delimiter: u8,
    pub time: TimeColumn,
    pub stamp: Stamp,
    pub open: String,
    pub high: String,
    pub low: String,
    pub close: String,
    /// `None`: volume is zero.
    pub volume: Option<String>,
    /// `None`: the number of trades is zero.
    pub trades: Option<String>,
    /// The contract, `ESZ23`; `None`: the file's name begins with it.
    pub symbol: Option<String>,
    /// Seconds; `None`: the smallest step between the first rows.
    pub bar_s: Option<u32>,
}

/// Rows that are looked at to find a bar's length.
pub(super) const ROWS_LOOKED_AT: usize = 500;

/// A step that is taken by fewer than one row in so many is none between two bars.
const STRAY_MAX: usize = 20;

impl Columns {
    /// Of which contract a file is.
    pub(super) fn contract(&self, path: &Path) -> Result<Contract, FeedError> {
        match &self.symbol {
            Some(symbol) => Contract::from_exchange_symbol(symbol, 1970)
                .ok_or_else(|| FeedError::Nothing(format!("`{symbol}` is not the name of a contract such as ESZ23"))),
            None => contract_of_name(path).ok_or_else(|| {
                let found = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                FeedError::UnknownSchema {
                    path: path.to_owned(),
                    found: format!("the name {found}"),
                    expected: "a name that begins with a contract such as ESZ23, or the symbol in the configuration",
                }
            }),
        }
    }

    /// Seconds of a bar: what was said, or the smallest step between the stamps of the first rows.
    pub(super) fn length_s(&self, path: &Path, stamps: &[Timestamp]) -> Result<u32, FeedError> {
        if let Some(length_s) = self.bar_s {
            return Ok(length_s);
        }
        let expected = "at least two bars, or their length as bar_s";
        let wrong = |at: &str, found: String| Err(FeedError::damaged(path, at, found, expected));
        let steps = || stamps.windows(2).map(|pair| pair[1].since(pair[0]).as_secs());
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        if let Some(row) = goes_down(stamps) {
            let found = format!("{}, after {} in the row before", stamps[row], stamps[row - 1]);
            let expected = "rows in order of time, the oldest first: turn the file around";
            return Err(FeedError::damaged(path, format!("row {} of bars", row + 1), found, expected));
        }
        steps().filter(|step| *step > 0).for_each(|step| *counts.entry(step).or_insert(0) += 1);
        let Some((smallest, times)) = counts.first_key_value() else {
            let found = match stamps {
                [] => "no row of bars",
                [_] => "one row only",
                [..] => "the same time in every row",
            };
            return wrong("the first rows", found.to_owned());
        };
        let usual = counts.iter().rev().max_by_key(|(_, times)| **times).map_or(*smallest, |(step, _)| *step);
        // A stray row between two bars is not the length of all bars.
        if usual != *smallest && times * STRAY_MAX < stamps.len() {
            let row = steps().position(|step| step == *smallest).map_or(0, |at| at + 2);
            return wrong(
                &format!("row {row}"),
                format!("a bar {smallest} s after the one before, where {usual} s are usual"),
            );
        }
        u32::try_from(*smallest).or_else(|_| wrong("the first rows", format!("bars of {smallest} s")))
    }
}

/// The first row that is older than the one before it, of a file in which no row is newer.
fn goes_down(stamps: &[Timestamp]) -> Option<usize> {
    let pairs = || stamps.windows(2);
    let turned = pairs().all(|pair| pair[1] <= pair[0]);
    pairs().position(|pair| pair[1] < pair[0]).filter(|_| turned).map(|at| at + 1)
}

/// One row, read.
pub(super) struct Row {
    pub(super) stamp: Timestamp,
    /// Open, high, low, close.
    pub(super) prices: [Price; 4],
    pub(super) volume: u64,
    pub(super) trades: u64,
}

/// What was found and what was expected.
pub(super) type Wrong = (String, String);

/// What all rows of a file have in common.
#[derive(Clone, Copy)]
pub(super) struct Series {
    pub(super) route: Route,
    pub(super) stamp: Stamp,
    pub(super) length_s: u32,
    /// The end of the newest bar.
    pub(super) ended: Timestamp,
}

impl Series {
    /// The next bar. Rows rise in time, and bars do not overlap.
    pub(super) fn bar(&mut self, row: &Row) -> Result<Bar, Wrong> {
        let open_ts = match self.stamp {
            Stamp::Open => row.stamp,
            Stamp::Close => row.stamp - Duration::from_secs(u64::from(self.length_s)),
        };
        let [open, high, low, close] = row.prices;
        sound::check(row.prices, self.route.grid)?;
        sound::follows(open_ts, self.length_s, self.ended)?;
        self.ended = open_ts + Duration::from_secs(u64::from(self.length_s));
        Ok(Bar {
            symbol: self.route.symbol,
            open_ts,
            length_s: self.length_s,
            open,
            high,
            low,
            close,
            volume: row.volume,
            trades: u32::try_from(row.trades).map_err(|_| (format!("{} trades", row.trades), "fewer".to_owned()))?,
            quality: Quality::Complete,
        })
    }
}

impl TimeColumn {
    pub(super) fn expected(&self) -> String {
        format!("a time like {} in {}", self.format, self.zone.name())
    }

    /// Nanoseconds of a unit, where the format is a number of them.
    pub(super) fn unix_nanos(&self) -> Option<i64> {
        match self.format.as_str() {
            "unix_s" => Some(1_000_000_000),
            "unix_ms" => Some(1_000_000),
            "unix_us" => Some(1_000),
            "unix_ns" => Some(1),
            _ => None,
        }
    }

    pub(super) fn instant(&self, text: &str) -> Option<Timestamp> {
        if let Some(to_nanos) = self.unix_nanos() {
            return text.parse::<i64>().ok()?.checked_mul(to_nanos).map(Timestamp::from_nanos);
        }
        match self.format.as_str() {
            "rfc3339" => DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc().into()),
            format if format.contains("%z") || format.contains("%:z") => {
                DateTime::parse_from_str(text, format).ok().map(|at| at.to_utc().into())
            }
            format => self.local(&NaiveDateTime::parse_from_str(text, format).ok()?),
        }
    }

    /// `None` for an hour that comes twice or never.
    pub(super) fn only(&self, local: &NaiveDateTime) -> Option<Timestamp> {
        self.zone.from_local_datetime(local).single().map(|at| at.to_utc().into())
    }

    /// The hour that comes twice in autumn lies in the weekend; the first of the two is taken.
    pub(super) fn local(&self, local: &NaiveDateTime) -> Option<Timestamp> {
        self.zone.from_local_datetime(local).earliest().map(|at| at.to_utc().into())
    }
}
