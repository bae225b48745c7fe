//! A simulated exchange and broker account: orders in, market events in, reports out.
//! Absent: sockets, message formats, clocks; the simulated gateway and the backtester stand in front of it.
//!
//! The vocabulary is here and in `kind`, [`Venue`] in `exchange`. `requests` checks what clients ask; `book` is what the
//! market shows, `triggers` what wakes a waiting order, `matching` what the market does to orders, `fills` what a fill
//! changes; `families` ties children to parents; `oca` is the groups; `hours` and `timed` are what time does; `account`
//! is the money, `margin` and `margin_call` what of it is tied up; `desk` is what the broker does itself; `play` cuts a market into the
//! steps that clients see, `told` orders what they hear. `in_bars` is how all this goes when there are bars and no ticks,
//! `settlement` at which price days are settled, `expiry` the end of a contract.

use serde::{Deserialize, Serialize};

mod account;
mod book;
mod desk;
mod exchange;
mod expiry;
mod families;
mod fills;
mod forced;
mod hours;
pub mod in_bars;
mod kind;
mod lane;
mod margin;
mod margin_call;
mod matching;
mod oca;
mod orders;
pub mod play;
mod requests;
mod settlement;
#[cfg(test)]
mod tests;
mod timed;
pub mod told;
mod triggers;

pub use exchange::Venue;
pub use hours::Hours;
pub use kind::{Adjust, Kind, Terms, Tif, TrailBy, TriggerMethod};
pub use margin::{MarginRate, MarginTable, Margins, UNLISTED_PERCENT, WhatIf};
pub use play::{Player, Step};
pub use settlement::{MarkRule, SettleRule};

use crate::market::{Instrument, Price, SymbolId};
use crate::time::Timestamp;
use crate::trade::{Money, PermId, Side};

/// What one fill costs and how the account starts.
#[derive(Clone, Debug, PartialEq)]
pub struct VenueConfig {
    pub instruments: Vec<Instrument>,
    /// Commission per contract and side, where `rules` names none for the root.
    pub commission: Money,
    pub cash: Money,
    pub rules: Rules,
}

/// What the broker and the exchange insist on, besides prices.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Rules {
    pub hours: Hours,
    /// `None`: the account may hold anything.
    pub margins: Option<MarginTable>,
    /// Commission per contract and side by root.
    pub commissions: std::collections::BTreeMap<String, Money>,
}

impl Rules {
    /// As the broker has them: sessions by root and margins by [`MarginTable::default`].
    pub fn of_broker() -> Rules {
        Rules { margins: Some(MarginTable::default()), ..Rules::default() }
    }

    /// Nothing but prices: orders at any time, no margin.
    pub fn none() -> Rules {
        Rules { hours: Hours::Always, ..Rules::default() }
    }
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
    /// Unique per client and rising from 1; children name their parent by it. An order from outside the API has 0, or a
    /// negative number once client 0 has bound it.
    pub order_id: i32,
    pub symbol: SymbolId,
    pub side: Side,
    pub quantity: u32,
    pub kind: Kind,
    pub tif: Tif,
    pub parent_id: Option<i32>,
    pub oca: Option<(String, OcaType)>,
    /// `false`: wait at the gateway until an order of the same family arrives with `true`.
    pub transmit: bool,
    pub order_ref: String,
    pub terms: Terms,
}

/// The status words that clients see.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Status {
    /// Held at the gateway: not transmitted.
    PendingSubmit,
    /// Accepted, not at the exchange: a child before its parent's fill, an untriggered stop.
    PreSubmitted,
    Submitted,
    /// A cancel is on its way to the exchange. Only told, see `told`: the venue cancels at once.
    PendingCancel,
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
            Status::PendingCancel => "PendingCancel",
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
    /// Counts the venue's fills from 1; a correction keeps it.
    pub serial: u32,
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
    /// The broker closed the position.
    pub liquidation: bool,
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
    /// What it was worth at its last settlement, or cost since: its difference to the market is not in cash yet.
    pub basis: Money,
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
    /// An execution told before is not as it was told: same serial number, next execution id.
    Corrected(VenueExecution),
    /// The order is refused or cancelled by the venue: the error message that goes with it.
    Message {
        client_id: i32,
        order_id: i32,
        refusal: Refusal,
    },
}
