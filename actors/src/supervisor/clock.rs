//! The supervisor's clock: monotonic, the same on every thread; real time but in a simulation, whose own it is there.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

/// Simulations on several threads begin at different moments, and each has a clock of its own: none may begin before the
/// epoch, where every time would be the same.
const BEFORE_THE_FIRST: Duration = Duration::from_secs(3_600);

/// Nanoseconds since an hour before this was first asked in the process; never 0, which is free to mean "never".
pub fn mono_ns() -> u64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    let begin = || Instant::now().checked_sub(BEFORE_THE_FIRST).unwrap_or_else(Instant::now);
    let since = EPOCH.get_or_init(begin).elapsed();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
}
