//! A session and its replay, side by side. In: the journal's entries, what the replay recorded, what the simulated
//! exchange executed. Out: the first decision that differs, and what each order's fills differ by, in ticks.
//! Absent: how either came to be.

use std::collections::BTreeMap;

use crate::journal::{Entry, Record};
use crate::market::{Instrument, SymbolId};
use crate::time::Timestamp;
use crate::trade::{BrokerOrderId, ClientOrderId, Leg, OrderTicket, Side, StrategyId};
use crate::venue::VenueExecution;

/// Whether a record says what a core decided or held, rather than who ran, how long it took, or what the log was told.
pub fn decides(record: &Record) -> bool {
    match record {
        Record::SessionStarted { .. }
        | Record::SessionEnded { .. }
        | Record::System { .. }
        | Record::Account(_)
        | Record::Interest(_)
        | Record::LastPrices(_) => false,
        Record::Bar(_)
        | Record::BarRevised(_)
        | Record::Signal { .. }
        | Record::OrderPlaced(_)
        | Record::OrderChanged(_)
        | Record::Fill(_)
        | Record::Commission { .. }
        | Record::Position(_)
        | Record::Performance { .. }
        | Record::Trading { .. }
        | Record::Latched(_)
        | Record::Released { .. }
        | Record::RiskAccount(_)
        | Record::Operator { .. }
        | Record::Baseline { .. }
        | Record::NextOrderId(_)
        | Record::Corrected { .. }
        | Record::TradeDate(_)
        | Record::Allocation(_) => true,
    }
}

/// Where a replay went another way than its session.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// The session's entry; `None` where the journal had ended.
    pub seq: Option<u64>,
    pub recorded: Option<(Timestamp, Record)>,
    /// `None` where the replay had ended.
    pub replayed: Option<(Timestamp, Record)>,
}

/// Compares record by record, as the replay makes them.
pub struct Decisions<'a> {
    recorded: Vec<&'a Entry>,
    next: usize,
    replayed: u64,
    first: Option<Difference>,
}

/// How many decisions there were, and the first that differs.
#[derive(Clone, PartialEq, Debug)]
pub struct DecisionsVerdict {
    pub recorded: u64,
    pub replayed: u64,
    /// Equal from the beginning, in order, with their times.
    pub equal: u64,
    pub first: Option<Difference>,
}

impl<'a> Decisions<'a> {
    /// Of the entries numbered below `below`.
    pub fn of(journal: &'a [Entry], below: u64) -> Self {
        let recorded = journal.iter().filter(|entry| decides(&entry.record) && entry.seq < below).collect();
        Self { recorded, next: 0, replayed: 0, first: None }
    }

    pub fn see(&mut self, at: Timestamp, record: &Record) {
        if !decides(record) {
            return;
        }
        self.replayed += 1;
        if self.first.is_some() {
            return;
        }
        match self.recorded.get(self.next) {
            Some(entry) if entry.at == at && entry.record == *record => self.next += 1,
            entry => {
                self.first = Some(Difference {
                    seq: entry.map(|entry| entry.seq),
                    recorded: entry.map(|entry| (entry.at, entry.record.clone())),
                    replayed: Some((at, record.clone())),
                });
            }
        }
    }

    pub fn finish(self) -> DecisionsVerdict {
        let left = self.recorded.get(self.next).map(|entry| Difference {
            seq: Some(entry.seq),
            recorded: Some((entry.at, entry.record.clone())),
            replayed: None,
        });
        DecisionsVerdict {
            recorded: self.recorded.len() as u64,
            replayed: self.replayed,
            equal: self.next as u64,
            first: self.first.or(left),
        }
    }
}

/// One side's fills of one order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Filled {
    pub quantity: u32,
    /// Sum of price in ticks times contracts.
    ticks: i64,
    /// Of the first fill.
    pub at: Timestamp,
}

impl Filled {
    fn add(&mut self, quantity: u32, price: i32, at: Timestamp) {
        if self.quantity == 0 {
            self.at = at;
        }
        self.quantity += quantity;
        self.ticks += i64::from(price) * i64::from(quantity);
    }

    /// Ticks; `None` without a fill.
    pub fn average(&self) -> Option<f64> {
        (self.quantity > 0).then(|| self.ticks as f64 / f64::from(self.quantity))
    }
}

/// One order's fills, recorded and simulated.
#[derive(Clone, PartialEq, Debug)]
pub struct FilledOrder {
    pub id: ClientOrderId,
    pub strategy: StrategyId,
    pub symbol: SymbolId,
    pub leg: Leg,
    pub side: Side,
    pub session: Filled,
    pub backtest: Filled,
}

impl FilledOrder {
    /// By how many ticks the session's average price was worse than the backtest's; negative where it was better.
    /// `None` unless both filled.
    pub fn worse_by(&self) -> Option<f64> {
        let difference = self.session.average()? - self.backtest.average()?;
        // Not -0.
        Some(if difference == 0.0 { 0.0 } else { difference * f64::from(self.side.sign()) })
    }
}

