//! Intents to orders: the gate is asked, ids are given out, the bracket is built, everything is recorded, then sent.

use super::{Books, Output};
use crate::journal::{Record, Verdict};
use crate::market::SymbolId;
use crate::orders::machine::Event;
use crate::orders::reconcile::make_ref;
use crate::risk::gate::{self, Approved};
use crate::risk::{Candidate, View};
use crate::strategy;
use crate::time::Timestamp;
use crate::trade::{
    BrokerOrderId, BrokerRequest, ClientOrderId, Intent, Leg, OrderIntent, OrderKind, OrderTicket, Side, StrategyId,
    TimeInForce,
};

impl Books {
    pub(super) fn on_intent(&mut self, now: Timestamp, intent: OrderIntent, out: &mut Vec<Output>) {
        let OrderIntent { strategy, symbol, .. } = intent;
        match intent.intent {
            Intent::Enter { side, quantity, kind, bracket } => {
                let candidate =
                    Candidate { strategy, symbol, side, quantity, stop: bracket.stop, target: bracket.target };
                match gate::check(candidate, &self.view(now, &candidate), &self.risk) {
                    Ok(approved) => self.submit(now, approved, kind, intent, out),
                    Err(breach) => {
                        let (rule, value, limit) = (breach.rule.to_owned(), breach.value, breach.limit);
                        let verdict = Verdict::Refused { rule, value, limit };
                        out.push(Output::Record(Record::Signal { intent, verdict }));
                        out.push(Output::Strategy(strategy, strategy::Input::OrderEnded(Leg::Entry)));
                    }
                }
            }
            Intent::Exit => {
                let exit = self.exit_ticket(strategy, symbol);
                let verdict = Verdict::Approved { order: exit.as_ref().map(|ticket| ticket.id) };
                out.push(Output::Record(Record::Signal { intent, verdict }));
                self.cancel_entries(strategy, symbol, out);
                match exit {
                    Some(ticket) => self.send(now, vec![ticket], out),
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

    /// What the gate may look at.
    fn view(&mut self, now: Timestamp, order: &Candidate) -> View {
        let (worst_long, worst_short) = self.worst_case(order.symbol);
        let mark = self.state.portfolio.last_mark(order.symbol);
        View {
            trading: self.trading,
            worst_long,
            worst_short,
            engaged: self.is_engaged(order.strategy, order.symbol),
            last_price: mark.last.or(mark.bid).or(mark.ask),
            data_age: self.prices_at.get(&order.symbol).map(|&at| now.since(at)),
            day_pnl: self.state.portfolio.day_pnl(),
            orders_last_second: self.sent.last_second(now),
            now,
        }
    }

    fn is_engaged(&self, strategy: StrategyId, symbol: SymbolId) -> bool {
        self.state.portfolio.position(strategy, symbol) != 0
            || self.state.orders.has_live(strategy, symbol, Leg::Entry)
            || self.state.orders.has_live(strategy, symbol, Leg::Exit)
    }

    /// Contracts long and short if every order that could raise them filled: any strategy's protective order may
    /// fill and leave the others' positions standing alone.
    fn worst_case(&self, symbol: SymbolId) -> (i64, i64) {
        let (mut long, mut short) = (0, 0);
        for (_, s, sleeve) in self.state.portfolio.sleeves() {
            if s == symbol {
                long += sleeve.quantity.max(0);
                short += (-sleeve.quantity).max(0);
            }
        }
        for order in self.state.orders.live().filter(|o| o.ticket.symbol == symbol && o.ticket.leg == Leg::Entry) {
            match order.ticket.side {
                Side::Buy => long += i64::from(order.left()),
                Side::Sell => short += i64::from(order.left()),
            }
        }
        (long, short)
    }

    /// The only place where an entry comes into being, and it takes the gate's word for it.
    fn submit(
        &mut self,
        now: Timestamp,
        approved: Approved,
        kind: OrderKind,
        intent: OrderIntent,
        out: &mut Vec<Output>,
    ) {
        let order = *approved.candidate();
        let entry = self.ticket(order.strategy, order.symbol, Leg::Entry, order.side, order.quantity, kind);
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
        let stop = protect(self, Leg::Stop, OrderKind::Stop(order.stop));
        let mut tickets: Vec<OrderTicket> = [Some(entry), target, Some(stop)].into_iter().flatten().collect();
        let last = tickets.len() - 1;
        tickets[last].transmit = true;
        let verdict = Verdict::Approved { order: Some(family.0) };
        out.push(Output::Record(Record::Signal { intent, verdict }));
        self.send(now, tickets, out);
    }

    /// Records, then sends.
    pub(super) fn send(&mut self, now: Timestamp, tickets: Vec<OrderTicket>, out: &mut Vec<Output>) {
        self.sent.record(now, tickets.len());
        for ticket in &tickets {
            self.state.orders.place(now, ticket.clone());
            out.push(Output::Record(Record::OrderPlaced(ticket.clone())));
        }
        out.push(Output::Request(BrokerRequest::Place(tickets)));
    }

    fn ticket(
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
        self.state.next_order_id = BrokerOrderId(order_id.0 + 1);
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

    fn oca_group(&self, family: ClientOrderId) -> String {
        format!("{}-oca-{}", self.instance, family.0)
    }

    /// A market order that closes the whole position, in the OCA group of the orders that protect it: whichever
    /// fills first withdraws the others, so the position cannot turn around. `None` when flat, already closing, or not
    /// known to be what the broker holds.
    pub(super) fn exit_ticket(&mut self, strategy: StrategyId, symbol: SymbolId) -> Option<OrderTicket> {
        let position = self.state.portfolio.position(strategy, symbol);
        let side = Side::of_position(position)?.opposite();
        if !self.agreed.contains(&symbol) {
            return None;
        }
        if self.state.orders.has_live(strategy, symbol, Leg::Exit) {
            return None;
        }
        let quantity = u32::try_from(position.unsigned_abs()).ok()?;
        // The newest: a child of an older position may count as live because its end was not told, and its group is over.
        let protective = self.state.orders.live_of(strategy, symbol).filter(|o| o.ticket.oca_group.is_some());
        let family = protective.map(|o| o.family()).max();
        let ticket = self.ticket(strategy, symbol, Leg::Exit, side, quantity, OrderKind::Market);
        let family = family.unwrap_or(ticket.id);
        Some(OrderTicket { oca_group: Some(self.oca_group(family)), transmit: true, ..ticket })
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
            let order_id = self.state.orders.get(id).expect("it was just changed").ticket.order_id;
            out.push(Output::Request(BrokerRequest::Cancel(order_id)));
        }
    }
}
