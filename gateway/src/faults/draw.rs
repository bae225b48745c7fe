//! Faults by chance. In: a seed, a rate, a span. Out: a script, the same for the same numbers, that can be read, kept
//! and played again. Absent: playing it.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::faults::span;
use crate::faults::table;

/// More than one a second is no test of anything.
pub const RATE_MAX: f64 = 3600.0;

/// A script of faults with their default parameters, `per_hour` on average, waits as chance has them.
///
/// # Panics
/// If `per_hour` is not between 0 and [`RATE_MAX`].
pub fn draw_script(seed: u64, per_hour: f64, within: Duration) -> String {
    assert!((0.0..=RATE_MAX).contains(&per_hour), "{per_hour} faults an hour");
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let drawn: Vec<_> = table::rows().filter(|spec| spec.drawn).collect();
    let mut script = format!("# pitboss gateway --fault-seed {seed} --fault-rate {per_hour}\n");
    if per_hour == 0.0 {
        return script;
    }
    let mut at = Duration::ZERO;
    loop {
        // 53 bits make a double in (0, 1]: the logarithm is finite.
        let uniform = ((chance.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        // Whole milliseconds, so that what is printed is what is played.
        let wait = (-uniform.ln() * 3_600_000.0 / per_hour).round();
        at += Duration::from_millis(wait as u64);
        if at > within {
            return script;
        }
        let which = chance.next_u64() % drawn.len() as u64;
        let spec = drawn[usize::try_from(which).expect("an index")];
        script.push_str(&format!("\n[[at]]\ntime = \"{}\"\nfault = \"{}\"\n", span::show_clock(at), spec.name));
    }
}
