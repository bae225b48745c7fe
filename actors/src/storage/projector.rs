//! Moves entries from the journal's files into the database. In: a journal folder and an open database. Out: rows, and
//! how much is left. Absent: waiting and retrying; the actor does both. Nothing is remembered that is not in the
//! database: after an error or a restart the next step reads from there how far it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::journal::{Entry, Record};

use super::Store;
use super::batch::{Batch, Projected};
use super::error::StoreError;
use super::translate::{BadEntry, Session};
use crate::journal::{self, Chunk, Position, ReadError, Tail};

/// Reads one journal into one database.
pub struct StorageProjector {
    store: Arc<dyn Store>,
    journal_dir: PathBuf,
    /// Entries in one transaction at most.
    batch_rows_max: usize,
    /// `None` before the first step, after an error, and while a step is under way.
    reading: Option<Reading>,
}

/// What one step did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Progress {
    /// Entries that are in the database now and were not before; zero when all that was there had been read.
    pub entries: usize,
    /// Bytes of the journal that are still to be read.
    pub behind_bytes: u64,
}

/// Why a step was not done. The next one begins anew from what the database holds.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error(transparent)]
    Journal(#[from] ReadError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Entry(#[from] BadEntry),
}

struct Reading {
    tail: Tail,
    target: Target,
}

/// Where the rows go, and what is needed to make them.
struct Target {
    journal_id: String,
    projected: Option<Projected>,
    session: Option<Session>,
}

impl StorageProjector {
    pub fn new(store: Arc<dyn Store>, journal_dir: &Path, batch_rows_max: usize) -> StorageProjector {
        let batch_rows_max = batch_rows_max.max(1);
        StorageProjector { store, journal_dir: journal_dir.to_path_buf(), batch_rows_max, reading: None }
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Reads the next entries, if there are any, and writes them in one transaction. May be dropped at any point.
    pub async fn step(&mut self) -> Result<Progress, StepError> {
        let mut reading = self.take_reading().await?;
        let chunk = reading.tail.read(self.batch_rows_max)?;
        let entries = self.write(&mut reading.target, &chunk).await?;
        let behind_bytes = reading.tail.behind_bytes()?;
        self.reading = Some(reading);
        Ok(Progress { entries, behind_bytes })
    }

    /// Writes entries that are already in memory. Harmless when the database has them: then it writes nothing. Gives
    /// the number of entries that were written. Entries that do not continue what the database holds are an error.
    pub async fn project(&mut self, chunk: &Chunk) -> Result<usize, StepError> {
        let mut reading = self.take_reading().await?;
        let entries = self.write(&mut reading.target, chunk).await?;
        if entries > 0 {
            reading.tail = Tail::new(&self.journal_dir, chunk.to);
        }
        self.reading = Some(reading);
        Ok(entries)
    }

    async fn take_reading(&mut self) -> Result<Reading, StepError> {
        if let Some(reading) = self.reading.take() {
            return Ok(reading);
        }
        let journal_id = journal::read_id(&self.journal_dir)?;
        let projected = self.store.projected(&journal_id).await?;
        let from = projected.map_or(Position::START, |p| p.position);
        let tail = Tail::new(&self.journal_dir, from);
        Ok(Reading { tail, target: Target { journal_id, projected, session: None } })
    }

    async fn write(&self, target: &mut Target, chunk: &Chunk) -> Result<usize, StepError> {
        let stored = target.projected.map_or(Position::START, |p| p.position);
        if chunk.entries.is_empty() || chunk.to <= stored {
            return Ok(0);
        }
        if chunk.from != stored {
            return Err(StoreError::Superseded { found: target.projected, expected: Some(chunk.from) }.into());
        }
        let mut batch = Batch::new(&target.journal_id, target.projected, chunk.to);
        for entry in &chunk.entries {
            let session = self.session_of(target, chunk, entry).await?;
            batch.add(session, entry)?;
        }
        let projected = batch.to;
        self.store.write(batch).await?;
        target.projected = Some(projected);
        Ok(chunk.entries.len())
    }

    /// The session that an entry belongs to: the one that it starts, else the one that its segment began with.
    async fn session_of<'t>(
        &self,
        target: &'t mut Target,
        chunk: &Chunk,
        entry: &Entry,
    ) -> Result<&'t Session, StepError> {
        let started = match &entry.record {
            Record::SessionStarted { info, .. } => Some(info.clone()),
            _ if target.session.is_some() => None,
            _ => match journal::first_entry(&self.journal_dir, chunk.to.segment)?.record {
                Record::SessionStarted { info, .. } => Some(info),
                _ => return Err(BadEntry::NoSession { seq: entry.seq }.into()),
            },
        };
        if let Some(info) = started {
            let stored_id = self.store.session_name(&target.journal_id, &info.id).await?;
            target.session = Some(Session { stored_id, info: *info });
        }
        Ok(target.session.as_ref().expect("set just now, or before"))
    }
}
