//! The live transport: where each actor is, and the journal. The counterpart of the backtest's queue.
//! In: what `wiring::route` delivers. Out: messages in mailboxes, records in the journal. Absent: decisions.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use actix::Message;
use engine::bars::{self, Bars};
use engine::books::{self, Books};
use engine::journal::Record;
use engine::link::{self, Link};
use engine::market::{Quality, SymbolId};
use engine::strategy::{self, StrategyCore};
use engine::tape::Taped;
use engine::time::Timestamp;
use engine::trade::StrategyId;
use engine::wiring::{BrokerCommand, Deliver, Output, Topology, route};
use slog::{Logger, error, warn};

use crate::clock::Clock;
use crate::floor;
use crate::journal::Writer;
use crate::latency::Latency;
use crate::shell::Hosted;
use crate::supervisor::{Gauge, Port};
use crate::tape::Tape;

/// What led to a message, in monotonic nanoseconds; 0 where nothing did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Cause {
    /// When the tick arrived.
    pub tick: u64,
    /// When a strategy made a signal of it.
    pub signal: u64,
}

/// An input with what led to it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Told<I> {
    pub input: I,
    pub cause: Cause,
}

impl<I> Told<I> {
    /// Something that no tick led to.
    pub fn unprompted(input: I) -> Self {
        Self { input, cause: Cause::default() }
    }
}

/// A driven clock moved: deadlines may be due.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Wake;

/// The addresses of one system. Filled in once, when every actor has been added.
#[derive(Debug)]
pub struct Addresses {
    pub bars: Vec<Port<Told<bars::Input>>>,
    pub strategies: Vec<Port<Told<strategy::Input>>>,
    pub books: Port<Told<books::Input>>,
    pub link: Port<Told<link::Input>>,
    pub broker: Port<Told<BrokerCommand>>,
    /// Bars, strategies that ask for a time, books, link: in the order in which a driven clock wakes them.
    pub timed: Vec<Port<Wake>>,
}

/// Counts since the system started.
#[derive(Debug, Default)]
pub struct Tally {
    /// Trades and quotes that arrived.
    pub ticks: AtomicU64,
    pub trades: AtomicU64,
    pub signals: AtomicU64,
    /// Steps of a driven clock whose consequences are all done.
    pub steps: AtomicU64,
    /// Closed bars by [`Quality`].
    bars: [AtomicU64; Quality::ALL.len()],
}

impl Tally {
    pub fn bars(&self) -> [(Quality, u64); Quality::ALL.len()] {
        Quality::ALL.map(|quality| (quality, self.bars[quality as usize].load(Ordering::Relaxed)))
    }

    fn see(&self, record: &Record) {
        match record {
            Record::Bar(bar) => self.bars[bar.quality as usize].fetch_add(1, Ordering::Relaxed),
            Record::Signal { .. } => self.signals.fetch_add(1, Ordering::Relaxed),
            _ => return,
        };
    }
}

/// How far an orderly stop is: what has stopped is told nothing more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    Running,
    /// Strategies and bars end; the books go on until they are flat.
    WindingDown,
    /// Books and link end.
    Closing,
}

/// What the actors of one system share.
#[derive(Debug)]
pub struct Shared {
    pub topology: Topology,
    pub clock: Clock,
    pub latency: Latency,
    pub log: Logger,
    pub tally: Tally,
    /// Where the cores' inputs are recorded.
    pub tape: Tape,
    phase: AtomicU8,
    addresses: OnceLock<Addresses>,
    journal: Mutex<Writer>,
}

