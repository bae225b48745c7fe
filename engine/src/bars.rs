//! Turns trades into time bars. In: trades, gaps of the feed, the time. Out: closed bars, revised bars, refusals.
//! Knows nothing of strategies, quotes or the clock; implausible prices were left out before (`intake`). No bar is invented: a minute without trades has none.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::BarsConfig;
use crate::market::{Bar, Quality, SymbolId, Trade};
use crate::time::Timestamp;

/// What the bar builder of one symbol is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// In order of arrival.
    Trades(Vec<Trade>),
    /// The feed delivers from now on.
    FeedUp,
    /// The feed stopped; bars that overlap the outage are marked [`Quality::Gap`].
    FeedDown,
    /// Trades were lost while the feed stayed up: a lag notice, a price that cannot be read.
    Lost { why: String },
    /// The session is over: what is open is closed as it stands.
    Flush,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    Closed(Bar),
    /// Replaces the bar with the same open.
    Revised(Bar),
    Notice(Notice),
}

/// A trade that did not reach a bar, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Notice {
    /// Stamped further ahead of the clock than clocks may be apart.
    Ahead {
        trade: Trade,
        now: Timestamp,
    },
    /// Belonged to bars that were closed too long ago to be revised; told with the next bar.
    TooLate {
        first: Trade,
        trades: u32,
        /// Contracts in all of them.
        contracts: u64,
    },
    Lost {
        why: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Ahead { trade, now } => write!(
                f,
                "a trade at {} ticks is stamped {}, which is yet to come at {now}: left out",
                trade.price.0, trade.ts
            ),
            Notice::TooLate { first, trades, contracts } => write!(
                f,
                "{trades} trades with {contracts} contracts came too late for their bars, the first stamped {}",
                first.ts
            ),
            Notice::Lost { why } => write!(f, "trades were lost: {why}"),
        }
    }
}

/// A stamp further ahead of the clock is wrong: outside the session, of another day. Clocks may be some seconds apart.
const AHEAD_MAX: Duration = Duration::from_secs(600);

/// All bar lengths of one symbol.
#[derive(Clone, Debug)]
pub struct Bars {
    symbol: SymbolId,
    feed: Feed,
    builders: Vec<Builder>,
}

impl Bars {
    /// `config.lengths_s` holds at least one length, each greater than zero.
    pub fn new(symbol: SymbolId, config: &BarsConfig) -> Self {
        assert!(!config.lengths_s.is_empty(), "validated when the configuration was read");
        Self {
            symbol,
            feed: Feed::default(),
            builders: config.lengths_s.iter().map(|&length_s| Builder::new(symbol, length_s, config)).collect(),
        }
    }

    pub fn symbol(&self) -> SymbolId {
        self.symbol
    }

    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Trades(trades) => trades.iter().for_each(|trade| self.on_trade(now, trade, out)),
            Input::FeedUp => self.feed.up(now),
            Input::FeedDown => self.feed.down(now),
            Input::Lost { why } => self.on_lost(Notice::Lost { why }, out),
            Input::Flush => self.builders.iter_mut().for_each(|b| b.flush(now, &self.feed, out)),
        }
    }

    #[inline]
    pub fn on_trade(&mut self, now: Timestamp, trade: &Trade, out: &mut Vec<Output>) {
        for builder in &mut self.builders {
            builder.on_trade(now, trade, &self.feed, out);
        }
    }

    fn on_lost(&mut self, notice: Notice, out: &mut Vec<Output>) {
        self.builders.iter_mut().for_each(|b| b.spoil(Quality::Gap));
        out.push(Output::Notice(notice));
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.builders.iter().filter_map(Builder::next_deadline).min()
    }

    /// Closes every bar whose grace is over.
    pub fn on_deadline(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        for builder in &mut self.builders {
            if builder.next_deadline().is_some_and(|at| at <= now) {
                builder.close(&self.feed, out);
            }
        }
    }
}

/// When the feed delivered, as far as the bars that are still open need it.
#[derive(Clone, Debug, Default)]
struct Feed {
    began: Option<Timestamp>,
    down_since: Option<Timestamp>,
    outage: Option<(Timestamp, Timestamp)>,
}

impl Feed {
    fn up(&mut self, now: Timestamp) {
        match self.down_since.take() {
            Some(from) => self.outage = Some((from, now)),
            None if self.began.is_none() => self.began = Some(now),
            None => {}
        }
    }

    fn down(&mut self, now: Timestamp) {
        self.down_since.get_or_insert(now);
    }

    /// What the feed's history says about a bar over `[open, end)`.
    fn quality(&self, open: Timestamp, end: Timestamp) -> Quality {
        let now_down = self.down_since.is_some_and(|from| from < end);
        let was_down = self.outage.is_some_and(|(from, to)| from < end && to > open);
        if now_down || was_down {
            Quality::Gap
        } else if self.began.is_none_or(|began| began > open) {
            Quality::Partial
        } else {
            Quality::Complete
        }
    }
}

