//! The same entry twice within a moment is a slip of whoever sends it. Source: SEC 15c3-5, duplicative orders.

use std::time::Duration;

use super::{Breach, View};
use crate::config::Limit;

pub const RULE: &str = "duplicate_order";

pub fn check(view: &View<'_>, limit: Limit<Duration>) -> Result<(), Breach> {
    match (limit, view.since_same) {
        (Limit::Max(within), Some(since)) if since < within => {
            let limit = format!("{} ms apart", within.as_millis());
            Err(Breach::new(RULE, format!("{} ms after the same", since.as_millis()), limit))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm};
    use super::*;

    #[test]
    fn the_same_again_has_to_wait() {
        let after = |ms| View { since_same: Some(Duration::from_millis(ms)), ..calm() };
        assert_eq!((broken(buy(1), after(250)), broken(buy(1), after(249))), (None, Some(RULE)));
    }
}
