//! Sierra Chart's bar text: `Date, Time, Open, High, Low, Last, Volume, NumberOfTrades, BidVolume, AskVolume`, stamped at
//! the open in the chart's time zone, which the file does not name.

use std::path::Path;

use super::columns::ColumnFile;
use super::mapping::{Columns, Stamp, TimeColumn};
use super::text::Head;
use super::{BarFile, Told};
use crate::error::FeedError;

const HEADER: &str = "Date, Time, Open, High, Low, Last, Volume, NumberOfTrades";

pub(super) fn open(path: &Path, head: &Head, told: &Told<'_>) -> Option<Result<Box<dyn BarFile>, FeedError>> {
    head.line.as_ref().filter(|line| line.starts_with(HEADER))?;
    let name = str::to_owned;
    let columns = Columns {
        delimiter: b',',
        time: TimeColumn {
            names: vec![name("Date"), name("Time")],
            format: name("%Y/%m/%d %H:%M:%S%.f"),
            zone: told.options.zone,
        },
        stamp: Stamp::Open,
        open: name("Open"),
        high: name("High"),
        low: name("Low"),
        close: name("Last"),
        volume: Some(name("Volume")),
        trades: Some(name("NumberOfTrades")),
        symbol: None,
        bar_s: None,
    };
    Some(ColumnFile::open(path, columns).map(|file| Box::new(file) as Box<dyn BarFile>))
}
