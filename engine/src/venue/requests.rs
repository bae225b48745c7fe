//! What clients ask: place, modify, cancel. In: a request. Out: an accepted order and its reports, or a refusal that
//! changes nothing. Absent: how orders fill.

use super::exchange::{Venue, name_once};
use super::kind::{Kind, Terms, Tif};
use super::orders::{Entry, Slot, Stage};
use super::timed::Due;
use super::{NewOrder, Refusal, Report, Status, VenueOrder};
use crate::time::Timestamp;
use crate::trade::PermId;

/// Contracts in one order; more is a mistake, and money is counted in 64 bits.
pub(super) const QUANTITY_MAX: u32 = 100_000;
/// Generations in a family.
const FAMILY_DEPTH_MAX: usize = 8;

impl Venue {
    /// Places an order; a live order of the same client and id is modified, as at Interactive Brokers. What is
    /// marketable fills at once. Refused with 103 (id used before), 200 (no symbol), 434 (no quantity), 201 (else). An
    /// order that the account cannot afford is accepted, then ended as inactive with message 201.
    pub fn place(&mut self, now: Timestamp, order: NewOrder, out: &mut Vec<Report>) -> Result<PermId, Refusal> {
        if self.orders.find(order.client_id, order.order_id).is_some_and(|slot| self.orders[slot].live()) {
            return self.modify(now, order, out);
        }
        self.advance_clock(now);
        if order.order_id <= self.orders.highest(order.client_id) {
            return Err(Refusal::new(103, "Duplicate order id"));
        }
        self.accept(order, out)
    }

    /// Accepts an order whose id is free, or that has none.
    pub(super) fn accept(&mut self, order: NewOrder, out: &mut Vec<Report>) -> Result<PermId, Refusal> {
        let parent = self.check_new(&order)?;
        let from = out.len();
        let lane = self.lane_index(order.symbol).expect("the order was checked");
        self.lanes[lane].rate_by_value();
        let transmit = order.transmit;
        let slot = self.push(order);
        let perm_id = self.orders[slot].view.perm_id;
        if let Some(parent) = parent {
            self.orders[slot].parent = Some(parent);
            self.orders[slot].tied = true;
            self.orders[parent].children.push(slot);
        }
        self.join_group(slot);
        self.set_expiry(slot);
        if let Some(parent) = parent.filter(|parent| !self.orders[*parent].live()) {
            self.free_child(slot, parent, out);
        }
        if transmit {
            self.transmit_family(slot, out);
        } else {
            out.push(Report::Order(perm_id));
        }
        self.settle_arrivals(out);
        self.after(out);
        name_once(out, from);
        Ok(perm_id)
    }

    /// Notes a new order, not transmitted yet.
    pub(super) fn push(&mut self, order: NewOrder) -> Slot {
        let view = VenueOrder {
            perm_id: self.orders.next_perm_id(),
            order: NewOrder { transmit: false, ..order },
            status: Status::PendingSubmit,
            filled: 0,
            fill_ticks: 0,
            last_fill: None,
            placed_at: self.now,
        };
        self.orders.push(Entry::new(view))
    }

    /// Changes prices, quantity, time in force, terms or `transmit` of a live order; an order that moves or grows queues anew.
    /// Refused with 135 (unknown), 104 (filled), 103 (over), 105 (something else differs), 434 and 201 (quantity).
    pub fn modify(&mut self, now: Timestamp, order: NewOrder, out: &mut Vec<Report>) -> Result<PermId, Refusal> {
        self.advance_clock(now);
        self.put_to_sleep();
        let slot = self
            .orders
            .find(order.client_id, order.order_id)
            .ok_or_else(|| Refusal::new(135, format!("Can't find order with id ={}", order.order_id)))?;
        self.check_change(slot, &order)?;
        self.check_growth(slot, order.quantity)?;
        let from = out.len();
        let (perm_id, stage, transmit) = (self.orders[slot].view.perm_id, self.orders[slot].stage, order.transmit);
        self.change(slot, order);
        match stage {
            Stage::Held if transmit => self.transmit_family(slot, out),
            Stage::Parked => {
                self.forget(slot, |due| matches!(due, Due::Wake | Due::Close));
                self.activate(slot);
                out.push(Report::Order(perm_id));
            }
            _ => out.push(Report::Order(perm_id)),
        }
        if matches!(stage, Stage::Armed | Stage::Working) {
            self.plan_sleep(slot);
            self.watch(self.lane_of_order(slot));
            self.arrivals.push_back(slot);
        }
        self.settle_arrivals(out);
        self.after(out);
        name_once(out, from);
        Ok(perm_id)
    }

    fn change(&mut self, slot: Slot, new: NewOrder) {
        let entry = &mut self.orders[slot];
        let old = &mut entry.view.order;
        let kind = match (new.kind.trail(), old.kind.trigger_price()) {
            // Without a stop of its own a trailing order goes on from where its stop is.
            (Some(_), Some(stop)) if new.kind.trigger_price().is_none() => new.kind.trailed_to(stop),
            _ => new.kind,
        };
        if old.kind != kind || new.quantity > old.quantity {
            (entry.joined, entry.rests) = (false, false);
            entry.queue = None;
        }
        if old.kind != kind {
            (entry.hits, entry.best) = (0, None);
        }
        let terms = Terms { liquidation: old.terms.liquidation, ..new.terms };
        (old.kind, old.quantity, old.tif, old.terms) = (kind, new.quantity, new.tif, terms);
        self.set_expiry(slot);
    }