/// Every order of the session that filled on either side, by id. Fills of orders that are not the session's own (of other
/// programs, of the session before) are left out: the simulated exchange never saw those orders.
pub fn fills(journal: &[Entry], simulated: &[VenueExecution]) -> Vec<FilledOrder> {
    let mut orders: BTreeMap<ClientOrderId, FilledOrder> = BTreeMap::new();
    let mut ids: BTreeMap<BrokerOrderId, ClientOrderId> = BTreeMap::new();
    let fresh = |ticket: &OrderTicket| FilledOrder {
        id: ticket.id,
        strategy: ticket.strategy,
        symbol: ticket.symbol,
        leg: ticket.leg,
        side: ticket.side,
        session: Filled::default(),
        backtest: Filled::default(),
    };
    for entry in journal {
        match &entry.record {
            Record::OrderPlaced(ticket) => {
                ids.insert(ticket.order_id, ticket.id);
                orders.entry(ticket.id).or_insert_with(|| fresh(ticket));
            }
            Record::Fill(fill) => {
                if let Some(order) = orders.get_mut(&fill.order) {
                    order.session.add(fill.quantity, fill.price.0, fill.at);
                }
            }
            _ => {}
        }
    }
    for fill in simulated {
        let order = ids.get(&BrokerOrderId(fill.order_id)).and_then(|id| orders.get_mut(id));
        if let Some(order) = order {
            order.backtest.add(fill.quantity, fill.price.0, fill.at);
        }
    }
    orders.into_values().filter(|order| order.session.quantity + order.backtest.quantity > 0).collect()
}

/// What the fills of a session come to beside those of the backtest.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct FillsVerdict {
    pub orders: usize,
    pub both: usize,
    pub session_only: usize,
    pub backtest_only: usize,
    /// Same average price.
    pub same_price: usize,
    /// Ticks by which the session was worse, over contracts that both filled: sum, most and least.
    pub worse_ticks: f64,
    pub worst: f64,
    pub best: f64,
    pub contracts: u64,
}

impl FillsVerdict {
    pub fn of(orders: &[FilledOrder]) -> Self {
        let mut verdict = Self { orders: orders.len(), ..Self::default() };
        for order in orders {
            let Some(worse) = order.worse_by() else {
                verdict.session_only += usize::from(order.session.quantity > 0);
                verdict.backtest_only += usize::from(order.backtest.quantity > 0);
                continue;
            };
            let contracts = order.session.quantity.min(order.backtest.quantity);
            verdict.both += 1;
            verdict.same_price += usize::from(worse == 0.0);
            verdict.worse_ticks += worse * f64::from(contracts);
            verdict.contracts += u64::from(contracts);
            verdict.worst = verdict.worst.max(worse);
            verdict.best = verdict.best.min(worse);
        }
        verdict
    }

    /// Ticks a contract.
    pub fn mean_worse(&self) -> Option<f64> {
        (self.contracts > 0).then(|| self.worse_ticks / self.contracts as f64)
    }
}

/// The name of a symbol of the session.
pub fn symbol_name(instruments: &[Instrument], symbol: SymbolId) -> &str {
    instruments.get(usize::from(symbol.0)).map_or("?", |instrument| &instrument.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trade::Trading;

    fn entry(seq: u64, cause: &str) -> Entry {
        let record = Record::Trading { trading: Trading::Allowed, cause: cause.to_owned() };
        Entry { seq, at: Timestamp::from_secs(seq as i64), record }
    }

    #[test]
    fn the_first_difference_is_named_and_a_short_replay_is_one() {
        let journal = [entry(1, "a"), entry(2, "b"), entry(3, "c")];
        let play = |entries: &[Entry]| {
            let mut decisions = Decisions::of(&journal, 4);
            entries.iter().for_each(|e| decisions.see(e.at, &e.record));
            decisions.finish()
        };
        let same = play(&journal);
        assert_eq!((same.equal, same.recorded, same.first), (3, 3, None));
        let other = play(&[entry(1, "a"), entry(2, "x"), entry(3, "c")]);
        let first = other.first.expect("b is not x");
        assert_eq!((other.equal, first.seq), (1, Some(2)));
        let later = play(&[entry(1, "a"), Entry { at: Timestamp::from_secs(9), ..entry(2, "b") }]);
        assert_eq!(later.equal, 1, "the time counts too");
        let short = play(&journal[..2]).first.expect("one is missing");
        assert_eq!((short.seq, short.replayed), (Some(3), None));
        let long = play(&[&journal[..], &[entry(4, "d")]].concat()).first.expect("one is too many");
        assert_eq!((long.seq, long.recorded), (None, None));
    }

    #[test]
    fn a_sale_at_a_lower_price_is_worse() {
        let mut order = FilledOrder {
            id: ClientOrderId(1),
            strategy: StrategyId(0),
            symbol: SymbolId(0),
            leg: Leg::Exit,
            side: Side::Sell,
            session: Filled::default(),
            backtest: Filled::default(),
        };
        order.session.add(2, 100, Timestamp::from_secs(1));
        order.session.add(1, 97, Timestamp::from_secs(2));
        order.backtest.add(3, 101, Timestamp::from_secs(1));
        assert_eq!(order.worse_by(), Some(2.0));
        let verdict = FillsVerdict::of(&[order]);
        assert_eq!((verdict.both, verdict.contracts, verdict.mean_worse()), (1, 3, Some(2.0)));
    }
}
