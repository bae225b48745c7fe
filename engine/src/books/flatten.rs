//! Climbing the ladder: the moves of `ladder` as orders. In: positions to close. Out: orders, told step by step, and
//! [`Output::Flat`] when the broker has confirmed everything. Absent: when to close; that is for the link, an operator and
//! `protect`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::ladder::{self, Exit, Move, Sight, Step};
use super::protect::contracts;
use super::{Books, Output};
use crate::journal::{Record, Severity};
use crate::market::{Price, SymbolId};
use crate::orders::machine::State;
use crate::orders::working::Order;
use crate::risk::gate;
use crate::risk::reducing::Held;
use crate::sabotage::{self, Sabotage};
use crate::time::Timestamp;
use crate::trade::{BrokerRequest, ClientOrderId, Leg, OrderKind, OrderTicket, Side, StrategyId};

/// Moves in one go: each is followed by one that waits.
const MOVES_MAX: usize = 8;

/// One position on its way to flat.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Climb {
    step: Step,
    since: Timestamp,
    /// Alarms so far.
    alarms: u32,
}

#[cfg(test)]
impl Climb {
    /// Where it stands, whatever number comparisons have.
    pub(super) fn without_count(&self) -> (Step, Timestamp, u32) {
        let step = match self.step {
            Step::Confirm { .. } => Step::Confirm { comparison: 0 },
            step => step,
        };
        (step, self.since, self.alarms)
    }
}

type Pair = (StrategyId, SymbolId);

impl Books {
    /// Cancels every entry and closes every position of ours.
    pub(super) fn flatten(&mut self, now: Timestamp, cause: &str, out: &mut Vec<Output>) {
        self.flattening = true;
        out.push(Self::system(Severity::Warning, "books.flatten", cause));
        let held = self.state.portfolio.held().map(|(strategy, symbol, _)| (strategy, symbol));
        let of_interest = |o: &&Order| matches!(o.ticket.leg, Leg::Entry | Leg::Exit);
        let working = self.state.orders.live().filter(of_interest).map(|o| (o.ticket.strategy, o.ticket.symbol));
        let pairs: BTreeSet<Pair> = held.chain(working).collect();
        pairs.into_iter().for_each(|pair| self.start_climb(now, pair, cause, out));
        self.finish_flattening(out);
    }

    pub(super) fn start_climb(&mut self, now: Timestamp, pair: Pair, cause: &str, out: &mut Vec<Output>) {
        if self.climbs.contains_key(&pair) {
            return;
        }
        self.climbs.insert(pair, Climb { step: Step::Withdraw, since: now, alarms: 0 });
        let position = self.state.portfolio.position(pair.0, pair.1);
        // Closing everything was told as such.
        let severity = if self.flattening { Severity::Info } else { Severity::Warning };
        self.tell_climb(pair, severity, "liquidation.started", &format!("{position:+}: {cause}"), out);
        self.cancel_entries(pair.0, pair.1, out);
        self.cancel_wrong_sided(pair, out);
    }

    /// Children of a position on the other side would make this one larger.
    fn cancel_wrong_sided(&mut self, pair: Pair, out: &mut Vec<Output>) {
        let Some(side) = Side::of_position(self.state.portfolio.position(pair.0, pair.1)) else { return };
        let adds = |o: &&Order| o.ticket.side == side && matches!(o.ticket.leg, Leg::Stop | Leg::Target | Leg::Exit);
        let wrong: Vec<ClientOrderId> =
            self.state.orders.live_of(pair.0, pair.1).filter(adds).map(|o| o.ticket.id).collect();
        wrong.into_iter().for_each(|id| self.cancel(id, "the position has turned around", out));
    }

    /// Every position that is being closed goes on as far as it can.
    pub(super) fn climb(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.climbs.is_empty() || !self.connected {
            return;
        }
        let pairs: Vec<Pair> = self.climbs.keys().copied().collect();
        for pair in pairs {
            for _ in 0..MOVES_MAX {
                let Some(climb) = self.climbs.get(&pair) else { break };
                let see = self.sight(now, pair, climb);
                let choice = ladder::next(climb.step, &see);
                if choice == Move::Wait {
                    break;
                }
                self.make(now, pair, choice, &see, out);
            }
        }
        self.finish_flattening(out);
    }

