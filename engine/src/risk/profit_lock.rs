//! A good day stays one: once it has earned enough, only a part of that may be given back.

use super::Breach;
use crate::config::ProfitLock;
use crate::trade::Money;

pub const RULE: &str = "profit_lock";
pub const STRATEGY_RULE: &str = "strategy_profit_lock";

/// What the trade date has earned so far, and the most that it had.
pub fn check(rule: &'static str, day: Money, best: Money, lock: Option<ProfitLock>) -> Result<(), Breach> {
    let Some(lock) = lock.filter(|lock| best >= lock.from) else { return Ok(()) };
    let floor = lock.keep.of(best);
    if day <= floor {
        return Err(Breach::new(rule, day, format!("{floor} ({} of {best})", lock.keep)));
    }
    Ok(())
}
