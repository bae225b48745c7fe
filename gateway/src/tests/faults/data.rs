//! Market data that lies, stops, or comes at the wrong time.

use ibapi::market_data::IgnoreSize;
use ibapi::market_data::realtime::{BidAsk, Trade as Last};

use super::*;

/// Both streams of a client that paces the market.
struct Watch {
    client: Client,
    contract: Contract,
    trades: Subscription<Last>,
    quotes: Subscription<BidAsk>,
}

impl Watch {
    async fn open(gateway: &Gateway) -> Watch {
        let client = connect(gateway, 1).await;
        let contract = es(&client).await;
        let trades = within(client.tick_by_tick(&contract, 0).all_last()).await.expect("trades");
        let quotes = within(client.tick_by_tick(&contract, 0).bid_ask(IgnoreSize::No)).await.expect("quotes");
        Watch { client, contract, trades, quotes }
    }

    /// Second after the open, price and size of the next trade.
    async fn trade(&mut self) -> (i64, f64, f64) {
        let tick = data!(self.trades);
        (tick.time.unix_timestamp() - OPEN_S, tick.price, tick.size)
    }

    async fn play_to(&self, second: i64) {
        play_to(&self.client, second).await;
    }

    /// Plays so many steps; for ends of the market, where the clock stands.
    async fn play(&self, steps: usize) {
        for _ in 0..steps {
            step(&self.client).await;
        }
    }
}

/// Trades at rising prices, one a second, the price 5000 and a quarter for each second.
fn rising(seconds: i64) -> Vec<FeedEvent> {
    (0..seconds).map(|second| trade(second, 5000.0 + second as f64 / 4.0, 1)).collect()
}

async fn error_of<T: std::fmt::Debug>(item: Option<Result<SubscriptionItem<T>, ibapi::Error>>) -> String {
    format!("{item:?}")
}

