//! What wakes a waiting order: stops, touches, trailing stops, adjustable stops. In: an order, what the market shows.
//! Out: whether it triggers, where its stop moves. Absent: what a triggered order does (`fills`).

use super::book::{Book, within};
use super::kind::{Kind, TriggerMethod};
use super::orders::Entry;
use crate::market::{MarketEvent, Price};
use crate::trade::Side;

/// What an event means for an order that waits for its trigger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hit {
    No,
    /// The first of the two that the order's method wants.
    First,
    Yes,
}

/// Whether the market has reached the trigger of an armed order. Without an event, for an order that arrives, methods
/// that count events say no.
pub(super) fn hit(entry: &Entry, book: &Book, event: Option<&MarketEvent>) -> Hit {
    let Some(trigger) = entry.stop() else { return Hit::No };
    let order = &entry.view.order;
    let reached = |twice: i64| passes(order.side, order.kind.is_touched(), twice, trigger);
    let prices = prices(order.terms.trigger, order.side, order.kind.is_touched(), book);
    let reached = prices.into_iter().flatten().any(reached);
    if !order.terms.trigger.is_double() {
        return if reached { Hit::Yes } else { Hit::No };
    }
    match event {
        Some(event) if counts(order.terms.trigger, event) && reached => match entry.hits {
            0 => Hit::First,
            _ => Hit::Yes,
        },
        _ => Hit::No,
    }
}

/// Whether an event counts for a method that wants two in a row: others neither count nor interrupt.
pub(super) fn counts(method: TriggerMethod, event: &MarketEvent) -> bool {
    match method {
        TriggerMethod::DoubleLast => matches!(event, MarketEvent::Trade(_)),
        TriggerMethod::DoubleBidAsk => matches!(event, MarketEvent::Quote(_)),
        _ => false,
    }
}

/// Whether a market at half of `twice` has reached the trigger: a stop from its good side, a touch from its bad side.
fn passes(side: Side, touched: bool, twice: i64, trigger: Price) -> bool {
    let upward = (side == Side::Buy) != touched;
    let trigger = 2 * i64::from(trigger.0);
    if upward { twice >= trigger } else { twice <= trigger }
}

/// The prices that a method looks at, twice over so that a middle is a whole number.
fn prices(method: TriggerMethod, side: Side, touched: bool, book: &Book) -> [Option<i64>; 2] {
    let twice = |price: Price| 2 * i64::from(price.0);
    let last = || match (&book.trade, &book.quote) {
        (Some(trade), _) => Some(twice(trade.price)),
        (None, Some(quote)) => quote.touch(side).map(twice),
        (None, None) => None,
    };
    // A stop looks at its own side of the book, a touch at the side that it would take.
    let looks_at = if touched { side } else { side.opposite() };
    let quoted = || book.quote.as_ref().and_then(|quote| quote.touch(looks_at)).map(twice);
    match method {
        TriggerMethod::Last | TriggerMethod::DoubleLast => [last(), None],
        TriggerMethod::BidAsk | TriggerMethod::DoubleBidAsk => [quoted(), None],
        TriggerMethod::LastOrBidAsk => [book.trade.map(|trade| twice(trade.price)), quoted()],
        TriggerMethod::MidPoint => {
            let middle = book.quote.as_ref().and_then(|q| Some(i64::from(q.bid?.0) + i64::from(q.ask?.0)));
            [middle, None]
        }
    }
}

/// The price that a trailing stop of this order follows now.
fn reference(entry: &Entry, book: &Book) -> Option<Price> {
    let order = &entry.view.order;
    let seen = prices(order.terms.trigger, order.side, false, book).into_iter().flatten().next()?;
    // A middle between two ticks counts as the tick that is less good for the order.
    let ticks = match order.side {
        Side::Sell => seen.div_euclid(2),
        Side::Buy => (seen + 1).div_euclid(2),
    };
    Some(Price(i32::try_from(ticks).expect("half of a doubled price")))
}

/// Moves a trailing stop after the market, never against the order.
pub(super) fn follow(entry: &mut Entry, book: &Book) {
    let (side, kind) = (entry.view.order.side, entry.view.order.kind);
    let Some((by, seen)) = kind.trail().filter(|_| !entry.triggered).zip(reference(entry, book)) else {
        return;
    };
    let better = |new: Price, old: Price| match side {
        Side::Sell => new > old,
        Side::Buy => new < old,
    };
    if entry.best.is_none_or(|best| better(seen, best)) {
        entry.best = Some(seen);
        let stop = by.stop(side, seen);
        if kind.trigger_price().is_none_or(|old| better(stop, old)) {
            entry.view.order.kind = kind.trailed_to(stop);
        }
    }
}

/// What an adjustable stop becomes now, if the market has reached the price for it.
pub(super) fn adjusted(entry: &Entry, book: &Book) -> Option<Kind> {
    let adjust = entry.view.order.terms.adjust.filter(|_| !entry.adjusted)?;
    let price = book.trade.map(|trade| trade.price).or_else(|| reference(entry, book))?;
    within(entry.view.order.side, price, adjust.at).then_some(adjust.to)
}

/// Prices between which nothing happens to an armed order: `(at or below this it reacts, at or above this)`.
pub(super) fn quiet(entry: &Entry) -> (i32, i32) {
    let order = &entry.view.order;
    if entry.hits > 0 || entry.stop().is_none() || (order.kind.trail().is_some() && entry.best.is_none()) {
        return (i32::MAX, i32::MIN);
    }
    let (mut above, mut below) = (i32::MIN, i32::MAX);
    let mut bound = |price: Price, upward: bool| {
        if upward { below = below.min(price.0) } else { above = above.max(price.0) }
    };
    if let Some(trigger) = entry.stop() {
        bound(trigger, (order.side == Side::Buy) != order.kind.is_touched());
    }
    if let Some(best) = entry.best.filter(|_| order.kind.trail().is_some()) {
        bound(best.better_for(order.side.opposite(), 1), order.side == Side::Sell);
    }
    if let Some(adjust) = order.terms.adjust.filter(|_| !entry.adjusted) {
        bound(adjust.at, order.side == Side::Sell);
    }
    (above, below)
}
