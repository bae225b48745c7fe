//! `pitboss simulate`: plays seeds of the simulation, several at a time, and shows what breaks. In: arguments.
//! Out: figures, or the seed, step and smallest timeline of each failure; exit code 1 if there is one.
//! Absent: the simulation itself.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actors::simulation::{Options, Outcome, run as play};
use clap::Args;
use engine::simulation::{Plan, draw::draw, shrink::shrink};
use serde_json::json;

use super::{Failure, print_line};

/// Failures that are shown in full; further ones are counted.
const SHOWN_MAX: usize = 10;
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// What happened last before a failure.
const TRACE_LINES: usize = 40;

#[derive(Args)]
pub struct SimulateArgs {
    /// Play this seed.
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "plan"])]
    seed: Option<u64>,
    /// Play the seeds from A up to, and without, B.
    #[arg(long, value_name = "A..B", value_parser = parse_seeds, conflicts_with = "plan")]
    seeds: Option<Seeds>,
    /// Play this plan, a TOML file as a failure prints it with --write-plan.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// How long faults and trades go on in each run, in hours of market time; three quiet minutes follow.
    #[arg(long, value_name = "HOURS", default_value_t = 0.2, value_parser = parse_hours)]
    hours: f64,
    /// Runs at a time. Default: one a processor core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Leave faults out of a failing plan for as long as it still fails.
    #[arg(long)]
    minimise: bool,
    /// Print everything that happened: requests, what was heard, faults.
    #[arg(long)]
    trace: bool,
    /// Print the plan before it is played.
    #[arg(long)]
    show_plan: bool,
    /// Write the (smallest) plan of the first failure here.
    #[arg(long, value_name = "FILE")]
    write_plan: Option<PathBuf>,
    /// Print one JSON object a failure, and one for the whole.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seeds {
    from: u64,
    to: u64,
}

fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let wrong = || format!("{text:?} is not a range of seeds, expected A..B with A less than B, as in 0..1000");
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let (from, to) = (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
    // Seeds are written down as signed integers.
    if from < to && i64::try_from(to).is_ok() { Ok(Seeds { from, to }) } else { Err(wrong()) }
}

fn parse_hours(text: &str) -> Result<f64, String> {
    let hours = text.parse::<f64>().ok().filter(|hours| (0.01..=5.0).contains(hours));
    hours.ok_or_else(|| format!("{text:?} is not a length, expected 0.01 to 5 hours"))
}

/// One run that broke an invariant.
struct Found {
    plan: Plan,
    outcome: Outcome,
}

#[derive(Default)]
struct Totals {
    runs: u64,
    failed: u64,
    simulated: Duration,
    steps: u64,
    lives: u64,
    played: u64,
    executions: u64,
    found: Vec<Found>,
    error: Option<String>,
}

pub fn run(args: &SimulateArgs) -> super::Outcome {
    let plans = plans(args)?;
    let began = Instant::now();
    let totals = play_all(args, &plans);
    if let Some(error) = totals.error {
        return Err(Failure::work(error));
    }
    for found in totals.found.iter().take(SHOWN_MAX) {
        show(args, found)?;
    }
    summarise(args, &totals, began.elapsed())?;
    match totals.failed {
        0 => Ok(()),
        n => Err(Failure::work(format!("{n} of {} runs broke an invariant", totals.runs))),
    }
}

/// The plan of each number, made when it is its turn.
struct Plans {
    seeds: Seeds,
    span_ms: u64,
    given: Option<Plan>,
}

impl Plans {
    fn get(&self, seed: u64) -> Plan {
        self.given.clone().unwrap_or_else(|| draw(seed, self.span_ms))
    }
}

fn plans(args: &SimulateArgs) -> Result<Plans, Failure> {
    let span_ms = (args.hours * 3_600_000.0).round() as u64;
    let one = |seed| Seeds { from: seed, to: seed.saturating_add(1) };
    if let Some(path) = &args.plan {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| Failure::usage(format!("cannot read {name}: {e}")))?;
        let plan: Plan = toml::from_str(&text).map_err(|e| Failure::usage(format!("{name} is not a plan: {e}")))?;
        plan.check().map_err(|e| Failure::usage(format!("{name}: {e}")))?;
        return Ok(Plans { seeds: one(plan.seed), span_ms, given: Some(plan) });
    }
    let seeds = args.seeds.or(args.seed.map(one)).unwrap_or_else(|| one(1));
    Ok(Plans { seeds, span_ms, given: None })
}

