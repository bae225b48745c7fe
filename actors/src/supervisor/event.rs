//! What the supervisor tells: one event for each thing that happened to an actor. In: nothing. Out: data for the
//! caller to log and to journal. Absent: a logger.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use engine::journal::Severity;
use engine::supervision::OnGiveUp;

use super::gauge::{ActorHealth, Gauge};
use super::panics::Panic;

/// Called on the thread where it happened, so it must be quick and must not block.
pub type Sink = Arc<dyn Fn(SupervisionEvent) + Send + Sync>;

/// Why an actor has to be rebuilt or is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    Panicked(Panic),
    /// A permanent actor called `ctx.stop()`.
    StoppedItself,
    /// It was never built: its constructor panicked.
    NotBuilt(Panic),
    /// Another member of its group failed.
    Member {
        actor: Arc<str>,
        cause: Arc<Failure>,
    },
}

impl Failure {
    /// The panic behind it, with message, file and line.
    pub fn panic(&self) -> Option<&Panic> {
        match self {
            Failure::Panicked(panic) | Failure::NotBuilt(panic) => Some(panic),
            Failure::StoppedItself => None,
            Failure::Member { cause, .. } => cause.panic(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Panicked(panic) => panic.fmt(f),
            Failure::StoppedItself => f.write_str("it stopped itself, and is permanent"),
            Failure::NotBuilt(panic) => write!(f, "its constructor {panic}"),
            Failure::Member { actor, cause } => write!(f, "its group's member {actor} failed: {cause}"),
        }
    }
}

/// Where an actor that does not answer is stuck.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hang {
    /// In its own handler, timer or future.
    InHandler,
    /// Its thread does not come round; `busy_in` is the actor that holds it, if it is a supervised one.
    Thread { busy_in: Option<Arc<str>> },
    /// Its thread comes round, but a future under `ctx.wait` keeps the mailbox closed.
    Waiting,
}

impl fmt::Display for Hang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hang::InHandler => f.write_str("it is inside its own handler"),
            Hang::Thread { busy_in: Some(other) } => write!(f, "its thread is held by {other}"),
            Hang::Thread { busy_in: None } => f.write_str("its thread does not come round"),
            Hang::Waiting => f.write_str("it waits for a future and takes no messages"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HowStopped {
    /// It handled `Stop` within its deadline.
    InOrder,
    /// A transient or temporary actor stopped itself.
    ByItself,
    /// It failed after it had answered `Stop`.
    Failed,
    /// It had not finished at its deadline, and was ended.
    Overrun,
    /// Its arbiter went away.
    ThreadGone,
}

#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// `started` and what it waits for are done.
    Started {
        took: Duration,
    },
    /// `restart_after` is `None` when it is given up.
    Failed {
        cause: Failure,
        attempt: u32,
        restart_after: Option<Duration>,
    },
    /// Rebuilt and running. `attempt` counts failures in a row.
    Restarted {
        cause: Failure,
        attempt: u32,
        took: Duration,
    },
    /// The mailbox is closed. At most `queued_lost_max` messages were in it: exact when every handler calls
    /// [`Gauge::on_handled`].
    GivenUp {
        cause: Failure,
        on_give_up: OnGiveUp,
        queued_lost_max: u64,
    },
    /// A ping has gone unanswered for `age`.
    Hung {
        age: Duration,
        hang: Hang,
    },
    Recovered {
        after: Duration,
    },
    /// `took` since it was asked to stop; zero when nobody asked.
    Stopped {
        how: HowStopped,
        took: Duration,
        queued_lost_max: u64,
    },
    /// `messages` were queued above the capacity since the last such event.
    MailboxOverflow {
        messages: u64,
        queued: u64,
        capacity: u64,
    },
    /// `messages` found the mailbox closed since the last such event.
    MailboxClosed {
        messages: u64,
    },
    Health(Box<ActorHealth>),
}

#[derive(Clone, PartialEq, Debug)]
pub struct SupervisionEvent {
    pub actor: Arc<str>,
    pub kind: Arc<str>,
    pub thread: Arc<str>,
    pub what: What,
}

impl SupervisionEvent {
    pub(crate) fn about(gauge: &Gauge, what: What) -> Self {
        let (actor, kind, thread) = (gauge.name().clone(), gauge.kind().clone(), gauge.thread().clone());
        Self { actor, kind, thread, what }
    }

