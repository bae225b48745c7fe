//! What the intake lets through. Prices are ticks.

use proptest::prelude::*;

use super::*;
use crate::market::Trade;
use crate::time::Timestamp;

struct Market {
    intake: Intake,
    /// Trades that reach a bar.
    taken: Vec<i32>,
    corrupt: u32,
    lost: u32,
}

impl Market {
    /// A market that has traded at `price` for a while.
    fn at(price: i32) -> Self {
        let mut market = Self::new();
        for _ in 0..SETTLED_AFTER {
            market.trade(price).quote(price - 1, price + 1);
        }
        market.taken.clear();
        market
    }

    fn new() -> Self {
        Self { intake: Intake::new(400), taken: Vec::new(), corrupt: 0, lost: 0 }
    }

    fn see(&mut self, event: MarketEvent) -> bool {
        match self.intake.see(&event) {
            Verdict::Take => return true,
            Verdict::Corrupt(_) => self.corrupt += 1,
            Verdict::Lost(_) => self.lost += 1,
            Verdict::Drop => {}
        }
        false
    }

    fn trade(&mut self, price: i32) -> &mut Self {
        let trade = Trade { ts: Timestamp::from_secs(0), price: Price(price), size: 1 };
        if self.see(MarketEvent::Trade(trade)) {
            self.taken.push(price);
        }
        self
    }

    fn quote(&mut self, bid: i32, ask: i32) -> &mut Self {
        let (bid, ask) = (Some(Price(bid)), Some(Price(ask)));
        let quote = Quote { ts: Timestamp::from_secs(0), bid, ask, bid_size: 1, ask_size: 1 };
        self.see(MarketEvent::Quote(quote));
        self
    }

    fn mark(&self) -> (Option<i32>, Option<i32>, Option<i32>) {
        let mark = self.intake.mark();
        (mark.last.map(|p| p.0), mark.bid.map(|p| p.0), mark.ask.map(|p| p.0))
    }
}

#[test]
fn a_price_far_from_the_last_one_reaches_no_bar_and_no_mark() {
    let mut market = Market::at(20_000);
    market.trade(20_401).trade(19_599).trade(20_400);
    assert_eq!(market.taken, [20_400]);
    assert_eq!((market.lost, market.corrupt), (1, 0), "said once");
    assert_eq!(market.mark(), (Some(20_400), Some(19_999), Some(20_001)));
}

#[test]
fn a_constant_that_is_added_to_every_price_is_never_believed() {
    // What a farm's return did to ES once, here within the range of prices.
    let mut market = Market::at(20_000);
    for n in 0..5_000 {
        market.trade(30_000_000 + n % 4).quote(29_999_999, 30_000_001);
    }
    assert!(market.taken.is_empty());
    assert_eq!(market.corrupt, 2 - 1, "told once");
    assert_eq!(market.mark(), (Some(20_000), Some(19_999), Some(20_001)));
    market.trade(20_001);
    assert_eq!(market.taken, [20_001], "the true price goes on where it was");
}

#[test]
fn a_real_gap_that_trades_and_quotes_confirm_moves_the_band() {
    let mut market = Market::at(20_000);
    market.trade(19_000).quote(18_999, 19_001).trade(19_001).quote(19_000, 19_002);
    assert!(market.taken.is_empty());
    market.trade(19_002).trade(19_003);
    assert_eq!(market.taken, [19_002, 19_003], "the fifth that agrees");
    assert_eq!(market.corrupt, 0);
}

#[test]
fn without_quotes_twenty_trades_are_needed() {
    let mut market = Market::at(20_000);
    for n in 0..ALONE_MIN as i32 + 1 {
        market.trade(19_000 + n);
    }
    assert_eq!(market.taken, [19_019, 19_020]);
    assert_eq!(market.corrupt, 1, "until then it is taken for corrupt");
}

#[test]
fn prices_that_do_not_agree_with_each_other_move_nothing() {
    let mut market = Market::at(20_000);
    for n in 0..100 {
        market.trade(if n % 2 == 0 { 22_000 } else { 18_000 });
    }
    assert_eq!((market.taken.len(), market.corrupt), (0, 1));
}

