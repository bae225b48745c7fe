//! Contracts of one root as one series. In: bars of several contracts in the order of their ends, a roll rule. Out: the bars
//! of whichever contract is in front, under one symbol, without gaps at the rolls. Absent: the cost of rolling a position;
//! a strategy on this series holds through rolls as if they were free.
//!
//! Later contracts are shifted by the gaps of the rolls before them, so the first contract keeps its prices and nothing that
//! comes later changes a bar: a series that is adjusted backward would know its future. Profits of a position are those of
//! the contracts; prices of later years are not those that were traded.

use std::collections::{BTreeMap, VecDeque};

use engine::bar_market::{BarEvent, Ohlc};
use engine::market::{Price, SymbolId};
use engine::time::Timestamp;
use engine::time::session::{Calendar, SessionCursor};

use super::BarItem;

/// When the next contract takes over. It always does before the present one has no bars any more, if its own are there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Roll {
    /// With its first bar: for files that hold each contract's time in front.
    FirstBar,
    /// On the trade date after the first one on which it traded more.
    Volume,
    /// So many calendar days before the present one stops trading.
    DaysBeforeExpiry(u32),
    /// With the bars of these instants and later, in order: one for each roll.
    Dates(Vec<Timestamp>),
}

/// A contract of the series, nearest expiry first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) symbol: SymbolId,
    /// When it stops trading; needed for [`Roll::DaysBeforeExpiry`].
    pub(crate) expires: Option<Timestamp>,
}

pub(crate) struct Continuous<S> {
    source: S,
    rule: Roll,
    members: Vec<Member>,
    /// Under which the series goes on.
    symbol: SymbolId,
    /// Index into `members`.
    front: usize,
    /// Ticks that are taken off every price of the contract in front.
    shift: i32,
    /// Newest close of each contract, of trades or else of the bid.
    closes: BTreeMap<SymbolId, Price>,
    /// End of the newest bar of the series.
    passed: Timestamp,
    volumes: BTreeMap<SymbolId, u64>,
    day: Option<chrono::NaiveDate>,
    /// The next contract takes over with the next bar.
    due: bool,
    dates: VecDeque<Timestamp>,
    calendar: SessionCursor,
}

impl<S: Iterator<Item = BarItem>> Continuous<S> {
    pub(crate) fn new(source: S, rule: Roll, members: Vec<Member>, symbol: SymbolId, calendar: Calendar) -> Self {
        let dates = if let Roll::Dates(dates) = &rule { dates.iter().copied().collect() } else { VecDeque::new() };
        let (closes, volumes, calendar) = (BTreeMap::new(), BTreeMap::new(), SessionCursor::new(calendar));
        let (front, shift, day, due) = (0, 0, None, false);
        let passed = Timestamp::MIN;
        Self { source, rule, members, symbol, front, shift, closes, passed, volumes, day, due, dates, calendar }
    }

    fn place(&self, symbol: SymbolId) -> Option<usize> {
        self.members.iter().position(|member| member.symbol == symbol)
    }

    /// What the rule says before this bar is looked at.
    fn mind_rule(&mut self, bar: &BarEvent) {
        let at = bar.open_ts();
        match &self.rule {
            Roll::FirstBar => self.due = self.place(bar.symbol()).is_some_and(|place| place > self.front),
            Roll::Volume => {
                let today = self.calendar.trade_date(at);
                if self.day.replace(today) != Some(today) {
                    let volume = |place: usize| self.members.get(place).and_then(|m| self.volumes.get(&m.symbol));
                    self.due |= volume(self.front + 1) > volume(self.front);
                    self.volumes.clear();
                }
            }
            Roll::DaysBeforeExpiry(days) => {
                let before = std::time::Duration::from_secs(86_400 * u64::from(*days));
                let expires = self.members.get(self.front).and_then(|member| member.expires);
                self.due |= expires.is_some_and(|expires| at >= expires - before);
            }
            Roll::Dates(_) => {
                while self.dates.pop_front_if(|date| *date <= at).is_some() {
                    self.due = true;
                }
            }
        }
    }

    /// The next contract takes over if it must and has a price. The gap is between the newest closes of the two, or, where
    /// the files do not overlap, between the last price of the one and the first of the other.
    fn roll(&mut self, bar: &BarEvent) {
        if !self.due {
            return;
        }
        let close = |symbol: SymbolId| self.closes.get(&symbol).copied();
        let next = self.members.get(self.front + 1).and_then(|next| Some((self.front + 1, close(next.symbol)?)));
        // An interval that the series has passed does not come again.
        let begins = |place: &usize| *place > self.front && bar.end() > self.passed;
        let begins = || self.place(bar.symbol()).filter(begins).zip(first_price(bar));
        let Some((place, now)) = next.or_else(begins) else { return };
        if let Some(old) = close(self.members[self.front].symbol) {
            self.shift += now.0 - old.0;
        }
        (self.front, self.due) = (place, false);
    }

    fn shifted(&self, bar: BarEvent) -> BarEvent {
        let price = |price: Price| Price(price.0 - self.shift);
        match bar {
            BarEvent::Trades(bar) => BarEvent::Trades(engine::market::Bar {
                symbol: self.symbol,
                open: price(bar.open),
                high: price(bar.high),
                low: price(bar.low),
                close: price(bar.close),
                ..bar
            }),
            BarEvent::Quotes(bar) => {
                let side = |side: Ohlc| Ohlc {
                    open: price(side.open),
                    high: price(side.high),
                    low: price(side.low),
                    close: price(side.close),
                };
                BarEvent::Quotes(engine::bar_market::QuoteBar {
                    symbol: self.symbol,
                    bid: bar.bid.map(side),
                    ask: bar.ask.map(side),
                    ..bar
                })
            }
        }
    }

