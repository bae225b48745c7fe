//! The strings on one contained actor: orders to it, and its state to await. In: orders from the supervisor and
//! pings from its thread. Out: wake-ups of the actor's task. Absent: the actor's type.

use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio::sync::watch;

use super::clock::mono_ns;
use super::event::{Reporter, What};
use super::gauge::{ActorState, Gauge};

/// Only ever rises.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Order {
    Run,
    /// `Stop` is in its mailbox: a failure is rebuilt at the shortest back-off, to handle what is queued before it.
    Stopping,
    /// It answered `Stop`: it ends now.
    Finish,
    /// Its deadline is over.
    Kill,
}

pub(crate) struct Control {
    pub gauge: Arc<Gauge>,
    pub reporter: Reporter,
    pub hang_after: Duration,
    /// Of the actor's task, which registers it at each poll. Waking it is the ping.
    pub waker: AtomicWaker,
    order: AtomicU8,
    state: watch::Sender<ActorState>,
}

impl Control {
    pub fn new(gauge: Arc<Gauge>, reporter: Reporter, hang_after: Duration) -> Self {
        let state = watch::Sender::new(ActorState::Starting);
        Self { gauge, reporter, hang_after, waker: AtomicWaker::new(), order: AtomicU8::new(0), state }
    }

    pub fn order(&self) -> Order {
        [Order::Run, Order::Stopping, Order::Finish, Order::Kill][usize::from(self.order.load(Acquire))]
    }

    pub fn give(&self, order: Order) {
        self.order.fetch_max(order as u8, AcqRel);
        self.waker.wake();
    }

    pub fn set_state(&self, state: ActorState) {
        self.gauge.set_state(state);
        self.state.send_replace(state);
    }

    /// Enters `state` and tells it. Who hears the event finds the state; who awaits the state finds the event told.
    pub fn turn(&self, state: ActorState, what: What) {
        self.gauge.set_state(state);
        self.reporter.tell(&self.gauge, what);
        self.state.send_replace(state);
    }

    /// Returns the first state for which `wanted` holds.
    pub async fn state_where(&self, wanted: impl Fn(ActorState) -> bool) -> ActorState {
        let mut states = self.state.subscribe();
        let seen = states.wait_for(|&state| wanted(state)).await;
        *seen.expect("the sender lives in this Control")
    }

    pub fn alive(&self) {
        self.gauge.alive(mono_ns());
    }
}
