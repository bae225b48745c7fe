//! What a strategy is, and the core around one instance.
//! In: bars, fills, answers. Out: intents. Absent on purpose: orders, the broker, storage, other strategies.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::config::StrategyConfig;
use crate::market::{Bar, Instrument, Price, SymbolId};
use crate::time::Timestamp;
use crate::trade::{Bracket, Fill, Intent, Leg, OrderIntent, OrderKind, Side, StrategyId, TimeInForce};

pub mod donchian;
pub mod ma_crossover;
pub mod opening_range;
pub mod registry;
pub mod rsi_reversion;
pub mod scheduled;

/// What a strategy may look at while it decides.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    pub now: Timestamp,
    pub instrument: &'a Instrument,
    /// Contracts this strategy holds, negative when short.
    pub position: i64,
    /// Close of its newest bar; `None` before the first.
    pub close: Option<Price>,
    /// Somebody reads why it decides.
    pub explained: bool,
}

impl Desk<'_> {
    /// The words for a decision; empty, and not made, where nobody reads them.
    pub fn reason(&self, words: impl FnOnce() -> String) -> String {
        if self.explained { words() } else { String::new() }
    }
}

/// What a strategy decides. Size, bracket and order type come from its configuration.
#[derive(Clone, PartialEq, Debug)]
pub enum Decision {
    /// Be long (`Buy`) or short (`Sell`): an opposite position is closed first.
    Enter { side: Side, reason: String },
    /// Be flat.
    Exit { reason: String },
    /// One order as it stands, whatever is held. Only a backtest that allows unprotected entries takes it.
    Order { side: Side, quantity: u32, kind: OrderKind, tif: TimeInForce, reason: String },
    /// Withdraw what has not filled.
    Cancel { reason: String },
}

/// One trading idea. Pure: the same bars give the same decisions.
pub trait Strategy: Send {
    /// A bar closed. Called with bars of one symbol and one length, in order.
    fn on_bar(&mut self, bar: &Bar, desk: &Desk<'_>) -> Option<Decision>;

    /// The first instant after `at` at which it wants to be woken, bars or not.
    fn wake_after(&self, _at: Timestamp) -> Option<Timestamp> {
        None
    }

    /// It is woken for the instant `due` that it asked for; `desk.now` is later when nobody could wake it before.
    /// Instants that passed meanwhile are not caught up.
    fn on_wake(&mut self, _due: Timestamp, _desk: &Desk<'_>) -> Vec<Decision> {
        Vec::new()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    Bar(Bar),
    Fill(Fill),
    /// The last entry or exit was refused, or ended before it filled completely.
    OrderEnded(Leg),
    /// The broker corrected or took back an execution: the position is this, in contracts, negative when short.
    Position(i64),
    /// The entry that was asked for is for so many contracts, if it is let through.
    Sized {
        quantity: u32,
    },
    /// The session closes: positions are being closed, and entries are refused until then.
    Closing {
        until: Timestamp,
    },
}

impl<S: Strategy + ?Sized> Strategy for Box<S> {
    fn on_bar(&mut self, bar: &Bar, desk: &Desk<'_>) -> Option<Decision> {
        (**self).on_bar(bar, desk)
    }

    fn wake_after(&self, at: Timestamp) -> Option<Timestamp> {
        (**self).wake_after(at)
    }

    fn on_wake(&mut self, due: Timestamp, desk: &Desk<'_>) -> Vec<Decision> {
        (**self).on_wake(due, desk)
    }
}

/// Most telling facts of one strategy instance, for health and reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub bars: u64,
    pub signals: u64,
}

/// One strategy instance with its position and what it waits for. `S` is any strategy; one that is known when the program
/// is compiled is called without a detour.
pub struct StrategyCore<S = Box<dyn Strategy>> {
    config: StrategyConfig,
    instrument: Instrument,
    strategy: S,
    position: i64,
    /// An entry is under way: no second one until it filled or ended.
    entering: bool,
    /// Contracts with which it is complete.
    entry_quantity: u32,
    /// An exit is under way; what to do once flat.
    exiting: bool,
    after_flat: Option<(Side, String)>,
    /// No entries before this.
    closed_until: Option<Timestamp>,
    last_bar: Option<(Timestamp, Price)>,
    /// When it wants to be woken; known once it has been told a time.
    wake_at: Option<Timestamp>,
    began: bool,
    /// Fills that the books had when this core was rebuilt and that are still in its mailbox.
    known_fills: BTreeSet<String>,
    tally: Tally,
    explained: bool,
}

impl<S> std::fmt::Debug for StrategyCore<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StrategyCore").field("name", &self.config.name).field("position", &self.position).finish()
    }
}

