//! The journal folder: one owner at a time, and what the last run left. In: a path. Out: the entries of the newest
//! segment, what had to be cut off, a writer for the next segment. Absent: interpretation of entries.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use engine::journal::{Entry, PAYLOAD_BYTES_MAX};

use super::{ReadError, WriteError, Writer, frames_of, is_blank, segment_file, segment_numbers, writer};

pub(super) const ID_NAME: &str = "id";
const LOCK_NAME: &str = "lock";
/// A segment under this name is not finished and holds nothing that anyone relied on.
pub(super) const UNFINISHED: &str = "unfinished";

/// A journal folder that this process owns until the value is dropped.
#[derive(Debug)]
pub struct JournalDir {
    path: PathBuf,
    id: String,
    /// Holds the lock; closing the file gives it up, also when the process dies.
    _lock: File,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("journal folder {}: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("journal folder {} is in use by another pitboss{}; stop that one, or set another `journal_dir`", path.display(), owner(pid))]
    InUse { path: PathBuf, pid: Option<u32> },
    #[error(transparent)]
    Read(#[from] ReadError),
}

fn owner(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// What the last run left.
#[derive(Debug)]
pub struct Recovered {
    /// The newest segment's entries, first to last; empty in a new journal.
    pub entries: Vec<Entry>,
    /// The number that the next entry must have.
    pub next_seq: u64,
    /// The number of the next run, and of its segment.
    pub run_number: u32,
    /// What could not be read at the end of the newest segment, and was cut off.
    pub torn: Option<TornInfo>,
}

/// A tail that was cut off, as after a loss of power. Its bytes are kept in a file next to the segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TornInfo {
    pub segment: u32,
    pub at_byte: u64,
    pub dropped_bytes: u64,
    /// Whole frames found behind the damage. More than none means a damaged file rather than an unfinished write:
    /// entries that were once safe are missing from the recovered ones.
    pub frames_after: usize,
    pub kept_in: PathBuf,
}

impl JournalDir {
    /// Makes the folder if need be and takes its lock; a second process is refused.
    pub fn open(path: &Path) -> Result<JournalDir, OpenError> {
        let fail = |source| OpenError::Folder { path: path.to_path_buf(), source };
        fs::create_dir_all(path).map_err(fail)?;
        let lock = take_lock(path)?;
        let id = read_or_make_id(path).map_err(fail)?;
        for file in fs::read_dir(path).map_err(fail)? {
            let file = file.map_err(fail)?.path();
            if file.extension().is_some_and(|e| e == UNFINISHED) {
                fs::remove_file(&file).map_err(fail)?;
            }
        }
        Ok(JournalDir { path: path.to_path_buf(), id, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// See [`super::read_id`].
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Numbers of the segments, rising.
    pub fn segments(&self) -> Result<Vec<u32>, ReadError> {
        segment_numbers(&self.path)
    }

    /// Reads the newest segment and cuts off a tail that cannot be read. A segment without even a first entry is put
    /// aside and the one before it is read. An entry that is whole but not understood is an error.
    pub fn recover(&self) -> Result<Recovered, ReadError> {
        let mut torn = None;
        for number in self.segments()?.into_iter().rev() {
            let (entries, cut) = self.recover_segment(number)?;
            torn = torn.or(cut);
            if let Some(last) = entries.last() {
                return Ok(Recovered { next_seq: last.seq + 1, run_number: number + 1, entries, torn });
            }
        }
        Ok(Recovered { entries: Vec::new(), next_seq: 1, run_number: 1, torn })
    }

    /// Writes the next segment with its first entry and returns the writer that continues it.
    /// The segment appears under its name only when the first entry is on the disk.
    pub fn create_segment(&self, first: &Entry) -> Result<Writer, WriteError> {
        let number = self.segments()?.last().map_or(1, |last| last + 1);
        writer::create_segment(&self.path, number, first)
    }

    fn recover_segment(&self, number: u32) -> Result<(Vec<Entry>, Option<TornInfo>), ReadError> {
        let path = segment_file(&self.path, number);
        let bytes = fs::read(&path).map_err(ReadError::io(&path))?;
        let (entries, good) = read_entries(&path, &bytes)?;
        if good == bytes.len() && !entries.is_empty() {
            return Ok((entries, None));
        }
        let info = TornInfo {
            segment: number,
            at_byte: good as u64,
            dropped_bytes: (bytes.len() - good) as u64,
            frames_after: frames_after(&bytes[good..]),
            kept_in: path.with_extension("pbj.torn"),
        };
        put_aside(&path, &bytes, &info, entries.is_empty()).map_err(ReadError::io(&path))?;
        Ok((entries, Some(info)))
    }
}

/// The whole entries of a segment and the byte behind the last of them.
pub(super) fn read_entries(path: &Path, bytes: &[u8]) -> Result<(Vec<Entry>, usize), ReadError> {
    let mut frames = frames_of(path, bytes)?;
    let mut entries: Vec<Entry> = Vec::new();
    while let Some(entry) = frames.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(_) if is_blank(&bytes[frames.consumed()..]) => break,
            Err(source) => {
                return Err(ReadError::Bad { path: path.to_path_buf(), source });
            }
        };
        if let Some(before) = entries.last().map(|e| e.seq).filter(|before| before + 1 != entry.seq) {
            return Err(ReadError::OutOfOrder { path: path.to_path_buf(), before, found: entry.seq });
        }
        entries.push(entry);
    }
    Ok((entries, frames.consumed()))
}

/// Keeps the torn bytes in a file of their own, safely, before the segment loses them.
fn put_aside(path: &Path, bytes: &[u8], info: &TornInfo, whole_file: bool) -> io::Result<()> {
    let from = if whole_file { 0 } else { info.at_byte as usize };
    let mut kept = File::create(&info.kept_in)?;
    kept.write_all(&bytes[from..])?;
    kept.sync_all()?;
    if whole_file {
        fs::remove_file(path)?;
    } else {
        let segment = OpenOptions::new().write(true).open(path)?;
        segment.set_len(info.at_byte)?;
        segment.sync_all()?;
    }
    writer::sync_dir(path.parent().expect("a segment lies in a folder"))
}

/// How many whole frames can be found in damaged bytes, searching every place within the first mebibyte.
fn frames_after(bytes: &[u8]) -> usize {
    let (mut at, mut found) = (1, 0);
    while at + 8 <= bytes.len() && at < 1 << 20 {
        let word = |i: usize| u32::from_le_bytes(bytes[i..i + 4].try_into().expect("four bytes"));
        let (length, crc) = (word(at) as usize, word(at + 4));
        let payload = bytes.get(at + 8..at + 8 + length).filter(|p| !p.is_empty() && length <= PAYLOAD_BYTES_MAX);
        if payload.is_some_and(|p| crc32fast::hash(p) == crc) {
            (at, found) = (at + 8 + length, found + 1);
        } else {
            at += 1;
        }
    }
    found
}

fn take_lock(dir: &Path) -> Result<File, OpenError> {
    let fail = |source| OpenError::Folder { path: dir.to_path_buf(), source };
    let path = dir.join(LOCK_NAME);
    let mut lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(fail)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(e)) => return Err(fail(e)),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // The number is a courtesy: without it the message still says what to do.
            let pid = lock.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(OpenError::InUse { path: dir.to_path_buf(), pid });
        }
    }
    lock.set_len(0).and_then(|()| lock.rewind()).map_err(fail)?;
    writeln!(lock, "{}", std::process::id()).map_err(fail)?;
    Ok(lock)
}

fn read_or_make_id(dir: &Path) -> io::Result<String> {
    let path = dir.join(ID_NAME);
    match fs::read_to_string(&path) {
        Ok(id) if !id.trim().is_empty() => return Ok(id.trim().to_owned()),
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    let now: DateTime<Utc> = SystemTime::now().into();
    let id = format!("{}-{}", now.format("%Y%m%dT%H%M%S%9fZ"), std::process::id());
    let unfinished = path.with_extension(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{id}")?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    writer::sync_dir(dir)?;
    Ok(id)
}
