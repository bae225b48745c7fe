//! Pings every actor from a thread of its own, because a hang is not a panic; in a simulation from a task. In: the actors' controls. Out: hung,
//! recovered, overflow, closed-mailbox and health events. Absent: any remedy; a stuck thread cannot be freed.
//!
//! A ping wakes the actor's task. It is answered by the end of that poll, and in a second sense when the mailbox
//! has been served to the end: an actor that waits for ever under `ctx.wait` answers the first and not the second.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use std::{io, mem};

use super::clock::mono_ns;
use super::control::Control;
use super::event::{Hang, What};
use super::gauge::{ActorHealth, ActorState};
use super::pitboss::SupervisorConfig;

/// Overflow and closed mailboxes are told no more often than this.
const MAILBOX_EVENTS_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rhythm {
    pub ping_every: Duration,
    pub report_every: Duration,
}

/// The actors under watch; grows only.
pub(crate) type Roll = Arc<Mutex<Vec<Arc<Control>>>>;

impl From<SupervisorConfig> for Rhythm {
    fn from(config: SupervisorConfig) -> Self {
        Self { ping_every: config.ping_every, report_every: config.report_every }
    }
}

pub(crate) enum Heartbeat {
    Thread { stop: Sender<()>, thread: JoinHandle<()> },
    Task(actix_rt::task::JoinHandle<()>),
}

impl Heartbeat {
    pub fn start(roll: Roll, rhythm: Rhythm) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = Builder::new().name("heartbeat".into()).spawn(move || {
            let mut rounds = Rounds { roll, rhythm, pulses: Vec::new(), reported_at: mono_ns() };
            let mut wait = rounds.walk();
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(wait) {
                wait = rounds.walk();
            }
            rounds.tell_mailboxes(mono_ns(), Duration::ZERO);
        })?;
        Ok(Self::Thread { stop, thread })
    }

    /// On the calling thread's runtime.
    pub fn start_here(roll: Roll, rhythm: Rhythm) -> Self {
        Self::Task(actix_rt::spawn(async move {
            let mut rounds = Rounds { roll, rhythm, pulses: Vec::new(), reported_at: mono_ns() };
            loop {
                let wait = rounds.walk();
                actix_rt::time::sleep(wait).await;
            }
        }))
    }

    /// Returns when the thread has ended, which takes no longer than the event sink does.
    pub fn stop(self) {
        match self {
            Self::Thread { stop, thread } => {
                drop(stop);
                if thread.join().is_err() {
                    eprintln!("the heartbeat thread had panicked; actors were not watched");
                }
            }
            Self::Task(task) => task.abort(),
        }
    }
}

struct Rounds {
    roll: Roll,
    rhythm: Rhythm,
    pulses: Vec<Pulse>,
    reported_at: u64,
}

/// What the heartbeat remembers of one actor; instants are monotonic nanoseconds.
struct Pulse {
    control: Arc<Control>,
    pinged_at: u64,
    /// The oldest ping that no poll has answered.
    unanswered: Option<u64>,
    /// The oldest ping since which the mailbox has not been served to the end.
    unserved: Option<u64>,
    hung_since: Option<u64>,
    overflow_told: u64,
    closed_told: u64,
    mailbox_told_at: Option<u64>,
    busy_reported: Duration,
}

impl Rounds {
    /// Looks at every actor once; how long to sleep until the next time.
    fn walk(&mut self) -> Duration {
        self.enrol();
        let now = mono_ns();
        for at in 0..self.pulses.len() {
            let hang = self.pulses[at].listen(now, self.rhythm.ping_every);
            if let Some((since, waiting)) = hang {
                let hang = self.diagnose(at, waiting);
                self.pulses[at].tell_hung(since, now, hang);
            }
        }
        self.tell_mailboxes(now, MAILBOX_EVENTS_EVERY);
        if nanos(now, self.reported_at) >= self.rhythm.report_every {
            let span = nanos(now, mem::replace(&mut self.reported_at, now));
            self.pulses.iter_mut().for_each(|pulse| pulse.tell_health(span));
        }
        // Often enough for the shortest of the times to be told without adding half of it again.
        let shortest_hang = self.pulses.iter().map(|pulse| pulse.control.hang_after).min();
        let wait = self.rhythm.ping_every.min(self.rhythm.report_every).min(shortest_hang.unwrap_or(Duration::MAX) / 4);
        wait.clamp(Duration::from_millis(1), MAILBOX_EVENTS_EVERY)
    }

