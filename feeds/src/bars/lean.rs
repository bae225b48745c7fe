//! LEAN's bars: seconds and minutes (a zip a day), hours and days (a zip for everything, in a folder `hour` or `daily`).
//! In: a zip. Out: bars of trades and of quotes, stamped at their open. A side of a quote bar that did not change is
//! empty in the file and stands at its last price here.

use std::collections::BTreeMap;
use std::path::Path;

use engine::bar_market::{BarEvent, Ohlc, QuoteBar};
use engine::market::{Bar, Quality};
use engine::time::Timestamp;

use super::text::Head;
use super::{BarFile, BarSource, Lane, Told, sound, until_error};
use crate::contract::Contract;
use crate::counts::Counters;
use crate::error::FeedError;
use crate::lean::rows::{self, Row, Rows};
use crate::lean::{Entry, LeanFile};
use crate::merge::{Route, Routes};
use crate::select::Holds;

pub(super) fn open(path: &Path, head: &Head, _told: &Told<'_>) -> Option<Result<Box<dyn BarFile>, FeedError>> {
    matches!(head.bytes.get(..4)?, b"PK\x03\x04" | b"PK\x05\x06").then_some(())?;
    Some(LeanFile::open(path).and_then(|file| {
        let ticks = file.entries().find(|entry| entry.kind.length_s().is_none()).map(|entry| entry.name.clone());
        match ticks {
            Some(name) => Err(FeedError::UnknownSchema {
                path: path.to_owned(),
                found: format!("ticks in {name}"),
                expected: "bars, or [backtest.fills] model = \"ticks\"",
            }),
            None => Ok(Box::new(file) as Box<dyn BarFile>),
        }
    }))
}

impl Holds for LeanFile {
    fn contracts(&self) -> Vec<Contract> {
        self.entries().map(|entry| entry.contract.clone()).collect()
    }

    fn volumes(&self) -> Result<BTreeMap<Contract, u64>, FeedError> {
        LeanFile::volumes(self)
    }
}

impl BarFile for LeanFile {
    fn lanes(&self) -> Vec<Lane> {
        let lane = |entry: &Entry| {
            let (contract, trades) = (entry.contract.clone(), entry.kind.trades());
            Some(Lane { contract, trades, length_s: entry.kind.length_s()? })
        };
        self.entries().filter_map(lane).collect()
    }

    fn sources(&self, routes: &Routes, _counters: &Counters) -> Vec<BarSource> {
        let source = |entry: &Entry| {
            let route = *routes.get(&entry.contract)?;
            let length_s = entry.kind.length_s()?;
            let (path, entry) = (self.path().to_owned(), entry.clone());
            let not_before = entry.midnight();
            let open = Box::new(move || {
                let rows = Rows::open(&path, &entry)?;
                let (midnight, ended) = (entry.midnight(), Timestamp::MIN);
                let mut bars = LeanBars { rows, midnight, length_s, route, bid: None, ask: None, ended };
                Ok(until_error(move || bars.advance()))
            });
            Some(BarSource { not_before, open })
        };
        self.entries().filter_map(source).collect()
    }
}

struct LeanBars {
    rows: Rows,
    midnight: Timestamp,
    length_s: u32,
    route: Route,
    /// As last known, with contracts.
    bid: Option<(Ohlc, u32)>,
    ask: Option<(Ohlc, u32)>,
    /// When the newest bar ended.
    ended: Timestamp,
}

impl LeanBars {
    fn advance(&mut self) -> Result<Option<BarEvent>, FeedError> {
        let Some(row) = self.rows.next_row()? else { return Ok(None) };
        let event = match row {
            Row::Tick { .. } => return Err(self.rows.wrong("a tick".to_owned(), "a bar".to_owned())),
            Row::Trades { ms, prices, volume } => {
                let Ohlc { open, high, low, close } = self.on_grid(prices)?;
                BarEvent::Trades(Bar {
                    symbol: self.route.symbol,
                    open_ts: self.at(ms),
                    length_s: self.length_s,
                    open,
                    high,
                    low,
                    close,
                    volume: u64::from(volume),
                    // LEAN does not say how many.
                    trades: 0,
                    quality: Quality::Complete,
                })
            }
            Row::Quotes { ms, bid, ask } => {
                self.bid = self.side(bid, self.bid)?;
                self.ask = self.side(ask, self.ask)?;
                let size = |side: Option<(Ohlc, u32)>| side.map_or(0, |(_, size)| size);
                BarEvent::Quotes(QuoteBar {
                    symbol: self.route.symbol,
                    open_ts: self.at(ms),
                    length_s: self.length_s,
                    bid: self.bid.map(|(prices, _)| prices),
                    ask: self.ask.map(|(prices, _)| prices),
                    bid_size: size(self.bid),
                    ask_size: size(self.ask),
                })
            }
        };
        sound::follows(event.open_ts(), self.length_s, self.ended)
            .map_err(|(found, expected)| self.rows.wrong(found, expected))?;
        self.ended = event.end();
        Ok(Some(event))
    }

    fn side(
        &self,
        now: Option<(rows::Ohlc, u32)>,
        before: Option<(Ohlc, u32)>,
    ) -> Result<Option<(Ohlc, u32)>, FeedError> {
        match now {
            Some((prices, size)) => Ok(Some((self.on_grid(prices)?, size))),
            None => Ok(before.map(|(prices, size)| (Ohlc::flat(prices.close), size))),
        }
    }

    fn on_grid(&self, prices: rows::Ohlc) -> Result<Ohlc, FeedError> {
        let price = |nanos: i64| {
            self.route.grid.price(nanos).ok_or_else(|| {
                self.rows.wrong(format!("the price {} billionths", nanos), "a price on the tick grid".to_owned())
            })
        };
        let [open, high, low, close] =
            [price(prices.open)?, price(prices.high)?, price(prices.low)?, price(prices.close)?];
        sound::check([open, high, low, close], self.route.grid)
            .map_err(|(found, expected)| self.rows.wrong(found, expected))?;
        Ok(Ohlc { open, high, low, close })
    }

    fn at(&self, ms: u64) -> Timestamp {
        self.midnight + std::time::Duration::from_millis(ms)
    }
}
