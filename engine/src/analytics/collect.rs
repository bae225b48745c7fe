//! A run out of a journal: records in, one [`Run`] out. Of several bar lengths, the shortest of each symbol is kept.
//! Absent: reading the journal, and what a report makes of it.

use std::collections::BTreeMap;

use super::run::{Carried, CostedFill, Run, StrategyFacts};
use crate::journal::{DATA_EVENT, Record, SessionInfo, Verdict};
use crate::market::{Bar, SymbolId};
use crate::time::Timestamp;
use crate::trade::{Fill, Money, StrategyId};

/// Takes records in their order, from a session's first to its last.
#[derive(Debug)]
pub struct Collector {
    run: Run,
    bars: BTreeMap<(SymbolId, u32), BTreeMap<Timestamp, Bar>>,
    /// Place of a fill by its execution id.
    places: BTreeMap<String, usize>,
    /// Commissions that came before their fill.
    early: BTreeMap<String, Money>,
}

impl Collector {
    /// For the session that `info` describes, begun at `started` with positions `carried`.
    pub fn new(info: &SessionInfo, started: Timestamp, carried: Vec<Carried>, capital: Money) -> Self {
        let mut run = Run::empty(info.id.clone(), info.mode.name().to_owned(), started, capital);
        run.account.clone_from(&info.account);
        run.instruments.clone_from(&info.instruments);
        run.strategies = info.strategies.iter().map(|s| StrategyFacts::of_kind(&s.name, &s.kind)).collect();
        let mut collector = Self { run, bars: BTreeMap::new(), places: BTreeMap::new(), early: BTreeMap::new() };
        for held in carried {
            let strategy = collector.strategy(held.strategy);
            collector.run.carried.push(Carried { strategy, ..held });
        }
        collector
    }

    /// From a session's first record; `None` if it is another one.
    pub fn of_start(started: Timestamp, record: &Record, capital: Money) -> Option<Self> {
        let Record::SessionStarted { info, books } = record else { return None };
        let open = books.portfolio.sleeves().filter(|(_, _, sleeve)| sleeve.quantity != 0);
        let carried = open.map(|(strategy, symbol, sleeve)| Carried {
            strategy,
            symbol,
            quantity: sleeve.quantity,
            cost: sleeve.cost,
        });
        Some(Self::new(info, started, carried.collect(), capital))
    }

    pub fn see(&mut self, record: &Record) {
        match record {
            Record::Bar(bar) | Record::BarRevised(bar) => {
                self.bars.entry((bar.symbol, bar.length_s)).or_default().insert(bar.open_ts, *bar);
            }
            Record::Fill(fill) => self.fill(fill),
            Record::Commission { exec_id, amount } => match self.places.get(exec_id) {
                Some(place) => self.run.fills[*place].commission = Some(*amount),
                None => {
                    self.early.insert(exec_id.clone(), *amount);
                }
            },
            Record::Signal { verdict, .. } => {
                self.run.signals += 1;
                self.run.signals_refused += u64::from(matches!(verdict, Verdict::Refused { .. }));
            }
            Record::System { event, text, .. } if event == DATA_EVENT => self.run.doubts.push(text.clone()),
            Record::Interest(row) => self.run.interest.push(*row),
            Record::SessionEnded { cause } => self.run.end_cause = Some(cause.clone()),
            Record::Corrected { fills, .. } => fills.iter().for_each(|fill| self.correct(fill)),
            // Told in other ways, or not of a result: orders by their fills, totals by what they are made of.
            Record::SessionStarted { .. }
            | Record::OrderPlaced(_)
            | Record::OrderChanged(_)
            | Record::Position(_)
            | Record::Performance { .. }
            | Record::Trading { .. }
            | Record::System { .. }
            | Record::Latched(_)
            | Record::Released { .. }
            | Record::RiskAccount(_)
            | Record::Account(_)
            | Record::LastPrices(_)
            | Record::Operator { .. }
            | Record::Baseline { .. }
            | Record::NextOrderId(_)
            | Record::TradeDate(_)
            | Record::Allocation(_) => {}
        }
    }

    /// A fill as it is now, under the id that it was booked with. One of an earlier session is not here.
    fn correct(&mut self, now: &Fill) {
        if let Some(place) = self.places.get(&now.exec_id) {
            let strategy = self.run.fills[*place].fill.strategy;
            self.run.fills[*place].fill = Fill { strategy, ..now.clone() };
        }
    }

    fn fill(&mut self, fill: &Fill) {
        let commission = self.early.remove(&fill.exec_id);
        self.places.insert(fill.exec_id.clone(), self.run.fills.len());
        let fill = Fill { strategy: self.strategy(fill.strategy), ..fill.clone() };
        self.run.fills.push(CostedFill { fill, commission });
    }

    /// Positions of others have a place of their own behind the strategies.
    fn strategy(&mut self, id: StrategyId) -> StrategyId {
        match id {
            StrategyId::FOREIGN => {
                self.run.place_of(StrategyId::FOREIGN_NAME).expect("a session has fewer than 65535 strategies")
            }
            id => id,
        }
    }

    pub fn finish(mut self) -> Run {
        let mut shortest: BTreeMap<SymbolId, Vec<Bar>> = BTreeMap::new();
        for ((symbol, _), bars) in self.bars {
            shortest.entry(symbol).or_insert_with(|| bars.into_values().collect());
        }
        // What the broker took back has no contracts.
        self.run.fills.retain(|costed| costed.fill.quantity > 0);
        self.run.bars = in_order(shortest.into_values().flatten().collect());
        self.run
    }
}

/// Bars by their end, those of one end by symbol.
pub fn in_order(mut bars: Vec<Bar>) -> Vec<Bar> {
    bars.sort_by_key(|bar| (bar.end(), bar.symbol, bar.open_ts));
    bars
}
