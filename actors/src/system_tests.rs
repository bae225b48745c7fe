//! The whole system against the simulated gateway over TCP, while its actors are made to panic.

mod away;
mod first_tick;
mod partners;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::books;
use engine::config::raw::{ContractSpec, Known, Layer};
use engine::config::{Config, Limit};
use engine::journal::Record;
use engine::market::{Price, SymbolId};
use engine::time::Timestamp;
use engine::trade::{Bracket, Intent, Money, OrderIntent, OrderKind, Side, StrategyId, Trading};
use feeds::SyntheticOptions;
use gateway::{Gateway, Pacing, Truth};
use slog::{Logger, o};
use tempfile::TempDir;

use crate::clock::Clock;
use crate::directory::Told;
use crate::faults::{Fail, Place};
use crate::shell::{Hosted, Shell};
use crate::supervisor::{ActorState, Child};
use crate::system::{Account, BooksView, Setup, System};

/// Ten o'clock in New York on a Wednesday.
const START: Timestamp = Timestamp::from_secs(1_718_200_800);
const SPEED: f64 = 300.0;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn config(folder: &TempDir, strategies: &str) -> Config {
    let text = engine::config::embedded_default();
    let (head, _) = text.split_once("[[strategies]]").expect("the default has strategies");
    let (_, tail) = text.split_once("# Limits. Those on").expect("limits come behind the strategies");
    let text = format!("{head}{strategies}\n# Limits. Those on{tail}");
    let es = [ContractSpec {
        root: "ES".into(),
        exchange: "CME".into(),
        currency: "USD".into(),
        tick_size: rust_decimal::Decimal::new(25, 2),
        multiplier: 50.into(),
    }];
    let layer = Layer::new("test", text);
    let mut config = engine::config::raw::read(&[layer], &[], &Known::registered(&es)).expect("no mistakes");
    config.storage.journal_dir = folder.path().join("journal");
    config.storage.database_url = format!("sqlite:{}", folder.path().join("test.db").display());
    config.risk.order.max_position_size = Limit::Max(40);
    config.risk.rate.orders_per_second_max = Limit::Max(10_000);
    config.risk.loss.daily_loss_max = Limit::Off;
    config.risk.stale_after = Limit::Off;
    let actors = &mut config.actors;
    for actor in [&mut actors.broker, &mut actors.bars, &mut actors.strategy, &mut actors.books] {
        actor.restarts_max = 100;
        (actor.backoff_min, actor.backoff_max) = (Duration::from_millis(5), Duration::from_millis(20));
    }
    config
}

/// `n` strategies that trade often.
pub(crate) fn busy(n: usize) -> String {
    let one = |i: usize| {
        format!(
            "[[strategies]]\nname = \"s{i}\"\nkind = \"donchian\"\nsymbol = \"ES\"\nquantity = 1\nstop_ticks = {}\ntarget_ticks = {}\n[strategies.params]\nperiod = {}\n",
            8 + i,
            6 + i,
            2 + i % 3
        )
    };
    (0..n).map(one).collect()
}

/// A gateway that plays an ES market from `price` on, in ticks.
fn gateway_at(price: Price, config: &Config, clock: &Clock, log: &Logger) -> Gateway {
    let at_gateway = clock.clone();
    let market = SyntheticOptions { opening_price: price, ..SyntheticOptions::es(7, clock.now(), SymbolId(0)) };
    gateway::start(gateway::Options {
        listen: ([127, 0, 0, 1], 0).into(),
        instruments: config.instruments.clone(),
        source: Box::new(feeds::synthetic(market)),
        pace: Pacing::Clock(Arc::new(move || at_gateway.now())),
        history: gateway::History::default(),
        account: "DU1234567".to_owned(),
        cash: Money::from_micros(100_000_000_000),
        commission: Money::from_micros(2_250_000),
        wait_for_client: true,
        clients_max: gateway::CLIENTS_MAX,
        log: log.clone(),
    })
    .expect("a free port")
}

