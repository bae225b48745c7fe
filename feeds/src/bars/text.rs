//! Text files of rows, plain or gzipped. In: a path. Out: the first line, then records with their line numbers.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
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
            return Err(FeedError::Nothing(format!("{} is empty", path.display())));
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

/// Records after the header. A record is a line: a quoted field may hold the delimiter, but no end of a line.
pub(crate) struct Rows {
    path: PathBuf,
    reader: BufReader<Box<dyn Read + Send>>,
    delimiter: u8,
    names: Vec<String>,
    /// The number of the line, from 1.
    number: u64,
    line: Vec<u8>,
    /// Where the fields of the line begin and end.
    fields: Vec<(usize, usize)>,
    /// The fields of a line with quotes; otherwise empty.
    unquoted: ByteRecord,
}

/// A longer line is none.
const ROW_BYTES_MAX: u64 = 1 << 16;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Rows {
    pub(crate) fn open(path: &Path, delimiter: u8) -> Result<Self, FeedError> {
        let (names, line, fields, unquoted) = (Vec::new(), Vec::new(), Vec::new(), ByteRecord::new());
        let (path, reader) = (path.to_owned(), open(path)?);
        let mut rows = Self { path, reader, delimiter, names, number: 0, line, fields, unquoted };
        rows.advance()?;
        let count = rows.fields.len().max(rows.unquoted.len());
        let name = |place: usize| {
            let name = rows.field(place);
            let name = name.strip_prefix(BYTE_ORDER_MARK).filter(|_| place == 0).unwrap_or(name);
            String::from_utf8(name.to_owned()).map_err(|_| rows.wrong("bytes that are no text", "names of columns"))
        };
        rows.names = (0..count).map(name).collect::<Result<_, _>>()?;
        Ok(rows)
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
        self.fields.clear();
        self.unquoted.clear();
        loop {
            self.line.clear();
            let limited = &mut (&mut self.reader).take(ROW_BYTES_MAX);
            let read = limited.read_until(b'\n', &mut self.line).map_err(|error| self.broken(error))?;
            if read == 0 {
                return Ok(false);
            }
            self.number += 1;
            match self.line.strip_suffix(b"\n") {
                Some(line) => self.line.truncate(line.strip_suffix(b"\r").unwrap_or(line).len()),
                None if read as u64 == ROW_BYTES_MAX => return Err(self.wrong("a line without end", "rows of text")),
                None => {}
            }
            if !self.line.is_empty() {
                break;
            }
        }
        if !self.split() {
            self.fields.clear();
            self.unquote()?;
        }
        Ok(true)
    }

    /// `false` for a line with quotes.
    fn split(&mut self) -> bool {
        let mut begin = 0;
        for (place, byte) in self.line.iter().enumerate() {
            if *byte == self.delimiter {
                self.fields.push((begin, place));
                begin = place + 1;
            } else if *byte == b'"' {
                return false;
            }
        }
        self.fields.push((begin, self.line.len()));
        true
    }

    fn unquote(&mut self) -> Result<(), FeedError> {
        if !self.line.iter().filter(|byte| **byte == b'"').count().is_multiple_of(2) {
            return Err(self.wrong("a quote that does not end on its line", "rows of text"));
        }
        let mut how = csv::ReaderBuilder::new();
        how.delimiter(self.delimiter).has_headers(false).trim(csv::Trim::All);
        let line = self.line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.line);
        let read = how.from_reader(line).read_byte_record(&mut self.unquoted);
        read.map(|_| ()).map_err(|error| self.wrong(error.to_string(), "rows of text"))
    }

    pub(crate) fn field(&self, column: usize) -> &[u8] {
        match self.fields.get(column) {
            Some((begin, end)) => self.line[*begin..*end].trim_ascii(),
            None => self.unquoted.get(column).unwrap_or_default(),
        }
    }

    pub(crate) fn text(&self, column: usize) -> &str {
        std::str::from_utf8(self.field(column)).unwrap_or("?")
    }

    pub(crate) fn wrong(&self, found: impl Into<String>, expected: impl Into<String>) -> FeedError {
        FeedError::damaged(&self.path, format!("line {}", self.number), found, expected)
    }

    fn broken(&self, error: io::Error) -> FeedError {
        let at = format!("the line after {}", self.number);
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                FeedError::truncated(&self.path, at, "the end of the compressed data", "more rows")
            }
            _ => FeedError::damaged(&self.path, at, error.to_string(), "rows of text"),
        }
    }
}
