//! No position without a resting stop of its size: children are kept at the position's size, what is left of an entry
//! is withdrawn once its position closes, a stop that is gone is placed again, and what stays naked is closed.

use super::{Books, Output};
use crate::journal::Severity;
use crate::market::{Price, SymbolId};
use crate::orders::machine::State;
use crate::orders::working::Order;
use crate::sabotage::{self, Sabotage};
use crate::time::Timestamp;
use crate::trade::{ClientOrderId, Leg, OrderKind, OrderTicket, Side, StrategyId, TimeInForce};

/// How long orders may outlive their position before they are cancelled: their group ends them, and that is told.
const LEFTOVER_FOR: std::time::Duration = std::time::Duration::from_secs(2);

/// What rests at the broker to protect a position, in contracts.
#[derive(Clone, Copy, Default)]
struct Cover {
    /// Told by the broker.
    confirmed: u32,
    /// On its way, or in doubt.
    pending: u32,
}

impl Books {
    /// A protective or closing fill makes the rest of the entry unwanted.
    pub(super) fn after_fill(&mut self, id: ClientOrderId, leg: Leg, out: &mut Vec<Output>) {
        if leg == Leg::Entry {
            return;
        }
        self.close_if_turned(id, out);
        let Some(family) = self.state.orders.get(id).map(Order::family) else { return };
        if self.state.orders.get(family).is_some_and(|entry| entry.is_live() && entry.ticket.leg == Leg::Entry) {
            self.cancel(family, "the position is closing", out);
        }
    }

    /// A stop that fills in part just when an exit is on its way can leave the other side of the position: nobody wanted
    /// that.
    fn close_if_turned(&mut self, id: ClientOrderId, out: &mut Vec<Output>) {
        let Some(order) = self.state.orders.get(id) else { return };
        let (pair, side) = ((order.ticket.strategy, order.ticket.symbol), order.ticket.side);
        if Side::of_position(self.state.portfolio.position(pair.0, pair.1)) == Some(side) {
            self.start_climb(self.now, pair, "protective and closing orders both filled", out);
        }
    }

