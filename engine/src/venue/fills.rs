//! How one order fills and ends: what it takes when it meets the book, what each fill changes, how it leaves.
//! In: orders that arrive, trigger or are hit. Out: executions and reports. Absent: what the market does (`matching`).

use super::account::Happening;
use super::book::{Offer, within};
use super::exchange::Venue;
use super::families::End;
use super::kind::Tif;
use super::orders::{Slot, Stage};
use super::triggers::{self, Hit};
use super::{Report, Status, VenueExecution};
use crate::market::Price;

/// The second part of the execution ids of the first run.
const FIRST_RUN: u32 = 0x6b03_73b5;

impl Venue {
    /// Gives every arrived order its turn against the book; their fills may make children arrive.
    pub(super) fn settle_arrivals(&mut self, out: &mut Vec<Report>) {
        while let Some(slot) = self.arrivals.pop_front() {
            if matches!(self.orders[slot].stage, Stage::Armed | Stage::Working) {
                self.enter(slot, out);
            }
        }
    }

    /// An order meets the book as it is: a stop that is reached triggers, a marketable order takes, the rest stays.
    pub(super) fn enter(&mut self, slot: Slot, out: &mut Vec<Report>) {
        if self.in_bars.is_some() {
            return self.enter_in_bars(slot, out);
        }
        let lane = self.lane_of_order(slot);
        if self.lanes[lane].opened_unseen(self.now) {
            self.lanes[lane].book.reopen();
        }
        if self.orders[slot].stage == Stage::Armed && !self.trigger(lane, slot, out) {
            return;
        }
        let entry = &self.orders[slot];
        let (side, limit) = (entry.view.order.side, entry.limit());
        let tif = if entry.closing { Tif::ImmediateOrCancel } else { entry.view.order.tif };
        let offer =
            self.lanes[lane].book.offer(side).filter(|o| limit.is_none_or(|limit| within(side, o.price, limit)));
        let takes = self.orders.fillable(slot).min(offer.map_or(0, |o| o.size));
        let killed = tif == Tif::FillOrKill && takes < entry.view.remaining();
        if let Some(Offer { price, .. }) = offer.filter(|_| takes > 0 && !killed) {
            self.lanes[lane].book.consume(side, takes);
            self.fill(slot, takes, price, out);
        }
        if !self.orders[slot].live() {
            return;
        }
        if killed {
            self.end(slot, End::killed(), out);
        } else if tif == Tif::ImmediateOrCancel {
            self.cancel_family(slot, out);
        } else if let Some(limit) = limit.filter(|_| !self.orders[slot].joined) {
            let book = &self.lanes[lane].book;
            let entry = &mut self.orders[slot];
            entry.joined = true;
            entry.queue = book.queue_at(side, limit);
            entry.rests = book.keeps_out(side, limit);
            self.watch(lane);
        }
    }

    /// Triggers an armed order if the market has reached its price; tells whether it did.
    fn trigger(&mut self, lane: usize, slot: Slot, out: &mut Vec<Report>) -> bool {
        let book = &self.lanes[lane].book;
        let reached = !book.is_before_open() && {
            triggers::follow(&mut self.orders[slot], book);
            triggers::hit(&self.orders[slot], book, None) == Hit::Yes
        };
        if !reached || self.orders.fillable(slot) == 0 {
            self.watch(lane);
            return false;
        }
        self.fire(lane, slot, out);
        true
    }

    /// The trigger is reached: from now on it is a market or limit order.
    pub(super) fn fire(&mut self, lane: usize, slot: Slot, out: &mut Vec<Report>) {
        let entry = &mut self.orders[slot];
        entry.triggered = true;
        entry.stage = Stage::Working;
        entry.view.status = Status::Submitted;
        out.push(Report::Order(entry.view.perm_id));
        self.watch(lane);
    }

    /// Books `contracts` of the order at `price`, with all that follows from it.
    pub(super) fn fill(&mut self, slot: Slot, contracts: u32, price: Price, out: &mut Vec<Report>) {
        if contracts == 0 {
            return;
        }
        let lane = self.lane_of_order(slot);
        let commission = self.lanes[lane].commission * i64::from(contracts);
        self.serial += 1;
        let serial = self.serial;
        let entry = &mut self.orders[slot];
        let realised = self.lanes[lane].ledger.fill(entry.view.order.side, contracts, price, commission);
        self.lanes[lane].history.push(Happening::Fill { serial });
        entry.view.filled += contracts;
        assert!(entry.view.filled <= entry.view.order.quantity, "an order fills at most its quantity");
        entry.view.fill_ticks += i64::from(price.0) * i64::from(contracts);
        entry.view.last_fill = Some(price);
        let execution = VenueExecution {
            serial,
            exec_id: format!("0000e1a7.{:08x}.{serial:08x}.01", FIRST_RUN.wrapping_add(self.run - 1)),
            perm_id: entry.view.perm_id,
            client_id: entry.view.order.client_id,
            order_id: entry.view.order.order_id,
            order_ref: entry.view.order.order_ref.clone(),
            symbol: entry.view.order.symbol,
            side: entry.view.order.side,
            quantity: contracts,
            price,
            at: self.now,
            cumulative: entry.view.filled,
            commission,
            realised,
            liquidation: entry.view.order.terms.liquidation,
        };
        let done = entry.view.remaining() == 0;
        if done {
            entry.view.status = Status::Filled;
        }
        out.push(Report::Execution(execution.clone()));
        out.push(Report::Order(entry.view.perm_id));
        self.executions.push(execution);
        if done {
            self.leave(slot, true);
        }
        self.reduce_group(slot, contracts, out);
        self.feed_children(slot, out);
    }

    /// The order is at the exchange from now on.
    pub(super) fn list(&mut self, slot: Slot) {
        let lane = self.lane_of_order(slot);
        self.lanes[lane].working.push(slot);
        self.watch(lane);
    }

    /// The order is not at the exchange any more.
    pub(super) fn unlist(&mut self, slot: Slot) {
        let lane = self.lane_of_order(slot);
        if let Some(at) = self.lanes[lane].working.iter().position(|other| *other == slot) {
            self.lanes[lane].working.swap_remove(at);
            self.watch(lane);
        }
    }

    /// The order is over: it leaves the exchange, its group and the living. `spent`: by a fill, its own or its group's.
    pub(super) fn leave(&mut self, slot: Slot, spent: bool) {
        self.orders.bury(slot);
        self.forget(slot, |_| true);
        self.leave_group(slot, spent);
        self.unlist(slot);
    }
}
