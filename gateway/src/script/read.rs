//! Reads a script. In: TOML. Out: entries, or all mistakes, each with file, line, key and what was expected.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value as Json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{EVENTS, Entry, Event, Script, When};
use crate::faults::Fault;
use crate::faults::span;
use crate::faults::spec::Mistake;

/// One mistake and where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptMistake {
    /// From 1.
    pub line: usize,
    pub key: String,
    /// What was found and what was expected.
    pub text: String,
}

/// All mistakes of a script.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct ScriptError {
    pub name: String,
    pub mistakes: Vec<ScriptMistake>,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, ScriptMistake { line, key, text }) in self.mistakes.iter().enumerate() {
            let end = if at > 0 { "\n" } else { "" };
            write!(f, "{end}{}:{line}: {key}: {text}", self.name)?;
        }
        Ok(())
    }
}

struct Reader<'a> {
    text: &'a str,
    mistakes: Vec<ScriptMistake>,
}

pub fn parse(name: &str, text: &str) -> Result<Script, ScriptError> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { text, mistakes: Vec::new() };
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        reader.mistake(at, "TOML", format!("{}, expected [[at]] tables of TOML", error.message()));
    }
    let mut entries = Vec::new();
    // What could be read of broken TOML would only add mistakes that are none.
    if reader.mistakes.is_empty() {
        for (key, value) in document.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("at", DeValue::Array(tables)) => {
                    entries.extend(tables.iter().filter_map(|table| reader.entry(table)));
                }
                ("at", _) => reader.mistake(value.span().start, "at", "expected [[at]] tables".to_owned()),
                (other, _) => {
                    reader.mistake(key.span().start, other, "no such key, expected [[at]] tables".to_owned());
                }
            }
        }
    }
    reader.mistakes.sort_by_key(|mistake| mistake.line);
    match reader.mistakes.is_empty() {
        true => Ok(Script { entries }),
        false => Err(ScriptError { name: name.to_owned(), mistakes: reader.mistakes }),
    }
}

/// Keys of an entry with the place of each.
struct Keys {
    values: Map<String, Json>,
    places: Vec<(String, usize)>,
    start: usize,
}

impl Keys {
    fn place(&self, key: &str) -> usize {
        self.places.iter().find(|(known, _)| known == key).map_or(self.start, |(_, at)| *at)
    }
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn mistake(&mut self, at: usize, key: &str, text: String) {
        let line = self.line(at);
        self.mistakes.push(ScriptMistake { line, key: key.to_owned(), text });
    }

    fn add(&mut self, keys: &Keys, mistake: &Mistake) {
        let text = format!("{}, expected {}", mistake.found, mistake.expected);
        self.mistake(keys.place(&mistake.key), &mistake.key, text);
    }

    fn entry(&mut self, table: &Spanned<DeValue<'_>>) -> Option<Entry> {
        let DeValue::Table(fields) = table.get_ref() else {
            self.mistake(table.span().start, "at", "expected [[at]] tables".to_owned());
            return None;
        };
        let start = table.span().start;
        let mut keys = Keys { values: Map::new(), places: Vec::new(), start };
        for (key, value) in fields {
            keys.places.push((key.get_ref().to_string(), key.span().start));
            keys.values.insert(key.get_ref().to_string(), json(value.get_ref()));
        }
        let when = self.when(&mut keys);
        let fault = Fault::read(keys.values.clone(), "fault");
        let call = match fault.map(|fault| fault.check()) {
            Ok(Ok(call)) => Some(call),
            // Reading has checked it already, so this says nothing new.
            Ok(Err(_)) => None,
            Err(mistakes) => {
                mistakes.iter().for_each(|mistake| self.add(&keys, mistake));
                None
            }
        };
        Some(Entry { line: self.line(start), when: when?, call: call? })
    }

