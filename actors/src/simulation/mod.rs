//! A simulation of everything that goes wrong: the real actors and cores on one thread and in simulated time, before
//! `engine::simulation`'s venue and faults. In: a plan. Out: an [`Outcome`]. Absent: sockets and `ibapi` (a simulated
//! broker actor takes their place), the database, other threads.
//!
//! A run is a series of lives of the process. Each has a runtime of its own whose clock is paused: it jumps to the next
//! timer when nobody has anything left to do, so that an hour takes as long as its work. The venue outlives them all.
//! When a life ends by a crash its memory is dropped, and its journal is cut where a crash may cut it.

mod broker;
mod crash;
mod life;
mod run;
#[cfg(test)]
mod tests;
mod wire;

pub use broker::{Break, SimulatedBroker};
pub use run::{Options, Outcome, SimulationError, run};
pub use wire::Wire;
