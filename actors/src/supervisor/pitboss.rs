//! The supervisor: who runs, on which thread, in which order. In: child specs and builders. Out: running actors, and
//! their end in reverse order. Absent: what the actors do. It is called on a thread of an actix `System`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use std::{io, thread};

use actix::dev::channel::{AddressReceiver, channel};
use actix::{Actor, Context, Handler, Supervised};
use actix_rt::time::timeout;
use actix_rt::{Arbiter, ArbiterHandle};
use engine::config::ActorsConfig;
use engine::supervision::{OnGiveUp, RestartPolicy};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::child::{Child, ChildSpec, Stop};
use super::contained::{Terms, launch};
use super::control::{Control, Order};
use super::event::Reporter;
use super::gauge::{ActorHealth, ActorState, Gauge};
use super::group::Group;
use super::heartbeat::{Heartbeat, Rhythm, Roll};
use super::warden::Warden;
use crate::priority;

/// An actor that has overrun its deadline gets this long to be dropped; a stuck thread never does it.
const KILL_WITHIN: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, Debug)]
pub struct SupervisorConfig {
    pub ping_every: Duration,
    pub report_every: Duration,
}

impl From<&ActorsConfig> for SupervisorConfig {
    fn from(config: &ActorsConfig) -> Self {
        Self { ping_every: config.ping_every, report_every: config.report_every }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot start the thread {thread:?} of actor {actor}")]
    Thread { actor: String, thread: String, source: io::Error },
    #[error("actor {actor} cannot start, and nothing may trade without it")]
    GivenUp { actor: String },
    #[error("there are two actors named {0}")]
    Duplicate(String),
}

type Launch = Box<dyn FnOnce(&ArbiterHandle, Terms)>;
type AskToStop = Box<dyn Fn() -> BoxFuture<'static, ()>>;

struct Entry {
    spec: ChildSpec,
    control: Arc<Control>,
    /// Gone once it has been launched.
    launch: Option<Launch>,
    ask_to_stop: AskToStop,
}

pub struct Supervisor {
    reporter: Reporter,
    entries: Vec<Entry>,
    groups: BTreeMap<String, Arc<Group>>,
    own_arbiters: BTreeMap<String, Arbiter>,
    /// Threads that step back behind the others.
    background: BTreeSet<String>,
    arbiters: BTreeMap<String, ArbiterHandle>,
    roll: Roll,
    heartbeat: Heartbeat,
}

impl Supervisor {
    /// Starts the heartbeat thread.
    pub fn new(config: SupervisorConfig, reporter: Reporter) -> io::Result<Self> {
        let roll = Roll::default();
        let heartbeat = Heartbeat::start(roll.clone(), Rhythm::from(config))?;
        Ok(Self::with(reporter, roll, heartbeat))
    }

    /// A supervisor that starts no thread: every actor of `threads` lives on the calling one, the heartbeat too. For a
    /// simulation, whose clock stands still while anything runs, so that no hang can be found.
    pub fn on_this_thread<'a>(
        config: SupervisorConfig,
        reporter: Reporter,
        threads: impl Iterator<Item = &'a str>,
    ) -> Self {
        let roll = Roll::default();
        let heartbeat = Heartbeat::start_here(roll.clone(), Rhythm::from(config));
        let mut supervisor = Self::with(reporter, roll, heartbeat);
        threads.for_each(|thread| supervisor.use_arbiter(thread, Arbiter::current()));
        supervisor
    }

    fn with(reporter: Reporter, roll: Roll, heartbeat: Heartbeat) -> Self {
        Self {
            reporter,
            entries: Vec::new(),
            groups: BTreeMap::new(),
            own_arbiters: BTreeMap::new(),
            background: BTreeSet::new(),
            arbiters: BTreeMap::new(),
            heartbeat,
            roll,
        }
    }

    /// Runs the actors of `thread` on an arbiter that is there already, such as the system's own.
    pub fn use_arbiter(&mut self, thread: &str, arbiter: ArbiterHandle) {
        self.arbiters.insert(thread.into(), arbiter);
    }