#[test]
fn a_first_price_that_was_wrong_does_not_lock_the_true_ones_out() {
    let mut market = Market::new();
    market.trade(9_000_000);
    for _ in 0..3 {
        market.trade(20_000).quote(19_999, 20_001);
    }
    assert_eq!(market.mark(), (Some(20_000), Some(19_999), Some(20_001)));
}

#[test]
fn one_side_of_a_quote_that_is_far_away_does_not_hold() {
    let mut market = Market::at(20_000);
    market.quote(19_990, 90_000);
    assert_eq!(market.mark(), (Some(20_000), Some(19_990), None));
}

#[test]
fn corrupt_quotes_beside_good_trades_are_found() {
    let mut market = Market::at(20_000);
    for _ in 0..6 {
        market.trade(20_000).quote(900_000, 900_001);
    }
    assert_eq!((market.corrupt, market.taken.len()), (1, 6));
    assert_eq!(market.mark().1, Some(19_999));
}

#[test]
fn a_listener_hears_one_good_tick_and_none_while_prices_are_corrupt() {
    let mut market = Market::at(20_000);
    market.trade(20_000);
    assert_eq!(market.intake.take_fresh(), None, "nobody listens");
    market.intake.listen();
    market.trade(20_000).trade(20_000);
    assert_eq!(market.intake.take_fresh(), Some(Fresh { cleaned: false }));
    assert_eq!(market.intake.take_fresh(), None);
    for _ in 0..5 {
        market.trade(9_000_000);
    }
    assert_eq!(market.corrupt, 1);
    market.intake.listen();
    for _ in 0..CORRUPT_AT - 1 {
        market.trade(20_000);
        assert_eq!(market.intake.take_fresh(), None);
    }
    market.trade(20_000);
    assert_eq!(market.intake.take_fresh(), Some(Fresh { cleaned: true }));
}

#[test]
fn what_cannot_be_read_counts_as_refused() {
    let mut intake = Intake::new(400);
    assert!(matches!(intake.unreadable(true, "1337586203.25 is outside the range of prices"), Verdict::Lost(_)));
    for _ in 0..3 {
        assert_eq!(intake.unreadable(true, "the same"), Verdict::Drop);
    }
    assert!(matches!(intake.unreadable(true, "the same"), Verdict::Corrupt(_)));
}

proptest! {
    /// Whatever comes, no price reaches a bar that is further from the one before it than a fifth, once settled.
    #[test]
    fn no_trade_is_taken_that_is_not_plausible(prices in prop::collection::vec((0_i32..3, -200_000_i32..40_000_000), 1..300)) {
        let mut market = Market::at(20_000);
        let mut last = 20_000_i64;
        for (kind, price) in prices {
            let price = if kind == 0 { 20_000 + price % 3_000 } else { price };
            let before = market.taken.len();
            market.trade(price);
            if market.taken.len() > before {
                let moved = (i64::from(price) - last).abs();
                prop_assert!(moved <= (last.abs() / 5).max(4_000), "{last} to {price}");
                last = i64::from(price);
            }
        }
    }
}

#[test]
fn after_a_restart_a_feed_that_is_wrong_from_its_first_tick_reaches_nothing() {
    let mut market = Market::new();
    market.intake = Intake::new(400).after(Some(Price(20_000)));
    assert_eq!(market.mark(), (None, None, None), "an old price holds for nothing");
    for n in 0..5_000 {
        market.trade(30_000_000 + n % 4).quote(29_999_999, 30_000_001);
    }
    assert!(market.taken.is_empty());
    assert_eq!((market.mark(), market.corrupt), ((None, None, None), 1));
    market.trade(20_400);
    assert_eq!(market.taken, [20_400], "within the band");
}

#[test]
fn after_a_restart_a_market_that_moved_meanwhile_is_believed_when_trades_and_quotes_agree() {
    let mut market = Market::new();
    market.intake = Intake::new(400).after(Some(Price(20_000)));
    market.trade(21_000).quote(20_999, 21_001).trade(21_001).quote(21_000, 21_002);
    assert!(market.taken.is_empty());
    market.trade(21_002);
    assert_eq!((market.taken.as_slice(), market.corrupt), ([21_002].as_slice(), 0));
    let mut fresh = Market::new();
    fresh.intake = Intake::new(400).after(None);
    fresh.trade(30_000_000);
    assert_eq!(fresh.taken, [30_000_000], "without an earlier session nobody knows better");
}
