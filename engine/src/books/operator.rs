//! What a person tells the running system: stop, go on, close. In: commands with a name and a reason. Out: records, latches,
//! cancels. Absent: where commands come from and who may give them.

use serde::{Deserialize, Serialize};

use super::{Books, Output};
use crate::journal::{Record, Severity};
use crate::risk::latch::{self, Latch, Scope};
use crate::time::Timestamp;
use crate::trade::StrategyId;

/// A release that is not granted.
pub const STILL_BROKEN: &str = "operator.still_broken";

/// A command, who gave it and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Operator {
    pub command: Command,
    pub who: String,
    pub why: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Nobody enters any more, and entries that work are withdrawn, until somebody unlocks `kill`. What protects a
    /// position stays; `flatten` closes it.
    Kill {
        flatten: bool,
    },
    /// Cancel entries, close every position; trading goes on afterwards.
    Flatten,
    /// One strategy enters no more; its position keeps its protection.
    Pause(StrategyId),
    Resume(StrategyId),
    /// Releases a latch by its rule's name; one whose limit is still broken stays.
    Unlock {
        rule: String,
        scope: Scope,
    },
}

impl Command {
    pub fn name(&self) -> &'static str {
        match self {
            Command::Kill { .. } => "kill",
            Command::Flatten => "flatten",
            Command::Pause(_) => "pause",
            Command::Resume(_) => "resume",
            Command::Unlock { .. } => "unlock",
        }
    }
}

impl Books {
    pub(super) fn on_operator(&mut self, now: Timestamp, operator: Operator, out: &mut Vec<Output>) {
        let Operator { command, who, why } = operator;
        let told = match &command {
            Command::Kill { flatten: true } => "kill and flatten".to_owned(),
            Command::Kill { flatten: false } | Command::Flatten => command.name().to_owned(),
            Command::Pause(id) | Command::Resume(id) => {
                format!("{} {}", command.name(), self.told(&Scope::Strategy(*id)))
            }
            Command::Unlock { rule, scope } => format!("unlock {rule} of {}", self.told(scope)),
        };
        out.push(Output::Record(Record::Operator { command: told, who: who.clone(), why: why.clone() }));
        let by_hand = |rule: &str, scope| Latch {
            rule: rule.to_owned(),
            scope,
            at: now,
            value: why.clone(),
            limit: format!("by {who}"),
        };
        match command {
            Command::Kill { flatten } => {
                self.latch(by_hand(latch::KILL, Scope::Account), out);
                if flatten {
                    self.flatten(now, &format!("by {who}: {why}"), out);
                }
                out.push(Output::Doubt);
            }
            Command::Flatten => {
                self.flatten(now, &format!("by {who}: {why}"), out);
                // Whoever stops something wants to hear it from the broker, and not from this book.
                out.push(Output::Doubt);
            }
            Command::Pause(id) => {
                self.latch(by_hand(latch::PAUSE, Scope::Strategy(id)), out);
            }
            Command::Resume(id) => self.unlock(latch::PAUSE, &Scope::Strategy(id), &who, &why, out),
            Command::Unlock { rule, scope } => self.unlock(&rule, &scope, &who, &why, out),
        }
    }

    /// A limit that is still broken would latch again with the next look, and an entry could slip in between.
    fn unlock(&mut self, rule: &str, scope: &Scope, who: &str, why: &str, out: &mut Vec<Output>) {
        let is_on = self.state.latches.has(rule, scope);
        if let Some(breach) = self.broken_now(rule, scope).filter(|_| is_on) {
            let (of, value, limit) = (self.told(scope), breach.value, breach.limit);
            let text = format!("{rule} of {of} stays latched: it is still broken, {value} against {limit}");
            out.push(Self::system(Severity::Warning, STILL_BROKEN, text));
        } else if !self.release(rule, scope, who, why, out) {
            let text = format!("{rule} of {} is not latched", self.told(scope));
            out.push(Self::system(Severity::Warning, "operator.nothing_to_unlock", text));
        }
    }

    /// Whose latch it is, in words.
    fn told(&self, scope: &Scope) -> String {
        scope.told(|id| self.name_of_strategy(id).to_owned())
    }
}
