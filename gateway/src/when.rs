//! Dates and times as clients write them. In: text. Out: instants. Several forms are accepted, as TWS accepts them.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use engine::time::Timestamp;

/// The code that goes with [`BAD_TIME`].
pub const BAD_TIME_CODE: i32 = 10314;
/// What a client is told about a time that cannot be read; the field's name comes before it.
pub const BAD_TIME: &str = "The date, time, or time-zone entered is invalid. The correct format is \
    yyyymmdd hh:mm:ss xx/xxxx where yyyymmdd and xx/xxxx are optional. E.g.: 20031126 15:59:00 US/Eastern  Note that \
    there is a space between the date and time, and between the time and time-zone.  If no date is specified, current \
    date is assumed. If no time-zone is specified, local time-zone is assumed(deprecated).  You can also provide \
    yyyymmdd-hh:mm:ss time is in UTC. Note that there is a dash between the date and time in UTC notation.";
/// The code that goes with [`NO_ZONE`].
pub const NO_ZONE_CODE: i32 = 2174;
pub const NO_ZONE: &str = "Warning: You submitted request with date-time attributes without explicit time zone. \
    Please switch to use yyyymmdd-hh:mm:ss in UTC or use instrument time zone, like US/Eastern. Implied time zone \
    functionality will be removed in the next API release";

/// A time that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct When {
    pub at: Timestamp,
    /// A zone was named, or implied by the form.
    pub zoned: bool,
}

/// `20261123 09:30:00 US/Central`, `09:30:00`, `20261123-15:30:00`, the last also with a `Z`. Without a zone the time is
/// UTC, the zone that this gateway announces; without a date the day is that of `now`. `None` for anything else.
pub fn parse(text: &str, now: Timestamp) -> Option<When> {
    let text = text.trim();
    let dashed = text.strip_suffix('Z').unwrap_or(text);
    if let Ok(utc) = NaiveDateTime::parse_from_str(dashed, "%Y%m%d-%H:%M:%S") {
        return in_range(utc).then(|| When { at: utc.and_utc().into(), zoned: true });
    }
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let first = words.next()?;
    let date = NaiveDate::parse_from_str(first, "%Y%m%d").ok().filter(|_| first.len() == 8);
    let time = if date.is_some() { words.next().unwrap_or("00:00:00") } else { first };
    let time =
        NaiveTime::parse_from_str(time, "%H:%M:%S").or_else(|_| NaiveTime::parse_from_str(time, "%H:%M")).ok()?;
    let (zone, zoned) = match words.next() {
        None => (Tz::UTC, false),
        Some(name) => (zone_of(name)?, true),
    };
    if words.next().is_some() {
        return None;
    }
    let date = date.unwrap_or_else(|| now.to_datetime().with_timezone(&zone).date_naive());
    let local = date.and_time(time);
    let at = in_range(local).then(|| zone.from_local_datetime(&local).earliest()).flatten()?;
    Some(When { at: at.with_timezone(&Utc).into(), zoned })
}

/// Names of the zone database, and the short ones that TWS knows.
fn zone_of(name: &str) -> Option<Tz> {
    match name {
        "EST" | "EDT" => Some(Tz::US__Eastern),
        "CST" | "CDT" => Some(Tz::US__Central),
        "PST" | "PDT" => Some(Tz::US__Pacific),
        "GMT" => Some(Tz::UTC),
        other => other.parse().ok(),
    }
}

/// Years for which there are sessions.
fn in_range(at: NaiveDateTime) -> bool {
    use chrono::Datelike;
    (1970..2200).contains(&at.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, bool)> {
        let now = Timestamp::from_secs(1_795_446_000); // 2026-11-23T15:00:00Z
        parse(text, now).map(|when| (when.at.to_string(), when.zoned))
    }

    fn is(at: &str, zoned: bool) -> Option<(String, bool)> {
        Some((at.to_owned(), zoned))
    }

    #[test]
    fn every_accepted_form_is_read() {
        assert_eq!(read("20261123-15:30:00"), is("2026-11-23T15:30:00Z", true));
        assert_eq!(read("20261123-15:30:00Z"), is("2026-11-23T15:30:00Z", true));
        assert_eq!(read("20261123 09:30:00 US/Central"), is("2026-11-23T15:30:00Z", true));
        assert_eq!(read("20261123 15:30:00 UTC"), is("2026-11-23T15:30:00Z", true));
        assert_eq!(read("20260701 09:30:00 EST"), is("2026-07-01T13:30:00Z", true), "summer time, as TWS means it");
        assert_eq!(read("20261123  15:30:00"), is("2026-11-23T15:30:00Z", false));
        assert_eq!(read("20261123"), is("2026-11-23T00:00:00Z", false));
        assert_eq!(read("09:30:00 US/Eastern"), is("2026-11-23T14:30:00Z", true), "today");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "yesterday",
            "2026-11-23 09:30:00",
            "20261323 09:30:00",
            "20261123 25:00:00 UTC",
            "00010101 00:00:00",
            "20261123 09:30:00 Mars/Olympus",
            "20261123 09:30:00 UTC more",
            "99991231-23:59:59",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
