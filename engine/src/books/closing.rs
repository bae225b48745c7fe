//! Flat before the close, if that is configured: in the last seconds of a session entries are refused, strategies are told,
//! and what they hold is closed as everything is that must be (`flatten`).
//! In: the time. Out: orders, refusals, news. Absent: other reasons to close.

use std::time::Duration;

use super::{Books, Output};
use crate::config::Config;
use crate::journal::Severity;
use crate::market::SymbolId;
use crate::risk::Breach;
use crate::strategy;
use crate::time::Timestamp;
use crate::time::session::Calendar;
use crate::trade::{Leg, StrategyId};

/// Refuses entries that would have to be closed at once.
pub const RULE: &str = "flatten_before_close";

/// When each symbol's positions have to go.
#[derive(Clone, Debug)]
pub(super) struct Closing {
    before: Option<Duration>,
    of: Vec<Window>,
    strategies: Vec<(StrategyId, SymbolId)>,
}

/// The end of the running session of one symbol, or of the next one.
#[derive(Clone, Copy, Debug)]
struct Window {
    symbol: SymbolId,
    calendar: Calendar,
    from: Timestamp,
    close: Timestamp,
    told: bool,
}

impl Closing {
    pub(super) fn new(config: &Config) -> Self {
        let window = |i: &crate::market::Instrument| Window {
            symbol: i.id,
            calendar: Calendar::of_root(&i.root),
            from: Timestamp::MIN,
            close: Timestamp::MIN,
            told: false,
        };
        Self {
            before: config.orders.flatten_before_close,
            of: config.instruments.iter().map(window).collect(),
            strategies: config.strategies.iter().map(|s| (s.id, s.symbol)).collect(),
        }
    }

    /// Moves on to the next session where one has ended.
    fn turn(&mut self, now: Timestamp) {
        let Some(before) = self.before else { return };
        for window in self.of.iter_mut().filter(|window| now >= window.close) {
            window.close = window.calendar.next_close(now);
            window.from = window.close - before;
            window.told = false;
        }
    }

    fn window(&self, symbol: SymbolId) -> Option<&Window> {
        self.before.and(self.of.iter().find(|window| window.symbol == symbol))
    }
}

impl Books {
    /// When the next window opens: what comes later in it is found once a second.
    pub(super) fn next_closing(&self) -> Option<Timestamp> {
        self.closing.before?;
        self.closing.of.iter().map(|window| window.from).filter(|from| *from > self.now).min()
    }

    /// Called whenever time passes.
    pub(super) fn flatten_before_close(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.closing.before.is_none() {
            return;
        }
        self.closing.turn(now);
        for n in 0..self.closing.of.len() {
            let Window { symbol, from, close, told, .. } = self.closing.of[n];
            if now < from {
                continue;
            }
            if !told {
                self.closing.of[n].told = true;
                self.tell_closing(symbol, close, out);
            }
            let held = self.state.portfolio.held().filter(|(_, y, _)| *y == symbol).map(|(s, ..)| s);
            let entering = |o: &&crate::orders::working::Order| o.ticket.leg == Leg::Entry && o.ticket.symbol == symbol;
            let entering = self.state.orders.live().filter(entering).map(|o| o.ticket.strategy);
            let ours: std::collections::BTreeSet<StrategyId> = held.chain(entering).collect();
            for strategy in ours {
                self.start_climb(now, (strategy, symbol), "the session closes", out);
            }
        }
    }

    fn tell_closing(&self, symbol: SymbolId, close: Timestamp, out: &mut Vec<Output>) {
        let text =
            format!("{} closes at {close}: no entries until then, and no positions over it", self.name_of(symbol));
        out.push(Self::system(Severity::Info, "session.closing", text));
        for &(strategy, _) in self.closing.strategies.iter().filter(|(_, of)| *of == symbol) {
            out.push(Output::Strategy(strategy, strategy::Input::Closing { until: close }));
        }
    }

    /// Whether an entry comes too late for its session.
    pub(super) fn closing_breach(&self, now: Timestamp, symbol: SymbolId) -> Option<Breach> {
        let window = self.closing.window(symbol).filter(|window| (window.from..window.close).contains(&now))?;
        let before = self.closing.before.unwrap_or_default();
        let value = format!("{} s to the close", window.close.since(now).as_secs());
        Some(Breach { rule: RULE, value, limit: format!("more than {} s", before.as_secs()) })
    }
}
