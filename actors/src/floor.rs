//! The trading floor: cores of one thread hand each other what they say without a mailbox in between.
//! In: inputs whose receiver sits on this thread, has nothing waiting in its mailbox and is whole. Out: the same
//! inputs handled, first in, first out over all receivers, as in the backtest's queue; before the caller goes on.
//! Absent: what an input means, and inputs that cross threads; those go through mailboxes as to any actor.
//!
//! A mailbox costs a wake-up, an allocation and a poll of everything the receiver waits for; between two cores that
//! share a thread nothing is gained by it. The receiver stays an actor all the same: a panic in its core is contained
//! here, handed to its actor and repaired by the supervisor as if it had happened there.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Addr, Message};
use engine::bars::Bars;
use engine::books::Books;
use engine::link::Link;
use engine::strategy::StrategyCore;
use engine::time::Timestamp;
use engine::wiring::{BrokerCommand, Core, Deliver, Output};

use crate::directory::{Outlet, Shared, Told};
use crate::latency::Span;
use crate::shell::{Hosted, Shell};
use crate::supervisor::{Gauge, Panic, Port, catch, mono_ns};

/// Said to an actor whose core panicked on the floor, or wants an earlier timer.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Look;

/// Where a core sits: its actor owns it, and the floor reaches it.
pub struct Seat<C: Hosted> {
    core: RefCell<Option<C>>,
    port: Port<Told<C::Input>>,
    actor: Addr<Shell<C>>,
    /// For when the actor has set its timer.
    timer: Cell<Option<Timestamp>>,
    /// What the actor has to fail with.
    panic: RefCell<Option<Panic>>,
    /// The next input panics: in tests and simulations.
    poisoned: Cell<bool>,
}

impl<C: Hosted> Seat<C> {
    pub fn new(port: Port<Told<C::Input>>, actor: Addr<Shell<C>>) -> Rc<Self> {
        Rc::new(Self {
            core: RefCell::default(),
            port,
            actor,
            timer: Cell::default(),
            panic: RefCell::default(),
            poisoned: Cell::default(),
        })
    }

    /// The core, for its actor alone.
    ///
    /// # Panics
    /// With the panic that the core had on the floor; the supervisor takes it from there.
    pub fn own<T>(&self, work: impl FnOnce(&mut C) -> T) -> T {
        let mut core = self.core.borrow_mut();
        match core.as_mut() {
            Some(core) => work(core),
            None => {
                let panic = self.panic.take().expect("the mailbox opens when the core is built");
                std::panic::resume_unwind(Box::new(panic))
            }
        }
    }

    /// One input through the core and out again.
    pub fn tell(&self, told: Told<C::Input>, outlet: &mut Outlet) {
        let (now, cause) = (outlet.now, told.cause);
        outlet.cause = cause;
        let output = self.own(|core| core.handle(now, told.input));
        let signals = C::SIGNALS && cause.tick != 0 && is_signal(&output);
        if signals {
            outlet.cause.signal = mono_ns();
            let took = outlet.cause.signal.saturating_sub(cause.tick);
            outlet.shared.latency.record(Span::TickToSignal, took);
        }
        outlet.hand_on(output);
    }

    /// Takes a core that was just built; the floor reaches it from now on.
    pub fn take(self: &Rc<Self>, core: C, place: usize, shared: &Shared) {
        *self.core.borrow_mut() = Some(core);
        FLOOR.with_borrow_mut(|floor| {
            floor.open_for(shared);
            let row = C::row(&mut floor.seats);
            if row.len() <= place {
                row.resize_with(place + 1, || None);
            }
            row[place] = Some(self.clone());
        });
    }

    /// What the core was is not trusted or not needed any more.
    pub fn leave(&self) {
        self.timer.set(None);
        self.panic.take();
        // A core that is just being used cannot be taken away; nothing comes here then but a drop in a panic.
        if let Ok(mut core) = self.core.try_borrow_mut()
            && let Err(panic) = catch(|| *core = None)
        {
            eprintln!("the destructor of a core {panic}");
        }
    }

