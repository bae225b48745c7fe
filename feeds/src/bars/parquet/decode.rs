//! Stored values as instants and numbers. In: a column's type, what it means, its values. Out: nanoseconds since 1970,
//! or billionths, exactly; a value that is neither is told as it stands there. A missing value is an error.

use std::fmt::Debug;

use chrono::DateTime;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, Int96};
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescriptor;

use crate::bars::mapping::TimeColumn;
use crate::lean::nanos;

pub(super) enum Bad {
    /// One value, as it was found.
    Value(String),
    File(ParquetError),
}

/// What was found and what was expected.
type Unfit = (String, String);

/// How the values of a column are read.
pub(super) enum Decode {
    /// A count of something that is so many nanoseconds, since 1970 in UTC.
    Instants {
        unit_ns: i64,
    },
    /// The same as a local time.
    LocalTimes {
        unit_ns: i64,
        time: TimeColumn,
    },
    /// Spark's and old pandas' 96 bits, which are UTC.
    Int96,
    TimeText(TimeColumn),
    Joined(Joined),
    /// Whole numbers or decimals of so many places.
    Decimal {
        scale: u32,
        unsigned: bool,
    },
    Binary,
    NumberText,
}

const NUMBERS: &str = "a column of numbers: integer, float, double, decimal, or text of digits";
const DAY_NS: i64 = 86_400_000_000_000;

impl Decode {
    pub(super) fn of_number(column: &ColumnDescriptor) -> Result<Self, Unfit> {
        flat(column)?;
        let decimal = matches!(column.logical_type_ref(), Some(LogicalType::Decimal(_)))
            || column.converted_type() == ConvertedType::DECIMAL;
        let scale = if decimal { u32::try_from(column.type_scale()).unwrap_or(u32::MAX) } else { 0 };
        let unsigned = matches!(column.logical_type_ref(), Some(LogicalType::Integer(whole)) if !whole.is_signed)
            || matches!(column.converted_type(), ConvertedType::UINT_32 | ConvertedType::UINT_64);
        let unfit = || Err((shown(column), NUMBERS.to_owned()));
        match column.physical_type() {
            Type::INT32 | Type::INT64 if is_time(column) => unfit(),
            Type::INT32 | Type::INT64 => Ok(Self::Decimal { scale, unsigned }),
            Type::FLOAT | Type::DOUBLE => Ok(Self::Binary),
            Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY if decimal => Ok(Self::Decimal { scale, unsigned: false }),
            Type::BYTE_ARRAY => Ok(Self::NumberText),
            Type::BOOLEAN | Type::INT96 | Type::FIXED_LEN_BYTE_ARRAY => unfit(),
        }
    }

    pub(super) fn of_time(column: &ColumnDescriptor, time: TimeColumn) -> Result<Self, Unfit> {
        flat(column)?;
        let of_unit = |utc: bool, unit_ns: i64, time: TimeColumn| {
            if utc { Self::Instants { unit_ns } } else { Self::LocalTimes { unit_ns, time } }
        };
        match (column.physical_type(), column.logical_type_ref(), column.converted_type()) {
            (Type::INT96, ..) => Ok(Self::Int96),
            (Type::INT64, Some(LogicalType::Timestamp(stamp)), _) => {
                let unit_ns = match stamp.unit {
                    TimeUnit::MILLIS => 1_000_000,
                    TimeUnit::MICROS => 1_000,
                    TimeUnit::NANOS => 1,
                };
                Ok(of_unit(stamp.is_adjusted_to_u_t_c, unit_ns, time))
            }
            (Type::INT64, None, ConvertedType::TIMESTAMP_MILLIS) => Ok(Self::Instants { unit_ns: 1_000_000 }),
            (Type::INT64, None, ConvertedType::TIMESTAMP_MICROS) => Ok(Self::Instants { unit_ns: 1_000 }),
            (Type::INT32, Some(LogicalType::Date), _) | (Type::INT32, None, ConvertedType::DATE) => {
                Ok(Self::LocalTimes { unit_ns: DAY_NS, time })
            }
            (Type::INT64 | Type::INT32, None | Some(LogicalType::Integer(_)), _) => match time.unix_nanos() {
                Some(unit_ns) => Ok(Self::Instants { unit_ns }),
                None => Err((
                    format!("{} and time_format = {:?}", shown(column), time.format),
                    "time_format unix_s, unix_ms, unix_us or unix_ns for times that are plain numbers".to_owned(),
                )),
            },
            (Type::BYTE_ARRAY, ..) => Ok(Self::TimeText(time)),
            _ => Err((shown(column), "a column of times: timestamp, date, integer or text".to_owned())),
        }
    }

