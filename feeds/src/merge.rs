//! Several sources as one stream in order of time. In: sources, each in its own order. Out: their events.
//! A source keeps its own order even where its stamps step back; at equal times the source that was named first goes
//! first. A source is opened when its turn comes, so that a year of files does not hold a year of open files.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use engine::market::{FeedEvent, SymbolId};
use engine::time::Timestamp;

use crate::contract::Contract;
use crate::error::FeedError;
use crate::specs::Grid;

pub(crate) type Item = Result<FeedEvent, FeedError>;
pub(crate) type Stream = Box<dyn Iterator<Item = Item> + Send>;

/// A contract's place in the session, and its price grid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) symbol: SymbolId,
    pub(crate) grid: Grid,
}

/// The selected contracts. What is not in here is read over.
pub(crate) type Routes = Arc<BTreeMap<Contract, Route>>;

/// Events that can be opened later.
pub(crate) struct Source {
    /// No event is earlier, or it does not matter if one is.
    pub(crate) not_before: Timestamp,
    pub(crate) open: Box<dyn FnOnce() -> Result<Stream, FeedError> + Send>,
}

enum State {
    Closed(Box<dyn FnOnce() -> Result<Stream, FeedError> + Send>),
    Waiting(Item, Stream),
    Ended,
}

pub(crate) struct Merge {
    sources: Vec<State>,
    /// The latest time that each source has reached, and its place.
    turns: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

impl Merge {
    pub(crate) fn new(sources: Vec<Source>) -> Self {
        let turns = sources.iter().enumerate().map(|(place, source)| Reverse((source.not_before, place))).collect();
        Self { sources: sources.into_iter().map(|source| State::Closed(source.open)).collect(), turns }
    }

    /// Fetches a source's next item and queues its turn, not before `reached`.
    fn refill(&mut self, place: usize, mut stream: Stream, reached: Timestamp) {
        let Some(item) = stream.next() else { return };
        let turn = item.as_ref().map_or(reached, |event| event.event.ts().max(reached));
        self.sources[place] = State::Waiting(item, stream);
        self.turns.push(Reverse((turn, place)));
    }

    fn fail(&mut self, error: FeedError) -> Option<Item> {
        self.turns.clear();
        self.sources.clear();
        Some(Err(error))
    }
}

impl Iterator for Merge {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        while let Some(Reverse((reached, place))) = self.turns.pop() {
            match std::mem::replace(&mut self.sources[place], State::Ended) {
                State::Closed(open) => match open() {
                    Ok(stream) => self.refill(place, stream, reached),
                    Err(error) => return self.fail(error),
                },
                State::Waiting(Ok(event), stream) => {
                    self.refill(place, stream, reached);
                    return Some(Ok(event));
                }
                State::Waiting(Err(error), _) => return self.fail(error),
                State::Ended => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use engine::market::{MarketEvent, Price, Trade};

    use super::*;

    /// A source whose prices are 100 times its number plus the position of the event.
    fn source(number: i32, not_before: i64, stamps: &'static [i64]) -> Source {
        let event = move |(position, ts): (usize, &i64)| {
            let price = Price(number * 100 + position as i32);
            let trade = Trade { ts: Timestamp::from_secs(*ts), price, size: 1 };
            Ok(FeedEvent { symbol: SymbolId(0), event: MarketEvent::Trade(trade) })
        };
        let open = move || Ok(Box::new(stamps.iter().enumerate().map(event)) as Stream);
        Source { not_before: Timestamp::from_secs(not_before), open: Box::new(open) }
    }

    fn prices(merge: Merge) -> Vec<i32> {
        merge
            .map(|item| match item.expect("no source fails").event {
                MarketEvent::Trade(trade) => trade.price.0,
                MarketEvent::Quote(_) => panic!("the sources hold trades"),
            })
            .collect()
    }

    #[test]
    fn ties_go_to_the_source_named_first() {
        let merge = Merge::new(vec![source(1, 0, &[5, 5, 7]), source(2, 0, &[4, 5, 6, 7])]);
        assert_eq!(prices(merge), [200, 100, 101, 201, 202, 102, 203]);
    }

    #[test]
    fn a_step_back_in_time_keeps_the_order_of_the_file() {
        let merge = Merge::new(vec![source(1, 0, &[5, 3, 4, 8]), source(2, 0, &[4, 6])]);
        assert_eq!(prices(merge), [200, 100, 101, 102, 201, 103]);
    }

    #[test]
    fn a_failing_source_ends_everything_at_its_place() {
        let broken = Source {
            not_before: Timestamp::from_secs(6),
            open: Box::new(|| Err(FeedError::Nothing("broken".to_owned()))),
        };
        let items: Vec<Item> = Merge::new(vec![source(1, 0, &[5, 7]), broken]).collect();
        assert_eq!(items.len(), 2);
        assert!(items[0].is_ok());
        assert!(items[1].as_ref().is_err_and(|error| error.to_string() == "no market data: broken"));
    }
}
