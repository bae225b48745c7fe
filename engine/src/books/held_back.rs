//! What keeps entries from passing at this instant, whoever asks for one: for the person who wants to know why nothing
//! is traded. In: the books. Out: reasons with whom they concern, and a verdict in one word.
//! Absent: what a particular order may break (its size, exposure, rates); the gate says so with its refusal.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Books;
use crate::config::Limit;
use crate::market::SymbolId;
use crate::risk::latch::Scope;
use crate::risk::{feed, latch, session, stale_data, trading_state};
use crate::time::Timestamp;
use crate::trade::{StrategyId, Trading};

/// Whether entries can pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entries {
    /// Nothing holds them back.
    Allowed,
    /// Those of some strategies.
    Partly,
    /// Nobody's.
    Blocked,
}

impl Entries {
    pub fn name(self) -> &'static str {
        match self {
            Entries::Allowed => "allowed",
            Entries::Partly => "partly",
            Entries::Blocked => "blocked",
        }
    }
}

/// One thing that holds entries back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeldBack {
    /// Code of the rule that refuses; of a latch that of what it latches.
    pub rule: String,
    /// `the account`, `strategy trend`, `instrument ES`.
    pub of: String,
    /// Why, for a person.
    pub text: String,
}

/// Whose entries are held back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    Everybodys,
    Of(StrategyId),
    In(SymbolId),
}

impl Books {
    /// Everything that holds entries back, what concerns everybody first.
    pub(super) fn held_back(&self, now: Timestamp) -> Vec<(Whose, HeldBack)> {
        let mut found = self.by_link();
        found.extend(self.by_latches());
        found.extend(self.instruments.iter().filter_map(|i| Some((Whose::In(i.id), self.by_market(now, i.id)?))));
        let given_up = self.strategies.iter().filter(|(id, _)| !self.enlisted.contains_key(id));
        found.extend(given_up.map(|(id, name)| {
            let text = "was given up after too many failures, until Pitboss is started again".to_owned();
            (Whose::Of(*id), HeldBack { rule: "allow_list".to_owned(), of: format!("strategy {name}"), text })
        }));
        found.sort_by_key(|(whose, _)| *whose != Whose::Everybodys);
        found
    }

    pub(super) fn entries(&self, held_back: &[(Whose, HeldBack)]) -> Entries {
        if held_back.is_empty() {
            return Entries::Allowed;
        }
        let holds = |whose: &Whose, strategy: StrategyId| match whose {
            Whose::Everybodys => true,
            Whose::Of(id) => *id == strategy,
            Whose::In(symbol) => self.enlisted.get(&strategy) == Some(symbol),
        };
        let is_free = |(id, _): &(StrategyId, String)| !held_back.iter().any(|(whose, _)| holds(whose, *id));
        if self.strategies.iter().any(is_free) { Entries::Partly } else { Entries::Blocked }
    }

    fn by_link(&self) -> Vec<(Whose, HeldBack)> {
        let why = match self.trading {
            Trading::Allowed if self.connected => return Vec::new(),
            Trading::Allowed => "there is no connection to the broker".to_owned(),
            Trading::Paused if self.trading_cause.is_empty() => "paused, the broker has not been heard yet".to_owned(),
            Trading::Paused => format!("paused, {}", self.trading_cause),
            Trading::Liquidating => format!("positions are being closed, {}", self.trading_cause),
        };
        let of = "the account".to_owned();
        vec![(Whose::Everybodys, HeldBack { rule: trading_state::RULE.to_owned(), of, text: why })]
    }

    fn by_latches(&self) -> Vec<(Whose, HeldBack)> {
        let one = |latch: &latch::Latch| {
            let whose = match &latch.scope {
                Scope::Account => Whose::Everybodys,
                Scope::Strategy(id) => Whose::Of(*id),
                Scope::Gone(_) => return None,
            };
            let of = latch.scope.told(|id| self.name_of_strategy(id).to_owned());
            let text = format!("latched since {}: {}", latch.at.floor(Duration::from_secs(1)), latch.cause());
            Some((whose, HeldBack { rule: latch.rule.clone(), of, text }))
        };
        self.state.latches.iter().filter_map(one).collect()
    }

    /// The first reason why nobody may enter in this instrument, as the gate looks at it.
    fn by_market(&self, now: Timestamp, symbol: SymbolId) -> Option<HeldBack> {
        let told = |rule: &str, text: String| {
            Some(HeldBack { rule: rule.to_owned(), of: format!("instrument {}", self.name_of(symbol)), text })
        };
        if let Limit::Max(guard) = self.risk.order.close_guard {
            let calendar = self.hours.get(usize::from(symbol.0))?.calendar();
            let Some(open) = calendar.session_of(now).filter(|_| calendar.is_open(now)) else {
                return told(session::RULE, format!("the market is closed until {}", calendar.next_open(now)));
            };
            if open.close.since(now) <= guard {
                return told(session::RULE, format!("the session ends at {}", open.close));
            }
        }
        if let Some(breach) = self.closing_breach(now, symbol) {
            return told(breach.rule, breach.value);
        }
        let Some(&at) = self.prices_at.get(&symbol) else {
            return told(stale_data::RULE, "no price has come yet".to_owned());
        };
        if let Limit::Max(max) = self.risk.stale_after
            && now.since(at) > max
        {
            return told(stale_data::RULE, format!("no price for {} s", now.since(at).as_secs()));
        }
        if self.doubtful_feeds.contains(&symbol) {
            return told(feed::RULE, "its market data is in doubt".to_owned());
        }
        None
    }
}
