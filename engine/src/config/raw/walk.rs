//! Walks the merged tree section by section and collects every mistake on the way.
//! In: values. Out: typed values, or `None` with a mistake noted. Absent: which sections there are.

use std::cell::RefCell;
use std::collections::BTreeSet;

use config::{Map, Value, ValueKind};

use super::kind::{Kind, shown};
use super::mistake::{Mistake, one_of};
use super::place::{Places, join};

/// Origin of values that the environment set: they are texts, whatever they mean.
pub(super) const FROM_ENVIRONMENT: &str = "environment";

/// More sections of one name than this are a slip of whoever generated them.
const SECTIONS_MAX: usize = 1_000;

pub(super) struct Walk<'a> {
    places: &'a Places,
    mistakes: RefCell<Vec<Mistake>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(places: &'a Places, mistakes: Vec<Mistake>) -> Self {
        Self { places, mistakes: RefCell::new(mistakes) }
    }

    pub(super) fn root<T>(&self, tree: &Map<String, Value>, read: impl FnOnce(&Section<'_>) -> T) -> T {
        Section::walk(self, String::new(), Some(tree), read)
    }

    pub(super) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes.into_inner()
    }

    pub(super) fn report(&self, key: &str, found: impl Into<String>, expected: impl Into<String>) {
        let (file, line) = self.places.of(key);
        self.mistakes.borrow_mut().push(Mistake {
            file,
            line,
            column: None,
            key: key.to_owned(),
            found: found.into(),
            expected: expected.into(),
        });
    }
}

/// A table of settings. Every key that is asked for is known; what nobody asked for is a mistake.
pub(super) struct Section<'a> {
    walk: &'a Walk<'a>,
    path: String,
    /// `None` when the section is absent: every key of it is missing.
    table: Option<&'a Map<String, Value>>,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Section<'a> {
    fn walk<T>(
        walk: &Walk<'_>,
        path: String,
        table: Option<&Map<String, Value>>,
        read: impl FnOnce(&Section<'_>) -> T,
    ) -> T {
        let section = Section { walk, path, table, known: RefCell::default() };
        let result = read(&section);
        section.report_unknown();
        result
    }

    fn report_unknown(&self) {
        let known = self.known.borrow();
        for key in self.table.into_iter().flat_map(Map::keys).filter(|key| !known.contains(key.as_str())) {
            self.mistake(key, "an unknown key", one_of(key, known.iter().copied()));
        }
    }

    pub(super) fn mistake(&self, key: &str, found: impl Into<String>, expected: impl Into<String>) {
        self.walk.report(&join(&self.path, key), found, expected);
    }

    fn value(&self, key: &'static str) -> Option<&'a Value> {
        self.known.borrow_mut().insert(key);
        self.table?.get(key)
    }

    pub(super) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// Whether a key that may be one section is a list of them.
    pub(super) fn is_list(&self, key: &'static str) -> bool {
        matches!(self.value(key).map(|value| &value.kind), Some(ValueKind::Array(_)))
    }

    /// A setting that must be there.
    pub(super) fn need<T>(&self, key: &'static str, kind: Kind<'_, T>) -> Option<T> {
        if self.value(key).is_none() {
            self.mistake(key, "nothing", kind.expected);
            return None;
        }
        self.get(key, kind).flatten()
    }

    /// A setting that may be left out: `Some(None)` if it is absent, `None` if it is there and wrong.
    pub(super) fn get<T>(&self, key: &'static str, kind: Kind<'_, T>) -> Option<Option<T>> {
        let Some(value) = self.value(key) else {
            return Some(None);
        };
        let read = (kind.read)(value);
        if read.is_none() {
            let found = if kind.secret { "a text that is not shown".to_owned() } else { shown(value) };
            self.mistake(key, found, kind.expected);
        }
        read.map(Some)
    }

    /// A setting with a documented default.
    pub(super) fn or<T>(&self, key: &'static str, kind: Kind<'_, T>, default: T) -> Option<T> {
        self.get(key, kind).map(|value| value.unwrap_or(default))
    }

    /// A section inside this one; every key of it is missing if it is absent.
    pub(super) fn section<T>(&self, key: &'static str, read: impl FnOnce(&Section<'_>) -> T) -> T {
        let path = join(&self.path, key);
        match self.value(key).map(|value| &value.kind) {
            None => Section::walk(self.walk, path, None, read),
            Some(ValueKind::Table(table)) => Section::walk(self.walk, path, Some(table), read),
            Some(_) => {
                // One mistake says it; the missing keys of a section that is no section would only repeat it.
                let value = self.value(key).expect("matched above");
                self.mistake(key, shown(value), format!("a section [{path}]"));
                let quiet = Walk::new(self.walk.places, Vec::new());
                Section::walk(&quiet, path, None, read)
            }
        }
    }

    /// A list of sections, `[[key]]`. Absent is empty. `None` if an element is wrong.
    pub(super) fn sections<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&Section<'_>, usize) -> Option<T>,
    ) -> Option<Vec<T>> {
        let path = join(&self.path, key);
        let Some(value) = self.value(key) else {
            return Some(Vec::new());
        };
        let ValueKind::Array(elements) = &value.kind else {
            self.mistake(key, shown(value), format!("sections [[{path}]]"));
            return None;
        };
        if elements.len() > SECTIONS_MAX {
            self.mistake(key, format!("{} sections", elements.len()), format!("at most {SECTIONS_MAX}"));
            return None;
        }
        let mut all = Some(Vec::new());
        for (i, element) in elements.iter().enumerate() {
            let path = format!("{path}[{i}]");
            let read = match &element.kind {
                ValueKind::Table(table) => Section::walk(self.walk, path, Some(table), |section| read(section, i)),
                _ => {
                    self.walk.report(&path, shown(element), format!("a section [[{key}]]"));
                    None
                }
            };
            match (read, &mut all) {
                (Some(element), Some(all)) => all.push(element),
                _ => all = None,
            }
        }
        all
    }

    /// A section whose keys are not known here.
    pub(super) fn free_table(&self, key: &'static str) -> Option<toml::Table> {
        match self.value(key).map(|value| &value.kind) {
            None => Some(toml::Table::new()),
            Some(ValueKind::Table(table)) => {
                Some(table.iter().map(|(name, value)| (name.clone(), to_toml(value))).collect())
            }
            Some(_) => {
                let value = self.value(key).expect("matched above");
                self.mistake(key, shown(value), format!("a section [{}]", join(&self.path, key)));
                None
            }
        }
    }
}