fn play_all(args: &SimulateArgs, plans: &Plans) -> Totals {
    let many = plans.seeds.to - plans.seeds.from;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or(cores, usize::from).clamp(1, usize::try_from(many).unwrap_or(usize::MAX));
    let next = AtomicU64::new(plans.seeds.from);
    let totals = Mutex::new(Totals::default());
    let told = Mutex::new(Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= plans.seeds.to || locked(&totals).error.is_some() {
                        return;
                    }
                    play_one(args, plans.get(seed), &totals);
                    tell_progress(&totals, &told, many);
                }
            });
        }
    });
    totals.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn play_one(args: &SimulateArgs, plan: Plan, totals: &Mutex<Totals>) {
    let options = Options { trace: args.trace, ..Options::default() };
    let outcome = match play(&plan, &options) {
        Ok(outcome) => outcome,
        Err(reason) => {
            locked(totals).error = Some(format!("seed {}: {reason}", plan.seed));
            return;
        }
    };
    let mut totals = locked(totals);
    totals.runs += 1;
    totals.simulated += outcome.simulated;
    totals.steps += outcome.steps;
    totals.lives += u64::from(outcome.lives);
    totals.played += u64::from(outcome.played);
    totals.executions += outcome.executions as u64;
    if outcome.violation.is_some() {
        totals.failed += 1;
    }
    if outcome.violation.is_some() || args.trace || args.show_plan {
        totals.found.push(Found { plan, outcome });
    }
}

fn tell_progress(totals: &Mutex<Totals>, told: &Mutex<Instant>, many: u64) {
    let mut told = locked(told);
    if told.elapsed() >= PROGRESS_EVERY {
        *told = Instant::now();
        let totals = locked(totals);
        eprintln!("{} of {many} seeds, {} failed", totals.runs, totals.failed);
    }
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn show(args: &SimulateArgs, found: &Found) -> super::Outcome {
    let Some(violation) = &found.outcome.violation else {
        let trace = if args.trace { found.outcome.trace.join("\n") } else { String::new() };
        return print_line(&format!("{}{trace}", found.plan.timeline()));
    };
    let plan = if args.minimise { minimised(&found.plan, violation.rule) } else { found.plan.clone() };
    // Played again: with a trace, and to show that it fails in the same way.
    let again = play(&plan, &Options { trace: true, ..Options::default() }).map_err(Failure::work)?;
    if let Some(path) = &args.write_plan
        && !path.exists()
    {
        let text = toml::to_string(&plan).map_err(Failure::work)?;
        std::fs::write(path, text).map_err(|e| Failure::work(format!("cannot write {}: {e}", path.display())))?;
    }
    if args.json {
        return print_line(&failure_json(&plan, &again).to_string());
    }
    let same = if again.violation.is_some() { "" } else { " (NOT when it was played again: not deterministic)" };
    let from = if args.trace { 0 } else { again.trace.len().saturating_sub(TRACE_LINES) };
    let last = again.violation.as_ref().unwrap_or(violation);
    print_line(&format!(
        "seed {} broke an invariant at step {}, after {:.3} s of market time{same}\n  {}: {}\n\n\
         {} faults and wishes{}:\n{}\nwhat happened last:\n{}\n",
        plan.seed,
        again.steps,
        again.simulated.as_secs_f64(),
        last.rule,
        last.text,
        plan.faults.len(),
        if args.minimise { ", none of which can be left out" } else { " (--minimise leaves out what is not needed)" },
        plan.timeline(),
        again.trace[from..].join("\n")
    ))
}

/// Fails in the same way with as few faults as possible.
fn minimised(plan: &Plan, rule: &str) -> Plan {
    shrink(plan, |tried| play(tried, &Options::default()).is_ok_and(|o| o.violation.is_some_and(|v| v.rule == rule)))
}

fn failure_json(plan: &Plan, outcome: &Outcome) -> serde_json::Value {
    let violation = outcome.violation.as_ref();
    json!({
        "seed": plan.seed,
        "rule": violation.map(|v| v.rule),
        "text": violation.map(|v| v.text.as_str()),
        "step": outcome.steps,
        "at_s": outcome.simulated.as_secs_f64(),
        "faults": plan.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn summarise(args: &SimulateArgs, totals: &Totals, took: Duration) -> super::Outcome {
    let hours = totals.simulated.as_secs_f64() / 3600.0;
    let per_second = hours / took.as_secs_f64().max(1e-9);
    if args.json {
        let summary = json!({
            "runs": totals.runs, "failed": totals.failed, "market_hours": hours,
            "market_hours_per_second": per_second, "steps": totals.steps, "faults": totals.played,
            "lives": totals.lives, "executions": totals.executions, "took_s": took.as_secs_f64(),
        });
        return print_line(&summary.to_string());
    }
    print_line(&format!(
        "{} seeds, {} failed: {hours:.1} market hours in {:.1} s, {per_second:.2} hours a second\n\
         {} steps, {} faults and wishes, {} lives of the process, {} executions",
        totals.runs,
        totals.failed,
        took.as_secs_f64(),
        totals.steps,
        totals.played,
        totals.lives,
        totals.executions
    ))
}
