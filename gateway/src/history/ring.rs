//! A bounded list in the order of time. In: items at its end. Out: items from an instant on, or backwards from one.
//! Kept in blocks, so that growing never copies and forgetting drops whole blocks.

use std::collections::VecDeque;

use engine::time::Timestamp;

const BLOCK: usize = 4_096;

pub trait Timed {
    fn ts(&self) -> Timestamp;
}

#[derive(Clone, Debug)]
pub struct Ring<T> {
    /// None is empty.
    blocks: VecDeque<Vec<T>>,
    blocks_max: usize,
}

impl<T: Timed> Ring<T> {
    /// Holds at least `max` items and at most a block more.
    pub fn new(max: usize) -> Self {
        Self { blocks: VecDeque::new(), blocks_max: max / BLOCK + 1 }
    }

    /// `item` is not earlier than the last one.
    #[inline]
    pub fn push(&mut self, item: T) {
        match self.blocks.back_mut() {
            Some(block) if block.len() < BLOCK => block.push(item),
            _ => self.open_block(item),
        }
    }

    fn open_block(&mut self, item: T) {
        if self.blocks.len() > self.blocks_max {
            self.blocks.pop_front();
        }
        let mut block = Vec::with_capacity(BLOCK);
        block.push(item);
        self.blocks.push_back(block);
    }

    /// `later` comes after everything here.
    pub fn append(&mut self, later: Self) {
        self.blocks.extend(later.blocks);
        while self.blocks.len() > self.blocks_max + 1 {
            self.blocks.pop_front();
        }
    }

    pub fn first(&self) -> Option<&T> {
        self.blocks.front()?.first()
    }

    pub fn last(&self) -> Option<&T> {
        self.blocks.back()?.last()
    }

    pub fn last_mut(&mut self) -> Option<&mut T> {
        self.blocks.back_mut()?.last_mut()
    }

    /// Items at or after `ts`, forwards.
    pub fn since(&self, ts: Timestamp) -> impl Iterator<Item = &T> {
        let block = self.blocks.partition_point(|block| block.last().is_some_and(|last| last.ts() < ts));
        let at = self.blocks.get(block).map_or(0, |block| block.partition_point(|item| item.ts() < ts));
        self.blocks.iter().skip(block).flatten().skip(at)
    }

    /// Items before `ts`, backwards.
    pub fn before(&self, ts: Timestamp) -> impl Iterator<Item = &T> {
        let block = self.blocks.partition_point(|block| block.last().is_some_and(|last| last.ts() < ts));
        let at = self.blocks.get(block).map_or(0, |block| block.partition_point(|item| item.ts() < ts));
        let part = self.blocks.get(block).map_or(&[][..], |block| &block[..at]);
        part.iter().rev().chain(self.blocks.iter().take(block).rev().flat_map(|block| block.iter().rev()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Timed for i64 {
        fn ts(&self) -> Timestamp {
            Timestamp::from_secs(*self)
        }
    }

    fn ring(items: impl Iterator<Item = i64>, max: usize) -> Ring<i64> {
        let mut ring = Ring::new(max);
        items.for_each(|item| ring.push(item));
        ring
    }

    #[test]
    fn items_are_found_by_time_in_both_directions_across_blocks() {
        let ring = ring((0..20_000).map(|n| n / 2), 20_000);
        for at in [0, 1, 2_047, 2_048, 5_000, 9_999] {
            let ts = Timestamp::from_secs(at);
            assert_eq!(ring.since(ts).copied().take(3).collect::<Vec<_>>()[..2], [at, at], "since {at}");
            let before: Vec<i64> = ring.before(ts).copied().take(2).collect();
            assert_eq!(before, if at == 0 { vec![] } else { vec![at - 1, at - 1] }, "before {at}");
        }
        assert_eq!(ring.since(Timestamp::from_secs(10_000)).count(), 0);
        assert_eq!(ring.before(Timestamp::from_secs(10_000)).count(), 20_000);
    }

    #[test]
    fn the_oldest_go_and_at_least_as_many_as_were_asked_for_stay() {
        let ring = ring(0..100_000, 10_000);
        let kept = ring.since(Timestamp::MIN).count();
        assert!((10_000..10_000 + 3 * BLOCK).contains(&kept), "{kept}");
        assert_eq!((ring.last(), ring.first()), (Some(&99_999), Some(&(100_000 - kept as i64))));
    }

    #[test]
    fn two_rings_join_in_order_and_keep_the_bound() {
        let (mut first, second) = (ring(0..10_000, 10_000), ring(10_000..15_000, 10_000));
        first.append(second);
        let all: Vec<i64> = first.since(Timestamp::MIN).copied().collect();
        assert!(all.is_sorted() && all.len() >= 10_000, "{}", all.len());
        assert_eq!(first.since(Timestamp::from_secs(9_999)).copied().take(2).collect::<Vec<_>>(), [9_999, 10_000]);
    }
}
