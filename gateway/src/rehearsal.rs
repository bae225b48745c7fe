//! What a gateway is told about faults at its start, and what its owner may do about them while it runs. In: scripts,
//! faults, limits. Out: they are in force; transcripts. Absent: how a fault works.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use engine::time::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::broker::Broker;
use crate::connection::flush;
use crate::control::ControlOptions;
use crate::faults::limits::Limiter;
use crate::faults::{Fault, FaultError, FaultId, Limits};
use crate::options::Pacing;
use crate::script::Script;
use crate::server::{Gateway, Shared};
use crate::transcript::{Transcript, TranscriptEntry};

/// How often time is looked at while something waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Everything optional about a gateway that is there to go wrong. The default does nothing.
#[derive(Default)]
pub struct Rehearsal {
    pub script: Script,
    /// Of what faults leave to chance.
    pub seed: u64,
    pub limits: Limits,
    /// Messages that are kept; 0: none.
    pub transcript_entries: usize,
    pub control: Option<ControlOptions>,
}

/// The gateway's clocks as faults use them.
pub(crate) struct Clocks {
    /// Never stands still.
    running: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Added to the market's clock, in nanoseconds.
    offset: Arc<AtomicI64>,
}

impl Clocks {
    /// Faults of connections end by the market's clock if it has one, otherwise by the machine's: a market that stands
    /// still until somebody asks would keep its clients out for good. And the market's clock can be moved forward.
    pub(crate) fn of(pace: &mut Pacing) -> Clocks {
        let offset: Arc<AtomicI64> = Arc::default();
        let added = offset.clone();
        let running: Arc<dyn Fn() -> Timestamp + Send + Sync> = match pace {
            Pacing::Clock(clock) => {
                let clock = clock.clone();
                let moved: Arc<dyn Fn() -> Timestamp + Send + Sync> = Arc::new(move || {
                    Timestamp::from_nanos(clock().nanos().saturating_add(added.load(Ordering::Acquire)))
                });
                *pace = Pacing::Clock(moved.clone());
                moved
            }
            Pacing::Answered | Pacing::Flood => {
                let began = Instant::now();
                Arc::new(move || Timestamp::default() + began.elapsed())
            }
        };
        Clocks { running, offset }
    }
}

impl Broker {
    /// Takes what the rehearsal says; `address` is where the gateway listens.
    pub(crate) fn rehearse(&mut self, rehearsal: Rehearsal, clocks: Clocks, address: Option<SocketAddr>) {
        let now = self.now();
        let Rehearsal { script, seed, limits, transcript_entries, control: _ } = rehearsal;
        self.faults.timeline.add(script, now);
        self.faults.chance = ChaCha8Rng::seed_from_u64(seed);
        self.faults.limiter = Limiter::new(limits);
        self.faults.transcript = Transcript::new(transcript_entries);
        self.faults.door.address = address;
        self.faults.clock = clocks.running;
        self.faults.clock_offset = clocks.offset;
    }

    /// Adds a script whose time 0 is now.
    pub(crate) fn add_script(&mut self, script: Script) {
        let now = self.now();
        self.faults.timeline.add(script, now);
        self.faults.wake.notify_one();
        self.settle();
    }

    /// Moves market time forward; returns until when steps are to be played, which with a clock happens soon after: see
    /// [`Broker::is_played`]. The error says why the market does not move; nothing has happened then.
    pub(crate) fn advance(&mut self, by: Duration) -> Result<Timestamp, &'static str> {
        if self.waits() {
            return Err("the market waits for the first subscription to ticks, quotes or bars");
        }
        let until = if self.moves_by_clock() {
            let nanos = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
            self.faults.clock_offset.fetch_add(nanos, Ordering::AcqRel);
            (self.faults.clock)()
        } else {
            if self.due().is_none() {
                return Err("the market is over");
            }
            let until = self.now() + by;
            while self.due().is_some_and(|due| due <= until) && self.play(until) {}
            until
        };
        self.settle();
        Ok(until)
    }

    /// Every step and timer up to `until` has been played.
    pub(crate) fn is_played(&self, until: Timestamp) -> bool {
        self.due().is_none_or(|due| due > until)
    }
}

/// Moves market time forward and waits until the steps up to there have been played; returns what it is then.
pub(crate) async fn advance(shared: &Shared, by: Duration) -> Result<Timestamp, &'static str> {
    let until = shared.broker.borrow_mut().advance(by)?;
    shared.play.notify_one();
    while !shared.broker.borrow().is_played(until) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    flush(shared);
    Ok(shared.broker.borrow().now())
}

/// Lets faults end, and what they held back go on, when nothing else happens.
pub(crate) async fn pass_time(shared: Rc<Shared>) {
    let wake = shared.broker.borrow().faults.wake.clone();
    let mut was_open = true;
    loop {
        flush(&shared);
        let (timed, is_open, moves) = {
            let broker = shared.broker.borrow();
            (broker.faults.is_timed(), broker.is_port_open(), broker.faults.door.next.is_some())
        };
        if is_open != was_open || moves {
            was_open = is_open;
            shared.door.notify_one();
        }
        if timed {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = wake.notified() => {}
            }
        } else {
            wake.notified().await;
        }
    }
}

impl Gateway {
    /// Begins a fault now. The error names everything that is wrong with it; nothing has happened then.
    ///
    /// # Panics
    /// If the gateway's thread has panicked; so do the others here.
    pub fn inject(&self, fault: Fault) -> Result<FaultId, FaultError> {
        self.intervene(move |broker| broker.inject(&fault))
    }

    /// Ends a fault before its time; `false` if it is not in force.
    pub fn clear(&self, id: FaultId) -> bool {
        self.intervene(move |broker| broker.clear_fault(id))
    }

    /// Plays a script from now on: its time 0 is the market's present.
    pub fn play_script(&self, script: Script) {
        self.intervene(move |broker| broker.add_script(script));
    }

    /// Messages in and out from `since` on, oldest first, as far as they are kept; of one client, or of all.
    pub fn transcript(&self, since: u64, client: Option<i32>) -> Vec<TranscriptEntry> {
        self.intervene(move |broker| broker.faults.transcript.entries(since, client, usize::MAX))
    }

    /// Moves market time forward, waits until the steps up to there have been played, and returns what it is then. A
    /// market that is over or waits for its first subscription stays where it is.
    ///
    /// # Panics
    /// If the gateway's thread has panicked.
    pub fn advance(&self, by: Duration) -> Timestamp {
        if let Ok(until) = self.intervene(move |broker| broker.advance(by)) {
            while !self.intervene(move |broker| broker.is_played(until)) {
                std::thread::sleep(LOOK_EVERY);
            }
        }
        self.intervene(|broker| broker.now())
    }
}
