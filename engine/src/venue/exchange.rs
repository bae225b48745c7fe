//! The venue itself: its state, the way of a market event through it, and what can be read from it.
//! In: market events, the end of a day. Out: reports, and views of orders, executions, positions and cash.

use std::collections::{BTreeSet, VecDeque};

use super::in_bars::InBars;
use super::kind::Tif;
use super::lane::Lane;
use super::margin::{MarginRate, MarginTable};
use super::matching::Reaction;
use super::oca::Groups;
use super::orders::{Orders, Slot};
use super::timed::Due;
use super::{Report, SettleRule, VenueConfig, VenueExecution, VenueOrder, VenuePosition};
use crate::market::{FeedEvent, Quote, SymbolId, Trade};
use crate::time::Timestamp;
use crate::trade::{Money, PermId};

/// A simulated exchange with one account in front of it. Same requests and events, same reports, exactly.
#[derive(Clone, Debug)]
pub struct Venue {
    /// Cash at the start.
    cash: Money,
    pub(super) currency: String,
    pub(super) margin_table: Option<MarginTable>,
    /// The latest time that anybody named; it never goes back.
    pub(super) now: Timestamp,
    pub(super) lanes: Vec<Lane>,
    /// Index into `lanes` by symbol number.
    lane_of: Vec<Option<usize>>,
    pub(super) orders: Orders,
    pub(super) groups: Groups,
    pub(super) executions: Vec<VenueExecution>,
    /// Fills so far, busted ones included.
    pub(super) serial: u32,
    /// Tells the executions of one run from those of others, as a broker's ids never come twice.
    pub(super) run: u32,
    /// What time will do, and to which order.
    pub(super) deadlines: BTreeSet<(Timestamp, Due, Slot)>,
    /// Messages that follow the orders of the request or event at hand.
    pub(super) notices: Vec<Report>,
    /// When positions were last settled.
    settled_at: Timestamp,
    /// By how much the next order id is told too low.
    pub(super) ids_forgotten: i32,
    /// Orders that may trade against the book as it is, first come, first served.
    pub(super) arrivals: VecDeque<Slot>,
    /// Bars are shown, and no ticks.
    pub(super) in_bars: Option<InBars>,
    /// Kept for its capacity.
    pub(super) reactions: Vec<Reaction>,
}

impl Venue {
    /// Numbers this run, from 1: before the first order. Each run of one account has its own number.
    pub fn set_run(&mut self, run: u32) {
        self.run = run.max(1);
    }

