//! The life of one order, as a table. In: a state and an event. Out: the next state, or an error that changes nothing.
//! Absent: prices, sending, clocks.

use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum State {
    /// In the journal and handed to the broker actor; the broker has not answered.
    Sent,
    /// The broker holds it and it is not at the exchange: a child that waits for its parent, a stop, a closed market.
    Held,
    /// At the exchange.
    Working,
    /// We asked to cancel; a fill can still win.
    CancelSent,
    /// What became of it is not known until reconciliation proves it.
    Unknown,
    Filled,
    Cancelled,
    Rejected,
}

impl State {
    pub const ALL: [State; 8] = [
        State::Sent,
        State::Held,
        State::Working,
        State::CancelSent,
        State::Unknown,
        State::Filled,
        State::Cancelled,
        State::Rejected,
    ];

    pub fn is_terminal(self) -> bool {
        matches!(self, State::Filled | State::Cancelled | State::Rejected)
    }

    pub fn name(self) -> &'static str {
        match self {
            State::Sent => "sent",
            State::Held => "held",
            State::Working => "working",
            State::CancelSent => "cancel_sent",
            State::Unknown => "unknown",
            State::Filled => "filled",
            State::Cancelled => "cancelled",
            State::Rejected => "rejected",
        }
    }
}
