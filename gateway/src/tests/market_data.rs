//! Quotes, real-time bars, tick-by-tick data with its past, symbols: what a client sees and when.

use ibapi::contracts::tick_types::TickType;
use ibapi::market_data::realtime::{TickTypes, WhatToShow};
use ibapi::market_data::{IgnoreSize, MarketDataType, TradingHours};

use super::raw::Raw;
use super::*;

/// `millis` after the open.
fn later(millis: i64) -> Timestamp {
    Timestamp::from_millis(OPEN_S * 1_000 + millis)
}

fn quote_at(millis: i64, bid: f64, bid_size: u32, ask: f64, ask_size: u32) -> FeedEvent {
    let quote = Quote { ts: later(millis), bid: Some(price(bid)), ask: Some(price(ask)), bid_size, ask_size };
    FeedEvent { symbol: SymbolId(0), event: MarketEvent::Quote(quote) }
}

fn trade_at(millis: i64, points: f64, size: u32) -> FeedEvent {
    let trade = Trade { ts: later(millis), price: price(points), size };
    FeedEvent { symbol: SymbolId(0), event: MarketEvent::Trade(trade) }
}

/// A tick in a word or two that a test can compare.
fn line(tick: &TickTypes) -> String {
    match tick {
        TickTypes::Price(tick) => format!("{:?} {}", tick.tick_type, tick.price),
        TickTypes::PriceSize(tick) => format!("{:?} {} x {}", tick.price_tick_type, tick.price, tick.size),
        TickTypes::Size(tick) => format!("{:?} {}", tick.tick_type, tick.size),
        TickTypes::String(tick) if tick.tick_type == TickType::LastTimestamp => {
            format!("last at {}", tick.value.parse::<i64>().expect("seconds") - OPEN_S)
        }
        TickTypes::String(tick) => format!("{:?} {}", tick.tick_type, tick.value),
        TickTypes::Generic(tick) => format!("{:?} {}", tick.tick_type, tick.value),
        TickTypes::RequestParameters(params) => format!("params {} {}", params.min_tick, params.snapshot_permissions),
        TickTypes::MarketDataType(kind) => format!("type {kind:?}"),
        other => format!("{other:?}"),
    }
}

async fn expect(ticks: &mut Subscription<TickTypes>, lines: &[&str]) {
    for expected in lines {
        assert_eq!(line(&data!(ticks)), *expected, "of {lines:?}");
    }
}

fn with_past(earlier: Vec<FeedEvent>, played: Vec<FeedEvent>) -> Gateway {
    let history = History { earlier: Some(Box::new(earlier.into_iter())), ..History::default() };
    start(Options { history, ..options(played, Pacing::Answered) }).expect("a free port")
}

#[tokio::test]
async fn a_quote_screen_begins_with_the_day_so_far_and_then_shows_changes_only() {
    let friday = -3 * 86_400_000;
    let past = vec![trade_at(friday, 4990.0, 4), trade_at(-7_200_000, 5010.0, 2), trade_at(-3_600_000, 4995.0, 3)];
    let played = vec![
        quote_at(0, 5000.0, 5, 5000.25, 7),
        trade_at(1_000, 5000.25, 2),
        quote_at(2_000, 5000.0, 6, 5000.25, 7),
        quote_at(3_000, 5000.0, 6, 5000.25, 7),
        trade_at(4_000, 5000.25, 2),
        quote_at(5_000, 4999.75, 9, 5000.25, 7),
    ];
    let gateway = with_past(past, played);
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let mut ticks = within(client.market_data(&contract).generic_ticks(&["233"]).subscribe()).await.expect("quotes");
    expect(&mut ticks, &["params 0.25 3", "type Realtime"]).await;
    expect(&mut ticks, &["Last 4995 x 3", "last at -3600", "Volume 5", "High 5010", "Low 4995", "Close 4990"]).await;
    expect(&mut ticks, &["Open 5010", "Halted 0"]).await;
    let volume = format!("RtVolume 4995;3;{};5;5001;false", later(-3_600_000).millis());
    expect(&mut ticks, &[volume.as_str()]).await;
    for second in 0..=5 {
        assert_eq!(step(&client).await, second);
    }
    expect(&mut ticks, &["Bid 5000 x 5", "Ask 5000.25 x 7"]).await;
    expect(&mut ticks, &["Last 5000.25 x 2", "last at 1", "Volume 7"]).await;
    let volume = format!("RtVolume 5000.25;2;{};7;5000.785714;true", later(1_000).millis());
    expect(&mut ticks, &[volume.as_str(), "BidSize 6", "last at 4", "Volume 9"]).await;
    let volume = format!("RtVolume 5000.25;2;{};9;5000.666667;true", later(4_000).millis());
    expect(&mut ticks, &[volume.as_str(), "Bid 4999.75 x 9"]).await;
    gateway.stop();
}