    fn when(&mut self, keys: &mut Keys) -> Option<When> {
        let [time, after, before, delay] = ["time", "after", "before", "delay"].map(|key| keys.values.remove(key));
        let delayed = self.delay(keys, delay, after.is_some());
        let of = self.of(keys, after.is_some() || before.is_some());
        match (time, after, before) {
            (Some(time), None, None) => self.time(keys, &time),
            (None, Some(event), None) => self.event(keys, "after", &event, (of?, delayed?)),
            (None, None, Some(event)) => self.event(keys, "before", &event, (of?, Duration::ZERO)),
            (None, None, None) => {
                let text = "it is not said when, expected time, after or before".to_owned();
                self.mistake(keys.start, "at", text);
                None
            }
            _ => {
                let text = "time, after and before exclude each other, expected one of them".to_owned();
                self.mistake(keys.start, "at", text);
                None
            }
        }
    }

    fn time(&mut self, keys: &Keys, given: &Json) -> Option<When> {
        let span = given.as_str().and_then(span::parse);
        if span.is_none() {
            let text = format!("{given}, expected market time since the start like \"00:01:30\" or \"90s\"");
            self.mistake(keys.place("time"), "time", text);
        }
        span.map(When::Time)
    }

    fn delay(&mut self, keys: &Keys, given: Option<Json>, with_event: bool) -> Option<Duration> {
        let Some(given) = given else { return Some(Duration::ZERO) };
        let span = given.as_str().and_then(span::parse);
        match (span, with_event) {
            (Some(span), true) => return Some(span),
            (_, false) => self.mistake(keys.place("delay"), "delay", "expected only together with after".to_owned()),
            (None, true) => {
                let text = format!("{given}, expected a span like \"20s\", \"250ms\" or \"00:01:30\"");
                self.mistake(keys.place("delay"), "delay", text);
            }
        }
        None
    }

    /// The client whose events count; `None` is a mistake.
    fn of(&mut self, keys: &mut Keys, with_event: bool) -> Option<Option<i32>> {
        let Some(given) = keys.values.remove("of") else { return Some(None) };
        let number = given.as_i64().and_then(|number| i32::try_from(number).ok()).filter(|number| *number >= 0);
        if number.is_none() || !with_event {
            let text = format!("{given}, expected a client id from 0, together with after or before");
            self.mistake(keys.place("of"), "of", text);
            return None;
        }
        Some(number)
    }

    fn event(&mut self, keys: &Keys, key: &str, given: &Json, (of, delay): (Option<i32>, Duration)) -> Option<When> {
        let read = given.as_str().and_then(read_event);
        let before = key == "before";
        let Some((event, nth)) = read else {
            let names = EVENTS.map(|(name, _)| name).join(", ");
            let text = format!("{given}, expected \"first-EVENT\" or \"nth-EVENT:N\", where EVENT is one of {names}");
            self.mistake(keys.place(key), key, text);
            return None;
        };
        if before && !matches!(event, Event::Order | Event::Cancel | Event::Subscription) {
            let text = format!("{given}, expected an order, a cancel or a subscription: nothing announces the others");
            self.mistake(keys.place(key), key, text);
            return None;
        }
        Some(When::Event { event, nth, of, before, delay })
    }
}

/// `first-fill`, `fill`, `nth-order:3`.
fn read_event(text: &str) -> Option<(Event, u32)> {
    let (name, nth) = match text.strip_prefix("nth-") {
        Some(rest) => {
            let (name, nth) = rest.split_once(':')?;
            (name, nth.parse().ok().filter(|nth| *nth > 0)?)
        }
        None => (text.strip_prefix("first-").unwrap_or(text), 1),
    };
    EVENTS.iter().find(|(known, _)| *known == name).map(|(_, event)| (*event, nth))
}

fn json(value: &DeValue<'_>) -> Json {
    match value {
        DeValue::String(text) => Json::from(text.as_ref()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).map_or(Json::Null, Json::from),
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Json::Null, Json::from),
        DeValue::Boolean(flag) => Json::from(*flag),
        // A time without quotes is meant as the text it looks like.
        DeValue::Datetime(at) => Json::from(at.to_string()),
        DeValue::Array(values) => values.iter().map(|value| json(value.get_ref())).collect(),
        DeValue::Table(fields) => {
            fields.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref()))).collect()
        }
    }
}
