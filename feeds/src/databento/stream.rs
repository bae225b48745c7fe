//! DBN records to events. In: records of one file, in file order. Out: trades, and a quote when the best bid or offer
//! changed: level 0 of mbp-1, the top of a book built from mbo. Absent: fills (action F), which would double the trades.

use std::collections::{HashMap, VecDeque};

use dbn::{FlagSet, MboMsg, Mbp1Msg, RecordRef, TradeMsg, UNDEF_PRICE};
use engine::market::{FeedEvent, MarketEvent, Price, Quote, Trade};
use engine::time::Timestamp;

use super::DbnFile;
use super::source::Records;
use crate::book::{Book, BookSide, Top};
use crate::counts::Counters;
use crate::error::FeedError;
use crate::merge::{Route, Routes};

/// The events of one file. Ends after its first error.
pub(super) struct DbnEvents {
    records: Records,
    decode: Decode,
    ended: bool,
}

impl DbnEvents {
    pub(super) fn open(file: &DbnFile, routes: &Routes, counters: Counters) -> Result<Self, FeedError> {
        let lane = |naming: &super::Naming| Lane {
            from: naming.from,
            to: naming.to,
            route: naming.contract.as_ref().and_then(|contract| routes.get(contract)).copied(),
        };
        let lanes = file.names.iter().map(|(id, namings)| (*id, namings.iter().map(lane).collect())).collect();
        let decode = Decode { lanes, counters, tapes: HashMap::new(), ready: VecDeque::new() };
        Ok(Self { records: Records::open(&file.path)?, decode, ended: false })
    }

    fn advance(&mut self) -> Result<bool, FeedError> {
        let Some(record) = self.records.next_record()? else {
            return Ok(false);
        };
        let read = self.decode.record(record);
        read.map_err(|error| self.records.broken(&error))?;
        Ok(true)
    }
}

