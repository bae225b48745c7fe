//! Contracts end in backtests over ticks too: at their time, or with the data of their last day; with delays as without.

use super::Backtest;
use super::bar_run_tests::{at, config, fills, scheduled};
use super::latency::{Delay, Latencies};
use crate::market::{FeedEvent, MarketEvent, Price, SymbolId, Trade};
use crate::trade::Leg;

/// Trades in points.
fn ticks(symbol: u16, trades: &[(&str, i32)]) -> Vec<FeedEvent> {
    let trade = |(text, points): &(&str, i32)| {
        let trade = Trade { ts: at(text), price: Price(points * 4), size: 5 };
        FeedEvent { symbol: SymbolId(symbol), event: MarketEvent::Trade(trade) }
    };
    trades.iter().map(trade).collect()
}

#[test]
fn with_ticks_contracts_end_as_well_at_their_time_or_with_the_data_of_their_day() {
    let strategies = scheduled("one", "ESZ23", r#"{ at = "14:10", do = "buy", quantity = 2 }"#);
    let account = "[backtest.account]\nmargin = \"none\"\nsessions = false\n";
    let old = ticks(
        0,
        &[
            ("2023-12-15T14:00:00Z", 4_700),
            // It closes the first bar: with that the strategy begins.
            ("2023-12-15T14:01:05Z", 4_700),
            ("2023-12-15T14:10:05Z", 4_701),
            ("2023-12-15T14:10:10Z", 4_702),
            ("2023-12-15T14:29:50Z", 4_713),
        ],
    );
    let new = ticks(1, &[("2023-12-15T14:31:00Z", 4_770)]);
    let late = "[backtest.latency]\norder_us = 400\n";
    for (with_new, more) in [(true, ""), (false, ""), (true, late)] {
        let config = config(&strategies, &format!("{account}{more}"));
        let market: Vec<FeedEvent> = old.iter().chain(new.iter().filter(|_| with_new)).copied().collect();
        let mut told = Vec::new();
        let record = |at, record| told.push((at, record));
        let (start, settings) = (at("2023-12-15T14:00:00Z"), config.backtest.clone());
        let latencies = settings.latency.map(|_| {
            let took = |micros| Delay::Constant(std::time::Duration::from_micros(micros));
            Latencies { feed: took(0), order: took(400), ack: took(0), seed: 1 }
        });
        let run = Backtest::new(&config, market.into_iter(), start, settings.cash, settings.commission, record);
        let cores = run.with_latency(latencies).run();
        let made: Vec<(Leg, u32, Price, String)> =
            fills(&told).iter().map(|fill| (fill.leg, fill.quantity, fill.price, fill.at.to_string())).collect();
        let settled = (Leg::Settlement, 2, Price(4_713 * 4), "2023-12-15T14:30:00Z".to_owned());
        assert_eq!((made.len(), made.last()), (2, Some(&settled)), "{with_new} {more}");
        assert_eq!(cores.books.portfolio().held().count(), 0);
    }
}