    /// An entry that ended early leaves children larger than the position: they could turn it around.
    pub(super) fn after_end(&mut self, id: ClientOrderId, out: &mut Vec<Output>) {
        let ended_entry = self.state.orders.get(id).filter(|o| o.ticket.leg == Leg::Entry && !o.is_live());
        if let Some(entry) = ended_entry {
            let (strategy, symbol) = (entry.ticket.strategy, entry.ticket.symbol);
            if entry.filled > 0 && entry.filled < entry.ticket.quantity {
                // To the position, of which a stop may have closed a part already.
                self.fit_protection(strategy, symbol, out);
            } else if entry.filled == 0 {
                self.children(id).into_iter().for_each(|child| self.cancel(child, "the entry did not fill", out));
            }
        }
        self.withdraw_unprotected(id, out);
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

    pub(super) fn disable(&mut self, strategy: StrategyId, out: &mut Vec<Output>) {
        self.enlisted.remove(&strategy);
        let text = format!("strategy {}", self.name_of_strategy(strategy));
        out.push(Self::system(Severity::Error, "strategy.disabled", text));
        let symbols: Vec<SymbolId> = self.instruments.iter().map(|i| i.id).collect();
        symbols.into_iter().for_each(|symbol| self.cancel_entries(strategy, symbol, out));
    }

    /// Every second: what is missing is asked for.
    pub(super) fn keep_protected(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.protect(now, out);
        if self.connected && !self.naked_since.is_empty() {
            // The broker's list says whether what is missing or unanswered is there.
            out.push(Output::Doubt);
        }
    }

    /// Whenever book and broker were compared, too.
    pub(super) fn protect(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if !self.connected || (self.unprotected_allowed && !self.flattening) {
            return;
        }
        let held: Vec<(StrategyId, SymbolId, i64)> = self.state.portfolio.held().collect();
        self.naked_since.retain(|pair, _| held.iter().any(|&(s, y, _)| *pair == (s, y)));
        for (strategy, symbol, position) in held {
            // Where they differ, what is held is not certain; the comparison that failed has been told.
            if self.agreed.contains(&symbol) {
                self.protect_one(now, strategy, symbol, position, out);
            }
        }
        self.sweep(now, out);
    }

    fn protect_one(
        &mut self,
        now: Timestamp,
        strategy: StrategyId,
        symbol: SymbolId,
        position: i64,
        out: &mut Vec<Output>,
    ) {
        let pair = (strategy, symbol);
        if self.flattening {
            self.start_climb(now, pair, "everything is being closed", out);
        }
        if self.climbs.contains_key(&pair) || sabotage::is(Sabotage::NeverRepair) {
            return;
        }
        let wanted = contracts(position);
        let cover = self.cover(strategy, symbol);
        if cover.confirmed >= wanted || self.state.orders.has_live(strategy, symbol, Leg::Exit) {
            self.naked_since.remove(&pair);
            return self.fit_protection(strategy, symbol, out);
        }
        let naked_for = now.since(*self.naked_since.entry(pair).or_insert(now));
        let (repair_after, flatten_after) = (self.protection.repair_after, self.protection.flatten_after);
        if cover.confirmed + cover.pending >= wanted {
            if naked_for >= flatten_after + self.orders_config.answer_within {
                self.give_up_protection(now, pair, "its stop is not answered for", out);
            }
        } else if naked_for >= flatten_after {
            self.give_up_protection(now, pair, "it has no resting stop of its size", out);
        } else if naked_for >= repair_after {
            self.repair(now, pair, position, out);
        }
    }

    fn give_up_protection(&mut self, now: Timestamp, pair: (StrategyId, SymbolId), why: &str, out: &mut Vec<Output>) {
        let text = format!("{} of {}: {why}", self.name_of(pair.1), self.name_of_strategy(pair.0));
        out.push(Self::system(Severity::Error, "position.naked", text));
        self.start_climb(now, pair, why, out);
    }

    fn cover(&self, strategy: StrategyId, symbol: SymbolId) -> Cover {
        let mut cover = Cover::default();
        let side = Side::of_position(self.state.portfolio.position(strategy, symbol)).map(Side::opposite);
        let protects = |o: &&Order| o.ticket.leg == Leg::Stop && Some(o.ticket.side) == side;
        for order in self.state.orders.live_of(strategy, symbol).filter(protects) {
            // As long as the broker has not told the new size, the smaller one counts.
            let resting = self.exposure(order).min(order.left());
            match order.state {
                State::Held | State::Working => cover.confirmed += resting,
                // It may rest there after all; a second one in its group does not come on top.
                State::Unknown if self.refused.contains(&order.ticket.id) => {}
                State::Sent | State::Unknown => cover.pending += resting,
                State::CancelSent | State::Filled | State::Cancelled | State::Rejected => {}
            }
        }
        cover
    }

    /// Contracts of a live order that may still fill at the broker, as far as the broker has told.
    pub(super) fn exposure(&self, order: &Order) -> u32 {
        let size = self.sizes.get(&order.ticket.id).copied().unwrap_or(order.ticket.quantity);
        size.saturating_sub(order.filled)
    }

    /// Grows the stop that rests, or places a new one where the old one was.
    fn repair(&mut self, now: Timestamp, pair: (StrategyId, SymbolId), position: i64, out: &mut Vec<Output>) {
        let (strategy, symbol) = pair;
        self.cancel_entries(strategy, symbol, out);
        let wanted = contracts(position);
        let side = if position > 0 { Side::Sell } else { Side::Buy };
        let is_resting = |o: &&Order| {
            o.ticket.leg == Leg::Stop && o.ticket.side == side && matches!(o.state, State::Held | State::Working)
        };
        let resting = self.state.orders.live_of(strategy, symbol).filter(is_resting).max_by_key(|o| o.ticket.id);
        if let Some(stop) = resting {
            let (id, filled) = (stop.ticket.id, stop.filled);
            let others = self.cover(strategy, symbol).confirmed - self.exposure(stop).min(stop.left());
            let quantity = filled + wanted.saturating_sub(others);
            self.tell_repair(pair, &format!("its stop grows to {quantity}"), out);
            return self.modify(id, out, |ticket| OrderTicket { quantity, ..ticket });
        }
        let Some(price) = self.stop_price(strategy, symbol, position) else {
            return self.give_up_protection(now, pair, "it has no stop, and no price for one is known", out);
        };
        let market = self.state.portfolio.last_mark(symbol).exit_price(position);
        if market.is_some_and(|market| if position > 0 { market <= price } else { market >= price }) {
            return self.give_up_protection(now, pair, "it has no stop, and the market is beyond where that was", out);
        }
        let pending = self.cover(strategy, symbol).pending;
        self.tell_repair(pair, &format!("a new stop at {} ticks", price.0), out);
        // The group of the target that may still be there; a stop that turns up after all shares it too.
        let closes = |o: &&Order| o.ticket.oca_group.is_some() && o.ticket.side == side;
        let grouped = self.state.orders.live_of(strategy, symbol).filter(closes);
        let family = grouped.map(Order::family).max();
        let ticket =
            self.ticket(strategy, symbol, Leg::Stop, side, wanted.saturating_sub(pending), OrderKind::Stop(price));
        let group = Some(self.oca_group(family.unwrap_or(ticket.id)));
        let ticket = OrderTicket { tif: TimeInForce::GoodTillCancelled, oca_group: group, transmit: true, ..ticket };
        self.send_reducing(now, ticket, out);
    }

    fn tell_repair(&self, pair: (StrategyId, SymbolId), what: &str, out: &mut Vec<Output>) {
        let text = format!("{} of {} is not protected: {what}", self.name_of(pair.1), self.name_of_strategy(pair.0));
        out.push(Self::system(Severity::Warning, "position.repaired", text));
    }

    /// Where the newest stop of this position was; without one, at the configured distance from what it cost.
    fn stop_price(&self, strategy: StrategyId, symbol: SymbolId, position: i64) -> Option<Price> {
        let side = if position > 0 { Side::Sell } else { Side::Buy };
        let of_pair = |o: &&Order| o.ticket.strategy == strategy && o.ticket.symbol == symbol;
        for order in self.state.orders.newest_first().filter(of_pair) {
            match order.ticket.kind.stop_price() {
                Some(price) if order.ticket.leg == Leg::Stop && order.ticket.side == side => return Some(price),
                // Older stops belonged to other positions.
                _ if order.ticket.leg == Leg::Entry && order.filled > 0 => break,
                _ => {}
            }
        }
        let distance = i32::try_from(*self.stop_ticks.get(&strategy)?).ok()?;
        let average = self.state.portfolio.average_price(strategy, symbol)?;
        Some(Price(if position > 0 { average.0.checked_sub(distance)? } else { average.0.checked_add(distance)? }))
    }

    /// Protective orders become as large as the position: the newest ones are kept, the rest is cancelled. Not while an
    /// entry fills, whose children have its size, nor while an exit is live, which shrinks them itself.
    pub(super) fn fit_protection(&mut self, strategy: StrategyId, symbol: SymbolId, out: &mut Vec<Output>) {
        let working = |leg| self.state.orders.has_live(strategy, symbol, leg);
        if !self.connected || self.climbs.contains_key(&(strategy, symbol)) || working(Leg::Entry) {
            return;
        }
        let held = self.state.portfolio.position(strategy, symbol);
        let position = contracts(held);
        if position > 0 && working(Leg::Exit) {
            return;
        }
        let closing = Side::of_position(held).map(Side::opposite);
        for leg in [Leg::Stop, Leg::Target, Leg::Exit] {
            let mut open = position;
            let orders: Vec<ClientOrderId> = self
                .state
                .orders
                .live_of(strategy, symbol)
                .filter(|o| o.ticket.leg == leg && o.state != State::CancelSent)
                .map(|o| o.ticket.id)
                .collect();
            for id in orders.into_iter().rev() {
                let order = self.state.orders.get(id).expect("it is live");
                let (exposed, filled) = (self.exposure(order), order.filled);
                // Of an older position on the other side: it would add to this one.
                if Some(order.ticket.side) != closing {
                    self.cancel(id, "its position is gone", out);
                    continue;
                }
                if open == 0 {
                    self.cancel(id, "its position is gone", out);
                } else if exposed > open {
                    let quantity = filled + open;
                    self.modify(id, out, |ticket| OrderTicket { quantity, ..ticket });
                }
                open = open.saturating_sub(exposed);
            }
        }
    }

    /// Orders whose position is gone and whose end nobody tells.
    fn sweep(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let mut pairs: Vec<(StrategyId, SymbolId)> = self
            .state
            .orders
            .live()
            .filter(|o| o.ticket.leg != Leg::Entry && !o.withdrawn)
            .map(|o| (o.ticket.strategy, o.ticket.symbol))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs.retain(|&(strategy, symbol)| {
            self.state.portfolio.position(strategy, symbol) == 0
                && self.agreed.contains(&symbol)
                && !self.state.orders.has_live(strategy, symbol, Leg::Entry)
        });
        self.leftover_since.retain(|pair, _| pairs.contains(pair));
        for pair in pairs {
            if now.since(*self.leftover_since.entry(pair).or_insert(now)) >= LEFTOVER_FOR {
                self.fit_protection(pair.0, pair.1, out);
            }
        }
    }
}

/// Of a position, on either side.
pub(super) fn contracts(position: i64) -> u32 {
    u32::try_from(position.unsigned_abs()).unwrap_or(u32::MAX)
}
