//! Bars that a system has kept: its database, its journal. In: for each contract and length the bars of one or several
//! sessions. Out: one stream for each, so that they are selected, merged and rolled as files are. Absent: the places
//! where they are kept.
//!
//! Sessions that followed each other share the bar in which the first one ended: the better one is taken, of equally good
//! ones the later session's.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use engine::bar_market::BarEvent;
use engine::market::{Bar, Instrument};
use engine::time::Timestamp;

use super::{BarFile, BarSource, Lane, sound, until_error};
use crate::contract::Contract;
use crate::counts::Counters;
use crate::described::Described;
use crate::error::FeedError;
use crate::merge::{Route, Routes};
use crate::select::Holds;
use crate::specs::Grid;

/// Bars of one contract and length, rising in time, each open once. Prices are ticks of the instrument that they are kept
/// with.
pub type RecordedBars = Box<dyn Iterator<Item = Result<Bar, FeedError>> + Send>;

/// What one session has kept of one contract, in bars of one length.
#[derive(Clone)]
pub struct Recorded {
    /// As the session knew it; its id means nothing here.
    pub instrument: Instrument,
    /// Seconds.
    pub length_s: u32,
    /// No bar opens earlier. Sessions are told apart by it only until they are opened.
    pub first: Timestamp,
    /// Where it is kept, for messages: `session 20240612T132501Z-0001`.
    pub whence: String,
    /// Opens the bars; may be asked several times.
    pub open: Arc<dyn Fn() -> Result<RecordedBars, FeedError> + Send + Sync>,
}

impl Recorded {
    fn described(&self) -> Described {
        Described { instrument: self.instrument.clone(), whence: self.whence.clone(), is_whole: true }
    }

    /// All bars; those of the other sessions' tick size too, if the prices lie on this one's.
    fn read(&self, route: Route) -> Result<RecordedBars, FeedError> {
        let (whence, length_s) = (self.whence.clone(), self.length_s);
        let own = Grid::of(&self.instrument).ok_or_else(|| {
            let text = format!("{whence} has {} with a tick of {}", self.instrument.name, self.instrument.tick_size);
            FeedError::Nothing(text)
        })?;
        let name = self.instrument.name.clone();
        let mut last = Timestamp::MIN;
        Ok(Box::new((self.open)()?.map(move |bar| {
            let bar = bar?;
            if bar.open_ts <= last || bar.length_s != length_s {
                let text = format!(
                    "{whence} has a bar of {name} of {} s at {} after one of {length_s} s at {last}",
                    bar.length_s, bar.open_ts
                );
                return Err(FeedError::Nothing(text));
            }
            last = bar.open_ts;
            let price = |price| {
                own.nanos(price).and_then(|nanos| route.grid.price(nanos)).ok_or_else(|| {
                    FeedError::Nothing(format!("{whence} has a price of {name} off the tick grid at {}", bar.open_ts))
                })
            };
            let (open, high) = (price(bar.open)?, price(bar.high)?);
            let (low, close) = (price(bar.low)?, price(bar.close)?);
            sound::check([open, high, low, close], route.grid).map_err(|(found, _)| {
                FeedError::Nothing(format!("{whence} has a bar of {name} at {} with {found}", bar.open_ts))
            })?;
            Ok(Bar { symbol: route.symbol, open, high, low, close, ..bar })
        })))
    }
}

/// Sources of one contract and length.
struct Kept {
    contract: Contract,
    length_s: u32,
    sessions: Vec<Recorded>,
}

/// One source for each contract and length, of all sessions in the order in which they are given, oldest first.
pub(super) fn lanes(all: Vec<Recorded>) -> Vec<Box<dyn BarFile>> {
    let mut kept: BTreeMap<(Contract, u32), Vec<Recorded>> = BTreeMap::new();
    for recorded in all {
        kept.entry((recorded.described().contract(), recorded.length_s)).or_default().push(recorded);
    }
    let lane = |((contract, length_s), sessions)| Box::new(Kept { contract, length_s, sessions }) as Box<dyn BarFile>;
    kept.into_iter().map(lane).collect()
}

impl Holds for Kept {
    fn contracts(&self) -> Vec<Contract> {
        vec![self.contract.clone()]
    }

    fn volumes(&self) -> Result<BTreeMap<Contract, u64>, FeedError> {
        let mut total = 0;
        for session in &self.sessions {
            for bar in (session.open)()? {
                total += bar?.volume;
            }
        }
        Ok([(self.contract.clone(), total)].into())
    }
}

impl BarFile for Kept {
    fn lanes(&self) -> Vec<Lane> {
        vec![Lane { contract: self.contract.clone(), trades: true, length_s: self.length_s }]
    }

    fn described(&self) -> Vec<Described> {
        self.sessions.iter().map(Recorded::described).collect()
    }

    fn sources(&self, routes: &Routes, _counters: &Counters) -> Vec<BarSource> {
        let Some(route) = routes.get(&self.contract).copied() else { return Vec::new() };
        let Some(not_before) = self.sessions.iter().map(|session| session.first).min() else { return Vec::new() };
        let mut sessions = Sessions::new(route, &self.sessions);
        let open = Box::new(move || Ok(until_error(move || Ok(sessions.next_bar()?.map(BarEvent::Trades)))));
        vec![BarSource { not_before, open }]
    }
}

/// Several sessions as one stream. A session's place is that in which it was given.
struct Sessions {
    route: Route,
    /// The one that begins first is the last.
    waiting: Vec<(usize, Recorded)>,
    open: Vec<Head>,
}

/// A session's next bar, and what comes after it.
struct Head {
    place: usize,
    bar: Bar,
    rest: RecordedBars,
}

impl Sessions {
    fn new(route: Route, sessions: &[Recorded]) -> Self {
        let mut waiting: Vec<(usize, Recorded)> = sessions.iter().cloned().enumerate().collect();
        waiting.sort_by_key(|(place, session)| Reverse((session.first, *place)));
        Self { route, waiting, open: Vec::new() }
    }

    fn next_bar(&mut self) -> Result<Option<Bar>, FeedError> {
        loop {
            let at = self.open.iter().map(|head| head.bar.open_ts).min();
            // A session that begins later than what is open has nothing for this moment.
            match self.waiting.pop_if(|(_, next)| at.is_none_or(|at| next.first <= at)) {
                Some((place, session)) => {
                    let mut rest = session.read(self.route)?;
                    if let Some(bar) = rest.next().transpose()? {
                        self.open.push(Head { place, bar, rest });
                    }
                }
                None => return at.map_or(Ok(None), |at| self.take(at).map(Some)),
            }
        }
    }

    /// The best bar of those that open at `at`; all of them are done with.
    fn take(&mut self, at: Timestamp) -> Result<Bar, FeedError> {
        let of_then = self.open.iter().filter(|head| head.bar.open_ts == at);
        let best = of_then.min_by_key(|head| (head.bar.quality, Reverse(head.place)));
        let best = best.expect("`at` is when one of them opens").bar;
        let mut failed = None;
        self.open.retain_mut(|head| {
            if head.bar.open_ts != at {
                return true;
            }
            match head.rest.next() {
                Some(Ok(bar)) => head.bar = bar,
                Some(Err(error)) => failed = Some(error),
                None => return false,
            }
            true
        });
        failed.map_or(Ok(best), Err)
    }
}
