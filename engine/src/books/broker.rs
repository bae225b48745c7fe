//! What the broker says, applied: statuses move orders, executions move positions, messages raise doubt.

use super::foreign::NO_ORDER_ID;
use super::settle::Source;
use super::{Asked, Books, Output};
use crate::codes::{self, Meaning};
use crate::journal::{Record, Severity};
use crate::orders::machine::{Event, State};
use crate::sabotage::{self, Sabotage};
use crate::time::Timestamp;
use crate::trade::{BrokerEvent, BrokerOrderId, BrokerRequest, BrokerStatus, ClientOrderId, PermId, Question, Trading};

impl Books {
    pub(super) fn on_broker(&mut self, now: Timestamp, event: BrokerEvent, out: &mut Vec<Output>) {
        match event {
            BrokerEvent::NextOrderId(floor) => {
                self.connected = true;
                self.raise_next(floor, out);
                if sabotage::is(Sabotage::LetIdsFall) {
                    self.state.next_order_id = floor;
                }
            }
            BrokerEvent::Status { order_id, perm_id, status, filled, remaining } => {
                let Some(id) = self.state.orders.id_of(order_id) else { return };
                if let Some(learned) = self.identify(id, perm_id, out) {
                    self.see_size(id, filled.saturating_add(remaining));
                    let moved = self.on_status(now, id, status, filled, out);
                    if learned && !moved {
                        self.change(id, "", out);
                    }
                }
            }
            BrokerEvent::Execution(execution) => self.on_execution(now, &execution, Source::Stream, out),
            BrokerEvent::Commission { exec_id, amount } => self.on_commission(&exec_id, amount, out),
            BrokerEvent::OrderMessage { order_id, code, text } => self.on_message(order_id, code, &text, out),
            BrokerEvent::NotSent { order_id, text } => self.on_not_sent(order_id, &text, out),
            BrokerEvent::Snapshot(question, snapshot) => self.on_snapshot(now, question, &snapshot, out),
            BrokerEvent::Positions(question, positions) => self.on_positions(now, question, &positions, out),
        }
    }

    /// A number of this client that the broker knows is not used again, even where the journal has lost who had it and
    /// `nextValidId` falls back.
    pub(super) fn see_number(&mut self, client_id: i32, order_id: BrokerOrderId, out: &mut Vec<Output>) {
        if client_id == self.client_id && order_id.0 < NO_ORDER_ID {
            self.raise_next(BrokerOrderId(order_id.0 + 1), out);
        }
    }

    /// Ids only rise, whatever the broker believes.
    fn raise_next(&mut self, floor: BrokerOrderId, out: &mut Vec<Output>) {
        if floor > self.state.next_order_id {
            self.state.next_order_id = floor;
            out.push(Output::Record(Record::NextOrderId(floor)));
        }
    }

    /// Whether the permanent id is news; `None` when it belongs to another order than ours with this number.
    fn identify(&mut self, id: ClientOrderId, perm_id: PermId, out: &mut Vec<Output>) -> Option<bool> {
        let known = self.state.orders.get(id).expect("it has an id").perm_id;
        match known {
            // The first statuses of an order may come before its permanent id.
            _ if perm_id.0 == 0 => Some(false),
            Some(known) if known == perm_id => Some(false),
            Some(known) => {
                let text = format!(
                    "order {}: a status names permanent id {}, and the order has {}: another program uses this client id, \
                     or the broker has begun its numbers anew",
                    id.0, perm_id.0, known.0
                );
                if self.tell_once(format!("identity {} {}", id.0, perm_id.0)) {
                    out.push(Self::system(Severity::Error, "order.identity", text));
                    out.push(Output::Doubt);
                }
                None
            }
            None => {
                self.state.orders.set_perm_id(id, perm_id);
                Some(true)
            }
        }
    }

