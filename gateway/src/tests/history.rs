//! The past: bars of every size from the ticks that were played, ticks, sessions, and what is refused.

use std::time::Duration as Span;

use engine::bars::{Bars, Input, Output};
use engine::config::BarsConfig;
use engine::time::session::Calendar;
use ibapi::market_data::historical::{
    Bar, BarTimestamp, HistoricalBarUpdate, HistoricalData, TickBidAsk, TickLast, TickMidpoint,
};
use ibapi::market_data::{IgnoreSize, TradingHours};
use ibapi::prelude::{HistoricalBarSize, HistoricalWhatToShow, ToDuration};

use super::raw::Raw;
use super::*;

/// Knuth's MMIX generator: the same numbers in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Trades in `[from, to)`, seconds after the open, at most `gap` seconds apart.
fn trades(from: i64, to: i64, gap: u64) -> Vec<Trade> {
    let (mut chance, mut now, mut ticks) = (Chance(42), at(from), 20_000);
    let mut made = Vec::new();
    loop {
        now = now + Span::from_millis(chance.below(gap * 2_000));
        if now >= at(to) {
            return made;
        }
        ticks += [-1, 0, 1][chance.below(3) as usize];
        made.push(Trade { ts: now, price: Price(ticks), size: chance.below(9) as u32 });
    }
}

fn events(trades: &[Trade]) -> Vec<FeedEvent> {
    trades.iter().map(|trade| FeedEvent { symbol: SymbolId(0), event: MarketEvent::Trade(*trade) }).collect()
}

