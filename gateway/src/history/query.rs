//! Bars of any size from a tape. In: what to show, the slots, the period. Out: bars in order, each with its slot.
//! No trade bar is invented: an interval without trades has none. A quote stands until it changes, so an interval of an
//! open market without a change has a flat bar.

use engine::time::Timestamp;
use engine::time::session::Session;

use super::bars::{Prices, QuoteBar, Sides, TradeBar};
use super::slots::{Slot, Slots};
use super::tape::Tape;
use crate::catalog::Points;
use crate::hours::MINUTE;

/// What bars are made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Show {
    Trades,
    Bid,
    Ask,
    Midpoint,
    /// Open and close are averages over time of the bid and of the ask, low is the lowest bid, high the highest ask.
    BidAsk,
}

impl Show {
    pub fn from_wire(word: &str) -> Option<Show> {
        Some(match word {
            "TRADES" => Show::Trades,
            "BID" => Show::Bid,
            "ASK" => Show::Ask,
            "MIDPOINT" => Show::Midpoint,
            "BID_ASK" => Show::BidAsk,
            _ => return None,
        })
    }

    /// As error messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Show::Trades => "Trades",
            Show::Bid => "Bid",
            Show::Ask => "Ask",
            Show::Midpoint => "Midpoint",
            Show::BidAsk => "Bid_Ask",
        }
    }
}

/// A bar in points.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bar {
    pub slot: Slot,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    /// Of trades only.
    pub traded: Option<Traded>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Traded {
    /// Contracts.
    pub volume: u64,
    /// Points.
    pub average: f64,
    pub count: u32,
}

/// Bars of what happened in `[from, to)`; the first one begins with the slot that `from` lies in.
pub fn bars(tape: &Tape, show: Show, slots: &mut Slots, points: Points, from: Timestamp, to: Timestamp) -> Vec<Bar> {
    let from = match slots.of(from) {
        Some(slot) if !slots.size().has_date() => slot.start,
        _ => from,
    };
    if show == Show::Trades {
        return trade_bars(tape, slots, from, to)
            .into_iter()
            .map(|(slot, bar)| of_trades(slot, &bar, points))
            .collect();
    }
    let bars = QuoteBars::new(tape, slots, from, to).made(tape);
    bars.into_iter().filter_map(|(slot, bar)| of_quotes(slot, &bar, show, points)).collect()
}

/// Where minutes end and ticks take over: `to` itself for bars below a minute, the last whole minute otherwise.
fn minutes_until(slots: &Slots, from: Timestamp, to: Timestamp) -> Timestamp {
    if slots.size().below_a_minute() { from } else { to.floor(MINUTE).max(from) }
}

fn trade_bars(tape: &Tape, slots: &mut Slots, from: Timestamp, to: Timestamp) -> Vec<(Slot, TradeBar)> {
    let split = minutes_until(slots, from, to);
    let minutes = tape.trade_minutes_since(from).take_while(|bar| bar.start < split).copied();
    let ticks = tape.trades_since(split).take_while(|trade| trade.ts < to).map(|trade| TradeBar::of(trade.ts, trade));
    let mut made: Vec<(Slot, TradeBar)> = Vec::new();
    for piece in minutes.chain(ticks) {
        let Some(slot) = slots.of(piece.start) else { continue };
        match made.last_mut() {
            Some((open, bar)) if open.key == slot.key => {
                *open = slot;
                bar.absorb(&piece);
            }
            _ => made.push((slot, piece)),
        }
    }
    made
}

/// Quote bars in the making.
struct QuoteBars<'a> {
    slots: &'a mut Slots,
    made: Vec<(Slot, QuoteBar)>,
    open: Option<(Slot, QuoteBar)>,
    /// What the market shows, and the session in which it does.
    standing: Option<(Session, Sides)>,
    /// As far as bars are made.
    done: Timestamp,
    to: Timestamp,
}

impl<'a> QuoteBars<'a> {
    fn new(tape: &Tape, slots: &'a mut Slots, from: Timestamp, to: Timestamp) -> Self {
        let calendar = slots.hours().calendar();
        let standing = tape.standing_before(from).and_then(|(at, sides)| Some((calendar.session_of(at)?, sides)));
        let standing = standing.filter(|(session, _)| session.contains(from));
        Self { slots, made: Vec::new(), open: None, standing, done: from, to }
    }

