//! Executions, commissions and inventories: what changes positions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Asked, Booked, Books, BooksState, Comparison, Output};
use crate::journal::{Record, Severity};
use crate::market::SymbolId;
use crate::orders::machine::{Event, State};
use crate::orders::reconcile;
use crate::orders::working::Order;
use crate::sabotage::{self, Sabotage};
use crate::strategy;
use crate::time::Timestamp;
use crate::trade::{
    BrokerOrder, BrokerPosition, BrokerRequest, BrokerSnapshot, ClientOrderId, Execution, Fill, Leg, Money,
    OrderTicket, Question, StrategyId, exec_base,
};

/// Commissions of unknown executions that are kept until theirs comes.
const EARLY_KEPT: usize = 1_024;

/// How often a difference that stays is told again.
const DIFFERENCE_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Where an execution was heard of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Stream,
    Inventory,
}

impl BooksState {
    /// A fill into the portfolio, as live and as from the journal.
    pub(super) fn take_fill(&mut self, at: Timestamp, fill: &Fill) {
        let base = exec_base(&fill.exec_id).to_owned();
        // An execution that closed several positions was booked before in part: its commission is that of the first.
        self.executions.entry(base).or_insert_with(|| Booked {
            exec_id: fill.exec_id.clone(),
            at,
            commission: false,
            busted: false,
        });
        self.portfolio.apply(fill);
        self.count_by_hand(fill, i64::from(fill.side.sign()) * i64::from(fill.quantity));
    }

    pub(super) fn count_by_hand(&mut self, fill: &Fill, signed: i64) {
        if fill.strategy == StrategyId::FOREIGN && matches!(fill.leg, Leg::Manual | Leg::Accepted) {
            *self.by_hand.entry(fill.symbol).or_default() += signed;
        }
    }
}

impl Books {
    pub(super) fn on_execution(
        &mut self,
        now: Timestamp,
        execution: &Execution,
        source: Source,
        out: &mut Vec<Output>,
    ) {
        let renamed = self.given_twice(execution).map(|exec_id| Execution { exec_id, ..execution.clone() });
        if let Some(renamed) = &renamed
            && self.tell_once(format!("execution {}", renamed.exec_id))
        {
            let text = format!(
                "{} of {} has the id of another execution, {}: both count (a gateway that began its numbers anew?)",
                execution.side.name(),
                renamed.order_ref,
                execution.exec_id
            );
            out.push(Self::system(Severity::Error, "execution.id_twice", text));
        }
        let execution = renamed.as_ref().unwrap_or(execution);
        let base = exec_base(&execution.exec_id);
        let seventh = || execution.exec_id.bytes().map(u32::from).sum::<u32>() % 7 == 0;
        if sabotage::is(Sabotage::DropFill) && seventh() {
            return;
        }
        if self.state.before.contains_key(base) {
            return;
        }
        if let Some(booked) = self.state.executions.get(base).cloned()
            && (!sabotage::is(Sabotage::DoubleExecution) || source == Source::Inventory)
        {
            return self.on_booked(&booked, execution, source, out);
        }
        let Some(order) = self.order_of(execution) else { return self.on_foreign(now, execution, source, out) };
        if sabotage::is(Sabotage::IgnoreFillOfCancelled) && order.state == State::Cancelled {
            return;
        }
        let ticket = &order.ticket;
        let fill = Fill {
            exec_id: execution.exec_id.clone(),
            order: ticket.id,
            strategy: ticket.strategy,
            symbol: ticket.symbol,
            leg: ticket.leg,
            side: execution.side,
            quantity: execution.quantity,
            price: execution.price,
            at: execution.at,
        };
        self.book(now, fill, out);
    }

    /// The name of an execution whose id another one has already: of another order, side or symbol, and so neither a
    /// repetition nor a correction of that one. Interactive Brokers gives each id once.
    pub(super) fn given_twice(&self, execution: &Execution) -> Option<String> {
        let base = exec_base(&execution.exec_id);
        let first = self.state.executions.contains_key(base).then(|| self.state.portfolio.first_fill_of(base))??;
        let same = (first.symbol, first.side) == (execution.symbol, execution.side);
        let other_order = first.order != ClientOrderId(0)
            && self.order_of(execution).is_some_and(|order| order.ticket.id != first.order);
        (!same || other_order).then(|| format!("{}~{}", execution.order_ref, execution.exec_id))
    }

