//! The journal's files: the only thing that must survive. In: entries from the hot thread. Out: the same entries,
//! to recovery at start-up and to whoever tails them. Absent: the database, actors, threads, fsync timers.
//!
//! A journal folder holds `lock`, `id` and numbered segments `00000001.pbj`, `00000002.pbj` and so on, one a run.
//! Frames and records are described in [`engine::journal`]. Entries are written with write(2), so they outlive the
//! process at once; an fsync by another thread ([`Writer::sync_handle`]) makes them outlive the machine.

mod dir;
mod tail;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use engine::journal::{Entry, JournalError, MAGIC, Reader};

pub use dir::{JournalDir, OpenError, Recovered, TornInfo};
pub use tail::{Chunk, Tail};
pub use writer::{SegmentFile, WriteError, Writer};

/// A place in a journal: between two entries. Orders as the entries do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Position {
    /// Number of the segment; segments are numbered from 1.
    pub segment: u32,
    /// Bytes from the start of the segment's file.
    pub offset: u64,
}

impl Position {
    /// Before the first entry of the first segment, whatever its number.
    pub const START: Position = Position { segment: 0, offset: 0 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}+{}", self.segment, self.offset)
    }
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot read {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Bad { path: PathBuf, source: JournalError },
    #[error("{}: entry {found} follows entry {before}; expected {}", path.display(), before + 1)]
    OutOfOrder { path: PathBuf, before: u64, found: u64 },
    #[error("{} has no whole first entry", path.display())]
    Empty { path: PathBuf },
}

impl ReadError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> ReadError {
        let path = path.to_path_buf();
        move |source| ReadError::Io { path, source }
    }
}

/// The name that tells this journal from every other one, made when its folder was made.
/// A database stores how far it has read by this name, so that a new journal never continues an old one's count.
pub fn read_id(dir: &Path) -> Result<String, ReadError> {
    let path = dir.join(dir::ID_NAME);
    fs::read_to_string(&path).map(|id| id.trim().to_owned()).map_err(ReadError::io(&path))
}

/// The number that the next session in this folder will have; 1 where there is none yet.
pub fn next_run(dir: &Path) -> Result<u32, ReadError> {
    if !dir.exists() {
        return Ok(1);
    }
    Ok(segment_numbers(dir)?.last().map_or(1, |newest| newest + 1))
}

/// The first entry of a segment: a session's start.
pub fn first_entry(dir: &Path, segment: u32) -> Result<Entry, ReadError> {
    let path = segment_file(dir, segment);
    let bytes = fs::read(&path).map_err(ReadError::io(&path))?;
    let mut frames = frames_of(&path, &bytes)?;
    match frames.next() {
        Some(Ok(entry)) => Ok(entry),
        Some(Err(source)) => Err(ReadError::Bad { path, source }),
        None => Err(ReadError::Empty { path }),
    }
}

/// The whole entries of one segment, first to last. A frame that is still being written is simply not there yet.
pub fn read_segment(dir: &Path, segment: u32) -> Result<Vec<Entry>, ReadError> {
    let path = segment_file(dir, segment);
    let bytes = fs::read(&path).map_err(ReadError::io(&path))?;
    dir::read_entries(&path, &bytes).map(|(entries, _)| entries)
}

/// Every entry of a journal folder with the place where it begins; an unreadable one is the last item.
/// Takes no lock and changes nothing, so a running system's journal can be shown.
pub fn dump(dir: &Path) -> Result<impl Iterator<Item = Result<(Position, Entry), ReadError>> + use<>, ReadError> {
    let dir = dir.to_path_buf();
    let numbers = segment_numbers(&dir)?;
    let mut failed = false;
    let segments = numbers.into_iter().map(move |number| dump_segment(&dir, number));
    let items = segments.flat_map(|entries| match entries {
        Ok(entries) => entries,
        Err(e) => vec![Err(e)],
    });
    Ok(items.take_while(move |item| !std::mem::replace(&mut failed, item.is_err())))
}

type Dumped = Result<(Position, Entry), ReadError>;

fn dump_segment(dir: &Path, segment: u32) -> Result<Vec<Dumped>, ReadError> {
    let path = segment_file(dir, segment);
    let bytes = fs::read(&path).map_err(ReadError::io(&path))?;
    let mut frames = frames_of(&path, &bytes)?;
    let mut entries = Vec::new();
    loop {
        let offset = frames.consumed();
        let Some(entry) = frames.next() else { break };
        if entry.is_err() && is_blank(&bytes[offset..]) {
            break;
        }
        let place = Position { segment, offset: offset as u64 };
        entries.push(entry.map(|e| (place, e)).map_err(|source| ReadError::Bad { path: path.clone(), source }));
    }
    Ok(entries)
}

fn frames_of<'a>(path: &Path, bytes: &'a [u8]) -> Result<Reader<'a>, ReadError> {
    // A segment that is shorter than its own mark was never finished: it holds nothing, which is not an error here.
    if bytes.len() < MAGIC.len() && MAGIC.starts_with(bytes) {
        return Ok(Reader::of_frames(&[]));
    }
    Reader::of_segment(bytes).map_err(|source| ReadError::Bad { path: path.to_path_buf(), source })
}

/// Whether this is what a file system leaves for space that was granted and never written.
/// (Eight zero bytes would also pass as a frame without payload.)
fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|&b| b == 0)
}

/// The file of a segment.
pub fn segment_file(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.pbj"))
}

/// Numbers of the segments in the folder, rising.
fn segment_numbers(dir: &Path) -> Result<Vec<u32>, ReadError> {
    let mut numbers = Vec::new();
    for file in fs::read_dir(dir).map_err(ReadError::io(dir))? {
        let name = file.map_err(ReadError::io(dir))?.file_name();
        let number = name.to_str().and_then(|n| n.strip_suffix(".pbj")).filter(|n| n.len() == 8);
        numbers.extend(number.and_then(|n| n.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
