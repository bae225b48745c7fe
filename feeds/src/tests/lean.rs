//! LEAN's files: ticks and one-minute bars of the same days from one vendor, quote bars, selection.

use std::io::Read;
use std::path::Path;

use engine::market::Quote;
use rust_decimal::Decimal;

use super::*;
use crate::FeedError;

const GC_DAYS: [&str; 3] = ["20131007", "20131008", "20131009"];

fn gold(resolution: &str, kind: &str) -> Option<Vec<PathBuf>> {
    let folder = shared(&format!("lean/Data/future/comex/{resolution}/gc"))?;
    Some(GC_DAYS.iter().map(|day| folder.join(format!("{day}_{kind}.zip"))).collect())
}

fn es(day: &str, kind: &str) -> Option<PathBuf> {
    shared(&format!("lean/Data/future/cme/minute/es/{day}_{kind}.zip"))
}

/// Rows of all CSVs in a zip, with the entry's name split at `_`. A reader of its own, for these tests only.
fn rows(path: &Path) -> Vec<(Vec<String>, Vec<String>)> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).expect("the file")).expect("a zip");
    let mut rows = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).expect("an entry");
        let name: Vec<String> = entry.name().trim_end_matches(".csv").split('_').map(str::to_owned).collect();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        let fields = |line: &str| line.trim().split(',').map(str::to_owned).collect();
        rows.extend(text.lines().map(|line| (name.clone(), fields(line))));
    }
    rows
}

fn price(instrument: &Instrument, text: &str) -> Price {
    instrument.price_from_decimal(text.parse::<Decimal>().expect("a number")).expect("on the grid")
}

/// The instrument and begin of a row.
fn place<'a>(instruments: &'a [Instrument], name: &[String], ms: &str) -> (&'a Instrument, Timestamp) {
    let instrument = instruments.iter().find(|i| i.expiry.as_deref() == Some(&name[4])).expect("the expiry is there");
    let midnight =
        chrono::NaiveDate::parse_from_str(&name[0], "%Y%m%d").expect("a date").and_time(chrono::NaiveTime::MIN);
    let midnight = Timestamp::from(midnight.and_utc());
    (instrument, midnight + std::time::Duration::from_millis(ms.parse().expect("milliseconds")))
}

/// The trade bars of zips as their text says.
fn stated_bars(paths: &[PathBuf], instruments: &[Instrument]) -> BTreeMap<(SymbolId, Timestamp), TestBar> {
    let bar = |(name, row): (Vec<String>, Vec<String>)| {
        let (instrument, begin) = place(instruments, &name, &row[0]);
        let p = |index: usize| price(instrument, &row[index]);
        let bar = TestBar { open: p(1), high: p(2), low: p(3), close: p(4), volume: row[5].parse().expect("a volume") };
        ((instrument.id, begin), bar)
    };
    paths.iter().flat_map(|path| rows(path)).map(bar).collect()
}

#[test]
fn gold_ticks_fold_into_the_vendors_minute_bars() {
    let (Some(ticks), Some(bars)) = (gold("tick", "trade"), gold("minute", "trade")) else {
        return;
    };
    let opened = open_all(&ticks);
    assert!(opened.instruments.iter().any(|instrument| instrument.name == "GCZ13"));
    let (instruments, skipped) = (opened.instruments.clone(), opened.skipped.clone());
    let events = read(opened);
    assert_eq!(events.len(), 157_849);
    assert_eq!(skipped.counts(), crate::Counts::default());
    assert!(events.is_sorted_by_key(|event| event.event.ts()));

    let ours = fold(&events, 60);
    let theirs = stated_bars(&bars, &instruments);
    assert_eq!((ours.len(), theirs.len()), (4_681, 4_681));
    let prices = |bar: &TestBar| (bar.open, bar.high, bar.low, bar.close);
    assert!(ours.iter().all(|(key, bar)| theirs.get(key).map(prices) == Some(prices(bar))));
    // Each file's last bar misses that file's last tick.
    assert_eq!(ours.iter().filter(|(key, bar)| theirs.get(key) == Some(bar)).count(), 4_661);
}

