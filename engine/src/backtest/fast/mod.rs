//! The fast path of a backtest: one strategy on one symbol with market orders and nothing that protects them, in one loop
//! that is compiled for the strategy. In: ticks or bars in memory or from files. Out: what the queue transport finds, to
//! the cent, for every decision, order and fill.
//!
//! It has no arithmetic or rule of its own: bars come from `bars`, decisions from the strategy in its `StrategyCore`,
//! orders pass `risk::gate` and move by the table in `orders::machine`, prices are the venue's model, positions and profit
//! are `portfolio::ledger`. What it leaves out are messages, records and everything that cannot happen here.
//!
//! What it does not know how to do it does not do: it gives up with [`Unsuited`], and the caller plays the same market
//! over the queue. It gives up early rather than late: a limit on losses that might be reached is enough.
//!
//! `plan` says which configurations qualify; `desk` is what an order and a fill do; `bars` and `ticks` are the loops.
//! Absent: journals, files, clocks.

mod bars;
mod desk;
mod plan;
#[cfg(test)]
mod tests;
mod ticks;

pub use bars::run_bars;
pub use desk::{Filled, Placed, Sink};
pub use plan::Plan;
pub use ticks::run_ticks;

use crate::journal::Performance;
use crate::market::Quality;
use crate::strategy::Tally;
use crate::trade::Money;

/// A contract's end inside of the data.
const BEYOND: &str = "there is data after the contract's end; with expiry = \"hold\" in [backtest.account], or as a series \
                      ([backtest.continuous]), all of it is played fast";

/// Why a market is not played here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unsuited(pub &'static str);

/// How a run ended. Open positions stay open.
#[derive(Clone, PartialEq, Debug)]
pub struct End {
    /// Of the strategy, which is the account too.
    pub performance: Performance,
    /// Cash at the beginning and what was earned, at the last price.
    pub equity: Money,
    /// Contracts, negative when short.
    pub position: i64,
    /// Ticks or bars that were played.
    pub events: u64,
    pub orders: u64,
    pub fills: u64,
    /// Orders that have not filled.
    pub live_orders: usize,
    pub tally: Tally,
    /// Bars by [`Quality`].
    pub bars: [u64; Quality::ALL.len()],
}
