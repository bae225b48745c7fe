//! Opening market data. In: paths, the instruments that the session already knows, a selection. Out: instruments, one
//! ordered stream, counters of what was left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::market::{FeedEvent, Instrument, SymbolId};

use crate::contract::Contract;
use crate::counts::Counters;
use crate::databento::{DbnFile, Definitions};
use crate::described::{self, Described};
use crate::error::FeedError;
use crate::lean::LeanFile;
use crate::merge::{Merge, Route, Routes, Source};
use crate::overlap::{self, Holding};
use crate::select::{self, Holds, Select, names_of};
use crate::specs::{self, Grid};

/// Events in order of time; see [`open`] for how an error comes.
pub type Events = Box<dyn Iterator<Item = Result<FeedEvent, FeedError>> + Send>;

pub struct Opened {
    /// In order of their ids.
    pub instruments: Vec<Instrument>,
    pub events: Events,
    /// What the reader leaves out, counted as it reads.
    pub skipped: Counters,
    /// What files of definitions say of contracts that are played.
    pub described: Vec<Described>,
}

/// Opens files, or folders of files, as one stream.
///
/// A contract that is one of `known` (same root and expiry, or same root and no expiry, when one contract of that root
/// is selected) keeps that instrument's id, name and price grid; others get the next free ids in order of root and
/// expiry and a specification of their root from the built-in table.
///
/// Errors in heads and directories come at once, before there is an event: a file that cannot be read or is of no known
/// format, a zip without its directory, a plain DBN file cut inside a record, an unknown root. Damage further inside
/// shows when the stream gets there: its item is the error, and nothing comes after it. A program that trades must
/// treat that as the end of a broken feed, not as the end of the data.
pub fn open(paths: &[PathBuf], known: &[Instrument], select: &Select) -> Result<Opened, FeedError> {
    let (paths, definitions) = Definitions::among(expand(paths)?)?;
    let files = paths.iter().map(|path| open_file(path, &definitions)).collect::<Result<Vec<_>, _>>()?;
    let selected = select::selected(&files, known, select)?;
    overlap::refuse(&files, &selected)?;
    let told = definitions.described().filter(|described| selected.contains(&described.contract()));
    let described: Vec<Described> = told.cloned().collect();
    let mut instruments = instruments(&selected, known, &described)?;
    let routes = routes(selected, &instruments)?;
    let skipped = Counters::default();
    let sources = files.iter().flat_map(|file| file.sources(&routes, &skipped)).collect();
    instruments.sort_by_key(|instrument| instrument.id);
    Ok(Opened { instruments, events: Box::new(Merge::new(sources)), skipped, described })
}

pub(crate) enum DataFile {
    Dbn(DbnFile),
    Lean(LeanFile),
}

impl DataFile {
    pub(crate) fn holdings(&self) -> Vec<Holding<'_>> {
        match self {
            DataFile::Dbn(file) => file.holdings(),
            DataFile::Lean(file) => file.holdings(),
        }
    }

    fn sources(&self, routes: &Routes, counters: &Counters) -> Vec<Source> {
        match self {
            DataFile::Dbn(file) => vec![file.source(routes, counters)],
            DataFile::Lean(file) => file.sources(routes, counters),
        }
    }
}

impl Holds for DataFile {
    fn contracts(&self) -> Vec<Contract> {
        match self {
            DataFile::Dbn(file) => file.contracts().cloned().collect(),
            DataFile::Lean(file) => file.entries().map(|entry| entry.contract.clone()).collect(),
        }
    }

    fn volumes(&self) -> Result<BTreeMap<Contract, u64>, FeedError> {
        match self {
            DataFile::Dbn(file) => file.volumes(),
            DataFile::Lean(file) => file.volumes(),
        }
    }
}

