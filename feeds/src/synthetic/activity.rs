//! How fast events arrive: the time of day, the volatility, and the events before. In: instants, events. Out: a rate.

use std::time::Duration;

use chrono::NaiveDate;
use engine::time::Timestamp;
use engine::time::session::{Calendar, Session, SessionCursor};

/// Events by themselves in regular hours, on average, in thousandths of a hertz; as many again follow from excitement.
const BASE_MHZ: u64 = 20_000;
/// What one event adds to the rate, and how long that lasts: together half an event more for each event.
const KICK_MHZ: u64 = 1_250;
const MEMORY: Duration = Duration::from_millis(400);
const EXCITEMENT_MAX_MHZ: u64 = 400_000;

#[derive(Clone, Debug)]
pub(super) struct Activity {
    hours: SessionCursor,
    trade_date: NaiveDate,
    session: Option<Session>,
    regular: Option<Session>,
    excitement_mhz: u64,
}

impl Activity {
    pub(super) fn new(calendar: Calendar) -> Self {
        let hours = SessionCursor::new(calendar);
        Self { hours, trade_date: NaiveDate::MIN, session: None, regular: None, excitement_mhz: 0 }
    }

    /// Forgets past events: a market opens.
    pub(super) fn calm(&mut self) {
        self.excitement_mhz = 0;
    }

    pub(super) fn excite(&mut self) {
        self.excitement_mhz = (self.excitement_mhz + KICK_MHZ).min(EXCITEMENT_MAX_MHZ);
    }

    /// Excitement fades; for the short times between events this is the exponential.
    pub(super) fn pass(&mut self, time: Duration) {
        let (memory, time) = (MEMORY.as_nanos(), time.as_nanos());
        let left = u128::from(self.excitement_mhz) * memory / (memory + time);
        self.excitement_mhz = u64::try_from(left).expect("a part of what was there");
    }

    /// Thousandths of a hertz. `volatility` in 1,024ths of the usual.
    pub(super) fn rate_mhz(&mut self, now: Timestamp, volatility: u64) -> u64 {
        let trade_date = self.hours.trade_date(now);
        if trade_date != self.trade_date {
            self.trade_date = trade_date;
            self.session = self.hours.session_of(now);
            self.regular = self.hours.calendar().regular_hours(trade_date);
        }
        let base = BASE_MHZ * self.share(now) / 1_000;
        base * (1_024 + volatility) / 2_048 + self.excitement_mhz
    }

    /// Thousandths of the average of regular hours.
    fn share(&self, now: Timestamp) -> u64 {
        match self.regular {
            Some(regular) if regular.contains(now) => {
                let length = regular.close.since(regular.open).as_secs().max(1);
                regular_share(now.since(regular.open).as_secs() * 1_000 / length)
            }
            Some(regular) if now >= regular.close => 250,
            _ => self.night_share(now),
        }
    }

    fn night_share(&self, now: Timestamp) -> u64 {
        let since_open = self.session.map_or(0, |session| now.since(session.open).as_secs());
        match since_open {
            0..600 => 300,
            600..32_400 => 60,
            // Europe trades.
            _ => 150,
        }
    }
}

/// Thousandths at a place in regular hours, `0..1000`: high at the open, low at noon, rising into the close.
fn regular_share(place: u64) -> u64 {
    let line = |from: u64, to: u64, at: u64, span: u64| (from * (span - at) + to * at) / span;
    match place {
        0..80 => line(2_500, 1_000, place, 80),
        80..550 => line(1_000, 600, place - 80, 470),
        550..920 => line(600, 1_000, place - 550, 370),
        _ => line(1_000, 1_800, place.min(1_000) - 920, 80),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_busy_at_both_ends_and_averages_about_one() {
        assert_eq!(regular_share(0), 2_500);
        assert_eq!(regular_share(550), 600);
        assert!(regular_share(999) > 1_700);
        let mean = (0..1_000).map(regular_share).sum::<u64>() / 1_000;
        assert!((850..1_050).contains(&mean), "{mean}");
    }

    #[test]
    fn excitement_rises_with_events_and_fades() {
        let mut activity = Activity::new(Calendar::ALWAYS);
        activity.excite();
        activity.excite();
        assert_eq!(activity.excitement_mhz, 2 * KICK_MHZ);
        activity.pass(MEMORY);
        assert_eq!(activity.excitement_mhz, KICK_MHZ);
        activity.pass(Duration::from_secs(100));
        assert!(activity.excitement_mhz < 10);
    }
}
