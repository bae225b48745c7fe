//! How often, how fast, who with, and when not.

use super::dummy::{Add, Do, Outside};
use super::*;

fn backoffs(witness: &Witness, actor: &str) -> Vec<Option<Duration>> {
    let of_failures = |event: SupervisionEvent| match event.what {
        What::Failed { restart_after, .. } => Some(restart_after),
        _ => None,
    };
    witness.of(actor).into_iter().filter_map(of_failures).collect()
}

#[test]
fn too_many_restarts_give_up_and_close_the_mailbox() {
    on_system(async {
        let mut desk = Desk::new();
        let victim = desk.add(spec_with("journal", |spec| {
            spec.config.restarts_max = 2;
            spec.on_give_up = OnGiveUp::HaltTrading;
        }));
        let neighbour = desk.add(spec("neighbour"));
        desk.start().await;
        (0..3).for_each(|_| victim.order.send(Do::PanicInHandler));
        victim.add.send(Add(1));
        let gave_up = desk.witness.until_some(|| desk.witness.gave_up().pop()).await;
        assert_eq!((&*gave_up.actor, gave_up.on_give_up), ("journal", OnGiveUp::HaltTrading));
        assert!(gave_up.cause.to_string().contains("boom in handler"), "{}", gave_up.cause);
        assert_eq!(desk.witness.gave_up().len(), 1);
        assert_eq!(victim.gauge().state(), ActorState::GivenUp);
        let names = desk.witness.names("journal");
        let failures = names.iter().filter(|&&name| name == "actor.failed").count();
        assert_eq!((failures, names.last()), (3, Some(&"actor.given_up")));

        victim.add.send(Add(2));
        assert!(victim.add.offer(Add(3)).is_err());
        assert_eq!(victim.gauge().closed(), 2);
        desk.witness.until("journal", "mailbox.closed", 1).await;
        assert_eq!((victim.journal(), victim.gauge().queued()), (vec![], 0));
        assert_eq!(neighbour.gauge().restarts(), 0);
        desk.boss.stop().await;
    });
}

#[test]
fn the_back_off_doubles_and_is_kept() {
    on_system(async {
        let mut desk = Desk::new();
        let victim = desk.add(spec_with("victim", |spec| {
            (spec.config.backoff_min, spec.config.backoff_max) = (ms(10), ms(40));
        }));
        desk.start().await;
        for n in 1..=4 {
            victim.order.send(Do::PanicInHandler);
            let restarted = desk.witness.until("victim", "actor.restarted", n).await;
            let What::Restarted { took, attempt, .. } = restarted.what else { panic!("{restarted:?}") };
            assert_eq!(attempt as usize, n);
            assert!(took >= ms(10 << (n - 1).min(2)), "restart {n} took {took:?}");
        }
        let waits: Vec<_> = backoffs(&desk.witness, "victim");
        assert_eq!(waits, [10, 20, 40, 40].map(|wait| Some(ms(wait))));
        desk.boss.stop().await;
    });
}

#[test]
fn a_permanent_actor_that_stops_itself_is_rebuilt() {
    on_system(async {
        let mut desk = Desk::new();
        let victim = desk.add(spec("victim"));
        desk.start().await;
        victim.order.send(Do::StopYourself);
        victim.add.send(Add(1));
        let restarted = desk.witness.until("victim", "actor.restarted", 1).await;
        assert!(matches!(restarted.what, What::Restarted { cause: Failure::StoppedItself, .. }), "{restarted:?}");
        assert_eq!(victim.read().await, (vec![1], 1));
        desk.boss.stop().await;
    });
}

#[test]
fn a_transient_actor_may_stop_itself_and_is_rebuilt_after_a_panic() {
    on_system(async {
        let mut desk = Desk::new();
        let victim = desk.add(spec_with("victim", |spec| spec.restart = Restart::Transient));
        desk.start().await;
        victim.order.send(Do::PanicInHandler);
        desk.witness.until("victim", "actor.restarted", 1).await;
        victim.order.send(Do::StopYourself);
        let stopped = desk.witness.until("victim", "actor.stopped", 1).await;
        assert!(matches!(stopped.what, What::Stopped { how: HowStopped::ByItself, .. }), "{stopped:?}");
        assert!(desk.witness.gave_up().is_empty());
        desk.boss.stop().await;
    });
}

#[test]
fn a_temporary_actor_is_never_rebuilt() {
    on_system(async {
        let mut desk = Desk::new();
        let temporary = |spec: &mut ChildSpec| spec.restart = Restart::Temporary;
        let (panics, stops) = (desk.add(spec_with("panics", temporary)), desk.add(spec_with("stops", temporary)));
        desk.start().await;
        panics.order.send(Do::PanicInHandler);
        stops.order.send(Do::StopYourself);
        desk.witness.until("panics", "actor.given_up", 1).await;
        let stopped = desk.witness.until("stops", "actor.stopped", 1).await;
        assert!(matches!(stopped.what, What::Stopped { how: HowStopped::ByItself, .. }), "{stopped:?}");
        assert_eq!((panics.gauge().restarts(), stops.gauge().restarts()), (0, 0));
        desk.boss.stop().await;
    });
}

