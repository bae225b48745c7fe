//! Tick to order on the wire, and ticks absorbed in a flood: the bare crate `ibapi` (A) against the whole of Pitboss (B),
//! in turn, in one run, against the simulated gateway over loopback TCP.
//!
//! `cargo bench --bench wire`, or with `-- --quick` a short version, with `-- --flood` the flood alone, with `-- --apart`
//! latencies on a core each alone. The gateway's probe measures at the socket: just before a trade's frame is written, and
//! when an order's frame has been read. Both programs pay the same for it. Compare A with B inside one run only: a
//! busy machine doubles both. All orders together decide; the median over neighbouring rounds stands beside, since a
//! machine that stands still for milliseconds makes the tail of whichever program ran just then.

#[path = "../common/mod.rs"]
mod common;

mod bare;
mod market;
mod measure;
mod pitboss;
mod until;

use bare::Seen;
use common::{median, quantile};
use engine::config::{Background, Config};
use gateway::{Pacing, Probe, WireLog};
use measure::Latencies;
use rustix::thread::{CpuSet, sched_setaffinity};
use serde_json::json;
use slog::Logger;
use std::time::Duration;
use until::Until;

/// Frames that may wait in the crate, as the system has it.
const CHANNEL_FRAMES: usize = 16_384;
/// Bars at the start of a paced session that do not count.
const WARM_UP: usize = 30;

struct Plan {
    paced_rounds: usize,
    paced_bars: i64,
    flood_rounds: usize,
    flood_bars: i64,
}

const FULL: Plan = Plan { paced_rounds: 12, paced_bars: 300, flood_rounds: 5, flood_bars: 150 };
const QUICK: Plan = Plan { paced_rounds: 2, paced_bars: 200, flood_rounds: 1, flood_bars: 150 };

/// What B - A may be, in microseconds, and B / A.
const P50_US_MAX: f64 = 10.0;
const P99_US_MAX: f64 = 30.0;
const FLOOD_SHARE_MIN: f64 = 0.9;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Program {
    Bare,
    /// Sleeps when nothing comes, as shipped.
    Pitboss,
    /// Keeps its thread awake while the market moves, and nobody waits for threads that can: `busy_poll_ms = 5`,
    /// `background = "idle"`.
    BusyPitboss,
}

/// In a flood nobody sleeps.
const FLOODED: [Program; 2] = [Program::Bare, Program::Pitboss];
const PROGRAMS: [Program; 3] = [Program::Bare, Program::Pitboss, Program::BusyPitboss];

impl Program {
    fn name(self) -> &'static str {
        match self {
            Program::Bare => "bare ibapi",
            Program::Pitboss => "pitboss",
            Program::BusyPitboss => "pitboss, busy poll",
        }
    }
}

/// Where threads run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Placed {
    /// Where the kernel puts them. With two cores the sender of an order is often preempted by its receiver.
    Anywhere,
    /// The gateway on core 1 and the thread that trades on core 0, as two programs that do not disturb each other.
    Apart,
}

impl Placed {
    fn name(self) -> &'static str {
        match self {
            Placed::Anywhere => "placed by the kernel",
            Placed::Apart => "gateway and program on a core each",
        }
    }
}

/// As in `config/live.toml`.
const BUSY_POLL: Duration = Duration::from_millis(5);
const GATEWAY_CORE: usize = 1;
const PROGRAM_CORE: usize = 0;

/// One session of one program: what passed on the wire, when the last trade's order was read, what the program saw.
struct Outcome {
    log: WireLog,
    end: Option<std::time::Instant>,
    seen: Seen,
    sent: u64,
}

fn main() {
    if !common::is_bench() {
        return println!("run it with `cargo bench --bench wire`");
    }
    let plan = if common::has_flag("--quick") { QUICK } else { FULL };
    // Of the log's thread, which all sessions share; the others are a matter of each session.
    actors::priority::choose(Background::Idle);
    common::print_machine();
    if common::has_flag("--flood") {
        return flood(&plan);
    }
    if common::has_flag("--apart") {
        return latency(&plan, Placed::Apart);
    }
    latency(&plan, Placed::Anywhere);
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        latency(&plan, Placed::Apart);
    }
    flood(&plan);
}

/// The log of all sessions that are placed so; events go to a file, as in production, until it is dropped.
struct Log {
    log: Logger,
    _guard: actors::logging::LogGuard,
    _folder: tempfile::TempDir,
}