    /// When the next step has had its time.
    pub(super) fn next_step(&self) -> Option<Timestamp> {
        let ends = self.climbs.values().map(|climb| climb.since + self.patience(climb));
        // What waits for something else is looked at once a second.
        ends.filter(|at| *at > self.now).min().filter(|_| self.connected)
    }

    fn patience(&self, climb: &Climb) -> Duration {
        let step = self.protection.ladder_step;
        match climb.step {
            Step::Pause | Step::Market { placed: true } => {
                step.saturating_mul(1 << climb.alarms.min(16)).min(self.protection.ladder_retry_max)
            }
            Step::Withdraw
            | Step::Tighten { .. }
            | Step::Limit { .. }
            | Step::Market { placed: false }
            | Step::Confirm { .. } => step,
        }
    }

    fn exit_of(&self, (strategy, symbol): Pair) -> Option<&Order> {
        self.state.orders.live_of(strategy, symbol).find(|order| order.ticket.leg == Leg::Exit)
    }

    fn sight(&self, now: Timestamp, pair: Pair, climb: &Climb) -> Sight {
        let (strategy, symbol) = pair;
        let position = self.state.portfolio.position(strategy, symbol);
        let exit = self.exit_of(pair).map(|order| Exit {
            market: order.ticket.kind == OrderKind::Market,
            cancelling: order.state == State::CancelSent,
            in_doubt: order.state == State::Unknown,
            too_large: i64::from(self.exposure(order)) > position.abs() && i64::from(order.left()) > position.abs(),
        });
        Sight {
            position,
            entries: self.state.orders.has_live(strategy, symbol, Leg::Entry),
            exit,
            loose: self.is_loose(pair),
            agreed: self.agreed.contains(&symbol),
            priced: self.state.portfolio.last_mark(symbol).exit_price(position).is_some(),
            waited: now >= climb.since + self.patience(climb),
            reprices_max: self.protection.ladder_reprices,
            comparisons: self.comparisons,
        }
    }

    /// Protective orders may be larger than the position. Whatever closes it beside them would leave a rest of them, which
    /// can open the other side.
    pub(super) fn is_loose(&self, pair: Pair) -> bool {
        let position = contracts(self.state.portfolio.position(pair.0, pair.1));
        self.protective(pair).any(|order| self.largest(order) > position)
    }

    /// Live orders that protect the position as it is; see [`Books::cancel_wrong_sided`] for the others.
    fn protective(&self, (strategy, symbol): Pair) -> impl Iterator<Item = &Order> {
        let side = Side::of_position(self.state.portfolio.position(strategy, symbol)).map(Side::opposite);
        let protects = move |o: &&Order| matches!(o.ticket.leg, Leg::Stop | Leg::Target) && Some(o.ticket.side) == side;
        self.state.orders.live_of(strategy, symbol).filter(protects)
    }

    /// Contracts that a protective order may still have at the broker: as told, and before that as its bracket began.
    fn largest(&self, order: &Order) -> u32 {
        let began = self.state.orders.get(order.family()).map_or(0, |entry| entry.ticket.quantity);
        let size = self.sizes.get(&order.ticket.id).copied().unwrap_or(began.max(order.ticket.quantity));
        size.saturating_sub(order.filled)
    }

    /// Protective orders become as large as the position, which the broker is asked to confirm.
    fn tighten(&mut self, pair: Pair, position: i64, out: &mut Vec<Output>) {
        let position = contracts(position);
        let loose: Vec<(ClientOrderId, u32)> = self
            .protective(pair)
            .filter(|order| self.largest(order) > position && order.state != State::CancelSent)
            .map(|order| (order.ticket.id, order.filled + position))
            .collect();
        for (id, quantity) in loose {
            self.modify(id, out, |ticket| OrderTicket { quantity, ..ticket });
        }
        out.push(Output::Doubt);
    }

    fn unprotect(&mut self, pair: Pair, out: &mut Vec<Output>) {
        let text = "its protective orders do not shrink and are cancelled";
        self.tell_climb(pair, Severity::Warning, "liquidation.step", text, out);
        let all: Vec<ClientOrderId> = self.protective(pair).map(|order| order.ticket.id).collect();
        all.into_iter().for_each(|id| self.cancel(id, text, out));
    }

