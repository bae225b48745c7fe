//! The actor around any core: takes messages, hands the core the time, routes what it says, keeps its one timer.
//! In: inputs of the core. Out: what `wiring::route` makes of its outputs. Absent: decisions of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, SpawnHandle, Supervised, WrapFuture};
use engine::time::Timestamp;
use engine::wiring::Core;

use crate::directory::{Cause, Outlet, Shared, Told, Wake};
use crate::latency::Span;
use crate::supervisor::{Gauge, Stop, mono_ns};

/// How a core comes to be, at the first start as after every failure: from the journal, off the hot thread.
pub type Build<C> = Arc<dyn Fn() -> C + Send + Sync>;
/// The same while other actors of the thread go on.
type Building<C> = Pin<Box<dyn Future<Output = C>>>;

/// What a core needs beside its decisions.
pub trait Hosted: Core<Input: Send + 'static> + Send + Unpin + 'static {
    /// Said to the core (by itself) once it has been built again after a failure.
    fn after_rebuild(outlet: &mut Outlet);
    /// The last input before an orderly stop.
    fn farewell() -> Option<Self::Input>;
    /// Does an output that a tick caused count as a signal?
    const SIGNALS: bool = false;
}

/// Timers shorter than this would spin.
const TIMER_MIN: Duration = Duration::from_micros(200);

pub struct Shell<C: Hosted> {
    core: Option<C>,
    build: Build<C>,
    outlet: Outlet,
    gauge: Arc<Gauge>,
    timer: Option<(Timestamp, SpawnHandle)>,
    rebuilt: bool,
    #[cfg(test)]
    pub(crate) faults: crate::faults::Armed,
}

impl<C: Hosted> Shell<C> {
    pub fn new(shared: Arc<Shared>, gauge: Arc<Gauge>, build: Build<C>) -> Self {
        Self {
            core: None,
            build,
            outlet: Outlet::new(shared),
            gauge,
            timer: None,
            rebuilt: false,
            #[cfg(test)]
            faults: Default::default(),
        }
    }

    /// The core, for messages that only read it.
    pub fn hosted(&mut self) -> &C {
        self.core()
    }

    fn core(&mut self) -> &mut C {
        self.core.as_mut().expect("the mailbox opens when the core is built")
    }

    /// One input through the core and out again.
    fn tell(&mut self, input: C::Input, cause: Cause, ctx: &mut Context<Self>) {
        self.outlet.cause = cause;
        let now = self.outlet.shared.clock.now();
        let output = self.core().handle(now, input);
        let signals = C::SIGNALS && cause.tick != 0 && is_signal(&output);
        if signals {
            self.outlet.cause.signal = mono_ns();
        }
        self.outlet.route(output);
        if signals {
            let took = self.outlet.cause.signal.saturating_sub(cause.tick);
            self.outlet.shared.latency.record(Span::TickToSignal, took);
        }
        self.after_turn(ctx);
    }

    fn on_timer(&mut self, ctx: &mut Context<Self>) {
        self.timer = None;
        let now = self.outlet.shared.clock.now();
        self.fire(now, ctx);
    }

    fn fire(&mut self, now: Timestamp, ctx: &mut Context<Self>) {
        if self.core().next_deadline().is_some_and(|at| at <= now) {
            self.outlet.cause = Cause::default();
            let output = self.core().on_deadline(now);
            self.outlet.route(output);
        }
        self.after_turn(ctx);
    }

    /// Sets the timer if the core's deadline came nearer, and commits what was recorded once its receivers have had it.
    fn after_turn(&mut self, ctx: &mut Context<Self>) {
        if self.outlet.take_uncommitted() {
            let shared = self.outlet.shared.clone();
            let commit = async move {
                // Behind the receivers, which are ready to run: a bar reaches its strategies before the disk.
                tokio::task::yield_now().await;
                shared.journal().commit()
            };
            ctx.spawn(commit.into_actor(self).map(|written, shell, _| {
                if let Err(reason) = written {
                    slog::error!(shell.outlet.shared.log, "the journal cannot be written: {reason}"; "event" => "journal.failed");
                }
            }));
        }
        let Some(wanted) = self.core().next_deadline() else { return };
        // A timer that is too early finds nothing to do and is set again: cheaper than to move it with every bar, on the
        // way from a tick to an order.
        if self.timer.as_ref().is_some_and(|(at, _)| *at <= wanted) {
            return;
        }
        if let Some((_, handle)) = self.timer.take() {
            ctx.cancel_future(handle);
        }
        if let Some(wait) = self.outlet.shared.clock.wall_until(wanted) {
            let handle = ctx.run_later(wait.max(TIMER_MIN), Self::on_timer);
            self.timer = Some((wanted, handle));
        }
    }

    fn building(&self) -> Building<C> {
        let build = self.build.clone();
        Box::pin(async move {
            match actix_rt::task::spawn_blocking(move || build()).await {
                Ok(core) => core,
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            }
        })
    }
}

fn is_signal(output: &engine::wiring::Output) -> bool {
    matches!(output, engine::wiring::Output::Strategy(intents) if !intents.is_empty())
}

impl<C: Hosted> Actor for Shell<C> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        #[cfg(test)]
        self.faults.strike(crate::faults::Place::Started);
        ctx.wait(self.building().into_actor(self).map(|core, shell, ctx| {
            shell.core = Some(core);
            if std::mem::take(&mut shell.rebuilt) {
                C::after_rebuild(&mut shell.outlet);
            }
            shell.after_turn(ctx);
        }));
    }
}

impl<C: Hosted> Supervised for Shell<C> {
    fn restarting(&mut self, _: &mut Self::Context) {
        #[cfg(test)]
        self.faults.strike(crate::faults::Place::Restarting);
        // What the core was is not trusted; `started` builds another.
        self.core = None;
        self.timer = None;
        self.rebuilt = true;
    }
}

impl<C: Hosted> Handler<Told<C::Input>> for Shell<C> {
    type Result = ();

    fn handle(&mut self, told: Told<C::Input>, ctx: &mut Self::Context) {
        let started = mono_ns();
        self.tell(told.input, told.cause, ctx);
        self.gauge.on_handled(started, 1);
    }
}

impl<C: Hosted> Handler<Wake> for Shell<C> {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        let started = mono_ns();
        let now = self.outlet.shared.clock.now();
        self.fire(now, ctx);
        self.gauge.on_handled(started, 1);
    }
}

impl<C: Hosted> Handler<Stop> for Shell<C> {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        if let Some(input) = C::farewell() {
            self.tell(input, Cause::default(), ctx);
        }
    }
}
