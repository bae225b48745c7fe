//! Runs one actor so that its panics end here. In: the receiving end of its mailbox and a way to build it. Out: the
//! same actor, rebuilt in place as often as the policy allows. Absent: the policy, the other actors.
//!
//! The mailbox lives in actix's `ContextFut`, so an actor whose `ContextFut` is kept and restarted keeps its
//! addresses and its queued messages. The message whose handler panicked is gone: it may be the cause.
//!
//! An actor that is given up or killed is dropped without its `stopping` and `stopped`: after a panic its state is not to
//! be trusted, and a panic there while its destructors run would abort the process.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{self, Poll, ready};
use std::time::Duration;

use actix::dev::channel::AddressReceiver;
use actix::dev::{AsyncContextParts, ContextFut, ContextParts};
use actix::fut::ActorFuture;
use actix::{Actor, ActorContext, AsyncContext, Context, Supervised};
use actix_rt::ArbiterHandle;
use actix_rt::time::{Sleep, sleep};
use engine::supervision::Decision;

use super::child::Restart;
use super::clock::mono_ns;
use super::control::Order;
use super::event::{Failure, HowStopped, What};
use super::gauge::ActorState;
use super::group::Round;
use super::panics::{Panic, catch};
use super::warden::{Ending, Warden};

/// Rebuilds of one actor that start from a clean list of cancelled handles; see [`Parts`].
const CLEAN_REBUILDS: usize = 1_024;

/// How an actor is run, apart from its type.
pub(crate) struct Terms {
    pub warden: Warden,
    pub restart: Restart,
    /// The back-off while the actor is being stopped.
    pub hurried: Duration,
}

/// Builds the actor on `arbiter` and runs it there. Its end, also when the arbiter is gone, is told by the warden.
pub(crate) fn launch<A, F>(arbiter: &ArbiterHandle, receiver: AddressReceiver<A>, terms: Terms, build: F)
where
    A: Actor<Context = Context<A>> + Supervised,
    F: FnOnce(&mut Context<A>) -> A + Send + 'static,
{
    // A dead arbiter drops the closure and with it the warden, which reports that.
    let _sent: bool = arbiter.spawn_fn(move || {
        let Terms { warden, restart, hurried } = terms;
        let parts = Parts::stock(&receiver);
        let built = catch(|| {
            let mut ctx = Context::with_receiver(receiver);
            let actor = build(&mut ctx);
            ctx.into_future(actor)
        });
        match built {
            Ok(fut) => {
                let epoch = warden.group.join(warden.control.clone());
                let life = Life {
                    body: Body(Some(fut)),
                    parts,
                    warden,
                    restart,
                    hurried,
                    epoch,
                    open: Rc::new(Cell::new(false)),
                    began: mono_ns(),
                    rebuilt: None,
                    finishing: false,
                };
                actix_rt::spawn(life.run());
            }
            Err(panic) => warden.end(Ending::GivenUp(Failure::NotBuilt(panic))),
        }
    });
}

/// Spare context parts for rebuilding.
///
/// `ContextFut::restart` numbers spawned futures from 1 again but keeps the list of handles to cancel. A handler that
/// cancels timer 7 and then panics would have timer 7 of the rebuilt actor cancelled. Fresh parts have no such list; they
/// can only be made from the receiver before it disappears into the mailbox, so they are made in advance.
struct Parts<A: Actor<Context = Context<A>>>(Box<dyn FnMut() -> Option<ContextParts<A>>>);

impl<A: Actor<Context = Context<A>>> Parts<A> {
    fn stock(receiver: &AddressReceiver<A>) -> Self {
        let mut stock: Vec<_> = (0..CLEAN_REBUILDS).map(|_| receiver.sender_producer()).collect();
        Self(Box::new(move || stock.pop().map(ContextParts::new)))
    }
}

/// The actor in its context. Dropping it never runs actix's farewell and never lets a panic out.
struct Body<A: Actor<Context = Context<A>>>(Option<ContextFut<A, Context<A>>>);

impl<A: Actor<Context = Context<A>>> Body<A> {
    fn get(&mut self) -> &mut ContextFut<A, Context<A>> {
        self.0.as_mut().expect("only drop takes it out")
    }
}

impl<A: Actor<Context = Context<A>>> Drop for Body<A> {
    fn drop(&mut self) {
        let Some(mut fut) = self.0.take() else { return };
        // Terminated, `ContextFut` skips the poll in its own destructor, which would call the actor.
        fut.ctx().terminate();
        if let Err(panic) = catch(move || drop(fut)) {
            eprintln!("the destructor of a contained actor {panic}");
        }
    }
}

