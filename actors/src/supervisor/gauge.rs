//! What one actor is doing, in atomics: written by its senders and its thread, read by anybody.
//! In: messages sent and taken, polls. Out: [`ActorHealth`]. Absent: locks, allocation, reading it as a decision.
//!
//! The depth of a mailbox is `sent - taken`. Senders count through [`super::Port`]. The actor counts in two ways:
//! each completed round over its mailbox proves that whatever was queued before it has been taken (so the count
//! heals after a panic that ate a message), and a handler may say so earlier with [`Gauge::on_handled`].

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::time::Duration;

use super::clock::mono_ns;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ActorState {
    /// Being built, or rebuilt: `started` or what it waits for is not done.
    Starting,
    Running,
    /// Failed, and waiting to be rebuilt; messages queue up.
    BackingOff,
    /// Failed for good; the mailbox is closed.
    GivenUp,
    /// Ended in order; the mailbox is closed.
    Stopped,
}

impl ActorState {
    pub fn is_over(self) -> bool {
        matches!(self, ActorState::GivenUp | ActorState::Stopped)
    }

    pub fn name(self) -> &'static str {
        match self {
            ActorState::Starting => "starting",
            ActorState::Running => "running",
            ActorState::BackingOff => "backing_off",
            ActorState::GivenUp => "given_up",
            ActorState::Stopped => "stopped",
        }
    }

    fn from_code(code: u64) -> Self {
        [Self::Starting, Self::Running, Self::BackingOff, Self::GivenUp, Self::Stopped][code as usize]
    }
}

impl fmt::Display for ActorState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Written by senders; in a cache line of its own, so that they do not slow the actor's thread.
#[derive(Default)]
#[repr(align(64))]
struct Sending {
    /// Counted before the message enters the mailbox.
    sent: AtomicU64,
    /// Counted after it has.
    pushed: AtomicU64,
    queued_max: AtomicU64,
    overflow: AtomicU64,
    refused: AtomicU64,
    closed: AtomicU64,
}

/// Written by the actor's thread. Instants are [`mono_ns`], 0 for never.
#[derive(Default)]
#[repr(align(64))]
struct Taking {
    taken: AtomicU64,
    /// Inputs handled outside the mailbox.
    on_floor: AtomicU64,
    busy_ns: AtomicU64,
    handler_ns_max: AtomicU64,
    /// 0 while the actor is not being polled.
    poll_began: AtomicU64,
    last_alive: AtomicU64,
    last_open: AtomicU64,
    restarts: AtomicU64,
    state: AtomicU64,
}

thread_local! {
    /// Time that actors of this thread worked while another one was polled, since that poll began.
    static LENT_NS: Cell<u64> = const { Cell::new(0) };
}

/// One for each actor, for the whole life of the process.
pub struct Gauge {
    name: Arc<str>,
    kind: Arc<str>,
    thread: Arc<str>,
    capacity: u64,
    sending: Sending,
    taking: Taking,
}