    pub(super) fn expected(&self) -> String {
        match self {
            Self::Instants { .. } | Self::Int96 => "a time from 1678 to 2261".to_owned(),
            Self::LocalTimes { time, .. } => format!("a time that there was in {}", time.zone.name()),
            Self::TimeText(time) | Self::Joined(Joined(time)) => time.expected(),
            Self::Decimal { .. } | Self::Binary | Self::NumberText => "a number with at most nine decimals".to_owned(),
        }
    }

    /// Reads `rows` values to the end of `out`. After an error `out` holds what came before it.
    pub(super) fn read(&self, readers: &mut [ColumnReader], rows: usize, out: &mut Vec<i64>) -> Result<(), Bad> {
        match readers {
            [ColumnReader::Int32ColumnReader(reader)] => fill(reader, rows, out, |n| {
                self.integer(if self.is_unsigned() { i128::from(*n as u32) } else { i128::from(*n) })
            }),
            [ColumnReader::Int64ColumnReader(reader)] => fill(reader, rows, out, |n| {
                self.integer(if self.is_unsigned() { i128::from(*n as u64) } else { i128::from(*n) })
            }),
            [ColumnReader::Int96ColumnReader(reader)] => fill(reader, rows, out, of_int96),
            [ColumnReader::FloatColumnReader(reader)] => fill(reader, rows, out, of_float),
            [ColumnReader::DoubleColumnReader(reader)] => fill(reader, rows, out, of_double),
            [ColumnReader::ByteArrayColumnReader(reader)] => fill(reader, rows, out, |bytes| self.bytes(bytes.data())),
            [ColumnReader::FixedLenByteArrayColumnReader(reader)] => {
                fill(reader, rows, out, |bytes| self.bytes(bytes.data()))
            }
            [ColumnReader::ByteArrayColumnReader(date), ColumnReader::ByteArrayColumnReader(clock)] => match self {
                Self::Joined(joined) => joined.read(date, clock, rows, out),
                _ => Err(Bad::Value("two columns".to_owned())),
            },
            _ => Err(Bad::Value("a column of another type than the schema names".to_owned())),
        }
    }

    fn is_unsigned(&self) -> bool {
        matches!(self, Self::Decimal { unsigned: true, .. })
    }

    fn integer(&self, n: i128) -> Result<i64, String> {
        let instant = |unit_ns: i64| n.checked_mul(i128::from(unit_ns)).and_then(|nanos| i64::try_from(nanos).ok());
        let read = match self {
            Self::Instants { unit_ns } => instant(*unit_ns),
            Self::LocalTimes { unit_ns, time } => instant(*unit_ns)
                .and_then(|local| Some(time.local(&DateTime::from_timestamp_nanos(local).naive_utc())?.nanos())),
            Self::Decimal { scale, .. } => scaled(n, *scale),
            _ => None,
        };
        read.ok_or_else(|| n.to_string())
    }

    fn bytes(&self, bytes: &[u8]) -> Result<i64, String> {
        let text = || format!("`{}`", String::from_utf8_lossy(bytes));
        match self {
            Self::TimeText(time) => {
                let read = std::str::from_utf8(bytes).ok().and_then(|text| time.instant(text));
                read.map(engine::time::Timestamp::nanos).ok_or_else(text)
            }
            Self::NumberText => nanos(bytes).ok_or_else(text),
            Self::Decimal { scale, .. } => {
                big_endian(bytes).and_then(|n| scaled(n, *scale)).ok_or_else(|| format!("the bytes {bytes:02x?}"))
            }
            _ => Err(text()),
        }
    }
}

/// A date and a time of day, both text.
pub(super) struct Joined(TimeColumn);

impl Joined {
    pub(super) fn of(date: &ColumnDescriptor, clock: &ColumnDescriptor, time: TimeColumn) -> Result<Self, Unfit> {
        for column in [date, clock] {
            flat(column)?;
            if column.physical_type() != Type::BYTE_ARRAY {
                return Err((shown(column), "text in both, or one column of times".to_owned()));
            }
        }
        Ok(Self(time))
    }

    fn read(
        &self,
        date: &mut ColumnReaderImpl<parquet::data_type::ByteArrayType>,
        clock: &mut ColumnReaderImpl<parquet::data_type::ByteArrayType>,
        rows: usize,
        out: &mut Vec<i64>,
    ) -> Result<(), Bad> {
        let (mut dates, mut clocks): (Vec<ByteArray>, Vec<ByteArray>) = (Vec::new(), Vec::new());
        // Both are read to their ends, so that what one of them holds before its error counts.
        let read = [values(date, rows, &mut dates), values(clock, rows, &mut clocks)];
        for (date, clock) in dates.iter().zip(&clocks) {
            let text = format!("{} {}", String::from_utf8_lossy(date.data()), String::from_utf8_lossy(clock.data()));
            let at = self.0.instant(&text).ok_or_else(|| Bad::Value(format!("the time `{text}`")))?;
            out.push(at.nanos());
        }
        read.into_iter().collect()
    }
}

