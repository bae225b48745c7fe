//! Sees an actor off exactly once, however it ends. In: the way it ended. Out: its last state, event and callback.
//! Absent: the actor itself. Dropped without a word (its arbiter went away), it says that.

use std::sync::Arc;
use std::time::Duration;

use engine::supervision::OnGiveUp;

use super::clock::mono_ns;
use super::control::Control;
use super::event::{Failure, GaveUp, HowStopped, What};
use super::gauge::ActorState;
use super::group::Group;

pub(crate) enum Ending {
    GivenUp(Failure),
    Stopped(HowStopped),
}

pub(crate) struct Warden {
    pub control: Arc<Control>,
    pub group: Arc<Group>,
    pub on_give_up: OnGiveUp,
    /// When it was asked to stop, or began; monotonic nanoseconds.
    pub stop_asked: Option<u64>,
    over: bool,
}

impl Warden {
    pub fn new(control: Arc<Control>, group: Arc<Group>, on_give_up: OnGiveUp) -> Self {
        Self { control, group, on_give_up, stop_asked: None, over: false }
    }

    /// Call it when the mailbox is closed.
    pub fn end(mut self, ending: Ending) {
        self.see_off(ending);
    }

    fn see_off(&mut self, ending: Ending) {
        self.over = true;
        self.group.leave(&self.control);
        let gauge = &self.control.gauge;
        let queued_lost_max = gauge.abandoned();
        match ending {
            Ending::GivenUp(cause) => self.give_up(cause, queued_lost_max),
            Ending::Stopped(how) => {
                let asked = self.stop_asked.map_or(0, |asked| mono_ns().saturating_sub(asked));
                let took = Duration::from_nanos(asked);
                let what = What::Stopped { how, took, queued_lost_max };
                self.control.turn(ActorState::Stopped, what);
            }
        }
    }

    fn give_up(&self, cause: Failure, queued_lost_max: u64) {
        let (gauge, on_give_up) = (&self.control.gauge, self.on_give_up);
        let own = !matches!(cause, Failure::Member { .. });
        let gave_up =
            GaveUp { actor: gauge.name().clone(), kind: gauge.kind().clone(), on_give_up, cause: cause.clone() };
        // The event and the callback see an actor that is gone; who awaits its end sees both done.
        gauge.set_state(ActorState::GivenUp);
        self.control.reporter.tell(gauge, What::GivenUp { cause, on_give_up, queued_lost_max });
        if own {
            self.control.reporter.gave_up(gave_up);
        }
        self.control.set_state(ActorState::GivenUp);
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        if !self.over {
            self.see_off(Ending::Stopped(HowStopped::ThreadGone));
        }
    }
}
