//! The order book of one instrument, built from market-by-order messages. In: adds, cancels, changes, clears.
//! Out: best bid and offer with their sizes. Absent: trades (they do not change a book; the cancels that follow do).

use std::collections::{BTreeMap, HashMap};

/// Price in billionths of a point; contracts.
type Levels = BTreeMap<i64, u64>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BookSide {
    Bid,
    Ask,
}

#[derive(Clone, Copy)]
struct Order {
    side: BookSide,
    price: i64,
    size: u32,
}

/// Best price and size of each side.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Top {
    pub(crate) bid: Option<(i64, u32)>,
    pub(crate) ask: Option<(i64, u32)>,
}

#[derive(Default)]
pub(crate) struct Book {
    // Looked up by id, never walked: its order does not matter.
    orders: HashMap<u64, Order>,
    bids: Levels,
    asks: Levels,
}

impl Book {
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// A new order. An id that is already there is replaced: the later message is the truth.
    pub(crate) fn add(&mut self, id: u64, side: BookSide, price: i64, size: u32) {
        let order = Order { side, price, size };
        if let Some(old) = self.orders.insert(id, order) {
            self.take(old.side, old.price, old.size);
        }
        if size > 0 {
            *self.levels(side).entry(price).or_insert(0) += u64::from(size);
        }
    }

    /// Takes `size` off an order. `false` if the book does not know the order.
    pub(crate) fn cancel(&mut self, id: u64, size: u32) -> bool {
        let Some(order) = self.orders.get_mut(&id) else {
            return false;
        };
        let taken = size.min(order.size);
        order.size -= taken;
        let Order { side, price, size: left } = *order;
        if left == 0 {
            self.orders.remove(&id);
        }
        self.take(side, price, taken);
        true
    }

    /// New price and size of an order, which is added if the book does not know it (then `false`).
    pub(crate) fn modify(&mut self, id: u64, side: BookSide, price: i64, size: u32) -> bool {
        let known = self.orders.contains_key(&id);
        self.add(id, side, price, size);
        known
    }

    pub(crate) fn top(&self) -> Top {
        let best = |level: Option<(&i64, &u64)>| level.map(|(price, size)| (*price, clamp(*size)));
        Top { bid: best(self.bids.last_key_value()), ask: best(self.asks.first_key_value()) }
    }

    fn levels(&mut self, side: BookSide) -> &mut Levels {
        match side {
            BookSide::Bid => &mut self.bids,
            BookSide::Ask => &mut self.asks,
        }
    }

    fn take(&mut self, side: BookSide, price: i64, size: u32) {
        // An order of no size is on no level.
        if size == 0 {
            return;
        }
        let levels = self.levels(side);
        let level = levels.get_mut(&price).expect("a level holds the sum of its orders");
        *level -= u64::from(size);
        if *level == 0 {
            levels.remove(&price);
        }
    }
}

fn clamp(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::BookSide::{Ask, Bid};
    use super::*;

    #[test]
    fn the_top_follows_adds_changes_and_cancels() {
        let mut book = Book::default();
        book.add(1, Bid, 100, 5);
        book.add(2, Bid, 100, 3);
        book.add(3, Bid, 99, 7);
        book.add(4, Ask, 101, 2);
        assert_eq!(book.top(), Top { bid: Some((100, 8)), ask: Some((101, 2)) });
        assert!(book.cancel(1, 5));
        assert!(book.cancel(2, 1));
        assert_eq!(book.top().bid, Some((100, 2)));
        assert!(book.modify(2, Bid, 98, 2));
        assert_eq!(book.top().bid, Some((99, 7)));
        assert!(!book.cancel(77, 1));
        assert!(!book.modify(5, Ask, 101, 1), "unknown, so added");
        assert_eq!(book.top().ask, Some((101, 3)));
        book.clear();
        assert_eq!(book.top(), Top::default());
    }

    #[test]
    fn more_cancelled_than_there_was_empties_the_order_only() {
        let mut book = Book::default();
        book.add(1, Ask, 100, 5);
        book.add(2, Ask, 100, 5);
        assert!(book.cancel(1, 50));
        assert_eq!(book.top().ask, Some((100, 5)));
        book.add(2, Ask, 103, 1);
        assert_eq!(book.top().ask, Some((103, 1)), "the same id again replaces the order");
        book.add(3, Ask, 90, 0);
        assert_eq!(book.top().ask, Some((103, 1)), "an order of no size makes no level");
        assert!(book.cancel(3, 1));
    }
}
