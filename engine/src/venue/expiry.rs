//! A contract ends. In: its symbol. Out: its orders, cancelled, and its position, settled in cash at the last price.
//! Absent: when that is; whoever plays the market says so. A final settlement price that the exchange works out from
//! something else than its own last trade (the opening prices of 500 stocks) is not known here.

use super::account::Happening;
use super::exchange::{Venue, name_once};
use super::families::End;
use super::orders::Slot;
use super::{Refusal, Report, SettleRule};
use crate::market::{Price, SymbolId};
use crate::time::Timestamp;

impl Venue {
    /// The contract does not trade any more. Its orders are cancelled, and its position is gone: what it gained since the
    /// last settlement is in cash, without commission. Returns the price by `rule`; one between two ticks is exact in cash,
    /// and told as the worse of the two. `None`: no such symbol, or no market to settle by; then a position stays as it is.
    pub fn expire(
        &mut self,
        now: Timestamp,
        symbol: SymbolId,
        rule: SettleRule,
        out: &mut Vec<Report>,
    ) -> Option<Price> {
        self.advance_clock(now);
        let index = self.lane_index(symbol)?;
        let from = out.len();
        let of_symbol = |slot: &Slot| self.orders[*slot].view.order.symbol == symbol;
        for slot in self.orders.live().filter(of_symbol).collect::<Vec<Slot>>() {
            self.end(slot, End::because("The contract has expired."), out);
        }
        let lane = &mut self.lanes[index];
        lane.expired = true;
        let held = lane.ledger.quantity();
        let twice = lane.settlement_price(rule).or_else(|| Some(2 * i64::from(lane.mark_any()?.0)));
        if let Some(twice) = twice {
            lane.ledger.expire(twice);
            lane.history.push(Happening::Expired { twice });
        }
        // A long position is worth less at the lower tick, a short one at the higher.
        let told = twice.map(|twice| if held < 0 { -(-twice).div_euclid(2) } else { twice.div_euclid(2) });
        let price = told.and_then(|ticks| i32::try_from(ticks).ok()).map(Price);
        self.after(out);
        name_once(out, from);
        price
    }

    /// Nobody deals in a contract that has ended.
    pub(super) fn check_expired(&self, symbol: SymbolId) -> Result<(), Refusal> {
        match self.lane_index(symbol).is_some_and(|index| self.lanes[index].expired) {
            true => Err(super::requests::rejected("The contract has expired.")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::market::{FeedEvent, MarketEvent, Price, Quote, Trade};
    use crate::time::Timestamp;
    use crate::trade::{Money, OrderKind, Side};
    use crate::venue::tests::{ES, order, venue};
    use crate::venue::{Report, SettleRule, Status};

    fn trade(at: i64, price: i32) -> FeedEvent {
        let ts = Timestamp::from_secs(at);
        FeedEvent { symbol: ES, event: MarketEvent::Trade(Trade { ts, price: Price(price), size: 5 }) }
    }

    #[test]
    fn a_position_becomes_cash_at_the_last_price_and_orders_end() {
        let (mut venue, mut out) = (venue(), Vec::new());
        venue.on_market(&trade(100, 20_000), &mut out);
        venue.place(Timestamp::from_secs(101), order(1, Side::Sell, 2, OrderKind::Market), &mut out).expect("good");
        let limit = OrderKind::Limit(Price(19_900));
        venue.place(Timestamp::from_secs(102), order(2, Side::Buy, 2, limit), &mut out).expect("good");
        venue.on_market(&trade(103, 20_010), &mut out);
        let (cash, costs) = (venue.cash(), venue.executions()[0].commission);
        let tick = Money::from_micros(12_500_000);
        out.clear();
        assert_eq!(venue.expire(Timestamp::from_secs(104), ES, SettleRule::Last, &mut out), Some(Price(20_010)));
        assert_eq!(venue.cash() - cash, tick * -20, "two contracts sold ten ticks below, nothing paid for it");
        assert_eq!(venue.equity(), venue.cash(), "nothing is left to value");
        let position = venue.positions().find(|p| p.symbol == ES).expect("it is listed");
        assert_eq!((position.quantity, position.cost), (0, Money::ZERO));
        assert_eq!(position.realised, tick * -20 - costs);
        let ended = venue.order_of(1, 2).expect("it was placed");
        assert_eq!(ended.status, Status::Cancelled);
        let told = out.iter().any(|report| {
            matches!(report, Report::Message { order_id: 2, refusal, .. } if refusal.text.contains("has expired"))
        });
        assert!(told, "{out:?}");
        let late = venue.place(Timestamp::from_secs(105), order(3, Side::Buy, 1, OrderKind::Market), &mut out);
        assert!(late.expect_err("it is over").text.contains("has expired"));
    }
    #[test]
    fn a_price_between_two_ticks_is_exact_in_cash_and_told_against_the_holder() {
        for (side, told, gained) in [(Side::Buy, 20_004, 9), (Side::Sell, 20_005, -9)] {
            let (mut venue, mut out) = (venue(), Vec::new());
            venue.on_market(&trade(100, 20_000), &mut out);
            venue.place(Timestamp::from_secs(101), order(1, side, 1, OrderKind::Market), &mut out).expect("good");
            let ts = Timestamp::from_secs(102);
            let (bid, ask) = (Some(Price(20_004)), Some(Price(20_005)));
            let quote = Quote { ts, bid, ask, bid_size: 5, ask_size: 5 };
            venue.on_market(&FeedEvent { symbol: ES, event: MarketEvent::Quote(quote) }, &mut out);
            let cash = venue.cash();
            let price = venue.expire(Timestamp::from_secs(103), ES, SettleRule::Newest, &mut out);
            assert_eq!(price, Some(Price(told)));
            // Four ticks and a half.
            assert_eq!(venue.cash() - cash, Money::from_micros(6_250_000) * gained);
        }
    }
}
