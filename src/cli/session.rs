//! A session from start to report: the simulated gateway if there is one, the system, the line a minute, the end.
//! `run` and `replay` differ only in where the market comes from and in what ends it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actors::broker::{FindPartner, Peer};
use actors::clock::Clock;
use actors::journal::JournalDir;
use actors::system::{Account, Setup, Stopped, System, SystemError};
use engine::config::{Config, Pace};
use engine::journal::{Mode, Severity};
use engine::time::Timestamp;
use engine::trade::Trading;
use engine::wiring::system;
use gateway::{Gateway, Pacing};
use slog::{Logger, info, warn};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::market::Market;
use super::summary::Summary;
use super::{Failure, Outcome, setup};

/// What is to be run.
pub struct Plan {
    pub config: Config,
    pub mode: Mode,
    /// Played by a gateway inside this process; `None` for a real one.
    pub market: Option<Market>,
    /// Of the simulated gateway, here or elsewhere; `None`: the peer is a real one and time is the machine's.
    pub pace: Option<Pace>,
    /// Keep to IB's limits towards a simulated gateway too.
    pub paced: bool,
    /// Print the report as JSON.
    pub json: bool,
}

/// Runs until the market is over, a signal comes, or trading has to be halted.
pub fn run(plan: Plan) -> Outcome {
    if let Some(bare) = plan.config.strategies.iter().find(|strategy| strategy.stop_ticks.is_none()) {
        let text = format!("strategy {} has `unprotected = true`, which only `pitboss backtest` accepts", bare.name);
        return Err(super::Failure::usage(text));
    }
    // Before the first thread starts: all but the one that trades inherit it.
    if let Some(core) = plan.config.broker.core {
        actors::priority::keep_off(core);
    }
    let (log, guard) = setup::logging(&plan.config)?;
    let json = plan.json;
    let outcome = actix::System::new().block_on(session(plan, log));
    // The report comes behind the last log line.
    drop(guard);
    let (summary, end) = outcome?;
    let text = if json { summary.to_json() } else { format!("\n{summary}") };
    super::print_line(&text)?;
    end
}

async fn session(plan: Plan, log: Logger) -> Result<(Summary, Outcome), Failure> {
    // Before the first order can go out: unheard, a signal would end the process as a crash does.
    let mut signals = Signals::listen();
    let Plan { mut config, mode, market, pace, paced, .. } = plan;
    // Told now rather than in the log later; the system opens it for itself.
    drop(setup::open_store(&config.storage).await?);
    let simulated = market.is_some();
    let (clock, gateway, broken) = match market {
        Some(market) => {
            let pace = pace.unwrap_or(Pace::Speed(1.0));
            let clock = clock_of(pace, market.start);
            let broken = market.broken.clone();
            let gateway = start_gateway(&config, market, pace, &clock, &log)?;
            config.broker.address = gateway.local_addr();
            config.broker.account = Some(account_of(&config));
            config.storage.journal_dir.push("simulated");
            let run = actors::journal::next_run(&config.storage.journal_dir).map_err(Failure::work)?;
            gateway.intervene(move |broker| broker.set_run(run));
            info!(log, "simulated gateway on {}", gateway.local_addr(); "event" => "gateway.started");
            (clock, Some(gateway), broken)
        }
        None => (clock_of_peer(&config, pace, &mut signals, &log).await?, None, Default::default()),
    };
    let peer = if !paced && (simulated || pace.is_some()) { Peer::Simulated } else { Peer::Real };
    let account = if simulated { Account::New } else { Account::Same };
    show_disabled_limits(&config, &log);
    show_forbidden(&config, &clock, &log);
    let socket = config.control.clone();
    let find_partner = Some(gateway::spar as FindPartner);
    let setup = Setup { config, peer, find_partner, clock, mode, account, log: log.clone() };
    let started = std::time::Instant::now();
    let mut running = System::start(setup).await.map_err(not_started)?;
    let control = match socket.map(|path| actors::control::open(&path, running.desk())).transpose() {
        Ok(control) => control,
        Err(reason) => {
            running.stop("no control socket").await;
            return Err(Failure::usage(reason));
        }
    };
    let end = until_end(&mut running, gateway.as_ref(), signals, &log).await;
    if let End::Received(signal) = end {
        info!(log, "{signal}: stopping in order"; "event" => "session.stopping");
    }
    // While ticks still come, what is on its way is not lost.
    let over = matches!(end, End::MarketOver);
    let sent = gateway.as_ref().filter(|_| over).map(|gateway| gateway.stats().ticks_sent);
    let books = running.wind_down(end.cause()).await;
    let summary = Summary::of(&running, mode, books.as_ref(), started.elapsed(), sent);
    let id = running.session.clone();
    running.shared().record(system(Severity::Info, "session.summary", "session", summary.to_json()));
    let broken = broken.take();
    let cause = if broken.is_some() { "the data ended early" } else { end.cause() };
    drop(control);
    let stopped = running.stop(cause).await;
    info!(log, "session {id} ended: {cause}"; "event" => "session.ended");
    if let Some(gateway) = gateway {
        gateway.stop();
    }
    Ok((summary, outcome(&end, broken, &stopped)))
}

