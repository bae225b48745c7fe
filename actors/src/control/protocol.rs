//! What is said over the control socket: one request, one answer, a line of JSON each.

use engine::books::RiskView;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub order: Order,
    /// Why, for the record; commands need one, questions do not.
    #[serde(default)]
    pub why: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Limits beside where the books stand.
    Risk,
    Kill {
        flatten: bool,
    },
    Flatten,
    Pause {
        strategy: String,
    },
    Resume {
        strategy: String,
    },
    /// `strategy: None` is the account's.
    Unlock {
        rule: String,
        strategy: Option<String>,
    },
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Answer {
    pub done: bool,
    /// What came of it, for a person.
    pub text: String,
    /// How things stood then.
    pub risk: Option<RiskView>,
}

impl Answer {
    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self { done: false, text: text.into(), risk: None }
    }
}