fn flat(column: &ColumnDescriptor) -> Result<(), Unfit> {
    match (column.max_rep_level(), column.path().parts()) {
        (0, [_]) => Ok(()),
        _ => Err(("a nested column".to_owned(), "one value a row, at the top".to_owned())),
    }
}

fn is_time(column: &ColumnDescriptor) -> bool {
    let logical = column.logical_type_ref();
    matches!(logical, Some(LogicalType::Timestamp(_) | LogicalType::Date | LogicalType::Time(_)))
}

fn shown(column: &ColumnDescriptor) -> String {
    let meaning = match column.logical_type_ref() {
        None => "",
        Some(LogicalType::Timestamp(_)) => ", a timestamp",
        Some(LogicalType::Date) => ", a date",
        Some(LogicalType::Time(_)) => ", a time of day",
        Some(LogicalType::Decimal(_)) => ", a decimal",
        Some(LogicalType::Integer(_)) => ", an integer",
        Some(LogicalType::String) => ", a text",
        Some(_) => ", of another meaning",
    };
    format!("the type {}{meaning}", column.physical_type())
}

/// The next values, up to the first missing one.
fn values<T: DataType>(reader: &mut ColumnReaderImpl<T>, rows: usize, into: &mut Vec<T::T>) -> Result<(), Bad> {
    let mut levels = Vec::new();
    let (records, found, _) = reader.read_records(rows, Some(&mut levels), None, into).map_err(Bad::File)?;
    if records == rows && found == rows {
        return Ok(());
    }
    if found == records {
        return Err(Bad::File(ParquetError::EOF(format!("{records} rows of {rows}"))));
    }
    // A column that is not nested has the levels 0, missing, and 1.
    into.truncate(levels.iter().take_while(|level| **level == 1).count());
    Err(Bad::Value("no value".to_owned()))
}

fn fill<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    out: &mut Vec<i64>,
    convert: impl Fn(&T::T) -> Result<i64, String>,
) -> Result<(), Bad>
where
    T::T: Debug,
{
    let mut found = Vec::with_capacity(rows);
    let read = values(reader, rows, &mut found);
    for value in &found {
        out.push(convert(value).map_err(Bad::Value)?);
    }
    read
}

/// `n` of `scale` decimal places as billionths; `None` if more places than nine are used.
fn scaled(n: i128, scale: u32) -> Option<i64> {
    let billionths = match 9_u32.checked_sub(scale) {
        Some(missing) => n.checked_mul(10_i128.pow(missing))?,
        None => {
            let too_fine = 10_i128.checked_pow(scale - 9)?;
            (n % too_fine == 0).then(|| n / too_fine)?
        }
    };
    i64::try_from(billionths).ok()
}

/// A number in two's complement, highest byte first.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first()?;
    if bytes.len() > 16 {
        return None;
    }
    let sign: i128 = if first & 0x80 == 0 { 0 } else { -1 };
    Some(bytes.iter().fold(sign, |n, byte| (n << 8) | i128::from(*byte)))
}

fn of_double(value: &f64) -> Result<i64, String> {
    let nanos = (value * 1e9).round();
    // Beyond, a double cannot tell neighbours apart that far down, and no market trades there.
    if nanos.abs() < 9e18 { Ok(nanos as i64) } else { Err(value.to_string()) }
}

/// The shortest decimal that is this number: 2070.1 as a float is 2070.10009765625.
fn of_float(value: &f32) -> Result<i64, String> {
    let text = value.to_string();
    nanos(text.as_bytes()).ok_or(text)
}

const JULIAN_DAY_OF_1970: i64 = 2_440_588;
const UNFIT_DAY: &str = "a time of 96 bits beyond these years";

fn of_int96(value: &Int96) -> Result<i64, String> {
    let [low, high, day] = *<&[u32; 3]>::try_from(value.data()).map_err(|_| UNFIT_DAY.to_owned())?;
    let of_day = i64::from(low) | (i64::from(high) << 32);
    let days = i64::from(day) - JULIAN_DAY_OF_1970;
    days.checked_mul(DAY_NS).and_then(|nanos| nanos.checked_add(of_day)).ok_or_else(|| UNFIT_DAY.to_owned())
}
