//! What a run was worth, and whether to believe it. In: fills, bars, capital. Out: round trips, equity, statistics.
//! Money is exact; statistics are binary floats and `None` where they are not defined, never NaN.
//! Absent: files, databases, clocks, randomness of its own (Monte Carlo takes a seed).
//!
//! | file | holds |
//! |---|---|
//! | `moments`, `normal` | means, deviations, quantiles; the normal distribution |
//! | `growth`, `drawdown`, `ratios`, `tail`, `wins`, `calendar` | one family of statistics each |
//! | `significance`, `monte_carlo` | whether it is more than chance |
//! | `run`, `collect` | what a session did and saw; the same out of a journal |
//! | `trips`, `excursion`, `curve` | round trips, how far they went, equity over time |
//! | `statistics`, `groups`, `warnings`, `assumptions` | what is told of a run |
//! | `report`, `figures` | all of it as data |
//! | `compare` | two reports side by side |
//! | `html` | the same as one page |

pub mod assumptions;
pub mod calendar;
pub mod collect;
pub mod compare;
pub mod curve;
pub mod drawdown;
pub mod excursion;
pub mod figures;
pub mod groups;
pub mod growth;
pub mod html;
pub mod moments;
pub mod monte_carlo;
pub mod normal;
pub mod ratios;
pub mod report;
pub mod run;
pub mod significance;
pub mod statistics;
pub mod tail;
pub mod trips;
pub mod warnings;
pub mod wins;

#[cfg(test)]
mod decade_tests;
#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod tests;