    /// Actors of `thread` can wait: it gets a low priority when it is started.
    pub fn put_behind(&mut self, thread: &str) {
        self.background.insert(thread.into());
    }

    /// Adds an actor; `build` runs on its thread, at [`Supervisor::start`]. Its address and ports are valid at once.
    pub fn add<A, F>(&mut self, spec: ChildSpec, build: F) -> Result<Child<A>, StartError>
    where
        A: Actor<Context = Context<A>> + Supervised + Handler<Stop>,
        F: FnOnce(&mut Context<A>) -> A + Send + 'static,
    {
        self.add_gauged(spec, |ctx, _| build(ctx))
    }

    /// As [`Supervisor::add`], for an actor that counts what it handles in its own gauge.
    pub fn add_gauged<A, F>(&mut self, spec: ChildSpec, build: F) -> Result<Child<A>, StartError>
    where
        A: Actor<Context = Context<A>> + Supervised + Handler<Stop>,
        F: FnOnce(&mut Context<A>, Arc<Gauge>) -> A + Send + 'static,
    {
        if self.entries.iter().any(|entry| entry.spec.name == spec.name) {
            return Err(StartError::Duplicate(spec.name));
        }
        let capacity = spec.config.mailbox_capacity;
        let (sender, receiver) = channel::<A>(capacity);
        let gauge = Arc::new(Gauge::new(&spec.name, &spec.kind, &spec.config.thread, capacity));
        let child = Child::new(sender, gauge.clone());
        let control = Arc::new(Control::new(gauge.clone(), self.reporter.clone(), spec.config.hang_after));
        self.entries.push(Entry {
            spec,
            control,
            launch: Some(boxed_launch(receiver, move |ctx: &mut Context<A>| build(ctx, gauge))),
            ask_to_stop: boxed_stop(&child),
        });
        Ok(child)
    }

    /// Starts what has been added and not started, in order: each one when the one before it runs. An actor that is
    /// rebuilt meanwhile is waited for. Fails when one is given up without which nothing may trade.
    pub async fn start(&mut self) -> Result<(), StartError> {
        let mut waiting: Vec<usize> = (0..self.entries.len()).filter(|&i| self.entries[i].launch.is_some()).collect();
        waiting.sort_by_key(|&i| self.entries[i].spec.order);
        for i in waiting {
            self.launch(i)?;
            let Entry { spec, control, .. } = &self.entries[i];
            let state = control.state_where(|state| state == ActorState::Running || state.is_over()).await;
            if state != ActorState::Running && spec.on_give_up == OnGiveUp::HaltTrading {
                return Err(StartError::GivenUp { actor: spec.name.clone() });
            }
        }
        Ok(())
    }

    fn launch(&mut self, i: usize) -> Result<(), StartError> {
        let arbiter = self.arbiter_for(i)?;
        let entry = &mut self.entries[i];
        let policy = RestartPolicy::new(&entry.spec.config, entry.spec.on_give_up);
        let hurried = policy.backoff_min();
        let group = match &entry.spec.group {
            None => Arc::new(Group::new(policy)),
            Some(name) => self.groups.entry(name.clone()).or_insert_with(|| Arc::new(Group::new(policy))).clone(),
        };
        let warden = Warden::new(entry.control.clone(), group, entry.spec.on_give_up);
        let launch = entry.launch.take().expect("only entries that wait to be launched are");
        launch(&arbiter, Terms { warden, restart: entry.spec.restart, hurried });
        self.roll.lock().unwrap_or_else(PoisonError::into_inner).push(entry.control.clone());
        Ok(())
    }

