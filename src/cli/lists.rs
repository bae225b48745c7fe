//! Lists that a backtest writes beside its journal: fills and the account. In: records. Out: CSV files, whole or an error.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use engine::config::Config;
use engine::journal::Record;
use engine::market::Instrument;
use engine::time::Timestamp;
use engine::trade::{Fill, Money};

use super::Failure;
use super::backtest::BacktestArgs;

/// Files to write; each `None` if nobody asked for it.
#[derive(Default)]
pub(super) struct Lists {
    fills: Option<List>,
    account: Option<List>,
    instruments: Vec<Instrument>,
    strategies: Vec<String>,
    /// Fills whose commission has not come, in order.
    waiting: BTreeMap<String, Fill>,
}

struct List {
    path: PathBuf,
    csv: csv::Writer<File>,
    failed: Option<csv::Error>,
}

impl List {
    fn create(path: &Path, header: &[&str]) -> Result<Self, Failure> {
        let named = |reason: csv::Error| Failure::usage(format!("cannot write {}: {reason}", path.display()));
        let mut csv = csv::Writer::from_path(path).map_err(named)?;
        csv.write_record(header).map_err(named)?;
        Ok(Self { path: path.to_owned(), csv, failed: None })
    }

    fn write(&mut self, row: &[String]) {
        if let Err(reason) = self.csv.write_record(row) {
            self.failed.get_or_insert(reason);
        }
    }

    fn finish(&mut self) -> Result<(), String> {
        let named = |reason: String| format!("cannot write {}: {reason}", self.path.display());
        match self.failed.take() {
            Some(reason) => Err(named(reason.to_string())),
            None => self.csv.flush().map_err(|reason| named(reason.to_string())),
        }
    }
}

impl Lists {
    pub(super) fn open(args: &BacktestArgs, config: &Config) -> Result<Self, Failure> {
        const FILLS: [&str; 7] = ["time", "strategy", "symbol", "side", "contracts", "price", "commission"];
        const ACCOUNT: [&str; 5] = ["time", "cash", "equity", "initial_margin", "maintenance_margin"];
        let create =
            |path: &Option<PathBuf>, header: &[&str]| path.as_ref().map(|path| List::create(path, header)).transpose();
        Ok(Self {
            fills: create(&args.fills, &FILLS)?,
            account: create(&args.account, &ACCOUNT)?,
            instruments: config.instruments.clone(),
            strategies: config.strategies.iter().map(|strategy| strategy.name.clone()).collect(),
            waiting: BTreeMap::new(),
        })
    }

    pub(super) fn see(&mut self, record: &Record, at: Timestamp) {
        match record {
            Record::Fill(fill) if self.fills.is_some() => {
                self.waiting.insert(fill.exec_id.clone(), fill.clone());
            }
            Record::Commission { exec_id, amount } => {
                if let Some(fill) = self.waiting.remove(exec_id) {
                    self.fill(&fill, Some(*amount));
                }
            }
            Record::Account(row) => {
                if let Some(list) = &mut self.account {
                    let money = [row.cash, row.equity, row.initial_margin, row.maintenance_margin];
                    let amounts = money.map(|amount| amount.to_decimal().to_string());
                    list.write(&[&[at.to_string()], amounts.as_slice()].concat());
                }
            }
            _ => {}
        }
    }

    fn fill(&mut self, fill: &Fill, commission: Option<Money>) {
        let Some(list) = &mut self.fills else { return };
        let instrument = &self.instruments[usize::from(fill.symbol.0)];
        list.write(&[
            fill.at.to_string(),
            self.strategies[usize::from(fill.strategy.0)].clone(),
            instrument.name.clone(),
            fill.side.name().to_owned(),
            fill.quantity.to_string(),
            instrument.points(fill.price).to_string(),
            commission.map_or(String::new(), |amount| amount.to_decimal().to_string()),
        ]);
    }

    /// Everything is in the files, or why not.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        for fill in std::mem::take(&mut self.waiting).into_values() {
            self.fill(&fill, None);
        }
        [&mut self.fills, &mut self.account].into_iter().flatten().try_for_each(List::finish)
    }
}
