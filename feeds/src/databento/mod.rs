//! Databento Binary Encoding files, versions 1 to 3, plain or zstd. In: a path. Out: which contracts the file holds, how
//! much each traded, and its events. Absent: other schemas than trades, mbp-1 and mbo; live sessions' control messages.

mod definitions;
mod source;
mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dbn::symbol_map::SymbolIntervals;
use dbn::{Metadata, Schema, SymbolMappingMsg, TsSymbolMap, v1};
use engine::time::Timestamp;

use crate::contract::Contract;
use crate::counts::Counters;
use crate::error::FeedError;
use crate::merge::{Routes, Source};
use crate::overlap::{Holding, What};
pub(crate) use definitions::Definitions;
pub(crate) use source::Records;

/// A DBN file whose head has been read and whose names are known.
#[derive(Clone)]
pub(crate) struct DbnFile {
    path: PathBuf,
    start: Timestamp,
    /// The end of the query or of the last record; `None` for a recorded live session.
    end: Option<Timestamp>,
    schema: Option<Schema>,
    names: BTreeMap<u32, Vec<Naming>>,
}

/// An instrument id means this contract during `[from, to)`, nanoseconds.
#[derive(Clone, Debug)]
struct Naming {
    from: u64,
    to: u64,
    /// `None`: a spread, an option, a symbol that is no future.
    contract: Option<Contract>,
}

const SCHEMAS: &str = "schema trades, mbp-1 or mbo";

impl DbnFile {
    pub(crate) fn open(path: &Path, definitions: &Definitions) -> Result<Self, FeedError> {
        let takes = |schema| matches!(schema, Schema::Trades | Schema::Mbp1 | Schema::Mbo);
        Self::open_as(path, takes, SCHEMAS, definitions)
    }

    /// A file of one of the schemas that `takes` names, which are `expected` in words. Names that it does not have itself
    /// come from the definitions.
    pub(crate) fn open_as(
        path: &Path,
        takes: fn(Schema) -> bool,
        expected: &'static str,
        definitions: &Definitions,
    ) -> Result<Self, FeedError> {
        let records = Records::open(path)?;
        let metadata = records.metadata().clone();
        if let Some(schema) = metadata.schema
            && !takes(schema)
        {
            let found = format!("schema {schema}");
            return Err(FeedError::UnknownSchema { path: path.to_owned(), found, expected });
        }
        let end = metadata.end.and_then(|end| i64::try_from(end.get()).ok()).map(Timestamp::from_nanos);
        let start = i64::try_from(metadata.start).map_or(Timestamp::MIN, Timestamp::from_nanos);
        let names = match names_of(path, &metadata)? {
            names if names.is_empty() => mapped_names(records, start)?,
            names => names,
        };
        let names = match definitions.names(&metadata.dataset) {
            Some(defined) if names.is_empty() => defined.clone(),
            _ if names.is_empty() => {
                let expected = "a symbol for each instrument id, here or in a file of definitions";
                return Err(FeedError::damaged(path, "metadata", "no symbol mappings", expected));
            }
            _ => names,
        };
        definitions.agree(path, &metadata.dataset, &names)?;
        Ok(Self { path: path.to_owned(), start, end, schema: metadata.schema, names })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn start(&self) -> Timestamp {
        self.start
    }

    pub(crate) fn schema(&self) -> Option<Schema> {
        self.schema
    }

    pub(crate) fn contracts(&self) -> impl Iterator<Item = &Contract> {
        self.names.values().flatten().filter_map(|naming| naming.contract.as_ref())
    }

    /// Empty where the head does not say how far the file reaches.
    pub(crate) fn holdings(&self) -> Vec<Holding<'_>> {
        let Some(to) = self.end else { return Vec::new() };
        let kinds: &[What] = match self.schema {
            Some(Schema::Trades) => &[What::Trades],
            _ => &[What::Trades, What::Quotes],
        };
        // An id may change hands and come back: one contract is one holding.
        let contracts: BTreeSet<&Contract> = self.contracts().collect();
        let holding = |contract, what| Holding { contract, what, from: self.start, to, path: &self.path };
        contracts.into_iter().flat_map(|contract| kinds.iter().map(move |what| holding(contract, *what))).collect()
    }

