//! Lays the layers and the environment over each other. In: texts and variables. Out: one tree, and where each key stands.
//! Absent: what the keys mean.

use config::{ConfigError, Map, Source, Value, ValueKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, Mistakes, one_of};
use super::place::{Newlines, Places, environment};
use super::{Layer, walk};

/// Sections of a configuration: everything else at the top level is a slip.
pub(super) const SECTIONS: [&str; 20] = [
    "actors",
    "allocation",
    "backtest",
    "bars",
    "broker",
    "calendar",
    "control",
    "expected_outages",
    "feeds",
    "gateway",
    "instance",
    "instruments",
    "log",
    "on_disconnect",
    "orders",
    "protection",
    "recording",
    "risk",
    "storage",
    "strategies",
];

const PREFIX: &str = "PITBOSS__";
/// An array index beyond this in a variable's name is a slip, not a wish for that many elements.
const INDEX_MAX: usize = 99;

/// One layer's settings, top level only checked for its names.
#[derive(Clone, Debug)]
struct Settings(Map<String, Value>);

impl Source for Settings {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// All layers in one.
pub(super) struct Merged {
    pub(super) places: Places,
    pub(super) tree: Map<String, Value>,
    /// Those that do not keep the tree from being read.
    pub(super) mistakes: Vec<Mistake>,
}

/// `Err` when a text is not TOML.
pub(super) fn merge(layers: &[Layer], env: &[(String, String)]) -> Result<Merged, Mistakes> {
    let (mut places, mut mistakes, mut not_toml) = (Places::default(), Vec::new(), Vec::new());
    let mut builder = config::Config::builder();
    for layer in layers {
        match DeTable::parse(&layer.text) {
            Ok(table) => {
                places.add_layer(&layer.name, &layer.text, table.get_ref());
                builder = builder.add_source(settings(layer, table.get_ref(), &mut mistakes));
            }
            Err(error) => not_toml.push(syntax(layer, &error)),
        }
    }
    if !not_toml.is_empty() {
        return Err(Mistakes(not_toml));
    }
    let mut variables: Vec<_> = env.iter().collect();
    variables.sort();
    for (name, text) in variables {
        match variable(name, text) {
            Ok(None) => {}
            Ok(Some((key, value))) => {
                places.add_variable(key.clone(), name.clone());
                builder = builder.add_source(Settings(Map::from_iter([(key, value)])));
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    let merged = builder.build().expect("the sources are values that cannot fail");
    let tree = merged.cache.into_table().expect("the root of a configuration is a table");
    Ok(Merged { places, tree, mistakes })
}

fn syntax(layer: &Layer, error: &toml::de::Error) -> Mistake {
    let position = error.span().map(|span| Newlines::of(&layer.text).position(span.start));
    Mistake {
        file: layer.name.clone(),
        line: position.map(|(line, _)| line),
        column: position.map(|(_, column)| column),
        key: String::new(),
        found: format!("a syntax error ({})", error.message().replace('\n', " ")),
        expected: "TOML".to_owned(),
    }
}

fn settings(layer: &Layer, table: &DeTable<'_>, mistakes: &mut Vec<Mistake>) -> Settings {
    let mut settings = Map::new();
    for (key, value) in table {
        // A name at the top level would be parsed as a path by the merging, so only names that are known go there.
        if SECTIONS.contains(&key.get_ref().as_ref()) {
            settings.insert(key.get_ref().to_string(), to_value(value));
        } else {
            mistakes.push(Mistake {
                file: layer.name.clone(),
                line: Some(Newlines::of(&layer.text).position(key.span().start).0),
                column: None,
                key: key.get_ref().to_string(),
                found: "an unknown section".to_owned(),
                expected: one_of(key.get_ref(), SECTIONS),
            });
        }
    }
    Settings(settings)
}

fn to_value(value: &Spanned<DeValue<'_>>) -> Value {
    let kind = match value.get_ref() {
        DeValue::String(text) => ValueKind::String(text.to_string()),
        DeValue::Boolean(yes) => ValueKind::Boolean(*yes),
        DeValue::Datetime(at) => ValueKind::String(at.to_string()),
        // A number too large for any setting is kept as it was written; whoever reads it finds it out of range.
        DeValue::Integer(digits) => i128::from_str_radix(digits.as_str(), digits.radix())
            .map_or_else(|_| ValueKind::String(digits.to_string()), ValueKind::I128),
        DeValue::Float(digits) => {
            digits.as_str().parse().map_or_else(|_| ValueKind::String(digits.to_string()), ValueKind::Float)
        }
        DeValue::Array(elements) => ValueKind::Array(elements.iter().map(to_value).collect()),
        DeValue::Table(table) => {
            ValueKind::Table(table.iter().map(|(key, value)| (key.get_ref().to_string(), to_value(value))).collect())
        }
    };
    Value::new(None, kind)
}

/// A variable's key path and value; `None` if it is not ours.
fn variable(name: &str, text: &str) -> Result<Option<(String, Value)>, Mistake> {
    let mistake = |found: &str, expected: String| Mistake {
        file: environment(name),
        line: None,
        column: None,
        key: String::new(),
        found: found.to_owned(),
        expected,
    };
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return match meant(name) {
            Some(meant) => Err(mistake("a variable that sets nothing", meant)),
            None => Ok(None),
        };
    };
    let mut key = String::new();
    for part in rest.split("__") {
        let part = part.to_ascii_lowercase();
        if let Ok(index) = part.parse::<usize>() {
            if index > INDEX_MAX || key.is_empty() {
                return Err(mistake("an index", format!("a section, or an index from 0 to {INDEX_MAX} after one")));
            }
            key.push_str(&format!("[{index}]"));
        } else if !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            let dot = if key.is_empty() { "" } else { "." };
            key.push_str(&format!("{dot}{part}"));
        } else {
            return Err(mistake("a name that is no key", format!("{PREFIX}SECTION__KEY")));
        }
    }
    let section = key.split(['.', '[']).next().unwrap_or_default();
    if !SECTIONS.contains(&section) {
        return Err(mistake("an unknown section", one_of(section, SECTIONS)));
    }
    Ok(Some((key, Value::new(Some(&walk::FROM_ENVIRONMENT.to_owned()), text))))
}

/// `PITBOSS_RISK_ORDER_SIZE_MAX` would set nothing, and whoever wrote it would not know.
fn meant(name: &str) -> Option<String> {
    let rest = name.strip_prefix("PITBOSS_")?;
    let section = SECTIONS.into_iter().find(|section| {
        rest.strip_prefix(&section.to_ascii_uppercase()).is_some_and(|key| key.starts_with('_') && key.len() > 1)
    })?;
    let key = rest[section.len()..].trim_start_matches('_');
    Some(format!("{PREFIX}{}__{key}", section.to_ascii_uppercase()))
}
