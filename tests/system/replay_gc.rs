//! Three days of gold ticks, every contract, through the whole system, against the minute bars that LEAN ships for the
//! same days.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use crate::support::data;
use crate::support::desk::Desk;

/// Contract month and time.
type Key = (String, DateTime<Utc>);

/// LEAN's prices are points times ten thousand in equities, plain in futures.
#[derive(Clone, PartialEq, Debug)]
struct Row {
    prices: [Decimal; 4],
    volume: i64,
}

#[test]
fn gold_bars_equal_leans_and_differ_only_where_its_volume_is_known_to_be_short() {
    let (Some(ticks), Some(minutes)) = (data::gc_ticks(), data::gc_minutes()) else { return };
    let desk = Desk::new();
    let files = ticks.each_ref().map(|path| data::text(path));
    let summary = desk.run(&[&["replay"], &files[..], &["--speed", "max", "--json"]].concat()).ok().json();
    assert_eq!((&summary["ticks"], &summary["ticks_sent"]), (&157_849.into(), &157_849.into()));

    let report = desk.report(&[]);
    let session = summary["session"].as_str().expect("a session has a name");
    let ours = stored(&desk, session, &report);
    let theirs: BTreeMap<Key, Row> = minutes.iter().flat_map(|zip| lean(zip)).collect();
    assert_eq!(theirs.len(), 4_681);
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "the same minutes");
    let unequal = |part: fn(&Row) -> String| -> Vec<&Key> {
        ours.iter().filter(|(key, row)| part(row) != part(&theirs[*key])).map(|(key, _)| key).collect()
    };
    assert_eq!(unequal(|row| format!("{:?}", row.prices)), Vec::<&Key>::new(), "open, high, low, close");
    // Each of LEAN's files lacks its own last tick in its last bar.
    let short = unequal(|row| row.volume.to_string());
    assert_eq!(ours.len() - short.len(), 4_661, "{short:?}");
    assert!(short.iter().all(|key| ours[*key].volume > theirs[*key].volume));
}

fn stored(desk: &Desk, session: &str, report: &serde_json::Value) -> BTreeMap<Key, Row> {
    let instruments = report["session"]["instruments"].as_array().expect("instruments are listed");
    let mut rows = BTreeMap::new();
    for instrument in instruments {
        let text = |key: &str| instrument[key].as_str().expect("a text").to_owned();
        for bar in desk.bars(session, &text("name")) {
            let prices = [bar.open, bar.high, bar.low, bar.close].map(|price| price.get().normalize());
            rows.insert((text("expiry"), bar.ts.get()), Row { prices, volume: bar.volume });
        }
    }
    rows
}

/// Members `20131007_gc_minute_trade_201312.csv` with lines `milliseconds,open,high,low,close,volume`.
fn lean(zip: &std::path::Path) -> Vec<(Key, Row)> {
    let mut rows = Vec::new();
    for (name, text) in data::unzip(zip) {
        let (day, rest) = name.split_once('_').expect("the day comes first");
        let expiry = rest.trim_end_matches(".csv").rsplit('_').next().expect("the month comes last").to_owned();
        let day = NaiveDate::parse_from_str(day, "%Y%m%d").expect("a day");
        let midnight = day.and_hms_opt(0, 0, 0).expect("every day has a midnight").and_utc();
        for line in text.lines() {
            let fields: Vec<Decimal> = line.split(',').map(|field| field.parse().expect("a number")).collect();
            let number = |n: usize| i64::try_from(fields[n]).expect("a whole number");
            let at = midnight + chrono::TimeDelta::milliseconds(number(0));
            let prices = [1, 2, 3, 4].map(|n| fields[n].normalize());
            rows.push(((expiry.clone(), at), Row { prices, volume: number(5) }));
        }
    }
    rows
}
