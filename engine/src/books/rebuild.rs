//! The books out of the journal: the state at the segment's beginning, then each record in order.

use std::time::Duration;

use super::BooksState;
use crate::allocation::Shares;
use crate::config::Config;
use crate::journal::{Entry, Record, SessionInfo};
use crate::market::{Instrument, SymbolId};
use crate::orders::machine::Event;
use crate::risk::account::RiskAccount;
use crate::sabotage::{self, Sabotage};
use crate::time::Timestamp;
use crate::trade::{BrokerOrderId, ClientOrderId, StrategyId, exec_base};

/// Executions older than this cannot be reported again.
const EXECUTIONS_KEPT: Duration = Duration::from_secs(8 * 86_400);

impl BooksState {
    /// Replays a segment: its first entry holds the state to begin with. `None` if it does not.
    pub fn replay<'a>(instruments: &[Instrument], mut entries: impl Iterator<Item = &'a Entry>) -> Option<Self> {
        let Record::SessionStarted { books, .. } = &entries.next()?.record else { return None };
        let mut state = BooksState::clone(books);
        state.portfolio.set_instruments(instruments);
        entries.for_each(|entry| state.apply(entry));
        Some(state)
    }

    /// One record. Those that only inform (signals, bars, totals) change nothing here.
    fn apply(&mut self, entry: &Entry) {
        match &entry.record {
            Record::Latched(latch) => {
                self.latches.set(latch.clone());
            }
            Record::Released { rule, scope, .. } => {
                // One that was not on was not recorded as released.
                self.release(rule, scope);
            }
            Record::RiskAccount(risk) => self.risk = RiskAccount::clone(risk),
            Record::OrderPlaced(ticket) => {
                self.next_id = self.next_id.max(ClientOrderId(ticket.id.0 + 1));
                self.next_order_id = self.next_order_id.max(BrokerOrderId(ticket.order_id.0 + 1));
                // Changes of a live order are no new ones.
                if self.orders.get(ticket.id).is_none() {
                    self.risk.count_order(ticket.strategy, ticket.symbol);
                }
                self.orders.place(entry.at, ticket.clone());
            }
            Record::OrderChanged(change) => {
                self.orders.restore(change.id, change.state, change.perm_id, change.filled);
            }
            Record::Fill(fill) => {
                self.take_fill(entry.at, fill);
                if sabotage::is(Sabotage::ForgetBooked) {
                    self.executions.remove(exec_base(&fill.exec_id));
                }
                // The death of the process may have cut off the order's own record, which follows. The table refuses
                // only what overfills; that record was kept as an event, and the position counts it all the same.
                if let Some(left) = self.orders.add_filled(fill.order, fill.quantity) {
                    let _moved = self.orders.apply(fill.order, Event::Filled { left });
                }
            }
            Record::Commission { exec_id, amount } => {
                if let Some(booked) = self.executions.get_mut(exec_base(exec_id)) {
                    booked.commission = true;
                }
                self.portfolio.commission(exec_id, *amount);
            }
            Record::TradeDate(turned) => self.turn_history(turned),
            Record::Allocation(shares) => self.history.set_shares(Shares::clone(shares)),
            Record::NextOrderId(next) => self.next_order_id = self.next_order_id.max(*next),
            Record::Baseline { exec_ids } => {
                self.begun = true;
                self.before.extend(exec_ids.iter().map(|id| (id.clone(), entry.at)));
            }
            Record::Corrected { exec_id, fills } => {
                // What could not be corrected was not recorded.
                self.correct(exec_id, fills);
            }
            Record::SessionStarted { .. }
            | Record::Bar(_)
            | Record::BarRevised(_)
            | Record::Signal { .. }
            | Record::Position(_)
            | Record::Performance { .. }
            | Record::Trading { .. }
            | Record::System { .. }
            | Record::Operator { .. }
            | Record::SessionEnded { .. }
            | Record::Account(_)
            | Record::Interest(_)
            | Record::LastPrices(_) => {}
        }
    }

    /// Moves everything from the ids of the session that wrote it to those of a configuration. What that does not name
    /// any more must be closed: the error names what is not.
    pub fn renumber(&mut self, from: &SessionInfo, to: &Config) -> Result<(), String> {
        let symbol = |id: SymbolId| {
            let known = from.instruments.get(usize::from(id.0))?;
            // Another contract month under the same name is another contract: its positions are not ours.
            let rolled = |i: &Instrument| i.expiry.as_ref().zip(known.expiry.as_ref()).is_some_and(|(a, b)| a != b);
            to.instruments.iter().find(|i| i.name == known.name && !rolled(i)).map(|i| i.id)
        };
        let strategy = |id: StrategyId| {
            if id == StrategyId::FOREIGN {
                return Some(id);
            }
            let name = &from.strategies.get(usize::from(id.0))?.name;
            to.strategies.iter().find(|s| s.name == *name).map(|s| s.id)
        };
        let lost = |strategy: StrategyId, symbol: SymbolId| {
            let name = |of: Option<&String>| of.cloned().unwrap_or_else(|| "?".to_owned());
            let strategy = match strategy {
                StrategyId::FOREIGN => StrategyId::FOREIGN_NAME.to_owned(),
                strategy => name(from.strategies.get(usize::from(strategy.0)).map(|s| &s.name)),
            };
            let instrument = from.instruments.get(usize::from(symbol.0));
            let expiry =
                instrument.and_then(|i| i.expiry.as_ref()).map_or(String::new(), |expiry| format!(" {expiry}"));
            format!("strategy {strategy} in {}{expiry}", name(instrument.map(|i| &i.name)))
        };
        self.history.renumber(&strategy);
        self.risk.renumber(&strategy, &symbol);
        let was = |id: StrategyId| match from.strategies.get(usize::from(id.0)) {
            Some(known) => known.name.clone(),
            None => format!("number {}", id.0),
        };
        self.latches.renumber(was, |name| to.strategies.iter().find(|s| s.name == name).map(|s| s.id));
        self.by_hand = std::mem::take(&mut self.by_hand)
            .into_iter()
            .filter_map(|(of, contracts)| Some((symbol(of)?, contracts)))
            .collect();
        self.orders.renumber(&strategy, &symbol).map_err(|(s, y)| format!("a live order of {}", lost(s, y)))?;
        self.portfolio.renumber(&strategy, &symbol).map_err(|(s, y)| format!("an open position of {}", lost(s, y)))
    }

    /// Forgets positions and orders, keeps the ids: the account at the other end is a new one.
    pub fn for_new_account(self) -> Self {
        Self { next_id: self.next_id, next_order_id: self.next_order_id, ..Self::default() }
    }

    /// Execution ids of the fills that are in the positions, newest included.
    pub fn booked_executions(&self) -> impl Iterator<Item = &str> {
        self.portfolio.remembered().map(|fill| fill.exec_id.as_str())
    }

    /// After a restart nothing that was live is certain any more.
    pub fn doubt_all(&mut self) {
        let live: Vec<ClientOrderId> = self.orders.live().map(|o| o.ticket.id).collect();
        for id in live {
            if let Some(Err(unexpected)) = self.orders.apply(id, Event::Doubted) {
                unreachable!("every live order can be doubted: {unexpected}");
            }
        }
    }

    /// Forgets executions that cannot come again. Called when a new segment begins.
    pub fn prune(&mut self, now: Timestamp) {
        self.executions.retain(|_, booked| now.since(booked.at) < EXECUTIONS_KEPT);
        self.before.retain(|_, at| now.since(*at) < EXECUTIONS_KEPT);
        self.portfolio.prune(now - EXECUTIONS_KEPT);
    }

    /// Raises the first id of a fresh journal, so that ids of a lost one are not used again.
    pub fn raise_ids(&mut self, at_least: ClientOrderId) {
        self.next_id = self.next_id.max(at_least);
    }
}