impl StrategyCore {
    pub fn new(config: StrategyConfig, instrument: Instrument, strategy: Box<dyn Strategy>) -> Self {
        Self::of(config, instrument, strategy)
    }
}

impl<S: Strategy> StrategyCore<S> {
    pub fn of(config: StrategyConfig, instrument: Instrument, strategy: S) -> Self {
        let entry_quantity = config.quantity;
        Self {
            config,
            instrument,
            strategy,
            position: 0,
            entering: false,
            entry_quantity,
            exiting: false,
            after_flat: None,
            closed_until: None,
            last_bar: None,
            wake_at: None,
            began: false,
            known_fills: BTreeSet::new(),
            tally: Tally::default(),
            explained: true,
        }
    }

    /// Nobody reads why it decides: reasons stay empty.
    pub fn unexplained(mut self) -> Self {
        self.explained = false;
        self
    }

    /// The same core around what `wrap` makes of its strategy; before its first input.
    pub fn wrapped<T: Strategy>(self, wrap: impl FnOnce(S) -> T) -> StrategyCore<T> {
        StrategyCore {
            strategy: wrap(self.strategy),
            config: self.config,
            instrument: self.instrument,
            position: self.position,
            entering: self.entering,
            entry_quantity: self.entry_quantity,
            exiting: self.exiting,
            after_flat: self.after_flat,
            closed_until: self.closed_until,
            last_bar: self.last_bar,
            wake_at: self.wake_at,
            began: self.began,
            known_fills: self.known_fills,
            tally: self.tally,
            explained: self.explained,
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

    /// The strategy lives from `now` on: what it is to be woken for lies after this. Also called by its first input.
    #[inline]
    pub fn begin(&mut self, now: Timestamp) {
        if !std::mem::replace(&mut self.began, true) {
            self.wake_at = self.strategy.wake_after(now);
        }
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.wake_at
    }

    /// Wakes the strategy if its time has come.
    pub fn on_deadline(&mut self, now: Timestamp, out: &mut Vec<OrderIntent>) {
        let Some(due) = self.wake_at.filter(|at| *at <= now) else { return };
        let close = self.last_bar.map(|(_, close)| close);
        let desk =
            Desk { now, instrument: &self.instrument, position: self.position, close, explained: self.explained };
        let decisions = self.strategy.on_wake(due, &desk);
        self.wake_at = self.strategy.wake_after(now);
        decisions.into_iter().for_each(|decision| self.act(now, decision, out));
    }

    /// Shows a past bar to the strategy without acting on what it says.
    pub fn warm_up(&mut self, bar: &Bar) {
        if self.is_mine(bar) {
            self.decide(bar.end(), bar);
        }
    }

    /// Of its symbol and length, and not seen before.
    #[inline]
    fn is_mine(&self, bar: &Bar) -> bool {
        bar.symbol == self.config.symbol
            && bar.length_s == self.config.bar_s
            && self.last_bar.is_none_or(|(at, _)| bar.open_ts > at)
    }

    #[inline]
    fn decide(&mut self, now: Timestamp, bar: &Bar) -> Option<Decision> {
        self.last_bar = Some((bar.open_ts, bar.close));
        self.tally.bars += 1;
        let close = Some(bar.close);
        let desk =
            Desk { now, instrument: &self.instrument, position: self.position, close, explained: self.explained };
        self.strategy.on_bar(bar, &desk)
    }

    /// As [`Input::Bar`], without the envelope.
    #[inline]
    pub fn on_bar(&mut self, now: Timestamp, bar: &Bar, out: &mut Vec<OrderIntent>) {
        self.begin(now);
        if self.is_mine(bar)
            && let Some(decision) = self.decide(now, bar)
        {
            self.act(now, decision, out);
        }
    }

    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<OrderIntent>) {
        self.begin(now);
        match input {
            Input::Bar(bar) => self.on_bar(now, &bar, out),
            Input::Fill(fill) => self.on_fill(now, &fill, out),
            Input::Sized { quantity } => self.entry_quantity = quantity,
            Input::Closing { until } => {
                self.closed_until = Some(until);
                self.after_flat = None;
            }
            Input::OrderEnded(Leg::Entry) => self.entering = false,
            Input::OrderEnded(Leg::Exit) => {
                self.exiting = false;
                self.after_flat = None;
            }
            Input::OrderEnded(_) => {}
            Input::Position(position) => self.position = position,
        }
    }

    #[inline(never)]
    fn act(&mut self, now: Timestamp, decision: Decision, out: &mut Vec<OrderIntent>) {
        match decision {
            Decision::Enter { .. } if self.closed_until.is_some_and(|until| now < until) => {}
            Decision::Enter { side, reason } => match Side::of_position(self.position) {
                Some(held) if held == side => {}
                // Nothing rests that an opposite order could leave behind: one order turns around.
                Some(_) if self.config.stop_ticks.is_none() && !self.entering => {
                    let held = u32::try_from(self.position.unsigned_abs()).unwrap_or(u32::MAX);
                    self.enter_bare(now, side, held.saturating_add(self.config.quantity), reason, out);
                }
                Some(_) if self.config.stop_ticks.is_none() => {}
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
            Decision::Order { side, quantity, kind, tif, reason } => {
                self.intend(now, Intent::Order { side, quantity, kind, tif, bracket: None }, reason, out);
            }
            Decision::Cancel { reason } => self.intend(now, Intent::CancelEntries, reason, out),
        }
    }

    fn exit(&mut self, now: Timestamp, reason: String, out: &mut Vec<OrderIntent>) {
        if !std::mem::replace(&mut self.exiting, true) {
            self.intend(now, Intent::Exit, reason, out);
        }
    }

    fn enter(&mut self, now: Timestamp, side: Side, reason: String, out: &mut Vec<OrderIntent>) {
        let Some((_, reference)) = self.last_bar else { return };
        let Some(stop_ticks) = self.config.stop_ticks else {
            return self.enter_bare(now, side, self.config.quantity, reason, out);
        };
        let ticks = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let bracket = Bracket {
            stop: reference.better_for(side, -ticks(stop_ticks)),
            target: self.config.target_ticks.map(|n| reference.better_for(side, ticks(n))),
        };
        self.entering = true;
        let quantity = self.config.quantity;
        self.entry_quantity = quantity;
        self.intend(now, Intent::Enter { side, quantity, kind: OrderKind::Market, bracket }, reason, out);
    }

    fn enter_bare(&mut self, now: Timestamp, side: Side, quantity: u32, reason: String, out: &mut Vec<OrderIntent>) {
        self.entering = true;
        let (kind, tif) = (OrderKind::Market, TimeInForce::GoodTillCancelled);
        self.intend(now, Intent::Order { side, quantity, kind, tif, bracket: None }, reason, out);
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
            Leg::Entry if self.position.unsigned_abs() >= u64::from(self.entry_quantity) => self.entering = false,
            Leg::Entry => {}
            Leg::Stop | Leg::Target | Leg::Exit if self.position == 0 => {
                self.exiting = false;
                if let Some((side, reason)) = self.after_flat.take() {
                    self.enter(now, side, reason, out);
                }
            }
            Leg::Stop | Leg::Target | Leg::Exit => {}
            // Somebody else closed it: whatever was to come after the exit is not wanted any more.
            Leg::Foreign | Leg::Manual | Leg::Liquidation | Leg::Accepted | Leg::Settlement => {
                self.after_flat = None;
                if self.position == 0 {
                    (self.entering, self.exiting) = (false, false);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::config::raw::{Known, Layer, read};
    use crate::market::Quality;
    use crate::trade::ClientOrderId;

    /// Says what it was told to say.
    struct Script(VecDeque<Option<Decision>>);

    impl Strategy for Script {
        fn on_bar(&mut self, _: &Bar, _: &Desk<'_>) -> Option<Decision> {
            self.0.pop_front().flatten()
        }
    }

    struct Stage {
        core: StrategyCore,
        bars: i64,
        fills: u32,
    }

    const NOW: Timestamp = Timestamp::from_secs(1_718_200_800);

    impl Stage {
        /// A strategy that may have five contracts and wants to be long at each bar.
        fn always_long() -> Self {
            let config =
                read(&[Layer::embedded_default()], &[], &Known::registered(&[])).expect("the default is valid");
            let long = Decision::Enter { side: Side::Buy, reason: "script".to_owned() };
            let script = Script(std::iter::repeat_n(Some(long), 10).collect());
            let strategy = StrategyConfig { quantity: 5, ..config.strategies[0].clone() };
            let core = StrategyCore::new(strategy, config.instruments[0].clone(), Box::new(script));
            Self { core, bars: 0, fills: 0 }
        }

        fn tell(&mut self, input: Input) -> Vec<Intent> {
            let mut out = Vec::new();
            self.core.handle(NOW, input, &mut out);
            out.into_iter().map(|intent| intent.intent).collect()
        }

        fn bar(&mut self) -> Vec<Intent> {
            self.bars += 1;
            let price = Price(20_000);
            self.tell(Input::Bar(Bar {
                symbol: SymbolId(0),
                open_ts: Timestamp::from_secs(NOW.secs() + 60 * self.bars),
                length_s: 60,
                open: price,
                high: price,
                low: price,
                close: price,
                volume: 1,
                trades: 1,
                quality: Quality::Complete,
            }))
        }

        fn fill(&mut self, leg: Leg, side: Side, quantity: u32) -> Vec<Intent> {
            self.fills += 1;
            self.tell(Input::Fill(Fill {
                exec_id: format!("e{}", self.fills),
                order: ClientOrderId(1),
                strategy: StrategyId(0),
                symbol: SymbolId(0),
                leg,
                side,
                quantity,
                price: Price(20_000),
                at: NOW,
            }))
        }
    }

    #[test]
    fn an_entry_of_fewer_contracts_than_the_most_is_complete_when_those_filled() {
        let mut stage = Stage::always_long();
        assert!(matches!(stage.bar()[..], [Intent::Enter { quantity: 5, .. }]), "it asks for its most");
        stage.tell(Input::Sized { quantity: 2 });
        stage.fill(Leg::Entry, Side::Buy, 1);
        assert_eq!(stage.bar(), [], "one of two is there, the other under way");
        stage.fill(Leg::Entry, Side::Buy, 1);
        stage.fill(Leg::Stop, Side::Sell, 2);
        assert!(matches!(stage.bar()[..], [Intent::Enter { quantity: 5, .. }]), "flat again, and nothing under way");
    }

    #[test]
    fn the_size_of_one_entry_is_forgotten_with_the_next() {
        let mut stage = Stage::always_long();
        stage.bar();
        stage.tell(Input::Sized { quantity: 1 });
        stage.tell(Input::OrderEnded(Leg::Entry));
        assert_eq!(stage.bar().len(), 1);
        stage.fill(Leg::Entry, Side::Buy, 1);
        stage.fill(Leg::Stop, Side::Sell, 1);
        assert_eq!(stage.bar(), [], "four of five are still under way");
    }
}
