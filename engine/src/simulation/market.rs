//! A market that is made to order for the simulation: few events, much movement, small sizes. In: chance, time.
//! Out: quotes and trades. Absent: realism of arrivals; the synthetic market of `feeds` has that.

use std::time::Duration;

use super::chance::Chance;
use crate::market::{FeedEvent, MarketEvent, Price, Quote, SymbolId, Trade};
use crate::time::Timestamp;

const PRICE: i32 = 20_000;
const FAR: i32 = 4_000;
/// Between two events of one symbol.
const WAIT_MS: (u32, u32) = (120, 900);

#[derive(Clone, Debug)]
pub(super) struct Market {
    symbol: SymbolId,
    chance: Chance,
    thin: bool,
    middle: i32,
    /// Ticks that the price leans to, and for how many events more.
    lean: (i32, u32),
    at: Timestamp,
}

impl Market {
    pub fn new(symbol: SymbolId, start: Timestamp, thin: bool, chance: Chance) -> Self {
        Self { symbol, chance, thin, middle: PRICE, lean: (0, 0), at: start }
    }

    pub fn next_at(&self) -> Timestamp {
        self.at
    }

    pub fn symbol(&self) -> SymbolId {
        self.symbol
    }

    /// What happens at [`Market::next_at`].
    pub fn happen(&mut self) -> Vec<FeedEvent> {
        let now = self.at;
        self.at = now + Duration::from_millis(u64::from(self.chance.between(WAIT_MS.0, WAIT_MS.1)));
        if self.lean.1 == 0 {
            self.lean = (i32::try_from(self.chance.below(3)).unwrap_or(1) - 1, self.chance.between(10, 120));
        }
        self.lean.1 -= 1;
        let noise = i32::try_from(self.chance.below(5)).unwrap_or(2) - 2;
        let lean = if self.chance.percent(35) { self.lean.0 } else { 0 };
        self.jump(noise + lean);
        self.show(now)
    }

    pub fn jump(&mut self, ticks: i32) {
        self.middle = (self.middle + ticks).clamp(PRICE - FAR, PRICE + FAR);
    }

    /// A quote, and with it most of the time a trade at one of its sides.
    pub fn show(&mut self, ts: Timestamp) -> Vec<FeedEvent> {
        let most = if self.thin { 3 } else { 40 };
        let (bid, ask) = (Price(self.middle), Price(self.middle + 1));
        let (bid_size, ask_size) = (self.chance.between(1, most), self.chance.between(1, most));
        let quote = Quote { ts, bid: Some(bid), ask: Some(ask), bid_size, ask_size };
        let mut events = vec![MarketEvent::Quote(quote)];
        if self.chance.percent(80) {
            let (price, most) = if self.chance.percent(50) { (bid, bid_size) } else { (ask, ask_size) };
            events.push(MarketEvent::Trade(Trade { ts, price, size: self.chance.between(1, most) }));
        }
        events.into_iter().map(|event| FeedEvent { symbol: self.symbol, event }).collect()
    }

    /// Trades at once, one after another at the touch.
    pub fn burst(&mut self, ts: Timestamp, trades: u32) -> Vec<FeedEvent> {
        let mut events = Vec::new();
        for _ in 0..trades {
            let step = i32::try_from(self.chance.below(3)).unwrap_or(1) - 1;
            self.jump(step);
            events.extend(self.show(ts));
        }
        events
    }
}
