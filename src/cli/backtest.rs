//! `pitboss backtest`: the same cores and wiring over a queue, without sockets, actors or a clock.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use actors::journal::{JournalDir, Writer};
use actors::storage::{StorageProjector, Store};
use clap::Args;
use engine::analytics::collect::Collector;
use engine::backtest::{Backtest, Cores};
use engine::books::BooksState;
use engine::config::backtest::Fills;
use engine::config::{Config, MarketSource};
use engine::journal::{Entry, Mode, Record, SessionInfo, Severity, StrategyInfo};
use engine::time::Timestamp;
use engine::trade::Money;
use engine::wiring::system;

use super::bar_market::Wanted;
use super::lists::Lists;
use super::market::{Asked, Market, selection};
use super::recorded::RecordedArgs;
use super::report::analysis::{AnalysisArgs, no_capital};
use super::summary::Summary;
use super::{
    ConfigArg, Failure, Outcome, bar_market, latency, lookahead, outputs, print_line, recursive, setup, unrecorded,
};

/// Minutes that are played of a synthetic market: a session of the stock market.
const MINUTES: u32 = 390;

#[derive(Args)]
pub struct BacktestArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Recorded ticks (see `pitboss replay`); without it the market of the configuration's [backtest].
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub(super) data: Vec<PathBuf>,
    /// One contract only, by name or expiry.
    #[arg(long, value_name = "NAME")]
    pub(super) contract: Option<String>,
    #[command(flatten)]
    recorded: RecordedArgs,
    /// Minutes of a synthetic market, which has no end; 390 by default.
    #[arg(long)]
    minutes: Option<u32>,
    /// Write every fill to a CSV file: time, strategy, symbol, side, contracts, price, commission.
    #[arg(long, value_name = "FILE")]
    pub(super) fills: Option<PathBuf>,
    /// Write cash, equity and margin after each settlement to a CSV file; backtests over bars only.
    #[arg(long, value_name = "FILE")]
    pub(super) account: Option<PathBuf>,
    /// Look for decisions that knew what came later: runs again on markets that end early and compares what was decided.
    /// Writes nothing.
    #[arg(long, conflicts_with_all = ["fills", "account", "json"])]
    check_lookahead: bool,
    /// Look for decisions that depend on how much history came before them: every strategy again from later starts, with the
    /// same bars and positions, compared after its warm-up. Writes nothing.
    #[arg(long, conflicts_with_all = ["fills", "account", "json", "check_lookahead", "html", "csv"])]
    check_recursive: bool,
    /// With --check-recursive: bars that each strategy may need before its decisions count; by default what its kind says.
    #[arg(long, value_name = "BARS", requires = "check_recursive")]
    pub(super) warm_up: Option<usize>,
    /// Write neither journal nor database, only the summary; one strategy without stops is played many times as fast then.
    #[arg(long, conflicts_with_all = ["fills", "account", "check_lookahead", "check_recursive", "html", "csv"])]
    no_journal: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    analysis: AnalysisArgs,
}

