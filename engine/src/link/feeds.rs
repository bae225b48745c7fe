//! Each symbol's market data: its state, how long it has been silent, and what has been said about it.
//! In: the time, ticks that were listened for. Out: events for the table. Absent: the table's actions (`mod`), prices.
//!
//! Nothing happens for every tick. The link asks to have the next good tick reported, once a second: what is reported
//! within the second is alive, and silence is counted from the asking, so that no alarm comes early.

use std::time::Duration;

use chrono::NaiveDate;

use super::table::{Event, State};
use crate::config::{Config, FeedsConfig};
use crate::market::{Instrument, SymbolId};
use crate::time::Timestamp;
use crate::time::session::{Calendar, Session, SessionCursor};

/// Interactive Brokers takes one tick-by-tick request of an instrument in 15 seconds.
const RESUBSCRIBE_MIN: Duration = Duration::from_secs(16);
const RESUBSCRIBE_MAX: Duration = Duration::from_secs(300);

/// One symbol.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    pub symbol: SymbolId,
    pub name: String,
    pub exchange: String,
    pub state: State,
    /// The next good tick will be reported.
    pub listening: bool,
    /// From here on silence counts.
    pub waits_since: Timestamp,
    pub live_since: Timestamp,
    /// Subscriptions asked for anew since the last tick.
    pub tries: u32,
    pub alarmed: bool,
    /// What the books were told last: may the symbol be entered?
    pub told: Option<bool>,
    hours: Hours24,
    silent_after: Duration,
    quiet_after: Duration,
}

/// When a symbol trades, and when its market is busy.
#[derive(Clone, Debug)]
struct Hours24 {
    session: SessionCursor,
    /// The regular hours of a trade date, worked out once.
    regular: (NaiveDate, Option<Session>),
}

impl Hours24 {
    fn of(instrument: &Instrument) -> Self {
        let session = SessionCursor::new(Calendar::of_root(&instrument.root));
        Self { session, regular: (NaiveDate::MIN, None) }
    }

    /// The regular hours that `now` falls into.
    fn regular(&mut self, now: Timestamp) -> Option<Session> {
        let date = self.session.trade_date(now);
        if self.regular.0 != date {
            self.regular = (date, self.session.calendar().regular_hours(date));
        }
        self.regular.1.filter(|hours| hours.contains(now))
    }
}

impl Feed {
    /// Thresholds are at least `wall_second` long: what a second on the wall may hide is no silence.
    fn new(instrument: &Instrument, config: &FeedsConfig, wall_second: Duration) -> Self {
        Self {
            symbol: instrument.id,
            name: instrument.name.clone(),
            exchange: instrument.exchange.clone(),
            state: State::Off,
            listening: false,
            waits_since: Timestamp::MIN,
            live_since: Timestamp::MIN,
            tries: 0,
            alarmed: false,
            told: None,
            hours: Hours24::of(instrument),
            silent_after: config.silent_after.max(wall_second),
            quiet_after: config.quiet_after.max(wall_second),
        }
    }

    pub fn is_live(&self) -> bool {
        self.state == State::Live
    }

    pub fn await_tick(&mut self, now: Timestamp) {
        self.listening = true;
        self.waits_since = now;
    }

    pub fn on_tick(&mut self, now: Timestamp) {
        self.listening = false;
        self.waits_since = now;
        self.tries = 0;
        if self.state != State::Live {
            self.live_since = now;
        }
    }

    /// Silence without a market means nothing; it counts from the open on.
    fn is_excused(&mut self, now: Timestamp) -> bool {
        let closed = !self.hours.session.is_open(now);
        if closed {
            self.waits_since = now;
        }
        closed
    }

    /// How long its market may be quiet at this time of the day.
    fn limit(&mut self, now: Timestamp) -> Duration {
        if self.hours.regular(now).is_some() { self.silent_after } else { self.quiet_after }
    }

    /// Waits double from try to try.
    fn retry_after(&self, limit: Duration) -> Duration {
        let base = limit.max(RESUBSCRIBE_MIN);
        base.saturating_mul(1 << self.tries.min(8)).min(RESUBSCRIBE_MAX.max(base))
    }

    /// What its silence means now.
    pub fn silence(&mut self, now: Timestamp) -> Option<Event> {
        if self.state == State::Off || self.is_excused(now) || !self.listening {
            return None;
        }
        let limit = self.limit(now);
        let waited = now.since(self.waits_since);
        match self.state {
            State::Waiting | State::Live if waited >= limit => Some(Event::Silent),
            State::Stale | State::Corrupt if waited >= self.retry_after(limit) => Some(Event::StillSilent),
            _ => None,
        }
    }

    /// The regular hours that `now` falls into; `None` outside.
    pub fn regular_hours(&mut self, now: Timestamp) -> Option<Session> {
        self.hours.regular(now)
    }
}

/// All symbols of a session, by their id.
pub(super) fn feeds(config: &Config, wall_second: Duration) -> Vec<Feed> {
    config.instruments.iter().map(|instrument| Feed::new(instrument, &config.feeds, wall_second)).collect()
}

/// A strategy that gets no bar although its symbol trades.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub name: String,
    pub symbol: SymbolId,
    bar: Duration,
    bar_s: u32,
    patience: Duration,
    last_bar: Timestamp,
    alarmed: bool,
}

/// What a strategy's watch has to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hunger {
    Starved { for_s: u64 },
    Fed,
}

/// A bar is closed by the clock this long after its end, at most.
const BAR_LATE: Duration = Duration::from_secs(5);

pub(super) fn watched(config: &Config, wall_second: Duration) -> Vec<Watched> {
    let watch = |strategy: &crate::config::StrategyConfig| {
        let bar = Duration::from_secs(u64::from(strategy.bar_s));
        Watched {
            name: strategy.name.clone(),
            symbol: strategy.symbol,
            bar,
            bar_s: strategy.bar_s,
            patience: bar * config.feeds.bars_missed_max + BAR_LATE.max(wall_second),
            last_bar: Timestamp::MIN,
            alarmed: false,
        }
    };
    config.strategies.iter().map(watch).collect()
}

impl Watched {
    pub fn on_bar(&mut self, now: Timestamp, symbol: SymbolId, length_s: u32) -> Option<Hunger> {
        if self.symbol != symbol || self.bar_s != length_s {
            return None;
        }
        self.last_bar = now;
        std::mem::take(&mut self.alarmed).then_some(Hunger::Fed)
    }

    /// Only in regular hours and while ticks come: a quiet market makes no bars, and a silent feed has its own alarm.
    pub fn check(&mut self, now: Timestamp, feed: &mut Feed) -> Option<Hunger> {
        let regular = feed.regular_hours(now)?;
        if self.alarmed || !feed.is_live() {
            return None;
        }
        let since = self.last_bar.max(feed.live_since).max(regular.open);
        let waited = now.since(since);
        if waited < self.patience.max(self.bar) {
            return None;
        }
        self.alarmed = true;
        Some(Hunger::Starved { for_s: waited.as_secs() })
    }
}