    /// The bar as part of the series, if its contract is in front.
    fn take(&mut self, bar: BarEvent) -> Option<BarEvent> {
        self.mind_rule(&bar);
        self.roll(&bar);
        if let BarEvent::Trades(trades) = &bar {
            *self.volumes.entry(bar.symbol()).or_insert(0) += trades.volume;
        }
        if let Some(close) = last_price(&bar) {
            self.closes.insert(bar.symbol(), close);
        }
        let is_front = self.place(bar.symbol()) == Some(self.front);
        if is_front {
            self.passed = bar.end();
        }
        is_front.then(|| self.shifted(bar))
    }
}

fn first_price(bar: &BarEvent) -> Option<Price> {
    match bar {
        BarEvent::Trades(bar) => Some(bar.open),
        BarEvent::Quotes(bar) => bar.bid.map(|bid| bid.open),
    }
}

fn last_price(bar: &BarEvent) -> Option<Price> {
    match bar {
        BarEvent::Trades(bar) => Some(bar.close),
        BarEvent::Quotes(bar) => bar.bid.map(|bid| bid.close),
    }
}

impl<S: Iterator<Item = BarItem>> Iterator for Continuous<S> {
    type Item = BarItem;

    fn next(&mut self) -> Option<BarItem> {
        loop {
            match self.source.next()? {
                Ok(bar) => {
                    if let Some(bar) = self.take(bar) {
                        return Some(Ok(bar));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::market::{Bar, Quality};

    use super::*;

    const OLD: SymbolId = SymbolId(0);
    const NEW: SymbolId = SymbolId(1);
    const SERIES: SymbolId = SymbolId(7);

    /// 2024-03-04, noon in Chicago.
    fn noon(day: u64) -> Timestamp {
        Timestamp::from_secs(1_709_575_200) + Duration::from_secs(day * 86_400)
    }

    fn bar(symbol: SymbolId, day: u64, open: i32, close: i32, volume: u64) -> BarItem {
        let (high, low) = (Price(open.max(close)), Price(open.min(close)));
        let (open, close, quality) = (Price(open), Price(close), Quality::Complete);
        let bar = Bar { symbol, open_ts: noon(day), length_s: 60, open, high, low, close, volume, trades: 1, quality };
        Ok(BarEvent::Trades(bar))
    }

    /// `(day, open, close)` of the series.
    fn series(rule: Roll, expires: Option<Timestamp>, bars: Vec<BarItem>) -> Vec<(u64, i32, i32)> {
        let members = vec![Member { symbol: OLD, expires }, Member { symbol: NEW, expires: None }];
        let series = Continuous::new(bars.into_iter(), rule, members, SERIES, Calendar::CME_EQUITY_INDEX);
        series
            .map(|item| match item.expect("sound") {
                BarEvent::Trades(bar) => {
                    assert_eq!(bar.symbol, SERIES);
                    (bar.open_ts.since(noon(0)).as_secs() / 86_400, bar.open.0, bar.close.0)
                }
                BarEvent::Quotes(_) => panic!("bars of trades"),
            })
            .collect()
    }

    #[test]
    fn the_volume_rolls_on_the_day_after_and_the_gap_is_taken_off() {
        let bars = vec![
            bar(OLD, 0, 100, 101, 50),
            bar(NEW, 0, 110, 111, 10),
            bar(OLD, 1, 102, 103, 20),
            bar(NEW, 1, 112, 114, 30),
            bar(OLD, 2, 104, 105, 5),
            bar(NEW, 2, 115, 117, 60),
        ];
        // The gap is that of day 1's closes: 114 - 103.
        assert_eq!(series(Roll::Volume, None, bars), [(0, 100, 101), (1, 102, 103), (2, 104, 106)]);
    }

    #[test]
    fn files_that_do_not_overlap_roll_with_the_first_bar() {
        let bars = vec![bar(OLD, 0, 100, 101, 5), bar(NEW, 1, 120, 125, 5), bar(NEW, 2, 125, 126, 5)];
        assert_eq!(series(Roll::FirstBar, None, bars), [(0, 100, 101), (1, 101, 106), (2, 106, 107)]);
    }

    #[test]
    fn dates_and_days_before_expiry_roll_when_they_say() {
        let bars = || {
            let day = |n: u64| {
                let n32 = i32::try_from(n).expect("small");
                vec![bar(OLD, n, 100 + n32, 100 + n32, 5), bar(NEW, n, 150 + n32, 150 + n32, 5)]
            };
            (0..4).flat_map(day).collect::<Vec<_>>()
        };
        let by_date = series(Roll::Dates(vec![noon(2)]), None, bars());
        assert_eq!(by_date, [(0, 100, 100), (1, 101, 101), (2, 102, 102), (3, 103, 103)], "the gap of 50 is taken off");
        let by_expiry = series(Roll::DaysBeforeExpiry(3), Some(noon(5)), bars());
        assert_eq!(by_expiry, by_date);
    }
}
