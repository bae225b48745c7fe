//! No position without a resting stop of its size: children are kept at the position's size, what is left of an entry
//! is withdrawn once its position closes, and what stays naked is closed.

use super::{Books, NAKED_FOR, Output};
use crate::journal::{Record, Severity};
use crate::market::SymbolId;
use crate::orders::machine::State;
use crate::orders::working::Order;
use crate::time::Timestamp;
use crate::trade::{BrokerRequest, ClientOrderId, Leg, OrderTicket, StrategyId};

impl Books {
    /// A protective or closing fill makes the rest of the entry unwanted.
    pub(super) fn after_fill(&mut self, id: ClientOrderId, leg: Leg, out: &mut Vec<Output>) {
        if leg == Leg::Entry {
            return;
        }
        let Some(family) = self.state.orders.get(id).map(Order::family) else { return };
        if self.state.orders.get(family).is_some_and(|entry| entry.is_live() && entry.ticket.leg == Leg::Entry) {
            self.cancel(family, "the position is closing", out);
        }
        self.finish_flattening(out);
    }

    /// An entry that ended early leaves children larger than the position: they could turn it around.
    pub(super) fn after_end(&mut self, id: ClientOrderId, out: &mut Vec<Output>) {
        let ended_entry = self.state.orders.get(id).filter(|o| o.ticket.leg == Leg::Entry && !o.is_live());
        if let Some(entry) = ended_entry {
            let (filled, ordered) = (entry.filled, entry.ticket.quantity);
            if filled > 0 && filled < ordered {
                self.resize_children(id, filled, out);
            } else if filled == 0 {
                self.children(id).into_iter().for_each(|child| self.cancel(child, "the entry did not fill", out));
            }
        }
        self.withdraw_unprotected(id, out);
        self.finish_flattening(out);
    }

    /// An entry whose stop is gone before it filled is not wanted any more.
    fn withdraw_unprotected(&mut self, id: ClientOrderId, out: &mut Vec<Output>) {
        let Some(stop) = self.state.orders.get(id).filter(|o| o.ticket.leg == Leg::Stop && !o.is_live()) else {
            return;
        };
        let family = stop.family();
        let waits = |entry: &Order| entry.is_live() && entry.filled == 0 && entry.state != State::CancelSent;
        if self.state.orders.get(family).is_some_and(waits) {
            self.cancel(family, "its stop is gone", out);
        }
    }

    fn children(&self, family: ClientOrderId) -> Vec<ClientOrderId> {
        let is_child = |o: &&Order| o.family() == family && matches!(o.ticket.leg, Leg::Stop | Leg::Target);
        self.state.orders.live().filter(is_child).map(|o| o.ticket.id).collect()
    }

    fn resize_children(&mut self, family: ClientOrderId, entry_filled: u32, out: &mut Vec<Output>) {
        for id in self.children(family) {
            let order = self.state.orders.get(id).expect("it is live");
            if order.ticket.quantity > entry_filled {
                let ticket = OrderTicket { quantity: entry_filled, transmit: true, ..order.ticket.clone() };
                self.state.orders.place(order.sent_at, ticket.clone());
                out.push(Output::Record(Record::OrderPlaced(ticket.clone())));
                out.push(Output::Request(BrokerRequest::Modify(ticket)));
            }
        }
    }

    /// Cancels every entry and closes every position.
    pub(super) fn flatten(&mut self, now: Timestamp, cause: &str, out: &mut Vec<Output>) {
        self.flattening = true;
        out.push(Self::system(Severity::Warning, "books.flatten", cause));
        let pairs: Vec<(StrategyId, SymbolId)> = {
            let held = self.state.portfolio.sleeves().map(|(strategy, symbol, _)| (strategy, symbol));
            let working = self.state.orders.live().map(|o| (o.ticket.strategy, o.ticket.symbol));
            held.chain(working).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
        };
        for (strategy, symbol) in pairs {
            self.cancel_entries(strategy, symbol, out);
            self.close_out(now, strategy, symbol, out);
        }
        self.finish_flattening(out);
    }

    pub(super) fn disable(&mut self, strategy: StrategyId, out: &mut Vec<Output>) {
        out.push(Self::system(Severity::Error, "strategy.disabled", format!("strategy {}", strategy.0)));
        let symbols: Vec<SymbolId> = self.instruments.iter().map(|i| i.id).collect();
        symbols.into_iter().for_each(|symbol| self.cancel_entries(strategy, symbol, out));
    }

    fn close_out(&mut self, now: Timestamp, strategy: StrategyId, symbol: SymbolId, out: &mut Vec<Output>) {
        if let Some(ticket) = self.exit_ticket(strategy, symbol) {
            self.send(now, vec![ticket], out);
        }
    }

    fn finish_flattening(&mut self, out: &mut Vec<Output>) {
        let is_flat = self.state.portfolio.sleeves().all(|(_, _, sleeve)| sleeve.quantity == 0);
        let entries_live = self.state.orders.live().any(|o| o.ticket.leg == Leg::Entry);
        if self.flattening && is_flat && !entries_live {
            self.flattening = false;
            out.push(Output::Flat);
        }
    }

    /// Closes positions that lacked a resting stop for too long, and goes on closing while flattening.
    pub(super) fn protect(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if !self.connected {
            return;
        }
        let held: Vec<(StrategyId, SymbolId, u32)> = self
            .state
            .portfolio
            .sleeves()
            .filter(|(_, _, sleeve)| sleeve.quantity != 0)
            .map(|(strategy, symbol, s)| {
                (strategy, symbol, u32::try_from(s.quantity.unsigned_abs()).unwrap_or(u32::MAX))
            })
            .collect();
        self.naked_since.retain(|&(s, y), _| held.iter().any(|&(strategy, symbol, _)| (s, y) == (strategy, symbol)));
        for (strategy, symbol, quantity) in held {
            if !self.agreed.contains(&symbol) {
                // What is held is not certain; the comparison that failed has been told.
                continue;
            }
            if self.flattening {
                self.close_out(now, strategy, symbol, out);
            } else if self.resting_stop(strategy, symbol) >= quantity
                || self.state.orders.has_live(strategy, symbol, Leg::Exit)
            {
                self.naked_since.remove(&(strategy, symbol));
            } else if now.since(*self.naked_since.entry((strategy, symbol)).or_insert(now)) >= NAKED_FOR {
                let text = format!("{} of strategy {} has no resting stop", self.name_of(symbol), strategy.0);
                out.push(Self::system(Severity::Error, "position.naked", text));
                self.close_out(now, strategy, symbol, out);
            }
        }
    }

    fn resting_stop(&self, strategy: StrategyId, symbol: SymbolId) -> u32 {
        let stops = self.state.orders.live_of(strategy, symbol).filter(|o| o.ticket.leg == Leg::Stop);
        stops.map(Order::left).sum()
    }
}
