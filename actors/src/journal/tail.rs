//! Follows a journal while it is being written. In: a folder and a place. Out: the whole entries behind that place.
//! Absent: locks and waiting; the caller asks again. Reads files on the calling thread.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use engine::journal::{Entry, JournalError, MAGIC, PAYLOAD_BYTES_MAX, Reader};

use super::{Position, ReadError, is_blank, segment_file, segment_numbers};

const READ_BYTES: usize = 256 << 10;
/// The longest frame there can be.
const READ_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 8;

/// Entries that lie between two places, all of one segment.
#[derive(Clone, PartialEq, Debug)]
pub struct Chunk {
    /// Where the reader stood; it may be the end of the segment before.
    pub from: Position,
    /// Behind the last of `entries`.
    pub to: Position,
    pub entries: Vec<Entry>,
}

/// A reader of a growing journal.
#[derive(Debug)]
pub struct Tail {
    dir: PathBuf,
    /// Where the next frame begins.
    at: Position,
    /// The end of the last chunk: where the next one begins, even if the reader has since stepped over a border.
    position: Position,
    open: Option<(u32, File)>,
}

impl Tail {
    /// Begins behind `position`, which is one that an earlier chunk ended at, or [`Position::START`].
    pub fn new(dir: &Path, position: Position) -> Tail {
        Tail { dir: dir.to_path_buf(), at: position, position, open: None }
    }

    /// The end of the last chunk.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Up to `entries_max` entries that are there now; none when everything was read. A frame that is still being
    /// written is not there yet. A frame that can never be finished, because a later segment exists, is left behind:
    /// the reader sees that by the entries' numbers.
    pub fn read(&mut self, entries_max: usize) -> Result<Chunk, ReadError> {
        loop {
            let entries = self.read_segment(entries_max)?;
            if !entries.is_empty() {
                return Ok(self.deliver(entries));
            }
            let Some(next) = self.next_segment()? else {
                return Ok(Chunk { from: self.position, to: self.position, entries });
            };
            // Only after a later segment exists is this one certain not to grow: look a last time.
            let entries = self.read_segment(entries_max)?;
            if !entries.is_empty() {
                return Ok(self.deliver(entries));
            }
            self.at = Position { segment: next, offset: 0 };
        }
    }

    /// Bytes that were written and not read.
    pub fn behind_bytes(&self) -> Result<u64, ReadError> {
        let mut bytes = 0;
        for number in segment_numbers(&self.dir)?.into_iter().filter(|&n| n >= self.at.segment) {
            let path = segment_file(&self.dir, number);
            let length = path.metadata().map_err(ReadError::io(&path))?.len();
            let read = if number == self.at.segment { self.at.offset } else { 0 };
            bytes += length.saturating_sub(read);
        }
        Ok(bytes)
    }

    fn deliver(&mut self, entries: Vec<Entry>) -> Chunk {
        let from = std::mem::replace(&mut self.position, self.at);
        Chunk { from, to: self.at, entries }
    }

    fn next_segment(&self) -> Result<Option<u32>, ReadError> {
        Ok(segment_numbers(&self.dir)?.into_iter().find(|&n| n > self.at.segment))
    }

    fn read_segment(&mut self, entries_max: usize) -> Result<Vec<Entry>, ReadError> {
        let path = segment_file(&self.dir, self.at.segment);
        if !self.open_segment(&path)? || !self.pass_magic(&path)? {
            return Ok(Vec::new());
        }
        let mut size = READ_BYTES;
        loop {
            let bytes = self.read_bytes(&path, size)?;
            let mut frames = Reader::of_frames(&bytes);
            let mut entries = Vec::new();
            while entries.len() < entries_max {
                match frames.next() {
                    None => break,
                    Some(Ok(entry)) => entries.push(entry),
                    Some(Err(_)) if is_blank(&bytes[frames.consumed()..]) => break,
                    // What is whole and before it is handed out first; the error comes with the next call.
                    Some(Err(_)) if !entries.is_empty() => break,
                    Some(Err(source)) => return Err(ReadError::Bad { path, source: moved(source, self.at.offset) }),
                }
            }
            self.at.offset += frames.consumed() as u64;
            if !entries.is_empty() || bytes.len() < size || size == READ_BYTES_MAX {
                return Ok(entries);
            }
            size = (size * 8).min(READ_BYTES_MAX);
        }
    }

    /// Whether there is such a file. One that is gone, because old segments were put into an archive, holds nothing.
    fn open_segment(&mut self, path: &Path) -> Result<bool, ReadError> {
        if self.open.as_ref().is_some_and(|(number, _)| *number == self.at.segment) {
            return Ok(true);
        }
        match File::open(path) {
            Ok(file) => self.open = Some((self.at.segment, file)),
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(ReadError::io(path)(e)),
        }
        Ok(true)
    }

    fn pass_magic(&mut self, path: &Path) -> Result<bool, ReadError> {
        if self.at.offset > 0 {
            return Ok(true);
        }
        let bytes = self.read_bytes(path, MAGIC.len())?;
        if bytes.len() < MAGIC.len() {
            return Ok(false);
        }
        let frames =
            Reader::of_segment(&bytes).map_err(|source| ReadError::Bad { path: path.to_path_buf(), source })?;
        self.at.offset = frames.consumed() as u64;
        Ok(true)
    }

    /// Up to `size` bytes behind the position; fewer only at the end of the file.
    fn read_bytes(&self, path: &Path, size: usize) -> Result<Vec<u8>, ReadError> {
        let (_, file) = self.open.as_ref().expect("opened by the caller");
        let length = file.metadata().map_err(ReadError::io(path))?.len();
        let there = usize::try_from(length.saturating_sub(self.at.offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; size.min(there)];
        match file.read_exact_at(&mut bytes, self.at.offset) {
            Ok(()) => Ok(bytes),
            // Cut shorter since its length was asked for: nothing to read now.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(Vec::new()),
            Err(e) => Err(ReadError::io(path)(e)),
        }
    }
}

/// The error with its place counted from the start of the file.
fn moved(e: JournalError, by: u64) -> JournalError {
    let by = usize::try_from(by).unwrap_or(usize::MAX);
    match e {
        JournalError::OtherVersion { at_byte, reason } => {
            JournalError::OtherVersion { at_byte: at_byte.saturating_add(by), reason }
        }
        e => e,
    }
}
