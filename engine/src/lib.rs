//! The deterministic core of Pitboss: it receives events and the time, and returns decisions.
//! Absent on purpose: actors, async, sockets, files, clocks, randomness, unordered maps.

pub mod books;
pub mod config;
pub mod journal;
pub mod market;
pub mod orders;
pub mod time;
pub mod trade;
pub mod venue;
