//! Entries need market data that a fresh tick has proved since it was last in doubt.

use super::{Breach, View};

pub const RULE: &str = "feed";

pub fn check(view: &View<'_>) -> Result<(), Breach> {
    if view.feed_live { Ok(()) } else { Err(Breach::new(RULE, "market data is in doubt", "a fresh tick")) }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm};
    use super::*;

    #[test]
    fn a_doubtful_feed_refuses() {
        assert_eq!(broken(buy(1), View { feed_live: false, ..calm() }), Some(RULE));
    }
}
