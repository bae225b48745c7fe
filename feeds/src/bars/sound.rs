//! Whether a bar can be believed. In: the prices of a row; bars of all symbols in the order of their ends. Out: what is
//! wrong with a row; the bars without those that lie absurdly far from what came before. Absent: rows and files, which
//! whoever reads them names; ticks, which `engine::intake` judges.
//!
//! A bar is many ticks, so one is refused only for what live trading would never believe of ticks: a price further from the
//! last close than a fifth of it and than ten times `bars.jump_ticks_max`. A lone one is left out and counted. Several in
//! a row are another market than before, and which of the two is the real one nobody can say: they end the stream.

use std::time::Duration;

use engine::bar_market::{BarEvent, Ohlc};
use engine::intake;
use engine::market::{Price, SymbolId};
use engine::time::Timestamp;

use super::BarItem;
use super::mapping::Wrong;
use crate::counts::Refusals;
use crate::error::FeedError;
use crate::specs::Grid;

/// So many in a row are no slip. Live, so many refused ticks in a row make a feed corrupt.
const REFUSED_IN_A_ROW_MAX: u32 = 5;
/// Where data is missing for longer than this, a market may be anywhere.
const REMEMBERED: Duration = Duration::from_secs(10 * 86_400);

/// Open, high, low and close of one row. What was found and what was expected otherwise.
pub(crate) fn check([open, high, low, close]: [Price; 4], grid: Grid) -> Result<(), Wrong> {
    if low > open.min(close) || high < open.max(close) {
        let found = "open or close outside of low and high".to_owned();
        return Err((found, "low <= open, close <= high".to_owned()));
    }
    match grid.may_trade_at(low) {
        true => Ok(()),
        false => Err(("a price that is not above zero".to_owned(), "prices above zero for this root".to_owned())),
    }
}

/// Days of local time are as long as 23 hours when clocks change.
const DAY_S: u32 = 86_400;
const SHORT_DAY: Duration = Duration::from_secs(3_600);

/// Whether a bar begins before the one before it has ended.
pub(crate) fn overlaps(open_ts: Timestamp, length_s: u32, ended: Timestamp) -> bool {
    let slack = if length_s >= DAY_S { SHORT_DAY } else { Duration::ZERO };
    open_ts + slack < ended
}

/// The same as what was found and what was expected.
pub(crate) fn follows(open_ts: Timestamp, length_s: u32, ended: Timestamp) -> Result<(), Wrong> {
    match overlaps(open_ts, length_s, ended) {
        false => Ok(()),
        true => Err((
            format!("a bar that begins at {open_ts}"),
            format!("one that begins at {ended} or later, when the one before it has ended (bars of {length_s} s)"),
        )),
    }
}

/// Passes on what can be believed.
pub(crate) struct Believed<S> {
    source: S,
    jump_ticks_max: u32,
    /// By symbol.
    known: Vec<Known>,
    /// Names by symbol, for messages.
    names: Vec<String>,
    refusals: Refusals,
    ended: bool,
}

#[derive(Clone, Copy, Default)]
struct Known {
    /// The newest close that was believed, and when.
    close: Option<(Price, Timestamp)>,
    refused_in_a_row: u32,
}

impl<S: Iterator<Item = BarItem>> Believed<S> {
    pub(crate) fn new(source: S, jump_ticks_max: u32, names: Vec<String>, refusals: Refusals) -> Self {
        Self { source, jump_ticks_max, known: vec![Known::default(); names.len()], names, refusals, ended: false }
    }