    /// Contracts of an order as the broker has it. Zero: it did not say.
    pub(super) fn see_size(&mut self, id: ClientOrderId, contracts: u32) {
        let Some(order) = self.state.orders.get(id).filter(|order| order.is_live() && contracts > 0) else { return };
        self.sizes.insert(id, contracts);
        // One that filled as far as its new size has to be told as ended.
        if contracts <= order.ticket.quantity && contracts > order.filled {
            self.shrinking.remove(&id);
        }
    }

    /// `true`: the order moved and that is recorded.
    fn on_status(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        status: BrokerStatus,
        filled: u32,
        out: &mut Vec<Output>,
    ) -> bool {
        let order = self.state.orders.get(id).expect("it has an id");
        let event = match status {
            BrokerStatus::PendingSubmit | BrokerStatus::PreSubmitted => Event::Held,
            BrokerStatus::Submitted => Event::Accepted,
            BrokerStatus::Cancelled => Event::CancelConfirmed,
            BrokerStatus::Inactive => Event::Doubted,
            // The executions say it; until they come the order stays live. An OCA group may have made the order
            // smaller than its ticket, so that only this word tells that it is done.
            BrokerStatus::Filled if !order.is_live() => return false,
            BrokerStatus::Filled if filled > 0 && order.filled >= filled => Event::Filled { left: 0 },
            BrokerStatus::Filled => {
                self.filled_unseen.entry(id).or_insert((now, filled));
                return false;
            }
            BrokerStatus::PendingCancel | BrokerStatus::Other => return false,
        };
        let revived = order.state == State::Rejected && event != Event::CancelConfirmed;
        let moved = !revived && self.step(id, event, "", out);
        if event == Event::Doubted || revived {
            // What was proved absent speaks: only the broker's list says what it is.
            out.push(Output::Doubt);
        }
        moved
    }

    /// Everything handed to the broker so far goes out before this request, so the answer speaks of it.
    /// `whole`: everything, or positions only.
    pub(super) fn ask(&mut self, now: Timestamp, whole: bool, out: &mut Vec<Output>) {
        // The link asks only over a living connection.
        self.connected = true;
        let newest = ClientOrderId(self.state.next_id.0 - 1);
        let live = self.state.orders.live().map(|order| order.ticket.id).collect();
        let question = Question { at: now, newest, executions: self.state.executions.len() };
        self.inventory.push_back(Asked { whole, question, live });
        let request = if whole { BrokerRequest::TakeInventory } else { BrokerRequest::ComparePositions };
        out.push(Output::Request(request(question)));
    }

    /// What an answer is judged by. `None`: it was asked by the books before these, or before a connection or its
    /// upstream was lost since; it proves nothing.
    pub(super) fn answered(&mut self, whole: bool, question: Question) -> Option<Asked> {
        let answers = |asked: &Asked| (asked.whole, asked.question) == (whole, question);
        let index = self.inventory.iter().position(answers)?;
        let asked = self.inventory.remove(index);
        // Answers come in order: those before it will never come.
        self.inventory.retain(|older| older.whole != whole || older.question >= question);
        asked
    }

    /// Applies an event and says what came of it: a record, news for the strategy, smaller children. `true`: it moved.
    pub(super) fn step(&mut self, id: ClientOrderId, event: Event, note: &str, out: &mut Vec<Output>) -> bool {
        match self.state.orders.apply(id, event) {
            Some(Ok(moved)) if moved.from != moved.to => {
                self.change(id, note, out);
                if moved.to.is_terminal() {
                    self.forget_open(id);
                }
                self.tell_if_ended(id, out);
                self.after_end(id, out);
                true
            }
            Some(Ok(_)) | None => false,
            Some(Err(unexpected)) => {
                let text = format!("order {}: {unexpected}", id.0);
                out.push(Self::system(Severity::Warning, "order.unexpected", text));
                false
            }
        }
    }

    /// What is of interest only while an order is live.
    pub(super) fn forget_open(&mut self, id: ClientOrderId) {
        self.sizes.remove(&id);
        self.shrinking.remove(&id);
        self.cancel_sent.remove(&id);
        self.filled_unseen.remove(&id);
        self.refused.remove(&id);
    }

