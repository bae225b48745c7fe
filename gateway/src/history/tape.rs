//! One instrument's past: ticks as far as the bound goes, minutes much further, the running day.
//! In: trades and quotes in order. Out: the ticks and minutes from an instant on, the view at a moment.

use engine::market::{Price, Quote, Trade};
use engine::time::Timestamp;
use engine::time::session::{Session, SessionCursor};

use super::bars::{QuoteBar, Sides, TradeBar};
use super::day::View;
use super::ring::{Ring, Timed};
use crate::hours::{Hours, MINUTE};

/// Minutes that are kept: some three hundred trading days.
const MINUTES_MAX: usize = 400_000;
const NOBODY: i32 = i32::MIN;

impl Timed for Trade {
    fn ts(&self) -> Timestamp {
        self.ts
    }
}

/// A quote in three quarters of its size.
#[derive(Clone, Copy, Debug)]
struct Packed {
    ts: Timestamp,
    bid: i32,
    ask: i32,
    bid_size: u32,
    ask_size: u32,
}

impl Timed for Packed {
    fn ts(&self) -> Timestamp {
        self.ts
    }
}

impl Packed {
    fn of(ts: Timestamp, quote: &Quote) -> Self {
        let ticks = |price: Option<Price>| price.map_or(NOBODY, |price| price.0);
        let Quote { bid, ask, bid_size, ask_size, .. } = *quote;
        Self { ts, bid: ticks(bid), ask: ticks(ask), bid_size, ask_size }
    }

    fn unpacked(&self) -> Quote {
        let price = |ticks: i32| (ticks != NOBODY).then_some(Price(ticks));
        let Self { ts, bid_size, ask_size, .. } = *self;
        Quote { ts, bid: price(self.bid), ask: price(self.ask), bid_size, ask_size }
    }
}

#[derive(Clone, Debug)]
pub struct Tape {
    hours: Hours,
    cursor: SessionCursor,
    trades: Ring<Trade>,
    quotes: Ring<Packed>,
    trade_minutes: Ring<TradeBar>,
    quote_minutes: Ring<QuoteBar>,
    /// The session of the last quote.
    session: Option<Session>,
    view: View,
}

impl Tape {
    pub fn new(hours: Hours, ticks_max: usize) -> Self {
        Self {
            hours,
            cursor: SessionCursor::new(hours.calendar()),
            trades: Ring::new(ticks_max),
            quotes: Ring::new(ticks_max),
            trade_minutes: Ring::new(MINUTES_MAX),
            quote_minutes: Ring::new(MINUTES_MAX),
            session: None,
            view: View::default(),
        }
    }

    pub fn hours(&self) -> Hours {
        self.hours
    }

    pub fn trade(&mut self, trade: &Trade) {
        // A source that steps back in time is remembered as if it stood still.
        let ts = self.trades.last().map_or(trade.ts, |last| last.ts.max(trade.ts));
        let trade = Trade { ts, ..*trade };
        self.trades.push(trade);
        let minute = ts.floor(MINUTE);
        match self.trade_minutes.last_mut() {
            Some(bar) if bar.start == minute => bar.trade(&trade),
            _ => self.trade_minutes.push(TradeBar::of(minute, &trade)),
        }
        self.view.trade(self.cursor.trade_date(ts), &trade);
    }

    pub fn quote(&mut self, quote: &Quote) {
        let ts = self.quotes.last().map_or(quote.ts, |last| last.ts.max(quote.ts));
        self.quotes.push(Packed::of(ts, quote));
        let (minute, sides) = (ts.floor(MINUTE), Sides::of(quote));
        match self.quote_minutes.last_mut() {
            Some(bar) if bar.start == minute => bar.quote(ts, sides),
            _ => self.open_minute(minute, ts, sides),
        }
        self.view.quote = Some(Quote { ts, ..*quote });
    }

    fn open_minute(&mut self, minute: Timestamp, ts: Timestamp, sides: Sides) {
        let session = self.cursor.session_of(ts);
        // What stood before a break says nothing about the market after it.
        let lasts = session.is_some() && session == self.session;
        self.session = session;
        let mut standing = None;
        if let Some(last) = self.quote_minutes.last_mut() {
            last.advance(last.start + MINUTE);
            standing = lasts.then_some(last.now);
        }
        let mut bar = QuoteBar::begin(minute, standing);
        bar.quote(ts, sides);
        self.quote_minutes.push(bar);
    }

