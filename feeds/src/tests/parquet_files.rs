//! Parquet files made here with the crate that reads them, and one of pyarrow's: every type that prices and times come
//! in, files that are wrong, and the same bars as text.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use engine::bar_market::BarEvent;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type, Int96, Int96Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::faults::folder;
use super::*;
use crate::{BarOptions, Columns, FeedError, Stamp, TimeColumn, open_bars};

fn mapping() -> Columns {
    let name = str::to_owned;
    Columns {
        delimiter: b',',
        time: TimeColumn { names: vec![name("time")], format: name("unix_s"), zone: chrono_tz::UTC },
        stamp: Stamp::Open,
        open: name("open"),
        high: name("high"),
        low: name("low"),
        close: name("close"),
        volume: Some(name("volume")),
        trades: None,
        symbol: None,
        bar_s: None,
    }
}

fn options(columns: Columns) -> BarOptions {
    BarOptions { columns: Some(columns), ..BarOptions::default() }
}

type Group<'a> = SerializedRowGroupWriter<'a, File>;

/// `None` is a missing value.
fn column<T: DataType>(group: &mut Group<'_>, values: impl IntoIterator<Item = Option<T::T>>) {
    let values: Vec<Option<T::T>> = values.into_iter().collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<T::T> = values.into_iter().flatten().collect();
    let mut writer = group.next_column().expect("a column").expect("one more");
    writer.typed::<T>().write_batch(&present, Some(&levels), None).expect("values");
    writer.close().expect("the column's end");
}

fn all<T: DataType>(group: &mut Group<'_>, values: impl IntoIterator<Item = T::T>) {
    column::<T>(group, values.into_iter().map(Some));
}

/// A file of `groups` row groups, each filled by `fill`.
fn write_groups(path: &Path, schema: &str, groups: usize, mut fill: impl FnMut(usize, &mut Group<'_>)) {
    let schema = Arc::new(parse_message_type(&format!("message bars {{ {schema} }}")).expect("a schema"));
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(zstd).set_data_page_row_count_limit(1_000).build();
    let file = File::create(path).expect("a file");
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).expect("a writer");
    for number in 0..groups {
        let mut group = writer.next_row_group().expect("a group");
        fill(number, &mut group);
        group.close().expect("the group's end");
    }
    writer.close().expect("a footer");
}

const PLAIN: &str = "optional int64 time; optional double open; optional double high; optional double low; \
                     optional double close; optional int64 volume;";
/// 2024-01-02T15:00:00Z.
const START: i64 = 1_704_207_600;

fn bars_of(path: &Path, options: &BarOptions) -> Result<Vec<BarEvent>, FeedError> {
    open_bars(&[path.to_owned()], &[], &Select::All, options)?.bars.collect()
}

/// Four sound rows of prices and volume, whatever the time is.
fn four_rows(group: &mut Group<'_>) {
    for prices in [[4800.25; 4], [4801.0; 4], [4799.75; 4], [4800.5; 4]] {
        all::<DoubleType>(group, prices);
    }
    all::<Int64Type>(group, [7; 4]);
}

#[test]
fn rows_become_the_bars_that_the_same_text_becomes() {
    let dir = folder();
    let (groups, rows) = (3, 5_000);
    let bar = |n: i64| {
        let open = 19_200 + n % 40;
        let point = |ticks: i64| ticks as f64 / 4.0;
        (START + 60 * n, [point(open), point(open + 3), point(open - 2), point(open + 1)], n % 100)
    };
    let packed = dir.path().join("ESH24.parquet");
    write_groups(&packed, PLAIN, groups, |number, group| {
        let own: Vec<_> = (0..rows).map(|n| bar(number as i64 * rows + n)).collect();
        all::<Int64Type>(group, own.iter().map(|(time, ..)| *time));
        for place in 0..4 {
            all::<DoubleType>(group, own.iter().map(|(_, prices, _)| prices[place]));
        }
        all::<Int64Type>(group, own.iter().map(|(.., volume)| *volume));
    });
    let mut text = "time,open,high,low,close,volume\n".to_owned();
    for n in 0..groups as i64 * rows {
        let (time, [open, high, low, close], volume) = bar(n);
        text.push_str(&format!("{time},{open},{high},{low},{close},{volume}\n"));
    }
    let plain = dir.path().join("ESH24.csv");
    fs::write(&plain, text).expect("a file");
    let [packed, plain] = [packed, plain].map(|path| bars_of(&path, &options(mapping())).expect("sound"));
    assert_eq!(packed.len(), 15_000);
    assert!(packed == plain, "the same bars");
    let volumes = open_bars(&[dir.path().join("ESH24.parquet")], &[], &Select::MostTraded, &options(mapping()));
    assert_eq!(volumes.expect("sound").instruments[0].name, "ESH24");
}

