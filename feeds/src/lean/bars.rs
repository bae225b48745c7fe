//! LEAN rows to events. In: ticks, trade bars, quote bars. Out: trades and quotes inside each bar's time.
//! A trade bar becomes four trades that fold into the same bar: open, the extreme nearer to it, the other extreme, close.
//! A quote bar becomes four quotes on the same path, each just before the trade of its place. Absent: what really
//! happened between; nobody knows it from bars.

use std::collections::VecDeque;
use std::time::Duration;

use engine::market::{FeedEvent, MarketEvent, Price, Quote, Trade};
use engine::time::Timestamp;

use super::rows::{Ohlc, Row, Rows};
use super::{Entry, Kind};
use crate::counts::Counters;
use crate::error::FeedError;
use crate::merge::Route;

/// Price and size, if there is anybody.
type Side = Option<(Price, u32)>;

/// The events of one CSV. Ends after its first error.
pub(super) struct LeanEvents {
    rows: Rows,
    midnight: Timestamp,
    length_ms: u64,
    route: Route,
    counters: Counters,
    /// A side that did not change is not repeated by the file.
    bid: Option<(Ohlc, u32)>,
    ask: Option<(Ohlc, u32)>,
    /// As last passed on.
    last: Option<(Side, Side)>,
    ready: VecDeque<FeedEvent>,
    ended: bool,
}

impl LeanEvents {
    pub(super) fn new(rows: Rows, entry: &Entry, route: Route, counters: Counters) -> Self {
        let length_ms = match entry.kind {
            Kind::TradeBars { length_ms } | Kind::QuoteBars { length_ms } => length_ms,
            Kind::Ticks | Kind::OpenInterest => 0,
        };
        let (midnight, ready) = (entry.midnight(), VecDeque::with_capacity(4));
        Self { rows, midnight, length_ms, route, counters, bid: None, ask: None, last: None, ready, ended: false }
    }

    fn row(&mut self, row: Row) {
        match row {
            Row::Tick { ms, price, size, suspicious } => {
                if suspicious {
                    self.counters.suspicious_kept();
                }
                self.trade(self.at(ms), price, size);
            }
            Row::Trades { ms, prices, volume } => {
                let stamps = places(self.length_ms, 1);
                for ((offset, price), size) in stamps.into_iter().zip(path(prices, prices)).zip(parts(volume)) {
                    self.trade(self.at(ms + offset), price.0, size);
                }
            }
            Row::Quotes { ms, bid, ask } => self.quotes(ms, bid, ask),
        }
    }

    fn trade(&mut self, ts: Timestamp, nanos: i64, size: u32) {
        match self.route.grid.price(nanos) {
            Some(price) => self.push(MarketEvent::Trade(Trade { ts, price, size })),
            None => self.counters.off_grid_trades(),
        }
    }

    fn quotes(&mut self, ms: u64, bid: Option<(Ohlc, u32)>, ask: Option<(Ohlc, u32)>) {
        // An unchanged side stood at its last price all the time.
        self.bid = bid.or(self.bid.map(|(prices, size)| (flat(prices.close), size)));
        self.ask = ask.or(self.ask.map(|(prices, size)| (flat(prices.close), size)));
        let Some(either) = self.bid.or(self.ask) else { return };
        let bids = self.bid.unwrap_or(either);
        let asks = self.ask.unwrap_or(either);
        let stamps = places(self.length_ms, 0);
        for (offset, (bid, ask)) in stamps.into_iter().zip(path(bids.0, asks.0)) {
            let bid = self.bid.and_then(|(_, size)| self.side(bid, size));
            let ask = self.ask.and_then(|(_, size)| self.side(ask, size));
            self.quote(self.at(ms + offset), bid, ask);
        }
    }

    fn side(&self, nanos: i64, size: u32) -> Side {
        let price = self.route.grid.price(nanos);
        if price.is_none() {
            self.counters.off_grid_quotes();
        }
        price.map(|price| (price, size))
    }

