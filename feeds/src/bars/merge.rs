//! Several sources of bars as one stream in the order of their ends. In: sources, each rising. Out: their bars; at one
//! end the source that was named first goes first. A source that steps back, or two that hold the same bar, end it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use engine::bar_market::BarEvent;
use engine::market::SymbolId;
use engine::time::Timestamp;

use super::{BarItem, BarSource, BarStream};
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
    seen: BTreeSet<Key>,
}

impl BarMerge {
    pub(super) fn new(sources: Vec<BarSource>) -> Self {
        let turns = sources.iter().enumerate().map(|(place, source)| Reverse((source.not_before, place))).collect();
        let sources = sources.into_iter().map(State::Closed).collect();
        Self { sources, turns, at: Timestamp::MIN, seen: BTreeSet::new() }
    }

    fn refill(&mut self, place: usize, mut stream: BarStream, reached: Timestamp) {
        let Some(item) = stream.next() else { return };
        let turn = item.as_ref().map_or(reached, BarEvent::end);
        self.sources[place] = State::Waiting(item, stream);
        self.turns.push(Reverse((turn, place)));
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
        self.seen.insert((bar.symbol(), bar.length_s(), matches!(bar, BarEvent::Trades(_))))
    }
}

impl Iterator for BarMerge {
    type Item = BarItem;

    fn next(&mut self) -> Option<BarItem> {
        while let Some(Reverse((reached, place))) = self.turns.pop() {
            match std::mem::replace(&mut self.sources[place], State::Ended) {
                State::Closed(source) => match (source.open)() {
                    Ok(stream) => self.refill(place, stream, reached),
                    Err(error) => return self.fail(error),
                },
                State::Waiting(Ok(bar), stream) => {
                    if !self.is_new(&bar) {
                        let what = format!("a bar that ends at {} twice: two files hold the same bars", bar.end());
                        return self.fail(FeedError::Nothing(what));
                    }
                    self.refill(place, stream, reached);
                    return Some(Ok(bar));
                }
                State::Waiting(Err(error), _) => return self.fail(error),
                State::Ended => {}
            }
        }
        None
    }
}
