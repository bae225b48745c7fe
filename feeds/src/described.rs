//! What sources say of contracts, against what is known of them. In: instruments as a source has them. Out: an
//! instrument of the session, or the contradiction. Absent: the built-in table, for contracts that nobody describes.

use std::fmt::Display;

use engine::market::{Instrument, SymbolId};

use crate::contract::Contract;
use crate::error::FeedError;
use crate::specs;

/// A contract as a source has it.
#[derive(Clone, PartialEq, Debug)]
pub struct Described {
    /// Its id means nothing.
    pub instrument: Instrument,
    /// Who says so, as in `es.definition.dbn`.
    pub whence: String,
    /// Whether it is a whole instrument; otherwise exchange and trading hours come from the built-in table.
    pub(crate) is_whole: bool,
}

impl Described {
    pub(crate) fn contract(&self) -> Contract {
        let Instrument { root, expiry, name, .. } = &self.instrument;
        Contract { root: root.clone(), expiry: expiry.clone(), name: name.clone() }
    }

    pub(crate) fn is_of(&self, contract: &Contract) -> bool {
        self.contract() == *contract
    }

    /// A session's instrument of this contract, which is not configured.
    pub(crate) fn instrument(&self, contract: &Contract, id: SymbolId) -> Result<Instrument, FeedError> {
        if self.is_whole {
            return Ok(Instrument { id, name: contract.name.clone(), ..self.instrument.clone() });
        }
        let built_in = specs::instrument(contract, id)?;
        self.check(&built_in, "the built-in table")?;
        Ok(self.dated(built_in))
    }

    /// The instrument with the day of its expiry, if only its month was known.
    pub(crate) fn dated(&self, instrument: Instrument) -> Instrument {
        let length = |expiry: &Option<String>| expiry.as_ref().map_or(0, String::len);
        match (&self.instrument.expiry, &instrument.expiry) {
            (ours, theirs @ Some(_)) if length(ours) > length(theirs) => {
                Instrument { expiry: ours.clone(), ..instrument }
            }
            _ => instrument,
        }
    }

    /// Whether this is `other`, as far as both say: the same root and expiry. An expiry is the same if the shorter one begins
    /// the longer one.
    pub fn check(&self, other: &Instrument, whose: &str) -> Result<(), FeedError> {
        self.check_root(other, whose)?;
        match (&self.instrument.expiry, &other.expiry) {
            (Some(found), Some(expected)) if !found.starts_with(expected) && !expected.starts_with(found) => {
                Err(self.differs("expiry", found, expected, whose))
            }
            _ => Ok(()),
        }
    }

    /// Whether prices and profits mean the same in `other`, which has the same root.
    pub fn check_root(&self, other: &Instrument, whose: &str) -> Result<(), FeedError> {
        let ours = &self.instrument;
        if ours.tick_size != other.tick_size {
            return Err(self.differs("tick size", ours.tick_size, other.tick_size, whose));
        }
        if ours.multiplier != other.multiplier {
            return Err(self.differs("multiplier", ours.multiplier, other.multiplier, whose));
        }
        if ours.currency != other.currency {
            return Err(self.differs("currency", &ours.currency, &other.currency, whose));
        }
        Ok(())
    }

    fn differs(&self, what: &'static str, found: impl Display, expected: impl Display, other: &str) -> FeedError {
        FeedError::Contradiction {
            what: format!("{what} of {}", self.instrument.name),
            first: format!("{} says {found}", self.whence),
            second: format!("{other} says {expected}"),
        }
    }
}

/// What several say of one contract: the one with the most exact expiry, if they agree; `None` if nobody says anything.
pub(crate) fn one<'a>(all: impl Iterator<Item = &'a Described>) -> Result<Option<&'a Described>, FeedError> {
    let mut told: Option<&Described> = None;
    for described in all {
        if let Some(other) = told {
            described.check(&other.instrument, &other.whence)?;
        }
        let length = |described: &Described| described.instrument.expiry.as_ref().map_or(0, String::len);
        if told.is_none_or(|other| length(described) > length(other)) {
            told = Some(described);
        }
    }
    Ok(told)
}
