//! A running gateway: its thread, its listener, the handle that its owner holds.
//! In: options, and questions from other threads. Out: connections served until it is stopped.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use slog::{Logger, error, info};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::connection::{self, Bounds, Link};
use crate::control;
use crate::door;
use crate::options::{Options, Pacing, StartError};
use crate::pace;
use crate::probe::Probe;
use crate::rehearsal::{self, Clocks, Rehearsal};
use crate::stats::{Counters, Stats, Truth};

const ALIVE: &str = "the gateway's thread runs until it is stopped";

/// What the tasks of the gateway's thread share.
pub struct Shared {
    pub broker: RefCell<Broker>,
    pub links: RefCell<BTreeMap<ConnId, Link>>,
    /// Something may be due to be played.
    pub play: Notify,
    /// The port is to be opened, closed or moved.
    pub door: Notify,
    /// A client's outbox fell below [`pace::FLOOD_BYTES`], or a client left.
    pub drained: Notify,
    pub probe: Option<Probe>,
    pub counters: Counters,
    pub bounds: Bounds,
    pub log: Logger,
}

/// Something to do on the gateway's thread, between two requests or steps.
type Work = Box<dyn FnOnce(&mut Broker) + Send>;

enum Command {
    Act(Work),
    Stop,
}

/// A running gateway. Dropping it stops it too, without waiting.
pub struct Gateway {
    address: SocketAddr,
    /// A fault can move it.
    port: Arc<AtomicU16>,
    control: Option<SocketAddr>,
    counters: Counters,
    /// Unbounded because a sender waits for the answer before it asks again.
    commands: UnboundedSender<Command>,
    thread: JoinHandle<()>,
    log: Logger,
}

/// Listens on the address and serves clients on a thread of its own.
pub fn start(options: Options) -> Result<Gateway, StartError> {
    start_inner(options, Bounds::default(), None, Rehearsal::default())
}

/// As [`start`]; with faults by script, limits, a transcript and a control channel, as far as `rehearsal` has them.
pub fn start_rehearsal(options: Options, rehearsal: Rehearsal) -> Result<Gateway, StartError> {
    start_inner(options, Bounds::default(), None, rehearsal)
}

/// As [`start`]; `probe` notes what passes on the wire.
pub fn start_probed(options: Options, probe: Probe) -> Result<Gateway, StartError> {
    start_inner(options, Bounds::default(), Some(probe), Rehearsal::default())
}

/// As [`start`]; with other bounds for clients.
#[cfg(test)]
pub(crate) fn start_with(options: Options, bounds: Bounds) -> Result<Gateway, StartError> {
    start_inner(options, bounds, None, Rehearsal::default())
}

fn start_inner(
    mut options: Options,
    bounds: Bounds,
    probe: Option<Probe>,
    mut rehearsal: Rehearsal,
) -> Result<Gateway, StartError> {
    options.check()?;
    let clocks = Clocks::of(&mut options.pace);
    let control = rehearsal.control.take().map(control::bind).transpose()?;
    let control_address = control.as_ref().map(|control| control.address);
    let failed = |source| StartError::Listen { address: options.listen, source };
    let listener = std::net::TcpListener::bind(options.listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (counters, log) = (Counters::default(), options.log.clone());
    let (commands, inbox) = unbounded_channel();
    let (ready, started) = sync_channel(1);
    let (inner, port) = (counters.clone(), Arc::new(AtomicU16::new(address.port())));
    let door_port = port.clone();
    let thread = std::thread::Builder::new().name("gateway".to_owned()).spawn(move || {
        let opened = runtime_with(listener);
        let (runtime, listener) = match opened {
            Ok(opened) => opened,
            Err(reason) => return report(&ready, Err(reason)),
        };
        report(&ready, Ok(()));
        run(&runtime, listener, options, inner, inbox, (bounds, probe), (rehearsal, clocks, control, door_port));
    });
    let thread = thread.map_err(StartError::Thread)?;
    let opened = started.recv().unwrap_or_else(|_| Err(std::io::Error::other("it ended at once")));
    opened.map_err(StartError::Thread)?;
    info!(log, "simulated gateway listens on {address}"; "event" => "gateway.started", "address" => %address);
    if let Some(control) = control_address {
        info!(log, "control channel on http://{control}"; "event" => "gateway.control", "address" => %control);
    }
    Ok(Gateway { address, port, control: control_address, counters, commands, thread, log })
}

/// Tells the starting thread; if that thread is gone there is nobody to tell.
fn report(ready: &SyncSender<std::io::Result<()>>, outcome: std::io::Result<()>) {
    drop(ready.send(outcome));
}

fn runtime_with(listener: std::net::TcpListener) -> std::io::Result<(tokio::runtime::Runtime, TcpListener)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _entered = runtime.enter();
        TcpListener::from_std(listener)?
    };
    Ok((runtime, listener))
}