impl Gauge {
    /// `capacity` in messages; `thread` is the arbiter's name.
    pub fn new(name: &str, kind: &str, thread: &str, capacity: usize) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            thread: thread.into(),
            capacity: capacity as u64,
            sending: Sending::default(),
            taking: Taking::default(),
        }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub fn kind(&self) -> &Arc<str> {
        &self.kind
    }

    pub fn thread(&self) -> &Arc<str> {
        &self.thread
    }

    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Messages sent through ports and not yet taken.
    pub fn queued(&self) -> u64 {
        let taken = self.taking.taken.load(Acquire);
        self.sending.sent.load(Acquire).saturating_sub(taken)
    }

    pub fn state(&self) -> ActorState {
        ActorState::from_code(self.taking.state.load(Acquire))
    }

    pub fn restarts(&self) -> u64 {
        self.taking.restarts.load(Relaxed)
    }

    /// Messages that arrived at or above the capacity and were queued all the same.
    pub fn overflow(&self) -> u64 {
        self.sending.overflow.load(Relaxed)
    }

    /// Messages that `Port::offer` handed back because the mailbox was full.
    pub fn refused(&self) -> u64 {
        self.sending.refused.load(Relaxed)
    }

    /// Messages that found the mailbox closed: the actor is given up or stopped.
    pub fn closed(&self) -> u64 {
        self.sending.closed.load(Relaxed)
    }

    /// Said by a handler when it has handled `n` messages that came through a [`super::Port`], `started` being
    /// [`mono_ns`] at its beginning. Worth its two clock reads where senders are on another thread: without it the depth
    /// falls only when the mailbox is empty. Panicking before this call is harmless.
    pub fn on_handled(&self, started: u64, n: u64) {
        self.taking.taken.fetch_add(n, AcqRel);
        let took = mono_ns().saturating_sub(started);
        if took > self.taking.handler_ns_max.load(Relaxed) {
            self.taking.handler_ns_max.store(took, Relaxed);
        }
    }

    /// The actor handled one input outside its mailbox, in `took` nanoseconds, while another actor of its thread was
    /// being polled.
    pub(crate) fn on_floor(&self, took: u64) {
        let taking = &self.taking;
        LENT_NS.set(LENT_NS.get() + took);
        // One writer: loads and stores do, and cost less than additions that others could interrupt.
        taking.on_floor.store(taking.on_floor.load(Relaxed) + 1, Relaxed);
        taking.busy_ns.store(taking.busy_ns.load(Relaxed) + took, Relaxed);
        if took > taking.handler_ns_max.load(Relaxed) {
            taking.handler_ns_max.store(took, Relaxed);
        }
    }

    /// One message is about to be queued. The depth with it.
    pub(crate) fn enter(&self) -> u64 {
        let sent = self.sending.sent.fetch_add(1, AcqRel) + 1;
        sent.saturating_sub(self.taking.taken.load(Acquire))
    }

    /// The message that entered is queued, the mailbox being `depth` deep.
    pub(crate) fn pushed(&self, depth: u64) {
        self.sending.pushed.fetch_add(1, Release);
        // Nearly always false, and a load is cheaper than a read-modify-write.
        if depth > self.sending.queued_max.load(Relaxed) {
            self.sending.queued_max.fetch_max(depth, Relaxed);
        }
    }

    pub(crate) fn over_capacity(&self) {
        self.sending.overflow.fetch_add(1, Relaxed);
    }

    /// The message that entered was handed back: the mailbox is full.
    pub(crate) fn refuse(&self) {
        self.sending.sent.fetch_sub(1, AcqRel);
        self.sending.refused.fetch_add(1, Relaxed);
    }

    /// The message that entered found nobody.
    pub(crate) fn found_closed(&self) {
        self.sending.sent.fetch_sub(1, AcqRel);
        self.sending.closed.fetch_add(1, Relaxed);
    }

    /// Begins a poll. Answers how many messages are in the mailbox for certain, counted from the first ever.
    pub(crate) fn poll_begins(&self, now: u64) -> u64 {
        self.taking.poll_began.store(now, Release);
        self.sending.pushed.load(Acquire)
    }

    /// Ends a poll. What others did meanwhile is theirs.
    pub(crate) fn poll_ends(&self, began: u64, now: u64) {
        self.taking.poll_began.store(0, Release);
        let own = now.saturating_sub(began).saturating_sub(LENT_NS.take());
        let busy = self.taking.busy_ns.load(Relaxed) + own;
        self.taking.busy_ns.store(busy, Relaxed);
        self.taking.last_alive.store(now, Release);
    }

    /// The mailbox was emptied by a poll that began with `pushed_before`: everything pushed by then is taken, and
    /// nothing that was not sent can be. Corrects a handler that said too little (a panic) or too much.
    pub(crate) fn emptied(&self, pushed_before: u64, now: u64) {
        let taken = self.taking.taken.load(Acquire);
        let sent = self.sending.sent.load(Acquire);
        let proven = taken.clamp(pushed_before.min(sent), sent);
        if proven != taken {
            self.taking.taken.store(proven, Release);
        }
        self.taking.last_open.store(now, Release);
    }

    /// The mailbox is closed and what was in it is lost.
    pub(crate) fn abandoned(&self) -> u64 {
        let lost = self.queued();
        self.taking.taken.store(self.sending.sent.load(Acquire), Release);
        lost
    }

    pub(crate) fn alive(&self, now: u64) {
        self.taking.last_alive.store(now, Release);
    }

    pub(crate) fn set_state(&self, state: ActorState) {
        self.taking.state.store(state as u64, Release);
    }

    pub(crate) fn restarted(&self) {
        self.taking.restarts.fetch_add(1, Relaxed);
    }

    pub(crate) fn last_alive(&self) -> u64 {
        self.taking.last_alive.load(Acquire)
    }

    /// When its mailbox was last served to the end.
    pub(crate) fn last_open(&self) -> u64 {
        self.taking.last_open.load(Acquire)
    }

    /// `None` while it is not being polled.
    pub(crate) fn poll_began(&self) -> Option<u64> {
        Some(self.taking.poll_began.load(Acquire)).filter(|&began| began != 0)
    }

    pub fn health(&self) -> ActorHealth {
        let now = mono_ns();
        let age = |at: u64| Duration::from_nanos(now.saturating_sub(at));
        ActorHealth {
            name: self.name.clone(),
            kind: self.kind.clone(),
            thread: self.thread.clone(),
            state: self.state(),
            queued: self.queued(),
            queued_max: self.sending.queued_max.load(Relaxed),
            capacity: self.capacity,
            heartbeat_age: age(self.last_alive()),
            handled: self.taking.taken.load(Relaxed) + self.taking.on_floor.load(Relaxed),
            busy: Duration::from_nanos(self.taking.busy_ns.load(Relaxed)),
            busy_share: None,
            handler_max: Duration::from_nanos(self.taking.handler_ns_max.load(Relaxed)),
            restarts: self.restarts(),
            overflow: self.overflow(),
            refused: self.refused(),
            closed: self.closed(),
        }
    }
}

/// A reading of one [`Gauge`]. Counts are since the process started.
#[derive(Clone, PartialEq, Debug)]
pub struct ActorHealth {
    pub name: Arc<str>,
    pub kind: Arc<str>,
    pub thread: Arc<str>,
    pub state: ActorState,
    pub queued: u64,
    pub queued_max: u64,
    pub capacity: u64,
    /// Since the actor last finished a poll or answered a ping.
    pub heartbeat_age: Duration,
    /// Messages taken from the mailbox, of those that came through ports, and inputs handled outside it.
    pub handled: u64,
    /// Time in handlers, timers and futures of the actor.
    pub busy: Duration,
    /// Share of one thread since the last report, 0 to 1. `None` outside the supervisor's reports.
    pub busy_share: Option<f64>,
    /// The longest handler, of those that call [`Gauge::on_handled`].
    pub handler_max: Duration,
    pub restarts: u64,
    pub overflow: u64,
    pub refused: u64,
    pub closed: u64,
}