#[test]
fn parquet_and_text_of_several_contracts_are_merged_by_time() {
    let dir = folder();
    let (packed, plain) = (dir.path().join("ESH24.parquet"), dir.path().join("ESM24.csv"));
    write_groups(&packed, PLAIN, 1, |_, group| {
        all::<Int64Type>(group, [0, 2, 4, 6].map(|m| START + 60 * m));
        four_rows(group);
    });
    let row = |m: i64| format!("{},4810,4812,4809,4811,5\n", START + 60 * m);
    fs::write(&plain, format!("time,open,high,low,close,volume\n{}", [1, 2, 3, 9].map(row).concat())).expect("a file");
    let columns = Columns { bar_s: Some(60), ..mapping() };
    let opened =
        open_bars(&[plain.clone(), packed.clone()], &[], &Select::All, &options(columns.clone())).expect("sound");
    let order: Vec<(i64, u16)> = opened
        .bars
        .map(|bar| bar.map(|bar| ((bar.open_ts().secs() - START) / 60, bar.symbol().0)).expect("sound"))
        .collect();
    // At one time the file that was named first.
    assert_eq!(order, [(0, 0), (1, 1), (2, 1), (2, 0), (3, 1), (4, 0), (6, 0), (9, 1)]);
    // The same contract as text and as Parquet, with a minute in common.
    let again = dir.path().join("ESH24.csv");
    fs::write(&again, format!("time,open,high,low,close,volume\n{}", [1, 2].map(row).concat())).expect("a file");
    let twice = open_bars(&[again, packed], &[], &Select::All, &options(columns)).expect("sound heads");
    let error = twice.bars.filter_map(Result::err).next().expect("they overlap");
    assert!(error.to_string().contains("two files hold the same bars"), "{error}");
}

#[test]
fn prices_come_in_every_type_of_number() {
    let dir = folder();
    let check = |kind: &str, write: &dyn Fn(&mut Group<'_>, [i64; 2])| {
        let path = dir.path().join("GCG24.parquet");
        let schema = format!(
            "required int64 time; {0} open{1}; {0} high{1}; {0} low{1}; {0} close{1}; required int64 volume (INTEGER(64,false));",
            kind.split(" | ").next().unwrap_or_default(),
            kind.split(" | ").nth(1).unwrap_or_default()
        );
        write_groups(&path, &schema, 1, |_, group| {
            all::<Int64Type>(group, [START, START + 60]);
            for tenths in [[20_701, 20_702], [20_705, 20_705], [20_699, 20_700], [20_702, 20_703]] {
                write(group, tenths);
            }
            all::<Int64Type>(group, [3, 4]);
        });
        let found = bars_of(&path, &options(mapping())).unwrap_or_else(|error| panic!("{kind}: {error}"));
        let [BarEvent::Trades(first), BarEvent::Trades(second)] = found[..] else { panic!("{kind}: {found:?}") };
        assert_eq!([first.open, first.high, first.low, first.close].map(|p| p.0), [20_701, 20_705, 20_699, 20_702]);
        assert_eq!((second.close, second.volume), (Price(20_703), 4), "{kind}");
    };
    check("optional double", &|group, tenths| all::<DoubleType>(group, tenths.map(|n| n as f64 / 10.0)));
    check("optional float", &|group, tenths| all::<FloatType>(group, tenths.map(|n| n as f32 / 10.0)));
    check("required int64 | (DECIMAL(18,4))", &|group, tenths| all::<Int64Type>(group, tenths.map(|n| n * 1_000)));
    check("required int32 | (DECIMAL(9,2))", &|group, tenths| {
        all::<Int32Type>(group, tenths.map(|n| i32::try_from(n * 10).expect("small")));
    });
    check("required fixed_len_byte_array(16) | (DECIMAL(38,12))", &|group, tenths| {
        let bytes = |n: i64| (i128::from(n) * 100_000_000_000).to_be_bytes().to_vec();
        all::<FixedLenByteArrayType>(group, tenths.map(|n| FixedLenByteArray::from(bytes(n))));
    });
    check("required binary | (UTF8)", &|group, tenths| {
        all::<ByteArrayType>(group, tenths.map(|n| ByteArray::from(format!("{}.{}", n / 10, n % 10).as_str())));
    });
}

