//! What contracts have earned that are not configured any more, by strategy and by root: a roll from one contract to the
//! next closes the position in the old one and opens it in the new one, and the profit goes on.
//! In: flat sleeves that are taken out. Out: sums. Absent: when to roll.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Portfolio, Sleeve};
use crate::market::{Instrument, SymbolId};
use crate::trade::{Money, StrategyId};

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Gone {
    by_strategy: BTreeMap<StrategyId, Money>,
    by_root: BTreeMap<String, Money>,
    /// Roots of the present numbering.
    roots: BTreeMap<SymbolId, String>,
}

impl Gone {
    pub(super) fn set_roots(&mut self, instruments: &[Instrument]) {
        self.roots = instruments.iter().map(|i| (i.id, i.root.clone())).collect();
    }

    /// A flat sleeve goes; `strategy` is the number that its strategy has from now on, if it stays.
    pub(super) fn take(&mut self, strategy: Option<StrategyId>, symbol: SymbolId, sleeve: &Sleeve) {
        let net = sleeve.realised - sleeve.commission;
        if let Some(strategy) = strategy {
            *self.by_strategy.entry(strategy).or_default() += net;
        }
        let root = self.roots.get(&symbol).cloned().unwrap_or_default();
        *self.by_root.entry(root).or_default() += net;
    }

    /// Before anything is taken under the new numbers.
    pub(super) fn renumber(&mut self, strategy: &impl Fn(StrategyId) -> Option<StrategyId>) {
        let earned = std::mem::take(&mut self.by_strategy);
        self.by_strategy = earned.into_iter().filter_map(|(s, amount)| Some((strategy(s)?, amount))).collect();
    }

    /// In contracts that are gone.
    pub(super) fn of(&self, strategy: StrategyId) -> Money {
        self.by_strategy.get(&strategy).copied().unwrap_or_default()
    }
}

impl Portfolio {
    /// Profit by root, realised and unrealised after commission, over all contracts since the beginning of the books.
    pub fn earned_by_root(&self) -> BTreeMap<String, Money> {
        let mut earned = self.gone.by_root.clone();
        for (&(_, symbol), sleeve) in &self.sleeves {
            let root = self.gone.roots.get(&symbol).cloned().unwrap_or_default();
            *earned.entry(root).or_default() += self.worth(symbol, sleeve);
        }
        earned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Price;
    use crate::time::Timestamp;
    use crate::trade::{ClientOrderId, Fill, Leg, Side};

    fn es(id: u16, expiry: &str) -> Instrument {
        Instrument {
            id: SymbolId(id),
            name: format!("ES{expiry}"),
            root: "ES".into(),
            expiry: Some(expiry.into()),
            exchange: "CME".into(),
            currency: "USD".into(),
            tick_size: rust_decimal::Decimal::new(25, 2),
            multiplier: 50.into(),
        }
    }

    fn fill(n: usize, strategy: u16, symbol: u16, side: Side, price: i32) -> Fill {
        Fill {
            exec_id: format!("e{n}"),
            order: ClientOrderId(1),
            strategy: StrategyId(strategy),
            symbol: SymbolId(symbol),
            leg: Leg::Entry,
            side,
            quantity: 1,
            price: Price(price),
            at: Timestamp::default(),
        }
    }

    fn dollars(amount: i64) -> Money {
        Money::from_micros(amount * 1_000_000)
    }

    #[test]
    fn a_roll_keeps_the_profit_of_the_strategy_and_of_the_root() {
        let (december, march) = (es(0, "202612"), es(1, "202703"));
        let mut book = Portfolio::new(&[december, march.clone()]);
        // Long in December, rolled into March four points higher, and closed there.
        book.apply(&fill(1, 0, 0, Side::Buy, 20_000));
        book.apply(&fill(2, 0, 0, Side::Sell, 20_040));
        book.apply(&fill(3, 0, 1, Side::Buy, 20_056));
        book.commission("e2", dollars(2));
        assert_eq!(book.earned(StrategyId(0)), dollars(498));
        assert_eq!(book.earned_by_root(), [("ES".to_owned(), dollars(498))].into());

        // December goes from the configuration, and March is the first instrument now.
        let to = |symbol: SymbolId| (symbol == SymbolId(1)).then_some(SymbolId(0));
        book.renumber(&Some, &to).expect("December is flat");
        book.set_instruments(&[Instrument { id: SymbolId(0), ..march }]);
        assert_eq!(book.position(StrategyId(0), SymbolId(0)), 1);
        book.apply(&fill(4, 0, 0, Side::Sell, 20_060));
        assert_eq!(book.earned(StrategyId(0)), dollars(548), "what December earned is still its own");
        assert_eq!(book.equity(), dollars(548));
        assert_eq!(book.earned_by_root(), [("ES".to_owned(), dollars(548))].into());
        assert_eq!(book.performance(Some(StrategyId(0))).drawdown_max, dollars(2), "a roll is no loss");
    }

    #[test]
    fn an_open_position_does_not_leave_with_its_contract() {
        let mut book = Portfolio::new(&[es(0, "202612")]);
        book.apply(&fill(1, 0, 0, Side::Buy, 20_000));
        assert_eq!(book.renumber(&Some, &|_| None), Err((StrategyId(0), SymbolId(0))));
    }

    #[test]
    fn what_a_strategy_that_left_has_earned_stays_with_the_root() {
        let mut book = Portfolio::new(&[es(0, "202612")]);
        book.apply(&fill(1, 0, 0, Side::Buy, 20_000));
        book.apply(&fill(2, 0, 0, Side::Sell, 20_004));
        book.apply(&fill(3, 1, 0, Side::Buy, 20_000));
        book.apply(&fill(4, 1, 0, Side::Sell, 20_008));
        let second_only = |id: StrategyId| (id == StrategyId(1)).then_some(StrategyId(0));
        book.renumber(&second_only, &Some).expect("both are flat");
        assert_eq!(book.earned(StrategyId(0)), dollars(100));
        assert_eq!(book.earned_by_root()["ES"], dollars(150));
        assert_eq!(book.equity(), dollars(150));
    }
}
