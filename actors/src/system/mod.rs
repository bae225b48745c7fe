//! One system of supervised actors, put together: who runs where, in which order they start and stop.
//! In: a configuration, a clock, a journal. Out: a running [`System`]. Absent: the command line, the simulated gateway.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::{Handler, Message};
use engine::backtest::first_id;
use engine::bars::Bars;
use engine::books::{self, Books, BooksState};
use engine::config::Config;
use engine::journal::{Entry, Mode, Performance, Record, SessionInfo, StrategyInfo};
use engine::last_prices::LastPrices;
use engine::link::Link;
use engine::market::SymbolId;
use engine::strategy::{StrategyCore, registry};
use engine::tape::{Header, digest};
use engine::time::Timestamp;
use engine::trade::{StrategyId, Trading};
use engine::wiring::Topology;
use slog::{Logger, error, info, warn};
use tokio::sync::watch;

#[cfg(test)]
use crate::broker::Broker;
use crate::broker::{FindPartner, Peer};
use crate::clock::Clock;
use crate::directory::{Addresses, Phase, Shared, Told};
use crate::journal::{JournalDir, OpenError, ReadError, Recovered, WriteError};
use crate::shell::Shell;
use crate::simulation::Wire;
use crate::supervisor::{self, ActorHealth, Child, Supervisor, SupervisorConfig};
use crate::tape::{self, Tape};

mod desk;
mod events;
mod gone;
mod make;
mod owner;
mod rebuild;
mod simulated;
mod sync;

pub use desk::Desk;
use make::{Make, bars_name, strategy_name};

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
    /// Who practises with a thread that does not sleep (`broker.busy_poll_ms`); without, rehearsals end before the socket.
    pub find_partner: Option<FindPartner>,
    pub clock: Clock,
    pub mode: Mode,
    pub account: Account,
    pub log: Logger,
}

impl Setup {
    /// A run against a simulated gateway with an empty account, and nobody to practise with.
    pub fn simulated(config: Config, clock: Clock, log: Logger) -> Self {
        let (peer, find_partner, mode, account) = (Peer::Simulated, None, Mode::Run, Account::New);
        Self { config, peer, find_partner, clock, mode, account, log }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    #[error(transparent)]
    Journal(#[from] OpenError),
    #[error("the journal cannot be read: {0}")]
    Read(#[from] ReadError),
    #[error("the journal cannot be written: {0}")]
    Write(#[from] WriteError),
    #[error(
        "the journal's last session left {0}, which this configuration does not name; close it at the broker first, or configure it"
    )]
    Orphan(String),
    #[error(
        "the journal has open positions or orders of the installation {was:?}, and instance.name is {is:?}: under another \
         name its orders at the broker are not known again; use the old name, or another journal_dir"
    )]
    OtherInstance { was: String, is: String },
    #[error(
        "the journal has open positions or orders in account {was}, and broker.account is {is}; use that account, or another \
         journal_dir"
    )]
    OtherAccount { was: String, is: String },
    #[error("the journal's last segment does not begin with the books")]
    NoBooks,
    #[error(transparent)]
    Recording(#[from] tape::StartError),
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
    /// For what makes actors fail.
    cores: Cores,
    #[cfg(test)]
    broker: Option<Child<Broker>>,
    halted: watch::Receiver<Option<String>>,
    /// Holds the folder's lock until the end.
    #[cfg_attr(not(test), expect(dead_code))]
    journal_dir: JournalDir,
}

/// The actors around cores, beside the books.
struct Cores {
    link: Child<Shell<Link>>,
    bars: Vec<Child<Shell<Bars>>>,
    strategies: Vec<Child<Shell<StrategyCore>>>,
}

/// What is at the other end of the broker's commands.
enum OtherEnd {
    Ib(Peer),
    /// Everything runs on this thread, without database and teller.
    Simulated(Wire),
}

/// What the books look like at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BooksView {
    pub trading: Trading,
    /// Contracts by instrument, net.
    pub positions: Vec<(String, i64)>,
    /// The part of them that is not ours.
    pub foreign: Vec<(String, i64)>,
    /// Positions of strategies that are open.
    pub held: usize,
    pub live_orders: usize,
    /// The last comparison with the broker's positions found no difference.
    pub agrees: bool,
    pub account: Performance,
    pub strategies: Vec<(String, Performance)>,
}

impl fmt::Display for BooksView {
    /// `ES +1, NQ -2, 3 orders live`, and a warning if the broker may see it otherwise.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut positions: Vec<String> = self.positions.iter().map(|(name, q)| format!("{name} {q:+}")).collect();
        positions.extend(self.foreign.iter().map(|(name, q)| format!("{name} {q:+} of it not ours")));
        let positions = if positions.is_empty() { "flat".to_owned() } else { positions.join(", ") };
        let doubt = if self.agrees { "" } else { ", not in agreement with the broker" };
        write!(f, "{positions}, {} orders live{doubt}", self.live_orders)
    }
}

