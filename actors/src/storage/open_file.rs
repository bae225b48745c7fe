//! Whether a database's file is still the one that was opened. In: its path. Out: yes or no. Absent: what is in it.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The file that connections have open, by device and inode.
#[derive(Debug)]
pub struct OpenFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl OpenFile {
    pub fn of(path: &Path) -> io::Result<OpenFile> {
        Ok(OpenFile { path: path.to_owned(), identity: identity(path)? })
    }

    /// Another file has its name, or none has.
    pub fn is_gone(&self) -> bool {
        match identity(&self.path) {
            Ok(now) => now != self.identity,
            Err(e) => e.kind() == ErrorKind::NotFound,
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|file| (file.dev(), file.ino()))
}
