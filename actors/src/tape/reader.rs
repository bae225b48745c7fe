//! A tape read back, block by block. In: a file. Out: its header, then inputs in order. A torn end (the machine lost its
//! power, the process was killed) is the end, and is told.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use engine::tape::{self, Header, MAGIC, Moment, PAYLOAD_BYTES_MAX, TapeError};

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot read {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Bad { path: PathBuf, source: TapeError },
    #[error("{} ends within its first frame: nothing was recorded", path.display())]
    Empty { path: PathBuf },
}

pub struct TapeReader {
    file: BufReader<File>,
    path: PathBuf,
    header: Header,
    torn: bool,
}

impl TapeReader {
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_path_buf(), source })?;
        let mut file = BufReader::new(file);
        let mut magic = Vec::new();
        let fail = |source| ReadError::Io { path: path.to_path_buf(), source };
        (&mut file).take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(fail)?;
        let bad = |source| ReadError::Bad { path: path.to_path_buf(), source };
        if magic != MAGIC {
            return Err(bad(TapeError::NotATape { found: magic }));
        }
        let mut torn = false;
        let first = payload(&mut file, &mut torn).map_err(fail)?;
        let first = first.ok_or_else(|| ReadError::Empty { path: path.to_path_buf() })?;
        let header = tape::header(&first).map_err(bad)?;
        Ok(Self { file, path: path.to_path_buf(), header, torn: false })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What lies behind the last whole block was cut off.
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// The inputs of the next block; `None` at the end.
    pub fn next_block(&mut self) -> Result<Option<Vec<Moment>>, ReadError> {
        let read = payload(&mut self.file, &mut self.torn);
        let payload = read.map_err(|source| ReadError::Io { path: self.path.clone(), source })?;
        let Some(payload) = payload else { return Ok(None) };
        let moments = tape::block(&payload);
        moments.map(Some).map_err(|source| ReadError::Bad { path: self.path.clone(), source })
    }
}

/// The next whole payload; at anything else the tape ends.
fn payload(file: &mut BufReader<File>, torn: &mut bool) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    file.take(8).read_to_end(&mut head)?;
    let Ok(head) = <[u8; 8]>::try_from(head.as_slice()) else {
        *torn = !head.is_empty();
        return Ok(None);
    };
    let (length, crc) = tape::frame(head);
    let mut payload = Vec::new();
    if length <= PAYLOAD_BYTES_MAX {
        file.take(length as u64).read_to_end(&mut payload)?;
    }
    if payload.len() != length || length == 0 || !tape::is_whole(&payload, crc) {
        *torn = true;
        return Ok(None);
    }
    Ok(Some(payload))
}