    /// The view after the last event.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The view as it was at `at`, as far as it is remembered.
    pub fn view_at(&self, at: Timestamp) -> View {
        let next = Timestamp::from_nanos(at.nanos().saturating_add(1));
        let date = self.hours.calendar().trade_date(at);
        let open = self.hours.calendar().session(date).map_or(at, |session| session.open);
        let mut view = View::default();
        if let Some(last) = self.trade_minutes.before(open).next() {
            view.close = Some(Price(last.prices.close));
        }
        view.turn(date);
        let minute = at.floor(MINUTE);
        for bar in self.trade_minutes.since(open).take_while(|bar| bar.start < minute) {
            absorb(&mut view, bar);
        }
        for trade in self.trades.since(minute.max(open)).take_while(|trade| trade.ts <= at) {
            view.trade(date, trade);
        }
        view.last = self.trades.before(next).next().copied();
        view.quote = self.quotes.before(next).next().map(Packed::unpacked);
        view
    }

    /// Trades at or after `ts`.
    pub fn trades_since(&self, ts: Timestamp) -> impl Iterator<Item = &Trade> {
        self.trades.since(ts)
    }

    /// Trades before `ts`, the latest first.
    pub fn trades_before(&self, ts: Timestamp) -> impl Iterator<Item = &Trade> {
        self.trades.before(ts)
    }

    pub fn quotes_since(&self, ts: Timestamp) -> impl Iterator<Item = Quote> {
        self.quotes.since(ts).map(Packed::unpacked)
    }

    pub fn quotes_before(&self, ts: Timestamp) -> impl Iterator<Item = Quote> {
        self.quotes.before(ts).map(Packed::unpacked)
    }

    /// Minutes with trades that begin at or after `ts`.
    pub fn trade_minutes_since(&self, ts: Timestamp) -> impl Iterator<Item = &TradeBar> {
        self.trade_minutes.since(ts)
    }

    /// Minutes with changes of the quote that begin at or after `ts`.
    pub fn quote_minutes_since(&self, ts: Timestamp) -> impl Iterator<Item = &QuoteBar> {
        self.quote_minutes.since(ts)
    }

    /// What the market showed just before `ts`, with the moment since when.
    pub fn standing_before(&self, ts: Timestamp) -> Option<(Timestamp, Sides)> {
        if let Some(quote) = self.quotes.before(ts).next() {
            return Some((quote.ts, Sides::of(&quote.unpacked())));
        }
        self.quote_minutes.before(ts).find(|bar| bar.start + MINUTE <= ts).map(|bar| (bar.start, bar.now))
    }

    /// The first instant that is remembered, of trades or of quotes.
    pub fn head(&self, of_trades: bool) -> Option<Timestamp> {
        if of_trades {
            let minute = self.trade_minutes.first()?.start;
            Some(self.trades.first().map_or(minute, |first| head(minute, first.ts)))
        } else {
            let minute = self.quote_minutes.first()?.start;
            Some(self.quotes.first().map_or(minute, |first| head(minute, first.ts)))
        }
    }

    /// This tape, and after it what `later` has seen.
    pub fn followed_by(mut self, later: Tape) -> Tape {
        self.view = self.view.followed_by(later.view);
        self.session = later.session.or(self.session);
        self.trades.append(later.trades);
        self.quotes.append(later.quotes);
        join(&mut self.trade_minutes, later.trade_minutes, |bar, next| bar.absorb(next));
        join(&mut self.quote_minutes, later.quote_minutes, |bar, next| bar.absorb(next));
        self
    }
}

/// Of the first minute and the first tick: the tick, unless earlier ticks have been forgotten.
fn head(minute: Timestamp, tick: Timestamp) -> Timestamp {
    if tick.floor(MINUTE) == minute { tick } else { minute }
}

fn absorb(view: &mut View, bar: &TradeBar) {
    let price = |ticks: i32| Some(Price(ticks));
    view.open = view.open.or(price(bar.prices.open));
    view.high = view.high.max(price(bar.prices.high));
    view.low = view.low.map_or(price(bar.prices.low), |low| price(low.0.min(bar.prices.low)));
    view.volume += bar.volume;
    view.count += u64::from(bar.count);
    view.value += bar.value;
}

/// Joins two lists of minutes; the minute in which one ends and the other begins becomes one.
fn join<T: Timed + Copy>(before: &mut Ring<T>, later: Ring<T>, absorb: impl Fn(&mut T, &T)) {
    let same = |last: &T, first: &T| last.ts() == first.ts();
    let shared = before.last().zip(later.first()).is_some_and(|(last, first)| same(last, first));
    if !shared {
        return before.append(later);
    }
    let mut rest = later.since(Timestamp::MIN).copied();
    if let Some((last, first)) = before.last_mut().zip(rest.next()) {
        absorb(last, &first);
    }
    rest.for_each(|bar| before.push(bar));
}
