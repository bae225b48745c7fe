//! Text files of bars whose columns somebody has named. In: a path and a mapping. Out: bars of trades.
//! Every row is a bar; its time says where it opens or closes; rows rise in time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use engine::bar_market::BarEvent;
use engine::market::{Bar, Price, Quality};
use engine::time::Timestamp;

use super::text::{Head, Rows};
use super::{BarFile, BarItem, BarOptions, BarSource, BarStream, Lane, contract_of_name};
use crate::contract::Contract;
use crate::counts::Counters;
use crate::error::FeedError;
use crate::lean::nanos;
use crate::merge::{Route, Routes};
use crate::select::Holds;

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
const ROWS_LOOKED_AT: usize = 500;

pub(super) fn open(path: &Path, head: &Head, options: &BarOptions) -> Option<Result<Box<dyn BarFile>, FeedError>> {
    let columns = options.columns.as_ref()?;
    head.line.as_ref()?;
    Some(ColumnFile::open(path, columns.clone()).map(|file| Box::new(file) as Box<dyn BarFile>))
}

/// One text file whose columns were found and whose bars have a length.
pub(super) struct ColumnFile {
    path: PathBuf,
    columns: Columns,
    contract: Contract,
    length_s: u32,
    first: Timestamp,
}

impl ColumnFile {
    pub(super) fn open(path: &Path, columns: Columns) -> Result<Self, FeedError> {
        let contract = match &columns.symbol {
            Some(symbol) => Contract::from_exchange_symbol(symbol, 1970)
                .ok_or_else(|| FeedError::Nothing(format!("`{symbol}` is not the name of a contract such as ESZ23")))?,
            None => contract_of_name(path).ok_or_else(|| {
                let found = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                FeedError::UnknownSchema {
                    path: path.to_owned(),
                    found: format!("the name {found}"),
                    expected: "a name that begins with a contract such as ESZ23, or the symbol in the configuration",
                }
            })?,
        };
        let mut reader = Reader::open(path, &columns, 0)?;
        let mut stamps = Vec::new();
        while stamps.len() < ROWS_LOOKED_AT && reader.rows.advance()? {
            stamps.push(reader.stamp()?);
        }
        let step = stamps.windows(2).map(|pair| pair[1].since(pair[0]).as_secs()).filter(|step| *step > 0).min();
        let length_s = columns.bar_s.or(step.and_then(|step| u32::try_from(step).ok())).ok_or_else(|| {
            FeedError::damaged(path, "the first rows", "no two different times", "two bars, or their length")
        })?;
        let first = stamps.first().copied().unwrap_or(Timestamp::MIN);
        Ok(Self { path: path.to_owned(), columns, contract, length_s, first })
    }
}

impl Holds for ColumnFile {
    fn contracts(&self) -> Vec<Contract> {
        vec![self.contract.clone()]
    }

    fn volumes(&self) -> Result<BTreeMap<Contract, u64>, FeedError> {
        let mut reader = Reader::open(&self.path, &self.columns, self.length_s)?;
        let mut total = 0;
        while reader.rows.advance()? {
            total += reader.whole(reader.places.volume)?;
        }
        Ok([(self.contract.clone(), total)].into())
    }
}

impl BarFile for ColumnFile {
    fn lanes(&self) -> Vec<Lane> {
        vec![Lane { contract: self.contract.clone(), trades: true, length_s: self.length_s }]
    }

    fn sources(&self, routes: &Routes, _counters: &Counters) -> Vec<BarSource> {
        let Some(route) = routes.get(&self.contract).copied() else { return Vec::new() };
        let (path, columns, length_s) = (self.path.clone(), self.columns.clone(), self.length_s);
        let open = Box::new(move || {
            let reader = Reader::open(&path, &columns, length_s)?;
            Ok(Box::new(ColumnBars { reader, route, last: Timestamp::MIN, ended: false }) as BarStream)
        });
        vec![BarSource { not_before: self.first, open }]
    }
}

/// Columns by place.
struct Places {
    time: Vec<usize>,
    prices: [usize; 4],
    volume: Option<usize>,
    trades: Option<usize>,
}

struct Reader {
    rows: Rows,
    places: Places,
    time: TimeColumn,
    stamp: Stamp,
    length_s: u32,
    joined: String,
}

impl Reader {
    fn open(path: &Path, columns: &Columns, length_s: u32) -> Result<Self, FeedError> {
        let rows = Rows::open(path, columns.delimiter)?;
        let column = |name: &String| rows.column(name);
        let optional = |name: &Option<String>| name.as_ref().map(column).transpose();
        let places = Places {
            time: columns.time.names.iter().map(column).collect::<Result<_, _>>()?,
            prices: [column(&columns.open)?, column(&columns.high)?, column(&columns.low)?, column(&columns.close)?],
            volume: optional(&columns.volume)?,
            trades: optional(&columns.trades)?,
        };
        let (time, stamp) = (columns.time.clone(), columns.stamp);
        Ok(Self { rows, places, time, stamp, length_s, joined: String::new() })
    }

