//! The books: risk, orders and portfolio, which change together or not at all.
//! In: intents, broker events, prices, the link's word. Out: records, broker requests, news for strategies.
//! Every output is preceded by the record that lets it be rebuilt. Absent: sockets, files, clocks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::allocation::History;
use crate::config::{Config, OrdersConfig, ProtectionConfig, RiskConfig};
use crate::journal::{OrderChange, Performance, Record, Severity};
use crate::market::{Bar, Instrument, Price, SymbolId};
use crate::orders::working::WorkingOrders;
use crate::portfolio::{Mark, Portfolio};
use crate::risk::account::RiskAccount;
use crate::risk::latch::Latches;
use crate::risk::sent::Sent;
use crate::strategy;
use crate::time::Timestamp;
use crate::time::session::{Calendar, SessionCursor};
use crate::trade::{
    BrokerEvent, BrokerOrderId, BrokerRequest, ClientOrderId, Leg, Money, OrderIntent, Question, StrategyId, Trading,
};
use crate::venue::MarginTable;

mod broker;
mod broker_pnl;
mod closing;
mod corrections;
mod days;
mod expired;
mod flatten;
mod foreign;
mod held_back;
mod intents;
mod ladder;
mod limits;
mod operator;
mod protect;
mod rebuild;
mod settle;
mod show;
mod sizing;
mod view;

#[cfg(test)]
mod tests;

pub use broker_pnl::BrokerPnl;
use flatten::Climb;
pub use held_back::{Entries, HeldBack};
pub use operator::{Command, Operator, STILL_BROKEN};
pub use show::{LatchLine, LimitLine, RiskView};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    Intent(OrderIntent),
    /// A closed bar, where a size is made of ranges.
    Bar(Bar),
    /// The broker's profit of the day, realised and unrealised.
    BrokerPnl(Money),
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
    /// Whether this symbol's market data allows entries in it.
    Feed {
        symbol: SymbolId,
        live: bool,
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
    /// A person's command.
    Operator(Operator),
    /// The session ends: totals are written down.
    Close,
    /// The contract ended, and the exchange settled its positions in cash at this price; its orders are gone. Only a
    /// backtest says so: at a broker, positions and executions tell.
    Expired {
        symbol: SymbolId,
        price: Price,
    },
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
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
    /// What loss limits go by.
    pub risk: RiskAccount,
    pub latches: Latches,
    /// There was an inventory: whatever is executed from then on belongs into these books.
    begun: bool,
    /// Executions that are not booked because they were before these books' time, by id up to the last dot, with when
    /// they were seen.
    before: BTreeMap<String, Timestamp>,
    /// The part of what is not ours that was traded by hand, in contracts: a trade by hand closes this before it closes
    /// positions of strategies.
    by_hand: BTreeMap<SymbolId, i64>,
    history: History,
}

impl Default for BooksState {
    fn default() -> Self {
        Self {
            orders: WorkingOrders::default(),
            portfolio: Portfolio::default(),
            next_id: ClientOrderId(1),
            next_order_id: BrokerOrderId(1),
            executions: BTreeMap::new(),
            risk: RiskAccount::default(),
            latches: Latches::default(),
            begun: false,
            before: BTreeMap::new(),
            by_hand: BTreeMap::new(),
            history: History::default(),
        }
    }
}

/// An execution that was booked. Corrections share the id up to the last dot and differ after it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Booked {
    exec_id: String,
    at: Timestamp,
    commission: bool,
    /// The broker took it back.
    busted: bool,
}

/// How things stood when an inventory was asked for. Questions may overlap; those of one kind are answered in order.
#[derive(Clone, Debug)]
struct Asked {
    /// Everything, or positions only.
    whole: bool,
    question: Question,
    /// Orders that were live: the broker's list may name one that has ended since.
    live: BTreeSet<ClientOrderId>,
}

