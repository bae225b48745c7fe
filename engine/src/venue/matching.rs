//! What a market event does to the orders at the exchange. In: one event. Out: which orders react, in which order and
//! with how much. Absent: what a fill changes (`fills`), who may place what (`requests`).
//!
//! An event's own size is spent once: contracts of a quote stay taken until the next quote, contracts of a trade are
//! dealt out by price, then age. A resting order fills at its own price; one that is marketable, such as what the offer
//! left of a large order, at the market's, and like a market order with no more than the market showed. Behind the touch its queue is unknown and
//! only a trade beyond its price fills it; a queue shortens by trades at the price alone.

use super::Report;
use super::book::{Book, through, within};
use super::exchange::Venue;
use super::orders::{Entry, Slot, Stage};
use super::triggers::{self, Hit};
use crate::market::{MarketEvent, Price};
use crate::trade::Side;

/// What one event means for one order, as if it were alone. Sorts in the order in which the exchange acts: stops,
/// market orders, then limits by price and age.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Reaction {
    rank: u8,
    /// Smaller is better.
    price_rank: i32,
    slot: Slot,
    price: Price,
    act: Act,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Act {
    Trigger,
    /// An adjustable stop becomes something else.
    Adjust,
    /// Take from the offer.
    Take,
    /// A trade at the order's price, or a better one of a marketable order, reaches it with this many contracts.
    Share(u32),
    /// A trade beyond its price.
    All,
}

impl Venue {
    /// What `event` does to the order if it is the only one; `book` already shows the event.
    pub(super) fn reaction(&self, slot: Slot, book: &Book, event: &MarketEvent) -> Option<Reaction> {
        if self.orders.fillable(slot) == 0 {
            return None;
        }
        let entry = &self.orders[slot];
        let side = entry.view.order.side;
        if entry.stage == Stage::Armed {
            let act = match triggers::hit(entry, book, Some(event)) {
                Hit::Yes => Act::Trigger,
                Hit::No | Hit::First => triggers::adjusted(entry, book).map(|_| Act::Adjust)?,
            };
            return Some(Reaction { rank: 0, price_rank: 0, slot, price: Price(0), act });
        }
        let Some(limit) = entry.limit() else {
            let offer = book.offer(side)?;
            return Some(Reaction { rank: 1, price_rank: 0, slot, price: offer.price, act: Act::Take });
        };
        let (act, price) = match entry.rests {
            true => (resting(entry, limit, book, event)?, limit),
            false => marketable(entry, limit, book, event)?,
        };
        let price_rank = side.sign().saturating_neg().saturating_mul(limit.0);
        Some(Reaction { rank: 2, price_rank, slot, price, act })
    }

    pub(super) fn react(&mut self, lane: usize, event: &MarketEvent, out: &mut Vec<Report>) {
        let mut reactions = std::mem::take(&mut self.reactions);
        let book = self.lanes[lane].book;
        reactions.extend(self.lanes[lane].working.iter().filter_map(|slot| self.reaction(*slot, &book, event)));
        self.move_queues(lane, event);
        self.move_stops(lane, event, &reactions);
        reactions.sort_unstable();
        let mut dealt = 0;
        for reaction in &reactions {
            self.act(lane, reaction, &mut dealt, out);
        }
        reactions.clear();
        self.reactions = reactions;
        self.settle_arrivals(out);
    }

    fn act(&mut self, lane: usize, reaction: &Reaction, dealt: &mut u32, out: &mut Vec<Report>) {
        let slot = reaction.slot;
        let fillable = self.orders.fillable(slot);
        // An earlier reaction to the same event may have cancelled or reduced this order through its group.
        if !self.orders[slot].live() || fillable == 0 {
            return;
        }
        let side = self.orders[slot].view.order.side;
        let contracts = match reaction.act {
            Act::Trigger => {
                self.fire(lane, slot, out);
                return self.enter(slot, out);
            }
            Act::Adjust => return self.adjust(lane, slot, out),
            Act::All => fillable,
            Act::Share(size) => fillable.min(size.saturating_sub(*dealt)),
            Act::Take => fillable.min(self.lanes[lane].book.offer(side).map_or(0, |offer| offer.size)),
        };
        match reaction.act {
            Act::Share(_) => *dealt += contracts,
            Act::Take => self.lanes[lane].book.consume(side, contracts),
            Act::Trigger | Act::Adjust | Act::All => {}
        }
        self.fill(slot, contracts, reaction.price, out);
    }

