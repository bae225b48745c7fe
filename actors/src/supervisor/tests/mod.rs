//! Supervision under fault: actors that panic, stop, block and wait on demand, and what was told about them.

mod containment;
mod dummy;
mod hang;
mod lifecycle;
mod ports;
mod restarts;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::config::ActorConfig;
use engine::supervision::OnGiveUp;
use tokio::sync::watch;

use super::*;
use dummy::Dummy;

/// Far beyond what any step takes; a test that waits this long has failed.
const DEADLINE: Duration = Duration::from_secs(30);

fn on_system(test: impl Future<Output = ()>) {
    actix::System::new().block_on(test);
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Everything that was told, to look at and to wait for.
#[derive(Clone)]
struct Witness {
    events: Arc<Mutex<Vec<SupervisionEvent>>>,
    gave_up: Arc<Mutex<Vec<GaveUp>>>,
    told: Arc<watch::Sender<()>>,
}

impl Witness {
    fn new() -> Self {
        Self { events: Arc::default(), gave_up: Arc::default(), told: Arc::new(watch::Sender::new(())) }
    }

    fn reporter(&self) -> Reporter {
        let (sink, callback) = (self.clone(), self.clone());
        Reporter::new(
            Arc::new(move |event| {
                sink.events.lock().unwrap().push(event);
                sink.told.send_replace(());
            }),
            Arc::new(move |gave_up| {
                callback.gave_up.lock().unwrap().push(gave_up);
                callback.told.send_replace(());
            }),
        )
    }

    fn of(&self, actor: &str) -> Vec<SupervisionEvent> {
        self.events.lock().unwrap().iter().filter(|event| &*event.actor == actor).cloned().collect()
    }

    /// The names of what was told about `actor`, without the health reports.
    fn names(&self, actor: &str) -> Vec<&'static str> {
        self.of(actor).iter().map(SupervisionEvent::name).filter(|&name| name != "actor.health").collect()
    }

    fn gave_up(&self) -> Vec<GaveUp> {
        self.gave_up.lock().unwrap().clone()
    }

    /// Waits for the `n`-th event `name` of `actor`.
    async fn until(&self, actor: &str, name: &str, n: usize) -> SupervisionEvent {
        self.until_some(|| self.of(actor).into_iter().filter(|event| event.name() == name).nth(n - 1)).await
    }

    async fn until_some<T>(&self, find: impl Fn() -> Option<T>) -> T {
        let mut told = self.told.subscribe();
        let search = async {
            loop {
                if let Some(found) = find() {
                    return found;
                }
                told.changed().await.expect("the sender lives in the witness");
            }
        };
        let found = tokio::time::timeout(DEADLINE, search).await;
        found.unwrap_or_else(|_| panic!("not told in time; told: {:#?}", self.events.lock().unwrap()))
    }
}

/// A supervisor with dummies.
struct Desk {
    boss: Supervisor,
    witness: Witness,
}

impl Desk {
    fn new() -> Self {
        Self::pinging(ms(20), Duration::from_secs(3_600))
    }

    fn pinging(ping_every: Duration, report_every: Duration) -> Self {
        let witness = Witness::new();
        let config = SupervisorConfig { ping_every, report_every };
        Self { boss: Supervisor::new(config, witness.reporter()).unwrap(), witness }
    }

    fn add(&mut self, spec: ChildSpec) -> Dummy {
        Dummy::add(&mut self.boss, spec)
    }

    async fn start(&mut self) {
        tokio::time::timeout(DEADLINE, self.boss.start()).await.expect("started in time").expect("started");
    }
}

/// A permanent actor on the thread `core` with short times.
fn spec(name: &str) -> ChildSpec {
    ChildSpec {
        name: name.into(),
        kind: "dummy".into(),
        config: ActorConfig {
            thread: "core".into(),
            mailbox_capacity: 1_000,
            restarts_max: 5,
            restart_period: Duration::from_secs(60),
            backoff_min: ms(5),
            backoff_max: ms(50),
            hang_after: Duration::from_secs(60),
            stop_within: Duration::from_secs(20),
        },
        restart: Restart::Permanent,
        group: None,
        order: 0,
        on_give_up: OnGiveUp::DisableAndGoOn,
    }
}

/// `spec(name)` with changes.
fn spec_with(name: &str, change: impl FnOnce(&mut ChildSpec)) -> ChildSpec {
    let mut spec = spec(name);
    change(&mut spec);
    spec
}
