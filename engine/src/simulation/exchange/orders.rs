//! Requests as the broker answers them. In: one request that arrived. Out: changes of the venue, and what is told of them.

use super::*;
use crate::backtest::new_order;
use crate::trade::{BrokerStatus, OrderKind, PermId};
use crate::venue::{Kind, NewOrder, Refusal, Status, VenueOrder, told};

/// IB's code for an order that is refused.
const REJECTED: i32 = 201;
/// So many ticks beyond the market an order trades at once.
const CROSSING: i32 = 400;

impl Exchange {
    pub(super) fn answer(&mut self, asked: Asked) {
        if let Some(lost) = &mut self.upstream {
            return match asked {
                Asked::Ping => self.tell(Heard::Pong),
                // The broker's own machine answers for what it believes.
                Asked::Inventory(question, ..) => {
                    let stale = Box::new(lost.stale.clone());
                    self.tell(Heard::News(News::Event(BrokerEvent::Snapshot(question, stale))));
                }
                Asked::Positions(question) => {
                    let stale = lost.stale.positions.clone();
                    self.tell(Heard::News(News::Event(BrokerEvent::Positions(question, stale))));
                }
                Asked::Subscribe(symbol) => self.open_feed(symbol),
                asked => lost.requests.iter_mut().for_each(|waiting| waiting.push(asked.clone_order())),
            };
        }
        match asked {
            Asked::Place(ticket) => self.place(&ticket),
            Asked::Modify(ticket) => {
                self.ask(ticket.order_id, |venue, at, reports| venue.modify(at, new_order(&ticket), reports).map(drop));
            }
            Asked::Cancel(order_id) if self.cancels_too_late(order_id) => {}
            Asked::Cancel(order_id) => {
                self.ask(order_id, |venue, at, reports| venue.cancel(at, CLIENT_ID, order_id.0, reports).map(drop));
            }
            Asked::Inventory(question, part, answered) => self.answer_inventory(question, part, answered),
            Asked::Positions(question) => {
                let positions = snapshot_of_positions(&self.venue);
                self.tell(Heard::News(News::Event(BrokerEvent::Positions(question, positions))));
            }
            Asked::Subscribe(symbol) => self.open_feed(symbol),
            Asked::Ping => self.tell(Heard::Pong),
        }
    }

    fn open_feed(&mut self, symbol: SymbolId) {
        self.subscribed[usize::from(symbol.0)] = true;
        self.tell(Heard::News(News::FeedUp(symbol)));
    }

    fn place(&mut self, ticket: &OrderTicket) {
        let reserved = self.now < self.halted_until && ticket.kind == OrderKind::Market;
        if reserved {
            return self.reject(ticket.order_id, "Order rejected - reason:the exchange is reserved");
        }
        if self.armed.reject > 0 {
            self.armed.reject -= 1;
            return self.reject(ticket.order_id, "Order rejected - reason:a simulated one");
        }
        self.ask(ticket.order_id, |venue, at, reports| {
            venue.place(at, new_order(ticket), reports).map(|_| told::announce(reports))
        });
        if self.armed.remark.0 > 0 {
            self.armed.remark.0 -= 1;
            let (order_id, code) = (ticket.order_id, self.armed.remark.1);
            self.tell_event(BrokerEvent::OrderMessage { order_id, code, text: "a remark".to_owned() });
        }
    }

    /// The broker confirms the cancel, and the exchange had filled the entry before it heard of it.
    fn cancels_too_late(&mut self, order_id: BrokerOrderId) -> bool {
        let order = self.venue.order_of(CLIENT_ID, order_id.0);
        let works = |order: &&VenueOrder| matches!(order.status, Status::PreSubmitted | Status::Submitted);
        let Some(order) = order.filter(works).filter(|o| o.order.oca.is_none()).cloned() else { return false };
        let away = CROSSING * order.order.side.sign();
        let kind = match order.order.kind {
            Kind::Limit(price) => Kind::Limit(Price(price.0 + away)),
            Kind::Stop(price) => Kind::Stop(Price(price.0 - away)),
            _ => return false,
        };
        if self.armed.cancel_too_late == 0 || self.now >= self.calm_from {
            return false;
        }
        self.armed.cancel_too_late -= 1;
        self.untrue.insert(order_id.0);
        let perm_id = PermId(order.perm_id.0);
        let (filled, remaining, status) = (order.filled, order.remaining(), BrokerStatus::Cancelled);
        self.tell_event(BrokerEvent::Status { order_id, perm_id, status, filled, remaining });
        let at_once = NewOrder { kind, ..order.order };
        self.ask(order_id, |venue, at, reports| venue.modify(at, at_once, reports).map(drop));
        true
    }

