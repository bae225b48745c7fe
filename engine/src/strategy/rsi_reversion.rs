//! Mean reversion: buys when Wilder's RSI turns up through the low level, sells when it turns down through the high
//! one, and is flat again when it crosses the middle.

use crate::indicators::rsi::Rsi;
use crate::market::Bar;
use crate::strategy::registry::{Kind, Param, Params};
use crate::strategy::{Decision, Desk, Strategy};
use crate::trade::Side;

pub const KIND: Kind = Kind {
    name: "rsi_reversion",
    about: "buys when the RSI turns up through the low level, sells when it turns down through the high one",
    params: &[
        Param { name: "period", about: "bars in the RSI", min: 2, max: 1_000, default: 14 },
        Param { name: "low", about: "oversold level", min: 1, max: 49, default: 30 },
        Param { name: "high", about: "overbought level", min: 51, max: 99, default: 70 },
    ],
    // Wilder's average never quite forgets: after twenty periods two parts in a thousand million are left.
    warm_up: |params, _| 20 * params.size("period"),
    check: |_| Ok(()),
    build: |params| Box::new(RsiReversion::new(params)),
};

#[derive(Debug)]
struct RsiReversion {
    rsi: Rsi,
    low: f64,
    high: f64,
    previous: Option<f64>,
}

impl RsiReversion {
    fn new(params: &Params) -> Self {
        let level = |name| params.get(name) as f64;
        Self { rsi: Rsi::new(params.size("period")), low: level("low"), high: level("high"), previous: None }
    }
}

impl Strategy for RsiReversion {
    fn on_bar(&mut self, bar: &Bar, desk: &Desk<'_>) -> Option<Decision> {
        let rsi = self.rsi.push(bar.close)?;
        let previous = self.previous.replace(rsi)?;
        if desk.position > 0 && rsi >= 50.0 || desk.position < 0 && rsi <= 50.0 {
            return Some(Decision::Exit { reason: format!("RSI {rsi:.1} back at the middle") });
        }
        if previous < self.low && rsi >= self.low && desk.position == 0 {
            return Some(Decision::Enter {
                side: Side::Buy,
                reason: format!("RSI {rsi:.1} turned up through {}", self.low),
            });
        }
        if previous > self.high && rsi <= self.high && desk.position == 0 {
            let reason = format!("RSI {rsi:.1} turned down through {}", self.high);
            return Some(Decision::Enter { side: Side::Sell, reason });
        }
        None
    }
}
