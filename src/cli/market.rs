//! Where a simulated market comes from: a generator or files. Out: instruments, events, and the first instant.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::config::{Config, MarketSource, Pace};
use engine::market::{FeedEvent, Instrument, MarketEvent, Price, SymbolId};
use engine::time::Timestamp;
use engine::time::session::Calendar;
use feeds::{Counters, Described, FeedError, Select, Synthetic, SyntheticOptions};

use super::{Failure, Outcome};

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
    /// What its files say themselves of its contracts.
    pub described: Vec<Described>,
    /// Its files, for messages.
    pub place: String,
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
            described: Vec::new(),
            place: "the synthetic market".to_owned(),
        }
    }

    pub fn files(paths: &[PathBuf], known: &[Instrument], select: &Select) -> Result<Market, Failure> {
        let opened = feeds::open(paths, known, select).map_err(Failure::usage)?;
        let broken = Broken::default();
        let told = broken.clone();
        let read = opened.events;
        let mut events = read.map_while(move |event| event.map_err(|error| told.set(error)).ok()).peekable();
        let Some(first) = events.peek() else {
            let reason =
                broken.take().map_or_else(|| "there are no trades or quotes in it".to_owned(), |e| e.to_string());
            return Err(Failure::usage(format!("{}: {reason}", list(paths))));
        };
        let start = first.event.ts().floor(Duration::from_secs(1));
        let feeds::Opened { instruments, skipped, described, .. } = opened;
        let (events, place) = (Box::new(events), list(paths));
        Ok(Market { instruments, events, earlier: None, start, broken, skipped, described, place })
    }

    /// Puts the configuration on this market's instruments; see [`adopt`].
    pub fn adopted_by(&mut self, config: &mut Config, asked: Asked) -> Outcome {
        adopt(config, self.instruments.clone(), &self.described, asked, &self.place)?;
        self.instruments.clone_from(&config.instruments);
        Ok(())
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

/// Who says what is to be traded.
#[derive(Clone, Copy)]
pub struct Asked {
    /// The command line names the contract.
    pub contract: bool,
    /// Somebody has written a configuration; the built-in one plays whatever files hold.
    pub configured: bool,
}

/// Puts the configuration on the instruments that files hold. What both sides say of a contract must agree, and whoever
/// knows the day of its expiry is believed.
///
/// # Errors
/// A contradiction, with both sides; a contract that is configured by its expiry while the files hold others of its root;
/// files without the root that a strategy of a written configuration trades.
pub(super) fn adopt(
    config: &mut Config,
    mut instruments: Vec<Instrument>,
    described: &[Described],
    asked: Asked,
    place: &str,
) -> Outcome {
    for configured in &config.instruments {
        let whose = format!("[[instruments]] {} of the configuration", configured.name);
        for told in described.iter().filter(|told| told.instrument.root == configured.root) {
            match same_month(&told.instrument, configured) {
                true => told.check(configured, &whose),
                // Another contract of the root: prices and profits must mean the same.
                false => told.check_root(configured, &whose),
            }
            .map_err(Failure::usage)?;
        }
        let Some(expiry) = &configured.expiry else { continue };
        let mut of_root = instruments.iter_mut().filter(|held| held.root == configured.root).peekable();
        let (mut found, mut others) = (of_root.peek().is_none() || asked.contract, Vec::new());
        for held in of_root {
            match &held.expiry {
                None => found = true,
                Some(_) if !same_month(held, configured) => others.push(held.name.clone()),
                Some(known) => {
                    if known.len() < expiry.len() {
                        held.expiry = Some(expiry.clone());
                    }
                    found = true;
                }
            }
        }
        if !found {
            return Err(Failure::usage(format!(
                "`expiry = \"{expiry}\"` of {whose} contradicts the data: {place} holds {}; name files of that contract, \
                 or leave `expiry` out to play what the files hold",
                others.join(", ")
            )));
        }
    }
    if asked.configured {
        check_roots(config, &instruments, place)?;
    }
    if instruments != config.instruments {
        retarget(config, instruments);
    }
    Ok(())
}

/// Sizes, stops and limits are written for a root: on another one they mean other money.
fn check_roots(config: &Config, held: &[Instrument], place: &str) -> Outcome {
    for strategy in &config.strategies {
        let traded = &config.instruments[usize::from(strategy.symbol.0)];
        if !held.iter().any(|held| held.root == traded.root) {
            let held: Vec<&str> = held.iter().map(|held| held.name.as_str()).collect();
            return Err(Failure::usage(format!(
                "strategy {} trades [[instruments]] {} of the configuration, and its `root = \"{}\"` is not in the data: \
                 {place} holds {}; name files of that root, or configure what the files hold",
                strategy.name,
                traded.name,
                traded.root,
                held.join(", ")
            )));
        }
    }
    Ok(())
}

/// Whether these are one contract, as far as both say: an expiry begins with its month.
fn same_month(a: &Instrument, b: &Instrument) -> bool {
    let month =
        |instrument: &Instrument| instrument.expiry.as_ref().and_then(|expiry| Some(expiry.get(..6)?.to_owned()));
    a.root == b.root && month(a).is_some() && month(a) == month(b)
}

/// Puts the strategies on the instruments of a file: each stays with its contract, or goes to another one of its symbol's
/// root, or to the first contract when the file has none of that root.
pub fn retarget(config: &mut Config, instruments: Vec<Instrument>) {
    let before = std::mem::take(&mut config.instruments);
    for strategy in &mut config.strategies {
        let was = &before[usize::from(strategy.symbol.0)];
        let found = |fits: &dyn Fn(&Instrument) -> bool| instruments.iter().find(|i| fits(i));
        let target = found(&|i| i.name == was.name)
            .or_else(|| found(&|i| same_month(i, was)))
            .or_else(|| found(&|i| i.root == was.root));
        strategy.symbol = target.map_or(SymbolId(0), |i| i.id);
    }
    config.instruments = instruments;
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;

    fn contract(id: u16, name: &str, expiry: Option<&str>) -> Instrument {
        Instrument {
            id: SymbolId(id),
            name: name.to_owned(),
            root: "ES".to_owned(),
            expiry: expiry.map(str::to_owned),
            exchange: "CME".to_owned(),
            currency: "USD".to_owned(),
            tick_size: Decimal::new(25, 2),
            multiplier: Decimal::from(50),
        }
    }

    /// The built-in configuration with this expiry, on these contracts.
    fn adopted(expiry: Option<&str>, held: Vec<Instrument>, chosen: bool) -> Result<Config, String> {
        let mut config = super::super::setup::read(engine::config::raw::Layer::embedded_default()).expect("it is good");
        config.instruments = vec![contract(0, "ES", expiry)];
        adopt(&mut config, held, &[], Asked { contract: chosen, configured: true }, "bars.csv")
            .map_err(|failure| failure.text)?;
        Ok(config)
    }

    #[test]
    fn an_expiry_of_another_contract_than_the_files_hold_is_told() {
        let held = || vec![contract(0, "ESZ23", Some("202312"))];
        let told = adopted(Some("202403"), held(), false).expect_err("another contract");
        for part in ["expiry = \"202403\"", "[[instruments]] ES", "bars.csv", "ESZ23"] {
            assert!(told.contains(part), "{told}");
        }
        assert!(adopted(Some("202403"), held(), true).is_ok(), "the command line has chosen");
        assert!(adopted(None, held(), false).is_ok(), "the front month is whatever the files hold");
    }

    #[test]
    fn files_of_another_root_are_for_the_built_in_configuration_only() {
        let held = || vec![Instrument { root: "NQ".to_owned(), ..contract(0, "NQZ23", Some("202312")) }];
        for chosen in [false, true] {
            let told = adopted(Some("202312"), held(), chosen).expect_err("another multiplier");
            for part in ["root = \"ES\"", "[[instruments]] ES", "bars.csv", "NQZ23"] {
                assert!(told.contains(part), "{told}");
            }
        }
        let mut config = super::super::setup::read(engine::config::raw::Layer::embedded_default()).expect("it is good");
        let built_in = Asked { contract: false, configured: false };
        assert!(adopt(&mut config, held(), &[], built_in, "bars.csv").is_ok());
        assert_eq!(config.instruments[0].name, "NQZ23");
    }

    #[test]
    fn a_day_that_is_configured_is_the_contracts_and_strategies_stay_with_their_contract() {
        let held = vec![contract(0, "ESZ23", Some("202312")), contract(1, "ESH24", Some("202403"))];
        let config = adopted(Some("20240314"), held, false).expect("it is among them");
        let expiries: Vec<_> = config.instruments.iter().map(|i| i.expiry.as_deref()).collect();
        assert_eq!(expiries, [Some("202312"), Some("20240314")]);
        assert!(config.strategies.iter().all(|strategy| strategy.symbol == SymbolId(1)));
    }
}