    fn enrol(&mut self) {
        let roll = self.roll.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.pulses.len();
        self.pulses.extend(roll[known..].iter().cloned().map(Pulse::new));
    }

    fn diagnose(&self, at: usize, waiting: bool) -> Hang {
        let control = &self.pulses[at].control;
        if waiting {
            return Hang::Waiting;
        }
        if control.gauge.poll_began().is_some() {
            return Hang::InHandler;
        }
        let neighbours = self.pulses.iter().map(|pulse| &pulse.control.gauge);
        let on_thread = neighbours.filter(|gauge| gauge.thread() == control.gauge.thread());
        let busiest = on_thread.filter_map(|gauge| Some((gauge.poll_began()?, gauge.name()))).min();
        Hang::Thread { busy_in: busiest.map(|(_, name)| name.clone()) }
    }

    fn tell_mailboxes(&mut self, now: u64, every: Duration) {
        self.pulses.iter_mut().for_each(|pulse| pulse.tell_mailbox(now, every));
    }
}

impl Pulse {
    fn new(control: Arc<Control>) -> Self {
        Self {
            control,
            pinged_at: 0,
            unanswered: None,
            unserved: None,
            hung_since: None,
            overflow_told: 0,
            closed_told: 0,
            mailbox_told_at: None,
            busy_reported: Duration::ZERO,
        }
    }

    /// Takes answers and pings again. For an actor that has just been found hung: since when, and whether it is only its
    /// mailbox that is not served.
    fn listen(&mut self, now: u64, ping_every: Duration) -> Option<(u64, bool)> {
        let gauge = self.control.gauge.clone();
        let state = gauge.state();
        if state.is_over() {
            (self.unanswered, self.unserved, self.hung_since) = (None, None, None);
            return None;
        }
        self.unanswered = self.unanswered.filter(|&ping| gauge.last_alive() < ping);
        // While it backs off nothing serves the mailbox, which is known and told.
        let serves = state != ActorState::BackingOff;
        self.unserved = self.unserved.filter(|&ping| serves && gauge.last_open() < ping);
        self.tell_recovered(now);
        if nanos(now, self.pinged_at) >= ping_every {
            self.pinged_at = now;
            self.unanswered.get_or_insert(now);
            if serves {
                self.unserved.get_or_insert(now);
            }
            self.control.waker.wake();
        }
        if self.hung_since.is_some() {
            return None;
        }
        let late = |since: &u64| nanos(now, *since) >= self.control.hang_after;
        let stuck = self.unanswered.filter(late).map(|since| (since, false));
        stuck.or_else(|| self.unserved.filter(late).map(|since| (since, true)))
    }

    fn tell_hung(&mut self, since: u64, now: u64, hang: Hang) {
        self.hung_since = Some(since);
        self.tell(What::Hung { age: nanos(now, since), hang });
    }

    fn tell_recovered(&mut self, now: u64) {
        if self.unanswered.is_some() || self.unserved.is_some() {
            return;
        }
        if let Some(since) = self.hung_since.take() {
            self.tell(What::Recovered { after: nanos(now, since) });
        }
    }

    fn tell_mailbox(&mut self, now: u64, every: Duration) {
        if self.mailbox_told_at.is_some_and(|at| nanos(now, at) < every) {
            return;
        }
        let gauge = self.control.gauge.clone();
        let overflow = gauge.overflow() - self.overflow_told;
        let closed = gauge.closed() - self.closed_told;
        if overflow == 0 && closed == 0 {
            return;
        }
        self.mailbox_told_at = Some(now);
        self.overflow_told += overflow;
        self.closed_told += closed;
        if overflow > 0 {
            let (queued, capacity) = (gauge.queued(), gauge.capacity());
            self.tell(What::MailboxOverflow { messages: overflow, queued, capacity });
        }
        if closed > 0 {
            self.tell(What::MailboxClosed { messages: closed });
        }
    }

    /// `span` is the time since the last report.
    fn tell_health(&mut self, span: Duration) {
        let health = self.control.gauge.health();
        let busy = health.busy.saturating_sub(mem::replace(&mut self.busy_reported, health.busy));
        // A poll that began before the span counts when it ends, so a long one may exceed it.
        let busy_share = Some((busy.as_secs_f64() / span.as_secs_f64()).min(1.0));
        self.tell(What::Health(Box::new(ActorHealth { busy_share, ..health })));
    }

    fn tell(&self, what: What) {
        self.control.reporter.tell(&self.control.gauge, what);
    }
}

fn nanos(now: u64, then: u64) -> Duration {
    Duration::from_nanos(now.saturating_sub(then))
}
