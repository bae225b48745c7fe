//! What can be said to the storage actor, and what it answers.

use std::path::PathBuf;
use std::time::Duration;

use actix::prelude::*;

/// What the actor needs to know.
#[derive(Clone, Debug)]
pub struct StorageSettings {
    /// `sqlite:PATH` or `postgres://...`.
    pub database_url: String,
    pub journal_dir: PathBuf,
    /// How often the journal is looked at.
    pub flush_every: Duration,
    /// Entries in one transaction at most.
    pub batch_rows_max: usize,
    pub pool_size: u32,
}

/// Write what is in the journal, then do no more. Answered when everything is written or `within` is over.
#[derive(Message, Clone, Copy, PartialEq, Eq, Debug)]
#[rtype(result = "Drained")]
pub struct StopStorage {
    pub within: Duration,
}

/// How far the database is at the end. What is missing is in the journal, and is written by the next run.
#[derive(MessageResponse, Clone, PartialEq, Eq, Debug)]
pub struct Drained {
    /// Whether every entry of the journal is in the database.
    pub complete: bool,
    pub behind_bytes: u64,
    pub last_error: Option<String>,
}

#[derive(Message, Clone, Copy, PartialEq, Eq, Debug)]
#[rtype(result = "StorageStatus")]
pub struct ReadStatus;

#[derive(MessageResponse, Clone, PartialEq, Eq, Default, Debug)]
pub struct StorageStatus {
    /// Since this actor was started.
    pub entries: u64,
    pub behind_bytes: u64,
    /// Attempts that failed since the last one that did not.
    pub failures: u32,
    pub last_error: Option<String>,
}
