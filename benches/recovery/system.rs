//! The whole system and a gateway on one clock that runs with the wall. In: how many strategies. Out: a desk on which
//! faults are begun and records waited for; each is folders of its own, gone at its end.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actors::clock::Clock;
use actors::directory::Told;
use actors::journal::{Position, Tail};
use actors::system::{Setup, System};
use engine::books;
use engine::config::Config;
use engine::config::raw::{self, Known, Layer};
use engine::journal::Record;
use engine::time::Timestamp;
use engine::trade::{Money, Trading};
use gateway::{CLIENTS_MAX, Direction, Fault, Gateway, History, Options, Pacing, Rehearsal};
use slog::Logger;
use tempfile::TempDir;

/// 2024-06-12T14:00:00Z, a Wednesday, half an hour after the regular open.
const START: Timestamp = Timestamp::from_secs(1_718_200_800);
/// Nothing takes this long; what does is a failure.
const DEADLINE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(1);

pub struct Desk {
    system: System,
    gateway: Gateway,
    clock: Clock,
    config: Config,
    folder: TempDir,
}

/// Runs `work` on a desk whose trading is allowed, and ends everything.
pub fn with<F: Future<Output = Rc<Desk>>>(strategies: usize, work: impl FnOnce(Rc<Desk>) -> F) {
    actix::System::new().block_on(async {
        let desk = Rc::new(Desk::start(strategies).await);
        desk.allowed_since(Timestamp::MIN).await;
        let desk = Rc::into_inner(work(desk).await).expect("the work is over");
        let Desk { system, gateway, .. } = desk;
        system.wind_down("the bench is over").await;
        system.stop("the bench is over").await;
        gateway.stop();
    });
}

fn config(folder: &TempDir, strategies: usize) -> Config {
    let dir = folder.path().display();
    let mut text = format!(
        r#"
        [broker]
        heartbeat_every_ms = 1_000
        reconnect_delay_min_ms = 100
        [bars]
        lengths_s = [1]
        [risk]
        capital_usd = 100_000_000
        max_position_size = 100
        active_orders_max = 20
        orders_per_second_max = 1_000
        gross_exposure_usd_max = 100_000_000
        daily_loss_usd_max = 1_000_000
        weekly_loss_usd_max = 1_000_000
        reentries_max = 1_000
        consecutive_losses_max = 1_000
        orders_per_minute_max = 10_000
        strategy_orders_per_minute_max = 10_000
        symbol_orders_per_minute_max = 10_000
        strategy_orders_per_second_max = 1_000
        symbol_orders_per_second_max = 1_000
        [orders]
        answer_within_ms = 60_000
        flatten_on_stop = false
        [storage]
        database_url = "sqlite:{dir}/pitboss.db"
        journal_dir = "{dir}/journal"
        [log]
        terminal_level = "critical"
        file = "{dir}/pitboss.json"
        "#
    );
    for n in 0..strategies {
        text.push_str(&format!(
            "[[strategies]]\nname = \"s{n}\"\nkind = \"ma_crossover\"\nsymbol = \"ES\"\nbar_s = 1\nquantity = 1\n\
             stop_ticks = 40\n[strategies.params]\nfast = 1\nslow = 2\n"
        ));
    }
    let layers = [Layer::embedded_default(), Layer::new("bench", text)];
    raw::read(&layers, &[], &Known::registered(&[])).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

impl Desk {
    async fn start(strategies: usize) -> Desk {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = config(&folder, strategies);
        let log = Logger::root(slog::Discard, slog::o!());
        let clock = Clock::scaled(START, 1.0);
        let played_by = clock.clone();
        let symbol = config.instruments[0].id;
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            instruments: config.instruments.clone(),
            source: Box::new(feeds::synthetic(feeds::SyntheticOptions::es(1, START, symbol))),
            pace: Pacing::Clock(Arc::new(move || played_by.now())),
            history: History::default(),
            account: "DU1234567".to_owned(),
            cash: Money::from_micros(10_000_000_000_000),
            commission: Money::from_micros(2_250_000),
            wait_for_client: false,
            clients_max: CLIENTS_MAX,
            log: log.clone(),
        };
        let rehearsal = Rehearsal { transcript_entries: 200_000, ..Rehearsal::default() };
        let gateway = gateway::start_rehearsal(options, rehearsal).expect("a free port");
        config.broker.address = gateway.local_addr();
        config.gateway = None;
        let system = System::start(Setup::simulated(config.clone(), clock.clone(), log))
            .await
            .expect("a system on empty folders");
        Desk { system, gateway, clock, config, folder }
    }

    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Ticks may stay away for so long before that is an alarm.
    pub fn silent_after(&self) -> Duration {
        self.config.feeds.silent_after
    }

    pub fn begin(&self, fault: Fault) {
        self.gateway.inject(fault).expect("the fault can happen");
    }

    /// What a person tells the books.
    pub fn tell(&self, input: books::Input) {
        self.system.shared().addresses().books.send(Told::unprompted(input));
    }

    /// Orders of another program, far below the market.
    pub fn rest_orders(&self, count: usize) {
        for n in 0..count {
            let price = 4_500.0 - n as f64;
            self.begin(Fault::new("foreign-order").with("id", 99).with("type", "LMT").with("price", price));
        }
        assert_eq!(self.gateway.truth().open_orders.len(), count);
    }

    /// Looks until `found` gives something.
    pub async fn until<T>(&self, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(value) = found() {
                return value;
            }
            assert!(Instant::now() < deadline, "{what}: not within {DEADLINE:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// When the first record that is `wanted` was made, `from` or later, by the clock of everything here.
    pub async fn when(&self, from: Timestamp, wanted: impl Fn(&Record) -> bool) -> Timestamp {
        let mut tail = Tail::new(&self.folder.path().join("journal"), Position::START);
        let deadline = Instant::now() + DEADLINE;
        let mut told = Vec::new();
        loop {
            for entry in tail.read(100_000).expect("the journal can be read").entries {
                if entry.at >= from && wanted(&entry.record) {
                    return entry.at;
                }
                told.extend(match &entry.record {
                    Record::Trading { .. } | Record::System { .. } => Some(format!("{} {:?}", entry.at, entry.record)),
                    _ => None,
                });
            }
            let last = &told[told.len().saturating_sub(12)..];
            assert!(Instant::now() < deadline, "no such record from {from} on; the last ones: {last:#?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// When a fault ended that began at `from` or later.
    pub async fn ended(&self, fault: &str, from: Timestamp) -> Timestamp {
        let text = format!("fault {fault} ends");
        let mut next = 0;
        self.until(&text, || {
            let entries = self.gateway.transcript(next, None);
            next = entries.last().map_or(next, |last| last.seq + 1);
            let end = entries
                .iter()
                .find(|entry| entry.direction == Direction::Note && entry.message == text && entry.at >= from);
            end.map(|entry| entry.at)
        })
        .await
    }

    /// Resolves when so many more ticks have come.
    pub async fn ticks(&self, more: u64) {
        let ticks = || self.system.shared().tally.ticks.load(Ordering::Relaxed);
        let enough = ticks() + more;
        self.until("ticks", || (ticks() >= enough).then_some(())).await;
    }

    /// Resolves when trading is allowed.
    pub async fn allowed_since(&self, from: Timestamp) {
        let allowed = |record: &Record| matches!(record, Record::Trading { trading: Trading::Allowed, .. });
        self.when(from, allowed).await;
    }
}
