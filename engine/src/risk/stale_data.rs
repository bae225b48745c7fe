//! Entries need a fresh price. Source: FIA 2024, 3.1.

use std::time::Duration;

use super::{Breach, View};
use crate::config::Limit;

pub const RULE: &str = "stale_data";

pub fn check(view: &View, limit: Limit<Duration>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    let limit = format!("{} ms", max.as_millis());
    match view.data_age {
        None => Err(Breach::new(RULE, "no price yet", limit)),
        Some(age) if age > max => Err(Breach::new(RULE, format!("{} ms", age.as_millis()), limit)),
        Some(_) => Ok(()),
    }
}
