//! `pitboss backtest`: the same cores and wiring over a queue, without sockets, actors or a clock.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use actors::journal::{JournalDir, Writer};
use actors::storage::{StorageProjector, Store};
use clap::Args;
use engine::backtest::{Backtest, Cores};
use engine::books::BooksState;
use engine::config::{Config, MarketSource};
use engine::journal::{Entry, Mode, Record, SessionInfo, Severity, StrategyInfo};
use engine::time::Timestamp;
use engine::wiring::system;

use super::market::{Market, retarget, selection};
use super::summary::Summary;
use super::{ConfigArg, Failure, Outcome, setup};

#[derive(Args)]
pub struct BacktestArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Recorded ticks (see `pitboss replay`); without it the market of the configuration's [backtest].
    #[arg(long, num_args = 1.., value_name = "FILE")]
    data: Vec<PathBuf>,
    /// One contract only, by name or expiry.
    #[arg(long, value_name = "NAME")]
    contract: Option<String>,
    /// Minutes of market time; needed for a synthetic market, which has no end.
    #[arg(long, default_value_t = 390)]
    minutes: u32,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &BacktestArgs) -> Outcome {
    let mut config = setup::config(&args.config)?;
    let market = open(args, &mut config)?;
    config.storage.journal_dir.push("backtest");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::work)?;
    let store = runtime.block_on(setup::open_store(&config.storage))?;
    let broken = market.broken.clone();
    let (mut summary, mut writer) = play(&config, market)?;
    if let Some(error) = broken.take() {
        return Err(Failure::work(format!("the data ended early: {error}")));
    }
    let text = summary.to_json();
    let at = writer.at;
    writer.write(at, system(Severity::Info, "session.summary", "session", text));
    writer.write(at, Record::SessionEnded { cause: "the market is over".to_owned() });
    let folder = writer.finish()?;
    runtime.block_on(project(store, &config, &folder))?;
    summary.session = folder.session;
    if args.json {
        println!("{}", summary.to_json());
    } else {
        println!("{summary}");
    }
    Ok(())
}

fn open(args: &BacktestArgs, config: &mut Config) -> Result<Market, Failure> {
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
    if market.instruments != config.instruments {
        retarget(config, market.instruments.clone());
    }
    if let MarketSource::Synthetic { start, .. } = source {
        let end = start + std::time::Duration::from_secs(60 * u64::from(args.minutes));
        market.events = Box::new(market.events.take_while(move |event| event.event.ts() < end));
    }
    Ok(market)
}

/// The journal of a backtest. Errors are kept and told at the end: the cores do not wait for a disk.
struct Recorder {
    writer: Writer,
    at: Timestamp,
    session: String,
    failed: Option<String>,
    bars: Vec<u64>,
    signals: u64,
    /// The number of this backtest in its journal.
    run: u32,
    dir: JournalDir,
}

/// Where the records are.
struct Written {
    session: String,
    dir: JournalDir,
}

impl Recorder {
    fn begin(config: &Config, start: Timestamp) -> Result<Self, Failure> {
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
        let record = Record::SessionStarted { info: Box::new(info), books: Box::new(BooksState::default()) };
        let first = Entry { seq: recovered.next_seq, at: start, record };
        let writer = dir.create_segment(&first).map_err(Failure::work)?;
        let run = recovered.run_number;
        Ok(Self { writer, at: start, session, failed: None, bars: vec![0; 5], signals: 0, run, dir })
    }

    fn write(&mut self, at: Timestamp, record: Record) {
        self.at = self.at.max(at);
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
        if let Err(reason) = self.writer.commit() {
            self.failed.get_or_insert(reason.to_string());
        }
        match self.failed {
            Some(reason) => Err(Failure::work(format!("the journal cannot be written: {reason}"))),
            None => Ok(Written { session: self.session, dir: self.dir }),
        }
    }
}

fn play(config: &Config, market: Market) -> Result<(Summary, Recorder), Failure> {
    let mut recorder = Recorder::begin(config, market.start)?;
    let mut ticks = 0;
    let started = Instant::now();
    let cores = {
        let counted = market.events.inspect(|_| ticks += 1);
        let settings = &config.backtest;
        let run = recorder.run;
        let record = |at, record| recorder.write(at, record);
        Backtest::new(config, counted, market.start, settings.cash, settings.commission, record).in_run(run).run()
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

fn summarise(config: &Config, cores: &Cores) -> Summary {
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
