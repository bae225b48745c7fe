//! Parents and children: who waits for whom, and what a parent's fill or cancellation means for its children.
//! In: transmissions, fills, cancellations. Out: orders that go to the exchange, shrink or end. Absent: prices.

use super::exchange::Venue;
use super::orders::{Slot, Stage};
use super::{Refusal, Report, Status};

impl Venue {
    /// An order arrived with `transmit`: it and every order of its family that was held goes on its way, parents first.
    pub(super) fn transmit_family(&mut self, slot: Slot, out: &mut Vec<Report>) {
        let mut root = slot;
        while let Some(parent) = self.orders[root].parent {
            root = parent;
        }
        // Children are placed after their parents, so the slots in rising order are the family from the top.
        let mut family = vec![root];
        let mut next = 0;
        while let Some(member) = family.get(next) {
            family.extend_from_slice(&self.orders[*member].children);
            next += 1;
        }
        family.sort_unstable();
        for member in family {
            if self.orders[member].stage == Stage::Held {
                self.transmit(member, out);
            }
        }
    }

    fn transmit(&mut self, slot: Slot, out: &mut Vec<Report>) {
        let waits = match self.orders[slot].parent {
            Some(parent) => self.orders[slot].tied && self.orders[parent].view.filled == 0,
            None => false,
        };
        let entry = &mut self.orders[slot];
        entry.view.order.transmit = true;
        if waits {
            entry.stage = Stage::Waiting;
            entry.view.status = Status::PreSubmitted;
        } else {
            self.activate(slot);
        }
        out.push(Report::Order(self.orders[slot].view.perm_id));
    }

    /// The order goes to the exchange, and gets its turn against the book when all that happens now has happened.
    fn activate(&mut self, slot: Slot) {
        let entry = &mut self.orders[slot];
        (entry.stage, entry.view.status) = entry.ready_stage();
        self.list(slot);
        self.arrivals.push_back(slot);
    }

    /// A fill of `parent` lets its children fill as much.
    pub(super) fn feed_children(&mut self, parent: Slot, out: &mut Vec<Report>) {
        for at in 0..self.orders[parent].children.len() {
            let child = self.orders[parent].children[at];
            match self.orders[child].stage {
                Stage::Held | Stage::Done => {}
                Stage::Waiting => {
                    let status = self.orders[child].view.status;
                    self.activate(child);
                    if self.orders[child].view.status != status {
                        out.push(Report::Order(self.orders[child].view.perm_id));
                    }
                }
                Stage::Armed | Stage::Working => self.arrivals.push_back(child),
            }
        }
        if !self.orders[parent].live() {
            self.free_children(parent, out);
        }
    }

    /// `parent` has ended. Children of one that never filled are cancelled, the others stay with what it filled.
    fn free_children(&mut self, parent: Slot, out: &mut Vec<Report>) {
        for at in 0..self.orders[parent].children.len() {
            let child = self.orders[parent].children[at];
            if self.orders[child].live() && self.orders[child].tied {
                self.free_child(child, parent, out);
            }
        }
    }

    /// The child's quantity no longer follows its parent, which is over; what could never fill is taken off.
    pub(super) fn free_child(&mut self, child: Slot, parent: Slot, out: &mut Vec<Report>) {
        let allowance = self.orders.allowance(child, parent);
        let entry = &mut self.orders[child];
        entry.tied = false;
        if allowance == 0 {
            // With fills and nothing left to close, the child's group has done its work.
            let spent = self.orders[parent].view.filled > 0;
            self.end(child, spent, out);
        } else if entry.view.remaining() > allowance {
            entry.view.order.quantity = entry.view.filled + allowance;
            out.push(Report::Order(entry.view.perm_id));
        }
    }

    /// Cancels an order, and its children as far as it never filled. Each gets status Cancelled and message 202.
    pub(super) fn cancel_family(&mut self, slot: Slot, out: &mut Vec<Report>) {
        self.end(slot, false, out);
    }

    /// As [`Self::cancel_family`]; `spent` when the order's group filled in its place.
    pub(super) fn end(&mut self, slot: Slot, spent: bool, out: &mut Vec<Report>) {
        if !self.orders[slot].live() {
            return;
        }
        self.leave(slot, spent);
        let entry = &mut self.orders[slot];
        entry.view.status = Status::Cancelled;
        out.push(Report::Order(entry.view.perm_id));
        out.push(Report::Message {
            client_id: entry.view.order.client_id,
            order_id: entry.view.order.order_id,
            refusal: Refusal { code: 202, text: "Order Canceled - reason:".to_owned() },
        });
        self.free_children(slot, out);
    }
}
