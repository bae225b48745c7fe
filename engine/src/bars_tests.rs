//! Bars as trading days: each test is a short feed and the bars that come of it.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::market::Price;

fn config() -> BarsConfig {
    BarsConfig {
        lengths_s: vec![60],
        close_grace: Duration::from_millis(1_500),
        revise_within: Duration::from_secs(5),
        jump_ticks_max: 400,
    }
}

struct Feed {
    bars: Bars,
    out: Vec<Output>,
}

/// `1:30.5` is thirty and a half seconds into the second minute.
fn at(text: &str) -> Timestamp {
    let (minutes, seconds) = text.split_once(':').expect("minutes:seconds");
    let seconds: f64 = seconds.parse().expect("seconds");
    let minutes: i64 = minutes.parse().expect("minutes");
    Timestamp::from_nanos(minutes * 60_000_000_000 + (seconds * 1e9) as i64)
}

impl Feed {
    fn up_at(time: &str) -> Self {
        let mut feed = Self { bars: Bars::new(SymbolId(0), &config()), out: Vec::new() };
        feed.tell(time, Input::FeedUp);
        feed
    }

    fn tell(&mut self, time: &str, input: Input) {
        self.bars.handle(at(time), input, &mut self.out);
    }

    /// Trades of `size` at `price`, arriving when they are stamped.
    fn trade(&mut self, time: &str, price: i32, size: u32) {
        self.trade_arriving(time, time, price, size);
    }

    fn trade_arriving(&mut self, arrival: &str, stamp: &str, price: i32, size: u32) {
        let trade = Trade { ts: at(stamp), price: Price(price), size };
        self.tell(arrival, Input::Trades(vec![trade]));
    }

    fn clock(&mut self, time: &str) {
        self.bars.on_deadline(at(time), &mut self.out);
    }