impl Iterator for DbnEvents {
    type Item = Result<FeedEvent, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.decode.ready.pop_front() {
                return Some(Ok(event));
            }
            if self.ended {
                return None;
            }
            match self.advance() {
                Ok(more) => self.ended = !more,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

struct Decode {
    // Looked up by instrument id, never walked.
    lanes: HashMap<u32, Vec<Lane>>,
    tapes: HashMap<u32, Tape>,
    counters: Counters,
    ready: VecDeque<FeedEvent>,
}

/// Where an instrument id's events go during `[from, to)`.
#[derive(Clone, Copy)]
struct Lane {
    from: u64,
    to: u64,
    route: Option<Route>,
}

/// What is known of one instrument while reading.
#[derive(Default)]
struct Tape {
    book: Book,
    /// As last passed on.
    top: Top,
}

/// A trade as any of the schemas has it.
pub(super) struct RawTrade {
    pub(super) instrument_id: u32,
    /// Nanoseconds.
    pub(super) at: u64,
    price: i64,
    pub(super) size: u32,
}

const TRADE: u8 = b'T';

/// The trade in a record, if it is one.
pub(super) fn trade_of(record: RecordRef<'_>) -> dbn::Result<Option<RawTrade>> {
    let instrument_id = record.header().instrument_id;
    let (action, at, price, size) = if record.has::<TradeMsg>() {
        let m: &TradeMsg = record.try_get()?;
        (m.action, stamp(m.hd.ts_event, m.ts_recv, m.flags), m.price, m.size)
    } else if record.has::<Mbp1Msg>() {
        let m: &Mbp1Msg = record.try_get()?;
        (m.action, stamp(m.hd.ts_event, m.ts_recv, m.flags), m.price, m.size)
    } else if record.has::<MboMsg>() {
        let m: &MboMsg = record.try_get()?;
        (m.action, stamp(m.hd.ts_event, m.ts_recv, m.flags), m.price, m.size)
    } else {
        return Ok(None);
    };
    Ok((action as u8 == TRADE).then_some(RawTrade { instrument_id, at, price, size }))
}

/// The exchange's time; folded by it, trades make Databento's own bars (by time of receipt too). A snapshot repeats orders with the times at which they were placed, days ago: its own time is
/// when it was received.
fn stamp(ts_event: u64, ts_recv: u64, flags: FlagSet) -> u64 {
    if flags.is_snapshot() { ts_recv } else { ts_event }
}

impl Decode {
    fn record(&mut self, record: RecordRef<'_>) -> dbn::Result<()> {
        if let Some(trade) = trade_of(record)? {
            self.trade(&trade);
        }
        if record.has::<Mbp1Msg>() {
            self.level(record.try_get()?);
        } else if record.has::<MboMsg>() {
            self.order(record.try_get()?);
        } else if !record.has::<TradeMsg>() {
            self.counters.other_records();
        }
        Ok(())
    }

    fn trade(&mut self, trade: &RawTrade) {
        let Some(route) = self.route(trade.instrument_id, trade.at) else {
            return self.counters.other_contracts();
        };
        if trade.price == UNDEF_PRICE {
            return self.counters.undefined_trades();
        }
        let Some(price) = route.grid.price(trade.price) else {
            return self.counters.off_grid_trades();
        };
        let event = MarketEvent::Trade(Trade { ts: instant(trade.at), price, size: trade.size });
        self.ready.push_back(FeedEvent { symbol: route.symbol, event });
    }

    fn level(&mut self, message: &Mbp1Msg) {
        let at = stamp(message.hd.ts_event, message.ts_recv, message.flags);
        let best = &message.levels[0];
        let side = |price, size| (price != UNDEF_PRICE).then_some((price, size));
        let top = Top { bid: side(best.bid_px, best.bid_sz), ask: side(best.ask_px, best.ask_sz) };
        self.quote(message.hd.instrument_id, at, top);
    }

    fn order(&mut self, message: &MboMsg) {
        let id = message.hd.instrument_id;
        let at = stamp(message.hd.ts_event, message.ts_recv, message.flags);
        if self.route(id, at).is_none() {
            // Its trades are counted where they are read.
            if message.action as u8 != TRADE {
                self.counters.other_contracts();
            }
            return;
        }
        let tape = self.tapes.entry(id).or_default();
        if !apply(&mut tape.book, message) {
            self.counters.unknown_orders();
        }
        // Between the messages of one matching event the book is in no state that anybody could trade on.
        if message.flags.is_last() {
            let top = tape.book.top();
            self.quote(id, at, top);
        }
    }

    /// Passes a best bid and offer on if it changed and is one.
    fn quote(&mut self, id: u32, at: u64, top: Top) {
        let Some(route) = self.route(id, at) else { return };
        let tape = self.tapes.entry(id).or_default();
        if tape.top == top {
            return;
        }
        if let (Some((bid, _)), Some((ask, _))) = (top.bid, top.ask)
            && bid >= ask
        {
            return self.counters.crossed_quotes();
        }
        tape.top = top;
        let (bid, bid_size) = self.side(route, top.bid);
        let (ask, ask_size) = self.side(route, top.ask);
        let event = MarketEvent::Quote(Quote { ts: instant(at), bid, ask, bid_size, ask_size });
        self.ready.push_back(FeedEvent { symbol: route.symbol, event });
    }

    fn side(&self, route: Route, best: Option<(i64, u32)>) -> (Option<Price>, u32) {
        let Some((nanos, size)) = best else { return (None, 0) };
        match route.grid.price(nanos) {
            Some(price) => (Some(price), size),
            None => {
                self.counters.off_grid_quotes();
                (None, 0)
            }
        }
    }

    fn route(&self, id: u32, at: u64) -> Option<Route> {
        match self.lanes.get(&id)?.as_slice() {
            [only] => only.route,
            several => several.iter().find(|lane| lane.from <= at && at < lane.to)?.route,
        }
    }
}

/// Changes the book as the message says. `false` if it speaks of an order that the book does not know.
fn apply(book: &mut Book, message: &MboMsg) -> bool {
    let action = message.action as u8;
    if action == b'R' {
        book.clear();
        return true;
    }
    let side = match message.side as u8 {
        b'B' => BookSide::Bid,
        b'A' => BookSide::Ask,
        _ => return true,
    };
    // Orders without a price (market orders in an auction) are in the book and on no level.
    let size = if message.price == UNDEF_PRICE { 0 } else { message.size };
    match action {
        b'A' => book.add(message.order_id, side, message.price, size),
        b'C' => return book.cancel(message.order_id, message.size),
        b'M' => return book.modify(message.order_id, side, message.price, size),
        // Trades and fills do not change the book: the cancels after them do.
        _ => {}
    }
    true
}

fn instant(nanos: u64) -> Timestamp {
    i64::try_from(nanos).map_or(Timestamp::MAX, Timestamp::from_nanos)
}
