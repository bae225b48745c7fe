//! Bars as a market: what a source of bars yields, and what a venue is shown of it.
//! In: bars of trades and bars of quotes. Out: one [`MarketBar`] for each symbol and interval. Absent: ticks; none are
//! made of bars here.

use std::time::Duration;

use crate::market::{Bar, Price, Quality, SymbolId};
use crate::time::Timestamp;

/// The four prices of an interval; `low <= open, close <= high`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ohlc {
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
}

impl Ohlc {
    pub fn flat(price: Price) -> Self {
        Self { open: price, high: price, low: price, close: price }
    }

    pub fn of(bar: &Bar) -> Self {
        Self { open: bar.open, high: bar.high, low: bar.low, close: bar.close }
    }
}

/// The best bid and offer over `[open_ts, open_ts + length)`. A side that nobody quoted is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuoteBar {
    pub symbol: SymbolId,
    pub open_ts: Timestamp,
    /// Seconds, greater than zero.
    pub length_s: u32,
    pub bid: Option<Ohlc>,
    pub ask: Option<Ohlc>,
    /// Contracts at the end.
    pub bid_size: u32,
    pub ask_size: u32,
}

/// What a source of bars yields, in the order in which the intervals end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BarEvent {
    Trades(Bar),
    Quotes(QuoteBar),
}

impl BarEvent {
    pub fn symbol(&self) -> SymbolId {
        match self {
            BarEvent::Trades(bar) => bar.symbol,
            BarEvent::Quotes(bar) => bar.symbol,
        }
    }

    pub fn open_ts(&self) -> Timestamp {
        match self {
            BarEvent::Trades(bar) => bar.open_ts,
            BarEvent::Quotes(bar) => bar.open_ts,
        }
    }

    pub fn length_s(&self) -> u32 {
        match self {
            BarEvent::Trades(bar) => bar.length_s,
            BarEvent::Quotes(bar) => bar.length_s,
        }
    }

    /// The first instant after the interval: from then on it is known.
    pub fn end(&self) -> Timestamp {
        self.open_ts() + Duration::from_secs(u64::from(self.length_s()))
    }
}

/// Everything that is known of one symbol over one interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MarketBar {
    pub symbol: SymbolId,
    pub open_ts: Timestamp,
    pub end: Timestamp,
    pub trades: Option<Bar>,
    pub quotes: Option<QuoteBar>,
}

impl MarketBar {
    pub fn of(event: BarEvent) -> Self {
        let (trades, quotes) = match event {
            BarEvent::Trades(bar) => (Some(bar), None),
            BarEvent::Quotes(bar) => (None, Some(bar)),
        };
        Self { symbol: event.symbol(), open_ts: event.open_ts(), end: event.end(), trades, quotes }
    }

    /// Adds what another source says of the same symbol and interval; `false` if it is not the same, or known already.
    pub fn join(&mut self, event: &BarEvent) -> bool {
        let same = event.symbol() == self.symbol && event.open_ts() == self.open_ts && event.end() == self.end;
        match event {
            BarEvent::Trades(bar) if same && self.trades.is_none() => self.trades = Some(*bar),
            BarEvent::Quotes(bar) if same && self.quotes.is_none() => self.quotes = Some(*bar),
            BarEvent::Trades(_) | BarEvent::Quotes(_) => return false,
        }
        true
    }

    /// Contracts traded; `None` where only quotes are known.
    pub fn volume(&self) -> Option<u64> {
        self.trades.map(|bar| bar.volume)
    }
}

/// A bar of the middle between bid and ask, rounded down to the tick, for strategies on symbols of which only quotes are
/// known: volume and number of trades are zero, which tells it from a bar of trades.
pub fn middle(quotes: &QuoteBar) -> Option<Bar> {
    let (bid, ask) = (quotes.bid?, quotes.ask?);
    let mid = |bid: Price, ask: Price| Price((bid.0 + ask.0).div_euclid(2));
    let (open, close) = (mid(bid.open, ask.open), mid(bid.close, ask.close));
    Some(Bar {
        symbol: quotes.symbol,
        open_ts: quotes.open_ts,
        length_s: quotes.length_s,
        open,
        // The extremes of the two sides need not have stood together; the middle of the edges still holds its ends.
        high: mid(bid.high, ask.high).max(open).max(close),
        low: mid(bid.low, ask.low).min(open).min(close),
        close,
        volume: 0,
        trades: 0,
        quality: Quality::Complete,
    })
}
