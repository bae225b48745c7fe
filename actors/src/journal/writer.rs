//! Appends entries to one segment. In: records and their times. Out: whole frames in the file, or an error that ends
//! this writer. Absent: fsync on the way of an order; another thread does that through [`Writer::sync_handle`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use engine::journal::{Entry, JournalError, MAGIC, Record, encode};
use engine::time::Timestamp;

use super::dir::UNFINISHED;
use super::{Position, ReadError, segment_file};

/// A buffer longer than this is written without being asked.
const BUFFER_BYTES: usize = 64 << 10;

/// What may wait in memory while the disk takes nothing: hours of trading. More, and the writer is given up.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// What a writer needs of a file; a real one, or in tests one that fails on purpose.
pub trait SegmentFile: Write {
    /// Shortens the file to `length` bytes.
    fn cut_to(&mut self, length: u64) -> io::Result<()>;
}

impl SegmentFile for File {
    fn cut_to(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Why a record is not in the journal.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk is full or gone: what is not written down must not be sent. It waits in memory, and each further
    /// commit tries again.
    #[error("cannot write the journal segment {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// What was written cannot be continued, or too much waits; this writer stays shut, so that nobody trades on a
    /// journal with a hole.
    #[error("the journal segment {} was given up after a failed write: {because}", path.display())]
    GivenUp { path: PathBuf, because: String },
    /// This record alone cannot be written; the journal goes on.
    #[error(transparent)]
    Record(#[from] JournalError),
    #[error(transparent)]
    Folder(#[from] ReadError),
}

/// The open end of the newest segment.
#[derive(Debug)]
pub struct Writer<F: SegmentFile = File> {
    pub(super) file: F,
    path: PathBuf,
    segment: u32,
    /// Bytes in the file, all of them whole frames.
    written: u64,
    buffer: Vec<u8>,
    next_seq: u64,
    /// Number of the first record that is not in the file.
    unsaved_from: u64,
    /// The last write failed; what it was to write is still in the buffer.
    failing: bool,
    given_up: Option<String>,
}

pub(super) fn create_segment(dir: &Path, number: u32, first: &Entry) -> Result<Writer, WriteError> {
    let path = segment_file(dir, number);
    let mut bytes = MAGIC.to_vec();
    encode(first, &mut bytes)?;
    let file = write_new(dir, &path, &bytes).map_err(|source| WriteError::Io { path: path.clone(), source })?;
    Ok(Writer::over(file, path, number, bytes.len() as u64, first.seq + 1))
}

/// A file that is there whole, under its name, after a loss of power too, or not at all.
fn write_new(dir: &Path, path: &Path, bytes: &[u8]) -> io::Result<File> {
    let unfinished = path.with_extension(UNFINISHED);
    let mut file = OpenOptions::new().append(true).create_new(true).open(&unfinished)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&unfinished, path));
    if let Err(e) = written {
        // Harmless if it stays: the next start removes it.
        drop(fs::remove_file(&unfinished));
        return Err(e);
    }
    sync_dir(dir)?;
    Ok(file)
}

pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

impl Writer<File> {
    /// A second handle to the file, on which another thread calls `sync_data` as often as the loss of power may cost.
    pub fn sync_handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

impl<F: SegmentFile> Writer<F> {
    /// `file` stands at its end, `written` bytes long, and appends.
    pub(super) fn over(file: F, path: PathBuf, segment: u32, written: u64, next_seq: u64) -> Self {
        Writer {
            file,
            path,
            segment,
            written,
            buffer: Vec::new(),
            next_seq,
            unsaved_from: next_seq,
            failing: false,
            given_up: None,
        }
    }

    /// Takes a record into the buffer and returns its number. It is safe only after [`Writer::commit`].
    pub fn append(&mut self, at: Timestamp, record: Record) -> Result<u64, WriteError> {
        let seq = self.next_seq;
        if let Err(given_up) = self.refuse_if_given_up() {
            self.next_seq += 1;
            return Err(given_up);
        }
        encode(&Entry { seq, at, record }, &mut self.buffer)?;
        self.next_seq += 1;
        if self.failing {
            self.refuse_if_too_much_waits()?;
        } else if self.buffer.len() > BUFFER_BYTES {
            self.commit()?;
        }
        Ok(seq)
    }

    /// Hands the buffer to the operating system with one write: from here on it survives the death of the process.
    /// After an error the file holds what it held before, and the buffer waits for the next call.
    pub fn commit(&mut self) -> Result<(), WriteError> {
        self.refuse_if_given_up()?;
        if self.buffer.is_empty() {
            return Ok(());
        }
        match self.file.write_all(&self.buffer) {
            Ok(()) => {
                self.written += self.buffer.len() as u64;
                self.buffer.clear();
                self.buffer.shrink_to(BUFFER_BYTES * 2);
                self.failing = false;
                self.unsaved_from = self.next_seq;
                Ok(())
            }
            Err(source) => Err(self.failed(source)),
        }
    }

    /// [`Writer::append`] and [`Writer::commit`]: for what must be safe before the next step is taken.
    pub fn append_now(&mut self, at: Timestamp, record: Record) -> Result<u64, WriteError> {
        let seq = self.append(at, record)?;
        self.commit()?;
        Ok(seq)
    }

    /// The end of what is safe; the buffer is not.
    pub fn position(&self) -> Position {
        Position { segment: self.segment, offset: self.written }
    }

    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Whether what was appended waits for a disk that takes nothing, or for nothing any more.
    pub fn is_failing(&self) -> bool {
        self.failing || self.given_up.is_some()
    }

    /// How many records were appended and are not in the file. When its process ends they are lost.
    pub fn unsaved(&self) -> u64 {
        self.next_seq - self.unsaved_from
    }

    fn failed(&mut self, source: io::Error) -> WriteError {
        self.failing = true;
        if let Err(cut) = self.file.cut_to(self.written) {
            // Whatever came behind half a frame would be lost. Recovery will cut it off.
            self.give_up(format!("{source}; and the half-written frame could not be removed: {cut}"));
        }
        WriteError::Io { path: self.path.clone(), source }
    }

    fn refuse_if_too_much_waits(&mut self) -> Result<(), WriteError> {
        if self.buffer.len() > KEPT_BYTES_MAX {
            self.give_up(format!("more than {KEPT_BYTES_MAX} bytes wait for it"));
        }
        self.refuse_if_given_up()
    }

    fn give_up(&mut self, because: String) {
        self.buffer = Vec::new();
        self.given_up = Some(because);
    }

    fn refuse_if_given_up(&self) -> Result<(), WriteError> {
        match &self.given_up {
            None => Ok(()),
            Some(because) => Err(WriteError::GivenUp { path: self.path.clone(), because: because.clone() }),
        }
    }
}