    /// The next input that comes over the floor panics.
    pub fn poison(&self) {
        self.poisoned.set(true);
    }

    pub fn timer(&self) -> Option<Timestamp> {
        self.timer.get()
    }

    pub fn set_timer(&self, at: Option<Timestamp>) {
        self.timer.set(at);
    }

    /// Its actor is not behind with its mailbox, and the core is whole and not at work.
    fn is_free(&self) -> bool {
        self.port.gauge().queued() == 0 && self.core.try_borrow().is_ok_and(|core| core.is_some())
    }

    /// A timer that is too late must be set anew, by the actor.
    fn mind_timer(&self) {
        let Ok(core) = self.core.try_borrow() else { return };
        let Some(wanted) = core.as_ref().and_then(C::next_deadline) else { return };
        if self.timer.get().is_none_or(|at| wanted < at) {
            // Told once: until the actor has looked, it is as good as set.
            self.timer.set(Some(wanted));
            self.actor.do_send(Look);
        }
    }

    /// [`Seat::tell`] on behalf of the actor. A panic ends here and goes to the actor. Returns when this was done,
    /// having begun at `began`; both monotonic nanoseconds.
    fn serve(&self, told: Told<C::Input>, outlet: &mut Outlet, began: u64) -> u64 {
        if !self.is_free() {
            // It failed since this was queued.
            self.port.send(told);
            return began;
        }
        let served = catch(|| {
            assert!(!self.poisoned.get(), "as was ordered, on the floor");
            self.tell(told, outlet);
        });
        if let Err(panic) = served {
            self.poisoned.set(false);
            self.leave();
            *self.panic.borrow_mut() = Some(panic);
            self.actor.do_send(Look);
        }
        let ended = mono_ns();
        self.port.gauge().on_floor(ended.saturating_sub(began));
        ended
    }
}

fn is_signal(output: &Output) -> bool {
    matches!(output, Output::Strategy(intents) if !intents.is_empty())
}

/// Cores of one kind by their number: symbol, strategy; books and link have number 0.
pub type Row<C> = Vec<Option<Rc<Seat<C>>>>;

/// Who sits on a thread's floor.
#[derive(Default)]
pub struct Seats {
    pub bars: Row<Bars>,
    pub strategies: Row<StrategyCore>,
    pub books: Row<Books>,
    pub link: Row<Link>,
}

/// An input on its way over the floor.
pub enum Item {
    Bars(Rc<Seat<Bars>>, Told<<Bars as Core>::Input>),
    Strategy(Rc<Seat<StrategyCore>>, Told<<StrategyCore as Core>::Input>),
    Books(Rc<Seat<Books>>, Told<<Books as Core>::Input>),
    Link(Rc<Seat<Link>>, Told<<Link as Core>::Input>),
}

impl Item {
    fn serve(self, outlet: &mut Outlet, began: u64) -> u64 {
        match self {
            Item::Bars(seat, told) => seat.serve(told, outlet, began),
            Item::Strategy(seat, told) => seat.serve(told, outlet, began),
            Item::Books(seat, told) => seat.serve(told, outlet, began),
            Item::Link(seat, told) => seat.serve(told, outlet, began),
        }
    }
}

#[derive(Default)]
struct Floor {
    /// The system whose floor this is; another one on the same thread uses mailboxes.
    system: usize,
    seats: Seats,
    items: VecDeque<Item>,
    running: bool,
    /// A replay's driver says when.
    held: bool,
    /// The broker adapter fetches its commands itself.
    collects: bool,
    commands: VecDeque<Told<BrokerCommand>>,
}

impl Floor {
    fn open_for(&mut self, shared: &Shared) {
        if self.system != id(shared) {
            *self = Floor { system: id(shared), ..Floor::default() };
        }
    }
}

thread_local! {
    static FLOOR: RefCell<Floor> = RefCell::default();
}

fn id(shared: &Shared) -> usize {
    std::ptr::from_ref(shared).addr()
}

