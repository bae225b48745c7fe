//! Text files of bars whose columns somebody has named. In: a path and a mapping. Out: bars of trades.
//! Every row is a bar; its time says where it opens or closes; rows rise in time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::bar_market::BarEvent;
use engine::market::Price;
use engine::time::Timestamp;

use super::clock::Clock;
use super::mapping::{Columns, ROWS_LOOKED_AT, Row, Series};
use super::text::{Head, Rows};
use super::{BarFile, BarSource, Lane, Told, until_error};
use crate::contract::Contract;
use crate::counts::Counters;
use crate::error::FeedError;
use crate::lean::nanos;
use crate::merge::Routes;
use crate::select::Holds;

pub(super) fn open(path: &Path, head: &Head, told: &Told<'_>) -> Option<Result<Box<dyn BarFile>, FeedError>> {
    let columns = told.options.columns.as_ref()?;
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
        let contract = columns.contract(path)?;
        let mut reader = Reader::open(path, &columns)?;
        let mut stamps = Vec::new();
        while stamps.len() < ROWS_LOOKED_AT && reader.rows.advance()? {
            stamps.push(reader.stamp()?);
        }
        let length_s = columns.length_s(path, &stamps)?;
        let first = stamps.first().copied().unwrap_or(Timestamp::MIN);
        Ok(Self { path: path.to_owned(), columns, contract, length_s, first })
    }
}

impl Holds for ColumnFile {
    fn contracts(&self) -> Vec<Contract> {
        vec![self.contract.clone()]
    }

    fn volumes(&self) -> Result<BTreeMap<Contract, u64>, FeedError> {
        let mut reader = Reader::open(&self.path, &self.columns)?;
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
        let (path, columns) = (self.path.clone(), self.columns.clone());
        let mut series = Series { route, stamp: columns.stamp, length_s: self.length_s, ended: Timestamp::MIN };
        let open = Box::new(move || {
            let mut reader = Reader::open(&path, &columns)?;
            Ok(until_error(move || reader.next_bar(&mut series)))
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
    clock: Clock,
    joined: String,
}

impl Reader {
    fn open(path: &Path, columns: &Columns) -> Result<Self, FeedError> {
        let rows = Rows::open(path, columns.delimiter)?;
        let column = |name: &String| rows.column(name);
        let optional = |name: &Option<String>| name.as_ref().map(column).transpose();
        let places = Places {
            time: columns.time.names.iter().map(column).collect::<Result<_, _>>()?,
            prices: [column(&columns.open)?, column(&columns.high)?, column(&columns.low)?, column(&columns.close)?],
            volume: optional(&columns.volume)?,
            trades: optional(&columns.trades)?,
        };
        Ok(Self { rows, places, clock: Clock::new(columns.time.clone()), joined: String::new() })
    }

    /// The time of the row as it is written.
    fn stamp(&mut self) -> Result<Timestamp, FeedError> {
        let text = match self.places.time.as_slice() {
            [place] => self.rows.text(*place),
            places => {
                self.joined.clear();
                for (n, place) in places.iter().enumerate() {
                    if n > 0 {
                        self.joined.push(' ');
                    }
                    self.joined.push_str(self.rows.text(*place));
                }
                self.joined.as_str()
            }
        };
        let at = self.clock.instant(text);
        at.ok_or_else(|| self.rows.wrong(format!("the time `{text}`"), self.clock.expected()))
    }

    fn next_bar(&mut self, series: &mut Series) -> Result<Option<BarEvent>, FeedError> {
        if !self.rows.advance()? {
            return Ok(None);
        }
        let stamp = self.stamp()?;
        let mut prices = [Price(0); 4];
        for (price, place) in prices.iter_mut().zip(self.places.prices) {
            let nanos = nanos(self.rows.field(place));
            match nanos.and_then(|nanos| series.route.grid.price(nanos)) {
                Some(on_grid) => *price = on_grid,
                None => return Err(self.no_price(place, nanos.is_some())),
            }
        }
        let (volume, trades) = (self.whole(self.places.volume)?, self.whole(self.places.trades)?);
        let bar = series.bar(&Row { stamp, prices, volume, trades });
        bar.map(|bar| Some(BarEvent::Trades(bar))).map_err(|(found, expected)| self.rows.wrong(found, expected))
    }

    #[cold]
    fn no_price(&self, place: usize, is_number: bool) -> FeedError {
        let text = self.rows.text(place);
        match is_number {
            true => self.rows.wrong(format!("the price {text}"), "a price on the contract's tick grid"),
            false => self.rows.wrong(format!("`{text}`"), "a price"),
        }
    }

    fn whole(&self, place: Option<usize>) -> Result<u64, FeedError> {
        let Some(place) = place else { return Ok(0) };
        let nanos = nanos(self.rows.field(place)).filter(|nanos| *nanos >= 0 && nanos % 1_000_000_000 == 0);
        let whole = nanos.map(|nanos| nanos.unsigned_abs() / 1_000_000_000);
        whole.ok_or_else(|| self.rows.wrong(format!("`{}`", self.rows.text(place)), "a whole number"))
    }
}
