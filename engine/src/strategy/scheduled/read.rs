//! The plan out of a table, with every mistake in it. In: `params` of the strategy. Out: the strategy.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use toml::{Table, Value};

use super::{Act, Offset, Planned, Priced, Scheduled, When};
use crate::strategy::registry::ParamMistake;
use crate::trade::{Side, TimeInForce};

const QUANTITY_MAX: i64 = 100_000;

pub(super) fn read(table: &Table) -> Result<Scheduled, Vec<ParamMistake>> {
    let mut root = Keys::of(table, "");
    let zone = root.or("zone", "a time zone such as America/New_York", chrono_tz::America::New_York, zone);
    let lines = match table.get("orders") {
        Some(Value::Array(lines)) if !lines.is_empty() => lines.as_slice(),
        found => {
            let found = found.map_or("nothing".to_owned(), Value::to_string);
            root.wrong("orders", found, "at least one section [[strategies.params.orders]]");
            &[]
        }
    };
    root.seen.insert("orders");
    let mut orders = Vec::new();
    let mut mistakes = root.end();
    for (n, line) in lines.iter().enumerate() {
        let empty = Table::new();
        let mut keys = Keys::of(line.as_table().unwrap_or(&empty), &format!("orders[{n}]."));
        let order = planned(&mut keys, n);
        let wrong = keys.end();
        if wrong.is_empty() {
            orders.extend(order);
        }
        mistakes.extend(wrong);
    }
    match zone {
        Some(zone) if mistakes.is_empty() => Ok(Scheduled { zone, orders }),
        _ => Err(mistakes),
    }
}

fn planned(keys: &mut Keys<'_>, n: usize) -> Option<Planned> {
    let at = keys.need("at", "a local time of day such as \"19:00\"", time);
    let dates = keys.or("dates", "a list of dates such as \"2013-10-07\"", Vec::new(), |v| list(v, date));
    let weekdays = keys.or("weekdays", "a list of mon, tue, wed, thu, fri, sat, sun", Vec::new(), |v| list(v, weekday));
    let from = keys.or("from", "a date such as \"2013-10-07\"", None, |v| date(v).map(Some));
    let to = keys.or("to", "a date such as \"2013-10-07\"", None, |v| date(v).map(Some));
    let when = keys.or("when", "always, flat, long or short", When::Always, when);
    let act = act(keys);
    let name = keys.or("name", "a text", format!("order {} of the plan", n + 1), |v| v.as_str().map(str::to_owned));
    Some(Planned {
        at: at?,
        dates: dates?,
        weekdays: weekdays?,
        from: from?,
        to: to?,
        when: when?,
        act: act?,
        name: name?,
    })
}

fn act(keys: &mut Keys<'_>) -> Option<Act> {
    let word = keys.need("do", "buy, sell, exit or cancel", |v| {
        v.as_str().filter(|word| ["buy", "sell", "exit", "cancel"].contains(word)).map(str::to_owned)
    });
    // Of a wrong word the rest is still read, so that its keys are not called unknown.
    let side = match word.as_deref() {
        Some("exit") => return Some(Act::Exit),
        Some("cancel") => return Some(Act::Cancel),
        Some("buy") => Some(Side::Buy),
        Some(_) => Some(Side::Sell),
        None => None,
    };
    let quantity = keys.or("quantity", "contracts from 1 to 100000", 1, |v| {
        v.as_integer().filter(|n| (1..=QUANTITY_MAX).contains(n)).and_then(|n| u32::try_from(n).ok())
    });
    let tif = keys.or("tif", "day or gtc", TimeInForce::GoodTillCancelled, |v| match v.as_str()? {
        "day" => Some(TimeInForce::Day),
        "gtc" => Some(TimeInForce::GoodTillCancelled),
        _ => None,
    });
    let kind = priced(keys);
    Some(Act::Order { side: side?, quantity: quantity?, kind: kind?, tif: tif? })
}

const PRICE: &str =
    "a price: { points = \"1650.25\" }, { ticks = -8 } or { percent = 110 }, the last two of the newest close";

