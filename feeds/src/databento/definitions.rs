//! Databento's instrument definitions (schema definition, DBN versions 1 to 3): what a contract is. In: the files among the
//! paths. Out: tick size, multiplier, currency and last day of each future, to be held against what is configured; and
//! what instrument ids mean, for files that do not say so themselves. Absent: options, spreads, sessions' hours.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::Datelike;
use dbn::{InstrumentClass, RecordRef, Schema, UNDEF_PRICE, UNDEF_TIMESTAMP, v1, v2, v3};
use engine::market::{Instrument, SymbolId};
use engine::time::Timestamp;
use rust_decimal::Decimal;

use super::source::Records;
use super::{Naming, year_of};
use crate::contract::Contract;
use crate::described::Described;
use crate::error::FeedError;
use crate::specs;

/// What the definitions among some files say.
#[derive(Default)]
pub(crate) struct Definitions {
    /// As often as a contract is described differently.
    described: BTreeMap<Contract, Vec<Described>>,
    /// By dataset (`GLBX.MDP3`) and instrument id.
    names: BTreeMap<String, BTreeMap<u32, Vec<Naming>>>,
}

impl Definitions {
    /// Takes the files of definitions out of `paths`, and reads them.
    pub(crate) fn among(paths: Vec<PathBuf>) -> Result<(Vec<PathBuf>, Self), FeedError> {
        let mut found = Self::default();
        let mut others = Vec::new();
        for path in paths {
            match definitions(&path)? {
                Some(records) => found.read(&path, records)?,
                None => others.push(path),
            }
        }
        if others.is_empty() {
            return Err(FeedError::Nothing("definitions only: name a file of prices beside them".to_owned()));
        }
        Ok((others, found))
    }

    /// What instrument ids of this dataset mean; `None` if nothing is known of it.
    pub(super) fn names(&self, dataset: &str) -> Option<&BTreeMap<u32, Vec<Naming>>> {
        self.names.get(dataset)
    }

    /// What is said of outright futures.
    pub(crate) fn described(&self) -> impl Iterator<Item = &Described> {
        self.described.values().flatten()
    }