    fn make(&mut self, now: Timestamp, pair: Pair, choice: Move, see: &Sight, out: &mut Vec<Output>) {
        let (strategy, symbol) = pair;
        let step = self.climbs.get(&pair).expect("it is climbing").step;
        let next = match choice {
            Move::Wait => return,
            Move::Go(step) => step,
            Move::WithdrawEntries => {
                self.cancel_entries(strategy, symbol, out);
                Step::Withdraw
            }
            Move::Tighten => {
                self.tighten(pair, see.position, out);
                Step::Tighten { cancelled: false }
            }
            Move::Unprotect => {
                self.unprotect(pair, out);
                Step::Tighten { cancelled: true }
            }
            Move::PlaceLimit => {
                self.place_exit(now, pair, self.closing_price(pair, see.position, 0), out);
                Step::Limit { reprices: 0 }
            }
            Move::PlaceMarket => {
                self.place_exit(now, pair, None, out);
                Step::Market { placed: true }
            }
            Move::Reprice => {
                let reprices = if let Step::Limit { reprices } = step { reprices + 1 } else { 0 };
                self.reprice(pair, see.position, reprices, out);
                Step::Limit { reprices }
            }
            Move::Shrink => {
                self.shrink_exit(pair, see.position, out);
                step
            }
            Move::CancelExit => {
                let exit = self.exit_of(pair).map(|order| order.ticket.id);
                exit.into_iter().for_each(|id| self.cancel(id, "the next step of closing", out));
                if see.position == 0 { step } else { Step::Market { placed: false } }
            }
            Move::Alarm => self.alarm(pair, see, out),
            Move::Ask => {
                out.push(Output::Doubt);
                Step::Confirm { comparison: self.comparisons }
            }
            Move::Done => {
                self.climbs.remove(&pair);
                self.naked_since.remove(&pair);
                return self.tell_climb(pair, Severity::Info, "liquidation.done", "the broker confirms it", out);
            }
        };
        let climb = self.climbs.get_mut(&pair).expect("only done ends it");
        if choice != Move::Shrink {
            (climb.step, climb.since) = (next, now);
        }
    }

    fn alarm(&mut self, pair: Pair, see: &Sight, out: &mut Vec<Output>) -> Step {
        let what = match see.exit {
            Some(_) => "the market order does not fill",
            None => "the closing order was refused",
        };
        let climb = self.climbs.get_mut(&pair).expect("it is climbing");
        climb.alarms = climb.alarms.saturating_add(1);
        let text = format!("{:+} cannot be closed: {what} (alarm {}); trying on", see.position, climb.alarms);
        self.tell_climb(pair, Severity::Error, "liquidation.stuck", &text, out);
        // A group that is over at the broker ends whatever joins it: the inventory finds its members ended.
        out.push(Output::Doubt);
        if see.exit.is_some() { Step::Market { placed: true } } else { Step::Pause }
    }

    /// A limit beyond the other side's price, further with every attempt. `None` without a price.
    fn closing_price(&self, (_, symbol): Pair, position: i64, reprices: u32) -> Option<Price> {
        let touch = self.state.portfolio.last_mark(symbol).exit_price(position)?;
        let beyond = self.protection.ladder_ticks.saturating_mul(reprices + 1);
        let beyond = i32::try_from(beyond).ok()?;
        let price = if position > 0 { touch.0.checked_sub(beyond)? } else { touch.0.checked_add(beyond)? };
        Some(Price(price)).filter(|price| price.0 > 0)
    }

    /// With a price a limit order, without a market order.
    fn place_exit(&mut self, now: Timestamp, pair: Pair, limit: Option<Price>, out: &mut Vec<Output>) {
        let kind = limit.map_or(OrderKind::Market, OrderKind::Limit);
        if let Some(ticket) = self.closing_ticket(pair.0, pair.1, kind) {
            let (severity, how) = match limit {
                Some(price) => (Severity::Info, format!("at {} ticks or better", price.0)),
                None => (Severity::Warning, "at the market".to_owned()),
            };
            let text = format!("{} {} {how}", ticket.side.name(), ticket.quantity);
            self.tell_climb(pair, severity, "liquidation.step", &text, out);
            self.send_reducing(now, ticket, out);
        }
    }

