//! A backtest over bars: opens files of bars, plays them, sums up. In: paths, a configuration. Out: a summary and the
//! journal. Absent: ticks, which `backtest` plays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::backtest::bar_run::{BarBacktest, BarRunEnd, BarRunSetup, MarginChange, opening_books};
use engine::backtest::interest::RateChange;
use engine::bar_market::BarEvent;
use engine::config::backtest::{InterestConfig, MarginRule, RateSource, RollRule};
use engine::config::{Config, MarketSource};
use engine::journal::{DATA_EVENT, Record, Severity};
use engine::market::SymbolId;
use engine::time::Timestamp;
use engine::wiring::system;
use feeds::{BarOptions, Columns, OpenedBars, Refusals, Roll, Stamp, TimeColumn};

use super::backtest::{Besides, Recorder, summarise};
use super::market::{Asked, Broken, adopt, selection};
use super::recorded::RecordedArgs;
use super::summary::{Balance, Summary};
use super::unrecorded::{Outcomes, over_bars};
use super::{Failure, interest, margins};

/// Bars in memory, to be played many times.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) bars: Arc<[BarEvent]>,
    pub(super) setup: BarRunSetup,
    /// What has to be said of these bars.
    pub(super) notes: Vec<String>,
}

impl Loaded {
    /// The bars that end after `from` and until `to`, without a copy.
    pub(super) fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = BarEvent> + '_ {
        let first = self.bars.partition_point(|bar| bar.end() <= from);
        let last = self.bars.partition_point(|bar| bar.end() <= to);
        self.bars[first..last.max(first)].iter().copied()
    }

    /// Plays some of the bars, and nobody hears of it but by the end.
    pub(super) fn outcomes(&self, config: &Config, from: Timestamp, to: Timestamp) -> Result<Outcomes, Failure> {
        let start = if from > self.setup.start { from } else { self.setup.start };
        let setup = BarRunSetup { start, ..self.setup.clone() };
        over_bars(config, || self.between(from, to), setup)
    }

    /// Plays some of the bars without a journal; `record` hears everything.
    pub(super) fn run(
        &self,
        config: &Config,
        from: Timestamp,
        to: Timestamp,
        record: impl FnMut(Timestamp, Record),
    ) -> Result<BarRunEnd, Failure> {
        let start = if from > self.setup.start { from } else { self.setup.start };
        let setup = BarRunSetup { start, ..self.setup.clone() };
        Ok(BarBacktest::new(config, self.between(from, to), setup, record).map_err(Failure::usage)?.run())
    }
}

/// Bars that are ready to be played.
pub(super) struct BarMarket {
    pub(super) bars: Box<dyn Iterator<Item = BarEvent> + Send>,
    pub(super) start: Timestamp,
    pub(super) broken: Broken,
    with_trades: Vec<SymbolId>,
    margins: Vec<MarginChange>,
    rates: Vec<RateChange>,
    /// Bars that the files hold and nobody believes.
    pub(super) refused: Refusals,
    /// What has to be said of this market, whatever is played.
    pub(super) notes: Vec<String>,
}

impl BarMarket {
    /// Reads everything into memory.
    pub(super) fn load(self) -> Result<Loaded, Failure> {
        let bars: Arc<[BarEvent]> = self.bars.collect();
        if let Some(error) = self.broken.take() {
            return Err(Failure::work(format!("the data ended early: {error}")));
        }
        let notes = self.notes.into_iter().chain(self.refused.told()).collect();
        let (start, with_trades, margins, rates) = (self.start, self.with_trades, self.margins, self.rates);
        Ok(Loaded { bars, notes, setup: BarRunSetup { start, with_trades, margins, rates, run: 1 } })
    }
}

impl BarMarket {
    /// For the run of this number in its journal.
    pub(super) fn setup(&self, run: u32) -> BarRunSetup {
        BarRunSetup {
            start: self.start,
            with_trades: self.with_trades.clone(),
            margins: self.margins.clone(),
            rates: self.rates.clone(),
            run,
        }
    }
}

