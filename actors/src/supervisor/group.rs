//! Actors that are rebuilt together. In: a member's failure. Out: one decision for all, and the moment when every
//! member has put its work down. Absent: the members' types. An actor without a group is a group of one.
//!
//! A failure opens a round, numbered by `epoch`. Each member sees the new epoch at its next poll and parks; when all
//! have parked and the back-off is over, all rebuild. A failure while rebuilding opens the next round.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::supervision::{Decision, RestartPolicy};
use engine::time::Timestamp;

use super::control::Control;
use super::event::Failure;

pub(crate) struct Group {
    epoch: AtomicU64,
    inner: Mutex<Inner>,
}

struct Inner {
    policy: RestartPolicy,
    members: Vec<Member>,
    round: Option<Round>,
}

struct Member {
    control: Arc<Control>,
    parked_epoch: u64,
}

/// What was decided about the latest failure.
#[derive(Clone)]
pub(crate) struct Round {
    pub epoch: u64,
    pub decision: Decision,
    /// Monotonic nanoseconds of the failure.
    pub failed_at: u64,
    pub attempt: u32,
    pub failed: Arc<str>,
    pub cause: Arc<Failure>,
}

impl Group {
    pub fn new(policy: RestartPolicy) -> Self {
        let inner = Inner { policy, members: Vec::new(), round: None };
        Self { epoch: AtomicU64::new(0), inner: Mutex::new(inner) }
    }

    pub fn epoch(&self) -> u64 {
        self.epoch.load(Acquire)
    }

    /// Adds a member that is fresh: it has nothing to put down in a round that is already open. Its epoch.
    pub fn join(&self, control: Arc<Control>) -> u64 {
        let mut inner = self.lock();
        let epoch = self.epoch();
        inner.members.push(Member { control, parked_epoch: epoch });
        epoch
    }

    /// Nobody waits for this member any more.
    pub fn leave(&self, control: &Arc<Control>) {
        let mut inner = self.lock();
        inner.members.retain(|member| !Arc::ptr_eq(&member.control, control));
        inner.wake_all();
    }

    /// `failed` failed at `now` (monotonic nanoseconds).
    pub fn fail(&self, failed: &Arc<Control>, cause: Failure, now: u64) -> Round {
        let mut inner = self.lock();
        let decision = inner.policy.on_failure(Timestamp::from_nanos(i64::try_from(now).unwrap_or(i64::MAX)));
        let round = Round {
            epoch: self.epoch.fetch_add(1, AcqRel) + 1,
            decision,
            failed_at: now,
            attempt: inner.policy.attempt(),
            failed: failed.gauge.name().clone(),
            cause: Arc::new(cause),
        };
        inner.round = Some(round.clone());
        inner.wake_all();
        round
    }

    /// Parks `control` in the open round. The round, and whether every member has parked.
    pub fn park(&self, control: &Arc<Control>) -> (Round, bool) {
        let mut inner = self.lock();
        let round = inner.round.clone().expect("a member parks after a failure, which opens a round");
        let waiting = |member: &Member| member.parked_epoch != round.epoch;
        let before = inner.members.iter().any(waiting);
        for member in &mut inner.members {
            if Arc::ptr_eq(&member.control, control) {
                member.parked_epoch = round.epoch;
            }
        }
        let all = !inner.members.iter().any(waiting);
        if before && all {
            inner.wake_all();
        }
        (round, all)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing under this lock leaves the state half-changed, so a panic elsewhere does not spoil it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn wake_all(&self) {
        for member in &self.members {
            member.control.waker.wake();
        }
    }
}
