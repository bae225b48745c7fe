//! The rows of a sweep in a file that grows. In: rows as runs end, or a file of an earlier start. Out: which runs are done.
//! A row is written with one call, so that a process that dies leaves whole rows and at most one torn end, which the next
//! start cuts off.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use engine::trade::Money;
use rust_decimal::Decimal;

use super::values::Axis;
use crate::cli::{Failure, shown};

/// One run's result.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Row {
    /// The window, empty for the whole market, then the values.
    pub(super) key: Vec<String>,
    pub(super) trades: u32,
    pub(super) wins: u32,
    /// Of what is closed, and of what is open at the end; both before commission.
    pub(super) gross: Money,
    pub(super) open: Money,
    pub(super) interest: Money,
    pub(super) commission: Money,
    /// Gross, open and interest less commission.
    pub(super) net: Money,
    pub(super) drawdown_max: Money,
    pub(super) equity: Money,
}

const RESULTS: [&str; 9] =
    ["trades", "wins", "gross", "open", "interest", "commission", "net", "drawdown_max", "equity"];

impl Row {
    fn fields(&self) -> Vec<String> {
        let money = [self.gross, self.open, self.interest, self.commission, self.net, self.drawdown_max, self.equity];
        let amounts = money.map(|amount| amount.to_decimal().to_string());
        let counts = [self.trades.to_string(), self.wins.to_string()];
        self.key.iter().cloned().chain(counts).chain(amounts).collect()
    }

    fn read(fields: &csv::StringRecord, keys: usize) -> Option<Self> {
        let money = |n: usize| fields.get(keys + n)?.parse::<Decimal>().ok().and_then(Money::from_decimal);
        (fields.len() == keys + RESULTS.len()).then_some(())?;
        Some(Self {
            key: fields.iter().take(keys).map(str::to_owned).collect(),
            trades: fields.get(keys)?.parse().ok()?,
            wins: fields.get(keys + 1)?.parse().ok()?,
            gross: money(2)?,
            open: money(3)?,
            interest: money(4)?,
            commission: money(5)?,
            net: money(6)?,
            drawdown_max: money(7)?,
            equity: money(8)?,
        })
    }

    pub(super) fn shown(&self) -> String {
        let key: String = self.key[1..].iter().map(|value| format!("{value:>16}")).collect();
        format!("{key} {:>8} {:>14} {:>14}", self.trades, self.net.to_string(), self.drawdown_max.to_string())
    }
}

pub(super) fn header_shown(axes: &[Axis]) -> String {
    let last = |axis: &Axis| axis.key.rsplit('.').next().unwrap_or_default().to_owned();
    let key: String = axes.iter().map(|axis| format!("{:>16}", last(axis))).collect();
    format!("{key} {:>8} {:>14} {:>14}", "trades", "net", "drawdown")
}

pub(super) struct Rows {
    path: PathBuf,
    file: File,
    done: BTreeSet<Vec<String>>,
}

impl Rows {
    /// Opens the file, or makes it. One of another sweep is refused.
    pub(super) fn open(path: &Path, axes: &[Axis], mark: &str) -> Result<Self, Failure> {
        let failed = |reason: std::io::Error| Failure::usage(format!("{}: {reason}", path.display()));
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        // Held until this process ends, however it ends.
        file.try_lock().map_err(|reason| match reason {
            TryLockError::WouldBlock => {
                Failure::usage(format!("another sweep is writing {}: name another --out", path.display()))
            }
            TryLockError::Error(reason) => failed(reason),
        })?;
        let head = head(axes, mark)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        if !text.is_empty() && !whole.starts_with(&head) {
            let other = "holds another sweep (other keys, configuration, market or windows), or something else: name \
                         another --out";
            return Err(Failure::usage(format!("{} {other}", path.display())));
        }
        let done = parse(path, whole, axes)?.into_iter().map(|row| row.key).collect();
        file.set_len(whole.len() as u64).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        if whole.is_empty() {
            file.write_all(head.as_bytes()).map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), file, done })
    }

    pub(super) fn has(&self, key: &[String]) -> bool {
        self.done.contains(key)
    }

    pub(super) fn add(&mut self, row: &Row) -> Result<(), Failure> {
        let line = line(&row.fields())?;
        self.file
            .write_all(line.as_bytes())
            .map_err(|reason| Failure::work(format!("{}: {reason}", self.path.display())))?;
        self.done.insert(row.key.clone());
        Ok(())
    }
}

fn head(axes: &[Axis], mark: &str) -> Result<String, Failure> {
    let keys = axes.iter().map(|axis| axis.key.as_str());
    let names: Vec<String> = std::iter::once("window").chain(keys).chain(RESULTS).map(str::to_owned).collect();
    Ok(format!("# sweep {mark}\n{}", line(&names)?))
}

