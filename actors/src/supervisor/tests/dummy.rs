//! An actor that writes down what it handles, rebuilds itself from that, and fails on demand.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseFuture, SpawnHandle,
    StreamHandler, Supervised,
};
use tokio::sync::oneshot;

use super::super::*;

#[derive(Message)]
#[rtype(result = "()")]
pub struct Add(pub u64);

/// What the actor has in memory: the rebuilt journal, and how often it was rebuilt.
#[derive(Message)]
#[rtype(result = "(Vec<u64>, u32)")]
pub struct Read;

#[derive(Message)]
#[rtype(result = "()")]
pub enum Do {
    PanicInHandler,
    PanicInTimer,
    PanicInStream,
    PanicInSpawned,
    PanicInWaited,
    /// Cancels the timer that `started` set, and panics in the same breath.
    CancelAndPanic,
    StopYourself,
    /// Says that it is inside, then holds the thread until released.
    Block(oneshot::Sender<()>, mpsc::Receiver<()>),
    WaitFor(oneshot::Receiver<()>),
    /// From now on `Stop` is answered when this resolves.
    StopSlowly(oneshot::Receiver<()>),
}

pub fn boom(place: &str) -> ! {
    panic!("boom in {place}")
}
pub const BOOM_LINE: u32 = line!() - 2;

/// What outlives the actor: its journal, and the faults that are armed.
#[derive(Clone, Default)]
pub struct Outside {
    pub journal: Arc<Mutex<Vec<u64>>>,
    pub panics_in_started: Arc<AtomicU32>,
    pub panics_in_restarting: Arc<AtomicU32>,
    pub timers_fired: Arc<AtomicU32>,
    /// Does not call [`Gauge::on_handled`].
    pub silent: bool,
}

pub struct Core {
    outside: Outside,
    gauge: Arc<Gauge>,
    memory: Vec<u64>,
    rebuilt: u32,
    timer: SpawnHandle,
    stop_when: Option<oneshot::Receiver<()>>,
}

fn fires(armed: &AtomicU32) -> bool {
    armed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Actor for Core {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if fires(&self.outside.panics_in_started) {
            boom("started");
        }
        let journal = self.outside.journal.clone();
        let replay = wrap_future::<_, Self>(async move { journal.lock().unwrap().clone() });
        ctx.wait(replay.map(|read, core, _| core.memory = read));
        self.timer = ctx.run_later(Duration::from_millis(1), |core, _| {
            core.outside.timers_fired.fetch_add(1, Ordering::SeqCst);
        });
    }
}

impl Supervised for Core {
    fn restarting(&mut self, _: &mut Self::Context) {
        if fires(&self.outside.panics_in_restarting) {
            boom("restarting");
        }
        self.memory = Vec::new();
        self.rebuilt += 1;
    }
}

impl Handler<Add> for Core {
    type Result = ();

    fn handle(&mut self, Add(value): Add, _: &mut Self::Context) {
        let started = mono_ns();
        self.memory.push(value);
        self.outside.journal.lock().unwrap().push(value);
        if !self.outside.silent {
            self.gauge.on_handled(started, 1);
        }
    }
}

impl Handler<Read> for Core {
    type Result = actix::MessageResult<Read>;

    fn handle(&mut self, _: Read, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult((self.memory.clone(), self.rebuilt))
    }
}

impl StreamHandler<()> for Core {
    fn handle(&mut self, (): (), _: &mut Self::Context) {
        boom("stream");
    }
}

impl Handler<Do> for Core {
    type Result = ();

    fn handle(&mut self, what: Do, ctx: &mut Self::Context) {
        let soon = || wrap_future::<_, Self>(tokio::task::yield_now());
        match what {
            Do::PanicInHandler => boom("handler"),
            Do::PanicInTimer => drop(ctx.run_later(Duration::from_millis(1), |_, _| boom("timer"))),
            Do::PanicInStream => drop(ctx.add_stream(futures::stream::iter([()]))),
            Do::PanicInSpawned => drop(ctx.spawn(soon().map(|(), _, _| boom("spawned")))),
            Do::PanicInWaited => ctx.wait(soon().map(|(), _, _| boom("waited"))),
            Do::CancelAndPanic => {
                ctx.cancel_future(self.timer);
                boom("cancel");
            }
            Do::StopYourself => ctx.stop(),
            Do::Block(inside, release) => {
                inside.send(()).expect("the test waits for it");
                release.recv().expect("the test releases it");
            }
            Do::WaitFor(release) => ctx.wait(wrap_future::<_, Self>(release).map(|_, _, _| ())),
            Do::StopSlowly(when) => self.stop_when = Some(when),
        }
    }
}

impl Handler<Stop> for Core {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Stop, _: &mut Self::Context) -> Self::Result {
        let when = self.stop_when.take();
        Box::pin(async move {
            if let Some(when) = when {
                when.await.expect("the test keeps the sender");
            }
        })
    }
}

/// The test's side of one dummy.
pub struct Dummy {
    pub child: Child<Core>,
    pub outside: Outside,
    pub add: Port<Add>,
    pub order: Port<Do>,
}

impl Dummy {
    pub fn add(boss: &mut Supervisor, spec: ChildSpec) -> Self {
        Self::add_with(boss, spec, Outside::default())
    }

    pub fn add_with(boss: &mut Supervisor, spec: ChildSpec, outside: Outside) -> Self {
        let inside = outside.clone();
        let child = boss.add_gauged(spec, move |_, gauge| Core {
            outside: inside,
            gauge,
            memory: Vec::new(),
            rebuilt: 0,
            timer: SpawnHandle::default(),
            stop_when: None,
        });
        let child = child.expect("the name is new");
        Self { add: child.port(), order: child.port(), child, outside }
    }

    pub fn gauge(&self) -> &Gauge {
        self.child.gauge()
    }

    pub fn journal(&self) -> Vec<u64> {
        self.outside.journal.lock().unwrap().clone()
    }

    pub async fn read(&self) -> (Vec<u64>, u32) {
        tokio::time::timeout(super::DEADLINE, self.child.addr().send(Read)).await.expect("in time").expect("answered")
    }

    /// Blocks it in a handler, until what is returned is sent to; it is inside when this returns.
    pub async fn block(&self) -> mpsc::Sender<()> {
        let (release, held) = mpsc::channel();
        let (inside, entered) = oneshot::channel();
        self.order.send(Do::Block(inside, held));
        tokio::time::timeout(super::DEADLINE, entered).await.expect("in time").expect("the handler said so");
        release
    }

    /// Waits until nothing is queued. An answer may come in the middle of a poll, and the count is made at its end.
    pub async fn drained(&self) {
        let empty = async {
            while self.gauge().queued() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(super::DEADLINE, empty).await.expect("everything queued is taken in time");
    }

    /// Waits until it has been asked something behind all that was sent, so that this was handled.
    pub async fn settle(&self) {
        self.read().await;
    }
}
