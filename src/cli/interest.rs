//! Rates of interest by date. In: a CSV file with the columns `date,rate_percent`, dates as `20131003`. Out: rates in order
//! of time, each from its date on.

use std::path::Path;

use chrono::NaiveDate;
use engine::backtest::interest::RateChange;
use engine::config::backtest::Percent;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{Failure, shown};

pub(super) fn read(path: &Path) -> Result<Vec<RateChange>, Failure> {
    let failed = |reason: String| Failure::usage(format!("rates of interest: {}: {reason}", path.display()));
    let mut rows =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(|reason| failed(reason.to_string()))?;
    let header = rows.headers().map_err(|reason| failed(reason.to_string()))?.clone();
    if header.iter().collect::<Vec<_>>() != ["date", "rate_percent"] {
        return Err(failed(format!("line 1: found {}, expected date,rate_percent", shown(&header))));
    }
    let mut rates: Vec<RateChange> = Vec::new();
    for (n, row) in rows.records().enumerate() {
        let row = row.map_err(|reason| failed(reason.to_string()))?;
        let expected = "expected a row like 20131003,0.08, later than the one before";
        let rate = change(&row).filter(|rate| rates.last().is_none_or(|last| last.from < rate.from));
        rates.push(rate.ok_or_else(|| failed(format!("line {}: found {}, {expected}", n + 2, shown(&row))))?);
    }
    match rates.is_empty() {
        true => Err(failed("there is no rate in it".to_owned())),
        false => Ok(rates),
    }
}

fn change(row: &csv::StringRecord) -> Option<RateChange> {
    let from = NaiveDate::parse_from_str(row.get(0)?, "%Y%m%d").ok()?;
    let percent: Decimal = row.get(1)?.parse().ok()?;
    let millionths = percent.checked_mul(1_000_000.into()).filter(Decimal::is_integer)?.to_i64()?;
    (0..=100_000_000).contains(&millionths).then_some(RateChange { from, rate: Percent(millionths) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_by_date_and_a_slip_is_told_with_its_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("rates.csv");
        let write = |text: &str| std::fs::write(&path, text).expect("the folder is writable");
        write("date,rate_percent\n20231201, 5.33\n20240101,5.125\n");
        let rates = read(&path).expect("good");
        let shown: Vec<(String, i64)> = rates.iter().map(|rate| (rate.from.to_string(), rate.rate.0)).collect();
        assert_eq!(shown, [("2023-12-01".to_owned(), 5_330_000), ("2024-01-01".to_owned(), 5_125_000)]);
        for (text, part) in [
            ("day,rate\n20231201,5\n", "line 1: found"),
            ("date,rate_percent\n20231201,5\n20231130,5\n", "line 3: found"),
            ("date,rate_percent\n20231201,much\n", "line 2: found"),
            ("date,rate_percent\n20231201,533\n", "line 2: found"),
            ("date,rate_percent\n", "no rate in it"),
        ] {
            write(text);
            let told = read(&path).expect_err("a slip").text;
            assert!(told.contains(part), "{told}");
        }
    }
}
