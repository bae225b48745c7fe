//! Acts for the engine: sockets, clocks, threads, files and the database, each behind an actor that is supervised.
//! Absent: decisions; those are `engine`'s. `ibapi` is known in `broker` only, `diesel` in `storage` only.

pub mod broker;
pub mod clock;
pub mod control;
pub mod directory;
mod faults;
mod floor;
mod hosted;
pub mod journal;
pub mod latency;
#[cfg(test)]
mod link_tests;
pub mod logging;
pub mod priority;
pub mod shell;
pub mod simulation;
pub mod storage;
pub mod supervisor;
pub mod system;
#[cfg(test)]
mod system_tests;
pub mod tape;
mod teller;
