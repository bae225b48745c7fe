//! All our orders: the live ones, and the ended ones for as long as late news may come.
//! In: tickets, events. Out: changes. Absent: risk, profit, sending.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::machine::{self, Event, State, Unexpected};
use crate::market::SymbolId;
use crate::time::Timestamp;
use crate::trade::{BrokerOrderId, ClientOrderId, Leg, OrderTicket, PermId, StrategyId};

/// Ended orders that are remembered for late fills and statuses.
const ENDED_KEPT: usize = 4_096;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Order {
    pub ticket: OrderTicket,
    pub state: State,
    pub perm_id: Option<PermId>,
    pub filled: u32,
    pub sent_at: Timestamp,
    /// We asked to cancel it: should it turn out to be live after all, it is asked again.
    pub withdrawn: bool,
}

impl Order {
    pub fn left(&self) -> u32 {
        self.ticket.quantity.saturating_sub(self.filled)
    }

    pub fn is_live(&self) -> bool {
        !self.state.is_terminal()
    }

    /// The entry of the bracket that this order belongs to.
    pub fn family(&self) -> ClientOrderId {
        self.ticket.family()
    }
}

/// How an order moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moved {
    pub from: State,
    pub to: State,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct WorkingOrders {
    live: BTreeMap<ClientOrderId, Order>,
    ended: BTreeMap<ClientOrderId, Order>,
    by_order_id: BTreeMap<BrokerOrderId, ClientOrderId>,
    by_perm_id: BTreeMap<PermId, ClientOrderId>,
}

impl WorkingOrders {
    /// Adds a new order, or replaces the ticket of a live one after a change of its size or price.
    pub fn place(&mut self, now: Timestamp, ticket: OrderTicket) {
        if let Some(order) = self.live.get_mut(&ticket.id) {
            order.ticket = ticket;
            return;
        }
        self.by_order_id.insert(ticket.order_id, ticket.id);
        let order = Order { state: State::Sent, perm_id: None, filled: 0, sent_at: now, withdrawn: false, ticket };
        self.live.insert(order.ticket.id, order);
    }

    pub fn get(&self, id: ClientOrderId) -> Option<&Order> {
        self.live.get(&id).or_else(|| self.ended.get(&id))
    }

    pub fn id_of(&self, order_id: BrokerOrderId) -> Option<ClientOrderId> {
        self.by_order_id.get(&order_id).copied()
    }

    /// By the broker's permanent id, once it is known.
    pub fn by_perm_id(&self, perm_id: PermId) -> Option<&Order> {
        self.by_perm_id.get(&perm_id).and_then(|id| self.get(*id))
    }

    /// Live and ended, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Order> {
        // Their ids interleave; two sorted rows are merged by looking at the heads.
        let (mut live, mut ended) = (self.live.values().rev().peekable(), self.ended.values().rev().peekable());
        std::iter::from_fn(move || match (live.peek(), ended.peek()) {
            (Some(a), Some(b)) if a.ticket.id < b.ticket.id => ended.next(),
            (Some(_), _) => live.next(),
            (None, _) => ended.next(),
        })
    }

    /// Live orders, oldest first.
    pub fn live(&self) -> impl Iterator<Item = &Order> {
        self.live.values()
    }

    pub fn live_of(&self, strategy: StrategyId, symbol: SymbolId) -> impl Iterator<Item = &Order> {
        self.live().filter(move |o| o.ticket.strategy == strategy && o.ticket.symbol == symbol)
    }

    pub fn has_live(&self, strategy: StrategyId, symbol: SymbolId, leg: Leg) -> bool {
        self.live_of(strategy, symbol).any(|o| o.ticket.leg == leg)
    }

    /// Applies an event by the table. `None`: no such order.
    pub fn apply(&mut self, id: ClientOrderId, event: Event) -> Option<Result<Moved, Unexpected>> {
        let order = self.live.get_mut(&id).or_else(|| self.ended.get_mut(&id))?;
        let from = order.state;
        let to = match machine::next(from, event) {
            Ok(to) => to,
            Err(unexpected) => return Some(Err(unexpected)),
        };
        order.state = to;
        order.withdrawn |= event == Event::CancelRequested;
        self.file(id, from, to);
        Some(Ok(Moved { from, to }))
    }

    /// Sets what a record says, when rebuilding.
    pub fn restore(&mut self, id: ClientOrderId, state: State, perm_id: Option<PermId>, filled: u32) {
        let Some(order) = self.live.get_mut(&id).or_else(|| self.ended.get_mut(&id)) else { return };
        let from = std::mem::replace(&mut order.state, state);
        order.perm_id = perm_id.or(order.perm_id);
        order.filled = filled;
        order.withdrawn |= state == State::CancelSent;
        if let Some(perm_id) = perm_id {
            self.by_perm_id.insert(perm_id, id);
        }
        self.file(id, from, state);
    }

    pub fn set_perm_id(&mut self, id: ClientOrderId, perm_id: PermId) {
        if let Some(order) = self.live.get_mut(&id).or_else(|| self.ended.get_mut(&id)) {
            order.perm_id = Some(perm_id);
            self.by_perm_id.insert(perm_id, id);
        }
    }

    /// A correction changed what an order's executions come to.
    pub fn set_filled(&mut self, id: ClientOrderId, filled: u32) {
        if let Some(order) = self.live.get_mut(&id).or_else(|| self.ended.get_mut(&id)) {
            order.filled = filled;
        }
    }

    /// Counts contracts filled and returns those left; more than were ordered leaves zero.
    pub fn add_filled(&mut self, id: ClientOrderId, quantity: u32) -> Option<u32> {
        let order = self.live.get_mut(&id).or_else(|| self.ended.get_mut(&id))?;
        order.filled += quantity;
        Some(order.left())
    }

    /// Gives every order the ids of another numbering. Ended orders of what has no number any more are forgotten; a
    /// live one is the error.
    pub fn renumber(
        &mut self,
        strategy: &impl Fn(StrategyId) -> Option<StrategyId>,
        symbol: &impl Fn(SymbolId) -> Option<SymbolId>,
    ) -> Result<(), (StrategyId, SymbolId)> {
        let move_one = |ticket: &mut OrderTicket| match (strategy(ticket.strategy), symbol(ticket.symbol)) {
            (Some(s), Some(y)) => {
                (ticket.strategy, ticket.symbol) = (s, y);
                true
            }
            _ => false,
        };
        for order in self.live.values_mut() {
            let was = (order.ticket.strategy, order.ticket.symbol);
            if !move_one(&mut order.ticket) {
                return Err(was);
            }
        }
        self.ended.retain(|_, order| move_one(&mut order.ticket));
        Ok(())
    }

    /// Keeps an order in the shelf that its state belongs to: a fill may bring a dead one back.
    fn file(&mut self, id: ClientOrderId, from: State, to: State) {
        if from.is_terminal() == to.is_terminal() {
            return;
        }
        let (source, target) =
            if to.is_terminal() { (&mut self.live, &mut self.ended) } else { (&mut self.ended, &mut self.live) };
        if let Some(order) = source.remove(&id) {
            target.insert(id, order);
        }
        if self.ended.len() > ENDED_KEPT
            && let Some((_, forgotten)) = self.ended.pop_first()
        {
            self.by_order_id.remove(&forgotten.ticket.order_id);
            if let Some(perm_id) = forgotten.perm_id {
                self.by_perm_id.remove(&perm_id);
            }
        }
    }
}
