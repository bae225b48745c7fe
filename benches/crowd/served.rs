//! The gateway of the crowd, in a child process of this program. In: one line on standard input that starts the market,
//! its end that stops it. Out: two lines: the address, and at the end the counters. Absent: clients.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use engine::market::{FeedEvent, Instrument, MarketEvent, Price, Quote, SymbolId, Trade};
use engine::time::Timestamp;
use engine::trade::Money;
use gateway::{Options, Pacing};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::TICKS_PER_S;

/// 2026-11-24T15:00:00Z, a Tuesday in regular hours.
const START: Timestamp = Timestamp::from_secs(1_795_532_400);
const CLIENTS_MAX: usize = 1_000;

/// What the gateway counted.
#[derive(Serialize, Deserialize)]
pub struct Report {
    pub ticks_sent: u64,
    pub unread_bytes_peak: usize,
}

/// The size that tick `n` shows, so that each client can tell that none is missing.
pub fn size_of(n: u64) -> u32 {
    (n % 9_000) as u32 + 1_000
}

fn tick(n: u64) -> FeedEvent {
    let ts = START + Duration::from_nanos(n * (1_000_000_000 / TICKS_PER_S));
    let price = Price(20_000 + (n / 64 % 8) as i32);
    let event = if n.is_multiple_of(2) {
        let ask = Some(Price(price.0 + 1));
        MarketEvent::Quote(Quote { ts, bid: Some(price), ask, bid_size: size_of(n), ask_size: 7 })
    } else {
        MarketEvent::Trade(Trade { ts, price, size: size_of(n) })
    };
    FeedEvent { symbol: SymbolId(0), event }
}

fn es() -> Instrument {
    Instrument {
        id: SymbolId(0),
        name: "ES".to_owned(),
        root: "ES".to_owned(),
        expiry: Some("202612".to_owned()),
        exchange: "CME".to_owned(),
        currency: "USD".to_owned(),
        tick_size: Decimal::new(25, 2),
        multiplier: Decimal::from(50),
    }
}

/// The past that clients may ask for: less than the first seconds bring, so that what grows afterwards is not the past.
const TICKS_KEPT: usize = 50_000;

/// Serves until standard input ends.
pub fn serve(seconds: u64) -> ExitCode {
    let began: Arc<OnceLock<Instant>> = Arc::default();
    let clock = began.clone();
    let pace = Pacing::Clock(Arc::new(move || match clock.get() {
        Some(began) => START + began.elapsed(),
        None => Timestamp::from_secs(START.secs() - 1),
    }));
    let gateway = gateway::start(Options {
        listen: ([127, 0, 0, 1], 0).into(),
        instruments: vec![es()],
        source: Box::new((0..seconds * TICKS_PER_S).map(tick)),
        pace,
        account: "DU1234567".to_owned(),
        cash: Money::from_micros(100_000_000_000),
        commission: Money::from_micros(2_250_000),
        wait_for_client: true,
        clients_max: CLIENTS_MAX,
        history: gateway::History { ticks_max: TICKS_KEPT, ..gateway::History::default() },
        log: slog::Logger::root(slog::Discard, slog::o!()),
    });
    let gateway = gateway.expect("a free port on the loopback interface");
    println!("{}", gateway.local_addr());
    std::io::stdout().flush().expect("the parent reads");
    for line in std::io::stdin().lines() {
        line.expect("the parent writes text");
        began.get_or_init(Instant::now);
    }
    let stats = gateway.stats();
    let report = Report { ticks_sent: stats.ticks_sent, unread_bytes_peak: stats.unread_bytes_peak };
    println!("{}", serde_json::to_string(&report).expect("numbers"));
    gateway.stop();
    ExitCode::SUCCESS
}

/// The child, as its parent sees it. Dropped early it ends by itself: its input ends.
pub struct Served {
    child: Child,
    told: BufReader<std::process::ChildStdout>,
    pub address: SocketAddr,
}

impl Served {
    pub fn start(seconds: u64) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        let command = command.args(["--serve", &seconds.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("this program runs again");
        let mut told = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        told.read_line(&mut line).expect("the child tells its address");
        let address = line.trim().parse().expect("an address");
        Self { child, told, address }
    }

    /// Starts the market.
    pub fn go(&mut self) {
        let input = self.child.stdin.as_mut().expect("it is piped");
        input.write_all(b"go\n").and_then(|()| input.flush()).expect("the child reads");
    }

    pub fn end(mut self) -> Report {
        drop(self.child.stdin.take());
        let mut line = String::new();
        self.told.read_line(&mut line).expect("the child tells its counters");
        assert!(self.child.wait().expect("it is our child").success());
        serde_json::from_str(&line).expect("a report")
    }

    pub fn resident_kb(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells it");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Processor time so far, all threads, in seconds.
    pub fn cpu_s(&self) -> f64 {
        let stat = self.proc("stat");
        // After the name in parentheses; user and system time are fields 14 and 15 of all, in hundredths.
        let (_, rest) = stat.rsplit_once(')').expect("a name");
        let ticks = rest.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().expect("a number"));
        ticks.sum::<f64>() / 100.0
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("the child runs, on Linux")
    }
}
