//! The actor around any core: takes messages, hands the core the time, routes what it says, keeps its one timer.
//! In: inputs of the core. Out: what `wiring::route` makes of its outputs. Absent: decisions of its own.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, SpawnHandle, Supervised, WrapFuture};
use engine::tape::{CoreId, Taped};
use engine::time::Timestamp;
use engine::wiring::Core;

use crate::directory::{Addresses, Cause, Outlet, Shared, Told, Wake};
use crate::faults::{Armed, Place};
use crate::floor::{Item, Look, Row, Seat, Seats};
use crate::supervisor::{Gauge, Port, Stop, mono_ns};

/// How a core comes to be, at the first start as after every failure: from the journal, off the hot thread.
pub type Build<C> = Arc<dyn Fn() -> C + Send + Sync>;
/// The same while other actors of the thread go on.
type Building<C> = Pin<Box<dyn Future<Output = C>>>;

/// What a core needs beside its decisions.
pub trait Hosted: Core<Input: Send + 'static> + Send + Unpin + 'static {
    /// Does an output that a tick caused count as a signal?
    const SIGNALS: bool = false;

    /// Its mailbox, `place` being its number among cores of its kind.
    fn port(to: &Addresses, place: usize) -> &Port<Told<Self::Input>>;
    /// How a tape names it, and an input that came by mailbox.
    fn id(place: usize) -> CoreId;
    fn taped(place: usize, input: &Self::Input) -> Taped;
    /// Where cores of its kind sit.
    fn row(seats: &mut Seats) -> &mut Row<Self>
    where
        Self: Sized;
    fn item(seat: Rc<Seat<Self>>, told: Told<Self::Input>) -> Item
    where
        Self: Sized;
    /// Said to the core (by itself) once it has been built again after a failure.
    fn after_rebuild(outlet: &mut Outlet);
    /// The last input before an orderly stop.
    fn farewell() -> Option<Self::Input>;
}

/// Timers shorter than this would spin.
const TIMER_MIN: Duration = Duration::from_micros(200);
/// Before and after a core is built, in a simulation.
const SIMULATED_READING: Duration = Duration::from_millis(3);

pub struct Shell<C: Hosted> {
    seat: Rc<Seat<C>>,
    place: usize,
    build: Build<C>,
    outlet: Outlet,
    gauge: Arc<Gauge>,
    timer: Option<(Timestamp, SpawnHandle)>,
    rebuilt: bool,
    pub(crate) faults: Armed,
}

impl<C: Hosted> Shell<C> {
    /// For the core that is number `place` of its kind.
    pub fn new(shared: Arc<Shared>, gauge: Arc<Gauge>, build: Build<C>, place: usize, addr: Addr<Self>) -> Self {
        Self {
            seat: Seat::new(C::port(shared.addresses(), place).clone(), addr),
            place,
            build,
            outlet: Outlet::new(shared),
            gauge,
            timer: None,
            rebuilt: false,
            faults: Default::default(),
        }
    }

    /// The core, for messages that only read it.
    pub fn read<T>(&self, look: impl FnOnce(&C) -> T) -> T {
        self.seat.own(|core| look(core))
    }

    pub(crate) fn poison_seat(&self) {
        self.seat.poison();
    }

    /// One input through the core and out again.
    fn tell(&mut self, told: Told<C::Input>, ctx: &mut Context<Self>) {
        self.outlet.now = self.outlet.shared.clock.now();
        self.outlet.shared.tape.input(self.outlet.now, || C::taped(self.place, &told.input));
        self.seat.tell(told, &mut self.outlet);
        self.after_turn(ctx);
    }

    fn on_timer(&mut self, ctx: &mut Context<Self>) {
        self.timer = None;
        self.seat.set_timer(None);
        self.fire(ctx);
    }