    fn quote(&mut self, ts: Timestamp, bid: Side, ask: Side) {
        if let (Some((bid, _)), Some((ask, _))) = (bid, ask)
            && bid >= ask
        {
            return self.counters.crossed_quotes();
        }
        if self.last == Some((bid, ask)) {
            return;
        }
        self.last = Some((bid, ask));
        let ((bid, bid_size), (ask, ask_size)) = (bid.unzip(), ask.unzip());
        let (bid_size, ask_size) = (bid_size.unwrap_or(0), ask_size.unwrap_or(0));
        self.push(MarketEvent::Quote(Quote { ts, bid, ask, bid_size, ask_size }));
    }

    fn push(&mut self, event: MarketEvent) {
        self.ready.push_back(FeedEvent { symbol: self.route.symbol, event });
    }

    fn at(&self, ms: u64) -> Timestamp {
        self.midnight + Duration::from_millis(ms)
    }
}

impl Iterator for LeanEvents {
    type Item = Result<FeedEvent, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if self.ended {
                return None;
            }
            match self.rows.next_row() {
                Ok(Some(row)) => self.row(row),
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

fn flat(price: i64) -> Ohlc {
    Ohlc { open: price, high: price, low: price, close: price }
}

/// Milliseconds into the bar at which its four prices stand: begin, a third, two thirds, and just before the end.
/// Quotes come a millisecond before the trades of the same place.
fn places(length_ms: u64, trade_ms: u64) -> [u64; 4] {
    let third = length_ms / 3;
    [trade_ms, third + trade_ms, 2 * third + trade_ms, length_ms - 2 + trade_ms]
}

/// Open, nearer extreme, other extreme, close of the bids, with the asks of the same places. At equal distances the way
/// ends in the bar's direction: down first in a bar that closed higher.
fn path(bids: Ohlc, asks: Ohlc) -> [(i64, i64); 4] {
    let (up, down) = (bids.high - bids.open, bids.open - bids.low);
    let low_first = down < up || (down == up && bids.close >= bids.open);
    let (high, low) = ((bids.high, asks.high), (bids.low, asks.low));
    let (first, second) = if low_first { (low, high) } else { (high, low) };
    [(bids.open, asks.open), first, second, (bids.close, asks.close)]
}

/// Four sizes that add up to the volume; what does not divide goes to open and close first.
fn parts(volume: u32) -> [u32; 4] {
    let (part, rest) = (volume / 4, volume % 4);
    let extra = |place: u32| u32::from(rest > place);
    [part + extra(0), part + extra(2), part, part + extra(1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_add_up_to_the_volume() {
        for volume in [0, 1, 2, 3, 4, 5, 101, u32::MAX] {
            assert_eq!(parts(volume).iter().map(|part| u64::from(*part)).sum::<u64>(), u64::from(volume));
        }
        assert_eq!(parts(2), [1, 0, 0, 1]);
    }

    #[test]
    fn the_nearer_extreme_comes_first() {
        let way = |open, high, low, close| {
            let prices = Ohlc { open, high, low, close };
            path(prices, prices).map(|(bid, _)| bid)
        };
        assert_eq!(way(10, 20, 8, 15), [10, 8, 20, 15]);
        assert_eq!(way(10, 12, 1, 5), [10, 12, 1, 5]);
        assert_eq!(way(10, 15, 5, 11), [10, 5, 15, 11]);
        assert_eq!(way(10, 15, 5, 9), [10, 15, 5, 9]);
    }

    #[test]
    fn places_lie_inside_the_bar_and_quotes_lead() {
        for length_ms in [1_000, 60_000] {
            let (quotes, trades) = (places(length_ms, 0), places(length_ms, 1));
            assert!(quotes.iter().zip(trades).all(|(quote, trade)| *quote < trade));
            assert!(trades.is_sorted() && trades[3] == length_ms - 1);
        }
    }
}
