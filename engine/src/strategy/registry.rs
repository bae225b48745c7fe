//! Which kinds of strategy there are. A new one is a file and a line in [`KINDS`].

use std::collections::BTreeMap;

use super::{Strategy, donchian, ma_crossover, opening_range, rsi_reversion, scheduled};

pub const KINDS: &[Kind] = &[ma_crossover::KIND, opening_range::KIND, donchian::KIND, rsi_reversion::KIND];

/// Kinds whose parameters are more than whole numbers. A new one is a file and a line here.
pub const TABLE_KINDS: &[TableKind] = &[scheduled::KIND];

/// A kind that reads its own table.
#[derive(Debug)]
pub struct TableKind {
    pub name: &'static str,
    pub about: &'static str,
    pub read: ReadTable,
}

/// Makes a strategy of a table, or says every mistake.
pub type ReadTable = fn(&toml::Table) -> Result<Box<dyn Strategy>, Vec<ParamMistake>>;

/// Whether strategies of this kind may ask to be woken.
pub fn wakes(name: &str) -> bool {
    table_kind(name).is_some()
}

/// Every kind's name.
pub fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name).chain(TABLE_KINDS.iter().map(|kind| kind.name))
}

/// One kind of strategy: what it is called, what it can be told, how it is made.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    pub about: &'static str,
    pub params: &'static [Param],
    /// Bars of this length in seconds after which a decision does not depend any more on what came before them.
    pub warm_up: fn(&Params, u32) -> usize,
    /// What single ranges cannot say; the error names the key and what was expected.
    pub check: fn(&Params) -> Result<(), (&'static str, &'static str)>,
    pub build: fn(&Params) -> Box<dyn Strategy>,
}

/// A whole-number parameter within `min..=max`.
#[derive(Debug)]
pub struct Param {
    pub name: &'static str,
    pub about: &'static str,
    pub min: i64,
    pub max: i64,
    pub default: i64,
}

/// Checked parameters of one instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    numbers: BTreeMap<&'static str, i64>,
    /// What a [`TableKind`] reads.
    table: Option<toml::Table>,
}

impl Params {
    /// Panics for a name that the kind does not declare.
    pub fn get(&self, name: &str) -> i64 {
        *self.numbers.get(name).expect("every declared parameter has a value")
    }

    /// For parameters whose minimum is not negative.
    pub fn size(&self, name: &str) -> usize {
        usize::try_from(self.get(name)).expect("the declared minimum is not negative")
    }
}

/// One mistake in the parameters of one strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamMistake {
    /// Key inside `params`, or empty for the strategy's kind itself.
    pub key: String,
    pub found: String,
    pub expected: String,
}

pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

fn table_kind(name: &str) -> Option<&'static TableKind> {
    TABLE_KINDS.iter().find(|kind| kind.name == name)
}

/// Reads and checks the parameters of a strategy of kind `name`.
pub fn params(name: &str, table: &toml::Table) -> Result<Params, Vec<ParamMistake>> {
    if let Some(kind) = table_kind(name) {
        (kind.read)(table)?;
        return Ok(Params { numbers: BTreeMap::new(), table: Some(table.clone()) });
    }
    let Some(kind) = kind(name) else {
        let known: Vec<&str> = names().collect();
        let mistake = ParamMistake { key: String::new(), found: name.to_owned(), expected: known.join(" | ") };
        return Err(vec![mistake]);
    };
    let mut mistakes = Vec::new();
    for key in table.keys().filter(|key| kind.params.iter().all(|p| p.name != key.as_str())) {
        let known: Vec<&str> = kind.params.iter().map(|p| p.name).collect();
        let expected = format!("one of {}", known.join(", "));
        mistakes.push(ParamMistake { key: key.clone(), found: "an unknown key".to_owned(), expected });
    }
    let mut values = BTreeMap::new();
    for param in kind.params {
        match read(param, table.get(param.name)) {
            Ok(value) => {
                values.insert(param.name, value);
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let params = Params { numbers: values, table: None };
    (kind.check)(&params).map_err(|(key, expected)| {
        vec![ParamMistake { key: key.to_owned(), found: params.get(key).to_string(), expected: expected.to_owned() }]
    })?;
    Ok(params)
}

fn read(param: &Param, value: Option<&toml::Value>) -> Result<i64, ParamMistake> {
    let Some(value) = value else { return Ok(param.default) };
    match value.as_integer() {
        Some(n) if (param.min..=param.max).contains(&n) => Ok(n),
        _ => Err(ParamMistake {
            key: param.name.to_owned(),
            found: value.to_string(),
            expected: format!("a whole number from {} to {} ({})", param.min, param.max, param.about),
        }),
    }
}

/// Bars of `bar_s` seconds that a strategy of this kind needs before its decisions count. One that acts at given times
/// needs the close to which its prices refer.
pub fn warm_up(name: &str, params: &Params, bar_s: u32) -> usize {
    kind(name).map_or(1, |kind| (kind.warm_up)(params, bar_s))
}

/// Makes a strategy of a kind that [`params`] accepted.
pub fn build(name: &str, params: &Params) -> Option<Box<dyn Strategy>> {
    match (kind(name), table_kind(name), &params.table) {
        (Some(kind), _, _) => Some((kind.build)(params)),
        (None, Some(kind), Some(table)) => (kind.read)(table).ok(),
        (None, _, _) => None,
    }
}