impl Log {
    fn start(placed: Placed) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = pitboss::config(folder.path()).log;
        // The program's core is its own; its other threads keep off it, as `pitboss run` has them.
        let core = (placed == Placed::Apart).then_some(GATEWAY_CORE);
        let (log, guard) = on_core(core, || actors::logging::start(&config).expect("a log file in a new folder"));
        Log { log, _guard: guard, _folder: folder }
    }
}

fn latency(plan: &Plan, placed: Placed) {
    let started = Log::start(placed);
    let log = &started.log;
    let mut rounds = PROGRAMS.map(|_| Vec::new());
    let trades = plan.paced_bars * market::PACED_TRADES;
    for _ in 0..plan.paced_rounds {
        for (n, program) in PROGRAMS.into_iter().enumerate() {
            let outcome = session(program, placed, market::paced(plan.paced_bars), trades, None, log);
            rounds[n].push(Latencies::of(&outcome.log, WARM_UP, outcome.lost()));
        }
    }
    let what = format!("tick to order, us; {}", placed.name());
    println!("\n{what:<53} orders      p50      p90      p99    p99.9  unanswered  lost ticks");
    let of_all: [[f64; 4]; PROGRAMS.len()] =
        std::array::from_fn(|n| tell_latencies(PROGRAMS[n].name(), placed, &Latencies::of_all(&rounds[n])));
    let of_rounds = rounds.each_ref().map(|rounds| rounds.iter().map(quantiles).collect::<Vec<_>>());
    for n in 1..PROGRAMS.len() {
        let all: [f64; 4] = std::array::from_fn(|q| of_all[n][q] - of_all[0][q]);
        let met = all[0] <= P50_US_MAX && all[2] <= P99_US_MAX;
        tell_difference(PROGRAMS[n], placed, "all orders", all, verdict(met));
        let middle = std::array::from_fn(|q| {
            let apart: Vec<f64> = of_rounds[n].iter().zip(&of_rounds[0]).map(|(b, a)| b[q] - a[q]).collect();
            median(&apart).expect("at least one round")
        });
        tell_difference(PROGRAMS[n], placed, "median of rounds", middle, "");
    }
}

/// `over`: what it is the difference of; `us` at each of [`quantiles`].
fn tell_difference(program: Program, placed: Placed, over: &str, us: [f64; 4], verdict: &str) {
    let [p50, p90, p99, p999] = us;
    let name = format!("{} - {}", program.name(), PROGRAMS[0].name());
    println!("{name:<43} {over:>16} {p50:>8.1} {p90:>8.1} {p99:>8.1} {p999:>8.1}  {verdict}");
    let line = json!({"bench": "wire.tick_to_order.difference", "program": program.name(), "placed": placed.name(),
        "over": over, "p50_us": p50, "p90_us": p90, "p99_us": p99, "p999_us": p999, "p50_us_max": P50_US_MAX,
        "p99_us_max": P99_US_MAX});
    println!("{line}");
}

/// 50, 90, 99, 99.9 in a hundred.
fn quantiles(found: &Latencies) -> [f64; 4] {
    [0.5, 0.9, 0.99, 0.999].map(|q| quantile(&found.us, q).expect("orders were sent"))
}

/// Prints one program's row and returns its [`quantiles`].
fn tell_latencies(name: &str, placed: Placed, found: &Latencies) -> [f64; 4] {
    let row = quantiles(found);
    let ([p50, p90, p99, p999], orders) = (row, found.us.len());
    let Latencies { unanswered, lost, .. } = found;
    println!("{name:<50} {orders:>9} {p50:>8.1} {p90:>8.1} {p99:>8.1} {p999:>8.1} {unanswered:>11} {lost:>11}");
    let line = json!({"bench": "wire.tick_to_order", "program": name, "placed": placed.name(), "orders": orders,
        "p50_us": p50, "p90_us": p90, "p99_us": p99, "p999_us": p999, "unanswered": unanswered, "lost_ticks": lost});
    println!("{line}");
    row
}

