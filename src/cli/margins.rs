//! Margin rates by date. In: a CSV file for each root with the columns `date,initial,maintenance`, dates as `20131003`.
//! Out: changes in order of time, each from midnight in New York on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveTime, TimeZone};
use engine::backtest::bar_run::MarginChange;
use engine::trade::Money;
use engine::venue::MarginRate;
use rust_decimal::Decimal;

use super::{Failure, shown};

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
        return Err(failed(format!("line 1: found {}, expected date,initial,maintenance", shown(&header))));
    }
    let mut changes = Vec::new();
    for (n, row) in rows.records().enumerate() {
        let row = row.map_err(|reason| failed(reason.to_string()))?;
        let change = change(root, &row);
        let expected = "expected a row like 20131003,4180,3800";
        changes.push(change.ok_or_else(|| failed(format!("line {}: found {}, {expected}", n + 2, shown(&row))))?);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_hold_from_midnight_in_new_york_and_a_slip_is_told_with_its_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("the folder is writable");
            path
        };
        let es = file("es.csv", "date,initial,maintenance\n20131003,4180.50,3800\n20131105, 4620,4200\n");
        let nq = file("nq.csv", "date,initial,maintenance\n20131010,3000,2700\n");
        let read_both = read(&BTreeMap::from([("ES".to_owned(), es), ("NQ".to_owned(), nq)])).expect("good");
        let shown: Vec<(String, &str, i64)> = read_both
            .iter()
            .map(|change| (change.from.to_string(), change.root.as_str(), change.rate.initial.micros()))
            .collect();
        let of = |at: &str, root, initial| (at.to_owned(), root, initial);
        assert_eq!(
            shown,
            [
                of("2013-10-03T04:00:00Z", "ES", 4_180_500_000),
                of("2013-10-10T04:00:00Z", "NQ", 3_000_000_000),
                of("2013-11-05T05:00:00Z", "ES", 4_620_000_000),
            ],
            "summer and winter time, both roots in order"
        );
        for (text, part) in [
            ("day,initial,maintenance\n", "line 1: found"),
            ("date,initial,maintenance\n20131003,4180,3800\nlate,1,1\n", "line 3: found"),
            ("date,initial,maintenance\n20131003,-1,3800\n", "line 2: found"),
        ] {
            let told = read(&BTreeMap::from([("ES".to_owned(), file("bad.csv", text))])).expect_err("a slip").text;
            assert!(told.contains(part) && told.contains("margins of ES"), "{told}");
        }
    }
}
