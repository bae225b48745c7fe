//! The sample strategies over ten years of ES, forty contracts one after the other, and the report of it.
//! Each contract is a backtest of its own; what is open at its last bar is closed there.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{NaiveDateTime, TimeZone};
use chrono_tz::America::Chicago;
use rust_decimal::Decimal;

use super::collect::Collector;
use super::html;
use super::monte_carlo::Draw;
use super::report::Report;
use super::run::{CostedFill, Run};
use super::trips::ledger;
use crate::backtest::Backtest;
use crate::config::raw::{self, ContractSpec, Known, Layer};
use crate::config::{Config, Limit};
use crate::journal::{Mode, Record, SessionInfo, StrategyInfo};
use crate::market::{Bar, FeedEvent, MarketEvent, Price, Quality, SymbolId, Trade};
use crate::time::Timestamp;
use crate::trade::{ClientOrderId, Fill, Leg, Money};

const ES: SymbolId = SymbolId(0);
const COMMISSION: Money = Money::from_micros(2_250_000);
const CAPITAL: Money = Money::from_micros(1_000_000_000_000);
const BAR_S: u32 = 300;

/// The built-in strategies, slower and on five-minute bars; limits on losses and on the age of quotes are off.
fn config() -> Config {
    let contracts = [ContractSpec {
        root: "ES".into(),
        exchange: "CME".into(),
        currency: "USD".into(),
        tick_size: Decimal::new(25, 2),
        multiplier: 50.into(),
    }];
    let mut config = raw::read(&[Layer::embedded_default()], &[], &Known::registered(&contracts))
        .expect("the built-in configuration has no mistakes");
    config.bars.lengths_s = vec![BAR_S];
    config.bars.jump_ticks_max = 10_000;
    for strategy in &mut config.strategies {
        strategy.bar_s = BAR_S;
        (strategy.stop_ticks, strategy.target_ticks) = (Some(120), None);
        let params: &[(&str, i64)] = match strategy.kind.as_str() {
            "ma_crossover" => &[("fast", 20), ("slow", 50)],
            "opening_range" => &[("minutes", 30)],
            _ => &[("period", 100)],
        };
        strategy.params.extend(params.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())));
    }
    // What latches until a person unlocks it would end a contract's run early.
    let loss = &mut config.risk.loss;
    (loss.daily_loss_max, loss.weekly_loss_max, loss.strategy_daily_loss_max) = (Limit::Off, Limit::Off, Limit::Off);
    (loss.max_drawdown, loss.trailing_drawdown_max) = (Limit::Off, Limit::Off);
    loss.consecutive_losses_max = Limit::Off;
    config.risk.rate.reentries_max = Limit::Off;
    config.risk.stale_after = Limit::Off;
    config
}

/// The files of forty contracts, oldest first; `None`, said aloud, where the data is not.
fn files() -> Option<Vec<PathBuf>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !folder.is_dir() {
        println!("skipped: ../shared/data is not there");
        return None;
    }
    let found = std::fs::read_dir(folder.join("sierra_es/data/5m")).expect("the data folder is complete");
    let mut files: Vec<PathBuf> = found.map(|file| file.expect("a file").path()).collect();
    let order = |path: &PathBuf| {
        let name = contract(path);
        let month = ['H', 'M', 'U', 'Z'].iter().position(|m| *m == name.as_bytes()[2] as char);
        (name[3..].parse::<u32>().expect("a year"), month)
    };
    files.sort_by_key(order);
    Some(files)
}

/// `ESH15`.
fn contract(path: &Path) -> String {
    path.file_name().and_then(|name| name.to_str()).expect("a plain name")[..5].to_owned()
}

fn bars(path: &Path) -> Vec<Bar> {
    let mut text = String::new();
    let file = std::fs::File::open(path).expect("a file");
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzipped text");
    text.lines().skip(1).map(bar).collect()
}

