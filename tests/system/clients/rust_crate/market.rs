//! Scenarios of contracts and market data: what is listed, what streams, what is remembered.

use std::collections::BTreeSet;

use ibapi::contracts::Contract;
use ibapi::market_data::historical::{BarSize, ToDuration, WhatToShow};
use ibapi::market_data::realtime::{TickTypes, WhatToShow as Show};
use ibapi::market_data::{IgnoreSize, TradingHours};
use ibapi::prelude::StreamExt;
use ibapi::subscriptions::SubscriptionItem;

use super::data;
use super::desk::{Desk, OTHER, connect, month, within};

pub async fn qualify(desk: &mut Desk) {
    let client = &desk.trader.client;
    let all = within(client.contract_details(&month(""))).await.expect("ES");
    // Later months are listed too, without a market.
    assert_eq!(all[..2].iter().map(|d| d.contract.local_symbol.as_str()).collect::<Vec<_>>(), ["ESM4", "ESU4"]);
    assert_eq!((all[0].min_tick, all[0].contract.multiplier.as_str()), (0.25, "50"));
    let rule = within(client.market_rule(all[0].market_rule_ids[0].parse().expect("a number"))).await.expect("a rule");
    assert_eq!(rule.price_increments[0].increment, 0.25);
    let unknown = Contract { symbol: "NOPE".into(), ..month("") };
    let refused = within(client.contract_details(&unknown)).await;
    assert!(matches!(&refused, Err(ibapi::Error::Notice(notice)) if notice.code == 200), "{refused:?}");
}

pub async fn stream(desk: &mut Desk) {
    let client = connect(&desk.address, OTHER).await;
    let mut trades = within(client.tick_by_tick(&desk.june, 0).all_last()).await.expect("trades");
    let mut quotes = within(client.tick_by_tick(&desk.june, 0).bid_ask(IgnoreSize::No)).await.expect("quotes");
    let mut middles = within(client.tick_by_tick(&desk.june, 0).mid_point()).await.expect("middles");
    within(client.next_valid_order_id()).await.expect("an id");
    for _ in 0..12 {
        desk.step().await;
    }
    let trade = data!(trades);
    assert_eq!((trade.price, trade.size, trade.exchange.as_str()), (5000.0, 2.0, "CME"));
    let quote = data!(quotes);
    assert_eq!((quote.bid_price, quote.bid_size, quote.ask_price), (5000.0, 3.0, 5000.25));
    assert_eq!(data!(middles).mid_point, 5000.125);
    client.disconnect().await;
}

/// The last of each kind of tick, as text.
fn screen(ticks: &[TickTypes]) -> BTreeSet<String> {
    let lines = ticks.iter().filter_map(|tick| match tick {
        TickTypes::PriceSize(tick) => Some(format!("{:?} {} x {}", tick.price_tick_type, tick.price, tick.size)),
        TickTypes::Price(tick) => Some(format!("{:?} {}", tick.tick_type, tick.price)),
        _ => None,
    });
    lines.collect()
}

pub async fn quotes_and_snapshot(desk: &mut Desk) {
    let client = connect(&desk.address, OTHER).await;
    let mut ticks = within(client.market_data(&desk.june).subscribe()).await.expect("quotes");
    within(client.next_valid_order_id()).await.expect("an id");
    for _ in 0..12 {
        desk.step().await;
    }
    let mut seen = Vec::new();
    while !screen(&seen).contains("Open 5000") || seen.len() < 12 {
        seen.push(data!(ticks));
    }
    let shown = screen(&seen);
    for line in ["Bid 5000 x 3", "Last 5000 x 2", "High 5000", "Low 5000", "Open 5000"] {
        assert!(shown.contains(line), "{line}: {shown:?}");
    }
    assert!(shown.contains("Ask 5000.25 x 2") || shown.contains("Ask 5000.25 x 3"), "{shown:?}");
    let mut once = within(client.market_data(&desk.june).snapshot().subscribe()).await.expect("a snapshot");
    within(client.next_valid_order_id()).await.expect("an id");
    desk.step().await;
    let mut seen = Vec::new();
    loop {
        match data!(once) {
            TickTypes::SnapshotEnd => break,
            tick => seen.push(tick),
        }
    }
    assert!(screen(&seen).contains("Bid 5000 x 3"), "{seen:?}");
    client.disconnect().await;
}

pub async fn historical_bars_and_ticks(desk: &mut Desk) {
    for _ in 0..60 {
        desk.step().await;
    }
    let client = &desk.trader.client;
    let asked = client.historical_data(&desk.june, BarSize::Sec5).what_to_show(WhatToShow::Trades);
    let asked = asked.duration(30.seconds()).trading_hours(TradingHours::Extended);
    let bars = within(asked.fetch()).await.expect("bars").bars;
    assert!(bars.len() >= 4, "{bars:?}");
    for bar in &bars[1..bars.len() - 1] {
        let prices = (bar.open, bar.high, bar.low, bar.close);
        assert_eq!((prices, bar.volume, bar.count), ((5000.0, 5000.0, 5000.0, 5000.0), 10.0, 5), "{bar:?}");
    }
    let asked = client.historical_data(&desk.sept, BarSize::Sec10).what_to_show(WhatToShow::Trades);
    let asked = asked.duration(40.seconds()).trading_hours(TradingHours::Extended);
    let bars = within(asked.fetch()).await.expect("bars").bars;
    assert!(bars[1..bars.len() - 1].iter().all(|bar| (bar.high, bar.low) == (5054.0, 5050.0)), "{bars:?}");

    let now = within(client.server_time()).await.expect("the clock answers");
    let asked = client.historical_ticks(&desk.june, 5).ending(now).trading_hours(TradingHours::Extended);
    let mut ticks = within(asked.trade()).await.expect("ticks");
    let mut count = 0;
    while let Some(item) = within(ticks.next()).await {
        if let SubscriptionItem::Data(tick) = item.expect("a tick") {
            assert_eq!((tick.price, tick.size), (5000.0, Some(2.0)));
            count += 1;
        }
    }
    assert!((5..10).contains(&count), "five, and what shares a second with the first: {count}");
}

pub async fn real_time_bars(desk: &mut Desk) {
    let client = connect(&desk.address, OTHER).await;
    let asked = client.realtime_bars(&desk.june).what_to_show(Show::Trades).trading_hours(TradingHours::Extended);
    let mut bars = within(asked.subscribe()).await.expect("bars");
    within(client.next_valid_order_id()).await.expect("an id");
    // Sixteen seconds: three whole bars, of which the first may have begun before.
    for _ in 0..64 {
        desk.step().await;
    }
    data!(bars);
    for _ in 0..2 {
        let bar = data!(bars);
        let prices = (bar.open, bar.high, bar.low, bar.close);
        assert_eq!((prices, bar.volume, bar.count), ((5000.0, 5000.0, 5000.0, 5000.0), 10.0, 5), "{bar:?}");
    }
    client.disconnect().await;
}