    /// What is left of the bar, `None` if nothing is.
    fn believe(&mut self, bar: BarEvent) -> Result<Option<BarEvent>, FeedError> {
        let Some(known) = self.known.get_mut(usize::from(bar.symbol().0)) else { return Ok(Some(bar)) };
        let last = known.close.filter(|(_, at)| bar.open_ts().since(*at) <= REMEMBERED).map(|(close, _)| close);
        let near = |prices: &Ohlc| {
            let far = |price| last.is_some_and(|last| !intake::is_plausible(price, last, self.jump_ticks_max));
            !far(prices.high) && !far(prices.low)
        };
        let (left, close, whole) = match bar {
            BarEvent::Trades(bar) => {
                let good = near(&Ohlc::of(&bar));
                (good.then_some(BarEvent::Trades(bar)), bar.close, good)
            }
            BarEvent::Quotes(quotes) => {
                // A side that cannot be believed is none, as live.
                let (bid, ask) = (quotes.bid.filter(near), quotes.ask.filter(near));
                let whole = (bid, ask) == (quotes.bid, quotes.ask);
                let Some(close) = bid.or(ask).map(|side| side.close) else {
                    if whole {
                        // Nobody quoted anything.
                        return Ok(Some(BarEvent::Quotes(quotes)));
                    }
                    return self.refuse(&bar).map(|()| None);
                };
                (Some(BarEvent::Quotes(engine::bar_market::QuoteBar { bid, ask, ..quotes })), close, whole)
            }
        };
        if left.is_none() {
            return self.refuse(&bar).map(|()| None);
        }
        *known = Known { close: Some((close, bar.end())), refused_in_a_row: 0 };
        if !whole {
            self.note(&bar);
        }
        Ok(left)
    }

    #[cold]
    fn note(&mut self, bar: &BarEvent) {
        let name = self.names.get(usize::from(bar.symbol().0)).map_or("", String::as_str);
        self.refusals.add(name, bar.open_ts());
    }

    #[cold]
    fn refuse(&mut self, bar: &BarEvent) -> Result<(), FeedError> {
        self.note(bar);
        let place = usize::from(bar.symbol().0);
        let known = &mut self.known[place];
        known.refused_in_a_row += 1;
        if known.refused_in_a_row < REFUSED_IN_A_ROW_MAX {
            return Ok(());
        }
        let name = &self.names[place];
        Err(FeedError::Absurd(format!(
            "{REFUSED_IN_A_ROW_MAX} bars of {name} in a row, the last one of {}, lie further from the close before them than a \
             fifth of it and ten times bars.jump_ticks_max = {}",
            bar.open_ts(),
            self.jump_ticks_max
        )))
    }
}

impl<S: Iterator<Item = BarItem>> Iterator for Believed<S> {
    type Item = BarItem;

