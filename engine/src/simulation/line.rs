//! One direction of the connection: first in, first out, after a delay, unless something is made late on purpose.
//! In: messages and when they may arrive. Out: those that are due. Absent: what they mean.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::Timestamp;

/// More than any delay of a line that nobody holds.
const SOON: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
pub(super) struct Line<T> {
    /// By arrival, then by the order of sending.
    items: BTreeMap<(Timestamp, u64), T>,
    sent: u64,
    /// Nothing sent later arrives before this.
    last: Timestamp,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), sent: 0, last: Timestamp::MIN }
    }
}

impl<T> Line<T> {
    pub fn send(&mut self, at: Timestamp, item: T) {
        self.last = self.last.max(at);
        self.put(self.last, item);
    }

    /// Arrives so late that others overtake it.
    pub fn send_late(&mut self, at: Timestamp, item: T) {
        self.put(at.max(self.last), item);
    }

    fn put(&mut self, at: Timestamp, item: T) {
        self.sent += 1;
        self.items.insert((at, self.sent), item);
    }

    /// Nothing arrives before `until`; then everything at once, in its order.
    pub fn hold(&mut self, until: Timestamp) {
        self.last = self.last.max(until);
        let items = std::mem::take(&mut self.items);
        self.items = items.into_iter().map(|((at, n), item)| ((at.max(until), n), item)).collect();
    }

    /// Nothing that is sent now arrives soon.
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.last > now + SOON
    }

    pub fn take_due(&mut self, now: Timestamp) -> Option<T> {
        let first = self.items.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }

    pub fn next_at(&self) -> Option<Timestamp> {
        self.items.first_key_value().map(|((at, _), _)| *at)
    }

    /// What is under way, in order; the line is empty then.
    pub fn cut(&mut self) -> Vec<T> {
        self.last = Timestamp::MIN;
        std::mem::take(&mut self.items).into_values().collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.values()
    }
}

pub(super) fn millis(n: u32) -> Duration {
    Duration::from_millis(u64::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(line: &mut Line<u32>, ms: i64) -> Vec<u32> {
        std::iter::from_fn(|| line.take_due(Timestamp::from_millis(ms))).collect()
    }

    #[test]
    fn what_was_sent_first_arrives_first_unless_it_was_made_late() {
        let mut line = Line::default();
        line.send(Timestamp::from_millis(20), 1);
        line.send(Timestamp::from_millis(10), 2);
        line.send_late(Timestamp::from_millis(40), 3);
        line.send(Timestamp::from_millis(25), 4);
        assert!(drained(&mut line, 19).is_empty());
        assert_eq!(drained(&mut line, 30), [1, 2, 4]);
        assert_eq!(drained(&mut line, 40), [3]);
    }

    #[test]
    fn a_stall_ends_with_everything_at_once() {
        let mut line = Line::default();
        line.send(Timestamp::from_millis(5), 1);
        line.hold(Timestamp::from_millis(100));
        line.send(Timestamp::from_millis(6), 2);
        assert_eq!(line.next_at(), Some(Timestamp::from_millis(100)));
        assert_eq!(drained(&mut line, 100), [1, 2]);
    }
}
