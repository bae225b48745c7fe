//! What a crash does to the journal. In: a folder, how far it was written, sent and synced. Out: the file as it is found
//! afterwards. Absent: recovery; that is the journal's own.
//!
//! What write(2) has taken survives SIGKILL. A death between two requests cannot be told from one right behind the
//! first: nothing of what was written in between has had any consequence outside. So the file may be cut at any byte
//! behind the last request, which covers a half-written record too. A loss of power costs what was not synced.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use engine::journal::Reader;

use super::wire::Marks;
use crate::journal::segment_file;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crash {
    Kill,
    Power,
}

/// Cuts the segment. Answers whether anything was lost that a request had followed.
pub fn cut(journal: &Path, segment: u32, crash: Crash, marks: Marks, keep: u16) -> io::Result<bool> {
    let path = segment_file(journal, segment);
    let bytes = fs::read(&path)?;
    // A segment appears under its name when its first entry is on the disk.
    let least = first_frame_end(&bytes);
    let low = match crash {
        Crash::Kill => marks.sent,
        Crash::Power => marks.synced,
    };
    let (low, high) = (low.max(least), marks.written.max(least));
    let at = low + high.saturating_sub(low) * u64::from(keep) / u64::from(u16::MAX);
    OpenOptions::new().write(true).open(&path)?.set_len(at)?;
    Ok(at < marks.sent)
}

fn first_frame_end(bytes: &[u8]) -> u64 {
    let Ok(mut frames) = Reader::of_segment(bytes) else { return 0 };
    frames.next();
    frames.consumed() as u64
}
