//! Bars that sessions have kept: several sessions of one contract, contracts of several sessions, and what contradicts.

use std::sync::Arc;

use engine::bar_market::BarEvent;
use engine::market::{Bar, Quality};
use rust_decimal::Decimal;

use super::*;
use crate::{BarOptions, FeedError, OpenedBars, Recorded, RecordedBars, open_recorded};

const NOON: i64 = 1_704_196_800;

fn instrument(name: &str, expiry: &str, ticks_a_point: i64) -> Instrument {
    Instrument {
        id: SymbolId(7),
        name: name.to_owned(),
        root: "ES".to_owned(),
        expiry: Some(expiry.to_owned()),
        exchange: "CME".to_owned(),
        currency: "USD".to_owned(),
        tick_size: Decimal::ONE / Decimal::from(ticks_a_point),
        multiplier: Decimal::from(50),
    }
}

fn bar(minute: i64, close: i32, quality: Quality) -> Bar {
    let price = Price(close);
    Bar {
        symbol: SymbolId(7),
        open_ts: Timestamp::from_secs(NOON + 60 * minute),
        length_s: 60,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 3,
        trades: 2,
        quality,
    }
}

fn session(whence: &str, instrument: Instrument, bars: Vec<Bar>) -> Recorded {
    let first = bars.first().map_or(Timestamp::MAX, |bar| bar.open_ts);
    let open = move || -> Result<RecordedBars, FeedError> { Ok(Box::new(bars.clone().into_iter().map(Ok))) };
    Recorded { instrument, length_s: 60, first, whence: whence.to_owned(), open: Arc::new(open) }
}

fn opened(kept: Vec<Recorded>, select: &Select) -> Result<OpenedBars, FeedError> {
    open_recorded(kept, &[], select, &BarOptions::default())
}

/// Minute, close and quality.
fn played(opened: OpenedBars) -> Result<Vec<(i64, i32, Quality)>, FeedError> {
    let told = |event: BarEvent| match event {
        BarEvent::Trades(bar) => ((bar.open_ts.secs() - NOON) / 60, bar.close.0, bar.quality),
        BarEvent::Quotes(bar) => panic!("nobody kept {bar:?}"),
    };
    opened.bars.map(|bar| bar.map(told)).collect()
}

#[test]
fn kept_bars_that_cannot_be_are_told_with_their_session() {
    let told = |bar: Bar| {
        let kept = vec![session("session a", instrument("ESH4", "202403", 4), vec![bar])];
        let bars = opened(kept, &Select::All).expect("a sound head").bars;
        bars.filter_map(Result::err).next().map_or_else(String::new, |error| error.to_string())
    };
    let good = bar(0, 20_000, Quality::Complete);
    assert_eq!(told(good), "");
    let outside = told(Bar { low: Price(20_001), ..good });
    assert!(
        outside.contains("session a has a bar of ESH4") && outside.contains("outside of low and high"),
        "{outside}"
    );
    assert!(told(bar(0, -1, Quality::Complete)).contains("a price that is not above zero"));
}

#[test]
fn of_two_sessions_bars_the_better_one_is_played_and_of_equal_ones_the_later() {
    use Quality::{Complete, Partial, Repaired};
    let march = || instrument("ESH4", "202403", 4);
    let first = vec![bar(0, 1, Complete), bar(1, 2, Complete), bar(2, 3, Partial)];
    let second = vec![bar(1, 20, Complete), bar(2, 30, Repaired), bar(3, 40, Complete)];
    let third = vec![bar(3, 400, Partial), bar(9, 900, Complete)];
    let kept = vec![session("a", march(), first), session("b", march(), second), session("c", march(), third)];
    let found = played(opened(kept, &Select::All).expect("sound")).expect("sound");
    assert_eq!(found, [(0, 1, Complete), (1, 20, Complete), (2, 30, Repaired), (3, 40, Complete), (9, 900, Complete)]);
}