/// A journal that another process holds, is another installation's, or has positions that the configuration does not name:
/// the user has to settle that.
fn not_started(reason: SystemError) -> Failure {
    match reason {
        SystemError::Journal(_)
        | SystemError::Orphan(_)
        | SystemError::OtherInstance { .. }
        | SystemError::OtherAccount { .. } => Failure::usage(reason),
        _ => Failure::work(reason),
    }
}

fn outcome(end: &End, broken: Option<feeds::FeedError>, stopped: &Stopped) -> Outcome {
    if stopped.records_lost > 0 {
        let text = "at the end, and are lost; the next start takes over from the broker what they said";
        return Err(Failure::work(format!(
            "{} records could not be written to the journal {text}",
            stopped.records_lost
        )));
    }
    if let Some(error) = broken {
        return Err(Failure::work(format!("the data ended early: {error}")));
    }
    if let End::Halted(cause) = end {
        return Err(Failure::work(format!("trading was halted: {cause}")));
    }
    if !stopped.stuck.is_empty() {
        return Err(Failure::work(format!("did not stop in time: {}", stopped.stuck.join(", "))));
    }
    Ok(())
}

/// What ended a session.
enum End {
    Received(&'static str),
    MarketOver,
    Halted(String),
}

impl End {
    fn cause(&self) -> &str {
        match self {
            End::Received(signal) => signal,
            End::MarketOver => "the market is over",
            End::Halted(cause) => cause,
        }
    }
}

fn clock_of(pace: Pace, start: Timestamp) -> Clock {
    match pace {
        Pace::Speed(speed) => Clock::scaled(start, speed),
        Pace::Max => Clock::driven(start),
    }
}

/// A simulated gateway in another process plays its own time, and this clock follows it. As a connection is, its time is
/// asked for until it is had.
async fn clock_of_peer(
    config: &Config,
    pace: Option<Pace>,
    signals: &mut Signals,
    log: &Logger,
) -> Result<Clock, Failure> {
    let Some(pace) = pace else { return Ok(Clock::real()) };
    if config.instance.live {
        return Err(Failure::usage("--speed is for simulated gateways, and this configuration is for real money"));
    }
    // Another process on this journal has this client id too, and would be taken for a gateway that refuses it.
    drop(JournalDir::open(&config.storage.journal_dir).map_err(Failure::usage)?);
    let mut wait = config.broker.reconnect_delay_min;
    loop {
        let reason = match actors::broker::gateway_time(&config.broker).await {
            Ok(start) => return Ok(clock_of(pace, start)),
            Err(reason) => reason,
        };
        warn!(log, "the gateway does not tell its time, asked again in {} ms: {reason}", wait.as_millis();
            "event" => "broker.connect_failed");
        tokio::select! {
            signal = signals.received() => {
                return Err(Failure::none(format!("{signal} before the gateway at {} had answered", config.broker.address)));
            }
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(config.broker.reconnect_delay_max);
    }
}

fn start_gateway(config: &Config, market: Market, pace: Pace, clock: &Clock, log: &Logger) -> Result<Gateway, Failure> {
    let settings = config.gateway.as_ref();
    let listen = settings.map_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)), |g| g.listen);
    let backtest = &config.backtest;
    let pacing = match pace {
        Pace::Speed(_) => {
            let clock = clock.clone();
            Pacing::Clock(Arc::new(move || clock.now()))
        }
        Pace::Max => Pacing::Answered,
    };
    let options = gateway::Options {
        listen,
        instruments: config.instruments.clone(),
        source: market.events,
        pace: pacing,
        history: gateway::History { earlier: market.earlier, ..gateway::History::default() },
        account: account_of(config),
        cash: settings.map_or(backtest.cash, |g| g.cash),
        commission: settings.map_or(backtest.commission, |g| g.commission),
        wait_for_client: true,
        clients_max: gateway::CLIENTS_MAX,
        log: log.clone(),
    };
    gateway::start(options).map_err(|reason| Failure::usage(format!("simulated gateway: {reason}")))
}

