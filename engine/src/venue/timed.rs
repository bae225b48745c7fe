//! What time alone does to orders: the session opens or closes, a date is reached. In: instants. Out: orders that go to
//! the exchange, meet the close, or end. Absent: a clock; whoever plays the market asks when something is due.

use super::exchange::{Venue, name_once};
use super::hours::{close_after, regular_hours};
use super::kind::Tif;
use super::orders::{Slot, Stage};
use super::{Refusal, Report, Status};
use crate::time::Timestamp;
use crate::time::session::Calendar;
use crate::trade::Side;

/// What happens to an order at an instant, in the order in which it happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Due {
    /// It may go to the exchange.
    Wake,
    /// The market closes: it trades now or not at all.
    Close,
    /// It ends.
    Expire,
    /// Regular hours are over: it sleeps until the next. Nobody is told.
    Sleep,
}

impl Venue {
    /// When something is next due, silent things included.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _, _)| *at)
    }

    /// When something is next due of which clients hear.
    pub fn next_report_due(&self) -> Option<Timestamp> {
        self.deadlines.iter().find(|(_, due, _)| *due != Due::Sleep).map(|(at, _, _)| *at)
    }

    /// Does everything that is due at or before `now`, in order.
    pub fn on_time(&mut self, now: Timestamp, out: &mut Vec<Report>) {
        let from = out.len();
        while let Some((at, due, slot)) = self.deadlines.first().copied().filter(|(at, _, _)| *at <= now) {
            self.deadlines.remove(&(at, due, slot));
            self.advance_clock(at);
            self.do_due(due, slot, out);
            self.settle_arrivals(out);
        }
        self.advance_clock(now);
        self.after(out);
        name_once(out, from);
    }

    /// Orders that should sleep by now do, though no event has come since.
    pub(super) fn put_to_sleep(&mut self) {
        while let Some((at, Due::Sleep, slot)) = self.deadlines.first().copied().filter(|(at, _, _)| *at <= self.now) {
            self.deadlines.remove(&(at, Due::Sleep, slot));
            if self.orders[slot].stage == Stage::Armed {
                self.sleep(slot);
            }
        }
    }

    fn do_due(&mut self, due: Due, slot: Slot, out: &mut Vec<Report>) {
        match due {
            Due::Wake if self.orders[slot].stage == Stage::Parked => {
                self.activate(slot);
                out.push(Report::Order(self.orders[slot].view.perm_id));
            }
            Due::Close if self.orders[slot].stage == Stage::Parked => self.meet_the_close(slot, out),
            Due::Expire => self.cancel_family(slot, out),
            Due::Sleep if self.orders[slot].stage == Stage::Armed => self.sleep(slot),
            Due::Wake | Due::Close | Due::Sleep => {}
        }
    }

    /// A market-on-close or limit-on-close order has its one turn; what does not trade is cancelled.
    fn meet_the_close(&mut self, slot: Slot, out: &mut Vec<Report>) {
        let entry = &mut self.orders[slot];
        entry.closing = true;
        (entry.stage, entry.view.status) = (Stage::Working, Status::Submitted);
        self.list(slot);
        out.push(Report::Order(self.orders[slot].view.perm_id));
        self.arrivals.push_back(slot);
    }

    fn sleep(&mut self, slot: Slot) {
        let calendar = self.lanes[self.lane_of_order(slot)].calendar;
        self.unlist(slot);
        self.orders[slot].stage = Stage::Parked;
        if let Some(hours) = calendar.and_then(|calendar| regular_hours(calendar, self.now)) {
            self.remind(hours.open, Due::Wake, slot);
        }
    }

    pub(super) fn remind(&mut self, at: Timestamp, due: Due, slot: Slot) {
        self.deadlines.insert((at, due, slot));
        self.orders[slot].reminders.push((at, due));
    }

    /// Forgets what is due for an order, of the kinds that `drops` names.
    pub(super) fn forget(&mut self, slot: Slot, drops: fn(Due) -> bool) {
        let reminders = std::mem::take(&mut self.orders[slot].reminders);
        let (gone, kept) = reminders.into_iter().partition(|(_, due)| drops(*due));
        self.orders[slot].reminders = kept;
        let gone: Vec<(Timestamp, Due)> = gone;
        for (at, due) in gone {
            self.deadlines.remove(&(at, due, slot));
        }
    }

    /// Sets when the order ends on its own.
    pub(super) fn set_expiry(&mut self, slot: Slot) {
        self.forget(slot, |due| due == Due::Expire);
        let calendar = self.lanes[self.lane_of_order(slot)].calendar;
        let order = &self.orders[slot].view.order;
        let from = order.terms.good_after.map_or(self.now, |at| at.max(self.now));
        let end = match (order.tif, calendar) {
            (Tif::GoodTillDate(end), _) => Some(end),
            // Without sessions the day ends when the venue is told so.
            (Tif::Day, Some(calendar)) => Some(calendar.next_close(from)),
            _ => None,
        };
        if let Some(end) = end {
            self.remind(end, Due::Expire, slot);
        }
    }

    /// Whether a day order ends with its own session rather than with [`Venue::end_of_day`].
    pub(super) fn has_session(&self, slot: Slot) -> bool {
        self.lanes[self.lane_of_order(slot)].calendar.is_some()
    }

    /// Parks an order that may not go to the exchange yet; tells whether it did.
    pub(super) fn park(&mut self, slot: Slot) -> bool {
        let order = &self.orders[slot].view.order;
        let (terms, kind) = (order.terms, order.kind);
        let calendar = self.lanes[self.lane_of_order(slot)].calendar;
        let held = match terms.good_after.filter(|at| *at > self.now) {
            Some(after) => Some((after, Due::Wake, false)),
            None => {
                calendar.and_then(|calendar| held_until(calendar, self.now, terms.regular_only, kind.is_triggered()))
            }
        };
        let held = held
            .or_else(|| kind.is_on_close().then(|| (self.close_of(calendar, terms.regular_only), Due::Close, false)));
        let Some((until, due, told)) = held else { return false };
        let entry = &mut self.orders[slot];
        (entry.stage, entry.view.status) = (Stage::Parked, Status::PreSubmitted);
        self.remind(until, due, slot);
        if told {
            self.tell_of_hold(slot, until);
        }
        true
    }

    fn close_of(&self, calendar: Option<Calendar>, regular_only: bool) -> Timestamp {
        match calendar {
            Some(calendar) => close_after(calendar, self.now, regular_only),
            None => crate::time::session::next_day_end(self.now),
        }
    }

    /// A stop that only triggers in regular hours goes to sleep when they end.
    pub(super) fn plan_sleep(&mut self, slot: Slot) {
        let terms = self.orders[slot].view.order.terms;
        let calendar = self.lanes[self.lane_of_order(slot)].calendar;
        self.forget(slot, |due| due == Due::Sleep);
        if let Some(calendar) = calendar.filter(|_| terms.regular_only && self.orders[slot].stage == Stage::Armed)
            && let Some(hours) = regular_hours(calendar, self.now)
        {
            self.remind(hours.close, Due::Sleep, slot);
        }
    }

    /// Clients hear of it after the order itself.
    fn tell_of_hold(&mut self, slot: Slot, until: Timestamp) {
        let order = &self.orders[slot].view.order;
        let side = if order.side == Side::Buy { "BUY" } else { "SELL" };
        let name = &self.lanes[self.lane_of_order(slot)].shown;
        let local = until.to_datetime().with_timezone(&chrono_tz::US::Central).format("%Y-%m-%d %H:%M:%S");
        let text = format!(
            "Order Message:\n{side} {} {name}\nWarning: Your order will not be placed at the exchange until {local} \
             US/Central.",
            order.quantity
        );
        let (client_id, order_id) = (order.client_id, order.order_id);
        self.notices.push(Report::Message { client_id, order_id, refusal: Refusal { code: 399, text } });
    }
}

/// Until when an order is held back: while the market is closed, and an order that waits for its trigger outside regular
/// hours if it is meant for them. The answer says that clients are told.
fn held_until(
    calendar: Calendar,
    now: Timestamp,
    regular_only: bool,
    triggered: bool,
) -> Option<(Timestamp, Due, bool)> {
    if !calendar.is_open(now) {
        return Some((calendar.next_open(now), Due::Wake, true));
    }
    let hours = regular_hours(calendar, now).filter(|hours| regular_only && triggered && now < hours.open)?;
    Some((hours.open, Due::Wake, true))
}
