//! How fast a backtest is, on one thread and with its data in memory: `a`, 1,000,000 ticks that become one-minute bars that
//! become orders; `b`, 2,000,000 one-minute bars with an order every 26 of them. One JSON line a workload, medians.
//!
//! `cargo bench --bench backtest -- [a|b] [--data DIR] [--rounds N] [--queue]`. DIR holds `ticks.bin` and `bars.bin` (see
//! `market`); without it a market of the same kind is drawn from a seed. `--queue` plays over the queue transport instead
//! of the fast path. The same strategy and configuration for both: averages of 10 and 30 bars, long or flat.

mod market;

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use engine::backtest::Backtest;
use engine::backtest::bar_run::{BarBacktest, BarRunSetup};
use engine::backtest::fast::{End, Filled, Plan, Sink, run_bars, run_ticks};
use engine::bar_market::BarEvent;
use engine::config::Config;
use engine::config::raw::{self, Known, Layer};
use engine::journal::{Performance, Record};
use engine::market::{FeedEvent, MarketEvent, SymbolId, Trade};
use engine::strategy::ma_crossover::MaCrossover;
use engine::strategy::registry;
use engine::time::Timestamp;

use market::Row;

/// Every rail of the gate is on and refuses nothing, but for those of stops and sessions, which these markets do not have.
const CONFIG: &str = include_str!("bench.toml");

struct Options {
    workloads: Vec<String>,
    data: Option<PathBuf>,
    rounds: usize,
    queue: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options { workloads: Vec::new(), data: None, rounds: 21, queue: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "a" | "b" => options.workloads.push(arg),
            "--data" => options.data = Some(value()?.into()),
            "--rounds" => options.rounds = value()?.parse().map_err(|_| "--rounds N: a number".to_owned())?,
            "--queue" => options.queue = true,
            // Cargo's own.
            "--bench" => {}
            _ => return Err(format!("{arg}: expected a, b, --data DIR, --rounds N or --queue")),
        }
    }
    if options.workloads.is_empty() {
        options.workloads = vec!["a".to_owned(), "b".to_owned()];
    }
    Ok(options)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if !std::env::args().any(|arg| arg == "--bench") {
        println!("run it with `cargo bench --bench backtest`");
        return Ok(());
    }
    let options = options()?;
    for workload in &options.workloads {
        match workload.as_str() {
            "a" => ticks(&options)?,
            _ => bars(&options)?,
        }
    }
    Ok(())
}

fn config(model: &str) -> Result<Config, Box<dyn std::error::Error>> {
    let text = CONFIG.replace("MODEL", model);
    let read = raw::read(&[Layer::new("bench.toml", text)], &[], &Known::registered(&[]));
    Ok(read.map_err(|mistakes| mistakes.to_string())?)
}

fn strategy(config: &Config) -> MaCrossover {
    let strategy = &config.strategies[0];
    MaCrossover::new(&registry::params(&strategy.kind, &strategy.params).expect("the configuration was checked"))
}

/// What one round found.
struct Found {
    seconds: f64,
    fills: u64,
    performance: Performance,
}

fn ticks(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let config = config("ticks")?;
    let trades = match &options.data {
        Some(folder) => market::read_ticks(&folder.join("ticks.bin"))?,
        None => market::draw_ticks(1_000_000),
    };
    let start = trades.first().ok_or("there are no ticks")?.ts.floor(std::time::Duration::from_secs(1));
    let round = || match options.queue {
        true => queue_ticks(&config, &trades, start),
        false => {
            let plan = Plan::of(&config).expect("the bench's configuration qualifies");
            fast(|| run_ticks(&plan, strategy(&config), black_box(&trades).iter().copied(), start, 1, ()))
        }
    };
    tell("a", trades.len(), options, round);
    Ok(())
}

fn bars(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let config = config("next_open")?;
    let rows = match &options.data {
        Some(folder) => market::read_bars(&folder.join("bars.bin"))?,
        None => market::draw_bars(2_000_000),
    };
    let start = rows.first().ok_or("there are no bars")?.bar().open_ts;
    let plan = Plan::of(&config).expect("the bench's configuration qualifies");
    let play = |sink: &mut dyn FnMut()| {
        let sink = OnFill(sink);
        run_bars(&plan, strategy(&config), black_box(&rows).iter().map(Row::bar), start, 1, sink)
    };
    let round = || match options.queue {
        true => queue_bars(&config, &rows, start),
        false => fast(|| run_bars(&plan, strategy(&config), black_box(&rows).iter().map(Row::bar), start, 1, ())),
    };
    let fills = tell("b", rows.len(), options, round);
    if !options.queue {
        cost_of_fills(fills, options.rounds, play);
    }
    Ok(())
}

