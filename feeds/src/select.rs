//! Which contracts of the files are read. In: what the files hold, a person's choice. Out: contracts.

use std::collections::{BTreeMap, BTreeSet};

use engine::market::Instrument;

use crate::contract::Contract;
use crate::error::FeedError;

/// What a file says of its contracts before its events are read.
pub(crate) trait Holds {
    fn contracts(&self) -> Vec<Contract>;

    /// Contracts traded, by contract. Reads the whole file.
    fn volumes(&self) -> Result<BTreeMap<Contract, u64>, FeedError>;
}

/// Which contracts of the files to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Select {
    All,
    /// Of each root symbol the contract with the most volume, the nearer expiry if two have the same. Where a root has
    /// several contracts this reads the files once more, before the first event.
    MostTraded,
    /// The contracts of the instruments that the session already knows: the one with an instrument's expiry, or for an
    /// instrument without expiry the most traded of its root over all files. It is an error if one is missing.
    Known,
    /// Those that answer to one of these names: `ESH4`, `ESH24`, `ES202403` or an expiry, `202403`.
    Named(Vec<String>),
}

/// The chosen contracts, at least one.
pub(crate) fn selected(
    files: &[impl Holds],
    known: &[Instrument],
    select: &Select,
) -> Result<BTreeSet<Contract>, FeedError> {
    let held: BTreeSet<Contract> = files.iter().flat_map(Holds::contracts).collect();
    let chosen = match select {
        Select::All => held,
        Select::Named(names) => named(&held, names)?,
        Select::MostTraded => most_traded(files, held)?,
        Select::Known => of_known(files, &held, known)?,
    };
    if chosen.is_empty() {
        let nothing = "the files hold no trades or quotes of an outright future, or no contract was asked for";
        return Err(FeedError::Nothing(nothing.to_owned()));
    }
    Ok(chosen)
}

fn named(held: &BTreeSet<Contract>, names: &[String]) -> Result<BTreeSet<Contract>, FeedError> {
    let mut chosen = BTreeSet::new();
    for name in names {
        let before = chosen.len();
        chosen.extend(held.iter().filter(|contract| contract.is_called(name)).cloned());
        if chosen.len() == before && !chosen.iter().any(|contract| contract.is_called(name)) {
            return Err(missing(name, held));
        }
    }
    Ok(chosen)
}

fn of_known(
    files: &[impl Holds],
    held: &BTreeSet<Contract>,
    known: &[Instrument],
) -> Result<BTreeSet<Contract>, FeedError> {
    let choose = |instrument: &Instrument| {
        let wanted = Contract::new(&instrument.root, instrument.expiry.as_deref());
        let of_root = held.iter().filter(|contract| contract.root == wanted.root).cloned();
        let found = match instrument.expiry {
            Some(_) => held.get(&wanted).cloned(),
            None => most_traded(files, of_root.collect())?.pop_first(),
        };
        found.ok_or_else(|| missing(&instrument.name, held))
    };
    known.iter().map(choose).collect()
}

fn missing(wanted: &str, held: &BTreeSet<Contract>) -> FeedError {
    FeedError::NoSuchContract { wanted: wanted.to_owned(), held: names_of(held) }
}

fn most_traded(files: &[impl Holds], held: BTreeSet<Contract>) -> Result<BTreeSet<Contract>, FeedError> {
    let roots: BTreeSet<&str> = held.iter().map(|contract| contract.root.as_str()).collect();
    if roots.len() == held.len() {
        return Ok(held);
    }
    let mut volumes: BTreeMap<Contract, u64> = BTreeMap::new();
    for file in files {
        for (contract, volume) in file.volumes()? {
            *volumes.entry(contract).or_insert(0) += volume;
        }
    }
    let volume_of = |contract: &Contract| volumes.get(contract).copied().unwrap_or(0);
    let best = |root: &str| {
        // `rev`: of equals `max_by_key` takes the last, which should be the nearest expiry.
        held.iter().rev().filter(|contract| contract.root == root).max_by_key(|contract| volume_of(contract)).cloned()
    };
    Ok(roots.into_iter().filter_map(best).collect())
}

/// Names for a message.
pub(crate) fn names_of(contracts: &BTreeSet<Contract>) -> Vec<String> {
    contracts.iter().map(|contract| contract.name.clone()).collect()
}
