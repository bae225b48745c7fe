//! Limits of the account and of each strategy: what is reached is latched, and entries pause.
//! In: time, figures. Out: latches as records, and the orders that take risk away. Absent: the rules (`crate::risk`).

use super::{Books, BooksState, Output};
use crate::journal::Record;
use crate::risk::latch::{Latch, Scope};
use crate::risk::{Breach, consecutive_losses, watch};
use crate::time::Timestamp;
use crate::trade::StrategyId;

impl BooksState {
    /// Takes a latch off, as live and as from the journal; false if it was not on. The row of losses that tripped one
    /// begins anew: whoever may not trade cannot end it by winning.
    pub(super) fn release(&mut self, rule: &str, scope: &Scope) -> bool {
        if self.latches.release(rule, scope).is_none() {
            return false;
        }
        if let (consecutive_losses::RULE, Scope::Strategy(strategy)) = (rule, scope) {
            self.portfolio.forget_row_of_losses(*strategy);
        }
        true
    }
}

impl Books {
    /// A new trade date starts new counts and releases what counted the old one.
    pub(super) fn turn_day(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.session_of(now) else { return };
        let last = self.state.risk.date();
        if last.is_some_and(|last| session.trade_date <= last) {
            return self.share_if_due(session.trade_date, out);
        }
        // While a position has no price, nobody knows what the day that ended has earned and the next begins with.
        if !self.state.portfolio.is_marked() {
            return;
        }
        if last.is_some() {
            // The last minute of the day that ended.
            self.write_totals(now, out);
        }
        let Some(turned) = self.state.risk.turn(session.trade_date, &self.state.portfolio) else { return };
        self.close_day(last, session.trade_date, out);
        for latch in self.state.latches.due(turned.new_week) {
            let why = format!("trade date {}", session.trade_date);
            self.release(&latch.rule, &latch.scope, "calendar", &why, out);
        }
        self.write_risk(out);
    }

    /// Writes down what has changed, so that a restart goes by the same figures.
    pub(super) fn write_risk(&mut self, out: &mut Vec<Output>) {
        if self.risk_told != self.state.risk {
            self.risk_told = self.state.risk.clone();
            out.push(Output::Record(Record::RiskAccount(Box::new(self.state.risk.clone()))));
        }
    }

    /// Latches every limit that is reached.
    pub(super) fn watch_limits(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.state.risk.see(&self.state.portfolio);
        let breaches = watch::all(self.risk.capital, &self.state.risk, &self.state.portfolio, &self.risk.loss);
        for (scope, breach) in breaches {
            self.trip(now, scope, breach, out);
        }
    }

    /// Latches once: whatever happens later does not change why.
    pub(super) fn trip(&mut self, now: Timestamp, scope: Scope, breach: Breach, out: &mut Vec<Output>) {
        let of_account = scope == Scope::Account;
        let latch = Latch { rule: breach.rule.to_owned(), scope, at: now, value: breach.value, limit: breach.limit };
        let text = latch.told(|id| self.name_of_strategy(id).to_owned());
        if self.latch(latch, out) && self.risk.flatten_on_trip && of_account {
            self.flatten(now, &text, out);
        }
    }

    /// The latch first, then the entries that it does not want any more. False if it was on already.
    pub(super) fn latch(&mut self, latch: Latch, out: &mut Vec<Output>) -> bool {
        let scope = latch.scope.clone();
        if !self.state.latches.set(latch.clone()) {
            return false;
        }
        out.push(Output::Record(Record::Latched(latch)));
        self.withdraw_entries(&scope, out);
        true
    }

    /// False if it was not on.
    pub(super) fn release(&mut self, rule: &str, scope: &Scope, who: &str, why: &str, out: &mut Vec<Output>) -> bool {
        if !self.state.release(rule, scope) {
            return false;
        }
        if let Scope::Strategy(strategy) = scope {
            self.sent.forget_entries(*strategy);
        }
        let (rule, who, why) = (rule.to_owned(), who.to_owned(), why.to_owned());
        out.push(Output::Record(Record::Released { rule, scope: scope.clone(), who, why }));
        true
    }

    /// What a limit says at this instant, if it is broken: who releases its latch gets it back with the next look.
    pub(super) fn broken_now(&self, rule: &str, scope: &Scope) -> Option<Breach> {
        // A row of losses begins anew when a person releases it.
        if rule == consecutive_losses::RULE {
            return None;
        }
        let breaches = watch::all(self.risk.capital, &self.state.risk, &self.state.portfolio, &self.risk.loss);
        breaches.into_iter().find(|(of, breach)| of == scope && breach.rule == rule).map(|(_, breach)| breach)
    }

    fn withdraw_entries(&mut self, scope: &Scope, out: &mut Vec<Output>) {
        let strategies: Vec<StrategyId> = match scope {
            Scope::Account => self.strategies.iter().map(|(id, _)| *id).collect(),
            Scope::Strategy(id) => vec![*id],
            Scope::Gone(_) => Vec::new(),
        };
        for strategy in strategies {
            for symbol in self.instruments.iter().map(|i| i.id).collect::<Vec<_>>() {
                self.cancel_entries(strategy, symbol, out);
            }
        }
    }
}
