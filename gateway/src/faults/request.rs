//! A fault as somebody asks for it. In: a name, arguments, whom and how long. Out: a call that can be made, or all that
//! is wrong with it. Absent: doing it.

use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::faults::span;
use crate::faults::spec::{Act, Call, Mistake, Scope};
use crate::faults::table;

const CLIENT_EXPECTED: &str = "a client id, a whole number from 0";

/// The number of a fault in force, by which it can be cleared.
pub type FaultId = u64;

/// A fault to begin: `Fault::new("half-open").client(7).lasting(Duration::from_secs(20))`.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    pub name: String,
    pub params: Map<String, Json>,
    /// Only this client; `None`: all.
    pub client: Option<i32>,
    /// `None`: the fault's own default.
    pub lasts: Option<Duration>,
}

/// Why a fault did not begin.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FaultError {
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Mistakes(Vec<Mistake>),
    /// It cannot happen now: there is no such order, nobody is connected, and the like.
    #[error("{name}: {reason}")]
    Impossible { name: &'static str, reason: String },
}

impl Fault {
    pub fn new(name: &str) -> Fault {
        Fault { name: name.to_owned(), params: Map::new(), client: None, lasts: None }
    }

    /// Sets one parameter; see the table for names, kinds and defaults.
    #[must_use]
    pub fn with(mut self, param: &str, value: impl Into<Json>) -> Fault {
        self.params.insert(param.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn client(mut self, client_id: i32) -> Fault {
        self.client = Some(client_id);
        self
    }

    #[must_use]
    pub fn lasting(mut self, span: Duration) -> Fault {
        self.lasts = Some(span);
        self
    }

    /// Checks name and arguments; all mistakes at once.
    pub(crate) fn check(&self) -> Result<Call, FaultError> {
        let Some(spec) = table::find(&self.name) else {
            let found = format!("{:?} is not a fault", self.name);
            return Err(FaultError::Mistakes(vec![Mistake::new("fault", found, table::nearest(&self.name))]));
        };
        let (args, mut mistakes) = match spec.read(&self.params) {
            Ok(args) => (args, Vec::new()),
            Err(mistakes) => (Default::default(), mistakes),
        };
        if self.lasts.is_some() && matches!(spec.act, Act::Once(_)) {
            let found = format!("{} happens at once and is over", spec.name);
            mistakes.push(Mistake::new("for", found, "no such key"));
        }
        if self.lasts == Some(Duration::ZERO) {
            mistakes.push(Mistake::new("for", "no time at all", "a span longer than 0, like \"20s\""));
        }
        if let Some(client) = self.client.filter(|client| *client < 0) {
            mistakes.push(Mistake::new("client", client.to_string(), CLIENT_EXPECTED));
        }
        if self.client.is_some() && spec.scope == Scope::All {
            let found = format!("{} concerns what all clients share", spec.name);
            mistakes.push(Mistake::new("client", found, "no such key"));
        }
        if !mistakes.is_empty() {
            return Err(FaultError::Mistakes(mistakes));
        }
        Ok(Call { spec, args, client: self.client, lasts: self.lasts.or_else(|| spec.lasts()) })
    }

    /// Reads the keys that scripts and the control channel share: `name_key`, `for`, `client`, and the parameters.
    pub(crate) fn read(mut keys: Map<String, Json>, name_key: &str) -> Result<Fault, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let name = match keys.remove(name_key) {
            Some(Json::String(name)) => name,
            Some(other) => {
                mistakes.push(Mistake::new(name_key, other.to_string(), "the name of a fault in text"));
                String::new()
            }
            None => {
                mistakes.push(Mistake::new(name_key, "missing", "the name of a fault"));
                String::new()
            }
        };
        let lasts = keys.remove("for").and_then(|given| match given.as_str().and_then(span::parse) {
            Some(span) => Some(span),
            None => {
                mistakes.push(Mistake::new("for", given.to_string(), "a span like \"20s\", \"250ms\" or \"00:01:30\""));
                None
            }
        });
        let client = keys.remove("client").and_then(|given| {
            let number = given.as_i64().and_then(|number| i32::try_from(number).ok());
            if number.is_none() {
                mistakes.push(Mistake::new("client", given.to_string(), CLIENT_EXPECTED));
            }
            number
        });
        let fault = Fault { name, params: keys, client, lasts };
        if !fault.name.is_empty()
            && let Err(FaultError::Mistakes(more)) = fault.check()
        {
            mistakes.extend(more);
        }
        if mistakes.is_empty() { Ok(fault) } else { Err(mistakes) }
    }
}
