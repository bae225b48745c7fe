//! Files of bars: other programs' bars against bars built of the same ticks, and files that are wrong.

use std::collections::BTreeMap;
use std::fs;

use engine::bar_market::BarEvent;
use engine::market::Bar;

use super::faults::folder;
use super::*;
use crate::{BarOptions, Columns, FeedError, OpenedBars, Stamp, TimeColumn, open_bars};

fn opened(paths: &[PathBuf], options: &BarOptions) -> OpenedBars {
    open_bars(paths, &[], &Select::All, options).unwrap_or_else(|error| panic!("{error}"))
}

fn bars(opened: OpenedBars) -> Vec<BarEvent> {
    opened.bars.map(|item| item.unwrap_or_else(|error| panic!("{error}"))).collect()
}

fn trades(events: &[BarEvent], symbol: SymbolId) -> Vec<Bar> {
    let bar = |event: &BarEvent| match event {
        BarEvent::Trades(bar) if bar.symbol == symbol => Some(*bar),
        _ => None,
    };
    events.iter().filter_map(bar).collect()
}

#[test]
fn databentos_minutes_are_those_of_its_trades() {
    let Some(folder) = shared("nautilus_trader/tests/test_data/databento/historical_bars_catalog/databento") else {
        return;
    };
    let minutes =
        opened(&[folder.join("futures_ohlcv-1m_2024-07-01T23-40_2024-07-02T00-10.dbn.zst")], &BarOptions::default());
    let names: Vec<&str> = minutes.instruments.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["ESU4", "NQU4"]);
    assert_eq!(minutes.with_trades.len(), 2);
    assert!(minutes.lengths_s.values().all(|lengths| lengths.iter().eq([&60])));
    let es = minutes.instruments[0].id;
    let all = bars(minutes);
    assert_eq!(all.len(), 60);
    assert!(all.windows(2).all(|pair| pair[0].end() <= pair[1].end()));
    let theirs: BTreeMap<Timestamp, Bar> = trades(&all, es).into_iter().map(|bar| (bar.open_ts, bar)).collect();
    let ticks = open_all(&[folder.join("futures_trades_2024-07-01T23-58_2024-07-02T00-02.dbn.zst")]);
    let mut compared = 0;
    let mut volumes: BTreeMap<Timestamp, (Price, Price, u64)> = BTreeMap::new();
    for event in read(ticks) {
        if let MarketEvent::Trade(Trade { ts, price, size }) = event.event {
            let minute = ts.floor(std::time::Duration::from_secs(60));
            let (low, high, volume) = volumes.entry(minute).or_insert((price, price, 0));
            (*low, *high, *volume) = ((*low).min(price), (*high).max(price), *volume + u64::from(size));
        }
    }
    for (minute, (low, high, volume)) in volumes {
        let bar = theirs.get(&minute).expect("Databento has this minute");
        assert_eq!((bar.low, bar.high, bar.volume), (low, high, volume), "{minute}");
        compared += 1;
    }
    assert_eq!(compared, 4);
}

#[test]
fn every_version_of_ohlcv_reads_the_same() {
    let Some(folder) = shared("databento_dbn") else { return };
    for schema in ["ohlcv-1s", "ohlcv-1m", "ohlcv-1h", "ohlcv-1d"] {
        let read = |version: &str| {
            let path = folder.join(format!("test_data.{schema}{version}"));
            open_bars(&[path], &[], &Select::All, &BarOptions::default())
                .map(|opened| bars(opened).len())
                .map_err(|error| error.to_string())
        };
        let counts = [".dbn", ".v1.dbn.zst", ".v2.dbn.zst", ".v3.dbn.zst"].map(read);
        assert!(counts.iter().all(|count| count == &counts[0]), "{schema}: {counts:?}");
        // The daily sample holds no record at all.
        assert_eq!(counts[0], Ok(if schema == "ohlcv-1d" { 0 } else { 2 }), "{schema}");
    }
}

