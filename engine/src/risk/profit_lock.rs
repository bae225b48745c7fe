//! A good day stays one: once it has earned enough, only a part of that may be given back.

use super::Breach;
use super::account::Figures;
use crate::config::ProfitLock;

pub const RULE: &str = "profit_lock";

pub fn check(figures: &Figures, lock: Option<ProfitLock>) -> Result<(), Breach> {
    let Some(lock) = lock.filter(|lock| figures.day_best >= lock.from) else { return Ok(()) };
    let floor = lock.keep.of(figures.day_best);
    if figures.day <= floor {
        return Err(Breach::new(RULE, figures.day, format!("{floor} ({} of {})", lock.keep, figures.day_best)));
    }
    Ok(())
}
