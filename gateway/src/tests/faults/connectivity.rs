//! Notices about the broker's servers and farms, and what goes on meanwhile.

use ibapi::orders::Action;

use super::*;

/// A text client with ticks, paced by a client of its own.
async fn watcher(gateway: &Gateway) -> Raw {
    let mut raw = Raw::text(gateway, 178, 2).await;
    raw.send("97\x0031\x00\x00ES\x00FUT\x00202612\x00\x00\x00\x00CME\x00\x00\x00\x00\x00Last\x000\x000\x00").await;
    raw.send("49\x001\x00").await;
    raw.next_with(&["49"]).await;
    raw
}

/// Injects a fault that says one thing, to both encodings, and checks code and text.
async fn says(fault: Fault, code: i32, text: &str) {
    let gateway = lab(vec![]);
    let mut raw = Raw::text(&gateway, 178, 1).await;
    let client = connect(&gateway, 2).await;
    let mut notices = client.notice_stream().expect("the notices of a client");
    inject(&gateway, fault);
    let told = raw.next_with(&["4"]).await;
    assert_eq!((told[2].as_str(), told[3].as_str(), told[4].as_str()), ("-1", code.to_string().as_str(), text));
    // The client's own start is told first.
    within(async {
        while let Some(notice) = notices.next().await {
            if notice.code == code && notice.message == text {
                return;
            }
        }
        panic!("the notices ended without {code}");
    })
    .await;
    gateway.stop();
}

/// A farm breaks and comes back; tells whether ticks stopped meanwhile.
async fn flaps(fault: Fault, broken: i32, ok: i32) -> bool {
    let gateway = lab(quiet_market(20));
    let (desk, _ticks) = desk(&gateway).await;
    let mut raw = watcher(&gateway).await;
    inject(&gateway, fault.lasting(Duration::from_secs(5)));
    assert_eq!(raw.error().await, (-1, broken));
    play_to(&desk.client, 4).await;
    raw.send("49\x001\x00").await;
    let ticked = raw.next().await[0] == "99";
    play_to(&desk.client, 8).await;
    assert_eq!(raw.error().await, (-1, ok));
    raw.next_with(&["99"]).await;
    gateway.stop();
    !ticked
}

