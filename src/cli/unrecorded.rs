//! Backtests that write nothing: no journal, no database, only what came of them. In: a market, a configuration. Out: a
//! summary, or a sweep's row. Absent: reports, which are made of records.
//!
//! The fast path plays what it can; the queue transport plays everything else, from the first event on. Both find the same
//! (`engine::backtest::fast`).

use std::cell::Cell;
use std::time::Instant;

use engine::backtest::Backtest;
use engine::backtest::bar_run::{BarBacktest, BarRunSetup};
use engine::backtest::fast::{self, End, Plan, Unsuited};
use engine::bar_market::BarEvent;
use engine::config::Config;
use engine::config::backtest::Fills;
use engine::journal::{Mode, Performance, Record};
use engine::market::{Bar, FeedEvent, MarketEvent, Quality, SymbolId, Trade};
use engine::strategy::{Strategy, registry};
use engine::time::Timestamp;
use engine::trade::Money;

use super::backtest::{BacktestArgs, open, summarise};
use super::summary::{Summary, Totals};
use super::{Failure, Outcome, bar_market, print_line};

/// Another kind of event than the fast path plays.
const STRANGE: Unsuited = Unsuited("there are quotes or several symbols in it");

/// The whole command.
pub(super) fn run(args: &BacktestArgs, mut config: Config) -> Outcome {
    let summary = match config.backtest.fills {
        Fills::Ticks => ticks(args, &mut config)?,
        Fills::Bars(_) => bars(args, &mut config)?,
    };
    if args.json { print_line(&summary.to_json()) } else { print_line(&summary.to_string()) }
}

fn bars(args: &BacktestArgs, config: &mut Config) -> Result<Summary, Failure> {
    let market = |config: &mut Config| bar_market::open(&args.bars(), config);
    let opened = market(config)?;
    let (broken, started) = (opened.broken.clone(), Instant::now());
    let (mut refused, mut notes) = (opened.refused.clone(), opened.notes.clone());
    let mut path = FAST.to_owned();
    let mut summary = match fast_bars(config, opened.bars, opened.start, 1) {
        Ok(end) => of_end(config, &end),
        Err(why) => {
            tell_queue(why);
            path = message_by_message(why);
            let again = market(config)?;
            refused = again.refused.clone();
            let mut counts = Counts::default();
            let setup = again.setup(1);
            let record = |_, record| counts.see(&record);
            let run = BarBacktest::new(config, again.bars, setup, record).map_err(Failure::usage)?;
            let ended = run.run();
            let mut summary = summarise(config, &ended.cores);
            summary.balance = Some(bar_market::balance(&ended));
            summary.account = summary.account.map(|account| account.with_interest(ended.interest));
            counts.into_summary(summary)
        }
    };
    if let Some(error) = broken.take() {
        return Err(Failure::work(format!("the data ended early: {error}")));
    }
    notes.extend(refused.told());
    (summary.notes, summary.path) = (notes, Some(path));
    summary.wall_seconds = started.elapsed().as_secs_f64();
    Ok(summary)
}

fn ticks(args: &BacktestArgs, config: &mut Config) -> Result<Summary, Failure> {
    let opened = open(args, config)?;
    let (broken, started) = (opened.broken.clone(), Instant::now());
    let mut summary = match fast_ticks(config, opened.events, opened.start) {
        Ok(end) => Summary { ticks: end.events, path: Some(FAST.to_owned()), ..of_end(config, &end) },
        Err(why) => {
            tell_queue(why);
            let again = open(args, config)?;
            let (mut counts, mut ticks) = (Counts::default(), 0);
            let settings = &config.backtest;
            let source = again.events.inspect(|_| ticks += 1);
            let record = |_, record| counts.see(&record);
            let run = Backtest::new(config, source, again.start, settings.cash, settings.commission, record);
            let cores = run.in_run(1).run();
            Summary { ticks, path: Some(message_by_message(why)), ..counts.into_summary(summarise(config, &cores)) }
        }
    };
    if let Some(error) = broken.take() {
        return Err(Failure::work(format!("the data ended early: {error}")));
    }
    summary.wall_seconds = started.elapsed().as_secs_f64();
    Ok(summary)
}

const FAST: &str = "on the fast path";

fn message_by_message(why: Unsuited) -> String {
    format!("message by message, not on the fast path: {why}")
}

/// Before it, since it may take minutes.
fn tell_queue(why: Unsuited) {
    eprintln!("playing {}", message_by_message(why));
}

