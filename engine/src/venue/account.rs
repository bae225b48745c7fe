//! The account's ledger of one symbol: average cost, settlement, closed profit, in exact money.
//! In: fills, settlements, corrections. Out: position, cost, profit of the closed part, what went into cash.
//! Absent: orders, commissions of other symbols.
//!
//! Two costs are kept. `cost` is what the open part was bought or sold for: average cost, realised and unrealised profit
//! as clients see them come from it. `basis` is its value at the last settlement, whose difference to the market has yet
//! to go into cash: futures are settled every day.

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
    /// What the open part was worth at its last settlement or at its fill since, negative when short.
    basis: Money,
    /// Closed profit after all commissions.
    realised: Money,
    /// What this symbol brought into the account's cash: settled gains, less commissions.
    cash: Money,
}

/// What happened to a ledger, so that it can be told again with one part changed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happening {
    /// The execution with this serial number.
    Fill { serial: u32 },
    Settled {
        /// Twice the price: the middle of a quote may lie between two ticks.
        twice: i64,
    },
    /// The position was set from outside.
    Set { quantity: i64, at: Price },
    /// The contract ended.
    Expired {
        /// Twice the price, as for [`Happening::Settled`].
        twice: i64,
    },
}

impl Ledger {
    pub fn new(tick_value: Money) -> Self {
        let zero = Money::ZERO;
        Self { tick_value, quantity: 0, cost: zero, basis: zero, realised: zero, cash: zero }
    }

    /// Books one fill. Returns the profit of the closed part after this fill's commission, `None` if it only opens.
    pub fn fill(&mut self, side: Side, contracts: u32, price: Price, commission: Money) -> Option<Money> {
        let signed = i64::from(side.sign()) * i64::from(contracts);
        let closed = self.closed_by(signed);
        let (cost, basis) = self.take_off(closed);
        let opened = signed - closed;
        self.quantity += opened;
        self.cost += self.worth(price, opened);
        self.basis += self.worth(price, opened);
        let gross = self.worth(price, -closed) - cost;
        self.realised += gross - commission;
        self.cash += self.worth(price, -closed) - basis - commission;
        (closed != 0).then_some(gross - commission)
    }

    /// The gain since the last settlement goes into cash.
    pub fn settle(&mut self, twice: i64) {
        let worth = Money::from_micros((self.tick_value * twice * self.quantity).micros() / 2);
        self.cash += worth - self.basis;
        self.basis = worth;
    }

    /// The contract ends: the position is closed at half of `twice`, and nothing is paid for it.
    pub fn expire(&mut self, twice: i64) {
        self.settle(twice);
        self.realised += self.basis - self.cost;
        (self.quantity, self.cost, self.basis) = (0, Money::ZERO, Money::ZERO);
    }

    /// The position becomes `quantity` without a trade: what goes leaves at its cost, what comes, comes at `at`.
    pub fn set(&mut self, quantity: i64, at: Price) {
        let change = quantity - self.quantity;
        let closed = self.closed_by(change);
        self.take_off(closed);
        let opened = change - closed;
        self.quantity += opened;
        self.cost += self.worth(at, opened);
        self.basis += self.worth(at, opened);
    }

    /// The part of a signed change that closes.
    fn closed_by(&self, signed: i64) -> i64 {
        if self.quantity.signum() == -signed.signum() {
            -self.quantity.signum() * self.quantity.abs().min(signed.abs())
        } else {
            0
        }
    }

    /// Takes `closed` contracts (signed as the change) off at average cost; returns their cost and basis. A share that
    /// is not a whole millionth is rounded toward zero; the remainder stays with the open part, so a flat position owes
    /// nothing.
    fn take_off(&mut self, closed: i64) -> (Money, Money) {
        if closed == 0 {
            return (Money::ZERO, Money::ZERO);
        }
        let held = self.quantity;
        let share = |whole: Money| {
            let share = i128::from(whole.micros()) * i128::from(-closed) / i128::from(held);
            Money::from_micros(i64::try_from(share).expect("a share is not larger than the whole"))
        };
        let (cost, basis) = (share(self.cost), share(self.basis));
        self.cost -= cost;
        self.basis -= basis;
        self.quantity += closed;
        (cost, basis)
    }

    fn worth(&self, price: Price, contracts: i64) -> Money {
        self.tick_value * i64::from(price.0) * contracts
    }

    pub fn quantity(&self) -> i64 {
        self.quantity
    }

    pub fn tick_value(&self) -> Money {
        self.tick_value
    }

    /// Settled gains less commissions: what this ledger adds to the account's cash.
    pub fn cash(&self) -> Money {
        self.cash
    }

    /// Profit of the open part if it were closed at `mark`.
    pub fn unrealised(&self, mark: Price) -> Money {
        self.worth(mark, self.quantity) - self.cost
    }

    /// What the open part gained since its last settlement if it is worth `mark`.
    pub fn variation(&self, mark: Price) -> Money {
        self.worth(mark, self.quantity) - self.basis
    }

    /// The side that would close the position; `None` when flat.
    pub fn closing_side(&self) -> Option<Side> {
        Side::of_position(self.quantity).map(Side::opposite)
    }

    /// `None` if the symbol was never traded and there is nothing to show.
    pub fn view(&self, symbol: SymbolId) -> VenuePosition {
        let tick = self.tick_value.micros().max(1);
        let nearest = (self.cost.micros() + self.cost.micros().signum() * (tick / 2)) / tick;
        VenuePosition {
            symbol,
            quantity: self.quantity,
            cost_ticks: nearest,
            cost: self.cost,
            basis: self.basis,
            realised: self.realised,
        }
    }
}
