//! Text files of rows, plain or gzipped. In: a path. Out: the first line, then records with their line numbers.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use csv::ByteRecord;
use flate2::read::MultiGzDecoder;

use crate::error::FeedError;

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// A first line that is longer is none.
const LINE_BYTES_MAX: u64 = 8_192;

/// How a file begins.
pub(crate) struct Head {
    /// The first bytes as they lie in the file.
    pub(crate) bytes: Vec<u8>,
    /// The first line of its text, unpacked; `None` if it is not text.
    pub(crate) line: Option<String>,
}

impl Head {
    pub(crate) fn of(path: &Path) -> Result<Head, FeedError> {
        let unreadable = |error| FeedError::unreadable(path, error);
        let mut bytes = Vec::new();
        File::open(path).map_err(unreadable)?.take(8).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.is_empty() {
            return Err(FeedError::UnknownFormat { path: path.to_owned(), found: "an empty file".to_owned() });
        }
        let mut line = Vec::new();
        // What cannot be unpacked is no text; whoever reads the file says what is wrong with it.
        let read = open(path)?.take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        let line = read.ok().and_then(|_| String::from_utf8(line).ok());
        let printable = |line: &String| line.chars().all(|c| !c.is_control() || c.is_whitespace());
        Ok(Head { bytes, line: line.filter(printable).map(|line| line.trim_end().to_owned()) })
    }

    pub(crate) fn shown(&self) -> String {
        match &self.line {
            Some(line) => format!("the line `{}`", line.chars().take(80).collect::<String>()),
            None => format!("{:02x?}", self.bytes),
        }
    }
}

fn open(path: &Path) -> Result<BufReader<Box<dyn Read + Send>>, FeedError> {
    let unreadable = |error| FeedError::unreadable(path, error);
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(unreadable)?);
    let packed = file.fill_buf().map_err(unreadable)?.starts_with(&GZIP);
    let inner: Box<dyn Read + Send> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(BufReader::with_capacity(1 << 16, inner))
}

/// Records after the header.
pub(crate) struct Rows {
    path: PathBuf,
    reader: csv::Reader<BufReader<Box<dyn Read + Send>>>,
    record: ByteRecord,
    names: Vec<String>,
}

impl Rows {
    pub(crate) fn open(path: &Path, delimiter: u8) -> Result<Self, FeedError> {
        let mut how = csv::ReaderBuilder::new();
        how.delimiter(delimiter).flexible(true).trim(csv::Trim::All);
        let mut reader = how.from_reader(open(path)?);
        let names = match reader.headers() {
            Ok(names) => names.iter().map(str::to_owned).collect(),
            Err(error) => return Err(of_csv(path, "line 1", &error)),
        };
        Ok(Self { path: path.to_owned(), reader, record: ByteRecord::new(), names })
    }

    /// The place of a column.
    pub(crate) fn column(&self, name: &str) -> Result<usize, FeedError> {
        let found = || format!("columns {}", self.names.join(", "));
        self.names
            .iter()
            .position(|known| known == name)
            .ok_or_else(|| FeedError::damaged(&self.path, "line 1", found(), format!("a column `{name}`")))
    }

    /// Goes to the next record; `false` at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, FeedError> {
        let after = self.reader.position().line();
        let read = self.reader.read_byte_record(&mut self.record);
        read.map_err(|error| of_csv(&self.path, &format!("the line after {after}"), &error))
    }

    pub(crate) fn field(&self, column: usize) -> &[u8] {
        self.record.get(column).unwrap_or_default()
    }

    pub(crate) fn text(&self, column: usize) -> &str {
        std::str::from_utf8(self.field(column)).unwrap_or("?")
    }

    pub(crate) fn wrong(&self, found: impl Into<String>, expected: impl Into<String>) -> FeedError {
        let line = self.record.position().map_or(0, csv::Position::line);
        FeedError::damaged(&self.path, format!("line {line}"), found, expected)
    }
}

fn of_csv(path: &Path, at: &str, error: &csv::Error) -> FeedError {
    match error.kind() {
        csv::ErrorKind::Io(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
            FeedError::truncated(path, at, "the end of the compressed data", "more rows")
        }
        _ => FeedError::damaged(path, at, error.to_string(), "rows of text"),
    }
}
