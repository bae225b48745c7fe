//! The books: risk, orders and portfolio, which change together or not at all.
//! In: intents, broker events, prices, the link's word. Out: records, broker requests, news for strategies.
//! Every output is preceded by the record that lets it be rebuilt. Absent: sockets, files, clocks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::config::{Config, OrdersConfig, RiskConfig};
use crate::journal::{OrderChange, Performance, Record, Severity};
use crate::market::{Instrument, SymbolId};
use crate::orders::working::WorkingOrders;
use crate::portfolio::{Mark, Portfolio};
use crate::risk::order_rate;
use crate::strategy;
use crate::time::Timestamp;
use crate::time::session::{Calendar, SessionCursor};
use crate::trade::{
    BrokerEvent, BrokerOrderId, BrokerRequest, ClientOrderId, Leg, Money, OrderIntent, StrategyId, Trading,
};

mod broker;
mod intents;
mod protect;
mod rebuild;
mod settle;

#[cfg(test)]
mod tests;

#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Intent(OrderIntent),
    Broker(BrokerEvent),
    /// The newest prices of a symbol; what lies between two marks does not matter.
    Mark {
        symbol: SymbolId,
        mark: Mark,
    },
    Trading {
        trading: Trading,
        cause: String,
    },
    /// Nothing can be sent and nothing is heard.
    LinkLost,
    /// The link wants the book compared with the broker.
    TakeInventory,
    /// The same for positions only, which costs little however many orders there were.
    ComparePositions,
    /// Cancel entries and close every position.
    Flatten {
        cause: String,
    },
    /// A strategy was given up: its entries are withdrawn, its protective orders stay.
    Disable(StrategyId),
    /// The session ends: totals are written down.
    Close,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    Record(Record),
    Request(BrokerRequest),
    Strategy(StrategyId, strategy::Input),
    /// The book and the broker were compared.
    Compared(Comparison),
    /// An order is in doubt: the broker's inventory is wanted.
    Doubt,
    /// Every position is closed and no order is live.
    Flat,
}

/// What an inventory says of the book.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Comparison {
    Agrees,
    /// Both sides of what cannot be explained.
    Differs(String),
    /// Positions differ; a whole inventory may explain it.
    Suspect,
    /// Orders filled or were sent while the inventory was taken: it proves nothing about positions.
    Overtaken,
}

/// Everything that the books must remember over a restart.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BooksState {
    pub orders: WorkingOrders,
    pub portfolio: Portfolio,
    /// The next ids to give out.
    pub next_id: ClientOrderId,
    pub next_order_id: BrokerOrderId,
    /// Executions that were booked, with whether their commission was, by execution id up to its last dot.
    executions: BTreeMap<String, Booked>,
    /// `YYYYMMDD` of the trade date whose loss is counted.
    trade_date: u32,
}

impl Default for BooksState {
    fn default() -> Self {
        Self {
            orders: WorkingOrders::default(),
            portfolio: Portfolio::default(),
            next_id: ClientOrderId(1),
            next_order_id: BrokerOrderId(1),
            executions: BTreeMap::new(),
            trade_date: 0,
        }
    }
}

/// An execution that was booked. Corrections share the id up to the last dot and differ after it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Booked {
    exec_id: String,
    at: Timestamp,
    commission: bool,
}

/// How things stood when an inventory was asked for.
#[derive(Clone, Debug)]
struct Asked {
    /// The newest order.
    newest: ClientOrderId,
    /// Orders that were live: the broker's list may name one that has ended since.
    live: BTreeSet<ClientOrderId>,
    /// Executions booked by then.
    executions: usize,
}

/// How long a position may lack a resting stop before it is closed.
const NAKED_FOR: Duration = Duration::from_secs(3);
const CHECK_EVERY: Duration = Duration::from_secs(1);
const TOTALS_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Books {
    instance: String,
    instruments: Vec<Instrument>,
    risk: RiskConfig,
    orders_config: OrdersConfig,
    state: BooksState,
    trading: Trading,
    /// The handshake is done and the link is not lost: requests can be sent.
    connected: bool,
    prices_at: BTreeMap<SymbolId, Timestamp>,
    sent: order_rate::Sent,
    /// The inventory under way.
    inventory: Option<Asked>,
    /// Symbols whose position was compared with the broker's on this connection and agreed. Nothing is closed in the
    /// others: an exit sized by a wrong book makes a wrong position.
    agreed: BTreeSet<SymbolId>,
    naked_since: BTreeMap<(StrategyId, SymbolId), Timestamp>,
    /// Orders whose status says filled before their executions came.
    filled_unseen: BTreeMap<ClientOrderId, Timestamp>,
    early_commissions: BTreeMap<String, Money>,
    /// Executions that are not ours or were corrected, and that have been told.
    reported_executions: BTreeSet<String>,
    flattening: bool,
    sessions: SessionCursor,
    check_at: Option<Timestamp>,
    totals_at: Option<Timestamp>,
    totals_told: BTreeMap<Option<StrategyId>, Performance>,
    strategies: Vec<(StrategyId, String)>,
}

