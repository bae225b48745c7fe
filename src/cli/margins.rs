//! Margin rates by date. In: a CSV file for each root with the columns `date,initial,maintenance`, dates as `20131003`.
//! Out: changes in order of time, each from midnight in New York on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveTime, TimeZone};
use engine::backtest::bar_run::MarginChange;
use engine::trade::Money;
use engine::venue::MarginRate;
use rust_decimal::Decimal;

use super::Failure;

pub(super) fn read(files: &BTreeMap<String, PathBuf>) -> Result<Vec<MarginChange>, Failure> {
    let mut changes = Vec::new();
    for (root, path) in files {
        changes.extend(read_file(root, path)?);
    }
    changes.sort_by(|a, b| (a.from, &a.root).cmp(&(b.from, &b.root)));
    Ok(changes)
}

fn read_file(root: &str, path: &Path) -> Result<Vec<MarginChange>, Failure> {
    let failed = |reason: String| Failure::usage(format!("margins of {root}: {}: {reason}", path.display()));
    let mut rows =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(|reason| failed(reason.to_string()))?;
    let header = rows.headers().map_err(|reason| failed(reason.to_string()))?.clone();
    if header.iter().take(3).collect::<Vec<_>>() != ["date", "initial", "maintenance"] {
        return Err(failed(format!("line 1: found {header:?}, expected date,initial,maintenance")));
    }
    let mut changes = Vec::new();
    for (n, row) in rows.records().enumerate() {
        let row = row.map_err(|reason| failed(reason.to_string()))?;
        let change = change(root, &row);
        let expected = "expected a row like 20131003,4180,3800";
        changes.push(change.ok_or_else(|| failed(format!("line {}: found {row:?}, {expected}", n + 2)))?);
    }
    Ok(changes)
}

fn change(root: &str, row: &csv::StringRecord) -> Option<MarginChange> {
    let date = NaiveDate::parse_from_str(row.get(0)?, "%Y%m%d").ok()?;
    let from = chrono_tz::America::New_York.from_local_datetime(&date.and_time(NaiveTime::MIN)).earliest()?;
    let money = |n: usize| -> Option<Money> {
        let amount: Decimal = row.get(n)?.parse().ok()?;
        Money::from_decimal(amount).filter(|amount| *amount >= Money::ZERO)
    };
    let rate = MarginRate { initial: money(1)?, maintenance: money(2)? };
    Some(MarginChange { from: from.to_utc().into(), root: root.to_owned(), rate })
}