    /// Bars so far, as `minute o h l c volume trades quality`; `~` before a revision.
    fn check(&self, expected: &[&str]) {
        let text = |bar: &Bar| {
            let (o, h, l, c) = (bar.open.0, bar.high.0, bar.low.0, bar.close.0);
            format!(
                "{} {o} {h} {l} {c} v{} n{} {}",
                bar.open_ts.secs() / 60,
                bar.volume,
                bar.trades,
                bar.quality.name()
            )
        };
        let seen: Vec<String> = self
            .out
            .iter()
            .filter_map(|o| match o {
                Output::Closed(bar) => Some(text(bar)),
                Output::Revised(bar) => Some(format!("~{}", text(bar))),
                Output::Notice(_) => None,
            })
            .collect();
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_minute_is_closed_by_the_first_trade_of_the_next() {
    let mut feed = Feed::up_at("0:0");
    feed.trade("0:1", 100, 2);
    feed.trade("0:30", 104, 1);
    feed.trade("0:59.9", 99, 3);
    feed.check(&[]);
    feed.trade("1:0", 101, 1);
    feed.check(&["0 100 104 99 99 v6 n3 complete"]);
}

#[test]
fn without_a_next_trade_the_clock_closes_it_after_the_grace() {
    let mut feed = Feed::up_at("0:0");
    feed.trade("0:10", 100, 1);
    assert_eq!(feed.bars.next_deadline(), Some(at("1:1.5")));
    feed.clock("1:1.4");
    feed.check(&[]);
    feed.clock("1:1.5");
    feed.check(&["0 100 100 100 100 v1 n1 complete"]);
    feed.trade("5:0", 101, 1);
    feed.trade("6:0", 102, 1);
    feed.check(&["0 100 100 100 100 v1 n1 complete", "5 101 101 101 101 v1 n1 complete"]);
}

#[test]
fn a_trade_that_comes_late_revises_the_closed_bar_but_not_its_close() {
    let mut feed = Feed::up_at("0:0");
    feed.trade("0:10", 100, 1);
    feed.trade("1:0", 101, 1);
    feed.trade_arriving("1:0.8", "0:59", 105, 2);
    feed.check(&["0 100 100 100 100 v1 n1 complete", "~0 100 105 100 100 v3 n2 revised"]);
    feed.trade_arriving("1:9", "0:59", 90, 2);
    feed.trade_arriving("1:9.5", "0:58", 91, 3);
    feed.trade("2:0", 101, 1);
    let bars =
        ["0 100 100 100 100 v1 n1 complete", "~0 100 105 100 100 v3 n2 revised", "1 101 101 101 101 v1 n1 complete"];
    feed.check(&bars);
    let told = feed.out.iter().filter_map(|o| match o {
        Output::Notice(Notice::TooLate { first, trades, contracts }) => Some((first.price, *trades, *contracts)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(Price(90), 2, 5)], "nine seconds late is too late, and said once a bar");
}

#[test]
fn equal_trades_are_real_and_zero_sizes_count_for_prices() {
    let mut feed = Feed::up_at("0:0");
    for _ in 0..3 {
        feed.trade("0:5", 100, 1);
    }
    feed.trade("0:6", 98, 0);
    feed.trade("1:0", 100, 1);
    feed.check(&["0 100 100 98 98 v3 n4 complete"]);
}

#[test]
fn file_order_breaks_ties_and_steps_back_inside_a_bar_are_kept() {
    let mut feed = Feed::up_at("0:0");
    feed.trade("0:20", 100, 1);
    feed.trade_arriving("0:20", "0:19", 103, 1);
    feed.trade("1:0", 100, 1);
    feed.check(&["0 100 103 100 103 v2 n2 complete"]);
}

#[test]
fn a_trade_from_the_future_stops_no_bar() {
    let mut feed = Feed::up_at("0:00");
    feed.trade("0:10", 20_000, 1);
    // Stamped within the break, hours ahead: it would open a bar that shuts out every trade until then.
    feed.trade_arriving("0:20", "450:00", 20_001, 1);
    feed.trade("0:30", 20_002, 1);
    feed.trade("1:10", 20_003, 1);
    feed.clock("2:02");
    feed.check(&["0 20000 20002 20000 20002 v2 n2 gap", "1 20003 20003 20003 20003 v1 n1 complete"]);
    assert!(feed.out.iter().any(|said| matches!(said, Output::Notice(Notice::Ahead { .. }))));
}

#[test]
fn a_feed_that_begins_inside_a_minute_gives_a_partial_bar() {
    let mut feed = Feed::up_at("0:30");
    feed.trade("0:31", 100, 1);
    feed.trade("1:0", 100, 1);
    feed.trade("2:0", 100, 1);
    feed.check(&["0 100 100 100 100 v1 n1 partial", "1 100 100 100 100 v1 n1 complete"]);
}

#[test]
fn an_outage_marks_every_bar_that_it_touches() {
    let mut feed = Feed::up_at("0:0");
    feed.trade("0:10", 100, 1);
    feed.tell("0:30", Input::FeedDown);
    feed.clock("1:2");
    feed.tell("2:10", Input::FeedUp);
    feed.trade("2:20", 100, 1);
    feed.trade("3:0", 100, 1);
    feed.trade("4:0", 100, 1);
    feed.check(&["0 100 100 100 100 v1 n1 gap", "2 100 100 100 100 v1 n1 gap", "3 100 100 100 100 v1 n1 complete"]);
}

#[test]
fn lost_frames_spoil_the_running_bar_and_the_end_closes_it_as_it_stands() {
    let mut feed = Feed::up_at("0:0");
    feed.trade("0:10", 100, 1);
    feed.tell("0:11", Input::Lost { why: "fell behind; 12 frames dropped".into() });
    feed.trade("1:0", 100, 1);
    feed.trade("1:1", 101, 1);
    feed.tell("1:20", Input::Flush);
    feed.check(&["0 100 100 100 100 v1 n1 gap", "1 100 101 100 101 v2 n2 partial"]);
}

proptest! {
    /// No trade is lost or counted twice, whatever arrives when: volume of bars = volume of trades less what was said
    /// to be too late.
    #[test]
    fn volume_is_conserved(steps in prop::collection::vec((0i64..40_000, -70_000i64..1_000, 0u32..5), 1..200)) {
        let mut bars = Bars::new(SymbolId(0), &config());
        let mut out = Vec::new();
        bars.handle(Timestamp::from_millis(0), Input::FeedUp, &mut out);
        let mut now = 0;
        let mut sent = 0u64;
        for (wait, skew, size) in steps {
            now += wait;
            let ts = Timestamp::from_millis((now + skew).max(0));
            sent += u64::from(size);
            let trade = Trade { ts, price: Price(100), size };
            bars.handle(Timestamp::from_millis(now), Input::Trades(vec![trade]), &mut out);
            if bars.next_deadline().is_some_and(|at| at <= Timestamp::from_millis(now)) {
                bars.on_deadline(Timestamp::from_millis(now), &mut out);
            }
        }
        bars.handle(Timestamp::from_millis(now), Input::Flush, &mut out);
        let mut by_open = std::collections::BTreeMap::new();
        let mut late = 0u64;
        for output in out {
            match output {
                Output::Closed(bar) => prop_assert!(by_open.insert(bar.open_ts, bar.volume).is_none(), "closed once"),
                Output::Revised(bar) => prop_assert!(by_open.insert(bar.open_ts, bar.volume).is_some(), "closed before"),
                Output::Notice(Notice::TooLate { contracts, .. }) => late += contracts,
                Output::Notice(_) => {}
            }
        }
        prop_assert_eq!(by_open.values().sum::<u64>() + late, sent);
    }
}