impl Books {
    /// Books that go on from `state`. Nothing is allowed until the link says so.
    pub fn new(config: &Config, mut state: BooksState) -> Self {
        state.portfolio.set_instruments(&config.instruments);
        Self {
            instance: config.instance.name.clone(),
            instruments: config.instruments.clone(),
            risk: config.risk.clone(),
            orders_config: config.orders.clone(),
            state,
            trading: Trading::Paused,
            connected: false,
            prices_at: BTreeMap::new(),
            sent: order_rate::Sent::default(),
            inventory: None,
            agreed: BTreeSet::new(),
            naked_since: BTreeMap::new(),
            filled_unseen: BTreeMap::new(),
            early_commissions: BTreeMap::new(),
            reported_executions: BTreeSet::new(),
            flattening: false,
            sessions: SessionCursor::new(Calendar::by_name("cme_equity_index").expect("a built-in calendar")),
            check_at: None,
            totals_at: None,
            totals_told: BTreeMap::new(),
            strategies: config.strategies.iter().map(|s| (s.id, s.name.clone())).collect(),
        }
    }

    pub fn state(&self) -> &BooksState {
        &self.state
    }

    /// See [`BooksState::raise_ids`].
    pub fn raise_ids(&mut self, to: ClientOrderId) {
        self.state.raise_ids(to);
    }

    pub fn portfolio(&self) -> &Portfolio {
        &self.state.portfolio
    }

    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    pub fn strategies(&self) -> impl Iterator<Item = (StrategyId, &str)> {
        self.strategies.iter().map(|(id, name)| (*id, name.as_str()))
    }

    /// Every position was compared with the broker's on this connection, and agreed.
    pub fn agrees(&self) -> bool {
        self.instruments.iter().all(|instrument| self.agreed.contains(&instrument.id))
    }

    pub fn trading(&self) -> Trading {
        self.trading
    }

    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        self.turn_day(now);
        match input {
            Input::Intent(intent) => self.on_intent(now, intent, out),
            Input::Broker(event) => self.on_broker(now, event, out),
            Input::Mark { symbol, mark } => {
                self.prices_at.insert(symbol, now);
                self.state.portfolio.mark(symbol, mark);
            }
            Input::Trading { trading, cause } => self.on_trading(now, trading, cause, out),
            Input::LinkLost => self.on_link_lost(now, out),
            Input::TakeInventory => self.take_inventory(out),
            Input::ComparePositions => self.ask(BrokerRequest::ComparePositions, out),
            Input::Flatten { cause } => self.flatten(now, &cause, out),
            Input::Disable(strategy) => self.disable(strategy, out),
            Input::Close => self.write_totals(now, out),
        }
        self.arm(now);
    }

    /// A new trade date starts a new daily loss.
    fn turn_day(&mut self, now: Timestamp) {
        let Some(session) = self.sessions.session_of(now) else { return };
        let date = date_number(session.trade_date);
        if self.state.trade_date != date {
            self.state.trade_date = date;
            self.state.portfolio.start_day();
        }
    }

    fn arm(&mut self, now: Timestamp) {
        self.check_at.get_or_insert(now + CHECK_EVERY);
        self.totals_at.get_or_insert(now + TOTALS_EVERY);
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.check_at.into_iter().chain(self.totals_at).min()
    }

    pub fn on_deadline(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.check_at.is_some_and(|at| at <= now) {
            self.check_at = Some(now + CHECK_EVERY);
            self.turn_day(now);
            self.doubt_unanswered(now, out);
            self.protect(now, out);
        }
        if self.totals_at.is_some_and(|at| at <= now) {
            self.totals_at = Some(now + TOTALS_EVERY);
            self.write_totals(now, out);
        }
    }

    fn write_totals(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let trade_date = date_number(self.sessions.trade_date(now));
        let everybody = std::iter::once(None).chain(self.strategies.iter().map(|(id, _)| Some(*id)));
        for strategy in everybody.collect::<Vec<_>>() {
            let totals = self.state.portfolio.performance(strategy);
            if self.totals_told.insert(strategy, totals) != Some(totals) {
                out.push(Output::Record(Record::Performance { strategy, trade_date, totals }));
            }
        }
    }

    fn change(&self, id: ClientOrderId, note: impl Into<String>, out: &mut Vec<Output>) {
        let Some(order) = self.state.orders.get(id) else { return };
        out.push(Output::Record(Record::OrderChanged(OrderChange {
            id,
            order_id: order.ticket.order_id,
            perm_id: order.perm_id,
            state: order.state,
            filled: order.filled,
            note: note.into(),
        })));
    }

    /// Tells the strategy when an order ended without having moved its position.
    fn tell_if_ended(&self, id: ClientOrderId, out: &mut Vec<Output>) {
        let Some(order) = self.state.orders.get(id) else { return };
        let of_interest = matches!(order.ticket.leg, Leg::Entry | Leg::Exit);
        if of_interest && !order.is_live() && order.left() > 0 {
            let news = strategy::Input::OrderEnded(order.ticket.leg);
            out.push(Output::Strategy(order.ticket.strategy, news));
        }
    }

    fn system(severity: Severity, event: &str, text: impl Into<String>) -> Output {
        Output::Record(Record::System {
            severity,
            event: event.to_owned(),
            actor: "books".to_owned(),
            text: text.into(),
        })
    }
}

/// `YYYYMMDD`.
fn date_number(date: NaiveDate) -> u32 {
    u32::try_from(date.year()).unwrap_or(0) * 10_000 + date.month() * 100 + date.day()
}