    /// Cancels a client's own order. Refused with 10147 (unknown, or another client's), 10148 (already over), 161
    /// (refused or killed before it was ever at the exchange).
    pub fn cancel(
        &mut self,
        now: Timestamp,
        client_id: i32,
        order_id: i32,
        out: &mut Vec<Report>,
    ) -> Result<(), Refusal> {
        self.advance_clock(now);
        let asked = format!("OrderId {order_id} that needs to be cancelled");
        let Some(slot) = self.orders.find(client_id, order_id) else {
            return Err(Refusal::new(10147, format!("{asked} is not found.")));
        };
        if !self.orders[slot].live() {
            let view = &self.orders[slot].view;
            let state = view.status.name();
            if view.status == Status::Inactive {
                let text = "Cancel attempted when order is not in a cancellable state.  Order permId =";
                return Err(Refusal::new(161, format!("{text}{}", view.perm_id.0)));
            }
            return Err(Refusal::new(10148, format!("{asked} cannot be cancelled, state: {state}.")));
        }
        let from = out.len();
        self.cancel_family(slot, out);
        self.after(out);
        name_once(out, from);
        Ok(())
    }

    /// Cancels every live order of every client.
    pub fn cancel_all(&mut self, now: Timestamp, out: &mut Vec<Report>) {
        self.advance_clock(now);
        let from = out.len();
        for slot in self.orders.live().collect::<Vec<Slot>>() {
            self.cancel_family(slot, out);
        }
        self.after(out);
        name_once(out, from);
    }

    /// Whether a new order can be accepted; returns its parent.
    pub(super) fn check_new(&self, order: &NewOrder) -> Result<Option<Slot>, Refusal> {
        if self.lane_index(order.symbol).is_none() {
            return Err(Refusal::new(200, "No security definition has been found for the request"));
        }
        self.check_expired(order.symbol)?;
        self.check_called(order.symbol)?;
        check_quantity(order.quantity)?;
        self.check_in_bars(order)?;
        check_times(order, self.now)?;
        if self.groups.is_spent(order) {
            return Err(rejected("OCA group is already filled."));
        }
        order.parent_id.map(|parent_id| self.check_parent(order.client_id, parent_id)).transpose()
    }

    fn check_parent(&self, client_id: i32, parent_id: i32) -> Result<Slot, Refusal> {
        let parent = self
            .orders
            .find(client_id, parent_id)
            .ok_or_else(|| rejected(format!("Parent order {parent_id} is not known.")))?;
        let entry = &self.orders[parent];
        if !entry.live() && entry.view.filled == 0 {
            return Err(rejected(format!("Parent order {parent_id} is cancelled.")));
        }
        let generations = std::iter::successors(Some(parent), |slot| self.orders[*slot].parent).count() + 1;
        if generations > FAMILY_DEPTH_MAX {
            return Err(rejected(format!("A family has at most {FAMILY_DEPTH_MAX} generations.")));
        }
        Ok(parent)
    }

    fn check_change(&self, slot: Slot, new: &NewOrder) -> Result<(), Refusal> {
        let entry = &self.orders[slot];
        let old = &entry.view.order;
        match entry.view.status {
            Status::Filled => return Err(Refusal::new(104, "Cannot modify a filled order.")),
            _ if !entry.live() => return Err(Refusal::new(103, "Duplicate order id")),
            _ => {}
        }
        let same_kind = std::mem::discriminant(&old.kind) == std::mem::discriminant(&new.kind);
        // Once the parent is over, clients that echo an open order do not name it any more.
        let same_parent = old.parent_id == new.parent_id || (new.parent_id.is_none() && !entry.tied);
        let same = old.symbol == new.symbol && old.side == new.side && old.oca == new.oca && same_kind && same_parent;
        if !same {
            return Err(Refusal::new(105, "Order being modified does not match original order"));
        }
        check_quantity(new.quantity)?;
        let filled = entry.view.filled;
        if new.quantity <= filled {
            return Err(rejected(format!(
                "Quantity {} leaves nothing of an order that filled {filled}.",
                new.quantity
            )));
        }
        Ok(())
    }
}

fn check_quantity(quantity: u32) -> Result<(), Refusal> {
    match quantity {
        0 => Err(Refusal::new(434, "Order size cannot be zero.")),
        1..=QUANTITY_MAX => Ok(()),
        _ => Err(rejected(format!("Order size {quantity} is above {QUANTITY_MAX}."))),
    }
}

/// What clients ask of time must lie ahead and fit.
fn check_times(order: &NewOrder, now: Timestamp) -> Result<(), Refusal> {
    match order.tif {
        Tif::GoodTillDate(end) if end <= now => return Err(rejected("The good-till date has passed.")),
        Tif::GoodTillDate(end) if order.terms.good_after.is_some_and(|after| after >= end) => {
            return Err(rejected("The good-after time is not before the good-till date."));
        }
        Tif::ImmediateOrCancel | Tif::FillOrKill if order.kind.is_on_close() => {
            return Err(rejected("An order for the close cannot be immediate."));
        }
        _ => {}
    }
    match order.terms.adjust {
        Some(_) if !matches!(order.kind, Kind::Stop(_)) => Err(rejected("Only a stop order can be adjustable.")),
        _ => Ok(()),
    }
}

pub(super) fn rejected(reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(201, format!("Order rejected - reason:{reason}"))
}
