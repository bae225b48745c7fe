//! A simulated exchange and broker account: orders in, market events in, reports out.
//! Absent: sockets, message formats, clocks; the simulated gateway and the backtester stand in front of it.
//!
//! The vocabulary is here, [`Venue`] in `exchange`. `requests` checks what clients ask; `book` is what the market
//! shows, `matching` what it does to orders, `fills` what a fill changes; `families` ties children to parents; `oca`
//! is the groups, `account` the money; `play` cuts a market into the steps that clients see, `told` orders what they hear.

use serde::{Deserialize, Serialize};

mod account;
mod book;
mod exchange;
mod families;
mod fills;
mod forced;
mod matching;
mod oca;
mod orders;
pub mod play;
mod requests;
#[cfg(test)]
mod tests;
pub mod told;

pub use exchange::Venue;
pub use play::{Player, Step};

use crate::market::{Instrument, Price, SymbolId};
use crate::time::Timestamp;
use crate::trade::{Money, OrderKind, PermId, Side, TimeInForce};

/// What one fill costs and how the account starts.
#[derive(Clone, Debug, PartialEq)]
pub struct VenueConfig {
    pub instruments: Vec<Instrument>,
    /// Commission per contract and side.
    pub commission: Money,
    pub cash: Money,
}

/// How orders of one OCA group affect each other, by IB's numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum OcaType {
    /// 1: a fill, even a partial one, cancels the others.
    CancelWithBlock,
    /// 2: a fill reduces the others, never both at once.
    ReduceWithBlock,
    /// 3: a fill reduces the others.
    ReduceNonBlock,
}

/// An order as a client places it. Prices are on the grid and quantities positive: the wire layer refuses the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewOrder {
    pub client_id: i32,
    /// Unique per client and rising from 1; children name their parent by it.
    pub order_id: i32,
    pub symbol: SymbolId,
    pub side: Side,
    pub quantity: u32,
    pub kind: OrderKind,
    pub tif: TimeInForce,
    pub parent_id: Option<i32>,
    pub oca: Option<(String, OcaType)>,
    /// `false`: wait at the gateway until an order of the same family arrives with `true`.
    pub transmit: bool,
    pub order_ref: String,
}

/// The status words that clients see.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Status {
    /// Held at the gateway: not transmitted.
    PendingSubmit,
    /// Accepted, not at the exchange: a child before its parent's fill, an untriggered stop.
    PreSubmitted,
    Submitted,
    Cancelled,
    Filled,
    /// Refused.
    Inactive,
}

impl Status {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Status::PendingSubmit => "PendingSubmit",
            Status::PreSubmitted => "PreSubmitted",
            Status::Submitted => "Submitted",
            Status::Cancelled => "Cancelled",
            Status::Filled => "Filled",
            Status::Inactive => "Inactive",
        }
    }
}

/// One order as the venue sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VenueOrder {
    pub perm_id: PermId,
    pub order: NewOrder,
    pub status: Status,
    pub filled: u32,
    /// Sum of price ticks times contracts of the fills; average = this / filled.
    pub fill_ticks: i64,
    pub last_fill: Option<Price>,
    pub placed_at: Timestamp,
}

impl VenueOrder {
    /// Contracts still to fill; `order.quantity` shrinks when an OCA group reduces it.
    pub fn remaining(&self) -> u32 {
        self.order.quantity - self.filled
    }
}

/// One execution with what it did to the account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VenueExecution {
    /// `0000e1a7.6b0373b5.02.01`: the last part counts corrections.
    pub exec_id: String,
    pub perm_id: PermId,
    pub client_id: i32,
    pub order_id: i32,
    pub order_ref: String,
    pub symbol: SymbolId,
    pub side: Side,
    pub quantity: u32,
    pub price: Price,
    pub at: Timestamp,
    /// Of this order so far, this fill included.
    pub cumulative: u32,
    pub commission: Money,
    /// Profit of the closed part after commission of this fill; `None` when it only opens.
    pub realised: Option<Money>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VenuePosition {
    pub symbol: SymbolId,
    /// Contracts, negative when short.
    pub quantity: i64,
    /// Sum of price ticks times contracts of the open part, negative when short; to the nearest tick after a part of
    /// a position with several prices was closed.
    pub cost_ticks: i64,
    /// The same in money, exact.
    pub cost: Money,
    /// Closed profit after commission.
    pub realised: Money,
}

/// Why the venue does not do what it was asked; codes as Interactive Brokers numbers them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub code: i32,
    pub text: String,
}

impl Refusal {
    fn new(code: i32, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

/// What the venue reports, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    /// The order is new or its status, filled quantity or size changed; read it with [`Venue::order`]. What one call
    /// reports names an order once at most, after the executions that it counts.
    Order(PermId),
    Execution(VenueExecution),
    /// The order is refused or cancelled by the venue: the error message that goes with it.
    Message {
        client_id: i32,
        order_id: i32,
        refusal: Refusal,
    },
}
