//! `pitboss allocation`: how the risk budget would be shared now, and why; from a journal, or from a CSV of daily profits.

use std::path::{Path, PathBuf};

use clap::Args;
use engine::allocation::{Allocation, History, Method, Series, Settings, allocate};
use engine::books::BooksState;
use engine::config::Config;
use engine::journal::{Record, SessionInfo};
use engine::trade::StrategyId;

use super::{ConfigArg, Failure, Outcome, setup};

#[derive(Args)]
pub struct AllocationArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Folder of the journal's segments; by default the configuration's (its `simulated` folder with a simulated gateway).
    #[arg(long, value_name = "FOLDER", conflicts_with = "csv")]
    journal: Option<PathBuf>,
    /// Daily profits: a header `date,STRATEGY,STRATEGY,...`, then one line a trade date, oldest first; empty where a
    /// strategy did not run.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Another method than the configured one.
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
}

/// Without `[allocation]`, so that `--method` alone shows something.
const DEFAULTS: Settings =
    Settings { method: Method::Equal, lookback_days: 60, history_days_min: 20, correlation_max: 1.0, weight_min: 0.0 };

pub fn run(args: &AllocationArgs) -> Outcome {
    let config = setup::config(&args.config)?;
    let settings = settings(args, &config)?;
    if let Some(path) = &args.csv {
        return print(&allocate(&settings, &read_csv(path, &config)?));
    }
    let folder = args.journal.clone().unwrap_or_else(|| journal_of(&config));
    let (info, history) = read_journal(&folder)?;
    print(&allocate(&settings, &series(&config, &info, &history)))?;
    in_force(&info, &history)
}

fn settings(args: &AllocationArgs, config: &Config) -> Result<Settings, Failure> {
    let configured = config.allocation.as_ref().map(|allocation| allocation.settings.clone());
    let Some(name) = &args.method else {
        return configured
            .ok_or_else(|| Failure::usage("no method: give --method, or [allocation] in the configuration"));
    };
    let method = Method::ALL.into_iter().find(|method| method.name() == name).ok_or_else(|| {
        Failure::usage(format!("there is no method {name:?}; known are {}", Method::ALL.map(Method::name).join(", ")))
    })?;
    Ok(Settings { method, ..configured.unwrap_or(DEFAULTS) })
}

fn journal_of(config: &Config) -> PathBuf {
    let folder = config.storage.journal_dir.clone();
    if config.gateway.is_some() { folder.join("simulated") } else { folder }
}

fn cap(config: &Config, name: &str) -> f64 {
    let at = config.strategies.iter().position(|strategy| strategy.name == name);
    let caps = config.allocation.as_ref().map(|allocation| &allocation.caps);
    at.zip(caps).and_then(|(at, caps)| caps.get(at).copied()).unwrap_or(1.0)
}

/// What the newest session's books know of days.
fn read_journal(folder: &Path) -> Result<(SessionInfo, History), Failure> {
    let mut newest = Vec::new();
    for entry in actors::journal::dump(folder).map_err(Failure::usage)? {
        let (_, entry) = entry.map_err(Failure::work)?;
        if matches!(entry.record, Record::SessionStarted { .. }) {
            newest.clear();
        }
        newest.push(entry);
    }
    let nothing = || Failure::usage(format!("there is no session in {}", folder.display()));
    let Some(Record::SessionStarted { info, .. }) = newest.first().map(|entry| &entry.record) else {
        return Err(nothing());
    };
    let info = SessionInfo::clone(info);
    let books = BooksState::replay(&info.instruments, newest.iter()).ok_or_else(nothing)?;
    Ok((info, books.history().clone()))
}

fn series(config: &Config, info: &SessionInfo, history: &History) -> Vec<Series> {
    let of = |s: &engine::journal::StrategyInfo| (s.id, s.name.clone(), cap(config, &s.name));
    history.series(&info.strategies.iter().map(of).collect::<Vec<(StrategyId, String, f64)>>())
}

fn read_csv(path: &Path, config: &Config) -> Result<Vec<Series>, Failure> {
    let at = |line: u64, what: String| Failure::usage(format!("{}:{line}: {what}", path.display()));
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|reason| Failure::usage(format!("cannot read {}: {reason}", path.display())))?;
    let header = reader.headers().map_err(|reason| at(1, reason.to_string()))?.clone();
    if header.len() < 2 {
        return Err(at(1, "expected a header `date,STRATEGY,...`".to_owned()));
    }
    let mut series: Vec<Series> = header
        .iter()
        .skip(1)
        .map(|name| Series { name: name.to_owned(), days: Vec::new(), cap: cap(config, name) })
        .collect();
    for row in reader.records() {
        let row = row.map_err(|reason| at(reason.position().map_or(0, csv::Position::line), reason.to_string()))?;
        let line = row.position().map_or(0, csv::Position::line);
        for (series, cell) in series.iter_mut().zip(row.iter().skip(1)) {
            let day = match cell {
                "" => None,
                number => Some(number.parse().ok().filter(|day: &f64| day.is_finite()).ok_or_else(|| {
                    at(line, format!("{}: found {number:?}; expected a profit, or nothing", series.name))
                })?),
            };
            series.days.push(day);
        }
    }
    Ok(series)
}

fn print(allocation: &Allocation) -> Outcome {
    super::print_line(allocation.to_string().trim_end())
}

/// The shares that sizes go by until the next turn.
fn in_force(info: &SessionInfo, history: &History) -> Outcome {
    let Some(shares) = history.shares() else {
        return super::print_line("no shares are in force: sizes are as configured");
    };
    let name = |id| info.strategies.iter().find(|s| s.id == id).map_or("?", |s| s.name.as_str());
    let of: Vec<String> = shares.of.iter().map(|share| format!("{} {}", name(share.strategy), share.share)).collect();
    super::print_line(&format!("in force since {}: {}", shares.trade_date, of.join(", ")))
}
