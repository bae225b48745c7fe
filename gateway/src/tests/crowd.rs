//! Several clients at once: one account for all, and nobody waits for anybody.

use engine::venue::Status;
use ibapi::orders::Action;

use super::raw::Raw;
use super::*;
use crate::connection::Bounds;
use crate::server::start_with;

#[tokio::test]
async fn orders_of_one_client_are_seen_but_not_cancelled_by_another() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let mut owner = Desk::open(&gateway, 1).await;
    let mut other = Desk::open(&gateway, 2).await;
    let id = owner.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
    owner.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
    drop(within(other.client.cancel_order(id, "")).await.expect("sent"));
    other.expect(&["error 10147"]).await;
    let mut mine = within(other.client.open_orders()).await.expect("a list");
    assert!(mine.collect_to_end_within(DEADLINE).await.expect("an end").is_empty());
    let mut all = within(other.client.all_open_orders()).await.expect("a list");
    assert_eq!(all.collect_to_end_within(DEADLINE).await.expect("an end").len(), 2, "the order and its status");
    within(other.client.global_cancel()).await.expect("sent");
    owner.expect(&["status 1 Cancelled 0/1", "error 202"]).await;
    assert_eq!(gateway.truth().completed_orders[0].status, Status::Cancelled);
    gateway.stop();
}

#[tokio::test]
async fn text_and_protobuf_clients_share_the_account_and_the_ticks() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5), trade(1, 5000.25, 3)]);
    let mut desk = Desk::open(&gateway, 1).await;
    let mut ticks = within(desk.client.tick_by_tick(&desk.contract, 0).last()).await.expect("trades");
    let mut raw = Raw::text(&gateway, 176, 2).await;
    raw.send("61\x001\x00").await; // reqPositions
    assert_eq!(raw.next_with(&["62"]).await, ["62", "1"]);
    raw.send("97\x0031\x00\x00ES\x00FUT\x00202612\x00\x00\x00\x00CME\x00\x00\x00\x00\x00Last\x000\x000\x00").await;
    step(&desk.client).await;
    desk.submit(&order(Action::Buy, 2.0, "MKT", 0.0)).await;
    let position = raw.next_with(&["61"]).await;
    assert_eq!((position[3].as_str(), position[14].as_str(), position[15].as_str()), ("194238036", "2", "250012.5"));
    step(&desk.client).await;
    let seen = data!(ticks);
    assert_eq!((seen.price, seen.size), (5000.25, 3.0));
    let tick = raw.next_with(&["99"]).await;
    assert_eq!(tick[1..], ["31", "1", "1795446001", "5000.25", "3", "0", "CME", ""]);
    gateway.stop();
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_and_the_others_go_on() {
    const UNREAD_MAX: usize = 64 << 10;
    // Enough ticks to fill whatever the kernel holds for a socket, and the outbox on top.
    let events = (0..400_000).map(|tick| trade(tick / 256, 5000.0, 1)).collect();
    let bounds = Bounds { outbox_bytes_max: UNREAD_MAX, ..Bounds::default() };
    let gateway = start_with(options(events, Pacing::Answered), bounds).expect("a free port");
    let desk = Desk::open(&gateway, 1).await;
    let ticks = within(desk.client.tick_by_tick(&desk.contract, 0).last()).await.expect("trades");
    let mut sleeper = Raw::text(&gateway, 178, 2).await;
    sleeper.send("97\x0031\x00\x00ES\x00FUT\x00202612\x00\x00\x00\x00CME\x00\x00\x00\x00\x00Last\x000\x000\x00").await;
    sleeper.send("49\x001\x00").await;
    sleeper.next_with(&["49"]).await;
    assert_eq!(gateway.stats().clients, 2);
    while gateway.stats().clients == 2 && !gateway.stats().finished {
        step(&desk.client).await;
    }
    assert_eq!(gateway.stats().clients, 1, "the sleeper is gone before the market is over");
    assert!(!gateway.stats().finished);
    step(&desk.client).await;
    drop(ticks);
    gateway.stop();
}

#[tokio::test]
async fn who_never_starts_loses_its_place_unless_a_fault_keeps_it_waiting() {
    const START_WITHIN: Duration = Duration::from_millis(200);
    let bounds = Bounds { start_within: START_WITHIN, ..Bounds::default() };
    let options = Options { clients_max: 3, ..options(vec![], Pacing::Answered) };
    let gateway = start_with(options, bounds).expect("a free port");
    let mut started = Raw::text(&gateway, 178, 1).await;
    let mut silent = Raw::connect(&gateway).await;
    let mut half = Raw::offer(&gateway, "v100..178").await;
    half.next().await;
    silent.expect_close().await;
    half.expect_close().await;
    // Their places are free, and who has started may be silent for as long as it likes.
    let others = (Raw::text(&gateway, 178, 2).await, Raw::text(&gateway, 178, 3).await);
    started.expect_silence().await;
    drop(others);
    while gateway.stats().clients > 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    let hour = Duration::from_secs(3600);
    for stage in ["half-open", "half-open-before-version", "half-open-after-version"] {
        let fault = gateway.inject(crate::Fault::new(stage).lasting(hour)).expect("it can happen");
        let mut held = Raw::offer(&gateway, "v100..178").await;
        tokio::time::sleep(START_WITHIN * 3).await;
        assert!(gateway.clear(fault), "{stage}");
        held.next().await;
        held.send("71\x002\x009\x00\x00").await;
        while held.next_with(&["4"]).await[3] != "2158" {}
        drop(held);
        while gateway.stats().clients > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    gateway.stop();
}
