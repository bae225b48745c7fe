//! The synthetic instrument: an efficient price and the book around it. In: an event's time and chance. Out: trades at
//! the touch, quotes that are never crossed. Absent: when events come (`activity` and `chance` say that).

use std::collections::VecDeque;
use std::time::Duration;

use engine::market::{MarketEvent, Price, Quote, Trade};
use engine::time::Timestamp;

use super::chance::Chance;

/// Efficient prices and parts of one are in 65,536ths of a tick.
const TICK: i64 = 1 << 16;
/// The efficient price's deviation of one event at the usual volatility: a tenth of a tick, five ticks a minute.
const STEP_NOISE: i64 = 6_700;
/// The strongest drift an event, 1.6 ticks a minute in regular hours.
const DRIFT_MAX: u32 = 45;
/// The efficient price further than this from the middle of the quote moves the quote.
const MOVE_AT: i64 = TICK * 3 / 4;
const VOLATILITY_USUAL: u64 = 1_024;
const SIZE_USUAL: u32 = 70;
const SIZE_MAX: u32 = 400;
const PRICE_TICKS: std::ops::RangeInclusive<i64> = 1_000..=30_000_000;

#[derive(Clone, Debug)]
pub(super) struct Market {
    fair: i64,
    drift: i64,
    drift_until: Timestamp,
    /// 1,024ths of the usual.
    volatility: u64,
    bid: i32,
    ask: i32,
    bid_size: u32,
    ask_size: u32,
}

impl Market {
    pub(super) fn new(opening_price: Price) -> Self {
        let price = i64::from(opening_price.0).clamp(*PRICE_TICKS.start(), *PRICE_TICKS.end());
        let bid = price as i32;
        Self {
            fair: price * TICK + TICK / 2,
            drift: 0,
            drift_until: Timestamp::MIN,
            volatility: VOLATILITY_USUAL,
            bid,
            ask: bid + 1,
            bid_size: SIZE_USUAL,
            ask_size: SIZE_USUAL,
        }
    }

    /// 1,024ths of the usual.
    pub(super) fn volatility(&self) -> u64 {
        self.volatility
    }

    /// A session begins: a fresh quote, a few ticks from the last one unless it is the first.
    pub(super) fn open(&mut self, now: Timestamp, chance: &mut Chance, out: &mut VecDeque<MarketEvent>) {
        if self.drift_until > Timestamp::MIN {
            self.walk(chance.noise() * TICK);
        }
        self.bid = (self.fair / TICK) as i32;
        self.ask = self.bid + 1;
        self.bid_size = fresh_size(chance);
        self.ask_size = fresh_size(chance);
        self.quote(now, out);
    }

    /// One event of the market: always a quote, after a trade in about two cases of five.
    pub(super) fn event(&mut self, now: Timestamp, chance: &mut Chance, out: &mut VecDeque<MarketEvent>) {
        self.drive(now, chance);
        let middle = (i64::from(self.bid) + i64::from(self.ask)) * TICK / 2;
        let lean = self.fair - middle;
        if lean.abs() > MOVE_AT {
            self.sweep(lean > 0, now, chance, out);
        } else if self.ask - self.bid > 1 && chance.happens(TICK / 2) {
            self.narrow(lean > 0, chance);
        } else if chance.happens(TICK * 2 / 5) {
            self.trade(chance.happens(TICK / 2 + lean / 2), now, chance, out);
        } else {
            self.resize(chance);
        }
        self.quote(now, out);
    }

    /// Moves volatility, drift and the efficient price.
    fn drive(&mut self, now: Timestamp, chance: &mut Chance) {
        if chance.happens(TICK / 32) {
            let v = if chance.happens(TICK / 2) { self.volatility * 17 / 16 } else { self.volatility * 16 / 17 };
            self.volatility = (v * 127 + VOLATILITY_USUAL).div_ceil(128).clamp(300, 4_000);
        }
        if now >= self.drift_until {
            self.drift_until = now + Duration::from_secs(300 + u64::from(chance.below(3_300)));
            let strength = i64::from(chance.below(2 * DRIFT_MAX + 1)) - i64::from(DRIFT_MAX);
            self.drift = if chance.below(3) == 0 { 0 } else { strength };
        }
        let noise = chance.noise() * STEP_NOISE / 4 * (self.volatility as i64) / (VOLATILITY_USUAL as i64);
        self.walk(noise + self.drift);
    }

