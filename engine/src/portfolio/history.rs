//! What was booked, for as long as the broker may correct it. In: corrected fills. Out: positions and profit as if the
//! fills had been so from the start. Absent: who corrects; drawdown, which depends on prices that are gone, and stays.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FillKey, Portfolio, Sleeve, Totals};
use crate::market::SymbolId;
use crate::time::Timestamp;
use crate::trade::{Fill, Money, StrategyId, exec_base};

/// More fills than this are not remembered: the oldest can then not be corrected any more.
const KEPT_MAX: usize = 10_000;

/// A fill in the order of booking, with its commission once that is known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub fill: Fill,
    pub commission: Option<Money>,
}

/// The books before the first kept fill.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Base {
    sleeves: BTreeMap<(StrategyId, SymbolId), Sleeve>,
    totals: BTreeMap<StrategyId, Totals>,
    account: Totals,
    awaiting_commission: BTreeMap<String, FillKey>,
}

impl Portfolio {
    /// What an execution was booked as, by its id up to the last dot; empty when it is not remembered.
    pub fn fills_of<'a>(&'a self, base: &'a str) -> impl Iterator<Item = &'a Fill> {
        self.history.iter().map(|kept| &kept.fill).filter(move |fill| exec_base(&fill.exec_id) == base)
    }

    /// The first of what an execution was booked as. It is looked for from the newest on, since news is of new fills: what
    /// one execution was booked as was booked together.
    pub fn first_fill_of(&self, base: &str) -> Option<&Fill> {
        let same = |kept: &&Kept| exec_base(&kept.fill.exec_id) == base;
        let mut newest_first = self.history.iter().rev().skip_while(|kept| !same(kept));
        let newest = newest_first.next()?;
        Some(&newest_first.take_while(same).last().unwrap_or(newest).fill)
    }

    /// Every fill that is remembered, in the order of booking.
    pub fn remembered(&self) -> impl Iterator<Item = &Fill> {
        self.history.iter().map(|kept| &kept.fill)
    }

    /// Puts corrected fills in the place of those with the same execution id; quantity 0: it never was. `false`, and
    /// nothing changes, when one of them is not remembered.
    pub fn correct(&mut self, fills: &[Fill]) -> bool {
        let mut places = Vec::with_capacity(fills.len());
        for fill in fills {
            match self.history.iter().position(|kept| kept.fill.exec_id == fill.exec_id) {
                Some(at) => places.push(at),
                None => return false,
            }
        }
        for (at, fill) in places.into_iter().zip(fills) {
            self.history[at].fill = fill.clone();
        }
        let made = self.replayed(&self.history);
        let peaks: Vec<(StrategyId, Totals)> = self.totals.iter().map(|(id, totals)| (*id, *totals)).collect();
        let account = self.account;
        self.restore(made);
        for (id, was) in peaks {
            self.totals.entry(id).or_default().keep_path(&was);
        }
        self.account.keep_path(&account);
        self.see_equity();
        true
    }

    /// Fills before an instant cannot be corrected any more.
    pub fn prune(&mut self, before: Timestamp) {
        let old = self.history.iter().take_while(|kept| kept.fill.at < before).count();
        let old = old.max(self.history.len().saturating_sub(KEPT_MAX));
        self.base = self.replayed(&self.history[..old]);
        self.history.drain(..old);
    }

    /// Nothing that was booked so far can be corrected any more.
    pub(super) fn settle_history(&mut self) {
        self.history.clear();
        self.base = self.present();
    }

    pub(super) fn remember(&mut self, fill: &Fill) {
        self.history.push(Kept { fill: fill.clone(), commission: None });
    }

    pub(super) fn remember_commission(&mut self, exec_id: &str, amount: Money) {
        if let Some(kept) = self.history.iter_mut().rev().find(|kept| kept.fill.exec_id == exec_id) {
            kept.commission = Some(amount);
        }
    }

    pub(super) fn renumber_history(
        &mut self,
        strategy: &impl Fn(StrategyId) -> Option<StrategyId>,
        symbol: &impl Fn(SymbolId) -> Option<SymbolId>,
    ) {
        let name = |s: &mut StrategyId, y: &mut SymbolId| {
            if let (Some(to_s), Some(to_y)) = (strategy(*s), symbol(*y)) {
                (*s, *y) = (to_s, to_y);
            }
        };
        for kept in &mut self.history {
            name(&mut kept.fill.strategy, &mut kept.fill.symbol);
        }
        let base = &mut self.base;
        base.sleeves = std::mem::take(&mut base.sleeves)
            .into_iter()
            .filter_map(|((s, y), sleeve)| Some(((strategy(s)?, symbol(y)?), sleeve)))
            .collect();
        let totals = std::mem::take(&mut base.totals);
        base.totals = totals.into_iter().filter_map(|(s, totals)| Some((strategy(s)?, totals))).collect();
        base.awaiting_commission.values_mut().for_each(|key| name(&mut key.strategy, &mut key.symbol));
    }