fault_tests! {
    data_stops_for_one_client_and_goes_on_for_the_other: "silent-data" => {
        let gateway = lab(rising(10));
        let mut watch = Watch::open(&gateway).await;
        let other = connect(&gateway, 2).await;
        let mut others = within(other.tick_by_tick(&watch.contract, 0).last()).await.expect("trades");
        inject(&gateway, Fault::new("silent-data").client(1).lasting(Duration::from_secs(5)));
        watch.play_to(8).await;
        assert_eq!(watch.trade().await.0, 5, "from the fifth second on");
        assert_eq!(data!(others).time.unix_timestamp(), OPEN_S);
        gateway.stop();
    }

    a_gap_is_never_filled: "gap" => {
        let gateway = lab(rising(10));
        let mut watch = Watch::open(&gateway).await;
        watch.play_to(1).await;
        inject(&gateway, Fault::new("gap").lasting(Duration::from_secs(3)));
        watch.play_to(6).await;
        let seen = [watch.trade().await.0, watch.trade().await.0, watch.trade().await.0];
        assert_eq!(seen, [0, 1, 4]);
        gateway.stop();
    }

    ticks_come_three_times: "duplicated-ticks" => {
        let gateway = lab(rising(4));
        let mut watch = Watch::open(&gateway).await;
        inject(&gateway, Fault::new("duplicated-ticks").with("copies", 3).lasting(Duration::from_secs(1)));
        watch.play_to(2).await;
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(watch.trade().await.0);
        }
        assert_eq!(seen, [0, 0, 0, 1]);
        gateway.stop();
    }

    times_go_back: "time-back" => {
        let gateway = lab(rising(9));
        let mut watch = Watch::open(&gateway).await;
        watch.play_to(2).await;
        inject(&gateway, Fault::new("time-back").lasting(Duration::from_secs(2)).with("by", "2s"));
        watch.play_to(5).await;
        let mut seen = Vec::new();
        for _ in 0..6 {
            let (second, price, _) = watch.trade().await;
            seen.push((second, (price - 5000.0) * 4.0));
        }
        assert_eq!(seen, [(0, 0.0), (1, 1.0), (2, 2.0), (1, 3.0), (4, 4.0), (5, 5.0)]);
        gateway.stop();
    }

    a_trade_costs_nothing: "zero-price" => {
        let gateway = lab(rising(4));
        let mut watch = Watch::open(&gateway).await;
        inject(&gateway, Fault::new("zero-price"));
        watch.play_to(1).await;
        assert_eq!((watch.trade().await, watch.trade().await), ((0, 0.0, 1.0), (1, 5000.25, 1.0)));
        gateway.stop();
    }

    a_trade_has_no_size: "zero-size" => {
        let gateway = lab(rising(4));
        let mut watch = Watch::open(&gateway).await;
        inject(&gateway, Fault::new("zero-size").with("count", 2));
        watch.play_to(2).await;
        let sizes = [watch.trade().await.2, watch.trade().await.2, watch.trade().await.2];
        assert_eq!(sizes, [0.0, 0.0, 1.0]);
        gateway.stop();
    }

    a_side_of_the_book_is_minus_one: "empty-side" => {
        let gateway = lab(quiet_market(9));
        let mut watch = Watch::open(&gateway).await;
        inject(&gateway, Fault::new("empty-side").with("side", "ask").lasting(Duration::from_secs(1)));
        watch.play_to(3).await;
        let (first, second) = (data!(watch.quotes), data!(watch.quotes));
        assert_eq!((first.bid_price, first.ask_price, first.ask_size), (5000.0, -1.0, 0.0));
        assert_eq!(second.ask_price, 5000.25);
        gateway.stop();
    }

    prices_are_too_high_and_fills_are_not: "price-offset" => {
        let gateway = lab(quiet_market(40));
        let (mut desk, mut ticks) = desk(&gateway).await;
        inject(&gateway, Fault::new("price-offset").lasting(Duration::from_secs(4)));
        play_to(&desk.client, 2).await;
        assert_eq!(data!(ticks).price, 1_337_581_200.0 + 5000.25);
        desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
        assert!(desk.lines().await.contains(&"fill 1 Bought 1 at 5000.25".to_owned()));
        play_to(&desk.client, 8).await;
        let mut last = data!(ticks).price;
        while last > 6000.0 {
            last = data!(ticks).price;
        }
        assert_eq!(last, 5000.25);
        gateway.stop();
    }

    ticks_carry_the_attributes_of_odd_trades: "marked-ticks" => {
        let gateway = lab(quiet_market(12));
        let (desk, mut ticks) = desk(&gateway).await;
        inject(&gateway, Fault::new("marked-ticks").with("mark", "second").lasting(Duration::from_secs(3)));
        play_to(&desk.client, 9).await;
        let first = data!(ticks).trade_attribute;
        assert_eq!((first.past_limit, first.unreported), (false, true));
        while data!(ticks).trade_attribute.unreported {}
        gateway.stop();
    }

    a_halt_empties_the_book_and_stops_the_ticks: "halted" => {
        let gateway = lab(quiet_market(20));
        let mut watch = Watch::open(&gateway).await;
        watch.play_to(1).await;
        inject(&gateway, Fault::new("halted").lasting(Duration::from_secs(5)));
        watch.play_to(9).await;
        let mut quotes = Vec::new();
        while quotes.last().is_none_or(|(second, _)| *second < 7) {
            let quote = data!(watch.quotes);
            quotes.push((quote.time.unix_timestamp() - OPEN_S, quote.bid_price));
        }
        assert!(quotes.contains(&(1, -1.0)), "{quotes:?}");
        assert!(quotes.iter().all(|(second, _)| ![3, 4, 5].contains(second)), "{quotes:?}");
        gateway.stop();
    }

    a_trade_is_stamped_within_the_break: "outside-session" => {
        let gateway = lab(rising(4));
        let mut watch = Watch::open(&gateway).await;
        inject(&gateway, Fault::new("outside-session"));
        watch.play_to(1).await;
        // The market opens at 09:00 in Chicago; the break is seven and a half hours later.
        assert_eq!((watch.trade().await.0, watch.trade().await.0), (7 * 3600 + 1800, 1));
        gateway.stop();
    }

    the_last_second_of_a_minute_comes_after_it: "late-ticks" => {
        let gateway = lab((57..64).map(|second| trade(second, 5000.0, 1)).collect());
        let mut watch = Watch::open(&gateway).await;
        inject(&gateway, Fault::new("late-ticks"));
        watch.play_to(62).await;
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(watch.trade().await.0);
        }
        assert_eq!(seen, [57, 58, 60, 59, 61]);
        gateway.stop();
    }

    data_lags_in_order_and_catches_up: "lag" => {
        let gateway = lab(rising(20));
        let mut watch = Watch::open(&gateway).await;
        inject(&gateway, Fault::new("lag").with("by", "3s").lasting(Duration::from_secs(10)));
        watch.play_to(2).await;
        let early = tokio::time::timeout(QUIET, watch.trades.next()).await;
        assert!(early.is_err(), "nothing yet: {early:?}");
        watch.play_to(6).await;
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(watch.trade().await.0);
        }
        assert_eq!(seen, [0, 1, 2, 3]);
        watch.play_to(12).await;
        for second in 4..12 {
            assert_eq!(watch.trade().await.0, second, "all of them, in order");
        }
        gateway.stop();
    }

    every_stream_ends_with_an_error: "streams-ended" => {
        let gateway = lab(rising(4));
        let mut watch = Watch::open(&gateway).await;
        watch.play(1).await;
        watch.trade().await;
        inject(&gateway, Fault::new("streams-ended"));
        for end in [error_of(within(watch.trades.next()).await).await, error_of(within(watch.quotes.next()).await).await] {
            assert!(end.contains("10197"), "{end}");
        }
        gateway.stop();
    }

    a_bust_deactivates_subscriptions: "bust-event" => {
        let gateway = lab(rising(4));
        let mut watch = Watch::open(&gateway).await;
        // A tick shows that the gateway has read the subscription.
        watch.play(1).await;
        watch.trade().await;
        inject(&gateway, Fault::new("bust-event").client(1));
        let end = error_of(within(watch.trades.next()).await).await;
        assert!(end.contains("10225") && end.contains("Bust event occurred"), "{end}");
        gateway.stop();
    }
}

