//! What positions and orders tie up. In: the account, an order that somebody asks about. Out: initial and maintenance
//! margin, whether an order can be afforded, what it would do, and the prices at which positions must be closed.
//! Absent: how they are closed (`desk`).
//!
//! One rate a contract and root, long or short, without offsets between contracts: what Interactive Brokers asks
//! overnight of futures, which it holds to the exchange's rates or above.

use std::collections::BTreeMap;

use super::book::Book;
use super::exchange::{Lane, Venue};
use super::orders::Slot;
use super::{NewOrder, Refusal};
use crate::market::Price;
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

/// Closing positions when the equity falls below the maintenance margin.
impl Venue {
    /// The symbols whose positions must be closed when `lane` shows `book`: largest margin first, until the rest is
    /// covered. Those that are being closed already count as closed.
    pub(super) fn margin_call(&self, lane: usize, book: &Book) -> Vec<usize> {
        if self.margin_table.is_none() {
            return Vec::new();
        }
        let held = |at: &usize| self.lanes[*at].ledger.quantity() != 0 && !self.is_liquidating(*at);
        let mut open: Vec<usize> = (0..self.lanes.len()).filter(held).collect();
        if open.is_empty() {
            return open;
        }
        let equity = self.equity() + self.moved(lane, book);
        let needed = |at: &usize| self.lanes[*at].rate.maintenance * self.lanes[*at].ledger.quantity().abs();
        let mut missing: Money = open.iter().map(needed).sum::<Money>() - equity;
        open.sort_by_key(|at| (std::cmp::Reverse(needed(at)), *at));
        let mut called = Vec::new();
        for at in open {
            if missing <= Money::ZERO {
                break;
            }
            missing -= needed(&at);
            called.push(at);
        }
        called
    }

    /// What the position of `lane` gains when it shows `book` instead of what it shows now.
    fn moved(&self, lane: usize, book: &Book) -> Money {
        let lane = &self.lanes[lane];
        let worth = |mark: Option<Price>| mark.map(|mark| lane.ledger.variation(mark)).unwrap_or_default();
        worth(lane.mark_in(book)) - worth(lane.mark())
    }

    fn is_liquidating(&self, lane: usize) -> bool {
        self.lanes[lane].working.iter().any(|slot| self.orders[*slot].view.order.terms.liquidation)
    }

    /// Finds again the prices at which a position could be called. Each symbol gets an equal share of what the account
    /// can lose, so while every market stays inside, the sum of the losses is covered.
    pub(super) fn guard_positions(&mut self) {
        if self.margin_table.is_none() {
            return;
        }
        let held: Vec<usize> = (0..self.lanes.len()).filter(|at| self.lanes[*at].ledger.quantity() != 0).collect();
        let spare = self.equity() - self.margins().maintenance;
        let share = spare.micros() / i64::try_from(held.len().max(1)).expect("few symbols");
        for at in 0..self.lanes.len() {
            let lane = &mut self.lanes[at];
            let guard = match held.contains(&at) {
                true => lane.guarded(share),
                false => None,
            };
            if lane.guard != guard {
                lane.guard = guard;
                self.watch(at);
            }
        }
    }
}

impl Lane {
    /// `(called at or below, called at or above)` when the position may lose `share` millionths.
    fn guarded(&self, share: i64) -> Option<(i32, i32)> {
        let always = Some((i32::MAX, i32::MIN));
        let Some(mark) = self.mark().filter(|_| share >= 0) else { return always };
        let per_tick = self.ledger.variation(Price(mark.0 + 1)) - self.ledger.variation(mark);
        if per_tick == Money::ZERO {
            return always;
        }
        let ticks = i32::try_from(share / per_tick.micros().abs()).unwrap_or(i32::MAX);
        Some(match per_tick > Money::ZERO {
            true => (mark.0.saturating_sub(ticks), i32::MAX),
            false => (i32::MIN, mark.0.saturating_add(ticks)),
        })
    }

    /// Charges a symbol without a rate by its value; for others the table's rate stays.
    pub(super) fn rate_by_value(&mut self) {
        let Some(mark) = self.mark_any().filter(|_| self.rate_from_value) else { return };
        let value = self.ledger.tick_value() * i64::from(mark.0.abs());
        let initial = Money::from_micros(value.micros() / 100 * UNLISTED_PERCENT);
        self.rate = MarginRate { initial, maintenance: Money::from_micros(initial.micros() / 10 * 9) };
    }
}
