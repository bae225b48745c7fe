//! The bytes of one zip entry, checked against the directory's length and checksum. In: a path and a place in it.
//! Out: decompressed bytes. Many entries are read side by side, so each has its own file handle.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use crate::error::FeedError;

/// Where an entry lies and what the directory says about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) start: u64,
    pub(super) deflated: bool,
    pub(super) packed_bytes: u64,
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

pub(super) struct EntryReader {
    inner: Box<dyn Read + Send>,
    crc: Crc,
    read: u64,
    place: Place,
}

impl EntryReader {
    pub(super) fn open(path: &Path, place: Place) -> Result<Self, FeedError> {
        let mut file = File::open(path).map_err(|error| FeedError::unreadable(path, error))?;
        file.seek(SeekFrom::Start(place.start)).map_err(|error| FeedError::unreadable(path, error))?;
        let packed = BufReader::with_capacity(1 << 14, file).take(place.packed_bytes);
        let inner: Box<dyn Read + Send> =
            if place.deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
        Ok(Self { inner, crc: Crc::new(), read: 0, place })
    }

    fn check(&self) -> io::Result<()> {
        if self.read < self.place.bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.read > self.place.bytes || self.crc.sum() != self.place.crc {
            let text = "the length or the checksum differs from the zip directory's";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(())
    }
}

impl Read for EntryReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.crc.update(&buffer[..count]);
        self.read += count as u64;
        if count == 0 && !buffer.is_empty() {
            self.check()?;
        }
        Ok(count)
    }
}