#[tokio::test]
async fn updates_come_a_quarter_of_a_second_apart_and_what_was_held_back_is_not_lost() {
    let mut played: Vec<FeedEvent> = (0..20).map(|n| quote_at(10 * n, 5000.0, n as u32 + 1, 5000.25, 7)).collect();
    played.push(quote_at(900, 5000.0, 50, 5000.25, 7));
    played.push(quote_at(2_000, 5000.0, 60, 5000.25, 7));
    let gateway = answered(played);
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let mut ticks = within(client.market_data(&contract).subscribe()).await.expect("quotes");
    step(&client).await;
    step(&client).await;
    expect(&mut ticks, &["params 0.25 3", "type Realtime", "Bid 5000 x 1", "Ask 5000.25 x 7", "Halted 0"]).await;
    expect(&mut ticks, &["BidSize 20", "BidSize 50", "BidSize 60"]).await;
    assert!(tokio::time::timeout(QUIET, ticks.next()).await.is_err(), "nothing more");
    gateway.stop();
}

#[tokio::test]
async fn a_snapshot_ends_when_it_is_complete_or_its_time_is_over() {
    let gateway =
        answered(vec![quote(0, 5000.0, 5, 5000.25, 7), trade(1, 5000.25, 2), quote(30, 5000.0, 6, 5000.25, 7)]);
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let mut ticks = within(client.market_data(&contract).snapshot().subscribe()).await.expect("a snapshot");
    step(&client).await;
    step(&client).await;
    expect(&mut ticks, &["params 0.25 3", "type Realtime", "Bid 5000 x 5", "Ask 5000.25 x 7", "Halted 0"]).await;
    expect(&mut ticks, &["Last 5000.25 x 2", "last at 1", "Volume 2", "High 5000.25", "Low 5000.25", "Open 5000.25"])
        .await;
    expect(&mut ticks, &["SnapshotEnd"]).await;
    let again = within(client.market_data(&contract).snapshot_once(DEADLINE)).await.expect("a snapshot");
    assert_eq!(again.len(), 11, "all of it is there at once: {again:?}");
    gateway.stop();

    let silent = answered(vec![quote(0, 5000.0, 5, 5000.25, 7), quote(30, 5000.0, 6, 5000.25, 7)]);
    let client = connect(&silent, 1).await;
    let contract = es(&client).await;
    let mut ticks = within(client.market_data(&contract).snapshot().subscribe()).await.expect("a snapshot");
    step(&client).await;
    expect(&mut ticks, &["params 0.25 3", "type Realtime", "Bid 5000 x 5", "Ask 5000.25 x 7", "Halted 0"]).await;
    step(&client).await;
    expect(&mut ticks, &["SnapshotEnd"]).await;
    silent.stop();
}

