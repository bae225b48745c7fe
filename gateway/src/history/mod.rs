//! What the market has been so far, for requests about the past. In: every event that is played, and the events of the
//! days before. Out: a [`Tape`] for each instrument: ticks, minutes, the running day; `query` makes bars of it.
//! Bounded: the oldest ticks go, their minutes stay much longer. Absent: requests, formats, the wall clock.

pub mod bars;
mod day;
pub mod duration;
pub mod query;
pub mod ring;
pub mod slots;
pub mod tape;

use std::collections::BTreeMap;
use std::fmt;

use engine::market::{FeedEvent, MarketEvent, SymbolId};
use engine::time::Timestamp;

use crate::hours::Hours;
pub use day::View;
pub use tape::Tape;

/// Trades, and as many quotes again, that are kept of each instrument: a busy day of ES, some eighty megabytes.
const TICKS_MAX: usize = 2_000_000;

/// What a gateway knows of the days before its market begins, and how much it remembers.
pub struct History {
    /// Events before the first one that is played, in the order of time; one that is later ends them. They are read when
    /// a client first asks for something that needs them.
    pub earlier: Option<Box<dyn Iterator<Item = FeedEvent> + Send>>,
    /// Trades of each instrument that are kept, and as many quotes; at least some thousands are.
    pub ticks_max: usize,
}

impl Default for History {
    /// Nothing earlier, and a sensible bound.
    fn default() -> Self {
        Self { earlier: None, ticks_max: TICKS_MAX }
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("earlier", &self.earlier.is_some()).field("ticks_max", &self.ticks_max).finish()
    }
}

/// The tapes of all instruments.
pub struct Memory {
    tapes: BTreeMap<SymbolId, Tape>,
    history: History,
    /// Time of the first event that is played; what claims to be earlier is not later than that.
    begin: Timestamp,
}

impl Memory {
    pub fn new(instruments: impl Iterator<Item = (SymbolId, Hours)>, history: History, begin: Timestamp) -> Self {
        let ticks_max = history.ticks_max;
        Self { tapes: instruments.map(|(id, hours)| (id, Tape::new(hours, ticks_max))).collect(), history, begin }
    }

    #[inline]
    pub fn push(&mut self, event: &FeedEvent) {
        push(&mut self.tapes, event);
    }

    /// The tape with everything that is known, the days before included.
    pub fn whole(&mut self, symbol: SymbolId) -> Option<&Tape> {
        self.load();
        self.tapes.get(&symbol)
    }

    /// The tape without a look at the days before if nobody needed them yet.
    pub fn tape(&self, symbol: SymbolId) -> Option<&Tape> {
        self.tapes.get(&symbol)
    }

    fn load(&mut self) {
        let Some(earlier) = self.history.earlier.take() else { return };
        let empty = |(id, tape): (&SymbolId, &Tape)| (*id, Tape::new(tape.hours(), self.history.ticks_max));
        let mut before: BTreeMap<SymbolId, Tape> = self.tapes.iter().map(empty).collect();
        earlier.take_while(|event| event.event.ts() <= self.begin).for_each(|event| push(&mut before, &event));
        for (id, tape) in before {
            let later = self.tapes.remove(&id).expect("the same instruments");
            self.tapes.insert(id, tape.followed_by(later));
        }
    }
}

fn push(tapes: &mut BTreeMap<SymbolId, Tape>, event: &FeedEvent) {
    if let Some(tape) = tapes.get_mut(&event.symbol) {
        match &event.event {
            MarketEvent::Trade(trade) => tape.trade(trade),
            MarketEvent::Quote(quote) => tape.quote(quote),
        }
    }
}
