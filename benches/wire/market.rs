//! The markets that both programs are shown, and the gateway that plays them. In: how many bars. Out: trades whose
//! bars close alternately high and low, so that each new bar is a reason to trade.
//! Absent: quotes; without them the simulated exchange fills market orders at the last trade.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::market::{FeedEvent, Instrument, MarketEvent, Price, SymbolId, Trade};
use engine::time::Timestamp;
use engine::trade::Money;
use gateway::{Gateway, Options, Pacing, Probe};

/// 2026-11-24T15:00:00Z, a Tuesday in regular hours.
pub const START: Timestamp = Timestamp::from_secs(1_795_532_400);
/// Bars are so short that stamps, which run ahead of the system's clock, stay within what clocks may be apart.
pub const BAR: Duration = Duration::from_secs(1);
const BAR_NS: i64 = 1_000_000_000;
/// 5000 points of ES, and how far closes lie from it on either side, in ticks.
const PRICE: i32 = 20_000;
const SWING: i32 = 2;

/// Trades a bar in the market for latencies, and the time between two of them on the wall.
pub const PACED_TRADES: i64 = 5;
const PACE: Duration = Duration::from_millis(2);
const PACED_GAP: Duration = Duration::from_millis(1_000 / PACED_TRADES as u64);

/// Trades a bar in the flood: a minute of an ES open.
pub const FLOOD_TRADES: i64 = 10_000;
/// Bars of the flood between two reasons to trade: more trades than sockets and channels can hold, so that the orders
/// of one are filled before the next one comes.
pub const FLOOD_CALM: i64 = 50;

fn trade(ts: Timestamp, price: i32) -> FeedEvent {
    FeedEvent { symbol: SymbolId(0), event: MarketEvent::Trade(Trade { ts, price: Price(price), size: 1 }) }
}

fn close_of(bar: i64) -> i32 {
    if bar % 2 == 0 { PRICE + SWING } else { PRICE - SWING }
}

/// `bars` whole bars of [`PACED_TRADES`] trades.
pub fn paced(bars: i64) -> impl Iterator<Item = FeedEvent> + Send {
    (0..bars * PACED_TRADES).map(|n| {
        let gap = i64::try_from(PACED_GAP.as_nanos()).expect("seconds");
        trade(Timestamp::from_nanos(START.nanos() + n * gap), close_of(n / PACED_TRADES))
    })
}

/// `bars` bars of [`FLOOD_TRADES`] trades and the first trade of the next one. Closes change sides every
/// [`FLOOD_CALM`] bars, and with the last whole bar, so that the last trade of all is a reason to trade.
pub fn flood(bars: i64) -> impl Iterator<Item = FeedEvent> + Send {
    (0..bars * FLOOD_TRADES + 1).map(move |n| {
        let (bar, in_bar) = (n / FLOOD_TRADES, n % FLOOD_TRADES);
        let close = close_of((bar + i64::from(bar + 1 == bars)) / FLOOD_CALM);
        let wiggle = i32::from(in_bar % 7 == 3 && in_bar + 1 < FLOOD_TRADES);
        let nanos = in_bar * BAR_NS / FLOOD_TRADES;
        trade(Timestamp::from_nanos(START.nanos() + bar * BAR_NS + nanos), close + wiggle)
    })
}

/// Orders of a moving-average crossover in the flood, up to the one that the last trade causes: the first change of sides
/// is no crossing yet, the second is an entry with its stop, each later one an exit and an entry with its stop.
pub fn flood_crossover_orders(bars: i64) -> usize {
    assert!(bars % FLOOD_CALM == 0 && bars >= 3 * FLOOD_CALM, "whole stretches, at least three");
    usize::try_from(bars / FLOOD_CALM - 3).expect("three are there") * 3 + 3
}

/// A clock of market time in which a trade of the paced market is due every [`PACE`]. A thread that was not run for long
/// does not make it jump: what it missed is not caught up.
pub fn paced_clock() -> Pacing {
    const STALL: Duration = Duration::from_millis(10);
    let speed = PACED_GAP.as_secs_f64() / PACE.as_secs_f64();
    let state = Mutex::new((START, Instant::now()));
    Pacing::Clock(Arc::new(move || {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let passed = now.duration_since(state.1).min(STALL);
        *state = (state.0 + passed.mul_f64(speed), now);
        state.0
    }))
}

/// A gateway on a free port whose market starts with the first subscription.
pub fn gateway(
    instruments: &[Instrument],
    source: impl Iterator<Item = FeedEvent> + Send + 'static,
    pace: Pacing,
    probe: Probe,
) -> Gateway {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        instruments: instruments.to_vec(),
        source: Box::new(source),
        pace,
        history: gateway::History::default(),
        account: "DU1234567".to_owned(),
        cash: Money::from_micros(100_000_000_000),
        commission: Money::from_micros(2_250_000),
        wait_for_client: true,
        clients_max: gateway::CLIENTS_MAX,
        log: slog::Logger::root(slog::Discard, slog::o!()),
    };
    gateway::start_probed(options, probe).expect("a free port on the loopback interface")
}