#[test]
fn minute_trade_bars_come_back_exactly() {
    let (Some(gold), Some(es)) = (gold("minute", "trade"), es("20131007", "trade")) else {
        return;
    };
    for paths in [gold, vec![es]] {
        let opened = open_all(&paths);
        let instruments = opened.instruments.clone();
        let events = read(opened);
        let theirs = stated_bars(&paths, &instruments);
        assert_eq!(events.len(), 4 * theirs.len());
        assert_eq!(fold(&events, 60), theirs);
    }
}

#[test]
fn the_last_quote_of_a_minute_is_the_bars_close() {
    let Some(path) = es("20131007", "quote") else { return };
    let opened = open_all(std::slice::from_ref(&path));
    let instruments = opened.instruments.clone();
    let events = read(opened);
    let mut last: BTreeMap<(SymbolId, Timestamp), Quote> = BTreeMap::new();
    for event in &events {
        let MarketEvent::Quote(quote) = event.event else { panic!("a quote file holds quotes") };
        assert!(quote.bid.zip(quote.ask).is_none_or(|(bid, ask)| bid < ask), "{quote:?}");
        last.insert((event.symbol, quote.ts.floor(std::time::Duration::from_secs(60))), quote);
    }
    let mut compared = 0;
    for (name, row) in rows(&path) {
        let (instrument, begin) = place(&instruments, &name, &row[0]);
        if row[4].is_empty() || row[9].is_empty() || price(instrument, &row[4]) >= price(instrument, &row[9]) {
            continue;
        }
        // A bar whose quotes all equal the one before brings none.
        let Some(quote) = last.get(&(instrument.id, begin)) else {
            continue;
        };
        assert_eq!(quote.bid, Some(price(instrument, &row[4])), "{name:?} {row:?}");
        assert_eq!(quote.ask, Some(price(instrument, &row[9])), "{name:?} {row:?}");
        assert_eq!((quote.bid_size.to_string(), quote.ask_size.to_string()), (row[5].clone(), row[10].clone()));
        compared += 1;
    }
    assert!(compared > 3_000, "{compared}");
}

#[test]
fn crossed_bars_of_the_pre_open_are_no_quotes() {
    let Some(path) = es("20131006", "quote") else { return };
    let opened = open_all(&[path]);
    let skipped = opened.skipped.clone();
    let events = read(opened);
    assert!(events.len() > 500, "{}", events.len());
    assert_eq!(skipped.counts().crossed_quotes, 58);
}

#[test]
fn trades_and_quotes_of_a_day_come_as_one_stream_in_order() {
    let (Some(trade_file), Some(quote_file)) = (es("20131007", "trade"), es("20131007", "quote")) else {
        return;
    };
    let select = Select::MostTraded;
    let opened = crate::open(&[trade_file, quote_file], &[], &select).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(opened.instruments.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["ESZ13"]);
    let events = read(opened);
    assert!(events.is_sorted_by_key(|event| event.event.ts()));
    let mut touch: Option<Quote> = None;
    let (mut trades, mut outside) = (0, 0);
    for event in &events {
        match event.event {
            MarketEvent::Quote(quote) => touch = Some(quote),
            MarketEvent::Trade(trade) => {
                trades += 1;
                let inside =
                    touch.is_some_and(|q| q.bid <= Some(trade.price) && q.ask.is_none_or(|ask| trade.price <= ask));
                outside += i32::from(!inside);
            }
        }
    }
    assert!(outside * 10 < trades, "{outside} of {trades} trades are outside of the quote");
}

#[test]
fn a_known_front_month_keeps_its_id_and_name() {
    let Some(path) = es("20131007", "trade") else { return };
    let es = crate::specs::instrument(&crate::contract::Contract::new("ES", None), SymbolId(7)).expect("a known root");
    let known = [es.clone()];
    let opened =
        crate::open(std::slice::from_ref(&path), &known, &Select::MostTraded).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(opened.instruments, known);
    assert!(read(opened).iter().all(|event| event.symbol == SymbolId(7)));

    let error =
        crate::open(std::slice::from_ref(&path), &known, &Select::All).err().expect("three contracts, one name");
    assert_eq!(error.to_string(), "`ES` has no expiry and the files hold ESZ13, ESH14, ESM14: select one of them");

    let march = Instrument { expiry: Some("201403".to_owned()), name: "spring".to_owned(), ..es };
    let opened = crate::open(&[path], &[march], &Select::All).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<(u16, &str)> = opened.instruments.iter().map(|i| (i.id.0, i.name.as_str())).collect();
    assert_eq!(names, [(0, "ESZ13"), (1, "ESM14"), (7, "spring")]);
}