/// One length.
#[derive(Clone, Debug)]
struct Builder {
    symbol: SymbolId,
    length_s: u32,
    length: Duration,
    grace: Duration,
    revise_within: Duration,
    open: Option<Bar>,
    /// End of `open`; `Timestamp::MIN` when there is none, so that the tick path has one comparison.
    open_end: Timestamp,
    open_start: Timestamp,
    closed: Option<Bar>,
    late: Option<Late>,
}

/// Trades that no bar takes any more.
#[derive(Clone, Copy, Debug)]
struct Late {
    first: Trade,
    trades: u32,
    contracts: u64,
}

impl Builder {
    fn new(symbol: SymbolId, length_s: u32, config: &BarsConfig) -> Self {
        assert!(length_s > 0, "validated when the configuration was read");
        Self {
            symbol,
            length_s,
            length: Duration::from_secs(u64::from(length_s)),
            grace: config.close_grace,
            revise_within: config.revise_within,
            open: None,
            open_end: Timestamp::MIN,
            open_start: Timestamp::MAX,
            closed: None,
            late: None,
        }
    }

    #[inline]
    fn on_trade(&mut self, now: Timestamp, trade: &Trade, feed: &Feed, out: &mut Vec<Output>) {
        if trade.ts >= self.open_start && trade.ts < self.open_end {
            let bar = self.open.as_mut().expect("a bar is open while its bounds are set");
            add(bar, trade);
            return;
        }
        self.on_border(now, trade, feed, out);
    }

    fn on_border(&mut self, now: Timestamp, trade: &Trade, feed: &Feed, out: &mut Vec<Output>) {
        let open_ts = trade.ts.floor(self.length);
        if trade.ts > now + AHEAD_MAX {
            // It would open a bar for which every trade until then comes too late.
            self.spoil(Quality::Gap);
            return out.push(Output::Notice(Notice::Ahead { trade: *trade, now }));
        }
        let is_late = self.open.is_some_and(|bar| trade.ts < bar.open_ts)
            || (self.open.is_none() && self.closed.is_some_and(|bar| trade.ts < bar.end()));
        if is_late {
            return self.on_late(now, open_ts, trade, out);
        }
        self.close(feed, out);
        let bar = Bar {
            symbol: self.symbol,
            open_ts,
            length_s: self.length_s,
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: u64::from(trade.size),
            trades: 1,
            quality: Quality::Complete,
        };
        self.open_start = open_ts;
        self.open_end = bar.end();
        self.open = Some(bar);
    }

    /// A trade for a bar that is closed: it revises the last one while that is fresh. Its place among the others is
    /// unknown, so open and close stand.
    fn on_late(&mut self, now: Timestamp, open_ts: Timestamp, trade: &Trade, out: &mut Vec<Output>) {
        match &mut self.closed {
            Some(bar) if bar.open_ts == open_ts && now.since(bar.end()) <= self.revise_within => {
                let close = bar.close;
                add(bar, trade);
                bar.close = close;
                bar.quality = bar.quality.worse(Quality::Revised);
                out.push(Output::Revised(*bar));
            }
            // A feed that lags sends thousands of them.
            _ => {
                let late = self.late.get_or_insert(Late { first: *trade, trades: 0, contracts: 0 });
                late.trades += 1;
                late.contracts += u64::from(trade.size);
            }
        }
    }

    fn tell_late(&mut self, out: &mut Vec<Output>) {
        if let Some(Late { first, trades, contracts }) = self.late.take() {
            out.push(Output::Notice(Notice::TooLate { first, trades, contracts }));
        }
    }

    fn spoil(&mut self, quality: Quality) {
        if let Some(bar) = &mut self.open {
            bar.quality = bar.quality.worse(quality);
        }
    }

    fn close(&mut self, feed: &Feed, out: &mut Vec<Output>) {
        let Some(mut bar) = self.open.take() else { return };
        bar.quality = bar.quality.worse(feed.quality(bar.open_ts, bar.end()));
        self.open_start = Timestamp::MAX;
        self.open_end = Timestamp::MIN;
        self.closed = Some(bar);
        out.push(Output::Closed(bar));
        self.tell_late(out);
    }

    fn flush(&mut self, now: Timestamp, feed: &Feed, out: &mut Vec<Output>) {
        if self.open.is_some_and(|bar| now < bar.end()) {
            self.spoil(Quality::Partial);
        }
        self.close(feed, out);
        self.tell_late(out);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.open.map(|bar| bar.end() + self.grace)
    }
}

#[inline]
fn add(bar: &mut Bar, trade: &Trade) {
    bar.high = bar.high.max(trade.price);
    bar.low = bar.low.min(trade.price);
    bar.close = trade.price;
    bar.volume += u64::from(trade.size);
    bar.trades += 1;
}

#[cfg(test)]
#[path = "bars_tests.rs"]
mod tests;
