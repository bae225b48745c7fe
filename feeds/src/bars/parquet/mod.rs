//! Parquet files of bars whose columns somebody has named. In: a path and the mapping that text files have. Out: bars of
//! trades. Every row is a bar; rows rise in time. Absent: nested columns, several contracts in one file.
//!
//! Pages are unpacked as they are needed, so memory grows neither with the file nor with its row groups.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::bar_market::BarEvent;
use engine::market::Price;
use engine::time::Timestamp;

use super::mapping::{Columns, ROWS_LOOKED_AT, Row, Series, Wrong};
use super::text::Head;
use super::{BarFile, BarSource, Lane, Told, until_error};
use crate::contract::Contract;
use crate::counts::Counters;
use crate::error::FeedError;
use crate::merge::Routes;
use crate::select::Holds;
use table::{Batch, Meaning, Table};

mod decode;
mod table;

const MAGIC: &[u8] = b"PAR1";

pub(super) fn open(path: &Path, head: &Head, told: &Told<'_>) -> Option<Result<Box<dyn BarFile>, FeedError>> {
    head.bytes.starts_with(MAGIC).then_some(())?;
    let Some(columns) = &told.options.columns else {
        let found = "a Parquet file".to_owned();
        let expected = "[backtest.columns] beside it, which says where it has what";
        return Some(Err(FeedError::UnknownSchema { path: path.to_owned(), found, expected }));
    };
    Some(ParquetFile::open(path, columns.clone()).map(|file| Box::new(file) as Box<dyn BarFile>))
}

/// One file whose columns were found and whose bars have a length.
struct ParquetFile {
    path: PathBuf,
    columns: Columns,
    contract: Contract,
    length_s: u32,
    first: Timestamp,
}

impl ParquetFile {
    fn open(path: &Path, columns: Columns) -> Result<Self, FeedError> {
        let contract = columns.contract(path)?;
        let mut reader = Reader::open(path, &columns)?;
        let mut stamps = Vec::new();
        while stamps.len() < ROWS_LOOKED_AT && reader.advance()? {
            stamps.push(reader.stamp());
        }
        let length_s = columns.length_s(path, &stamps)?;
        let first = stamps.first().copied().unwrap_or(Timestamp::MIN);
        Ok(Self { path: path.to_owned(), columns, contract, length_s, first })
    }
}

impl Holds for ParquetFile {
    fn contracts(&self) -> Vec<Contract> {
        vec![self.contract.clone()]
    }

    fn volumes(&self) -> Result<BTreeMap<Contract, u64>, FeedError> {
        let mut total = 0;
        if self.columns.volume.is_some() {
            let mut reader = Reader::open(&self.path, &self.columns)?;
            while reader.advance()? {
                total += reader.whole(reader.volume)?;
            }
        }
        Ok([(self.contract.clone(), total)].into())
    }
}

impl BarFile for ParquetFile {
    fn lanes(&self) -> Vec<Lane> {
        vec![Lane { contract: self.contract.clone(), trades: true, length_s: self.length_s }]
    }

    fn sources(&self, routes: &Routes, _counters: &Counters) -> Vec<BarSource> {
        let Some(route) = routes.get(&self.contract).copied() else { return Vec::new() };
        let (path, columns) = (self.path.clone(), self.columns.clone());
        let mut series = Series { route, stamp: columns.stamp, length_s: self.length_s, ended: Timestamp::MIN };
        let open = Box::new(move || {
            let mut reader = Reader::open(&path, &columns)?;
            Ok(until_error(move || reader.next_bar(&mut series)))
        });
        vec![BarSource { not_before: self.first, open }]
    }
}

/// Places of columns in a [`Batch`].
const TIME: usize = 0;
const PRICES: [usize; 4] = [1, 2, 3, 4];

struct Reader {
    table: Table,
    batch: Batch,
    /// The row in the batch.
    at: usize,
    volume: Option<usize>,
    trades: Option<usize>,
}

impl Reader {
    fn open(path: &Path, columns: &Columns) -> Result<Self, FeedError> {
        let mut wanted = vec![(columns.time.names.clone(), Meaning::Time(columns.time.clone()))];
        let prices = [&columns.open, &columns.high, &columns.low, &columns.close];
        wanted.extend(prices.map(|name| (vec![name.clone()], Meaning::Number)));
        let mut optional = |name: &Option<String>| {
            name.as_ref().map(|name| {
                wanted.push((vec![name.clone()], Meaning::Number));
                wanted.len() - 1
            })
        };
        let (volume, trades) = (optional(&columns.volume), optional(&columns.trades));
        Ok(Self { table: Table::open(path, wanted)?, batch: Batch::default(), at: 0, volume, trades })
    }

    /// Goes to the next row; `false` at the end.
    fn advance(&mut self) -> Result<bool, FeedError> {
        self.at += 1;
        while self.at >= self.batch.rows {
            if let Some(error) = self.batch.then.take() {
                return Err(error);
            }
            if !self.table.read(&mut self.batch)? {
                return Ok(false);
            }
            self.at = 0;
        }
        Ok(true)
    }

    fn stamp(&self) -> Timestamp {
        Timestamp::from_nanos(self.batch.columns[TIME][self.at])
    }

    fn next_bar(&mut self, series: &mut Series) -> Result<Option<BarEvent>, FeedError> {
        if !self.advance()? {
            return Ok(None);
        }
        let mut prices = [Price(0); 4];
        for (price, place) in prices.iter_mut().zip(PRICES) {
            let nanos = self.batch.columns[place][self.at];
            let Some(on_grid) = series.route.grid.price(nanos) else {
                let found = format!("the price {}", points(nanos));
                return Err(self.wrong(place, found, "a price on the contract's tick grid"));
            };
            *price = on_grid;
        }
        let (volume, trades) = (self.whole(self.volume)?, self.whole(self.trades)?);
        let bar = series.bar(&Row { stamp: self.stamp(), prices, volume, trades });
        bar.map(|bar| Some(BarEvent::Trades(bar))).map_err(|wrong: Wrong| self.wrong_row(wrong))
    }

    fn whole(&self, place: Option<usize>) -> Result<u64, FeedError> {
        let Some(place) = place else { return Ok(0) };
        let nanos = self.batch.columns[place][self.at];
        match u64::try_from(nanos) {
            Ok(nanos) if nanos % 1_000_000_000 == 0 => Ok(nanos / 1_000_000_000),
            _ => Err(self.wrong(place, points(nanos), "a whole number, not negative")),
        }
    }

    fn wrong(&self, place: usize, found: String, expected: &str) -> FeedError {
        self.table.wrong(place, self.batch.first_row + self.at as u64, found, expected)
    }

    fn wrong_row(&self, (found, expected): Wrong) -> FeedError {
        let row = self.batch.first_row + self.at as u64;
        FeedError::damaged(self.table.path(), format!("row {row}"), found, expected)
    }
}

/// Billionths as a person writes them.
fn points(nanos: i64) -> String {
    rust_decimal::Decimal::new(nanos, 9).normalize().to_string()
}
