//! Dates and times as clients write them. In: text. Out: instants. Absent: what they are for.

use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use chrono_tz::US::{Central, Eastern, Mountain, Pacific};
use engine::time::Timestamp;

const YEARS: RangeInclusive<i32> = 1970..=2200;

/// `20260824-15:50:07` is UTC; `20260824 15:50:07` is the gateway's zone, UTC, unless a zone follows, by its name or by
/// the abbreviation that TWS shows; seconds may be missing, and a date alone is its midnight.
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    let mut words = text.split_whitespace();
    let first = words.next()?;
    if let Some((date, time)) = first.split_once('-') {
        let at = NaiveDateTime::new(date_of(date)?, time_of(time)?);
        let zone = words.next().map_or(Some(Tz::UTC), zone_of)?;
        return words.next().is_none().then(|| local(zone, at)).flatten();
    }
    let date = date_of(first)?;
    let second = words.next();
    let (time, zone) = match second.map(|word| (word, time_of(word))) {
        Some((_, Some(time))) => (time, words.next()),
        // A zone may follow a date without a time.
        Some((word, None)) => (NaiveTime::MIN, Some(word)),
        None => (NaiveTime::MIN, None),
    };
    let zone = zone.map_or(Some(Tz::UTC), zone_of)?;
    words.next().is_none().then(|| local(zone, date.and_time(time))).flatten()
}

fn date_of(text: &str) -> Option<NaiveDate> {
    (text.len() == 8).then(|| NaiveDate::parse_from_str(text, "%Y%m%d").ok()).flatten()
}

fn time_of(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M:%S").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M")).ok()
}

fn zone_of(name: &str) -> Option<Tz> {
    match name {
        "EST" | "EDT" | "ET" => Some(Eastern),
        "CST" | "CDT" | "CT" => Some(Central),
        "MST" | "MDT" | "MT" => Some(Mountain),
        "PST" | "PDT" | "PT" => Some(Pacific),
        name => name.parse().ok(),
    }
}

/// A time that the clocks skip in spring does not exist; years far from ours are typing mistakes.
fn local(zone: Tz, at: NaiveDateTime) -> Option<Timestamp> {
    if !YEARS.contains(&at.year()) {
        return None;
    }
    zone.from_local_datetime(&at).earliest().map(|at| at.with_timezone(&Utc).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_in_every_form_that_clients_write() {
        let at = |text: &str| parse_instant(text).map(|at| at.to_datetime().format("%Y%m%d-%H:%M:%S").to_string());
        let same = [
            "20261123-15:00:00",
            "20261123-15:00",
            "20261123 15:00:00",
            "20261123 15:00:00 UTC",
            "20261123 09:00:00 US/Central",
            "20261123 09:00 CST",
            "20261123 10:00:00 America/New_York",
            "20261123  10:00:00 EST",
        ];
        for text in same {
            assert_eq!(at(text).as_deref(), Some("20261123-15:00:00"), "{text}");
        }
        assert_eq!(at("20261123").as_deref(), Some("20261123-00:00:00"));
        assert_eq!(at("20261123 US/Central").as_deref(), Some("20261123-06:00:00"));
        for text in
            ["", "2026", "20261332", "20261123 25:00:00", "20261123 09:00:00 Mars/Base", "20261123-09:00:00 UTC x"]
        {
            assert_eq!(at(text), None, "{text}");
        }
        // 02:30 does not exist on the day when clocks go forward.
        assert_eq!(at("20270314 02:30:00 US/Central"), None);
    }
}
