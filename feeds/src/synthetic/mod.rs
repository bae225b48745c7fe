//! A synthetic futures market: one instrument's trades and quotes without end, the same for the same seed everywhere.
//! In: seed, start, opening price, calendar. Out: `FeedEvent`s while the market is open. Absent: floating point and the
//! platform's mathematics, the wall clock, news.
//!
//! What it imitates: an efficient price that walks with clustered volatility and drifts in stretches of 5 to 60 minutes,
//! so that trend followers and fade strategies both find trades; a spread of one tick, sometimes two; arrivals that
//! excite further arrivals; a busy open, a quiet noon, a thin night. In regular hours that is about 19 trades and 44
//! quote changes a second and a minute's range of some ten ticks; at night a tenth of the events.

mod activity;
mod chance;
mod market;

use std::collections::VecDeque;
use std::time::Duration;

use engine::market::{FeedEvent, MarketEvent, Price, SymbolId};
use engine::time::Timestamp;
use engine::time::session::{Calendar, SessionCursor};

use activity::Activity;
use chance::Chance;
use market::Market;

/// A market to generate. Two equal values give equal events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntheticOptions {
    pub seed: u64,
    /// The first event comes at this instant, or at the first open after it.
    pub start: Timestamp,
    pub symbol: SymbolId,
    /// In ticks; below 1,000 it is taken for 1,000.
    pub opening_price: Price,
    pub calendar: Calendar,
}

impl SyntheticOptions {
    /// ES at 5,000.00 with CME's hours.
    pub fn es(seed: u64, start: Timestamp, symbol: SymbolId) -> Self {
        Self { seed, start, symbol, opening_price: Price(20_000), calendar: Calendar::CME_EQUITY_INDEX }
    }
}

/// See [`SyntheticOptions`]. Ends only with the calendar, in 2262.
pub fn synthetic(options: SyntheticOptions) -> Synthetic {
    let SyntheticOptions { seed, start, symbol, opening_price, calendar } = options;
    Synthetic {
        symbol,
        now: start,
        opened: false,
        hours: SessionCursor::new(calendar),
        chance: Chance::new(seed),
        activity: Activity::new(calendar),
        market: Market::new(opening_price),
        ready: VecDeque::new(),
    }
}

/// The events of one synthetic market.
#[derive(Clone, Debug)]
pub struct Synthetic {
    symbol: SymbolId,
    now: Timestamp,
    opened: bool,
    hours: SessionCursor,
    chance: Chance,
    activity: Activity,
    market: Market,
    ready: VecDeque<MarketEvent>,
}

/// A wait longer than this is cut into steps, between which the time of day may change the rate.
const STEP: Duration = Duration::from_secs(1);

impl Synthetic {
    /// One step forward, which may bring events or none. `false` at the end of time.
    fn step(&mut self) -> bool {
        if !self.hours.is_open(self.now) {
            self.now = self.hours.calendar().next_open(self.now);
            self.opened = false;
        }
        if self.now == Timestamp::MAX {
            return false;
        }
        if !self.opened {
            self.opened = true;
            self.activity.calm();
            self.market.open(self.now, &mut self.chance, &mut self.ready);
            return true;
        }
        let rate = self.activity.rate_mhz(self.now, self.market.volatility());
        let wait = self.chance.wait(rate);
        self.activity.pass(wait.min(STEP));
        self.now = self.now + wait.min(STEP);
        if wait <= STEP && self.hours.is_open(self.now) {
            self.activity.excite();
            self.market.event(self.now, &mut self.chance, &mut self.ready);
        }
        true
    }
}

impl Iterator for Synthetic {
    type Item = FeedEvent;

    fn next(&mut self) -> Option<FeedEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(FeedEvent { symbol: self.symbol, event });
            }
            if !self.step() {
                return None;
            }
        }
    }
}
