//! What a fault is: its name, its parameters with units and defaults, what it does, what a sound client does about it.
//! In: arguments as scripts and the control channel give them. Out: read arguments, or every mistake in them.
//! Absent: the faults themselves; each family has its file.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;

use crate::broker::Broker;
use crate::faults::effect::Effect;
use crate::faults::span;

/// What values a parameter takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// `1.5s`, `250ms`, `3m`, `00:01:30`.
    Span,
    Int {
        min: i64,
        max: i64,
    },
    Number,
    Flag,
    Text,
    Choice(&'static [&'static str]),
}

pub const COUNT: Kind = Kind::Int { min: 0, max: 1_000_000 };
pub const POSITIVE: Kind = Kind::Int { min: 1, max: 1_000_000 };
pub const CODE: Kind = Kind::Int { min: 1, max: 99_999 };

/// One parameter of a fault.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    pub name: &'static str,
    pub kind: Kind,
    /// As a script would write it; empty text is "none given".
    pub default: &'static str,
    pub about: &'static str,
}

pub const fn param(name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Param {
    Param { name, kind, default, about }
}

/// What a fault does: something at once, or a state of affairs for a while.
#[derive(Clone, Copy)]
pub enum Act {
    Once(fn(&mut Broker, &Call) -> Result<(), String>),
    /// `lasts` is the default of `for`; empty: until it is cleared.
    While {
        lasts: &'static str,
        effect: fn(&Args) -> Effect,
    },
}

/// Whom a fault can concern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// `client` narrows it to one client.
    Clients,
    /// The market or the account, which all clients share: `client` is a mistake.
    All,
}

/// One row of the table.
#[derive(Clone, Copy)]
pub struct Spec {
    pub name: &'static str,
    pub scope: Scope,
    pub about: &'static str,
    /// What a sound client is expected to do.
    pub expected: &'static str,
    pub params: &'static [Param],
    pub act: Act,
    /// Whether drawing by seed may choose it: it does its work with the defaults and leaves a client able to go on.
    pub drawn: bool,
}

/// A read argument.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    Span(Duration),
    Int(i64),
    Number(f64),
    Flag(bool),
    Text(String),
}

/// Arguments of one fault, complete: defaults stand for what was not given.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Args(BTreeMap<&'static str, Value>);

/// A fault that is to happen now.
#[derive(Clone)]
pub struct Call {
    pub spec: &'static Spec,
    pub args: Args,
    /// Only this client; `None`: all.
    pub client: Option<i32>,
    /// `None`: until it is cleared.
    pub lasts: Option<Duration>,
}

/// One mistake in the arguments: the key, what was found, what was expected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{key}: {found}, expected {expected}")]
pub struct Mistake {
    pub key: String,
    pub found: String,
    pub expected: String,
}

impl Mistake {
    pub fn new(key: &str, found: impl Into<String>, expected: impl Into<String>) -> Mistake {
        Mistake { key: key.to_owned(), found: found.into(), expected: expected.into() }
    }
}

impl Kind {
    /// For the table and for error messages.
    pub fn describe(self) -> String {
        match self {
            Kind::Span => "a span like \"20s\", \"250ms\" or \"00:01:30\"".to_owned(),
            Kind::Int { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Number => "a number".to_owned(),
            Kind::Flag => "true or false".to_owned(),
            Kind::Text => "text".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
        }
    }

    fn read(self, given: &Json) -> Option<Value> {
        match self {
            Kind::Span => given.as_str().and_then(span::parse).map(Value::Span),
            Kind::Int { min, max } => given.as_i64().filter(|value| (min..=max).contains(value)).map(Value::Int),
            Kind::Number => given.as_f64().map(Value::Number),
            Kind::Flag => given.as_bool().map(Value::Flag),
            Kind::Text => given.as_str().map(|text| Value::Text(text.to_owned())),
            Kind::Choice(words) => {
                given.as_str().filter(|word| words.contains(word)).map(|word| Value::Text(word.to_owned()))
            }
        }
    }

    fn read_default(self, text: &'static str) -> Option<Value> {
        let given = match self {
            Kind::Int { .. } | Kind::Number | Kind::Flag => text.parse::<Json>().ok()?,
            Kind::Span | Kind::Text | Kind::Choice(_) => Json::from(text),
        };
        self.read(&given)
    }
}

impl Spec {
    /// Reads `given`, which holds parameters only; all mistakes at once.
    pub fn read(&self, given: &serde_json::Map<String, Json>) -> Result<Args, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        for key in given.keys().filter(|key| self.params.iter().all(|param| param.name != **key)) {
            let known: Vec<&str> = self.params.iter().map(|param| param.name).collect();
            let known = if known.is_empty() { "no parameters".to_owned() } else { known.join(", ") };
            mistakes.push(Mistake::new(key, format!("{} has no such parameter", self.name), known));
        }
        let mut args = BTreeMap::new();
        for param in self.params {
            let value = match given.get(param.name) {
                Some(found) => match param.kind.read(found) {
                    Some(value) => value,
                    None => {
                        mistakes.push(Mistake::new(param.name, found.to_string(), param.kind.describe()));
                        continue;
                    }
                },
                None => param.kind.read_default(param.default).expect("a test reads the default of every parameter"),
            };
            args.insert(param.name, value);
        }
        if mistakes.is_empty() { Ok(Args(args)) } else { Err(mistakes) }
    }

    /// The default of `for`; `None`: until cleared, or done at once.
    pub fn lasts(&self) -> Option<Duration> {
        match self.act {
            Act::Once(_) => None,
            Act::While { lasts, .. } => span::parse(lasts),
        }
    }
}

const DECLARED: &str = "the fault's row declares this parameter with this kind";

impl Args {
    pub fn span(&self, name: &str) -> Duration {
        match self.0.get(name) {
            Some(Value::Span(span)) => *span,
            other => panic!("{DECLARED}: {name} is {other:?}"),
        }
    }

    pub fn int(&self, name: &str) -> i64 {
        match self.0.get(name) {
            Some(Value::Int(value)) => *value,
            other => panic!("{DECLARED}: {name} is {other:?}"),
        }
    }

    /// A whole number that was declared to fit.
    pub fn small<T: TryFrom<i64>>(&self, name: &str) -> T {
        T::try_from(self.int(name)).ok().expect("the parameter's range fits its use")
    }

    pub fn number(&self, name: &str) -> f64 {
        match self.0.get(name) {
            Some(Value::Number(value)) => *value,
            other => panic!("{DECLARED}: {name} is {other:?}"),
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Flag(value)) => *value,
            other => panic!("{DECLARED}: {name} is {other:?}"),
        }
    }

    pub fn text(&self, name: &str) -> &str {
        match self.0.get(name) {
            Some(Value::Text(value)) => value,
            other => panic!("{DECLARED}: {name} is {other:?}"),
        }
    }
}
