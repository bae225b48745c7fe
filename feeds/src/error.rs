//! Why market data cannot be read: which file, where in it, what was found, what was expected.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "{}: not a known format: found {found}, expected a Databento DBN file (plain or zstd) or a LEAN zip file",
        path.display()
    )]
    UnknownFormat { path: PathBuf, found: String },
    #[error("{}: found {found}, expected {expected}", path.display())]
    UnknownSchema { path: PathBuf, found: String, expected: &'static str },
    /// The file ends too soon: copy or download it again.
    #[error("{}: cut off at {at}: {found}, expected {expected}", path.display())]
    Truncated { path: PathBuf, at: String, found: String, expected: String },
    /// The content contradicts the format.
    #[error("{}: damaged at {at}: found {found}, expected {expected}", path.display())]
    Damaged { path: PathBuf, at: String, found: String, expected: String },
    #[error("the root symbol `{root}` is not known; known are {}", known.join(", "))]
    UnknownRoot { root: String, known: Vec<String> },
    #[error("no data for `{wanted}`; the files hold {}", held.join(", "))]
    NoSuchContract { wanted: String, held: Vec<String> },
    #[error("`{name}` has no expiry and the files hold {}: select one of them", held.join(", "))]
    Ambiguous { name: String, held: Vec<String> },
    /// The same trades would come twice.
    #[error("{} and {} both hold {what}", first.display(), second.display())]
    Overlap { first: PathBuf, second: PathBuf, what: String },
    /// Two sources differ about a contract; whoever is right, prices or profit would be wrong.
    #[error("{what}: {first}, and {second}")]
    Contradiction { what: String, first: String, second: String },
    #[error("no market data: {0}")]
    Nothing(String),
    /// Every row reads, and what they say together cannot be.
    #[error("prices that cannot be: {0}")]
    Absurd(String),
    #[error("bars that overlap: {0}")]
    Overlapping(String),
}

impl FeedError {
    pub(crate) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), source }
    }

    pub(crate) fn damaged(
        path: &Path,
        at: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Damaged { path: path.to_owned(), at: at.into(), found: found.into(), expected: expected.into() }
    }

    pub(crate) fn truncated(
        path: &Path,
        at: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Truncated { path: path.to_owned(), at: at.into(), found: found.into(), expected: expected.into() }
    }
}
