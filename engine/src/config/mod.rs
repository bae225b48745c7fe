//! What a configuration says once it has been read: typed, validated, without holes.
//! Absent: files and environment; `pitboss` reads those and hands the text to `raw`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::allocation::Settings;
use crate::market::{Instrument, SymbolId};
use crate::sizing::Size;
use crate::trade::{Money, StrategyId};

pub mod backtest;
pub mod connection;
mod forbids;
pub mod outage;
pub mod protection;
pub mod raw;
mod risk;

pub use backtest::BacktestConfig;
pub use connection::{AtClose, CalendarConfig, FeedsConfig, LossPolicy, OnDisconnect, WeeklyLogin};
pub use outage::ExpectedOutage;
pub use protection::ProtectionConfig;
pub use risk::{ACTIVE_ORDERS_OF_BROKER, Limit, LossLimits, OrderLimits, ProfitLock, RateLimits, RiskConfig};

/// `config/default.toml`, which is also the reference of every key.
const EMBEDDED_DEFAULT: &str = include_str!("../../../config/default.toml");

/// The configuration that is used when the user names no file: a simulated gateway and a synthetic market.
pub const fn embedded_default() -> &'static str {
    EMBEDDED_DEFAULT
}

/// Log levels by name, from the one that lets least through.
pub const LOG_LEVELS: [&str; 6] = ["critical", "error", "warning", "info", "debug", "trace"];

/// A whole configuration. Built only by [`raw`], which reports every mistake at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub instance: Instance,
    /// How the risk budget is shared; `None`: every size as it is configured.
    pub allocation: Option<AllocationConfig>,
    pub broker: BrokerConfig,
    /// The simulated gateway inside this process; `None` when a real TWS or IB Gateway is used.
    pub gateway: Option<GatewayConfig>,
    /// When losing the broker is no surprise.
    pub expected_outages: Vec<ExpectedOutage>,
    pub instruments: Vec<Instrument>,
    pub bars: BarsConfig,
    pub strategies: Vec<StrategyConfig>,
    pub risk: RiskConfig,
    pub orders: OrdersConfig,
    pub protection: ProtectionConfig,
    pub on_disconnect: OnDisconnect,
    pub feeds: FeedsConfig,
    pub calendar: CalendarConfig,
    /// The socket through which a person on this machine commands the running system; `None` for none.
    pub control: Option<PathBuf>,
    pub actors: ActorsConfig,
    pub storage: StorageConfig,
    pub log: LogConfig,
    /// What the cores are told is recorded, for `pitboss replay-day`; `None`: it is not.
    pub recording: Option<RecordingConfig>,
    pub backtest: BacktestConfig,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingConfig {
    /// Of one session; a longer recording ends there.
    pub bytes_max: u64,
    /// Of all recordings in the journal's folder when a session begins; the oldest make room.
    pub folder_bytes_max: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Names this installation in `orderRef`: 1 to 12 of `a-z 0-9 -`.
    pub name: String,
    /// Real money: the account trades only if `live_acknowledgement` equals the phrase that `config/live.toml` explains.
    pub live: bool,
    pub background: Background,
}

/// What the threads that can wait (database, log, recording) get of a processor core that others want too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// About a tenth.
    Low,
    /// Next to nothing: whoever else is woken there runs at once.
    Idle,
}

impl Background {
    /// With their names in the configuration.
    pub const ALL: [(&str, Background); 2] = [("low", Background::Low), ("idle", Background::Idle)];
}

/// How the risk budget is shared among strategies, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct AllocationConfig {
    pub settings: Settings,
    pub recompute: Recompute,
    /// Most weight of each strategy, in their order.
    pub caps: Vec<f64>,
}

