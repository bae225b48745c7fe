//! The trading vocabulary: money, sides, intents, tickets, what the broker is asked and what it says.
//! Absent: who decides, who sends.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use crate::market::{Price, SymbolId};
use crate::time::Timestamp;

/// Account currency in millionths of a unit. Exact; overflow is a bug and panics.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Money(i64);

impl Money {
    pub const ZERO: Money = Money(0);
    pub const MAX: Money = Money(i64::MAX);
    const SCALE: u32 = 6;

    #[inline]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    #[inline]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// `None` if the amount has more than six decimals or does not fit.
    pub fn from_decimal(amount: Decimal) -> Option<Self> {
        let micros = amount.checked_mul(Decimal::from(1_000_000))?;
        if !micros.is_integer() {
            return None;
        }
        micros.to_i64().map(Self)
    }

    /// Nearest millionth, half to even. For amounts that arrive as binary floats (commissions on the wire).
    pub fn from_f64(amount: f64) -> Option<Self> {
        let micros = (amount * 1e6).round_ties_even();
        (micros.abs() < 9.0e18).then_some(Self(micros as i64))
    }

    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, Self::SCALE).normalize()
    }
}

impl fmt::Display for Money {
    /// Two decimals, as statements show money.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.2}", Decimal::new(self.0, Self::SCALE).round_dp(2));
        f.pad(&text)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.to_decimal())
    }
}

const OVERFLOW: &str = "an amount of money left the range of nine trillion units";

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money(self.0.checked_add(other.0).expect(OVERFLOW))
    }
}

impl Sub for Money {
    type Output = Money;
    #[inline]
    fn sub(self, other: Money) -> Money {
        Money(self.0.checked_sub(other.0).expect(OVERFLOW))
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money(self.0.checked_neg().expect(OVERFLOW))
    }
}

impl Mul<i64> for Money {
    type Output = Money;
    fn mul(self, times: i64) -> Money {
        Money(self.0.checked_mul(times).expect(OVERFLOW))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        *self = *self + other;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Money) {
        *self = *self - other;
    }
}

/// A part of a whole in millionths: 0.02 is 20,000. From nothing to all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Fraction(u32);

impl Fraction {
    const ALL_PPM: u32 = 1_000_000;

    /// More than all is all.
    pub const fn from_ppm(ppm: u32) -> Self {
        Self(if ppm > Self::ALL_PPM { Self::ALL_PPM } else { ppm })
    }

    /// `None` if it is not from 0 to 1, or has more than six decimals.
    pub fn from_decimal(part: Decimal) -> Option<Self> {
        let ppm = part.checked_mul(Decimal::from(Self::ALL_PPM))?;
        ppm.is_integer().then(|| ppm.to_u32()).flatten().filter(|ppm| *ppm <= Self::ALL_PPM).map(Self)
    }

    /// This part of an amount, rounded toward zero.
    pub fn of(self, whole: Money) -> Money {
        let micros = i128::from(whole.0) * i128::from(self.0) / i128::from(Self::ALL_PPM);
        Money(i64::try_from(micros).expect("a part is not larger than the whole"))
    }
}

impl fmt::Display for Fraction {
    /// Percent, without superfluous digits: `2 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", Decimal::new(i64::from(self.0), 4).normalize())
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Add::add)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    pub const fn sign(self) -> i32 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }

    pub const fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// The side whose fill makes a position of this sign; `None` for zero.
    pub const fn of_position(position: i64) -> Option<Side> {
        match position {
            0 => None,
            p if p > 0 => Some(Side::Buy),
            _ => Some(Side::Sell),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }
}

/// Index of a strategy instance in the session's table of strategies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct StrategyId(pub u16);

impl StrategyId {
    /// Whose positions are those that no strategy of ours made: trades by hand, of other programs, and what an operator
    /// accepted. Counted, told, never closed.
    pub const FOREIGN: StrategyId = StrategyId(u16::MAX);
    /// What reports call [`StrategyId::FOREIGN`]; no strategy may have this name.
    pub const FOREIGN_NAME: &'static str = "foreign";
}

/// Our own order identity. Rises over the life of a journal, never reused; travels as `orderRef`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ClientOrderId(pub u64);

/// The order id on the API connection. Only rises.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct BrokerOrderId(pub i32);

/// The broker's permanent id of an order; exceeds 32 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PermId(pub i64);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum OrderKind {
    Market,
    Limit(Price),
    Stop(Price),
    StopLimit { stop: Price, limit: Price },
}

