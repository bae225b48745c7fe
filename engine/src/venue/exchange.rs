//! The venue itself: its state, the way of a market event through it, and what can be read from it.
//! In: market events, the end of a day. Out: reports, and views of orders, executions, positions and cash.

use std::collections::{BTreeSet, VecDeque};

use super::account::Ledger;
use super::book::Book;
use super::matching::Reaction;
use super::oca::Groups;
use super::orders::{Orders, Slot};
use super::{Report, VenueConfig, VenueExecution, VenueOrder, VenuePosition};
use crate::market::{FeedEvent, Instrument, MarketEvent, Price, Quote, SymbolId, Trade};
use crate::time::Timestamp;
use crate::trade::{Money, PermId, TimeInForce};

/// One symbol: its market, its orders at the exchange, its position.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub book: Book,
    /// Armed and working orders, in no particular order.
    pub working: Vec<Slot>,
    /// While every price of an event lies strictly between these two, no order here can react to it.
    pub calm_above: i32,
    pub calm_below: i32,
    pub ledger: Ledger,
    pub symbol: SymbolId,
}

/// A simulated exchange with one account in front of it. Same requests and events, same reports, exactly.
#[derive(Clone, Debug)]
pub struct Venue {
    pub(super) commission: Money,
    pub(super) cash: Money,
    /// The latest time that anybody named; it never goes back.
    pub(super) now: Timestamp,
    pub(super) lanes: Vec<Lane>,
    /// Index into `lanes` by symbol number.
    lane_of: Vec<Option<usize>>,
    pub(super) orders: Orders,
    pub(super) groups: Groups,
    pub(super) executions: Vec<VenueExecution>,
    /// Orders that may trade against the book as it is, first come, first served.
    pub(super) arrivals: VecDeque<Slot>,
    /// Kept for its capacity.
    pub(super) reactions: Vec<Reaction>,
}

impl Venue {
    /// # Panics
    /// If two instruments have the same id; a read configuration never does.
    pub fn new(config: VenueConfig) -> Venue {
        let size = config.instruments.iter().map(|i| usize::from(i.id.0) + 1).max().unwrap_or(0);
        let mut lane_of = vec![None; size];
        let lanes: Vec<Lane> = config.instruments.iter().map(Lane::new).collect();
        for (index, lane) in lanes.iter().enumerate() {
            let place = &mut lane_of[usize::from(lane.symbol.0)];
            assert!(place.is_none(), "two instruments have the id {}", lane.symbol.0);
            *place = Some(index);
        }
        Venue {
            commission: config.commission,
            cash: config.cash,
            now: Timestamp::MIN,
            lanes,
            lane_of,
            orders: Orders::default(),
            groups: Groups::default(),
            executions: Vec::new(),
            arrivals: VecDeque::new(),
            reactions: Vec::new(),
        }
    }

    /// One market event: triggers stops, fills resting orders. Reports are appended to `out`. An event of a symbol
    /// that this venue does not list changes nothing.
    pub fn on_market(&mut self, event: &FeedEvent, out: &mut Vec<Report>) {
        self.advance_clock(event.event.ts());
        let Some(index) = self.lane_index(event.symbol) else {
            return;
        };
        let lane = &mut self.lanes[index];
        lane.book.apply(&event.event);
        if !lane.working.is_empty() && !lane.calm(&event.event) {
            let from = out.len();
            self.react(index, &event.event, out);
            name_once(out, from);
        }
    }

    /// Whether [`Venue::on_market`] would report anything for this event now.
    pub fn would_report(&self, event: &FeedEvent) -> bool {
        let Some(index) = self.lane_index(event.symbol) else {
            return false;
        };
        let lane = &self.lanes[index];
        if lane.working.is_empty() || lane.calm(&event.event) {
            return false;
        }
        let mut book = lane.book;
        book.apply(&event.event);
        lane.working.iter().any(|slot| self.reaction(*slot, &book, &event.event).is_some())
    }

    /// The trading day ends: day orders are cancelled, with code 202 and the text `Order Canceled - reason:`.
    pub fn end_of_day(&mut self, now: Timestamp, out: &mut Vec<Report>) {
        self.advance_clock(now);
        let from = out.len();
        let day: Vec<Slot> =
            self.orders.live().filter(|slot| self.orders[*slot].view.order.tif == TimeInForce::Day).collect();
        for slot in day {
            self.cancel_family(slot, out);
        }
        name_once(out, from);
    }