#[test]
fn contracts_and_lengths_of_sessions_are_merged_by_the_ends_of_their_bars() {
    let march = instrument("ESH4", "202403", 4);
    let june = instrument("ESM4", "202406", 4);
    let long = Bar { length_s: 300, ..bar(0, 5, Quality::Complete) };
    let five = Recorded { length_s: 300, ..session("a", march.clone(), vec![long]) };
    let minutes = (0..5).map(|n| bar(n, 1, Quality::Complete)).collect();
    let kept = vec![
        five,
        session("a", march, minutes),
        session("b", june, vec![bar(2, 9, Quality::Complete), bar(4, 9, Quality::Complete)]),
    ];
    let all = opened(kept.clone(), &Select::All).expect("sound");
    let names: Vec<&str> = all.instruments.iter().map(|instrument| instrument.name.as_str()).collect();
    assert_eq!(names, ["ESH4", "ESM4"]);
    let ends: Vec<Timestamp> = all.bars.map(|bar| bar.expect("sound").end()).collect();
    assert_eq!(ends.len(), 8);
    assert!(ends.is_sorted(), "{ends:?}");
    // Five bars of one and five minutes together against two of June.
    let most = opened(kept.clone(), &Select::MostTraded).expect("sound");
    assert_eq!(most.instruments[0].name, "ESH4");
    let one = opened(kept, &Select::Named(vec!["ESM4".to_owned()])).expect("sound");
    assert_eq!(one.instruments.len(), 1);
    assert_eq!(played(one).expect("sound").len(), 2);
}

#[test]
fn sessions_that_contradict_each_other_or_what_is_known_are_refused() {
    let one = |whence, instrument| session(whence, instrument, vec![bar(0, 8, Quality::Complete)]);
    let ours = instrument("ESH4", "202403", 4);
    let other = Instrument { multiplier: Decimal::from(5), ..ours.clone() };
    let text = |kept, known: &[Instrument]| {
        let opened = open_recorded(kept, known, &Select::All, &BarOptions::default());
        opened.err().expect("refused").to_string()
    };
    let two = text(vec![one("session a", ours.clone()), one("session b", other.clone())], &[]);
    assert_eq!(two, "multiplier of ESH4: session b says 5, and session a says 50");
    let finer = Instrument { tick_size: Decimal::new(1, 1), ..ours.clone() };
    let known = text(vec![one("session a", ours.clone())], &[finer]);
    assert_eq!(known, "tick size of ESH4: session a says 0.25, and the configuration says 0.1");
    let dated = |day: &str| Instrument { expiry: Some(format!("202403{day}")), ..ours.clone() };
    let days = text(vec![one("session a", dated("15"))], &[dated("16")]);
    assert_eq!(days, "expiry of ESH4: session a says 20240315, and the configuration says 20240316");
    let month = open_recorded(vec![one("session a", dated("15"))], &[ours], &Select::All, &BarOptions::default());
    assert_eq!(month.expect("the month is in the date").instruments[0].id, SymbolId(7));
}

#[test]
fn a_session_that_steps_back_or_breaks_off_is_an_error() {
    let march = || instrument("ESH4", "202403", 4);
    let back = session("session a", march(), vec![bar(1, 8, Quality::Complete), bar(1, 8, Quality::Complete)]);
    let error = played(opened(vec![back], &Select::All).expect("a sound head")).expect_err("it steps back");
    assert!(error.to_string().contains("session a has a bar of ESH4"), "{error}");
    let broken = || Err(FeedError::Nothing("the database went away".to_owned()));
    let open = move || -> Result<RecordedBars, FeedError> {
        Ok(Box::new([Ok(bar(0, 8, Quality::Complete)), broken()].into_iter()))
    };
    let first = Timestamp::from_secs(NOON);
    let kept =
        Recorded { instrument: march(), length_s: 60, first, whence: "session a".to_owned(), open: Arc::new(open) };
    let error = played(opened(vec![kept], &Select::All).expect("a sound head")).expect_err("it breaks off");
    assert!(error.to_string().contains("the database went away"), "{error}");
}
