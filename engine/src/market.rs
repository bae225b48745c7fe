//! The market's vocabulary: instruments, integer prices, trades, quotes, bars.
//! Absent: where they come from, what is done with them.

use std::fmt;
use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::trade::{Money, Side};

/// Index of an [`Instrument`] in the session's table of instruments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct SymbolId(pub u16);

/// A price as a whole number of the instrument's ticks (ES: quarter points).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Price(pub i32);

impl Price {
    /// This price moved by `ticks` in the direction that is good for `side`: up for a buyer.
    pub fn better_for(self, side: Side, ticks: i32) -> Price {
        Price(self.0.saturating_add(side.sign().saturating_mul(ticks)))
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}t", self.0)
    }
}

/// What a contract is: names, price grid and money per tick.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Instrument {
    pub id: SymbolId,
    /// The name that configuration, logs and the database use: `ES` or, for one of several expiries, `ESH4`.
    pub name: String,
    /// The root symbol at the broker: `ES`.
    pub root: String,
    /// The contract month as the broker asks for it, `YYYYMM` or `YYYYMMDD`; `None` for the front month.
    pub expiry: Option<String>,
    pub exchange: String,
    pub currency: String,
    /// Smallest price step in points, greater than zero.
    #[serde(with = "rust_decimal::serde::str")]
    pub tick_size: Decimal,
    /// Currency units per point for one contract.
    #[serde(with = "rust_decimal::serde::str")]
    pub multiplier: Decimal,
}

/// Why a number is not a price of this instrument.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum BadPrice {
    #[error("not a finite number")]
    NotFinite,
    #[error("{0} is not on the tick grid")]
    OffGrid(f64),
    #[error("{0} is outside the range of prices")]
    OutOfRange(f64),
}

/// Prices this far from zero, in ticks, are a fault of the feed (ES: ten million points).
const PRICE_TICKS_MAX: f64 = 40_000_000.0;

impl Instrument {
    /// Money that one contract gains when the price rises by one tick.
    pub fn tick_value(&self) -> Money {
        Money::from_decimal(self.tick_size * self.multiplier).expect("validated when the configuration was read")
    }

    /// A price in points to ticks. Binary floating point of a decimal price is accepted within a thousandth of a tick.
    pub fn price_from_f64(&self, points: f64) -> Result<Price, BadPrice> {
        PriceGrid::of(self).price(points)
    }

    /// A price in points to ticks, exactly.
    pub fn price_from_decimal(&self, points: Decimal) -> Result<Price, BadPrice> {
        let ticks = points / self.tick_size;
        let shown = points.to_f64().unwrap_or(f64::NAN);
        if !ticks.is_integer() {
            return Err(BadPrice::OffGrid(shown));
        }
        ticks.to_i32().map(Price).filter(|p| f64::from(p.0).abs() <= PRICE_TICKS_MAX).ok_or(BadPrice::OutOfRange(shown))
    }

    /// Ticks to points, exactly.
    pub fn points(&self, price: Price) -> Decimal {
        (self.tick_size * Decimal::from(price.0)).normalize()
    }

    pub fn points_f64(&self, price: Price) -> f64 {
        self.points(price).to_f64().expect("a price has few digits")
    }
}

/// The price grid of one instrument, ready for the tick path: one multiplication a price.
#[derive(Clone, Copy, Debug)]
pub struct PriceGrid {
    ticks_per_point: f64,
}

impl PriceGrid {
    pub fn of(instrument: &Instrument) -> Self {
        let ticks_per_point = (Decimal::ONE / instrument.tick_size).to_f64().expect("tick size is validated");
        Self { ticks_per_point }
    }

    #[inline]
    pub fn price(&self, points: f64) -> Result<Price, BadPrice> {
        let ticks = points * self.ticks_per_point;
        if !ticks.is_finite() {
            return Err(BadPrice::NotFinite);
        }
        let whole = ticks.round();
        if (ticks - whole).abs() > 1e-3 {
            return Err(BadPrice::OffGrid(points));
        }
        if whole.abs() > PRICE_TICKS_MAX {
            return Err(BadPrice::OutOfRange(points));
        }
        Ok(Price(whole as i32))
    }
}

/// Decimal points from a binary float as feeds send them, rounded to 1e-9. `None` for NaN and infinities.
pub fn decimal_points(points: f64) -> Option<Decimal> {
    Decimal::from_f64(points).map(|d| d.round_dp(9).normalize())
}

/// One trade. 16 bytes, so that four fit a cache line. A size of zero is real and counts for prices.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Trade {
    pub ts: Timestamp,
    pub price: Price,
    /// Contracts.
    pub size: u32,
}

/// Best bid and offer. A side with nobody on it is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quote {
    pub ts: Timestamp,
    pub bid: Option<Price>,
    pub ask: Option<Price>,
    /// Contracts.
    pub bid_size: u32,
    pub ask_size: u32,
}

impl Quote {
    /// The price at which `side` could trade at once: the ask for a buyer.
    pub fn touch(&self, side: Side) -> Option<Price> {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }

    pub fn touch_size(&self, side: Side) -> u32 {
        match side {
            Side::Buy => self.ask_size,
            Side::Sell => self.bid_size,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MarketEvent {
    Trade(Trade),
    Quote(Quote),
}

impl MarketEvent {
    pub fn ts(&self) -> Timestamp {
        match self {
            MarketEvent::Trade(t) => t.ts,
            MarketEvent::Quote(q) => q.ts,
        }
    }
}

/// What a source of market data yields, in the order in which it happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FeedEvent {
    pub symbol: SymbolId,
    pub event: MarketEvent,
}

/// How far a bar can be believed. Ordered from best to worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Quality {
    /// Every trade of the interval that the feed sent is in it.
    Complete,
    /// A trade that came after the close was added.
    Revised,
    /// Filled from historical data.
    Repaired,
    /// The feed began or ended inside the interval.
    Partial,
    /// Trades are known to be missing.
    Gap,
}

impl Quality {
    pub const ALL: [Quality; 5] =
        [Quality::Complete, Quality::Revised, Quality::Repaired, Quality::Partial, Quality::Gap];

    pub fn name(self) -> &'static str {
        match self {
            Quality::Complete => "complete",
            Quality::Revised => "revised",
            Quality::Repaired => "repaired",
            Quality::Partial => "partial",
            Quality::Gap => "gap",
        }
    }

    /// The less believable of the two.
    pub fn worse(self, other: Quality) -> Quality {
        self.max(other)
    }
}

/// Open, high, low, close of the trades in `[open_ts, open_ts + length)`. Stamped at its open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bar {
    pub symbol: SymbolId,
    pub open_ts: Timestamp,
    /// Seconds, greater than zero.
    pub length_s: u32,
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
    /// Contracts.
    pub volume: u64,
    /// Number of trades, zero-size ones included.
    pub trades: u32,
    pub quality: Quality,
}

impl Bar {
    /// The first instant after the bar.
    pub fn end(&self) -> Timestamp {
        self.open_ts + Duration::from_secs(u64::from(self.length_s))
    }
}
