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

/// What can happen to an order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// Status says that the broker has it but not the exchange.
    Held,
    /// Status says that the exchange has it.
    Accepted,
    /// An execution; `left` contracts remain.
    Filled {
        left: u32,
    },
    CancelRequested,
    /// Status says cancelled.
    CancelConfirmed,
    /// Something says that it may be gone (an error code, status Inactive), silence, or a lost link.
    Doubted,
    /// It was never handed to the connection.
    NotSent,
    /// Inventory: neither open, nor completed, nor executed.
    ProvedAbsent,
    /// Inventory: it ended without filling any further.
    ProvedEnded,
    /// Inventory: open at the broker, not at the exchange.
    ProvedHeld,
    /// Inventory: open at the exchange.
    ProvedWorking,
}

/// The event makes no sense in this state. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an order that is {} cannot take {event:?}", state.name())]
pub struct Unexpected {
    pub state: State,
    pub event: Event,
}

/// One row of the table for every legal pair.
pub fn next(state: State, event: Event) -> Result<State, Unexpected> {
    use Event as E;
    use State::{CancelSent, Cancelled, Filled, Held, Rejected, Sent, Unknown, Working};
    Ok(match (state, event) {
        (Sent | Held, E::Held) => Held,
        // Statuses are repeated and may arrive out of order: an order at the exchange does not go back.
        (Working, E::Held) => Working,
        (Sent | Held | Working, E::Accepted) => Working,
        // Only inventory ends doubt, and only the broker's word ends a cancel.
        (CancelSent, E::Held | E::Accepted) => CancelSent,
        (Unknown, E::Held | E::Accepted) => Unknown,

        // News that an execution or a cancel has overtaken: normal, and no news any more.
        (Filled | Cancelled, E::Held | E::Accepted | E::CancelConfirmed | E::Doubted) => state,

        // An execution alone is enough to close an order: its status may come later or never.
        (_, E::Filled { left: 0 }) if state != Filled => Filled,
        (Sent | Held | Working, E::Filled { .. }) => Working,
        (CancelSent | Unknown | Cancelled, E::Filled { .. }) => state,
        // It was called dead and trades: what is left of it is not known.
        (Rejected, E::Filled { .. }) => Unknown,

        (Sent | Held | Working | Unknown, E::CancelRequested) => CancelSent,
        (CancelSent, E::CancelRequested) => CancelSent,
        (Sent | Held | Working | CancelSent | Unknown, E::CancelConfirmed) => Cancelled,

        (Sent | Held | Working | CancelSent | Unknown, E::Doubted) => Unknown,
        (Sent, E::NotSent) => Rejected,

        (Sent | Held | Working | CancelSent | Unknown, E::ProvedEnded) => Cancelled,
        (Unknown, E::ProvedAbsent) => Rejected,
        (Sent | Held | Unknown, E::ProvedHeld) => Held,
        (Working, E::ProvedHeld) => Working,
        (CancelSent, E::ProvedHeld | E::ProvedWorking) => CancelSent,
        (Sent | Held | Working | Unknown, E::ProvedWorking) => Working,

        (state, event) => return Err(Unexpected { state, event }),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const EVENTS: [Event; 12] = [
        Event::Held,
        Event::Accepted,
        Event::Filled { left: 0 },
        Event::Filled { left: 1 },
        Event::CancelRequested,
        Event::CancelConfirmed,
        Event::Doubted,
        Event::NotSent,
        Event::ProvedAbsent,
        Event::ProvedEnded,
        Event::ProvedHeld,
        Event::ProvedWorking,
    ];

    #[test]
    fn the_table_is_what_it_was_reviewed_to_be() {
        let mut table = String::new();
        for state in State::ALL {
            let row: Vec<String> = EVENTS
                .iter()
                .map(|&event| match next(state, event) {
                    Ok(next) => next.name().to_string(),
                    Err(_) => "-".to_string(),
                })
                .collect();
            table += &format!("{:<11} | {}\n", state.name(), row.join(" | "));
        }
        expect![[r#"
            sent        | held | working | filled | working | cancel_sent | cancelled | unknown | rejected | - | cancelled | held | working
            held        | held | working | filled | working | cancel_sent | cancelled | unknown | - | - | cancelled | held | working
            working     | working | working | filled | working | cancel_sent | cancelled | unknown | - | - | cancelled | working | working
            cancel_sent | cancel_sent | cancel_sent | filled | cancel_sent | cancel_sent | cancelled | unknown | - | - | cancelled | cancel_sent | cancel_sent
            unknown     | unknown | unknown | filled | unknown | cancel_sent | cancelled | unknown | - | rejected | cancelled | held | working
            filled      | filled | filled | - | - | - | filled | filled | - | - | - | - | -
            cancelled   | cancelled | cancelled | filled | cancelled | - | cancelled | cancelled | - | - | - | - | -
            rejected    | - | - | filled | unknown | - | - | - | - | - | - | - | -
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn a_terminal_order_comes_back_only_by_a_fill() {
        for state in State::ALL.into_iter().filter(|s| s.is_terminal()) {
            for event in EVENTS.into_iter().filter(|e| !matches!(e, Event::Filled { .. })) {
                assert!(next(state, event).map_or(true, |after| after == state), "{state:?} {event:?}");
            }
        }
    }
}
