//! Connections that hang, break or are refused.

use tokio::net::TcpStream;

use ibapi::orders::Action;

use super::*;

const CLOCK: &str = "49\x001\x00";

fn half_open(name: &str) -> Fault {
    Fault::new(name).lasting(SHORT)
}

/// Waits until somebody listens on the gateway's port, and connects.
async fn connect_when_open(gateway: &Gateway) {
    let address = gateway.local_addr();
    within(async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Waits until nobody does.
async fn until_refused(address: std::net::SocketAddr) {
    within(async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

async fn answers_clock(raw: &mut Raw) {
    raw.send(CLOCK).await;
    raw.next_with(&["49"]).await;
}

fault_tests! {
    a_hanging_gateway_reads_and_writes_nothing_and_greets_nobody: "half-open" => {
        let gateway = lab(vec![]);
        let mut raw = Raw::text(&gateway, 178, 1).await;
        inject(&gateway, half_open("half-open"));
        raw.send(CLOCK).await;
        raw.expect_silence().await;
        let mut late = Raw::offer(&gateway, "v100..178").await;
        late.expect_silence().await;
        raw.next_with(&["49"]).await;
        assert_eq!(late.next().await[0], "178", "when it is over everybody is served");

        let only_one = half_open("half-open").client(1).with("end", "close");
        inject(&gateway, only_one);
        let mut other = Raw::text(&gateway, 178, 2).await;
        raw.send(CLOCK).await;
        answers_clock(&mut other).await;
        raw.expect_close().await;
        answers_clock(&mut other).await;
        gateway.stop();
    }

    new_connections_wait_for_a_version: "half-open-before-version" => {
        let gateway = lab(vec![]);
        let mut old = Raw::text(&gateway, 178, 1).await;
        inject(&gateway, half_open("half-open-before-version"));
        let mut new = Raw::offer(&gateway, "v213..225").await;
        answers_clock(&mut old).await;
        new.expect_silence().await;
        assert_eq!(new.next().await[0], "225");
        gateway.stop();
    }

    new_connections_get_a_version_and_no_start: "half-open-after-version" => {
        let gateway = lab(vec![]);
        let mut old = Raw::text(&gateway, 178, 1).await;
        inject(&gateway, half_open("half-open-after-version"));
        let mut new = Raw::offer(&gateway, "v100..176").await;
        assert_eq!(new.next().await[0], "176");
        new.send("71\x002\x007\x00\x00").await;
        new.expect_silence().await;
        answers_clock(&mut old).await;
        new.next_with(&["9"]).await;
        gateway.stop();
    }

    new_connections_start_and_hear_nothing: "half-open-after-start" => {
        let gateway = lab(vec![]);
        inject(&gateway, half_open("half-open-after-start"));
        let address = gateway.local_addr().to_string();
        let client = Client::builder().address(address).client_id(3).max_reconnect_attempts(0).connect();
        let early = tokio::time::timeout(QUIET, client).await;
        assert!(early.is_err(), "the handshake does not end");
        let mut new = Raw::offer(&gateway, "v100..178").await;
        new.next().await;
        new.send("71\x002\x007\x00\x00").await;
        new.next_with(&["9"]).await;
        assert_eq!(gateway.truth().open_orders.len(), 0);
        gateway.stop();
    }

    half_a_frame_comes_and_the_rest_much_later: "half-open-mid-frame" => {
        let gateway = lab(vec![]);
        let mut raw = Raw::text(&gateway, 178, 1).await;
        inject(&gateway, half_open("half-open-mid-frame"));
        raw.send("17\x001\x00").await;
        let whole = b"\0\0\0\x0f15\x001\x00DU1234567\x00".len();
        let first = raw.some_bytes().await;
        assert_eq!(first.len(), whole / 2);
        raw.expect_silence().await;
        let rest = raw.bytes(whole - first.len()).await;
        assert!([first, rest].concat().ends_with(b"DU1234567\0"));
        gateway.stop();
    }

    a_gateway_that_does_not_read_still_writes: "slow-reader" => {
        let gateway = lab(vec![]);
        let mut raw = Raw::text(&gateway, 178, 1).await;
        inject(&gateway, half_open("slow-reader"));
        raw.send(CLOCK).await;
        inject(&gateway, Fault::new("connectivity-lost"));
        assert_eq!(raw.error().await, (-1, 1100));
        raw.expect_silence().await;
        raw.next_with(&["49"]).await;
        gateway.stop();
    }

    a_connection_breaks_with_or_without_what_was_unsent: "disconnect" => {
        let gateway = lab(vec![]);
        let client = connect(&gateway, 1).await;
        let mut orders = within(client.order_update_stream()).await.expect("the order stream");
        inject(&gateway, Fault::new("disconnect"));
        let end = within(orders.next()).await;
        assert!(end.is_none_or(|item| item.is_err()), "the stream ends");
        assert!(!client.is_connected());
        let mut raw = Raw::text(&gateway, 178, 2).await;
        inject(&gateway, Fault::new("disconnect").client(2).with("reset", true));
        let reset = within(raw.read()).await.expect_err("no orderly end");
        assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
        let nobody = gateway.inject(Fault::new("disconnect").client(9)).expect_err("client 9 is not there");
        assert_eq!(nobody.to_string(), "disconnect: no such client is connected");
        gateway.stop();
    }

    a_closed_port_refuses_and_opens_again: "port-closed" => {
        let gateway = lab(vec![]);
        let mut old = Raw::text(&gateway, 178, 1).await;
        inject(&gateway, half_open("port-closed"));
        until_refused(gateway.local_addr()).await;
        answers_clock(&mut old).await;
        connect_when_open(&gateway).await;
        gateway.stop();
    }

    a_restart_closes_refuses_and_keeps_orders_and_ids: "gateway-restart" => {
        let gateway = lab(quiet_market(3));
        let (mut desk, _ticks) = desk(&gateway).await;
        desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
        desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
        inject(&gateway, half_open("gateway-restart"));
        let end = within(desk.updates.next()).await;
        assert!(end.is_none_or(|item| item.is_err()), "the stream ends");
        until_refused(gateway.local_addr()).await;
        connect_when_open(&gateway).await;
        let mut back = Raw::offer(&gateway, "v100..178").await;
        back.next().await;
        back.send("71\x002\x001\x00\x00").await;
        assert_eq!(back.next().await[..2], ["5", "1"], "its working order comes first");
        assert_eq!(back.next_with(&["9"]).await[2], "2");
        gateway.stop();
    }

    expired_credentials_end_when_somebody_logs_in: "credentials-expired" => {
        let gateway = lab(vec![]);
        let mut raw = Raw::text(&gateway, 178, 1).await;
        let id = inject(&gateway, Fault::new("credentials-expired"));
        raw.expect_close().await;
        until_refused(gateway.local_addr()).await;
        tokio::time::sleep(SHORT).await;
        assert!(TcpStream::connect(gateway.local_addr()).await.is_err(), "time alone does not end it");
        assert!(gateway.clear(id));
        assert!(!gateway.clear(id), "it is over");
        connect_when_open(&gateway).await;
        gateway.stop();
    }

    the_port_moves_and_says_where: "port-reset" => {
        let gateway = lab(vec![]);
        let old = gateway.local_addr();
        let mut raw = Raw::text(&gateway, 178, 1).await;
        inject(&gateway, Fault::new("port-reset"));
        let told = raw.next_with(&["4"]).await;
        assert_eq!(told[3], "1300");
        raw.expect_close().await;
        until_refused(old).await;
        let new = gateway.local_addr();
        assert!(told[4].ends_with(&format!(" {}", new.port())), "{told:?}");
        Raw::text(&gateway, 178, 1).await;
        gateway.stop();
    }

    every_start_is_refused_because_the_id_is_in_use: "client-id-in-use" => {
        let gateway = lab(vec![]);
        inject(&gateway, half_open("client-id-in-use").client(4));
        Raw::text(&gateway, 178, 5).await;
        let mut raw = Raw::offer(&gateway, "v100..178").await;
        raw.next().await;
        raw.send("71\x002\x004\x00\x00").await;
        assert_eq!(raw.error().await, (-1, 326));
        raw.expect_close().await;
        tokio::time::sleep(SHORT).await;
        Raw::text(&gateway, 178, 4).await;
        gateway.stop();
    }

    a_frame_of_impossible_length_ends_the_connection: "oversized-frame" => {
        let gateway = lab(vec![]);
        let client = connect(&gateway, 1).await;
        let mut raw = Raw::text(&gateway, 178, 2).await;
        inject(&gateway, Fault::new("oversized-frame"));
        assert_eq!(raw.bytes(4).await, [0xFF; 4]);
        within(async {
            while client.is_connected() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        gateway.stop();
    }

    an_unknown_message_hurts_nobody: "unknown-message" => {
        let gateway = lab(quiet_market(1));
        let client = connect(&gateway, 1).await;
        let mut raw = Raw::text(&gateway, 178, 2).await;
        inject(&gateway, Fault::new("unknown-message"));
        assert_eq!(raw.next().await[0], "9999");
        step(&client).await;
        gateway.stop();
    }

    a_broken_message_is_an_error_of_its_stream: "broken-message" => {
        let gateway = lab(vec![]);
        let client = connect(&gateway, 1).await;
        let mut orders = within(client.order_update_stream()).await.expect("the order stream");
        let mut raw = Raw::text(&gateway, 178, 2).await;
        inject(&gateway, Fault::new("broken-message"));
        assert_eq!(raw.next().await[1], "seven");
        let item = within(orders.next()).await.expect("a word about it");
        assert!(item.is_err(), "{item:?}");
        gateway.stop();
    }
}
