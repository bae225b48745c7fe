//! What a setting can be: how it is read and how a mistake describes it. In: one value. Out: a typed one, or nothing.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use chrono::DateTime;
use config::{Value, ValueKind};
use rust_decimal::Decimal;

use super::walk::FROM_ENVIRONMENT;
use crate::time::Timestamp;
use crate::trade::{Fraction, Money};

/// A typed value, or nothing if the value is not of the kind.
type Read<'k, T> = Box<dyn Fn(&Value) -> Option<T> + 'k>;

/// How one kind of setting is read.
pub(super) struct Kind<'k, T> {
    /// In words, for the mistake.
    pub(super) expected: String,
    /// A mistake does not show what was found: it may hold a password.
    pub(super) secret: bool,
    pub(super) read: Read<'k, T>,
}

impl<'k, T: 'k> Kind<'k, T> {
    pub(super) fn new(expected: impl Into<String>, read: impl Fn(&Value) -> Option<T> + 'k) -> Self {
        Self { expected: expected.into(), secret: false, read: Box::new(read) }
    }

    pub(super) fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    pub(super) fn map<U: 'k>(self, change: impl Fn(T) -> U + 'k) -> Kind<'k, U> {
        let read = self.read;
        Kind { expected: self.expected, secret: self.secret, read: Box::new(move |value| read(value).map(&change)) }
    }
}

/// A whole number of `unit` in a range that fits `T`.
pub(super) fn whole<T>(range: RangeInclusive<T>, unit: &str) -> Kind<'static, T>
where
    T: TryFrom<i128> + PartialOrd + std::fmt::Display + 'static,
{
    let expected = format!("a whole number from {} to {}{}", range.start(), range.end(), spaced(unit));
    Kind::new(expected, move |value| T::try_from(integer(value)?).ok().filter(|number| range.contains(number)))
}

/// A time in milliseconds.
pub(super) fn millis(range: RangeInclusive<u64>) -> Kind<'static, Duration> {
    whole(range, "milliseconds").map(Duration::from_millis)
}

/// An exact decimal number, written as a number or as a text; more than zero.
pub(super) fn positive_decimal(unit: &str) -> Kind<'static, Decimal> {
    let expected = format!("a number greater than zero{}", spaced(unit));
    Kind::new(expected, |value| decimal(value).filter(|number| *number > Decimal::ZERO).map(|d| d.normalize()))
}

/// An amount of account currency with at most six decimals.
pub(super) fn money(range: RangeInclusive<i64>, unit: &str) -> Kind<'static, Money> {
    let expected =
        format!("an amount from {} to {}{} with at most six decimals", range.start(), range.end(), spaced(unit));
    let (least, most) = (Decimal::from(*range.start()), Decimal::from(*range.end()));
    Kind::new(expected, move |value| {
        decimal(value).filter(|amount| (least..=most).contains(amount)).and_then(Money::from_decimal)
    })
}

/// A part of a whole, more than nothing, at most all, with at most six decimals.
pub(super) fn fraction() -> Kind<'static, Fraction> {
    Kind::new("a number of more than 0 and up to 1 with at most six decimals", |value| {
        decimal(value).and_then(Fraction::from_decimal).filter(|part| *part > Fraction::from_ppm(0))
    })
}

pub(super) fn boolean() -> Kind<'static, bool> {
    Kind::new("true or false", |value| match &value.kind {
        ValueKind::Boolean(yes) => Some(*yes),
        ValueKind::String(text) if from_environment(value) => text.parse().ok(),
        _ => None,
    })
}

/// A text that `good` accepts.
pub(super) fn text<'k>(expected: &str, good: impl Fn(&str) -> bool + 'k) -> Kind<'k, String> {
    Kind::new(expected, move |value| string(value).filter(|text| good(text)).map(str::to_owned))
}

/// One of some words, each with what it stands for.
pub(super) fn choice<T: Copy + 'static, const N: usize>(choices: [(&'static str, T); N]) -> Kind<'static, T> {
    let expected = choices.map(|(name, _)| format!("{name:?}")).join(" or ");
    let names = choices.map(|(name, _)| name);
    text(&expected, move |text| names.contains(&text))
        .map(move |text| choices.iter().find(|(name, _)| *name == text).expect("the name was checked").1)
}

/// A name for logs, tables and order references: `a-z 0-9 _ -`.
pub(super) fn name(chars_max: usize) -> Kind<'static, String> {
    text(&format!("a name of 1 to {chars_max} of a-z 0-9 _ -"), move |text| {
        (1..=chars_max).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
    })
}

