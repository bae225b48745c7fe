//! Plays the market by a clock. In: the broker's next due time and a clock of market time. Out: steps, played when due.
//! Absent: answered pacing; there the client's question plays the step.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::time::Timestamp;

use crate::connection::flush;
use crate::server::Shared;

/// Steps between two writes while the market catches up.
const STEPS_PER_WRITE: usize = 64;
/// While catching up, a client's outbox may grow to this before playing waits a little for it.
const BACKLOG_BYTES: usize = 1 << 20;
/// Then playing goes on, and a client that still does not read meets the outbox's bound.
const PATIENCE: u32 = 100;
/// Flooding goes on when no outbox is longer than this.
pub const FLOOD_BYTES: usize = 64 << 10;
const NAP: Duration = Duration::from_millis(1);
const NAP_MAX: Duration = Duration::from_millis(50);

pub async fn play_by_clock(shared: Rc<Shared>, clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) {
    let mut speed = Speed::new(clock());
    loop {
        let due = shared.broker.borrow().due();
        let Some(due) = due else {
            shared.play.notified().await;
            continue;
        };
        let now = clock();
        if due > now {
            tokio::time::sleep(speed.nap(now, due)).await;
            continue;
        }
        let mut longest = play_due(&shared, now);
        for _ in 0..PATIENCE {
            if longest <= BACKLOG_BYTES {
                break;
            }
            tokio::time::sleep(NAP).await;
            longest = flush(&shared);
        }
        tokio::task::yield_now().await;
    }
}

/// Plays one step after another, as long as every client reads.
pub async fn play_flood(shared: Rc<Shared>) {
    loop {
        if shared.broker.borrow().due().is_none() {
            shared.play.notified().await;
            continue;
        }
        let mut longest = play_due(&shared, Timestamp::MAX);
        while longest > FLOOD_BYTES {
            shared.drained.notified().await;
            longest = flush(&shared);
        }
        tokio::task::yield_now().await;
    }
}

/// Plays what is due and writes it. Returns the number of bytes in the longest outbox that is left.
fn play_due(shared: &Shared, now: Timestamp) -> usize {
    for _ in 0..STEPS_PER_WRITE {
        let mut broker = shared.broker.borrow_mut();
        let Some(due) = broker.due().filter(|due| *due <= now) else { break };
        let before = shared.counters.read().ticks_sent;
        if !broker.play(now) {
            break;
        }
        if let Some(probe) = &shared.probe {
            probe.step_played(due, shared.counters.read().ticks_sent - before);
        }
    }
    if let Some(probe) = &shared.probe {
        probe.writing();
    }
    flush(shared)
}

/// How fast market time passes, measured, so that the waits between steps fit.
struct Speed {
    at: Instant,
    market: Timestamp,
    /// Market time per time.
    rate: f64,
}

impl Speed {
    fn new(market: Timestamp) -> Self {
        Self { at: Instant::now(), market, rate: 0.0 }
    }

    fn nap(&mut self, now: Timestamp, due: Timestamp) -> Duration {
        let wall = self.at.elapsed();
        if wall >= NAP_MAX {
            self.rate = now.since(self.market).as_secs_f64() / wall.as_secs_f64();
            (self.at, self.market) = (Instant::now(), now);
        }
        if self.rate <= 0.0 {
            return NAP;
        }
        let wait = due.since(now).as_secs_f64() / self.rate;
        Duration::from_secs_f64(wait.clamp(NAP.as_secs_f64(), NAP_MAX.as_secs_f64()))
    }
}
