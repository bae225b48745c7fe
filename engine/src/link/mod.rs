//! The connection to the broker as one explicit state machine over three layers: the socket, IB's servers behind the
//! gateway, and each symbol's market data. `table` says what follows what; here it is carried out.
//! In: what the broker actor sees, ticks that were asked for, the time. Out: whether trading is allowed, which symbols
//! may be entered, what the broker actor must do, what a person is told.
//! Absent: sockets and the waits between attempts (the broker actor's), positions (the books'), prices (`intake`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::books::Comparison;
use crate::codes;
use crate::config::{Config, OnDisconnect};
use crate::journal::Severity;
use crate::market::SymbolId;
use crate::sabotage::{self, Sabotage};
use crate::time::Timestamp;
use crate::trade::Trading;

mod act;
mod calendar;
pub mod farms;
mod feeds;
mod outage;
pub mod show;
pub mod table;
mod watch;

#[cfg(test)]
mod tests;

use calendar::Plan;
use feeds::{Feed, Watched};
use outage::Outage;
use table::{Action, Event, State, lookup};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Input {
    /// The handshake is complete.
    Connected,
    Disconnected {
        cause: String,
    },
    /// A system message of the broker.
    Notice {
        code: i32,
        text: String,
    },
    /// The books compared themselves with the broker.
    Compared(Comparison),
    /// What the books had asked for could not be had.
    NoInventory {
        cause: String,
    },
    /// The books want the broker's inventory: an order in doubt, a lagging order stream.
    Doubt,
    /// News of orders were lost: nobody knows what the books do not know.
    NewsLost,
    /// The books were rebuilt: what they know has to be compared again.
    BooksRestarted,
    /// Every position is closed, as was asked by `Liquidating`.
    Flat,
    /// An operator or a failing actor pauses entries for good.
    Halt {
        cause: String,
    },
    /// Market data of this symbol is subscribed.
    FeedUp(SymbolId),
    /// Its stream ended by itself.
    FeedDown(SymbolId),
    /// A good tick after [`Output::Listen`].
    Fresh(SymbolId),
    /// Its prices are refused in a row.
    Corrupt {
        symbol: SymbolId,
        why: String,
    },
    /// A bar was closed and given to the strategies.
    Bar {
        symbol: SymbolId,
        length_s: u32,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    Trading {
        trading: Trading,
        cause: String,
    },
    /// Whether this symbol may be entered. Said for every symbol after each connection.
    Feed {
        symbol: SymbolId,
        live: bool,
    },
    TakeInventory,
    ComparePositions,
    /// Subscribe to all market data again.
    Resubscribe,
    /// Subscribe to this symbol's again.
    ResubscribeOne(SymbolId),
    /// Report the next good tick of this symbol, once.
    Listen(SymbolId),
    /// Nothing can be sent; every live order's fate is open.
    Lost,
    /// Throw the connection away and build a new one.
    Rebuild {
        cause: String,
    },
    /// A person is told: into the log, the journal and the database.
    Told {
        severity: Severity,
        /// Stable dotted name.
        event: &'static str,
        text: String,
    },
}

/// An inventory that does not come within this time on the wall means a dead link.
pub const INVENTORY_WITHIN: Duration = Duration::from_secs(20);
/// Without a configuration, book and broker are compared this many times [`INVENTORY_WITHIN`] apart: every minute.
const COMPARISONS_APART: u32 = 3;
/// Position messages may lag behind executions, so a difference is looked at again.
const COMPARE_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Why positions are being closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Liquidation {
    /// After an outage, or because a close came too soon: until the broker says that it is done.
    UntilFlat,
    /// Before the market closes at this instant.
    BeforeClose(Timestamp),
}

#[derive(Clone, Debug)]
pub struct Link {
    socket: State,
    upstream: State,
    feeds: Vec<Feed>,
    watched: Vec<Watched>,
    plan: Option<Plan>,
    policy: OnDisconnect,
    /// [`INVENTORY_WITHIN`] in market time.
    patience: Duration,
    /// Book and broker have agreed since this link was built: a loss from here on is an outage.
    agreed_once: bool,
    outage: Option<Outage>,
    liquidating: Option<Liquidation>,
    /// The close before which everything was closed already.
    flat_done: Option<Timestamp>,
    halted: Option<String>,
    asked_at: Option<Timestamp>,
    /// When the next comparison is due: trades made elsewhere are in no stream of ours.
    compare_at: Option<Timestamp>,
    compare_every: Duration,
    /// When silence, outages and the calendar are looked at next; `None` for a link without feeds.
    watch_at: Option<Timestamp>,
    watch_every: Duration,
    /// When a lost upstream has been lost for too long.
    lost_too_long_at: Option<Timestamp>,
    /// For corrupt prices the connection is not rebuilt before.
    rebuild_after: Timestamp,
    told: Trading,
}

impl Link {
    /// The protocol alone, without market data and calendar. `patience`: how long the broker may take over its
    /// inventory, in market time.
    pub fn new(emergency_liquidate_on_disconnect: bool, patience: Duration) -> Self {
        Self {
            socket: State::Down,
            upstream: State::Unknown,
            feeds: Vec::new(),
            watched: Vec::new(),
            plan: None,
            policy: OnDisconnect::of_flag(emergency_liquidate_on_disconnect),
            patience,
            agreed_once: false,
            outage: None,
            liquidating: None,
            flat_done: None,
            halted: None,
            asked_at: None,
            compare_at: None,
            compare_every: patience * COMPARISONS_APART,
            watch_at: None,
            watch_every: watch::every(patience),
            lost_too_long_at: None,
            rebuild_after: Timestamp::MIN,
            told: Trading::Paused,
        }
    }

    /// The whole link of a configuration. `patience` as for [`Link::new`]: it also says how fast market time runs.
    pub fn of(config: &Config, patience: Duration) -> Self {
        let wall_second = watch::wall_second(patience);
        let mut plan = Plan::new(config);
        if config.gateway.is_some() {
            plan.without_login();
        }
        Self {
            feeds: feeds::feeds(config, wall_second),
            watched: feeds::watched(config, wall_second),
            plan: Some(plan),
            policy: config.on_disconnect,
            compare_every: config.orders.compare_every,
            watch_at: Some(Timestamp::MIN),
            ..Self::new(false, patience)
        }
    }

    /// For a backtest: nobody has to log in.
    #[must_use]
    pub fn without_login(mut self) -> Self {
        if let Some(plan) = &mut self.plan {
            plan.without_login();
        }
        self
    }

    pub fn is_up(&self) -> bool {
        self.upstream == State::Agreed
    }

    /// Whether entries in this symbol are allowed by its market data.
    pub fn is_live(&self, symbol: SymbolId) -> bool {
        self.feeds.get(usize::from(symbol.0)).is_some_and(Feed::is_live)
    }

    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        if self.watch_at == Some(Timestamp::MIN) {
            self.watch_at = Some(now + self.watch_every);
            self.look_at_calendar(now, out);
        }
        match input {
            Input::Connected => {
                self.everywhere(now, Event::Connected, "reconciling with the broker", out);
                if sabotage::is(Sabotage::SkipReconciliation) {
                    self.everywhere(now, Event::InventoryAgrees, "sabotage", out);
                }
            }
            Input::Disconnected { cause } => self.everywhere(now, Event::Disconnected, &cause, out),
            Input::Notice { code, text } => self.on_notice(now, code, &text, out),
            Input::Compared(comparison) => self.on_compared(now, comparison, out),
            Input::NoInventory { cause } => {
                self.asked_at = None;
                self.everywhere(now, Event::NoInventory, &cause, out);
            }
            Input::Doubt => self.everywhere(now, Event::Doubt, "an order is in doubt", out),
            Input::NewsLost => self.everywhere(now, Event::NewsLost, "news of orders were lost", out),
            Input::BooksRestarted => self.everywhere(now, Event::BooksRestarted, "the books were rebuilt", out),
            Input::Flat => self.on_flat(out),
            Input::Halt { cause } => {
                self.halted = Some(cause.clone());
                self.tell(&cause, out);
            }
            Input::FeedUp(symbol) => self.at_feed(now, symbol, Event::Subscribed, "subscribed", out),
            Input::FeedDown(symbol) => self.at_feed(now, symbol, Event::StreamEnded, "its stream ended", out),
            Input::Fresh(symbol) => self.on_fresh(now, symbol, out),
            Input::Corrupt { symbol, why } => self.at_feed(now, symbol, Event::Corrupted, &why, out),
            Input::Bar { symbol, length_s } => self.on_bar(now, symbol, length_s, out),
        }
    }

    fn on_notice(&mut self, now: Timestamp, code: i32, text: &str, out: &mut Vec<Output>) {
        match codes::of(code).and_then(|row| row.link) {
            Some(event @ (Event::FarmBroken | Event::FarmNotice)) => self.at_farm(now, event, text, out),
            Some(event) => {
                self.everywhere(now, event, text, out);
                if event == Event::RestoredDataKept && sabotage::is(Sabotage::OpenOn1102) {
                    self.everywhere(now, Event::InventoryAgrees, "sabotage", out);
                }
            }
            None => {}
        }
    }

    fn on_compared(&mut self, now: Timestamp, comparison: Comparison, out: &mut Vec<Output>) {
        self.asked_at = None;
        match comparison {
            Comparison::Agrees => self.everywhere(now, Event::InventoryAgrees, "book and broker agree", out),
            Comparison::Differs(difference) => self.everywhere(now, Event::InventoryDiffers, &difference, out),
            Comparison::Overtaken => {
                self.everywhere(now, Event::InventoryOvertaken, "the inventory was overtaken", out)
            }
            Comparison::Suspect => self.everywhere(now, Event::PositionsSuspect, "positions are looked at again", out),
        }
    }

    fn on_flat(&mut self, out: &mut Vec<Output>) {
        if let Some(Liquidation::BeforeClose(close)) = self.liquidating.take() {
            self.flat_done = Some(close);
        }
        self.tell("positions are closed", out);
    }

    /// Tells what is allowed now, if that is something else than before.
    fn tell(&mut self, cause: &str, out: &mut Vec<Output>) {
        let held = self.plan.as_ref().and_then(Plan::held);
        let agreed = self.upstream == State::Agreed;
        let trading = match self.liquidating {
            Some(_) if agreed => Trading::Liquidating,
            None if agreed && self.halted.is_none() && held.is_none() => Trading::Allowed,
            _ => Trading::Paused,
        };
        if std::mem::replace(&mut self.told, trading) != trading {
            let why = self.halted.as_deref().or(held.filter(|_| agreed));
            let cause = why.filter(|_| trading == Trading::Paused).unwrap_or(cause).to_owned();
            out.push(Output::Trading { trading, cause });
        }
    }

    fn say(severity: Severity, event: &'static str, text: String, out: &mut Vec<Output>) {
        out.push(Output::Told { severity, event, text });
    }

    /// Kept small: it is asked after everything that happens on the trading thread.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let answer = self.asked_at.map(|at| at + self.patience).or(self.compare_at);
        match (answer, self.watch_at) {
            (Some(answer), Some(watch)) => Some(answer.min(watch)),
            (answer, watch) => answer.or(watch),
        }
    }

    pub fn on_deadline(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.asked_at.is_some_and(|at| at + self.patience <= now) {
            self.asked_at = None;
            self.everywhere(now, Event::NoInventory, "the broker did not answer with its inventory", out);
        } else if self.asked_at.is_none() && self.compare_at.is_some_and(|at| at <= now) {
            self.compare_at = None;
            self.everywhere(now, Event::CompareDue, "compared every minute", out);
        }
        if self.watch_at.is_some_and(|at| at <= now) {
            self.watch_at = Some(now + self.watch_every);
            self.watch(now, out);
        }
    }
}
