//! Latches of strategies that the configuration does not name any more: somebody has renamed or removed one that was
//! stopped, and under its new name nothing stops it. In: the books at a start. Out: a warning each, at every start until
//! somebody releases the latch or the name comes back. Absent: positions and orders of such strategies; with them nothing
//! starts (`SystemError::Orphan`).

use std::sync::Arc;

use engine::books::BooksState;
use engine::journal::Severity;
use engine::risk::latch::Scope;
use engine::wiring::system;
use slog::warn;

use crate::directory::Shared;

const EVENT: &str = "risk.latch_gone";

pub(super) fn told(books: &BooksState) -> Vec<String> {
    let one = |latch: &engine::risk::latch::Latch| {
        let Scope::Gone(name) = &latch.scope else { return None };
        let (rule, cause, since) = (&latch.rule, latch.cause(), latch.at);
        Some(format!(
            "strategy {name} is latched by {rule} since {since} ({cause}) and is not configured any more: if it has another \
             name now, the latch does not hold it. `pitboss unlock {rule} --strategy {name}` releases it"
        ))
    };
    books.latches.gone().filter_map(one).collect()
}

pub(super) fn tell(shared: &Arc<Shared>, text: String) {
    warn!(shared.log, "{text}"; "event" => EVENT);
    shared.record(system(Severity::Warning, EVENT, "risk", text));
}
