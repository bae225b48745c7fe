//! Quotes as a quote screen shows them: subscriptions, snapshots, delayed data. In: subscriptions, market events, market
//! time. Out: ticks by type, only those that changed, at most one update in a quarter of a second of market time.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::market::{FeedEvent, SymbolId};
use engine::time::Timestamp;
use engine::venue::Refusal;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::quote_ticks::{DELAYED, LIVE, Screen, changes};
use crate::broker::session::{SYSTEM, invalid};
use crate::catalog::Listing;
use crate::history::View;
use crate::wire::market_data::{MarketDataRequest, MarketDataType, TickReqParams, TickSnapshotEnd};

/// Between two updates of a subscription.
const UPDATE_EVERY: Duration = Duration::from_millis(250);
const DELAYED_EVERY: Duration = Duration::from_secs(1);
/// How old delayed data is.
const DELAY: Duration = Duration::from_secs(15 * 60);
/// A snapshot ends when everything usual has been sent, and after this at the latest.
const SNAPSHOT_MAX: Duration = Duration::from_secs(11);
const DUPLICATE: i32 = 322;
const UNKNOWN_TICKER: i32 = 300;
const NOT_SUBSCRIBED: i32 = 354;
const DISPLAYING_DELAYED: i32 = 10167;
/// Which venues make up the best quote; a token that clients only hand back.
const BBO_EXCHANGE: &str = "9c0001";
const SNAPSHOT_PERMISSIONS: i32 = 3;
const PRECISION: &str = "0.000001";

/// 1 live, 2 frozen, 3 delayed, 4 delayed and frozen.
const LIVE_TYPE: i32 = 1;
const DELAYED_TYPE: i32 = 3;

#[derive(Debug)]
struct MarketSub {
    conn: ConnId,
    req_id: i32,
    symbol: SymbolId,
    delayed: bool,
    screen: Screen,
    /// When a snapshot ends at the latest.
    snapshot: Option<Timestamp>,
    sent: Option<View>,
    /// Not before this is the next update sent.
    due: Timestamp,
    /// Something may have changed since the last update.
    dirty: bool,
}

impl MarketSub {
    /// When it owes an update if no event comes.
    fn timer(&self) -> Option<Timestamp> {
        let update = (self.dirty || self.delayed).then_some(self.due);
        [update, self.snapshot].into_iter().flatten().min()
    }
}

#[derive(Debug, Default)]
pub struct MarketSubs {
    all: Vec<MarketSub>,
    /// What each client asked for last; live where it did not.
    types: BTreeMap<ConnId, i32>,
}

impl MarketSubs {
    /// Request ids of a connection's subscriptions.
    pub fn req_ids(&self, conn: ConnId) -> Vec<i32> {
        self.all.iter().filter(|sub| sub.conn == conn).map(|sub| sub.req_id).collect()
    }

    pub fn remove_client(&mut self, conn: ConnId) {
        self.all.retain(|sub| sub.conn != conn);
        self.types.remove(&conn);
    }

    pub fn first(&self) -> Option<ConnId> {
        self.all.first().map(|sub| sub.conn)
    }

    pub fn next_due(&self) -> Option<Timestamp> {
        self.all.iter().filter_map(MarketSub::timer).min()
    }

    fn has(&self, conn: ConnId, req_id: i32) -> bool {
        self.all.iter().any(|sub| (sub.conn, sub.req_id) == (conn, req_id))
    }
}

impl Broker {
    /// Applies to the subscriptions that come after it.
    pub(super) fn set_market_data_type(&mut self, conn: ConnId, wanted: i32) {
        if !(1..=4).contains(&wanted) {
            return self.refuse(conn, SYSTEM, &invalid(&format!("Market data type {wanted} is not 1, 2, 3 or 4")));
        }
        self.data.markets.types.insert(conn, wanted);
    }

    pub(super) fn subscribe_market(&mut self, conn: ConnId, request: &MarketDataRequest) {
        let req_id = request.req_id.unwrap_or(SYSTEM);
        let kind = self.data.markets.types.get(&conn).copied().unwrap_or(LIVE_TYPE);
        let delayed = kind >= DELAYED_TYPE;
        let read = self.read_market(conn, req_id, delayed, request);
        let (symbol, played, opening, open) = match &read {
            Ok((listing, _)) => {
                let open = listing.hours.calendar().is_open(self.now());
                (listing.instrument.id, listing.played, params(req_id, listing), open)
            }
            Err(refusal) => {
                let refusal = refusal.clone();
                return self.refuse(conn, req_id, &refusal);
            }
        };
        let Ok((_, screen)) = read else { return };
        self.send(conn, opening);
        // Nothing is frozen while the market is open.
        let shown = if open && kind % 2 == 0 { kind - 1 } else { kind };
        self.send(conn, MarketDataType { req_id: Some(req_id), market_data_type: Some(shown) });
        if !played {
            let text = "Requested market data is not subscribed. Displaying delayed market data.";
            self.error(conn, req_id, DISPLAYING_DELAYED, text);
        }
        self.begin_playing();
        let now = self.now();
        let snapshot = request.snapshot.unwrap_or(false).then_some(now + SNAPSHOT_MAX);
        let sub = MarketSub { conn, req_id, symbol, delayed, screen, snapshot, sent: None, due: now, dirty: false };
        self.data.markets.all.push(sub);
        // The day so far belongs to the first update.
        if self.memory.whole(symbol).is_some_and(|tape| *tape.view() != View::default()) {
            self.update_market(self.data.markets.all.len() - 1, now);
        }
        self.end_snapshots(now);
    }