    fn arbiter_for(&mut self, i: usize) -> Result<ArbiterHandle, StartError> {
        let spec = &self.entries[i].spec;
        let thread = spec.config.thread.clone();
        if let Some(arbiter) = self.arbiters.get(&thread) {
            return Ok(arbiter.clone());
        }
        let arbiter = Arbiter::try_new().map_err(|source| StartError::Thread {
            actor: spec.name.clone(),
            thread: thread.clone(),
            source,
        })?;
        let handle = arbiter.handle();
        if self.background.contains(&thread) {
            // An arbiter that has just been started takes it.
            let _sent: bool = handle.spawn_fn(priority::step_back);
        }
        self.own_arbiters.insert(thread.clone(), arbiter);
        self.arbiters.insert(thread, handle.clone());
        Ok(handle)
    }

    /// Every actor's gauge, in the order of adding.
    pub fn gauges(&self) -> Vec<Arc<Gauge>> {
        self.entries.iter().map(|entry| entry.control.gauge.clone()).collect()
    }

    pub fn health(&self) -> Vec<ActorHealth> {
        self.entries.iter().map(|entry| entry.control.gauge.health()).collect()
    }

    /// Stops one actor within its deadline, for good. True when it ended; false when its thread is stuck, or there is no
    /// running actor of that name.
    pub async fn stop_one(&self, name: &str) -> bool {
        match self.entries.iter().find(|entry| entry.spec.name == name) {
            Some(entry) => entry.stop().await,
            None => false,
        }
    }

    /// Stops every actor, last started first, each within its deadline, then the threads it created. The names of
    /// actors that did not end: their threads are stuck and were left behind.
    pub async fn stop(mut self) -> Vec<String> {
        let mut order: Vec<usize> = (0..self.entries.len()).filter(|&i| self.entries[i].launch.is_none()).collect();
        order.sort_by_key(|&i| self.entries[i].spec.order);
        let mut stuck = Vec::new();
        for i in order.into_iter().rev() {
            let entry = &self.entries[i];
            if !entry.stop().await {
                stuck.push(entry.spec.name.clone());
                self.own_arbiters.remove(&entry.spec.config.thread);
            }
        }
        for (name, arbiter) in self.own_arbiters {
            if !end_thread(arbiter).await {
                eprintln!("the thread {name:?} did not end and was left behind");
            }
        }
        self.heartbeat.stop();
        stuck
    }
}

impl Entry {
    /// True when the actor is over.
    async fn stop(&self) -> bool {
        if self.launch.is_some() {
            return false;
        }
        if self.control.gauge.state().is_over() {
            return true;
        }
        let deadline = Instant::now() + self.spec.config.stop_within;
        self.control.give(Order::Stopping);
        let answered = timeout(self.spec.config.stop_within, (self.ask_to_stop)()).await.is_ok();
        if answered {
            self.control.give(Order::Finish);
            if self.over_within(deadline.saturating_duration_since(Instant::now())).await {
                return true;
            }
        }
        self.control.give(Order::Kill);
        self.over_within(KILL_WITHIN).await
    }

    async fn over_within(&self, limit: Duration) -> bool {
        timeout(limit, self.control.state_where(ActorState::is_over)).await.is_ok()
    }
}

fn boxed_launch<A, F>(receiver: AddressReceiver<A>, build: F) -> Launch
where
    A: Actor<Context = Context<A>> + Supervised,
    F: FnOnce(&mut Context<A>) -> A + Send + 'static,
{
    Box::new(move |arbiter, terms| launch(arbiter, receiver, terms, build))
}

/// Resolves when `Stop` has been answered, or the mailbox closed, or the actor failed while it handled it.
fn boxed_stop<A>(child: &Child<A>) -> AskToStop
where
    A: Actor<Context = Context<A>> + Handler<Stop>,
{
    let addr = child.addr();
    Box::new(move || addr.send(Stop).map(|_answer_or_gone| ()).boxed())
}

/// Stops an arbiter's loop and waits for its thread, whose destructors may take a moment.
async fn end_thread(arbiter: Arbiter) -> bool {
    arbiter.stop();
    let (done, ended) = oneshot::channel();
    thread::spawn(move || {
        let joined = arbiter.join().is_ok();
        // The receiver is gone only when the wait below is over.
        done.send(joined).unwrap_or_default();
    });
    matches!(timeout(KILL_WITHIN, ended).await, Ok(Ok(true)))
}
