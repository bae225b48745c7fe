//! The way of a request to the broker through the faults and limits in force. In: a request. Out: the same, to be
//! served; or it is held, refused, lost. Absent: what serving it does.

use engine::time::Timestamp;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::faults::effect::{Effect, Running};
use crate::faults::limits::Verdict;
use crate::faults::requests::{self, AskFault, worded};
use crate::faults::state::{Afterword, HeldRequest};
use crate::faults::{order_events, texts};
use crate::script::Event;
use crate::wire::request::Request;

/// Requests that are answered with lists of orders and executions: what is sent then is no event.
const LISTS: &[i32] = &[5, 7, 15, 16, 71, 99];
const CANCEL_DATA: &[i32] = &[2, 51, 98];

/// What a fault makes of a request.
enum Way {
    On,
    /// Nothing further comes of it.
    Ends,
    Holds(Option<Timestamp>),
}

impl Broker {
    /// `None`: the request has been dealt with.
    pub(crate) fn admit(&mut self, conn: ConnId, request: Request) -> Option<Request> {
        let id = request.message_id();
        self.faults.listing = LISTS.contains(&id);
        if self.faults.replaying {
            return Some(request);
        }
        let client = self.client_of(conn);
        let event = event_of(id).filter(|_| !self.is_change(conn, &request));
        if let Some(event) = event {
            self.happens(event, client, true);
        }
        let request = self.admit_within_limits(conn, request)?;
        let request = self.admit_through_faults(conn, client, request)?;
        if let Some(event) = event {
            self.happens(event, client, false);
        }
        Some(request)
    }

    fn admit_within_limits(&mut self, conn: ConnId, request: Request) -> Option<Request> {
        let now = (self.faults.clock)();
        let extra = self.faults.running.iter().filter_map(|fault| match &fault.effect {
            Effect::Limit(limit) => Some(*limit),
            _ => None,
        });
        let extra: Vec<_> = extra.collect();
        match self.faults.limiter.judge(now, conn, &request, &extra) {
            Verdict::Served => Some(request),
            Verdict::Unanswered => None,
            Verdict::Refused { id, code, text } => {
                self.error(conn, id, code, &text);
                None
            }
            Verdict::Disconnected { code, text } => {
                self.error(conn, crate::broker::session::SYSTEM, code, &text);
                self.hang_up(conn, "it sends more messages than it may, again and again");
                None
            }
        }
    }

    fn admit_through_faults(&mut self, conn: ConnId, client: Option<i32>, request: Request) -> Option<Request> {
        if self.faults.running.is_empty() {
            return Some(request);
        }
        let mut running = std::mem::take(&mut self.faults.running);
        let mut way = (Way::On, 0);
        for fault in running.iter_mut().filter(|fault| fault.concerns(client)) {
            way = (self.pass(conn, fault, &request), fault.id);
            if !matches!(way.0, Way::On) {
                break;
            }
        }
        // What a fault begins meanwhile, by the script, comes after those that were in force.
        running.append(&mut self.faults.running);
        self.faults.running = running;
        match way {
            (Way::On, _) => Some(request),
            (Way::Ends, _) => None,
            (Way::Holds(at), by) => {
                self.faults.requests.push(HeldRequest { at, by, conn, request });
                self.faults.wake.notify_one();
                None
            }
        }
    }

    fn pass(&mut self, conn: ConnId, fault: &mut Running, request: &Request) -> Way {
        let id = request.message_id();
        match &mut fault.effect {
            Effect::Outage(_) if requests::ORDERS.contains(&id) => Way::Holds(None),
            Effect::Ask(ask) => self.pass_ask(conn, ask, request),
            _ => Way::On,
        }
    }

    fn pass_ask(&mut self, conn: ConnId, fault: &mut AskFault, request: &Request) -> Way {
        let (message, id) = (request.message_id(), request.req_id().unwrap_or(0));
        match (fault, request) {
            (AskFault::RejectOrder { code, text, left, inactive }, Request::PlaceOrder(order)) if *left > 0 => {
                *left -= 1;
                if *inactive {
                    self.show_inactive(conn, order);
                }
                self.error(conn, id, *code, &worded(texts::ORDERS, text, *code, id));
                Way::Ends
            }
            (AskFault::RejectCancel { code, text, left }, Request::CancelOrder(_)) if *left > 0 => {
                *left -= 1;
                self.error(conn, id, *code, &worded(texts::ORDERS, text, *code, id));
                Way::Ends
            }
            (AskFault::WarnOrder { code, text, left }, Request::PlaceOrder(_)) if *left > 0 => {
                *left -= 1;
                let text = worded(texts::ORDERS, text, *code, id);
                self.faults.afterwords.push(Afterword { conn, id, code: *code, text });
                Way::On
            }
            (AskFault::DelayOrders(by), _) if requests::ORDERS.contains(&message) => Way::Holds(Some(self.now() + *by)),
            (AskFault::Inactive { by, left }, Request::PlaceOrder(order)) if *left > 0 => {
                *left -= 1;
                self.show_inactive(conn, order);
                Way::Holds(Some(self.now() + *by))
            }
            (AskFault::FillAfterCancel { told_cancelled, left }, Request::CancelOrder(_)) if *left > 0 => {
                if !self.fill_instead_of_cancel(conn, id, *told_cancelled) {
                    return Way::On;
                }
                *left -= 1;
                Way::Ends
            }
            (AskFault::Unanswered(ids), _) => {
                let meant = if ids.is_empty() { message != requests::START } else { ids.contains(&message) };
                if meant { Way::Ends } else { Way::On }
            }
            (AskFault::Refuse { ids, code, text }, _) if ids.contains(&message) => {
                let table = if *ids == requests::HISTORY { texts::HISTORY } else { texts::DATA };
                self.error(conn, id, *code, &worded(table, text, *code, id));
                Way::Ends
            }
            (AskFault::UnknownTicker(code), _) if CANCEL_DATA.contains(&message) => {
                let text = texts::text_of(texts::DATA, *code, id);
                self.faults.afterwords.push(Afterword { conn, id, code: *code, text });
                Way::On
            }
            _ => Way::On,
        }
    }

    /// The order as the broker shows one that it does not take, with its status.
    fn show_inactive(&mut self, conn: ConnId, request: &crate::wire::order::PlaceOrderRequest) {
        let client_id = self.client_of(conn).unwrap_or(0);
        let (open, status) = order_events::inactive(client_id, request);
        self.put(conn, &open.into());
        self.put(conn, &status.into());
    }

    /// Whether the request changes an order that is known already.
    fn is_change(&self, conn: ConnId, request: &Request) -> bool {
        let Request::PlaceOrder(order) = request else { return false };
        self.client_of(conn).is_some_and(|client| self.knows_order(client, order.order_id.unwrap_or(0)))
    }
}

fn event_of(message: i32) -> Option<Event> {
    match message {
        3 => Some(Event::Order),
        4 | 58 => Some(Event::Cancel),
        1 | 97 => Some(Event::Subscription),
        _ => None,
    }
}
