//! What a strategy is, and the core around one instance.
//! In: bars, fills, answers. Out: intents. Absent on purpose: orders, the broker, storage, other strategies.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::config::StrategyConfig;
use crate::market::{Bar, Instrument, Price, SymbolId};
use crate::time::Timestamp;
use crate::trade::{Bracket, Fill, Intent, Leg, OrderIntent, OrderKind, Side, StrategyId};

pub mod donchian;
pub mod ma_crossover;
pub mod opening_range;
pub mod registry;
pub mod rsi_reversion;

/// What a strategy may look at while it decides.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    pub now: Timestamp,
    pub instrument: &'a Instrument,
    /// Contracts this strategy holds, negative when short.
    pub position: i64,
}

/// What a strategy decides. Size, bracket and order type come from its configuration.
#[derive(Clone, PartialEq, Debug)]
pub enum Decision {
    /// Be long (`Buy`) or short (`Sell`): an opposite position is closed first.
    Enter { side: Side, reason: String },
    /// Be flat.
    Exit { reason: String },
}

/// One trading idea. Pure: the same bars give the same decisions.
pub trait Strategy: Send {
    /// A bar closed. Called with bars of one symbol and one length, in order.
    fn on_bar(&mut self, bar: &Bar, desk: &Desk<'_>) -> Option<Decision>;
}

#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Bar(Bar),
    Fill(Fill),
    /// The last entry or exit was refused, or ended before it filled completely.
    OrderEnded(Leg),
}

/// Most telling facts of one strategy instance, for health and reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub bars: u64,
    pub signals: u64,
}

/// One strategy instance with its position and what it waits for.
pub struct StrategyCore {
    config: StrategyConfig,
    instrument: Instrument,
    strategy: Box<dyn Strategy>,
    position: i64,
    /// An entry is under way: no second one until it filled or ended.
    entering: bool,
    /// An exit is under way; what to do once flat.
    exiting: bool,
    after_flat: Option<(Side, String)>,
    last_bar: Option<(Timestamp, Price)>,
    /// Fills that the books had when this core was rebuilt and that are still in its mailbox.
    known_fills: BTreeSet<String>,
    tally: Tally,
}

impl std::fmt::Debug for StrategyCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StrategyCore").field("name", &self.config.name).field("position", &self.position).finish()
    }
}

impl StrategyCore {
    pub fn new(config: StrategyConfig, instrument: Instrument, strategy: Box<dyn Strategy>) -> Self {
        Self {
            config,
            instrument,
            strategy,
            position: 0,
            entering: false,
            exiting: false,
            after_flat: None,
            last_bar: None,
            known_fills: BTreeSet::new(),
            tally: Tally::default(),
        }
    }

    pub fn id(&self) -> StrategyId {
        self.config.id
    }

    pub fn symbol(&self) -> SymbolId {
        self.config.symbol
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Sets what the books know, before the first input or after a restart. `known_fills`: execution ids that are in
    /// `position`; should their messages still come, they are not counted again.
    pub fn resume(&mut self, position: i64, known_fills: BTreeSet<String>) {
        self.position = position;
        self.known_fills = known_fills;
    }

    /// Shows a past bar to the strategy without acting on what it says.
    pub fn warm_up(&mut self, bar: &Bar) {
        if self.is_mine(bar) {
            self.decide(bar.end(), bar);
        }
    }

    /// Of its symbol and length, and not seen before.
    fn is_mine(&self, bar: &Bar) -> bool {
        bar.symbol == self.config.symbol
            && bar.length_s == self.config.bar_s
            && self.last_bar.is_none_or(|(at, _)| bar.open_ts > at)
    }

    fn decide(&mut self, now: Timestamp, bar: &Bar) -> Option<Decision> {
        self.last_bar = Some((bar.open_ts, bar.close));
        self.tally.bars += 1;
        let desk = Desk { now, instrument: &self.instrument, position: self.position };
        self.strategy.on_bar(bar, &desk)
    }

    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<OrderIntent>) {
        match input {
            Input::Bar(bar) if self.is_mine(&bar) => {
                if let Some(decision) = self.decide(now, &bar) {
                    self.act(now, decision, out);
                }
            }
            Input::Bar(_) => {}
            Input::Fill(fill) => self.on_fill(now, &fill, out),
            Input::OrderEnded(Leg::Entry) => self.entering = false,
            Input::OrderEnded(Leg::Exit) => {
                self.exiting = false;
                self.after_flat = None;
            }
            Input::OrderEnded(Leg::Stop | Leg::Target) => {}
        }
    }

    fn act(&mut self, now: Timestamp, decision: Decision, out: &mut Vec<OrderIntent>) {
        match decision {
            Decision::Enter { side, reason } => match Side::of_position(self.position) {
                Some(held) if held == side => {}
                Some(_) => {
                    self.after_flat = Some((side, reason.clone()));
                    self.exit(now, reason, out);
                }
                None if !self.entering => self.enter(now, side, reason, out),
                None => {}
            },
            Decision::Exit { reason } => {
                self.after_flat = None;
                if self.entering {
                    self.intend(now, Intent::CancelEntries, reason.clone(), out);
                }
                if self.position != 0 {
                    self.exit(now, reason, out);
                }
            }
        }
    }

    fn exit(&mut self, now: Timestamp, reason: String, out: &mut Vec<OrderIntent>) {
        if !std::mem::replace(&mut self.exiting, true) {
            self.intend(now, Intent::Exit, reason, out);
        }
    }

    fn enter(&mut self, now: Timestamp, side: Side, reason: String, out: &mut Vec<OrderIntent>) {
        let Some((_, reference)) = self.last_bar else { return };
        let ticks = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let bracket = Bracket {
            stop: reference.better_for(side, -ticks(self.config.stop_ticks)),
            target: self.config.target_ticks.map(|n| reference.better_for(side, ticks(n))),
        };
        self.entering = true;
        let quantity = self.config.quantity;
        self.intend(now, Intent::Enter { side, quantity, kind: OrderKind::Market, bracket }, reason, out);
    }

    fn intend(&mut self, at: Timestamp, intent: Intent, reason: String, out: &mut Vec<OrderIntent>) {
        self.tally.signals += 1;
        out.push(OrderIntent { strategy: self.config.id, symbol: self.config.symbol, at, intent, reason });
    }

    fn on_fill(&mut self, now: Timestamp, fill: &Fill, out: &mut Vec<OrderIntent>) {
        if self.known_fills.remove(&fill.exec_id) {
            return;
        }
        self.position += i64::from(fill.side.sign()) * i64::from(fill.quantity);
        match fill.leg {
            Leg::Entry if self.position.unsigned_abs() >= u64::from(self.config.quantity) => self.entering = false,
            Leg::Entry => {}
            Leg::Stop | Leg::Target | Leg::Exit if self.position == 0 => {
                self.exiting = false;
                if let Some((side, reason)) = self.after_flat.take() {
                    self.enter(now, side, reason, out);
                }
            }
            Leg::Stop | Leg::Target | Leg::Exit => {}
        }
    }
}