/// One column of prices in the place of the close; the other prices are doubles of 10.
fn closes(path: &Path, kind: &str, write: impl Fn(&mut Group<'_>)) -> Result<Vec<BarEvent>, FeedError> {
    let schema = format!(
        "required int64 time; optional double open; optional double high; optional double low; {kind}; \
         required int32 volume (INTEGER(32,false));"
    );
    write_groups(path, &schema, 1, |_, group| {
        all::<Int64Type>(group, [START, START + 60]);
        for prices in [[10.0; 2], [100.0; 2], [-100.0; 2]] {
            all::<DoubleType>(group, prices);
        }
        write(group);
        all::<Int32Type>(group, [7, -1]);
    });
    bars_of(path, &BarOptions { jump_ticks_max: 1_000_000, ..options(mapping()) })
}

#[test]
fn signs_decimals_and_unsigned_numbers_are_read_exactly() {
    let dir = folder();
    // Crude oil has traded below zero.
    let path = dir.path().join("CLK20.parquet");
    let bytes = |n: i128| FixedLenByteArray::from(n.to_be_bytes().to_vec());
    let wide = "required fixed_len_byte_array(16) close (DECIMAL(38,12))";
    let trillion = 1_000_000_000_000_i128;
    let found = closes(&path, wide, |group| {
        all::<FixedLenByteArrayType>(group, [-3_763 * trillion / 100, 10 * trillion].map(bytes));
    });
    let found = found.unwrap_or_else(|error| panic!("{error}"));
    let [BarEvent::Trades(first), BarEvent::Trades(second)] = found[..] else { panic!("{found:?}") };
    assert_eq!((first.close, second.close), (Price(-3_763), Price(1_000)));
    assert_eq!((first.volume, second.volume), (7, 4_294_967_295), "an unsigned number with its highest bit");
    let short = |n: i64| FixedLenByteArray::from(n.to_be_bytes().to_vec());
    let narrow = closes(&path, "required fixed_len_byte_array(8) close (DECIMAL(18,2))", |group| {
        all::<FixedLenByteArrayType>(group, [-3_763, 1_000].map(short));
    });
    assert!(narrow.is_ok_and(|narrow| narrow == found), "in fewer bytes the same");
    let too_fine = closes(&path, wide, |group| {
        all::<FixedLenByteArrayType>(group, [10 * trillion + 1, 10 * trillion].map(bytes));
    });
    let told = too_fine.expect_err("a trillionth").to_string();
    assert!(told.contains("row 1, column `close`") && told.contains("a number with at most nine decimals"), "{told}");
    let stamp = closes(&path, "required int64 close (TIMESTAMP(MILLIS,true))", |group| all::<Int64Type>(group, [1, 2]));
    let told = stamp.expect_err("no price").to_string();
    assert!(told.contains("found the type INT64, a timestamp, expected a column of numbers"), "{told}");
}

#[test]
fn a_nested_column_is_refused() {
    let dir = folder();
    let path = dir.path().join("ESH24.parquet");
    let schema = "optional int64 time; optional double open; optional double high; optional double low; \
                  optional group last { required double close; } optional int64 volume;";
    write_groups(&path, schema, 1, |_, group| {
        all::<Int64Type>(group, [0, 1, 2, 3].map(|m| START + 60 * m));
        four_rows(group);
    });
    let nested = Columns { close: "last.close".to_owned(), ..mapping() };
    let text = told(&path, &options(nested));
    assert!(text.contains("found a nested column, expected one value a row, at the top"), "{text}");
}

#[test]
fn a_volume_is_whole_and_counts_for_the_most_traded() {
    let dir = folder();
    let schema = PLAIN.replace("int64 volume", "double volume");
    let write = |name: &str, volumes: [f64; 4]| {
        let path = dir.path().join(name);
        write_groups(&path, &schema, 1, |_, group| {
            all::<Int64Type>(group, [0, 1, 2, 3].map(|m| START + 60 * m));
            for prices in [[4800.25; 4], [4801.0; 4], [4799.75; 4], [4800.5; 4]] {
                all::<DoubleType>(group, prices);
            }
            all::<DoubleType>(group, volumes);
        });
        path
    };
    let text = told(&write("ESU24.parquet", [7.0, 7.5, 7.0, 7.0]), &options(mapping()));
    assert!(text.contains("row 2, column `volume`: found 7.5, expected a whole number"), "{text}");
    let paths = [write("ESH24.parquet", [7.0; 4]), write("ESM24.parquet", [7.0, 7.0, 7.0, 8.0])];
    let opened = open_bars(&paths, &[], &Select::MostTraded, &options(mapping())).expect("sound");
    let names: Vec<&str> = opened.instruments.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["ESM24"]);
}

