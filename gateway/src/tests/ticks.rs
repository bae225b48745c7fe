//! Tick-by-tick data, and both ways in which the market is paced.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ibapi::market_data::IgnoreSize;
use ibapi::orders::order_builder::market_order;

use super::*;
use crate::{Probe, start_probed};

#[tokio::test]
async fn each_question_of_the_subscriber_plays_one_step_and_the_answer_comes_after_its_data() {
    let events = vec![
        quote(0, 5000.0, 5, 5000.25, 7),
        trade(1, 5000.25, 2),
        trade(1, 5000.0, 3),
        quote(2, 4999.75, 4, 5000.25, 9),
    ];
    let gateway = answered(events);
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let mut trades = within(client.tick_by_tick(&contract, 0).all_last()).await.expect("trades");
    let mut quotes = within(client.tick_by_tick(&contract, 0).bid_ask(IgnoreSize::No)).await.expect("quotes");
    let mut middles = within(client.tick_by_tick(&contract, 0).mid_point()).await.expect("middles");
    assert_eq!(step(&client).await, 0);
    let first = data!(quotes);
    assert_eq!((first.bid_price, first.ask_price, first.bid_size, first.ask_size), (5000.0, 5000.25, 5.0, 7.0));
    assert_eq!(data!(middles).mid_point, 5000.125);
    assert_eq!(step(&client).await, 1, "both trades of the second are one step");
    let (one, two) = (data!(trades), data!(trades));
    assert_eq!((one.price, one.size, two.price, two.size), (5000.25, 2.0, 5000.0, 3.0));
    assert_eq!((one.time.unix_timestamp(), one.exchange.as_str()), (OPEN_S + 1, "CME"));
    assert_eq!(step(&client).await, 2);
    assert_eq!(data!(quotes).bid_price, 4999.75);
    assert_eq!(data!(middles).mid_point, 5000.0);
    assert!(gateway.stats().finished);
    assert_eq!(step(&client).await, 2, "after the end the last time stands");
    assert_eq!((gateway.stats().steps, gateway.stats().ticks_sent), (3, 6));
    gateway.stop();
}

#[tokio::test]
async fn without_sizes_only_price_changes_are_ticks() {
    let gateway = answered(vec![
        quote(0, 5000.0, 5, 5000.25, 7),
        quote(1, 5000.0, 6, 5000.25, 7),
        quote(2, 5000.0, 6, 5000.5, 7),
    ]);
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let mut quotes = within(client.tick_by_tick(&contract, 0).bid_ask(IgnoreSize::Yes)).await.expect("quotes");
    for _ in 0..3 {
        step(&client).await;
    }
    assert_eq!(data!(quotes).ask_price, 5000.25);
    assert_eq!(data!(quotes).ask_price, 5000.5);
    gateway.stop();
}

#[tokio::test]
async fn an_empty_side_of_the_book_is_minus_one() {
    let empty = Quote { ts: at(0), bid: None, ask: Some(price(5000.0)), bid_size: 0, ask_size: 2 };
    let gateway = answered(vec![FeedEvent { symbol: SymbolId(0), event: MarketEvent::Quote(empty) }]);
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let mut quotes = within(client.tick_by_tick(&contract, 0).bid_ask(IgnoreSize::No)).await.expect("quotes");
    step(&client).await;
    let tick = data!(quotes);
    assert_eq!((tick.bid_price, tick.bid_size, tick.ask_price), (-1.0, 0.0, 5000.0));
    gateway.stop();
}

#[tokio::test]
async fn the_first_subscriber_paces_and_the_next_one_takes_over() {
    let gateway = answered((0..6).map(|second| trade(second, 5000.0, 1)).collect());
    let (first, second) = (connect(&gateway, 1).await, connect(&gateway, 2).await);
    let contract = es(&first).await;
    let _leads = within(first.tick_by_tick(&contract, 0).last()).await.expect("trades");
    step(&first).await;
    let mut follows = within(second.tick_by_tick(&contract, 0).last()).await.expect("trades");
    assert_eq!(step(&second).await, 0, "the second subscriber's question plays nothing");
    assert_eq!(step(&first).await, 1);
    assert_eq!(data!(follows).time.unix_timestamp(), OPEN_S + 1);
    first.disconnect().await;
    while gateway.stats().clients == 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(step(&second).await, 2);
    gateway.stop();
}

