//! A running gateway: its thread, its listener, the handle that its owner holds.
//! In: options, and questions from other threads. Out: connections served until it is stopped.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use slog::{Logger, error, info, warn};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::connection::{self, Link};
use crate::options::{Options, Pacing, StartError};
use crate::pace;
use crate::probe::Probe;
use crate::stats::{Counters, Stats, Truth};

/// How long to wait after the system refused to accept a connection, e.g. for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const ALIVE: &str = "the gateway's thread runs until it is stopped";

/// What the tasks of the gateway's thread share.
pub struct Shared {
    pub broker: RefCell<Broker>,
    pub links: RefCell<BTreeMap<ConnId, Link>>,
    /// Something may be due to be played.
    pub play: Notify,
    /// A client's outbox fell below [`pace::FLOOD_BYTES`], or a client left.
    pub drained: Notify,
    pub probe: Option<Probe>,
    pub counters: Counters,
    pub outbox_bytes_max: usize,
    pub log: Logger,
}

enum Command {
    Truth(SyncSender<Truth>),
    /// Something to do to the account between two requests or steps.
    Act(Box<dyn FnOnce(&mut Broker) + Send>),
    Stop,
}

/// A running gateway. Dropping it stops it too, without waiting.
pub struct Gateway {
    address: SocketAddr,
    counters: Counters,
    /// Unbounded because a sender waits for the answer before it asks again.
    commands: UnboundedSender<Command>,
    thread: JoinHandle<()>,
    log: Logger,
}

/// Listens on the address and serves clients on a thread of its own.
pub fn start(options: Options) -> Result<Gateway, StartError> {
    start_inner(options, connection::OUTBOX_BYTES_MAX, None)
}

/// As [`start`]; `probe` notes what passes on the wire.
pub fn start_probed(options: Options, probe: Probe) -> Result<Gateway, StartError> {
    start_inner(options, connection::OUTBOX_BYTES_MAX, Some(probe))
}

/// As [`start`]; a client with more than `outbox_bytes_max` unread bytes is dropped.
#[cfg(test)]
pub(crate) fn start_with(options: Options, outbox_bytes_max: usize) -> Result<Gateway, StartError> {
    start_inner(options, outbox_bytes_max, None)
}

fn start_inner(options: Options, outbox_bytes_max: usize, probe: Option<Probe>) -> Result<Gateway, StartError> {
    options.check()?;
    let failed = |source| StartError::Listen { address: options.listen, source };
    let listener = std::net::TcpListener::bind(options.listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (counters, log) = (Counters::default(), options.log.clone());
    let (commands, inbox) = unbounded_channel();
    let (ready, started) = sync_channel(1);
    let inner = counters.clone();
    let thread = std::thread::Builder::new().name("gateway".to_owned()).spawn(move || {
        let opened = runtime_with(listener);
        let (runtime, listener) = match opened {
            Ok(opened) => opened,
            Err(reason) => return report(&ready, Err(reason)),
        };
        report(&ready, Ok(()));
        run(&runtime, listener, options, inner, inbox, (outbox_bytes_max, probe));
    });
    let thread = thread.map_err(StartError::Thread)?;
    let opened = started.recv().unwrap_or_else(|_| Err(std::io::Error::other("it ended at once")));
    opened.map_err(StartError::Thread)?;
    info!(log, "simulated gateway listens on {address}"; "event" => "gateway.started", "address" => %address);
    Ok(Gateway { address, counters, commands, thread, log })
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
    (outbox_bytes_max, probe): (usize, Option<Probe>),
) {
    let (log, clock, clients_max) = (options.log.clone(), options.pace.clone(), options.clients_max);
    let shared = Rc::new(Shared {
        broker: RefCell::new(Broker::new(options, counters.clone())),
        links: RefCell::default(),
        play: Notify::new(),
        drained: Notify::new(),
        probe,
        counters,
        outbox_bytes_max,
        log,
    });
    let tasks = LocalSet::new();
    tasks.spawn_local(accept(shared.clone(), listener, clients_max));
    match clock {
        Pacing::Clock(clock) => drop(tasks.spawn_local(pace::play_by_clock(shared.clone(), clock))),
        Pacing::Flood => drop(tasks.spawn_local(pace::play_flood(shared.clone()))),
        Pacing::Answered => {}
    }
    runtime.block_on(tasks.run_until(obey(shared, inbox)));
}

/// Answers other threads until one says stop, or all have gone.
async fn obey(shared: Rc<Shared>, mut inbox: UnboundedReceiver<Command>) {
    while let Some(command) = inbox.recv().await {
        match command {
            Command::Stop => return,
            Command::Act(act) => {
                act(&mut shared.broker.borrow_mut());
                connection::flush(&shared);
                shared.play.notify_one();
            }
            Command::Truth(answer) => {
                let truth = shared.broker.borrow().truth();
                if answer.send(truth).is_err() {
                    warn!(shared.log, "nobody waits for the account's truth any more"; "event" => "gateway.truth_unread");
                }
            }
        }
    }
}

async fn accept(shared: Rc<Shared>, listener: TcpListener, clients_max: usize) {
    let mut next: ConnId = 1;
    let mut open = tokio::task::JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                while open.try_join_next().is_some() {}
                if open.len() >= clients_max {
                    warn!(shared.log, "refusing {peer}: {clients_max} connections are open"; "event" => "gateway.full");
                    continue;
                }
                open.spawn_local(connection::serve(shared.clone(), stream, next));
                next += 1;
            }
            Err(reason) => {
                warn!(shared.log, "cannot accept a connection: {reason}"; "event" => "gateway.accept_failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Gateway {
    /// Where it listens, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    pub fn stats(&self) -> Stats {
        self.counters.read()
    }

    /// A copy of the account as the venue has it, between two requests or steps.
    ///
    /// # Panics
    /// If the gateway's thread has panicked.
    pub fn truth(&self) -> Truth {
        let (answer, truth) = sync_channel(1);
        self.commands.send(Command::Truth(answer)).expect(ALIVE);
        truth.recv().expect(ALIVE)
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
