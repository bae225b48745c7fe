//! The one clock that every actor is handed. In: the machine's monotonic clock, a replay's own time, or a
//! simulation's.
//! Out: market time, and how long to wait for it on the wall. Absent: timers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::time::Timestamp;

/// Cheap to clone; all clones agree.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// The machine's time: read once from the system clock, then monotonic.
    Real { origin: Timestamp, started: Instant },
    /// Market time that begins at `origin` and runs `speed` times as fast as the wall clock.
    Scaled { origin: Timestamp, started: Instant, speed: f64 },
    /// Time of a simulation: that of the runtime on which it is asked, whose clock is paused and jumps.
    Virtual { origin: Timestamp, started: tokio::time::Instant },
    /// Market time that stands still until somebody moves it: a replay at the client's pace.
    Driven(Arc<AtomicI64>),
}

impl Clock {
    pub fn real() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let origin = Timestamp::from_nanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX));
        Self(Kind::Real { origin, started: Instant::now() })
    }

    /// `speed` greater than zero.
    pub fn scaled(origin: Timestamp, speed: f64) -> Self {
        assert!(speed > 0.0, "validated when the configuration was read");
        Self(Kind::Scaled { origin, started: Instant::now(), speed })
    }

    /// Begins at `origin` now. To be used on the thread of a runtime with a paused clock, where everything then runs.
    pub fn simulated(origin: Timestamp) -> Self {
        Self(Kind::Virtual { origin, started: tokio::time::Instant::now() })
    }

    pub fn driven(origin: Timestamp) -> Self {
        Self(Kind::Driven(Arc::new(AtomicI64::new(origin.nanos()))))
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::Real { origin, started } => *origin + started.elapsed(),
            Kind::Scaled { origin, started, speed } => *origin + started.elapsed().mul_f64(*speed),
            Kind::Virtual { origin, started } => *origin + started.elapsed(),
            Kind::Driven(nanos) => Timestamp::from_nanos(nanos.load(Ordering::Acquire)),
        }
    }

    /// Moves a driven clock forward, never back; the others run by themselves.
    pub fn advance(&self, to: Timestamp) {
        if let Kind::Driven(nanos) = &self.0 {
            nanos.fetch_max(to.nanos(), Ordering::AcqRel);
        }
    }

    /// Everything runs on one thread, in simulated time.
    pub fn is_simulated(&self) -> bool {
        matches!(self.0, Kind::Virtual { .. })
    }

    pub fn is_driven(&self) -> bool {
        matches!(self.0, Kind::Driven(_))
    }

    /// How much market time passes while `wall` passes: what other programs take counts on the wall, at any speed. A
    /// driven clock waits for them.
    pub fn market_span(&self, wall: Duration) -> Duration {
        match &self.0 {
            Kind::Scaled { speed, .. } => wall.mul_f64(speed.max(1.0)),
            Kind::Real { .. } | Kind::Virtual { .. } | Kind::Driven(_) => wall,
        }
    }

    /// Market seconds a second; 1 where time is the machine's or waits for its mover.
    pub fn speed(&self) -> f64 {
        match &self.0 {
            Kind::Scaled { speed, .. } => *speed,
            Kind::Real { .. } | Kind::Virtual { .. } | Kind::Driven(_) => 1.0,
        }
    }

    /// How long a timer for `at` has to wait on the wall; `None` for a driven clock, whose mover wakes everybody.
    pub fn wall_until(&self, at: Timestamp) -> Option<Duration> {
        let market = at.since(self.now());
        match &self.0 {
            Kind::Real { .. } | Kind::Virtual { .. } => Some(market),
            Kind::Scaled { speed, .. } => Some(market.div_f64(*speed)),
            Kind::Driven(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driven_clock_moves_only_forward_and_only_when_told() {
        let clock = Clock::driven(Timestamp::from_secs(100));
        let same = clock.clone();
        clock.advance(Timestamp::from_secs(105));
        clock.advance(Timestamp::from_secs(103));
        assert_eq!(same.now(), Timestamp::from_secs(105));
        assert_eq!(clock.wall_until(Timestamp::from_secs(200)), None);
    }

    #[test]
    fn a_minute_of_a_sixtyfold_clock_is_a_second_on_the_wall() {
        let clock = Clock::scaled(Timestamp::from_secs(0), 60.0);
        let wait = clock.wall_until(clock.now() + Duration::from_secs(60)).expect("it runs");
        assert!(wait <= Duration::from_secs(1) && wait > Duration::from_millis(500), "{wait:?}");
    }
}