#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "BooksView")]
pub struct ReadBooks;

impl Handler<ReadBooks> for Shell<Books> {
    type Result = actix::MessageResult<ReadBooks>;

    fn handle(&mut self, _: ReadBooks, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(self.read(view))
    }
}

fn view(books: &Books) -> BooksView {
    let portfolio = books.portfolio();
    let open = |quantity_of: &dyn Fn(SymbolId) -> i64| {
        let all = books.instruments().iter().map(|i| (i.name.clone(), quantity_of(i.id)));
        all.filter(|(_, quantity)| *quantity != 0).collect()
    };
    BooksView {
        trading: books.trading(),
        positions: open(&|symbol| portfolio.net_position(symbol)),
        foreign: open(&|symbol| portfolio.position(StrategyId::FOREIGN, symbol)),
        held: portfolio.held().count(),
        live_orders: books.state().orders.live().count(),
        agrees: books.agrees(),
        account: portfolio.performance(None),
        strategies: books.strategies().map(|(id, name)| (name.to_owned(), portfolio.performance(Some(id)))).collect(),
    }
}

impl System {
    /// Recovers the journal, begins a new segment and starts every actor.
    pub async fn start(setup: Setup) -> Result<System, SystemError> {
        let other_end = OtherEnd::Ib(setup.peer);
        Self::start_before(other_end, setup).await
    }