    fn reprice(&mut self, pair: Pair, position: i64, reprices: u32, out: &mut Vec<Output>) {
        let price = self.closing_price(pair, position, reprices);
        let exit = self.exit_of(pair).map(|order| order.ticket.id);
        if let (Some(price), Some(id)) = (price, exit) {
            let text = format!("new price {} ticks", price.0);
            self.tell_climb(pair, Severity::Warning, "liquidation.step", &text, out);
            self.modify(id, out, |ticket| OrderTicket { kind: OrderKind::Limit(price), ..ticket });
        }
    }

    /// A stop has filled in part meanwhile: the closing order must not turn the position around.
    fn shrink_exit(&mut self, pair: Pair, position: i64, out: &mut Vec<Output>) {
        let Some(order) = self.exit_of(pair) else { return };
        let (id, filled) = (order.ticket.id, order.filled);
        let quantity = filled + contracts(position);
        self.modify(id, out, |ticket| OrderTicket { quantity, ..ticket });
    }

    /// Changes size or price of a live order: seen by the gate, recorded, then sent.
    pub(super) fn modify(
        &mut self,
        id: ClientOrderId,
        out: &mut Vec<Output>,
        change: impl FnOnce(OrderTicket) -> OrderTicket,
    ) {
        let Some(order) = self.state.orders.get(id).filter(|order| order.is_live()) else { return };
        let change = |ticket: OrderTicket| {
            let was = ticket.quantity;
            let ticket = change(ticket);
            if sabotage::is(Sabotage::ForgetResize) { OrderTicket { quantity: was, ..ticket } } else { ticket }
        };
        let (sent_at, before) = (order.sent_at, order.ticket.clone());
        let position = self.state.portfolio.position(before.strategy, before.symbol);
        let held = Held { position, filled: order.filled };
        let after = change(OrderTicket { transmit: true, ..before.clone() });
        let cleared = match gate::check_change(after, &before, held) {
            Ok(cleared) => cleared,
            Err(breach) => return self.tell_refused(id, &breach, out),
        };
        for ticket in cleared.into_tickets() {
            if ticket.quantity < before.quantity {
                self.sizes.entry(id).or_insert(before.quantity);
                self.shrinking.insert(id, self.now);
            }
            self.state.orders.place(sent_at, ticket.clone());
            out.push(Output::Record(Record::OrderPlaced(ticket.clone())));
            out.push(Output::Request(BrokerRequest::Modify(ticket)));
        }
    }

    fn finish_flattening(&mut self, out: &mut Vec<Output>) {
        if self.flattening && self.climbs.is_empty() && self.state.portfolio.held().next().is_none() {
            self.flattening = false;
            out.push(Output::Flat);
        }
    }

    fn tell_climb(&self, (strategy, symbol): Pair, severity: Severity, event: &str, text: &str, out: &mut Vec<Output>) {
        let text = format!("{} of {}: {text}", self.name_of(symbol), self.name_of_strategy(strategy));
        out.push(Self::system(severity, event, text));
    }

    /// An order in the OCA group of those that protect the position: whichever fills first withdraws the others, so the
    /// position cannot turn around. `None` when flat, already closing, or not known to be what the broker holds.
    pub(super) fn closing_ticket(
        &mut self,
        strategy: StrategyId,
        symbol: SymbolId,
        kind: OrderKind,
    ) -> Option<OrderTicket> {
        let position = self.state.portfolio.position(strategy, symbol);
        let side = Side::of_position(position)?.opposite();
        if !self.agreed.contains(&symbol) || self.state.orders.has_live(strategy, symbol, Leg::Exit) {
            return None;
        }
        let quantity = u32::try_from(position.unsigned_abs()).ok()?;
        // The newest: a child of an older position may count as live because its end was not told, and its group is over.
        let closes = |o: &&Order| o.ticket.oca_group.is_some() && o.ticket.side == side;
        let family = self.state.orders.live_of(strategy, symbol).filter(closes).map(Order::family).max();
        let ticket = self.ticket(strategy, symbol, Leg::Exit, side, quantity, kind);
        let family = family.filter(|_| !sabotage::is(Sabotage::ForgetGroup)).unwrap_or(ticket.id);
        Some(OrderTicket { oca_group: Some(self.oca_group(family)), transmit: true, ..ticket })
    }
}
