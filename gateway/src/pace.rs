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
        play_due(&shared, now);
        let mut longest = flush(&shared);
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

fn play_due(shared: &Shared, now: Timestamp) {
    let mut broker = shared.broker.borrow_mut();
    for _ in 0..STEPS_PER_WRITE {
        if broker.due().is_none_or(|due| due > now) || !broker.play() {
            break;
        }
    }
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
