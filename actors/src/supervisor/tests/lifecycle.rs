//! Starting in order, stopping in reverse, each within its deadline.

use super::dummy::{Add, Do};
use super::*;

fn ranked(name: &str, order: u32, thread: &str) -> ChildSpec {
    spec_with(name, |spec| {
        spec.order = order;
        spec.config.thread = thread.into();
    })
}

fn sequence(witness: &Witness, name: &str) -> Vec<String> {
    let events = witness.events.lock().unwrap();
    events.iter().filter(|event| event.name() == name).map(|event| event.actor.to_string()).collect()
}

fn how_stopped(event: SupervisionEvent) -> HowStopped {
    let What::Stopped { how, .. } = event.what else { panic!("{event:?}") };
    how
}

#[test]
fn actors_start_in_order_and_stop_in_reverse_with_their_mail_handled() {
    on_system(async {
        let mut desk = Desk::new();
        let strategy = desk.add(ranked("strategy", 3, "core"));
        let journal = desk.add(ranked("journal", 1, "storage"));
        desk.add(ranked("broker", 2, "core"));
        strategy.add.send(Add(0));
        desk.start().await;
        assert_eq!(sequence(&desk.witness, "actor.started"), ["journal", "broker", "strategy"]);
        (1..=1_000).for_each(|i| strategy.add.send(Add(i)));
        let witness = desk.witness.clone();
        assert_eq!(desk.boss.stop().await, Vec::<String>::new());
        assert_eq!(sequence(&witness, "actor.stopped"), ["strategy", "broker", "journal"]);
        for name in ["journal", "broker", "strategy"] {
            let stopped = witness.until(name, "actor.stopped", 1).await;
            assert!(stopped.to_string().contains("up to 0 queued messages lost"), "{stopped}");
            assert_eq!(how_stopped(stopped), HowStopped::InOrder);
        }
        assert_eq!(strategy.journal(), (0..=1_000).collect::<Vec<_>>());
        journal.add.send(Add(1));
        assert_eq!((journal.gauge().closed(), journal.gauge().state()), (1, ActorState::Stopped));
    });
}

#[test]
fn an_actor_added_later_starts_alone() {
    on_system(async {
        let mut desk = Desk::new();
        desk.add(spec("first"));
        desk.start().await;
        desk.add(spec("second"));
        desk.start().await;
        assert!(matches!(
            desk.boss.add::<dummy::Core, _>(spec("first"), |_| unreachable!()),
            Err(StartError::Duplicate(_))
        ));
        assert_eq!(sequence(&desk.witness, "actor.started"), ["first", "second"]);
        assert!(desk.boss.stop_one("first").await);
        assert_eq!(desk.witness.names("first"), ["actor.started", "actor.stopped"]);
        assert!(!desk.boss.stop_one("nobody").await);
        desk.boss.stop().await;
    });
}

#[test]
fn a_deadline_overrun_is_told_and_the_others_stop_all_the_same() {
    on_system(async {
        let mut desk = Desk::new();
        desk.add(ranked("journal", 1, "core"));
        let slow = desk.add(spec_with("slow", |spec| (spec.order, spec.config.stop_within) = (2, ms(50))));
        desk.start().await;
        let (_never, when) = tokio::sync::oneshot::channel();
        slow.order.send(Do::StopSlowly(when));
        let witness = desk.witness.clone();
        assert_eq!(desk.boss.stop().await, Vec::<String>::new(), "its thread was free, so it ended");
        assert_eq!(how_stopped(witness.until("slow", "actor.stopped", 1).await), HowStopped::Overrun);
        assert_eq!(how_stopped(witness.until("journal", "actor.stopped", 1).await), HowStopped::InOrder);
    });
}

#[test]
fn a_stop_that_takes_its_time_within_the_deadline_is_in_order() {
    on_system(async {
        let mut desk = Desk::new();
        let slow = desk.add(spec("slow"));
        desk.start().await;
        let (finish, when) = tokio::sync::oneshot::channel();
        slow.order.send(Do::StopSlowly(when));
        slow.settle().await;
        let witness = desk.witness.clone();
        let stopping = actix_rt::spawn(desk.boss.stop());
        actix_rt::spawn(async move { finish.send(()).unwrap() });
        assert_eq!(stopping.await.unwrap(), Vec::<String>::new());
        assert_eq!(how_stopped(witness.until("slow", "actor.stopped", 1).await), HowStopped::InOrder);
    });
}

#[test]
fn a_stuck_thread_is_left_behind_and_named() {
    on_system(async {
        let mut desk = Desk::new();
        desk.add(ranked("journal", 1, "storage"));
        let stuck = desk.add(spec_with("stuck", |spec| (spec.order, spec.config.stop_within) = (2, ms(50))));
        desk.start().await;
        let release = stuck.block().await;
        let witness = desk.witness.clone();
        assert_eq!(desk.boss.stop().await, ["stuck"]);
        assert_eq!(witness.names("journal"), ["actor.started", "actor.stopped"]);
        release.send(()).unwrap();
        assert_eq!(how_stopped(witness.until("stuck", "actor.stopped", 1).await), HowStopped::Overrun);
    });
}

#[test]
fn stopping_hurries_a_rebuild_so_that_queued_mail_is_handled() {
    on_system(async {
        let mut desk = Desk::new();
        let victim = desk.add(spec_with("victim", |spec| {
            (spec.config.backoff_min, spec.config.backoff_max) = (ms(5), Duration::from_secs(3_600));
            spec.config.restarts_max = 100;
        }));
        desk.start().await;
        // One back-off after the other doubles until it would be minutes.
        (0..20).for_each(|_| victim.order.send(Do::PanicInHandler));
        let witness = desk.witness.clone();
        let long_wait = || {
            let waits = |event: &SupervisionEvent| matches!(event.what, What::Failed { restart_after: Some(wait), .. } if wait > ms(300));
            witness.of("victim").into_iter().find(waits)
        };
        witness.until_some(long_wait).await;
        victim.add.send(Add(1));
        assert_eq!(desk.boss.stop().await, Vec::<String>::new());
        assert_eq!(victim.journal(), [1]);
        assert_eq!(how_stopped(witness.until("victim", "actor.stopped", 1).await), HowStopped::InOrder);
    });
}

#[test]
fn an_arbiter_that_goes_away_is_told() {
    on_system(async {
        let mut desk = Desk::new();
        let arbiter = actix_rt::Arbiter::new();
        desk.boss.use_arbiter("core", arbiter.handle());
        let victim = desk.add(spec("victim"));
        desk.start().await;
        arbiter.stop();
        let stopped = desk.witness.until("victim", "actor.stopped", 1).await;
        assert_eq!(how_stopped(stopped), HowStopped::ThreadGone);
        assert_eq!(victim.gauge().state(), ActorState::Stopped);
        arbiter.join().unwrap();
        // A later actor on the dead thread does not start, and the start does not wait for it for ever.
        desk.add(spec("late"));
        desk.start().await;
        assert_eq!(how_stopped(desk.witness.until("late", "actor.stopped", 1).await), HowStopped::ThreadGone);
        desk.boss.stop().await;
    });
}
