//! Turns journal entries into rows. In: entries with the session they belong to. Out: a [`Batch`] that a database takes
//! in one transaction. Absent: databases, files. How entries are cut into batches makes no difference to the tables.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use chrono::NaiveDate;
use engine::journal::{Entry, INTEREST_EVENT, OrderChange, Performance, PositionRow as Held, Record, Severity};
use engine::market::Bar;
use engine::time::Timestamp;
use engine::trade::{Fill, OrderTicket, StrategyId, Trading};

use super::rows::*;
use super::translate::*;
use super::types::Ts;
use crate::journal::Position;

/// How far a journal has been read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Projected {
    pub position: Position,
    /// Number of the last entry before `position`.
    pub seq: u64,
}

/// What one order's changes come to.
#[derive(Clone, PartialEq, Debug)]
pub struct OrderUpdate {
    /// The order as it would be if nothing but its changes were known.
    pub alone: OrderRow,
    /// `None` leaves what is there.
    pub note: Option<String>,
}

/// Rows to write, and the place in the journal that they lead to. Each key is there once.
#[derive(Clone, PartialEq, Debug)]
pub struct Batch {
    pub journal_id: String,
    /// Where the database must be for this batch to fit.
    pub from: Option<Position>,
    pub to: Projected,
    pub at: Ts,
    pub sessions: Vec<SessionRow>,
    /// Session, end, cause.
    pub session_ends: BTreeMap<String, (Ts, String)>,
    pub bars: BTreeMap<(String, String, i64, Ts), BarRow>,
    pub signals: Vec<SignalRow>,
    pub orders: BTreeMap<i64, OrderRow>,
    pub order_updates: BTreeMap<i64, OrderUpdate>,
    pub executions: BTreeMap<String, ExecutionRow>,
    /// Executions that the broker corrected, as they are now: written over what is there.
    pub corrections: BTreeMap<String, ExecutionRow>,
    pub commissions: BTreeMap<String, CommissionRow>,
    pub positions: BTreeMap<(String, String, String), PositionRow>,
    pub performance: BTreeMap<(String, NaiveDate), PerformanceRow>,
    pub strategy_performance: BTreeMap<(String, String, NaiveDate), StrategyPerformanceRow>,
    pub events: Vec<EventRow>,
}

