//! Several sources of bars as one stream in the order of their ends. In: sources, each rising. Out: their bars; at one
//! end the source that was named first goes first. A source that steps back, or two that hold the same bar, end it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use engine::bar_market::BarEvent;
use engine::market::SymbolId;
use engine::time::Timestamp;

use super::{BarItem, BarSource, BarStream, sound};
use crate::error::FeedError;

enum State {
    Closed(BarSource),
    Waiting(BarItem, BarStream),
    Ended,
}

/// What may come once: symbol, length, bars of trades or of quotes.
type Key = (SymbolId, u32, bool);

pub(super) struct BarMerge {
    sources: Vec<State>,
    turns: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// The end of the newest bars, and what ended then.
    at: Timestamp,
    /// A handful: looked through, since a set would allocate for each bar.
    seen: Vec<Key>,
    /// When the newest bar of each kind ended.
    ended: Vec<(Key, Timestamp)>,
}

impl BarMerge {
    pub(super) fn new(sources: Vec<BarSource>) -> Self {
        let turns = sources.iter().enumerate().map(|(place, source)| Reverse((source.not_before, place))).collect();
        let sources = sources.into_iter().map(State::Closed).collect();
        Self { sources, turns, at: Timestamp::MIN, seen: Vec::new(), ended: Vec::new() }
    }

    /// The item whose turn it is, if its source has been opened. The source's next item is waiting then.
    fn take(&mut self) -> Option<Option<BarItem>> {
        let mut turn = self.turns.peek_mut()?;
        let Reverse((reached, place)) = *turn;
        let source = &mut self.sources[place];
        // Most of the time: a bar, and another one after it.
        if let State::Waiting(item, stream) = source
            && item.is_ok()
            && let Some(next) = stream.next()
        {
            turn.0.0 = next.as_ref().map_or(reached, BarEvent::end);
            return Some(Some(std::mem::replace(item, next)));
        }
        let (taken, waits) = match std::mem::replace(source, State::Ended) {
            State::Closed(closed) => match (closed.open)() {
                Ok(mut stream) => (None, stream.next().map(|item| (item, stream))),
                Err(error) => (Some(Err(error)), None),
            },
            State::Waiting(item, _) => (Some(item), None),
            State::Ended => (None, None),
        };
        match waits {
            Some((item, stream)) => {
                turn.0.0 = item.as_ref().map_or(reached, BarEvent::end);
                *source = State::Waiting(item, stream);
            }
            None => drop(PeekMut::pop(turn)),
        }
        Some(taken)
    }

    fn fail(&mut self, error: FeedError) -> Option<BarItem> {
        self.turns.clear();
        self.sources.clear();
        Some(Err(error))
    }

    /// Whether this is the first bar of its kind and time.
    fn is_new(&mut self, bar: &BarEvent) -> bool {
        if bar.end() > self.at {
            self.at = bar.end();
            self.seen.clear();
        }
        let key = (bar.symbol(), bar.length_s(), matches!(bar, BarEvent::Trades(_)));
        let is_new = !self.seen.contains(&key);
        self.seen.push(key);
        is_new
    }

    /// When the bar before it ended, if that is after this one begins.
    fn overlapped(&mut self, bar: &BarEvent) -> Option<Timestamp> {
        let key = (bar.symbol(), bar.length_s(), matches!(bar, BarEvent::Trades(_)));
        let Some((_, ended)) = self.ended.iter_mut().find(|(known, _)| *known == key) else {
            self.ended.push((key, bar.end()));
            return None;
        };
        let before = std::mem::replace(ended, bar.end());
        sound::overlaps(bar.open_ts(), bar.length_s(), before).then_some(before)
    }
}

impl Iterator for BarMerge {
    type Item = BarItem;

    fn next(&mut self) -> Option<BarItem> {
        loop {
            match self.take()? {
                None => {}
                Some(Ok(bar)) if self.is_new(&bar) => {
                    let Some(ended) = self.overlapped(&bar) else { return Some(Ok(bar)) };
                    let what = format!(
                        "one of {} s that begins at {} and one of another file that ends at {ended}",
                        bar.length_s(),
                        bar.open_ts()
                    );
                    return self.fail(FeedError::Overlapping(what));
                }
                Some(Ok(bar)) => {
                    let what = format!("a bar that ends at {} twice: two files hold the same bars", bar.end());
                    return self.fail(FeedError::Nothing(what));
                }
                Some(Err(error)) => return self.fail(error),
            }
        }
    }
}
