//! What the market shows of one symbol: the last quote, the last trade, and how much of the quote is still there.
//! In: market events. Out: what an order could take, how long its queue is.
//! Absent: orders, and what triggers them.

use crate::market::{MarketEvent, Price, Quote, Trade};
use crate::time::Timestamp;
use crate::trade::Side;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Book {
    pub quote: Option<Quote>,
    pub trade: Option<Trade>,
    /// Contracts of the quote that nobody here has taken yet.
    bid_left: u32,
    ask_left: u32,
    /// The market has closed and opened again since, and nothing was seen of it yet: these prices value positions, and
    /// nobody deals at them.
    before_open: bool,
}

/// What an order can have at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Offer {
    pub price: Price,
    /// Contracts, greater than zero.
    pub size: u32,
}

/// Whether an order of `side` with this limit may trade at `price`.
pub(super) fn within(side: Side, price: Price, limit: Price) -> bool {
    match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    }
}

/// Whether a trade at `price` left an order resting at `limit` behind: somebody dealt worse than it offered.
pub(super) fn through(side: Side, price: Price, limit: Price) -> bool {
    price != limit && within(side, price, limit)
}

impl Book {
    pub fn apply(&mut self, event: &MarketEvent) {
        let first = std::mem::take(&mut self.before_open);
        match event {
            MarketEvent::Trade(trade) => {
                self.trade = Some(*trade);
                // Who quoted before the close quotes no more.
                self.quote = self.quote.filter(|_| !first);
            }
            MarketEvent::Quote(quote) => {
                self.quote = Some(*quote);
                self.bid_left = quote.bid_size;
                self.ask_left = quote.ask_size;
            }
        }
    }

    /// When it was seen last.
    pub fn newest(&self) -> Option<Timestamp> {
        self.quote.map(|quote| quote.ts).max(self.trade.map(|trade| trade.ts))
    }

    /// A session has begun of which nothing was seen.
    pub fn reopen(&mut self) {
        self.before_open = true;
    }

    /// Whether [`Book::reopen`] was the last that happened.
    pub fn is_before_open(&self) -> bool {
        self.before_open
    }

    /// What `side` could take now. A symbol without any quote trades at its last price in any size.
    pub fn offer(&self, side: Side) -> Option<Offer> {
        if self.before_open {
            return None;
        }
        let Some(quote) = &self.quote else {
            return self.trade.map(|t| Offer { price: t.price, size: u32::MAX });
        };
        let size = match side {
            Side::Buy => self.ask_left,
            Side::Sell => self.bid_left,
        };
        quote.touch(side).filter(|_| size > 0).map(|price| Offer { price, size })
    }

    /// Whether an order of `side` with this limit could not trade with what the market last offered, taken or not.
    pub fn keeps_out(&self, side: Side, limit: Price) -> bool {
        if self.before_open {
            return false;
        }
        let offered = match &self.quote {
            Some(quote) => quote.touch(side),
            None => self.trade.map(|trade| trade.price),
        };
        offered.is_some_and(|offered| !within(side, offered, limit))
    }

    /// `side` has taken `contracts` of the offer; they stay gone until the next quote.
    pub fn consume(&mut self, side: Side, contracts: u32) {
        if self.quote.is_none() {
            return;
        }
        let left = match side {
            Side::Buy => &mut self.ask_left,
            Side::Sell => &mut self.bid_left,
        };
        *left = left.checked_sub(contracts).expect("a fill is never larger than the offer");
    }

    /// The last trade; without one, the quote at which `closing` could trade, or else the other one.
    pub fn mark(&self, closing: Side) -> Option<Price> {
        match (&self.trade, &self.quote) {
            (Some(trade), _) => Some(trade.price),
            (None, Some(quote)) => quote.touch(closing).or_else(|| quote.touch(closing.opposite())),
            (None, None) => None,
        }
    }

    /// Contracts ahead of an order of `side` that joins at `limit` now; `None` when the market does not show that
    /// level: it lies behind the touch, or there is no quote at all.
    pub fn queue_at(&self, side: Side, limit: Price) -> Option<u32> {
        let quote = self.quote.as_ref().filter(|_| !self.before_open)?;
        let own = side.opposite();
        match quote.touch(own) {
            None => Some(0),
            Some(touch) if touch == limit => Some(quote.touch_size(own)),
            Some(touch) if through(side, touch, limit) => Some(0),
            Some(_) => None,
        }
    }
}
