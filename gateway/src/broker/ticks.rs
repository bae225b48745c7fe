//! Tick-by-tick data. In: subscriptions, and the events of a step. Out: one frame for each subscriber and tick.
//! A tick is encoded once for each encoding and kind, then joined to the subscribers' prefixes.

use engine::market::{FeedEvent, MarketEvent, Price, Quote, SymbolId, Trade};

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::past_ticks::TICKS_MAX;
use crate::broker::session::{SYSTEM, invalid};
use crate::catalog::Listing;
use crate::wire::Encoding;
use crate::wire::ticks::{Tick, TickByTickRequest, TickKind, put_frame, put_prefix, put_protobuf_body, put_text_body};

/// What an empty side of the book looks like on the wire.
const NO_PRICE: f64 = -1.0;
const DUPLICATE_TICKER: i32 = 102;
const NO_PERMISSIONS: i32 = 10189;
const NO_PERMISSIONS_TEXT: &str = "Failed to request tick-by-tick data.";

#[derive(Debug)]
struct Subscription {
    conn: ConnId,
    req_id: i32,
    symbol: SymbolId,
    kind: TickKind,
    text: bool,
    /// Only price changes are wanted.
    ignore_size: bool,
    prefix: Vec<u8>,
    /// The last tick's prices, for kinds that send changes only.
    last: Option<(Option<Price>, Option<Price>)>,
}

impl Subscription {
    /// Whether this quote is a tick for this subscriber.
    fn wants(&mut self, quote: &Quote) -> bool {
        let prices = (quote.bid, quote.ask);
        match self.kind {
            TickKind::Last | TickKind::AllLast => false,
            TickKind::BidAsk if !self.ignore_size => true,
            TickKind::MidPoint if quote.bid.is_none() || quote.ask.is_none() => false,
            TickKind::BidAsk => self.last.replace(prices) != Some(prices),
            TickKind::MidPoint => {
                let middle = |(bid, ask): (Option<Price>, Option<Price>)| Some(i64::from(bid?.0) + i64::from(ask?.0));
                self.last.replace(prices).and_then(middle) != middle(prices)
            }
        }
    }
}

/// All tick-by-tick subscriptions, in the order in which they came.
#[derive(Debug, Default)]
pub struct Subscriptions {
    all: Vec<Subscription>,
    /// Kept for their capacity: the body of the tick at hand in text and in protobuf, and its inner message.
    text: Vec<u8>,
    protobuf: Vec<u8>,
    scratch: Vec<u8>,
}

impl Subscriptions {
    /// The client that subscribed first.
    pub fn pacer(&self) -> Option<ConnId> {
        self.all.first().map(|first| first.conn)
    }

    pub fn remove(&mut self, conn: ConnId, req_id: i32) {
        self.all.retain(|subscription| (subscription.conn, subscription.req_id) != (conn, req_id));
    }

    pub fn remove_client(&mut self, conn: ConnId) {
        self.all.retain(|subscription| subscription.conn != conn);
    }

    /// Ends all of a connection's subscriptions; returns their request ids.
    pub fn take_client(&mut self, conn: ConnId) -> Vec<i32> {
        let ended = self.all.iter().filter(|subscription| subscription.conn == conn).map(|ended| ended.req_id).collect();
        self.remove_client(conn);
        ended
    }

    fn wanted(&self, symbol: SymbolId, kind: fn(TickKind) -> bool) -> bool {
        self.all.iter().any(|subscription| subscription.symbol == symbol && kind(subscription.kind))
    }

    /// Encodes one tick in the encodings that are needed.
    fn encode(&mut self, tick: &Tick<'_>) {
        self.text.clear();
        self.protobuf.clear();
        if self.all.iter().any(|subscription| subscription.text) {
            put_text_body(&mut self.text, tick);
        }
        if self.all.iter().any(|subscription| !subscription.text) {
            put_protobuf_body(&mut self.protobuf, &mut self.scratch, tick);
        }
    }
}

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
        if self.ticks.all.iter().any(|other| other.conn == conn && other.req_id == req_id) {
            return self.error(conn, req_id, DUPLICATE_TICKER, "Duplicate ticker ID.");
        }
        if count > 0 {
            self.send_ticks_before(conn, req_id, &listing, (kind, ignore_size), count);
        }
        let Some(client) = self.clients.get(&conn) else { return };
        let mut prefix = Vec::new();
        put_prefix(&mut prefix, client.encoding, req_id, kind);
        self.ticks.all.push(Subscription {
            conn,
            req_id,
            symbol,
            kind,
            text: matches!(client.encoding, Encoding::Text { .. }),
            ignore_size,
            prefix,
            last: None,
        });
        self.playing = true;
    }

    pub(super) fn send_ticks(&mut self, events: &[FeedEvent]) {
        if self.ticks.all.is_empty() {
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
            exchange: &listing.instrument.exchange,
        };
        self.ticks.encode(&tick);
        self.deliver(symbol, |subscription| is_trade(subscription.kind));
    }

    fn send_quote(&mut self, symbol: SymbolId, quote: &Quote) {
        let Some(listing) = self.catalog.listing(symbol) else {
            return;
        };
        let offset = self.price_offset();
        let (middle, tick) = (middle_tick(listing, quote, offset), quote_tick(listing, quote, offset));
        if let Some(middle) = middle.filter(|_| self.ticks.wanted(symbol, |kind| kind == TickKind::MidPoint)) {
            self.ticks.encode(&middle);
            self.deliver(symbol, |sub| sub.kind == TickKind::MidPoint && sub.wants(quote));
        }
        if self.ticks.wanted(symbol, |kind| kind == TickKind::BidAsk) {
            self.ticks.encode(&tick);
            self.deliver(symbol, |sub| sub.kind == TickKind::BidAsk && sub.wants(quote));
        }
    }

    /// Sends the encoded tick to the subscribers of the symbol that want it.
    fn deliver(&mut self, symbol: SymbolId, mut wants: impl FnMut(&mut Subscription) -> bool) {
        let Subscriptions { all, text, protobuf, .. } = &mut self.ticks;
        let mut sent = 0;
        for subscription in all.iter_mut().filter(|subscription| subscription.symbol == symbol) {
            if !wants(subscription) {
                continue;
            }
            let body = if subscription.text { &*text } else { &*protobuf };
            if let Some(client) = self.clients.get_mut(&subscription.conn) {
                put_frame(client.outbox.tail(), &subscription.prefix, body);
                sent += 1;
            }
        }
        self.counters.ticks(sent);
    }
}

/// `offset`: points on top of each price.
fn quote_tick<'a>(listing: &Listing, quote: &Quote, offset: f64) -> Tick<'a> {
    let of_price = |price: Price| listing.points.of_ticks(i64::from(price.0)) + offset;
    let points = |price: Option<Price>| price.map_or(NO_PRICE, of_price);
    Tick::BidAsk {
        time: quote.ts.secs(),
        bid: points(quote.bid),
        ask: points(quote.ask),
        bid_size: quote.bid_size,
        ask_size: quote.ask_size,
    }
}

fn middle_tick<'a>(listing: &Listing, quote: &Quote, offset: f64) -> Option<Tick<'a>> {
    let twice = i64::from(quote.bid?.0) + i64::from(quote.ask?.0);
    Some(Tick::MidPoint { time: quote.ts.secs(), price: listing.points.of_half_ticks(twice) + offset })
}