#[test]
fn a_price_off_the_grid_far_inside_is_named_by_its_row() {
    let dir = folder();
    let path = dir.path().join("ESH24.parquet");
    let rows = 6_000;
    write_groups(&path, PLAIN, 1, |_, group| {
        all::<Int64Type>(group, (0..rows).map(|n| START + 60 * n));
        for _ in 0..4 {
            all::<DoubleType>(group, (0..rows).map(|n| if n == 5_000 { 4800.1 } else { 4800.0 }));
        }
        all::<Int64Type>(group, (0..rows).map(|_| 1));
    });
    let text = told(&path, &options(mapping()));
    assert!(text.contains("row 5001, column `open`: found the price 4800.1"), "{text}");
}

#[test]
fn times_come_in_every_type_of_time() {
    let dir = folder();
    let path = dir.path().join("ESH24.parquet");
    let check = |schema: &str, format: &str, names: &[&str], write: &dyn Fn(&mut Group<'_>), expected: &str| {
        let prices = "optional double open; optional double high; optional double low; optional double close; \
                      optional int64 volume;";
        write_groups(&path, &format!("{schema} {prices}"), 1, |_, group| {
            write(group);
            four_rows(group);
        });
        let time = TimeColumn {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            format: format.to_owned(),
            zone: chrono_tz::America::Chicago,
        };
        let found = bars_of(&path, &options(Columns { time, ..mapping() }));
        let found = found.unwrap_or_else(|error| panic!("{schema}: {error}"));
        assert_eq!(found.len(), 4, "{schema}");
        assert_eq!(found[0].open_ts().to_string(), expected, "{schema}");
    };
    let steps = [0, 60, 120, 180].map(|after| START + after);
    let text = |texts: [String; 4]| texts.map(|text| ByteArray::from(text.as_str()));
    let utc = "2024-01-02T15:00:00Z";
    // 15:00 on a clock in Chicago.
    let local = "2024-01-02T21:00:00Z";
    let default = "%Y-%m-%d %H:%M:%S";
    let units = [("MILLIS", 1_000), ("MICROS", 1_000_000), ("NANOS", 1_000_000_000)];
    for (unit, a_second) in units {
        for (adjusted, expected) in [("true", utc), ("false", local)] {
            let schema = format!("optional int64 time (TIMESTAMP({unit},{adjusted}));");
            let write = |group: &mut Group<'_>| all::<Int64Type>(group, steps.map(|s| s * a_second));
            check(&schema, default, &["time"], &write, expected);
        }
    }
    let plain = |group: &mut Group<'_>| all::<Int64Type>(group, steps.map(|s| s * 1_000));
    check("optional int64 time;", "unix_ms", &["time"], &plain, utc);
    check("optional int64 time (TIMESTAMP_MILLIS);", default, &["time"], &plain, utc);
    let spark = |group: &mut Group<'_>| {
        let value = |s: i64| {
            let mut value = Int96::new();
            let of_day = (s % 86_400) as u64 * 1_000_000_000;
            value.set_data(of_day as u32, (of_day >> 32) as u32, (s / 86_400 + 2_440_588) as u32);
            value
        };
        all::<Int96Type>(group, steps.map(value));
    };
    check("optional int96 time;", default, &["time"], &spark, utc);
    let days = |group: &mut Group<'_>| all::<Int32Type>(group, [19_724, 19_725, 19_726, 19_729]);
    check("optional int32 time (DATE);", default, &["time"], &days, "2024-01-02T06:00:00Z");
    let written = |group: &mut Group<'_>| {
        all::<ByteArrayType>(group, text([0, 1, 2, 3].map(|m| format!("2024-01-02 15:0{m}:00"))));
    };
    check("optional binary time (UTF8);", default, &["time"], &written, local);
    let apart = |group: &mut Group<'_>| {
        all::<ByteArrayType>(group, text([(); 4].map(|()| "2024-01-02".to_owned())));
        all::<ByteArrayType>(group, text([0, 1, 2, 3].map(|m| format!("15:0{m}:00"))));
    };
    check("optional binary day (UTF8); optional binary clock (UTF8);", default, &["day", "clock"], &apart, local);
}

