//! A time without the broker: expected or not, how long, and whether positions are closed when it is over.
//! In: its beginning, the instant at which there was a path again. Out: a verdict and what a person is told meanwhile.
//! Absent: how positions are closed (the books), how a connection is built (the broker actor).

use std::time::Duration;

use crate::config::{ExpectedOutage, LossPolicy, OnDisconnect};
use crate::journal::Severity;
use crate::time::Timestamp;

/// An unexpected outage is an error from here on, and again each [`REMIND_EVERY`].
const LONG: Duration = Duration::from_secs(60);
const REMIND_EVERY: Duration = Duration::from_secs(600);

#[derive(Clone, Debug)]
pub(super) struct Outage {
    pub since: Timestamp,
    /// Name and end of the window that it began in.
    pub expected: Option<(String, Timestamp)>,
    /// When there was a path again; it ends with the inventory that follows.
    pub path_at: Option<Timestamp>,
    remind_at: Timestamp,
}

/// What is said: event, severity, text.
pub(super) type Said = (Severity, &'static str, String);

impl Outage {
    pub fn begin(now: Timestamp, windows: &[ExpectedOutage]) -> Self {
        let ends = windows.iter().filter_map(|window| Some((window.name.clone(), window.inside(now)?)));
        let expected = ends.max_by_key(|(_, end)| *end);
        let remind_at = expected.as_ref().map_or(now + LONG, |(_, end)| *end);
        Self { since: now, expected, path_at: None, remind_at }
    }

    pub fn told_at_its_beginning(&self, cause: &str) -> Said {
        match &self.expected {
            Some((name, end)) => {
                (Severity::Info, "link.outage_expected", format!("{cause} (within {name}, which lasts until {end})"))
            }
            None => (Severity::Warning, "link.outage", format!("{cause} (not within any expected outage)")),
        }
    }

    /// What is due to be said while it lasts.
    pub fn reminder(&mut self, now: Timestamp) -> Option<Said> {
        if now < self.remind_at {
            return None;
        }
        self.remind_at = now + REMIND_EVERY;
        let lasts = now.since(self.since).as_secs();
        let text = match &self.expected {
            Some((name, _)) => format!("{name} is over and the broker is still away, for {lasts} s now"),
            None => format!("the broker has been away for {lasts} s"),
        };
        Some((Severity::Error, "link.away", text))
    }

    /// Whether the positions are to be closed, now that book and broker agree again: the time from its beginning, or
    /// from the end of the window that excused it, to the path's return against the grace of each.
    pub fn liquidates(&self, policy: &OnDisconnect, now: Timestamp) -> bool {
        let back = self.path_at.unwrap_or(now);
        let due = |policy: LossPolicy, from: Timestamp| match policy {
            LossPolicy::Hold => false,
            LossPolicy::Liquidate { after } => back.since(from) >= after,
        };
        match &self.expected {
            None => due(policy.unexpected, self.since),
            Some((_, end)) if back < *end => due(policy.expected, self.since),
            Some((_, end)) => due(policy.expected, self.since) || due(policy.unexpected, *end),
        }
    }

    pub fn told_at_its_end(&self, now: Timestamp, liquidates: bool) -> Said {
        let kind = self.expected.as_ref().map_or("unexpected".to_owned(), |(name, _)| format!("expected, {name}"));
        let follows = if liquidates { "positions are being closed" } else { "positions are held with their stops" };
        let away = self.path_at.unwrap_or(now).since(self.since).as_secs_f64();
        (Severity::Info, "link.restored", format!("the broker was away for {away:.1} s ({kind}); {follows}"))
    }

    pub fn is_inside_its_window(&self, now: Timestamp) -> bool {
        self.expected.as_ref().is_some_and(|(_, end)| now < *end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse::<chrono::DateTime<chrono::Utc>>().expect("an instant").into()
    }

    fn outage(from: &str, back: &str) -> Outage {
        let mut outage = Outage::begin(at(from), &ExpectedOutage::of_north_america());
        outage.path_at = Some(at(back));
        outage
    }

    const DAY: (&str, &str) = ("2024-06-12T14:00:00Z", "2024-06-12T14:01:00Z");
    /// 00:30 in New York, within the daily reset that ends at 01:45.
    const NIGHT: (&str, &str) = ("2024-06-12T04:30:00Z", "2024-06-12T05:00:00Z");

    fn closes(policy: (LossPolicy, LossPolicy), (from, back): (&str, &str)) -> bool {
        let policy = OnDisconnect { unexpected: policy.0, expected: policy.1 };
        outage(from, back).liquidates(&policy, at(back))
    }

    fn after(secs: u64) -> LossPolicy {
        LossPolicy::Liquidate { after: Duration::from_secs(secs) }
    }

    #[test]
    fn the_grace_period_decides() {
        assert!(closes((after(0), after(0)), DAY));
        assert!(closes((after(60), LossPolicy::Hold), DAY), "away for exactly the grace");
        assert!(!closes((after(61), LossPolicy::Hold), DAY), "it ended before");
        assert!(!closes((LossPolicy::Hold, after(0)), DAY));
    }

    #[test]
    fn inside_an_expected_window_its_own_policy_holds() {
        assert!(!closes((after(0), LossPolicy::Hold), NIGHT));
        assert!(closes((LossPolicy::Hold, after(1_800)), NIGHT));
        assert!(!closes((LossPolicy::Hold, after(1_801)), NIGHT));
    }

    #[test]
    fn what_outlasts_the_window_is_unexpected_from_its_end_on() {
        let (from, end_plus_a_minute) = (NIGHT.0, "2024-06-12T05:46:00Z");
        assert!(closes((after(60), LossPolicy::Hold), (from, end_plus_a_minute)));
        assert!(!closes((after(61), LossPolicy::Hold), (from, end_plus_a_minute)));
    }

    #[test]
    fn an_expected_outage_is_an_error_only_when_its_window_is_over() {
        let mut outage = Outage::begin(at(NIGHT.0), &ExpectedOutage::of_north_america());
        assert_eq!(outage.told_at_its_beginning("1100").0, Severity::Info);
        assert_eq!(outage.reminder(at("2024-06-12T05:44:59Z")), None);
        assert_eq!(outage.reminder(at("2024-06-12T05:45:00Z")).map(|said| said.0), Some(Severity::Error));
        assert_eq!(outage.reminder(at("2024-06-12T05:46:00Z")), None, "not every second");
        let mut outage = Outage::begin(at(DAY.0), &ExpectedOutage::of_north_america());
        assert_eq!(outage.told_at_its_beginning("1100").0, Severity::Warning);
        assert_eq!(outage.reminder(at(DAY.1)).map(|said| said.1), Some("link.away"));
    }
}