fn line(fields: &[String]) -> Result<String, Failure> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(fields).map_err(Failure::work)?;
    let bytes = csv.into_inner().map_err(Failure::work)?;
    String::from_utf8(bytes).map_err(Failure::work)
}

/// Every row of a finished file.
pub(super) fn read(path: &Path, axes: &[Axis]) -> Result<Vec<Row>, Failure> {
    let text = fs::read_to_string(path).map_err(|reason| Failure::work(format!("{}: {reason}", path.display())))?;
    parse(path, &text, axes)
}

fn parse(path: &Path, text: &str, axes: &[Axis]) -> Result<Vec<Row>, Failure> {
    let mut rows = csv::ReaderBuilder::new().comment(Some(b'#')).flexible(true).from_reader(text.as_bytes());
    let read = |row: Result<csv::StringRecord, csv::Error>| {
        let row = row.map_err(|reason| Failure::usage(format!("{}: {reason}", path.display())))?;
        let line = row.position().map_or(0, csv::Position::line);
        Row::read(&row, axes.len() + 1).ok_or_else(|| {
            Failure::usage(format!("{}:{line}: found {}, expected a row of this sweep", path.display(), shown(&row)))
        })
    };
    rows.records().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fast: &str, net: i64) -> Row {
        let net = Money::from_micros(net);
        let key = vec![String::new(), fast.to_owned()];
        Row {
            key,
            trades: 3,
            wins: 1,
            gross: net,
            open: Money::ZERO,
            interest: Money::ZERO,
            commission: Money::ZERO,
            net,
            drawdown_max: Money::ZERO,
            equity: net,
        }
    }

    #[test]
    fn a_torn_end_is_cut_off_and_its_run_repeated() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.csv");
        let axes = [Axis::read("strategies.0.params.fast=5,6").expect("good")];
        let mut rows = Rows::open(&path, &axes, "00000001").expect("new");
        rows.add(&row("5", 1_500_000)).expect("written");
        rows.add(&row("6", -2_000_000)).expect("written");
        let text = fs::read_to_string(&path).expect("it is there");
        drop(rows);
        fs::write(&path, &text[..text.len() - 4]).expect("torn");
        let rows = Rows::open(&path, &axes, "00000001").expect("the same sweep");
        let key = |fast: &str| vec![String::new(), fast.to_owned()];
        assert!(rows.has(&key("5")) && !rows.has(&key("6")));
        assert_eq!(read(&path, &axes).expect("whole rows"), [row("5", 1_500_000)]);
    }

    #[test]
    fn a_row_that_was_changed_is_told_with_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.csv");
        let axes = [Axis::read("a.b=1").expect("good")];
        let mut rows = Rows::open(&path, &axes, "00000001").expect("new");
        rows.add(&row("1", 1)).expect("written");
        drop(rows);
        let text = fs::read_to_string(&path).expect("it is there");
        fs::write(&path, text.replace(",3,1,", ",three,1,")).expect("changed");
        let told = Rows::open(&path, &axes, "00000001").err().expect("no row").text;
        assert!(told.contains("rows.csv:3: found ,1,three,1,") && !told.contains("StringRecord"), "{told}");
    }

    #[test]
    fn two_sweeps_do_not_write_one_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.csv");
        let axes = [Axis::read("a.b=1").expect("good")];
        let first = Rows::open(&path, &axes, "00000001").expect("new");
        let told = Rows::open(&path, &axes, "00000001").err().expect("it is being written").text;
        assert!(told.contains("another sweep is writing"), "{told}");
        drop(first);
        assert!(Rows::open(&path, &axes, "00000001").is_ok(), "when the first one has ended");
    }

    #[test]
    fn a_file_that_is_no_sweep_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.csv");
        fs::write(&path, "my notes, without an end of line").expect("written");
        let axes = [Axis::read("a.b=1").expect("good")];
        assert!(Rows::open(&path, &axes, "00000001").is_err());
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "my notes, without an end of line");
    }

    #[test]
    fn another_sweep_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.csv");
        let axes = [Axis::read("a.b=1").expect("good")];
        drop(Rows::open(&path, &axes, "00000001").expect("new"));
        assert!(Rows::open(&path, &axes, "00000002").is_err());
        let other = [Axis::read("a.c=1").expect("good")];
        assert!(Rows::open(&path, &other, "00000001").is_err());
        let more = [Axis::read("a.b=1,2").expect("good")];
        assert!(Rows::open(&path, &more, "00000001").is_ok(), "more values of the same keys go on");
    }
}