#[tokio::test]
async fn a_clock_plays_what_is_due_and_waits_for_the_first_subscriber() {
    let clock = Arc::new(AtomicI64::new(0));
    let shown = clock.clone();
    let now = move || at(shown.load(Ordering::Relaxed));
    let events = (0..5).map(|second| trade(second, 5000.0 + second as f64, 1)).collect();
    let mut options = options(events, Pacing::Clock(Arc::new(now)));
    options.wait_for_client = true;
    let gateway = start(options).expect("a free port");
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    clock.store(2, Ordering::Relaxed);
    assert_eq!(gateway.stats().steps, 0, "nobody has subscribed");
    let mut trades = within(client.tick_by_tick(&contract, 0).last()).await.expect("trades");
    for expected in [5000.0, 5001.0, 5002.0] {
        assert_eq!(data!(trades).price, expected);
    }
    assert_eq!(step(&client).await, 2, "with a clock a question plays nothing");
    assert_eq!(gateway.stats().steps, 3);
    clock.store(4, Ordering::Relaxed);
    assert_eq!(data!(trades).price, 5003.0);
    assert_eq!(data!(trades).price, 5004.0);
    gateway.stop();
}

#[tokio::test]
async fn a_market_whose_clock_waits_too_begins_when_the_time_was_asked_for() {
    for asks in [true, false] {
        let clock = Arc::new(AtomicI64::new(0));
        let shown = clock.clone();
        let now = move || at(shown.load(Ordering::Relaxed));
        let events = (0..90).map(|second| trade(second, 5000.0 + second as f64, 1)).collect();
        let mut options = options(events, Pacing::Clock(Arc::new(now)));
        options.wait_for_client = true;
        let gateway = start(options).expect("a free port");
        gateway.intervene(|broker| broker.wait_with_clock());
        let client = connect(&gateway, 1).await;
        let contract = es(&client).await;
        clock.store(60, Ordering::Relaxed);
        if asks {
            assert_eq!(step(&client).await, 0, "it waits");
        }
        clock.store(62, Ordering::Relaxed);
        let mut trades = within(client.tick_by_tick(&contract, 0).last()).await.expect("trades");
        assert_eq!(data!(trades).price, 5000.0);
        clock.store(63, Ordering::Relaxed);
        assert_eq!(data!(trades).price, 5001.0);
        // What was played at once is what was due since the question.
        let played = || gateway.stats().steps;
        let due = if asks { 4 } else { 2 };
        within(async {
            while played() < due {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!((step(&client).await, played()), (due as i64 - 1, due));
        gateway.stop();
    }
}

/// More than the sockets and the client's buffers hold, so that the gateway has to wait for the reader.
const FLOOD_TICKS: i64 = 200_000;

#[tokio::test]
async fn a_flood_waits_for_the_reader_and_its_probe_sees_every_tick_and_order() {
    let probe = Probe::with_capacity(4_096, 4);
    let events = (0..FLOOD_TICKS).map(|n| trade(n / 100, 5000.0, 1)).collect();
    let mut options = options(events, Pacing::Flood);
    options.wait_for_client = true;
    let gateway = start_probed(options, probe.clone()).expect("a free port");
    let builder = Client::builder().address(gateway.local_addr().to_string()).client_id(1).max_reconnect_attempts(0);
    let client = within(builder.channel_capacity(1 << 18).connect()).await.expect("a connection");
    let contract = es(&client).await;
    let mut trades = within(client.tick_by_tick(&contract, 0).last()).await.expect("trades");
    for n in 0..FLOOD_TICKS {
        assert_eq!(data!(trades).time.unix_timestamp(), OPEN_S + n / 100);
    }
    let order = market_order(Action::Buy, 1.0);
    client.submit_order(1, &contract, &order).await.expect("a live connection");
    within(async {
        while probe.orders() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let log = probe.log();
    assert_eq!(log.steps.iter().map(|step| step.ticks).sum::<u64>(), FLOOD_TICKS as u64);
    assert!(log.steps.is_sorted_by_key(|step| (step.first, step.at)));
    assert!(log.orders[0] >= log.steps.last().expect("steps were played").at);
    gateway.stop();
}
