//! Whom a latch keeps from entering: everybody, one strategy, or a name that no strategy has at present.
//! Absent: latches themselves (`super::latch`).

use serde::{Deserialize, Serialize};

use crate::trade::StrategyId;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Scope {
    Account,
    Strategy(StrategyId),
    /// A strategy that the configuration does not name any more; should it again, its latch holds again.
    Gone(String),
}

impl Scope {
    /// `the account`, `strategy trend`, `strategy trend (not configured)`.
    pub fn told(&self, name: impl Fn(StrategyId) -> String) -> String {
        match self {
            Scope::Account => "the account".to_owned(),
            Scope::Strategy(id) => format!("strategy {}", name(*id)),
            Scope::Gone(name) => format!("strategy {name} (not configured)"),
        }
    }

    /// The same under another numbering; `was` is the name of an id before, `now` the id of a name from now on.
    pub(super) fn renumbered(
        self,
        was: impl Fn(StrategyId) -> String,
        now: impl Fn(&str) -> Option<StrategyId>,
    ) -> Self {
        let name = match self {
            Scope::Account => return Scope::Account,
            Scope::Strategy(id) => was(id),
            Scope::Gone(name) => name,
        };
        now(&name).map_or(Scope::Gone(name), Scope::Strategy)
    }
}