/// The simulated gateway's account.
fn account_of(config: &Config) -> String {
    config.gateway.as_ref().map_or_else(|| "DU1234567".to_owned(), |gateway| gateway.account.clone())
}

fn show_disabled_limits(config: &Config, log: &Logger) {
    for name in config.risk.switched_off() {
        warn!(log, "the limit {name} is switched off"; "event" => "risk.disabled", "limit" => name);
    }
}

/// Strategies that can never enter: the limits say so before the first signal is refused.
fn show_forbidden(config: &Config, clock: &Clock, log: &Logger) {
    for warning in config.forbids(Some(clock.now().to_datetime().date_naive())) {
        warn!(log, "{warning}"; "event" => "risk.forbids");
    }
}

/// How often a replay's end and the next minute are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a session or a gateway ends by; one that comes while something else is done waits for its turn.
pub struct Signals([Signal; 3]);

impl Signals {
    /// Listens from now on, inside a runtime.
    pub fn listen() -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Self(kinds.map(|kind| signal(kind).expect("the runtime has signals enabled")))
    }

    /// Waits for one, and says what it does.
    pub async fn received(&mut self) -> &'static str {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => "interrupted",
            _ = terminate.recv() => "terminated",
            // The terminal or its connection is gone, and nobody is left to press Ctrl-C.
            _ = hangup.recv() => "hung up",
        }
    }
}

async fn until_end(running: &mut System, gateway: Option<&Gateway>, mut signals: Signals, log: &Logger) -> End {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut minutes = Minutes::default();
    let mut last = LastSteps::default();
    loop {
        tokio::select! {
            signal = signals.received() => return End::Received(signal),
            cause = running.halted() => return End::Halted(cause),
            _ = look.tick() => {
                minutes.tell(running, log).await;
                if gateway.is_some_and(|gateway| last.are_done(gateway, running)) {
                    return End::MarketOver;
                }
            }
        }
    }
}

/// Waits for the consequences of a market's last steps.
#[derive(Default)]
struct LastSteps {
    /// How many steps of a driven clock were done when the source was first seen exhausted.
    done_before: Option<u64>,
}

impl LastSteps {
    /// The source is exhausted, everything that was sent has arrived, and a driven clock has gone on to the end: the step
    /// that was under way is over, and one more that found nothing left.
    fn are_done(&mut self, gateway: &Gateway, running: &System) -> bool {
        let stats = gateway.stats();
        let (clock, tally) = (&running.shared().clock, &running.shared().tally);
        if !stats.finished || tally.ticks.load(Ordering::Relaxed) < stats.ticks_sent {
            return false;
        }
        let done = tally.steps.load(Ordering::Acquire);
        let before = *self.done_before.get_or_insert(done);
        (!clock.is_driven() || done >= before + 2) && running.is_quiet()
    }
}

/// One line for each minute of market time.
#[derive(Default)]
struct Minutes {
    told: Option<Timestamp>,
}

impl Minutes {
    async fn tell(&mut self, running: &System, log: &Logger) {
        let minute = running.shared().clock.now().floor(Duration::from_secs(60));
        if self.told == Some(minute) {
            return;
        }
        let first = self.told.replace(minute).is_none();
        let Some(books) = running.books().await.filter(|_| !first) else { return };
        let bars: u64 = running.shared().tally.bars().iter().map(|(_, n)| n).sum();
        let positions: Vec<String> = books.positions.iter().map(|(name, q)| format!("{name} {q:+}")).collect();
        let positions = if positions.is_empty() { "flat".to_owned() } else { positions.join(", ") };
        let net = books.account.realised - books.account.commission;
        let health = health(running);
        let trading = if books.trading == Trading::Allowed { "" } else { ", trading paused" };
        info!(log, "minute {} bars {bars}, {positions}, realised {net}, open {}, {} orders{trading}, {health}",
            minute.to_datetime().format("%H:%M"), books.account.unrealised, books.live_orders;
            "event" => "session.minute");
    }
}

fn health(running: &System) -> String {
    let actors = running.health();
    let restarts: u64 = actors.iter().map(|a| a.restarts).sum();
    let queued: u64 = actors.iter().map(|a| a.queued).sum();
    let down = actors.iter().filter(|a| a.state != actors::supervisor::ActorState::Running).count();
    match (restarts, down) {
        (0, 0) => format!("{} actors well, {queued} queued", actors.len()),
        (restarts, down) => format!("{} actors, {down} down, {restarts} restarts, {queued} queued", actors.len()),
    }
}