#[tokio::test]
async fn delayed_data_is_that_of_a_quarter_of_an_hour_ago_under_its_own_numbers() {
    let minutes = |n: i64| n * 60_000;
    let past = vec![quote_at(minutes(-20), 4990.0, 3, 4990.5, 4), trade_at(minutes(-20), 4990.5, 1)];
    let played = vec![
        quote_at(0, 5000.0, 5, 5000.25, 7),
        trade_at(minutes(1), 5000.25, 2),
        quote_at(minutes(20), 5001.0, 5, 5001.25, 7),
    ];
    let gateway = with_past(past, played);
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    within(client.switch_market_data_type(MarketDataType::Delayed)).await.expect("sent");
    let mut ticks = within(client.market_data(&contract).subscribe()).await.expect("quotes");
    expect(&mut ticks, &["params 0.25 3", "type Delayed", "DelayedBid 4990 x 3", "DelayedAsk 4990.5 x 4"]).await;
    expect(&mut ticks, &["DelayedLast 4990.5 x 1"]).await;
    let stamp = format!("DelayedLastTimestamp {}", later(minutes(-20)).secs());
    expect(&mut ticks, &[stamp.as_str(), "DelayedVolume 1", "DelayedHigh 4990.5", "DelayedLow 4990.5"]).await;
    expect(&mut ticks, &["DelayedOpen 4990.5"]).await;
    for _ in 0..3 {
        step(&client).await;
    }
    expect(&mut ticks, &["DelayedBid 5000 x 5", "DelayedAsk 5000.25 x 7", "DelayedLast 5000.25 x 2"]).await;
    let stamp = format!("DelayedLastTimestamp {}", later(minutes(1)).secs());
    expect(&mut ticks, &[stamp.as_str(), "DelayedVolume 3", "DelayedHigh 5000.25"]).await;
    gateway.stop();
}

#[tokio::test]
async fn real_time_bars_come_every_five_seconds_also_without_a_trade() {
    let played = vec![
        quote(0, 5000.0, 5, 5000.25, 7),
        trade(1, 5000.25, 2),
        trade(3, 5001.0, 1),
        trade(16, 4999.0, 4),
        trade(21, 5.0, 1),
    ];
    let gateway = answered(played);
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let bars =
        |what| client.realtime_bars(&contract).what_to_show(what).trading_hours(TradingHours::Extended).subscribe();
    let mut trades = within(bars(WhatToShow::Trades)).await.expect("bars");
    let mut middles = within(bars(WhatToShow::MidPoint)).await.expect("bars");
    for expected in [0, 1, 3, 16, 21] {
        assert_eq!(step(&client).await, expected, "this client paces");
    }
    let mut seen = Vec::new();
    for _ in 0..4 {
        let bar = data!(trades);
        let at = bar.date.unix_timestamp() - OPEN_S;
        seen.push(format!(
            "{at} {} {} {} {} {} {} {}",
            bar.open, bar.high, bar.low, bar.close, bar.volume, bar.wap, bar.count
        ));
    }
    let quiet = |at: i64| format!("{at} 5001 5001 5001 5001 0 5001 0");
    assert_eq!(seen[0], "0 5000.25 5001 5000.25 5001 3 5000.5 2");
    assert_eq!(seen[1..], [quiet(5), quiet(10), "15 4999 4999 4999 4999 4 4999 1".to_owned()]);
    for second in [0, 5, 10, 15] {
        let bar = data!(middles);
        assert_eq!((bar.date.unix_timestamp() - OPEN_S, bar.close, bar.volume), (second, 5000.125, -1.0));
    }
    gateway.stop();
}

#[tokio::test]
async fn a_closed_market_has_no_real_time_bars() {
    // The session ends seven hours after the open and the next one begins an hour later.
    let played =
        vec![trade(7 * 3_600 - 4, 5000.0, 1), trade(8 * 3_600 + 1, 5001.0, 1), trade(8 * 3_600 + 7, 5002.0, 1)];
    let gateway = answered(played);
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let asked = client.realtime_bars(&contract).what_to_show(WhatToShow::Trades).trading_hours(TradingHours::Extended);
    let mut bars = within(asked.subscribe()).await.expect("bars");
    for _ in 0..3 {
        step(&client).await;
    }
    assert_eq!(data!(bars).date.unix_timestamp() - OPEN_S, 7 * 3_600 - 5, "the last one of the session");
    assert_eq!(data!(bars).date.unix_timestamp() - OPEN_S, 8 * 3_600, "then the first of the next");
    assert!(tokio::time::timeout(QUIET, bars.next()).await.is_err(), "and none between");
    gateway.stop();
}

