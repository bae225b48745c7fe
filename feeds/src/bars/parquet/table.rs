//! A Parquet file as batches of numbers. In: a path, names of columns and what they mean. Out: instants in nanoseconds
//! since 1970 and numbers in billionths, a column each. Absent: bars, price grids.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::basic::Compression as C;
use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::decode::{Bad, Decode, Joined};
use crate::bars::mapping::TimeColumn;
use crate::error::FeedError;

/// Rows that are unpacked together.
const BATCH_ROWS: usize = 4_096;

/// What the values of a column are.
pub(super) enum Meaning {
    Time(TimeColumn),
    Number,
}

/// Rows of the wanted columns, in the order in which they were wanted.
#[derive(Default)]
pub(super) struct Batch {
    /// The number of the first row, from 1.
    pub(super) first_row: u64,
    /// Rows that are sound.
    pub(super) rows: usize,
    pub(super) columns: Vec<Vec<i64>>,
    /// What is wrong with the row after these.
    pub(super) then: Option<FeedError>,
}

/// One wanted column, or a date and a time of day in two.
struct Pick {
    /// As a person calls it.
    name: String,
    places: Vec<usize>,
    decode: Decode,
}

pub(super) struct Table {
    path: PathBuf,
    file: SerializedFileReader<File>,
    picks: Vec<Pick>,
    /// Row groups that were opened.
    groups: usize,
    /// Of the open row group, a list for each pick.
    readers: Vec<Vec<ColumnReader>>,
    rows_left: usize,
    next_row: u64,
}

impl Table {
    pub(super) fn open(path: &Path, wanted: Vec<(Vec<String>, Meaning)>) -> Result<Self, FeedError> {
        let file = File::open(path).map_err(|error| FeedError::unreadable(path, error))?;
        let file = SerializedFileReader::new(file).map_err(|error| of_parquet(path, "the footer", &error))?;
        let schema = file.metadata().file_metadata().schema_descr();
        let columns: Vec<&ColumnDescriptor> = schema.columns().iter().map(AsRef::as_ref).collect();
        let picks = wanted
            .into_iter()
            .map(|(names, meaning)| pick(path, &columns, &names, meaning))
            .collect::<Result<_, _>>()?;
        let table =
            Self { path: path.to_owned(), file, picks, groups: 0, readers: Vec::new(), rows_left: 0, next_row: 1 };
        table.check_packing()?;
        Ok(table)
    }

    /// Every column of every row group is packed in a way that this program unpacks.
    fn check_packing(&self) -> Result<(), FeedError> {
        for (group, pick) in
            self.file.metadata().row_groups().iter().flat_map(|g| self.picks.iter().map(move |p| (g, p)))
        {
            for place in &pick.places {
                let packing = group.column(*place).compression();
                if !matches!(packing, C::UNCOMPRESSED | C::SNAPPY | C::GZIP(_) | C::ZSTD(_)) {
                    let found = format!("column `{}` packed with {packing}", pick.name);
                    let expected = "snappy, gzip, zstd or not packed";
                    return Err(FeedError::UnknownSchema { path: self.path.clone(), found, expected });
                }
            }
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The next rows in place of those of `batch`; `false` at the end.
    pub(super) fn read(&mut self, batch: &mut Batch) -> Result<bool, FeedError> {
        while self.rows_left == 0 {
            if self.groups == self.file.num_row_groups() {
                return Ok(false);
            }
            self.open_group()?;
        }
        let rows = self.rows_left.min(BATCH_ROWS);
        batch.first_row = self.next_row;
        batch.rows = rows;
        batch.then = None;
        batch.columns.resize_with(self.picks.len(), Vec::new);
        for (place, column) in batch.columns.iter_mut().enumerate() {
            column.clear();
            let pick = &self.picks[place];
            let Err(bad) = pick.decode.read(&mut self.readers[place], rows, column) else { continue };
            // Of several the earliest row is told; what is in front of it is sound.
            if batch.then.is_none() || column.len() < batch.rows {
                batch.rows = column.len();
                batch.then = Some(self.bad(place, self.next_row + column.len() as u64, bad));
            }
        }
        self.rows_left -= rows;
        self.next_row += rows as u64;
        Ok(true)
    }

    /// What is wrong in a row, counted from 1, of a wanted column.
    pub(super) fn wrong(&self, place: usize, row: u64, found: String, expected: impl Into<String>) -> FeedError {
        FeedError::damaged(&self.path, format!("row {row}, column `{}`", self.picks[place].name), found, expected)
    }

    fn bad(&self, place: usize, row: u64, bad: Bad) -> FeedError {
        match bad {
            Bad::Value(found) => self.wrong(place, row, found, self.picks[place].decode.expected()),
            Bad::File(error) => {
                let at = format!("row {row} or after, column `{}`", self.picks[place].name);
                of_parquet(&self.path, &at, &error)
            }
        }
    }

    fn open_group(&mut self) -> Result<(), FeedError> {
        let at = format!("row group {}", self.groups + 1);
        let broken = |error: ParquetError| of_parquet(&self.path, &at, &error);
        let group = self.file.get_row_group(self.groups).map_err(broken)?;
        let rows = group.metadata().num_rows();
        let columns = |pick: &Pick| pick.places.iter().map(|place| group.get_column_reader(*place)).collect();
        self.readers = self.picks.iter().map(columns).collect::<Result<_, _>>().map_err(broken)?;
        self.rows_left = usize::try_from(rows)
            .map_err(|_| FeedError::damaged(&self.path, at, format!("{rows} rows"), "a number of rows"))?;
        self.groups += 1;
        Ok(())
    }
}

fn pick(path: &Path, columns: &[&ColumnDescriptor], names: &[String], meaning: Meaning) -> Result<Pick, FeedError> {
    let find = |name: &String| {
        let found = columns.iter().position(|column| column.path().string() == *name);
        found.ok_or_else(|| {
            let held: Vec<String> = columns.iter().map(|column| column.path().string()).collect();
            FeedError::damaged(path, "the schema", format!("columns {}", held.join(", ")), format!("a column `{name}`"))
        })
    };
    let places: Vec<usize> = names.iter().map(find).collect::<Result<_, _>>()?;
    let name = names.join("`, `");
    let unfit = |(found, expected): (String, String)| {
        FeedError::damaged(path, format!("the schema, column `{name}`"), found, expected)
    };
    let described: Vec<&ColumnDescriptor> = places.iter().map(|place| columns[*place]).collect();
    let decode = match (meaning, described.as_slice()) {
        (Meaning::Number, [column]) => Decode::of_number(column).map_err(unfit)?,
        (Meaning::Time(time), [column]) => Decode::of_time(column, time).map_err(unfit)?,
        (Meaning::Time(time), [date, clock]) => Joined::of(date, clock, time).map(Decode::Joined).map_err(unfit)?,
        (Meaning::Number | Meaning::Time(_), several) => {
            return Err(unfit((format!("{} columns", several.len()), "one, or a date's and a time's".to_owned())));
        }
    };
    Ok(Pick { name, places, decode })
}

pub(super) fn of_parquet(path: &Path, at: &str, error: &ParquetError) -> FeedError {
    match error {
        ParquetError::EOF(found) => FeedError::truncated(path, at, found.clone(), "a whole Parquet file"),
        other => FeedError::damaged(path, at, other.to_string(), "a Parquet file as it was written"),
    }
}
