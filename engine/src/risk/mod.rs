//! Risk: may this intent become an order? One rule a file; [`gate`] runs them and is the only maker of `Approved`.

pub mod daily_loss;
pub mod gate;
pub mod order_rate;
pub mod order_size;
pub mod position;
pub mod stale_data;
pub mod trading_state;

use std::time::Duration;

use crate::market::{Price, SymbolId};
use crate::time::Timestamp;
use crate::trade::{Money, Side, StrategyId, Trading};

/// An entry as the rules see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    pub strategy: StrategyId,
    pub symbol: SymbolId,
    pub side: Side,
    pub quantity: u32,
    pub stop: Price,
    pub target: Option<Price>,
}

/// What the rules may look at: the books at this instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    pub trading: Trading,
    /// Contracts of the symbol if every long order and no short one filled, protective orders included.
    pub worst_long: i64,
    /// The same for the short side, as a positive number.
    pub worst_short: i64,
    /// This strategy holds or is entering a position.
    pub engaged: bool,
    pub last_price: Option<Price>,
    /// Since the last trade or quote of the symbol arrived; `None` before the first.
    pub data_age: Option<Duration>,
    /// Realised and unrealised, after commission, since the trade date began.
    pub day_pnl: Money,
    /// Orders handed to the broker within the last second.
    pub orders_last_second: u32,
    pub now: Timestamp,
}

/// A rule was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breach {
    /// Stable code, e.g. `order_size`.
    pub rule: &'static str,
    pub value: String,
    pub limit: String,
}

impl Breach {
    fn new(rule: &'static str, value: impl ToString, limit: impl ToString) -> Self {
        Self { rule, value: value.to_string(), limit: limit.to_string() }
    }
}
