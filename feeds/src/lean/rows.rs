//! Rows of one LEAN CSV. In: decompressed text. Out: ticks, trade bars, quote bars as numbers, prices in billionths of a
//! point. A row that does not read is an error with file, entry, line and field.

use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;
use csv::ByteRecord;

use super::entry::EntryReader;
use super::{Entry, Kind};
use crate::error::FeedError;

/// Prices in billionths of a point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ohlc {
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
}

/// One row; times in milliseconds since the day's UTC midnight, of hours and days since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Row {
    Tick {
        ms: u64,
        price: i64,
        size: u32,
        suspicious: bool,
    },
    Trades {
        ms: u64,
        prices: Ohlc,
        volume: u32,
    },
    /// A side that did not change is `None`.
    Quotes {
        ms: u64,
        bid: Option<(Ohlc, u32)>,
        ask: Option<(Ohlc, u32)>,
    },
}

pub(crate) struct Rows {
    path: PathBuf,
    entry: String,
    kind: Kind,
    reader: csv::Reader<EntryReader>,
    record: ByteRecord,
}

const DAY_MS: u64 = 86_400_000;

impl Rows {
    pub(crate) fn open(path: &Path, entry: &Entry) -> Result<Self, FeedError> {
        let bytes = EntryReader::open(path, entry.place)?;
        let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let (path, name) = (path.to_owned(), entry.name.clone());
        Ok(Self { path, entry: name, kind: entry.kind, reader, record: ByteRecord::new() })
    }