fn bar(line: &str) -> Bar {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let local = NaiveDateTime::parse_from_str(&format!("{} {}", fields[0], fields[1]), "%Y/%m/%d %H:%M:%S");
    let local = Chicago.from_local_datetime(&local.expect("a time")).earliest().expect("no bar in the missing hour");
    let price = |n: usize| Price((fields[n].parse::<f64>().expect("a price") * 4.0) as i32);
    Bar {
        symbol: ES,
        open_ts: local.to_utc().into(),
        length_s: BAR_S,
        open: price(2),
        high: price(3),
        low: price(4),
        close: price(5),
        volume: fields[6].parse().expect("a volume"),
        trades: 4,
        quality: Quality::Complete,
    }
}

/// Four trades that make the bar: open, the nearer extreme, the other one, close.
fn trades(bar: Bar) -> impl Iterator<Item = FeedEvent> {
    let low_first = bar.open.0 - bar.low.0 < bar.high.0 - bar.open.0;
    let (first, second) = if low_first { (bar.low, bar.high) } else { (bar.high, bar.low) };
    let at = move |second: u64| bar.open_ts + std::time::Duration::from_secs(second);
    let quarter = u32::try_from(bar.volume / 4).expect("a volume of five minutes");
    let rest = u32::try_from(bar.volume % 4).expect("less than four");
    let made =
        [(0, bar.open, quarter + rest), (100, first, quarter), (200, second, quarter), (299, bar.close, quarter)];
    made.into_iter().map(move |(second, price, size)| FeedEvent {
        symbol: ES,
        event: MarketEvent::Trade(Trade { ts: at(second), price, size }),
    })
}

/// One contract's run, and its profit by the portfolio's own count.
fn run_contract(config: &Config, path: &Path) -> (Run, Money) {
    let mut config = config.clone();
    config.instruments[0].name = contract(path);
    let bars = bars(path);
    let start = bars[0].open_ts;
    let strategy = |s: &crate::config::StrategyConfig| StrategyInfo {
        id: s.id,
        name: s.name.clone(),
        kind: s.kind.clone(),
        symbol: s.symbol,
    };
    let info = SessionInfo {
        id: "ten-years-of-es".into(),
        mode: Mode::Backtest,
        instance: "test".into(),
        account: "backtest".into(),
        instruments: config.instruments.clone(),
        strategies: config.strategies.iter().map(strategy).collect(),
    };
    let mut collector = Collector::new(&info, start, Vec::new(), CAPITAL);
    let record = |_: Timestamp, record: Record| collector.see(&record);
    let market = bars.clone().into_iter().flat_map(trades);
    let cores = Backtest::new(&config, market, start, CAPITAL, COMMISSION, record).run();
    let earned = cores.books.portfolio().performance(None);
    let mut run = collector.finish();
    let shape = |b: &Bar| (b.open_ts, b.open, b.high, b.low, b.close, b.volume);
    assert!(run.bars.iter().map(shape).eq(bars.iter().map(shape)), "the bars of {} changed", path.display());
    close_out(&mut run);
    let earned = earned.realised - earned.commission + open_profit(&run, earned.unrealised);
    (run, earned)
}

/// Every contract's run, in the order of the files; each is one thread's work alone.
fn run_all(config: &Config, files: &[PathBuf]) -> Vec<(Run, Money)> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let parts = files.chunks(files.len().div_ceil(threads));
        let work = |part: &'_ [PathBuf]| part.iter().map(|path| run_contract(config, path)).collect::<Vec<_>>();
        let running: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("a contract's run does not panic")).collect()
    })
}

/// The exchange's last price closes what is open, for the usual commission.
fn close_out(run: &mut Run) {
    let last = *run.bars.last().expect("a contract has bars");
    for lot in ledger(run).open {
        let fill = Fill {
            exec_id: format!("roll-{}-{}", lot.strategy.0, run.fills.len()),
            order: ClientOrderId(u64::MAX),
            strategy: lot.strategy,
            symbol: ES,
            leg: Leg::Exit,
            side: lot.side.opposite(),
            quantity: lot.quantity,
            price: last.close,
            at: last.end() - std::time::Duration::from_secs(1),
        };
        run.fills.push(CostedFill { fill, commission: Some(COMMISSION * i64::from(lot.quantity)) });
    }
}