#[test]
fn known_instruments_alone_are_read_when_asked() {
    let (Some(path), Some(gold)) = (es("20131007", "trade"), gold("minute", "trade")) else { return };
    let make = |root, expiry, id| {
        crate::specs::instrument(&crate::contract::Contract::new(root, expiry), SymbolId(id)).expect("a known root")
    };
    let known = [make("ES", None, 4), make("GC", Some("201402"), 2)];
    let paths = [path, gold[0].clone()];
    let opened = crate::open(&paths, &known, &Select::Known).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(opened.instruments, [known[1].clone(), known[0].clone()], "in order of ids");
    let events = read(opened);
    let of = |id| trades(&events).filter(|(symbol, _)| *symbol == SymbolId(id)).count();
    assert!(of(4) > 4_000 && of(2) > 0 && of(4) + of(2) == events.len(), "{} {}", of(4), of(2));

    let error = crate::open(&paths, &[make("NQ", None, 0)], &Select::Known).err().expect("not in the files");
    assert!(error.to_string().starts_with("no data for `NQ`; the files hold ESZ13,"), "{error}");
    let error = crate::open(&paths, &[], &Select::Known).err().expect("nothing is known");
    assert!(error.to_string().starts_with("no market data: "), "{error}");
}

#[test]
fn a_contract_is_chosen_by_any_of_its_names() {
    let Some(path) = es("20131007", "trade") else { return };
    for name in ["ESH14", "esh4", "201403", "ES201403"] {
        let select = Select::Named(vec![name.to_owned()]);
        let opened = crate::open(std::slice::from_ref(&path), &[], &select).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(opened.instruments.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["ESH14"]);
    }
    let error = crate::open(&[path], &[], &Select::Named(vec!["ESU5".to_owned()])).err().expect("not in the file");
    assert_eq!(error.to_string(), "no data for `ESU5`; the files hold ESZ13, ESH14, ESM14");
}

#[test]
fn ticks_and_bars_of_the_same_day_are_refused() {
    let (Some(ticks), Some(bars)) = (gold("tick", "trade"), gold("minute", "trade")) else {
        return;
    };
    let error = crate::open(&[ticks[0].clone(), bars[0].clone()], &[], &Select::All).err().expect("refused");
    let FeedError::Overlap { what, .. } = &error else { panic!("{error}") };
    assert_eq!(what, "trades of GCV13 at 2013-10-07T00:00:00Z");
    let error = crate::open(&[ticks[0].clone(), ticks[0].clone()], &[], &Select::All).err().expect("refused");
    assert!(matches!(&error, FeedError::Overlap { what, .. } if what == "the same file"), "{error}");
}

#[test]
fn a_folder_is_all_its_files() {
    let Some(folder) = shared("lean/Data/future/cme/minute/es") else {
        return;
    };
    let opened =
        crate::open(&[folder], &[], &Select::Named(vec!["ESH20".to_owned()])).unwrap_or_else(|e| panic!("{e}"));
    let events = read(opened);
    assert!(trades(&events).count() > 1_000);
    assert!(events.is_sorted_by_key(|event| event.event.ts()));
}

#[test]
fn hour_files_are_no_ticks() {
    let Some(path) = shared("lean/Data/future/cme/hour/es_trade.zip") else {
        return;
    };
    let error = crate::open(&[path], &[], &Select::All).err().expect("refused").to_string();
    assert!(error.contains("found bars of hours or days"), "{error}");
    // A name of neither kind, in a folder that says nothing of hours.
    let lost = super::faults::folder();
    let path = lost.path().join("es_trade.zip");
    std::fs::copy(shared("lean/Data/future/cme/hour/es_trade.zip").expect("it was there"), &path).expect("a copy");
    let error = crate::open(&[path], &[], &Select::All).err().expect("refused").to_string();
    assert!(error.contains("found a zip entry named es_trade_"), "{error}");
    assert!(error.contains("expected entries named like 20131007_gc_tick_trade_201312.csv"), "{error}");
}
