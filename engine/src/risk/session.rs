//! Entries need an open session that goes on for a while. Source: FIA 2024, 2.3.

use std::time::Duration;

use super::{Breach, View};
use crate::config::Limit;

pub const RULE: &str = "outside_session";

pub fn check(view: &View<'_>, guard: Limit<Duration>) -> Result<(), Breach> {
    let Limit::Max(guard) = guard else { return Ok(()) };
    match view.session_left {
        None => Err(Breach::new(RULE, "the market is closed", "an open session")),
        Some(left) if left <= guard => {
            let limit = format!("more than {} s", guard.as_secs());
            Err(Breach::new(RULE, format!("{} s to the close", left.as_secs()), limit))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm};
    use super::*;

    #[test]
    fn a_closed_market_and_the_last_minute_refuse() {
        let left = |s| View { session_left: Some(Duration::from_secs(s)), ..calm() };
        assert_eq!(broken(buy(1), left(61)), None);
        assert_eq!(broken(buy(1), left(60)), Some(RULE));
        assert_eq!(broken(buy(1), View { session_left: None, ..calm() }), Some(RULE));
    }
}