/// A future in the actor's own context that is polled only when the mailbox has been served to the end.
struct Probe {
    open: Rc<Cell<bool>>,
}

impl<A: Actor<Context = Context<A>>> ActorFuture<A> for Probe {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut A, ctx: &mut Context<A>, _: &mut task::Context<'_>) -> Poll<()> {
        // A handler that has just called `ctx.wait` leaves the rest of the mailbox for later.
        if !ctx.waiting() {
            self.open.set(true);
        }
        Poll::Pending
    }
}

/// Why the actor is not being polled any more.
enum Pause {
    Failed(Failure),
    StoppedItself,
    GroupFailed,
    Killed,
}

/// A failure that is being repaired, to be told when the actor runs again.
struct Rebuilt {
    cause: Failure,
    attempt: u32,
    failed_at: u64,
}

struct Life<A: Actor<Context = Context<A>>> {
    // First, so that the mailbox is closed before the warden says so.
    body: Body<A>,
    parts: Parts<A>,
    warden: Warden,
    restart: Restart,
    hurried: Duration,
    epoch: u64,
    open: Rc<Cell<bool>>,
    began: u64,
    rebuilt: Option<Rebuilt>,
    finishing: bool,
}

impl<A: Actor<Context = Context<A>> + Supervised> Life<A> {
    async fn run(mut self) {
        self.watch_mailbox();
        let ending = loop {
            let pause = poll_fn(|cx| self.step(cx)).await;
            if let Err(ending) = self.go_on_after(pause).await {
                break ending;
            }
        };
        let Life { body, warden, .. } = self;
        drop(body);
        warden.end(ending);
    }

    fn watch_mailbox(&mut self) {
        let probe = Probe { open: self.open.clone() };
        self.body.get().ctx().spawn(probe);
    }

    /// Polls the actor once, unless there is a reason not to.
    fn step(&mut self, cx: &mut task::Context<'_>) -> Poll<Pause> {
        self.warden.control.waker.register(cx.waker());
        self.obey();
        if self.warden.control.order() == Order::Kill {
            return Poll::Ready(Pause::Killed);
        }
        if self.warden.group.epoch() != self.epoch {
            return Poll::Ready(Pause::GroupFailed);
        }
        let gauge = &self.warden.control.gauge;
        let began = mono_ns();
        let pushed_before = gauge.poll_begins(began);
        let fut = self.body.get();
        let polled = catch(|| Pin::new(fut).poll(cx));
        let gauge = &self.warden.control.gauge;
        let now = mono_ns();
        gauge.poll_ends(began, now);
        let open = self.open.take();
        match polled {
            Err(panic) => Poll::Ready(Pause::Failed(Failure::Panicked(panic))),
            Ok(Poll::Ready(())) => Poll::Ready(Pause::StoppedItself),
            Ok(Poll::Pending) => {
                if open {
                    gauge.emptied(pushed_before, now);
                    self.runs(now);
                }
                Poll::Pending
            }
        }
    }

    /// Notes the supervisor's orders; ends the actor in order once it has answered `Stop`.
    fn obey(&mut self) {
        let order = self.warden.control.order();
        if order >= Order::Stopping && self.warden.stop_asked.is_none() {
            self.warden.stop_asked = Some(mono_ns());
        }
        if order == Order::Finish && !self.finishing {
            self.finishing = true;
            self.body.get().ctx().stop();
        }
    }

    /// The mailbox is open: `started`, and what it waits for, are done.
    fn runs(&mut self, now: u64) {
        let control = &self.warden.control;
        if control.gauge.state() != ActorState::Starting {
            return;
        }
        let since = |at: u64| Duration::from_nanos(now.saturating_sub(at));
        let what = match self.rebuilt.take() {
            None => What::Started { took: since(self.began) },
            Some(Rebuilt { cause, attempt, failed_at }) => What::Restarted { cause, attempt, took: since(failed_at) },
        };
        control.turn(ActorState::Running, what);
    }