    fn present(&self) -> Base {
        Base {
            sleeves: self.sleeves.clone(),
            totals: self.totals.clone(),
            account: self.account,
            awaiting_commission: self.awaiting_commission.clone(),
        }
    }

    fn restore(&mut self, base: Base) {
        let Base { sleeves, totals, account, awaiting_commission } = base;
        (self.sleeves, self.totals, self.account) = (sleeves, totals, account);
        self.awaiting_commission = awaiting_commission;
    }

    /// The base with these fills booked.
    fn replayed(&self, fills: &[Kept]) -> Base {
        let mut book = Portfolio { tick_values: self.tick_values.clone(), ..Portfolio::default() };
        book.restore(self.base.clone());
        for Kept { fill, commission } in fills.iter().filter(|kept| kept.fill.quantity > 0) {
            book.book(fill);
            if let Some(amount) = commission {
                book.book_commission(&fill.exec_id, *amount);
            }
        }
        book.present()
    }
}

impl Totals {
    /// What the path of equity left behind.
    fn keep_path(&mut self, was: &Totals) {
        (self.peak, self.drawdown_max) = (was.peak, was.drawdown_max);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{es, fill};
    use super::*;
    use crate::trade::Side;

    fn booked(trades: &[(u16, bool, u32, i32)], commissions: bool) -> Portfolio {
        let mut book = Portfolio::new(&[es()]);
        for (n, fill) in fills(trades).iter().enumerate() {
            if fill.quantity > 0 {
                book.apply(fill);
                if commissions {
                    book.commission(&fill.exec_id, Money::from_micros(1_000_000 + n as i64));
                }
            }
        }
        book
    }

    fn fills(trades: &[(u16, bool, u32, i32)]) -> Vec<Fill> {
        let one = |(n, &(strategy, buy, quantity, price)): (usize, &(u16, bool, u32, i32))| {
            fill(n, strategy, if buy { Side::Buy } else { Side::Sell }, quantity, price)
        };
        trades.iter().enumerate().map(one).collect()
    }

    #[test]
    fn an_execution_that_is_not_remembered_changes_nothing() {
        let mut book = booked(&[(0, true, 1, 20_000)], false);
        let before = book.clone();
        assert!(!book.correct(&[fill(7, 0, Side::Buy, 1, 20_010)]));
        assert_eq!(book, before);
        book.prune(Timestamp::MAX);
        assert!(!book.correct(&[fill(0, 0, Side::Buy, 1, 20_010)]), "too old");
        assert_eq!(book.position(StrategyId(0), SymbolId(0)), 1);
    }

    #[test]
    fn the_first_part_of_an_execution_is_found_from_the_end() {
        let mut book = Portfolio::new(&[es()]);
        for (id, strategy) in [("a.01", 0), ("b.01", 0), ("b.02", 1), ("b.03", 2), ("c.01", 0)] {
            book.apply(&Fill { exec_id: id.to_owned(), ..fill(0, strategy, Side::Buy, 1, 20_000) });
        }
        let first = |base| book.first_fill_of(base).map(|fill| fill.exec_id.as_str());
        assert_eq!([first("a"), first("b"), first("c"), first("d")], [Some("a.01"), Some("b.01"), Some("c.01"), None]);
    }

    proptest! {
        /// Corrected afterwards is the same as booked right at once: positions, cost, profit, round trips.
        #[test]
        fn a_correction_is_as_if_it_had_been_so_from_the_start(
            trades in prop::collection::vec((0u16..3, any::<bool>(), 1u32..5, 19_000i32..21_000), 1..30),
            which in any::<prop::sample::Index>(),
            (quantity, price) in (0u32..6, 19_000i32..21_000),
            pruned in any::<bool>(),
        ) {
            let at = which.index(trades.len());
            let mut right = trades.clone();
            (right[at].2, right[at].3) = (quantity, price);
            let mut book = booked(&trades, true);
            if pruned {
                book.prune(Timestamp::MIN);
            }
            prop_assert!(book.correct(&fills(&right)[at..=at]));
            let wanted = booked(&right, true);
            for strategy in [Some(StrategyId(0)), Some(StrategyId(1)), Some(StrategyId(2)), None] {
                let told = |book: &Portfolio| {
                    let p = book.performance(strategy);
                    (p.trades, p.wins, p.gross_profit, p.gross_loss, p.realised, p.commission)
                };
                prop_assert_eq!(told(&book), told(&wanted));
            }
            prop_assert_eq!(book.net_row(SymbolId(0)), wanted.net_row(SymbolId(0)));
        }
    }
}