#[test]
fn a_constructor_that_panics_is_given_up_and_stops_the_start() {
    on_system(async {
        let mut desk = Desk::new();
        let halting = spec_with("books", |spec| spec.on_give_up = OnGiveUp::HaltTrading);
        let child = desk.boss.add::<dummy::Core, _>(halting, |_| dummy::boom("constructor")).unwrap();
        let error = desk.boss.start().await.expect_err("nothing may trade without it");
        assert!(matches!(&error, StartError::GivenUp { actor } if actor == "books"), "{error}");
        assert!(!child.addr().connected());
        let gave_up = desk.witness.gave_up();
        assert!(matches!(&gave_up[..], [GaveUp { cause: Failure::NotBuilt(_), .. }]), "{gave_up:?}");
        desk.boss.stop().await;
    });
}

fn book(name: &str, thread: &str) -> ChildSpec {
    spec_with(name, |spec| {
        spec.group = Some("books".into());
        spec.config.thread = thread.into();
        spec.config.restarts_max = 1;
        spec.on_give_up = OnGiveUp::HaltTrading;
    })
}

#[test]
fn a_group_is_rebuilt_together_and_given_up_together() {
    on_system(async {
        let mut desk = Desk::new();
        let names = ["risk", "orders", "portfolio"];
        let books = [("risk", "core"), ("orders", "core"), ("portfolio", "other")].map(|(n, t)| desk.add(book(n, t)));
        let outsider = desk.add(spec("outsider"));
        desk.start().await;
        books[1].order.send(Do::PanicInHandler);
        books.iter().for_each(|book| book.add.send(Add(7)));
        for name in names {
            let restarted = desk.witness.until(name, "actor.restarted", 1).await;
            let What::Restarted { cause, .. } = restarted.what else { panic!("{restarted:?}") };
            assert_eq!(cause.panic().map(|panic| panic.message.as_str()), Some("boom in handler"));
            assert_eq!(matches!(cause, Failure::Member { .. }), name != "orders", "{name}: {cause}");
        }
        for book in &books {
            assert_eq!(book.read().await, (vec![7], 1));
        }
        assert_eq!(outsider.read().await, (vec![], 0));

        books[2].order.send(Do::PanicInHandler);
        for name in names {
            desk.witness.until(name, "actor.given_up", 1).await;
        }
        let gave_up = desk.witness.until_some(|| desk.witness.gave_up().pop()).await;
        assert_eq!((&*gave_up.actor, desk.witness.gave_up().len()), ("portfolio", 1), "one failure, one callback");
        assert_eq!(outsider.gauge().state(), ActorState::Running);
        desk.boss.stop().await;
    });
}

/// Rebuilding one of the books while another still works on the old state would let them differ.
#[test]
fn no_member_is_rebuilt_before_every_member_has_put_its_work_down() {
    on_system(async {
        let mut desk = Desk::new();
        let orders = desk.add(book("orders", "core"));
        let portfolio = desk.add(book("portfolio", "other"));
        desk.start().await;
        let release = portfolio.block().await;
        portfolio.add.send(Add(1));
        orders.order.send(Do::PanicInHandler);
        desk.witness.until("orders", "actor.failed", 1).await;
        // Far longer than the back-off of 5 ms: what it still waits for is the other member.
        let early = tokio::time::timeout(ms(100), desk.witness.until("orders", "actor.restarted", 1)).await;
        assert!(early.is_err(), "rebuilt while the portfolio was still working");
        release.send(()).unwrap();
        desk.witness.until("orders", "actor.restarted", 1).await;
        desk.witness.until("portfolio", "actor.restarted", 1).await;
        assert_eq!(portfolio.read().await.0, [1]);
        desk.boss.stop().await;
    });
}

#[test]
fn a_handler_that_counts_nothing_is_counted_all_the_same() {
    on_system(async {
        let mut desk = Desk::new();
        let silent = Outside { silent: true, ..Outside::default() };
        let victim = Dummy::add_with(&mut desk.boss, spec("victim"), silent);
        desk.start().await;
        (0..10).for_each(|i| victim.add.send(Add(i)));
        victim.order.send(Do::PanicInHandler);
        desk.witness.until("victim", "actor.restarted", 1).await;
        victim.drained().await;
        assert_eq!((victim.gauge().queued(), victim.gauge().health().handled), (0, 11));
        desk.boss.stop().await;
    });
}
