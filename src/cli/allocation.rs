//! `pitboss allocation`: how the risk budget would be shared now, and why; from a journal, or from a CSV of daily profits.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::Args;
use engine::allocation::{Allocation, History, Method, Series, Settings, allocate};
use engine::books::BooksState;
use engine::config::Config;
use engine::journal::{Record, SessionInfo};
use engine::trade::StrategyId;

use super::{ConfigArg, Failure, Outcome, setup, shown};

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
    let names: Vec<&str> = header.iter().skip(1).collect();
    let again = names.iter().enumerate().find(|(n, name)| name.is_empty() || names[..*n].contains(name));
    if header.len() < 2 || header.get(0) != Some("date") || again.is_some() {
        return Err(at(
            1,
            format!("found {}; expected a header `date,STRATEGY,...`, each strategy once", shown(&header)),
        ));
    }
    let mut series: Vec<Series> = header
        .iter()
        .skip(1)
        .map(|name| Series { name: name.to_owned(), days: Vec::new(), cap: cap(config, name) })
        .collect();
    let mut last = None;
    for row in reader.records() {
        let row = row.map_err(|reason| at(reason.position().map_or(0, csv::Position::line), reason.to_string()))?;
        let line = row.position().map_or(0, csv::Position::line);
        let date =
            date_of(&row, last).map_err(|(found, expected)| at(line, format!("found {found}; expected {expected}")))?;
        last = Some(date);
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

/// The trade date of a row, which is later than that of the row before. What was found and what was expected otherwise.
fn date_of(row: &csv::StringRecord, last: Option<NaiveDate>) -> Result<NaiveDate, (String, String)> {
    let text = row.get(0).unwrap_or_default();
    let read = |format: &str| NaiveDate::parse_from_str(text, format).ok();
    let plain = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let date = if plain { read("%Y%m%d") } else { read("%Y-%m-%d").filter(|_| text.len() == 10) };
    let date = date.ok_or_else(|| (format!("`{text}`"), "a date such as 2024-06-12 or 20240612".to_owned()))?;
    match last {
        Some(last) if date == last => Err((format!("{date} a second time"), "one line a trade date".to_owned())),
        Some(last) if date < last => Err((format!("{date} after {last}"), "the oldest trade date first".to_owned())),
        _ => Ok(date),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_held_to_their_form_and_order_with_file_and_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("days.csv");
        let config = setup::read(engine::config::raw::Layer::embedded_default()).expect("the built-in one is good");
        let read = |text: &str| {
            std::fs::write(&path, text).expect("the folder is writable");
            read_csv(&path, &config).map(|series| series.len()).map_err(|failure| failure.text)
        };
        assert_eq!(read("date,a,b\n2024-06-11,1,2\n2024-06-12,3,\n"), Ok(2));
        assert_eq!(read("date,a\n20240611,1\n20240612,3\n"), Ok(1));
        for (text, part) in [
            ("date,a\n2024-06-12,1\n2024-06-11,1\n", "days.csv:3: found 2024-06-11 after 2024-06-12"),
            ("date,a\n2024-06-12,1\n20240612,1\n", "days.csv:3: found 2024-06-12 a second time"),
            ("date,a\n12.06.2024,1\n", "days.csv:2: found `12.06.2024`; expected a date such as 2024-06-12"),
            ("date,a\n2024-02-30,1\n", "days.csv:2: found `2024-02-30`"),
            ("date,a\n,1\n", "days.csv:2: found ``"),
            ("date,a,a\n2024-06-12,1,2\n", "days.csv:1: found date,a,a; expected a header"),
            ("day,a\n2024-06-12,1\n", "days.csv:1: found day,a; expected a header"),
        ] {
            let told = read(text).expect_err("a slip");
            assert!(told.contains(part), "{told}\nis not {part}");
        }
    }
}
