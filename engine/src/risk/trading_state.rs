//! No entry unless the link and the reconciliation allow trading, and only one entry a strategy.

use super::{Breach, View};
use crate::sabotage::{self, Sabotage};
use crate::trade::Trading;

pub const RULE: &str = "trading_state";

pub fn check(view: &View<'_>) -> Result<(), Breach> {
    if view.trading != Trading::Allowed && !sabotage::is(Sabotage::EnterWhilePaused) {
        return Err(Breach::new(RULE, format!("{:?}", view.trading).to_lowercase(), "allowed"));
    }
    if view.engaged {
        return Err(Breach::new(RULE, "strategy already holds or enters a position", "one entry at a time"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm};
    use super::*;

    #[test]
    fn only_an_open_link_and_a_free_strategy_may_enter() {
        assert_eq!(broken(buy(1), View { trading: Trading::Paused, ..calm() }), Some(RULE));
        assert_eq!(broken(buy(1), View { trading: Trading::Liquidating, ..calm() }), Some(RULE));
        assert_eq!(broken(buy(1), View { engaged: true, ..calm() }), Some(RULE));
    }
}
