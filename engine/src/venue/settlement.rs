//! At which price positions are settled and valued. In: what a symbol's market shows. Out: settled cash, equity.
//! Absent: when days end; whoever plays the market says so.

use super::Report;
use super::exchange::{Venue, name_once};
use super::lane::Lane;
use super::margin::MarginRate;
use crate::market::{Price, SymbolId};
use crate::time::Timestamp;
use crate::trade::{Money, Side};
use crate::venue::account::Happening;

/// The price of a daily settlement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SettleRule {
    /// The last trade; without one, the quote that would close the position.
    #[default]
    Last,
    /// Whatever came last: the trade, or the middle of the quote, which may lie between two ticks. At one instant the
    /// trade counts. As LEAN values a security.
    Newest,
}

/// The price of an open position between settlements.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MarkRule {
    /// The last trade; without one, the quote that would close it.
    #[default]
    Last,
    /// The quote that would close it (a long one: the bid), or else the last trade.
    Touch,
}

impl Lane {
    /// Twice the settlement price; `None` while the market has shown nothing that settles this position.
    pub(super) fn settlement_price(&self, rule: SettleRule) -> Option<i64> {
        let twice = |price: Price| 2 * i64::from(price.0);
        match (rule, &self.book.trade, &self.book.quote) {
            (SettleRule::Newest, trade, Some(quote)) if trade.is_none_or(|trade| trade.ts < quote.ts) => {
                match (quote.bid, quote.ask) {
                    (Some(bid), Some(ask)) => Some(i64::from(bid.0) + i64::from(ask.0)),
                    (bid, ask) => bid.or(ask).or(trade.map(|t| t.price)).map(twice),
                }
            }
            (SettleRule::Newest, Some(trade), _) => Some(twice(trade.price)),
            (SettleRule::Newest | SettleRule::Last, ..) => self.mark().map(twice),
        }
    }

    fn marked(&self, rule: MarkRule) -> Option<Price> {
        let closing = self.ledger.closing_side()?;
        let touch = self.book.quote.and_then(|quote| quote.touch(closing));
        match rule {
            MarkRule::Last => self.mark(),
            MarkRule::Touch => touch.or_else(|| self.mark()),
        }
    }
}

impl Venue {
    /// As [`Venue::end_of_day`], at a price by `rule`; day orders end only `with_orders`.
    pub fn settle_at(&mut self, now: Timestamp, rule: SettleRule, with_orders: bool, out: &mut Vec<Report>) {
        self.advance_clock(now);
        let from = out.len();
        if with_orders {
            self.end_day_orders(out);
        }
        for lane in &mut self.lanes {
            lane.settle(rule);
        }
        self.note_settled();
        self.after(out);
        name_once(out, from);
    }

    /// Day orders of symbols without sessions end, and nothing else does.
    pub fn end_day(&mut self, now: Timestamp, out: &mut Vec<Report>) {
        self.advance_clock(now);
        let from = out.len();
        self.end_day_orders(out);
        self.after(out);
        name_once(out, from);
    }

    /// Cash, plus what open positions gained since they were settled, by this rule; less what closing them would cost
    /// in commission, if `closing_fees`.
    pub fn equity_at(&self, rule: MarkRule, closing_fees: bool) -> Money {
        let open = |lane: &Lane| {
            let gained = lane.marked(rule).map(|at| lane.ledger.variation(at)).unwrap_or_default();
            let fees = if closing_fees { lane.commission * lane.ledger.quantity().abs() } else { Money::ZERO };
            gained - fees
        };
        self.cash() + self.lanes.iter().map(open).sum::<Money>()
    }

    /// A position to begin with, held since before: bought or sold at `price`, settled never. `false`: no such symbol.
    pub fn hold(&mut self, symbol: SymbolId, side: Side, contracts: u32, price: Price) -> bool {
        let Some(index) = self.lane_index(symbol) else { return false };
        let lane = &mut self.lanes[index];
        let quantity = lane.ledger.quantity() + i64::from(side.sign()) * i64::from(contracts);
        lane.ledger.set(quantity, price);
        lane.history.push(Happening::Set { quantity, at: price });
        self.guard_positions();
        true
    }

    /// Money comes into the account, or leaves it, for no trade.
    pub fn credit(&mut self, amount: Money) {
        self.add_cash(amount);
        self.guard_positions();
    }

    /// Margin per contract of a symbol.
    pub fn margin_rate(&self, symbol: SymbolId) -> Option<MarginRate> {
        self.lane_index(symbol).map(|index| self.lanes[index].rate)
    }
}
