//! Between the simulated broker actor and the exchange: one place that sees every request that leaves and all news that
//! come, and shows them to the auditor. In: requests. Out: news. Absent: what either means.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use engine::market::SymbolId;
use engine::simulation::{Auditor, Exchange, Heard};
use engine::time::Timestamp;
use engine::trade::{BrokerOrderId, BrokerRequest};
use tokio::sync::Notify;

use super::broker::{Break, Hear, SimulatedBroker};
use crate::directory::Shared;
use crate::journal::{Position, ReadError, Tail};
use crate::supervisor::{Child, Gauge, Port};

/// What outlives the process: the exchange, and who watches. One thread uses it.
pub struct World {
    pub exchange: Exchange,
    pub auditor: Auditor,
    /// Of the running life's segment.
    records: Option<Tail>,
    /// Bytes of it that were there when the last request left, when it was last synced, and now.
    pub marks: Marks,
    /// The process is dead: nothing leaves it any more.
    dead: bool,
    /// The books' actor, and how often it had been rebuilt when that was last looked at.
    books: Option<(Arc<Gauge>, u64)>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Marks {
    pub sent: u64,
    pub synced: u64,
    pub written: u64,
}

impl World {
    pub fn new(exchange: Exchange, auditor: Auditor) -> Self {
        Self { exchange, auditor, records: None, marks: Marks::default(), dead: false, books: None }
    }

    /// A life begins with this segment.
    pub fn begin(&mut self, journal: &Path, segment: u32) {
        self.records = Some(Tail::new(journal, Position { segment, offset: 0 }));
        (self.marks, self.books) = (Marks::default(), None);
        self.dead = false;
        self.auditor.doubt();
    }

    /// Whoever is rebuilt knows nothing of the broker.
    pub fn watch(&mut self, books: Arc<Gauge>) {
        let restarts = books.restarts();
        self.books = Some((books, restarts));
    }

    pub fn see_restarts(&mut self) {
        if let Some((gauge, seen)) = &mut self.books
            && gauge.restarts() != *seen
        {
            *seen = gauge.restarts();
            self.auditor.doubt();
        }
    }

    /// The process dies now. Answers what a crash may cut.
    pub fn die(&mut self) -> Marks {
        self.dead = true;
        self.exchange.close();
        self.marks
    }

    /// Shows the auditor what has been written to the journal since the last time.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn read_records(&mut self, shared: &Shared) -> Result<(), ReadError> {
        let written = shared.journal().position().offset;
        if written == self.marks.written {
            return Ok(());
        }
        self.marks.written = written;
        let Some(tail) = &mut self.records else { return Ok(()) };
        for entry in tail.read(usize::MAX)?.entries {
            self.auditor.on_record(&entry);
            self.exchange.note(|| format!("wrote: {:?}", entry.record));
        }
        Ok(())
    }

    /// The journal is on the disk up to here.
    pub fn sync(&mut self) {
        self.marks.synced = self.marks.written;
    }
}

/// Cheap to clone; all clones are one wire.
#[derive(Clone)]
pub struct Wire(Arc<Inner>);

struct Inner {
    world: Arc<Mutex<World>>,
    /// The exchange has something to do earlier than it had.
    sooner: Notify,
    origin: Timestamp,
    started: tokio::time::Instant,
    hear: OnceLock<Port<Hear>>,
    fail: OnceLock<Port<Break>>,
}

impl Wire {
    /// For one life, which begins at `origin` by the world's time.
    pub fn new(world: Arc<Mutex<World>>, origin: Timestamp) -> Self {
        Self(Arc::new(Inner {
            world,
            sooner: Notify::new(),
            origin,
            started: tokio::time::Instant::now(),
            hear: OnceLock::new(),
            fail: OnceLock::new(),
        }))
    }

    pub(crate) fn connect_to(&self, child: &Child<SimulatedBroker>) {
        let connected = self.0.hear.set(child.port()).is_ok() && self.0.fail.set(child.port()).is_ok();
        assert!(connected, "a wire has one end");
    }

    pub fn now(&self) -> Timestamp {
        self.0.origin + self.0.started.elapsed()
    }

    /// When, on the runtime's clock, it is `at` in the world.
    pub fn instant(&self, at: Timestamp) -> tokio::time::Instant {
        self.0.started + at.since(self.0.origin)
    }

    /// The world as it is now.
    pub fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.0.world.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        world.exchange.pass(now);
        world.auditor.pass(now);
        world
    }

    pub async fn sooner(&self) {
        self.0.sooner.notified().await;
    }

    /// There is something for the broker actor to hear.
    pub fn wake_broker(&self) {
        if let Some(port) = self.0.hear.get() {
            port.send(Hear);
        }
    }

    pub fn fail_broker(&self, how: Break) {
        if let Some(port) = self.0.fail.get() {
            port.send(how);
        }
    }

    pub fn connect(&self) -> Option<Duration> {
        self.world().exchange.connect()
    }

    pub fn opened(&self) -> Option<BrokerOrderId> {
        let mut world = self.world();
        if world.dead { None } else { world.exchange.opened() }
    }

    pub fn close(&self) {
        let mut world = self.world();
        if !world.dead {
            world.exchange.close();
        }
    }

    pub fn request(&self, request: BrokerRequest, shared: &Shared) {
        let mut world = self.world();
        if world.dead {
            return;
        }
        if let Err(reason) = world.read_records(shared) {
            world.auditor.break_rule("the journal can be read", reason.to_string());
        }
        world.see_restarts();
        let World { exchange, auditor, .. } = &mut *world;
        auditor.on_request(&request, exchange);
        world.marks.sent = world.marks.written;
        world.exchange.request(request);
        self.0.sooner.notify_one();
    }

    pub fn subscribe(&self, symbol: SymbolId) {
        self.world().exchange.subscribe(symbol);
        self.0.sooner.notify_one();
    }

    pub fn ping(&self) {
        self.world().exchange.ping();
        self.0.sooner.notify_one();
    }

    pub fn hear(&self) -> Option<Heard> {
        let mut world = self.world();
        let heard = world.exchange.hear()?;
        world.auditor.on_heard(&heard);
        Some(heard)
    }
}