fault_tests! {
    an_outage_holds_back_ticks_orders_and_fills: "outage" => {
        let gateway = lab(quiet_market(40));
        let (mut desk, mut ticks) = desk(&gateway).await;
        let mut raw = Raw::text(&gateway, 178, 2).await;
        step(&desk.client).await;
        data!(ticks);
        desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
        desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
        inject(&gateway, Fault::new("outage").lasting(Duration::from_secs(5)).with("notices", 2));
        assert_eq!([raw.error().await, raw.error().await], [(-1, 1100), (-1, 1100)]);
        let mut late = Raw::offer(&gateway, "v100..178").await;
        late.next().await;
        late.send("71\x002\x003\x00\x00").await;
        assert_eq!(late.error().await, (-1, 2110), "not that the farms are well");
        let second = desk.submit(&order(Action::Buy, 2.0, "MKT", 0.0)).await;
        inject(&gateway, Fault::new("unsolicited-cancel"));
        play_to(&desk.client, 4).await;
        assert!(desk.lines().await.is_empty(), "nothing is heard of orders");
        assert_eq!(gateway.truth().open_orders.len(), 0, "the exchange cancelled one, the other waits at the gateway");
        play_to(&desk.client, 8).await;
        assert_eq!(raw.error().await, (-1, 1102));
        let lines = desk.lines().await;
        assert_eq!(lines[..2], ["status 1 Cancelled 0/1", "error 202"], "{lines:?}");
        assert!(lines.contains(&format!("fill {second} Bought 2 at 5000.25")), "{lines:?}");
        let seen = within(ticks.next()).await.expect("the stream goes on").expect("a tick");
        let SubscriptionItem::Data(tick) = seen else { panic!("{seen:?}") };
        assert!(tick.time.unix_timestamp() - OPEN_S >= 5, "what was missed does not come: {tick:?}");

        inject(&gateway, Fault::new("outage").lasting(Duration::from_secs(2)).with("data", "lost"));
        let from = gateway.truth().now;
        while gateway.truth().now < from + Duration::from_secs(2) {
            step(&desk.client).await;
        }
        assert_eq!([raw.error().await, raw.error().await], [(-1, 1100), (-1, 1101)]);
        let before = step(&desk.client).await;
        assert_eq!(step(&desk.client).await, before, "nobody is subscribed, so nobody moves the market");
        gateway.stop();
    }

    connectivity_is_lost_in_words: "connectivity-lost" => {
        says(Fault::new("connectivity-lost"), 1100, "Connectivity between IB and Trader Workstation has been lost.").await;
    }

    restored_with_data_lost_ends_every_subscription: "restored-data-lost" => {
        let gateway = lab(quiet_market(9));
        let (desk, mut ticks) = desk(&gateway).await;
        let mut raw = watcher(&gateway).await;
        inject(&gateway, Fault::new("restored-data-lost"));
        assert_eq!(raw.error().await, (-1, 1101));
        let before = step(&desk.client).await;
        assert_eq!(step(&desk.client).await, before, "no subscriber, no market");
        raw.expect_silence().await;
        let silent = tokio::time::timeout(QUIET, ticks.next()).await;
        assert!(silent.is_err(), "the stream is silent, not ended: {silent:?}");
        gateway.stop();
    }

    restored_with_data_maintained: "restored-data-maintained" => {
        let text = "Connectivity between IB and Trader Workstation has been restored - data maintained.";
        says(Fault::new("restored-data-maintained"), 1102, text).await;
    }

    a_data_farm_breaks_and_comes_back: "data-farm-broken" => {
        assert!(flaps(Fault::new("data-farm-broken"), 2103, 2104).await, "ticks stop");
        assert!(!flaps(Fault::new("data-farm-broken").with("silent", false), 2103, 2104).await, "ticks go on");
    }

    a_history_farm_breaks_and_comes_back: "history-farm-broken" => {
        assert!(!flaps(Fault::new("history-farm-broken"), 2105, 2106).await);
    }

    a_definition_farm_breaks_and_comes_back: "definition-farm-broken" => {
        assert!(!flaps(Fault::new("definition-farm-broken"), 2157, 2158).await);
    }

    a_data_farm_is_well: "data-farm-ok" => {
        says(Fault::new("data-farm-ok"), 2104, "Market data farm connection is OK:usfuture").await;
    }

    a_history_farm_is_well: "history-farm-ok" => {
        says(Fault::new("history-farm-ok"), 2106, "HMDS data farm connection is OK:ushmds").await;
    }

    a_history_farm_sleeps: "history-farm-inactive" => {
        let text = "HMDS data farm connection is inactive but should be available upon demand.:ushmds";
        says(Fault::new("history-farm-inactive"), 2107, text).await;
    }

    a_data_farm_sleeps: "data-farm-inactive" => {
        let text = "Market data farm connection is inactive but should be available upon demand.:cafarm";
        says(Fault::new("data-farm-inactive").with("farm", "cafarm"), 2108, text).await;
    }

    a_data_farm_connects: "data-farm-connecting" => {
        says(Fault::new("data-farm-connecting"), 2119, "Market data farm is connecting:usfuture").await;
    }

    a_definition_farm_is_well: "definition-farm-ok" => {
        says(Fault::new("definition-farm-ok"), 2158, "Sec-def data farm connection is OK:secdefil").await;
    }

    gateway_and_server_are_apart: "broken-link" => {
        let text = "Connectivity between Trader Workstation and server is broken. It will be restored automatically.";
        says(Fault::new("broken-link"), 2110, text).await;
    }

    any_notice: "notice" => {
        says(Fault::new("notice").with("code", 2148).with("text", "Liquidation soon"), 2148, "Liquidation soon").await;
    }
}