fn run(
    runtime: &tokio::runtime::Runtime,
    listener: TcpListener,
    options: Options,
    counters: Counters,
    inbox: UnboundedReceiver<Command>,
    (bounds, probe): (Bounds, Option<Probe>),
    (rehearsal, clocks, control, port): (Rehearsal, Clocks, Option<control::Bound>, Arc<AtomicU16>),
) {
    let (log, clock, clients_max) = (options.log.clone(), options.pace.clone(), options.clients_max);
    let mut broker = Broker::new(options, counters.clone());
    let address = listener.local_addr().ok();
    broker.rehearse(rehearsal, clocks, address);
    let shared = Rc::new(Shared {
        broker: RefCell::new(broker),
        links: RefCell::default(),
        play: Notify::new(),
        drained: Notify::new(),
        door: Notify::new(),
        probe,
        counters,
        bounds,
        log,
    });
    let tasks = LocalSet::new();
    tasks.spawn_local(door::accept(shared.clone(), listener, port, clients_max));
    tasks.spawn_local(rehearsal::pass_time(shared.clone()));
    if let Some(control) = control {
        tasks.spawn_local(control::serve(shared.clone(), control));
    }
    match clock {
        Pacing::Clock(clock) => drop(tasks.spawn_local(pace::play_by_clock(shared.clone(), clock))),
        Pacing::Flood => drop(tasks.spawn_local(pace::play_flood(shared.clone()))),
        Pacing::Answered => {}
    }
    runtime.block_on(tasks.run_until(obey(shared, inbox)));
}

/// Answers other threads until one says stop, or all have gone.
async fn obey(shared: Rc<Shared>, mut inbox: UnboundedReceiver<Command>) {
    while let Some(Command::Act(work)) = inbox.recv().await {
        work(&mut shared.broker.borrow_mut());
        connection::flush(&shared);
        shared.play.notify_one();
    }
}

impl Gateway {
    /// Where it listens, with the real port; the fault `port-reset` moves it.
    pub fn local_addr(&self) -> SocketAddr {
        SocketAddr::new(self.address.ip(), self.port.load(Ordering::Acquire))
    }

    /// Where the control channel listens, with the real port.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control
    }

    pub fn stats(&self) -> Stats {
        self.counters.read()
    }

    /// A copy of the account as the venue has it, between two requests or steps.
    ///
    /// # Panics
    /// If the gateway's thread has panicked.
    pub fn truth(&self) -> Truth {
        self.intervene(|broker| broker.truth())
    }

    /// Does something to the account between two requests or steps, e.g. what `broker::interventions` offers, and returns
    /// its answer once clients have been written to.
    ///
    /// # Panics
    /// If the gateway's thread has panicked.
    pub fn intervene<R: Send + 'static>(&self, act: impl FnOnce(&mut Broker) -> R + Send + 'static) -> R {
        let (answer, answered) = sync_channel(1);
        // The asking thread waits for the answer, so it is there to take it.
        let act = move |broker: &mut Broker| drop(answer.send(act(broker)));
        self.commands.send(Command::Act(Box::new(act))).expect(ALIVE);
        answered.recv().expect(ALIVE)
    }

    /// Closes every connection and the listener, and waits until the thread has ended.
    pub fn stop(self) {
        // If the thread has ended already there is nothing to stop, and joining it tells how.
        drop(self.commands.send(Command::Stop));
        match self.thread.join() {
            Ok(()) => info!(self.log, "simulated gateway stopped"; "event" => "gateway.stopped"),
            Err(_) => error!(self.log, "the gateway's thread had panicked"; "event" => "gateway.panicked"),
        }
    }
}
