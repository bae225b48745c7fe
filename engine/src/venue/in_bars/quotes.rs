//! As QuantConnect LEAN fills futures from minute bars: buyers deal at the ask, sellers at the bid, and everything
//! happens at a bar's end. A market order fills at once at the close of its side; a stop whose level the range passed
//! fills at the worse of stop and close; a limit that it passed at the better of the limit and the far extreme. Passed
//! means beyond: touching is not enough. A side that nobody quoted keeps its last price; without quotes, trades count.
//! Source: LEAN's `FillModel` and `FutureFillModel`.

use super::prices::{Prices, best, better, worse, worst};
use super::{BarModel, LimitRule};
use crate::market::Price;
use crate::trade::Side;

#[derive(Debug)]
pub(super) struct Quotes;

impl BarModel for Quotes {
    fn name(&self) -> &'static str {
        "quotes"
    }

    fn about(&self) -> &'static str {
        "buys at the ask, sells at the bid, at the close of quote bars; stops and limits once the market is beyond them"
    }

    fn acts_at_open(&self) -> bool {
        false
    }

    fn arriving(&self, side: Side, seen: &Prices) -> Option<Price> {
        Some(seen.quotes_first(side)?.close)
    }

    fn market(&self, side: Side, bar: &Prices) -> Option<Price> {
        Some(bar.quotes_first(side)?.close)
    }

    fn stop(&self, side: Side, stop: Price, bar: &Prices) -> Option<Price> {
        let bar = bar.quotes_first(side)?;
        LimitRule::Through.filled(side.opposite(), worst(side, &bar), stop).then(|| worse(side, stop, bar.close))
    }

    fn limit(&self, side: Side, limit: Price, bar: &Prices, _rule: LimitRule) -> Option<Price> {
        let bar = bar.quotes_first(side)?;
        // The extreme that is worst for the order, bounded by the limit.
        LimitRule::Through.filled(side, best(side, &bar), limit).then(|| better(side, limit, worst(side, &bar)))
    }

    fn woken(&self, side: Side, limit: Price, _stopped: Price, bar: &Prices) -> Option<Price> {
        let bar = bar.quotes_first(side)?;
        LimitRule::Through.filled(side, bar.close, limit).then(|| better(side, limit, worst(side, &bar)))
    }
}
