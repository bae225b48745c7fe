//! How orders fill in a market of bars. In: what a bar shows, an order. Out: fills, by the model that the configuration
//! names, one model a file. Absent: ticks (`matching` has those), and what happened inside a bar: nobody knows it, so
//! each model says what it assumes, and where two orders could both have been first, the one that hurts was.
//!
//! The order of a bar, for models that act at the open:
//! 1. market orders, and stops and limits that the open has passed, at the open;
//! 2. stops that the range reached; 3. limits that it reached, oldest first;
//! 4. stops of positions that 2 and 3 opened: taken for reached if the range holds them. Targets of such positions wait
//!    for the next bar.
//!
//! An order sees bars that begin after it was placed, and no earlier one.

use std::fmt::Debug;

mod close;
mod costs;
mod next_open;
mod play;
mod prices;
mod quotes;
#[cfg(test)]
mod tests;

pub use costs::{BarCosts, Millionths};
pub(super) use play::InBars;
pub use prices::Prices;

use crate::market::Price;
use crate::trade::Side;

/// Models by the name that the configuration uses. A new one is a file and a line here.
pub const MODELS: &[&dyn BarModel] = &[&close::Close, &next_open::NextOpen, &quotes::Quotes];

/// What a model assumes; pure arithmetic.
pub trait BarModel: Debug + Send + Sync {
    fn name(&self) -> &'static str;

    /// In one sentence, for reports.
    fn about(&self) -> &'static str;

    /// Whether the open of a bar is a price to deal at. If not, everything happens at the bar's end.
    fn acts_at_open(&self) -> bool;

    /// Price of a market order that arrives after `seen` was the newest bar; `None`: it waits for the next one.
    fn arriving(&self, side: Side, seen: &Prices) -> Option<Price>;

    /// Price of a market order that waited for this bar.
    fn market(&self, side: Side, bar: &Prices) -> Option<Price>;

    /// Price at which a stop fills inside the bar. Past the open, when the model acts there.
    fn stop(&self, side: Side, stop: Price, bar: &Prices) -> Option<Price>;

    /// Price at which a limit order fills inside the bar. Past the open, when the model acts there.
    fn limit(&self, side: Side, limit: Price, bar: &Prices, rule: LimitRule) -> Option<Price>;

    /// Price of a limit order that its stop has just woken at `stopped`.
    fn woken(&self, side: Side, limit: Price, stopped: Price, bar: &Prices) -> Option<Price>;
}

/// What a resting limit order needs to fill.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LimitRule {
    /// The market reaches its price: as if it were first in its queue.
    Touch,
    /// The market goes beyond its price: as if it were last.
    #[default]
    Through,
}

impl LimitRule {
    pub const ALL: [(&'static str, LimitRule); 2] = [("touch", LimitRule::Touch), ("through", LimitRule::Through)];

    /// Whether a market that went as far as `best` for `side` fills an order at `limit`.
    pub fn filled(self, side: Side, best: Price, limit: Price) -> bool {
        let beyond = i64::from(side.sign()) * (i64::from(limit.0) - i64::from(best.0));
        match self {
            LimitRule::Touch => beyond >= 0,
            LimitRule::Through => beyond > 0,
        }
    }
}

/// Everything that decides how orders fill in bars.
#[derive(Clone, Copy, Debug)]
pub struct BarFills {
    pub model: &'static dyn BarModel,
    pub limits: LimitRule,
    pub costs: BarCosts,
}

impl PartialEq for BarFills {
    fn eq(&self, other: &Self) -> bool {
        (self.model.name(), self.limits, self.costs) == (other.model.name(), other.limits, other.costs)
    }
}

/// A model by its name.
pub fn model(name: &str) -> Option<&'static dyn BarModel> {
    MODELS.iter().copied().find(|model| model.name() == name)
}
