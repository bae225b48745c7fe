//! The link among the other cores, over the queue transport: market data that goes wrong, and what the journal says.

use std::cell::RefCell;

use super::*;
use crate::backtest::Backtest;
use crate::journal::Record;
use crate::market::{FeedEvent, MarketEvent, Price, Quote, Trade};
use crate::trade::Money;

const PRICE: i32 = 20_000;

/// A quote and a trade each half second of `secs`, at `price(second)`; `None`: nothing comes.
fn market(secs: i64, price: impl Fn(i64) -> Option<i32>) -> Vec<FeedEvent> {
    let start = at(MORNING).millis();
    let events = (0..2 * secs).filter_map(|half| Some((half, price(half / 2)?))).flat_map(|(half, price)| {
        let ts = Timestamp::from_millis(start + 500 * half);
        let (bid, ask) = (Some(Price(price - 1)), Some(Price(price + 1)));
        let quote = MarketEvent::Quote(Quote { ts, bid, ask, bid_size: 5, ask_size: 5 });
        let trade = MarketEvent::Trade(Trade { ts, price: Price(price), size: 1 });
        [quote, trade].map(|event| FeedEvent { symbol: ES, event })
    });
    events.collect()
}

fn played(events: Vec<FeedEvent>) -> Vec<Record> {
    let records = RefCell::new(Vec::new());
    let journal = |_: Timestamp, record: Record| records.borrow_mut().push(record);
    let cash = Money::from_micros(1_000_000_000_000);
    Backtest::new(&config(), events.into_iter(), at(MORNING), cash, Money::ZERO, journal).run();
    records.into_inner()
}

fn told(records: &[Record]) -> Vec<&str> {
    let events = records.iter().filter_map(|record| match record {
        Record::System { event, .. } if event.starts_with("feed.") || event.starts_with("link.") => {
            Some(event.as_str())
        }
        _ => None,
    });
    events.collect()
}

#[test]
fn a_constant_added_for_a_while_reaches_no_bar_and_its_bars_say_that_they_lack_trades() {
    let records = played(market(300, |s| Some(if (130..150).contains(&s) { PRICE + 2_000_000 } else { PRICE })));
    let bars: Vec<_> =
        records.iter().filter_map(|record| if let Record::Bar(bar) = record { Some(bar) } else { None }).collect();
    assert!(bars.len() >= 5);
    assert!(bars.iter().all(|bar| (bar.high, bar.low) == (Price(PRICE), Price(PRICE))), "{bars:?}");
    assert_eq!(bars[2].quality, crate::market::Quality::Gap, "the third minute lacks a third of its trades");
    assert_eq!(bars[1].quality, crate::market::Quality::Complete);
    assert_eq!(told(&records), ["feed.corrupt", "feed.fresh"], "told once, and its end");
}

#[test]
fn a_calm_market_tells_nothing() {
    let records = played(market(300, |s| Some(PRICE + i32::try_from(s % 5).expect("small"))));
    assert_eq!(told(&records), Vec::<&str>::new());
}
