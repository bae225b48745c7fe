//! Which bar an instant belongs to. In: the size of the bars, the instrument's hours. Out: the bar's bounds and name.
//! Bars of seconds to hours begin at whole multiples of their length on the local clock and never reach across the
//! edge of a session; longer ones gather whole trade dates.

use std::time::Duration;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, TimeZone, Timelike};
use engine::time::Timestamp;
use engine::time::session::Session;

use crate::hours::Hours;

/// How long a bar is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BarSize {
    Seconds(u32),
    Day,
    Week,
    Month,
}

/// What Interactive Brokers takes for a size; a week and a month have two names.
const SIZES: [(&str, BarSize); 23] = [
    ("1 secs", BarSize::Seconds(1)),
    ("5 secs", BarSize::Seconds(5)),
    ("10 secs", BarSize::Seconds(10)),
    ("15 secs", BarSize::Seconds(15)),
    ("30 secs", BarSize::Seconds(30)),
    ("1 min", BarSize::Seconds(60)),
    ("2 mins", BarSize::Seconds(120)),
    ("3 mins", BarSize::Seconds(180)),
    ("5 mins", BarSize::Seconds(300)),
    ("10 mins", BarSize::Seconds(600)),
    ("15 mins", BarSize::Seconds(900)),
    ("20 mins", BarSize::Seconds(1_200)),
    ("30 mins", BarSize::Seconds(1_800)),
    ("1 hour", BarSize::Seconds(3_600)),
    ("2 hours", BarSize::Seconds(7_200)),
    ("3 hours", BarSize::Seconds(10_800)),
    ("4 hours", BarSize::Seconds(14_400)),
    ("8 hours", BarSize::Seconds(28_800)),
    ("1 day", BarSize::Day),
    ("1W", BarSize::Week),
    ("1 week", BarSize::Week),
    ("1M", BarSize::Month),
    ("1 month", BarSize::Month),
];

impl BarSize {
    pub fn from_wire(word: &str) -> Option<BarSize> {
        SIZES.iter().find(|(name, _)| *name == word).map(|(_, size)| *size)
    }

    /// Whether bars are named by a date instead of an instant.
    pub fn has_date(self) -> bool {
        !matches!(self, BarSize::Seconds(_))
    }

    /// Whether minutes are too coarse to make these bars of.
    pub fn below_a_minute(self) -> bool {
        matches!(self, BarSize::Seconds(length) if length < 60)
    }
}

/// One bar's place in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    /// For a week or a month: of the session at hand.
    pub start: Timestamp,
    pub end: Timestamp,
    /// The trade date.
    pub date: NaiveDate,
    /// Slots of the same bar have the same key.
    pub key: i64,
}

impl Slot {
    fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

/// Slots of one size, with a memory of the last one asked for.
#[derive(Clone, Debug)]
pub struct Slots {
    hours: Hours,
    size: BarSize,
    /// Only the liquid hours count.
    liquid: bool,
    last: Option<Slot>,
}

impl Slots {
    pub fn new(hours: Hours, size: BarSize, liquid: bool) -> Self {
        Self { hours, size, liquid, last: None }
    }

    pub fn hours(&self) -> Hours {
        self.hours
    }

    pub fn size(&self) -> BarSize {
        self.size
    }

    pub fn is_liquid(&self) -> bool {
        self.liquid
    }

    /// The slot of an instant; `None` outside the hours that count.
    pub fn of(&mut self, at: Timestamp) -> Option<Slot> {
        if let Some(last) = self.last.filter(|last| last.contains(at)) {
            return Some(last);
        }
        let slot = self.find(at)?;
        self.last = Some(slot);
        Some(slot)
    }

    fn find(&self, at: Timestamp) -> Option<Slot> {
        let window = self.hours.window_of(at, self.liquid);
        if self.liquid && window.is_none() {
            return None;
        }
        let date = window.map_or_else(|| self.hours.calendar().trade_date(at), |window| window.trade_date);
        let BarSize::Seconds(length) = self.size else {
            return Some(self.of_dates(at, window, date));
        };
        let (mut start, mut end) = self.aligned(at, length);
        match window {
            Some(window) => (start, end) = (start.max(window.open), end.min(window.close)),
            // What is traded outside every session is not thrown away; it belongs to the bar before it.
            None => end = end.min(self.hours.calendar().next_open(at)),
        }
        Some(Slot { start, end, date, key: start.nanos() })
    }

