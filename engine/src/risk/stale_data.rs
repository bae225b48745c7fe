//! Entries need a fresh price. Source: FIA 2024, 3.1.

use std::time::Duration;

use super::{Breach, View};
use crate::config::Limit;

pub const RULE: &str = "stale_data";

pub fn check(view: &View<'_>, limit: Limit<Duration>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    let limit = || format!("{} ms", max.as_millis());
    match view.data_age {
        None => Err(Breach::new(RULE, "no price yet", limit())),
        Some(age) if age > max => Err(Breach::new(RULE, format!("{} ms", age.as_millis()), limit())),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm};
    use super::*;

    #[test]
    fn an_old_price_and_none_at_all_refuse() {
        let aged = |ms| View { data_age: Some(Duration::from_millis(ms)), ..calm() };
        assert_eq!((broken(buy(1), aged(5_000)), broken(buy(1), aged(5_001))), (None, Some(RULE)));
        assert_eq!(broken(buy(1), View { data_age: None, ..calm() }), Some(RULE));
    }
}
