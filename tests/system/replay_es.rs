//! A recorded hour of ES through the whole system: every tick arrives, and the bars in the database are the ones that
//! other programs make of the same trades.

use std::collections::BTreeMap;
use std::fs;

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeZone, Utc};
use rust_decimal::Decimal;
use serde_json::json;

use crate::support::data;
use crate::support::desk::Desk;

/// Open, high, low, close.
type Prices = [Decimal; 4];

/// Chicago in winter.
const CHICAGO_HOURS: i32 = -6;

#[test]
fn every_tick_arrives_and_the_bars_are_those_of_other_programs() {
    let Some(ticks) = data::es() else { return };
    let desk = Desk::new();
    let summary = desk.run(&["replay", data::text(&ticks), "--speed", "max", "--json"]).ok().json();
    assert_eq!(summary["ticks"], summary["ticks_sent"], "ticks were lost: {summary}");
    assert_eq!(summary["restarts"], 0);

    let session = summary["session"].as_str().expect("a session has a name");
    let bars = desk.bars(session, "ESH4");
    assert_eq!(bars.iter().map(|bar| bar.trades).sum::<i64>(), 2_973);
    assert_eq!(bars.iter().map(|bar| bar.volume).sum::<i64>(), 9_892);
    let report = desk.report(&[]);
    assert_eq!(report["session"]["session_id"], session);
    assert_eq!(report["counts"]["bars"], json!(bars.len()));

    desk.run(&["bars", data::text(&ticks), "--out", "bars.csv"]).ok();
    let csv = fs::read_to_string(desk.path("bars.csv")).expect("the command wrote it");
    // The session begins inside the hour before the reopening and ends inside the last minute; a file does neither.
    let stored = bars.iter().map(|bar| {
        let time = bar.ts.get().format("%Y-%m-%dT%H:%M:%SZ");
        format!("{time},{},{},{},{},{},{}", bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades)
    });
    let without_quality = csv.lines().skip(1).map(|line| line.rsplit_once(',').expect("eight columns").0.to_owned());
    assert_eq!(stored.collect::<Vec<_>>(), without_quality.collect::<Vec<_>>());

    let Some(sierra) = data::path("sierra_es/data/5m/ESH24-CME.scid_BarData__5m.txt.gz") else { return };
    let rows = bars.iter().map(|bar| {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(|price| price.get().normalize());
        (bar.ts.get(), prices, bar.volume)
    });
    let ours = five_minutes(rows);
    let theirs = sierra_bars(&data::gunzip(&sierra), &ours);
    assert_eq!(ours.len(), 12);
    assert_eq!(ours, theirs);
}

fn five_minutes(minutes: impl Iterator<Item = (DateTime<Utc>, Prices, i64)>) -> BTreeMap<DateTime<Utc>, (Prices, i64)> {
    let mut folded: BTreeMap<DateTime<Utc>, (Prices, i64)> = BTreeMap::new();
    for (at, [open, high, low, close], volume) in minutes {
        let begin = DateTime::from_timestamp(at.timestamp() - at.timestamp().rem_euclid(300), 0).expect("a time");
        let (prices, sum) = folded.entry(begin).or_insert(([open, high, low, close], 0));
        *prices = [prices[0], prices[1].max(high), prices[2].min(low), close];
        *sum += volume;
    }
    folded
}

/// `Date, Time, Open, High, Low, Last, Volume, NumberOfTrades, BidVolume, AskVolume` in Chicago's time, as far as `like`
/// reaches.
fn sierra_bars<T>(text: &str, like: &BTreeMap<DateTime<Utc>, T>) -> BTreeMap<DateTime<Utc>, (Prices, i64)> {
    let chicago = FixedOffset::east_opt(CHICAGO_HOURS * 3_600).expect("less than a day");
    let bar = |line: &str| {
        let fields: Vec<&str> = line.split(", ").collect();
        let local = NaiveDateTime::parse_from_str(&format!("{} {}", fields[0], fields[1]), "%Y/%m/%d %H:%M:%S");
        let at = chicago.from_local_datetime(&local.expect("a date and a time")).single().expect("a fixed offset");
        let price = |n: usize| fields[n].parse::<Decimal>().expect("a price").normalize();
        (at.to_utc(), ([price(2), price(3), price(4), price(5)], fields[6].parse().expect("a volume")))
    };
    let (first, last) = (like.keys().next().expect("bars"), like.keys().next_back().expect("bars"));
    text.lines().skip(1).map(bar).filter(|(at, _)| first <= at && at <= last).collect()
}
