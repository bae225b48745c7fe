//! What a bar offers each side. In: a bar of trades, of quotes, or both. Out: prices at which a side could have dealt.

use crate::bar_market::{MarketBar, Ohlc};
use crate::market::Price;
use crate::trade::Side;

/// The newest known prices of a symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Prices {
    pub trades: Option<Ohlc>,
    pub bid: Option<Ohlc>,
    pub ask: Option<Ohlc>,
}

impl Prices {
    /// A bar alone; what it does not hold is not there.
    pub fn of(bar: &MarketBar) -> Self {
        let trades = bar.trades.as_ref().map(Ohlc::of);
        Self { trades, bid: bar.quotes.and_then(|q| q.bid), ask: bar.quotes.and_then(|q| q.ask) }
    }

    /// A bar, with what stood before where it holds nothing: a side that nobody quoted keeps its last price.
    pub fn after(&self, bar: &MarketBar) -> Self {
        let new = Self::of(bar);
        let kept = |now: Option<Ohlc>, before: Option<Ohlc>| now.or(before.map(|b| Ohlc::flat(b.close)));
        Self { trades: kept(new.trades, self.trades), bid: kept(new.bid, self.bid), ask: kept(new.ask, self.ask) }
    }

    /// Trades, or else the quotes at which `side` deals.
    pub fn trades_first(&self, side: Side) -> Option<Ohlc> {
        self.trades.or(self.quoted(side))
    }

    /// The quotes at which `side` deals (a buyer at the ask), or else trades.
    pub fn quotes_first(&self, side: Side) -> Option<Ohlc> {
        self.quoted(side).or(self.trades)
    }

    fn quoted(&self, side: Side) -> Option<Ohlc> {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }
}

/// The better of two prices for `side`: the lower one for a buyer.
pub(super) fn better(side: Side, a: Price, b: Price) -> Price {
    match side {
        Side::Buy => a.min(b),
        Side::Sell => a.max(b),
    }
}

pub(super) fn worse(side: Side, a: Price, b: Price) -> Price {
    better(side.opposite(), a, b)
}

/// The bar's price that is best for `side`.
pub(super) fn best(side: Side, bar: &Ohlc) -> Price {
    if side == Side::Buy { bar.low } else { bar.high }
}

/// The bar's price that is worst for `side`: what stops look at.
pub(super) fn worst(side: Side, bar: &Ohlc) -> Price {
    best(side.opposite(), bar)
}

/// Whether a market at `price` has reached a stop of `side`.
pub(super) fn reached(side: Side, price: Price, stop: Price) -> bool {
    match side {
        Side::Buy => price >= stop,
        Side::Sell => price <= stop,
    }
}

/// Whether `side` may deal at `price` under its limit.
pub(super) fn allowed(side: Side, price: Price, limit: Price) -> bool {
    better(side, price, limit) == price
}
