//! No entry unless the link, the reconciliation and the operator allow trading, and only one entry a strategy.

use super::{Breach, Candidate, View};
use crate::trade::Trading;

pub const RULE: &str = "trading_state";

pub fn check(_: &Candidate, view: &View) -> Result<(), Breach> {
    if view.trading != Trading::Allowed {
        return Err(Breach::new(RULE, format!("{:?}", view.trading).to_lowercase(), "allowed"));
    }
    if view.engaged {
        return Err(Breach::new(RULE, "strategy already holds or enters a position", "one entry at a time"));
    }
    Ok(())
}
