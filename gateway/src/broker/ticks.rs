//! Tick-by-tick data. In: subscriptions, and the events of a step. Out: one frame for each subscriber and tick.
//! A tick is encoded once for each encoding and kind; `fanout` joins it to the subscribers' prefixes.

use engine::market::{FeedEvent, MarketEvent, Price, Quote, SymbolId, Trade};

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::fanout::Stream;
use crate::broker::past_ticks::TICKS_MAX;
use crate::broker::session::{SYSTEM, invalid};
use crate::catalog::Listing;
use crate::wire::Encoding;
use crate::wire::ticks::{Mask, Tick, TickByTickRequest, TickKind, put_prefix};

/// What an empty side of the book looks like on the wire.
const NO_PRICE: f64 = -1.0;
const DUPLICATE_TICKER: i32 = 102;
const NO_PERMISSIONS: i32 = 10189;
const NO_PERMISSIONS_TEXT: &str = "Failed to request tick-by-tick data.";

fn is_trade(kind: TickKind) -> bool {
    matches!(kind, TickKind::Last | TickKind::AllLast)
}

impl Broker {
    pub(super) fn subscribe_ticks(&mut self, conn: ConnId, request: &TickByTickRequest) {
        let req_id = request.req_id.unwrap_or(SYSTEM);
        let word = request.tick_type.as_deref().unwrap_or("");
        let Some(kind) = TickKind::from_wire(word) else {
            let cause = format!("Tick type {word:?} is not Last, AllLast, BidAsk or MidPoint");
            return self.refuse(conn, req_id, &invalid(&cause));
        };
        let count = match usize::try_from(request.number_of_ticks.unwrap_or(0)) {
            Ok(count) if count <= TICKS_MAX => count,
            _ => return self.refuse(conn, req_id, &invalid(&format!("Number of ticks must be 0 to {TICKS_MAX}"))),
        };
        let listing = match self.data_of(request.contract.as_ref(), NO_PERMISSIONS, NO_PERMISSIONS_TEXT) {
            Ok(listing) => listing.clone(),
            Err(refusal) => return self.refuse(conn, req_id, &refusal),
        };
        let (symbol, ignore_size) = (listing.instrument.id, request.ignore_size.unwrap_or(false));
        if self.ticks.follows(conn, req_id) {
            return self.error(conn, req_id, DUPLICATE_TICKER, "Duplicate ticker ID.");
        }
        if count > 0 {
            self.send_ticks_before(conn, req_id, &listing, (kind, ignore_size), count);
        }
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let mut prefix = Vec::new();
        put_prefix(&mut prefix, client.encoding, req_id, kind);
        let text = matches!(client.encoding, Encoding::Text { .. });
        self.ticks.add(conn, client, Stream { req_id, symbol, kind, text, ignore_size, prefix, last: None });
        self.begin_playing();
    }

    pub(super) fn cancel_ticks(&mut self, conn: ConnId, req_id: i32) {
        if let Some(client) = self.clients.get_mut(&conn) {
            self.ticks.remove(conn, client, req_id);
        }
    }

    pub(super) fn send_ticks(&mut self, events: &[FeedEvent]) {
        if self.ticks.is_empty() {
            return;
        }
        for event in events {
            match &event.event {
                MarketEvent::Trade(trade) => self.send_trade(event.symbol, trade),
                MarketEvent::Quote(quote) => self.send_quote(event.symbol, quote),
            }
        }
    }

    fn send_trade(&mut self, symbol: SymbolId, trade: &Trade) {
        let Some(listing) = self.catalog.listing(symbol).filter(|_| self.ticks.wanted(symbol, is_trade)) else {
            return;
        };
        let tick = Tick::Last {
            time: trade.ts.secs(),
            price: listing.points.of_ticks(i64::from(trade.price.0)) + self.price_offset(),
            size: trade.size,
            mask: self.tick_mask(),
            exchange: &listing.instrument.exchange,
        };
        self.ticks.encode(&tick);
        self.deliver(symbol, |stream| is_trade(stream.kind));
    }

    fn send_quote(&mut self, symbol: SymbolId, quote: &Quote) {
        let Some(listing) = self.catalog.listing(symbol) else {
            return;
        };
        let (offset, mask) = (self.price_offset(), self.tick_mask());
        let (middle, tick) = (middle_tick(listing, quote, offset), quote_tick(listing, quote, offset, mask));
        if let Some(middle) = middle.filter(|_| self.ticks.wanted(symbol, |kind| kind == TickKind::MidPoint)) {
            self.ticks.encode(&middle);
            self.deliver(symbol, |stream| stream.kind == TickKind::MidPoint && stream.wants(quote));
        }
        if self.ticks.wanted(symbol, |kind| kind == TickKind::BidAsk) {
            self.ticks.encode(&tick);
            self.deliver(symbol, |stream| stream.kind == TickKind::BidAsk && stream.wants(quote));
        }
    }

    fn deliver(&mut self, symbol: SymbolId, wants: impl FnMut(&mut Stream) -> bool) {
        let sent = self.ticks.deliver(symbol, wants);
        self.counters.ticks(sent);
    }
}

/// `offset`: points on top of each price.
fn quote_tick<'a>(listing: &Listing, quote: &Quote, offset: f64, mask: Mask) -> Tick<'a> {
    let of_price = |price: Price| listing.points.of_ticks(i64::from(price.0)) + offset;
    let points = |price: Option<Price>| price.map_or(NO_PRICE, of_price);
    Tick::BidAsk {
        time: quote.ts.secs(),
        bid: points(quote.bid),
        ask: points(quote.ask),
        bid_size: quote.bid_size,
        ask_size: quote.ask_size,
        mask,
    }
}

fn middle_tick<'a>(listing: &Listing, quote: &Quote, offset: f64) -> Option<Tick<'a>> {
    let twice = i64::from(quote.bid?.0) + i64::from(quote.ask?.0);
    Some(Tick::MidPoint { time: quote.ts.secs(), price: listing.points.of_half_ticks(twice) + offset })
}
