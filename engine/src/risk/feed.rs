//! Entries need market data that a fresh tick has proved since it was last in doubt.

use super::{Breach, View};

pub const RULE: &str = "feed";

pub fn check(view: &View) -> Result<(), Breach> {
    if view.feed_live { Ok(()) } else { Err(Breach::new(RULE, "market data is in doubt", "a fresh tick")) }
}
