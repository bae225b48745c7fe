//! Faults: what a real gateway, its servers, the exchange and the network do wrong, on demand. In: faults to begin, by
//! hand, by script or by seed. Out: messages withheld, delayed, doubled, changed; connections that stall or break.
//!
//! `spec` says what a fault is, `table` lists them all; each family is a file with its rows and its effect:
//! `connectivity`, `links`, `requests`, `limits`, `data`, `order_events`, `account`. `state` holds what is in force,
//! `settle` lets time pass over it, `outgoing` and `incoming` are the ways of messages through it, `lines` and `shown`
//! what becomes of connections and of market data; `draw` makes a script from a seed.
//! Absent: when a fault begins (`script`), who asks for it (`control`).

pub mod account;
pub mod connectivity;
pub mod data;
pub mod draw;
pub mod effect;
pub mod incoming;
pub mod limits;
pub mod lines;
pub mod links;
pub mod order_events;
pub mod outgoing;
pub mod request;
pub mod requests;
pub mod settle;
pub mod shown;
pub mod span;
pub mod spec;
pub mod state;
pub mod table;
pub mod texts;

pub use draw::draw_script;
pub use limits::Limits;
pub use request::{Fault, FaultError, FaultId};
pub use state::Faults;
pub use table::{fault_json, fault_text};
