//! The synthetic market: repeatable, on the grid, never crossed, lively, closed when the exchange is.

use std::time::Duration;

use engine::market::Quote;
use engine::time::session::Calendar;

use super::*;
use crate::{SyntheticOptions, synthetic};

fn at(text: &str) -> Timestamp {
    chrono::DateTime::parse_from_rfc3339(text).expect("a time").to_utc().into()
}

/// FNV-1a over the fields of events, in an order that no platform changes.
fn fingerprint(events: impl Iterator<Item = FeedEvent>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |value: i64| {
        for byte in value.to_le_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for FeedEvent { symbol, event } in events {
        mix(i64::from(symbol.0));
        mix(event.ts().nanos());
        match event {
            MarketEvent::Trade(trade) => [trade.price.0 as i64, i64::from(trade.size)].into_iter().for_each(&mut mix),
            MarketEvent::Quote(quote) => {
                let side = |price: Option<Price>| price.map_or(i64::MIN, |price| i64::from(price.0));
                let fields = [side(quote.bid), side(quote.ask), i64::from(quote.bid_size), i64::from(quote.ask_size)];
                fields.into_iter().for_each(&mut mix);
            }
        }
    }
    hash
}

#[test]
fn the_same_seed_gives_the_same_events_everywhere() {
    let options = |seed| SyntheticOptions::es(seed, at("2024-03-05T14:25:00Z"), SymbolId(0));
    assert_eq!(fingerprint(synthetic(options(42)).take(200_000)), 361_378_986_537_546_451);
    assert_ne!(fingerprint(synthetic(options(42)).take(1_000)), fingerprint(synthetic(options(43)).take(1_000)));
}

#[test]
fn regular_hours_are_lively_and_quotes_are_sound() {
    let (from, to) = (at("2024-03-05T14:30:00Z"), at("2024-03-05T21:00:00Z"));
    let market = synthetic(SyntheticOptions::es(7, from, SymbolId(3)));
    let mut touch: Option<Quote> = None;
    let (mut trades, mut quotes, mut outside, mut wide, mut last) = (0, 0, 0, 0, from);
    for FeedEvent { symbol, event } in market.take_while(|event| event.event.ts() < to) {
        assert_eq!(symbol, SymbolId(3));
        assert!(event.ts() >= last, "time does not step back");
        last = event.ts();
        match event {
            MarketEvent::Quote(quote) => {
                let spread = quote.ask.expect("an ask").0 - quote.bid.expect("a bid").0;
                assert!((1..=2).contains(&spread) && quote.bid_size > 0 && quote.ask_size > 0, "{quote:?}");
                wide += i32::from(spread == 2);
                quotes += 1;
                touch = Some(quote);
            }
            MarketEvent::Trade(trade) => {
                assert!(trade.size > 0);
                let at_touch = touch.is_some_and(|q| q.bid == Some(trade.price) || q.ask == Some(trade.price));
                outside += i32::from(!at_touch);
                trades += 1;
            }
        }
    }
    let seconds = 6 * 3_600 + 1_800;
    assert!((10..=40).contains(&(trades / seconds)), "{trades} trades");
    assert!((20..=80).contains(&(quotes / seconds)), "{quotes} quotes");
    assert_eq!(outside, 0);
    assert!(wide > quotes / 200 && wide < quotes / 4, "{wide} of {quotes} quotes are two ticks wide");
}

#[test]
fn nothing_happens_while_the_exchange_is_closed() {
    // Friday before the close to Sunday after the open, over a change of clocks.
    let market = synthetic(SyntheticOptions::es(1, at("2024-03-08T21:50:00Z"), SymbolId(0)));
    let mut events = market.map(|event| event.event.ts());
    let friday = events.by_ref().take_while(|ts| *ts < at("2024-03-08T22:00:00Z")).count();
    assert!(friday > 1_000, "{friday}");
    let market = synthetic(SyntheticOptions::es(1, at("2024-03-08T21:50:00Z"), SymbolId(0)));
    let sunday = market.map(|event| event.event.ts()).find(|ts| *ts >= at("2024-03-08T22:00:00Z"));
    assert_eq!(sunday, Some(at("2024-03-10T22:00:00Z")), "the open brings a quote at once");
}

#[test]
fn days_differ_in_range_and_both_directions_occur() {
    let start = at("2024-03-03T23:00:00Z");
    let calendar = Calendar::CME_EQUITY_INDEX;
    let market = synthetic(SyntheticOptions::es(11, start, SymbolId(0)));
    let events: Vec<FeedEvent> =
        market.take_while(|event| event.event.ts() < start + Duration::from_secs(2 * 86_400)).collect();
    assert!(events.iter().all(|event| calendar.is_open(event.event.ts())));
    let bars = fold(&events, 60);
    assert_eq!(bars.len(), 2 * 23 * 60, "every open minute trades");
    let ranges: Vec<i32> = bars.values().map(|bar| bar.high.0 - bar.low.0).collect();
    let (widest, mean) = (ranges.iter().max().copied().unwrap_or(0), ranges.iter().sum::<i32>() / ranges.len() as i32);
    assert!((2..=15).contains(&mean), "{mean}");
    assert!(widest > 3 * mean, "{widest}: volatility does not cluster");
    let regular: Vec<i32> = bars
        .iter()
        .filter(|((_, begin), _)| {
            calendar.regular_hours(calendar.trade_date(*begin)).is_some_and(|h| h.contains(*begin))
        })
        .map(|(_, bar)| bar.high.0 - bar.low.0)
        .collect();
    assert_eq!(regular.len(), 2 * 390);
    let mean = regular.iter().sum::<i32>() / 780;
    assert!((6..=16).contains(&mean), "{mean} ticks a minute in regular hours");
    // A crossover of averages over 10 and 30 minutes happens some times a day, not every few minutes.
    let closes: Vec<i64> = bars.values().map(|bar| i64::from(bar.close.0)).collect();
    let mean_of = |end: usize, n: usize| closes[end - n..end].iter().sum::<i64>() * 30 / n as i64;
    let above: Vec<bool> = (30..closes.len()).map(|end| mean_of(end, 10) > mean_of(end, 30)).collect();
    let crossings = above.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!((40..400).contains(&crossings), "{crossings}");
}
