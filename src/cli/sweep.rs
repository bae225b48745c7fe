//! `pitboss sweep`: one configuration with many values of some keys, over the same bars, on all cores. In: keys with
//! their values, files of bars. Out: a row for each set of values. Absent: a journal and a database; `backtest` writes
//! those for the set that is worth a closer look.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use engine::bar_market::BarEvent;
use engine::config::raw::Layer;
use engine::config::{Config, backtest::Fills};
use engine::time::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};

use super::bar_market::{self, Loaded, Wanted};
use super::recorded::RecordedArgs;
use super::unrecorded::Outcomes;
use super::{ConfigArg, Failure, Outcome, outputs, print_line, setup};

mod rows;
mod values;
mod walk;

use rows::{Row, Rows};
use values::Axis;

const DEFAULT_OUT: &str = "var/sweep.csv";

#[derive(Args)]
pub struct SweepArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Files of bars; without it those of the configuration's [backtest].
    #[arg(long, num_args = 1.., value_name = "FILE")]
    data: Vec<PathBuf>,
    /// One contract only, by name or expiry.
    #[arg(long, value_name = "NAME")]
    contract: Option<String>,
    #[command(flatten)]
    recorded: RecordedArgs,
    /// A key of the configuration and its values: `strategies.0.params.fast=5,10,20`, or from, to and step as
    /// `strategies.0.params.slow=30..60..10`. Every combination of all keys is run.
    #[arg(long, required = true, num_args = 1.., value_name = "KEY=VALUES")]
    set: Vec<String>,
    /// Rows are added here as runs end. If it is there already with rows of the same sweep, those runs are not repeated. Its
    /// folder has to be there (`var` is made for the default).
    #[arg(long, value_name = "FILE", default_value = DEFAULT_OUT)]
    out: PathBuf,
    /// Runs at the same time. By default one for each processor core.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Walk forward: in each window the set with the best net result over the training days is run on the days after them.
    /// `rolling` windows train on the days just before, `anchored` ones on all days from the first.
    #[arg(long, value_name = "WINDOW", value_parser = ["rolling", "anchored"], requires_all = ["train_days", "test_days"])]
    walk_forward: Option<String>,
    /// Calendar days that each window trains on (the first, if anchored).
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3650), requires = "walk_forward")]
    train_days: Option<u16>,
    /// Calendar days that follow the training, and by which windows move on.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3650), requires = "walk_forward")]
    test_days: Option<u16>,
}

/// One run that is to be done.
struct Job {
    /// `None`: the whole market.
    window: Option<walk::Window>,
    values: Vec<String>,
    config: Arc<Config>,
    from: Timestamp,
    to: Timestamp,
}