    async fn start_before(other_end: OtherEnd, setup: Setup) -> Result<System, SystemError> {
        let Setup { mut config, peer: _, find_partner, clock, mode, account, log } = setup;
        as_run(&mut config, &clock);
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
        let prices = recovered_prices(&recovered, &config, account);
        let info = session_info(&config, mode, &recovered, now);
        let session = info.id.clone();
        let gone = gone::told(&books);
        let forgotten = match (account, recovered.entries.first().map(|first| &first.record)) {
            (Account::Same, Some(Record::SessionStarted { info, .. })) => gone::forgotten(info, &config),
            (Account::New | Account::Same, _) => Vec::new(),
        };
        let first = Record::SessionStarted { info: Box::new(info.clone()), books: Box::new(books) };
        let segment = recovered.run_number;
        let writer = dir.create_segment(&Entry { seq: recovered.next_seq, at: now, record: first })?;
        let topology = Topology::new(config.instruments.len(), &config.strategies);
        let tape = match (&config.recording, &other_end) {
            // A market that is played at the client's pace needs none: its files are the recording, and a backtest over
            // them decides the same.
            (Some(recording), OtherEnd::Ib(_)) if !clock.is_driven() => {
                let header = Header { session: session.clone(), speed: clock.speed(), config: digest(&config) };
                tape::make_room(dir.path(), recording.folder_bytes_max)?;
                tape::start(dir.path(), segment, &header, recording.bytes_max, &log)?
            }
            (None | Some(_), OtherEnd::Ib(_) | OtherEnd::Simulated(_)) => Tape::off(),
        };
        let shared = Shared::new(topology, clock, writer, tape, log.clone());

        let (halt, halted) = watch::channel(None);
        let reporter = events::reporter(shared.clone(), config.clone(), halt);
        // On disk before anything else, for the case that this session sees no price of its own.
        if !prices.is_empty() {
            shared.record(Record::LastPrices(prices.clone()));
        }
        gone.into_iter().for_each(|text| gone::tell(&shared, gone::LATCH, text));
        forgotten.into_iter().for_each(|text| gone::tell(&shared, gone::STRATEGY, text));
        let last = config.instruments.iter().map(|i| prices.at(now, i.id)).collect();
        let journal = dir.path().to_path_buf();
        let make = Make { config: config.clone(), shared: shared.clone(), journal, segment, last };
        #[cfg(test)]
        let mut for_tests = None;
        let (mut supervisor, broker) = match other_end {
            OtherEnd::Ib(peer) => {
                sync::spawn(&shared)?;
                let mut supervisor = on_threads(&config, reporter)?;
                let broker = make.broker(&mut supervisor, peer, find_partner)?;
                make.storage(&mut supervisor, log.clone())?;
                make.teller(&mut supervisor, info, log.clone())?;
                let port = broker.port();
                #[cfg(test)]
                for_tests.replace(broker);
                (supervisor, port)
            }
            OtherEnd::Simulated(wire) => {
                let mut supervisor = simulated::on_this_thread(&config, reporter);
                let port = make.simulated_broker(&mut supervisor, wire)?;
                (supervisor, port)
            }
        };
        let link = make.link(&mut supervisor)?;
        let books = make.books(&mut supervisor)?;
        let bars = make.bars(&mut supervisor)?;
        let strategies = make.strategies(&mut supervisor)?;
        let mut timed: Vec<_> = bars.iter().map(Child::port).collect();
        let wakes = |n: &usize| registry::wakes(&config.strategies[*n].kind);
        timed.extend((0..strategies.len()).filter(wakes).map(|n| strategies[n].port()));
        timed.extend([books.port(), link.port()]);
        shared.set_addresses(Addresses {
            bars: bars.iter().map(Child::port).collect(),
            strategies: strategies.iter().map(Child::port).collect(),
            books: books.port(),
            link: link.port(),
            broker,
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
            cores: Cores { link, bars, strategies },
            #[cfg(test)]
            broker: for_tests,
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
        let records_lost = self.shared.journal().unsaved();
        if records_lost > 0 {
            error!(self.shared.log, "{records_lost} records are in no file, and lost: the disk took nothing more. The \
                database has the journal's file and no more. Make room; the next start takes over from the broker what \
                happened"; "event" => "journal.lost", "records" => records_lost);
        }
        self.shared.tape.end();
        let health = self.supervisor.health();
        let stuck = self.supervisor.stop().await;
        Stopped { health, stuck, records_lost }
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
            let flat = view.as_ref().is_none_or(|v| v.held == 0 && v.live_orders == 0);
            if flat || !self.config.orders.flatten_on_stop {
                return view;
            }
            if tokio::time::Instant::now() >= deadline {
                if let Some(view) = &view {
                    warn!(self.shared.log, "not flat at the end: {view}"; "event" => "session.not_flat");
                }
                return view;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn on_threads(config: &Config, reporter: supervisor::Reporter) -> Result<Supervisor, SystemError> {
    let mut supervisor = Supervisor::new(SupervisorConfig::from(&config.actors), reporter)?;
    let on_the_way = [&config.actors.broker, &config.actors.bars, &config.actors.strategy, &config.actors.books];
    let storage = &config.actors.storage.thread;
    if on_the_way.iter().all(|actor| actor.thread != *storage) {
        supervisor.put_behind(storage);
    }
    Ok(supervisor)
}

/// The configuration as a system runs with it by this clock: what is lost between here and the broker is lost on the
/// wall, at any speed of the market.
pub fn as_run(config: &mut Config, clock: &Clock) {
    let protection = &mut config.protection;
    for span in [
        &mut config.orders.answer_within,
        &mut config.orders.compare_every,
        &mut config.bars.close_grace,
        &mut config.bars.revise_within,
        &mut protection.repair_after,
        &mut protection.flatten_after,
        &mut protection.ladder_step,
        &mut protection.ladder_retry_max,
    ] {
        *span = clock.market_span(*span);
    }
}

/// How a system ended.
#[derive(Debug)]
pub struct Stopped {
    pub health: Vec<ActorHealth>,
    /// Actors that did not end in time.
    pub stuck: Vec<String>,
    /// Records that the journal's file never took.
    pub records_lost: u64,
}

fn recovered_books(recovered: &Recovered, config: &Config, account: Account) -> Result<BooksState, SystemError> {
    let Some(first) = recovered.entries.first() else { return Ok(BooksState::default()) };
    let Record::SessionStarted { info, .. } = &first.record else { return Err(SystemError::NoBooks) };
    let state = BooksState::replay(&info.instruments, recovered.entries.iter()).ok_or(SystemError::NoBooks)?;
    match account {
        Account::New => Ok(state.for_new_account()),
        Account::Same => {
            owner::check(info, config, &state)?;
            let mut state = state;
            state.renumber(info, config).map_err(SystemError::Orphan)?;
            Ok(state)
        }
    }
}

/// A new account's market is another one.
fn recovered_prices(recovered: &Recovered, config: &Config, account: Account) -> LastPrices {
    match (account, recovered.entries.first().map(|first| &first.record)) {
        (Account::Same, Some(Record::SessionStarted { info, .. })) => {
            LastPrices::of(&recovered.entries).renumbered(info, config)
        }
        (Account::New | Account::Same, _) => LastPrices::default(),
    }
}

/// Books at the beginning of a session: nothing that was live is certain, ids go on.
fn begin_books(mut books: BooksState, now: Timestamp) -> BooksState {
    books.doubt_all();
    books.prune(now);
    books.raise_ids(first_id(now));
    books
}

fn session_info(config: &Config, mode: Mode, recovered: &Recovered, now: Timestamp) -> SessionInfo {
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    impl System {
        pub(crate) fn books_child(&self) -> &Child<Shell<Books>> {
            &self.books
        }

        pub(crate) fn strategy_child(&self, n: usize) -> &Child<Shell<StrategyCore>> {
            &self.cores.strategies[n]
        }

        pub(crate) fn bars_child(&self, n: usize) -> &Child<Shell<Bars>> {
            &self.cores.bars[n]
        }

        pub(crate) fn link_child(&self) -> &Child<Shell<Link>> {
            &self.cores.link
        }

        pub(crate) fn broker_child(&self) -> &Child<Broker> {
            self.broker.as_ref().expect("not a simulated one")
        }

        pub(crate) fn journal_folder(&self) -> PathBuf {
            self.journal_dir.path().to_path_buf()
        }
    }
}
