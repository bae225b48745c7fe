//! Loss of the trade date, realised and unrealised, after commission. Source: FIA 2024, 4.2.

use super::{Breach, View};
use crate::config::Limit;
use crate::trade::Money;

pub const RULE: &str = "daily_loss";

pub fn check(view: &View, limit: Limit<Money>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    let loss = -view.day_pnl;
    if loss >= max { Err(Breach::new(RULE, loss, max)) } else { Ok(()) }
}
