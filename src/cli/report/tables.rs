//! A report as CSV files, one a table. In: a report, a folder. Out: the names of the files.
//! Absent: reading them back.

use std::error::Error;
use std::path::Path;

use engine::analytics::drawdown;
use engine::analytics::report::Report;
use serde::Serialize;

#[derive(Serialize)]
struct FigureRow<'a> {
    family: &'a str,
    key: &'a str,
    label: &'a str,
    value: String,
    about: &'a str,
}

#[derive(Serialize)]
struct EquityRow {
    at: String,
    equity: String,
    /// Money below the highest equity so far, zero or negative.
    drawdown: f64,
    contracts: u64,
}

#[derive(Serialize)]
struct WarningRow<'a> {
    weight: String,
    code: &'a str,
    text: &'a str,
}

type Done = Result<(), Box<dyn Error>>;

pub fn write(folder: &Path, report: &Report) -> Result<Vec<&'static str>, Box<dyn Error>> {
    if !folder.is_dir() {
        std::fs::create_dir(folder)?;
    }
    let figures = report.statistics.iter().flat_map(|family| {
        family.figures.iter().map(|figure| FigureRow {
            family: family.title,
            key: figure.key,
            label: figure.label,
            value: plain(&figure.value),
            about: figure.about,
        })
    });
    let falls = drawdown::absolute(&report.curve.values());
    let equity = report.curve.points.iter().zip(falls).map(|(point, fall)| EquityRow {
        at: point.at.to_string(),
        equity: point.equity.to_decimal().to_string(),
        drawdown: (fall * 100.0).round() / 100.0,
        contracts: point.contracts,
    });
    let warnings = report.warnings.iter().map(|warning| WarningRow {
        weight: warning.weight.name().to_owned(),
        code: warning.code,
        text: &warning.text,
    });
    table(folder, "statistics.csv", figures)?;
    table(folder, "trades.csv", report.trades.iter())?;
    table(folder, "equity.csv", equity)?;
    table(folder, "daily.csv", report.daily.iter())?;
    table(folder, "months.csv", report.months.iter())?;
    table(folder, "groups.csv", report.groups.iter())?;
    table(folder, "drawdowns.csv", report.drawdowns.iter())?;
    table(folder, "warnings.csv", warnings)?;
    Ok(vec![
        "statistics.csv",
        "trades.csv",
        "equity.csv",
        "daily.csv",
        "months.csv",
        "groups.csv",
        "drawdowns.csv",
        "warnings.csv",
    ])
}

fn table<T: Serialize>(folder: &Path, name: &str, rows: impl Iterator<Item = T>) -> Done {
    let mut file = csv::Writer::from_path(folder.join(name))?;
    for row in rows {
        file.serialize(row)?;
    }
    file.flush()?;
    Ok(())
}

/// All digits, no unit; empty where it is not defined.
fn plain(value: &engine::analytics::figures::Value) -> String {
    use engine::analytics::figures::Value;
    match value {
        Value::Money(amount) => amount.map(|a| a.to_string()).unwrap_or_default(),
        Value::Share(number) | Value::Number(number) | Value::Days(number) => {
            number.map(|n| n.to_string()).unwrap_or_default()
        }
        Value::Count(count) => count.to_string(),
        Value::Date(date) => date.map(|d| d.to_string()).unwrap_or_default(),
    }
}