/// When shares are found again: at the turn of each trade date, or of the first one of a calendar week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recompute {
    Daily,
    Weekly,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerConfig {
    /// Where TWS, IB Gateway or the simulated gateway listens.
    pub address: SocketAddr,
    pub client_id: i32,
    /// The account to trade; `None` takes the only one that the gateway names.
    pub account: Option<String>,
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
    pub heartbeat_every: Duration,
    /// Missed heartbeats after which the link is dead.
    pub heartbeat_misses_max: u32,
    pub reconnect_delay_min: Duration,
    pub reconnect_delay_max: Duration,
    /// Messages a second over all requests; IB allows 50 per gateway.
    pub messages_per_second_max: u32,
    /// How long the broker's thread polls its sockets after market data came, before it sleeps; zero sleeps at once.
    pub busy_poll: Duration,
    /// The processor core that the broker's thread keeps to; `None` leaves it to the kernel.
    pub core: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GatewayConfig {
    pub listen: SocketAddr,
    pub market: MarketSource,
    pub pace: Pace,
    pub account: String,
    pub cash: Money,
    /// Commission per contract and side.
    pub commission: Money,
}

#[derive(Clone, Debug, PartialEq)]
pub enum MarketSource {
    /// A seeded synthetic session that begins at this instant.
    Synthetic {
        seed: u64,
        start: crate::time::Timestamp,
    },
    Files(Vec<PathBuf>),
}

/// How fast the simulated gateway plays its market.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Market seconds per second of the wall clock.
    Speed(f64),
    /// As fast as the client answers: one step after each clock request. Deterministic.
    Max,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BarsConfig {
    /// Bar lengths in seconds; the first is the one that is stored in `market_data_1min` and given to strategies by default.
    pub lengths_s: Vec<u32>,
    /// How long after its end a bar is closed by the clock when no trade of the next one came.
    pub close_grace: Duration,
    /// A late trade revises a closed bar up to this long after the bar's end; later ones are counted and dropped.
    pub revise_within: Duration,
    /// A trade further than this from the previous one, in ticks, is refused as absurd.
    pub jump_ticks_max: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StrategyConfig {
    pub id: StrategyId,
    pub name: String,
    pub kind: String,
    pub symbol: SymbolId,
    /// Bar length in seconds, one of `bars.lengths_s`.
    pub bar_s: u32,
    /// Contracts for one entry, or the most that `size` may find.
    pub quantity: u32,
    /// `None`: entries go without a stop, by `unprotected = true`, which only a backtest accepts.
    pub stop_ticks: Option<u32>,
    /// How many of them; `None`: always all.
    pub size: Option<Size>,
    pub target_ticks: Option<u32>,
    /// Parameters of its kind, checked by the registry.
    pub params: toml::Table,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OrdersConfig {
    /// An order without any answer for this long is `Unknown`.
    pub answer_within: Duration,
    /// Positions are compared with the broker's this often, while all is well: what others do to the account is told by
    /// nobody.
    pub compare_every: Duration,
    /// Flatten every position when the session ends in order (Ctrl-C).
    pub flatten_on_stop: bool,
    /// Close every position this long before its session does; `None`: hold over the close.
    pub flatten_before_close: Option<Duration>,
    /// The broker's profit of the day may differ from ours by so much; `None` compares nothing.
    pub broker_pnl_tolerance: Option<Money>,
    /// Flatten when the link was lost and came back, instead of holding with the resting stop; see [`OnDisconnect`], which
    /// is what is acted upon.
    pub emergency_liquidate_on_disconnect: bool,
}

/// One section for each kind of actor: `[actors.broker]`, `[actors.bars]`, `[actors.strategy]`, `[actors.books]`, `[actors.storage]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ActorsConfig {
    pub broker: ActorConfig,
    pub bars: ActorConfig,
    pub strategy: ActorConfig,
    pub books: ActorConfig,
    pub storage: ActorConfig,
    /// How often the supervisor's own thread pings each actor.
    pub ping_every: Duration,
    /// How often each actor's health is a log event.
    pub report_every: Duration,
}

impl BrokerConfig {
    /// How long a heartbeat may be unanswered. A live clock is answered at once; with the patience of a large request a
    /// dead link would stand for most of a minute.
    pub fn heartbeat_patience(&self) -> Duration {
        self.heartbeat_every.min(self.request_timeout)
    }
}

impl ActorsConfig {
    /// How the parts that decide are spread over threads; `None` if they share one.
    pub fn split_threads(&self) -> Option<String> {
        let parts =
            [("broker", &self.broker), ("bars", &self.bars), ("strategy", &self.strategy), ("books", &self.books)];
        let split = parts.iter().any(|(_, actor)| actor.thread != self.broker.thread);
        let on = |(name, actor): &(&str, &ActorConfig)| format!("{name} on {:?}", actor.thread);
        split.then(|| parts.iter().map(on).collect::<Vec<_>>().join(", "))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ActorConfig {
    /// Arbiter thread by name; actors with the same name share a thread.
    pub thread: String,
    pub mailbox_capacity: usize,
    /// More restarts than this within `restart_period` and the supervisor gives up on the actor.
    pub restarts_max: u32,
    pub restart_period: Duration,
    pub backoff_min: Duration,
    pub backoff_max: Duration,
    /// A ping unanswered for this long is a hang.
    pub hang_after: Duration,
    /// Time to stop in order.
    pub stop_within: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StorageConfig {
    /// `sqlite:PATH` or `postgres://...`.
    pub database_url: String,
    /// Folder of the journal's segments.
    pub journal_dir: PathBuf,
    pub batch_rows_max: usize,
    pub flush_every: Duration,
    pub pool_size: u32,
}

impl StorageConfig {
    /// The database's URL without its password, for logs and screens.
    pub fn database_url_shown(&self) -> String {
        let url = &self.database_url;
        let (Some(scheme_end), Some(host)) = (url.find("://").map(|at| at + 3), url.rfind('@')) else {
            return url.clone();
        };
        match url.get(scheme_end..host).and_then(|user| user.split_once(':')) {
            Some((user, _)) => format!("{}{user}:***{}", &url[..scheme_end], &url[host..]),
            None => url.clone(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    /// One of [`LOG_LEVELS`].
    pub terminal_level: String,
    pub file_level: String,
    /// JSON log events; `None` writes no file.
    pub file: Option<PathBuf>,
    pub file_bytes_max: u64,
    pub backups: usize,
}