/// What opening and reading a file says, or how many bars it has.
fn told(path: &Path, options: &BarOptions) -> String {
    bars_of(path, options).map_or_else(|error| error.to_string(), |bars| format!("{} bars", bars.len()))
}

#[test]
fn what_is_wrong_is_named_by_column_and_row() {
    let dir = folder();
    let path = dir.path().join("ESH24.parquet");
    let check = |closes: [Option<f64>; 4], volumes: [Option<i64>; 4], minutes: [i64; 4], expected: &str| {
        write_groups(&path, PLAIN, 1, |_, group| {
            all::<Int64Type>(group, minutes.map(|m| START + 60 * m));
            for prices in [[4800.25; 4], [4801.0; 4], [4799.75; 4]] {
                all::<DoubleType>(group, prices);
            }
            column::<DoubleType>(group, closes);
            column::<Int64Type>(group, volumes);
        });
        let text = told(&path, &options(mapping()));
        assert!(text.contains(expected), "{text}\nis not {expected}");
    };
    let (good, seven, in_order) = (Some(4800.5), Some(7), [0, 1, 2, 3]);
    check([good; 4], [seven; 4], in_order, "4 bars");
    check(
        [good, good, Some(4800.3), good],
        [seven; 4],
        in_order,
        "row 3, column `close`: found the price 4800.3, expected a price on the contract's tick grid",
    );
    check(
        [good, Some(f64::NAN), good, good],
        [seven; 4],
        in_order,
        "row 2, column `close`: found NaN, expected a number",
    );
    check([good, good, good, None], [seven; 4], in_order, "row 4, column `close`: found no value");
    check([good, good, Some(4802.0), good], [seven; 4], in_order, "row 3: found open or close outside of low and high");
    check(
        [good; 4],
        [seven, Some(-7), seven, seven],
        in_order,
        "row 2, column `volume`: found -7, expected a whole number",
    );
    check([good; 4], [seven; 4], [0, 1, 1, 2], "row 3: found a bar that begins at 2024-01-02T15:01:00Z");
    // Of two mistakes the earlier one, though its column comes later.
    check([good, good, good, None], [seven, None, seven, seven], in_order, "row 2, column `volume`: found no value");
}