    /// Stable dotted name.
    pub fn name(&self) -> &'static str {
        match self.what {
            What::Started { .. } => "actor.started",
            What::Failed { .. } => "actor.failed",
            What::Restarted { .. } => "actor.restarted",
            What::GivenUp { .. } => "actor.given_up",
            What::Hung { .. } => "actor.hung",
            What::Recovered { .. } => "actor.recovered",
            What::Stopped { .. } => "actor.stopped",
            What::MailboxOverflow { .. } => "mailbox.overflow",
            What::MailboxClosed { .. } => "mailbox.closed",
            What::Health(_) => "actor.health",
        }
    }

    /// `Error` wakes somebody: an actor that is gone, hangs, or lost messages.
    pub fn severity(&self) -> Severity {
        match self.what {
            What::GivenUp { .. } | What::Hung { .. } | What::MailboxClosed { .. } => Severity::Error,
            What::Stopped { how: HowStopped::InOrder | HowStopped::ByItself, .. } => Severity::Info,
            What::Failed { .. } | What::Restarted { .. } | What::Stopped { .. } | What::MailboxOverflow { .. } => {
                Severity::Warning
            }
            What::Started { .. } | What::Recovered { .. } | What::Health(_) => Severity::Info,
        }
    }
}

impl fmt::Display for SupervisionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actor = &self.actor;
        match &self.what {
            What::Started { took } => write!(f, "actor {actor} runs after {took:.1?}"),
            What::Failed { cause, attempt, restart_after: Some(wait) } => {
                write!(f, "actor {actor} failed (failure {attempt} in a row), rebuilt in {wait:?}: {cause}")
            }
            What::Failed { cause, restart_after: None, .. } => write!(f, "actor {actor} failed: {cause}"),
            What::Restarted { cause, attempt, took } => {
                write!(f, "actor {actor} runs again after {took:.1?} (failure {attempt} in a row): {cause}")
            }
            What::GivenUp { cause, on_give_up, queued_lost_max } => {
                write!(
                    f,
                    "actor {actor} is given up ({on_give_up}), up to {queued_lost_max} queued messages lost: {cause}"
                )
            }
            What::Hung { age, hang } => write!(f, "actor {actor} has not answered for {age:.1?}: {hang}"),
            What::Recovered { after } => write!(f, "actor {actor} answers again after {after:.1?}"),
            What::Stopped { how, took, queued_lost_max } => {
                write!(f, "actor {actor} stopped ({how:?}) in {took:.1?}, up to {queued_lost_max} queued messages lost")
            }
            What::MailboxOverflow { messages, queued, capacity } => {
                write!(f, "{messages} messages to actor {actor} above its capacity of {capacity}; {queued} are queued")
            }
            What::MailboxClosed { messages } => {
                write!(f, "{messages} messages to actor {actor} were lost: its mailbox is closed")
            }
            What::Health(health) => write!(
                f,
                "actor {actor} is {}: {} of {} queued (most {}), {} handled, heartbeat {:.1?} ago, {} restarts",
                health.state,
                health.queued,
                health.capacity,
                health.queued_max,
                health.handled,
                health.heartbeat_age,
                health.restarts
            ),
        }
    }
}

/// An actor that was given up, and what that means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GaveUp {
    pub actor: Arc<str>,
    pub kind: Arc<str>,
    pub on_give_up: OnGiveUp,
    pub cause: Failure,
}

/// Hands events to the caller's functions. A panic in those is printed by the panic hook and ends there: what watches
/// the actors must not take one of them down.
#[derive(Clone)]
pub struct Reporter {
    sink: Sink,
    on_give_up: Arc<dyn Fn(GaveUp) + Send + Sync>,
}

impl Reporter {
    /// `on_give_up` hears of the actor that failed, once, also when its whole group goes with it.
    pub fn new(sink: Sink, on_give_up: Arc<dyn Fn(GaveUp) + Send + Sync>) -> Self {
        Self { sink, on_give_up }
    }

    pub(crate) fn tell(&self, gauge: &Gauge, what: What) {
        let event = SupervisionEvent::about(gauge, what);
        shield("event sink", || (self.sink)(event));
    }

    pub(crate) fn gave_up(&self, gave_up: GaveUp) {
        shield("give-up callback", || (self.on_give_up)(gave_up));
    }
}

fn shield(what: &str, call: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(call)).is_err() {
        eprintln!("the supervisor's {what} panicked");
    }
}