impl OrderKind {
    /// The name that Interactive Brokers uses.
    pub fn name(self) -> &'static str {
        match self {
            OrderKind::Market => "MKT",
            OrderKind::Limit(_) => "LMT",
            OrderKind::Stop(_) => "STP",
            OrderKind::StopLimit { .. } => "STP LMT",
        }
    }

    pub fn limit_price(self) -> Option<Price> {
        match self {
            OrderKind::Limit(limit) | OrderKind::StopLimit { limit, .. } => Some(limit),
            OrderKind::Market | OrderKind::Stop(_) => None,
        }
    }

    pub fn stop_price(self) -> Option<Price> {
        match self {
            OrderKind::Stop(stop) | OrderKind::StopLimit { stop, .. } => Some(stop),
            OrderKind::Market | OrderKind::Limit(_) => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum TimeInForce {
    Day,
    GoodTillCancelled,
    ImmediateOrCancel,
    FillOrKill,
}

impl TimeInForce {
    /// The name that Interactive Brokers uses.
    pub fn name(self) -> &'static str {
        match self {
            TimeInForce::Day => "DAY",
            TimeInForce::GoodTillCancelled => "GTC",
            TimeInForce::ImmediateOrCancel => "IOC",
            TimeInForce::FillOrKill => "FOK",
        }
    }
}

/// Protective children of an entry, at absolute prices.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Bracket {
    pub stop: Price,
    pub target: Option<Price>,
}

/// What a strategy wants. Not an order: only the risk gate can make one of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Intent {
    /// Open or add: an entry with a protective bracket.
    Enter { side: Side, quantity: u32, kind: OrderKind, bracket: Bracket },
    /// Close this strategy's whole position at market; its bracket is withdrawn by the OCA group.
    Exit,
    /// Cancel this strategy's entries that have not filled.
    CancelEntries,
    /// An order as it stands, beside whatever the strategy holds; a position that it opens may be without a stop.
    /// Backtests only, see [`crate::books::Books::allow_unprotected`].
    Order { side: Side, quantity: u32, kind: OrderKind, tif: TimeInForce, bracket: Option<Bracket> },
}

/// An intent with its origin.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderIntent {
    pub strategy: StrategyId,
    pub symbol: SymbolId,
    pub at: Timestamp,
    pub intent: Intent,
    /// Why, in the strategy's words: `fast 5003.25 crossed above slow 5001.50`.
    pub reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Leg {
    Entry,
    Stop,
    Target,
    Exit,
    /// Not an order of ours: another program's.
    Foreign,
    /// Not an order of ours: entered by hand in a trading window.
    Manual,
    /// Not an order of ours: the broker closed a position.
    Liquidation,
    /// No order at all: a position that the broker has and an operator accepted.
    Accepted,
    /// No order at all: the contract ended, and the position was settled in cash.
    Settlement,
}

impl Leg {
    /// No execution of the broker's: its lists do not name it.
    pub fn is_unlisted(self) -> bool {
        matches!(self, Leg::Accepted | Leg::Settlement)
    }

    pub fn name(self) -> &'static str {
        match self {
            Leg::Entry => "entry",
            Leg::Stop => "stop",
            Leg::Target => "target",
            Leg::Exit => "exit",
            Leg::Foreign => "foreign",
            Leg::Manual => "manual",
            Leg::Liquidation => "liquidation",
            Leg::Accepted => "accepted",
            Leg::Settlement => "settlement",
        }
    }
}

/// One order as it is sent to the broker, complete.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderTicket {
    pub id: ClientOrderId,
    pub order_id: BrokerOrderId,
    pub strategy: StrategyId,
    pub symbol: SymbolId,
    pub leg: Leg,
    pub side: Side,
    /// Contracts, greater than zero.
    pub quantity: u32,
    pub kind: OrderKind,
    pub tif: TimeInForce,
    /// The entry whose fill activates this order.
    pub parent: Option<BrokerOrderId>,
    /// Orders of one group reduce each other as they fill (OCA type 2).
    pub oca_group: Option<String>,
    /// `false` holds the order at the gateway until the last of its bracket comes.
    pub transmit: bool,
    /// Our identity at the broker: see [`ClientOrderId`].
    pub order_ref: String,
}

impl OrderTicket {
    /// The entry of the bracket that this order belongs to: children name it in their OCA group.
    pub fn family(&self) -> ClientOrderId {
        let of_group = |group: &String| group.rsplit('-').next()?.parse().ok().map(ClientOrderId);
        self.oca_group.as_ref().and_then(of_group).unwrap_or(self.id)
    }
}

