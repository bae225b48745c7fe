//! The analysis of a run, and the files that show it. In: a run, options. Out: HTML, CSV, lines that say where they are.
//! Absent: where runs come from (`stored`, `journalled`, the backtest).

use std::path::PathBuf;

use clap::Args;
use engine::analytics::html;
use engine::analytics::monte_carlo::Draw;
use engine::analytics::report::Report;
use engine::analytics::run::Run;
use engine::config::Config;
use engine::trade::Money;
use rust_decimal::Decimal;

use super::super::{Failure, Outcome, outputs, print_line};
use super::tables;

/// What to make of a run.
#[derive(Args, Clone, Debug, Default)]
pub struct AnalysisArgs {
    /// Write the report as one HTML file that needs nothing else.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the report's tables as CSV files into a folder.
    #[arg(long, value_name = "FOLDER")]
    csv: Option<PathBuf>,
    /// What returns are a fraction of, in account currency; by default the cash of the simulated account.
    #[arg(long, value_name = "AMOUNT")]
    capital: Option<Decimal>,
    /// How many variants were tried before this one was kept: the deflated Sharpe ratio takes them into account.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trials: u32,
    /// Histories that the Monte Carlo analysis draws; 0 leaves it out.
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(..=100_000))]
    histories: u32,
    /// The Monte Carlo analysis' seed: the same one draws the same histories.
    #[arg(long, default_value_t = 1, value_name = "N")]
    draw_seed: u64,
}

/// What a run cannot tell of itself.
#[derive(Clone, Debug)]
pub struct Circumstances {
    pub capital: Money,
    pub capital_from: String,
    /// How orders were filled, in sentences.
    pub fills: Vec<String>,
}

impl AnalysisArgs {
    /// Whether somebody asked for files.
    pub fn wants_files(&self) -> bool {
        self.html.is_some() || self.csv.is_some()
    }

    /// Before anything is done: what is asked for can be written.
    pub fn check_files(&self) -> Outcome {
        outputs::check([("--html", self.html.as_deref()), ("--csv", self.csv.as_deref())])
    }

    /// Of a session in this mode, run by this configuration. `None` when nobody says what the capital was.
    pub fn circumstances(&self, config: &Config, mode: &str) -> Result<Option<Circumstances>, Failure> {
        let cash = match mode {
            "backtest" => Some((config.backtest.cash, "backtest.cash of the configuration")),
            _ => config.gateway.as_ref().map(|gateway| (gateway.cash, "gateway.cash of the configuration")),
        };
        let (capital, capital_from) = match (self.capital, cash) {
            (Some(amount), _) => (positive(amount)?, "--capital"),
            (None, Some(cash)) => cash,
            (None, None) => return Ok(None),
        };
        let simulated = mode != "run" || config.gateway.is_some();
        let fills = match simulated {
            true if mode == "backtest" => engine::backtest::assumed::sentences(config),
            true => simulated_fills(config),
            false => vec![BROKER_FILLS.to_owned()],
        };
        Ok(Some(Circumstances { capital, capital_from: capital_from.to_owned(), fills }))
    }

    pub fn report(&self, mut run: Run, of: &Circumstances) -> Report {
        run.trials = self.trials;
        run.capital_from.clone_from(&of.capital_from);
        Report::of(&run, Draw { histories: self.histories, seed: self.draw_seed }, &of.fills)
    }

    /// Writes the files that were asked for and says so. `run` is the one that the report is of. `quiet`: standard
    /// output belongs to somebody else.
    pub fn write(&self, run: &Run, report: &Report, quiet: bool) -> Outcome {
        let say = |text: String| if quiet { Ok(()) } else { print_line(&text) };
        if let Some(path) = &self.html {
            let page = html::page(run, report, env!("CARGO_PKG_VERSION"));
            std::fs::write(path, page).map_err(|reason| cannot_write(path, reason))?;
            say(format!("report of {}: {}", report.session, path.display()))?;
        }
        if let Some(folder) = &self.csv {
            let files = tables::write(folder, report).map_err(|reason| cannot_write(folder, reason))?;
            say(format!("tables of {}: {} in {}", report.session, files.join(", "), folder.display()))?;
        }
        Ok(())
    }
}

/// Nobody said what returns are a fraction of.
pub fn no_capital(session: &str) -> Failure {
    Failure::usage(format!(
        "{session} traded an account whose size is in no configuration: say what returns are a fraction of, as in \
         --capital 100000"
    ))
}

fn positive(amount: Decimal) -> Result<Money, Failure> {
    let money = Money::from_decimal(amount).filter(|money| *money > Money::ZERO);
    money.ok_or_else(|| Failure::usage(format!("--capital {amount}: expected an amount above zero, to a millionth")))
}

fn cannot_write(path: &std::path::Path, reason: impl std::fmt::Display) -> Failure {
    Failure::work(format!("cannot write {}: {reason}", path.display()))
}

const BROKER_FILLS: &str = "Fills and commissions are what the broker reported.";

/// Of a run against a simulated gateway.
fn simulated_fills(config: &Config) -> Vec<String> {
    let commission = config.gateway.as_ref().map_or(config.backtest.commission, |gateway| gateway.commission);
    vec![
        "Orders met a simulated exchange: a market order takes the other side of the quote, at most its size; where \
         there are no quotes, the last trade in any size. A resting limit waits behind the size that was there, and fills \
         when that is gone or the market trades through it; a stop triggers on a trade or a quote and then is a market \
         order."
            .to_owned(),
        "Orders reach that exchange without delay, and do not move its market.".to_owned(),
        "Data made of bars shows four prices a bar; the order between high and low is then a guess.".to_owned(),
        format!("Commission is {commission} a contract and side."),
    ]
}
