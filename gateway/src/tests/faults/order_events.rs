//! What is told about orders: in another sequence, twice, late, not at all, or unreadable.

use ibapi::orders::{Action, ExecutionFilter};

use super::*;

fn market() -> Order {
    order(Action::Buy, 1.0, "MKT", 0.0)
}

/// A gateway under a fault, whose desk has bought one contract at the market; what it heard of it.
async fn bought(fault: Fault) -> (Gateway, Desk, Subscription<ibapi::market_data::realtime::Trade>, Vec<String>) {
    let gateway = lab(quiet_market(30));
    let (mut desk, ticks) = desk(&gateway).await;
    inject(&gateway, fault);
    desk.submit(&market()).await;
    let lines = desk.lines().await;
    assert_eq!(gateway.truth().positions[0].quantity, 1, "the account itself is right");
    (gateway, desk, ticks, lines)
}

/// What a sound gateway tells of a market order that fills at once.
const SOUND: [&str; 8] = ["open", "status", "fill", "open", "status", "open", "status", "commission"];

async fn bad_execution(fault: &str) -> String {
    let gateway = lab(quiet_market(3));
    let (mut desk, _ticks) = desk(&gateway).await;
    inject(&gateway, Fault::new(fault));
    desk.submit(&market()).await;
    // A decoding error ends the crate's stream of order updates.
    loop {
        match within(desk.updates.next()).await {
            Some(Ok(_)) => {}
            other => {
                gateway.stop();
                return format!("{other:?}");
            }
        }
    }
}

