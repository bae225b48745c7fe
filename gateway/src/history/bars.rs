//! Bars while they are made: of trades, and of quotes. In: trades, quotes, shorter bars. Out: prices, sums, averages.
//! Prices are ticks, or half ticks where the middle of two is meant. Absent: when a bar begins and ends.

use engine::market::{Price, Quote, Trade};
use engine::time::Timestamp;

use super::ring::Timed;

/// Open, high, low and close.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prices {
    pub open: i32,
    pub high: i32,
    pub low: i32,
    pub close: i32,
}

impl Prices {
    pub fn at(price: i32) -> Self {
        Self { open: price, high: price, low: price, close: price }
    }

    fn touch(&mut self, price: i32) {
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
    }

    fn absorb(&mut self, later: Prices) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TradeBar {
    pub start: Timestamp,
    pub prices: Prices,
    /// Contracts.
    pub volume: u64,
    pub count: u32,
    /// Sum of price times size, for the average.
    pub value: i128,
}

impl TradeBar {
    pub fn of(start: Timestamp, trade: &Trade) -> Self {
        let size = u64::from(trade.size);
        let value = i128::from(trade.price.0) * i128::from(size);
        Self { start, prices: Prices::at(trade.price.0), volume: size, count: 1, value }
    }

    pub fn trade(&mut self, trade: &Trade) {
        self.absorb(&Self::of(trade.ts, trade));
    }

    pub fn absorb(&mut self, later: &TradeBar) {
        self.prices.absorb(later.prices);
        self.volume += later.volume;
        self.count = self.count.saturating_add(later.count);
        self.value += later.value;
    }

    /// Average price in ticks weighted by size; the close when nothing but trades of no size happened.
    pub fn average(&self) -> f64 {
        if self.volume == 0 {
            return f64::from(self.prices.close);
        }
        self.value as f64 / self.volume as f64
    }
}

impl Timed for TradeBar {
    fn ts(&self) -> Timestamp {
        self.start
    }
}

/// Both sides of the market at one moment; a side with nobody on it is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Sides {
    pub bid: Option<i32>,
    pub ask: Option<i32>,
}

impl Sides {
    pub fn of(quote: &Quote) -> Self {
        let ticks = |price: Option<Price>| price.map(|price| price.0);
        Self { bid: ticks(quote.bid), ask: ticks(quote.ask) }
    }

    /// Half ticks.
    pub fn middle(&self) -> Option<i32> {
        Some(self.bid?.saturating_add(self.ask?))
    }
}

/// The price of one side summed over time.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Area {
    /// Ticks times nanoseconds.
    sum: i128,
    nanos: i128,
}

impl Area {
    fn add(&mut self, price: Option<i32>, nanos: i128) {
        if let Some(price) = price {
            self.sum += i128::from(price) * nanos;
            self.nanos += nanos;
        }
    }

    fn absorb(&mut self, later: Area) {
        self.sum += later.sum;
        self.nanos += later.nanos;
    }

    /// Average over time in ticks; `None` if the side was empty throughout.
    pub fn average(&self) -> Option<f64> {
        (self.nanos > 0).then(|| self.sum as f64 / self.nanos as f64)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuoteBar {
    pub start: Timestamp,
    /// Averages are counted as far as here.
    pub up_to: Timestamp,
    pub bid: Option<Prices>,
    pub ask: Option<Prices>,
    /// Half ticks.
    pub middle: Option<Prices>,
    pub bid_area: Area,
    pub ask_area: Area,
    /// What stands at the end.
    pub now: Sides,
}

impl QuoteBar {
    /// `standing`: what the market showed when the bar began, if it was open then.
    pub fn begin(start: Timestamp, standing: Option<Sides>) -> Self {
        let none = Area::default();
        let now = Sides::default();
        let mut bar =
            Self { start, up_to: start, bid: None, ask: None, middle: None, bid_area: none, ask_area: none, now };
        if let Some(sides) = standing {
            bar.show(sides);
        }
        bar
    }

    fn show(&mut self, sides: Sides) {
        touch(&mut self.bid, sides.bid);
        touch(&mut self.ask, sides.ask);
        touch(&mut self.middle, sides.middle());
        self.now = sides;
    }

    /// Time passes and nothing changes.
    pub fn advance(&mut self, to: Timestamp) {
        if to > self.up_to {
            let nanos = i128::from(to.nanos()) - i128::from(self.up_to.nanos());
            self.bid_area.add(self.now.bid, nanos);
            self.ask_area.add(self.now.ask, nanos);
            self.up_to = to;
        }
    }

    pub fn quote(&mut self, at: Timestamp, sides: Sides) {
        self.advance(at);
        self.show(sides);
    }

    pub fn absorb(&mut self, later: &QuoteBar) {
        self.advance(later.start);
        join(&mut self.bid, later.bid);
        join(&mut self.ask, later.ask);
        join(&mut self.middle, later.middle);
        self.bid_area.absorb(later.bid_area);
        self.ask_area.absorb(later.ask_area);
        self.up_to = later.up_to;
        self.now = later.now;
    }
}

impl Timed for QuoteBar {
    fn ts(&self) -> Timestamp {
        self.start
    }
}

fn touch(prices: &mut Option<Prices>, price: Option<i32>) {
    match (prices, price) {
        (_, None) => {}
        (Some(prices), Some(price)) => prices.touch(price),
        (none, Some(price)) => *none = Some(Prices::at(price)),
    }
}

fn join(prices: &mut Option<Prices>, later: Option<Prices>) {
    match (prices, later) {
        (_, None) => {}
        (Some(prices), Some(later)) => prices.absorb(later),
        (none, later) => *none = later,
    }
}
