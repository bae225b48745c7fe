//! Time on the way: market data reaches the cores later than it happened, their orders reach the exchange later than
//! they were decided, and its answers come back later still. In: what a delay is made of. Out: when what was sent
//! arrives, in the order in which it was sent. Absent: what is on the way; the files that delays were measured into.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Backtest;
use crate::journal::Record;
use crate::market::FeedEvent;
use crate::simulation::chance::Chance;
use crate::time::Timestamp;
use crate::trade::{BrokerEvent, BrokerRequest};
use crate::venue::Step;
use crate::wiring::News;

/// How long one way takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Delay {
    Constant(Duration),
    /// Drawn from these with equal chances; not empty.
    Sampled(Vec<Duration>),
}

impl Default for Delay {
    fn default() -> Self {
        Delay::Constant(Duration::ZERO)
    }
}

/// Of the three ways.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latencies {
    /// From the exchange's event to the strategy.
    pub feed: Delay,
    /// From the decision to the exchange.
    pub order: Delay,
    /// From the exchange to the books: statuses, executions, answers.
    pub ack: Delay,
    pub seed: u64,
}

/// One way: what was sent first arrives first.
#[derive(Debug)]
struct Way {
    delay: Delay,
    chance: Chance,
    free_at: Timestamp,
}

impl Way {
    fn new(delay: Delay, seed: u64, purpose: u64) -> Self {
        Self { delay, chance: Chance::fork(seed, purpose), free_at: Timestamp::MIN }
    }

    fn arrival(&mut self, sent: Timestamp) -> Timestamp {
        let took = match &self.delay {
            Delay::Constant(took) => *took,
            Delay::Sampled(seen) => {
                let many = u32::try_from(seen.len()).unwrap_or(u32::MAX);
                seen[self.chance.below(many) as usize]
            }
        };
        self.free_at = self.free_at.max(sent + took);
        self.free_at
    }
}

#[derive(Debug)]
enum Cargo {
    Market(Vec<FeedEvent>),
    Request(BrokerRequest),
    Event(BrokerEvent),
}

/// Everything that is on the way.
#[derive(Debug)]
pub(super) struct Wire {
    feed: Way,
    order: Way,
    ack: Way,
    cargo: BTreeMap<(Timestamp, u64), Cargo>,
    sent: u64,
}

impl Wire {
    pub fn new(latencies: Latencies) -> Self {
        let Latencies { feed, order, ack, seed } = latencies;
        Self {
            feed: Way::new(feed, seed, 1),
            order: Way::new(order, seed, 2),
            ack: Way::new(ack, seed, 3),
            cargo: BTreeMap::new(),
            sent: 0,
        }
    }

    fn load(&mut self, arrives: Timestamp, cargo: Cargo) {
        self.sent += 1;
        self.cargo.insert((arrives, self.sent), cargo);
    }

    pub fn request(&mut self, sent: Timestamp, request: BrokerRequest) {
        let arrives = self.order.arrival(sent);
        self.load(arrives, Cargo::Request(request));
    }

    pub fn event(&mut self, sent: Timestamp, event: BrokerEvent) {
        let arrives = self.ack.arrival(sent);
        self.load(arrives, Cargo::Event(event));
    }

    fn market(&mut self, sent: Timestamp, events: Vec<FeedEvent>) {
        let arrives = self.feed.arrival(sent);
        self.load(arrives, Cargo::Market(events));
    }

    fn next(&self) -> Option<Timestamp> {
        self.cargo.first_key_value().map(|((at, _), _)| *at)
    }
}

impl<S: Iterator<Item = FeedEvent>, J: FnMut(Timestamp, Record)> Backtest<S, J> {
    /// What happens next: at the exchange, or at the end of a way; false when the market is over and everything has
    /// arrived.
    pub(super) fn step_delayed(&mut self) -> bool {
        let market = self.player.peek_ts();
        let next = self.wire.as_ref().and_then(Wire::next).into_iter().chain(market).min();
        if let Some(next) = next {
            self.expire_due(next);
        }
        let Some(wire) = &mut self.wire else { return false };
        let arrives = wire.next().filter(|at| market.is_none_or(|market| *at <= market));
        if arrives.is_some() {
            let Some(((at, _), cargo)) = wire.cargo.pop_first() else { return false };
            self.arrive(at, cargo);
            return true;
        }
        // Events of one instant at a time: what they lead to may reach the exchange before the next.
        let Some((at, step)) = market.and_then(|market| self.player.step_until(market)) else { return false };
        match step {
            Step::Market(events) => wire.market(at, events),
            Step::Reports(reports) => {
                for event in super::order_events(self.player.venue(), &reports) {
                    wire.event(at, event);
                }
            }
        }
        true
    }

