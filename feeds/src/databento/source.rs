//! Records of one DBN file, and whether it ended where it should. In: a path. Out: metadata, records, or an error with
//! the record's number. The `dbn` crate takes a file that was cut off for one that ended; this module tells the two apart.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dbn::decode::{DbnDecoder, DbnMetadata, DynReader};
use dbn::{Metadata, Record as _, RecordRef, Schema, VersionUpgradePolicy};

use crate::error::FeedError;

pub(crate) struct Records {
    path: PathBuf,
    decoder: DbnDecoder<Tally>,
    /// Decompressed bytes that the decoder took, metadata included.
    passed: Arc<AtomicU64>,
    metadata_bytes: u64,
    record_bytes: u64,
    records: u64,
}

/// Counts the decompressed bytes that pass and keeps an early end from looking like an end.
struct Tally {
    inner: Box<dyn Read + Send>,
    passed: Arc<AtomicU64>,
}

#[derive(Debug, thiserror::Error)]
#[error("the compressed stream ends inside a frame")]
struct CutOff;

impl Read for Tally {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::other(CutOff),
            _ => error,
        })?;
        self.passed.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// `DBN`, the version, and the length of the metadata that follows.
const PRELUDE_BYTES: usize = 8;
const WHOLE_RECORDS: &str = "whole records up to the end";

impl Records {
    pub(crate) fn open(path: &Path) -> Result<Self, FeedError> {
        let file = File::open(path).map_err(|error| FeedError::unreadable(path, error))?;
        let file_bytes = file.metadata().map_err(|error| FeedError::unreadable(path, error))?.len();
        let reader = DynReader::inferred_with_buffer(BufReader::with_capacity(1 << 16, file))
            .map_err(|error| of_dbn(path, "the first bytes", &error))?;
        let compressed = reader.is_compressed();
        let mut inner: Box<dyn Read + Send> = Box::new(reader);
        let prelude = prelude(path, &mut inner)?;
        let metadata_bytes = PRELUDE_BYTES as u64 + u64::from(u32::from_le_bytes(last_four(prelude)));
        let passed = Arc::new(AtomicU64::new(0));
        let tally = Tally { inner: Box::new(io::Cursor::new(prelude).chain(inner)), passed: passed.clone() };
        let decoder = DbnDecoder::with_upgrade_policy(tally, VersionUpgradePolicy::AsIs)
            .map_err(|error| of_dbn(path, "metadata", &error))?;
        let records = Self { path: path.to_owned(), decoder, passed, metadata_bytes, record_bytes: 0, records: 0 };
        if !compressed {
            records.check_length(file_bytes)?;
        }
        Ok(records)
    }

    pub(super) fn metadata(&self) -> &Metadata {
        self.decoder.metadata()
    }

    /// `None` at the end of a file that is whole.
    pub(crate) fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, FeedError> {
        let at = self.records + 1;
        match self.decoder.decode_ref() {
            Ok(Some(record)) => {
                self.records = at;
                self.record_bytes += record.record_size() as u64;
                Ok(Some(record))
            }
            Ok(None) => {
                let left = self.passed.load(Ordering::Relaxed).saturating_sub(self.metadata_bytes + self.record_bytes);
                if left == 0 {
                    return Ok(None);
                }
                let found = format!("{left} bytes of a record");
                Err(FeedError::truncated(&self.path, format!("record {at}"), found, WHOLE_RECORDS))
            }
            Err(error) => Err(of_dbn(&self.path, &format!("record {at}"), &error)),
        }
    }

    /// What is wrong with the record that was read last.
    pub(crate) fn wrong(&self, found: String, expected: &str) -> FeedError {
        FeedError::damaged(&self.path, format!("record {}", self.records), found, expected)
    }

    /// An error about the record that was read last.
    pub(super) fn broken(&self, error: &dbn::Error) -> FeedError {
        of_dbn(&self.path, &format!("record {}", self.records), error)
    }

    /// Records of one schema have one size, so a plain file that was cut shows it before it is read.
    fn check_length(&self, file_bytes: u64) -> Result<(), FeedError> {
        let size = match self.metadata().schema {
            Some(Schema::Trades) => size_of::<dbn::TradeMsg>(),
            Some(Schema::Mbp1) => size_of::<dbn::Mbp1Msg>(),
            Some(Schema::Mbo) => size_of::<dbn::MboMsg>(),
            _ => return Ok(()),
        };
        let size = size as u64 + if self.metadata().ts_out { 8 } else { 0 };
        let body = file_bytes.saturating_sub(self.metadata_bytes);
        if body.is_multiple_of(size) {
            return Ok(());
        }
        let found = format!("{} bytes of a record of {size}", body % size);
        Err(FeedError::truncated(&self.path, format!("record {}", body / size + 1), found, WHOLE_RECORDS))
    }
}

fn prelude(path: &Path, reader: &mut impl Read) -> Result<[u8; PRELUDE_BYTES], FeedError> {
    let mut prelude = [0; PRELUDE_BYTES];
    reader.read_exact(&mut prelude).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => FeedError::truncated(path, "the first bytes", "the end", "DBN metadata"),
        _ => FeedError::damaged(path, "the first bytes", error.to_string(), "DBN metadata"),
    })?;
    if prelude[..3] != *b"DBN" {
        let found = format!("a zstd stream that begins with {:02x?}", &prelude[..3]);
        return Err(FeedError::UnknownFormat { path: path.to_owned(), found });
    }
    if !(1..=3).contains(&prelude[3]) {
        let found = format!("DBN version {}", prelude[3]);
        return Err(FeedError::UnknownSchema { path: path.to_owned(), found, expected: "DBN version 1, 2 or 3" });
    }
    Ok(prelude)
}

fn last_four(prelude: [u8; PRELUDE_BYTES]) -> [u8; 4] {
    [prelude[4], prelude[5], prelude[6], prelude[7]]
}

fn of_dbn(path: &Path, at: &str, error: &dbn::Error) -> FeedError {
    let cut_off = |source: &io::Error| {
        source.kind() == io::ErrorKind::UnexpectedEof || source.get_ref().is_some_and(|inner| inner.is::<CutOff>())
    };
    match error {
        dbn::Error::Io { source, .. } if cut_off(source) => {
            FeedError::truncated(path, at, "the end of the file", "more of a compressed stream or of its metadata")
        }
        dbn::Error::Io { source, .. } => {
            FeedError::damaged(path, at, source.to_string(), "readable, correctly compressed data")
        }
        other => FeedError::damaged(path, at, other.to_string(), "a DBN record"),
    }
}