    /// The time of the row as it is written.
    fn stamp(&mut self) -> Result<Timestamp, FeedError> {
        self.joined.clear();
        for (n, place) in self.places.time.iter().enumerate() {
            if n > 0 {
                self.joined.push(' ');
            }
            self.joined.push_str(self.rows.text(*place));
        }
        instant(&self.joined, &self.time)
            .ok_or_else(|| self.rows.wrong(format!("the time `{}`", self.joined), self.expected()))
    }

    fn expected(&self) -> String {
        format!("a time like {} in {}", self.time.format, self.time.zone.name())
    }

    fn bar(&mut self, route: Route) -> Result<Bar, FeedError> {
        let stamp = self.stamp()?;
        let length = std::time::Duration::from_secs(u64::from(self.length_s));
        let open_ts = if self.stamp == Stamp::Open { stamp } else { stamp - length };
        let [open, high, low, close] = [0, 1, 2, 3].map(|n| self.price(self.places.prices[n], route));
        let (open, high, low, close) = (open?, high?, low?, close?);
        if low > open.min(close) || high < open.max(close) {
            return Err(self.rows.wrong("open or close outside of low and high", "low <= open, close <= high"));
        }
        let trades = self.whole(self.places.trades)?;
        Ok(Bar {
            symbol: route.symbol,
            open_ts,
            length_s: self.length_s,
            open,
            high,
            low,
            close,
            volume: self.whole(self.places.volume)?,
            trades: u32::try_from(trades).map_err(|_| self.rows.wrong(format!("{trades} trades"), "fewer"))?,
            quality: Quality::Complete,
        })
    }

    fn price(&self, place: usize, route: Route) -> Result<Price, FeedError> {
        let nanos = nanos(self.rows.field(place))
            .ok_or_else(|| self.rows.wrong(format!("`{}`", self.rows.text(place)), "a price"))?;
        route.grid.price(nanos).ok_or_else(|| {
            self.rows.wrong(format!("the price {}", self.rows.text(place)), "a price on the contract's tick grid")
        })
    }

    fn whole(&self, place: Option<usize>) -> Result<u64, FeedError> {
        let Some(place) = place else { return Ok(0) };
        let nanos = nanos(self.rows.field(place)).filter(|nanos| *nanos >= 0 && nanos % 1_000_000_000 == 0);
        let whole = nanos.map(|nanos| nanos.unsigned_abs() / 1_000_000_000);
        whole.ok_or_else(|| self.rows.wrong(format!("`{}`", self.rows.text(place)), "a whole number"))
    }
}

fn instant(text: &str, how: &TimeColumn) -> Option<Timestamp> {
    let unix = |to_nanos: i64| text.parse::<i64>().ok()?.checked_mul(to_nanos).map(Timestamp::from_nanos);
    match how.format.as_str() {
        "unix_s" => unix(1_000_000_000),
        "unix_ms" => unix(1_000_000),
        "unix_us" => unix(1_000),
        "unix_ns" => unix(1),
        "rfc3339" => DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc().into()),
        format if format.contains("%z") || format.contains("%:z") => {
            DateTime::parse_from_str(text, format).ok().map(|at| at.to_utc().into())
        }
        format => {
            let local = NaiveDateTime::parse_from_str(text, format).ok()?;
            // The hour that comes twice in autumn lies in the weekend; the first of the two is taken.
            how.zone.from_local_datetime(&local).earliest().map(|at| at.to_utc().into())
        }
    }
}

struct ColumnBars {
    reader: Reader,
    route: Route,
    last: Timestamp,
    ended: bool,
}

impl ColumnBars {
    fn advance(&mut self) -> Result<Option<BarEvent>, FeedError> {
        if !self.reader.rows.advance()? {
            return Ok(None);
        }
        let bar = self.reader.bar(self.route)?;
        if bar.open_ts <= self.last {
            let (found, expected) = (format!("a bar of {}", bar.open_ts), format!("a later one than {}", self.last));
            return Err(self.reader.rows.wrong(found, expected));
        }
        self.last = bar.open_ts;
        Ok(Some(BarEvent::Trades(bar)))
    }
}

impl Iterator for ColumnBars {
    type Item = BarItem;

    fn next(&mut self) -> Option<BarItem> {
        if self.ended {
            return None;
        }
        let item = self.advance().transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}
