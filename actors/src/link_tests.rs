//! What Interactive Brokers does to a connection, played by the simulated gateway over TCP against the whole system at
//! the pace of the wall clock. Each test waits for what the journal says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::books;
use engine::config::{Config, Limit};
use engine::journal::{Entry, Record, Verdict};
use engine::market::{Price, SymbolId};
use engine::time::Timestamp;
use engine::trade::{Bracket, Intent, Money, OrderIntent, OrderKind, Side, StrategyId, Trading};
use engine::wiring::BrokerCommand;
use feeds::SyntheticOptions;
use gateway::{Direction, Fault, Gateway, Pacing, Rehearsal};
use slog::{Logger, o};
use tempfile::TempDir;

use crate::clock::Clock;
use crate::directory::Told;
use crate::system::{Setup, System};
use crate::system_tests::{busy, config, in_system};

/// Ten o'clock in New York on a Wednesday: regular hours.
const START: Timestamp = Timestamp::from_secs(1_718_200_800);
const PATIENCE: Duration = Duration::from_secs(120);

struct Rig {
    system: System,
    gateway: Gateway,
    _folder: TempDir,
}

impl Rig {
    /// `faults` are in force before anybody connects.
    async fn start(faults: &[Fault], change: impl FnOnce(&mut Config)) -> Rig {
        let folder = TempDir::new().expect("a temporary folder");
        let mut config = config(&folder, &busy(1));
        config.risk.order.max_position_size = Limit::Max(40);
        config.broker.reconnect_delay_max = Duration::from_secs(1);
        change(&mut config);
        let clock = Clock::scaled(START, 1.0);
        let at_gateway = clock.clone();
        let log = Logger::root(slog::Discard, o!());
        let options = gateway::Options {
            listen: ([127, 0, 0, 1], 0).into(),
            instruments: config.instruments.clone(),
            source: Box::new(feeds::synthetic(SyntheticOptions::es(7, START, SymbolId(0)))),
            pace: Pacing::Clock(Arc::new(move || at_gateway.now())),
            history: gateway::History::default(),
            account: "DU1234567".to_owned(),
            cash: Money::from_micros(100_000_000_000),
            commission: Money::from_micros(2_250_000),
            wait_for_client: false,
            clients_max: gateway::CLIENTS_MAX,
            log: log.clone(),
        };
        let rehearsal = Rehearsal { transcript_entries: 10_000, ..Rehearsal::default() };
        let gateway = gateway::start_rehearsal(options, rehearsal).expect("a free port");
        for fault in faults {
            gateway.inject(fault.clone()).expect("a fault that can be");
        }
        config.broker.address = gateway.local_addr();
        let system = System::start(Setup::simulated(config, clock, log)).await.expect("it starts");
        Rig { system, gateway, _folder: folder }
    }

