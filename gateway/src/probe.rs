//! Measures on the wire: when market data was written to the sockets, and when orders were read from them.
//! In: notes of the gateway's thread. Out: a [`WireLog`]. Absent in production: without a probe nothing is noted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use engine::time::Timestamp;

/// One market step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepWritten {
    /// Market time of its first event.
    pub first: Timestamp,
    /// Ticks sent, over all subscribers; steps that send none are not noted.
    pub ticks: u64,
    /// Just before its frames were handed to the socket.
    pub at: Instant,
}

/// What passed, in order.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct WireLog {
    pub steps: Vec<StepWritten>,
    /// For each frame that places or modifies an order: when its bytes had been read from the socket.
    pub orders: Vec<Instant>,
}

#[derive(Debug, Default)]
struct Notes {
    log: WireLog,
    /// Steps that are played and not yet written.
    unwritten: Vec<(Timestamp, u64)>,
}

/// Handed to [`crate::start_probed`]; read from any thread.
#[derive(Clone, Debug, Default)]
pub struct Probe(Arc<Mutex<Notes>>);

impl Probe {
    /// Space is taken at once, so that a measurement allocates nothing.
    pub fn with_capacity(steps: usize, orders: usize) -> Self {
        let log = WireLog { steps: Vec::with_capacity(steps), orders: Vec::with_capacity(orders) };
        Self(Arc::new(Mutex::new(Notes { log, unwritten: Vec::with_capacity(64) })))
    }

    /// Order frames read so far.
    pub fn orders(&self) -> usize {
        self.with(|notes| notes.log.orders.len())
    }

    /// A copy of everything so far.
    pub fn log(&self) -> WireLog {
        self.with(|notes| notes.log.clone())
    }

    pub(crate) fn step_played(&self, first: Timestamp, ticks: u64) {
        if ticks > 0 {
            self.with(|notes| notes.unwritten.push((first, ticks)));
        }
    }

    /// What was played goes to the socket now.
    pub(crate) fn writing(&self) {
        self.with(|notes| {
            let at = Instant::now();
            notes.log.steps.extend(notes.unwritten.drain(..).map(|(first, ticks)| StepWritten { first, ticks, at }));
        });
    }

    pub(crate) fn order_read(&self, at: Instant) {
        self.with(|notes| notes.log.orders.push(at));
    }

    fn with<R>(&self, work: impl FnOnce(&mut Notes) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
