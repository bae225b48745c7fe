//! One system of supervised actors, put together: who runs where, in which order they start and stop.
//! In: a configuration, a clock, a journal. Out: a running [`System`]. Absent: the command line, the simulated gateway.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Handler, Message};
use engine::backtest::{first_id, strategy_core};
use engine::bars::{self, Bars};
use engine::books::{self, Books, BooksState};
use engine::config::{ActorConfig, Config};
use engine::journal::{Entry, Mode, Performance, Record, SessionInfo, StrategyInfo};
use engine::link::{self, Link};
use engine::market::SymbolId;
use engine::strategy::StrategyCore;
use engine::supervision::OnGiveUp;
use engine::trade::{Money, Trading};
use engine::wiring::{Topology, system};
use slog::{Level, Logger, info, log, warn};
use tokio::sync::watch;

use crate::broker::{Broker, Peer};
use crate::clock::Clock;
use crate::directory::{Addresses, Phase, Shared, Told};
use crate::journal::{JournalDir, OpenError, ReadError, Recovered, WriteError, read_segment};
use crate::shell::{Build, Shell};
use crate::storage::{StorageActor, StorageSettings};
use crate::supervisor::{
    ActorHealth, Child, ChildSpec, GaveUp, HowStopped, Reporter, Restart, SupervisionEvent, Supervisor, SupervisorConfig, What,
};
use crate::teller::Teller;
use crate::supervisor;

/// What happens to the books that the journal holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Account {
    /// The broker's account is the one of the last session.
    Same,
    /// The simulated gateway inside this process begins with an empty account.
    New,
}

pub struct Setup {
    pub config: Config,
    pub peer: Peer,
    pub clock: Clock,
    pub mode: Mode,
    pub account: Account,
    pub log: Logger,
}

