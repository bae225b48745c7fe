//! The last price of each symbol that a journal knows: what the first tick of a new session is held against, so that a feed
//! that is wrong from its first tick values no position. In: a segment's entries, the time. Out: prices.
//! Absent: what is done with a tick far from them (`intake`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::journal::{Entry, Record, SessionInfo};
use crate::market::{Price, SymbolId};
use crate::time::Timestamp;

/// Older ones say nothing: a market may have gone anywhere since.
const HOLDS_FOR: Duration = Duration::from_secs(7 * 86_400);

/// By symbol, in the order of their ids.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LastPrices(BTreeMap<SymbolId, Seen>);

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Seen {
    price: Price,
    at: Timestamp,
}

impl LastPrices {
    /// Those of a segment's end: of bars, of fills, and of what the session began with.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut prices = Self::default();
        entries.into_iter().for_each(|entry| prices.see(entry));
        prices
    }

    fn see(&mut self, entry: &Entry) {
        let (symbol, price) = match &entry.record {
            Record::LastPrices(began_with) => return began_with.0.iter().for_each(|(id, seen)| self.put(*id, *seen)),
            Record::Bar(bar) => (bar.symbol, bar.close),
            Record::Fill(fill) => (fill.symbol, fill.price),
            _ => return,
        };
        self.put(symbol, Seen { price, at: entry.at });
    }

    fn put(&mut self, symbol: SymbolId, seen: Seen) {
        self.0.insert(symbol, seen);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Under the ids of another configuration; what is another contract or another price grid there is left out.
    pub fn renumbered(&self, from: &SessionInfo, to: &Config) -> Self {
        let moved = |(id, seen): (&SymbolId, &Seen)| {
            let was = from.instruments.get(usize::from(id.0))?;
            let is = to.instruments.iter().find(|i| i.name == was.name)?;
            let same = (&is.root, &is.expiry, is.tick_size) == (&was.root, &was.expiry, was.tick_size);
            same.then_some((is.id, *seen))
        };
        Self(self.0.iter().filter_map(moved).collect())
    }

    /// `None` if none is known, or none that still says something at `now`: it is too old, or of a market whose time was
    /// turned back.
    pub fn at(&self, now: Timestamp, symbol: SymbolId) -> Option<Price> {
        let seen = self.0.get(&symbol)?;
        let holds = seen.at <= now && now.since(seen.at) < HOLDS_FOR && seen.price.0 > 0;
        holds.then_some(seen.price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::raw::{self, Known, Layer};
    use crate::journal::Mode;
    use crate::market::{Bar, Quality};

    const ES: SymbolId = SymbolId(0);

    fn entry(secs: i64, record: Record) -> Entry {
        Entry { seq: 1, at: Timestamp::from_secs(secs), record }
    }

    fn bar(close: i32) -> Record {
        let close = Price(close);
        let (open, high, low) = (close, close, close);
        let (open_ts, quality) = (Timestamp::from_secs(0), Quality::Complete);
        Record::Bar(Bar { symbol: ES, open_ts, length_s: 60, open, high, low, close, volume: 1, trades: 1, quality })
    }

    #[test]
    fn the_newest_price_is_the_last_one_and_a_session_without_any_keeps_the_one_it_began_with() {
        let first = LastPrices::of(&[entry(10, bar(20_000)), entry(20, bar(20_010))]);
        let at = Timestamp::from_secs;
        assert_eq!(first.at(at(30), ES), Some(Price(20_010)));
        let second = LastPrices::of(&[entry(40, Record::LastPrices(first.clone()))]);
        assert_eq!(second, first, "with its own time: it does not become younger");
        let third = LastPrices::of(&[entry(40, Record::LastPrices(second)), entry(50, bar(19_990))]);
        assert_eq!(third.at(at(60), ES), Some(Price(19_990)));
        assert_eq!(third.at(at(60), SymbolId(1)), None);
    }

    #[test]
    fn a_price_of_last_week_or_of_the_future_says_nothing() {
        let prices = LastPrices::of(&[entry(1_000, bar(20_000))]);
        let at = |secs| prices.at(Timestamp::from_secs(secs), ES);
        assert_eq!((at(999), at(1_000)), (None, Some(Price(20_000))));
        let week = 7 * 86_400;
        assert_eq!((at(1_000 + week - 1), at(1_000 + week)), (Some(Price(20_000)), None));
        assert_eq!(LastPrices::of(&[entry(1_000, bar(0))]).at(Timestamp::from_secs(1_000), ES), None);
    }

    #[test]
    fn another_contract_of_the_same_name_begins_without_one() {
        let mut config = raw::read(&[Layer::embedded_default()], &[], &Known::registered(&[]))
            .expect("the built-in configuration has no mistakes");
        let from = SessionInfo {
            id: "test".into(),
            mode: Mode::Run,
            instance: "test".into(),
            account: "DU1".into(),
            instruments: config.instruments.clone(),
            strategies: Vec::new(),
        };
        let prices = LastPrices::of(&[entry(10, bar(20_000))]);
        assert_eq!(prices.renumbered(&from, &config), prices);
        config.instruments[0].expiry = Some("203012".into());
        assert!(prices.renumbered(&from, &config).is_empty());
    }
}