    fn reject(&mut self, order_id: BrokerOrderId, text: &str) {
        self.tell_event(BrokerEvent::OrderMessage { order_id, code: REJECTED, text: text.to_owned() });
        if self.chance.percent(50) {
            let status = BrokerStatus::Inactive;
            self.tell_event(BrokerEvent::Status { order_id, perm_id: PermId(0), status, filled: 0, remaining: 0 });
        }
    }

    fn ask<F>(&mut self, order_id: BrokerOrderId, request: F)
    where
        F: FnOnce(&mut Venue, Timestamp, &mut Vec<Report>) -> Result<(), Refusal>,
    {
        let at = self.broker_now();
        let mut reports = Vec::new();
        let answer = request(&mut self.venue, at, &mut reports);
        self.report(&reports);
        if let Err(Refusal { code, text }) = answer {
            self.tell_event(BrokerEvent::OrderMessage { order_id, code, text });
        }
    }

    /// One part of an inventory; the next is asked for when this one is there.
    fn answer_inventory(&mut self, question: Question, part: u32, mut answered: Box<BrokerSnapshot>) {
        if part == 0 && self.armed.no_inventory > 0 {
            self.armed.no_inventory -= 1;
            return;
        }
        match part {
            0 => answered.open_orders = self.venue.open_orders().map(broker_order).collect(),
            1 => answered.completed_orders = self.venue.completed_orders().map(broker_order).collect(),
            2 => {
                let all = self.venue.executions();
                answered.executions = all.iter().map(execution_event).collect();
                answered.commissions = all.iter().map(|e| (e.exec_id.clone(), e.commission)).collect();
                let newest = all.iter().rev().filter(|e| e.client_id == CLIENT_ID && e.order_id != 0).take(REPEATED);
                let repeated: Vec<_> = newest.map(execution_event).collect();
                for execution in repeated {
                    self.tell(Heard::News(News::Event(BrokerEvent::Execution(execution))));
                }
            }
            _ => answered.positions = snapshot_of_positions(&self.venue),
        }
        if part < 3 {
            let at = self.now + self.between(DELAY_MS) + self.between(DELAY_MS);
            self.out.send(at, Asked::Inventory(question, part + 1, answered));
        } else {
            self.tell(Heard::News(News::Event(BrokerEvent::Snapshot(question, answered))));
        }
    }

    /// News of orders, through whatever is armed against them.
    pub(super) fn tell_event(&mut self, event: BrokerEvent) {
        if let Some(lost) = &mut self.upstream {
            lost.events.iter_mut().for_each(|kept| kept.push(event.clone()));
            return;
        }
        if self.armed.swallow > 0 && self.open {
            self.armed.swallow -= 1;
            return self.tell(Heard::News(News::OrderStreamBroken { why: "simulated".to_owned() }));
        }
        if self.armed.duplicate > 0 {
            self.armed.duplicate -= 1;
            self.tell(Heard::News(News::Event(event.clone())));
        }
        let (left, late_ms) = self.armed.reorder;
        if left > 0 && self.open {
            self.armed.reorder.0 -= 1;
            let at = self.now + millis(late_ms) + self.between(DELAY_MS);
            self.back.send_late(at, Heard::News(News::Event(event)));
        } else {
            self.tell(Heard::News(News::Event(event)));
        }
    }
}

impl Asked {
    fn clone_order(&self) -> Asked {
        match self {
            Asked::Place(ticket) => Asked::Place(ticket.clone()),
            Asked::Modify(ticket) => Asked::Modify(ticket.clone()),
            Asked::Cancel(id) => Asked::Cancel(*id),
            Asked::Inventory(..) | Asked::Positions(_) | Asked::Subscribe(_) | Asked::Ping => {
                unreachable!("questions are answered at once")
            }
        }
    }
}
