//! Where a simulated market comes from: a generator or files. Out: instruments, events, and the first instant.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::config::{Config, MarketSource, Pace};
use engine::market::{FeedEvent, Instrument, MarketEvent, Price, SymbolId};
use engine::time::Timestamp;
use engine::time::session::Calendar;
use feeds::{Counters, FeedError, Select, Synthetic, SyntheticOptions};

use super::Failure;

pub type Source = Box<dyn Iterator<Item = FeedEvent> + Send>;

/// A market that is ready to be played.
pub struct Market {
    pub instruments: Vec<Instrument>,
    pub events: Source,
    /// What happened before, for requests about the past; made or read when somebody asks.
    pub earlier: Option<Source>,
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

    pub(super) fn set(&self, error: FeedError) {
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
        let options = |i: &Instrument| SyntheticOptions::es(seed + u64::from(i.id.0), start, i.id);
        let next = in_order(instruments.iter().map(|i| feeds::synthetic(options(i))).collect());
        let days_before: Vec<SyntheticOptions> = instruments.iter().map(options).collect();
        Market {
            instruments: instruments.to_vec(),
            events: Box::new(next),
            earlier: Some(Box::new(std::iter::once(days_before).flat_map(made_before))),
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
        Ok(Market { instruments, events: Box::new(events), earlier: None, start, broken, skipped })
    }

    /// Takes what these files hold of this market's instruments before its start for its past.
    pub fn remember(&mut self, paths: &[PathBuf]) -> Result<(), Failure> {
        let opened = feeds::open(paths, &self.instruments, &Select::All).map_err(Failure::usage)?;
        let (told, start) = (self.broken.clone(), self.start);
        let events = opened.events.map_while(move |event| event.map_err(|error| told.set(error)).ok());
        self.earlier = Some(Box::new(events.take_while(move |event| event.event.ts() < start)));
        Ok(())
    }
}

/// Several generated markets as one.
fn in_order(markets: Vec<Synthetic>) -> impl Iterator<Item = FeedEvent> + Send {
    let mut markets: Vec<_> = markets.into_iter().map(Iterator::peekable).collect();
    std::iter::from_fn(move || {
        let earliest = markets
            .iter_mut()
            .enumerate()
            .filter_map(|(n, market)| Some((market.peek()?.event.ts(), n)))
            .min()
            .map(|(_, n)| n)?;
        markets[earliest].next()
    })
}

/// Sets the random numbers of the days before apart from those of the market itself.
const SEED_OF_THE_PAST: u64 = 0x5041_5354;

/// The session before the one in which generated markets begin, and this one up to the beginning: from the same seeds,
/// and so high that each ends where its market begins.
fn made_before(markets: Vec<SyntheticOptions>) -> impl Iterator<Item = FeedEvent> + Send {
    let start = markets.first().map_or(Timestamp::MIN, |market| market.start);
    let past = markets.into_iter().map(|played| {
        let from = session_before(played.calendar, start);
        let past = SyntheticOptions { seed: played.seed ^ SEED_OF_THE_PAST, start: from, ..played };
        let bids = feeds::synthetic(past.clone()).take_while(|event| event.event.ts() < start);
        let bids = bids.filter_map(|event| match event.event {
            MarketEvent::Quote(quote) => quote.bid,
            MarketEvent::Trade(_) => None,
        });
        let drift = bids.last().map_or(0, |bid| bid.0 - past.opening_price.0);
        feeds::synthetic(SyntheticOptions { opening_price: Price(past.opening_price.0 - drift), ..past })
    });
    in_order(past.collect()).take_while(move |event| event.event.ts() < start)
}

/// When the last session opened that closed before the one of `start`.
fn session_before(calendar: Calendar, start: Timestamp) -> Timestamp {
    let days = std::iter::successors(calendar.trade_date(start).pred_opt(), |day| day.pred_opt());
    days.take(10).find_map(|day| calendar.session(day)).map_or(start, |session| session.open)
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