fn priced(keys: &mut Keys<'_>) -> Option<Priced> {
    let word = keys.or("kind", "market, limit, stop or stop_limit", "market".to_owned(), |v| {
        v.as_str().filter(|word| ["market", "limit", "stop", "stop_limit"].contains(word)).map(str::to_owned)
    })?;
    match word.as_str() {
        "market" => Some(Priced::Market),
        "limit" => keys.need("limit", PRICE, offset).map(Priced::Limit),
        "stop" => keys.need("stop", PRICE, offset).map(Priced::Stop),
        _ => {
            let (stop, limit) = (keys.need("stop", PRICE, offset), keys.need("limit", PRICE, offset));
            Some(Priced::StopLimit { stop: stop?, limit: limit? })
        }
    }
}

fn offset(value: &Value) -> Option<Offset> {
    let table = value.as_table().filter(|table| table.len() == 1)?;
    let (key, value) = table.iter().next()?;
    match key.as_str() {
        "points" => decimal(value).map(Offset::Points),
        "percent" => decimal(value).filter(|percent| *percent > Decimal::ZERO).map(Offset::Percent),
        "ticks" => i32::try_from(value.as_integer()?).ok().map(Offset::Ticks),
        _ => None,
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => Some(Decimal::from(*number)),
        // The shortest text that stands for the float is what the person wrote.
        Value::Float(number) => Decimal::from_str(&number.to_string()).ok(),
        Value::String(text) => Decimal::from_str_exact(text).ok(),
        _ => None,
    }
}

fn time(value: &Value) -> Option<NaiveTime> {
    let text = value.as_str()?;
    NaiveTime::parse_from_str(text, "%H:%M").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S")).ok()
}

fn date(value: &Value) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(value.as_str()?, "%Y-%m-%d").ok()
}

fn weekday(value: &Value) -> Option<Weekday> {
    value.as_str()?.parse().ok()
}

fn zone(value: &Value) -> Option<Tz> {
    value.as_str()?.parse().ok()
}

fn when(value: &Value) -> Option<When> {
    Some(match value.as_str()? {
        "always" => When::Always,
        "flat" => When::Flat,
        "long" => When::Long,
        "short" => When::Short,
        _ => return None,
    })
}

fn list<T>(value: &Value, of: fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(of).collect()
}

/// The keys of one table; those that nobody asks for are mistakes.
struct Keys<'a> {
    table: &'a Table,
    prefix: String,
    seen: BTreeSet<&'static str>,
    mistakes: Vec<ParamMistake>,
}

impl<'a> Keys<'a> {
    fn of(table: &'a Table, prefix: &str) -> Self {
        Self { table, prefix: prefix.to_owned(), seen: BTreeSet::new(), mistakes: Vec::new() }
    }

    fn wrong(&mut self, key: &str, found: impl Into<String>, expected: &str) {
        let key = format!("{}{key}", self.prefix);
        self.mistakes.push(ParamMistake { key, found: found.into(), expected: expected.to_owned() });
    }

    fn need<T>(&mut self, key: &'static str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        if !self.table.contains_key(key) {
            self.seen.insert(key);
            self.wrong(key, "nothing", expected);
            return None;
        }
        self.take(key, expected, read)
    }

    fn or<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        default: T,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        if !self.table.contains_key(key) {
            self.seen.insert(key);
            return Some(default);
        }
        self.take(key, expected, read)
    }

    fn take<T>(&mut self, key: &'static str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        self.seen.insert(key);
        let value = self.table.get(key)?;
        let read = read(value);
        if read.is_none() {
            self.wrong(key, value.to_string(), expected);
        }
        read
    }

    fn end(mut self) -> Vec<ParamMistake> {
        let unknown: Vec<&String> = self.table.keys().filter(|key| !self.seen.contains(key.as_str())).collect();
        let known = self.seen.iter().copied().collect::<Vec<_>>().join(", ");
        for key in unknown {
            self.wrong(key, "an unknown key", &format!("one of {known}"));
        }
        self.mistakes
    }
}
