//! Fills that the market did not make: for rehearsals of what a real exchange does out of turn. In: an order that is at
//! the exchange. Out: its execution and all that follows from it.

use super::Report;
use super::exchange::{Venue, name_once};
use super::orders::Stage;
use crate::market::Price;
use crate::time::Timestamp;
use crate::trade::PermId;

impl Venue {
    /// Fills what remains of a live order at once: at its limit, otherwise at its stop, the touch or the last trade.
    /// `false`, and nothing has changed, if it is not at the exchange or there is no price.
    pub fn fill_now(&mut self, now: Timestamp, perm_id: PermId, out: &mut Vec<Report>) -> bool {
        let Some(slot) = self.orders.slot_of(perm_id) else {
            return false;
        };
        let contracts = self.orders.fillable(slot);
        let price = self.forced_price(perm_id);
        let at_exchange = matches!(self.orders[slot].stage, Stage::Armed | Stage::Working);
        let Some(price) = price.filter(|_| at_exchange && contracts > 0) else {
            return false;
        };
        self.advance_clock(now);
        let from = out.len();
        self.fill(slot, contracts, price, out);
        self.settle_arrivals(out);
        self.after(out);
        name_once(out, from);
        true
    }

    fn forced_price(&self, perm_id: PermId) -> Option<Price> {
        let order = &self.order(perm_id)?.order;
        let of_order = order.kind.limit_price(order.side).or_else(|| order.kind.trigger_price());
        let touch = || self.quote(order.symbol).and_then(|quote| quote.touch(order.side));
        of_order.or_else(touch).or_else(|| self.last_trade(order.symbol).map(|trade| trade.price))
    }
}
