//! What is wrong with a configuration, in the words of the person who wrote it.

use std::fmt;

use super::place::Places;

/// One mistake: where, what was found, what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The layer's name, or `environment` and the variable.
    pub file: String,
    /// Counted from one; `None` when the layer has no such place (something is missing, or the environment set it).
    pub line: Option<u32>,
    /// Counted from one; only where the text is not TOML.
    pub column: Option<u32>,
    /// `risk.order_size_max`, `strategies[1].bar_s`; empty where the text is not TOML.
    pub key: String,
    pub found: String,
    pub expected: String,
}

impl fmt::Display for Mistake {
    /// One line: `config/live.toml:12: risk.order_size_max: found 0; expected 1 to 1000 contracts`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for position in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{position}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": found {}; expected {}", self.found, self.expected)
    }
}

/// Every mistake of a configuration, never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    /// In the order in which a person meets them: layer by layer from the strongest, line by line.
    pub(super) fn sorted(mut mistakes: Vec<Mistake>, places: &Places) -> Self {
        mistakes.sort_by_cached_key(|m| (places.rank(&m.file), m.line.unwrap_or(u32::MAX), m.key.clone()));
        mistakes.dedup();
        Self(mistakes)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

/// The most similar of `names`, if it is similar enough to be a slip of the finger.
pub(super) fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let near_enough = (name.chars().count() / 3).max(2);
    names
        .into_iter()
        .map(|known| (distance(name, known), known))
        .filter(|(distance, _)| *distance <= near_enough)
        .min()
        .map(|(_, known)| known)
}

/// `did you mean X?` or all the names there are.
pub(super) fn one_of<'n>(name: &str, names: impl IntoIterator<Item = &'n str> + Clone) -> String {
    match nearest(name, names.clone()) {
        Some(known) => format!("{known}, the nearest known name"),
        None => {
            let names: Vec<&str> = names.into_iter().collect();
            match names.as_slice() {
                [] => "nothing here".to_owned(),
                [only] => (*only).to_owned(),
                names => format!("one of {}", names.join(", ")),
            }
        }
    }
}

/// Levenshtein distance: insertions, deletions and replacements that turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            let edited = replaced.min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], edited);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_edits() {
        for (a, b, expected) in [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3), ("flaw", "lawn", 2)] {
            assert_eq!(distance(a, b), expected, "{a} to {b}");
            assert_eq!(distance(b, a), expected, "{b} to {a}");
        }
    }

    #[test]
    fn a_name_that_resembles_nothing_gets_the_list() {
        assert_eq!(one_of("fsat", ["fast", "slow"]), "fast, the nearest known name");
        assert_eq!(one_of("zzzzzzzz", ["fast", "slow"]), "one of fast, slow");
    }
}