fn fast(play: impl FnOnce() -> Result<End, engine::backtest::fast::Unsuited>) -> Found {
    let began = Instant::now();
    let end = black_box(play());
    let seconds = began.elapsed().as_secs_f64();
    let end = end.unwrap_or_else(|why| panic!("the fast path gave up: {why}"));
    Found { seconds, fills: end.fills, performance: end.performance }
}

fn queue_ticks(config: &Config, trades: &[Trade], start: Timestamp) -> Found {
    let symbol = SymbolId(0);
    let source = trades.iter().map(|trade| FeedEvent { symbol, event: MarketEvent::Trade(*trade) });
    let mut fills = 0;
    let began = Instant::now();
    let count = |_, record: Record| fills += u64::from(matches!(record, Record::Fill(_)));
    let cores = Backtest::new(config, source, start, config.backtest.cash, config.backtest.commission, count).run();
    let seconds = began.elapsed().as_secs_f64();
    Found { seconds, fills, performance: cores.books.portfolio().performance(None) }
}

fn queue_bars(config: &Config, rows: &[Row], start: Timestamp) -> Found {
    let mut fills = 0;
    let began = Instant::now();
    let count = |_, record: Record| fills += u64::from(matches!(record, Record::Fill(_)));
    let setup = BarRunSetup { start, with_trades: vec![SymbolId(0)], run: 1, ..BarRunSetup::default() };
    let source = rows.iter().map(|row| BarEvent::Trades(row.bar()));
    let ended = BarBacktest::new(config, source, setup, count).expect("a model of bars").run();
    let seconds = began.elapsed().as_secs_f64();
    Found { seconds, fills, performance: ended.cores.books.portfolio().performance(None) }
}

/// Plays all rounds and prints the line; returns the number of fills.
fn tell(workload: &str, events: usize, options: &Options, round: impl Fn() -> Found) -> u64 {
    let rounds = if options.queue { 1 } else { options.rounds.max(1) };
    let mut found: Vec<Found> = (0..rounds).map(|_| round()).collect();
    found.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let (best, middle) = (found[0].seconds, &found[rounds / 2]);
    let Performance { realised, unrealised, commission, .. } = middle.performance;
    let pnl = realised + unrealised - commission;
    println!(
        "{{\"engine\":\"pitboss\",\"workload\":\"{workload}\",\"path\":\"{}\",\"events\":{events},\"seconds\":{:.9},\
         \"seconds_min\":{best:.9},\"events_per_s\":{:.0},\"trades\":{},\"final_pnl\":{pnl},\"rss_mb\":{:.1}}}",
        if options.queue { "queue" } else { "fast" },
        middle.seconds,
        events as f64 / middle.seconds,
        middle.fills,
        rss_mb(),
    );
    middle.fills
}

/// Calls at every fill.
struct OnFill<'a>(&'a mut dyn FnMut());

impl Sink for OnFill<'_> {
    fn filled(&mut self, _: Timestamp, _: &Filled) {
        (self.0)();
    }
}

/// What a fill costs near the beginning and at the end, with the bars that lead to it: the time of a thousand of them.
fn cost_of_fills<T>(fills: u64, rounds: usize, play: impl Fn(&mut dyn FnMut()) -> T) {
    const WINDOW: u64 = 1_000;
    if fills < 4 * WINDOW {
        return;
    }
    // Around the thousandth, and the last ones.
    let starts = [WINDOW / 2, fills - WINDOW - 1];
    let mut best = [f64::MAX; 2];
    for _ in 0..rounds.max(1) {
        let (mut n, mut began) = (0, [Instant::now(); 2]);
        black_box(play(&mut || {
            for (which, start) in starts.into_iter().enumerate() {
                if n == start {
                    began[which] = Instant::now();
                } else if n == start + WINDOW {
                    best[which] = best[which].min(began[which].elapsed().as_secs_f64());
                }
            }
            n += 1;
        }));
    }
    let ns = best.map(|seconds| seconds * 1e9 / WINDOW as f64);
    println!(
        "{{\"workload\":\"b\",\"ns_a_fill_near_1000\":{:.1},\"ns_a_fill_at_the_end\":{:.1},\"ratio\":{:.3}}}",
        ns[0],
        ns[1],
        ns[1] / ns[0]
    );
}

/// The most that this process ever held.
fn rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells a process about itself");
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).map_or(f64::NAN, |kb| kb / 1024.0)
}
