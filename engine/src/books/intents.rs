//! Intents to orders: the gate is asked, ids are given out, the bracket is built, everything is recorded, then sent.

use super::{Books, Output};
use crate::journal::{Record, Severity, Verdict};
use crate::market::SymbolId;
use crate::orders::machine::Event;
use crate::orders::reconcile::make_ref;
use crate::risk::gate::{self, Approved, Cleared};
use crate::risk::latch::Scope;
use crate::risk::reducing::Held;
use crate::risk::{Breach, Candidate, reentries};
use crate::sabotage::{self, Sabotage};
use crate::strategy;
use crate::time::Timestamp;
use crate::trade::{
    BrokerOrderId, BrokerRequest, ClientOrderId, Intent, Leg, OrderIntent, OrderKind, OrderTicket, Side, StrategyId,
    TimeInForce,
};

impl Books {
    pub(super) fn on_intent(&mut self, now: Timestamp, intent: OrderIntent, out: &mut Vec<Output>) {
        let Some(intent) = self.sized(now, intent, out) else { return };
        let OrderIntent { strategy, symbol, .. } = intent;
        match intent.intent {
            Intent::Enter { side, quantity, kind, bracket } => {
                let (stop, target) = (Some(bracket.stop), bracket.target);
                let candidate = Candidate { strategy, symbol, side, quantity, kind, stop, target };
                self.enter(now, candidate, TimeInForce::Day, intent, out);
            }
            Intent::Order { side, quantity, kind, tif, bracket } => {
                let (stop, target) = (bracket.map(|b| b.stop), bracket.and_then(|b| b.target));
                let candidate = Candidate { strategy, symbol, side, quantity, kind, stop, target };
                self.enter(now, candidate, tif, intent, out);
            }
            Intent::Exit
                if self.is_loose((strategy, symbol)) && !self.state.orders.has_live(strategy, symbol, Leg::Exit) =>
            {
                out.push(Output::Record(Record::Signal { intent, verdict: Verdict::Approved { order: None } }));
                self.start_climb(now, (strategy, symbol), "an exit while its bracket is larger than the position", out);
            }
            Intent::Exit => {
                let exit = self.closing_ticket(strategy, symbol, OrderKind::Market);
                // Nothing else closes a position without a stop: its exit outlives the day, as its entry does.
                let lasts = |ticket| OrderTicket { tif: TimeInForce::GoodTillCancelled, ..ticket };
                let exit = if self.unprotected_allowed { exit.map(lasts) } else { exit };
                let verdict = Verdict::Approved { order: exit.as_ref().map(|ticket| ticket.id) };
                out.push(Output::Record(Record::Signal { intent, verdict }));
                self.cancel_entries(strategy, symbol, out);
                match exit {
                    Some(ticket) => self.send_reducing(now, ticket, out),
                    None if self.state.portfolio.position(strategy, symbol) == 0 => {
                        out.push(Output::Strategy(strategy, strategy::Input::OrderEnded(Leg::Exit)));
                    }
                    // Closing already, or not before the book agrees with the broker; the strategy may ask again.
                    None if !self.agreed.contains(&symbol) => {
                        out.push(Output::Strategy(strategy, strategy::Input::OrderEnded(Leg::Exit)));
                    }
                    None => {}
                }
            }
            Intent::CancelEntries => {
                let verdict = Verdict::Approved { order: None };
                out.push(Output::Record(Record::Signal { intent, verdict }));
                self.cancel_entries(strategy, symbol, out);
            }
        }
    }

    /// Asks the gate, and places what it lets through.
    fn enter(
        &mut self,
        now: Timestamp,
        candidate: Candidate,
        tif: TimeInForce,
        intent: OrderIntent,
        out: &mut Vec<Output>,
    ) {
        // Losses are looked at when they matter, not only once a second.
        self.watch_limits(now, out);
        match self.check_entry(now, candidate) {
            Ok(approved) => self.submit(now, approved, tif, intent, out),
            Err(breach) => {
                let strategy = candidate.strategy;
                if breach.rule == reentries::RULE {
                    self.trip(now, Scope::Strategy(strategy), breach.clone(), out);
                }
                let (rule, value, limit) = (breach.rule.to_owned(), breach.value, breach.limit);
                let verdict = Verdict::Refused { rule, value, limit };
                out.push(Output::Record(Record::Signal { intent, verdict }));
                out.push(Output::Strategy(strategy, strategy::Input::OrderEnded(Leg::Entry)));
            }
        }
    }