    fn walk(&mut self, step: i64) {
        self.fair = (self.fair + step).clamp(PRICE_TICKS.start() * TICK, PRICE_TICKS.end() * TICK);
    }

    /// Takes out a whole side and moves the quote one tick; in a quarter of the cases the other side follows later.
    fn sweep(&mut self, up: bool, now: Timestamp, chance: &mut Chance, out: &mut VecDeque<MarketEvent>) {
        let (price, mut left) = if up { (self.ask, self.ask_size) } else { (self.bid, self.bid_size) };
        let prints = 1 + chance.heads().min(3);
        for print in (1..=prints).rev() {
            let size = if print == 1 { left } else { left / print };
            if size > 0 {
                out.push_back(MarketEvent::Trade(Trade { ts: now, price: Price(price), size }));
            }
            left -= size;
        }
        let both = !chance.happens(TICK / 4) || self.ask - self.bid > 1;
        if up {
            (self.ask, self.ask_size) = (self.ask + 1, fresh_size(chance));
            if both {
                (self.bid, self.bid_size) = (self.ask - 1, fresh_size(chance));
            }
        } else {
            (self.bid, self.bid_size) = (self.bid - 1, fresh_size(chance));
            if both {
                (self.ask, self.ask_size) = (self.bid + 1, fresh_size(chance));
            }
        }
    }

    /// Somebody improves the side towards which the efficient price leans.
    fn narrow(&mut self, up: bool, chance: &mut Chance) {
        let size = 1 + chance.below(SIZE_USUAL / 2);
        if up {
            (self.bid, self.bid_size) = (self.bid + 1, size);
        } else {
            (self.ask, self.ask_size) = (self.ask - 1, size);
        }
    }

    /// A trade at the touch that leaves at least one contract standing.
    fn trade(&mut self, buy: bool, now: Timestamp, chance: &mut Chance, out: &mut VecDeque<MarketEvent>) {
        let (price, standing) = if buy { (self.ask, self.ask_size) } else { (self.bid, self.bid_size) };
        // Mostly one to three contracts, now and then tens.
        let wanted = (1_u32 << chance.heads().min(6)) - chance.below(2).min(1) * u32::from(chance.below(4) == 0);
        let size = wanted.max(1).min(standing.saturating_sub(1));
        let left = if size == 0 { fresh_size(chance) } else { standing - size };
        if size > 0 {
            out.push_back(MarketEvent::Trade(Trade { ts: now, price: Price(price), size }));
        }
        *(if buy { &mut self.ask_size } else { &mut self.bid_size }) = left;
    }

    /// Orders join or leave one side, on average towards the usual size.
    fn resize(&mut self, chance: &mut Chance) {
        let side = if chance.happens(TICK / 2) { &mut self.bid_size } else { &mut self.ask_size };
        let change = 1 + chance.below(*side / 4 + 8);
        let joins = chance.below(*side + SIZE_USUAL) < SIZE_USUAL;
        *side = if joins { side.saturating_add(change).min(SIZE_MAX) } else { side.saturating_sub(change).max(1) };
    }

    fn quote(&self, now: Timestamp, out: &mut VecDeque<MarketEvent>) {
        let quote = Quote {
            ts: now,
            bid: Some(Price(self.bid)),
            ask: Some(Price(self.ask)),
            bid_size: self.bid_size,
            ask_size: self.ask_size,
        };
        out.push_back(MarketEvent::Quote(quote));
    }
}

fn fresh_size(chance: &mut Chance) -> u32 {
    10 + chance.below(SIZE_USUAL) + chance.below(SIZE_USUAL)
}