    /// Contracts traded, by contract. Reads the whole file.
    pub(crate) fn volumes(&self) -> Result<BTreeMap<Contract, u64>, FeedError> {
        let mut records = Records::open(&self.path)?;
        let mut volumes = BTreeMap::new();
        while let Some(record) = records.next_record()? {
            if let Some(trade) = stream::trade_of(record).map_err(|error| records.broken(&error))?
                && let Some(contract) = self.contract_of(trade.instrument_id, trade.at)
            {
                *volumes.entry(contract.clone()).or_insert(0) += u64::from(trade.size);
            }
        }
        Ok(volumes)
    }

    pub(crate) fn source(&self, routes: &Routes, counters: &Counters) -> Source {
        let (file, routes, counters) = (self.clone(), routes.clone(), counters.clone());
        let open = Box::new(move || {
            let events = stream::DbnEvents::open(&file, &routes, counters)?;
            Ok(Box::new(events) as crate::merge::Stream)
        });
        Source { not_before: self.start, open }
    }

    pub(crate) fn contract_of(&self, instrument_id: u32, at: u64) -> Option<&Contract> {
        let namings = self.names.get(&instrument_id)?;
        // Snapshot records are older than the file: with one name there is no need to ask when.
        let naming = match namings.as_slice() {
            [only] => Some(only),
            several => several.iter().find(|naming| naming.from <= at && at < naming.to),
        };
        naming?.contract.as_ref()
    }
}

/// From the metadata; empty for a recorded live session, which sends its names as records.
fn names_of(path: &Path, metadata: &Metadata) -> Result<BTreeMap<u32, Vec<Naming>>, FeedError> {
    if metadata.mappings.is_empty() {
        return Ok(BTreeMap::new());
    }
    let map = TsSymbolMap::from_metadata(metadata).map_err(|error| {
        FeedError::damaged(path, "metadata", error.to_string(), "symbol mappings to or from instrument ids")
    })?;
    let year = year_of(metadata.start);
    let named = |intervals: &SymbolIntervals| {
        let mut namings: Vec<Naming> = Vec::new();
        for interval in intervals.intervals() {
            let contract = Contract::from_exchange_symbol(&interval.symbol, year);
            match namings.last_mut() {
                Some(last) if last.contract == contract => last.to = interval.end_ts,
                _ => namings.push(Naming { from: interval.start_ts, to: interval.end_ts, contract }),
            }
        }
        namings
    };
    Ok(map.inner().iter().map(|(id, intervals)| (*id, named(intervals))).collect())
}

/// From the symbol mapping messages inside the file: reads it through once. Empty if there are none.
fn mapped_names(mut records: Records, start: Timestamp) -> Result<BTreeMap<u32, Vec<Naming>>, FeedError> {
    let year = year_of(start.nanos().unsigned_abs());
    let mut names = BTreeMap::new();
    while let Some(record) = records.next_record()? {
        let symbol = if let Ok(mapping) = record.try_get::<SymbolMappingMsg>() {
            mapping.stype_out_symbol()
        } else if let Ok(mapping) = record.try_get::<v1::SymbolMappingMsg>() {
            mapping.stype_out_symbol()
        } else {
            continue;
        };
        let id = record.header().instrument_id;
        let contract = symbol.map(|symbol| Contract::from_exchange_symbol(symbol, year));
        let contract = contract.map_err(|error| records.broken(&error))?;
        names.insert(id, vec![Naming { from: 0, to: u64::MAX, contract }]);
    }
    Ok(names)
}

fn year_of(nanos: u64) -> i32 {
    use chrono::Datelike;
    i64::try_from(nanos).map_or(1970, |nanos| Timestamp::from_nanos(nanos).to_datetime().year())
}