/// Where bars come from: files, or sessions that were kept; otherwise the files of the configuration.
pub(super) struct Wanted<'a> {
    pub(super) data: &'a [PathBuf],
    pub(super) recorded: &'a RecordedArgs,
    /// One contract only.
    pub(super) contract: Option<&'a str>,
    /// Whether there is a configuration besides the built-in one.
    pub(super) configured: bool,
}

impl Wanted<'_> {
    /// The bars, and where they are for a message.
    fn open(&self, config: &Config) -> Result<(OpenedBars, String), Failure> {
        let (select, options) = (selection(self.contract, false), options(config));
        if self.recorded.are_given() {
            let kept = self.recorded.open(config)?;
            let opened = feeds::open_recorded(kept, &[], &select, &options).map_err(Failure::usage)?;
            return Ok((opened, "the sessions".to_owned()));
        }
        // Instruments of the configuration keep their place where the files hold them.
        let series = config.backtest.continuous.is_some();
        let known = if self.data.is_empty() && !series { config.instruments.clone() } else { Vec::new() };
        let paths = match (&config.backtest.market, self.data.is_empty()) {
            (_, false) => self.data,
            (Some(MarketSource::Files(paths)), true) => paths,
            (Some(MarketSource::Synthetic { .. }) | None, true) => {
                let text = "no bars: name files with --data, sessions with --session, or in [backtest] source = \
                            \"files\"; the synthetic market is one of ticks";
                return Err(Failure::usage(text));
            }
        };
        let opened = feeds::open_bars(paths, &known, &select, &options).map_err(Failure::usage)?;
        Ok((opened, list(paths)))
    }
}

pub(super) fn open(wanted: &Wanted<'_>, config: &mut Config) -> Result<BarMarket, Failure> {
    let (opened, place) = wanted.open(config)?;
    let OpenedBars { instruments, bars, with_trades, lengths_s, described, refused, .. } = opened;
    let asked = Asked { contract: wanted.contract.is_some(), configured: wanted.configured };
    adopt(config, instruments, &described, asked, &place)?;
    check_lengths(config, &lengths_s)?;
    let broken = Broken::default();
    let told = broken.clone();
    let mut bars = bars.map_while(move |bar| bar.map_err(|error| told.set(error)).ok()).peekable();
    let Some(first) = bars.peek() else {
        let reason = broken.take().map_or_else(|| "there are no bars in it".to_owned(), |error| error.to_string());
        return Err(Failure::usage(format!("{place}: {reason}")));
    };
    let start = first.open_ts().floor(Duration::from_secs(1));
    let margins = match &config.backtest.account.margin {
        MarginRule::Files(files) => margins::read(files)?,
        MarginRule::None | MarginRule::Broker => Vec::new(),
    };
    let rates = match &config.backtest.interest {
        Some(InterestConfig { rate: RateSource::File(file), .. }) => interest::read(file)?,
        Some(_) | None => Vec::new(),
    };
    let notes = rates_begin_late(config, &rates, start).into_iter().collect();
    Ok(BarMarket { bars: Box::new(bars), start, broken, with_trades, margins, rates, refused, notes })
}

/// Rates that begin after the data leave its first nights without any.
fn rates_begin_late(config: &Config, rates: &[RateChange], start: Timestamp) -> Option<String> {
    let begin = start.to_datetime().with_timezone(&config.backtest.account.settlement.zone).date_naive();
    let first = rates.first().filter(|first| first.from > begin)?.from;
    let Some(InterestConfig { rate: RateSource::File(file), .. }) = &config.backtest.interest else { return None };
    Some(format!(
        "Rates of interest ({}) begin on {first}, the data on {begin}: until then cash earned nothing.",
        file.display()
    ))
}