    /// Names that a file has may not contradict these at any time at which both speak.
    pub(super) fn agree(
        &self,
        path: &Path,
        dataset: &str,
        theirs: &BTreeMap<u32, Vec<Naming>>,
    ) -> Result<(), FeedError> {
        let Some(names) = self.names.get(dataset) else { return Ok(()) };
        for (id, namings) in theirs {
            for (ours, theirs) in names.get(id).into_iter().flatten().flat_map(|o| namings.iter().map(move |t| (o, t)))
            {
                let together = ours.from.max(theirs.from) < ours.to.min(theirs.to);
                let (Some(our), Some(their)) = (&ours.contract, &theirs.contract) else { continue };
                if together && our != their {
                    return Err(FeedError::Contradiction {
                        what: format!("instrument id {id} of {dataset}"),
                        first: format!("{} says {}", path.display(), their.name),
                        second: format!("the definitions say {}", our.name),
                    });
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, path: &Path, mut records: Records) -> Result<(), FeedError> {
        let dataset = records.metadata().dataset.clone();
        let year = year_of(records.metadata().start);
        let names = self.names.entry(dataset).or_default();
        while let Some(record) = records.next_record()? {
            let read = Definition::of(record);
            let Some(definition) = read.map_err(|error| records.broken(&error))? else { continue };
            let contract = definition.contract(year);
            if let Some(contract) = &contract
                && definition.is_wrong_month(contract)
            {
                let found = format!("{} that is of {}-{}", contract.name, definition.year, definition.month);
                return Err(records.wrong(found, "a name of the month in which the contract is due"));
            }
            note(names, definition.instrument_id, definition.at, contract.as_ref());
            let Some(contract) = contract else { continue };
            let told = self.described.entry(contract.clone()).or_default();
            told.extend(definition.described(&contract, path).filter(|described| !told.contains(described)));
        }
        Ok(())
    }
}

/// From `at` on this id means that contract, or nothing that can be played. Of a million options nothing is kept.
fn note(names: &mut BTreeMap<u32, Vec<Naming>>, id: u32, at: u64, contract: Option<&Contract>) {
    match names.get_mut(&id).and_then(|namings| namings.last_mut()) {
        Some(last) if last.contract.as_ref() == contract => return,
        Some(last) => last.to = at,
        None if contract.is_none() => return,
        None => {}
    }
    let namings = names.entry(id).or_default();
    let from = if namings.is_empty() { 0 } else { at };
    namings.push(Naming { from, to: u64::MAX, contract: contract.cloned() });
}

/// The file's records, if it is one of definitions.
fn definitions(path: &Path) -> Result<Option<Records>, FeedError> {
    use std::io::Read;
    let mut head = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| FeedError::unreadable(path, error))?;
    file.take(4).read_to_end(&mut head).map_err(|error| FeedError::unreadable(path, error))?;
    if !head.starts_with(b"DBN") && head != [0x28, 0xb5, 0x2f, 0xfd] {
        return Ok(None);
    }
    let records = Records::open(path)?;
    Ok((records.metadata().schema == Some(Schema::Definition)).then_some(records))
}

/// One record of any version.
struct Definition {
    instrument_id: u32,
    /// When it was received, nanoseconds since 1970.
    at: u64,
    is_future: bool,
    symbol: String,
    currency: String,
    /// Billionths; `UNDEF_PRICE` if not told.
    tick: i64,
    /// Worth of a tick as the venue displays it, and what a displayed price is to be multiplied with, billionths.
    tick_amount: i64,
    display_factor: i64,
    /// Units of a contract, billionths.
    units: i64,
    /// Nanoseconds since 1970.
    expiration: u64,
    year: u16,
    month: u8,
}

macro_rules! definition {
    ($record:expr) => {{
        let record = $record;
        Definition {
            instrument_id: record.hd.instrument_id,
            at: record.ts_recv,
            is_future: record.instrument_class().is_ok_and(|class| class == InstrumentClass::Future),
            symbol: record.raw_symbol()?.to_owned(),
            currency: record.currency()?.to_owned(),
            tick: record.min_price_increment,
            tick_amount: record.min_price_increment_amount,
            display_factor: record.display_factor,
            units: record.unit_of_measure_qty,
            expiration: record.expiration,
            year: record.maturity_year,
            month: record.maturity_month,
        }
    }};
}

impl Definition {
    /// `None` for a record of another kind. Versions are told apart by the record's size.
    fn of(record: RecordRef<'_>) -> dbn::Result<Option<Self>> {
        if !record.has::<v3::InstrumentDefMsg>() {
            return Ok(None);
        }
        Ok(Some(if let Ok(newest) = record.try_get::<v3::InstrumentDefMsg>() {
            definition!(newest)
        } else if let Ok(second) = record.try_get::<v2::InstrumentDefMsg>() {
            definition!(second)
        } else {
            definition!(record.try_get::<v1::InstrumentDefMsg>()?)
        }))
    }

    /// `None` for what is no outright future.
    fn contract(&self, year: i32) -> Option<Contract> {
        self.is_future.then(|| Contract::from_exchange_symbol(&self.symbol, year))?
    }

    fn is_wrong_month(&self, contract: &Contract) -> bool {
        let told = (1_970..2_200).contains(&self.year) && (1..=12).contains(&self.month);
        let month = format!("{:04}{:02}", self.year, self.month);
        told && contract.expiry.as_deref().is_some_and(|expiry| !expiry.starts_with(&month))
    }

    /// `None` where tick size or multiplier are not told, or the latter in two ways.
    fn described(&self, contract: &Contract, path: &Path) -> Option<Described> {
        let tick_size = billionths(self.tick)?;
        let spec = specs::spec(&contract.root).ok();
        let multiplier = self.multiplier(tick_size).or(spec.map(|spec| spec.multiplier))?;
        let instrument = Instrument {
            id: SymbolId(0),
            name: contract.name.clone(),
            root: contract.root.clone(),
            expiry: self.expiry(contract),
            exchange: spec.map_or_else(String::new, |spec| spec.exchange.clone()),
            currency: self.currency.clone(),
            tick_size,
            multiplier,
        };
        Some(Described { instrument, whence: path.display().to_string(), is_whole: false })
    }

    /// The units of a contract, unless the worth of a tick says otherwise: where a price is of another unit than the
    /// contract (cents for bushels), neither is what a point is worth.
    fn multiplier(&self, tick_size: Decimal) -> Option<Decimal> {
        let units = billionths(self.units)?;
        let worth = billionths(self.tick_amount).zip(billionths(self.display_factor));
        let by_tick = worth.and_then(|(amount, factor)| amount.checked_div(factor)?.checked_div(tick_size));
        by_tick.is_none_or(|by_tick| by_tick == units).then_some(units)
    }

    /// The last day, where it is in the contract's month: elsewhere a contract is named by its month.
    fn expiry(&self, contract: &Contract) -> Option<String> {
        let month = contract.expiry.as_deref();
        let nanos = i64::try_from(self.expiration).ok().filter(|_| self.expiration != UNDEF_TIMESTAMP);
        let day =
            nanos.map(|nanos| Timestamp::from_nanos(nanos).to_datetime().with_timezone(&chrono_tz::America::Chicago));
        let day = day.map(|day| format!("{:04}{:02}{:02}", day.year(), day.month(), day.day()));
        day.filter(|day| month.is_some_and(|month| day.starts_with(month))).or(month.map(str::to_owned))
    }
}

/// `None` for what is not told or not positive.
fn billionths(value: i64) -> Option<Decimal> {
    (value > 0 && value != UNDEF_PRICE).then(|| Decimal::new(value, 9).normalize())
}