    fn on_message(&mut self, order_id: BrokerOrderId, code: i32, text: &str, out: &mut Vec<Output>) {
        let Some(id) = self.state.orders.id_of(order_id) else { return };
        let meaning = codes::order_message(code);
        if code == 10349 && sabotage::is(Sabotage::EndBy10349) {
            self.step(id, Event::CancelConfirmed, "sabotage", out);
        }
        if meaning == Meaning::Info {
            return;
        }
        let note = format!("order {}: broker says {code}: {text}", id.0);
        out.push(Self::system(Severity::Warning, "order.message", note));
        let live = self.state.orders.get(id).filter(|o| o.is_live()).map(|o| o.state);
        if let (Meaning::TerminalCandidate, Some(state)) = (meaning, live) {
            if state == State::Sent {
                self.refused.insert(id);
            }
            self.step(id, Event::Doubted, &format!("{code}: {text}"), out);
            out.push(Output::Doubt);
        }
    }

    /// The request never reached the connection. A cancel that was not sent leaves the order where it was.
    fn on_not_sent(&mut self, order_id: BrokerOrderId, text: &str, out: &mut Vec<Output>) {
        let Some(id) = self.state.orders.id_of(order_id) else { return };
        out.push(Self::system(Severity::Error, "order.not_sent", format!("order {}: {text}", id.0)));
        let event = match self.state.orders.get(id).map(|o| o.state) {
            Some(State::Sent) => Event::NotSent,
            Some(state) if !state.is_terminal() => Event::Doubted,
            Some(_) | None => return,
        };
        self.step(id, event, text, out);
    }

    pub(super) fn on_trading(&mut self, now: Timestamp, trading: Trading, cause: String, out: &mut Vec<Output>) {
        if self.trading != trading {
            self.trading = trading;
            self.trading_cause = if trading == Trading::Allowed { String::new() } else { cause.clone() };
            out.push(Output::Record(Record::Trading { trading, cause: cause.clone() }));
        }
        if trading == Trading::Liquidating {
            self.flatten(now, &cause, out);
        }
    }

    pub(super) fn on_link_lost(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.connected = false;
        self.inventory.clear();
        self.agreed.clear();
        self.naked_since.clear();
        self.leftover_since.clear();
        self.filled_unseen.clear();
        // What was to become smaller may not have heard of it.
        self.sizes.retain(|id, size| self.state.orders.get(*id).is_some_and(|order| order.ticket.quantity < *size));
        self.shrinking.clear();
        self.cancel_sent.clear();
        self.refused.clear();
        self.suspected_busts.clear();
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
        let unseen = self.filled_unseen.iter().filter(|(_, (at, _))| now.since(*at) > patience).map(|(id, _)| *id);
        doubted.extend(unseen);
        let asked = self.cancel_sent.iter().chain(&self.shrinking);
        doubted.extend(asked.filter(|(_, at)| now.since(**at) > patience).map(|(id, _)| *id));
        doubted.sort_unstable();
        doubted.dedup();
        if sabotage::is(Sabotage::ResendUnknown) {
            let unknown = self.state.orders.live().filter(|o| o.state == State::Unknown);
            out.extend(unknown.map(|o| Output::Request(BrokerRequest::Place(vec![o.ticket.clone()]))));
        }
        for &id in &doubted {
            self.filled_unseen.remove(&id);
            self.cancel_sent.remove(&id);
            self.shrinking.remove(&id);
            let text = format!("order {}: no answer within {} ms; its fate is open", id.0, patience.as_millis());
            out.push(Self::system(Severity::Warning, "order.unanswered", text));
            self.step(id, Event::Doubted, "the broker did not answer in time", out);
        }
        // What an inventory left open is asked about again.
        let unknown = self.state.orders.live().any(|o| o.state == State::Unknown);
        if self.connected && (unknown || !doubted.is_empty()) {
            out.push(Output::Doubt);
        }
    }
}
