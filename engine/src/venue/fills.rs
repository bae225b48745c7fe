//! How one order fills and ends: what it takes when it meets the book, what each fill changes, how it leaves.
//! In: orders that arrive, trigger or are hit. Out: executions and reports. Absent: what the market does (`matching`).

use super::book::{Offer, within};
use super::exchange::Venue;
use super::orders::{Slot, Stage};
use super::{Report, Status, VenueExecution};
use crate::market::Price;
use crate::trade::TimeInForce;

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
        let lane = self.lane_of_order(slot);
        if self.orders[slot].stage == Stage::Armed && !self.trigger(lane, slot, out) {
            return;
        }
        let entry = &self.orders[slot];
        let (side, limit, tif) = (entry.view.order.side, entry.limit(), entry.view.order.tif);
        let offer =
            self.lanes[lane].book.offer(side).filter(|o| limit.is_none_or(|limit| within(side, o.price, limit)));
        let takes = self.orders.fillable(slot).min(offer.map_or(0, |o| o.size));
        let killed = tif == TimeInForce::FillOrKill && takes < entry.view.remaining();
        if let Some(Offer { price, .. }) = offer.filter(|_| takes > 0 && !killed) {
            self.lanes[lane].book.consume(side, takes);
            self.fill(slot, takes, price, out);
        }
        if !self.orders[slot].live() {
            return;
        }
        if matches!(tif, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill) {
            self.cancel_family(slot, out);
        } else if let Some(limit) = limit.filter(|_| !self.orders[slot].joined) {
            self.orders[slot].joined = true;
            self.orders[slot].queue = self.lanes[lane].book.queue_at(side, limit);
        }
    }

    /// Triggers an armed stop if the market has reached it; tells whether it did.
    fn trigger(&mut self, lane: usize, slot: Slot, out: &mut Vec<Report>) -> bool {
        let entry = &mut self.orders[slot];
        let reached = entry.stop().is_some_and(|stop| self.lanes[lane].book.stop_reached(entry.view.order.side, stop));
        if !reached || self.orders.fillable(slot) == 0 {
            return false;
        }
        let entry = &mut self.orders[slot];
        entry.triggered = true;
        entry.stage = Stage::Working;
        entry.view.status = Status::Submitted;
        out.push(Report::Order(entry.view.perm_id));
        self.watch(lane);
        true
    }

    /// Books `contracts` of the order at `price`, with all that follows from it.
    pub(super) fn fill(&mut self, slot: Slot, contracts: u32, price: Price, out: &mut Vec<Report>) {
        if contracts == 0 {
            return;
        }
        let lane = self.lane_of_order(slot);
        let commission = self.commission * i64::from(contracts);
        let before = self.lanes[lane].ledger.realised();
        let entry = &mut self.orders[slot];
        let realised = self.lanes[lane].ledger.fill(entry.view.order.side, contracts, price, commission);
        self.cash += self.lanes[lane].ledger.realised() - before;
        entry.view.filled += contracts;
        assert!(entry.view.filled <= entry.view.order.quantity, "an order fills at most its quantity");
        entry.view.fill_ticks += i64::from(price.0) * i64::from(contracts);
        entry.view.last_fill = Some(price);
        let execution = VenueExecution {
            exec_id: format!("0000e1a7.6b0373b5.{:08x}.01", self.executions.len() + 1),
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

    /// The order is over: it leaves the exchange, its group and the living. `spent`: by a fill, its own or its group's.
    pub(super) fn leave(&mut self, slot: Slot, spent: bool) {
        let lane = self.lane_of_order(slot);
        self.orders.bury(slot);
        self.leave_group(slot, spent);
        if let Some(at) = self.lanes[lane].working.iter().position(|other| *other == slot) {
            self.lanes[lane].working.swap_remove(at);
            self.watch(lane);
        }
    }
}
