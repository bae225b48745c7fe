//! The actor that keeps the database up to date. In: time, and a wish to stop. Out: steps of a [`StorageProjector`], log
//! events, a status. Absent: anything that trading waits for: it reads the journal's files, and nobody sends it rows.
//!
//! Events: `storage.opened`, `storage.failed` (each attempt), `storage.recovered`, `storage.lag`, `storage.caught_up`,
//! `storage.drained`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use slog::{Logger, error, info, warn};
use tokio::sync::oneshot;

use super::error::{StoreError, StoreOpenError};
use super::messages::*;
use super::projector::{Progress, StepError, StorageProjector};
use super::{OpenOptions, Store, open};
use crate::journal::ReadError;
use crate::supervisor::Stop;

/// The longest wait between two attempts to reach the database.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// The first wait after a failure; it doubles.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// Longer than any deadline of the supervisor.
const DRAIN_WITHIN: Duration = Duration::from_secs(3_600);
/// More of the journal than this unread is worth a log event: some ten thousand records.
const LAG_BYTES: u64 = 1 << 20;

enum StepFailure {
    Open(StoreOpenError),
    Gone { url: String },
    Step(StepError),
}

impl std::fmt::Display for StepFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StepFailure::Open(e) => e.fmt(f),
            StepFailure::Gone { url } => {
                write!(f, "{url} was removed or replaced while it was open; it is filled again out of the journal")
            }
            StepFailure::Step(e) => e.fmt(f),
        }
    }
}

impl StepFailure {
    /// Whether waiting does not help.
    fn needs_a_person(&self) -> bool {
        match self {
            StepFailure::Open(StoreOpenError::Unreachable { .. }) => false,
            StepFailure::Gone { .. }
            | StepFailure::Step(StepError::Store(StoreError::Refused(_)) | StepError::Entry(_)) => true,
            StepFailure::Step(StepError::Journal(e)) => !matches!(e, ReadError::Io { .. }),
            StepFailure::Open(_) => true,
            StepFailure::Step(StepError::Store(_)) => false,
        }
    }
}

struct Stopping {
    deadline: Instant,
    /// Only a step that begins after this one sees everything that was written before the wish to stop.
    after_step: u64,
    reply: oneshot::Sender<Drained>,
}

pub struct StorageActor {
    settings: StorageSettings,
    log: Logger,
    /// Survives a restart of the actor: connections are no state.
    store: Option<Arc<dyn Store>>,
    projector: Option<StorageProjector>,
    status: StorageStatus,
    failing_since: Option<Instant>,
    lagging: bool,
    /// A step is under way.
    busy: bool,
    /// Number of the step that is under way, or was last.
    steps: u64,
    next: SpawnHandle,
    stopping: Vec<Stopping>,
    stopped: bool,
}

impl StorageActor {
    pub fn new(settings: StorageSettings, log: Logger) -> StorageActor {
        StorageActor {
            settings,
            log,
            store: None,
            projector: None,
            status: StorageStatus::default(),
            failing_since: None,
            lagging: false,
            busy: false,
            steps: 0,
            next: SpawnHandle::default(),
            stopping: Vec::new(),
            stopped: false,
        }
    }

    fn step_after(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        ctx.cancel_future(self.next);
        self.next = ctx.run_later(wait, Self::step);
    }

    fn step(&mut self, ctx: &mut Context<Self>) {
        if self.busy || self.stopped {
            return;
        }
        self.busy = true;
        self.steps += 1;
        let work = work(self.settings.clone(), self.store.clone(), self.projector.take());
        ctx.spawn(work.into_actor(self).map(|(store, projector, done), actor, ctx| {
            actor.busy = false;
            if actor.store.is_none()
                && let Some(store) = &store
            {
                info!(actor.log, "database {} is open", store.url(); "event" => "storage.opened");
            }
            (actor.store, actor.projector) = (store, projector);
            match done {
                Ok(progress) => actor.stepped(progress, ctx),
                Err(e) => actor.failed(&e, ctx),
            }
        }));
    }

    fn stepped(&mut self, progress: Progress, ctx: &mut Context<Self>) {
        self.status.entries += progress.entries as u64;
        self.status.behind_bytes = progress.behind_bytes;
        if let Some(since) = self.failing_since.take() {
            let failures = std::mem::take(&mut self.status.failures);
            self.status.last_error = None;
            info!(self.log, "the database is back after {} s", since.elapsed().as_secs();
                "event" => "storage.recovered", "failures" => failures, "behind_bytes" => progress.behind_bytes);
        }
        self.report_lag(progress.behind_bytes);
        let caught_up = progress.entries == 0;
        let (steps, now) = (self.steps, Instant::now());
        self.answer_stops(true, |stop| caught_up && steps > stop.after_step);
        self.answer_stops(false, |stop| stop.deadline <= now);
        let wait = if caught_up && self.stopping.is_empty() { self.settings.flush_every } else { Duration::ZERO };
        self.step_after(wait, ctx);
    }