/// A value whose type only its reader knows. What the environment set is a number or a boolean if it looks like one.
fn to_toml(value: &Value) -> toml::Value {
    match &value.kind {
        ValueKind::Nil => toml::Value::String(String::new()),
        ValueKind::Boolean(yes) => toml::Value::Boolean(*yes),
        ValueKind::I64(number) => toml::Value::Integer(*number),
        ValueKind::I128(number) => integer(*number),
        ValueKind::U64(number) => integer(i128::from(*number)),
        ValueKind::U128(number) => i128::try_from(*number).map_or(toml::Value::Float(f64::INFINITY), integer),
        ValueKind::Float(number) => toml::Value::Float(*number),
        ValueKind::String(text) if value.origin() == Some(FROM_ENVIRONMENT) => guessed(text),
        ValueKind::String(text) => toml::Value::String(text.clone()),
        ValueKind::Table(table) => {
            toml::Value::Table(table.iter().map(|(name, value)| (name.clone(), to_toml(value))).collect())
        }
        ValueKind::Array(elements) => toml::Value::Array(elements.iter().map(to_toml).collect()),
    }
}

/// A number beyond 64 bits becomes a float, which is no whole number to whoever checks the parameter.
fn integer(number: i128) -> toml::Value {
    i64::try_from(number).map_or(toml::Value::Float(number as f64), toml::Value::Integer)
}

fn guessed(text: &str) -> toml::Value {
    if let Ok(number) = text.parse() {
        toml::Value::Integer(number)
    } else if let Some(number) = text.parse().ok().filter(|number: &f64| number.is_finite()) {
        toml::Value::Float(number)
    } else if let Ok(yes) = text.parse() {
        toml::Value::Boolean(yes)
    } else {
        toml::Value::String(text.to_owned())
    }
}
