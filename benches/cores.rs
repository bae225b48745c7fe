//! What the parts cost by themselves, on one thread and without sockets: a trade in the bar builder, a check by the risk
//! gate, a record in the journal, an event in a backtest of the default configuration. One JSON line each.
//!
//! `cargo bench --bench cores`, or with `-- --quick` a short version. Each number is the median of several rounds.

#[path = "common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use actors::journal::{JournalDir, Writer};
use common::median;
use engine::backtest::Backtest;
use engine::bars::{self, Bars};
use engine::config::raw::{self, Known, Layer};
use engine::config::{Config, Limit, RiskConfig};
use engine::journal::{Entry, Record};
use engine::market::{FeedEvent, MarketEvent, Price, SymbolId, Trade};
use engine::portfolio::Mark;
use engine::risk::sent::{Counts, Window};
use engine::risk::{Candidate, View, gate};
use engine::time::Timestamp;
use engine::trade::{
    BrokerOrderId, ClientOrderId, Leg, Money, OrderKind, OrderTicket, Side, StrategyId, TimeInForce, Trading,
};
use engine::wiring::Core;
use serde_json::json;

/// 2024-06-12T13:25:00Z, a Wednesday, five minutes before the regular open.
const START: Timestamp = Timestamp::from_secs(1_718_198_700);
const ROUNDS: usize = 7;

fn main() {
    if !common::is_bench() {
        return println!("run it with `cargo bench --bench cores`");
    }
    let scale = if common::has_flag("--quick") { 1 } else { 10 };
    common::print_machine();
    let config = raw::read(&[Layer::embedded_default()], &[], &Known::registered(&[]));
    let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let market: Vec<FeedEvent> =
        feeds::synthetic(feeds::SyntheticOptions::es(1, START, SymbolId(0))).take(200_000 * scale).collect();
    let trades: Vec<Trade> = market.iter().filter_map(trade_of).collect();
    bar_builder(&config, &trades);
    risk_gate(100_000 * scale);
    journal(20_000 * scale);
    backtest(&config, &market, trades.len());
}

fn trade_of(event: &FeedEvent) -> Option<Trade> {
    match event.event {
        MarketEvent::Trade(trade) => Some(trade),
        MarketEvent::Quote(_) => None,
    }
}

/// Seconds that each of [`ROUNDS`] rounds of `work` took, after one that does not count; `prepare` is not timed.
fn rounds<T>(mut prepare: impl FnMut() -> T, mut work: impl FnMut(T)) -> f64 {
    work(prepare());
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let input = prepare();
        let began = Instant::now();
        work(input);
        took.push(began.elapsed().as_secs_f64());
    }
    median(&took).expect("there are rounds")
}

fn tell_ns(bench: &str, what: &str, seconds: f64, times: usize) {
    let ns = seconds * 1e9 / times as f64;
    println!("{bench:<24} {ns:>10.1} ns a {what}");
    println!("{}", json!({"bench": format!("cores.{bench}"), "ns": ns, "per": what, "times": times}));
}

/// Trades reach the bars in the chunks in which a busy socket brings them.
fn bar_builder(config: &Config, trades: &[Trade]) {
    const AT_ONCE: usize = 64;
    let chunks = || trades.chunks(AT_ONCE).map(<[Trade]>::to_vec).collect::<Vec<_>>();
    let seconds = rounds(chunks, |chunks| {
        let mut core = Bars::new(SymbolId(0), &config.bars);
        for chunk in chunks {
            black_box(Core::handle(&mut core, START, bars::Input::Trades(chunk)));
        }
    });
    tell_ns("bars", "trade", seconds, trades.len());
}

