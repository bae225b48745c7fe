//! Executions that the broker corrects or takes back. In: an execution with a known id, inventories. Out: positions and
//! profit as if it had been so from the start. Absent: what the account's cash says.
//!
//! A correction has the id of the execution with a higher last part. That one was taken back is told by nobody: it is
//! missing in the list of executions and in the position, and two inventories in a row have to say so. Should a list miss
//! the executions of several orders and more than it has, it is the list that is wrong: a gateway that has forgotten the
//! day wipes out no losses.

use std::collections::BTreeSet;
use std::time::Duration;

use super::settle::Source;
use super::{Booked, Books, BooksState, Output};
use crate::journal::{Record, Severity};
use crate::market::{Price, SymbolId};
use crate::strategy;
use crate::trade::{BrokerSnapshot, ClientOrderId, Execution, Fill, StrategyId, exec_base};

/// When nothing is listed, executions of this age should have been: the broker lists those of its day at least.
const LISTED_FOR: Duration = Duration::from_secs(3_600);

impl BooksState {
    /// As live and as from the journal. `false`: it was too long ago.
    pub(super) fn correct(&mut self, exec_id: &str, fills: &[Fill]) -> bool {
        let was: Vec<Fill> = self.portfolio.fills_of(exec_base(exec_id)).cloned().collect();
        if !self.portfolio.correct(fills) {
            return false;
        }
        for (was, now) in was.iter().zip(fills) {
            let change = i64::from(now.quantity) - i64::from(was.quantity);
            self.count_by_hand(now, change * i64::from(now.side.sign()));
            if let Some(order) = self.orders.get(now.order) {
                let filled = u32::try_from((i64::from(order.filled) + change).max(0)).unwrap_or(u32::MAX);
                self.orders.set_filled(now.order, filled);
            }
        }
        if let Some(booked) = self.executions.get_mut(exec_base(exec_id)) {
            booked.exec_id = exec_id.to_owned();
            booked.busted = fills.iter().all(|fill| fill.quantity == 0);
        }
        true
    }
}

impl Books {
    /// An execution whose id up to the last dot was booked.
    pub(super) fn on_booked(&mut self, booked: &Booked, execution: &Execution, source: Source, out: &mut Vec<Output>) {
        let known = revision(&booked.exec_id);
        let told = revision(&execution.exec_id);
        // A busted one that is listed again was missing in the lists, not at the broker.
        let restored = booked.busted && told == known && source == Source::Inventory;
        if told > known || restored {
            self.correct(&execution.exec_id, Some((execution.quantity, execution.price)), "execution.corrected", out);
        } else if told == known && source == Source::Inventory && self.order_of(execution).is_none() {
            self.adopt_rest(self.now, execution, out);
        }
    }

    /// `to`: contracts and price from now on; `None`: it never was.
    fn correct(&mut self, exec_id: &str, to: Option<(u32, Price)>, event: &str, out: &mut Vec<Output>) {
        let was: Vec<Fill> = self.state.portfolio.fills_of(exec_base(exec_id)).cloned().collect();
        let fills = spread(&was, to);
        let shown = |fills: &[Fill]| {
            let contracts: u32 = fills.iter().map(|fill| fill.quantity).sum();
            fills.first().map_or_else(String::new, |fill| format!("{contracts} at {} ticks", fill.price.0))
        };
        if was.is_empty() || !self.state.correct(exec_id, &fills) {
            if self.tell_once(format!("correction {exec_id}")) {
                let text = format!("{exec_id} corrects an execution that is too old to be corrected in the book");
                out.push(Self::system(Severity::Error, event, text));
                out.push(Output::Doubt);
            }
            return;
        }
        let whose: BTreeSet<&str> = was.iter().map(|fill| self.name_of_strategy(fill.strategy)).collect();
        let whose = whose.into_iter().collect::<Vec<_>>().join(", ");
        let (side, symbol) = (was[0].side.name(), self.name_of(was[0].symbol));
        let now = match to {
            Some(_) => format!("is {}", shown(&fills)),
            None => "is taken back (a bust): the broker does not list it any more and does not hold it".to_owned(),
        };
        let text = format!("{exec_id}: {side} {symbol} of {whose} was {}, {now}", shown(&was));
        out.push(Self::system(Severity::Error, event, text));
        out.push(Output::Record(Record::Corrected { exec_id: exec_id.to_owned(), fills: fills.clone() }));
        self.tell_corrected(&fills, out);
    }