/// What closing out realised: the last marks' profit less its commission.
fn open_profit(run: &Run, unrealised: Money) -> Money {
    let rolled = run.fills.iter().filter(|f| f.fill.order == ClientOrderId(u64::MAX));
    unrealised - rolled.filter_map(|f| f.commission).sum::<Money>()
}

/// Contracts behind each other as one run: the n-th is symbol n.
fn join(runs: Vec<Run>) -> Run {
    let mut runs = runs.into_iter();
    let mut whole = runs.next().expect("there are contracts");
    whole.end_cause = Some("the data is over".into());
    whole.capital_from = "the account of this test".into();
    for mut run in runs {
        let symbol = SymbolId(u16::try_from(whole.instruments.len()).expect("forty"));
        run.instruments[0].id = symbol;
        whole.instruments.append(&mut run.instruments);
        whole.bars.extend(run.bars.into_iter().map(|bar| Bar { symbol, ..bar }));
        whole.fills.extend(run.fills.into_iter().map(|mut costed| {
            costed.fill.symbol = symbol;
            costed
        }));
        whole.signals += run.signals;
        whole.signals_refused += run.signals_refused;
    }
    whole
}

#[test]
fn ten_years_of_es_give_a_report_that_adds_up_and_opens() {
    let Some(files) = files() else { return };
    let config = config();
    let (runs, earned): (Vec<Run>, Vec<Money>) = run_all(&config, &files).into_iter().unzip();
    let run = join(runs);
    assert_eq!((run.instruments.len(), run.bars.len()), (40, 699_011));

    let report = Report::of(&run, Draw::default(), &[]);
    let earned: Money = earned.into_iter().sum();
    let end = report.curve.points.last().expect("there is equity").equity;
    assert_eq!(end - run.capital, earned, "equity, trades and the portfolio agree to the cent");
    assert_eq!(report.trips.iter().map(|t| t.trip.net()).sum::<Money>(), earned);
    assert_eq!((report.open.len(), report.trades.len() > 1_000), (0, true));
    assert!(report.daily.len() > 2_500 && report.months.len() > 118, "{} days, {earned}", report.daily.len());
    let codes: Vec<&str> = report.warnings.iter().map(|warning| warning.code).collect();
    // An order that waits for the open fills at its first price.
    assert!(!codes.contains(&"fills_outside") && !codes.contains(&"stale_fills"), "{codes:?}");
    assert!(!codes.contains(&"few_trades") && !codes.contains(&"costs_missing"), "{codes:?}");

    let page = html::page(&run, &report, "test");
    assert_eq!(page, html::page(&run, &report, "test"));
    for word in ["NaN", "inf ", "http://", "https://", "src="] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.len() < 12_000_000, "{} bytes", page.len());
    // For whoever wants to look at it: PITBOSS_KEEP_PAGE=/tmp/es.html cargo test -p engine ten_years
    if let Some(kept) = std::env::var_os("PITBOSS_KEEP_PAGE") {
        std::fs::write(kept, &page).expect("the place that PITBOSS_KEEP_PAGE names is writable");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("es-2014-2024.html");
    std::fs::write(&path, &page).expect("the folder is writable");
    println!("{} trades, {}, {} bytes: {}", report.trades.len(), earned, page.len(), path.display());
    opens(&path);
}

/// A browser shows the page without asking anybody for anything.
fn opens(path: &Path) {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|p| std::env::split_paths(&p).collect()).unwrap_or_default();
    let Some(browser) = names.iter().flat_map(|name| folders.iter().map(move |f| f.join(name))).find(|p| p.is_file())
    else {
        println!("skipped: opening the page, there is no Chromium");
        return;
    };
    let profile = std::env::temp_dir().join(format!("pitboss-browser-{}", std::process::id()));
    let shown = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", path.canonicalize().expect("it was just written").display()))
        .output()
        .expect("a browser can be started");
    std::fs::remove_dir_all(&profile).expect("the browser left a profile");
    let dom = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    for part in ["Equity and drawdown", "Monthly returns", "with entries and exits", "Assumptions", "no promise"] {
        assert!(dom.contains(part), "the browser does not show {part:?}");
    }
    assert!(dom.matches("<svg").count() >= 7, "drawings are missing");
}