    /// The order of ours that an execution belongs to.
    pub(super) fn order_of(&self, execution: &Execution) -> Option<&Order> {
        let id = reconcile::identity(&self.state.orders, &execution.order_ref, execution.perm_id, &self.instance)?;
        self.state.orders.get(id).filter(|order| order.ticket.symbol == execution.symbol)
    }

    fn book(&mut self, now: Timestamp, fill: Fill, out: &mut Vec<Output>) {
        let (id, strategy, symbol) = (fill.order, fill.strategy, fill.symbol);
        out.push(Output::Record(Record::Fill(fill.clone())));
        self.state.take_fill(now, &fill);
        let before = self.state.orders.get(id).map_or(0, |o| o.filled);
        let left = self.state.orders.add_filled(id, fill.quantity).unwrap_or(0);
        let ordered = self.state.orders.get(id).map_or(0, |o| o.ticket.quantity);
        let filled = before + fill.quantity;
        if filled > ordered {
            let text = format!("order {}: {filled} filled of {ordered}", id.0);
            out.push(Self::system(Severity::Error, "order.overfilled", text));
            out.push(Output::Doubt);
        }
        // The broker may have said before that this is all there will be.
        let told_all = self.filled_unseen.get(&id).is_some_and(|&(_, all)| filled >= all);
        // An order that was made smaller has its old size until the broker says otherwise.
        let left = left.max(self.sizes.get(&id).map_or(0, |size| size.saturating_sub(filled)));
        let left = if told_all { 0 } else { left };
        // A fill changes the count even where it does not change the state.
        let already = left == 0 && self.state.orders.get(id).is_some_and(|order| order.state == State::Filled);
        if !already && let Some(Err(unexpected)) = self.state.orders.apply(id, Event::Filled { left }) {
            out.push(Self::system(Severity::Warning, "order.unexpected", format!("order {}: {unexpected}", id.0)));
        }
        self.change(id, "", out);
        if self.state.orders.get(id).is_some_and(|order| !order.is_live()) {
            self.forget_open(id);
        }
        self.write_position(strategy, symbol, out);
        self.book_early_commission(&fill.exec_id, out);
        let leg = fill.leg;
        out.push(Output::Strategy(strategy, strategy::Input::Fill(fill)));
        self.after_fill(id, leg, out);
    }

    pub(super) fn book_early_commission(&mut self, exec_id: &str, out: &mut Vec<Output>) {
        if let Some(amount) = self.early_commissions.remove(exec_id) {
            self.on_commission(exec_id, amount, out);
        }
    }

    pub(super) fn on_commission(&mut self, exec_id: &str, amount: Money, out: &mut Vec<Output>) {
        let booked_as = match self.state.executions.get_mut(exec_base(exec_id)) {
            Some(booked) if booked.commission => return,
            Some(booked) => {
                booked.commission = true;
                self.state.portfolio.first_fill_of(exec_base(exec_id)).map(|fill| fill.exec_id.clone())
            }
            None => {
                // It came before its execution, or belongs to somebody else's.
                if self.early_commissions.len() >= EARLY_KEPT {
                    self.early_commissions.pop_first();
                }
                self.early_commissions.insert(exec_id.to_owned(), amount);
                return;
            }
        };
        // A correction has changed the id since; the row is that of the first.
        let exec_id = booked_as.unwrap_or_else(|| exec_id.to_owned());
        let position = self.state.portfolio.commission(&exec_id, amount);
        out.push(Output::Record(Record::Commission { exec_id, amount }));
        if let Some((strategy, symbol)) = position {
            self.write_position(strategy, symbol, out);
        }
    }

