//! What an order may be: its kind, how long it lasts, what triggers it, what it turns into. In: nothing. Out: words
//! that clients use and prices that follow from them. Absent: orders, the market.

use crate::market::Price;
use crate::time::Timestamp;
use crate::trade::{OrderKind, Side, TimeInForce};

/// How far a trailing stop stays behind the market.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TrailBy {
    /// Ticks, greater than zero.
    Ticks(i32),
    /// Parts per million of the market's price: 5,000 is half a percent.
    Millionths(u32),
}

impl TrailBy {
    /// The stop of `side` for a market at `reference`, on the tick grid, at least one tick away.
    pub fn stop(self, side: Side, reference: Price) -> Price {
        let ticks = match self {
            TrailBy::Ticks(ticks) => ticks,
            TrailBy::Millionths(parts) => {
                let exact = i64::from(reference.0).abs() * i64::from(parts);
                i32::try_from((exact + 500_000) / 1_000_000).unwrap_or(i32::MAX)
            }
        };
        reference.better_for(side, ticks.max(1))
    }
}

/// An order's type with its prices, in ticks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    Market,
    Limit(Price),
    Stop(Price),
    StopLimit {
        stop: Price,
        limit: Price,
    },
    /// `stop` is where the stop is now; `None` until it has met a market.
    Trail {
        by: TrailBy,
        stop: Option<Price>,
    },
    /// The limit stays `offset` ticks worse than the stop.
    TrailLimit {
        by: TrailBy,
        stop: Option<Price>,
        offset: i32,
    },
    MarketIfTouched(Price),
    LimitIfTouched {
        trigger: Price,
        limit: Price,
    },
    MarketOnClose,
    LimitOnClose(Price),
}

impl From<OrderKind> for Kind {
    fn from(kind: OrderKind) -> Kind {
        match kind {
            OrderKind::Market => Kind::Market,
            OrderKind::Limit(limit) => Kind::Limit(limit),
            OrderKind::Stop(stop) => Kind::Stop(stop),
            OrderKind::StopLimit { stop, limit } => Kind::StopLimit { stop, limit },
        }
    }
}

impl Kind {
    /// The name that Interactive Brokers uses.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Market => "MKT",
            Kind::Limit(_) => "LMT",
            Kind::Stop(_) => "STP",
            Kind::StopLimit { .. } => "STP LMT",
            Kind::Trail { .. } => "TRAIL",
            Kind::TrailLimit { .. } => "TRAIL LIMIT",
            Kind::MarketIfTouched(_) => "MIT",
            Kind::LimitIfTouched { .. } => "LIT",
            Kind::MarketOnClose => "MOC",
            Kind::LimitOnClose(_) => "LOC",
        }
    }

    /// The worst price at which it may trade; `None`: any.
    pub fn limit_price(self, side: Side) -> Option<Price> {
        match self {
            Kind::Limit(limit)
            | Kind::StopLimit { limit, .. }
            | Kind::LimitIfTouched { limit, .. }
            | Kind::LimitOnClose(limit) => Some(limit),
            Kind::TrailLimit { stop, offset, .. } => stop.map(|stop| stop.better_for(side, offset)),
            Kind::Market | Kind::Stop(_) | Kind::Trail { .. } | Kind::MarketIfTouched(_) | Kind::MarketOnClose => None,
        }
    }

    /// The price that the market must reach before the order trades.
    pub fn trigger_price(self) -> Option<Price> {
        match self {
            Kind::Stop(at) | Kind::StopLimit { stop: at, .. } => Some(at),
            Kind::MarketIfTouched(at) | Kind::LimitIfTouched { trigger: at, .. } => Some(at),
            Kind::Trail { stop, .. } | Kind::TrailLimit { stop, .. } => stop,
            Kind::Market | Kind::Limit(_) | Kind::MarketOnClose | Kind::LimitOnClose(_) => None,
        }
    }

    /// Whether something must trigger it.
    pub fn is_triggered(self) -> bool {
        self.trail().is_some() || self.trigger_price().is_some()
    }

    /// Whether it triggers at a better price than the market's, not at a worse one as stops do.
    pub fn is_touched(self) -> bool {
        matches!(self, Kind::MarketIfTouched(_) | Kind::LimitIfTouched { .. })
    }

    pub fn trail(self) -> Option<TrailBy> {
        match self {
            Kind::Trail { by, .. } | Kind::TrailLimit { by, .. } => Some(by),
            _ => None,
        }
    }

    pub fn is_on_close(self) -> bool {
        matches!(self, Kind::MarketOnClose | Kind::LimitOnClose(_))
    }

    /// The same with the stop of a trailing order at `stop`; anything else stays as it is.
    pub fn trailed_to(self, stop: Price) -> Kind {
        match self {
            Kind::Trail { by, .. } => Kind::Trail { by, stop: Some(stop) },
            Kind::TrailLimit { by, offset, .. } => Kind::TrailLimit { by, stop: Some(stop), offset },
            other => other,
        }
    }
}