const CHECK_EVERY: Duration = Duration::from_secs(1);
const TOTALS_EVERY: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub struct Books {
    instance: String,
    client_id: i32,
    instruments: Vec<Instrument>,
    risk: RiskConfig,
    orders_config: OrdersConfig,
    protection: ProtectionConfig,
    /// Distance of each strategy's stop, in ticks.
    stop_ticks: BTreeMap<StrategyId, u32>,
    state: BooksState,
    trading: Trading,
    /// Why the link allows no trading; empty while it does.
    trading_cause: String,
    /// Of what is being handled.
    now: Timestamp,
    /// The handshake is done and the link is not lost: requests can be sent.
    connected: bool,
    prices_at: BTreeMap<SymbolId, Timestamp>,
    sent: Sent,
    /// Initial margin of one contract by symbol, where the table has it.
    margins: Vec<Option<Money>>,
    /// Trading hours by symbol.
    hours: Vec<SessionCursor>,
    risk_told: RiskAccount,
    /// Symbols whose market data is in doubt: no entries.
    doubtful_feeds: BTreeSet<SymbolId>,
    /// Inventories under way, oldest first.
    inventory: VecDeque<Asked>,
    /// Symbols whose position was compared with the broker's on this connection and agreed. Nothing is closed in the
    /// others: an exit sized by a wrong book makes a wrong position.
    agreed: BTreeSet<SymbolId>,
    /// Comparisons of positions so far: whoever waits for one sees that it came.
    comparisons: u64,
    naked_since: BTreeMap<(StrategyId, SymbolId), Timestamp>,
    /// Since when orders are live whose position is gone.
    leftover_since: BTreeMap<(StrategyId, SymbolId), Timestamp>,
    /// Contracts of an order as the broker last told them, filled ones included.
    sizes: BTreeMap<ClientOrderId, u32>,
    /// Orders that were made smaller and whose new size the broker has not told, with since when.
    shrinking: BTreeMap<ClientOrderId, Timestamp>,
    cancel_sent: BTreeMap<ClientOrderId, Timestamp>,
    /// Orders that the broker has refused and whose end an inventory has not proved.
    refused: BTreeSet<ClientOrderId>,
    /// Positions that are being closed, whatever it takes.
    climbs: BTreeMap<(StrategyId, SymbolId), Climb>,
    /// Executions that the last inventory did not list, though the position is as if they had never been.
    suspected_busts: BTreeSet<String>,
    /// What was told last of a difference from the broker, and when.
    told_difference: Option<(String, Timestamp)>,
    /// Orders whose status says filled before their executions came, with when and how many contracts.
    filled_unseen: BTreeMap<ClientOrderId, (Timestamp, u32)>,
    early_commissions: BTreeMap<String, Money>,
    /// What is held was written down: a session begins without rows of what the last one left.
    positions_shown: bool,
    /// Foreign orders, executions and differences that have been told.
    told: BTreeSet<String>,
    flattening: bool,
    /// Entries may go without a stop, and nobody closes a position for want of one.
    unprotected_allowed: bool,
    sessions: SessionCursor,
    check_at: Option<Timestamp>,
    totals_at: Option<Timestamp>,
    totals_told: BTreeMap<Option<StrategyId>, Performance>,
    strategies: Vec<(StrategyId, String)>,
    /// Strategies that may enter, and in which symbol; one that was given up is not among them.
    enlisted: BTreeMap<StrategyId, SymbolId>,
    sizing: sizing::Sizes,
    sharing: days::Sharing,
    closing: closing::Closing,
    broker_day: broker_pnl::BrokerDay,
}

impl Books {
    /// Books that go on from `state`. Nothing is allowed until the link says so.
    pub fn new(config: &Config, mut state: BooksState) -> Self {
        state.portfolio.set_instruments(&config.instruments);
        let sharing = days::Sharing::new(config, &state);
        let sent = Sent::of(&state.orders);
        Self {
            instance: config.instance.name.clone(),
            client_id: config.broker.client_id,
            instruments: config.instruments.clone(),
            risk: config.risk.clone(),
            orders_config: config.orders.clone(),
            protection: config.protection.clone(),
            stop_ticks: config.strategies.iter().filter_map(|s| Some((s.id, s.stop_ticks?))).collect(),
            state,
            trading: Trading::Paused,
            trading_cause: String::new(),
            now: Timestamp::default(),
            connected: false,
            prices_at: BTreeMap::new(),
            sent,
            margins: view::margins(&config.instruments, &MarginTable::default()),
            hours: config.instruments.iter().map(|i| SessionCursor::new(Calendar::of_root(&i.root))).collect(),
            risk_told: RiskAccount::default(),
            doubtful_feeds: BTreeSet::new(),
            inventory: VecDeque::new(),
            agreed: BTreeSet::new(),
            comparisons: 0,
            naked_since: BTreeMap::new(),
            leftover_since: BTreeMap::new(),
            sizes: BTreeMap::new(),
            shrinking: BTreeMap::new(),
            cancel_sent: BTreeMap::new(),
            refused: BTreeSet::new(),
            climbs: BTreeMap::new(),
            suspected_busts: BTreeSet::new(),
            told_difference: None,
            filled_unseen: BTreeMap::new(),
            early_commissions: BTreeMap::new(),
            positions_shown: false,
            told: BTreeSet::new(),
            flattening: false,
            unprotected_allowed: false,
            sessions: SessionCursor::new(Calendar::by_name("cme_equity_index").expect("a built-in calendar")),
            check_at: None,
            totals_at: None,
            totals_told: BTreeMap::new(),
            strategies: config.strategies.iter().map(|s| (s.id, s.name.clone())).collect(),
            enlisted: config.strategies.iter().map(|s| (s.id, s.symbol)).collect(),
            sizing: sizing::Sizes::new(config),
            sharing,
            closing: closing::Closing::new(config),
            broker_day: broker_pnl::BrokerDay::default(),
        }
    }

    pub fn state(&self) -> &BooksState {
        &self.state
    }