#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    #[error(transparent)]
    Journal(#[from] OpenError),
    #[error("the journal cannot be read: {0}")]
    Read(#[from] ReadError),
    #[error("the journal cannot be written: {0}")]
    Write(#[from] WriteError),
    #[error("the journal's last session left {0}, which this configuration does not name; close it at the broker first, or configure it")]
    Orphan(String),
    #[error("the journal's last segment does not begin with the books")]
    NoBooks,
    #[error("the supervisor's thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
    #[error(transparent)]
    Start(#[from] supervisor::StartError),
}

/// A running system.
pub struct System {
    pub session: String,
    shared: Arc<Shared>,
    config: Arc<Config>,
    supervisor: Supervisor,
    books: Child<Shell<Books>>,
    #[cfg(test)]
    children: tests::Children,
    halted: watch::Receiver<Option<String>>,
    /// Holds the folder's lock until the end.
    #[cfg_attr(not(test), expect(dead_code))]
    journal_dir: JournalDir,
}

/// What the books look like at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BooksView {
    pub trading: Trading,
    /// Contracts by instrument, net.
    pub positions: Vec<(String, i64)>,
    pub live_orders: usize,
    pub account: Performance,
    pub strategies: Vec<(String, Performance)>,
    pub day_pnl: Money,
}

#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "BooksView")]
pub struct ReadBooks;

impl Handler<ReadBooks> for Shell<Books> {
    type Result = actix::MessageResult<ReadBooks>;

    fn handle(&mut self, _: ReadBooks, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(view(self.hosted()))
    }
}

fn view(books: &Books) -> BooksView {
    let portfolio = books.portfolio();
    let positions = books.instruments().iter().map(|i| (i.name.clone(), portfolio.net_position(i.id)));
    BooksView {
        trading: books.trading(),
        positions: positions.filter(|(_, quantity)| *quantity != 0).collect(),
        live_orders: books.state().orders.live().count(),
        account: portfolio.performance(None),
        strategies: books.strategies().map(|(id, name)| (name.to_owned(), portfolio.performance(Some(id)))).collect(),
        day_pnl: portfolio.day_pnl(),
    }
}

/// When each kind of actor starts; they stop in reverse: strategies, bars, books, link, storage, broker.
mod order {
    pub const BROKER: u32 = 1;
    pub const STORAGE: u32 = 2;
    pub const LINK: u32 = 3;
    pub const BOOKS: u32 = 4;
    pub const BARS: u32 = 5;
    pub const STRATEGY: u32 = 6;
}

impl System {
    /// Recovers the journal, begins a new segment and starts every actor.
    pub async fn start(setup: Setup) -> Result<System, SystemError> {
        let Setup { mut config, peer, clock, mode, account, log } = setup;
        config.orders.answer_within = clock.market_span(config.orders.answer_within);
        let config = Arc::new(config);
        let dir = JournalDir::open(&config.storage.journal_dir)?;
        let recovered = dir.recover()?;
        if let Some(torn) = &recovered.torn {
            warn!(log, "the journal's end was damaged: {} bytes of segment {} are kept in {}",
                torn.dropped_bytes, torn.segment, torn.kept_in.display(); "event" => "journal.torn");
        }
        let now = clock.now();
        let books = recovered_books(&recovered, &config, account)?;
        let books = begin_books(books, now);
        let info = session_info(&config, mode, &recovered, now);
        let session = info.id.clone();
        let first = Record::SessionStarted { info: Box::new(info.clone()), books: Box::new(books) };
        let segment = recovered.run_number;
        let writer = dir.create_segment(&Entry { seq: recovered.next_seq, at: now, record: first })?;
        let topology = Topology::new(config.instruments.len(), &config.strategies);
        let shared = Shared::new(topology, clock, writer, log.clone());
        spawn_journal_sync(&shared)?;

        let (halt, halted) = watch::channel(None);
        let reporter = reporter(shared.clone(), config.clone(), halt);
        let mut supervisor = Supervisor::new(SupervisorConfig::from(&config.actors), reporter)?;
        let make = Make { config: config.clone(), shared: shared.clone(), journal: dir.path().to_path_buf(), segment };
        let broker = make.broker(&mut supervisor, peer)?;
        make.storage(&mut supervisor, log.clone())?;
        make.teller(&mut supervisor, info, log.clone())?;
        let link = make.link(&mut supervisor)?;
        let books = make.books(&mut supervisor)?;
        let bars = make.bars(&mut supervisor)?;
        let strategies = make.strategies(&mut supervisor)?;
        let mut timed: Vec<_> = bars.iter().map(Child::port).collect();
        timed.extend([books.port(), link.port()]);
        shared.set_addresses(Addresses {
            bars: bars.iter().map(Child::port).collect(),
            strategies: strategies.iter().map(Child::port).collect(),
            books: books.port(),
            link: link.port(),
            broker: broker.port(),
            timed,
        });
        supervisor.start().await?;
        info!(log, "session {session} runs: {} strategies on {} instruments", config.strategies.len(),
            config.instruments.len(); "event" => "session.started", "session" => &session);
        Ok(System {
            session,
            shared,
            config,
            supervisor,
            #[cfg(test)]
            children: tests::Children { broker, link, bars, strategies },
            books,
            halted,
            journal_dir: dir,
        })
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Resolves when an actor was given up without which nothing may trade.
    pub async fn halted(&mut self) -> String {
        loop {
            let cause = self.halted.borrow_and_update().clone();
            if let Some(cause) = cause {
                return cause;
            }
            if self.halted.changed().await.is_err() {
                // The supervisor is gone, and with it whoever could halt.
                std::future::pending::<()>().await;
            }
        }
    }

    pub async fn books(&self) -> Option<BooksView> {
        self.books.addr().send(ReadBooks).await.ok()
    }

    pub fn health(&self) -> Vec<ActorHealth> {
        self.supervisor.health()
    }

    /// Everything that was on its way inside the process has arrived.
    pub fn is_quiet(&self) -> bool {
        self.supervisor.gauges().iter().all(|gauge| gauge.queued() == 0)
    }

    /// First half of an orderly stop: strategies end, open bars are closed, positions are flattened if so configured.
    /// What the books look like then; `None` if they do not answer.
    pub async fn wind_down(&self, cause: &str) -> Option<BooksView> {
        self.shared.enter(Phase::WindingDown);
        for strategy in &self.config.strategies {
            self.supervisor.stop_one(&strategy_name(&strategy.name)).await;
        }
        for instrument in &self.config.instruments {
            self.supervisor.stop_one(&bars_name(&instrument.name)).await;
        }
        self.flatten(cause).await
    }

    /// Second half: orders, journal, database, broker.
    pub async fn stop(self, cause: &str) -> Stopped {
        self.shared.enter(Phase::Closing);
        self.supervisor.stop_one("books").await;
        self.supervisor.stop_one("link").await;
        self.shared.record(Record::SessionEnded { cause: cause.to_owned() });
        let health = self.supervisor.health();
        let stuck = self.supervisor.stop().await;
        Stopped { health, stuck }
    }

    /// Waits until the books are flat, or for as long as their actor has to stop.
    async fn flatten(&self, cause: &str) -> Option<BooksView> {
        let deadline = tokio::time::Instant::now() + self.config.actors.books.stop_within;
        if self.config.orders.flatten_on_stop {
            let flatten = books::Input::Flatten { cause: cause.to_owned() };
            self.shared.addresses().books.send(Told::unprompted(flatten));
        }
        loop {
            let view = self.books().await;
            let flat = view.as_ref().is_none_or(|v| v.positions.is_empty() && v.live_orders == 0);
            if flat || !self.config.orders.flatten_on_stop {
                return view;
            }
            if tokio::time::Instant::now() >= deadline {
                warn!(self.shared.log, "not flat at the end: {view:?}"; "event" => "session.not_flat");
                return view;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// How a system ended.
#[derive(Debug)]
pub struct Stopped {
    pub health: Vec<ActorHealth>,
    /// Actors that did not end in time.
    pub stuck: Vec<String>,
}

fn recovered_books(recovered: &Recovered, config: &Config, account: Account) -> Result<BooksState, SystemError> {
    let Some(first) = recovered.entries.first() else { return Ok(BooksState::default()) };
    let Record::SessionStarted { info, .. } = &first.record else { return Err(SystemError::NoBooks) };
    let state = BooksState::replay(&info.instruments, recovered.entries.iter()).ok_or(SystemError::NoBooks)?;
    match account {
        Account::New => Ok(state.for_new_account()),
        Account::Same => {
            let mut state = state;
            state.renumber(info, config).map_err(SystemError::Orphan)?;
            Ok(state)
        }
    }
}

/// Books at the beginning of a session: nothing that was live is certain, ids go on.
fn begin_books(mut books: BooksState, now: engine::time::Timestamp) -> BooksState {
    books.doubt_all();
    books.prune(now);
    books.raise_ids(first_id(now));
    books
}

fn session_info(config: &Config, mode: Mode, recovered: &Recovered, now: engine::time::Timestamp) -> SessionInfo {
    let strategies = config.strategies.iter().map(|s| StrategyInfo {
        id: s.id,
        name: s.name.clone(),
        kind: s.kind.clone(),
        symbol: s.symbol,
    });
    SessionInfo {
        id: format!("{}-{:04}", now.to_datetime().format("%Y%m%dT%H%M%SZ"), recovered.run_number),
        mode,
        instance: config.instance.name.clone(),
        account: config.broker.account.clone().unwrap_or_default(),
        instruments: config.instruments.clone(),
        strategies: strategies.collect(),
    }
}

/// How often the journal is made safe against a loss of power.
const SYNC_EVERY: Duration = Duration::from_millis(200);

/// Keeps the journal on the disk, on a thread of its own: an fsync takes milliseconds. Also commits what no other
/// record has carried along. Ends with the system.
fn spawn_journal_sync(shared: &Arc<Shared>) -> Result<(), SystemError> {
    let file = shared.journal().sync_handle()?;
    let shared = Arc::downgrade(shared);
    std::thread::Builder::new().name("journal-sync".to_owned()).spawn(move || {
        let mut failed = false;
        loop {
            std::thread::sleep(SYNC_EVERY);
            let Some(shared) = shared.upgrade() else { return };
            let synced = file.sync_data();
            if let Err(reason) = &synced
                && !failed
            {
                slog::error!(shared.log, "the journal is not safe against a loss of power: {reason}"; "event" => "journal.sync_failed");
            }
            failed = synced.is_err();
        }
    })?;
    Ok(())
}

/// Events of the supervisor: logged, kept in the journal, and acted upon where trading depends on them.
fn reporter(shared: Arc<Shared>, config: Arc<Config>, halt: watch::Sender<Option<String>>) -> Reporter {
    let at_give_up = shared.clone();
    let sink = Arc::new(move |event: SupervisionEvent| {
        use engine::journal::Severity;
        let level = match (&event.what, event.severity()) {
            (What::Started { .. } | What::Stopped { how: HowStopped::InOrder, .. }, _) => Level::Debug,
            (_, Severity::Info) => Level::Info,
            (_, Severity::Warning) => Level::Warning,
            (_, Severity::Error) => Level::Error,
        };
        if let What::Health(health) = &event.what {
            return log_health(&shared.log, &event, health);
        }
        log_event(&shared.log, level, &event);
        shared.record(system(event.severity(), event.name(), &event.actor, event.to_string()));
    });
    let on_give_up = Arc::new(move |gave_up: GaveUp| {
        let cause = format!("actor {} is given up: {}", gave_up.actor, gave_up.cause);
        match gave_up.on_give_up {
            OnGiveUp::DisableAndGoOn => {
                let found = config.strategies.iter().find(|s| *strategy_name(&s.name) == *gave_up.actor);
                if let Some(strategy) = found {
                    let told = Told::unprompted(books::Input::Disable(strategy.id));
                    at_give_up.addresses().books.send(told);
                }
            }
            OnGiveUp::HaltTrading => {
                let told = Told::unprompted(link::Input::Halt { cause: cause.clone() });
                at_give_up.addresses().link.send(told);
                halt.send_replace(Some(cause));
            }
            OnGiveUp::NeverGiveUp => {}
        }
    });
    Reporter::new(sink, on_give_up)
}

fn log_health(to: &Logger, event: &SupervisionEvent, health: &ActorHealth) {
    slog::debug!(to, "{event}"; "event" => event.name(), "actor" => event.actor.to_string(),
        "state" => health.state.name(), "queued" => health.queued, "queued_max" => health.queued_max,
        "capacity" => health.capacity, "heartbeat_age_ms" => health.heartbeat_age.as_millis(),
        "handled" => health.handled, "busy_us" => health.busy.as_micros(), "busy_share" => health.busy_share,
        "restarts" => health.restarts, "overflow" => health.overflow, "refused" => health.refused,
        "closed" => health.closed);
}

fn log_event(to: &Logger, level: Level, event: &SupervisionEvent) {
    let (name, actor) = (event.name(), event.actor.to_string());
    match level {
        Level::Debug => log!(to, Level::Debug, "", "{event}"; "event" => name, "actor" => actor),
        Level::Info => log!(to, Level::Info, "", "{event}"; "event" => name, "actor" => actor),
        Level::Warning => log!(to, Level::Warning, "", "{event}"; "event" => name, "actor" => actor),
        _ => log!(to, Level::Error, "", "{event}"; "event" => name, "actor" => actor),
    }
}

fn strategy_name(name: &str) -> String {
    format!("strategy:{name}")
}

fn bars_name(instrument: &str) -> String {
    format!("bars:{instrument}")
}

/// Adds actors of each kind.
struct Make {
    config: Arc<Config>,
    shared: Arc<Shared>,
    journal: PathBuf,
    segment: u32,
}

impl Make {
    fn spec(name: String, kind: &str, config: &ActorConfig, order: u32, on_give_up: OnGiveUp) -> ChildSpec {
        let (kind, config) = (kind.to_owned(), config.clone());
        ChildSpec { name, kind, config, restart: Restart::Permanent, group: None, order, on_give_up }
    }

    fn shell<C>(&self, to: &mut Supervisor, spec: ChildSpec, build: Build<C>) -> Result<Child<Shell<C>>, SystemError>
    where
        C: crate::shell::Hosted,
    {
        let shared = self.shared.clone();
        Ok(to.add_gauged(spec, move |_, gauge| Shell::new(shared, gauge, build))?)
    }

    fn broker(&self, to: &mut Supervisor, peer: Peer) -> Result<Child<Broker>, SystemError> {
        let (config, shared) = (self.config.clone(), self.shared.clone());
        let actor = &self.config.actors.broker;
        let spec = Self::spec("broker".to_owned(), "broker", actor, order::BROKER, OnGiveUp::NeverGiveUp);
        Ok(to.add_gauged(spec, move |_, gauge| Broker::new(config, peer, shared, gauge))?)
    }

    fn storage(&self, to: &mut Supervisor, log: Logger) -> Result<Child<StorageActor>, SystemError> {
        let storage = &self.config.storage;
        let settings = StorageSettings {
            database_url: storage.database_url.clone(),
            journal_dir: self.journal.clone(),
            flush_every: storage.flush_every,
            batch_rows_max: storage.batch_rows_max,
            pool_size: storage.pool_size,
        };
        let actor = &self.config.actors.storage;
        // The journal holds everything that the database lacks, so trading does not depend on this one.
        let spec = Self::spec("storage".to_owned(), "storage", actor, order::STORAGE, OnGiveUp::NeverGiveUp);
        Ok(to.add(spec, move |_| StorageActor::new(settings, log))?)
    }

    fn teller(&self, to: &mut Supervisor, info: SessionInfo, log: Logger) -> Result<Child<Teller>, SystemError> {
        let (journal, segment) = (self.journal.clone(), self.segment);
        let actor = &self.config.actors.storage;
        let spec = Self::spec("teller".to_owned(), "storage", actor, order::STORAGE, OnGiveUp::DisableAndGoOn);
        Ok(to.add(spec, move |_| Teller::new(&journal, segment, info, log))?)
    }

    fn link(&self, to: &mut Supervisor) -> Result<Child<Shell<Link>>, SystemError> {
        let liquidate = self.config.orders.emergency_liquidate_on_disconnect;
        let patience = self.shared.clock.market_span(link::INVENTORY_WITHIN);
        let spec =
            Self::spec("link".to_owned(), "books", &self.config.actors.books, order::LINK, OnGiveUp::HaltTrading);
        self.shell(to, spec, Arc::new(move || Link::new(liquidate, patience)))
    }

    fn books(&self, to: &mut Supervisor) -> Result<Child<Shell<Books>>, SystemError> {
        let (config, rebuild) = (self.config.clone(), self.rebuild());
        let spec =
            Self::spec("books".to_owned(), "books", &self.config.actors.books, order::BOOKS, OnGiveUp::HaltTrading);
        self.shell(to, spec, Arc::new(move || {
            let mut state = rebuild.books();
            state.doubt_all();
            Books::new(&config, state)
        }))
    }

    fn bars(&self, to: &mut Supervisor) -> Result<Vec<Child<Shell<Bars>>>, SystemError> {
        let add = |instrument: &engine::market::Instrument| {
            let (config, shared, symbol) = (self.config.bars.clone(), self.shared.clone(), instrument.id);
            let actor = &self.config.actors.bars;
            let spec = Self::spec(bars_name(&instrument.name), "bars", actor, order::BARS, OnGiveUp::HaltTrading);
            let first = std::sync::atomic::AtomicBool::new(true);
            self.shell(to, spec, Arc::new(move || build_bars(symbol, &config, &shared, &first)))
        };
        self.config.instruments.iter().map(add).collect()
    }

    fn strategies(&self, to: &mut Supervisor) -> Result<Vec<Child<Shell<StrategyCore>>>, SystemError> {
        let add = |n: usize| {
            let (config, rebuild) = (self.config.clone(), self.rebuild());
            let name = strategy_name(&self.config.strategies[n].name);
            let actor = &self.config.actors.strategy;
            let spec = Self::spec(name, "strategy", actor, order::STRATEGY, OnGiveUp::DisableAndGoOn);
            self.shell(to, spec, Arc::new(move || rebuild.strategy(&config, n)))
        };
        (0..self.config.strategies.len()).map(add).collect()
    }

    fn rebuild(&self) -> Rebuild {
        Rebuild { shared: self.shared.clone(), journal: self.journal.clone(), segment: self.segment }
    }
}

/// The bars of a running feed have no past that could be trusted: after a failure they begin anew, with a partial bar.
fn build_bars(
    symbol: SymbolId,
    config: &engine::config::BarsConfig,
    shared: &Shared,
    first: &std::sync::atomic::AtomicBool,
) -> Bars {
    let mut bars = Bars::new(symbol, config);
    if !first.swap(false, Ordering::AcqRel) {
        bars.handle(shared.clock.now(), bars::Input::FeedUp, &mut Vec::new());
    }
    bars
}

/// Reads back what an actor needs from the running session's segment.
struct Rebuild {
    shared: Arc<Shared>,
    journal: PathBuf,
    segment: u32,
}

impl Rebuild {
    /// A journal that cannot be read is a reason to fail: the supervisor tries again, and halts trading in the end.
    fn entries(&self) -> Vec<Entry> {
        self.shared.journal().commit().expect("the journal takes what is waiting");
        read_segment(&self.journal, self.segment).expect("the running segment can be read")
    }

    fn books(&self) -> BooksState {
        let entries = self.entries();
        let Some(Record::SessionStarted { info, .. }) = entries.first().map(|entry| &entry.record) else {
            panic!("a segment begins with the books");
        };
        BooksState::replay(&info.instruments, entries.iter()).expect("its first entry was just seen")
    }

    fn strategy(&self, config: &Config, n: usize) -> StrategyCore {
        let mut core = strategy_core(config, n);
        let entries = self.entries();
        for entry in &entries {
            if let Record::Bar(bar) = &entry.record {
                core.warm_up(bar);
            }
        }
        let books = self.books();
        let position = books.portfolio.position(core.id(), core.symbol());
        core.resume(position, books.booked_executions().map(str::to_owned).collect());
        core
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For tests that make actors fail.
    pub(super) struct Children {
        pub broker: Child<Broker>,
        pub link: Child<Shell<Link>>,
        pub bars: Vec<Child<Shell<Bars>>>,
        pub strategies: Vec<Child<Shell<StrategyCore>>>,
    }

    impl System {
        pub(crate) fn books_child(&self) -> &Child<Shell<Books>> {
            &self.books
        }

        pub(crate) fn strategy_child(&self, n: usize) -> &Child<Shell<StrategyCore>> {
            &self.children.strategies[n]
        }

        pub(crate) fn bars_child(&self, n: usize) -> &Child<Shell<Bars>> {
            &self.children.bars[n]
        }

        pub(crate) fn link_child(&self) -> &Child<Shell<Link>> {
            &self.children.link
        }

        pub(crate) fn broker_child(&self) -> &Child<Broker> {
            &self.children.broker
        }

        pub(crate) fn journal_folder(&self) -> PathBuf {
            self.journal_dir.path().to_path_buf()
        }
    }
}
