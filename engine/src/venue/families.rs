//! Parents and children: who waits for whom, and what a parent's fill or cancellation means for its children.
//! In: transmissions, fills, cancellations. Out: orders that go to the exchange, shrink or end. Absent: prices.

use super::exchange::Venue;
use super::orders::{Slot, Stage};
use super::{Refusal, Report, Status};

/// How an order ends other than by filling.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub status: Status,
    pub message: Refusal,
    /// The order's group filled in its place.
    pub spent: bool,
}

impl End {
    pub fn cancelled() -> End {
        End::because("")
    }

    /// Cancelled, with a reason in the broker's words.
    pub fn because(reason: &str) -> End {
        let message = Refusal { code: 202, text: format!("Order Canceled - reason:{reason}") };
        End { status: Status::Cancelled, message, spent: false }
    }

    /// A fill-or-kill order that could not fill whole: live gateways call it inactive.
    pub fn killed() -> End {
        End { status: Status::Inactive, ..End::cancelled() }
    }

    pub fn refused(message: Refusal) -> End {
        End { status: Status::Inactive, message, spent: false }
    }
}

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
        if let Err(refusal) = self.check_margin(slot) {
            return self.end(slot, End::refused(refusal), out);
        }
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

    /// The order goes to the exchange, unless it is not the time for it, and gets its turn against the book when all
    /// that happens now has happened.
    pub(super) fn activate(&mut self, slot: Slot) {
        if self.park(slot) {
            return;
        }
        let entry = &mut self.orders[slot];
        (entry.stage, entry.view.status) = entry.ready_stage();
        self.plan_sleep(slot);
        self.list(slot);
        self.arrivals.push_back(slot);
    }

    /// A fill of `parent` lets its children fill as much.
    pub(super) fn feed_children(&mut self, parent: Slot, out: &mut Vec<Report>) {
        for at in 0..self.orders[parent].children.len() {
            let child = self.orders[parent].children[at];
            match self.orders[child].stage {
                Stage::Held | Stage::Parked | Stage::Done => {}
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
            self.end(child, End { spent, ..End::cancelled() }, out);
        } else if entry.view.remaining() > allowance {
            entry.view.order.quantity = entry.view.filled + allowance;
            out.push(Report::Order(entry.view.perm_id));
        }
    }

    /// Cancels an order, and its children as far as it never filled. Each gets status Cancelled and message 202.
    pub(super) fn cancel_family(&mut self, slot: Slot, out: &mut Vec<Report>) {
        self.end(slot, End::cancelled(), out);
    }

    /// Ends an order, and its children as far as it never filled.
    pub(super) fn end(&mut self, slot: Slot, end: End, out: &mut Vec<Report>) {
        if !self.orders[slot].live() {
            return;
        }
        self.leave(slot, end.spent);
        let entry = &mut self.orders[slot];
        entry.view.status = end.status;
        out.push(Report::Order(entry.view.perm_id));
        out.push(Report::Message {
            client_id: entry.view.order.client_id,
            order_id: entry.view.order.order_id,
            refusal: end.message,
        });
        self.free_children(slot, out);
    }
}
