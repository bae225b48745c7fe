//! What the broker's message codes mean and what is done about each. Codes are data: `table` holds them; an unknown one
//! is a warning, never fatal. In: a code. Out: its row. Absent: state; what a code means for an order in a certain state
//! is the order machine's.

use crate::journal::Severity;
use crate::link::table::Event;

mod table;

pub use table::CODES;

/// The part of the way to the market that a code speaks of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Layer {
    /// One of our orders.
    Order,
    /// Between us and the gateway.
    Socket,
    /// Between the gateway and IB's servers.
    Upstream,
    /// A data farm behind the gateway.
    Farm,
    /// One subscription to market data.
    Feed,
    /// One request.
    Request,
    /// How often or how much may be asked.
    Pacing,
}

impl Layer {
    pub fn name(self) -> &'static str {
        match self {
            Layer::Order => "order",
            Layer::Socket => "socket",
            Layer::Upstream => "upstream",
            Layer::Farm => "farm",
            Layer::Feed => "feed",
            Layer::Request => "request",
            Layer::Pacing => "pacing",
        }
    }
}

/// What Pitboss does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Written down; nothing else follows.
    Note,
    /// A person is told; the order lives on until its status or an execution says otherwise.
    Warn,
    /// The order may be dead: it becomes unknown, and an inventory settles it. Never sent again.
    DoubtOrder,
    /// Entries are paused, live orders are unknown, until the path is back.
    Pause,
    /// An inventory is taken; trading opens when book and broker agree, feeds by a fresh tick.
    Reconcile,
    /// The same, and all market data is asked for anew.
    ResubscribeAndReconcile,
    /// The connection is thrown away and built anew.
    Rebuild,
    /// Connecting is tried again with the same client id, with growing waits.
    ConnectAgain,
    /// The farm's symbols are not entered before a fresh tick.
    AwaitTick,
    /// The stream has ended: it is asked for again, not sooner than IB allows.
    Resubscribe,
    /// Configuration or account has to be changed by a person.
    Person,
}

impl Act {
    /// As a sentence's predicate.
    pub fn text(self) -> &'static str {
        match self {
            Act::Note => "written down",
            Act::Warn => "a person is told; only status and executions end an order",
            Act::DoubtOrder => "the order becomes unknown, an inventory settles it; never sent again",
            Act::Pause => "entries paused and live orders unknown until the path is back",
            Act::Reconcile => "an inventory is taken; then trading, and each symbol after a fresh tick",
            Act::ResubscribeAndReconcile => "market data subscribed anew, and an inventory is taken",
            Act::Rebuild => "the connection is built anew",
            Act::ConnectAgain => "connecting is tried again with the same client id, with growing waits",
            Act::AwaitTick => "its symbols are not entered before a fresh tick; orders and socket stay",
            Act::Resubscribe => "the stream is asked for again, no sooner than 15 s later",
            Act::Person => "a person is told: account, subscription or configuration has to change",
        }
    }
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    pub code: i32,
    pub layer: Layer,
    pub severity: Severity,
    pub act: Act,
    pub meaning: &'static str,
    /// What it is for the link's table.
    pub link: Option<Event>,
}

/// What an order message may mean. Only status and executions end an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// Says what the status will say as well.
    Info,
    /// The order lives on; an operator may want to know.
    Warning,
    /// The order may be dead: ask the broker for its inventory.
    TerminalCandidate,
}

/// The row of a code; `None` for one that the table does not know.
pub fn of(code: i32) -> Option<&'static Code> {
    CODES.binary_search_by_key(&code, |row| row.code).ok().map(|at| &CODES[at])
}

/// How loudly a message with this code is told. An unknown code is a warning.
pub fn severity(code: i32) -> Severity {
    of(code).map_or(Severity::Warning, |row| row.severity)
}

pub fn order_message(code: i32) -> Meaning {
    match of(code) {
        Some(Code { act: Act::DoubtOrder, .. }) => Meaning::TerminalCandidate,
        Some(Code { layer: Layer::Order, severity: Severity::Info, .. }) => Meaning::Info,
        Some(_) | None => Meaning::Warning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_unknown_codes_are_warnings() {
        assert!(CODES.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert_eq!(order_message(201), Meaning::TerminalCandidate);
        assert_eq!(order_message(202), Meaning::Info);
        assert_eq!(order_message(10349), Meaning::Warning, "filled in one live case");
        assert_eq!((order_message(424_242), severity(424_242)), (Meaning::Warning, Severity::Warning));
    }

    #[test]
    fn what_moves_the_link_says_so_in_its_action() {
        for row in CODES {
            let moves = matches!(
                row.act,
                Act::Pause | Act::Reconcile | Act::ResubscribeAndReconcile | Act::Rebuild | Act::AwaitTick
            );
            assert_eq!(moves, row.link.is_some() && row.act != Act::Note, "{row:?}");
        }
    }

    #[test]
    fn no_code_of_an_order_tears_anything_else() {
        for row in CODES.iter().filter(|row| row.layer == Layer::Order) {
            assert!(matches!(row.act, Act::Note | Act::Warn | Act::DoubtOrder | Act::Person), "{row:?}");
        }
    }
}