    /// The broker's whole truth: executions first, then each order's fate, then positions.
    pub(super) fn on_snapshot(
        &mut self,
        now: Timestamp,
        question: Question,
        snapshot: &BrokerSnapshot,
        out: &mut Vec<Output>,
    ) {
        let Some(asked) = self.answered(true, question) else { return };
        let overtaken = self.is_overtaken(&asked);
        for order in snapshot.open_orders.iter().chain(&snapshot.completed_orders) {
            self.see_number(order.client_id, order.order_id, out);
        }
        for execution in &snapshot.executions {
            self.see_number(execution.client_id, execution.order_id, out);
        }
        self.begin(now, snapshot, out);
        self.show_positions(out);
        self.adopt_sizes(snapshot, &asked, out);
        let mut executions: Vec<&Execution> = snapshot.executions.iter().collect();
        executions.sort_by(|a, b| (a.at, &a.exec_id).cmp(&(b.at, &b.exec_id)));
        for execution in executions {
            self.on_execution(now, execution, Source::Inventory, out);
        }
        for (exec_id, amount) in &snapshot.commissions {
            if self.state.executions.contains_key(exec_base(exec_id)) {
                self.on_commission(exec_id, *amount, out);
            }
        }
        self.settle_orders(snapshot, &asked, out);
        self.tell_foreign_orders(snapshot, out);
        let comparison = if overtaken { Comparison::Overtaken } else { self.compare(now, snapshot, &asked, out) };
        self.tell_difference(now, &comparison, out);
        out.push(Output::Compared(comparison));
        self.protect(now, out);
    }

    /// A difference is looked at every few seconds, and told when it is new, and now and then while it lasts.
    fn tell_difference(&mut self, now: Timestamp, comparison: &Comparison, out: &mut Vec<Output>) {
        let Comparison::Differs(difference) = comparison else {
            // An overtaken one says nothing.
            self.told_difference.take_if(|_| *comparison == Comparison::Agrees);
            return;
        };
        let told = |(text, at): &(String, Timestamp)| text == difference && now.since(*at) < DIFFERENCE_AGAIN_AFTER;
        if !self.told_difference.as_ref().is_some_and(told) {
            let advice = match difference.contains("position ") {
                true => "`--accept` takes the broker's position over",
                false => "cancel such an order in TWS if it is not wanted",
            };
            let text = format!("{difference}; no entries until both agree ({advice})");
            out.push(Self::system(Severity::Error, "reconcile.differs", text));
            self.told_difference = Some((difference.clone(), now));
        }
    }

