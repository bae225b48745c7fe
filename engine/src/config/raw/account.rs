//! What of the account belongs to this installation. In: `[account]`. Out: capital, tolerances. Absent: the broker.

use super::Parts;
use super::kind::money;
use super::sizing::positive_money;
use super::walk::{Section, Walk};
use crate::config::AccountConfig;

pub(super) fn account(root: &Section<'_>) -> Option<AccountConfig> {
    root.section("account", |s| {
        let equity = s.get("equity_usd", positive_money());
        let tolerance = s.get("broker_pnl_tolerance_usd", money(0..=1_000_000_000, "US dollars"));
        Some(AccountConfig { equity: equity?, broker_pnl_tolerance: tolerance? })
    })
}

/// A size that is a part of nothing known would never be an order.
pub(super) fn equity_where_needed(walk: &Walk<'_>, parts: &Parts) {
    let (Some(account), Some(strategies)) = (&parts.account, &parts.strategies) else { return };
    if account.equity.is_some() {
        return;
    }
    let sized = strategies.iter().find(|s| s.size.as_ref().is_some_and(|size| size.uses_equity()));
    if let Some(strategy) = sized {
        let expected = format!("an amount of US dollars: the size of strategy {} is a fraction of it", strategy.name);
        walk.report("account.equity_usd", "nothing", expected);
    }
}