#[tokio::test]
async fn tick_by_tick_data_can_begin_with_ticks_of_the_past() {
    let past = (0..30).map(|n| trade_at(-1_000 * (40 - n), 5000.0, n as u32 + 1)).collect();
    let gateway = with_past(past, vec![trade(1, 5000.25, 77)]);
    let mut raw = Raw::text(&gateway, 178, 2).await;
    raw.send(&format!("97\x0031\0{ES}\0AllLast\x003\x000\0")).await;
    let ticks = raw.next_with(&["98"]).await;
    assert_eq!(ticks[1..3], ["31", "3"]);
    let sizes: Vec<&str> = ticks[3..].chunks(6).filter(|tick| tick.len() == 6).map(|tick| tick[3].as_str()).collect();
    assert_eq!((sizes, ticks.last().map(String::as_str)), (vec!["28", "29", "30"], Some("1")));
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let mut live = within(client.tick_by_tick(&contract, 5).bid_ask(IgnoreSize::No)).await.expect("quotes");
    raw.send("49\x001\0").await;
    assert_eq!(raw.next_with(&["99"]).await[5], "77", "then those of the present");
    raw.send(&format!("97\x0032\0{ES}\0Neither\x000\x000\0")).await;
    assert_eq!(raw.next_with(&["4"]).await[2..4], ["32", "321"]);
    raw.send(&format!("97\x0033\0{ES}\0Last\x001001\x000\0")).await;
    assert_eq!(raw.next_with(&["4"]).await[2..4], ["33", "321"]);
    assert!(tokio::time::timeout(QUIET, live.next()).await.is_err(), "there is no quote");
    gateway.stop();
}

