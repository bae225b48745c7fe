//! `pitboss bars`: tick files to bars as CSV, by the bar builder that trades.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use engine::bars::{Bars, Input, Output};
use engine::config::BarsConfig;
use engine::market::{Bar, Instrument, MarketEvent, SymbolId};
use engine::time::Timestamp;

use super::market::{Market, selection};
use super::{Failure, Outcome, outputs};

#[derive(Args)]
pub struct BarsArgs {
    /// Databento DBN or LEAN zip-CSV.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// CSV to write: time_utc, open, high, low, close, volume, trades, quality. `-` is standard output.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Bar length in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    length: u32,
    /// One contract, by name (GCZ13) or expiry (201312); the most traded one by default.
    #[arg(long, value_name = "NAME")]
    contract: Option<String>,
    /// Every contract, each into a file of its own: `bars.csv` becomes `bars-GCZ13.csv`.
    #[arg(long, conflicts_with = "contract")]
    all: bool,
}

pub fn run(args: &BarsArgs) -> Outcome {
    outputs::check([("--out", Some(args.out.as_path()))])?;
    let select = selection(args.contract.as_deref(), !args.all);
    let market = Market::files(&args.files, &[], &select)?;
    let (instruments, broken, skipped) = (market.instruments.clone(), market.broken.clone(), market.skipped.clone());
    let bars = build(market, args.length);
    if let Some(error) = broken.take() {
        return Err(Failure::work(format!("nothing was written: {error}")));
    }
    for instrument in &instruments {
        let path = if args.all { with_name(&args.out, &instrument.name) } else { args.out.clone() };
        let rows = bars.get(&instrument.id).map_or(&[][..], Vec::as_slice);
        write(&path, instrument, rows).map_err(|e| Failure::work(format!("cannot write {}: {e}", path.display())))?;
        eprintln!("{}: {} bars of {} in {}", instrument.name, rows.len(), args.length, path.display());
    }
    let counts = skipped.counts();
    if counts != feeds::Counts::default() {
        eprintln!("left out: {counts}");
    }
    Ok(())
}

/// Every bar of every symbol, from its first trade on.
fn build(market: Market, length_s: u32) -> BTreeMap<SymbolId, Vec<Bar>> {
    let config = BarsConfig {
        lengths_s: vec![length_s],
        close_grace: Duration::from_secs(1),
        revise_within: Duration::from_secs(60),
        jump_ticks_max: u32::MAX,
    };
    let mut builders: BTreeMap<SymbolId, Bars> =
        market.instruments.iter().map(|i| (i.id, Bars::new(i.id, &config))).collect();
    let mut bars: BTreeMap<SymbolId, Vec<Bar>> = BTreeMap::new();
    let mut out = Vec::new();
    // The file is the feed: it begins with the first bar.
    let began = market.start.floor(Duration::from_secs(u64::from(length_s)));
    builders.values_mut().for_each(|b| b.handle(began, Input::FeedUp, &mut out));
    let mut now = began;
    for event in market.events {
        now = now.max(event.event.ts());
        let builder = builders.get_mut(&event.symbol).expect("events are of the opened instruments");
        if let MarketEvent::Trade(trade) = event.event {
            builder.on_trade(now, &trade, &mut out);
        }
        keep(&mut bars, &mut out);
    }
    for builder in builders.values_mut() {
        builder.handle(now, Input::Flush, &mut out);
    }
    keep(&mut bars, &mut out);
    bars
}

fn keep(bars: &mut BTreeMap<SymbolId, Vec<Bar>>, out: &mut Vec<Output>) {
    for output in out.drain(..) {
        match output {
            Output::Closed(bar) => bars.entry(bar.symbol).or_default().push(bar),
            Output::Revised(bar) => {
                let rows = bars.entry(bar.symbol).or_default();
                if let Some(row) = rows.iter_mut().rfind(|row| row.open_ts == bar.open_ts) {
                    *row = bar;
                }
            }
            Output::Notice(notice) => eprintln!("{notice}"),
        }
    }
}

fn with_name(path: &Path, name: &str) -> PathBuf {
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let ending = path.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{name}{ending}"))
}

fn write(path: &Path, instrument: &Instrument, bars: &[Bar]) -> csv::Result<()> {
    if path == Path::new("-") {
        return write_to(std::io::stdout().lock(), instrument, bars);
    }
    // Whole or not at all: written beside its place, then moved there.
    let unfinished = path.with_extension("csv.part");
    write_to(BufWriter::new(File::create(&unfinished)?), instrument, bars)?;
    Ok(std::fs::rename(&unfinished, path)?)
}

fn write_to(to: impl Write, instrument: &Instrument, bars: &[Bar]) -> csv::Result<()> {
    let mut csv = csv::Writer::from_writer(to);
    csv.write_record(["time_utc", "open", "high", "low", "close", "volume", "trades", "quality"])?;
    let points = |price| instrument.points(price).to_string();
    for bar in bars {
        csv.write_record([
            time_utc(bar.open_ts),
            points(bar.open),
            points(bar.high),
            points(bar.low),
            points(bar.close),
            bar.volume.to_string(),
            bar.trades.to_string(),
            bar.quality.name().to_owned(),
        ])?;
    }
    csv.flush()?;
    Ok(())
}

fn time_utc(at: Timestamp) -> String {
    at.to_datetime().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
