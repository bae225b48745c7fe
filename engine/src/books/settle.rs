//! Executions, commissions and inventories: what changes positions.

use std::collections::BTreeMap;

use super::{Asked, Booked, Books, Comparison, Output};
use crate::journal::{Record, Severity};
use crate::market::SymbolId;
use crate::orders::machine::Event;
use crate::orders::reconcile;
use crate::strategy;
use crate::time::Timestamp;
use crate::trade::{BrokerPosition, BrokerSnapshot, Execution, Fill, Money};

/// Commissions of unknown executions that are kept until theirs comes.
const EARLY_KEPT: usize = 1_024;

/// `0000e1a7.6b0373b5.02.01` without its last part, which counts corrections.
pub(super) fn exec_base(exec_id: &str) -> &str {
    exec_id.rsplit_once('.').map_or(exec_id, |(base, _)| base)
}

impl Books {
    pub(super) fn on_execution(&mut self, now: Timestamp, execution: &Execution, out: &mut Vec<Output>) {
        let base = exec_base(&execution.exec_id);
        if let Some(booked) = self.state.executions.get(base) {
            if booked.exec_id != execution.exec_id {
                let text = format!("execution {} was corrected to {}", booked.exec_id, execution.exec_id);
                self.report_once(&execution.exec_id, "execution.corrected", text, out);
            }
            return;
        }
        let id = reconcile::parse_ref(&execution.order_ref, &self.instance);
        let Some(order) = id.and_then(|id| self.state.orders.get(id)) else {
            let text = format!(
                "{} {} {} at {} ticks, reference {:?}: not an order of this book",
                execution.side.name(),
                execution.quantity,
                self.name_of(execution.symbol),
                execution.price.0,
                execution.order_ref
            );
            return self.report_once(&execution.exec_id, "execution.foreign", text, out);
        };
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

    /// An execution that the book cannot take: told once, however often inventories repeat it. Whether it matters is
    /// seen when positions are compared.
    fn report_once(&mut self, exec_id: &str, event: &str, text: String, out: &mut Vec<Output>) {
        if self.reported_executions.insert(exec_id.to_owned()) {
            out.push(Self::system(Severity::Error, event, text));
            out.push(Output::Doubt);
        }
    }

    fn book(&mut self, now: Timestamp, fill: Fill, out: &mut Vec<Output>) {
        let (id, strategy, symbol) = (fill.order, fill.strategy, fill.symbol);
        let booked = Booked { exec_id: fill.exec_id.clone(), at: now, commission: false };
        self.state.executions.insert(exec_base(&fill.exec_id).to_owned(), booked);
        out.push(Output::Record(Record::Fill(fill.clone())));
        self.state.portfolio.apply(&fill);
        let before = self.state.orders.get(id).map_or(0, |o| o.filled);
        let left = self.state.orders.add_filled(id, fill.quantity).unwrap_or(0);
        let ordered = self.state.orders.get(id).map_or(0, |o| o.ticket.quantity);
        if before + fill.quantity > ordered {
            let text = format!("order {}: {} filled of {ordered}", id.0, before + fill.quantity);
            out.push(Self::system(Severity::Error, "order.overfilled", text));
            out.push(Output::Doubt);
        }
        // A fill changes the count even where it does not change the state.
        match self.state.orders.apply(id, Event::Filled { left }) {
            Some(Ok(_)) => {}
            Some(Err(unexpected)) => {
                out.push(Self::system(Severity::Warning, "order.unexpected", format!("order {}: {unexpected}", id.0)));
            }
            None => {}
        }
        self.change(id, "", out);
        if left == 0 {
            self.filled_unseen.remove(&id);
        }
        out.push(Output::Record(Record::Position(self.state.portfolio.row(strategy, symbol))));
        out.push(Output::Record(Record::Position(self.state.portfolio.net_row(symbol))));
        if let Some(amount) = self.early_commissions.remove(&fill.exec_id) {
            self.on_commission(&fill.exec_id, amount, out);
        }
        let leg = fill.leg;
        out.push(Output::Strategy(strategy, strategy::Input::Fill(fill)));
        self.after_fill(id, leg, out);
    }

    pub(super) fn on_commission(&mut self, exec_id: &str, amount: Money, out: &mut Vec<Output>) {
        match self.state.executions.get_mut(exec_base(exec_id)) {
            Some(booked) if booked.commission => return,
            Some(booked) => booked.commission = true,
            None => {
                // It came before its execution, or belongs to somebody else's.
                if self.early_commissions.len() >= EARLY_KEPT {
                    self.early_commissions.pop_first();
                }
                self.early_commissions.insert(exec_id.to_owned(), amount);
                return;
            }
        }
        let position = self.state.portfolio.commission(exec_id, amount);
        out.push(Output::Record(Record::Commission { exec_id: exec_id.to_owned(), amount }));
        if let Some((strategy, symbol)) = position {
            out.push(Output::Record(Record::Position(self.state.portfolio.row(strategy, symbol))));
            out.push(Output::Record(Record::Position(self.state.portfolio.net_row(symbol))));
        }
    }

    /// The broker's whole truth: executions first, then each order's fate, then positions.
    pub(super) fn on_snapshot(&mut self, now: Timestamp, snapshot: &BrokerSnapshot, out: &mut Vec<Output>) {
        // Unasked, or asked on a connection that was lost since: it proves nothing.
        let Some(asked) = self.inventory.take() else { return };
        let overtaken = self.is_overtaken(&asked);
        let mut executions: Vec<&Execution> = snapshot.executions.iter().collect();
        executions.sort_by(|a, b| (a.at, &a.exec_id).cmp(&(b.at, &b.exec_id)));
        for execution in executions {
            if reconcile::parse_ref(&execution.order_ref, &self.instance).is_some() {
                self.on_execution(now, execution, out);
            }
        }
        for (exec_id, amount) in &snapshot.commissions {
            if self.state.executions.contains_key(exec_base(exec_id)) {
                self.on_commission(exec_id, *amount, out);
            }
        }
        for finding in reconcile::orders(&self.state.orders, snapshot, asked.newest, &self.instance) {
            self.step(finding.id, finding.event, "by inventory", out);
        }
        let comparison = if overtaken { Comparison::Overtaken } else { self.compare(snapshot, &asked) };
        if let Comparison::Differs(difference) = &comparison {
            out.push(Self::system(Severity::Error, "reconcile.differs", difference.clone()));
        }
        out.push(Output::Compared(comparison));
        self.protect(now, out);
    }

    /// Fills that came by themselves meanwhile may be on one side of a comparison only.
    fn is_overtaken(&self, asked: &Asked) -> bool {
        self.state.executions.len() != asked.executions || self.state.next_id.0 - 1 > asked.newest.0
    }

    pub(super) fn on_positions(&mut self, positions: &[BrokerPosition], out: &mut Vec<Output>) {
        let Some(asked) = self.inventory.take() else { return };
        let comparison = if self.is_overtaken(&asked) {
            Comparison::Overtaken
        } else if self.differing(positions).is_empty() {
            Comparison::Agrees
        } else {
            Comparison::Suspect
        };
        out.push(Output::Compared(comparison));
    }

    /// `(symbol, ours, the broker's)`; the others agree.
    fn differing(&mut self, positions: &[BrokerPosition]) -> Vec<(SymbolId, i64, i64)> {
        let ours: BTreeMap<SymbolId, i64> =
            self.instruments.iter().map(|i| (i.id, self.state.portfolio.net_position(i.id))).collect();
        let differing = reconcile::positions(&ours, positions);
        self.agreed =
            ours.keys().copied().filter(|symbol| differing.iter().all(|(other, ..)| other != symbol)).collect();
        differing
    }

    fn compare(&mut self, snapshot: &BrokerSnapshot, asked: &Asked) -> Comparison {
        let differing = self.differing(&snapshot.positions);
        let positions = differing
            .iter()
            .map(|(symbol, ours, theirs)| format!("position {}: book {ours}, broker {theirs}", self.name_of(*symbol)));
        let orders = reconcile::strangers(&self.state.orders, snapshot, &self.instance, |id| {
            asked.live.contains(&id) || id > asked.newest
        })
        .into_iter()
        .map(|order_ref| format!("open order {order_ref} at the broker is not live in the book"));
        let found: Vec<String> = positions.chain(orders).collect();
        if found.is_empty() { Comparison::Agrees } else { Comparison::Differs(found.join("; ")) }
    }

    pub(super) fn name_of(&self, symbol: SymbolId) -> &str {
        self.instruments.get(usize::from(symbol.0)).map_or("?", |i| &i.name)
    }
}
