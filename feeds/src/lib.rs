//! Market data from files and from a generator, as one ordered stream of trades and quotes.
//! In: Databento DBN files (trades, mbp-1, mbo), LEAN zip-CSV files (ticks, trade bars, quote bars), or a seed.
//! Out: the instruments found and their `FeedEvent`s in order of time. Absent: bars, the network, the wall clock.
//!
//! `open` reads what a file is from its content and merges several files and contracts; events are read as they are
//! asked for, so memory does not grow with a file's length. An error about a file's head or directory comes from
//! `open`; one that shows only later is the stream's last item, at its place.

mod bars;
mod book;
mod contract;
mod counts;
mod databento;
mod described;
mod error;
mod lean;
mod merge;
mod open;
mod overlap;
mod select;
pub mod specs;
mod synthetic;

pub use bars::{
    BarOptions, Bars, Columns, OpenedBars, Recorded, RecordedBars, Roll, Stamp, TimeColumn, open_bars, open_recorded,
};
pub use counts::{Counters, Counts, Refusals};
pub use described::Described;
pub use error::FeedError;
pub use open::{Events, Opened, open};
pub use select::Select;
pub use synthetic::{Synthetic, SyntheticOptions, synthetic};

#[cfg(test)]
mod tests;
