//! The deterministic core of Pitboss: it receives events and the time, and returns decisions.
//! Absent on purpose: actors, async, sockets, files, clocks, randomness, unordered maps.

pub mod allocation;
pub mod analytics;
pub mod backtest;
pub mod bar_market;
pub mod bars;
pub mod books;
pub mod codes;
pub mod config;
pub mod indicators;
pub mod intake;
pub mod journal;
pub mod last_prices;
pub mod link;
pub mod market;
pub mod orders;
pub mod portfolio;
pub mod rehearsal;
pub mod risk;
pub mod sabotage;
pub mod simulation;
pub mod sizing;
pub mod strategy;
pub mod supervision;
pub mod tape;
pub mod time;
pub mod trade;
pub mod venue;
pub mod wiring;
