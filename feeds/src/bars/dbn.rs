//! Databento's own bars: schemas ohlcv-1s, 1m, 1h and 1d, DBN versions 1 to 3, plain or zstd. Stamped at their open.

use std::collections::BTreeMap;
use std::path::Path;

use dbn::{OhlcvMsg, Schema, UNDEF_PRICE};
use engine::bar_market::BarEvent;
use engine::market::{Bar, Price, Quality};
use engine::time::Timestamp;

use super::text::Head;
use super::{BarFile, BarSource, Lane, Told, sound, until_error};
use crate::contract::Contract;
use crate::counts::Counters;
use crate::databento::{DbnFile, Records};
use crate::error::FeedError;
use crate::merge::{Route, Routes};
use crate::select::Holds;

const SCHEMAS: &str = "schema ohlcv-1s, ohlcv-1m, ohlcv-1h or ohlcv-1d, or [backtest.fills] model = \"ticks\"";

fn length_s(schema: Schema) -> Option<u32> {
    match schema {
        Schema::Ohlcv1S => Some(1),
        Schema::Ohlcv1M => Some(60),
        Schema::Ohlcv1H => Some(3_600),
        Schema::Ohlcv1D => Some(86_400),
        _ => None,
    }
}

pub(super) fn open(path: &Path, head: &Head, told: &Told<'_>) -> Option<Result<Box<dyn BarFile>, FeedError>> {
    let packed = head.bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    (packed || head.bytes.starts_with(b"DBN")).then_some(())?;
    let file = DbnFile::open_as(path, |schema| length_s(schema).is_some(), SCHEMAS, told.definitions);
    Some(file.and_then(|file| match file.schema().and_then(length_s) {
        Some(length_s) => Ok(Box::new(DbnBarFile { file, length_s }) as Box<dyn BarFile>),
        None => {
            let found = "a recorded live session".to_owned();
            Err(FeedError::UnknownSchema { path: path.to_owned(), found, expected: SCHEMAS })
        }
    }))
}

struct DbnBarFile {
    file: DbnFile,
    length_s: u32,
}

impl Holds for DbnBarFile {
    fn contracts(&self) -> Vec<Contract> {
        self.file.contracts().cloned().collect()
    }

    fn volumes(&self) -> Result<BTreeMap<Contract, u64>, FeedError> {
        let mut records = Records::open(self.file.path())?;
        let mut volumes = BTreeMap::new();
        while let Some(record) = records.next_record()? {
            if let Some(bar) = record.get::<OhlcvMsg>()
                && let Some(contract) = self.file.contract_of(bar.hd.instrument_id, bar.hd.ts_event)
            {
                *volumes.entry(contract.clone()).or_insert(0) += bar.volume;
            }
        }
        Ok(volumes)
    }
}

impl BarFile for DbnBarFile {
    fn lanes(&self) -> Vec<Lane> {
        let lane = |contract: &Contract| Lane { contract: contract.clone(), trades: true, length_s: self.length_s };
        self.file.contracts().map(lane).collect()
    }

    fn sources(&self, routes: &Routes, counters: &Counters) -> Vec<BarSource> {
        let (file, routes, counters, length_s) = (self.file.clone(), routes.clone(), counters.clone(), self.length_s);
        let not_before = self.file.start();
        let open = Box::new(move || {
            let records = Records::open(file.path())?;
            let mut bars = DbnBars { records, file, routes, counters, length_s, newest: None, ended: Vec::new() };
            Ok(until_error(move || bars.advance()))
        });
        vec![BarSource { not_before, open }]
    }
}

struct DbnBars {
    records: Records,
    file: DbnFile,
    routes: Routes,
    counters: Counters,
    length_s: u32,
    newest: Option<Known>,
    /// When the newest bar of each symbol ended.
    ended: Vec<Timestamp>,
}

/// Where the bars of an instrument id go from one time to another: most bars are of the id that the one before was of.
struct Known {
    instrument_id: u32,
    from: u64,
    to: u64,
    route: Option<Route>,
}

impl DbnBars {
    fn route(&mut self, instrument_id: u32, at: u64) -> Option<Route> {
        if let Some(known) = &self.newest
            && known.instrument_id == instrument_id
            && (known.from..known.to).contains(&at)
        {
            return known.route;
        }
        let (contract, from, to) = self.file.meaning_of(instrument_id, at)?;
        let route = contract.and_then(|contract| self.routes.get(contract)).copied();
        self.newest = Some(Known { instrument_id, from, to, route });
        route
    }

    fn advance(&mut self) -> Result<Option<BarEvent>, FeedError> {
        loop {
            let Some(record) = self.records.next_record()? else { return Ok(None) };
            let Some(bar) = record.get::<OhlcvMsg>().cloned() else {
                self.counters.other_records();
                continue;
            };
            let Some(route) = self.route(bar.hd.instrument_id, bar.hd.ts_event) else {
                self.counters.other_contracts();
                continue;
            };
            return self.bar(&bar, route).map(|bar| Some(BarEvent::Trades(bar)));
        }
    }

    fn bar(&mut self, bar: &OhlcvMsg, route: Route) -> Result<Bar, FeedError> {
        let price = |nanos: i64| -> Result<Price, FeedError> {
            let expected = "a price on the contract's tick grid";
            let priced = if nanos == UNDEF_PRICE { None } else { route.grid.price(nanos) };
            priced.ok_or_else(|| self.records.wrong(format!("the price {nanos} billionths"), expected))
        };
        let open_ts = i64::try_from(bar.hd.ts_event).map_or(Timestamp::MAX, Timestamp::from_nanos);
        let prices = [price(bar.open)?, price(bar.high)?, price(bar.low)?, price(bar.close)?];
        let [open, high, low, close] = prices;
        let place = usize::from(route.symbol.0);
        if self.ended.len() <= place {
            self.ended.resize(place + 1, Timestamp::MIN);
        }
        sound::check(prices, route.grid)
            .and_then(|()| sound::follows(open_ts, self.length_s, self.ended[place]))
            .map_err(|(found, expected)| self.records.wrong(found, &expected))?;
        self.ended[place] = open_ts + std::time::Duration::from_secs(u64::from(self.length_s));
        Ok(Bar {
            symbol: route.symbol,
            open_ts,
            length_s: self.length_s,
            open,
            high,
            low,
            close,
            volume: bar.volume,
            trades: 0,
            quality: Quality::Complete,
        })
    }
}