    /// Rebuilds the actor if that is what follows, or says how it ends.
    async fn go_on_after(&mut self, pause: Pause) -> Result<(), Ending> {
        let order = self.warden.control.order();
        let mut failure = match pause {
            Pause::Killed => return Err(Ending::Stopped(HowStopped::Overrun)),
            Pause::StoppedItself if order >= Order::Stopping => return Err(Ending::Stopped(HowStopped::InOrder)),
            Pause::StoppedItself if self.restart != Restart::Permanent => {
                return Err(Ending::Stopped(HowStopped::ByItself));
            }
            Pause::StoppedItself => Some(Failure::StoppedItself),
            Pause::Failed(failure) => Some(failure),
            Pause::GroupFailed => None,
        };
        loop {
            match failure.take() {
                Some(failure) => self.fail(failure)?,
                None => self.warden.control.set_state(ActorState::BackingOff),
            }
            let round = self.stand_by().await?;
            match self.rebuild(&round) {
                Ok(true) => return Ok(()),
                // Nobody holds an address any more.
                Ok(false) => return Err(Ending::Stopped(HowStopped::ByItself)),
                Err(panic) => failure = Some(Failure::Panicked(panic)),
            }
        }
    }

    /// Opens a round in the group, or ends an actor that is not to be rebuilt.
    fn fail(&mut self, cause: Failure) -> Result<(), Ending> {
        let control = &self.warden.control;
        let finished = control.order() >= Order::Finish;
        if finished || self.restart == Restart::Temporary {
            control
                .reporter
                .tell(&control.gauge, What::Failed { cause: cause.clone(), attempt: 1, restart_after: None });
            let failed = Ending::Stopped(HowStopped::Failed);
            return Err(if finished { failed } else { Ending::GivenUp(cause) });
        }
        let round = self.warden.group.fail(control, cause.clone(), mono_ns());
        let restart_after = match round.decision {
            Decision::RestartAfter(wait) => Some(wait),
            Decision::GiveUp => None,
        };
        let attempt = round.attempt;
        control.turn(ActorState::BackingOff, What::Failed { cause, attempt, restart_after });
        Ok(())
    }

    /// Waits until the group has parked and the back-off is over. Answers pings meanwhile.
    async fn stand_by(&mut self) -> Result<Round, Ending> {
        let mut timer: Option<(u64, bool, Pin<Box<Sleep>>)> = None;
        poll_fn(|cx| {
            self.warden.control.waker.register(cx.waker());
            self.warden.control.alive();
            let order = self.warden.control.order();
            match order {
                Order::Kill => return Poll::Ready(Err(Ending::Stopped(HowStopped::Overrun))),
                Order::Finish => return Poll::Ready(Err(Ending::Stopped(HowStopped::Failed))),
                Order::Stopping if self.warden.stop_asked.is_none() => self.warden.stop_asked = Some(mono_ns()),
                Order::Stopping | Order::Run => {}
            }
            let (round, all_parked) = self.warden.group.park(&self.warden.control);
            let Decision::RestartAfter(wait) = round.decision else {
                return Poll::Ready(Err(Ending::GivenUp(self.cause_for_me(&round))));
            };
            if !all_parked {
                return Poll::Pending;
            }
            let hurry = order == Order::Stopping;
            if timer.as_ref().is_none_or(|&(epoch, hurried, _)| (epoch, hurried) != (round.epoch, hurry)) {
                let wait = if hurry { wait.min(self.hurried) } else { wait };
                let passed = Duration::from_nanos(mono_ns().saturating_sub(round.failed_at));
                timer = Some((round.epoch, hurry, Box::pin(sleep(wait.saturating_sub(passed)))));
            }
            if let Some((_, _, timer)) = &mut timer {
                ready!(timer.as_mut().poll(cx));
            }
            Poll::Ready(Ok(round))
        })
        .await
    }

    fn cause_for_me(&self, round: &Round) -> Failure {
        if round.failed == *self.warden.control.gauge.name() {
            return Failure::clone(&round.cause);
        }
        Failure::Member { actor: round.failed.clone(), cause: round.cause.clone() }
    }

    /// Calls `restarting`; `started` follows at the next poll. False when the mailbox has no sender left.
    fn rebuild(&mut self, round: &Round) -> Result<bool, Panic> {
        self.epoch = round.epoch;
        self.rebuilt =
            Some(Rebuilt { cause: self.cause_for_me(round), attempt: round.attempt, failed_at: round.failed_at });
        self.warden.control.set_state(ActorState::Starting);
        self.warden.control.gauge.restarted();
        let (parts, fut) = (&mut self.parts, self.body.get());
        let restarted = catch(|| {
            // Dropping the old parts drops futures of the actor, and that may panic too.
            if let Some(fresh) = (parts.0)() {
                *fut.ctx().parts() = fresh;
            }
            fut.restart()
        });
        self.open.set(false);
        if restarted == Ok(true) {
            self.watch_mailbox();
        }
        restarted
    }
}