    pub(crate) fn next_row(&mut self) -> Result<Option<Row>, FeedError> {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => self.row().map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(self.of_csv(error)),
        }
    }

    /// Contracts traded in all rows.
    pub(super) fn volume(mut self) -> Result<u64, FeedError> {
        let mut total = 0;
        while let Some(row) = self.next_row()? {
            total += match row {
                Row::Tick { size, .. } => u64::from(size),
                Row::Trades { volume, .. } => u64::from(volume),
                Row::Quotes { .. } => 0,
            };
        }
        Ok(total)
    }

    fn row(&self) -> Result<Row, FeedError> {
        let fields = match self.kind {
            Kind::Ticks | Kind::TradeBars { .. } => 6,
            Kind::QuoteBars { .. } | Kind::OpenInterest => 11,
        };
        if self.record.len() != fields {
            return Err(self.wrong(format!("{} fields", self.record.len()), format!("{fields} fields")));
        }
        let ms = match self.kind.is_long() {
            true => self.date_time()?,
            false => self.whole(0, "milliseconds since midnight")?,
        };
        if ms >= DAY_MS && !self.kind.is_long() {
            return Err(self.wrong(format!("time {ms}"), format!("milliseconds since midnight, less than {DAY_MS}")));
        }
        Ok(match self.kind {
            Kind::Ticks => {
                let suspicious = self.field(5) == b"1";
                Row::Tick { ms, price: self.price(1)?, size: self.size(2)?, suspicious }
            }
            Kind::TradeBars { .. } => Row::Trades { ms, prices: self.prices(1)?, volume: self.size(5)? },
            Kind::QuoteBars { .. } | Kind::OpenInterest => Row::Quotes { ms, bid: self.side(1)?, ask: self.side(6)? },
        })
    }

    /// `20200102 14:00`, UTC, as milliseconds since 1970.
    fn date_time(&self) -> Result<u64, FeedError> {
        let text = std::str::from_utf8(self.field(0)).unwrap_or_default();
        let at = NaiveDateTime::parse_from_str(text, "%Y%m%d %H:%M").ok();
        let ms = at.and_then(|at| u64::try_from(at.and_utc().timestamp_millis()).ok());
        ms.ok_or_else(|| self.wrong_field(0, "a time such as 20200102 14:00"))
    }

    fn side(&self, first: usize) -> Result<Option<(Ohlc, u32)>, FeedError> {
        if self.field(first).is_empty() {
            return Ok(None);
        }
        Ok(Some((self.prices(first)?, self.size(first + 4)?)))
    }

    fn prices(&self, first: usize) -> Result<Ohlc, FeedError> {
        let [open, high, low, close] =
            [self.price(first)?, self.price(first + 1)?, self.price(first + 2)?, self.price(first + 3)?];
        if low > open.min(close) || high < open.max(close) {
            return Err(
                self.wrong("open or close outside of low and high".to_owned(), "low <= open, close <= high".to_owned())
            );
        }
        Ok(Ohlc { open, high, low, close })
    }

    fn price(&self, index: usize) -> Result<i64, FeedError> {
        nanos(self.field(index)).ok_or_else(|| self.wrong_field(index, "a price"))
    }

    fn size(&self, index: usize) -> Result<u32, FeedError> {
        let size = self.whole(index, "a number of contracts")?;
        u32::try_from(size).map_err(|_| self.wrong_field(index, "a number of contracts below four billion"))
    }

    fn whole(&self, index: usize, expected: &str) -> Result<u64, FeedError> {
        // Vendors write `49` and `49.0`.
        let nanos = nanos(self.field(index)).filter(|nanos| *nanos >= 0 && nanos % NANOS == 0);
        nanos.map(|nanos| (nanos / NANOS).unsigned_abs()).ok_or_else(|| self.wrong_field(index, expected))
    }

    fn field(&self, index: usize) -> &[u8] {
        self.record.get(index).unwrap_or_default().trim_ascii()
    }

    fn at(&self) -> String {
        let line = self.record.position().map_or(0, csv::Position::line);
        format!("{} line {line}", self.entry)
    }

    pub(crate) fn wrong(&self, found: String, expected: String) -> FeedError {
        FeedError::damaged(&self.path, self.at(), found, expected)
    }

    fn wrong_field(&self, index: usize, expected: &str) -> FeedError {
        let found = String::from_utf8_lossy(self.field(index)).into_owned();
        self.wrong(format!("`{found}` in field {}", index + 1), expected.to_owned())
    }

    fn of_csv(&self, error: csv::Error) -> FeedError {
        let at = format!("{} after line {}", self.entry, self.reader.position().line());
        let text = error.to_string();
        match error.into_kind() {
            csv::ErrorKind::Io(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
                FeedError::truncated(&self.path, at, "the end of the compressed data", "more rows")
            }
            csv::ErrorKind::Io(source) => {
                FeedError::damaged(&self.path, at, source.to_string(), "data as the zip directory describes it")
            }
            _ => FeedError::damaged(&self.path, at, text, "comma-separated values"),
        }
    }
}

const NANOS: i64 = 1_000_000_000;

/// Powers of ten.
const BILLIONTHS: [i64; 10] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// A decimal number as billionths, exactly. `None` for anything else and for more than nine decimals.
pub(crate) fn nanos(text: &[u8]) -> Option<i64> {
    let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |digits| (true, digits));
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    let (mut value, mut decimals) = (0_i64, None);
    for (place, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?,
            b'.' if decimals.is_none() => decimals = Some(digits.len() - place - 1),
            _ => return None,
        }
    }
    let missing = 9_usize.checked_sub(decimals.unwrap_or(0))?;
    let value = value.checked_mul(BILLIONTHS[missing])?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::nanos;

    #[test]
    fn decimal_text_is_read_exactly() {
        assert_eq!(nanos(b"1313.7"), Some(1_313_700_000_000));
        assert_eq!(nanos(b"0.0000005"), Some(500));
        assert_eq!(nanos(b"-37.63"), Some(-37_630_000_000));
        assert_eq!(nanos(b"49"), Some(49_000_000_000));
        assert_eq!(nanos(b"49."), Some(49_000_000_000));
        for text in ["", "-", ".5", "1.2.3", "abc", "1e5", "0.1234567891", "99999999999", " 1"] {
            assert_eq!(nanos(text.as_bytes()), None, "{text}");
        }
    }
}
