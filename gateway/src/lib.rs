//! A simulated IB Gateway: TWS's wire protocol over TCP in front of `engine::venue`. Clients written for Interactive
//! Brokers (the Rust crate `ibapi`, `ib_async`, `ib_insync`, the official Python client) connect to it unchanged.
//!
//! The way of a request: `connection` reads frames, `wire` turns them into a `Request`, `broker` does it against the
//! venue and writes `Response`s to outboxes, `connection` writes those to the sockets. `pace` plays the market.
//! `faults` stand in all of these ways, `script` begins them, `control` is the door for those who watch and interfere.
//! Everything runs on one thread of its own, so clients see one account and one order of events.
//! `history` remembers what was played, for requests about the past.
//! `sparring` is apart from all this: the other end of a client's practice.
//! Absent: how orders match (the engine's venue), market data files.

mod broker;
mod calendar;
mod catalog;
mod connection;
mod control;
mod door;
mod faults;
#[doc(hidden)]
pub mod fuzzing;
mod history;
mod hours;
mod listing;
mod options;
mod pace;
mod probe;
mod rehearsal;
mod roots;
mod script;
mod server;
mod sparring;
mod stats;
mod transcript;
mod when;
mod wire;

#[cfg(test)]
mod tests;

pub use broker::Broker;
pub use broker::interventions::{CommissionHabit, ManualOrder, Quirks};
pub use control::ControlOptions;
pub use faults::{Fault, FaultError, FaultId, Limits, draw_script, fault_json, fault_text};
pub use history::History;
pub use options::{CLIENTS_MAX, Options, Pacing, StartError};
pub use probe::{Probe, StepWritten, WireLog};
pub use rehearsal::Rehearsal;
pub use script::{Script, ScriptError, ScriptMistake};
pub use server::{Gateway, start, start_probed, start_rehearsal};
pub use sparring::{Turn, spar};
pub use stats::{Stats, Truth};
pub use transcript::{Direction, TranscriptEntry};
