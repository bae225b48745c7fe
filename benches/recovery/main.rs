//! How fast Pitboss reacts, in market time that runs with the wall: from the loss of the link to the pause, from the path's
//! return to reconciled with fifty open orders, from the kill command to every cancel at the gateway, from the last
//! tick to the alarm. The whole system in this process, the simulated gateway on a thread of its own, loopback TCP.
//!
//! `cargo bench --bench recovery`, or with `-- --quick` fewer rounds. A table, and one JSON line a figure.

#[path = "../common/mod.rs"]
mod common;

mod system;

use std::time::{Duration, Instant};

use engine::books::{self, Command, Operator};
use engine::journal::Record;
use engine::time::Timestamp;
use engine::trade::Trading;
use gateway::{Direction, Fault};
use serde_json::json;
use system::Desk;

/// Orders of another program that rest at the broker while the book is compared.
const OPEN_ORDERS: usize = 50;
/// Strategies whose entries wait at the gateway when the kill command comes.
const ENTRIES: usize = 8;

/// Some seconds of the market.
const TICKS_OF_A_LIVE_FEED: u64 = 200;

/// One figure: what was found in each round, and what it may be.
struct Figure {
    name: &'static str,
    limit: Duration,
    found: Vec<f64>,
}

impl Figure {
    fn new(name: &'static str, limit: Duration) -> Self {
        Self { name, limit, found: Vec::new() }
    }

    fn add(&mut self, took: Duration) {
        self.found.push(took.as_secs_f64() * 1e3);
    }

    fn tell(&mut self) {
        self.found.sort_by(f64::total_cmp);
        let [p50, most] = [0.5, 1.0].map(|q| common::quantile(&self.found, q).expect("there are rounds"));
        let limit = self.limit.as_secs_f64() * 1e3;
        let (name, rounds) = (self.name, self.found.len());
        let verdict = if most <= limit { "ok" } else { "TOO SLOW" };
        println!("{name:<62} {rounds:>6} {p50:>10.2} {most:>10.2} {limit:>9.0}  {verdict}");
        let line = json!({"bench": "recovery", "figure": name, "rounds": rounds, "p50_ms": p50, "max_ms": most,
            "limit_ms": limit, "met": most <= limit});
        println!("{line}");
    }
}

fn main() {
    if !common::is_bench() {
        return println!("run it with `cargo bench --bench recovery`");
    }
    let rounds = if common::has_flag("--quick") { 3 } else { 20 };
    common::print_machine();
    println!("\n{:<62} {:>6} {:>10} {:>10} {:>9}", "milliseconds", "rounds", "p50", "max", "limit");
    let ms = Duration::from_millis;
    let mut figures = [
        Figure::new("socket closed to trading paused", ms(100)),
        Figure::new("1100 to trading paused", ms(100)),
        Figure::new("1102 to reconciled, 50 open orders", ms(15_000)),
        Figure::new("port open to reconciled, 50 open orders", ms(15_000)),
        Figure::new("kill command to every cancel read by the gateway", ms(100)),
        Figure::new("ticks silent beyond `silent_after_ms` to the alarm", ms(5_000)),
    ];
    let [closed, lost, restored, reopened, kill, alarm] = &mut figures;
    system::with(1, |desk| async move {
        desk.rest_orders(OPEN_ORDERS);
        for _ in 0..rounds {
            closed_and_reopened(&desk, closed, reopened).await;
            lost_and_restored(&desk, lost, restored).await;
        }
        for _ in 0..rounds.min(3) {
            silence(&desk, alarm).await;
        }
        desk
    });
    for _ in 0..rounds {
        system::with(ENTRIES, |desk| async {
            let took = killed(&desk).await;
            kill.add(took);
            desk
        });
    }
    figures.iter_mut().for_each(Figure::tell);
}

async fn closed_and_reopened(desk: &Desk, closed: &mut Figure, reopened: &mut Figure) {
    desk.allowed_since(Timestamp::MIN).await;
    let from = desk.now();
    desk.begin(Fault::new("gateway-restart").lasting(Duration::from_secs(1)));
    closed.add(desk.when(from, |record| is(record, Trading::Paused)).await.since(from));
    let open = desk.ended("gateway-restart", from).await;
    reopened.add(desk.when(open, |record| is(record, Trading::Allowed)).await.since(open));
}

async fn lost_and_restored(desk: &Desk, lost: &mut Figure, restored: &mut Figure) {
    let from = desk.now();
    desk.begin(Fault::new("connectivity-lost"));
    lost.add(desk.when(from, |record| is(record, Trading::Paused)).await.since(from));
    let from = desk.now();
    desk.begin(Fault::new("restored-data-maintained"));
    restored.add(desk.when(from, |record| is(record, Trading::Allowed)).await.since(from));
}

async fn silence(desk: &Desk, alarm: &mut Figure) {
    // Only a feed that lives can fall silent.
    desk.ticks(TICKS_OF_A_LIVE_FEED).await;
    let from = desk.now();
    desk.begin(Fault::new("silent-data").lasting(desk.silent_after() + Duration::from_secs(8)));
    let silent = |record: &Record| matches!(record, Record::System { event, .. } if event == "feed.silent");
    let told = desk.when(from, silent).await;
    alarm.add(told.since(from).saturating_sub(desk.silent_after()));
    desk.ended("silent-data", from).await;
    let fresh = |record: &Record| matches!(record, Record::System { event, .. } if event == "feed.fresh");
    desk.when(told, fresh).await;
}

/// Every strategy's entry has reached a gateway that takes its time with orders; then somebody kills.
async fn killed(desk: &Desk) -> Duration {
    desk.begin(Fault::new("slow-orders").with("by", "120s").lasting(Duration::from_secs(600)));
    desk.read("placeOrder", ENTRIES, |order| order["order"]["parent_id"].as_i64().unwrap_or(0) == 0).await;
    let began = Instant::now();
    let why = "the bench says so".to_owned();
    let operator = Operator { command: Command::Kill { flatten: true }, who: "bench".to_owned(), why };
    desk.tell(books::Input::Operator(operator));
    desk.read("cancelOrder", ENTRIES, |_| true).await;
    began.elapsed()
}

fn is(record: &Record, wanted: Trading) -> bool {
    matches!(record, Record::Trading { trading, .. } if *trading == wanted)
}

impl Desk {
    /// Resolves when so many messages of a kind have been read by the gateway.
    async fn read(&self, message: &str, count: usize, counts: impl Fn(&serde_json::Value) -> bool) {
        let mut seen = 0;
        let mut next = 0;
        self.until(message, || {
            for entry in self.gateway().transcript(next, Some(1)) {
                next = entry.seq + 1;
                let is_read = entry.direction == Direction::In && entry.message == message;
                seen += usize::from(is_read && counts(&entry.fields));
            }
            (seen >= count).then_some(())
        })
        .await;
    }
}