    /// Lets the event pass through the queues ahead of resting orders, and marketable orders rest once the market has left
    /// them.
    fn move_queues(&mut self, index: usize, event: &MarketEvent) {
        let lane = &self.lanes[index];
        let mut came_to_rest = false;
        for slot in &lane.working {
            let entry = &mut self.orders[*slot];
            let side = entry.view.order.side;
            let Some(limit) = entry.limit().filter(|_| entry.joined) else {
                continue;
            };
            if !entry.rests && lane.book.keeps_out(side, limit) {
                (entry.rests, came_to_rest) = (true, true);
            }
            match (event, entry.queue) {
                (MarketEvent::Trade(t), Some(ahead)) if t.price == limit => {
                    entry.queue = Some(ahead.saturating_sub(t.size));
                }
                (MarketEvent::Trade(t), _) if through(side, t.price, limit) => entry.queue = Some(0),
                (MarketEvent::Quote(_), None) => entry.queue = lane.book.queue_at(side, limit),
                _ => {}
            }
        }
        if came_to_rest {
            self.watch(index);
        }
    }

    /// Lets trailing stops follow the market and counts hits. Orders that react to the event do that first.
    fn move_stops(&mut self, lane: usize, event: &MarketEvent, reactions: &[Reaction]) {
        let mut moved = false;
        let book = self.lanes[lane].book;
        for at in 0..self.lanes[lane].working.len() {
            let slot = self.lanes[lane].working[at];
            if self.orders[slot].stage != Stage::Armed || reactions.iter().any(|reaction| reaction.slot == slot) {
                continue;
            }
            let entry = &mut self.orders[slot];
            let method = entry.view.order.terms.trigger;
            let before = (entry.hits, entry.best);
            if triggers::counts(method, event) {
                entry.hits = u8::from(triggers::hit(entry, &book, Some(event)) == Hit::First);
            }
            triggers::follow(entry, &book);
            moved |= before != (entry.hits, entry.best);
        }
        if moved {
            self.watch(lane);
        }
    }

    fn adjust(&mut self, lane: usize, slot: Slot, out: &mut Vec<Report>) {
        let entry = &mut self.orders[slot];
        if let Some(to) = entry.view.order.terms.adjust.map(|adjust| adjust.to) {
            entry.view.order.kind = to;
            entry.adjusted = true;
            entry.best = None;
            triggers::follow(entry, &self.lanes[lane].book);
            out.push(Report::Order(entry.view.perm_id));
            self.watch(lane);
        }
    }

    /// Finds again the range of prices in which no order of the lane can react.
    pub(super) fn watch(&mut self, lane: usize) {
        let (mut above, mut below) = self.lanes[lane].guard.unwrap_or((i32::MIN, i32::MAX));
        for slot in &self.lanes[lane].working {
            let entry = &self.orders[*slot];
            if entry.stage == Stage::Armed {
                let quiet = triggers::quiet(entry);
                (above, below) = (above.max(quiet.0), below.min(quiet.1));
                continue;
            }
            // A buy limit waits below the market, a sell limit above it, a market order for anything. A marketable limit
            // order does too, since any event may put it to rest.
            match (entry.limit().filter(|_| entry.rests), entry.view.order.side) {
                (None, _) => above = i32::MAX,
                (Some(price), Side::Buy) => above = above.max(price.0),
                (Some(price), Side::Sell) => below = below.min(price.0),
            }
        }
        let lane = &mut self.lanes[lane];
        (lane.calm_above, lane.calm_below) = (above, below);
        lane.watched = !lane.working.is_empty() || lane.guard.is_some();
    }
}

/// What the event does to a limit order that rests in the book.
fn resting(entry: &Entry, limit: Price, book: &Book, event: &MarketEvent) -> Option<Act> {
    let side = entry.view.order.side;
    match event {
        MarketEvent::Trade(t) if through(side, t.price, limit) => Some(Act::All),
        MarketEvent::Trade(t) if t.price == limit => {
            let reaches = t.size.saturating_sub(entry.queue?);
            (reaches > 0).then_some(Act::Share(reaches))
        }
        MarketEvent::Trade(_) => None,
        MarketEvent::Quote(_) => book.offer(side).filter(|o| within(side, o.price, limit)).map(|_| Act::Take),
    }
}

/// What the event does to a limit order that the last known offer would have filled, and at which price.
fn marketable(entry: &Entry, limit: Price, book: &Book, event: &MarketEvent) -> Option<(Act, Price)> {
    let side = entry.view.order.side;
    match event {
        // Without any quote a symbol trades at its last price in any size.
        MarketEvent::Trade(t) if through(side, t.price, limit) && book.quote.is_some() => {
            (t.size > 0).then_some((Act::Share(t.size), t.price))
        }
        MarketEvent::Trade(t) => resting(entry, limit, book, event).map(|act| (act, t.price)),
        MarketEvent::Quote(_) => {
            let offer = book.offer(side).filter(|offer| within(side, offer.price, limit))?;
            Some((Act::Take, offer.price))
        }
    }
}