impl Batch {
    pub fn new(journal_id: &str, from: Option<Projected>, to: Position) -> Batch {
        Batch {
            journal_id: journal_id.to_owned(),
            from: from.map(|f| f.position),
            to: Projected { position: to, seq: from.map_or(0, |f| f.seq) },
            at: Timestamp::default().into(),
            sessions: Vec::new(),
            session_ends: BTreeMap::new(),
            bars: BTreeMap::new(),
            signals: Vec::new(),
            orders: BTreeMap::new(),
            order_updates: BTreeMap::new(),
            executions: BTreeMap::new(),
            corrections: BTreeMap::new(),
            commissions: BTreeMap::new(),
            positions: BTreeMap::new(),
            performance: BTreeMap::new(),
            strategy_performance: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// Adds one entry. Entries come in the journal's order.
    pub fn add(&mut self, session: &Session, entry: &Entry) -> Result<(), BadEntry> {
        let Entry { seq, at, record } = entry;
        let (seq, ts) = (*seq, Ts::from(*at));
        self.notice_gap(session, seq, ts);
        self.at = ts;
        let name = |id| session.strategy(seq, id).unwrap_or_else(|_| format!("{}", id.0));
        match record {
            Record::SessionStarted { info, .. } => {
                self.sessions.push(session_row(&self.journal_id, self.to.position.segment, session, info, ts))
            }
            Record::Bar(bar) | Record::BarRevised(bar) => self.add_bar(session, seq, bar)?,
            Record::Signal { intent, verdict } => self.signals.push(signal_row(session, seq, ts, intent, verdict)?),
            Record::OrderPlaced(ticket) => self.add_order(session, seq, ts, ticket)?,
            Record::OrderChanged(change) => self.change_order(session, ts, change),
            Record::Fill(fill) => self.add_fill(session, seq, fill)?,
            Record::Commission { exec_id, amount } => {
                let (journal_id, exec_id) = (self.journal_id.clone(), exec_id.clone());
                let row = CommissionRow { journal_id, exec_id: exec_id.clone(), amount: (*amount).into(), ts };
                self.commissions.insert(exec_id, row);
            }
            Record::Position(held) => self.add_position(session, seq, ts, held)?,
            Record::Performance { strategy, trade_date, totals } => {
                self.add_performance(session, seq, ts, *strategy, *trade_date, totals)?;
            }
            Record::Trading { trading, cause } => {
                let (severity, event) = match trading {
                    Trading::Allowed => (Severity::Info, "trading.allowed"),
                    Trading::Paused => (Severity::Warning, "trading.paused"),
                    Trading::Liquidating => (Severity::Warning, "trading.liquidating"),
                };
                self.add_event(session, seq, ts, severity, event, "", cause);
            }
            Record::System { severity, event, actor, text } => {
                self.add_event(session, seq, ts, *severity, event, actor, text);
            }
            Record::Latched(latch) => {
                self.add_event(session, seq, ts, Severity::Error, "risk.latched", "books", &latch.told(name));
            }
            Record::Released { rule, scope, who, why } => {
                let text = format!("{rule} of {} by {who}: {why}", scope.told(name));
                self.add_event(session, seq, ts, Severity::Warning, "risk.released", "books", &text);
            }
            Record::Operator { command, who, why } => {
                let text = format!("{command} by {who}: {why}");
                self.add_event(session, seq, ts, Severity::Warning, "operator.command", "books", &text);
            }
            // What the books go by; performance has what people ask for.
            Record::RiskAccount(_) => {}
            Record::Corrected { fills, .. } => {
                for fill in fills {
                    let row = execution_row(&self.journal_id, session, seq, fill)?;
                    self.corrections.insert(row.exec_id.clone(), row);
                }
            }
            // Executions that are in no position of ours have no row, and numbers only the next start needs.
            Record::Baseline { .. } | Record::NextOrderId(_) => {}
            Record::TradeDate(turned) => {
                let text = super::days::trade_date(session, seq, turned)?;
                self.add_event(session, seq, ts, Severity::Info, "trade_date.turned", "books", &text);
            }
            Record::Allocation(shares) => {
                let text = super::days::shares(session, seq, shares)?;
                let severity = if shares.notes.is_empty() { Severity::Info } else { Severity::Warning };
                self.add_event(session, seq, ts, severity, "allocation.computed", "books", &text);
            }
            Record::SessionEnded { cause } => {
                self.session_ends.insert(session.stored_id.clone(), (ts, cause.clone()));
            }
            // A backtest's account is read from its journal; no table holds it.
            Record::Account(_) => {}
            Record::Interest(row) => {
                // Reports read it back.
                let text = row.amount.to_decimal().to_string();
                self.add_event(session, seq, row.at.into(), Severity::Info, INTEREST_EVENT, "backtest", &text);
            }
            // They are of earlier sessions' bars and executions, which have their rows.
            Record::LastPrices(_) => {}
        }
        self.to.seq = seq;
        Ok(())
    }

    /// Numbers rise by one. Where they do not, the journal has lost entries, and the tables say so.
    fn notice_gap(&mut self, session: &Session, seq: u64, ts: Ts) {
        let before = self.to.seq;
        if self.from.is_none() && before == 0 || seq == before + 1 {
            return;
        }
        if seq > before {
            let text = format!("entries {} to {} are not in the journal", before + 1, seq - 1);
            self.add_event(session, before + 1, ts, Severity::Error, "storage.gap", "storage", &text);
        } else {
            let text = format!("the journal lost entries {seq} to {before}, which are in the tables");
            self.add_event(session, seq, ts, Severity::Error, "storage.rewound", "storage", &text);
        }
    }

    fn add_bar(&mut self, session: &Session, seq: u64, bar: &Bar) -> Result<(), BadEntry> {
        let row = bar_row(session, seq, bar)?;
        self.bars.insert((row.session_id.clone(), row.symbol.clone(), row.length_s, row.ts), row);
        Ok(())
    }

    fn add_order(&mut self, session: &Session, seq: u64, ts: Ts, ticket: &OrderTicket) -> Result<(), BadEntry> {
        let row = order_row(&self.journal_id, session, seq, ts, ticket)?;
        // An order that is placed a second time was changed: it keeps its beginning.
        let first = match (self.orders.get(&row.client_id), self.order_updates.get_mut(&row.client_id)) {
            (Some(earlier), _) => Some((earlier.session_id.clone(), earlier.placed_at)),
            (None, Some(update)) => Some((update.alone.session_id.clone(), update.alone.placed_at)),
            (None, None) => None,
        };
        if let Some(update) = self.order_updates.get_mut(&row.client_id) {
            update.alone.updated_at = ts;
            update.alone.broker_order_id = row.broker_order_id;
        }
        let (session_id, placed_at) = first.unwrap_or((row.session_id.clone(), row.placed_at));
        self.orders.insert(row.client_id, OrderRow { session_id, placed_at, ..row });
        Ok(())
    }

    fn change_order(&mut self, session: &Session, ts: Ts, change: &OrderChange) {
        let client_id = big(change.id.0);
        let note = (!change.note.is_empty()).then(|| change.note.clone());
        let update = match self.order_updates.entry(client_id) {
            Slot::Occupied(update) => update.into_mut(),
            Slot::Vacant(slot) => {
                slot.insert(OrderUpdate { alone: unplaced_row(&self.journal_id, session, ts, client_id), note: None })
            }
        };
        let row = &mut update.alone;
        row.broker_order_id = i64::from(change.order_id.0);
        row.perm_id = change.perm_id.map(|id| id.0).or(row.perm_id);
        row.state = change.state.name().to_owned();
        row.filled = i64::from(change.filled);
        row.updated_at = ts;
        update.note = note.or(update.note.take());
        row.note = update.note.clone().unwrap_or_default();
    }

    fn add_fill(&mut self, session: &Session, seq: u64, fill: &Fill) -> Result<(), BadEntry> {
        let row = execution_row(&self.journal_id, session, seq, fill)?;
        // A fill that is told twice counts once, as in the books.
        self.executions.entry(row.exec_id.clone()).or_insert(row);
        Ok(())
    }

    fn add_position(&mut self, session: &Session, seq: u64, ts: Ts, held: &Held) -> Result<(), BadEntry> {
        let row = position_row(session, seq, ts, held)?;
        self.positions.insert((row.session_id.clone(), row.strategy.clone(), row.symbol.clone()), row);
        Ok(())
    }

    fn add_performance(
        &mut self,
        session: &Session,
        seq: u64,
        ts: Ts,
        strategy: Option<StrategyId>,
        yyyymmdd: u32,
        totals: &Performance,
    ) -> Result<(), BadEntry> {
        let date = trade_date(seq, yyyymmdd)?;
        let row = account_performance(session, ts, date, totals);
        let Some(strategy) = strategy else {
            self.performance.insert((row.session_id.clone(), date), row);
            return Ok(());
        };
        let row = of_strategy(session.strategy(seq, strategy)?, row);
        self.strategy_performance.insert((row.session_id.clone(), row.strategy.clone(), date), row);
        Ok(())
    }

    #[allow(clippy::too_many_arguments)] // one a column
    fn add_event(
        &mut self,
        session: &Session,
        seq: u64,
        ts: Ts,
        severity: Severity,
        event: &str,
        actor: &str,
        text: &str,
    ) {
        self.events.push(EventRow {
            session_id: session.stored_id.clone(),
            seq: big(seq),
            ts,
            severity: severity.name().to_owned(),
            event: event.to_owned(),
            actor: actor.to_owned(),
            text: text.to_owned(),
        });
    }
}