    /// The only place where an entry comes into being, and it takes the gate's word for it.
    fn submit(
        &mut self,
        now: Timestamp,
        approved: Approved,
        tif: TimeInForce,
        intent: OrderIntent,
        out: &mut Vec<Output>,
    ) {
        let order = *approved.candidate();
        self.sent.entry(now, order);
        let entry = self.ticket(order.strategy, order.symbol, Leg::Entry, order.side, order.quantity, order.kind);
        let entry = OrderTicket { tif, ..entry };
        let family = (entry.id, entry.order_id);
        let protect = |books: &mut Self, leg, kind| {
            let ticket = books.ticket(order.strategy, order.symbol, leg, order.side.opposite(), order.quantity, kind);
            OrderTicket {
                tif: TimeInForce::GoodTillCancelled,
                parent: Some(family.1),
                oca_group: Some(books.oca_group(family.0)),
                ..ticket
            }
        };
        // Ids rise in the order of sending: the broker refuses one that is below another it has seen.
        let target = order.target.map(|price| protect(self, Leg::Target, OrderKind::Limit(price)));
        let stop = order.stop.map(|price| protect(self, Leg::Stop, OrderKind::Stop(price)));
        let mut tickets: Vec<OrderTicket> = [Some(entry), target, stop].into_iter().flatten().collect();
        let last = tickets.len() - 1;
        tickets[last].transmit = true;
        let verdict = Verdict::Approved { order: Some(family.0) };
        out.push(Output::Record(Record::Signal { intent, verdict }));
        self.send(now, approved.into_orders(tickets), out);
    }

    /// An order that takes risk away. The gate sees that it does; should it not, that is a mistake of this program.
    pub(super) fn send_reducing(&mut self, now: Timestamp, ticket: OrderTicket, out: &mut Vec<Output>) {
        let position = self.state.portfolio.position(ticket.strategy, ticket.symbol);
        let id = ticket.id;
        match gate::check_reducing(ticket, Held { position, filled: 0 }) {
            Ok(cleared) => self.send(now, cleared, out),
            Err(breach) => self.tell_refused(id, &breach, out),
        }
    }

    pub(super) fn tell_refused(&self, id: ClientOrderId, breach: &Breach, out: &mut Vec<Output>) {
        let Breach { rule, value, limit } = breach;
        let text = format!("order {}: {rule}: {value} against {limit}", id.0);
        out.push(Self::system(Severity::Error, "order.refused", text));
    }

    /// Records, then sends. The only place where orders leave, and it takes what the gate has cleared.
    fn send(&mut self, now: Timestamp, cleared: Cleared, out: &mut Vec<Output>) {
        let tickets = cleared.into_tickets();
        for ticket in &tickets {
            self.sent.order(now, ticket.strategy, ticket.symbol);
            self.state.risk.count_order(ticket.strategy, ticket.symbol);
            self.state.orders.place(now, ticket.clone());
            out.push(Output::Record(Record::OrderPlaced(ticket.clone())));
        }
        out.push(Output::Request(BrokerRequest::Place(tickets)));
    }

    pub(super) fn ticket(
        &mut self,
        strategy: StrategyId,
        symbol: SymbolId,
        leg: Leg,
        side: Side,
        quantity: u32,
        kind: OrderKind,
    ) -> OrderTicket {
        let id = self.state.next_id;
        let order_id = self.state.next_order_id;
        self.state.next_id = ClientOrderId(id.0 + 1);
        if !sabotage::is(Sabotage::ReuseOrderId) || order_id.0 % 5 != 0 || leg != Leg::Entry {
            self.state.next_order_id = BrokerOrderId(order_id.0 + 1);
        }
        OrderTicket {
            id,
            order_id,
            strategy,
            symbol,
            leg,
            side,
            quantity,
            kind,
            tif: TimeInForce::Day,
            parent: None,
            oca_group: None,
            transmit: false,
            order_ref: make_ref(&self.instance, id),
        }
    }

    pub(super) fn oca_group(&self, family: ClientOrderId) -> String {
        format!("{}-oca-{}", self.instance, family.0)
    }

    pub(super) fn cancel_entries(&mut self, strategy: StrategyId, symbol: SymbolId, out: &mut Vec<Output>) {
        let entries: Vec<ClientOrderId> = self
            .state
            .orders
            .live_of(strategy, symbol)
            .filter(|o| o.ticket.leg == Leg::Entry)
            .map(|o| o.ticket.id)
            .collect();
        entries.into_iter().for_each(|id| self.cancel(id, "entry withdrawn", out));
    }

    pub(super) fn cancel(&mut self, id: ClientOrderId, why: &str, out: &mut Vec<Output>) {
        if let Some(Ok(_)) = self.state.orders.apply(id, Event::CancelRequested) {
            self.change(id, why, out);
            self.cancel_sent.insert(id, self.now);
            let order_id = self.state.orders.get(id).expect("it was just changed").ticket.order_id;
            out.push(Output::Request(BrokerRequest::Cancel(order_id)));
        }
    }
}
