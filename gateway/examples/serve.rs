//! Serves a little generated ES market: `cargo run -p gateway --example serve -- 127.0.0.1:4002 [answered]`.
//! The market is a seeded random walk without end: a quote every 50 ms, and a trade at the touch after every other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::market::{FeedEvent, Instrument, MarketEvent, Price, Quote, SymbolId, Trade};
use engine::time::Timestamp;
use engine::trade::Money;
use gateway::{Options, Pacing, start};
use rust_decimal::Decimal;

const START: Timestamp = Timestamp::from_secs(1_795_446_000); // 2026-11-23T15:00:00Z, a Monday's regular hours
const QUOTE_EVERY: Duration = Duration::from_millis(50);

/// A linear congruential generator (Knuth's MMIX constants): the same market in every run.
struct Walk {
    state: u64,
    at: Timestamp,
    bid: i32,
    pending: Option<Trade>,
}

impl Walk {
    fn next_random(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % below
    }

    fn size(&mut self) -> u32 {
        self.next_random(9) as u32 + 1
    }
}

impl Iterator for Walk {
    type Item = FeedEvent;

    fn next(&mut self) -> Option<FeedEvent> {
        let symbol = SymbolId(0);
        if let Some(trade) = self.pending.take() {
            return Some(FeedEvent { symbol, event: MarketEvent::Trade(trade) });
        }
        self.at = self.at + QUOTE_EVERY;
        self.bid += [-1, 0, 0, 1][self.next_random(4) as usize];
        let (bid, ask) = (Price(self.bid), Price(self.bid + 1));
        let (bid_size, ask_size) = (self.size(), self.size());
        if self.next_random(2) == 0 {
            let price = [bid, ask][self.next_random(2) as usize];
            self.pending = Some(Trade { ts: self.at, price, size: self.size().min(bid_size) });
        }
        let quote = Quote { ts: self.at, bid: Some(bid), ask: Some(ask), bid_size, ask_size };
        Some(FeedEvent { symbol, event: MarketEvent::Quote(quote) })
    }
}

fn es() -> Instrument {
    Instrument {
        id: SymbolId(0),
        name: "ES".to_owned(),
        root: "ES".to_owned(),
        expiry: None,
        exchange: "CME".to_owned(),
        currency: "USD".to_owned(),
        tick_size: Decimal::new(25, 2),
        multiplier: Decimal::from(50),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().ok_or("usage: serve HOST:PORT [answered]")?.parse()?;
    let began = Instant::now();
    let pace = match arguments.next().as_deref() {
        Some("answered") => Pacing::Answered,
        _ => Pacing::Clock(Arc::new(move || START + began.elapsed())),
    };
    let gateway = start(Options {
        listen,
        instruments: vec![es()],
        source: Box::new(Walk { state: 7, at: START, bid: 26_800, pending: None }),
        pace,
        history: gateway::History::default(),
        account: "DU1234567".to_owned(),
        cash: Money::from_micros(1_000_000_000_000),
        commission: Money::from_micros(2_250_000),
        wait_for_client: false,
        log: slog::Logger::root(slog::Discard, slog::o!()),
    })?;
    println!("listening on {}", gateway.local_addr());
    loop {
        std::thread::sleep(Duration::from_secs(10));
        println!("{:?}", gateway.stats());
    }
}
