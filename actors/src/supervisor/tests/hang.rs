//! Actors that do not panic and do not answer either.

use super::dummy::{Add, Do};
use super::*;

/// Long enough that a busy machine does not look like a hang.
const HANG: Duration = Duration::from_millis(250);

fn watched(name: &str, thread: &str) -> ChildSpec {
    spec_with(name, |spec| {
        spec.config.hang_after = HANG;
        spec.config.thread = thread.into();
    })
}

fn hang_of(event: SupervisionEvent) -> Hang {
    let What::Hung { hang, age } = event.what else { panic!("{event:?}") };
    assert!(age >= HANG, "{age:?}");
    hang
}

#[test]
fn a_blocked_handler_is_told_once_with_who_holds_the_thread() {
    on_system(async {
        let mut desk = Desk::pinging(ms(10), Duration::from_secs(3_600));
        let victim = desk.add(watched("victim", "core"));
        let neighbour = desk.add(watched("neighbour", "core"));
        let elsewhere = desk.add(watched("elsewhere", "other"));
        desk.start().await;
        let release = victim.block().await;
        assert_eq!(hang_of(desk.witness.until("victim", "actor.hung", 1).await), Hang::InHandler);
        let busy_in = Some("victim".into());
        assert_eq!(hang_of(desk.witness.until("neighbour", "actor.hung", 1).await), Hang::Thread { busy_in });
        neighbour.add.send(Add(1));
        release.send(()).unwrap();
        desk.witness.until("victim", "actor.recovered", 1).await;
        desk.witness.until("neighbour", "actor.recovered", 1).await;
        assert_eq!(neighbour.read().await, (vec![1], 0));
        for name in ["victim", "neighbour"] {
            assert_eq!(desk.witness.names(name), ["actor.started", "actor.hung", "actor.recovered"]);
        }
        assert_eq!(desk.witness.names("elsewhere"), ["actor.started"]);
        assert_eq!(elsewhere.gauge().restarts(), 0);
        desk.boss.stop().await;
    });
}

#[test]
fn an_actor_that_waits_and_takes_no_messages_is_told() {
    on_system(async {
        let mut desk = Desk::pinging(ms(10), Duration::from_secs(3_600));
        let victim = desk.add(watched("victim", "core"));
        let neighbour = desk.add(watched("neighbour", "core"));
        desk.start().await;
        let (release, held) = tokio::sync::oneshot::channel();
        victim.order.send(Do::WaitFor(held));
        assert_eq!(hang_of(desk.witness.until("victim", "actor.hung", 1).await), Hang::Waiting);
        release.send(()).unwrap();
        desk.witness.until("victim", "actor.recovered", 1).await;
        assert_eq!(desk.witness.names("neighbour"), ["actor.started"]);
        assert_eq!(neighbour.gauge().restarts(), 0);
        desk.boss.stop().await;
    });
}

#[test]
fn an_idle_actor_and_one_that_backs_off_do_answer() {
    on_system(async {
        let mut desk = Desk::pinging(ms(5), ms(20));
        desk.add(watched("idle", "core"));
        let failing = desk.add(spec_with("failing", |spec| {
            spec.config.hang_after = HANG;
            (spec.config.backoff_min, spec.config.backoff_max) = (3 * HANG, 3 * HANG);
        }));
        desk.start().await;
        failing.order.send(Do::PanicInHandler);
        desk.witness.until("failing", "actor.restarted", 1).await;
        assert_eq!(desk.witness.names("idle"), ["actor.started"]);
        assert_eq!(desk.witness.names("failing"), ["actor.started", "actor.failed", "actor.restarted"]);
        desk.boss.stop().await;
    });
}

#[test]
fn health_says_depth_heartbeat_and_busy_share() {
    on_system(async {
        let mut desk = Desk::pinging(ms(10), ms(20));
        let victim = desk.add(spec("victim"));
        desk.start().await;
        let release = victim.block().await;
        (0..5).for_each(|i| victim.add.send(Add(i)));
        let health_where = |wanted: fn(&ActorHealth) -> bool| {
            let witness = desk.witness.clone();
            async move {
                let find = |event: SupervisionEvent| match event.what {
                    What::Health(health) if wanted(&health) => Some(health),
                    _ => None,
                };
                witness.until_some(|| witness.of("victim").into_iter().find_map(find)).await
            }
        };
        // Blocked: five messages and the one in its handler are not accounted for, and the heartbeat grows old.
        let stuck = health_where(|health| health.queued == 6 && health.heartbeat_age > ms(50)).await;
        assert_eq!((stuck.queued_max, stuck.capacity, stuck.state), (6, 1_000, ActorState::Running));
        release.send(()).unwrap();
        let freed = health_where(|health| health.queued == 0 && health.handled == 6).await;
        assert!(freed.busy > ms(50), "{freed:?}");
        let busy = health_where(|health| health.busy_share > Some(0.5)).await;
        assert!(busy.busy_share <= Some(1.0), "{busy:?}");
        desk.boss.stop().await;
    });
}