#[test]
fn leans_hours_and_days_are_read_with_their_dates() {
    let Some(folder) = shared("lean/Data/future/cme") else { return };
    let hours = opened(&[folder.join("hour/es_trade.zip"), folder.join("hour/es_quote.zip")], &BarOptions::default());
    let id = hours.instruments.iter().find(|i| i.name == "ESH20").expect("listed").id;
    assert_eq!(hours.lengths_s[&id].iter().copied().collect::<Vec<_>>(), [3_600]);
    let all = bars(hours);
    let first = trades(&all, id)[0];
    assert_eq!(first.open_ts.to_string(), "2020-01-02T14:00:00Z");
    assert_eq!((first.open, first.close, first.volume), (Price(12_986), Price(12_998), 199_356));
    let quotes = all.iter().filter(|event| matches!(event, BarEvent::Quotes(_))).count();
    assert!(quotes > 100, "{quotes}");
    let days = opened(&[folder.join("daily/es_quote.zip")], &BarOptions::default());
    assert!(days.with_trades.is_empty(), "only quotes");
    assert!(bars(days).iter().all(|bar| bar.length_s() == 86_400));
    // As ticks they would have to be invented.
    let refused = crate::open(&[folder.join("daily/es_quote.zip")], &[], &Select::All).err().expect("refused");
    assert!(refused.to_string().contains("bars of hours or days"), "{refused}");
}

#[test]
fn two_years_of_sierra_charts_bars_come_in_order() {
    let Some(folder) = shared("sierra_es/data/5m") else { return };
    let contracts =
        ["23", "24"].into_iter().flat_map(|year| ["H", "M", "U", "Z"].map(|month| format!("ES{month}{year}")));
    let paths: Vec<PathBuf> =
        contracts.map(|name| folder.join(format!("{name}-CME.scid_BarData__5m.txt.gz"))).collect();
    let years = opened(&paths, &BarOptions::default());
    assert_eq!(years.instruments.len(), 8);
    let (mut count, mut last) = (0, Timestamp::MIN);
    for item in years.bars {
        let bar = item.unwrap_or_else(|error| panic!("{error}"));
        assert!(bar.end() >= last, "{} after {last}", bar.end());
        (count, last) = (count + 1, bar.end());
    }
    assert_eq!(count, 141_172);
    assert_eq!(last.to_string(), "2024-12-20T14:30:00Z");
}