pub fn run(args: &SweepArgs) -> Outcome {
    args.recorded.check()?;
    let layer = match &args.config.config {
        Some(path) => setup::file_layer(path)?,
        None => Layer::embedded_default(),
    };
    let axes = values::axes(&args.set)?;
    if args.out == Path::new(DEFAULT_OUT) {
        std::fs::create_dir_all("var").map_err(|reason| Failure::usage(format!("var: {reason}")))?;
    }
    outputs::check([("--out", Some(args.out.as_path()))])?;
    let mut config = setup::read(layer.clone())?;
    let base = config.clone();
    if !matches!(config.backtest.fills, Fills::Bars(_)) {
        return Err(Failure::usage("a sweep plays bars: choose a model of bars in [backtest.fills]"));
    }
    let wanted = Wanted {
        data: &args.data,
        recorded: &args.recorded,
        contract: args.contract.as_deref(),
        configured: args.config.is_given(),
    };
    let loaded = bar_market::open(&wanted, &mut config)?.load()?;
    let workers = args.jobs.map_or_else(cores, usize::from);
    let sets = configurations(&layer, &axes, workers, &First { base: &base, played: &config })?;
    let jobs = jobs(&loaded, &sets, args)?;
    loaded.notes.iter().try_for_each(|note| print_line(&format!("note: {note}")))?;
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_interrupt(&stop);
    let rows = Rows::open(&args.out, &axes, &mark_of(&base, &loaded, args))?;
    let done = work(&loaded, &jobs, rows, workers, &stop)?;
    if done.left > 0 {
        let text = format!(
            "interrupted with {} of {} runs done; the same command goes on",
            jobs.len() - done.left,
            jobs.len()
        );
        return print_line(&text);
    }
    print_line(&format!(
        "{} runs ({} were there already) in {:.1} s on {workers} threads, {:.0} % busy: {}",
        jobs.len(),
        done.kept,
        done.seconds,
        100.0 * done.busy_seconds / (done.seconds * workers as f64).max(1e-9),
        args.out.display()
    ))?;
    if let Some((runs, why)) = done.slow {
        print_line(&format!("{runs} of them were played message by message, not on the fast path: {why}"))?;
    }
    match args.walk_forward {
        Some(_) => walk::forward(&loaded, &jobs, &axes, &args.out),
        None => best(&args.out, &axes),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What every set is held against.
#[derive(Clone, Copy)]
struct First<'a> {
    /// As it is written.
    base: &'a Config,
    /// On the instruments that are played.
    played: &'a Config,
}

/// Values of the axes, and the configuration that has them.
type Set = (Vec<String>, Arc<Config>);

/// Each set of values with its configuration; a set that the configuration refuses ends the sweep before it begins. Reading
/// a configuration takes as long as a short run, so it is done on all cores.
fn configurations(layer: &Layer, axes: &[Axis], workers: usize, first: &First<'_>) -> Result<Vec<Set>, Failure> {
    let combinations = values::combinations(axes)?;
    let a_thread = combinations.len().div_ceil(workers.max(1)).max(1);
    let read = |chunk: &[Vec<String>]| -> Result<Vec<Set>, Failure> {
        chunk.iter().map(|values| Ok((values.clone(), Arc::new(configuration(layer, axes, values, first)?)))).collect()
    };
    let read = &read;
    let parts: Vec<Result<Vec<Set>, Failure>> = std::thread::scope(|scope| {
        let started: Vec<_> = combinations.chunks(a_thread).map(|chunk| scope.spawn(move || read(chunk))).collect();
        let joined = started.into_iter().map(|thread| match thread.join() {
            Ok(part) => part,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    });
    let sets = parts.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    if sets.is_empty() {
        return Err(Failure::usage("--set names no values"));
    }
    Ok(sets)
}

/// The configuration with these values of the axes.
fn configuration(layer: &Layer, axes: &[Axis], values: &[String], first: &First<'_>) -> Result<Config, Failure> {
    let env: Vec<(String, String)> =
        axes.iter().zip(values).map(|(axis, value)| (axis.variable(), value.clone())).collect();
    let mut config = setup::read_with(layer.clone(), &env)?;
    if config.instruments != first.base.instruments {
        return Err(Failure::usage("a sweep cannot change [[instruments]]: all sets play the same bars"));
    }
    if config.instruments != first.played.instruments {
        super::market::retarget(&mut config, first.played.instruments.clone());
    }
    bar_market::check_same_market(&config, first.played)?;
    super::backtest::allow(&config)?;
    Ok(config)
}

/// # Errors
/// Walking forward over a market that has no window.
fn jobs(loaded: &Loaded, sets: &[(Vec<String>, Arc<Config>)], args: &SweepArgs) -> Result<Vec<Job>, Failure> {
    let windows = match (&args.walk_forward, args.train_days, args.test_days) {
        (Some(kind), Some(train), Some(test)) => walk::windows(loaded, kind == "anchored", train, test),
        _ => vec![],
    };
    let job = |window: Option<walk::Window>, (values, config): &(Vec<String>, Arc<Config>)| {
        let (from, to) =
            window.map_or((Timestamp::MIN, Timestamp::MAX), |window| (window.train_from, window.test_from));
        Job { window, values: values.clone(), config: config.clone(), from, to }
    };
    match args.walk_forward {
        None => Ok(sets.iter().map(|set| job(None, set)).collect()),
        Some(_) if windows.is_empty() => Err(Failure::usage("no window: the market is not longer than --train-days")),
        Some(_) => Ok(windows.iter().flat_map(|window| sets.iter().map(move |set| job(Some(*window), set))).collect()),
    }
}

/// What tells one sweep from another: configuration, market, windows. Values may be added to a sweep.
fn mark_of(base: &Config, loaded: &Loaded, args: &SweepArgs) -> String {
    let mut hash = crc32fast::Hasher::new();
    // As it was understood: with what the environment sets, and with the files of margins and rates that it names.
    hash.update(format!("{base:?} {:?}", loaded.setup).as_bytes());
    for bar in loaded.bars.iter() {
        hash_bar(&mut hash, bar);
    }
    hash.update(format!("{:?} {:?} {:?}", args.walk_forward, args.train_days, args.test_days).as_bytes());
    format!("{:08x}", hash.finalize())
}

/// Words take a hundred times as long as numbers, and a history has millions of bars.
fn hash_bar(hash: &mut crc32fast::Hasher, bar: &BarEvent) {
    let BarEvent::Trades(bar) = bar else { return hash.update(format!("{bar:?}").as_bytes()) };
    hash.update(&bar.open_ts.nanos().to_le_bytes());
    let prices = [bar.open.0, bar.high.0, bar.low.0, bar.close.0];
    prices.iter().for_each(|price| hash.update(&price.to_le_bytes()));
    hash.update(&bar.volume.to_le_bytes());
    hash.update(&bar.length_s.to_le_bytes());
    hash.update(&[bar.symbol.0.to_le_bytes(), [bar.quality as u8, 0]].concat());
}

/// Ctrl-C lets the runs under way end; their rows are kept.
fn stop_on_interrupt(stop: &Arc<AtomicBool>) {
    let stop = stop.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // Without a handler Ctrl-C ends the process, and the rows that were written are kept just the same.
        let Ok(runtime) = runtime else { return };
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
    });
}

struct Done {
    kept: usize,
    /// How many runs left the fast path, and why one of them did.
    slow: Option<(usize, &'static str)>,
    left: usize,
    seconds: f64,
    /// Over all threads.
    busy_seconds: f64,
}

/// Runs what has no row yet, on so many threads.
fn work(loaded: &Loaded, jobs: &[Job], rows: Rows, workers: usize, stop: &AtomicBool) -> Result<Done, Failure> {
    let todo: Vec<&Job> = jobs.iter().filter(|job| !rows.has(&job.key())).collect();
    let kept = jobs.len() - todo.len();
    let bar = progress(jobs.len(), kept);
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (rows, failed, slow) = (Mutex::new(rows), Mutex::new(None), Mutex::new(None));
    let busy = Mutex::new(Duration::ZERO);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..workers.min(todo.len()) {
            scope.spawn(|| {
                let began = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    let Some(job) = todo.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                    let added = job.run(loaded).and_then(|(row, why)| {
                        if let Some(why) = why {
                            lock(&slow).get_or_insert((0, why)).0 += 1;
                        }
                        lock(&rows).add(&row)
                    });
                    if let Err(failure) = added {
                        lock(&failed).get_or_insert(failure);
                        stop.store(true, Ordering::Relaxed);
                        break;
                    }
                    finished.fetch_add(1, Ordering::Relaxed);
                    bar.inc(1);
                }
                *lock(&busy) += began.elapsed();
            });
        }
    });
    bar.finish_and_clear();
    if let Some(failure) = lock(&failed).take() {
        return Err(failure);
    }
    let left = todo.len() - finished.load(Ordering::Relaxed);
    let busy_seconds = lock(&busy).as_secs_f64();
    let slow = lock(&slow).take();
    Ok(Done { kept, slow, left, seconds: started.elapsed().as_secs_f64(), busy_seconds })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn progress(all: usize, kept: usize) -> ProgressBar {
    let bar = ProgressBar::new(all as u64).with_position(kept as u64);
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} runs, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Job {
    fn key(&self) -> Vec<String> {
        let window = self.window.map_or(String::new(), |window| window.name());
        std::iter::once(window).chain(self.values.iter().cloned()).collect()
    }

    /// Its row, and why it was not played on the fast path, if it was not.
    fn run(&self, loaded: &Loaded) -> Result<(Row, Option<&'static str>), Failure> {
        let outcomes = loaded.outcomes(&self.config, self.from, self.to)?;
        let net = outcomes.net();
        let Outcomes { performance: totals, interest, equity, slow } = outcomes;
        let row = Row {
            key: self.key(),
            trades: totals.trades,
            wins: totals.wins,
            gross: totals.realised,
            open: totals.unrealised,
            interest,
            commission: totals.commission,
            net,
            drawdown_max: totals.drawdown_max,
            equity,
        };
        Ok((row, slow))
    }
}

/// The rows that earned most.
fn best(path: &Path, axes: &[Axis]) -> Outcome {
    const SHOWN: usize = 10;
    let mut rows = rows::read(path, axes)?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.net));
    print_line(&rows::header_shown(axes))?;
    rows.iter().take(SHOWN).try_for_each(|row| print_line(&row.shown()))
}
