//! Positions that the account cannot hold any longer. In: what markets show. Out: which positions must be closed, and
//! the prices until which nobody needs to look. Absent: how they are closed (`desk`), what they tie up (`margin`).

use super::Refusal;
use super::book::Book;
use super::exchange::Venue;
use super::lane::Lane;
use super::margin::{MarginRate, UNLISTED_PERCENT};
use super::requests::rejected;
use crate::market::{Price, SymbolId};
use crate::trade::Money;

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

    /// While the broker closes a position nobody else deals in it: two orders would close it twice.
    pub(super) fn check_called(&self, symbol: SymbolId) -> Result<(), Refusal> {
        match self.lane_index(symbol).is_some_and(|lane| self.is_liquidating(lane)) {
            true => Err(rejected("The position is being liquidated.")),
            false => Ok(()),
        }
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