    fn read_market(
        &self,
        conn: ConnId,
        req_id: i32,
        delayed: bool,
        request: &MarketDataRequest,
    ) -> Result<(&Listing, Screen), Refusal> {
        let listing = self.catalog.only(&request.contract.clone().unwrap_or_default())?;
        let words = request.generic_tick_list.as_deref().unwrap_or("");
        let screen = Screen::read(words, if delayed { &DELAYED } else { &LIVE }).map_err(|cause| invalid(&cause))?;
        let snapshot = request.snapshot.unwrap_or(false);
        if snapshot && !words.trim().is_empty() {
            return Err(invalid("Snapshot market data subscription is not applicable to generic ticks"));
        }
        if request.regulatory_snapshot.unwrap_or(false) {
            return Err(invalid("Regulatory snapshots are not available for FUT"));
        }
        if self.data.markets.has(conn, req_id) {
            let text = "Error processing request.-'bW' : cause - Duplicate ticker id".to_owned();
            return Err(Refusal { code: DUPLICATE, text });
        }
        if !listing.played && !delayed {
            let (symbol, exchange) = (&listing.instrument.root, &listing.instrument.exchange);
            let text = format!(
                "Requested market data is not subscribed. Check API status by selecting the Account menu then under \
                 Management choose Market Data Subscription Manager and/or availability of delayed data.{symbol} \
                 {exchange}/TOP/ALL"
            );
            return Err(Refusal { code: NOT_SUBSCRIBED, text });
        }
        Ok((listing, screen))
    }

    pub(super) fn cancel_market(&mut self, conn: ConnId, req_id: i32) {
        if !self.data.markets.has(conn, req_id) {
            return self.error(conn, req_id, UNKNOWN_TICKER, &format!("Can't find EId with tickerId:{req_id}"));
        }
        self.data.markets.all.retain(|sub| (sub.conn, sub.req_id) != (conn, req_id));
    }

    /// An event comes: what was held back until now goes out first.
    #[inline]
    pub(super) fn send_markets_before(&mut self, event: &FeedEvent) {
        if !self.data.markets.all.is_empty() {
            self.send_due_markets(event.event.ts());
        }
    }

    #[inline]
    pub(super) fn send_markets_after(&mut self, event: &FeedEvent) {
        if self.data.markets.all.is_empty() {
            return;
        }
        let at = event.event.ts();
        for index in 0..self.data.markets.all.len() {
            let sub = &mut self.data.markets.all[index];
            if sub.symbol == event.symbol && !sub.delayed {
                sub.dirty = true;
                if sub.due <= at {
                    self.update_market(index, at);
                }
            }
        }
        self.end_snapshots(at);
    }

    /// Sends every update that is due at `at`.
    pub(super) fn send_due_markets(&mut self, at: Timestamp) {
        let mut sent = false;
        for index in 0..self.data.markets.all.len() {
            let sub = &self.data.markets.all[index];
            if (sub.dirty || sub.delayed) && sub.due <= at {
                self.update_market(index, at);
                sent = true;
            }
        }
        if sent || self.data.markets.all.iter().any(|sub| sub.snapshot.is_some_and(|end| end <= at)) {
            self.end_snapshots(at);
        }
    }

    /// The market is over: nothing is held back any longer.
    pub(super) fn flush_markets(&mut self) {
        let at = self.now();
        for index in 0..self.data.markets.all.len() {
            if self.data.markets.all[index].dirty {
                self.update_market(index, at);
            }
        }
        self.end_snapshots(Timestamp::MAX);
    }

    fn update_market(&mut self, index: usize, at: Timestamp) {
        let sub = &mut self.data.markets.all[index];
        let every = if sub.delayed { DELAYED_EVERY } else { UPDATE_EVERY };
        (sub.due, sub.dirty) = (at + every, false);
        let Some((tape, listing)) = self.memory.tape(sub.symbol).zip(self.catalog.listing(sub.symbol)) else {
            // Known and not played: there is never anything to show.
            sub.due = Timestamp::MAX;
            return;
        };
        let view = if sub.delayed {
            let calendar = listing.hours.calendar();
            if !calendar.is_open(at) {
                sub.due = calendar.next_open(at);
            }
            tape.view_at(at - DELAY)
        } else {
            *tape.view()
        };
        let frames = changes(sub.req_id, sub.sent.as_ref(), &view, &sub.screen, listing);
        sub.sent = Some(view);
        let conn = sub.conn;
        frames.into_iter().for_each(|frame| self.send(conn, frame));
    }

    /// Ends the snapshots that are complete or whose time is over.
    fn end_snapshots(&mut self, now: Timestamp) {
        let ended: Vec<(ConnId, i32)> = (self.data.markets.all.iter())
            .filter(|sub| sub.snapshot.is_some_and(|end| end <= now || sub.sent.as_ref().is_some_and(is_complete)))
            .map(|sub| (sub.conn, sub.req_id))
            .collect();
        for (conn, req_id) in ended {
            self.send(conn, TickSnapshotEnd { req_id: Some(req_id) });
            self.data.markets.all.retain(|sub| (sub.conn, sub.req_id) != (conn, req_id));
        }
    }
}

fn is_complete(view: &View) -> bool {
    view.quote.is_some() && view.last.is_some()
}

fn params(req_id: i32, listing: &Listing) -> TickReqParams {
    TickReqParams {
        req_id: Some(req_id),
        min_tick: Some(listing.instrument.tick_size.normalize().to_string()),
        bbo_exchange: Some(BBO_EXCHANGE.to_owned()),
        snapshot_permissions: Some(SNAPSHOT_PERMISSIONS),
        last_price_precision: Some(PRECISION.to_owned()),
        last_size_precision: Some(PRECISION.to_owned()),
    }
}
