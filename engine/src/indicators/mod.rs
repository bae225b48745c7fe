//! Indicators, one a file. In: closes. Out: values, `None` until there are enough.

pub mod rsi;
pub mod sma;