    fn of_dates(&self, at: Timestamp, window: Option<Session>, date: NaiveDate) -> Slot {
        let key = match self.size {
            BarSize::Week => date - Days::new(u64::from(date.weekday().num_days_from_monday())),
            BarSize::Month => date - Days::new(u64::from(date.day0())),
            BarSize::Day | BarSize::Seconds(_) => date,
        };
        let key = i64::from(key.num_days_from_ce());
        let (start, end) = window.map_or((at, at), |window| (window.open, window.close));
        Slot { start, end, date, key }
    }

    /// The multiple of `length` seconds on the local clock that holds `at`. Zones here differ by whole hours, so up to
    /// an hour every clock agrees.
    fn aligned(&self, at: Timestamp, length: u32) -> (Timestamp, Timestamp) {
        let step = Duration::from_secs(u64::from(length));
        if length <= 3_600 {
            let start = at.floor(step);
            return (start, start + step);
        }
        let local = self.hours.local(at);
        let second = local.num_seconds_from_midnight() / length * length;
        let midnight = local.date_naive().and_time(chrono::NaiveTime::MIN);
        let edge = |second: u32| {
            let local: NaiveDateTime = midnight + chrono::Duration::seconds(i64::from(second));
            // Where the clock is put forward the hour is missing; the next one there is begins the bar.
            let found = self.hours.zone().from_local_datetime(&local).earliest();
            found.map(|found| Timestamp::from(found.to_utc()))
        };
        let start = edge(second).unwrap_or_else(|| at.floor(Duration::from_secs(3_600)));
        (start, edge(second + length).unwrap_or(start + step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        chrono::DateTime::parse_from_rfc3339(text).expect("an instant").to_utc().into()
    }

    #[test]
    fn every_instant_of_a_year_has_one_slot_and_slots_never_overlap() {
        for hours in [Hours::EQUITY_INDEX, Hours::METALS] {
            for (name, size) in SIZES {
                let mut slots = Slots::new(hours, size, false);
                let mut liquid = Slots::new(hours, size, true);
                let mut last: Option<Slot> = None;
                let (mut now, end) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
                while now < end {
                    let slot = slots.of(now).expect("without liquid hours every instant counts");
                    if hours.calendar().session_of(now).is_some() {
                        assert!(slot.contains(now), "{name} {now} {slot:?}");
                        let apart = last.is_none_or(|last| last == slot || last.end <= slot.start);
                        assert!(apart, "{name} {now} {last:?} {slot:?}");
                        last = Some(slot);
                    }
                    let of_liquid = liquid.of(now);
                    assert_eq!(of_liquid.is_some(), hours.window_of(now, true).is_some(), "{name} {now}");
                    assert!(of_liquid.is_none_or(|inner| slot.start <= inner.start || size.has_date()), "{name} {now}");
                    now = now + Duration::from_secs(5_390);
                }
            }
        }
    }

    #[test]
    fn long_intraday_bars_begin_at_multiples_of_the_local_clock() {
        let begin = |word: &str, instant: &str| {
            let size = BarSize::from_wire(word).expect("a size");
            let slot = Slots::new(Hours::EQUITY_INDEX, size, false).of(at(instant)).expect("it is open");
            Hours::EQUITY_INDEX.text(slot.start)
        };
        assert_eq!(begin("4 hours", "2026-11-23T23:30:00Z"), "20261123 17:00:00 US/Central", "cut by the open");
        assert_eq!(begin("4 hours", "2026-11-24T02:30:00Z"), "20261123 20:00:00 US/Central");
        assert_eq!(begin("8 hours", "2026-07-01T06:00:00Z"), "20260701 00:00:00 US/Central", "summer time");
        assert_eq!(begin("3 hours", "2026-11-24T21:59:59Z"), "20261124 15:00:00 US/Central");
        assert_eq!(BarSize::from_wire("4 mins"), None);
        assert_eq!(BarSize::from_wire("1 week"), BarSize::from_wire("1W"));
    }
}
