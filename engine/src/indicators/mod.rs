//! Indicators, one a file. In: closes, or bars. Out: values, `None` until there are enough; never NaN.
//! Each keeps its state and sees a value once, in order, so it cannot look ahead. Prices are in ticks.

pub mod atr;
pub mod bollinger;
pub mod ema;
pub mod macd;
pub mod rsi;
pub mod sma;

#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod reference_tests;
