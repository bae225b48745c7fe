//! The account's ledger of one symbol: average cost and closed profit, in exact money.
//! In: fills. Out: position, cost, profit of the closed part. Absent: orders, commissions of other symbols.

use super::VenuePosition;
use crate::market::{Price, SymbolId};
use crate::trade::{Money, Side};

#[derive(Clone, Copy, Debug)]
pub(super) struct Ledger {
    /// Money that one contract gains per tick, greater than zero.
    tick_value: Money,
    /// Contracts, negative when short.
    quantity: i64,
    /// What the open part cost, negative when short.
    cost: Money,
    /// Closed profit after all commissions.
    realised: Money,
}

impl Ledger {
    pub fn new(tick_value: Money) -> Self {
        Self { tick_value, quantity: 0, cost: Money::ZERO, realised: Money::ZERO }
    }

    /// Books one fill. Returns the profit of the closed part after this fill's commission, `None` if it only opens.
    pub fn fill(&mut self, side: Side, contracts: u32, price: Price, commission: Money) -> Option<Money> {
        let signed = i64::from(side.sign()) * i64::from(contracts);
        let closed = if self.quantity.signum() == -signed.signum() {
            -self.quantity.signum() * self.quantity.abs().min(signed.abs())
        } else {
            0
        };
        let gross = self.close(closed, price);
        let opened = signed - closed;
        self.quantity += opened;
        self.cost += self.worth(price, opened);
        self.realised += gross - commission;
        (closed != 0).then_some(gross - commission)
    }

    /// Closes `closed` contracts (signed as the fill) at average cost. A share of the cost that is not a whole
    /// millionth is rounded toward zero; the remainder stays with the open part, so a flat position owes nothing.
    fn close(&mut self, closed: i64, price: Price) -> Money {
        if closed == 0 {
            return Money::ZERO;
        }
        let share = i128::from(self.cost.micros()) * i128::from(-closed) / i128::from(self.quantity);
        let share = Money::from_micros(i64::try_from(share).expect("a share is not larger than the whole"));
        self.cost -= share;
        self.quantity += closed;
        self.worth(price, -closed) - share
    }

    fn worth(&self, price: Price, contracts: i64) -> Money {
        self.tick_value * i64::from(price.0) * contracts
    }

    /// Closed profit after all commissions; what this ledger adds to the account's cash.
    pub fn realised(&self) -> Money {
        self.realised
    }

    /// Profit of the open part if it were closed at `mark`.
    pub fn unrealised(&self, mark: Price) -> Money {
        self.worth(mark, self.quantity) - self.cost
    }

    /// The side that would close the position; `None` when flat.
    pub fn closing_side(&self) -> Option<Side> {
        Side::of_position(self.quantity).map(Side::opposite)
    }

    /// `None` if the symbol was never traded and there is nothing to show.
    pub fn view(&self, symbol: SymbolId) -> VenuePosition {
        let tick = self.tick_value.micros().max(1);
        let nearest = (self.cost.micros() + self.cost.micros().signum() * (tick / 2)) / tick;
        VenuePosition { symbol, quantity: self.quantity, cost_ticks: nearest, cost: self.cost, realised: self.realised }
    }
}