    /// # Panics
    /// If two instruments have the same id; a read configuration never does.
    pub fn new(config: VenueConfig) -> Venue {
        let size = config.instruments.iter().map(|i| usize::from(i.id.0) + 1).max().unwrap_or(0);
        let mut lane_of = vec![None; size];
        let lane = |instrument| Lane::new(instrument, config.commission, &config.rules);
        let lanes: Vec<Lane> = config.instruments.iter().map(lane).collect();
        for (index, lane) in lanes.iter().enumerate() {
            let place = &mut lane_of[usize::from(lane.symbol.0)];
            assert!(place.is_none(), "two instruments have the id {}", lane.symbol.0);
            *place = Some(index);
        }
        let currency = config.instruments.first().map(|instrument| instrument.currency.clone()).unwrap_or_default();
        Venue {
            cash: config.cash,
            currency,
            margin_table: config.rules.margins,
            now: Timestamp::MIN,
            lanes,
            lane_of,
            orders: Orders::default(),
            groups: Groups::default(),
            executions: Vec::new(),
            serial: 0,
            run: 1,
            deadlines: BTreeSet::new(),
            notices: Vec::new(),
            settled_at: Timestamp::MIN,
            ids_forgotten: 0,
            arrivals: VecDeque::new(),
            in_bars: None,
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
        if lane.watched && !lane.calm(&event.event) {
            let from = out.len();
            self.react(index, &event.event, out);
            self.call_margin(index, out);
            self.after(out);
            name_once(out, from);
        }
    }

    /// Whether [`Venue::on_market`] would report anything for this event now.
    pub fn would_report(&self, event: &FeedEvent) -> bool {
        let Some(index) = self.lane_index(event.symbol) else {
            return false;
        };
        let lane = &self.lanes[index];
        if !lane.watched || lane.calm(&event.event) {
            return false;
        }
        let mut book = lane.book;
        book.apply(&event.event);
        lane.working.iter().any(|slot| self.reaction(*slot, &book, &event.event).is_some())
            || !self.margin_call(index, &book).is_empty()
    }

    /// The trading day ends: day orders of symbols without sessions are cancelled, with code 202 and the text
    /// `Order Canceled - reason:` (others end with their session), and positions are settled at the last price: what they
    /// gained since the last settlement goes into cash.
    pub fn end_of_day(&mut self, now: Timestamp, out: &mut Vec<Report>) {
        self.advance_clock(now);
        let from = out.len();
        self.end_day_orders(out);
        for lane in &mut self.lanes {
            lane.settle(SettleRule::Last);
        }
        self.settled_at = self.now;
        self.after(out);
        name_once(out, from);
    }

    /// Day orders of symbols without sessions are cancelled.
    pub(super) fn end_day_orders(&mut self, out: &mut Vec<Report>) {
        let ends = |slot: &Slot| self.orders[*slot].view.order.tif == Tif::Day && !self.has_session(*slot);
        let day: Vec<Slot> = self.orders.live().filter(ends).collect();
        for slot in day {
            self.cancel_family(slot, out);
        }
    }

    /// Whether clients could see what [`Venue::end_of_day`] would do now: reports, or money that moves.
    pub(super) fn day_end_shows(&self) -> bool {
        self.settlement_moves()
            || self.orders.live().any(|slot| self.orders[slot].view.order.tif == Tif::Day && !self.has_session(slot))
    }

    /// Whether settlement now would move anything into cash.
    pub(super) fn settlement_moves(&self) -> bool {
        self.lanes.iter().any(|lane| lane.mark().is_some_and(|at| lane.ledger.variation(at) != Money::ZERO))
    }

    /// What follows everything that changes orders or positions: messages that were kept back, new bounds for positions.
    pub(super) fn after(&mut self, out: &mut Vec<Report>) {
        out.append(&mut self.notices);
        self.guard_positions();
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

    /// Starting cash, plus closed profit, minus commissions, plus what open positions gained up to their settlement.
    pub fn cash(&self) -> Money {
        self.cash + self.lanes.iter().map(|lane| lane.ledger.cash()).sum()
    }

    /// Profit of the open positions at each symbol's last trade; without a trade, at the quote that would close them.
    pub fn unrealised(&self) -> Money {
        self.lanes.iter().filter_map(|lane| Some(lane.ledger.unrealised(lane.mark()?))).sum()
    }

    /// Highest order id that any client used plus one, at least 1: what each client is told at its connection.
    pub fn next_order_id(&self, client_id: i32) -> i32 {
        let next = self.orders.highest(client_id).max(self.orders.highest_of_all()).saturating_add(1);
        next.saturating_sub(self.ids_forgotten).max(1)
    }

    /// The first order id that this client has not used, whatever clients are told.
    pub fn free_order_id(&self, client_id: i32) -> i32 {
        self.orders.highest(client_id).saturating_add(1)
    }

    /// From now on a contract of this symbol ties up so much; a position that the account cannot hold any longer is
    /// closed at the next event of its market. `false`: no such symbol, no margins, or a rate beyond all reason.
    pub fn set_margin_rate(&mut self, symbol: SymbolId, rate: MarginRate) -> bool {
        const RATE_MAX: Money = Money::from_micros(10_000_000_000_000);
        let sane = [rate.initial, rate.maintenance].iter().all(|rate| (Money::ZERO..=RATE_MAX).contains(rate));
        let Some(index) = self.lane_index(symbol).filter(|_| sane && self.margin_table.is_some()) else { return false };
        let lane = &mut self.lanes[index];
        (lane.rate, lane.rate_from_value) = (rate, false);
        self.guard_positions();
        true
    }

    /// The latest time that the venue has heard of.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When [`Venue::end_of_day`] last settled positions; [`Timestamp::MIN`] before the first time.
    pub fn settled_at(&self) -> Timestamp {
        self.settled_at
    }

    pub(super) fn note_settled(&mut self) {
        self.settled_at = self.now;
    }

    pub(super) fn add_cash(&mut self, amount: Money) {
        self.cash += amount;
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
        Report::Execution(_) | Report::Corrected(_) | Report::Message { .. } => true,
    });
    out.extend(kept.into_iter().rev());
}