    /// Trading is allowed and ticks come.
    async fn calm() -> Rig {
        let rig = Rig::start(&[], |_| {}).await;
        rig.until("trading is allowed", |seen| seen.iter().any(is_allowed)).await;
        let ticks = || rig.system.shared().tally.ticks.load(std::sync::atomic::Ordering::Relaxed);
        let begun = Instant::now();
        while ticks() < 20 {
            assert!(begun.elapsed() < PATIENCE, "no ticks");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        rig
    }

    fn inject(&self, fault: Fault) -> Timestamp {
        let now = self.system.shared().clock.now();
        self.gateway.inject(fault).expect("a fault that can be");
        now
    }

    fn seen(&self) -> Vec<Entry> {
        let folder = self.system.journal_folder();
        crate::journal::dump(&folder).expect("it is there").map(|entry| entry.expect("whole").1).collect()
    }

    /// Waits for the journal to say something.
    async fn until(&self, what: &str, is_true: impl Fn(&[Entry]) -> bool) -> Vec<Entry> {
        let begun = Instant::now();
        loop {
            let seen = self.seen();
            if is_true(&seen) {
                return seen;
            }
            assert!(begun.elapsed() < PATIENCE, "not in time: {what}; told {:#?}", told(&seen));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until_told(&self, event: &str) -> Timestamp {
        let seen = self.until(event, |seen| at(seen, event).is_some()).await;
        at(&seen, event).expect("it was just seen")
    }

    fn buy(&self) {
        let price = 20_000;
        let bracket = Bracket { stop: Price(price - 100), target: None };
        let intent = Intent::Enter { side: Side::Buy, quantity: 1, kind: OrderKind::Market, bracket };
        let (symbol, now) = (SymbolId(0), self.system.shared().clock.now());
        let intent = OrderIntent { strategy: StrategyId(0), symbol, at: now, intent, reason: "link test".to_owned() };
        self.system.shared().addresses().books.send(Told::unprompted(books::Input::Intent(intent)));
    }

    /// What risk said to the last intent of [`Rig::buy`]; `None` if it let it through.
    async fn refusal(&self) -> Option<String> {
        let verdicts = |seen: &[Entry]| seen.iter().filter_map(verdict).collect::<Vec<_>>();
        let before = verdicts(&self.seen()).len();
        self.buy();
        let seen = self.until("a verdict", |seen| verdicts(seen).len() > before).await;
        verdicts(&seen).pop().expect("one more than before")
    }

    async fn end(self) -> Vec<Entry> {
        self.system.wind_down("the test is over").await;
        let folder = self.system.journal_folder();
        self.system.stop("the test is over").await;
        let seen = crate::journal::dump(&folder).expect("it is there").map(|entry| entry.expect("whole").1).collect();
        self.gateway.stop();
        seen
    }
}

fn verdict(entry: &Entry) -> Option<Option<String>> {
    match &entry.record {
        Record::Signal { intent, verdict } if intent.reason == "link test" => Some(match verdict {
            Verdict::Approved { .. } => None,
            Verdict::Refused { rule, .. } => Some(rule.clone()),
        }),
        _ => None,
    }
}

fn is_allowed(entry: &Entry) -> bool {
    matches!(entry.record, Record::Trading { trading: Trading::Allowed, .. })
}

fn told(seen: &[Entry]) -> Vec<String> {
    let text = |entry: &Entry| match &entry.record {
        Record::System { event, text, .. } => Some(format!("{} {event}: {text}", entry.at)),
        Record::Trading { trading, cause } => Some(format!("{} {trading:?}: {cause}", entry.at)),
        _ => None,
    };
    seen.iter().filter_map(text).collect()
}

/// When it was told last.
fn at(seen: &[Entry], wanted: &str) -> Option<Timestamp> {
    let is_it = |entry: &&Entry| matches!(&entry.record, Record::System { event, .. } if event == wanted);
    seen.iter().rfind(is_it).map(|entry| entry.at)
}

fn times(seen: &[Entry], wanted: &str) -> usize {
    seen.iter().filter(|entry| matches!(&entry.record, Record::System { event, .. } if event == wanted)).count()
}

#[test]
fn a_farm_flap_blocks_entries_and_keeps_the_connection() {
    in_system(async {
        let rig = Rig::calm().await;
        rig.inject(Fault::new("data-farm-broken").lasting(Duration::from_secs(3)));
        rig.until_told("feed.farm").await;
        assert_eq!(rig.refusal().await.as_deref(), Some("feed"));
        rig.until_told("feed.fresh").await;
        assert_eq!(rig.refusal().await, None, "a fresh tick came");
        let seen = rig.end().await;
        assert_eq!((times(&seen, "link.outage"), times(&seen, "link.paused")), (0, 0), "{:#?}", told(&seen));
    });
}

#[test]
fn silent_market_data_is_an_alarm_in_time_and_its_end_is_told() {
    in_system(async {
        let rig = Rig::calm().await;
        let began = rig.inject(Fault::new("silent-data").lasting(Duration::from_secs(7)));
        let alarm = rig.until_told("feed.silent").await;
        let after = alarm.since(began);
        // Four seconds of silence are the threshold; five more the promise.
        assert!(after >= Duration::from_secs(3) && after <= Duration::from_secs(9), "after {after:?}");
        assert_eq!(rig.refusal().await.as_deref(), Some("feed"));
        rig.until_told("feed.fresh").await;
        let seen = rig.end().await;
        assert_eq!(times(&seen, "link.outage"), 0, "{:#?}", told(&seen));
    });
}

async fn corrupt(points: f64) {
    let rig = Rig::calm().await;
    let fault = Fault::new("price-offset").with("points", points).lasting(Duration::from_secs(4));
    rig.inject(fault);
    rig.until_told("feed.corrupt").await;
    assert!(rig.refusal().await.is_some());
    rig.until_told("feed.fresh").await;
    let seen = rig.end().await;
    for entry in &seen {
        if let Record::Bar(bar) | Record::BarRevised(bar) = &entry.record {
            assert!(bar.high.0 < 30_000, "{bar:?}");
        }
    }
}

#[test]
fn a_constant_added_to_every_price_reaches_no_bar() {
    in_system(corrupt(1_337_581_200.0));
}

#[test]
fn a_constant_within_the_range_of_prices_reaches_no_bar_either() {
    in_system(corrupt(20_000.0));
}

#[test]
fn a_new_subscription_ends_the_old_one_so_that_no_trade_counts_twice() {
    in_system(async {
        let rig = Rig::calm().await;
        let sent = |message: &str| {
            let transcript = rig.gateway.transcript(0, None);
            transcript.iter().filter(|entry| entry.direction == Direction::In && entry.message == message).count()
        };
        let begun = Instant::now();
        for asked in [2, 4, 6] {
            while sent("reqTickByTickData") < asked {
                assert!(begun.elapsed() < PATIENCE, "{} subscriptions", sent("reqTickByTickData"));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let command = BrokerCommand::ResubscribeOne(SymbolId(0));
            rig.system.shared().addresses().broker.send(Told::unprompted(command));
        }
        while sent("cancelTickByTickData") < 6 {
            assert!(begun.elapsed() < PATIENCE, "{} cancelled", sent("cancelTickByTickData"));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(sent("reqTickByTickData"), 8, "trades and quotes, four times");
        rig.end().await;
    });
}

#[test]
fn lost_data_is_subscribed_anew_and_an_outage_is_told_once() {
    in_system(async {
        let rig = Rig::calm().await;
        let outage = Fault::new("outage").with("data", "lost").with("notices", 3).lasting(Duration::from_secs(3));
        rig.inject(outage);
        rig.until_told("link.outage").await;
        assert_eq!(rig.refusal().await.as_deref(), Some("trading_state"));
        rig.until_told("link.restored").await;
        rig.until("ticks come again", |seen| at(seen, "link.restored").is_some() && seen.iter().any(is_allowed)).await;
        let seen = rig.end().await;
        assert_eq!(times(&seen, "link.outage"), 1, "what is repeated is one outage");
    });
}

#[test]
fn a_client_id_that_is_still_held_is_tried_again_and_told() {
    in_system(async {
        let rig = Rig::calm().await;
        rig.inject(Fault::new("client-id-in-use").lasting(Duration::from_secs(4)));
        rig.inject(Fault::new("disconnect"));
        rig.until_told("broker.client_id_in_use").await;
        rig.until_told("link.restored").await;
        let seen = rig.end().await;
        assert_eq!(times(&seen, "link.outage"), 1, "{:#?}", told(&seen));
    });
}

#[test]
fn a_handshake_while_the_servers_are_away_opens_nothing_before_they_are_back() {
    in_system(async {
        let rig = Rig::start(&[Fault::new("outage").lasting(Duration::from_secs(6))], |_| {}).await;
        let seen = rig.until("trading is allowed", |seen| seen.iter().any(is_allowed)).await;
        let allowed = seen.iter().find(|entry| is_allowed(entry)).expect("just seen").at;
        let notice = |code: &str| {
            let is_it = |entry: &&Entry| matches!(&entry.record, Record::System { event, text, .. } if event == "broker.notice" && text.starts_with(code));
            seen.iter().find(is_it).map(|entry| entry.at)
        };
        let (away, back) = (notice("2110").expect("told at the start"), notice("1102").expect("told at the end"));
        assert!(away < back && back <= allowed, "{:#?}", told(&seen));
        rig.until("ticks come", |_| rig.system.shared().tally.trades.load(std::sync::atomic::Ordering::Relaxed) > 0)
            .await;
        rig.end().await;
    });
}

#[test]
fn a_gateway_that_moves_to_another_port_is_followed() {
    in_system(async {
        let rig = Rig::calm().await;
        rig.inject(Fault::new("port-reset"));
        rig.until_told("broker.port_moved").await;
        rig.until_told("link.restored").await;
        rig.end().await;
    });
}