fn euro() -> Columns {
    let name = str::to_owned;
    Columns {
        delimiter: b',',
        time: TimeColumn {
            names: vec![name("timestamp_utc")],
            format: name("%Y-%m-%d %H:%M:%S"),
            zone: chrono_tz::UTC,
        },
        stamp: Stamp::Close,
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

#[test]
fn a_mapping_of_columns_reads_any_text() {
    let Some(path) = shared("nautilus_trader/tests/test_data/xcme/6EH4.XCME_1min_bars_20240101_20240131.csv.gz") else {
        return;
    };
    let refused =
        open_bars(std::slice::from_ref(&path), &[], &Select::All, &BarOptions::default()).err().expect("no mapping");
    assert!(refused.to_string().contains("[backtest.columns]"), "{refused}");
    let options = BarOptions { columns: Some(euro()), ..BarOptions::default() };
    let month = opened(&[path], &options);
    assert_eq!(month.instruments[0].name, "6EH4");
    let all = bars(month);
    assert_eq!(all.len(), 29_996);
    // Stamped at the close in the file, at the open here.
    assert_eq!(all[0].open_ts().to_string(), "2024-01-01T23:00:00Z");
}

#[test]
fn wrong_rows_are_named_by_line() {
    let dir = folder();
    let options = BarOptions { columns: Some(euro()), ..BarOptions::default() };
    let check = |rows: &str, expected: &str| {
        let path = dir.path().join("ESH24.csv");
        fs::write(&path, format!("timestamp_utc,open,high,low,close,volume\n{rows}")).expect("a file");
        let error: Option<FeedError> = match open_bars(&[path], &[], &Select::All, &options) {
            Err(error) => Some(error),
            Ok(opened) => opened.bars.filter_map(Result::err).next(),
        };
        let text = error.map_or_else(|| "no error".to_owned(), |error| error.to_string());
        assert!(text.contains(expected), "{text}\nis not {expected}");
    };
    let good = "2024-01-02 15:00:00,10,12,9,11,5\n2024-01-02 15:01:00,10,12,9,11,5\n";
    check(good, "no error");
    check(&format!("{good}2024-01-02 15:02:00,10.1,12,9,11,5\n"), "line 4: found the price 10.1");
    check(&format!("{good}2024-01-02 15:02:00,10,10.5,9,11,5\n"), "open or close outside of low and high");
    check(&format!("{good}2024-01-02 15:00:00,10,12,9,11,5\n"), "line 4: found a bar that begins at 2024-01-02T14:59");
    check(&format!("{good}yesterday,10,12,9,11,5\n"), "the time `yesterday`");
    check(&format!("{good}2024-01-02 15:02:00,10,12,9,11,5.5\n"), "expected a whole number");
    let turned =
        "2024-01-02 15:02:00,10,12,9,11,5\n2024-01-02 15:01:00,10,12,9,11,5\n2024-01-02 15:00:00,10,12,9,11,5\n";
    check(
        turned,
        "ESH24.csv: damaged at row 2 of bars: found 2024-01-02T15:01:00Z, after 2024-01-02T15:02:00Z in the row before",
    );
    check(turned, "expected rows in order of time, the oldest first");
    check(&turned[..33].repeat(2), "the same time in every row");
    check("", "found no row of bars, expected at least two bars, or their length as bar_s");
    check("2024-01-02 15:00:00,10,12,9,11,5\n", "found one row only");
    check(&format!("{good}2024-01-02 15:02:00,10,12,0,11,5\n"), "line 4: found a price that is not above zero");
    check(
        &format!("{good}2024-01-02 15:02:00,10,12,10.25,11,5\n"),
        "line 4: found open or close outside of low and high",
    );
    check(&format!("{good}2024-01-02 15:02:00,10,12,-9,11,5\n"), "line 4: found a price that is not above zero");
}

#[test]
fn two_bars_of_one_minute_are_told_with_their_row() {
    let dir = folder();
    let path = dir.path().join("ESH24.csv");
    let row = |n: u32, second: u32| format!("2024-01-02 15:{n:02}:{second:02},10,12,9,11,5\n");
    let mut rows: Vec<String> = (0..50).map(|n| row(n, 0)).collect();
    rows.insert(31, row(30, 30));
    fs::write(&path, format!("timestamp_utc,open,high,low,close,volume\n{}", rows.concat())).expect("a file");
    let told = |bar_s| {
        let options = BarOptions { columns: Some(Columns { bar_s, ..euro() }), ..BarOptions::default() };
        match open_bars(std::slice::from_ref(&path), &[], &Select::All, &options) {
            Err(error) => error.to_string(),
            Ok(opened) => {
                opened.bars.filter_map(Result::err).next().map_or_else(String::new, |error| error.to_string())
            }
        }
    };
    let unsaid = told(None);
    assert!(unsaid.contains("row 32: found a bar 30 s after the one before, where 60 s are usual"), "{unsaid}");
    let said = told(Some(60));
    assert!(said.contains("line 33: found a bar that begins at 2024-01-02T15:29:30Z"), "{said}");
    assert_eq!(told(Some(30)), "", "bars of 30 seconds with holes");
}

#[test]
fn a_file_without_anything_in_it_is_called_empty() {
    let dir = folder();
    let path = dir.path().join("ESH24.csv");
    fs::write(&path, "").expect("a file");
    let options = BarOptions { columns: Some(euro()), ..BarOptions::default() };
    let told = open_bars(&[path], &[], &Select::All, &options).err().expect("refused").to_string();
    assert!(told.contains("ESH24.csv is empty"), "{told}");
}

#[test]
fn bars_of_two_files_may_not_overlap() {
    let dir = folder();
    let options = BarOptions { columns: Some(Columns { bar_s: Some(60), ..euro() }), ..BarOptions::default() };
    let rows =
        |seconds: &str| format!("timestamp_utc,open,high,low,close,volume\n2024-01-02 15:0{seconds},10,12,9,11,5\n");
    let paths = ["ESH24.csv", "ESH24-again.csv"].map(|name| dir.path().join(name));
    fs::write(&paths[0], rows("0:00")).expect("a file");
    fs::write(&paths[1], rows("0:30")).expect("a file");
    let error = opened(&paths, &options).bars.find_map(Result::err).expect("they overlap");
    assert!(error.to_string().contains("bars that overlap"), "{error}");
    fs::write(&paths[1], rows("1:00")).expect("a file");
    assert_eq!(bars(opened(&paths, &options)).len(), 2, "one after the other");
}

#[test]
fn an_absurd_bar_of_a_file_is_left_out_and_told() {
    let dir = folder();
    let path = dir.path().join("ESH24.csv");
    let row = |minute: u32, price: &str| format!("2024-01-02 15:0{minute}:00,{price},{price},{price},{price},5\n");
    let rows = [row(0, "5000"), row(1, "500000"), row(2, "5000.25")].concat();
    fs::write(&path, format!("timestamp_utc,open,high,low,close,volume\n{rows}")).expect("a file");
    let options = BarOptions { columns: Some(euro()), ..BarOptions::default() };
    let file = opened(std::slice::from_ref(&path), &options);
    let refused = file.refused.clone();
    assert_eq!(refused.told(), None, "nothing was read yet");
    assert_eq!(bars(file).len(), 2);
    let told = refused.told().expect("one");
    assert!(told.starts_with("1 bar was left out") && told.contains("ESH24 at 2024-01-02T15:00:00Z"), "{told}");
    let wide = BarOptions { jump_ticks_max: 1_000_000, ..options };
    assert_eq!(bars(opened(&[path], &wide)).len(), 3, "as configured");
}

#[test]
fn quotes_blank_lines_and_marks_of_other_programs_are_read() {
    let dir = folder();
    let options = BarOptions { columns: Some(euro()), ..BarOptions::default() };
    let path = dir.path().join("ESH24.csv");
    let told = |text: &str| {
        fs::write(&path, text).expect("a file");
        match open_bars(std::slice::from_ref(&path), &[], &Select::All, &options) {
            Err(error) => error.to_string(),
            Ok(opened) => match opened.bars.collect::<Result<Vec<_>, _>>() {
                Err(error) => error.to_string(),
                Ok(bars) => {
                    format!("{} bars, {:?}", bars.len(), trades(&bars, SymbolId(0)).last().map(|bar| bar.volume))
                }
            },
        }
    };
    let plain = "timestamp_utc,open,high,low,close,volume\n2024-01-02 15:00:00,10,12,9,11,5\n2024-01-02 15:01:00,10,12,9,11,6\n";
    assert_eq!(told(plain), "2 bars, Some(6)");
    assert_eq!(told(&format!("\u{feff}{}", plain.replace('\n', "\r\n\r\n"))), "2 bars, Some(6)");
    assert_eq!(told(plain.trim_end()), "2 bars, Some(6)", "without an end of the last line");
    assert_eq!(told(&plain.replace(',', " , ")), "2 bars, Some(6)");
    let quoted = plain
        .replace("volume", "\"volume\"")
        .replace(",6", ",\"6\"")
        .replace("2024-01-02 15:01:00", "\"2024-01-02 15:01:00\"");
    assert_eq!(told(&quoted), "2 bars, Some(6)");
    assert_eq!(told(&format!("\u{feff}{}", quoted.replace("timestamp_utc", "\"timestamp_utc\""))), "2 bars, Some(6)");
    let open = told(&plain.replace(",6", ",\"6"));
    assert!(open.contains("line 3: found a quote that does not end on its line"), "{open}");
    let endless = told(&format!("{plain}{}", "9".repeat(100_000)));
    assert!(endless.contains("line 4: found a line without end"), "{endless}");
}

#[test]
fn the_same_bars_from_two_files_are_refused() {
    let dir = folder();
    let options = BarOptions { columns: Some(euro()), ..BarOptions::default() };
    let rows = "timestamp_utc,open,high,low,close,volume\n2024-01-02 15:00:00,10,12,9,11,5\n2024-01-02 15:01:00,10,12,9,11,5\n";
    let paths = ["ESH24.csv", "ESH24-again.csv"].map(|name| dir.path().join(name));
    paths.iter().for_each(|path| fs::write(path, rows).expect("a file"));
    let error = opened(&paths, &options).bars.find_map(Result::err).expect("they overlap");
    assert!(error.to_string().contains("two files hold the same bars"), "{error}");
}