struct Rig {
    system: System,
    gateway: Gateway,
    _folder: TempDir,
}

impl Rig {
    async fn start(strategies: &str) -> Rig {
        Self::start_changed(strategies, |_| ()).await
    }

    async fn start_changed(strategies: &str, change: impl FnOnce(&mut Config)) -> Rig {
        let folder = TempDir::new().expect("a temporary folder");
        let mut config = config(&folder, strategies);
        change(&mut config);
        let clock = Clock::scaled(START, SPEED);
        let log = Logger::root(slog::Discard, o!());
        let gateway = gateway_at(Price(20_000), &config, &clock, &log);
        config.broker.address = gateway.local_addr();
        let system = System::start(Setup::simulated(config, clock, log)).await.expect("it starts");
        let rig = Rig { system, gateway, _folder: folder };
        rig.until("trading is allowed", |view, _| view.trading == Trading::Allowed).await;
        rig
    }

    /// Waits for something to become true of the book and the gateway.
    async fn until(&self, what: &str, is_true: impl Fn(&BooksView, &Truth) -> bool) {
        let begun = Instant::now();
        loop {
            let last = self.system.books().await;
            let truth = self.gateway.truth();
            if last.as_ref().is_some_and(|view| is_true(view, &truth)) {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "not in time: {what}; book {last:?}; health {:?}",
                self.system.health()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn restarts(&self) -> BTreeMap<String, u64> {
        self.system.health().into_iter().map(|a| (a.name.to_string(), a.restarts)).collect()
    }

    /// Makes an actor fail and waits until it has been rebuilt; nobody else may have been.
    async fn fail<C>(&self, child: &Child<Shell<C>>, place: Place)
    where
        C: Hosted,
    {
        let before = self.restarts();
        child.port().send(Fail(place));
        self.rebuilt(child.gauge().name(), &before).await;
    }

    async fn rebuilt(&self, name: &str, before: &BTreeMap<String, u64>) {
        let begun = Instant::now();
        let runs_again = || {
            let now = self.restarts();
            let running = self.system.health().iter().any(|a| *a.name == *name && a.state == ActorState::Running);
            running && now[name] > before[name]
        };
        while !runs_again() {
            assert!(begun.elapsed() < PATIENCE, "{name} was not rebuilt: {:?}", self.system.health());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for (other, restarts) in self.restarts() {
            assert!(other == name || restarts == before[&other], "{other} noticed that {name} failed");
        }
    }

    fn buy(&self, strategy: u16) {
        let price = self.gateway.truth().executions.last().map_or(20_000, |e| e.price.0);
        let bracket = Bracket { stop: Price(price - 2_000), target: Some(Price(price + 2_000)) };
        let intent = Intent::Enter { side: Side::Buy, quantity: 1, kind: OrderKind::Market, bracket };
        let (strategy, symbol, at) = (StrategyId(strategy), SymbolId(0), self.system.shared().clock.now());
        let intent = OrderIntent { strategy, symbol, at, intent, reason: "test".to_owned() };
        self.system.shared().addresses().books.send(Told::unprompted(books::Input::Intent(intent)));
    }

    /// Ends in order and compares what both sides believe, down to each execution.
    async fn end(self) {
        self.until("book and gateway agree", agree).await;
        let view = self.system.wind_down("the test is over").await.expect("the books answer");
        assert_eq!(view.positions, [], "flat at the end");
        let folder = self.system.journal_folder();
        let stopped = self.system.stop("the test is over").await;
        assert_eq!(stopped.stuck, Vec::<String>::new());
        let truth = self.gateway.truth();
        let mut refs: Vec<&str> =
            truth.completed_orders.iter().chain(&truth.open_orders).map(|o| o.order.order_ref.as_str()).collect();
        let orders = refs.len();
        refs.sort_unstable();
        refs.dedup();
        assert_eq!(refs.len(), orders, "no order reached the broker twice");
        let mut at_broker: Vec<&str> = truth.executions.iter().map(|e| e.exec_id.as_str()).collect();
        let entries: Vec<_> =
            crate::journal::dump(&folder).expect("it is there").map(|e| e.expect("whole").1).collect();
        let mut booked: Vec<&str> = entries
            .iter()
            .filter_map(|entry| match &entry.record {
                Record::Fill(fill) => Some(fill.exec_id.as_str()),
                _ => None,
            })
            .collect();
        at_broker.sort_unstable();
        booked.sort_unstable();
        assert_eq!(booked, at_broker, "each execution was booked once");
        self.gateway.stop();
    }
}

fn agree(view: &BooksView, truth: &Truth) -> bool {
    let at_broker: i64 = truth.positions.iter().map(|p| p.quantity).sum();
    let in_book: i64 = view.positions.iter().map(|(_, quantity)| quantity).sum();
    view.trading == Trading::Allowed && at_broker == in_book
}

pub(crate) fn in_system(test: impl Future<Output = ()>) {
    actix::System::new().block_on(test);
}

#[test]
fn books_that_panic_in_any_place_with_an_order_in_flight_neither_lose_nor_double_it() {
    in_system(async {
        let rig = Rig::start(&busy(4)).await;
        for place in Place::ALL {
            // The order is on its way when the books die behind it.
            rig.buy(0);
            rig.fail(rig.system.books_child(), place).await;
            rig.until("book and gateway agree again", agree).await;
        }
        rig.end().await;
    });
}

#[test]
fn a_strategy_that_panics_in_any_place_is_rebuilt_and_trades_on() {
    in_system(async {
        let rig = Rig::start(&busy(3)).await;
        for place in Place::ALL {
            rig.fail(rig.system.strategy_child(1), place).await;
        }
        let fills = rig.gateway.truth().executions.len();
        rig.until("trades go on", |_, truth| truth.executions.len() > fills + 6).await;
        rig.end().await;
    });
}

#[test]
fn bars_and_link_that_panic_in_any_place_are_rebuilt() {
    in_system(async {
        let rig = Rig::start(&busy(2)).await;
        for place in Place::ALL {
            rig.fail(rig.system.bars_child(0), place).await;
        }
        for place in Place::ALL {
            rig.fail(rig.system.link_child(), place).await;
            rig.until("trading is allowed again", |view, _| view.trading == Trading::Allowed).await;
        }
        rig.end().await;
    });
}

#[test]
fn the_brokers_profit_of_the_day_is_compared_with_ours() {
    in_system(async {
        // A millionth apart is a difference: prices of both sides are never that equal while a position is open.
        let tolerance = Some(Money::from_micros(1));
        let rig = Rig::start_changed(&busy(3), |config| config.orders.broker_pnl_tolerance = tolerance).await;
        let folder = rig.system.journal_folder();
        let told = |event: &str| {
            let entries = crate::journal::dump(&folder).expect("it is there").filter_map(Result::ok);
            let found =
                entries.filter(|(_, entry)| matches!(&entry.record, Record::System { event: e, .. } if e == event));
            found.count() > 0
        };
        rig.until("the two part", |_, _| told("pnl.differs")).await;
        rig.until("the two meet", |_, _| told("pnl.agrees")).await;
        rig.end().await;
    });
}

#[test]
fn a_broker_actor_that_panics_connects_again_and_reconciles_before_it_trades() {
    in_system(async {
        let rig = Rig::start(&busy(3)).await;
        rig.until("there are fills", |_, truth| truth.executions.len() > 4).await;
        for _ in 0..3 {
            let before = rig.restarts();
            rig.buy(0);
            rig.system.broker_child().port().send(Fail(Place::Handler));
            rig.rebuilt("broker", &before).await;
            rig.until("book and gateway agree again", agree).await;
        }
        rig.end().await;
    });
}
