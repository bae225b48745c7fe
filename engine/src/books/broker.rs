//! What the broker says, applied: statuses move orders, executions move positions, messages raise doubt.

use super::{Asked, Books, Output};
use crate::codes::{self, Meaning};
use crate::journal::{Record, Severity};
use crate::orders::machine::{Event, State};
use crate::time::Timestamp;
use crate::trade::{BrokerEvent, BrokerOrderId, BrokerRequest, BrokerStatus, ClientOrderId, PermId, Trading};

impl Books {
    pub(super) fn on_broker(&mut self, now: Timestamp, event: BrokerEvent, out: &mut Vec<Output>) {
        match event {
            BrokerEvent::NextOrderId(floor) => {
                self.connected = true;
                // Ids only rise, whatever the broker believes.
                self.state.next_order_id = self.state.next_order_id.max(floor);
            }
            BrokerEvent::Status { order_id, perm_id, status, filled, .. } => {
                self.on_status(now, order_id, perm_id, status, filled, out);
            }
            BrokerEvent::Execution(execution) => self.on_execution(now, &execution, out),
            BrokerEvent::Commission { exec_id, amount } => self.on_commission(&exec_id, amount, out),
            BrokerEvent::OrderMessage { order_id, code, text } => self.on_message(order_id, code, &text, out),
            BrokerEvent::NotSent { order_id, text } => self.on_not_sent(order_id, &text, out),
            BrokerEvent::Snapshot(snapshot) => self.on_snapshot(now, &snapshot, out),
            BrokerEvent::Positions(positions) => self.on_positions(&positions, out),
        }
    }

    fn on_status(
        &mut self,
        now: Timestamp,
        order_id: BrokerOrderId,
        perm_id: PermId,
        status: BrokerStatus,
        filled: u32,
        out: &mut Vec<Output>,
    ) {
        let Some(id) = self.state.orders.id_of(order_id) else { return };
        if perm_id.0 != 0 {
            self.state.orders.set_perm_id(id, perm_id);
        }
        let event = match status {
            BrokerStatus::PendingSubmit | BrokerStatus::PreSubmitted => Event::Held,
            BrokerStatus::Submitted => Event::Accepted,
            BrokerStatus::Cancelled => Event::CancelConfirmed,
            BrokerStatus::Inactive => Event::Doubted,
            // The executions say it; until they come the order stays live.
            BrokerStatus::Filled => {
                let order = self.state.orders.get(id).expect("it has an id");
                if order.filled < filled && order.is_live() {
                    self.filled_unseen.entry(id).or_insert(now);
                }
                return;
            }
            BrokerStatus::PendingCancel | BrokerStatus::Other => return,
        };
        self.step(id, event, "", out);
        if event == Event::Doubted {
            out.push(Output::Doubt);
        }
    }

    /// Everything handed to the broker so far goes out before this request, so the answer speaks of it.
    pub(super) fn take_inventory(&mut self, out: &mut Vec<Output>) {
        self.ask(BrokerRequest::TakeInventory, out);
    }

    pub(super) fn ask(&mut self, request: BrokerRequest, out: &mut Vec<Output>) {
        // The link asks only over a living connection.
        self.connected = true;
        let newest = ClientOrderId(self.state.next_id.0 - 1);
        let live = self.state.orders.live().map(|order| order.ticket.id).collect();
        self.inventory = Some(Asked { newest, live, executions: self.state.executions.len() });
        out.push(Output::Request(request));
    }

    /// Applies an event and says what came of it: a record, news for the strategy, smaller children.
    pub(super) fn step(&mut self, id: ClientOrderId, event: Event, note: &str, out: &mut Vec<Output>) {
        match self.state.orders.apply(id, event) {
            Some(Ok(moved)) if moved.from != moved.to => {
                self.change(id, note, out);
                self.tell_if_ended(id, out);
                self.after_end(id, out);
            }
            Some(Ok(_)) | None => {}
            Some(Err(unexpected)) => {
                let text = format!("order {}: {unexpected}", id.0);
                out.push(Self::system(Severity::Warning, "order.unexpected", text));
            }
        }
    }

    fn on_message(&mut self, order_id: BrokerOrderId, code: i32, text: &str, out: &mut Vec<Output>) {
        let Some(id) = self.state.orders.id_of(order_id) else { return };
        let meaning = codes::order_message(code);
        if meaning == Meaning::Info {
            return;
        }
        let note = format!("order {}: broker says {code}: {text}", id.0);
        out.push(Self::system(Severity::Warning, "order.message", note));
        let live = self.state.orders.get(id).is_some_and(|o| o.is_live());
        if meaning == Meaning::TerminalCandidate && live {
            self.step(id, Event::Doubted, &format!("{code}: {text}"), out);
            out.push(Output::Doubt);
        }
    }

    /// The request never reached the connection. A cancel that was not sent leaves the order where it was.
    fn on_not_sent(&mut self, order_id: BrokerOrderId, text: &str, out: &mut Vec<Output>) {
        let Some(id) = self.state.orders.id_of(order_id) else { return };
        out.push(Self::system(Severity::Error, "order.not_sent", format!("order {}: {text}", id.0)));
        match self.state.orders.get(id).map(|o| o.state) {
            Some(State::Sent) => self.step(id, Event::NotSent, text, out),
            Some(state) if !state.is_terminal() => self.step(id, Event::Doubted, text, out),
            Some(_) | None => {}
        }
    }

    pub(super) fn on_trading(&mut self, now: Timestamp, trading: Trading, cause: String, out: &mut Vec<Output>) {
        if self.trading != trading {
            self.trading = trading;
            out.push(Output::Record(Record::Trading { trading, cause: cause.clone() }));
        }
        if trading == Trading::Liquidating {
            self.flatten(now, &cause, out);
        }
    }

    pub(super) fn on_link_lost(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.connected = false;
        self.inventory = None;
        self.agreed.clear();
        self.naked_since.clear();
        self.filled_unseen.clear();
        let live: Vec<ClientOrderId> = self.state.orders.live().map(|o| o.ticket.id).collect();
        for id in live {
            self.step(id, Event::Doubted, &format!("link lost at {now}"), out);
        }
    }

    /// An order that nobody has answered for may be anywhere.
    pub(super) fn doubt_unanswered(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let patience = self.orders_config.answer_within;
        let silent = |o: &&crate::orders::working::Order| o.state == State::Sent && now.since(o.sent_at) > patience;
        let mut doubted: Vec<ClientOrderId> = self.state.orders.live().filter(silent).map(|o| o.ticket.id).collect();
        let unseen = self.filled_unseen.iter().filter(|(_, at)| now.since(**at) > patience).map(|(id, _)| *id);
        doubted.extend(unseen);
        for &id in &doubted {
            self.filled_unseen.remove(&id);
            self.step(id, Event::Doubted, "the broker did not answer in time", out);
        }
        // What an inventory left open is asked about again.
        let unknown = self.state.orders.live().any(|o| o.state == State::Unknown);
        if self.connected && (unknown || !doubted.is_empty()) {
            out.push(Output::Doubt);
        }
    }
}