fn strategy(config: &Config) -> Option<Box<dyn Strategy>> {
    let strategy = config.strategies.first()?;
    registry::build(&strategy.kind, &registry::params(&strategy.kind, &strategy.params).ok()?)
}

/// Plays bars on the fast path, if they and the configuration are for it.
pub(super) fn fast_bars(
    config: &Config,
    bars: impl Iterator<Item = BarEvent>,
    start: Timestamp,
    run: u32,
) -> Result<End, Unsuited> {
    let plan = Plan::of(config)?;
    let strategy = strategy(config).ok_or(Unsuited("there is no strategy"))?;
    let strange = Cell::new(false);
    let of_trades = |event: BarEvent| -> Option<Bar> {
        match event {
            BarEvent::Trades(bar) => Some(bar),
            BarEvent::Quotes(_) => {
                strange.set(true);
                None
            }
        }
    };
    let end = fast::run_bars(&plan, strategy, bars.map_while(of_trades), start, run, ())?;
    if strange.get() { Err(STRANGE) } else { Ok(end) }
}

fn fast_ticks(config: &Config, events: impl Iterator<Item = FeedEvent>, start: Timestamp) -> Result<End, Unsuited> {
    let plan = Plan::of(config)?;
    let strategy = strategy(config).ok_or(Unsuited("there is no strategy"))?;
    let strange = Cell::new(false);
    let of_trades = |event: FeedEvent| -> Option<Trade> {
        match event {
            FeedEvent { symbol: SymbolId(0), event: MarketEvent::Trade(trade) } => Some(trade),
            FeedEvent { .. } => {
                strange.set(true);
                None
            }
        }
    };
    let end = fast::run_ticks(&plan, strategy, events.map_while(of_trades), start, 1, ())?;
    if strange.get() { Err(STRANGE) } else { Ok(end) }
}

fn of_end(config: &Config, end: &End) -> Summary {
    let totals = Totals::from(&end.performance);
    let name = |what: &str| what.to_owned();
    Summary {
        mode: name(Mode::Backtest.name()),
        account: Some(totals.clone()),
        strategies: config.strategies.iter().map(|s| (s.name.clone(), totals.clone())).collect(),
        open_positions: config
            .instruments
            .iter()
            .map(|i| (i.name.clone(), end.position))
            .filter(|(_, contracts)| *contracts != 0)
            .collect(),
        live_orders: end.live_orders,
        bars: qualities(&end.bars),
        signals: end.tally.signals,
        ..Summary::default()
    }
}

fn qualities(bars: &[u64; Quality::ALL.len()]) -> Vec<(String, u64)> {
    let of = Quality::ALL.into_iter().zip(bars).filter(|(_, n)| **n > 0);
    of.map(|(quality, n)| (quality.name().to_owned(), *n)).collect()
}

/// What the summary counts in records.
#[derive(Default)]
struct Counts {
    bars: [u64; Quality::ALL.len()],
    signals: u64,
}

impl Counts {
    fn see(&mut self, record: &Record) {
        match record {
            Record::Bar(bar) => self.bars[bar.quality as usize] += 1,
            Record::Signal { .. } => self.signals += 1,
            _ => {}
        }
    }

    fn into_summary(self, summary: Summary) -> Summary {
        Summary { bars: qualities(&self.bars), signals: self.signals, ..summary }
    }
}

/// How one run of a sweep ended.
pub(super) struct Outcomes {
    pub(super) performance: Performance,
    pub(super) interest: Money,
    pub(super) equity: Money,
    /// Why it was not played on the fast path, if it was not.
    pub(super) slow: Option<&'static str>,
}

impl Outcomes {
    /// What was earned, closed and open, with interest and after commission.
    pub(super) fn net(&self) -> Money {
        let Performance { realised, unrealised, commission, .. } = self.performance;
        realised + unrealised + self.interest - commission
    }
}

/// One run over bars in memory, whichever path plays it.
pub(super) fn over_bars<I: Iterator<Item = BarEvent>>(
    config: &Config,
    bars: impl Fn() -> I,
    setup: BarRunSetup,
) -> Result<Outcomes, Failure> {
    let slow = match fast_bars(config, bars(), setup.start, setup.run) {
        Ok(End { performance, equity, .. }) => {
            return Ok(Outcomes { performance, interest: Money::ZERO, equity, slow: None });
        }
        Err(Unsuited(why)) => Some(why),
    };
    let ended = BarBacktest::new(config, bars(), setup, |_, _| {}).map_err(Failure::usage)?.run();
    let performance = ended.cores.books.portfolio().performance(None);
    Ok(Outcomes { performance, interest: ended.interest, equity: ended.account.equity, slow })
}