/// Which question an answer belongs to, by how things stood when it was asked. An older one may still be answered after
/// a newer one was asked; equal ones are as good as one another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Question {
    pub at: Timestamp,
    /// The newest order: what was sent later is not judged by the answer.
    pub newest: ClientOrderId,
    /// Executions booked by then.
    pub executions: usize,
}

/// What the broker actor is asked to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BrokerRequest {
    /// Tickets in the order in which they must arrive: entry, then children.
    Place(Vec<OrderTicket>),
    /// The same order id with another quantity or price.
    Modify(OrderTicket),
    Cancel(BrokerOrderId),
    /// Ask for open orders, completed orders, executions and positions; answered by [`BrokerEvent::Snapshot`].
    TakeInventory(Question),
    /// Ask for positions only; answered by [`BrokerEvent::Positions`].
    ComparePositions(Question),
}

/// An order's status in the broker's words, reduced to what we act on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum BrokerStatus {
    PendingSubmit,
    PreSubmitted,
    Submitted,
    PendingCancel,
    Cancelled,
    Filled,
    Inactive,
    /// A word this program does not know; kept out of decisions.
    Other,
}

impl BrokerStatus {
    /// From the wire's word, e.g. `PreSubmitted`.
    pub fn from_wire(word: &str) -> Self {
        match word {
            "PendingSubmit" | "ApiPending" => Self::PendingSubmit,
            "PreSubmitted" => Self::PreSubmitted,
            "Submitted" => Self::Submitted,
            "PendingCancel" => Self::PendingCancel,
            "Cancelled" | "ApiCancelled" => Self::Cancelled,
            "Filled" => Self::Filled,
            "Inactive" => Self::Inactive,
            _ => Self::Other,
        }
    }
}

/// One execution as the broker reports it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Execution {
    /// Unique; a correction has the same text up to the last dot.
    pub exec_id: String,
    pub order_id: BrokerOrderId,
    pub perm_id: PermId,
    pub client_id: i32,
    /// Empty for orders that are not ours.
    pub order_ref: String,
    pub symbol: SymbolId,
    pub side: Side,
    pub quantity: u32,
    pub price: Price,
    /// Exchange time, one-second resolution at Interactive Brokers.
    pub at: Timestamp,
    pub liquidation: bool,
}

/// `0000e1a7.6b0373b5.02.01` without its last part, which counts corrections.
pub fn exec_base(exec_id: &str) -> &str {
    exec_id.rsplit_once('.').map_or(exec_id, |(base, _)| base)
}

/// An order as open-order and completed-order replies show it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BrokerOrder {
    pub order_id: BrokerOrderId,
    pub perm_id: PermId,
    pub client_id: i32,
    pub order_ref: String,
    pub symbol: SymbolId,
    pub side: Side,
    pub quantity: u32,
    pub filled: u32,
    pub status: BrokerStatus,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BrokerPosition {
    pub symbol: SymbolId,
    /// Contracts, negative when short.
    pub quantity: i64,
}

/// Everything the broker knows of this account at one moment.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct BrokerSnapshot {
    pub open_orders: Vec<BrokerOrder>,
    pub completed_orders: Vec<BrokerOrder>,
    pub executions: Vec<Execution>,
    /// Commissions that came with the executions, by execution id.
    pub commissions: Vec<(String, Money)>,
    pub positions: Vec<BrokerPosition>,
}

/// What the broker says about orders.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BrokerEvent {
    /// The connection is up; ids below this may be in use.
    NextOrderId(BrokerOrderId),
    Status {
        order_id: BrokerOrderId,
        perm_id: PermId,
        status: BrokerStatus,
        filled: u32,
        remaining: u32,
    },
    Execution(Execution),
    Commission {
        exec_id: String,
        amount: Money,
    },
    /// An error or warning that names one of our orders.
    OrderMessage {
        order_id: BrokerOrderId,
        code: i32,
        text: String,
    },
    /// The request could not be handed to the connection at all: nothing was sent.
    NotSent {
        order_id: BrokerOrderId,
        text: String,
    },
    Snapshot(Question, Box<BrokerSnapshot>),
    Positions(Question, Vec<BrokerPosition>),
}

/// A fill of one of our orders.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fill {
    pub exec_id: String,
    pub order: ClientOrderId,
    pub strategy: StrategyId,
    pub symbol: SymbolId,
    pub leg: Leg,
    pub side: Side,
    /// Contracts, greater than zero.
    pub quantity: u32,
    pub price: Price,
    pub at: Timestamp,
}

/// Whether new orders may be made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Trading {
    Allowed,
    /// No new entries; exits and cancels pass as far as the connection allows.
    Paused,
    /// Positions are being closed.
    Liquidating,
}