    /// See [`BooksState::raise_ids`].
    pub fn raise_ids(&mut self, to: ClientOrderId) {
        self.state.raise_ids(to);
    }

    /// From now on [`crate::trade::Intent::Order`] may open positions without a stop. For backtests only: nothing that
    /// sends orders to a broker calls this.
    pub fn allow_unprotected(&mut self) {
        self.unprotected_allowed = true;
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
        self.now = now;
        self.turn_day(now, out);
        match input {
            Input::Intent(intent) => self.on_intent(now, intent, out),
            Input::Bar(bar) => self.see_bar(&bar),
            Input::BrokerPnl(day) => self.on_broker_pnl(now, day, out),
            Input::Broker(event) => self.on_broker(now, event, out),
            Input::Mark { symbol, mark } => {
                self.prices_at.insert(symbol, now);
                self.state.portfolio.mark(symbol, mark);
            }
            Input::Trading { trading, cause } => self.on_trading(now, trading, cause, out),
            Input::Feed { symbol, live } => self.on_feed(symbol, live),
            Input::LinkLost => self.on_link_lost(now, out),
            Input::TakeInventory => self.ask(now, true, out),
            Input::ComparePositions => self.ask(now, false, out),
            Input::Flatten { cause } => self.flatten(now, &cause, out),
            Input::Disable(strategy) => self.disable(strategy, out),
            Input::Operator(operator) => self.on_operator(now, operator, out),
            Input::Close => self.write_totals(now, out),
            Input::Expired { symbol, price } => self.on_expired(now, symbol, price, out),
        }
        self.climb(now, out);
        self.arm(now);
    }

    fn on_feed(&mut self, symbol: SymbolId, live: bool) {
        if live {
            self.doubtful_feeds.remove(&symbol);
        } else {
            self.doubtful_feeds.insert(symbol);
        }
    }

    fn arm(&mut self, now: Timestamp) {
        self.check_at.get_or_insert(now + CHECK_EVERY);
        self.totals_at.get_or_insert(now + TOTALS_EVERY);
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.check_at.into_iter().chain(self.totals_at).chain(self.next_step()).chain(self.next_closing()).min()
    }

    pub fn on_deadline(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.now = now;
        if self.check_at.is_some_and(|at| at <= now) {
            self.check_at = Some(now + CHECK_EVERY);
            self.turn_day(now, out);
            self.watch_limits(now, out);
            self.doubt_unanswered(now, out);
            self.keep_protected(now, out);
        }
        self.flatten_before_close(now, out);
        self.climb(now, out);
        if self.totals_at.is_some_and(|at| at <= now) {
            self.totals_at = Some(now + TOTALS_EVERY);
            self.write_totals(now, out);
        }
    }

    fn write_totals(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.write_risk(out);
        // Until a session begins, what happened belongs to the day before: its last bar ends when it is over.
        let trade_date = date_number(self.state.risk.date().unwrap_or_else(|| self.sessions.trade_date(now)));
        let traded_by_others = self.state.portfolio.sleeves().any(|(strategy, ..)| strategy == StrategyId::FOREIGN);
        let foreign = traded_by_others.then_some(Some(StrategyId::FOREIGN));
        let everybody = std::iter::once(None).chain(self.strategies.iter().map(|(id, _)| Some(*id))).chain(foreign);
        for strategy in everybody.collect::<Vec<_>>() {
            let totals = self.state.portfolio.performance(strategy);
            if self.totals_told.insert(strategy, totals) != Some(totals) {
                out.push(Output::Record(Record::Performance { strategy, trade_date, totals }));
            }
        }
    }

    /// A position changed: what it is now, of the strategy and of the account.
    fn write_position(&self, strategy: StrategyId, symbol: SymbolId, out: &mut Vec<Output>) {
        out.push(Output::Record(Record::Position(self.state.portfolio.row(strategy, symbol))));
        out.push(Output::Record(Record::Position(self.state.portfolio.net_row(symbol))));
    }

    fn show_positions(&mut self, out: &mut Vec<Output>) {
        if std::mem::replace(&mut self.positions_shown, true) {
            return;
        }
        let open = self.state.portfolio.sleeves().filter(|(_, _, sleeve)| sleeve.quantity != 0);
        let open: Vec<(StrategyId, SymbolId)> = open.map(|(strategy, symbol, _)| (strategy, symbol)).collect();
        open.into_iter().for_each(|(strategy, symbol)| self.write_position(strategy, symbol, out));
    }

    fn name_of(&self, symbol: SymbolId) -> &str {
        self.instruments.get(usize::from(symbol.0)).map_or("?", |i| &i.name)
    }

    fn name_of_strategy(&self, strategy: StrategyId) -> &str {
        if strategy == StrategyId::FOREIGN {
            return StrategyId::FOREIGN_NAME;
        }
        self.strategies.iter().find(|(id, _)| *id == strategy).map_or("?", |(_, name)| name)
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

    /// Whether this was not told before.
    fn tell_once(&mut self, what: String) -> bool {
        self.told.insert(what)
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
