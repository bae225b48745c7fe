//! A panic ends in the actor where it happened, and the actor is rebuilt in place.

use std::sync::atomic::Ordering::SeqCst;

use actix::{Actor, Context, Handler, Running, Supervised};

use super::dummy::{Add, BOOM_LINE, Do, boom};
use super::*;

/// The trading day of a victim and its neighbour on the same thread: 1, the fault, 2, 3; rebuilt `rebuilds` times; 4.
async fn check_contained(place: &str, rebuilds: u64, arm: impl FnOnce(&Dummy), fault: Option<Do>) {
    let mut desk = Desk::new();
    let victim = desk.add(spec("victim"));
    let neighbour = desk.add(spec("neighbour"));
    arm(&victim);
    desk.start().await;
    neighbour.add.send(Add(1));
    neighbour.settle().await;

    victim.add.send(Add(1));
    if let Some(fault) = fault {
        victim.order.send(fault);
    }
    victim.add.send(Add(2));
    victim.add.send(Add(3));
    if rebuilds > 0 {
        // An actor that fails before it ever ran is told as restarted once, with the last cause.
        let failed = desk.witness.until("victim", "actor.failed", rebuilds as usize).await;
        let What::Failed { cause, attempt, .. } = failed.what else { panic!("{failed:?}") };
        assert_eq!(u64::from(attempt), rebuilds);
        let panic = cause.panic().expect("it panicked");
        assert_eq!((panic.message.as_str(), panic.line), (format!("boom in {place}").as_str(), BOOM_LINE));
        assert!(panic.file.ends_with("dummy.rs"), "{}", panic.file);
        let restarted = desk.witness.until("victim", "actor.restarted", 1).await;
        assert!(restarted.to_string().contains(&format!("boom in {place}")), "{restarted}");
        assert!(restarted.to_string().contains(&format!("dummy.rs:{BOOM_LINE}")), "{restarted}");
    }
    victim.add.send(Add(4));

    let (memory, _) = victim.read().await;
    assert_eq!(memory, [1, 2, 3, 4], "{place}: the rebuilt memory is the journal and what was queued, in order");
    assert_eq!(victim.journal(), [1, 2, 3, 4], "{place}: every message was handled once");
    assert_eq!(victim.gauge().restarts(), rebuilds, "{place}");
    assert_eq!(victim.gauge().state(), ActorState::Running);

    neighbour.add.send(Add(2));
    assert_eq!(neighbour.read().await, (vec![1, 2], 0), "{place}: the neighbour kept its memory");
    assert_eq!(neighbour.gauge().restarts(), 0);
    assert_eq!(desk.witness.names("neighbour"), ["actor.started"]);
    assert_eq!(desk.boss.stop().await, Vec::<String>::new());
}

#[test]
fn without_a_fault_nothing_is_told() {
    on_system(check_contained("nothing", 0, |_| (), None));
}

#[test]
fn a_panic_in_a_handler_is_contained() {
    on_system(check_contained("handler", 1, |_| (), Some(Do::PanicInHandler)));
}

#[test]
fn a_panic_in_a_timer_is_contained() {
    on_system(check_contained("timer", 1, |_| (), Some(Do::PanicInTimer)));
}

#[test]
fn a_panic_in_a_stream_is_contained() {
    on_system(check_contained("stream", 1, |_| (), Some(Do::PanicInStream)));
}

#[test]
fn a_panic_in_a_spawned_future_is_contained() {
    on_system(check_contained("spawned", 1, |_| (), Some(Do::PanicInSpawned)));
}

#[test]
fn a_panic_in_a_waited_future_is_contained() {
    on_system(check_contained("waited", 1, |_| (), Some(Do::PanicInWaited)));
}

#[test]
fn a_panic_in_started_is_contained() {
    on_system(check_contained("started", 2, |victim| victim.outside.panics_in_started.store(2, SeqCst), None));
}

#[test]
fn a_panic_in_restarting_is_another_failure() {
    let arm = |victim: &Dummy| victim.outside.panics_in_restarting.store(2, SeqCst);
    on_system(check_contained("restarting", 3, arm, Some(Do::PanicInHandler)));
}

