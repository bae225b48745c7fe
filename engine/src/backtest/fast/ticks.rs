//! The loop over ticks. In: trades of one symbol. Out: how it ended. Absent: quotes.
//!
//! A tick inside a bar is added to it and values the position; only one that closes a bar leads to more. A market order
//! fills at the price of the tick that led to it: without a quote that is all that the market shows.

use super::desk::{Desk, Sink};
use super::{End, Plan, Unsuited};
use crate::backtest::STAMP;
use crate::bars::{self, Bars, Output};
use crate::market::{Price, Trade};
use crate::orders::machine::Event;
use crate::strategy::Strategy;
use crate::time::Timestamp;

/// Plays every trade. `start`: no trade is earlier; `run`: see [`crate::backtest::Backtest::in_run`].
///
/// # Errors
/// What only the queue transport plays: it has to begin again, with a fresh strategy and from the first trade.
pub fn run_ticks<S: Strategy>(
    plan: &Plan,
    strategy: S,
    source: impl Iterator<Item = Trade>,
    start: Timestamp,
    run: u32,
    sink: impl Sink,
) -> Result<End, Unsuited> {
    if plan.fills.is_some() {
        return Err(Unsuited("the configuration is for bars"));
    }
    let mut desk = Desk::new(plan, strategy, start, run, sink);
    let mut bars = Bars::new(desk.symbol(), &plan.bars);
    let mut closed: Vec<Output> = Vec::with_capacity(4);
    bars.handle(start, bars::Input::FeedUp, &mut closed);
    let jump_max = plan.bars.jump_ticks_max;
    let (mut last_ts, mut last_price) = (start, None);
    for trade in source {
        desk.events += 1;
        let near = last_price.is_none_or(|last: Price| trade.price.0.abs_diff(last.0) <= jump_max);
        if !near || trade.ts < last_ts {
            return Err(Unsuited("a price jumps, or time steps back"));
        }
        (last_ts, last_price) = (trade.ts, Some(trade.price));
        if trade.ts >= desk.turn_at {
            desk.turn(trade.ts);
            if desk.expired {
                return Err(Unsuited(super::BEYOND));
            }
        }
        desk.mark(trade.price)?;
        bars.on_trade(trade.ts, &trade, &mut closed);
        if !closed.is_empty() {
            on_closed(&mut desk, &mut closed, &trade)?;
        }
    }
    // What the end cut off is counted and not traded on.
    bars.handle(last_ts, bars::Input::Flush, &mut closed);
    for output in closed.drain(..) {
        if let Output::Closed(bar) = output {
            desk.bars[bar.quality as usize] += 1;
        }
    }
    Ok(desk.end())
}

#[inline(never)]
fn on_closed<S: Strategy, K: Sink>(
    desk: &mut Desk<'_, S, K>,
    closed: &mut Vec<Output>,
    trade: &Trade,
) -> Result<(), Unsuited> {
    let now = trade.ts.floor(STAMP);
    for output in closed.drain(..) {
        let Output::Closed(bar) = output else { return Err(Unsuited("trades came late or too early")) };
        desk.on_bar(now, &bar)?;
    }
    if desk.live.is_some() {
        desk.acknowledge(now, Event::Held)?;
        desk.fill(now, trade.price, now)?;
    }
    Ok(())
}