    fn fire(&mut self, ctx: &mut Context<Self>) {
        let now = self.outlet.shared.clock.now();
        let tape = &self.outlet.shared.tape;
        let output = self.seat.own(|core| {
            let due = core.next_deadline().is_some_and(|at| at <= now);
            due.then(|| {
                tape.input(now, || Taped::Deadline(C::id(self.place)));
                core.on_deadline(now)
            })
        });
        if let Some(output) = output {
            self.outlet.cause = Cause::default();
            self.outlet.now = now;
            self.outlet.hand_on(output);
        }
        self.after_turn(ctx);
    }

    /// Lets the floor handle what was handed on, commits what was recorded, and sets the timer.
    fn after_turn(&mut self, ctx: &mut Context<Self>) {
        self.outlet.settle();
        self.look(ctx);
    }

    /// Sets the timer if the core's deadline came nearer.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let Some(wanted) = self.seat.own(|core| core.next_deadline()) else { return };
        // A timer that is too early finds nothing to do and is set again: cheaper than to move it with every bar.
        if self.timer.as_ref().is_none_or(|(at, _)| *at > wanted) {
            if let Some((_, handle)) = self.timer.take() {
                ctx.cancel_future(handle);
            }
            if let Some(wait) = self.outlet.shared.clock.wall_until(wanted) {
                self.timer = Some((wanted, ctx.run_later(wait.max(TIMER_MIN), Self::on_timer)));
            }
        }
        self.seat.set_timer(self.timer.as_ref().map(|(at, _)| *at));
    }

    fn building(&self) -> Building<C> {
        let build = self.build.clone();
        if self.outlet.shared.clock.is_simulated() {
            // Reading takes its time there too, and others go on meanwhile; another thread would come back at a moment
            // that no seed decides.
            return Box::pin(async move {
                actix_rt::time::sleep(SIMULATED_READING).await;
                let core = build();
                actix_rt::time::sleep(SIMULATED_READING).await;
                core
            });
        }
        Box::pin(async move {
            match actix_rt::task::spawn_blocking(move || build()).await {
                Ok(core) => core,
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            }
        })
    }
}

impl<C: Hosted> Actor for Shell<C> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.faults.strike(Place::Started);
        ctx.wait(self.building().into_actor(self).map(|core, shell, ctx| {
            shell.seat.take(core, shell.place, &shell.outlet.shared);
            shell.outlet.shared.tape.built(shell.outlet.shared.clock.now(), C::id(shell.place));
            if std::mem::take(&mut shell.rebuilt) {
                shell.outlet.now = shell.outlet.shared.clock.now();
                C::after_rebuild(&mut shell.outlet);
            }
            shell.after_turn(ctx);
        }));
    }
}

impl<C: Hosted> Supervised for Shell<C> {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.faults.strike(Place::Restarting);
        let shared = &self.outlet.shared;
        shared.tape.input(shared.clock.now(), || Taped::Failed(C::id(self.place)));
        // What the core was is not trusted; `started` builds another.
        self.seat.leave();
        self.timer = None;
        self.rebuilt = true;
    }
}

impl<C: Hosted> Handler<Told<C::Input>> for Shell<C> {
    type Result = ();

    fn handle(&mut self, told: Told<C::Input>, ctx: &mut Self::Context) {
        let started = mono_ns();
        self.tell(told, ctx);
        self.gauge.on_handled(started, 1);
    }
}

impl<C: Hosted> Handler<Wake> for Shell<C> {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        let started = mono_ns();
        self.fire(ctx);
        self.gauge.on_handled(started, 1);
    }
}

impl<C: Hosted> Handler<Stop> for Shell<C> {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        if let Some(input) = C::farewell() {
            self.tell(Told::unprompted(input), ctx);
        }
    }
}

impl<C: Hosted> Handler<Look> for Shell<C> {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl<C: Hosted> Drop for Shell<C> {
    fn drop(&mut self) {
        // An actor that has ended is told by mailbox, which is closed, and that is counted.
        self.seat.leave();
    }
}