    fn made(mut self, tape: &Tape) -> Vec<(Slot, QuoteBar)> {
        let (from, to) = (self.done, self.to);
        let split = minutes_until(self.slots, from, to);
        for minute in tape.quote_minutes_since(from).take_while(|bar| bar.start < split) {
            self.take(minute.start, minute.now, |bar| bar.absorb(minute));
        }
        for quote in tape.quotes_since(split).take_while(|quote| quote.ts < to) {
            let sides = Sides::of(&quote);
            self.take(quote.ts, sides, |bar| bar.quote(quote.ts, sides));
        }
        self.reach(to);
        self.close(to);
        self.made
    }

    fn take(&mut self, at: Timestamp, then: Sides, apply: impl FnOnce(&mut QuoteBar)) {
        self.reach(at);
        if let Some(slot) = self.slots.of(at) {
            if self.open.as_ref().is_some_and(|(open, _)| open.key != slot.key) {
                self.close(at);
            }
            let standing = self.standing_at(slot.start);
            let (open, bar) = self.open.get_or_insert_with(|| (slot, QuoteBar::begin(slot.start, standing)));
            if open.start != slot.start {
                // A later session of the same week or month: the pause between them has no weight.
                bar.up_to = bar.up_to.max(slot.start);
                *open = slot;
            }
            apply(bar);
        }
        self.standing = match self.standing.filter(|(session, _)| session.contains(at)) {
            Some((session, _)) => Some((session, then)),
            None => self.slots.hours().calendar().session_of(at).map(|session| (session, then)),
        };
    }

    fn standing_at(&self, at: Timestamp) -> Option<Sides> {
        self.standing.filter(|(session, _)| session.contains(at)).map(|(_, sides)| sides)
    }

    /// Time passes until `at`: slots that end before it are closed, and those without a change are made flat.
    fn reach(&mut self, at: Timestamp) {
        if self.slots.size().has_date() {
            return;
        }
        loop {
            match &self.open {
                Some((slot, _)) if at < slot.end => return,
                Some((slot, _)) => {
                    let end = slot.end;
                    self.close(end);
                }
                None => {}
            }
            let Some((session, sides)) = self.standing.filter(|(session, _)| session.contains(self.done)) else {
                return;
            };
            let Some(next) = self.next_slot(session) else { return };
            if next.end > at && next.start >= at {
                return;
            }
            self.done = next.start;
            self.open = Some((next, QuoteBar::begin(next.start, Some(sides))));
        }
    }

    /// The slot of the running session that begins next.
    fn next_slot(&mut self, session: Session) -> Option<Slot> {
        if let Some(slot) = self.slots.of(self.done) {
            return Some(slot);
        }
        let window = self.slots.hours().window(session.trade_date, self.slots.is_liquid())?;
        if window.open < self.done { None } else { self.slots.of(window.open) }
    }

    fn close(&mut self, at: Timestamp) {
        if let Some((slot, mut bar)) = self.open.take() {
            let end = slot.end.min(at);
            bar.advance(end);
            self.done = self.done.max(end);
            self.made.push((slot, bar));
        }
    }
}

fn of_trades(slot: Slot, bar: &TradeBar, points: Points) -> Bar {
    let price = |ticks: i32| points.of_ticks(i64::from(ticks));
    let Prices { open, high, low, close } = bar.prices;
    let traded = Traded { volume: bar.volume, average: points.of_average(bar.average()), count: bar.count };
    Bar { slot, open: price(open), high: price(high), low: price(low), close: price(close), traded: Some(traded) }
}

/// `None` if the side that is to be shown was empty throughout.
fn of_quotes(slot: Slot, bar: &QuoteBar, show: Show, points: Points) -> Option<Bar> {
    let whole = |ticks: i32| points.of_ticks(i64::from(ticks));
    let half = |ticks: i32| points.of_half_ticks(i64::from(ticks));
    let shown = |prices: Prices, price: &dyn Fn(i32) -> f64| {
        let Prices { open, high, low, close } = prices;
        Bar { slot, open: price(open), high: price(high), low: price(low), close: price(close), traded: None }
    };
    Some(match show {
        Show::Bid => shown(bar.bid?, &whole),
        Show::Ask => shown(bar.ask?, &whole),
        Show::Midpoint => shown(bar.middle?, &half),
        Show::BidAsk | Show::Trades => {
            let (bid, ask) = (bar.bid?, bar.ask?);
            let average = |area: Option<f64>, close: i32| points.of_average(area.unwrap_or(f64::from(close)));
            Bar {
                slot,
                open: average(bar.bid_area.average(), bid.close),
                high: whole(ask.high),
                low: whole(bid.low),
                close: average(bar.ask_area.average(), ask.close),
                traded: None,
            }
        }
    })
}