    fn tell_corrected(&mut self, fills: &[Fill], out: &mut Vec<Output>) {
        let touched: BTreeSet<(StrategyId, SymbolId)> = fills.iter().map(|f| (f.strategy, f.symbol)).collect();
        for fill in fills.iter().filter(|fill| fill.order != ClientOrderId(0)) {
            self.change(fill.order, "an execution was corrected", out);
        }
        for (strategy, symbol) in touched {
            self.write_position(strategy, symbol, out);
            if strategy != StrategyId::FOREIGN {
                let position = self.state.portfolio.position(strategy, symbol);
                out.push(Output::Strategy(strategy, strategy::Input::Position(position)));
                self.fit_protection(strategy, symbol, out);
            }
        }
    }

    /// A position that differs by exactly what is booked and not listed any more: those executions were taken back.
    pub(super) fn explain_by_busts(
        &mut self,
        snapshot: &BrokerSnapshot,
        differing: &[(SymbolId, i64, i64)],
        out: &mut Vec<Output>,
    ) -> bool {
        let mut missing = BTreeSet::new();
        for &(symbol, ours, theirs) in differing {
            missing.extend(self.missing(snapshot, symbol, ours - theirs, out));
        }
        let suspected = std::mem::replace(&mut self.suspected_busts, missing.clone());
        let proved: Vec<&String> = missing.intersection(&suspected).collect();
        // All or none: half of them would not explain the difference.
        if missing.is_empty() || proved.len() != missing.len() {
            return false;
        }
        for base in missing.iter() {
            let exec_id = self.state.executions.get(base).map(|booked| booked.exec_id.clone());
            self.correct(&exec_id.unwrap_or_else(|| base.clone()), None, "execution.busted", out);
        }
        self.suspected_busts.clear();
        true
    }

    /// Booked executions of a symbol that should be listed and are not, if they come to `excess` contracts.
    fn missing(
        &mut self,
        snapshot: &BrokerSnapshot,
        symbol: SymbolId,
        excess: i64,
        out: &mut Vec<Output>,
    ) -> Vec<String> {
        let listed = Self::listed(snapshot);
        let oldest = snapshot.executions.iter().map(|execution| execution.at).min();
        let should_be_listed = |fill: &&Fill| match oldest {
            Some(oldest) => fill.at >= oldest || self.now.since(fill.at) < LISTED_FOR,
            None => self.now.since(fill.at) < LISTED_FOR,
        };
        let gone: Vec<&Fill> = self
            .state
            .portfolio
            .remembered()
            .filter(|fill| fill.symbol == symbol && fill.quantity > 0 && !fill.leg.is_unlisted())
            .filter(should_be_listed)
            .filter(|fill| !listed.contains(exec_base(&fill.exec_id)))
            .collect();
        let sum: i64 = gone.iter().map(|fill| i64::from(fill.side.sign()) * i64::from(fill.quantity)).sum();
        if sum == 0 || sum != excess {
            return Vec::new();
        }
        let orders: BTreeSet<ClientOrderId> = gone.iter().map(|fill| fill.order).collect();
        let gone: BTreeSet<String> = gone.into_iter().map(|fill| exec_base(&fill.exec_id).to_owned()).collect();
        let still = listed.iter().filter(|base| self.state.executions.contains_key(**base)).count();
        if orders.len() > 1 && gone.len() > still {
            let text = format!(
                "the broker lists {still} of our executions and {} of {} are missing: these are no busts, its list is not \
                 that of this account and day",
                gone.len(),
                self.name_of(symbol)
            );
            if self.tell_once(format!("missing {} {}", symbol.0, gone.len())) {
                out.push(Self::system(Severity::Error, "execution.missing", text));
            }
            return Vec::new();
        }
        gone.into_iter().collect()
    }
}

/// The last part of an execution's id, which counts corrections.
fn revision(exec_id: &str) -> u32 {
    exec_id.rsplit_once('.').and_then(|(_, last)| last.split('#').next()?.parse().ok()).unwrap_or(0)
}

/// The parts that an execution was booked as, with another number of contracts: what is less goes from the last ones,
/// what is more to the last one.
fn spread(was: &[Fill], to: Option<(u32, Price)>) -> Vec<Fill> {
    let (mut left, price) = to.map_or((0, None), |(quantity, price)| (quantity, Some(price)));
    let last = was.len().saturating_sub(1);
    was.iter()
        .enumerate()
        .map(|(n, fill)| {
            let quantity = if n == last { left } else { fill.quantity.min(left) };
            left -= quantity;
            Fill { quantity, price: price.unwrap_or(fill.price), ..fill.clone() }
        })
        .collect()
}