fn flood(plan: &Plan) {
    let started = Log::start(Placed::Anywhere);
    let log = &started.log;
    let mut rates = FLOODED.map(|_| Vec::new());
    let mut lost = [0; FLOODED.len()];
    let trades = plan.flood_bars * market::FLOOD_TRADES + 1;
    for _ in 0..plan.flood_rounds {
        for (n, program) in FLOODED.into_iter().enumerate() {
            let last_order = match program {
                Program::Bare => usize::try_from(plan.flood_bars).expect("bars"),
                Program::Pitboss | Program::BusyPitboss => market::flood_crossover_orders(plan.flood_bars),
            };
            let outcome =
                session(program, Placed::Anywhere, market::flood(plan.flood_bars), trades, Some(last_order), log);
            let end = outcome.end.expect("the session waited for it");
            rates[n].push(measure::flood_rate(&outcome.log, end).expect("trades were written"));
            lost[n] += outcome.lost();
        }
    }
    println!("\nflood of {trades} ticks   rounds    ticks/s (median)     lowest    highest  lost ticks");
    for n in 0..FLOODED.len() {
        tell_flood(FLOODED[n].name(), trades, &rates[n], lost[n]);
    }
    let ratios: Vec<f64> = rates[1].iter().zip(&rates[0]).map(|(b, a)| b / a).collect();
    let share = median(&ratios).expect("at least one round");
    let met = share >= FLOOD_SHARE_MIN;
    println!("{:<24} {:>6} {share:>19.3}  {}", "pitboss / bare", "", verdict(met));
    let line = json!({"bench": "wire.flood.share", "median": share, "rounds": ratios, "min": FLOOD_SHARE_MIN,
        "met": met});
    println!("{line}");
}

fn tell_flood(name: &str, trades: i64, rates: &[f64], lost: u64) {
    let (low, high) = rates.iter().fold((f64::MAX, 0.0_f64), |(low, high), &rate| (low.min(rate), high.max(rate)));
    let (middle, rounds) = (median(rates).expect("at least one round"), rates.len());
    println!("{name:<24} {rounds:>6} {middle:>19.0} {low:>10.0} {high:>10.0} {lost:>11}");
    let line = json!({"bench": "wire.flood", "program": name, "ticks": trades, "ticks_per_s": middle, "lowest": low,
        "highest": high, "rounds": rates, "lost_ticks": lost});
    println!("{line}");
}

fn verdict(met: bool) -> &'static str {
    if met { "demand met" } else { "DEMAND MISSED" }
}

/// A fresh gateway, a fresh program, fresh folders.
fn session<S>(
    program: Program,
    placed: Placed,
    market: S,
    trades: i64,
    last_order: Option<usize>,
    log: &Logger,
) -> Outcome
where
    S: Iterator<Item = engine::market::FeedEvent> + Send + 'static,
{
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut config: Config = pitboss::config(folder.path());
    let probe = Probe::with_capacity(16_384, 8_192);
    let pace = if last_order.is_some() { Pacing::Flood } else { market::paced_clock() };
    let (instruments, noting) = (config.instruments.clone(), probe.clone());
    let gateway = on_core((placed == Placed::Apart).then_some(GATEWAY_CORE), move || {
        market::gateway(&instruments, market, pace, noting)
    });
    let trades = u64::try_from(trades).expect("a number of trades");
    let until = Until { trades, last_order, probe: probe.clone() };
    let address = gateway.local_addr();
    let core = (placed == Placed::Apart).then_some(PROGRAM_CORE);
    let seen = match program {
        Program::Bare => on_core(core, || bare::run(address, CHANNEL_FRAMES, &until)),
        Program::Pitboss | Program::BusyPitboss => {
            config.broker.core = core.map(|core| u32::try_from(core).expect("a small number"));
            actors::priority::choose(config.instance.background);
            if program == Program::BusyPitboss {
                config.broker.busy_poll = BUSY_POLL;
                actors::priority::choose(Background::Idle);
            }
            // The thread that trades goes to its core by itself.
            let others = core.map(|_| GATEWAY_CORE);
            on_core(others, || pitboss::run(address, config, log, &until))
        }
    };
    let sent = gateway.stats().ticks_sent;
    gateway.stop();
    let log = probe.log();
    Outcome { end: until.last_order_at(&log), log, seen, sent }
}

/// Runs `work` on a thread of its own, which keeps to `core` with all threads that it starts.
fn on_core<T: Send>(core: Option<usize>, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            if let Some(core) = core {
                let mut set = CpuSet::new();
                set.set(core);
                sched_setaffinity(None, &set).expect("the machine has this core");
            }
            work()
        });
        worker.join().expect("a session that panics ends the bench")
    })
}

impl Outcome {
    /// Ticks that did not reach the program, and notices that say so.
    fn lost(&self) -> u64 {
        self.sent - self.seen.trades + self.seen.lags
    }
}