/// A symbol, exchange, currency or account as the broker writes it.
pub(super) fn word(what: &str) -> Kind<'static, String> {
    text(&format!("{what}, 1 to 32 letters, digits, dots or dashes"), |text| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_' || b == b'-')
    })
}

pub(super) fn path() -> Kind<'static, PathBuf> {
    text("a path", |text| !text.is_empty() && !text.contains('\0')).map(PathBuf::from)
}

/// An address and a port; `localhost` stands for 127.0.0.1, other names are not looked up.
pub(super) fn address(expected: &str) -> Kind<'static, SocketAddr> {
    Kind::new(expected, |value| {
        let text = string(value)?;
        match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}").parse().ok(),
            None => text.parse().ok(),
        }
    })
}

pub(super) fn instant() -> Kind<'static, Timestamp> {
    Kind::new("an instant with its zone, such as 2024-06-12T13:25:00Z, of the years 1970 to 2200", |value| {
        let at = DateTime::parse_from_rfc3339(string(value)?).ok()?.to_utc();
        let years = Timestamp::from_secs(0)..Timestamp::from_secs(7_258_118_400);
        Some(Timestamp::from(at)).filter(|at| years.contains(at))
    })
}

/// A list of `of`, at least `least` long and without repetition; the environment writes it with commas.
pub(super) fn list<'k, T: Ord + Clone + 'k>(of: Kind<'k, T>, least: usize) -> Kind<'k, Vec<T>> {
    let at_least = if least > 0 { format!(", at least {least}") } else { String::new() };
    let expected = format!("a list of different elements{at_least}, each {}", of.expected);
    Kind::new(expected, move |value| {
        let elements = elements(value)?;
        let read: Vec<T> = elements.iter().map(|element| (of.read)(element)).collect::<Option<_>>()?;
        let different = read.iter().collect::<BTreeSet<_>>().len() == read.len();
        (different && read.len() >= least).then_some(read)
    })
}

fn elements(value: &Value) -> Option<Vec<Value>> {
    match &value.kind {
        ValueKind::Array(elements) => Some(elements.clone()),
        ValueKind::String(text) if from_environment(value) => {
            let origin = FROM_ENVIRONMENT.to_owned();
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Some(parts.map(|part| Value::new(Some(&origin), part)).collect())
        }
        _ => None,
    }
}

fn from_environment(value: &Value) -> bool {
    value.origin() == Some(FROM_ENVIRONMENT)
}

fn integer(value: &Value) -> Option<i128> {
    match &value.kind {
        ValueKind::I64(number) => Some(i128::from(*number)),
        ValueKind::I128(number) => Some(*number),
        ValueKind::U64(number) => Some(i128::from(*number)),
        ValueKind::U128(number) => i128::try_from(*number).ok(),
        ValueKind::String(text) if from_environment(value) => text.parse().ok(),
        _ => None,
    }
}

/// A binary float is taken as the shortest decimal that stands for it: what the person wrote.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    match &value.kind {
        ValueKind::Float(number) => Decimal::from_str(&number.to_string()).ok(),
        ValueKind::String(text) => Decimal::from_str_exact(text).ok(),
        _ => integer(value).and_then(|number| Decimal::try_from_i128_with_scale(number, 0).ok()),
    }
}

pub(super) fn string(value: &Value) -> Option<&str> {
    match &value.kind {
        ValueKind::String(text) => Some(text),
        _ => None,
    }
}

fn spaced(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" {unit}") }
}

const SHOWN_CHARS_MAX: usize = 60;

/// A value as the configuration writes it, shortened.
pub(super) fn shown(value: &Value) -> String {
    match &value.kind {
        ValueKind::Nil => "nothing".to_owned(),
        ValueKind::String(text) => {
            let short: String = text.chars().take(SHOWN_CHARS_MAX).collect();
            let dots = if short.len() < text.len() { "..." } else { "" };
            format!("{short:?}{dots}")
        }
        ValueKind::Table(_) => "a section".to_owned(),
        ValueKind::Array(elements) => {
            let shown: Vec<String> = elements.iter().take(8).map(shown).collect();
            let dots = if shown.len() < elements.len() { ", ..." } else { "" };
            format!("[{}{dots}]", shown.join(", "))
        }
        ValueKind::Float(number) => format!("{number:?}"),
        ValueKind::Boolean(yes) => yes.to_string(),
        ValueKind::I64(number) => number.to_string(),
        ValueKind::I128(number) => number.to_string(),
        ValueKind::U64(number) => number.to_string(),
        ValueKind::U128(number) => number.to_string(),
    }
}
