//! Counting what is sent and what is taken, and what a full mailbox does.

use std::time::Instant;

use super::dummy::{Add, Do, Outside};
use super::*;

async fn check_load(silent: bool, panic_every: Option<u64>) {
    const EACH: u64 = 50_000;
    let mut desk = Desk::new();
    let outside = Outside { silent, ..Outside::default() };
    let never = spec_with("victim", |spec| {
        spec.on_give_up = OnGiveUp::NeverGiveUp;
        spec.config.backoff_max = spec.config.backoff_min;
    });
    let victim = Dummy::add_with(&mut desk.boss, never, outside);
    desk.start().await;
    let senders = [0, EACH].map(|first| {
        let (add, order) = (victim.add.clone(), victim.order.clone());
        std::thread::spawn(move || {
            for i in first..first + EACH {
                add.send(Add(i));
                if panic_every.is_some_and(|every| i % every == 0) {
                    order.send(Do::PanicInHandler);
                }
            }
        })
    });
    for sender in senders {
        actix_rt::task::spawn_blocking(move || sender.join().unwrap()).await.unwrap();
    }
    victim.settle().await;
    victim.drained().await;
    let panics = panic_every.map_or(0, |every| 2 * EACH / every);
    let health = victim.gauge().health();
    assert_eq!((health.queued, health.handled, health.closed), (0, 2 * EACH + panics, 0), "{health:?}");
    assert_eq!(health.restarts, panics);
    assert!(health.queued_max >= 1 && health.queued_max <= 2 * EACH + panics, "{health:?}");
    let mut handled = victim.journal();
    let of_first = handled.iter().copied().filter(|&i| i < EACH);
    assert!(of_first.eq(0..EACH), "one sender's messages arrive in its order");
    handled.sort_unstable();
    assert!(handled.into_iter().eq(0..2 * EACH), "every message arrives once");
    desk.boss.stop().await;
}

#[test]
fn a_hundred_thousand_messages_are_accounted_for() {
    on_system(check_load(false, None));
}

#[test]
fn they_are_accounted_for_when_no_handler_says_so() {
    on_system(check_load(true, None));
}

#[test]
fn they_are_accounted_for_across_panics() {
    on_system(check_load(false, Some(10_000)));
    on_system(check_load(true, Some(10_000)));
}

fn small(name: &str) -> ChildSpec {
    spec_with(name, |spec| spec.config.mailbox_capacity = 8)
}

#[test]
fn an_offer_is_refused_at_the_capacity_and_a_send_is_not() {
    on_system(async {
        let mut desk = Desk::new();
        let victim = desk.add(small("victim"));
        let accepted = (0..20).filter(|&i| victim.add.offer(Add(i)).is_ok()).count();
        assert_eq!((accepted, victim.gauge().refused(), victim.gauge().queued()), (8, 12, 8));
        assert_eq!(victim.add.offer(Add(99)).map_err(|Add(back)| back), Err(99), "what is refused comes back");
        assert_eq!((victim.gauge().overflow(), victim.gauge().health().queued_max), (0, 8));

        (100..105).for_each(|i| victim.add.send(Add(i)));
        assert_eq!((victim.gauge().overflow(), victim.gauge().queued()), (5, 13));
        desk.start().await;
        let told = desk.witness.until("victim", "mailbox.overflow", 1).await;
        assert!(matches!(told.what, What::MailboxOverflow { messages: 5, capacity: 8, .. }), "{told:?}");
        victim.settle().await;
        assert_eq!(victim.journal(), (0..8).chain(100..105).collect::<Vec<_>>(), "orders are never dropped");
        assert!(victim.add.offer(Add(1)).is_ok(), "there is room again");
        victim.settle().await;
        desk.boss.stop().await;
    });
}

#[test]
fn overflow_is_told_no_more_than_once_a_second() {
    on_system(async {
        let mut desk = Desk::pinging(ms(2), Duration::from_secs(3_600));
        let victim = desk.add(small("victim"));
        desk.start().await;
        let release = victim.block().await;
        let began = Instant::now();
        // The heartbeat looks hundreds of times while this goes on.
        while began.elapsed() < ms(300) {
            victim.add.send(Add(0));
            tokio::time::sleep(ms(1)).await;
        }
        release.send(()).unwrap();
        victim.settle().await;
        let (witness, sent) = (desk.witness.clone(), victim.gauge().overflow());
        let took = began.elapsed();
        desk.boss.stop().await;
        let messages = |event: SupervisionEvent| match event.what {
            What::MailboxOverflow { messages, .. } => Some(messages),
            _ => None,
        };
        let told: Vec<u64> = witness.of("victim").into_iter().filter_map(messages).collect();
        assert_eq!(told.iter().sum::<u64>(), sent, "every message above the capacity is told in the end");
        let most = 2 + took.as_secs() as usize;
        assert!(told.len() <= most, "told {} times in {took:?}", told.len());
    });
}

/// Prints what a port costs over a bare address. Bounds it only loosely: the machine may be busy.
#[test]
fn a_port_costs_little_more_than_an_address() {
    const MESSAGES: u32 = 200_000;
    on_system(async {
        let mut desk = Desk::new();
        let victim = desk.add(spec_with("victim", |spec| spec.config.mailbox_capacity = MESSAGES as usize));
        let addr = victim.child.addr();
        let each = |send: &dyn Fn(u64)| {
            let began = Instant::now();
            (0..u64::from(MESSAGES)).for_each(send);
            began.elapsed().as_nanos() as f64 / f64::from(MESSAGES)
        };
        // The actor has not started, so what is measured is the sending alone.
        let mut best = (f64::MAX, f64::MAX);
        for _ in 0..5 {
            let bare = each(&|i| addr.do_send(Add(i)));
            let port = each(&|i| victim.add.send(Add(i)));
            best = (best.0.min(bare), best.1.min(port));
        }
        println!("do_send: {:.0} ns a message by Addr, {:.0} ns by Port", best.0, best.1);
        assert!(best.1 < best.0 + 2_000.0, "{best:?}");
        desk.start().await;
        victim.settle().await;
        desk.boss.stop().await;
    });
}
