//! What a run was worth, and whether to believe it. In: fills, bars, capital. Out: round trips, equity, statistics.
//! Money is exact; statistics are binary floats and `None` where they are not defined, never NaN.
//! Absent: files, databases, clocks, randomness of its own (Monte Carlo takes a seed).
//!
//! | file | holds |
//! |---|---|
//! | `moments`, `normal` | means, deviations, quantiles; the normal distribution |
//! | `growth`, `drawdown`, `ratios`, `tail`, `wins`, `calendar` | one family of statistics each |
//! | `significance` | probabilistic and deflated Sharpe ratio |

pub mod calendar;
pub mod collect;
pub mod curve;
pub mod drawdown;
pub mod excursion;
pub mod growth;
pub mod moments;
pub mod normal;
pub mod ratios;
pub mod run;
pub mod significance;
pub mod tail;
pub mod trips;
pub mod wins;

#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod tests;