fault_tests! {
    order_events_come_in_an_order_of_the_seed: "shuffled-order-events" => {
        let mut seen = Vec::new();
        for _ in 0..2 {
            let (gateway, _desk, _ticks, lines) = bought(Fault::new("shuffled-order-events")).await;
            let mut sorted = kinds(&lines);
            sorted.sort_unstable();
            let mut sound = SOUND;
            sound.sort_unstable();
            assert_eq!(sorted, sound, "nothing is lost");
            assert_ne!(kinds(&lines), SOUND);
            seen.push(lines);
            gateway.stop();
        }
        assert_eq!(seen[0], seen[1], "the same seed, the same order");
    }

    statuses_come_first: "status-first" => {
        let (gateway, _desk, _ticks, lines) = bought(Fault::new("status-first")).await;
        assert_eq!(kinds(&lines), ["status", "status", "status", "open", "fill", "open", "open", "commission"]);
        gateway.stop();
    }

    executions_come_first: "execution-first" => {
        let (gateway, _desk, _ticks, lines) = bought(Fault::new("execution-first")).await;
        assert_eq!(kinds(&lines), ["fill", "open", "status", "open", "status", "open", "status", "commission"]);
        gateway.stop();
    }

    commissions_come_first: "commission-first" => {
        let (gateway, _desk, _ticks, lines) = bought(Fault::new("commission-first")).await;
        assert_eq!(kinds(&lines), ["commission", "open", "status", "fill", "open", "status", "open", "status"]);
        gateway.stop();
    }

    everything_comes_twice: "duplicated-order-events" => {
        let (gateway, _desk, _ticks, lines) = bought(Fault::new("duplicated-order-events")).await;
        assert_eq!(lines.iter().step_by(2).collect::<Vec<_>>(), lines.iter().skip(1).step_by(2).collect::<Vec<_>>());
        assert_eq!(lines.len(), 2 * SOUND.len());
        gateway.stop();
    }

    statuses_never_come: "missing-statuses" => {
        let (gateway, _desk, _ticks, lines) = bought(Fault::new("missing-statuses")).await;
        assert_eq!(kinds(&lines), ["open", "fill", "open", "open", "commission"]);
        let withheld = gateway.transcript(0, Some(1));
        let withheld: Vec<_> = withheld.iter().filter(|entry| entry.direction == crate::Direction::Withheld).collect();
        assert_eq!(withheld.len(), 3);
        assert!(withheld.iter().all(|entry| entry.message == "OrderStatus"), "the transcript keeps them");
        assert_eq!(withheld[0].fields["withheld_by"], "missing-statuses");
        gateway.stop();
    }

    open_orders_never_come: "status-without-open-order" => {
        let (gateway, _desk, _ticks, lines) = bought(Fault::new("status-without-open-order")).await;
        assert_eq!(kinds(&lines), ["status", "fill", "status", "status", "commission"]);
        gateway.stop();
    }

    executions_come_only_to_who_asks: "missing-executions" => {
        let (gateway, desk, _ticks, lines) = bought(Fault::new("missing-executions")).await;
        assert_eq!(kinds(&lines), ["open", "status", "open", "status", "open", "status"]);
        let mut told = within(desk.client.executions(ExecutionFilter::default())).await.expect("a list");
        assert_eq!(told.collect_to_end_within(DEADLINE).await.expect("an end").len(), 2);
        gateway.stop();
    }

    commissions_never_come: "missing-commission" => {
        let (gateway, _desk, _ticks, lines) = bought(Fault::new("missing-commission")).await;
        assert_eq!(kinds(&lines), SOUND[..7]);
        gateway.stop();
    }

    commissions_come_late: "late-commission" => {
        let (gateway, mut desk, _ticks, lines) = bought(Fault::new("late-commission")).await;
        assert_eq!(kinds(&lines), SOUND[..7]);
        play_to(&desk.client, 4).await;
        desk.expect_nothing().await;
        play_to(&desk.client, 6).await;
        desk.expect(&["commission 2.25 None"]).await;
        gateway.stop();
    }

    executions_come_late: "late-executions" => {
        let (gateway, mut desk, _ticks, lines) = bought(Fault::new("late-executions").with("by", "3s")).await;
        assert_eq!(kinds(&lines), ["open", "status", "open", "status", "open", "status", "commission"]);
        play_to(&desk.client, 4).await;
        desk.expect(&["fill 1 Bought 1 at 5000.25"]).await;
        gateway.stop();
    }

    statuses_come_late: "late-statuses" => {
        let (gateway, mut desk, _ticks, lines) = bought(Fault::new("late-statuses").with("by", "3s")).await;
        assert_eq!(kinds(&lines), ["open", "fill", "open", "open", "commission"]);
        play_to(&desk.client, 4).await;
        assert_eq!(kinds(&desk.lines().await), ["status", "status", "status"]);
        gateway.stop();
    }

    positions_come_late: "delayed-positions" => {
        let gateway = lab(quiet_market(30));
        let (mut desk, _ticks) = desk(&gateway).await;
        let mut raw = Raw::text(&gateway, 178, 2).await;
        raw.send("61\x001\x00").await;
        raw.next_with(&["62"]).await;
        inject(&gateway, Fault::new("delayed-positions").with("by", "3s"));
        desk.submit(&market()).await;
        desk.lines().await;
        raw.expect_silence().await;
        play_to(&desk.client, 4).await;
        assert_eq!(raw.next().await[14], "1");
        gateway.stop();
    }

    the_first_status_has_no_permanent_id: "perm-id-zero" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        inject(&gateway, Fault::new("perm-id-zero"));
        desk.submit(&market()).await;
        let mut ids = Vec::new();
        while ids.len() < 3 {
            let item = within(desk.updates.next()).await.expect("the stream goes on").expect("readable");
            if let SubscriptionItem::Data(OrderUpdate::OrderStatus(status)) = item {
                ids.push(status.perm_id);
            }
        }
        assert_eq!(ids[0], 0);
        assert!(ids[1] > i64::from(i32::MAX) && ids[1] == ids[2], "{ids:?}");
        gateway.stop();
    }

    an_execution_has_an_unknown_side: "undecodable-side" => {
        let end = bad_execution("undecodable-side").await;
        assert!(end.contains("XXX") || end.contains("ide"), "{end}");
        assert!(end.contains("Err") || end == "None", "{end}");
    }

    an_open_order_has_no_status_word: "undecodable-order" => {
        let end = bad_execution("undecodable-order").await;
        assert!(end.contains("Err") || end == "None", "{end}");
    }
}
