//! One strategy's position in one symbol and what it earned, without maps and names: the arithmetic of [`Portfolio`] for a
//! loop that has nothing else to keep. In: fills, commissions, prices. Out: position, equity, totals.
//! Absent: corrections, other strategies, ids.

use super::{Sleeve, Taken, Totals};
use crate::journal::Performance;
use crate::market::Price;
use crate::trade::Money;

/// Books of a single pair of strategy and symbol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ledger {
    tick_value: Money,
    sleeve: Sleeve,
    totals: Totals,
    last: Option<Price>,
    /// Equity is `base` and `per_tick` times the price, in millionths, as long as nothing fills.
    base: i64,
    per_tick: i64,
}

impl Ledger {
    pub fn new(tick_value: Money) -> Self {
        let (sleeve, totals) = (Sleeve::default(), Totals::default());
        Self { tick_value, sleeve, totals, last: None, base: 0, per_tick: 0 }
    }

    /// Contracts, negative when short.
    #[inline]
    pub fn position(&self) -> i64 {
        self.sleeve.quantity
    }

    pub fn tick_value(&self) -> Money {
        self.tick_value
    }

    /// The newest price.
    #[inline]
    pub fn last(&self) -> Option<Price> {
        self.last
    }

    /// A price at which an open position could be closed; returns the equity that comes of it, which is what it was when
    /// flat.
    #[inline(always)]
    pub fn mark(&mut self, price: Price) -> Option<Money> {
        self.last = Some(price);
        if self.per_tick == 0 {
            return None;
        }
        let equity = Money::from_micros(self.base + self.per_tick * i64::from(price.0));
        self.totals.see_equity(equity);
        Some(equity)
    }

    /// Books a fill with its commission, at `price`, signed: negative sells.
    pub fn fill(&mut self, signed: i64, price: Price, commission: Money) {
        let Taken { trip, turned, ended } = self.sleeve.take(signed, price, self.tick_value);
        if let Some(net) = ended {
            self.totals.add_trip(net);
        }
        self.weigh();
        self.see_equity();
        if let Some((net, after)) = self.sleeve.charge(trip, turned, commission) {
            self.totals.remove_trip(net);
            self.totals.add_trip(after);
        }
        self.weigh();
        self.see_equity();
    }

    fn weigh(&mut self) {
        let (sleeve, tick) = (&self.sleeve, self.tick_value);
        self.base = (sleeve.realised - sleeve.commission - sleeve.cost).micros();
        self.per_tick = (tick * sleeve.quantity).micros();
        if sleeve.quantity == 0 {
            // Nothing is left open, so nothing of its cost is.
            self.base = (sleeve.realised - sleeve.commission).micros();
        }
    }

    /// Realised and unrealised after commission.
    #[inline(always)]
    pub fn equity(&self) -> Money {
        match self.last {
            Some(price) => Money::from_micros(self.base + self.per_tick * i64::from(price.0)),
            None => self.sleeve.realised - self.sleeve.commission,
        }
    }

    #[inline(always)]
    fn see_equity(&mut self) {
        self.totals.see_equity(self.equity());
    }

    /// The most that equity ever was; zero if it never was above.
    pub fn peak(&self) -> Money {
        self.totals.peak
    }

    #[inline]
    pub fn drawdown_max(&self) -> Money {
        self.totals.drawdown_max
    }

    /// Round trips that lost money since the last one that did not.
    pub fn losses_in_row(&self) -> u32 {
        self.totals.losses_in_row
    }

    /// What a position that nothing protects could lose, at the newest price.
    pub fn value_held(&self) -> Money {
        self.tick_value * (i64::from(self.last.unwrap_or_default().0) * self.sleeve.quantity.abs())
    }

    pub fn performance(&self) -> Performance {
        Performance {
            trades: self.totals.trades,
            wins: self.totals.wins,
            losses: self.totals.losses,
            gross_profit: self.totals.gross_profit,
            gross_loss: self.totals.gross_loss,
            realised: self.sleeve.realised,
            unrealised: self.equity() - self.sleeve.realised + self.sleeve.commission,
            commission: self.sleeve.commission,
            drawdown_max: self.totals.drawdown_max,
        }
    }

    /// Whether no price there can be takes equity out of the range of money.
    pub fn is_in_range(&self) -> bool {
        const PRICE_MAX: i64 = 1 << 31;
        let far = self.per_tick.checked_mul(PRICE_MAX).and_then(i64::checked_abs);
        far.and_then(|far| far.checked_add(self.base.checked_abs()?)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{es, fill};
    use super::super::{Mark, Portfolio};
    use super::*;
    use crate::market::SymbolId;
    use crate::trade::{Side, StrategyId};

    proptest! {
        /// Fills of any size on either side, each with a commission, and prices between them: the portfolio's figures.
        #[test]
        fn a_ledger_keeps_the_portfolios_books(
            steps in prop::collection::vec((any::<bool>(), 0u32..4, 19_900i32..20_100, 0i64..9_000_000), 1..80),
        ) {
            let (mut book, mut ledger) = (Portfolio::new(&[es()]), Ledger::new(es().tick_value()));
            for (n, &(buy, quantity, price, commission)) in steps.iter().enumerate() {
                let (side, fee) = (if buy { Side::Buy } else { Side::Sell }, Money::from_micros(commission));
                book.mark(SymbolId(0), Mark { last: Some(Price(price)), ..Mark::default() });
                ledger.mark(Price(price));
                if quantity > 0 {
                    let fill = fill(n, 0, side, quantity, price);
                    book.apply(&fill);
                    book.commission(&fill.exec_id, fee);
                    ledger.fill(i64::from(side.sign()) * i64::from(quantity), Price(price), fee);
                }
                prop_assert_eq!(book.performance(None), ledger.performance());
                prop_assert_eq!(book.equity(), ledger.equity());
                prop_assert_eq!(book.losses_in_row(StrategyId(0)), ledger.losses_in_row());
                prop_assert_eq!(book.position(StrategyId(0), SymbolId(0)), ledger.position());
            }
        }
    }
}
