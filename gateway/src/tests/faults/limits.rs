//! The gateway's own limits, as faults and as options.

use super::*;
use crate::Limits;

const CLOCK: &str = "49\x001\x00";
const IDS: &str = "8\x001\x001\x00";

async fn subscribe(raw: &mut Raw, id: i32, kind: &str, month: &str) {
    let contract = format!("\x00ES\x00FUT\x00{month}\x00\x00\x00\x00CME\x00\x00\x00\x00\x00");
    raw.send(&format!("97\x00{id}\x00{contract}{kind}\x000\x000\x00")).await;
}

fault_tests! {
    too_many_messages_are_an_error_and_in_the_end_a_disconnect: "message-limit" => {
        let gateway = lab(vec![]);
        let mut raw = Raw::text(&gateway, 178, 1).await;
        let mut other = Raw::text(&gateway, 178, 2).await;
        inject(&gateway, Fault::new("message-limit").with("per_second", 20).with("patience", 2));
        for _ in 0..20 {
            other.send(IDS).await;
            other.next_with(&["9"]).await;
        }
        raw.send(IDS).await;
        assert_eq!(raw.error().await, (-1, 100), "the limit is for all clients together");
        raw.send(IDS).await;
        assert_eq!(raw.error().await, (-1, 100));
        raw.expect_close().await;
        other.expect_silence().await;
        gateway.stop();
    }

    tick_streams_are_counted_and_spaced: "tick-limit" => {
        let gateway = lab(vec![]);
        let mut raw = Raw::text(&gateway, 178, 1).await;
        inject(&gateway, Fault::new("tick-limit").with("streams", 2));
        subscribe(&mut raw, 31, "Last", "202612").await;
        subscribe(&mut raw, 32, "BidAsk", "202612").await;
        assert_eq!(raw.error().await, (32, 10190), "too soon for the same instrument");
        subscribe(&mut raw, 33, "Last", "202703").await;
        subscribe(&mut raw, 34, "Last", "202706").await;
        assert_eq!(raw.error().await, (34, 10190), "two streams are the limit");
        raw.expect_silence().await;
        gateway.stop();
    }

    history_is_paced: "history-limit" => {
        let gateway = lab(vec![]);
        let mut raw = Raw::text(&gateway, 178, 1).await;
        inject(&gateway, Fault::new("history-limit"));
        let mut refused = 0;
        for id in 1000..1080 {
            raw.send(&format!("20\x00{id}\x00\x00ES\x00FUT\x00202612\x00\x00\x00\x00CME\x00\x00\x00\x00\x000\x00\x001 min\
                               \x001 D\x001\x00TRADES\x001\x000\x00\x00")).await;
            let (of, code) = history_answer(&mut raw).await;
            assert_eq!(of, id);
            refused += i32::from(code == Some(162));
        }
        assert!(refused >= 20, "at most 60 of 80 in ten minutes are served, {refused} were refused");
        gateway.stop();
    }

    clock_requests_that_follow_too_soon_are_not_answered: "clock-limit" => {
        let gateway = lab(vec![]);
        let mut raw = Raw::text(&gateway, 178, 1).await;
        let mut other = Raw::text(&gateway, 178, 2).await;
        inject(&gateway, Fault::new("clock-limit").with("spacing", "300ms"));
        raw.send(CLOCK).await;
        raw.next_with(&["49"]).await;
        raw.send("105\x00").await;
        raw.expect_silence().await;
        other.send(CLOCK).await;
        other.next_with(&["49"]).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        raw.send("105\x00").await;
        raw.next_with(&["109"]).await;
        gateway.stop();
    }
}

/// The id of the next answer to a request for history, and the code if it is an error.
async fn history_answer(raw: &mut Raw) -> (i32, Option<i32>) {
    loop {
        let frame = raw.next().await;
        match frame[0].as_str() {
            "4" => return (frame[2].parse().expect("an id"), frame[3].parse().ok()),
            "17" => return (frame[1].parse().expect("an id"), None),
            _ => {}
        }
    }
}

#[tokio::test]
async fn limits_can_be_in_force_from_the_start() {
    let limits = Limits { messages: true, ticks: true, history: true, clock: true };
    let rehearsal = Rehearsal { limits, ..Rehearsal::default() };
    let gateway = start_rehearsal(options(vec![], Pacing::Answered), rehearsal).expect("a free port");
    let mut raw = Raw::text(&gateway, 178, 1).await;
    raw.send(CLOCK).await;
    raw.next_with(&["49"]).await;
    raw.send(CLOCK).await;
    raw.expect_silence().await;
    subscribe(&mut raw, 31, "Last", "202612").await;
    subscribe(&mut raw, 32, "Last", "202612").await;
    assert_eq!(raw.error().await, (32, 10190));
    raw.send_at_once(IDS, 60).await;
    assert_eq!(raw.error().await, (-1, 100));
    raw.expect_close().await;
    gateway.stop();
}
