//! The loop over bars. In: bars of one symbol. Out: how it ended. Absent: ticks.
//!
//! As in `bar_run`: what waits fills at the open, the close is the new price, then the strategy decides.

use super::desk::{Desk, Live, Sink};
use super::{End, Plan, Unsuited};
use crate::bar_market::{BarEvent, MarketBar};
use crate::market::Bar;
use crate::orders::machine::{Event, State};
use crate::strategy::Strategy;
use crate::time::Timestamp;
use crate::venue::in_bars::{BarFills, Prices};

/// Plays every bar. `start`: no bar begins earlier; `run`: see [`crate::backtest::Backtest::in_run`].
///
/// # Errors
/// What only the queue transport plays: it has to begin again, with a fresh strategy and from the first bar.
pub fn run_bars<S: Strategy>(
    plan: &Plan,
    strategy: S,
    source: impl Iterator<Item = Bar>,
    start: Timestamp,
    run: u32,
    sink: impl Sink,
) -> Result<End, Unsuited> {
    let Some(fills) = plan.fills else { return Err(Unsuited("the configuration is for ticks")) };
    let mut desk = Desk::new(plan, strategy, start, run, sink);
    let mut now = start;
    for bar in source {
        desk.events += 1;
        if desk.expired {
            return Err(Unsuited(super::BEYOND));
        }
        if bar.open_ts < now || bar.symbol != desk.symbol() {
            return Err(Unsuited("bars of several symbols or lengths, or out of order"));
        }
        now = bar.end();
        if plan.hours.is_some_and(|hours| !hours.hold(bar.open_ts, now)) {
            continue;
        }
        if now >= desk.turn_at {
            desk.turn(now);
            if desk.expired && plan.expires_at.is_some_and(|end| bar.open_ts >= end) {
                return Err(Unsuited(super::BEYOND));
            }
        }
        if desk.live.is_some() {
            fill_at_open(&mut desk, &fills, &bar)?;
        }
        desk.mark(bar.close)?;
        if desk.expired {
            desk.settle(now)?;
        }
        desk.on_bar(now, &bar)?;
        if desk.expired && desk.live.is_some() {
            return Err(Unsuited("an order is sent when the contract has ended"));
        }
        if let Some(Live { state: State::Sent, .. }) = desk.live {
            // The exchange has a market order as soon as it is sent.
            desk.acknowledge(now, Event::Accepted)?;
        }
    }
    if desk.ends_today(now) {
        return Err(Unsuited("the contract ends after its last bar"));
    }
    Ok(desk.end())
}

fn fill_at_open<S: Strategy, K: Sink>(desk: &mut Desk<'_, S, K>, fills: &BarFills, bar: &Bar) -> Result<(), Unsuited> {
    let Some(live) = desk.live else { return Ok(()) };
    let (side, now) = (live.placed.side, bar.end());
    let shown = MarketBar::of(BarEvent::Trades(*bar));
    let prices = Prices::of(&shown);
    let Some(price) = fills.model.market(side, &prices) else { return Ok(()) };
    let ticks = fills.costs.slippage(live.placed.quantity, prices.trades_first(side), shown.volume());
    // Fills are valued by the price at which they happened.
    desk.mark(bar.open)?;
    desk.fill(now, price.better_for(side, ticks), bar.open_ts.floor(crate::backtest::STAMP))
}