impl BacktestArgs {
    pub(super) fn bars(&self) -> Wanted<'_> {
        Wanted {
            data: &self.data,
            recorded: &self.recorded,
            contract: self.contract.as_deref(),
            configured: self.config.is_given(),
        }
    }

    /// Files and sessions are played to their end.
    fn check_minutes(&self, config: &Config) -> Outcome {
        let made = matches!(config.backtest.market, Some(MarketSource::Synthetic { .. }));
        match self.minutes {
            Some(_) if !made || !self.data.is_empty() || self.recorded.are_given() => {
                Err(Failure::usage("--minutes goes with the synthetic market: files and sessions have an end"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

pub fn run(args: &BacktestArgs) -> Outcome {
    args.analysis.check_files()?;
    outputs::check([("--fills", args.fills.as_deref()), ("--account", args.account.as_deref())])?;
    args.recorded.check()?;
    let mut config = setup::config(&args.config)?;
    args.check_minutes(&config)?;
    allow(&config)?;
    if args.check_lookahead {
        return lookahead::check(args, config);
    }
    if args.check_recursive {
        return recursive::check(args, config);
    }
    if args.no_journal {
        return unrecorded::run(args, config);
    }
    let market = match config.backtest.fills {
        Fills::Ticks => Played::Ticks(Box::new(open(args, &mut config)?)),
        Fills::Bars(_) => Played::Bars(Box::new(bar_market::open(&args.bars(), &mut config)?)),
    };
    config.storage.journal_dir.push("backtest");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::work)?;
    let store = runtime.block_on(setup::open_store(&config.storage))?;
    let broken = match &market {
        Played::Ticks(market) => market.broken.clone(),
        Played::Bars(market) => market.broken.clone(),
    };
    let of = args.analysis.circumstances(&config, Mode::Backtest.name())?.ok_or_else(|| no_capital("the backtest"))?;
    let besides =
        Besides { lists: Lists::open(args, &config)?, analysed: args.analysis.wants_files().then_some(of.capital) };
    let (mut summary, mut writer) = match market {
        Played::Ticks(market) => play(&config, *market, besides)?,
        Played::Bars(market) => bar_market::play(&config, *market, besides)?,
    };
    if let Some(error) = broken.take() {
        return Err(Failure::work(format!("the data ended early: {error}")));
    }
    let text = summary.to_json();
    let at = writer.at;
    writer.write(at, system(Severity::Info, "session.summary", "session", text));
    writer.write(at, Record::SessionEnded { cause: "the market is over".to_owned() });
    let collected = writer.collector.take().map(Collector::finish);
    let folder = writer.finish()?;
    runtime.block_on(project(store, &config, &folder))?;
    summary.session = folder.session;
    if args.json {
        print_line(&summary.to_json())?;
    } else {
        print_line(&summary.to_string())?;
    }
    if let Some(run) = collected {
        let report = args.analysis.report(run.clone(), &of);
        args.analysis.write(&run, &report, args.json)?;
    }
    Ok(())
}

/// What is played.
enum Played {
    Ticks(Box<Market>),
    Bars(Box<bar_market::BarMarket>),
}

/// Strategies without stops are for backtests that say so.
pub(super) fn allow(config: &Config) -> Outcome {
    let bare = config.strategies.iter().find(|strategy| strategy.stop_ticks.is_none());
    match bare.filter(|_| !config.backtest.unprotected_entries) {
        Some(strategy) => Err(Failure::usage(format!(
            "strategy {} has `unprotected = true`, which needs `unprotected_entries = true` in [backtest]",
            strategy.name
        ))),
        None => Ok(()),
    }
}

pub(super) fn open(args: &BacktestArgs, config: &mut Config) -> Result<Market, Failure> {
    if args.recorded.are_given() {
        return Err(Failure::usage("--session gives bars: choose a model of bars in [backtest.fills]"));
    }
    let select = selection(args.contract.as_deref(), false);
    let source = match (&config.backtest.market, args.data.is_empty()) {
        (_, false) => MarketSource::Files(args.data.clone()),
        (Some(source), true) => source.clone(),
        (None, true) => {
            return Err(Failure::usage("no market: name files with --data, or set `source` in [backtest]"));
        }
    };
    let known: &[_] = if args.data.is_empty() { &config.instruments } else { &[] };
    let mut market = Market::open(&source, known, &select)?;
    let asked = Asked { contract: args.contract.is_some(), configured: args.config.is_given() };
    market.adopted_by(config, asked)?;
    if let MarketSource::Synthetic { start, .. } = source {
        let end = start + std::time::Duration::from_secs(60 * u64::from(args.minutes.unwrap_or(MINUTES)));
        market.events = Box::new(market.events.take_while(move |event| event.event.ts() < end));
    }
    Ok(market)
}

/// What is wanted besides the journal.
pub(super) struct Besides {
    pub(super) lists: Lists,
    /// Capital, when there is an analysis.
    pub(super) analysed: Option<Money>,
}

/// The journal of a backtest. Errors are kept and told at the end: the cores do not wait for a disk.
pub(super) struct Recorder {
    writer: Writer,
    at: Timestamp,
    pub(super) session: String,
    failed: Option<String>,
    pub(super) bars: Vec<u64>,
    pub(super) signals: u64,
    /// The number of this backtest in its journal.
    pub(super) run: u32,
    dir: JournalDir,
    lists: Lists,
    /// For the analysis, when one is wanted.
    collector: Option<Collector>,
}

/// Where the records are.
struct Written {
    session: String,
    dir: JournalDir,
}

impl Recorder {
    pub(super) fn begin(
        config: &Config,
        start: Timestamp,
        books: BooksState,
        besides: Besides,
    ) -> Result<Self, Failure> {
        let dir = JournalDir::open(&config.storage.journal_dir).map_err(Failure::usage)?;
        let recovered = dir.recover().map_err(Failure::work)?;
        let info = SessionInfo {
            id: format!("{}-{:04}", start.to_datetime().format("%Y%m%dT%H%M%SZ"), recovered.run_number),
            mode: Mode::Backtest,
            instance: config.instance.name.clone(),
            account: "backtest".to_owned(),
            instruments: config.instruments.clone(),
            strategies: config
                .strategies
                .iter()
                .map(|s| StrategyInfo { id: s.id, name: s.name.clone(), kind: s.kind.clone(), symbol: s.symbol })
                .collect(),
        };
        let session = info.id.clone();
        let collector = besides.analysed.map(|capital| Collector::new(&info, start, Vec::new(), capital));
        let lists = besides.lists;
        let record = Record::SessionStarted { info: Box::new(info), books: Box::new(books) };
        let first = Entry { seq: recovered.next_seq, at: start, record };
        let writer = dir.create_segment(&first).map_err(Failure::work)?;
        let run = recovered.run_number;
        let bars = vec![0; 5];
        Ok(Self { writer, at: start, session, failed: None, bars, signals: 0, run, dir, lists, collector })
    }

    /// When the newest record was written.
    pub(super) fn now(&self) -> Timestamp {
        self.at
    }

    pub(super) fn write(&mut self, at: Timestamp, record: Record) {
        self.lists.see(&record, at);
        self.at = self.at.max(at);
        if let Some(collector) = &mut self.collector {
            collector.see(&record);
        }
        match &record {
            Record::Bar(bar) => self.bars[bar.quality as usize] += 1,
            Record::Signal { .. } => self.signals += 1,
            _ => {}
        }
        if let Err(reason) = self.writer.append(at, record) {
            self.failed.get_or_insert(reason.to_string());
        }
    }

    fn finish(mut self) -> Result<Written, Failure> {
        if let Err(reason) = self.lists.finish() {
            return Err(Failure::work(reason));
        }
        if let Err(reason) = self.writer.commit() {
            self.failed.get_or_insert(reason.to_string());
        }
        match self.failed {
            Some(reason) => Err(Failure::work(format!("the journal cannot be written: {reason}"))),
            None => Ok(Written { session: self.session, dir: self.dir }),
        }
    }
}

fn play(config: &Config, market: Market, besides: Besides) -> Result<(Summary, Recorder), Failure> {
    let latencies = latency::latencies(&config.backtest)?;
    let mut recorder = Recorder::begin(config, market.start, BooksState::default(), besides)?;
    let mut ticks = 0;
    let started = Instant::now();
    let cores = {
        let counted = market.events.inspect(|_| ticks += 1);
        let settings = &config.backtest;
        let run = recorder.run;
        let record = |at, record| recorder.write(at, record);
        Backtest::new(config, counted, market.start, settings.cash, settings.commission, record)
            .in_run(run)
            .with_latency(latencies)
            .run()
    };
    let wall = started.elapsed();
    let mut summary = summarise(config, &cores);
    summary.session = recorder.session.clone();
    summary.wall_seconds = wall.as_secs_f64();
    summary.ticks = ticks;
    summary.signals = recorder.signals;
    let qualities = engine::market::Quality::ALL.into_iter().zip(&recorder.bars);
    summary.bars = qualities.filter(|(_, n)| **n > 0).map(|(q, n)| (q.name().to_owned(), *n)).collect();
    Ok((summary, recorder))
}

pub(super) fn summarise(config: &Config, cores: &Cores) -> Summary {
    let portfolio = cores.books.portfolio();
    let of = |id| super::summary::Totals::from(&portfolio.performance(id));
    let open = config.instruments.iter().map(|i| (i.name.clone(), portfolio.net_position(i.id)));
    Summary {
        mode: Mode::Backtest.name().to_owned(),
        account: Some(of(None)),
        strategies: config.strategies.iter().map(|s| (s.name.clone(), of(Some(s.id)))).collect(),
        open_positions: open.filter(|(_, quantity)| *quantity != 0).collect(),
        live_orders: cores.books.state().orders.live().count(),
        ..Summary::default()
    }
}

/// The journal's rows into the database.
async fn project(store: Arc<dyn Store>, config: &Config, written: &Written) -> Outcome {
    let mut projector = StorageProjector::new(store, written.dir.path(), config.storage.batch_rows_max);
    loop {
        let progress = projector.step().await.map_err(|reason| Failure::work(format!("storage: {reason}")))?;
        if progress.entries == 0 && progress.behind_bytes == 0 {
            return Ok(());
        }
    }
}