#[tokio::test]
async fn symbols_and_chains_are_found_and_rules_known() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 7)]);
    let client = connect(&gateway, 1).await;
    let symbols = async |pattern| {
        let found = within(client.matching_symbols(pattern)).await.expect("an answer");
        found.iter().map(|found| found.contract.symbol.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(symbols("m").await, ["MES", "MNQ", "ES", "NQ"], "symbols first, then names");
    assert_eq!(symbols("gold").await, ["GC"]);
    assert!(symbols("XYZ").await.is_empty());
    let future = |root: &str, exchange: &str| Contract::futures(root).any_month().on_exchange(exchange).build();
    for (root, exchange, multiplier, tick, first, zone) in [
        ("MES", "CME", "5", 0.25, "20261218 08:30:00 US/Central", "US/Central"),
        ("NQ", "CME", "20", 0.25, "20261218 08:30:00 US/Central", "US/Central"),
        ("MNQ", "CME", "2", 0.25, "20261218 08:30:00 US/Central", "US/Central"),
        ("GC", "COMEX", "100", 0.1, "20261229 13:30:00 US/Eastern", "US/Eastern"),
    ] {
        let found = within(client.contract_details(&future(root, exchange))).await.expect(root);
        let front = &found[0];
        assert!(found.len() >= 5, "{root}");
        assert_eq!((front.contract.multiplier.as_str(), front.min_tick), (multiplier, tick), "{root}");
        assert_eq!(front.contract.last_trade_date_or_contract_month, first);
        assert_eq!(front.time_zone_id, zone);
        let rule_id = front.market_rule_ids[0].parse().expect("a number");
        let rule = within(client.market_rule(rule_id)).await.expect("a rule");
        assert_eq!(rule.price_increments[0].increment, tick);
        let ids: std::collections::BTreeSet<i32> = found.iter().map(|found| found.contract.contract_id).collect();
        assert_eq!(ids.len(), found.len(), "each has its own id");
    }
    let es = within(client.contract_details(&es_root())).await.expect("ES").remove(0);
    assert_eq!(es.long_name, "E-mini S&P 500");
    let hours = "20261122:1700-20261123:1600 20261123:1700-20261124:1600 20261124:1700-20261125:1600 \
        20261125:1700-20261126:1200 20261126:1700-20261127:1215 20261128:CLOSED";
    assert_eq!(es.trading_hours.join(" "), hours, "Thanksgiving and the day after");
    assert_eq!(es.liquid_hours[..2], ["20261123:0830-20261123:1600", "20261124:0830-20261124:1600"]);
    assert_eq!(es.liquid_hours[4..], ["20261127:0830-20261127:1215", "20261128:CLOSED", "20261129:CLOSED"]);
    gateway.stop();
}

/// Contract fields of a text request.
const ES: &str = "\0ES\0FUT\x00202612\0\0\0\0CME\0\0\0\0";
const NQ: &str = "\0NQ\0FUT\x00202612\0\0\0\0CME\0\0\0\0";

#[tokio::test]
async fn a_contract_without_a_market_is_known_and_has_no_data() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 7), quote(30, 5000.0, 5, 5000.25, 7)]);
    let mut raw = Raw::text(&gateway, 178, 1).await;
    for (request, code, text) in [
        (format!("1\x0011\x0050\0{NQ}\x000\0\x000\x000\0\0"), "354", "Requested market data is not subscribed."),
        (
            format!("50\x003\x0050\0{NQ}\x005\0TRADES\x000\0\0"),
            "420",
            "Invalid Real-time Query:No market data permissions",
        ),
        (format!("97\x0050\0{NQ}\0Last\x000\x000\0"), "10189", "Failed to request tick-by-tick data.No market data"),
        (format!("87\x0050\0{NQ}\x000\x000\0TRADES\x001\0"), "162", "No market data permissions for CME FUT."),
        (
            format!("96\x0050\0{NQ}\x000\0\x0020261123-15:00:00\x005\0TRADES\x000\x000\0\0"),
            "10187",
            "Failed to request historical ticks:No market data permissions",
        ),
    ] {
        raw.send(&request).await;
        let error = raw.next_with(&["4"]).await;
        assert_eq!(error[2..4], ["50", code]);
        assert!(error[4].contains(text), "{}", error[4]);
    }
    let order = crate::wire::tests::limit_order(178, 7).join("\0").replace("\0ES\0", "\0NQ\0") + "\0";
    raw.send(&order).await;
    assert_eq!(raw.next_with(&["4"]).await[2..4], ["7", "201"], "it cannot be traded either");
    raw.send("59\x001\x003\0").await;
    raw.send(&format!("1\x0011\x0051\0{NQ}\x000\0\x000\x000\0\0")).await;
    assert_eq!(raw.next().await, ["81", "51", "0.25", "9c0001", "3"]);
    assert_eq!(raw.next().await, ["58", "1", "51", "3"]);
    assert_eq!(raw.next().await[2..4], ["51", "10167"]);
    gateway.stop();
}