fn options(config: &Config) -> BarOptions {
    let columns = config.backtest.columns.clone().map(|c| Columns {
        delimiter: u8::try_from(c.delimiter).unwrap_or(b','),
        time: TimeColumn { names: c.time, format: c.time_format, zone: c.zone },
        stamp: if c.stamped_at_close { Stamp::Close } else { Stamp::Open },
        open: c.open,
        high: c.high,
        low: c.low,
        close: c.close,
        volume: c.volume,
        trades: c.trades,
        symbol: c.symbol,
        bar_s: c.bar_s,
    });
    let continuous = config.backtest.continuous.clone().map(|rule| match rule {
        RollRule::FirstBar => Roll::FirstBar,
        RollRule::Volume => Roll::Volume,
        RollRule::DaysBeforeExpiry(days) => Roll::DaysBeforeExpiry(days),
        RollRule::Dates(dates) => Roll::Dates(dates),
    });
    BarOptions { zone: config.backtest.file_zone, columns, continuous, jump_ticks_max: config.bars.jump_ticks_max }
}

/// Sets of a sweep are played over the same bars: what was opened for the first must be right for all.
pub(super) fn check_same_market(config: &Config, first: &Config) -> Result<(), Failure> {
    let same = config.backtest.market == first.backtest.market
        && config.backtest.account.margin == first.backtest.account.margin
        && config.backtest.interest == first.backtest.interest
        && config.strategies.len() == first.strategies.len()
        && config.strategies.iter().zip(&first.strategies).all(|(a, b)| (a.symbol, a.bar_s) == (b.symbol, b.bar_s));
    match same {
        true => Ok(()),
        false => Err(Failure::usage("a sweep cannot change files, margins, interest, or which bars a strategy gets")),
    }
}

/// A strategy that waits for bars of a length that no file has would never decide.
fn check_lengths(
    config: &Config,
    lengths_s: &BTreeMap<SymbolId, std::collections::BTreeSet<u32>>,
) -> Result<(), Failure> {
    for strategy in &config.strategies {
        let held = lengths_s.get(&strategy.symbol);
        if !held.is_some_and(|held| held.contains(&strategy.bar_s)) {
            let instrument = &config.instruments[usize::from(strategy.symbol.0)].name;
            let held = held.map_or_else(
                || "none".to_owned(),
                |held| held.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
            );
            return Err(Failure::usage(format!(
                "strategy {} wants bars of {} seconds; the files hold bars of {instrument} of these lengths: {held}",
                strategy.name, strategy.bar_s
            )));
        }
    }
    Ok(())
}

pub(super) fn play(config: &Config, market: BarMarket, besides: Besides) -> Result<(Summary, Recorder), Failure> {
    let books = opening_books(config).map_err(Failure::usage)?;
    let mut recorder = Recorder::begin(config, market.start, books, besides)?;
    let setup = market.setup(recorder.run);
    let (refused, mut notes) = (market.refused.clone(), market.notes.clone());
    let started = Instant::now();
    let ended = {
        let record = |at, record| recorder.write(at, record);
        BarBacktest::new(config, market.bars, setup, record).map_err(Failure::usage)?.run()
    };
    let wall = started.elapsed();
    let mut summary = summarise(config, &ended.cores);
    summary.session = recorder.session.clone();
    summary.wall_seconds = wall.as_secs_f64();
    summary.signals = recorder.signals;
    let qualities = engine::market::Quality::ALL.into_iter().zip(&recorder.bars);
    summary.bars = qualities.filter(|(_, n)| **n > 0).map(|(q, n)| (q.name().to_owned(), *n)).collect();
    summary.balance = Some(balance(&ended));
    summary.account = summary.account.map(|account| account.with_interest(ended.interest));
    notes.extend(refused.told());
    notes.iter().for_each(|note| recorder.write(recorder.now(), doubt(note)));
    summary.notes = notes;
    Ok((summary, recorder))
}

/// As a record of the session, from which its reports take it.
fn doubt(note: &str) -> Record {
    system(Severity::Warning, DATA_EVENT, "bars", note.to_owned())
}

pub(super) fn balance(ended: &BarRunEnd) -> Balance {
    let (cash, equity) = (ended.account.cash.to_decimal(), ended.account.equity.to_decimal());
    Balance { cash, equity, orders: ended.orders }
}

fn list(paths: &[impl AsRef<Path>]) -> String {
    paths.iter().map(|path| path.as_ref().display().to_string()).collect::<Vec<_>>().join(", ")
}
