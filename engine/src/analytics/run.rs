//! What a report is made of: everything that one session did and saw. Filled by whoever has it: `collect` from a
//! journal's records, the command line from a database.
//! Absent: conclusions.

use serde::Serialize;

use crate::journal::InterestRow;
use crate::market::{Bar, Instrument, SymbolId};
use crate::strategy::registry;
use crate::time::Timestamp;
use crate::time::session::Calendar;
use crate::trade::{Fill, Money, StrategyId};
use crate::venue::Hours;

/// One session's facts. Strategies and instruments stand at the place that their id names.
#[derive(Clone, Debug)]
pub struct Run {
    pub session: String,
    /// `run`, `replay` or `backtest`.
    pub mode: String,
    pub account: String,
    pub started: Timestamp,
    /// Why it ended; `None` if it did not end in order.
    pub end_cause: Option<String>,
    /// What returns are a fraction of; greater than zero.
    pub capital: Money,
    pub capital_from: String,
    pub instruments: Vec<Instrument>,
    pub strategies: Vec<StrategyFacts>,
    /// In the order in which they were booked.
    pub fills: Vec<CostedFill>,
    /// Positions that the session began with.
    pub carried: Vec<Carried>,
    /// What came into the account's cash as interest, in order of time.
    pub interest: Vec<InterestRow>,
    /// One length a symbol, in order of their end. Equity is valued at their closes.
    pub bars: Vec<Bar>,
    /// What was wrong with the data that was played, in sentences.
    pub doubts: Vec<String>,
    pub signals: u64,
    pub signals_refused: u64,
    /// How many variants were tried before this one was kept, itself included. 1 if nobody says.
    pub trials: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StrategyFacts {
    pub name: String,
    pub kind: String,
    /// Numbers that somebody could have tuned; `None` when not known.
    pub parameters: Option<u32>,
}

impl StrategyFacts {
    /// Of a kind in the registry: its parameters and the distance of the stop could have been tuned.
    pub fn of_kind(name: &str, kind: &str) -> Self {
        let count = |k: &registry::Kind| u32::try_from(k.params.len() + 1).unwrap_or(u32::MAX);
        Self { name: name.to_owned(), kind: kind.to_owned(), parameters: registry::kind(kind).map(count) }
    }
}

/// A fill with what it cost; `None` until the broker said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CostedFill {
    pub fill: Fill,
    pub commission: Option<Money>,
}

/// A position from before the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Carried {
    pub strategy: StrategyId,
    pub symbol: SymbolId,
    /// Contracts, negative when short.
    pub quantity: i64,
    /// Sum of price x multiplier x contracts, negative when short.
    pub cost: Money,
}

impl Run {
    /// A session without anything in it yet.
    pub fn empty(session: String, mode: String, started: Timestamp, capital: Money) -> Self {
        Self {
            session,
            mode,
            account: String::new(),
            started,
            end_cause: None,
            capital,
            capital_from: String::new(),
            instruments: Vec::new(),
            strategies: Vec::new(),
            fills: Vec::new(),
            carried: Vec::new(),
            interest: Vec::new(),
            bars: Vec::new(),
            doubts: Vec::new(),
            signals: 0,
            signals_refused: 0,
            trials: 1,
        }
    }

    pub fn instrument(&self, symbol: SymbolId) -> &Instrument {
        self.instruments.get(usize::from(symbol.0)).expect("fills and bars are of the session's instruments")
    }

    pub fn strategy(&self, id: StrategyId) -> &StrategyFacts {
        self.strategies.get(usize::from(id.0)).expect("fills are of the session's strategies")
    }

    /// The place of a strategy by its name: one that the session does not know gets the next. Positions of others
    /// ("foreign") are kept so, too; nothing of them could have been tuned here.
    pub fn place_of(&mut self, name: &str) -> Option<StrategyId> {
        let place = self.strategies.iter().position(|s| s.name == name).unwrap_or_else(|| {
            let parameters = (name == StrategyId::FOREIGN_NAME).then_some(0);
            self.strategies.push(StrategyFacts { name: name.to_owned(), kind: String::new(), parameters });
            self.strategies.len() - 1
        });
        u16::try_from(place).ok().map(StrategyId)
    }

    pub fn symbols(&self) -> impl Iterator<Item = SymbolId> {
        self.instruments.iter().map(|instrument| instrument.id)
    }

    /// The hours that decide which trade date something belongs to: those of the first instrument.
    pub fn calendar(&self) -> Calendar {
        let root = self.instruments.first().map_or("ES", |instrument| instrument.root.as_str());
        Hours::ByRoot.calendar(root).unwrap_or(Calendar::CME_EQUITY_INDEX)
    }

    /// Bars of a symbol, oldest first.
    pub fn bars_of(&self, symbol: SymbolId) -> Vec<Bar> {
        self.bars.iter().filter(|bar| bar.symbol == symbol).copied().collect()
    }

    /// All numbers that somebody could have tuned; `None` when a strategy's are not known.
    pub fn parameters(&self) -> Option<u32> {
        self.strategies.iter().map(|strategy| strategy.parameters).sum()
    }
}
