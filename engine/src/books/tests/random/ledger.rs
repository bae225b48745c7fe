//! What was earned at the venue, contract by contract, and what could still be lost if every stop held. In: fills with the
//! prices that were planned. Out: amounts. Absent: the book's opinion.

use std::collections::{BTreeMap, VecDeque};

use crate::market::SymbolId;
use crate::trade::{Money, Side, StrategyId};

/// One contract that is held.
#[derive(Clone, Copy, Debug)]
struct Lot {
    sign: i64,
    price: i64,
    /// `None`: a closing order opened it.
    stop: Option<i64>,
}

/// What an entry was let through with.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    /// The price that it was to pay, in ticks.
    pub reference: i64,
    pub stop: i64,
}

impl Planned {
    /// Ticks that one contract may lose.
    pub fn ticks(self) -> i64 {
        (self.reference - self.stop).abs()
    }
}

#[derive(Debug, Default)]
pub struct Ledger {
    lots: BTreeMap<(StrategyId, SymbolId), VecDeque<Lot>>,
    /// By symbol, from closed contracts.
    closed_ticks: BTreeMap<SymbolId, i64>,
    /// Ticks that fills were worse than planned, by symbol: what the market gapped.
    gapped_ticks: BTreeMap<SymbolId, i64>,
    /// Contracts that a closing order opened.
    pub turned: u32,
}

impl Ledger {
    pub fn enter(&mut self, of: (StrategyId, SymbolId), side: Side, price: i64, planned: Planned) {
        let sign = i64::from(side.sign());
        *self.gapped_ticks.entry(of.1).or_default() += ((price - planned.reference) * sign).max(0);
        self.lots.entry(of).or_default().push_back(Lot { sign, price, stop: Some(planned.stop) });
    }

    pub fn leave(&mut self, of: (StrategyId, SymbolId), side: Side, price: i64) {
        let sign = i64::from(side.sign());
        let lots = self.lots.entry(of).or_default();
        let Some(lot) = lots.front().copied().filter(|lot| lot.sign != sign) else {
            self.turned += 1;
            return lots.push_back(Lot { sign, price, stop: None });
        };
        lots.pop_front();
        let earned = (price - lot.price) * lot.sign;
        let worst = lot.stop.map_or(0, |stop| (stop - lot.price) * lot.sign);
        *self.closed_ticks.entry(of.1).or_default() += earned;
        *self.gapped_ticks.entry(of.1).or_default() += (worst - earned).max(0);
    }

    pub fn held(&self, of: (StrategyId, SymbolId)) -> i64 {
        self.lots.get(&of).map_or(0, |lots| lots.iter().map(|lot| lot.sign).sum())
    }

    pub fn contracts(&self) -> i64 {
        self.lots.values().map(|lots| i64::try_from(lots.len()).unwrap_or(i64::MAX)).sum()
    }

    /// Earned with everything that is held valued at its stop.
    pub fn at_stops(&self, tick: impl Fn(SymbolId) -> Money) -> Money {
        let at_stop = |lot: &Lot| lot.stop.map_or(0, |stop| (stop - lot.price) * lot.sign);
        let open = self.lots.iter().map(|((_, symbol), lots)| tick(*symbol) * lots.iter().map(at_stop).sum::<i64>());
        let closed = self.closed_ticks.iter().map(|(symbol, ticks)| tick(*symbol) * *ticks);
        open.chain(closed).sum()
    }

    /// Earned with everything that is held valued at these prices.
    pub fn at_prices(&self, tick: impl Fn(SymbolId) -> Money, price: impl Fn(SymbolId) -> Option<i64>) -> Money {
        let open = self.lots.iter().map(|((_, symbol), lots)| {
            let at = |lot: &Lot| price(*symbol).map_or(0, |price| (price - lot.price) * lot.sign);
            tick(*symbol) * lots.iter().map(at).sum::<i64>()
        });
        let closed = self.closed_ticks.iter().map(|(symbol, ticks)| tick(*symbol) * *ticks);
        open.chain(closed).sum()
    }

    /// What the market took beyond what was planned, with what is held valued at these prices.
    pub fn gapped(&self, tick: impl Fn(SymbolId) -> Money, price: impl Fn(SymbolId) -> Option<i64>) -> Money {
        let open = self.lots.iter().map(|((_, symbol), lots)| {
            let beyond = |lot: &Lot| {
                let now = price(*symbol).map_or(0, |price| (price - lot.price) * lot.sign);
                (lot.stop.map_or(0, |stop| (stop - lot.price) * lot.sign) - now).max(0)
            };
            tick(*symbol) * lots.iter().map(beyond).sum::<i64>()
        });
        let closed = self.gapped_ticks.iter().map(|(symbol, ticks)| tick(*symbol) * *ticks);
        open.chain(closed).sum()
    }
}
