//! A simulated gateway inside the test, and what it holds against what a journal says. In: a seed. Out: an address, the
//! gateway's truth, differences. Absent: anything that one side believes of the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actors::clock::Clock;
use actors::journal::{Position, Tail};
use engine::journal::{Entry, Record};
use engine::market::{Instrument, SymbolId};
use engine::time::Timestamp;
use engine::trade::Money;
use feeds::SyntheticOptions;
use gateway::{CLIENTS_MAX, Gateway, History, Options, Pacing, Truth};

use super::{Desk, Process, Settings, config};

/// Numbers by a seed, the same every time (SplitMix64).
pub struct Chance(u64);

impl Chance {
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}

/// A `pitboss run` of one strategy that trades with a gateway in the test, at thirty times the wall's speed, with these
/// lines in its section `broker`.
pub fn trading(seed: u64, broker: &str) -> (Desk, Process, Gateway) {
    const SPEED: f64 = 30.0;
    let gateway = gateway(seed, SPEED);
    let settings = Settings {
        broker: format!("address = \"{}\"\nclient_id = 1\n{broker}", gateway.local_addr()),
        ..Settings::played(config::ten().into_iter().take(1).collect())
    };
    let desk = Desk::with(&settings);
    let running = desk.start(&["run", "--config", "desk.toml", "--speed", &SPEED.to_string()]);
    running.wait_for_text("trading allowed");
    (desk, running, gateway)
}

/// A synthetic ES market at `speed` market seconds a second.
pub fn gateway(seed: u64, speed: f64) -> Gateway {
    let start: Timestamp =
        chrono::DateTime::parse_from_rfc3339("2024-06-12T14:00:00Z").expect("a time").to_utc().into();
    let spec = feeds::specs::spec("ES").expect("ES is known");
    let es = Instrument {
        id: SymbolId(0),
        name: "ES".to_owned(),
        root: "ES".to_owned(),
        expiry: None,
        exchange: spec.exchange.clone(),
        currency: spec.currency.clone(),
        tick_size: spec.tick_size,
        multiplier: spec.multiplier,
    };
    let clock = Clock::scaled(start, speed);
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        instruments: vec![es],
        source: Box::new(feeds::synthetic(SyntheticOptions::es(seed, start, SymbolId(0)))),
        pace: Pacing::Clock(Arc::new(move || clock.now())),
        history: History::default(),
        account: "DU1234567".to_owned(),
        cash: Money::from_micros(10_000_000_000_000),
        commission: Money::from_micros(2_250_000),
        wait_for_client: false,
        clients_max: CLIENTS_MAX,
        log: slog::Logger::root(slog::Discard, slog::o!()),
    };
    gateway::start(options).expect("a free port")
}

/// A journal as it grows.
pub struct Followed {
    tail: Tail,
    pub entries: Vec<Entry>,
}

impl Followed {
    pub fn of(desk: &Desk, folder: &str) -> Self {
        Self { tail: Tail::new(&desk.path(folder), Position::START), entries: Vec::new() }
    }

    pub fn read_on(&mut self) {
        loop {
            let chunk = self.tail.read(10_000).expect("the journal can be read");
            if chunk.entries.is_empty() {
                return;
            }
            self.entries.extend(chunk.entries);
        }
    }

    /// The account's position by the journal's last word.
    fn position(&self) -> i64 {
        let rows = self.entries.iter().rev().find_map(|entry| match &entry.record {
            Record::Position(row) if row.strategy.is_none() => Some(row.quantity),
            _ => None,
        });
        rows.unwrap_or(0)
    }

    /// Contracts of each execution; one that is booked twice is a mistake whatever the gateway says.
    fn fills(&self) -> BTreeMap<&str, u32> {
        let mut fills = BTreeMap::new();
        for entry in &self.entries {
            if let Record::Fill(fill) = &entry.record {
                let before = fills.insert(fill.exec_id.as_str(), fill.quantity);
                assert!(before.is_none(), "{} is booked twice", fill.exec_id);
            }
        }
        fills
    }

    /// Sequence numbers rise by one over every start.
    pub fn assert_complete(&self) {
        let gap = self.entries.windows(2).find(|pair| pair[0].seq + 1 != pair[1].seq);
        assert!(gap.is_none(), "entries are missing: {gap:?}");
    }

    /// What differs between this journal and the gateway; `None` when both hold the same.
    pub fn difference(&self, truth: &Truth) -> Option<String> {
        let held: i64 = truth.positions.iter().map(|position| position.quantity).sum();
        let theirs: BTreeMap<&str, u32> =
            truth.executions.iter().map(|execution| (execution.exec_id.as_str(), execution.quantity)).collect();
        let ours = self.fills();
        if held == self.position() && ours == theirs {
            return None;
        }
        let missing: Vec<_> = theirs.keys().filter(|id| !ours.contains_key(*id)).collect();
        let invented: Vec<_> = ours.keys().filter(|id| !theirs.contains_key(*id)).collect();
        Some(format!("position {} here, {held} there; not booked {missing:?}, not there {invented:?}", self.position()))
    }

    /// Reads on until both hold the same. Trading goes on meanwhile, so news may always be on its way.
    pub fn until_agreed(&mut self, gateway: &Gateway, within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            self.read_on();
            let Some(difference) = self.difference(&gateway.truth()) else { return };
            assert!(Instant::now() < deadline, "they do not agree within {within:?}: {difference}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Reads on until the account's position here is the gateway's, which two looks in a row must find.
    pub fn until_held(&mut self, gateway: &Gateway, within: Duration) {
        let deadline = Instant::now() + within;
        let mut agreed = 0;
        while agreed < 2 {
            self.read_on();
            let held: i64 = gateway.truth().positions.iter().map(|position| position.quantity).sum();
            agreed = if held == self.position() { agreed + 1 } else { 0 };
            assert!(Instant::now() < deadline, "{held} held at the gateway, {} here", self.position());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whatever the gateway has of us was written before it was sent, under one reference once.
    pub fn assert_sent_once(&self, truth: &Truth) {
        let written: BTreeSet<&str> = self
            .entries
            .iter()
            .filter_map(|entry| match &entry.record {
                Record::OrderPlaced(ticket) => Some(ticket.order_ref.as_str()),
                _ => None,
            })
            .collect();
        let mut known: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
        for order in truth.open_orders.iter().chain(&truth.completed_orders) {
            known.entry(&order.order.order_ref).or_default().insert(order.perm_id.0);
        }
        let unknown: Vec<_> = known.keys().filter(|name| !written.contains(*name)).collect();
        assert!(unknown.is_empty(), "sent and not written: {unknown:?}");
        let doubled: Vec<_> = known.iter().filter(|(_, ids)| ids.len() > 1).collect();
        assert!(doubled.is_empty(), "sent twice: {doubled:?}");
    }
}