    fn arrive(&mut self, at: Timestamp, cargo: Cargo) {
        self.now = self.now.max(at);
        match cargo {
            Cargo::Market(events) => self.on_market(&events),
            Cargo::Event(event) => self.say(News::Event(event)),
            Cargo::Request(request) => return self.on_request(request),
        }
        self.settle();
        self.fire_deadlines();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::raw::{self, ContractSpec, Known, Layer};
    use crate::market::{MarketEvent, Price, Quote, SymbolId, Trade};
    use crate::trade::{Leg, Money};

    #[test]
    fn what_was_sent_first_arrives_first_and_a_seed_repeats_itself() {
        let delay = || Delay::Sampled([900, 5, 40].map(Duration::from_micros).to_vec());
        let arrivals = |seed| -> Vec<i64> {
            let mut way = Way::new(delay(), seed, 1);
            (0..200).map(|n| way.arrival(Timestamp::from_nanos(n * 10_000)).nanos()).collect()
        };
        let first = arrivals(7);
        assert!(first.is_sorted());
        assert_eq!(first, arrivals(7));
        assert_ne!(first, arrivals(8));
        let took: Vec<i64> = first.iter().zip(0..).map(|(at, n)| at - n * 10_000).collect();
        assert!(took.contains(&900_000), "each is drawn: {took:?}");
        assert!(took.iter().all(|took| (5_000..=900_000).contains(took)));
    }

    /// Ten minutes of a market that goes down for three, and then up a tick a second.
    fn market(start: Timestamp) -> impl Iterator<Item = FeedEvent> {
        (0..600_i32).flat_map(move |second| {
            let ts = start + Duration::from_secs(second as u64);
            let price = 20_000 + (second - 180).abs();
            let (bid, ask) = (Some(Price(price)), Some(Price(price + 1)));
            let quote = MarketEvent::Quote(Quote { ts, bid, ask, bid_size: 9, ask_size: 9 });
            let trade = MarketEvent::Trade(Trade { ts, price: Price(price), size: 1 });
            [quote, trade].map(|event| FeedEvent { symbol: SymbolId(0), event })
        })
    }

    /// When the first entry was decided, its price at the exchange, and when the books heard of it.
    fn first_entry(latencies: Option<Latencies>) -> (Timestamp, i32, Timestamp) {
        let contracts = [ContractSpec {
            root: "ES".into(),
            exchange: "CME".into(),
            currency: "USD".into(),
            tick_size: rust_decimal::Decimal::new(25, 2),
            multiplier: 50.into(),
        }];
        let mut config = raw::read(&[Layer::embedded_default()], &[], &Known::registered(&contracts))
            .expect("the built-in configuration has no mistakes");
        config.strategies.retain(|strategy| strategy.kind == "ma_crossover");
        config.strategies.truncate(1);
        config.strategies[0].id = crate::trade::StrategyId(0);
        config.strategies[0].params =
            [("fast".to_owned(), 1.into()), ("slow".to_owned(), 2.into())].into_iter().collect();
        let start = Timestamp::from_secs(1_718_200_800);
        let (mut placed, mut filled) = (None, None);
        let journal = |at: Timestamp, record: Record| match record {
            Record::OrderPlaced(ticket) if ticket.leg == Leg::Entry => {
                placed.get_or_insert(at);
            }
            Record::Fill(fill) if fill.leg == Leg::Entry => {
                filled.get_or_insert((fill.price.0, at));
            }
            _ => {}
        };
        let cash = Money::from_micros(1_000_000_000_000);
        Backtest::new(&config, market(start), start, cash, Money::ZERO, journal).with_latency(latencies).run();
        let (price, heard) = filled.expect("it turns up after three minutes");
        (placed.expect("an order"), price, heard)
    }

    #[test]
    fn an_order_that_takes_five_seconds_pays_what_the_market_asks_then() {
        let constant = |millis| Delay::Constant(Duration::from_millis(millis));
        let ways = |feed, order, ack| {
            Some(Latencies { feed: constant(feed), order: constant(order), ack: constant(ack), seed: 1 })
        };
        let none = first_entry(None);
        let zero = first_entry(ways(0, 0, 0));
        assert_eq!((zero.0, zero.1), (none.0, none.1), "no time is no difference");
        let slow_order = first_entry(ways(0, 5_500, 0));
        assert_eq!(slow_order.0, zero.0, "the decision is the same");
        assert_eq!(slow_order.1 - zero.1, 5, "and pays five ticks more");
        let slow_ack = first_entry(ways(0, 0, 3_000));
        assert_eq!(slow_ack.1, zero.1);
        assert!(slow_ack.2.since(zero.2) >= Duration::from_secs(3), "{slow_ack:?} {zero:?}");
        let slow_feed = first_entry(ways(1_500, 0, 0));
        assert_eq!(slow_feed.0.since(zero.0), Duration::from_millis(1_500));
        assert_eq!(slow_feed.1 - zero.1, 1);
    }
}
