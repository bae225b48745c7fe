//! Refuses files that hold the same events twice: ticks and bars of one day, trades inside two schemas, a day copied.
//! In: what each file holds from when to when. Out: nothing, or the two files and the contract.

use std::collections::BTreeSet;
use std::path::Path;

use engine::time::Timestamp;

use crate::contract::Contract;
use crate::error::FeedError;
use crate::open::DataFile;

/// A file holds all `what` of a contract in `[from, to)`.
#[derive(Clone, Debug)]
pub(crate) struct Holding<'a> {
    pub(crate) contract: &'a Contract,
    pub(crate) what: What,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) path: &'a Path,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum What {
    Trades,
    Quotes,
}

pub(crate) fn refuse(files: &[DataFile], selected: &BTreeSet<Contract>) -> Result<(), FeedError> {
    let mut holdings: Vec<Holding<'_>> = files.iter().flat_map(DataFile::holdings).collect();
    holdings.retain(|holding| selected.contains(holding.contract));
    holdings.sort_by_key(|holding| (holding.contract, holding.what, holding.from));
    for pair in holdings.windows(2) {
        let [first, second] = pair else { continue };
        if first.contract == second.contract && first.what == second.what && second.from < first.to {
            let kind = if first.what == What::Trades { "trades" } else { "quotes" };
            let what = format!("{kind} of {} at {}", first.contract.name, second.from);
            return Err(FeedError::Overlap { first: first.path.to_owned(), second: second.path.to_owned(), what });
        }
    }
    Ok(())
}