fn risk_gate(times: usize) {
    let limits = RiskConfig { stale_after: Limit::Max(Duration::from_secs(5)), ..RiskConfig::out_of_reach() };
    let order = Candidate {
        strategy: StrategyId(0),
        symbol: SymbolId(0),
        side: Side::Buy,
        quantity: 1,
        kind: OrderKind::Market,
        stop: Some(Price(19_976)),
        target: Some(Price(20_048)),
    };
    let price = |ticks| Some(Price(ticks));
    let sent = Window { second: 3, minute: 9, day: 90 };
    let view = View {
        trading: Trading::Allowed,
        latch: None,
        enlisted: true,
        engaged: false,
        unprotected_allowed: false,
        mark: Mark { last: price(20_000), bid: price(19_999), ask: price(20_000) },
        data_age: Some(Duration::from_millis(3)),
        feed_live: true,
        tick_value: Money::from_micros(12_500_000),
        margin: Some(Money::from_micros(25_000_000_000)),
        worst_long: 1,
        worst_short: 1,
        exposure: Some(Money::from_micros(250_000_000_000)),
        at_stake: Money::from_micros(300_000_000),
        margin_used: Some(Money::from_micros(25_000_000_000)),
        equity: Money::from_micros(500_000_000_000),
        sent: Counts { account: sent, strategy: sent, symbol: sent },
        resting: [1, 2],
        since_same: Some(Duration::from_secs(60)),
        reentries: 3,
        own_opposite: price(20_040),
        session_left: Some(Duration::from_secs(3_600)),
        days_to_expiry: Some(30),
    };
    let seconds = rounds(
        || (),
        |()| {
            let passed = (0..times).filter(|_| gate::check(black_box(order), black_box(&view), &limits).is_ok());
            assert_eq!(passed.count(), times, "the order breaks no rule");
        },
    );
    tell_ns("risk gate", "check", seconds, times);
}

/// A ticket of a bracket, as it is recorded before it is sent.
fn ticket(n: u64) -> OrderTicket {
    OrderTicket {
        id: ClientOrderId(17_181_987_000_001 + n),
        order_id: BrokerOrderId(100),
        strategy: StrategyId(0),
        symbol: SymbolId(0),
        leg: Leg::Stop,
        side: Side::Sell,
        quantity: 1,
        kind: OrderKind::Stop(Price(19_976)),
        tif: TimeInForce::GoodTillCancelled,
        parent: Some(BrokerOrderId(99)),
        oca_group: Some(format!("sim-oca-{}", 17_181_987_000_000 + n)),
        transmit: true,
        order_ref: format!("sim-{}", 17_181_987_000_001 + n),
    }
}

fn journal(times: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut segments = 0;
    let mut prepare = || {
        segments += 1;
        let dir = JournalDir::open(&folder.path().join(segments.to_string())).expect("a new folder");
        let first = Record::SessionEnded { cause: "a bench begins".to_owned() };
        let writer = dir.create_segment(&Entry { seq: 1, at: START, record: first }).expect("a new segment");
        let records: Vec<Record> = (0..times as u64).map(|n| Record::OrderPlaced(ticket(n))).collect();
        (dir, writer, records)
    };
    let append = |(_dir, mut writer, records): (JournalDir, Writer, Vec<Record>)| {
        for record in records {
            writer.append(START, record).expect("the disk has room");
        }
        writer.commit().expect("the disk has room");
    };
    let seconds = rounds(&mut prepare, append);
    tell_ns("journal append", "record", seconds, times);
    let append_now = |(_dir, mut writer, records): (JournalDir, Writer, Vec<Record>)| {
        for record in records {
            writer.append_now(START, record).expect("the disk has room");
        }
    };
    let seconds = rounds(&mut prepare, append_now);
    tell_ns("journal append+write(2)", "record", seconds, times);
}

fn backtest(config: &Config, market: &[FeedEvent], trades: usize) {
    let (mut fills, mut bars) = (0_u64, 0_u64);
    let seconds = rounds(
        || market.to_vec(),
        |events| {
            (fills, bars) = (0, 0);
            let count = |_, record| match record {
                Record::Fill(_) => fills += 1,
                Record::Bar(_) => bars += 1,
                _ => {}
            };
            let (cash, commission) = (config.backtest.cash, config.backtest.commission);
            let cores = Backtest::new(config, events.into_iter(), START, cash, commission, count).run();
            black_box(cores);
        },
    );
    assert!(bars > 0, "the market makes bars");
    let (events_per_s, trades_per_s) = (market.len() as f64 / seconds, trades as f64 / seconds);
    println!(
        "{:<24} {events_per_s:>10.0} events/s ({trades_per_s:.0} trades/s), {bars} bars, {fills} fills",
        "backtest"
    );
    println!(
        "{}",
        json!({"bench": "cores.backtest", "events_per_s": events_per_s, "trades_per_s": trades_per_s,
        "events": market.len(), "trades": trades, "bars": bars, "fills": fills,
        "strategies": config.strategies.len()})
    );
}