#[tokio::test]
async fn quotes_in_text_have_their_layouts_and_mistakes_their_codes() {
    let gateway =
        answered(vec![quote(0, 5000.0, 5, 5000.25, 7), trade(1, 5000.25, 2), quote(2, 5000.0, 5, 5000.25, 7)]);
    let mut raw = Raw::text(&gateway, 157, 1).await;
    let ask = |req_id: i32, generics: &str, snapshot: &str, regulatory: &str| {
        format!("1\x0011\0{req_id}\0{ES}\x000\0{generics}\0{snapshot}\0{regulatory}\0\0")
    };
    raw.send(&ask(50, "", "0", "0")).await;
    assert_eq!(raw.next().await, ["81", "50", "0.25", "9c0001", "3"]);
    assert_eq!(raw.next().await, ["58", "1", "50", "1"]);
    for _ in 0..2 {
        raw.send("49\x001\0").await;
    }
    assert_eq!(raw.next().await, ["1", "6", "50", "1", "5000.0", "5", "1"]);
    assert_eq!(raw.next().await, ["1", "6", "50", "2", "5000.25", "7", "1"]);
    assert_eq!(raw.next().await, ["45", "6", "50", "49", "0.0"]);
    assert_eq!(raw.next_with(&["1"]).await, ["1", "6", "50", "4", "5000.25", "2", "0"]);
    assert_eq!(raw.next().await, ["46", "6", "50", "45", &(OPEN_S + 1).to_string()]);
    assert_eq!(raw.next().await, ["2", "6", "50", "8", "2"]);
    let refused = [
        (ask(50, "", "0", "0"), "50", "322", "Duplicate ticker id"),
        (
            ask(51, "233,999", "0", "0"),
            "51",
            "321",
            "Incorrect generic tick list of 233,999.  Legal ones for (FUT) are: 100(",
        ),
        (ask(52, "233", "1", "0"), "52", "321", "Snapshot market data subscription is not applicable to generic ticks"),
        (ask(53, "", "0", "1"), "53", "321", "Regulatory snapshots"),
        ("2\x002\x0099\0".to_owned(), "99", "300", "Can't find EId with tickerId:99"),
        ("51\x001\x0098\0".to_owned(), "98", "300", "Can't find EId with tickerId:98"),
        ("59\x001\x009\0".to_owned(), "-1", "321", "Market data type 9"),
        (
            format!("50\x003\x0054\0{ES}\x005\0BID_ASK\x000\0\0"),
            "54",
            "321",
            "What to show field is missing or incorrect.",
        ),
    ];
    for (request, req_id, code, text) in refused {
        raw.send(&request).await;
        let error = raw.next_with(&["4"]).await;
        assert_eq!(error[2..4], [req_id, code], "{}", error[4]);
        assert!(error[4].contains(text), "{}", error[4]);
    }
    for (asked, shown) in [("2", "1"), ("4", "3"), ("3", "3"), ("1", "1")] {
        raw.send(&format!("59\x001\0{asked}\0")).await;
        raw.send(&ask(60, "", "0", "0")).await;
        assert_eq!(
            raw.next_with(&["58"]).await,
            ["58", "1", "60", shown],
            "nothing is frozen while the market is open"
        );
        raw.send("2\x002\x0060\0").await;
    }
    // What these subscriptions said before their cancels is read up to the next clock.
    raw.send("49\x001\0").await;
    raw.next_with(&["49"]).await;
    raw.send("2\x002\x0050\0").await;
    raw.send("49\x001\0").await;
    assert_eq!(raw.next().await[0], "49", "after the cancel nothing comes but the clock");
    gateway.stop();
}

#[tokio::test]
async fn the_continuous_future_is_the_front_month_and_cannot_be_traded() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 7), trade(0, 5000.0, 1), trade(1, 5000.0, 1)]);
    let mut raw = Raw::text(&gateway, 178, 1).await;
    let front = "\0ES\0CONTFUT\0\0\0\0\0CME\0\0\0\0";
    raw.send(&format!("9\x008\x001\0{front}\x000\0\0\0\0")).await;
    let details = raw.next_with(&["10"]).await;
    assert_eq!((details[3].as_str(), &details[4][..8], details[9].as_str()), ("CONTFUT", "20261218", "ESZ6"));
    assert_eq!(raw.next().await, ["52", "1", "1"], "one");
    raw.send(&format!("1\x0011\x0050\0{front}\x000\0\x000\x000\0\0")).await;
    assert_eq!(raw.next().await[..2], ["81", "50"], "it has quotes");
    let order = crate::wire::tests::limit_order(178, 7).join("\0").replace("\0FUT\x00202612\0", "\0CONTFUT\0\0") + "\0";
    raw.send(&order).await;
    assert_eq!(raw.next_with(&["4"]).await[2..4], ["7", "201"]);
    gateway.stop();
}

