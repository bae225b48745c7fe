//! Whether a failed actor is rebuilt, after how long, and what follows when it is not.
//! In: failures with their time. Out: [`Decision`]. Absent: clocks, actors, sleeping.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::config::ActorConfig;
use crate::time::Timestamp;

/// What giving up on an actor means for the rest of the system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnGiveUp {
    /// The rest goes on without it: a strategy is disabled and its orders are cancelled.
    DisableAndGoOn,
    /// Nothing may trade without it: the journal, the books.
    HaltTrading,
    /// It is rebuilt for ever, at the longest back-off: the way to the broker.
    NeverGiveUp,
}

impl fmt::Display for OnGiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OnGiveUp::DisableAndGoOn => "disable it and go on",
            OnGiveUp::HaltTrading => "halt trading",
            OnGiveUp::NeverGiveUp => "never give up",
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    RestartAfter(Duration),
    GiveUp,
}

/// Restart intensity and back-off of one actor, or of one group that is rebuilt together.
///
/// The n-th failure in a row waits `backoff_min * 2^(n-1)`, at most `backoff_max`. A failure is the first of a
/// new row when none happened for `restart_period` before it. More than `restarts_max` restarts granted
/// within `restart_period` end in [`Decision::GiveUp`].
#[derive(Clone, Debug)]
pub struct RestartPolicy {
    restarts_max: u32,
    restart_period: Duration,
    backoff_min: Duration,
    backoff_max: Duration,
    on_give_up: OnGiveUp,
    /// When each restart of the last `restart_period` was granted; at most `restarts_max` of them.
    granted: VecDeque<Timestamp>,
    failed_at: Option<Timestamp>,
    attempt: u32,
}

impl RestartPolicy {
    pub fn new(config: &ActorConfig, on_give_up: OnGiveUp) -> Self {
        Self {
            restarts_max: config.restarts_max,
            restart_period: config.restart_period,
            backoff_min: config.backoff_min,
            backoff_max: config.backoff_max.max(config.backoff_min),
            on_give_up,
            granted: VecDeque::new(),
            failed_at: None,
            attempt: 0,
        }
    }

    /// Records a failure. A `now` before the last failure counts as the same instant.
    pub fn on_failure(&mut self, now: Timestamp) -> Decision {
        let now = self.failed_at.map_or(now, |last| last.max(now));
        let quiet = self.failed_at.is_none_or(|last| now.since(last) >= self.restart_period);
        self.attempt = if quiet { 1 } else { self.attempt.saturating_add(1) };
        self.failed_at = Some(now);
        if self.on_give_up != OnGiveUp::NeverGiveUp && !self.grant(now) {
            return Decision::GiveUp;
        }
        Decision::RestartAfter(backoff(self.backoff_min, self.backoff_max, self.attempt))
    }

    /// Failures in a row, with the latest; 0 before the first.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    pub fn on_give_up(&self) -> OnGiveUp {
        self.on_give_up
    }

    pub fn backoff_min(&self) -> Duration {
        self.backoff_min
    }

    fn grant(&mut self, now: Timestamp) -> bool {
        while self.granted.front().is_some_and(|&at| now.since(at) >= self.restart_period) {
            self.granted.pop_front();
        }
        let within = self.granted.len() < self.restarts_max as usize;
        if within {
            self.granted.push_back(now);
        }
        within
    }
}

