//! The supervisor's clock: monotonic, the same on every thread; real time but in a simulation, whose own it is there.

use std::sync::OnceLock;
use tokio::time::Instant;

/// Nanoseconds since this was first asked in the process, plus one: 0 is free to mean "never".
pub fn mono_ns() -> u64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    let since = EPOCH.get_or_init(Instant::now).elapsed();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
}