impl Shared {
    pub fn new(topology: Topology, clock: Clock, journal: Writer, tape: Tape, log: Logger) -> Arc<Self> {
        Arc::new(Self {
            topology,
            clock,
            latency: Latency::default(),
            log,
            tally: Tally::default(),
            tape,
            phase: AtomicU8::new(Phase::Running as u8),
            addresses: OnceLock::new(),
            journal: Mutex::new(journal),
        })
    }

    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
        match phase {
            Phase::Running => {}
            Phase::WindingDown => self.tape.input(self.clock.now(), || Taped::WindingDown),
            Phase::Closing => self.tape.input(self.clock.now(), || Taped::Closing),
        }
    }

    fn has_reached(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Relaxed) >= phase as u8
    }

    pub fn is_stopping(&self) -> bool {
        self.has_reached(Phase::WindingDown)
    }

    /// Called once, before the first actor starts.
    pub fn set_addresses(&self, addresses: Addresses) {
        assert!(self.addresses.set(addresses).is_ok(), "the directory is filled in once");
    }

    pub fn addresses(&self) -> &Addresses {
        self.addresses.get().expect("filled in before the first actor starts")
    }

    /// Uncontended on the hot thread; the journal's other users are rare.
    pub fn journal(&self) -> MutexGuard<'_, Writer> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends and commits a record from outside the hot path.
    pub fn record(&self, record: Record) {
        self.append(self.clock.now(), record);
        self.commit_journal();
    }

    fn append(&self, now: Timestamp, record: Record) {
        if let Err(reason) = self.journal().append(now, record) {
            error!(self.log, "the journal cannot be written: {reason}"; "event" => "journal.failed");
        }
    }

    /// Makes safe what was appended so far; tells when that begins to fail and when it succeeds again.
    pub fn commit_journal(&self) -> bool {
        let (failed_before, done) = {
            let mut journal = self.journal();
            (journal.is_failing(), journal.commit())
        };
        match done {
            Ok(()) if failed_before => {
                warn!(self.log, "the journal is written again, with everything that waited for it; there are no \
                    entries until Pitboss is started again"; "event" => "journal.recovered");
                true
            }
            Ok(()) => true,
            Err(reason) => {
                if !failed_before {
                    error!(self.log, "the journal cannot be written: {reason}"; "event" => "journal.failed");
                }
                false
            }
        }
    }

    /// Is every mailbox on the path from tick to order empty?
    pub fn is_quiet(&self, hot: &[Arc<Gauge>]) -> bool {
        hot.iter().all(|gauge| gauge.queued() == 0)
    }
}

/// One actor's way out. Carries the time and the cause of what is being handled to everything that comes of it.
#[derive(Clone, Debug)]
pub struct Outlet {
    pub shared: Arc<Shared>,
    pub now: Timestamp,
    pub cause: Cause,
}

impl Outlet {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, now: Timestamp::default(), cause: Cause::default() }
    }

    /// Delivers what a core said to mailboxes, or to the floor, where it waits for [`Outlet::settle`].
    pub fn hand_on(&mut self, output: Output) {
        let shared = self.shared.clone();
        route(&shared.topology, output, self);
    }

    /// Has the floor handle what was handed on and all that comes of it, without committing the journal.
    pub fn run_floor(&self) {
        floor::run(&self.shared, self.now);
    }

    /// As [`Outlet::run_floor`], and makes safe what was recorded meanwhile: behind everything that was waiting for it.
    pub fn settle(&mut self) {
        self.run_floor();
        self.commit();
        self.shared.tape.hand_over();
        floor::mind_timers(&self.shared);
    }

    fn told<I>(&self, input: I) -> Told<I> {
        Told { input, cause: self.cause }
    }

    fn deliver<C: Hosted>(&self, place: usize, input: C::Input) {
        let number = self.shared.tape.delivery();
        if let Err(told) = floor::hand::<C>(&self.shared, place, self.told(input)) {
            self.shared.tape.diverted(self.now, number);
            C::port(self.shared.addresses(), place).send(told);
        }
    }
}

impl Deliver for Outlet {
    fn bars(&mut self, symbol: SymbolId, input: bars::Input) {
        if !self.shared.has_reached(Phase::WindingDown) {
            self.deliver::<Bars>(usize::from(symbol.0), input);
        }
    }

    fn strategy(&mut self, strategy: StrategyId, input: strategy::Input) {
        if !self.shared.has_reached(Phase::WindingDown) {
            self.deliver::<StrategyCore>(usize::from(strategy.0), input);
        }
    }

    fn books(&mut self, input: books::Input) {
        if !self.shared.has_reached(Phase::Closing) {
            self.deliver::<Books>(0, input);
        }
    }

    fn link(&mut self, input: link::Input) {
        if !self.shared.has_reached(Phase::Closing) {
            self.deliver::<Link>(0, input);
        }
    }

    fn broker(&mut self, command: BrokerCommand) {
        let port = &self.shared.addresses().broker;
        if let Err(told) = floor::hand_command(&self.shared, self.told(command), port.gauge()) {
            port.send(told);
        }
    }

    fn journal(&mut self, record: Record) {
        self.shared.tally.see(&record);
        self.shared.append(self.now, record);
    }

    fn commit(&mut self) -> bool {
        self.shared.commit_journal()
    }
}
