//! What was tripped stays so until its own reset, or until a person unlocks it by name and says why.
//! In: breaches, commands, trade dates. Out: who may not enter, and why. Source: FIA 2024, 1.5 and 3.2.

use serde::{Deserialize, Serialize};

use super::{Breach, View};
use crate::time::Timestamp;
use crate::trade::StrategyId;

pub use super::scope::Scope;

/// A person stopped everything.
pub const KILL: &str = "kill";
/// A person stopped one strategy.
pub const PAUSE: &str = "pause";

/// How a latch comes off without a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reset {
    /// When a new trade date begins.
    Day,
    /// When a new week of trade dates begins.
    Week,
    /// Never.
    ByHand,
}

impl Reset {
    pub fn of(rule: &str) -> Self {
        match rule {
            "daily_loss" | "strategy_daily_loss" | "profit_lock" | "strategy_profit_lock" => Reset::Day,
            "weekly_loss" | "strategy_weekly_loss" => Reset::Week,
            _ => Reset::ByHand,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Reset::Day => "next trade date",
            Reset::Week => "next week",
            Reset::ByHand => "by hand",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Latch {
    /// Code of the rule, [`KILL`] or [`PAUSE`].
    pub rule: String,
    pub scope: Scope,
    pub at: Timestamp,
    pub value: String,
    pub limit: String,
}

impl Latch {
    /// `daily_loss of the account: 1012.50 against 1000.00`; of a person's latch who and why:
    /// `kill of the account: by alice, "news"`. Strategies are told by their names.
    pub fn told(&self, name: impl Fn(StrategyId) -> String) -> String {
        format!("{} of {}: {}", self.rule, self.scope.told(name), self.cause())
    }

    /// What set it, without whose it is.
    pub fn cause(&self) -> String {
        cause(&self.rule, &self.value, &self.limit)
    }
}

/// Of a latch: of a person's who and why, of a limit's the number and the limit.
pub fn cause(rule: &str, value: &str, limit: &str) -> String {
    match is_by_hand(rule) {
        true => format!("{limit}, {value:?}"),
        false => format!("{value} against {limit}"),
    }
}

/// A person set it, and not a limit.
pub fn is_by_hand(rule: &str) -> bool {
    [KILL, PAUSE].contains(&rule)
}

/// All that are on, in the order of their names.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Latches(Vec<Latch>);

impl Latches {
    pub fn iter(&self) -> impl Iterator<Item = &Latch> {
        self.0.iter()
    }

    pub fn has(&self, rule: &str, scope: &Scope) -> bool {
        self.0.iter().any(|latch| latch.rule == rule && latch.scope == *scope)
    }

    /// False if it was on already: the first cause is kept.
    pub fn set(&mut self, latch: Latch) -> bool {
        if self.has(&latch.rule, &latch.scope) {
            return false;
        }
        let at = self.0.partition_point(|other| (&other.rule, &other.scope) < (&latch.rule, &latch.scope));
        self.0.insert(at, latch);
        true
    }

    pub fn release(&mut self, rule: &str, scope: &Scope) -> Option<Latch> {
        let at = self.0.iter().position(|latch| latch.rule == rule && latch.scope == *scope)?;
        Some(self.0.remove(at))
    }

    /// What comes off at a new trade date, and with `week` at a new week as well.
    pub fn due(&self, week: bool) -> Vec<Latch> {
        let is_due = |latch: &&Latch| match Reset::of(&latch.rule) {
            Reset::Day => true,
            Reset::Week => week,
            Reset::ByHand => false,
        };
        self.0.iter().filter(is_due).cloned().collect()
    }

    /// What keeps this strategy from entering.
    pub fn on(&self, strategy: StrategyId) -> Option<&Latch> {
        self.0.iter().find(|latch| latch.scope == Scope::Account || latch.scope == Scope::Strategy(strategy))
    }

    /// Gives strategies the ids of another numbering. A latch belongs to a name: it waits under it while no strategy has
    /// that name, and holds again when one does. `was`: the name that an id had; `now`: the id that a name has.
    pub fn renumber(&mut self, was: impl Fn(StrategyId) -> String, now: impl Fn(&str) -> Option<StrategyId>) {
        let mut renumbered = Self::default();
        for mut latch in std::mem::take(&mut self.0) {
            latch.scope = latch.scope.renumbered(&was, &now);
            renumbered.set(latch);
        }
        *self = renumbered;
    }

    /// Those whose strategy is not configured: they hold nobody.
    pub fn gone(&self) -> impl Iterator<Item = &Latch> {
        self.0.iter().filter(|latch| matches!(latch.scope, Scope::Gone(_)))
    }
}

/// The refusal carries the name of the rule that was tripped.
pub fn check(view: &View<'_>) -> Result<(), Breach> {
    let Some(latch) = view.latch else { return Ok(()) };
    let value = format!("{}: {}", latch.rule, latch.cause());
    Err(Breach::new("latched", value, format!("no latch; released {}", Reset::of(&latch.rule).name())))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm};
    use super::*;

    fn latch(rule: &str, scope: Scope) -> Latch {
        let (value, limit) = ("5".to_owned(), "4".to_owned());
        Latch { rule: rule.to_owned(), scope, at: Timestamp::from_secs(1), value, limit }
    }

    #[test]
    fn a_latch_keeps_its_scope_from_entering_and_is_released_by_name() {
        let mut latches = Latches::default();
        let one = StrategyId(1);
        assert!(latches.set(latch("reentries", Scope::Strategy(one))));
        assert!(!latches.set(latch("reentries", Scope::Strategy(one))), "the first cause is kept");
        assert!(latches.on(one).is_some() && latches.on(StrategyId(0)).is_none());
        latches.set(latch(KILL, Scope::Account));
        assert!(latches.on(StrategyId(0)).is_some_and(|latch| latch.rule == KILL));
        assert_eq!(broken(buy(1), View { latch: latches.on(StrategyId(0)), ..calm() }), Some("latched"));
        assert!(latches.release(KILL, &Scope::Strategy(one)).is_none(), "another scope's name releases nothing");
        assert!(latches.release(KILL, &Scope::Account).is_some());
        assert!(latches.on(StrategyId(0)).is_none());
    }

    #[test]
    fn a_latch_is_told_by_names_and_a_persons_with_who_and_why() {
        let told = |latch: Latch| latch.told(|id| format!("s{}", id.0));
        let by_hand = |scope| Latch { value: "news".into(), limit: "by alice".into(), ..latch(KILL, scope) };
        assert_eq!(told(by_hand(Scope::Account)), "kill of the account: by alice, \"news\"");
        let of = |scope| told(latch("strategy_drawdown", scope));
        assert_eq!(of(Scope::Strategy(StrategyId(2))), "strategy_drawdown of strategy s2: 5 against 4");
        assert!(of(Scope::Gone("old".into())).starts_with("strategy_drawdown of strategy old (not configured): "));
    }

    #[test]
    fn a_latch_waits_for_its_name_and_holds_again_when_somebody_has_it() {
        let mut latches = Latches::default();
        latches.set(latch(PAUSE, Scope::Strategy(StrategyId(0))));
        latches.set(latch("daily_loss", Scope::Account));
        let was = |id: StrategyId| ["trend", "range"][usize::from(id.0)].to_owned();
        // `trend` is called `trend-2` now.
        latches
            .renumber(was, |name| ["trend-2", "range"].iter().position(|n| *n == name).map(|n| StrategyId(n as u16)));
        assert!(latches.has(PAUSE, &Scope::Gone("trend".into())) && latches.has("daily_loss", &Scope::Account));
        assert_eq!(latches.gone().count(), 1);
        latches.release("daily_loss", &Scope::Account);
        assert!(latches.on(StrategyId(0)).is_none(), "a name that was never latched is free");
        // A later configuration has the old name, as its second.
        latches.renumber(was, |name| ["x", "trend"].iter().position(|n| *n == name).map(|n| StrategyId(n as u16)));
        assert!(latches.has(PAUSE, &Scope::Strategy(StrategyId(1))) && latches.gone().count() == 0);
        assert!(latches.on(StrategyId(1)).is_some());
    }

    #[test]
    fn a_new_day_releases_what_counts_days_and_nothing_else() {
        let mut latches = Latches::default();
        for rule in ["daily_loss", "weekly_loss", "max_drawdown", "trailing_drawdown", "profit_lock", KILL] {
            latches.set(latch(rule, Scope::Account));
        }
        let own = ["daily_loss", "weekly_loss", "profit_lock", "drawdown"].map(|rule| format!("strategy_{rule}"));
        for rule in own.iter().map(String::as_str).chain(["consecutive_losses", "reentries", PAUSE]) {
            latches.set(latch(rule, Scope::Strategy(StrategyId(1))));
        }
        let rules = |week| latches.due(week).into_iter().map(|latch| latch.rule).collect::<Vec<_>>();
        assert_eq!(rules(false), ["daily_loss", "profit_lock", "strategy_daily_loss", "strategy_profit_lock"]);
        let by_week = ["daily_loss", "profit_lock", "strategy_daily_loss", "strategy_profit_lock"];
        assert_eq!(rules(true).len(), by_week.len() + 2);
        assert!(["weekly_loss", "strategy_weekly_loss"].iter().all(|rule| rules(true).iter().any(|due| due == rule)));
    }
}
