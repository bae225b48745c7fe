//! What is traded and how it is cut into bars. In: sections and contract specifications. Out: instruments, bar lengths.
//! Absent: a default for anything that a price or a profit is computed from, unless the exchange specifies it.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::ContractSpec;
use super::kind::{Kind, list, millis, positive_decimal, text, whole, word};
use super::trading::{DAY_S, TICKS_MAX};
use super::walk::Section;
use crate::config::BarsConfig;
use crate::market::{Instrument, SymbolId};
use crate::trade::Money;

const MINUTE_S: u32 = 60;

/// Notes a name that an earlier element has.
pub(super) fn unique(s: &Section<'_>, key: &str, name: Option<&str>, names: &mut BTreeSet<String>) -> Option<()> {
    match name {
        Some(name) if !names.insert(name.to_owned()) => {
            s.mistake(key, format!("{name:?} a second time"), "a name of its own");
            None
        }
        _ => Some(()),
    }
}

pub(super) fn instruments(root: &Section<'_>, known: &[ContractSpec]) -> Option<Vec<Instrument>> {
    let (mut names, mut contracts) = (BTreeSet::new(), BTreeSet::new());
    let instruments = root.sections("instruments", |s, i| {
        let instrument = instrument(s, i, known)?;
        unique(s, "name", Some(&instrument.name), &mut names)?;
        let contract = (instrument.root.clone(), instrument.expiry.clone(), instrument.exchange.clone());
        if !contracts.insert(contract) {
            s.mistake("root", "a contract that another instrument has", "another root, expiry or exchange");
            return None;
        }
        Some(instrument)
    });
    if instruments.as_ref().is_some_and(Vec::is_empty) {
        root.mistake("instruments", "nothing", "at least one [[instruments]]");
        return None;
    }
    instruments
}

fn instrument(s: &Section<'_>, i: usize, known: &[ContractSpec]) -> Option<Instrument> {
    let name = s.need("name", word("a name"));
    let root = s.or("root", word("a root symbol"), name.clone().unwrap_or_default());
    let spec = root.as_deref().and_then(|root| known.iter().find(|spec| spec.root == root));
    let expiry = s.get("expiry", expiry());
    let exchange = word_of(s, "exchange", "an exchange", spec.map(|spec| spec.exchange.as_str()));
    let currency = word_of(s, "currency", "a currency", spec.map(|spec| spec.currency.as_str()));
    let tick_size = decimal_of(s, "tick_size", "points", spec.map(|spec| spec.tick_size));
    let multiplier = decimal_of(s, "multiplier", "currency units a point", spec.map(|spec| spec.multiplier));
    let (tick_size, multiplier) = (tick_size?, multiplier?);
    if tick_size.checked_mul(multiplier).and_then(Money::from_decimal).is_none() {
        s.mistake("tick_size", format!("{tick_size} x {multiplier}"), "a value of one tick with at most six decimals");
        return None;
    }
    Some(Instrument {
        id: SymbolId(u16::try_from(i).ok()?),
        name: name?,
        root: root?,
        expiry: expiry?,
        exchange: exchange?,
        currency: currency?,
        tick_size,
        multiplier,
    })
}

fn expiry() -> Kind<'static, String> {
    text("a contract month YYYYMM or last trade date YYYYMMDD in quotes; without one it is the front month", |text| {
        let day = if text.len() == 6 { "01" } else { "" };
        matches!(text.len(), 6 | 8)
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.starts_with("20")
            && NaiveDate::parse_from_str(&format!("{text}{day}"), "%Y%m%d").is_ok()
    })
}

/// A text that the contract's specification gives if the configuration does not.
fn word_of(s: &Section<'_>, key: &'static str, what: &str, spec: Option<&str>) -> Option<String> {
    match spec {
        Some(spec) => s.or(key, word(what), spec.to_owned()),
        None => s.need(key, word(what)),
    }
}

/// A number that must be the one of the contract's specification: 5 instead of 50 is ten times the loss.
fn decimal_of(s: &Section<'_>, key: &'static str, unit: &str, spec: Option<Decimal>) -> Option<Decimal> {
    let Some(spec) = spec else {
        return s.need(key, positive_decimal(unit));
    };
    let number = s.or(key, positive_decimal(unit), spec)?;
    if number != spec {
        s.mistake(key, number.to_string(), format!("{} {unit}, as the exchange specifies", spec.normalize()));
        return None;
    }
    Some(number)
}

pub(super) fn bars(root: &Section<'_>) -> Option<BarsConfig> {
    root.section("bars", |s| {
        let divisor = |length: &u32| (1..=DAY_S).contains(length) && DAY_S.is_multiple_of(*length);
        let length = whole(1..=DAY_S, "seconds that divides a day");
        let lengths = Kind::new(length.expected.clone(), move |value| (length.read)(value).filter(divisor));
        let lengths_s = s.or("lengths_s", list(lengths, 1), vec![MINUTE_S]);
        let close_grace = s.or("close_grace_ms", millis(0..=60_000), Duration::from_millis(1_500));
        let revise_within = s.or("revise_within_ms", millis(0..=3_600_000), Duration::from_secs(60));
        let jump_ticks_max = s.or("jump_ticks_max", whole(1..=TICKS_MAX, "ticks"), 400);
        Some(BarsConfig {
            lengths_s: lengths_s?,
            close_grace: close_grace?,
            revise_within: revise_within?,
            jump_ticks_max: jump_ticks_max?,
        })
    })
}
