//! A strategy that enters again and again within a short time runs wild: it is stopped until a person enables it.
//! Source: MiFID RTS 6, article 15.3; FIA 2024, 3.2.

use super::{Breach, View};
use crate::config::Limit;

pub const RULE: &str = "reentries";

pub fn check(view: &View<'_>, limit: Limit<u32>) -> Result<(), Breach> {
    match limit {
        Limit::Max(max) if view.reentries >= max => Err(Breach::new(RULE, view.reentries + 1, max)),
        Limit::Max(_) | Limit::Off => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm};
    use super::*;

    #[test]
    fn the_fifth_entry_within_the_hour_is_one_too_many() {
        let entered = |reentries| View { reentries, ..calm() };
        assert_eq!((broken(buy(1), entered(3)), broken(buy(1), entered(4))), (None, Some(RULE)));
    }
}
