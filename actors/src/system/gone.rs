//! Latches of strategies that the configuration does not name any more: somebody has renamed or removed one that was
//! stopped, and under its new name nothing stops it. In: the books at a start. Out: a warning each, at every start until
//! somebody releases the latch or the name comes back. Absent: positions and orders of such strategies; with them nothing
//! starts (`SystemError::Orphan`).

use std::sync::Arc;
use std::time::Duration;

use engine::books::BooksState;
use engine::config::Config;
use engine::journal::{SessionInfo, Severity, StrategyInfo};
use engine::risk::latch::Scope;
use engine::wiring::system;
use slog::warn;

use crate::directory::Shared;

pub(super) const LATCH: &str = "risk.latch_gone";
pub(super) const STRATEGY: &str = "strategy.gone";

pub(super) fn told(books: &BooksState) -> Vec<String> {
    let one = |latch: &engine::risk::latch::Latch| {
        let Scope::Gone(name) = &latch.scope else { return None };
        let (rule, cause, since) = (&latch.rule, latch.cause(), latch.at.floor(Duration::from_secs(1)));
        Some(format!(
            "strategy {name} is latched by {rule} since {since} ({cause}), and it is not configured any more: if it has another \
             name now, the latch does not hold it. `pitboss unlock {rule} --strategy {name}` releases it"
        ))
    };
    books.latches.gone().filter_map(one).collect()
}

/// Strategies of the last session that the configuration does not name any more, flat as they are.
pub(super) fn forgotten(last: &SessionInfo, config: &Config) -> Vec<String> {
    let is_gone = |was: &&StrategyInfo| config.strategies.iter().all(|strategy| strategy.name != was.name);
    let told = |was: &StrategyInfo| {
        format!(
            "strategy {} of the last session is not configured any more: what it earned stays in the account, its own losses, \
             orders and trades are not counted on. Under another name it begins anew",
            was.name
        )
    };
    last.strategies.iter().filter(is_gone).map(told).collect()
}

pub(super) fn tell(shared: &Arc<Shared>, event: &'static str, text: String) {
    warn!(shared.log, "{text}"; "event" => event);
    shared.record(system(Severity::Warning, event, "start", text));
}