/// Folders become their files in order of name; a file named twice would trade twice.
pub(crate) fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FeedError> {
    let mut files = Vec::new();
    let mut seen: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for path in paths {
        let unreadable = |error: io::Error| FeedError::unreadable(path, error);
        let found = if path.is_dir() {
            let mut inside = fs::read_dir(path)
                .and_then(|folder| folder.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>())
                .map_err(unreadable)?;
            inside.retain(|path| path.is_file());
            inside.sort();
            inside
        } else {
            vec![path.clone()]
        };
        for file in found {
            let real = fs::canonicalize(&file).map_err(|error| FeedError::unreadable(&file, error))?;
            if let Some(first) = seen.insert(real, file.clone()) {
                return Err(FeedError::Overlap { first, second: file, what: "the same file".to_owned() });
            }
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(FeedError::Nothing("no file is named, or the folders are empty".to_owned()));
    }
    Ok(files)
}

/// By content: names and suffixes are not asked.
fn open_file(path: &Path, definitions: &Definitions) -> Result<DataFile, FeedError> {
    let mut head = Vec::new();
    let file = File::open(path).map_err(|error| FeedError::unreadable(path, error))?;
    file.take(4).read_to_end(&mut head).map_err(|error| FeedError::unreadable(path, error))?;
    match head.as_slice() {
        [b'D', b'B', b'N', ..] | [0x28, 0xb5, 0x2f, 0xfd] => DbnFile::open(path, definitions).map(DataFile::Dbn),
        b"PK\x03\x04" | b"PK\x05\x06" => match LeanFile::open(path)? {
            file if file.entries().any(|entry| entry.kind.is_long()) => Err(FeedError::UnknownSchema {
                path: path.to_owned(),
                found: "bars of hours or days".to_owned(),
                expected: "ticks, or seconds or minutes; for longer bars a [backtest.fills] model of bars",
            }),
            file => Ok(DataFile::Lean(file)),
        },
        [] => Err(FeedError::UnknownFormat { path: path.to_owned(), found: "an empty file".to_owned() }),
        other => {
            let found = format!("a file that begins with {other:02x?}");
            Err(FeedError::UnknownFormat { path: path.to_owned(), found })
        }
    }
}

/// An instrument for each contract, in the contracts' order: one that is known, otherwise as it is described, otherwise as
/// the built-in table has it. What is described may not contradict what is known.
pub(crate) fn instruments(
    selected: &BTreeSet<Contract>,
    known: &[Instrument],
    described: &[Described],
) -> Result<Vec<Instrument>, FeedError> {
    let mut free = (0..=u16::MAX).map(SymbolId).filter(|id| known.iter().all(|instrument| instrument.id != *id));
    selected
        .iter()
        .map(|contract| {
            let told = described::one(described.iter().filter(|described| described.is_of(contract)))?;
            match (known_as(contract, selected, known)?, told) {
                (Some(instrument), None) => Ok(instrument.clone()),
                (Some(instrument), Some(told)) => {
                    told.check(instrument, "the configuration")?;
                    Ok(told.dated(instrument.clone()))
                }
                (None, told) => {
                    let id = free.next().expect("fewer contracts than ids");
                    told.map_or_else(|| specs::instrument(contract, id), |told| told.instrument(contract, id))
                }
            }
        })
        .collect()
}

fn known_as<'a>(
    contract: &Contract,
    selected: &BTreeSet<Contract>,
    known: &'a [Instrument],
) -> Result<Option<&'a Instrument>, FeedError> {
    let of_root = || known.iter().filter(|instrument| instrument.root == contract.root);
    let by_expiry = of_root().find(|instrument| {
        instrument.expiry.is_some() && Contract::new(&instrument.root, instrument.expiry.as_deref()) == *contract
    });
    if by_expiry.is_some() {
        return Ok(by_expiry);
    }
    let Some(front) = of_root().find(|instrument| instrument.expiry.is_none()) else {
        return Ok(None);
    };
    let rivals: BTreeSet<Contract> = selected.iter().filter(|other| other.root == contract.root).cloned().collect();
    if rivals.len() > 1 {
        return Err(FeedError::Ambiguous { name: front.name.clone(), held: names_of(&rivals) });
    }
    Ok(Some(front))
}

pub(crate) fn routes(selected: BTreeSet<Contract>, instruments: &[Instrument]) -> Result<Routes, FeedError> {
    let route = |(contract, instrument): (Contract, &Instrument)| {
        let grid = Grid::of(instrument).ok_or_else(|| {
            FeedError::Nothing(format!(
                "{} has tick size {}, which is no price step",
                contract.name, instrument.tick_size
            ))
        })?;
        Ok((contract, Route { symbol: instrument.id, grid }))
    };
    selected.into_iter().zip(instruments).map(route).collect::<Result<BTreeMap<_, _>, _>>().map(Arc::new)
}