    pub fn order(&self, perm_id: PermId) -> Option<&VenueOrder> {
        self.orders.slot_of(perm_id).map(|slot| &self.orders[slot].view)
    }

    /// The order that a client placed under this id, live or not.
    pub fn order_of(&self, client_id: i32, order_id: i32) -> Option<&VenueOrder> {
        self.orders.find(client_id, order_id).map(|slot| &self.orders[slot].view)
    }

    /// Live orders of all clients, by permanent id.
    pub fn open_orders(&self) -> impl Iterator<Item = &VenueOrder> {
        self.orders.live().map(|slot| &self.orders[slot].view)
    }

    /// Filled and cancelled orders of all clients, by permanent id.
    pub fn completed_orders(&self) -> impl Iterator<Item = &VenueOrder> {
        self.orders.iter().filter(|entry| !entry.live()).map(|entry| &entry.view)
    }

    /// All executions since the venue began, oldest first.
    pub fn executions(&self) -> &[VenueExecution] {
        &self.executions
    }

    /// One for each listed symbol, also when flat.
    pub fn positions(&self) -> impl Iterator<Item = VenuePosition> {
        self.lanes.iter().map(|lane| lane.ledger.view(lane.symbol))
    }

    pub fn quote(&self, symbol: SymbolId) -> Option<&Quote> {
        self.lanes[self.lane_index(symbol)?].book.quote.as_ref()
    }

    pub fn last_trade(&self, symbol: SymbolId) -> Option<&Trade> {
        self.lanes[self.lane_index(symbol)?].book.trade.as_ref()
    }

    /// Starting cash, plus closed profit, minus commissions.
    pub fn cash(&self) -> Money {
        self.cash
    }

    /// Profit of the open positions at each symbol's last trade; without a trade, at the quote that would close them.
    pub fn unrealised(&self) -> Money {
        self.lanes.iter().filter_map(|lane| Some(lane.ledger.unrealised(lane.mark()?))).sum()
    }

    /// Highest order id that any client used plus one, at least 1: what each client is told at its connection.
    pub fn next_order_id(&self, client_id: i32) -> i32 {
        self.orders.highest(client_id).max(self.orders.highest_of_all()).saturating_add(1)
    }

    /// The latest time that the venue has heard of.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn advance_clock(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    pub(super) fn lane_index(&self, symbol: SymbolId) -> Option<usize> {
        self.lane_of.get(usize::from(symbol.0)).copied().flatten()
    }

    /// The lane of an accepted order.
    pub(super) fn lane_of_order(&self, slot: Slot) -> usize {
        self.lane_index(self.orders[slot].view.order.symbol).expect("an accepted order is for a listed symbol")
    }
}

impl Lane {
    fn new(instrument: &Instrument) -> Self {
        Self {
            book: Book::default(),
            working: Vec::new(),
            calm_above: i32::MIN,
            calm_below: i32::MAX,
            ledger: Ledger::new(instrument.tick_value()),
            symbol: instrument.id,
        }
    }

    #[inline]
    fn calm(&self, event: &MarketEvent) -> bool {
        let calm = |price: Price| price.0 > self.calm_above && price.0 < self.calm_below;
        match event {
            MarketEvent::Trade(trade) => calm(trade.price),
            MarketEvent::Quote(quote) => quote.bid.is_some_and(calm) && quote.ask.is_some_and(calm),
        }
    }

    fn mark(&self) -> Option<Price> {
        let side = self.ledger.closing_side()?;
        match (&self.book.trade, &self.book.quote) {
            (Some(trade), _) => Some(trade.price),
            (None, Some(quote)) => quote.touch(side).or_else(|| quote.touch(side.opposite())),
            (None, None) => None,
        }
    }
}

/// Keeps the last report on each order of those from `from` on: a reader sees the order as it is after the call, so an
/// earlier report would tell of fills whose executions are still to come.
pub(super) fn name_once(out: &mut Vec<Report>, from: usize) {
    if out.len() - from < 2 {
        return;
    }
    let mut named = BTreeSet::new();
    let mut kept = out.split_off(from);
    kept.reverse();
    kept.retain(|report| match report {
        Report::Order(perm_id) => named.insert(*perm_id),
        Report::Execution(_) | Report::Message { .. } => true,
    });
    out.extend(kept.into_iter().rev());
}