/// Queues an input for this floor. Hands it back if its receiver has no seat here, or must be reached by mailbox so
/// that it hears everything in order.
pub fn hand<C: Hosted>(shared: &Shared, place: usize, told: Told<C::Input>) -> Result<(), Told<C::Input>> {
    FLOOR.with_borrow_mut(|floor| {
        let of_system = floor.system == id(shared);
        let seat = C::row(&mut floor.seats).get(place).and_then(Option::as_ref);
        match seat.filter(|seat| of_system && seat.is_free()).cloned() {
            Some(seat) => floor.items.push_back(C::item(seat, told)),
            None => return Err(told),
        }
        Ok(())
    })
}

/// As [`hand`], for the broker adapter while it collects; it takes them with [`take_command`].
pub fn hand_command(shared: &Shared, told: Told<BrokerCommand>, gauge: &Gauge) -> Result<(), Told<BrokerCommand>> {
    FLOOR.with_borrow_mut(|floor| {
        if !floor.collects || floor.system != id(shared) || gauge.queued() != 0 {
            return Err(told);
        }
        floor.commands.push_back(told);
        Ok(())
    })
}

/// The broker adapter of this thread begins or ends to fetch its commands itself.
pub fn collect(on: bool) {
    FLOOR.with_borrow_mut(|floor| floor.collects = on);
}

pub fn take_command() -> Option<Told<BrokerCommand>> {
    FLOOR.with_borrow_mut(|floor| floor.commands.pop_front())
}

/// Keeps the floor of this thread still but for [`Hold::run`]: a replay is the same every time, and the same as the
/// backtest, only if everything that arrives together waits before anybody draws conclusions.
pub struct Hold(Outlet);

impl Hold {
    pub fn new(shared: Arc<Shared>) -> Self {
        FLOOR.with_borrow_mut(|floor| floor.held = true);
        Self(Outlet::new(shared))
    }

    /// Whether there was anything to do.
    pub fn run(&mut self) -> bool {
        let shared = &self.0.shared;
        let ran = run_all(shared, shared.clock.now());
        if ran {
            self.0.commit();
        }
        ran
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        FLOOR.with_borrow_mut(|floor| floor.held = false);
        self.run();
    }
}

/// Handles what is queued and everything that comes of it. Does nothing inside of itself.
pub fn run(shared: &Arc<Shared>, now: Timestamp) {
    if !FLOOR.with_borrow(|floor| floor.held) {
        run_all(shared, now);
    }
}

/// Whether anything was done.
fn run_all(shared: &Arc<Shared>, now: Timestamp) -> bool {
    let begins = FLOOR.with_borrow_mut(|floor| {
        let begins = !floor.running && !floor.items.is_empty() && floor.system == id(shared);
        floor.running |= begins;
        begins
    });
    if !begins {
        return false;
    }
    let mut outlet = Outlet::new(shared.clone());
    outlet.now = now;
    let mut at = mono_ns();
    while let Some(item) = FLOOR.with_borrow_mut(|floor| floor.items.pop_front()) {
        at = item.serve(&mut outlet, at);
    }
    FLOOR.with_borrow_mut(|floor| floor.running = false);
    true
}

/// The books of this thread as they are; `None` while they are rebuilt or at work.
pub fn with_books<T>(shared: &Shared, look: impl FnOnce(&Books) -> T) -> Option<T> {
    let seat =
        FLOOR.with_borrow(|floor| floor.seats.books.first().cloned().flatten().filter(|_| floor.system == id(shared)));
    let seat = seat?;
    let core = seat.core.try_borrow().ok()?;
    core.as_ref().map(look)
}

/// Forgets a system whose actors are gone: another one may come to lie at the same address.
pub fn clear() {
    FLOOR.take();
}

/// Has actors set the timers that their cores want earlier than those that are set.
pub fn mind_timers(shared: &Shared) {
    if shared.clock.is_driven() {
        return;
    }
    FLOOR.with_borrow(|floor| {
        if floor.system == id(shared) {
            floor.seats.bars.iter().flatten().for_each(|seat| seat.mind_timer());
            floor.seats.books.iter().flatten().for_each(|seat| seat.mind_timer());
            floor.seats.link.iter().flatten().for_each(|seat| seat.mind_timer());
        }
    });
}
