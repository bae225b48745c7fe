//! What is said over the control socket: one request, one answer, a line of JSON each. A reason is read on terminals, in
//! logs and tables: it is one line of plain text, whoever writes it.

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

/// Characters of a reason.
pub const REASON_MAX: usize = 500;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadReason {
    #[error("a command needs a reason")]
    Missing,
    #[error("the reason has {0} characters; expected at most {REASON_MAX}")]
    TooLong(usize),
    #[error("the reason has the control character U+{:04X} at its character {at}; expected one line of plain text", u32::from(*.found))]
    Control { found: char, at: usize },
}

/// What may be written down as a reason. Characters that turn the writing direction around or break lines make a
/// terminal show something else than was written; they count as control characters.
pub fn check_reason(why: &str) -> Result<(), BadReason> {
    if why.trim().is_empty() {
        return Err(BadReason::Missing);
    }
    let long = why.chars().count();
    if long > REASON_MAX {
        return Err(BadReason::TooLong(long));
    }
    let disguises =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    match why.chars().enumerate().find(|(_, c)| c.is_control() || disguises(*c)) {
        Some((at, found)) => Err(BadReason::Control { found, at: at + 1 }),
        None => Ok(()),
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Answer {
    pub done: bool,
    /// Nothing was commanded: something has to change first.
    pub refused: bool,
    /// What came of it, for a person.
    pub text: String,
    /// How things stood then.
    pub risk: Option<RiskView>,
}

impl Answer {
    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self { done: false, refused: true, text: text.into(), risk: None }
    }

    /// It was commanded, and nobody can say what came of it.
    pub(super) fn unknown(text: impl Into<String>) -> Self {
        Self { done: false, refused: false, text: text.into(), risk: None }
    }

    pub(super) fn of(done: bool, text: String, risk: RiskView) -> Self {
        Self { done, refused: false, text, risk: Some(risk) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_plain_text() {
        for good in ["news", "Zinsentscheid 14:00, größere Spanne", &"x".repeat(REASON_MAX)] {
            assert_eq!(check_reason(good), Ok(()), "{good}");
        }
        assert_eq!(check_reason(" \t "), Err(BadReason::Missing));
        assert_eq!(check_reason(&"é".repeat(REASON_MAX + 1)), Err(BadReason::TooLong(REASON_MAX + 1)));
        for (bad, at) in [
            ("a\nb", 2),
            ("\u{1b}[31mred", 1),
            ("tab\t", 4),
            ("\u{7f}", 1),
            ("x\u{9b}1m", 2),
            ("\u{202e}abc", 1),
            ("a\u{2028}", 2),
        ] {
            assert!(matches!(check_reason(bad), Err(BadReason::Control { at: found, .. }) if found == at), "{bad:?}");
            let told = check_reason(bad).expect_err("refused").to_string();
            assert!(!told.chars().any(char::is_control), "what refuses it does not print it: {told:?}");
        }
    }
}