/// A gateway with a past, whose market has been played to its end.
async fn over(earlier: Vec<FeedEvent>, played: Vec<FeedEvent>) -> Gateway {
    let history = History { earlier: Some(Box::new(earlier.into_iter())), ..History::default() };
    let gateway = start(Options { history, ..options(played, Pacing::Flood) }).expect("a free port");
    within(async {
        while !gateway.stats().finished {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gateway
}

async fn fetch(
    client: &Client,
    size: HistoricalBarSize,
    show: HistoricalWhatToShow,
    (duration, hours): (ibapi::market_data::historical::Duration, TradingHours),
) -> HistoricalData {
    let contract = es(client).await;
    let asked = client.historical_data(&contract, size).what_to_show(show).duration(duration).trading_hours(hours);
    within(asked.fetch()).await.expect("bars")
}

fn date(bar: &Bar) -> String {
    match bar.date {
        BarTimestamp::Date(date) => date.to_string(),
        BarTimestamp::DateTime(at) => (at.unix_timestamp() - OPEN_S).to_string(),
    }
}

/// Second after the open, open, high, low, close, volume, trades.
type Line = (i64, f64, f64, f64, f64, f64, i32);

fn line_of(bar: &Bar) -> Line {
    let BarTimestamp::DateTime(at) = bar.date else { panic!("an intraday bar") };
    (at.unix_timestamp() - OPEN_S, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.count)
}

/// The same trades through the engine's own bars.
fn built(trades: &[Trade], length_s: u32) -> Vec<Line> {
    built_on_grid(trades, length_s, 4.0)
}

/// As [`built`], with `per_point` ticks in a point.
fn built_on_grid(trades: &[Trade], length_s: u32, per_point: f64) -> Vec<Line> {
    let grace = Span::ZERO;
    let config = BarsConfig {
        lengths_s: vec![length_s],
        close_grace: grace,
        revise_within: grace,
        jump_ticks_max: u32::MAX / 100,
    };
    let (mut bars, mut out) = (Bars::new(SymbolId(0), &config), Vec::new());
    trades.iter().for_each(|trade| bars.on_trade(trade.ts, trade, &mut out));
    bars.handle(Timestamp::MAX, Input::Flush, &mut out);
    let points = |price: Price| f64::from(price.0) / per_point;
    let closed = out.iter().filter_map(|output| match output {
        Output::Closed(bar) => Some(bar),
        _ => None,
    });
    let line = |bar: &engine::market::Bar| {
        let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(points);
        (bar.open_ts.secs() - OPEN_S, open, high, low, close, bar.volume as f64, bar.trades as i32)
    };
    closed.map(line).collect()
}

#[tokio::test]
async fn bars_are_those_that_the_engine_builds_from_the_same_trades() {
    const FROM: i64 = -4 * 3_600;
    let all = trades(FROM, 3_600, 12);
    let (before, played) = all.split_at(all.len() * 3 / 4);
    let gateway = over(events(before), events(played)).await;
    let client = connect(&gateway, 1).await;
    let sizes = [
        (5, HistoricalBarSize::Sec5),
        (30, HistoricalBarSize::Sec30),
        (60, HistoricalBarSize::Min),
        (300, HistoricalBarSize::Min5),
        (3_600, HistoricalBarSize::Hour),
    ];
    for (length_s, size) in sizes {
        let got = fetch(&client, size, HistoricalWhatToShow::Trades, (1.days(), TradingHours::Extended)).await;
        let lines: Vec<Line> = got.bars.iter().map(line_of).collect();
        let expected = built(&all, length_s);
        assert!(expected.len() >= 5, "{length_s} s");
        assert_eq!(lines, expected, "bars of {length_s} s");
        assert_eq!(got.start.unix_timestamp(), OPEN_S - 16 * 3_600, "the session began on Sunday at 17:00");
    }
    let minutes =
        fetch(&client, HistoricalBarSize::Min, HistoricalWhatToShow::Trades, (1.days(), TradingHours::Extended));
    let first = minutes.await.bars.remove(0);
    let of_minute: Vec<&Trade> = all.iter().take_while(|trade| trade.ts < at(FROM + 60)).collect();
    let sizes: f64 = of_minute.iter().map(|trade| f64::from(trade.size)).sum();
    let value: f64 = of_minute.iter().map(|trade| f64::from(trade.size) * f64::from(trade.price.0) / 4.0).sum();
    assert!((first.wap - value / sizes).abs() < 1e-6, "{} {}", first.wap, value / sizes);
    gateway.stop();
}

#[tokio::test]
async fn a_request_may_end_earlier_and_reach_into_half_a_minute() {
    let all = trades(0, 1_800, 3);
    let gateway = over(vec![], events(&all)).await;
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let last = within(client.server_time_millis()).await.expect("the clock");
    let end_s = 605;
    let end = last - Span::from_secs(u64::try_from(last.unix_timestamp() - OPEN_S - end_s).expect("it is later"));
    let end = end - Span::from_nanos(u64::from(end.nanosecond()));
    let asked = client.historical_data(&contract, HistoricalBarSize::Min).what_to_show(HistoricalWhatToShow::Trades);
    let asked = asked.duration(300.seconds()).ending(end).trading_hours(TradingHours::Extended);
    let got: Vec<Line> = within(asked.fetch()).await.expect("bars").bars.iter().map(line_of).collect();
    let seen: Vec<Trade> = all.iter().filter(|trade| trade.ts >= at(300) && trade.ts < at(end_s)).copied().collect();
    assert_eq!(got, built(&seen, 60));
    assert_eq!(got.last().map(|bar| bar.0), Some(600), "five seconds of the last minute");
    gateway.stop();
}

/// One trade an hour, priced by its number, on every day of the calendar since `days` days before the open.
fn hourly(days: i64) -> Vec<Trade> {
    let hours = (-days * 24..0).map(|hour| at(hour * 3_600 + 1_800));
    let open = hours.filter(|ts| Calendar::CME_EQUITY_INDEX.is_open(*ts));
    open.enumerate().map(|(n, ts)| Trade { ts, price: Price(20_000 + n as i32), size: 1 }).collect()
}

#[tokio::test]
async fn days_weeks_and_months_gather_trade_dates() {
    let all = hourly(70);
    let gateway = over(events(&all), events(&[Trade { ts: at(0), price: Price(30_000), size: 5 }])).await;
    let client = connect(&gateway, 1).await;
    let whole = (1.years(), TradingHours::Extended);
    let trades = HistoricalWhatToShow::Trades;
    let mut expected: Vec<(chrono::NaiveDate, u64)> = Vec::new();
    for trade in all.iter().chain(&[Trade { ts: at(0), price: Price(30_000), size: 5 }]) {
        let day = Calendar::CME_EQUITY_INDEX.trade_date(trade.ts);
        match expected.last_mut().filter(|(last, _)| *last == day) {
            Some((_, volume)) => *volume += u64::from(trade.size),
            None => expected.push((day, u64::from(trade.size))),
        }
    }
    let days = fetch(&client, HistoricalBarSize::Day, trades, whole).await.bars;
    let lines = |bars: &[Bar]| bars.iter().map(|bar| (date(bar), bar.volume as u64)).collect::<Vec<_>>();
    let shown = |days: &[(chrono::NaiveDate, u64)]| days.iter().map(|(d, v)| (d.to_string(), *v)).collect::<Vec<_>>();
    assert_eq!(lines(&days), shown(&expected));
    assert_eq!(
        (days.last().map(|bar| bar.high), date(days.last().expect("one"))),
        (Some(7500.0), "2026-11-23".to_owned())
    );

    use chrono::Datelike;
    let gathered = |same: fn(chrono::NaiveDate, chrono::NaiveDate) -> bool| {
        let mut groups: Vec<(chrono::NaiveDate, u64)> = Vec::new();
        for (day, volume) in &expected {
            match groups.last_mut().filter(|(last, _)| same(*last, *day)) {
                Some((last, sum)) => (*last, *sum) = (*day, *sum + volume),
                None => groups.push((*day, *volume)),
            }
        }
        groups
    };
    let weeks = fetch(&client, HistoricalBarSize::Week, trades, whole).await.bars;
    assert_eq!(lines(&weeks), shown(&gathered(|one, two| one.iso_week() == two.iso_week())));
    let months = fetch(&client, HistoricalBarSize::Month, trades, whole).await.bars;
    assert_eq!(lines(&months), shown(&gathered(|one, two| one.month() == two.month())));
    assert_eq!(months.len(), 3);
    let last_days = fetch(&client, HistoricalBarSize::Day, trades, (3.days(), TradingHours::Extended)).await.bars;
    assert_eq!(last_days.iter().map(date).collect::<Vec<_>>(), ["2026-11-19", "2026-11-20", "2026-11-23"]);
    gateway.stop();
}

#[tokio::test]
async fn liquid_hours_begin_with_the_bell_and_cut_the_first_hour() {
    let gateway = over(vec![], events(&trades(-3_600, 3_600, 5))).await;
    let client = connect(&gateway, 1).await;
    let shown = async |size, hours| {
        let bars = fetch(&client, size, HistoricalWhatToShow::Trades, (1.days(), hours)).await.bars;
        bars.iter().map(date).collect::<Vec<_>>()
    };
    assert_eq!(shown(HistoricalBarSize::Hour, TradingHours::Regular).await, ["-1800", "0"], "08:30 and 09:00");
    assert_eq!(shown(HistoricalBarSize::Hour, TradingHours::Extended).await, ["-3600", "0"]);
    assert_eq!(shown(HistoricalBarSize::Hour4, TradingHours::Regular).await, ["-1800"], "cut at the bell");
    assert_eq!(shown(HistoricalBarSize::Hour4, TradingHours::Extended).await, ["-3600"], "08:00 local");
    gateway.stop();
}

#[tokio::test]
async fn quotes_stand_until_they_change_and_averages_weigh_by_time() {
    let quotes = vec![
        quote(0, 5000.0, 5, 5000.25, 7),
        quote(30, 4999.75, 5, 5000.25, 7),
        quote(150, 5000.0, 5, 5000.5, 7),
        quote(240, 5000.0, 6, 5000.5, 7),
    ];
    let gateway = over(vec![], quotes).await;
    let client = connect(&gateway, 1).await;
    let lines = async |show| {
        let bars = fetch(&client, HistoricalBarSize::Min, show, (240.seconds(), TradingHours::Extended)).await.bars;
        let line =
            |bar: &Bar| format!("{} {} {} {} {} {}", date(bar), bar.open, bar.high, bar.low, bar.close, bar.volume);
        bars.iter().map(line).collect::<Vec<_>>()
    };
    let bid = [
        "0 5000 5000 4999.75 4999.75 -1",
        "60 4999.75 4999.75 4999.75 4999.75 -1",
        "120 4999.75 5000 4999.75 5000 -1",
        "180 5000 5000 5000 5000 -1",
        "240 5000 5000 5000 5000 -1",
    ];
    assert_eq!(lines(HistoricalWhatToShow::Bid).await, bid);
    let ask = lines(HistoricalWhatToShow::Ask).await;
    assert_eq!(ask[2], "120 5000.25 5000.5 5000.25 5000.5 -1");
    let middle = lines(HistoricalWhatToShow::MidPoint).await;
    assert_eq!(middle[0], "0 5000.125 5000.125 5000 5000 -1");
    let both = lines(HistoricalWhatToShow::BidAsk).await;
    assert_eq!(both[0], "0 4999.875 5000.25 4999.75 5000.25 -1", "half a minute of each bid");
    assert_eq!(both[2], "120 4999.875 5000.5 4999.75 5000.375 -1");
    gateway.stop();
}

#[tokio::test]
async fn minutes_stay_when_their_ticks_have_gone() {
    let all = trades(-40_000, 3_600, 1);
    let history = History { ticks_max: 5_000, earlier: None };
    let gateway = start(Options { history, ..options(events(&all), Pacing::Flood) }).expect("a free port");
    let client = connect(&gateway, 1).await;
    while !gateway.stats().finished {
        tokio::task::yield_now().await;
    }
    let whole = (1.days(), TradingHours::Extended);
    let minutes = fetch(&client, HistoricalBarSize::Min, HistoricalWhatToShow::Trades, whole).await.bars;
    assert_eq!(minutes.iter().map(line_of).collect::<Vec<_>>(), built(&all, 60));
    let seconds = fetch(&client, HistoricalBarSize::Sec30, HistoricalWhatToShow::Trades, whole).await.bars;
    let expected = built(&all, 30);
    assert!(seconds.len() < expected.len() / 2, "older ticks are forgotten");
    let kept: Vec<Line> = seconds.iter().skip(1).map(line_of).collect();
    assert_eq!(kept, expected[expected.len() - kept.len()..]);
    gateway.stop();
}

#[tokio::test]
async fn bars_are_kept_up_to_date_every_five_seconds_and_the_last_one_is_revised() {
    let events = [1, 6, 58, 63].map(|second| trade(second, 5000.0 + second as f64, 2)).to_vec();
    let gateway = answered(events);
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let asked = client.historical_data(&contract, HistoricalBarSize::Min).what_to_show(HistoricalWhatToShow::Trades);
    let asked = asked.duration(600.seconds()).trading_hours(TradingHours::Extended);
    let mut bars = within(asked.stream()).await.expect("bars");
    assert!(matches!(data!(bars), HistoricalBarUpdate::Historical(data) if data.bars.is_empty()), "nothing yet");
    assert!(matches!(data!(bars), HistoricalBarUpdate::End { .. }));
    for second in [1, 6, 58, 63] {
        assert_eq!(step(&client).await, second, "this client paces");
    }
    let mut seen: Vec<(String, f64, f64, f64)> = Vec::new();
    let mut updates = 0;
    while seen.len() < 3 {
        let HistoricalBarUpdate::Update(bar) = data!(bars) else { panic!("an update") };
        updates += 1;
        let told = (date(&bar), bar.high, bar.close, bar.volume);
        if seen.last() != Some(&told) {
            seen.push(told);
        }
    }
    let expected =
        [("0", 5001.0, 2.0), ("0", 5006.0, 4.0), ("0", 5058.0, 6.0)].map(|(d, p, v)| (d.to_owned(), p, p, v));
    assert_eq!(seen, expected);
    assert_eq!(updates, 12, "at 5, 10, .. 55 and at 60, when the minute is complete");
    gateway.stop();
}

#[tokio::test]
async fn ticks_of_the_past_come_whole_seconds_at_a_time() {
    let mut all =
        vec![quote(0, 5000.0, 5, 5000.25, 7), quote(1, 5000.0, 6, 5000.25, 7), quote(2, 4999.75, 6, 5000.25, 7)];
    all.extend((0..50).map(|n| trade(3 + n / 10, 5000.0, n as u32 + 1)));
    let gateway = over(vec![], all).await;
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let now = within(client.server_time_millis()).await.expect("the clock");
    let open = now - Span::from_secs(u64::try_from(now.unix_timestamp() - OPEN_S).expect("it is later"));
    let extended = TradingHours::Extended;

    let asked = client.historical_ticks(&contract, 15).starting(open).trading_hours(extended);
    let mut ticks = within(asked.trade()).await.expect("ticks");
    let mut sizes = Vec::new();
    while let Some(item) = within(ticks.next()).await {
        if let SubscriptionItem::Data(TickLast { size, timestamp, .. }) = item.expect("a tick") {
            sizes.push((timestamp.unix_timestamp() - OPEN_S, size.expect("a size")));
        }
    }
    let expected: Vec<(i64, f64)> = (0..20).map(|n| (3 + n / 10, n as f64 + 1.0)).collect();
    assert_eq!(sizes, expected, "fifteen, and the rest of the second");

    let asked = client.historical_ticks(&contract, 2).ending(now).trading_hours(extended);
    let mut ticks = within(asked.bid_ask(IgnoreSize::Yes)).await.expect("ticks");
    let mut bids = Vec::new();
    while let Some(item) = within(ticks.next()).await {
        if let SubscriptionItem::Data(TickBidAsk { price_bid, size_bid, .. }) = item.expect("a tick") {
            bids.push((price_bid, size_bid));
        }
    }
    assert_eq!(bids, [(5000.0, Some(5.0)), (4999.75, Some(6.0))], "a new size alone is no tick");

    let asked = client.historical_ticks(&contract, 10).starting(open).trading_hours(extended);
    let mut ticks = within(asked.mid_point()).await.expect("ticks");
    let mut middles = Vec::new();
    while let Some(item) = within(ticks.next()).await {
        if let SubscriptionItem::Data(TickMidpoint { price, .. }) = item.expect("a tick") {
            middles.push(price);
        }
    }
    assert_eq!(middles, [5000.125, 5000.0]);
    gateway.stop();
}

#[tokio::test]
async fn the_head_of_the_data_and_the_sessions_are_told() {
    let gateway =
        over(events(&[Trade { ts: at(-7_200), price: Price(20_000), size: 1 }]), vec![trade(0, 5000.0, 1)]).await;
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let head = async |hours| {
        let head = within(client.head_timestamp(&contract, HistoricalWhatToShow::Trades, hours)).await.expect("a head");
        head.unix_timestamp() - OPEN_S
    };
    assert_eq!(head(TradingHours::Extended).await, -7_200);
    assert_eq!(head(TradingHours::Regular).await, -1_800, "the bell");
    let schedule = within(client.historical_schedules(&contract, 3.days()).fetch()).await.expect("sessions");
    assert_eq!(schedule.time_zone, "US/Central");
    let dates: Vec<String> = schedule.sessions.iter().map(|session| session.reference.to_string()).collect();
    assert_eq!(dates, ["2026-11-19", "2026-11-20", "2026-11-23"]);
    let last = schedule.sessions.last().expect("three");
    assert_eq!((last.start.unix_timestamp() - OPEN_S, last.end.unix_timestamp() - OPEN_S), (-1_800, 7 * 3_600));
    gateway.stop();
}

/// Contract fields of a text request: ES of December 2026.
const ES: &str = "\0ES\0FUT\x00202612\0\0\0\0CME\0\0\0\0";
const GC: &str = "\0GC\0FUT\x00202612\0\0\0\0COMEX\0\0\0\0";

fn bars_asked(req_id: i32, contract: &str, asked: [&str; 7]) -> String {
    let [end, size, duration, rth, what, format, keep] = asked;
    format!("20\0{req_id}\0{contract}\x000\0{end}\0{size}\0{duration}\0{rth}\0{what}\0{format}\0{keep}\0\0")
}

#[tokio::test]
async fn in_text_bars_and_their_period_are_one_message_and_dates_have_two_forms() {
    let gateway = over(vec![], vec![trade(0, 5000.25, 3), trade(30, 5001.0, 1), trade(70, 5000.5, 2)]).await;
    let mut raw = Raw::text(&gateway, 178, 1).await;
    raw.send(&bars_asked(5, ES, ["", "1 min", "120 S", "0", "TRADES", "1", "0"])).await;
    let bars = raw.next_with(&["17"]).await;
    let period = ["17", "5", "20261123 08:59:10 US/Central", "20261123 09:01:10 US/Central", "2"];
    assert_eq!(bars[..5], period);
    assert_eq!(
        bars[5..13],
        ["20261123 09:00:00 US/Central", "5000.25", "5001.0", "5000.25", "5001.0", "4", "5000.4375", "2"]
    );
    assert_eq!(bars.len(), 21);
    raw.send(&bars_asked(6, ES, ["20261123-15:01:00", "1 min", "120 S", "0", "TRADES", "2", "0"])).await;
    let bars = raw.next_with(&["17"]).await;
    assert_eq!(bars[4..6], ["1", &OPEN_S.to_string()]);
    raw.send(&bars_asked(7, ES, ["20261123 09:01:00 US/Central", "1 day", "1 D", "0", "TRADES", "2", "0"])).await;
    assert_eq!(raw.next_with(&["17"]).await[5..11], ["20261123", "5000.25", "5001.0", "5000.25", "5001.0", "4"]);
    raw.send(&bars_asked(8, ES, ["20261123 15:01:00", "1 min", "60 S", "0", "TRADES", "1", "0"])).await;
    assert_eq!(raw.next_with(&["4"]).await[2..4], ["8", "2174"], "a zone is missed, and UTC taken");
    assert_eq!(raw.next_with(&["17"]).await[4], "1");
    gateway.stop();
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_with_the_words_of_a_real_gateway() {
    let gateway = over(vec![], vec![trade(0, 5000.25, 3)]).await;
    let mut raw = Raw::text(&gateway, 178, 1).await;
    let good = ["", "1 min", "1 D", "0", "TRADES", "1", "0"];
    let changed = |at: usize, to: &'static str| {
        let mut asked = good;
        asked[at] = to;
        asked
    };
    let cases: [(&str, [&str; 7], &str, &str); 16] = [
        (
            ES,
            changed(1, "7 mins"),
            "321",
            "Historical data bar size setting is invalid. Legal ones are: 1 secs, 5 secs",
        ),
        (ES, changed(2, "1 X"), "321", "Duration format should be integer{SPACE}unit (S|D|W|M|Y)"),
        (ES, changed(2, "86401 S"), "321", "longer than 86400 seconds must be made in days"),
        (ES, changed(2, "366 D"), "321", "longer than 365 days must be made in years"),
        (ES, changed(4, "LAST"), "321", "What to show field is missing or incorrect."),
        (ES, changed(4, ""), "321", "What to show field is missing or incorrect."),
        (ES, changed(5, "0"), "321", "Date formatting selection of 0 rejected"),
        (ES, changed(0, "yesterday"), "10314", "End Date/Time: The date, time, or time-zone entered is invalid."),
        (ES, changed(0, "20260101-00:00:00"), "162", "HMDS query returned no data: ESZ6@CME Trades"),
        (ES, changed(4, "BID_ASK"), "162", "HMDS query returned no data: ESZ6@CME Bid_Ask"),
        (ES, changed(1, "1 secs"), "162", "invalid step: 1"),
        (GC, good, "162", "No market data permissions for COMEX FUT."),
        (
            "\0NO\0FUT\x00202612\0\0\0\0CME\0\0\0\0",
            good,
            "200",
            "No security definition has been found for the request",
        ),
        ("\0ES\0FUT\0\0\0\0\0CME\0\0\0\0", good, "200", "is ambiguous"),
        (ES, ["20261123-15:00:00", "1 min", "1 D", "0", "TRADES", "1", "1"], "321", "End date/time must be empty"),
        (ES, ["", "1 min", "1 D", "0", "BID_ASK", "1", "1"], "321", "keepUpToDate is served for"),
    ];
    for (number, (contract, asked, code, text)) in cases.into_iter().enumerate() {
        let req_id = number as i32 + 100;
        raw.send(&bars_asked(req_id, contract, asked)).await;
        let error = raw.next_with(&["4"]).await;
        assert_eq!(error[2..4], [req_id.to_string(), code.to_owned()], "{asked:?}");
        assert!(error[4].contains(text), "{asked:?}: {}", error[4]);
    }
    raw.send("25\x001\x0077\0").await;
    assert_eq!(raw.next_with(&["4"]).await[2..5], ["77", "366", "No historical data query found for ticker id:77"]);
    raw.send(&bars_asked(78, ES, changed(6, "1"))).await;
    raw.next_with(&["17", "78"]).await;
    raw.send(&bars_asked(78, ES, changed(6, "1"))).await;
    assert_eq!(raw.next_with(&["4"]).await[2..4], ["78", "322"]);
    raw.send("25\x001\x0078\0").await;
    let cancelled = raw.next_with(&["4"]).await;
    assert_eq!(cancelled[2..4], ["78", "162"]);
    assert_eq!(cancelled[4], "Historical Market Data Service error message:API historical data query cancelled: 78");
    for (count, start, end) in [
        ("0", "", "20261123-16:00:00"),
        ("1001", "", "20261123-16:00:00"),
        ("5", "", ""),
        ("5", "20261123-14:00:00", "20261123-16:00:00"),
    ] {
        raw.send(&format!("96\x0079\0{ES}\x000\0{start}\0{end}\0{count}\0TRADES\x000\x000\0\0")).await;
        assert_eq!(raw.next_with(&["4"]).await[2..4], ["79", "321"], "{count} {start} {end}");
    }
    gateway.stop();
}

#[tokio::test]
async fn recorded_days_give_the_bars_that_the_engine_builds() {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/lean/Data");
    if !folder.is_dir() {
        println!("skipped: ../shared/data is not there");
        return;
    }
    let day = |day: &str| folder.join(format!("future/comex/tick/gc/{day}_trade.zip"));
    let read = |paths: &[std::path::PathBuf], known: &[Instrument]| {
        let opened = feeds::open(paths, known, &feeds::Select::MostTraded).expect("sound files");
        let events = opened.events.collect::<Result<Vec<_>, _>>().expect("sound files");
        (opened.instruments, events)
    };
    let (instruments, before) = read(&[day("20131007"), day("20131008")], &[]);
    let (same, played) = read(&[day("20131009")], &instruments);
    assert_eq!(instruments, same, "one contract is the busiest of all three days");
    let trades = before.iter().chain(&played).filter_map(|event| match event.event {
        MarketEvent::Trade(trade) => Some(trade),
        MarketEvent::Quote(_) => None,
    });
    let trades: Vec<Trade> = trades.collect();
    let history = History { earlier: Some(Box::new(before.into_iter())), ..History::default() };
    let expiry = instruments[0].expiry.clone().expect("a dated contract");
    let gateway = start(Options { history, instruments, ..options(played, Pacing::Flood) }).expect("a free port");
    while !gateway.stats().finished {
        tokio::task::yield_now().await;
    }
    let client = connect(&gateway, 1).await;
    let gold = Contract::futures("GC").any_month().on_exchange("COMEX").in_currency("USD").build();
    let gold = Contract { last_trade_date_or_contract_month: expiry[..6].to_owned(), ..gold };
    for (length_s, size) in [(60, HistoricalBarSize::Min), (300, HistoricalBarSize::Min5)] {
        let asked = client.historical_data(&gold, size).what_to_show(HistoricalWhatToShow::Trades).duration(1.weeks());
        let got = within(asked.trading_hours(TradingHours::Extended).fetch()).await.expect("bars").bars;
        let lines: Vec<Line> = got.iter().map(line_of).collect();
        let expected = built_on_grid(&trades, length_s, 10.0);
        assert!(expected.len() > 500, "{}", expected.len());
        assert_eq!(lines, expected, "bars of {length_s} s");
    }
    gateway.stop();
}