#[test]
fn messages_sent_during_the_back_off_are_handled_in_order() {
    on_system(async {
        let mut desk = Desk::new();
        let victim = desk.add(spec_with("victim", |spec| spec.config.backoff_min = ms(50)));
        desk.start().await;
        victim.order.send(Do::PanicInHandler);
        desk.witness.until("victim", "actor.failed", 1).await;
        (0..100).for_each(|i| victim.add.send(Add(i)));
        assert_eq!(victim.gauge().state(), ActorState::BackingOff);
        assert!(victim.journal().is_empty(), "it is not rebuilt yet");
        desk.witness.until("victim", "actor.restarted", 1).await;
        victim.settle().await;
        assert_eq!(victim.journal(), (0..100).collect::<Vec<_>>());
        desk.boss.stop().await;
    });
}

/// actix keeps the handles that a failed life wanted to cancel, and numbers the next life's futures from 1 again.
#[test]
fn a_timer_cancelled_before_a_panic_does_not_cancel_one_of_the_next_life() {
    on_system(async {
        let mut desk = Desk::new();
        let victim = desk.add(spec("victim"));
        victim.order.send(Do::CancelAndPanic);
        desk.start().await;
        desk.witness.until("victim", "actor.restarted", 1).await;
        let fired = async {
            while victim.outside.timers_fired.load(SeqCst) == 0 {
                tokio::time::sleep(ms(1)).await;
            }
        };
        tokio::time::timeout(DEADLINE, fired).await.expect("the timer of the second life fires");
        desk.boss.stop().await;
    });
}

#[test]
fn a_panic_in_the_event_sink_takes_no_actor_down() {
    on_system(async {
        let silent =
            Reporter::new(Arc::new(|_| panic!("the sink is broken (expected in this test)")), Arc::new(|_| ()));
        let mut boss = Supervisor::new(SupervisorConfig { ping_every: ms(5), report_every: ms(5) }, silent).unwrap();
        let victim = Dummy::add(&mut boss, spec("victim"));
        boss.start().await.unwrap();
        victim.order.send(Do::PanicInHandler);
        victim.add.send(Add(1));
        assert_eq!(victim.read().await, (vec![1], 1));
        assert_eq!(boss.stop().await, Vec::<String>::new());
    });
}

/// Panics in whatever actix calls on the way out, and once more when it is dropped.
struct Spiteful;

impl Actor for Spiteful {
    type Context = Context<Self>;

    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        boom("stopping")
    }
}

impl Supervised for Spiteful {}

impl Handler<Add> for Spiteful {
    type Result = ();

    fn handle(&mut self, _: Add, _: &mut Self::Context) {
        boom("handler");
    }
}

impl Handler<Stop> for Spiteful {
    type Result = ();

    fn handle(&mut self, _: Stop, _: &mut Self::Context) {}
}

impl Drop for Spiteful {
    fn drop(&mut self) {
        boom("drop");
    }
}

/// A panic in `stopping` while actix drops the actor, and then one in its destructor, would abort the process.
#[test]
fn a_given_up_actor_is_dropped_without_being_asked_again() {
    on_system(async {
        let mut desk = Desk::new();
        let never_rebuilt = spec_with("spiteful", |spec| spec.config.restarts_max = 0);
        let spiteful = desk.boss.add(never_rebuilt, |_| Spiteful).unwrap();
        let neighbour = desk.add(spec("neighbour"));
        desk.start().await;
        spiteful.port().send(Add(1));
        let given_up = desk.witness.until("spiteful", "actor.given_up", 1).await;
        assert!(given_up.to_string().contains("boom in handler"), "{given_up}");
        neighbour.add.send(Add(1));
        assert_eq!(neighbour.read().await, (vec![1], 0));
        desk.boss.stop().await;
    });
}

#[test]
fn a_panic_while_stopping_ends_the_actor_and_is_told() {
    on_system(async {
        let mut desk = Desk::new();
        desk.boss.add(spec("spiteful"), |_| Spiteful).unwrap();
        desk.start().await;
        let witness = desk.witness.clone();
        assert_eq!(desk.boss.stop().await, Vec::<String>::new());
        assert_eq!(witness.names("spiteful"), ["actor.started", "actor.failed", "actor.stopped"]);
        let stopped = witness.until("spiteful", "actor.stopped", 1).await;
        assert!(matches!(stopped.what, What::Stopped { how: HowStopped::Failed, .. }), "{stopped:?}");
    });
}
