//! Moving-average crossover: long when the fast average of closes crosses above the slow one, short below.
//! Always in the market after the first crossing, by stop-and-reverse; with `short = 0` long or flat.

use crate::indicators::sma::Sma;
use crate::market::Bar;
use crate::strategy::registry::{Kind, Param, Params};
use crate::strategy::{Decision, Desk, Strategy};
use crate::trade::Side;

pub const KIND: Kind = Kind {
    name: "ma_crossover",
    about: "long when the fast average of closes crosses above the slow one, short when below",
    params: &[
        Param { name: "fast", about: "bars in the fast average", min: 1, max: 1_000, default: 10 },
        Param { name: "slow", about: "bars in the slow average, more than fast", min: 2, max: 1_000, default: 30 },
        Param { name: "short", about: "1: short below, 0: flat below", min: 0, max: 1, default: 1 },
        Param {
            name: "at_once",
            about: "1: the first averages decide, 0: the first crossing",
            min: 0,
            max: 1,
            default: 0,
        },
    ],
    // The averages, and on which side of each other they were.
    warm_up: |params, _| params.size("slow") + 1,
    check: |params| {
        if params.get("fast") < params.get("slow") { Ok(()) } else { Err(("slow", "more bars than fast has")) }
    },
    build: |params| Box::new(MaCrossover::new(params)),
};

#[derive(Debug)]
pub struct MaCrossover {
    fast: Sma,
    slow: Sma,
    was_above: Option<bool>,
    goes_short: bool,
    at_once: bool,
}

impl MaCrossover {
    pub fn new(params: &Params) -> Self {
        Self {
            fast: Sma::new(params.size("fast")),
            slow: Sma::new(params.size("slow")),
            was_above: None,
            goes_short: params.get("short") == 1,
            at_once: params.get("at_once") == 1,
        }
    }
}

impl Strategy for MaCrossover {
    #[inline]
    fn on_bar(&mut self, bar: &Bar, desk: &Desk<'_>) -> Option<Decision> {
        let (fast, slow) = (self.fast.push(bar.close), self.slow.push(bar.close));
        let (fast, slow) = (fast?, slow?);
        // Sums are compared crosswise, so that nothing is rounded.
        let difference = fast.sum * i64::from(slow.count) - slow.sum * i64::from(fast.count);
        if difference == 0 {
            return None;
        }
        let above = difference > 0;
        let crossed = self.was_above.replace(above).map_or(self.at_once, |was| was != above);
        crossed.then(|| {
            let (side, word) = if above { (Side::Buy, "above") } else { (Side::Sell, "below") };
            let reason = desk.reason(|| {
                let (fast, slow) = (fast.points(desk.instrument), slow.points(desk.instrument));
                format!("fast average {fast} crossed {word} slow {slow}")
            });
            if above || self.goes_short { Decision::Enter { side, reason } } else { Decision::Exit { reason } }
        })
    }
}
