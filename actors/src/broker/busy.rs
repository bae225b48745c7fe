//! Keeps the broker's thread awake between messages, and its code at hand. In: word that something came. Out: a thread
//! that polls its sockets instead of sleeping, and rehearses, until nothing has come for a while. Absent: the messages.
//!
//! A thread that sleeps is woken by the kernel, on a processor that has meanwhile forgotten its code and data: some
//! hundred microseconds from a tick to an order. Polling costs a processor core while the market moves.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::config::Config;
use slog::{Logger, warn};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use super::practice::FindPartner;
use super::rehearsal::{Rehearsal, RehearsalError};
use crate::supervisor::{catch_in, mono_ns};

/// Nothing has come for so long: there is time to rehearse, and again after this much. What comes during a walk waits for
/// a part of it, some fifty microseconds; what comes two milliseconds after one takes some forty longer.
const QUIET_NS: u64 = 150_000;
const REHEARSE_EVERY_NS: u64 = 1_500_000;
/// No walk takes so long, on any machine.
const WALK_MAX: Duration = Duration::from_secs(10);

pub(super) struct BusyPoll {
    shared: Rc<Shared>,
    task: Option<JoinHandle<()>>,
}

struct Shared {
    for_ns: u64,
    /// When something came last, in monotonic nanoseconds.
    heard: Cell<u64>,
    asleep: Cell<bool>,
    woken: Notify,
    log: Logger,
}

impl BusyPoll {
    /// Polls for `span` after each word; zero is never.
    pub fn new(span: Duration, log: Logger) -> Self {
        let for_ns = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let (heard, asleep, woken) = (Cell::new(0), Cell::new(false), Notify::new());
        Self { shared: Rc::new(Shared { for_ns, heard, asleep, woken, log }), task: None }
    }

    /// Called on the thread that is to stay awake, within its runtime.
    pub fn start(&mut self, config: Arc<Config>, find_partner: Option<FindPartner>) {
        if self.shared.for_ns > 0 && self.task.is_none() {
            self.task = Some(actix_rt::spawn(Shared::stay_awake(self.shared.clone(), config, find_partner)));
        }
    }

    /// Something came at `now`, in monotonic nanoseconds.
    pub fn heard(&self, now: u64) {
        self.shared.heard.set(now);
        if self.shared.asleep.take() {
            self.shared.woken.notify_one();
        }
    }
}

impl Drop for BusyPoll {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// When to rehearse: counted from what came last, so that the next thing seldom meets a walk.
#[derive(Default)]
struct Beat {
    heard: u64,
    next: u64,
}

impl Beat {
    /// Whether a walk is due at `now`, something having come last at `heard`. Monotonic nanoseconds.
    fn due(&mut self, now: u64, heard: u64) -> bool {
        if self.heard != heard {
            (self.heard, self.next) = (heard, heard + QUIET_NS);
        }
        let due = now >= self.next;
        if due {
            self.next = now + REHEARSE_EVERY_NS;
        }
        due
    }
}

impl Shared {
    async fn stay_awake(self: Rc<Self>, config: Arc<Config>, find_partner: Option<FindPartner>) {
        let mut rehearsal = self.tried(Rehearsal::open(config, find_partner)).await;
        let mut beat = Beat::default();
        loop {
            self.asleep.set(true);
            self.woken.notified().await;
            loop {
                let now = mono_ns();
                let heard = self.heard.get();
                if now.saturating_sub(heard) > self.for_ns {
                    break;
                }
                if beat.due(now, heard)
                    && let Some(walking) = &mut rehearsal
                    && self.tried(walking.walk()).await.is_none()
                {
                    rehearsal = None;
                }
                // A thread that never rests is protected from whoever is woken on its core: give way by ourselves.
                std::thread::yield_now();
                // Lets the runtime look at the sockets, without waiting, and at whoever is ready.
                yield_now().await;
            }
        }
    }

    /// What comes of it. It is only a help: one that fails is told of, and not tried again.
    async fn tried<T>(&self, work: impl Future<Output = Result<T, RehearsalError>>) -> Option<T> {
        let failed = match timeout(WALK_MAX, catch_in(work)).await {
            Ok(Ok(Ok(done))) => return Some(done),
            Ok(Ok(Err(reason))) => reason.to_string(),
            Ok(Err(panic)) => panic.to_string(),
            Err(_) => format!("it was not done within {WALK_MAX:?}"),
        };
        warn!(self.log, "orders will leave later than they could, nothing rehearses: {failed}"; "event" => "broker.rehearsal");
        None
    }
}

#[cfg(test)]
mod tests {
    use engine::config::raw::{Known, Layer, read};

    use super::*;

    #[test]
    fn walks_are_counted_from_what_came_last() {
        let (mut beat, heard) = (Beat::default(), 10_000_000);
        let first = heard + QUIET_NS;
        assert!(!beat.due(first - 1, heard));
        assert!(beat.due(first, heard));
        assert!(!beat.due(first + REHEARSE_EVERY_NS - 1, heard));
        assert!(beat.due(first + REHEARSE_EVERY_NS, heard));
        // Something came just before the third was due.
        let heard = first + 2 * REHEARSE_EVERY_NS - 1;
        assert!(!beat.due(heard + 1, heard));
        assert!(beat.due(heard + QUIET_NS, heard));
    }

    #[actix::test]
    async fn it_polls_while_something_came_lately_and_sleeps_otherwise() {
        let config = read(&[Layer::embedded_default()], &[], &Known::registered(&[])).expect("it is valid");
        let mut busy = BusyPoll::new(Duration::from_millis(5), Logger::root(slog::Discard, slog::o!()));
        busy.start(Arc::new(config), None);
        yield_now().await;
        assert!(busy.shared.asleep.get(), "nothing has come yet");
        let began = mono_ns();
        busy.heard(began);
        while !busy.shared.asleep.get() {
            yield_now().await;
        }
        assert!(mono_ns() - began >= 5_000_000, "it stayed awake for as long as it was told");
        busy.heard(mono_ns());
        assert!(!busy.shared.asleep.get(), "and is woken again");
    }
}
