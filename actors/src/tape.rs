//! The tape of a running session: every input of its cores, in a file beside the journal's segment. In: inputs, from the
//! trading thread. Out: `00000007.tape` beside `00000007.pbj`. Absent: what is on it (`engine::tape`).
//!
//! The trading thread packs inputs into memory and hands over blocks; another thread writes them. A tape that the disk
//! does not keep up with, or that would become too long, ends, and says so: trading goes on, and what is on it until then
//! can be replayed.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use engine::market::{MarketEvent, SymbolId};
use engine::tape::{CoreId, Encoder, Taped};
use engine::time::Timestamp;
use engine::wiring::News;

pub use reader::{ReadError, TapeReader};
use writer::Sink;
pub use writer::{StartError, make_room, start};

/// The tape of a segment.
pub fn file(journal: &Path, segment: u32) -> PathBuf {
    journal.join(format!("{segment:08}.tape"))
}

/// Where inputs are noted; does nothing where nothing is recorded.
pub struct Tape(Option<Running>);

struct Running {
    /// Deliveries to cores that came of the newest input.
    delivered: AtomicU32,
    state: Mutex<State>,
}

struct State {
    encoder: Encoder,
    /// `None` once the tape has ended.
    sink: Option<Sink>,
    /// Below which entry the journal was read when a core was built last.
    read: BTreeMap<CoreId, u64>,
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Tape(on)" } else { "Tape(off)" })
    }
}

impl Tape {
    pub fn off() -> Self {
        Self(None)
    }

    fn to(sink: Sink) -> Self {
        let state = State { encoder: Encoder::default(), sink: Some(sink), read: BTreeMap::new() };
        Self(Some(Running { delivered: AtomicU32::new(0), state: Mutex::new(state) }))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    fn with(&self, work: impl FnOnce(&Running, &mut State)) {
        if let Some(running) = &self.0 {
            let mut state = running.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.sink.is_some() {
                work(running, &mut state);
            }
        }
    }

    /// A tick that was taken, before it is told.
    pub fn tick(&self, at: Timestamp, symbol: SymbolId, event: &MarketEvent) {
        self.with(|_, state| state.encoder.tick(at, symbol, event));
    }

    /// What the broker adapter says, before it is routed.
    pub fn news(&self, at: Timestamp, news: &News) {
        self.with(|running, state| {
            running.delivered.store(0, Ordering::Relaxed);
            match news {
                News::Market { symbol, mark, .. } => state.encoder.market(at, *symbol, *mark),
                // No core hears it.
                News::Told { .. } => {}
                news => state.encoder.put(at, &Taped::News(news.clone())),
            }
        });
    }

    /// Any other input, before it is handled; not made where nothing is recorded.
    pub fn input(&self, at: Timestamp, input: impl FnOnce() -> Taped) {
        self.with(|running, state| {
            running.delivered.store(0, Ordering::Relaxed);
            state.encoder.put(at, &input());
        });
    }

    /// Hands over what is full or old enough. It wakes the thread that writes, so it is for when orders are out.
    pub fn hand_over(&self) {
        self.with(|_, state| state.pass_on(false));
    }

    /// The number of a delivery to a core.
    pub fn delivery(&self) -> u32 {
        self.0.as_ref().map_or(0, |running| running.delivered.fetch_add(1, Ordering::Relaxed))
    }

    /// It went to a mailbox.
    pub fn diverted(&self, at: Timestamp, number: u32) {
        self.with(|_, state| state.encoder.put(at, &Taped::Diverted(number)));
    }

    /// The journal was read for this core.
    pub fn read(&self, core: CoreId, below: u64) {
        self.with(|_, state| {
            state.read.insert(core, below);
        });
    }

    /// A core was built and takes inputs from now on.
    pub fn built(&self, at: Timestamp, core: CoreId) {
        self.with(|running, state| {
            running.delivered.store(0, Ordering::Relaxed);
            let below = state.read.get(&core).copied().unwrap_or(0);
            state.encoder.put(at, &Taped::Built { core, below });
        });
    }

    /// The session is over: what is left is handed over, and the file is closed.
    pub fn end(&self) {
        self.with(|_, state| {
            state.pass_on(true);
            state.sink = None;
        });
    }
}

impl State {
    fn pass_on(&mut self, all: bool) {
        let Some(block) = self.encoder.take(all) else { return };
        let Some(sink) = &mut self.sink else { return };
        if let Err(why) = sink.take(block) {
            sink.end(&why);
            self.sink = None;
        }
    }
}