/// `min * 2^(attempt - 1)`, at most `max`.
fn backoff(min: Duration, max: Duration, attempt: u32) -> Duration {
    let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    min.saturating_mul(factor).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn config(restarts_max: u32, period_ms: u64, min_ms: u64, max_ms: u64) -> ActorConfig {
        ActorConfig {
            thread: "core".into(),
            mailbox_capacity: 16,
            restarts_max,
            restart_period: Duration::from_millis(period_ms),
            backoff_min: Duration::from_millis(min_ms),
            backoff_max: Duration::from_millis(max_ms),
            hang_after: Duration::from_secs(5),
            stop_within: Duration::from_secs(5),
        }
    }

    fn after(ms: u64) -> Decision {
        Decision::RestartAfter(Duration::from_millis(ms))
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn the_back_off_doubles_up_to_its_maximum() {
        let mut policy = RestartPolicy::new(&config(10, 60_000, 100, 1_000), OnGiveUp::HaltTrading);
        let waits: Vec<_> = (0..6).map(|i| policy.on_failure(at(i))).collect();
        assert_eq!(waits, [after(100), after(200), after(400), after(800), after(1_000), after(1_000)]);
        assert_eq!(policy.attempt(), 6);
    }

    #[test]
    fn one_restart_too_many_within_the_period_gives_up() {
        let mut policy = RestartPolicy::new(&config(2, 1_000, 10, 10), OnGiveUp::DisableAndGoOn);
        assert_eq!(policy.on_failure(at(0)), after(10));
        assert_eq!(policy.on_failure(at(500)), after(10));
        assert_eq!(policy.on_failure(at(999)), Decision::GiveUp);
    }

    #[test]
    fn restarts_older_than_the_period_are_forgotten() {
        let mut policy = RestartPolicy::new(&config(2, 1_000, 10, 80), OnGiveUp::HaltTrading);
        assert_eq!(policy.on_failure(at(0)), after(10));
        assert_eq!(policy.on_failure(at(600)), after(20));
        // The first has left the window; the row of failures has had no quiet period, so the back-off goes on.
        assert_eq!(policy.on_failure(at(1_000)), after(40));
        assert_eq!(policy.on_failure(at(1_100)), Decision::GiveUp);
    }

    #[test]
    fn a_quiet_period_resets_the_back_off() {
        let mut policy = RestartPolicy::new(&config(3, 1_000, 10, 80), OnGiveUp::HaltTrading);
        assert_eq!(policy.on_failure(at(0)), after(10));
        assert_eq!(policy.on_failure(at(1)), after(20));
        assert_eq!(policy.on_failure(at(1_001)), after(10));
        assert_eq!(policy.attempt(), 1);
    }

    #[test]
    fn no_restart_allowed_gives_up_at_once() {
        let mut policy = RestartPolicy::new(&config(0, 1_000, 10, 80), OnGiveUp::HaltTrading);
        assert_eq!(policy.on_failure(at(0)), Decision::GiveUp);
    }

    #[test]
    fn the_way_to_the_broker_is_never_given_up() {
        let mut policy = RestartPolicy::new(&config(0, 60_000, 100, 30_000), OnGiveUp::NeverGiveUp);
        let last = (0..100).map(|i| policy.on_failure(at(i))).last();
        assert_eq!(last, Some(after(30_000)));
    }

    proptest! {
        /// Whatever the failures' times: no window of `restart_period` holds more than `restarts_max` restarts,
        /// every wait lies between the bounds, and it gives up only when the window is full.
        #[test]
        fn intensity_and_bounds_hold(
            gaps in proptest::collection::vec(0_i64..700, 1..200),
            restarts_max in 0_u32..6,
            min_ms in 1_u64..50,
            span_ms in 0_u64..500,
        ) {
            let config = config(restarts_max, 1_000, min_ms, min_ms + span_ms);
            let mut policy = RestartPolicy::new(&config, OnGiveUp::HaltTrading);
            let mut now = 0;
            let mut granted: Vec<i64> = Vec::new();
            for gap in gaps {
                now += gap;
                let recent = granted.iter().filter(|&&at| now - at < 1_000).count();
                match policy.on_failure(at(now)) {
                    Decision::RestartAfter(wait) => {
                        prop_assert!(recent < restarts_max as usize);
                        prop_assert!(wait >= config.backoff_min && wait <= config.backoff_max);
                        granted.push(now);
                    }
                    Decision::GiveUp => prop_assert_eq!(recent, restarts_max as usize),
                }
            }
        }

        #[test]
        fn the_back_off_never_shrinks_within_a_row(attempts in 1_u32..80) {
            let (min, max) = (Duration::from_millis(3), Duration::from_secs(3_600));
            prop_assert!(backoff(min, max, attempts) <= backoff(min, max, attempts + 1));
        }

        /// A clock that steps back neither panics nor opens the window.
        #[test]
        fn time_that_steps_back_is_harmless(times in proptest::collection::vec(any::<i64>(), 1..50)) {
            let mut policy = RestartPolicy::new(&config(3, 1_000, 1, 8), OnGiveUp::HaltTrading);
            for time in times {
                policy.on_failure(Timestamp::from_nanos(time));
                prop_assert!(policy.granted.len() <= 3);
            }
        }
    }
}
