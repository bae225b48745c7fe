//! The command line, one file per command. In: arguments. Out: exit code 0 for success, 1 for a failure while
//! working, 2 for something that the user has to change first.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

mod allocation;
mod backtest;
mod bar_market;
mod bars;
mod codes;
mod config;
mod control;
mod decided;
mod faults;
pub(crate) mod gateway;
mod interest;
mod journal;
mod latency;
mod lists;
mod lookahead;
mod margins;
pub(crate) mod market;
mod outputs;
mod recorded;
mod recursive;
mod replay;
mod replay_day;
mod report;
mod risk_show;
mod run;
mod scenarios;
mod session;
mod setup;
mod simulate;
mod summary;
mod sweep;
mod unrecorded;

/// Automated futures trading for Interactive Brokers.
///
/// Without a command: `pitboss run` on the built-in configuration, which needs no account, no network and no database
/// server. A simulated IB Gateway plays a synthetic market, and sample strategies trade it.
#[derive(Parser)]
#[command(name = "pitboss", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Trade: connect to TWS, IB Gateway or the simulated gateway, and run the configured strategies.
    Run(run::RunArgs),
    /// Play recorded ticks through the whole supervised system, over TCP and the IB protocol.
    Replay(replay::ReplayArgs),
    /// Run a recorded session again: every decision must be equal, and its fills are compared with the backtester's.
    ReplayDay(replay_day::ReplayDayArgs),
    /// Run the same strategies over the same data in one thread, as fast as the machine can.
    Backtest(backtest::BacktestArgs),
    /// Run one configuration with many values of some keys over the same bars, on all cores.
    Sweep(Box<sweep::SweepArgs>),
    /// Run the simulated IB Gateway alone, for other programs to connect to.
    Gateway(Box<gateway::GatewayArgs>),
    /// Try the whole system against everything that goes wrong, drawn from seeds, in simulated time.
    Simulate(simulate::SimulateArgs),
    /// Build bars from tick files and write them as CSV.
    Bars(bars::BarsArgs),
    /// Check a configuration file, or print the built-in one.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Show what a session did, from the database.
    Report(report::ReportArgs),
    /// Show how the risk budget is shared among the strategies, and why.
    Allocation(allocation::AllocationArgs),
    /// Show the limits of the running system and how much of them is used.
    #[command(subcommand)]
    Risk(control::RiskCommand),
    /// Stop all entries of the running system at once, until `unlock kill`; positions keep their protection.
    Kill(control::KillArgs),
    /// Close every position of the running system.
    Flatten(control::FlattenArgs),
    /// Keep one strategy of the running system from entering.
    Pause(control::StrategyArgs),
    /// Let a paused strategy enter again.
    Resume(control::StrategyArgs),
    /// Release a limit that was tripped, or a kill, by its name.
    Unlock(control::UnlockArgs),
    /// Print the journal: every record that was written before it was acted upon.
    Journal(journal::JournalArgs),
    /// Explain the broker's message codes.
    Codes(codes::CodesArgs),
    /// Play what goes wrong at the broker against the full program, and see what it does about it.
    Scenarios(scenarios::ScenariosArgs),
}

/// Which configuration.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigArg {
    /// Configuration file; without it the built-in configuration is used (print it with `pitboss config default`).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl ConfigArg {
    /// Whether somebody has written a configuration for this run.
    fn is_given(&self) -> bool {
        self.config.is_some()
    }
}

/// Something went wrong; the text is for the user.
#[derive(Debug)]
pub struct Failure {
    pub text: String,
    /// 0: ended as it was asked to, with nothing to report. 1: failed while working. 2: the user has to change something
    /// first.
    pub code: u8,
}

impl Failure {
    pub fn none(text: impl ToString) -> Self {
        Self { text: text.to_string(), code: 0 }
    }

    pub fn usage(text: impl ToString) -> Self {
        Self { text: text.to_string(), code: 2 }
    }

    pub fn work(text: impl ToString) -> Self {
        Self { text: text.to_string(), code: 1 }
    }
}

pub type Outcome = Result<(), Failure>;

pub fn run() -> ExitCode {
    let command = Cli::parse().command.unwrap_or_else(|| Command::Run(run::RunArgs::default()));
    let outcome = match command {
        Command::Run(args) => run::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::ReplayDay(args) => replay_day::run(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Gateway(args) => gateway::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Bars(args) => bars::run(&args),
        Command::Config(command) => config::run(&command),
        Command::Report(args) => report::run(&args),
        Command::Allocation(args) => allocation::run(&args),
        Command::Risk(command) => control::risk(&command),
        Command::Kill(args) => control::kill(&args),
        Command::Flatten(args) => control::flatten(&args),
        Command::Pause(args) => control::pause(&args),
        Command::Resume(args) => control::resume(&args),
        Command::Unlock(args) => control::unlock(&args),
        Command::Journal(args) => journal::run(&args),
        Command::Codes(args) => codes::run(&args),
        Command::Scenarios(args) => scenarios::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { text, code }) => {
            eprintln!("pitboss: {text}");
            ExitCode::from(code)
        }
    }
}

/// Prints to standard output. A reader of a pipe that has seen enough is no failure.
fn print_line(text: &str) -> Outcome {
    print_text(&format!("{text}\n"))
}

/// The same without an end of the line.
fn print_text(text: &str) -> Outcome {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(reason) if reason.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::work(reason)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A row of a CSV file as it stands there, for messages.
fn shown(row: &csv::StringRecord) -> String {
    row.iter().collect::<Vec<_>>().join(",")
}