#[test]
fn bars_before_a_wrong_row_are_played() {
    let dir = folder();
    let path = dir.path().join("ESH24.parquet");
    let rows = 6_000;
    write_groups(&path, PLAIN, 1, |_, group| {
        all::<Int64Type>(group, (0..rows).map(|n| START + 60 * n));
        for _ in 0..4 {
            column::<DoubleType>(group, (0..rows).map(|n| (n != 5_000).then_some(4800.0)));
        }
        all::<Int64Type>(group, (0..rows).map(|_| 1));
    });
    let opened = open_bars(&[path], &[], &Select::All, &options(mapping())).expect("a sound head");
    let items: Vec<_> = opened.bars.collect();
    assert_eq!(items.len(), 5_001);
    let last = items.last().and_then(|item| item.as_ref().err()).map(ToString::to_string).unwrap_or_default();
    assert!(last.contains("row 5001, column `open`: found no value"), "{last}");
}

#[test]
fn what_does_not_fit_the_mapping_is_told() {
    let dir = folder();
    let path = dir.path().join("ESH24.parquet");
    write_groups(&path, PLAIN, 1, |_, group| {
        all::<Int64Type>(group, [0, 1, 2, 3].map(|m| START + 60 * m));
        four_rows(group);
    });
    let check = |columns: Option<Columns>, expected: &str| {
        let text = told(&path, &BarOptions { columns, ..BarOptions::default() });
        assert!(text.contains(expected), "{text}\nis not {expected}");
    };
    let name = str::to_owned;
    check(Some(mapping()), "4 bars");
    check(None, "found a Parquet file, expected [backtest.columns]");
    check(
        Some(Columns { close: name("last"), ..mapping() }),
        "the schema: found columns time, open, high, low, close, volume, expected a column `last`",
    );
    let default = TimeColumn { format: name("%Y-%m-%d %H:%M:%S"), ..mapping().time };
    check(Some(Columns { time: default, ..mapping() }), "expected time_format unix_s");
    let two = TimeColumn { names: vec![name("time"), name("open")], ..mapping().time };
    check(Some(Columns { time: two, ..mapping() }), "expected text in both");
    let price = TimeColumn { names: vec![name("open")], ..mapping().time };
    check(Some(Columns { time: price, ..mapping() }), "column `open`: found the type DOUBLE");
    let unnamed = dir.path().join("minutes.parquet");
    fs::rename(&path, &unnamed).expect("renamed");
    let text = told(&unnamed, &options(mapping()));
    assert!(text.contains("expected a name that begins with a contract"), "{text}");
    let named = Columns { symbol: Some(name("ESH24")), ..mapping() };
    assert_eq!(told(&unnamed, &options(named)), "4 bars");
}

#[test]
fn a_damaged_file_is_an_error_and_no_panic() {
    let dir = folder();
    let path = dir.path().join("ESH24.parquet");
    write_groups(&path, PLAIN, 2, |number, group| {
        all::<Int64Type>(group, (0..300).map(|n| START + 60 * (n + 300 * number as i64)));
        for _ in 0..4 {
            all::<DoubleType>(group, (0..300).map(|n| 4800.0 + (n % 7) as f64 * 0.0));
        }
        all::<Int64Type>(group, 0..300);
    });
    let sound = fs::read(&path).expect("the file");
    assert_eq!(told(&path, &options(mapping())), "600 bars");
    for end in (4..sound.len()).step_by(97) {
        fs::write(&path, &sound[..end]).expect("a file");
        let text = told(&path, &options(mapping()));
        assert!(text.contains("ESH24.parquet: "), "cut at {end}: {text}");
    }
    for place in (4..sound.len()).step_by(13) {
        let mut broken = sound.clone();
        broken[place] ^= 0x5a;
        fs::write(&path, &broken).expect("a file");
        // A flipped bit of a statistic changes nothing; the rest is an error. Neither may panic.
        assert!(!told(&path, &options(mapping())).is_empty());
    }
}
