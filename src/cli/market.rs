//! Where a simulated market comes from: a generator or files. Out: instruments, events, and the first instant.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::config::{Config, MarketSource, Pace};
use engine::market::{FeedEvent, Instrument, SymbolId};
use engine::time::Timestamp;
use feeds::{Counters, FeedError, Select, SyntheticOptions};

use super::Failure;

pub type Source = Box<dyn Iterator<Item = FeedEvent> + Send>;

/// A market that is ready to be played.
pub struct Market {
    pub instruments: Vec<Instrument>,
    pub events: Source,
    /// The whole second of the first event.
    pub start: Timestamp,
    /// What ended the stream before its end, if anything did.
    pub broken: Broken,
    pub skipped: Counters,
}

/// Where a stream leaves the error that ended it.
#[derive(Clone, Default)]
pub struct Broken(Arc<Mutex<Option<FeedError>>>);

impl Broken {
    pub fn take(&self) -> Option<FeedError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, error: FeedError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

impl Market {
    pub fn open(source: &MarketSource, known: &[Instrument], select: &Select) -> Result<Market, Failure> {
        match source {
            MarketSource::Synthetic { seed, start } => Ok(Self::synthetic(*seed, *start, known)),
            MarketSource::Files(paths) => Self::files(paths, known, select),
        }
    }

    /// A generated market for every instrument, each with a seed of its own.
    fn synthetic(seed: u64, start: Timestamp, instruments: &[Instrument]) -> Market {
        let mut markets: Vec<_> = instruments
            .iter()
            .map(|i| feeds::synthetic(SyntheticOptions::es(seed + u64::from(i.id.0), start, i.id)).peekable())
            .collect();
        let next = std::iter::from_fn(move || {
            let earliest = markets
                .iter_mut()
                .enumerate()
                .filter_map(|(n, market)| Some((market.peek()?.event.ts(), n)))
                .min()
                .map(|(_, n)| n)?;
            markets[earliest].next()
        });
        Market {
            instruments: instruments.to_vec(),
            events: Box::new(next),
            start,
            broken: Broken::default(),
            skipped: Counters::default(),
        }
    }

    pub fn files(paths: &[PathBuf], known: &[Instrument], select: &Select) -> Result<Market, Failure> {
        let opened = feeds::open(paths, known, select).map_err(Failure::usage)?;
        let broken = Broken::default();
        let told = broken.clone();
        let mut events = opened.events.map_while(move |event| event.map_err(|error| told.set(error)).ok()).peekable();
        let Some(first) = events.peek() else {
            let reason =
                broken.take().map_or_else(|| "there are no trades or quotes in it".to_owned(), |e| e.to_string());
            return Err(Failure::usage(format!("{}: {reason}", list(paths))));
        };
        let start = first.event.ts().floor(Duration::from_secs(1));
        let (instruments, skipped) = (opened.instruments, opened.skipped);
        Ok(Market { instruments, events: Box::new(events), start, broken, skipped })
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// `--speed`: a number of market seconds per second, or `max`.
pub fn parse_speed(text: &str) -> Result<Pace, String> {
    if text == "max" {
        return Ok(Pace::Max);
    }
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 && speed <= 100_000.0 => Ok(Pace::Speed(speed)),
        _ => Err(format!("{text:?} is neither `max` nor a number of market seconds per second up to 100000")),
    }
}

/// `--contract` and `--most-traded` to a selection; without them every contract.
pub fn selection(contract: Option<&str>, most_traded: bool) -> Select {
    match (contract, most_traded) {
        (Some(name), _) => Select::Named(vec![name.to_owned()]),
        (None, true) => Select::MostTraded,
        (None, false) => Select::All,
    }
}

/// Puts the strategies on the instruments of a file: each stays with a contract of its symbol's root, or goes to the
/// first contract when the file has none of that root.
pub fn retarget(config: &mut Config, instruments: Vec<Instrument>) {
    let roots: Vec<(String, String)> = config.instruments.iter().map(|i| (i.name.clone(), i.root.clone())).collect();
    for strategy in &mut config.strategies {
        let (name, root) = &roots[usize::from(strategy.symbol.0)];
        let same = |i: &&Instrument| i.name == *name;
        let sibling = |i: &&Instrument| i.root == *root;
        let target = instruments.iter().find(same).or_else(|| instruments.iter().find(sibling));
        strategy.symbol = target.map_or(SymbolId(0), |i| i.id);
    }
    config.instruments = instruments;
}
