//! When the broker is expected to be away: its daily and weekly resets. In: an instant. Out: yes or no.
//! Absent: what is done about an outage; a connection is given up neither inside nor outside these times.

use std::time::Duration;

use chrono::{Datelike, Days, NaiveTime, TimeZone, Weekday};
use chrono_tz::Tz;

use crate::time::Timestamp;

/// A time of the day or of the week in which losing the connection is no surprise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedOutage {
    pub name: String,
    /// `None` is every day.
    pub weekday: Option<Weekday>,
    /// Local time at which it begins.
    pub from: NaiveTime,
    /// At most two days.
    pub length: Duration,
    pub zone: Tz,
}

impl ExpectedOutage {
    /// Interactive Brokers' server resets for North America: 00:15 to 01:45 New York time daily,
    /// Friday 23:00 to Saturday 03:00, as published on its system status page.
    pub fn of_north_america() -> Vec<Self> {
        let outage = |name: &str, weekday, hour, minute, minutes: u64| Self {
            name: name.to_owned(),
            weekday,
            from: NaiveTime::from_hms_opt(hour, minute, 0).expect("a time of day"),
            length: Duration::from_secs(60 * minutes),
            zone: chrono_tz::America::New_York,
        };
        vec![outage("daily-reset", None, 0, 15, 90), outage("weekend-reset", Some(Weekday::Fri), 23, 0, 240)]
    }

    /// Whether `at` is inside. Begins at local time, also on the days on which clocks change.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.inside(at).is_some()
    }

    /// When the occurrence that holds `at` ends; `None` outside.
    pub fn inside(&self, at: Timestamp) -> Option<Timestamp> {
        let today = at.to_datetime().with_timezone(&self.zone).date_naive();
        // An outage of up to two days that holds this instant began today or on one of the two days before.
        (0..=2).find_map(|days_ago| {
            let day = today.checked_sub_days(Days::new(days_ago))?;
            if self.weekday.is_some_and(|weekday| weekday != day.weekday()) {
                return None;
            }
            // A local time that the clock change skips has no beginning on that day; `earliest` of a repeated one.
            let begin = self.zone.from_local_datetime(&day.and_time(self.from)).earliest()?;
            let begin = Timestamp::from(begin.to_utc());
            (begin <= at && at.since(begin) < self.length).then_some(begin + self.length)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(at: &str) -> Vec<String> {
        let at = Timestamp::from(at.parse::<chrono::DateTime<chrono::Utc>>().expect("an instant"));
        let outages = ExpectedOutage::of_north_america();
        outages.into_iter().filter(|outage| outage.contains(at)).map(|outage| outage.name).collect()
    }

    #[test]
    fn the_daily_reset_follows_new_york_in_winter_and_summer() {
        assert!(inside("2024-01-10T05:14:59Z").is_empty());
        assert_eq!(inside("2024-01-10T05:15:00Z"), ["daily-reset"]);
        assert_eq!(inside("2024-01-10T06:44:59Z"), ["daily-reset"]);
        assert!(inside("2024-01-10T06:45:00Z").is_empty());
        assert_eq!(inside("2024-07-10T04:15:00Z"), ["daily-reset"]);
        assert!(inside("2024-07-10T05:45:00Z").is_empty());
    }

    #[test]
    fn the_weekend_reset_reaches_into_saturday() {
        assert_eq!(inside("2024-06-15T03:00:00Z"), ["weekend-reset"], "Friday 23:00 in New York");
        assert_eq!(inside("2024-06-15T06:59:59Z"), ["weekend-reset"]);
        assert!(inside("2024-06-15T07:00:00Z").is_empty());
        assert!(inside("2024-06-14T03:00:00Z").is_empty(), "Thursday 23:00");
    }
}