/// Values that no sensible client puts anywhere.
const NONSENSE: [&str; 14] = [
    "",
    "-1",
    "0",
    "1",
    "2147483647",
    "-2147483648",
    "99999999999",
    "1e308",
    "nan",
    "\u{e9}\u{2603}",
    "1 D",
    "TRADES",
    "99991231-23:59:59",
    "19000101 00:00:00 US/Central",
];

#[tokio::test]
async fn no_value_in_any_field_takes_the_gateway_down() {
    let gateway = answered((0..20).map(|second| trade(second, 5000.0, 1)).collect());
    let mut raw = Raw::text(&gateway, 178, 1).await;
    let requests = [
        format!("1\x0011\x0050\0{ES}\x000\0233\x000\x000\0\0"),
        "2\x002\x0050\0".to_owned(),
        "59\x001\x003\0".to_owned(),
        format!("20\x0051\0{ES}\x000\0\x001 min\x001 D\x000\0TRADES\x001\x001\0\0"),
        "25\x001\x0051\0".to_owned(),
        format!("50\x003\x0052\0{ES}\x005\0TRADES\x000\0\0"),
        "51\x001\x0052\0".to_owned(),
        format!("87\x0053\0{ES}\x000\x000\0TRADES\x001\0"),
        format!("96\x0054\0{ES}\x000\0\x0020261123-16:00:00\x005\0TRADES\x000\x000\0\0"),
        format!("97\x0055\0{ES}\0AllLast\x005\x000\0"),
        "81\x0056\0E\0".to_owned(),
        "91\x0067\0".to_owned(),
    ];
    for request in &requests {
        let fields: Vec<&str> = request.trim_end_matches('\0').split('\0').collect();
        for at in 1..fields.len() {
            for value in NONSENSE {
                let mut changed = fields.clone();
                changed[at] = value;
                raw.send(&(changed.join("\0") + "\0\0\0")).await;
            }
        }
        raw.send("49\x001\0").await;
        raw.next_with(&["49"]).await;
    }
    assert_eq!(gateway.stats().clients, 1);
    gateway.stop();
}

#[tokio::test]
async fn the_day_before_the_start_and_the_day_since_are_one_day() {
    let past = vec![trade_at(-86_400_000 * 3, 4990.0, 4), trade_at(-60_000, 5010.0, 2), trade_at(-500, 4995.0, 3)];
    let gateway =
        with_past(past, vec![trade_at(100, 4985.0, 1), trade_at(200, 5000.0, 6), quote(1, 5000.0, 5, 5000.25, 7)]);
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    // Ticks alone do not look back, so the market is played before anybody does.
    let _trades = within(client.tick_by_tick(&contract, 0).last()).await.expect("trades");
    for _ in 0..2 {
        step(&client).await;
    }
    let snapshot = within(client.market_data(&contract).snapshot_once(DEADLINE)).await.expect("a snapshot");
    let lines: Vec<String> = snapshot.iter().map(line).collect();
    for expected in ["Last 5000 x 6", "Volume 12", "High 5010", "Low 4985", "Open 5010", "Close 4990"] {
        assert!(lines.contains(&expected.to_owned()), "{expected}: {lines:?}");
    }
    let asked = client.historical_data(&contract, ibapi::prelude::HistoricalBarSize::Min);
    let asked = asked.what_to_show(ibapi::prelude::HistoricalWhatToShow::Trades).trading_hours(TradingHours::Extended);
    let bars = within(asked.duration(ibapi::prelude::ToDuration::seconds(&120)).fetch()).await.expect("bars").bars;
    let volumes: Vec<f64> = bars.iter().map(|bar| bar.volume).collect();
    assert_eq!(volumes, [5.0, 7.0], "the minute before the start, and the first one");
    gateway.stop();
}