/// How long an order lasts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tif {
    Day,
    GoodTillCancelled,
    ImmediateOrCancel,
    FillOrKill,
    GoodTillDate(Timestamp),
}

impl From<TimeInForce> for Tif {
    fn from(tif: TimeInForce) -> Tif {
        match tif {
            TimeInForce::Day => Tif::Day,
            TimeInForce::GoodTillCancelled => Tif::GoodTillCancelled,
            TimeInForce::ImmediateOrCancel => Tif::ImmediateOrCancel,
            TimeInForce::FillOrKill => Tif::FillOrKill,
        }
    }
}

impl Tif {
    /// The name that Interactive Brokers uses.
    pub fn name(self) -> &'static str {
        match self {
            Tif::Day => "DAY",
            Tif::GoodTillCancelled => "GTC",
            Tif::ImmediateOrCancel => "IOC",
            Tif::FillOrKill => "FOK",
            Tif::GoodTillDate(_) => "GTD",
        }
    }
}

/// Which prices trigger an order, by IB's numbers. A buyer's stop looks at the bid and a seller's at the ask: the
/// cautious side, which moves last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TriggerMethod {
    /// 0 and 2: the last trade; for a symbol that never traded, the quote at which the order would fill.
    #[default]
    Last,
    /// 1: two quotes in a row.
    DoubleBidAsk,
    /// 3: two trades in a row.
    DoubleLast,
    /// 4: one quote.
    BidAsk,
    /// 7: a trade or a quote.
    LastOrBidAsk,
    /// 8: the middle of the quote.
    MidPoint,
}

impl TriggerMethod {
    /// `None` for a number that Interactive Brokers does not know.
    pub fn from_number(number: i32) -> Option<TriggerMethod> {
        Some(match number {
            0 | 2 => TriggerMethod::Last,
            1 => TriggerMethod::DoubleBidAsk,
            3 => TriggerMethod::DoubleLast,
            4 => TriggerMethod::BidAsk,
            7 => TriggerMethod::LastOrBidAsk,
            8 => TriggerMethod::MidPoint,
            _ => return None,
        })
    }

    /// Whether it takes two hits in a row.
    pub fn is_double(self) -> bool {
        matches!(self, TriggerMethod::DoubleBidAsk | TriggerMethod::DoubleLast)
    }
}

/// An adjustable stop: once the market has moved in its favour to `at`, the order becomes `to`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Adjust {
    pub at: Price,
    /// A [`Kind::Stop`], [`Kind::StopLimit`] or [`Kind::Trail`] with its stop.
    pub to: Kind,
}

/// Conditions of an order besides price and quantity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Terms {
    pub trigger: TriggerMethod,
    /// Not outside regular hours: a triggered order sleeps then, a closing order belongs to the earlier close.
    pub regular_only: bool,
    /// Not before this instant.
    pub good_after: Option<Timestamp>,
    pub adjust: Option<Adjust>,
    /// Placed by the broker to close a position: its executions carry the liquidation flag.
    pub liquidation: bool,
}
