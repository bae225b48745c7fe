//! Reads the NUL-terminated fields of a text message. In: a body and the server version. Out: typed values or a
//! [`DecodeError`] that names message, field, what was found and what was expected.

use std::str::FromStr;

/// Why a body is not the message that its id promises.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("{message}: field {index} ({field}) is missing")]
    Missing { message: &'static str, index: usize, field: &'static str },
    #[error("{message}: field {index} ({field}) is {found:?}, expected {expected}")]
    Bad { message: &'static str, index: usize, field: &'static str, found: String, expected: &'static str },
    #[error("{message}: not a valid protobuf message: {reason}")]
    Protobuf { message: &'static str, reason: String },
    #[error("the body has {length} bytes, too few for a message id")]
    NoId { length: usize },
    #[error("the message id is {found:?}, expected a decimal number")]
    BadId { found: String },
    #[error("the request has {length} bytes, expected at most {REQUEST_BYTES_MAX}")]
    TooLong { length: usize },
}

/// The longest request that is read: many times an order with all of its lists, and short enough to keep and to repeat.
pub const REQUEST_BYTES_MAX: usize = 64 << 10;
/// What an error shows of a value.
const SHOWN_CHARS: usize = 60;

/// The beginning of a value, for an error's text.
pub fn shown(bytes: &[u8]) -> String {
    // A character has four bytes at most.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN_CHARS + 4)]);
    if text.chars().nth(SHOWN_CHARS).is_none() && bytes.len() <= 4 * SHOWN_CHARS + 4 {
        return text.into_owned();
    }
    text.chars().take(SHOWN_CHARS).chain(['…']).collect()
}

pub struct Fields<'a> {
    message: &'static str,
    rest: &'a [u8],
    index: usize,
    pub version: i32,
}

impl<'a> Fields<'a> {
    /// `rest` begins with field 1: the message id has been read.
    pub fn new(message: &'static str, rest: &'a [u8], version: i32) -> Self {
        Self { message, rest, index: 0, version }
    }

    fn raw(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        self.index += 1;
        let end = self.rest.iter().position(|byte| *byte == 0);
        let (bytes, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None if self.rest.is_empty() => {
                return Err(DecodeError::Missing { message: self.message, index: self.index, field });
            }
            None => (self.rest, &[][..]),
        };
        self.rest = rest;
        std::str::from_utf8(bytes).map_err(|_| self.bad(field, bytes, "text in UTF-8"))
    }

    fn bad(&self, field: &'static str, found: &[u8], expected: &'static str) -> DecodeError {
        DecodeError::Bad { message: self.message, index: self.index, field, found: shown(found), expected }
    }

    fn number<T: FromStr>(&mut self, field: &'static str, expected: &'static str) -> Result<Option<T>, DecodeError> {
        let found = self.raw(field)?;
        if found.is_empty() {
            return Ok(None);
        }
        found.parse().map(Some).map_err(|_| self.bad(field, found.as_bytes(), expected))
    }

    /// An empty field is `None`.
    pub fn text(&mut self, field: &'static str) -> Result<Option<String>, DecodeError> {
        let found = self.raw(field)?;
        Ok((!found.is_empty()).then(|| found.to_owned()))
    }

    /// An empty field and the largest int are `None`: both mean unset.
    pub fn int(&mut self, field: &'static str) -> Result<Option<i32>, DecodeError> {
        Ok(self.number(field, "a whole number")?.filter(|value| *value != i32::MAX))
    }

    /// An empty field and the largest double are `None`: both mean unset.
    pub fn double(&mut self, field: &'static str) -> Result<Option<f64>, DecodeError> {
        Ok(self.number(field, "a number")?.filter(|value: &f64| *value != f64::MAX))
    }

    pub fn flag(&mut self, field: &'static str) -> Result<Option<bool>, DecodeError> {
        match self.raw(field)? {
            "" => Ok(None),
            "0" | "false" | "False" => Ok(Some(false)),
            "1" | "true" | "True" => Ok(Some(true)),
            found => Err(self.bad(field, found.as_bytes(), "0 or 1")),
        }
    }

    /// A count of repeated items that follow.
    pub fn count(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        let found = self.int(field)?.unwrap_or(0);
        // Each item is at least one field of at least one byte, so a larger count is damage and not worth a loop.
        usize::try_from(found)
            .ok()
            .filter(|count| *count <= self.rest.len())
            .ok_or_else(|| self.bad(field, found.to_string().as_bytes(), "a count of the fields that follow"))
    }

    pub fn skip(&mut self, count: usize, field: &'static str) -> Result<(), DecodeError> {
        for _ in 0..count {
            self.raw(field)?;
        }
        Ok(())
    }
}