    fn failed(&mut self, e: &StepFailure, ctx: &mut Context<Self>) {
        self.status.failures += 1;
        self.failing_since.get_or_insert_with(Instant::now);
        let (failures, text) = (self.status.failures, e.to_string());
        let wait = if self.stopping.is_empty() { backoff(failures) } else { BACKOFF_MIN };
        // The journal holds everything, so a database that is away for a while is no reason to wake anybody.
        if failures == 1 && e.needs_a_person() {
            error!(self.log, "the database does not take the journal: {text}"; "event" => "storage.failed",
                "failures" => failures, "retry_in_ms" => wait.as_millis() as u64);
        } else {
            warn!(self.log, "cannot write to the database: {text}"; "event" => "storage.failed",
                "failures" => failures, "retry_in_ms" => wait.as_millis() as u64);
        }
        self.status.last_error = Some(text);
        let now = Instant::now();
        self.answer_stops(false, |stop| stop.deadline <= now);
        self.step_after(wait, ctx);
    }

    fn report_lag(&mut self, behind_bytes: u64) {
        if !self.lagging && behind_bytes > LAG_BYTES {
            self.lagging = true;
            warn!(self.log, "the database is {behind_bytes} bytes of journal behind"; "event" => "storage.lag",
                "behind_bytes" => behind_bytes);
        } else if self.lagging && behind_bytes <= LAG_BYTES / 2 {
            self.lagging = false;
            info!(self.log, "the database has caught up"; "event" => "storage.caught_up",
                "behind_bytes" => behind_bytes);
        }
    }

    fn answer_stops(&mut self, complete: bool, which: impl Fn(&Stopping) -> bool) {
        let behind_bytes = self.status.behind_bytes;
        for stop in self.stopping.extract_if(.., |stop| which(stop)) {
            self.stopped = true;
            let last_error = self.status.last_error.clone();
            info!(self.log, "storage stopped, {behind_bytes} bytes of the journal's file are not in the database yet";
                "event" => "storage.drained", "complete" => complete, "behind_bytes" => behind_bytes);
            // Whoever asked may have stopped waiting; then nobody needs the answer.
            drop(stop.reply.send(Drained { complete, behind_bytes, last_error }));
        }
    }
}

/// One step, opening the database first if need be. Gives back what it was given, so that a lost answer loses nothing.
async fn work(
    settings: StorageSettings,
    store: Option<Arc<dyn Store>>,
    projector: Option<StorageProjector>,
) -> (Option<Arc<dyn Store>>, Option<StorageProjector>, Result<Progress, StepFailure>) {
    let store = match store {
        Some(store) if store.is_gone() => {
            return (None, None, Err(StepFailure::Gone { url: store.url().to_owned() }));
        }
        Some(store) => store,
        None => {
            let options = OpenOptions { pool_size: settings.pool_size, create: true };
            match open(&settings.database_url, options).await {
                Ok(store) => store,
                Err(e) => return (None, None, Err(StepFailure::Open(e))),
            }
        }
    };
    let mut projector = projector
        .unwrap_or_else(|| StorageProjector::new(store.clone(), &settings.journal_dir, settings.batch_rows_max));
    let done = projector.step().await.map_err(StepFailure::Step);
    (Some(store), Some(projector), done)
}

/// Doubles from [`BACKOFF_MIN`] to [`BACKOFF_MAX`].
fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    BACKOFF_MIN.saturating_mul(1 << doublings).min(BACKOFF_MAX)
}

impl Actor for StorageActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.step_after(Duration::ZERO, ctx);
    }
}

impl Supervised for StorageActor {
    /// The place in the journal is in the database, so everything but the connections is made anew.
    fn restarting(&mut self, _ctx: &mut Self::Context) {
        let (settings, log, store) = (self.settings.clone(), self.log.clone(), self.store.take());
        let stopping = std::mem::take(&mut self.stopping);
        let (stopped, steps) = (self.stopped, self.steps);
        *self = StorageActor { store, stopping, stopped, steps, ..StorageActor::new(settings, log) };
    }
}

impl Handler<StopStorage> for StorageActor {
    type Result = ResponseFuture<Drained>;

    fn handle(&mut self, stop: StopStorage, ctx: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        self.stopped = false;
        self.stopping.push(Stopping { deadline: Instant::now() + stop.within, after_step: self.steps, reply });
        // Answers in time even if the database does not.
        ctx.run_later(stop.within, |actor, _| {
            let now = Instant::now();
            actor.answer_stops(false, |stop| stop.deadline <= now);
        });
        self.step_after(Duration::ZERO, ctx);
        let lost = || Drained { complete: false, behind_bytes: 0, last_error: Some("storage died".to_owned()) };
        Box::pin(async move { answer.await.unwrap_or_else(|_| lost()) })
    }
}

impl Handler<ReadStatus> for StorageActor {
    type Result = StorageStatus;

    fn handle(&mut self, _: ReadStatus, _ctx: &mut Self::Context) -> Self::Result {
        self.status.clone()
    }
}

impl Handler<Stop> for StorageActor {
    type Result = ResponseFuture<()>;

    /// Drains; the deadline is the supervisor's.
    fn handle(&mut self, _: Stop, ctx: &mut Context<Self>) -> Self::Result {
        let draining = ctx.address().send(StopStorage { within: DRAIN_WITHIN });
        Box::pin(async move {
            // No answer means that this actor is gone, which is what was asked for.
            draining.await.ok();
        })
    }
}
