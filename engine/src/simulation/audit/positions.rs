//! Positions at the broker: never above the limit, never turned around, never without a stop for long.
//! In: the venue's truth and the tickets that went out. Out: violations.

use super::*;
use crate::trade::Side;
use crate::venue::VenueOrder;

impl Auditor {
    /// Fills since the last time. What closes must not open the other way, unless it was overtaken on its way; then the
    /// new position must be repaired as any other without a stop.
    pub(super) fn check_executions(&mut self, exchange: &Exchange) {
        let executions = exchange.venue().executions();
        // A bust takes one away.
        self.executions_seen = self.executions_seen.min(executions.len());
        for execution in &executions[self.executions_seen..] {
            let Some(id) = self.id_of(execution.order_id).filter(|_| execution.client_id == 0) else { continue };
            let ticket = &self.sent[&id];
            let (key, leg) = ((ticket.strategy, ticket.symbol), ticket.leg);
            let held = self.held.entry(key).or_default();
            let before = *held;
            *held += i64::from(execution.side.sign()) * i64::from(execution.quantity);
            let after = *held;
            let reversed = leg != Leg::Entry && after != 0 && after.signum() != before.signum();
            if reversed && !exchange.is_touched() && !self.excused && !self.was_overtaken(key) {
                let text = format!("{} order {} took a position from {before} to {after}", leg.name(), id.0);
                self.break_rule("what closes never opens", text);
            }
            self.overtake(key, id);
        }
        self.executions_seen = executions.len();
        for (id, exit) in &mut self.exits {
            exit.arrived |= exchange.venue().order_of(0, self.sent[id].order_id.0).is_some();
        }
    }

    fn overtake(&mut self, key: (StrategyId, SymbolId), filled: ClientOrderId) {
        for (id, exit) in &mut self.exits {
            let ticket = &self.sent[id];
            exit.overtaken |= !exit.arrived && *id != filled && (ticket.strategy, ticket.symbol) == key;
        }
    }

    fn was_overtaken(&self, key: (StrategyId, SymbolId)) -> bool {
        self.exits.iter().any(|(id, exit)| {
            let ticket = &self.sent[id];
            exit.overtaken && (ticket.strategy, ticket.symbol) == key
        })
    }

    fn is_stop_of(&self, order: &VenueOrder, (strategy, symbol): (StrategyId, SymbolId)) -> bool {
        self.id_of(order.order.order_id).is_some_and(|id| {
            let ticket = &self.sent[&id];
            ticket.leg == Leg::Stop && (ticket.strategy, ticket.symbol) == (strategy, symbol)
        })
    }

    /// A stop that stands by, or an exit that is at work.
    fn is_protected(&self, exchange: &Exchange, key: (StrategyId, SymbolId), held: i64) -> bool {
        let side = Side::of_position(held).map(Side::opposite);
        let closes = |order: &&VenueOrder| Some(order.order.side) == side && order.order.transmit;
        let stops = exchange.venue().open_orders().filter(closes).filter(|order| self.is_stop_of(order, key));
        let contracts: u32 = stops.map(VenueOrder::remaining).sum();
        let exits = exchange.venue().open_orders().filter(closes).any(|order| {
            let id = self.id_of(order.order.order_id);
            id.is_some_and(|id| self.sent[&id].leg == Leg::Exit && self.sent[&id].strategy == key.0)
        });
        exits || u64::from(contracts) >= held.unsigned_abs()
    }

    pub(super) fn check_protection(&mut self, exchange: &Exchange) {
        let repairable = exchange.has_path() && self.is_reconciled() && !self.excused && !exchange.is_touched();
        let repairable = repairable && self.fold.trading != Some(Trading::Paused);
        if !repairable {
            self.naked.0.clear();
            self.orphans.0.clear();
            return;
        }
        // An exit that is over overtakes nobody any more.
        let open: BTreeSet<i32> = exchange.venue().open_orders().map(|order| order.order.order_id).collect();
        let sent = &self.sent;
        self.exits.retain(|id, exit| !exit.arrived || open.contains(&sent[id].order_id.0));
        let held: Vec<_> = self.held.iter().filter(|(_, q)| **q != 0).map(|(key, q)| (*key, *q)).collect();
        let naked: BTreeSet<_> =
            held.iter().filter(|(key, q)| !self.is_protected(exchange, *key, *q)).map(|(key, _)| *key).collect();
        if let Some((strategy, symbol)) = self.naked.outlasts(exchange.now(), &naked, REPAIR_WITHIN) {
            let text = format!("strategy {} in symbol {} for more than {REPAIR_WITHIN:?}", strategy.0, symbol.0);
            return self.break_rule("a position has its stop", text);
        }
        self.check_orphans(exchange);
    }

    /// Protective orders of a flat strategy, or larger than what they protect, could open a position.
    fn check_orphans(&mut self, exchange: &Exchange) {
        let mut orphans = BTreeSet::new();
        for order in exchange.venue().open_orders() {
            let Some(id) = self.id_of(order.order.order_id) else { continue };
            let ticket = &self.sent[&id];
            if !matches!(ticket.leg, Leg::Stop | Leg::Target) {
                continue;
            }
            let held = self.held.get(&(ticket.strategy, ticket.symbol)).copied().unwrap_or(0);
            let entering = exchange.venue().open_orders().any(|entry| {
                let of = self.id_of(entry.order.order_id).map(|id| &self.sent[&id]);
                of.is_some_and(|t| t.leg == Leg::Entry && t.strategy == ticket.strategy)
            });
            let closes = i64::from(ticket.side.sign()) * held < 0;
            let fits = closes && i64::from(order.remaining()) <= held.abs();
            if !fits && !entering {
                orphans.insert(id);
            }
        }
        if let Some(id) = self.orphans.outlasts(exchange.now(), &orphans, REPAIR_WITHIN) {
            let text = format!("order {} is larger than the position it protects", id.0);
            self.break_rule("a stop has its position", text);
        }
    }

    pub(super) fn check_limits(&mut self, exchange: &Exchange) {
        if self.excused {
            return;
        }
        for position in exchange.venue().positions() {
            let entries = exchange.venue().open_orders().filter(|order| {
                order.order.symbol == position.symbol
                    && self.id_of(order.order.order_id).is_some_and(|id| self.sent[&id].leg == Leg::Entry)
            });
            let (mut long, mut short) = (position.quantity, -position.quantity);
            for entry in entries {
                match entry.order.side {
                    Side::Buy => long += i64::from(entry.remaining()),
                    Side::Sell => short += i64::from(entry.remaining()),
                }
            }
            // What others trade is theirs; entries are measured with it. What was told to be cancelled made room.
            let most = self.position_max + exchange.foreign() + exchange.untrue_contracts(position.symbol);
            if !exchange.is_touched() && (long > most || short > most) {
                let text = format!("symbol {}: {long} long, {short} short at worst", position.symbol.0);
                self.break_rule("limits hold", text);
            }
        }
    }
}