    /// Our orders that the broker lists as open, but for those that are younger than the question.
    fn open_at_broker<'a>(&self, snapshot: &'a BrokerSnapshot, asked: &Asked) -> Vec<(ClientOrderId, &'a BrokerOrder)> {
        let id = |o: &BrokerOrder| reconcile::identity(&self.state.orders, &o.order_ref, o.perm_id, &self.instance);
        let listed = snapshot.open_orders.iter().filter_map(|order| Some((id(order)?, order)));
        listed.filter(|(id, _)| *id <= asked.question.newest).collect()
    }

    /// An order that was to become smaller and did not: the change was refused or lost. Its old size is the true one,
    /// before anything that it filled is counted.
    fn adopt_sizes(&mut self, snapshot: &BrokerSnapshot, asked: &Asked, out: &mut Vec<Output>) {
        for (id, listed) in self.open_at_broker(snapshot, asked) {
            let Some(order) = self.state.orders.get(id) else { continue };
            let changed_since = self.shrinking.get(&id).is_some_and(|at| *at > asked.question.at);
            if changed_since || listed.quantity <= order.ticket.quantity {
                continue;
            }
            let text = format!("order {}: {} contracts, not {}", id.0, listed.quantity, order.ticket.quantity);
            out.push(Self::system(Severity::Warning, "order.size", text));
            if !order.is_live() {
                // It counted as filled, and what is left of it lives on.
                out.push(Output::Request(BrokerRequest::Cancel(order.ticket.order_id)));
                out.push(Output::Doubt);
                continue;
            }
            let (sent_at, ticket) = (order.sent_at, OrderTicket { quantity: listed.quantity, ..order.ticket.clone() });
            self.state.orders.place(sent_at, ticket.clone());
            out.push(Output::Record(Record::OrderPlaced(ticket)));
            self.shrinking.remove(&id);
        }
    }

    fn settle_orders(&mut self, snapshot: &BrokerSnapshot, asked: &Asked, out: &mut Vec<Output>) {
        for (id, listed) in self.open_at_broker(snapshot, asked) {
            self.see_size(id, listed.quantity);
            if listed.perm_id.0 != 0 && self.state.orders.get(id).is_some_and(|order| order.perm_id.is_none()) {
                self.state.orders.set_perm_id(id, listed.perm_id);
                self.change(id, "", out);
            }
        }
        for finding in reconcile::orders(&self.state.orders, snapshot, asked.question.newest, &self.instance) {
            self.step(finding.id, finding.event, "by inventory", out);
        }
        // A cancel that was lost on its way is asked for again.
        let alive = |state| matches!(state, State::Held | State::Working);
        let again: Vec<ClientOrderId> = self
            .state
            .orders
            .live()
            .filter(|order| order.withdrawn && alive(order.state))
            .map(|order| order.ticket.id)
            .collect();
        again.into_iter().for_each(|id| self.cancel(id, "cancelled again", out));
    }

    /// Fills that came by themselves meanwhile may be on one side of a comparison only.
    fn is_overtaken(&self, asked: &Asked) -> bool {
        self.state.executions.len() != asked.question.executions || self.state.next_id.0 - 1 > asked.question.newest.0
    }

    pub(super) fn on_positions(
        &mut self,
        now: Timestamp,
        question: Question,
        positions: &[BrokerPosition],
        out: &mut Vec<Output>,
    ) {
        let Some(asked) = self.answered(false, question) else { return };
        let comparison = if self.is_overtaken(&asked) {
            Comparison::Overtaken
        } else if self.differing(positions).is_empty() {
            Comparison::Agrees
        } else {
            Comparison::Suspect
        };
        self.tell_difference(now, &comparison, out);
        out.push(Output::Compared(comparison));
        self.protect(now, out);
    }

    /// `(symbol, ours, the broker's)`; the others agree.
    pub(super) fn differing(&mut self, positions: &[BrokerPosition]) -> Vec<(SymbolId, i64, i64)> {
        let ours: BTreeMap<SymbolId, i64> =
            self.instruments.iter().map(|i| (i.id, self.state.portfolio.net_position(i.id))).collect();
        let differing = reconcile::positions(&ours, positions);
        self.agreed =
            ours.keys().copied().filter(|symbol| differing.iter().all(|(other, ..)| other != symbol)).collect();
        self.comparisons += 1;
        differing
    }

    fn compare(
        &mut self,
        now: Timestamp,
        snapshot: &BrokerSnapshot,
        asked: &Asked,
        out: &mut Vec<Output>,
    ) -> Comparison {
        let mut differing = self.differing(&snapshot.positions);
        if self.explain_by_busts(snapshot, &differing, out) | self.accept(now, &differing, out) {
            differing = self.differing(&snapshot.positions);
        }
        let positions = differing
            .iter()
            .map(|(symbol, ours, theirs)| format!("position {}: book {ours}, broker {theirs}", self.name_of(*symbol)))
            .collect::<Vec<_>>();
        let ended_since = |id| asked.live.contains(&id) || id > asked.question.newest;
        let strangers = reconcile::strangers(&self.state.orders, snapshot, &self.instance, ended_since);
        let orders = strangers
            .values()
            .map(|order| match order.client_id == self.client_id {
                true => format!("open order {} at the broker is not live in the book", order.order_ref),
                false => format!(
                    "open order {} at the broker is of client {}, which uses this installation's name: every installation \
                     on one account needs its own instance.name",
                    order.order_ref, order.client_id
                ),
            })
            .collect::<Vec<_>>();
        self.withdraw_strangers(&strangers.into_values().cloned().collect::<Vec<_>>(), out);
        let found: Vec<String> = positions.into_iter().chain(orders).collect();
        if found.is_empty() { Comparison::Agrees } else { Comparison::Differs(found.join("; ")) }
    }

    /// Executions that an inventory lists, by id up to the last dot.
    pub(super) fn listed(&self, snapshot: &BrokerSnapshot) -> BTreeSet<String> {
        let name = |execution: &Execution| self.given_twice(execution).unwrap_or_else(|| execution.exec_id.clone());
        snapshot.executions.iter().map(|execution| exec_base(&name(execution)).to_owned()).collect()
    }
}
