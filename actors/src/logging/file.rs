//! A log file that rotates between lines, never inside one. In: bytes in any portions. Out: files of whole lines.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};

/// Of the rotated files, this many stay readable without decompressing.
const UNCOMPRESSED_FILES: usize = 3;

pub(super) struct LogFile {
    path: PathBuf,
    bytes_max: usize,
    backups: usize,
    file: FileRotate<AppendCount>,
    /// What has been written of the current line.
    line: Vec<u8>,
    /// The last line may be in the file in part: the next one starts with a line break.
    torn: bool,
}

impl LogFile {
    /// Makes the folder; appends to a file that exists. A full file becomes `PATH.1`, `PATH.1` becomes `PATH.2`.
    pub(super) fn open(path: &Path, bytes_max: u64, backups: usize) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX).max(1);
        let file = rotating(&path, bytes_max, backups)?;
        Ok(Self { path, bytes_max, backups, file, line: Vec::new(), torn: false })
    }

    fn write_line(&mut self) -> io::Result<()> {
        // Somebody may have moved or deleted the file; writing on would fill a file that nobody can find.
        if !self.path.exists() {
            self.file = rotating(&self.path, self.bytes_max, self.backups)?;
            self.torn = false;
        }
        if self.torn {
            self.line.insert(0, b'\n');
        }
        self.torn = true;
        self.file.write_all(&self.line)?;
        self.torn = false;
        Ok(())
    }
}

/// `FileRotate` panics or goes silent where this gives an error: everything that it needs is tried first.
fn rotating(path: &Path, bytes_max: usize, backups: usize) -> io::Result<FileRotate<AppendCount>> {
    if path.file_name().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
        fs::read_dir(folder)?;
    }
    fs::OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let limit = ContentLimit::BytesSurpassed(bytes_max);
    Ok(FileRotate::new(path, AppendCount::new(backups), limit, Compression::OnRotate(UNCOMPRESSED_FILES), None))
}

impl Write for LogFile {
    /// Takes everything; the file gets it when the line is complete. A formatter writes a line token by token, and a
    /// system call for each of them would be slower than everything else here.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if self.line.ends_with(b"\n") {
            let written = self.write_line();
            // Also after an error: the event is lost and reported, the next one is a line of its own.
            self.line.clear();
            written?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
