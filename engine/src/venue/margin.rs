//! What positions and orders tie up. In: the account, an order that somebody asks about. Out: initial and maintenance
//! margin, whether an order can be afforded, what it would do. Absent: what happens when it cannot be held any longer
//! (`margin_call`).
//!
//! One rate a contract and root, long or short, without offsets between contracts: what Interactive Brokers asks
//! overnight of futures, which it holds to the exchange's rates or above.

use std::collections::BTreeMap;

use super::exchange::Venue;
use super::lane::Lane;
use super::orders::Slot;
use super::{NewOrder, Refusal};
use crate::trade::{Money, Side};

/// Money that one contract ties up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MarginRate {
    /// Needed to open.
    pub initial: Money,
    /// Needed to stay.
    pub maintenance: Money,
}

impl MarginRate {
    /// In whole units of the currency.
    pub const fn of(initial: i64, maintenance: i64) -> Self {
        Self {
            initial: Money::from_micros(initial * 1_000_000),
            maintenance: Money::from_micros(maintenance * 1_000_000),
        }
    }
}

/// Rates by root. A root that is not listed is charged [`UNLISTED_PERCENT`] of the contract's value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarginTable(pub BTreeMap<String, MarginRate>);

/// Initial margin of a root without a rate, in percent of the value at its last settlement; maintenance is a tenth less.
pub const UNLISTED_PERCENT: i64 = 10;

/// Plausible rates of late 2026, USD a contract: maintenance as the exchange sets it, initial a tenth above.
const RATES: [(&str, MarginRate); 12] = [
    ("ES", MarginRate::of(25_300, 23_000)),
    ("MES", MarginRate::of(2_530, 2_300)),
    ("NQ", MarginRate::of(37_400, 34_000)),
    ("MNQ", MarginRate::of(3_740, 3_400)),
    ("YM", MarginRate::of(17_050, 15_500)),
    ("MYM", MarginRate::of(1_705, 1_550)),
    ("RTY", MarginRate::of(10_450, 9_500)),
    ("M2K", MarginRate::of(1_045, 950)),
    ("GC", MarginRate::of(24_200, 22_000)),
    ("MGC", MarginRate::of(2_420, 2_200)),
    ("SI", MarginRate::of(35_200, 32_000)),
    ("SIL", MarginRate::of(7_040, 6_400)),
];

impl Default for MarginTable {
    fn default() -> Self {
        Self(RATES.into_iter().map(|(root, rate)| (root.to_owned(), rate)).collect())
    }
}

/// Margin of the account at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Margins {
    pub initial: Money,
    pub maintenance: Money,
}

/// What an order would do to the account if it filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WhatIf {
    pub before: Margins,
    pub after: Margins,
    pub equity_before: Money,
    pub equity_after: Money,
    pub commission: Money,
}

/// What one symbol's orders could make of its position.
#[derive(Clone, Copy, Default)]
struct Exposure {
    buys: i64,
    sells: i64,
}

impl Venue {
    /// Cash as settled, plus what open positions gained since their last settlement.
    pub fn equity(&self) -> Money {
        self.cash() + self.variation()
    }

    /// What open positions gained since their last settlement, not yet in cash.
    pub fn variation(&self) -> Money {
        self.lanes.iter().filter_map(|lane| Some(lane.ledger.variation(lane.mark()?))).sum()
    }

    /// Margin of the open positions.
    pub fn margins(&self) -> Margins {
        self.lanes.iter().fold(Margins::default(), |sum, lane| sum.plus(lane.rate, lane.ledger.quantity().abs()))
    }

    /// What `order` would do if it filled completely. Refused as the order itself would be.
    pub fn what_if(&self, order: &NewOrder) -> Result<WhatIf, Refusal> {
        self.check_new(order)?;
        let lane = &self.lanes[self.lane_index(order.symbol).expect("the order was checked")];
        let (before, held) = (self.margins(), lane.ledger.quantity());
        let then = held + i64::from(order.side.sign()) * i64::from(order.quantity);
        let after = before.plus(lane.rate, then.abs() - held.abs());
        let commission = lane.commission * i64::from(order.quantity);
        let equity_before = self.equity();
        Ok(WhatIf { before, after, equity_before, equity_after: equity_before - commission, commission })
    }

    /// Whether the account can afford the order besides all that works already; a child closes, so it needs nothing.
    pub(super) fn check_margin(&self, slot: Slot) -> Result<(), Refusal> {
        if self.margin_table.is_none() || self.orders[slot].parent.is_some() {
            return Ok(());
        }
        let order = &self.orders[slot].view.order;
        self.afford(self.initial_with(slot, 0), self.initial_with(slot, order.quantity))
    }

    /// Whether the account can afford that a working order grows to `quantity`.
    pub(super) fn check_growth(&self, slot: Slot, quantity: u32) -> Result<(), Refusal> {
        let entry = &self.orders[slot];
        if self.margin_table.is_none() || entry.parent.is_some() || quantity <= entry.view.order.quantity {
            return Ok(());
        }
        let filled = entry.view.filled;
        self.afford(
            self.initial_with(slot, entry.view.remaining()),
            self.initial_with(slot, quantity.saturating_sub(filled)),
        )
    }

    fn afford(&self, before: Money, after: Money) -> Result<(), Refusal> {
        let equity = self.equity();
        if after <= before || after <= equity {
            return Ok(());
        }
        let currency = &self.currency;
        Err(Refusal::new(
            201,
            format!(
                "Order rejected - reason:Available funds are insufficient. In order to obtain the desired position \
                 your Equity with Loan Value [{equity} {currency}] must exceed the new total Initial Margin of \
                 [{after} {currency}]"
            ),
        ))
    }

    /// Initial margin of positions and orders at the worst, if order `slot` had `contracts` to fill.
    fn initial_with(&self, slot: Slot, contracts: u32) -> Money {
        let mut exposures = vec![Exposure::default(); self.lanes.len()];
        // Of an OCA group only the largest order of each side can fill.
        let mut groups: BTreeMap<(usize, usize, bool), i64> = BTreeMap::new();
        for other in self.orders.live() {
            let entry = &self.orders[other];
            let size = match other == slot {
                true => contracts,
                false if entry.parent.is_some() || !entry.view.order.transmit => 0,
                false => entry.view.remaining(),
            };
            let (lane, buys) = (self.lane_of_order(other), entry.view.order.side == Side::Buy);
            match entry.group {
                Some(group) => {
                    let largest = groups.entry((group, lane, buys)).or_default();
                    *largest = (*largest).max(i64::from(size));
                }
                None => exposures[lane].add(buys, i64::from(size)),
            }
        }
        for ((_, lane, buys), size) in groups {
            exposures[lane].add(buys, size);
        }
        self.lanes.iter().zip(&exposures).map(|(lane, exposure)| lane.rate.initial * exposure.worst(lane)).sum()
    }
}

impl Exposure {
    fn add(&mut self, buys: bool, contracts: i64) {
        if buys { self.buys += contracts } else { self.sells += contracts }
    }

    /// The largest position, long or short, that the orders can make of what is held.
    fn worst(self, lane: &Lane) -> i64 {
        let held = lane.ledger.quantity();
        held.abs().max((held + self.buys).abs()).max((held - self.sells).abs())
    }
}

impl Margins {
    fn plus(self, rate: MarginRate, contracts: i64) -> Margins {
        Margins {
            initial: self.initial + rate.initial * contracts,
            maintenance: self.maintenance + rate.maintenance * contracts,
        }
    }
}