    fn next(&mut self) -> Option<BarItem> {
        while !self.ended {
            match self.source.next()?.and_then(|bar| self.believe(bar)) {
                Ok(Some(bar)) => return Some(Ok(bar)),
                Ok(None) => {}
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// Which symbol stands for which name.
pub(crate) fn names<'a>(all: impl Iterator<Item = (SymbolId, &'a str)>) -> Vec<String> {
    let mut names = Vec::new();
    for (id, name) in all {
        let place = usize::from(id.0);
        if names.len() <= place {
            names.resize(place + 1, String::new());
        }
        name.clone_into(&mut names[place]);
    }
    names
}

#[cfg(test)]
mod tests {
    use engine::bar_market::QuoteBar;
    use engine::market::{Bar, Quality};

    use super::*;

    fn bar(minute: u64, prices: [i32; 4]) -> BarItem {
        let [open, high, low, close] = prices.map(Price);
        let open_ts = Timestamp::from_secs(1_700_000_000) + Duration::from_secs(60 * minute);
        let (symbol, length_s, volume, trades, quality) = (SymbolId(0), 60, 1, 1, Quality::Complete);
        Ok(BarEvent::Trades(Bar { symbol, open_ts, length_s, open, high, low, close, volume, trades, quality }))
    }

    /// Closes that came through, how many were refused, and how it ended.
    fn played(bars: Vec<BarItem>, jump_ticks_max: u32) -> (Vec<i32>, u64, Option<String>) {
        let refusals = Refusals::default();
        let names = names([(SymbolId(0), "ESZ23")].into_iter());
        let (mut closes, mut ended) = (Vec::new(), None);
        for item in Believed::new(bars.into_iter(), jump_ticks_max, names, refusals.clone()) {
            match item {
                Ok(BarEvent::Trades(bar)) => closes.push(bar.close.0),
                Ok(BarEvent::Quotes(_)) => panic!("bars of trades"),
                Err(error) => ended = Some(error.to_string()),
            }
        }
        (closes, refusals.count(), ended)
    }

    fn sides(minute: u64, bid: i32, ask: i32) -> BarItem {
        let open_ts = Timestamp::from_secs(1_700_000_000) + Duration::from_secs(60 * minute);
        let side = |price| Some(Ohlc::flat(Price(price)));
        let (bid, ask, symbol, length_s) = (side(bid), side(ask), SymbolId(0), 60);
        Ok(BarEvent::Quotes(QuoteBar { symbol, open_ts, length_s, bid, ask, bid_size: 1, ask_size: 1 }))
    }

    #[test]
    fn a_side_of_a_quote_that_cannot_be_is_none() {
        let refusals = Refusals::default();
        let bars = vec![sides(0, 20_000, 20_001), sides(1, 20_000, 900_000), sides(2, 1, 900_000)];
        let names = names([(SymbolId(0), "ESZ23")].into_iter());
        let left: Vec<_> = Believed::new(bars.into_iter(), 400, names, refusals.clone())
            .map(|item| match item {
                Ok(BarEvent::Quotes(bar)) => (bar.bid.map(|side| side.close.0), bar.ask.map(|side| side.close.0)),
                other => panic!("bars of quotes: {other:?}"),
            })
            .collect();
        assert_eq!(left, [(Some(20_000), Some(20_001)), (Some(20_000), None)], "the third has no side left");
        assert_eq!(refusals.count(), 2);
    }

    #[test]
    fn days_may_be_an_hour_short_when_clocks_change_and_minutes_may_not() {
        let (midnight, hour) = (Timestamp::from_secs(1_700_000_000), Duration::from_secs(3_600));
        let ended = midnight + hour * 24;
        assert!(!overlaps(midnight + hour * 23, 86_400, ended) && overlaps(midnight + hour * 22, 86_400, ended));
        assert!(overlaps(midnight + hour * 23, 3_600, ended));
    }

    fn flat(minute: u64, price: i32) -> BarItem {
        bar(minute, [price; 4])
    }

    #[test]
    fn a_lone_absurd_bar_is_left_out_and_counted() {
        let day = || vec![flat(0, 20_000), flat(1, 2_000_000), flat(2, 20_010), bar(3, [20_010, 20_020, 200, 20_010])];
        assert_eq!(played(day(), 400), (vec![20_000, 20_010], 2, None));
        let (all, refused, _) = played(day(), 1_000_000);
        assert_eq!((all.len(), refused), (4, 0), "the limit is the configuration's");
        let crash = vec![flat(0, 20_000), bar(1, [20_000, 20_000, 16_100, 16_100])];
        assert_eq!(played(crash, 400), (vec![20_000, 16_100], 0, None), "a crash is believed");
    }

    #[test]
    fn another_level_ends_the_stream_and_a_long_hole_forgets_the_old_one() {
        let moved = (0..20).map(|minute| flat(minute, if minute < 3 { 20_000 } else { 2_000_000 })).collect();
        let (closes, refused, ended) = played(moved, 400);
        assert_eq!((closes, refused), (vec![20_000; 3], 5));
        let told = ended.expect("five in a row");
        assert!(told.contains("5 bars of ESZ23 in a row") && told.contains("jump_ticks_max = 400"), "{told}");
        let later = 60 * 24 * 11;
        assert_eq!(played(vec![flat(0, 20_000), flat(later, 60_000)], 400), (vec![20_000, 60_000], 0, None));
    }
}
