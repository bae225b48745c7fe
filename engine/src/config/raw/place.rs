//! Where each key stands: key paths of every layer with their lines. Absent: values.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A layer's keys with the line, counted from one, on which each stands.
#[derive(Debug, Default)]
struct Lines {
    name: String,
    of_key: BTreeMap<String, u32>,
}

/// Key paths of all layers, weakest first, and of the environment.
#[derive(Debug, Default)]
pub(super) struct Places {
    layers: Vec<Lines>,
    /// Variable by key path.
    env: BTreeMap<String, String>,
}

impl Places {
    pub(super) fn add_layer(&mut self, name: &str, text: &str, table: &DeTable<'_>) {
        let mut lines = Lines { name: name.to_owned(), of_key: BTreeMap::new() };
        add_table("", table, &Newlines::of(text), &mut lines.of_key);
        self.layers.push(lines);
    }

    pub(super) fn add_variable(&mut self, key: String, variable: String) {
        self.env.insert(key, variable);
    }

    /// The layer that has the last word on `key`; for a key that nobody set, the one that has its section.
    pub(super) fn of(&self, key: &str) -> (String, Option<u32>) {
        if let Some(variable) = self.env.get(key) {
            return (environment(variable), None);
        }
        let mut wanted = Some(key);
        while let Some(path) = wanted {
            let found = self.layers.iter().rev().find_map(|layer| Some((layer.name.clone(), *layer.of_key.get(path)?)));
            if let Some((name, line)) = found {
                return (name, Some(line));
            }
            wanted = parent(path);
        }
        let name = self.layers.last().map_or("environment", |layer| &layer.name);
        (name.to_owned(), None)
    }

    /// Order in which mistakes of `file` are shown: the strongest layer first.
    pub(super) fn rank(&self, file: &str) -> usize {
        self.layers.iter().rev().position(|layer| layer.name == file).map_or(0, |position| position + 1)
    }
}

/// How a mistake names a variable.
pub(super) fn environment(variable: &str) -> String {
    format!("environment {variable}")
}

/// `strategies[0].params.fast` -> `strategies[0].params` -> `strategies[0]` -> `strategies`.
fn parent(path: &str) -> Option<&str> {
    path.rfind(['.', '[']).map(|cut| &path[..cut])
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Byte offsets of line starts, so that a line is found by binary search.
pub(super) struct Newlines(Vec<usize>);

impl Newlines {
    pub(super) fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    /// Line and column, in bytes, of an offset; both counted from one.
    pub(super) fn position(&self, at: usize) -> (u32, u32) {
        let line = self.0.partition_point(|newline| *newline < at);
        let start = line.checked_sub(1).map_or(0, |before| self.0[before] + 1);
        (line as u32 + 1, (at - start) as u32 + 1)
    }
}

fn add_table(path: &str, table: &DeTable<'_>, newlines: &Newlines, lines: &mut BTreeMap<String, u32>) {
    for (key, value) in table {
        let path = join(path, key.get_ref());
        lines.insert(path.clone(), newlines.position(key.span().start).0);
        add_value(&path, value, newlines, lines);
    }
}

fn add_value(path: &str, value: &Spanned<DeValue<'_>>, newlines: &Newlines, lines: &mut BTreeMap<String, u32>) {
    match value.get_ref() {
        DeValue::Table(table) => add_table(path, table, newlines, lines),
        DeValue::Array(array) => {
            for (i, element) in array.iter().enumerate() {
                let path = format!("{path}[{i}]");
                lines.insert(path.clone(), newlines.position(element.span().start).0);
                add_value(&path, element, newlines, lines);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_tables_arrays_and_inline_tables_have_their_lines() {
        let text = "a = 1\n[b]\nc = [1,\n 2]\n[[d]]\ne = { f = 3 }\n[[d]]\ng.h = 4\n";
        let mut places = Places::default();
        places.add_layer("x.toml", text, DeTable::parse(text).expect("valid").get_ref());
        let line = |key: &str| places.of(key).1;
        assert_eq!(line("a"), Some(1));
        assert_eq!(line("b.c"), Some(3));
        assert_eq!(line("b.c[1]"), Some(4));
        assert_eq!(line("d[0].e.f"), Some(6));
        assert_eq!(line("d[1].g.h"), Some(8));
        assert_eq!(line("d[1].missing"), Some(7), "a missing key is reported where its section begins");
        assert_eq!(line("nothing.of.this"), None);
    }

    #[test]
    fn positions_count_from_one() {
        let newlines = Newlines::of("ab\n\ncd");
        assert_eq!([0, 2, 3, 4, 5].map(|at| newlines.position(at)), [(1, 1), (1, 3), (2, 1), (3, 1), (3, 2)]);
    }
}
