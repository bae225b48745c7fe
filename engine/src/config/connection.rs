//! What is done about a lost broker, silent market data, and times that are known before: typed settings.
//! Absent: how they are written (`raw::connection`), what comes of them (`crate::link`).

use std::time::Duration;

use chrono::{Datelike, Days, NaiveTime, TimeZone, Weekday};
use chrono_tz::Tz;

use crate::time::Timestamp;

/// `[on_disconnect]`: what becomes of positions when the broker was lost and is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnDisconnect {
    pub unexpected: LossPolicy,
    /// For outages that begin and end inside one of the expected ones.
    pub expected: LossPolicy,
}

impl OnDisconnect {
    /// What `orders.emergency_liquidate_on_disconnect` alone says: at once after every loss, or never.
    pub fn of_flag(emergency_liquidate: bool) -> Self {
        let policy =
            if emergency_liquidate { LossPolicy::Liquidate { after: Duration::ZERO } } else { LossPolicy::Hold };
        Self { unexpected: policy, expected: policy }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossPolicy {
    /// Positions stay, with their stops resting at the broker.
    Hold,
    /// Positions are closed as soon as there is a path and book and broker agree, unless there was a path again within
    /// `after`.
    Liquidate { after: Duration },
}

/// `[feeds]`: when silence is an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedsConfig {
    /// Without a trade or quote for this long in regular hours, a symbol's market data is stale.
    pub silent_after: Duration,
    /// The same in the rest of the session.
    pub quiet_after: Duration,
    /// A strategy is starved after so many bars that did not come in regular hours while ticks did.
    pub bars_missed_max: u32,
}

impl FeedsConfig {
    /// For a market that is played from one step to the next: its silence is that of the market, and no alarm.
    pub fn of_played_market(&self) -> Self {
        const NEVER: Duration = Duration::from_secs(10 * 365 * 86_400);
        Self { silent_after: NEVER, quiet_after: NEVER, bars_missed_max: self.bars_missed_max }
    }
}

impl Default for FeedsConfig {
    fn default() -> Self {
        Self { silent_after: Duration::from_secs(4), quiet_after: Duration::from_secs(60), bars_missed_max: 3 }
    }
}

/// What becomes of positions when the market is about to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtClose {
    /// They are closed before.
    Flat,
    /// They stay, with their stops resting at the broker.
    Protected,
}

/// `[calendar]`: what is done because of times that are known before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarConfig {
    /// Entries are held this long before an expected outage begins.
    pub hold_before: Duration,
    /// And until it is over.
    pub hold_inside: bool,
    /// Before a closure of 12 hours or more: weekends and holidays.
    pub weekend: AtClose,
    /// Before every other end of a session.
    pub session_close: AtClose,
    /// How long before the close positions are closed; entries are held from then on.
    pub flat_before: Duration,
    /// When a person has to log in again; `None`: never.
    pub login: Option<WeeklyLogin>,
}

impl Default for CalendarConfig {
    fn default() -> Self {
        Self {
            hold_before: Duration::from_secs(300),
            hold_inside: true,
            weekend: AtClose::Protected,
            session_close: AtClose::Protected,
            flat_before: Duration::from_secs(600),
            login: Some(WeeklyLogin::default()),
        }
    }
}

/// The weekly end of the gateway's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeeklyLogin {
    pub weekday: Weekday,
    pub from: NaiveTime,
    pub zone: Tz,
}

impl Default for WeeklyLogin {
    /// Interactive Brokers: Sunday 01:00 New York time.
    fn default() -> Self {
        let from = NaiveTime::from_hms_opt(1, 0, 0).expect("a time of day");
        Self { weekday: Weekday::Sun, from, zone: chrono_tz::America::New_York }
    }
}

impl WeeklyLogin {
    /// The first one after `at`.
    pub fn next(&self, at: Timestamp) -> Timestamp {
        let today = at.to_datetime().with_timezone(&self.zone).date_naive();
        let candidates = (0..=14).filter_map(|ahead| {
            let day = today.checked_add_days(Days::new(ahead)).filter(|day| day.weekday() == self.weekday)?;
            Some(Timestamp::from(self.zone.from_local_datetime(&day.and_time(self.from)).earliest()?.to_utc()))
        });
        candidates.into_iter().find(|due| *due > at).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_is_due_on_sunday_at_one_in_new_york() {
        let at = |text: &str| Timestamp::from(text.parse::<chrono::DateTime<chrono::Utc>>().expect("an instant"));
        let login = WeeklyLogin::default();
        assert_eq!(login.next(at("2024-06-12T14:00:00Z")), at("2024-06-16T05:00:00Z"));
        assert_eq!(login.next(at("2024-06-16T05:00:00Z")), at("2024-06-23T05:00:00Z"), "strictly after");
        assert_eq!(login.next(at("2024-01-10T14:00:00Z")), at("2024-01-14T06:00:00Z"), "winter");
    }
}
