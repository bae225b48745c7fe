//! More clients than TWS serves, and a market that is faster than any of them would trade. What `benches/crowd.rs`
//! measures, without a clock to be held against.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::raw::Raw;
use super::*;
use crate::connection::Bounds;
use crate::server::start_with;

const CLIENTS: usize = 64;
const TICKS: i64 = 4_000;
const UNREAD_MAX: usize = 1 << 20;

/// The market of a crowd: each tick's size is its number, so that each client can tell that none is missing.
fn numbered(n: i64) -> FeedEvent {
    let size = u32::try_from(n).expect("few") + 1;
    if n % 2 == 0 { quote(n / 200, 5000.0, size, 5000.25, 7) } else { trade(n / 200, 5000.0, size) }
}

/// Subscribes to quotes and trades and waits until the gateway has done it.
async fn follow(gateway: &Gateway, number: usize) -> Raw {
    let mut raw = Raw::text(gateway, 178, i32::try_from(number).expect("few") + 10).await;
    for (req_id, kind) in [(1, "BidAsk"), (2, "AllLast")] {
        let contract = "\x00ES\x00FUT\x00202612\x00\x00\x00\x00CME\x00\x00\x00\x00";
        raw.send(&format!("97\x00{req_id}\x00{contract}\x00{kind}\x000\x000\x00")).await;
    }
    raw.send("49\x001\x00").await;
    raw.next_with(&["49"]).await;
    raw
}

/// Sizes of all ticks, in their order.
async fn sizes(mut raw: Raw) -> Vec<i64> {
    let mut sizes = Vec::new();
    while sizes.len() < TICKS as usize {
        let tick = raw.next_with(&["99"]).await;
        let at = if tick[2] == "3" { 6 } else { 5 };
        sizes.push(tick[at].parse().expect("a size"));
    }
    sizes
}

#[tokio::test]
async fn a_crowd_loses_no_frame_and_what_waits_for_it_is_bounded() {
    let clock = Arc::new(AtomicI64::new(-1));
    let shown = clock.clone();
    let pace = Pacing::Clock(Arc::new(move || at(shown.load(Ordering::Relaxed))));
    let options = Options { clients_max: CLIENTS + 1, ..options((0..TICKS).map(numbered).collect(), pace) };
    let gateway =
        start_with(options, Bounds { outbox_bytes_max: UNREAD_MAX, ..Bounds::default() }).expect("a free port");
    let mut crowd = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let raw = follow(&gateway, number).await;
        crowd.spawn(sizes(raw));
    }
    assert_eq!(gateway.stats().clients, CLIENTS);
    // One of them never reads; it costs nobody else a frame.
    let sleeper = follow(&gateway, CLIENTS).await;
    for second in 0..=TICKS / 200 {
        clock.store(second, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
    let whole: Vec<i64> = (1..=TICKS).collect();
    while let Some(sizes) = within(crowd.join_next()).await {
        assert_eq!(sizes.expect("a client does not panic"), whole);
    }
    let stats = gateway.stats();
    assert_eq!(stats.ticks_sent, (CLIENTS as u64 + 1) * TICKS as u64);
    assert!(stats.unread_bytes_peak <= UNREAD_MAX, "{}", stats.unread_bytes_peak);
    drop(sleeper);
    gateway.stop();
}

#[tokio::test]
async fn one_client_more_than_the_limit_is_closed_until_another_leaves() {
    let gateway = start(Options { clients_max: 2, ..options(vec![], Pacing::Answered) }).expect("a free port");
    let first = Raw::text(&gateway, 178, 1).await;
    let _second = Raw::text(&gateway, 178, 2).await;
    let mut third = Raw::connect(&gateway).await;
    third.expect_close().await;
    drop(first);
    within(async {
        while gateway.stats().clients == 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let _third = Raw::text(&gateway, 178, 3).await;
    gateway.stop();
    let none = start(Options { clients_max: 0, ..options(vec![], Pacing::Answered) });
    assert_eq!(
        none.err().map(|error| error.to_string()).as_deref(),
        Some("the gateway is to serve no client, expected at least one")
    );
}

/// Ticks are framed for all clients together and put to each client's other messages when it is written to; what was said
/// after a tick must still come after it.
#[tokio::test]
async fn what_is_said_after_a_tick_comes_after_it() {
    let events = vec![quote(0, 5000.0, 5, 5000.25, 5), trade(1, 5001.0, 1), trade(2, 5002.0, 1), trade(3, 5003.0, 1)];
    let gateway = answered(events);
    let mut pacer = follow(&gateway, 0).await;
    let mut holder = follow(&gateway, 1).await;
    let mut order = crate::wire::tests::limit_order(178, 1);
    order[18] = "MKT".to_owned();
    order[17] = "1".to_owned();
    holder.send(&(order.join("\0") + "\0")).await;
    holder.next_with(&["59"]).await;
    holder.send(&format!("92\x007\x00{ACCOUNT}\x00\x00")).await;
    holder.next_with(&["94"]).await;
    for points in ["5001.0", "5002.0", "5003.0"] {
        pacer.send("49\x001\x00").await;
        pacer.next_with(&["49"]).await;
        // One step is one write: the trade, and what the position is worth at it.
        let (tick, profit) = (holder.next().await, holder.next().await);
        assert_eq!((tick[0].as_str(), tick[4].as_str()), ("99", points));
        assert_eq!(profit[0], "94");
    }
    gateway.stop();
}