/// A quote screen's ticks of one type, and what the faults make of them.
#[tokio::test]
async fn quote_screens_are_told_of_halts_offsets_and_empty_sides() {
    let gateway = lab(quiet_market(60));
    let watch = Watch::open(&gateway).await;
    let mut raw = Raw::text(&gateway, 178, 2).await;
    let contract = "\x00ES\x00FUT\x00202612\x00\x00\x00\x00CME\x00\x00\x00\x00";
    raw.send(&format!("1\x0011\x0055\x00{contract}\x000\x00\x000\x000\x00\x00")).await;
    watch.play_to(2).await;
    assert_eq!(raw.next_with(&["1", "6", "55", "1"]).await[4], "5000.0");
    inject(&gateway, Fault::new("halted").lasting(Duration::from_secs(5)));
    raw.next_with(&["45", "6", "55", "49", "1.0"]).await;
    watch.play_to(10).await;
    assert_eq!(raw.next().await[..5], ["45", "6", "55", "49", "0.0"], "nothing in between");
    inject(&gateway, Fault::new("streams-ended").client(2));
    assert_eq!(raw.error().await, (55, 10197));
    inject(&gateway, Fault::new("empty-side").with("side", "bid").lasting(Duration::from_secs(30)));
    inject(&gateway, Fault::new("price-offset").with("points", 1000).lasting(Duration::from_secs(30)));
    raw.send(&format!("1\x0011\x0056\x00{contract}\x000\x00\x000\x000\x00\x00")).await;
    raw.send("49\x001\x00").await;
    watch.play_to(20).await;
    let (bid, ask) = (raw.next_with(&["1", "6", "56", "1"]).await, raw.next_with(&["1", "6", "56", "2"]).await);
    assert_eq!(ask[4], "6000.25");
    assert_eq!(bid[4..6], ["-1.0", "0"]);
    gateway.stop();
}
