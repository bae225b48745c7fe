//! How far a trade went for and against its holder. In: a round trip, its symbol's bars. Out: the largest open loss and
//! profit before commission, and how many bars it was held.
//! Only what certainly happened while it was held counts: prices of its own fills, whole bars inside, the close of the
//! bar in which it began and the open of the bar in which it ended. So both are lower bounds where entry or exit lie
//! inside a bar. Fills are stamped in whole seconds: a bar that opens in the second of the entry counts as inside, and one
//! that ends in the second of the exit too. Absent: what happened inside the first and the last bar; bars do not say in which order.

use super::trips::RoundTrip;
use crate::market::{Bar, Price};
use crate::time::Timestamp;
use crate::trade::Money;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Excursion {
    /// Largest open loss, negative or zero (maximum adverse excursion).
    pub adverse: Money,
    /// Largest open profit, positive or zero (maximum favourable excursion).
    pub favourable: Money,
    /// Bars that closed while it was held.
    pub bars: u32,
}

/// `bars` are those of the trip's symbol, oldest first; `tick_value` of one contract.
pub fn excursion(trip: &RoundTrip, bars: &[Bar], tick_value: Money) -> Excursion {
    let gross = trip.gross();
    let mut found = Excursion { adverse: gross.min(Money::ZERO), favourable: gross.max(Money::ZERO), bars: 0 };
    let open_profit = |price: Price| {
        let value = tick_value * (i64::from(price.0) * i64::from(trip.quantity));
        (value - trip.entry_value) * i64::from(trip.side.sign())
    };
    let mut see = |price: Price| {
        let profit = open_profit(price);
        found.adverse = found.adverse.min(profit);
        found.favourable = found.favourable.max(profit);
    };
    let from = bars.partition_point(|bar| bar.end() <= trip.entry_at);
    let inside = bars[from..].iter().take_while(|bar| bar.open_ts <= trip.exit_at);
    let mut closed = 0;
    for bar in inside {
        let (begins, ends) = (bar.open_ts >= trip.entry_at, bar.end() <= trip.exit_at);
        if begins && ends {
            see(bar.high);
            see(bar.low);
        }
        if ends {
            see(bar.close);
            closed += 1;
        }
        if begins && follows_entry(bar.open_ts, trip.entry_at) {
            see(bar.open);
        }
    }
    found.bars = closed;
    found
}

/// A bar that opens in the second of the entry may have opened before it.
fn follows_entry(open: Timestamp, entry: Timestamp) -> bool {
    open.secs() > entry.secs()
}
