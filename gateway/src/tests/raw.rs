//! A client without a library: text by hand, and input that no library would send.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    pub async fn connect(gateway: &Gateway) -> Raw {
        Raw { stream: within(TcpStream::connect(gateway.local_addr())).await.expect("a connection") }
    }

    /// Offers versions up to `version`, starts, and reads up to the last notice of the start.
    pub async fn text(gateway: &Gateway, version: i32, client_id: i32) -> Raw {
        let mut raw = Raw::offer(gateway, &format!("v100..{version}")).await;
        assert_eq!(raw.next().await[0], version.to_string());
        raw.send(&format!("71\x002\x00{client_id}\x00\x00")).await;
        while raw.next_with(&["4"]).await[3] != "2158" {}
        raw
    }

    pub async fn offer(gateway: &Gateway, offer: &str) -> Raw {
        let mut raw = Raw::connect(gateway).await;
        raw.write(b"API\0").await;
        raw.send(offer).await;
        raw
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        within(self.stream.write_all(bytes)).await.expect("the gateway reads");
    }

    /// As [`Raw::write`], for as long as the gateway does not read.
    pub async fn write_or_wait(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the gateway is there");
    }

    pub async fn send(&mut self, body: &str) {
        self.send_at_once(body, 1).await;
    }

    /// In one piece, so that the gateway cannot close the connection in between.
    pub async fn send_at_once(&mut self, body: &str, times: usize) {
        let mut frame = u32::try_from(body.len()).expect("short").to_be_bytes().to_vec();
        frame.extend_from_slice(body.as_bytes());
        self.write(&frame.repeat(times)).await;
    }

    /// The fields of the next frame.
    pub async fn next(&mut self) -> Vec<String> {
        let length = within(self.stream.read_u32()).await.expect("a frame");
        let mut body = vec![0; length as usize];
        within(self.stream.read_exact(&mut body)).await.expect("a whole frame");
        let text = String::from_utf8(body).expect("text");
        let fields = text.strip_suffix('\0').expect("every field ends with NUL");
        fields.split('\0').map(str::to_owned).collect()
    }

    /// The next frame that begins with these fields; others are passed over.
    pub async fn next_with(&mut self, start: &[&str]) -> Vec<String> {
        loop {
            let frame = self.next().await;
            if frame.iter().zip(start).all(|(field, wanted)| field == wanted) {
                return frame;
            }
        }
    }

    /// Nothing comes, and the connection stays open.
    pub async fn expect_silence(&mut self) {
        let more = tokio::time::timeout(QUIET, self.stream.peek(&mut [0])).await;
        assert!(more.is_err(), "nothing was expected, found {more:?}");
    }

    /// One read, whatever comes of it.
    pub async fn read(&mut self) -> std::io::Result<usize> {
        self.stream.read(&mut [0; 4096]).await
    }

    /// Exactly so many bytes, whatever they are.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        within(self.stream.read_exact(&mut bytes)).await.expect("so many bytes");
        bytes
    }

    /// Bytes that are there now, once some are.
    pub async fn some_bytes(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 64 << 10];
        let count = within(self.stream.read(&mut bytes)).await.expect("bytes");
        bytes.truncate(count);
        bytes
    }

    /// The next error message's id and code.
    pub async fn error(&mut self) -> (i32, i32) {
        let frame = self.next_with(&["4"]).await;
        (frame[2].parse().expect("an id"), frame[3].parse().expect("a code"))
    }

    pub async fn expect_close(&mut self) {
        let mut rest = Vec::new();
        // A reset is a close too: the gateway need not have read all that was sent.
        match within(self.stream.read_to_end(&mut rest)).await {
            Ok(_) => {}
            Err(reset) => assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
}

#[tokio::test]
async fn the_hello_may_come_byte_by_byte_and_the_announced_version_is_clamped() {
    let gateway = answered(vec![]);
    for (offer, announced) in [("v100..157", "157"), ("v157..178", "178"), ("v100..200", "178"), ("v157..176", "176")] {
        let mut raw = Raw::connect(&gateway).await;
        let mut hello = b"API\0".to_vec();
        hello.extend_from_slice(&u32::try_from(offer.len()).expect("short").to_be_bytes());
        hello.extend_from_slice(offer.as_bytes());
        for byte in hello {
            raw.write(&[byte]).await;
        }
        let reply = raw.next().await;
        assert_eq!(reply[0], announced, "{offer}");
        assert!(reply[1].ends_with(" UTC"), "{reply:?}");
    }
    gateway.stop();
}

#[tokio::test]
async fn a_connection_that_has_nothing_in_common_is_closed() {
    let gateway = answered(vec![]);
    for offer in ["v230..240", "v180..212", "v100..140", "nonsense", ""] {
        Raw::offer(&gateway, offer).await.expect_close().await;
    }
    let mut web = Raw::connect(&gateway).await;
    web.write(b"GET / HTTP/1.1\r\n\r\n").await;
    web.expect_close().await;
    let still_there = connect(&gateway, 1).await;
    assert!(still_there.is_connected());
    gateway.stop();
}

#[tokio::test]
async fn a_request_before_the_start_and_a_frame_without_end_close_the_connection() {
    let gateway = answered(vec![]);
    let mut early = Raw::offer(&gateway, "v100..178").await;
    early.next().await;
    early.send("61\x001\x00").await;
    early.expect_close().await;
    for length in [[0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [1, 0, 0, 0]] {
        let mut raw = Raw::text(&gateway, 178, 9).await;
        raw.write(&length).await;
        raw.expect_close().await;
        while gateway.stats().clients > 0 {
            tokio::task::yield_now().await;
        }
    }
    gateway.stop();
}

#[tokio::test]
async fn an_unreadable_request_is_an_error_that_says_which_field_and_the_next_one_is_served() {
    let gateway = answered(vec![]);
    let mut raw = Raw::text(&gateway, 178, 1).await;
    raw.send("61\x001\x00").await;
    raw.next_with(&["62"]).await;
    raw.send("9\x008\x00seven\x00").await;
    let error = raw.next().await;
    assert_eq!(error[2..4], ["-1", "320"]);
    assert!(
        error[4].contains("reqContractDetails: field 2 (reqId) is \"seven\", expected a whole number"),
        "{error:?}"
    );
    raw.send("3\x001\x00").await;
    assert!(raw.next().await[4].contains("placeOrder: field 2 (conId) is missing"));
    raw.send("what\x00").await;
    assert!(raw.next().await[4].contains("\"what\""));
    raw.send("49\x001\x00").await;
    assert_eq!(raw.next().await[0], "49");
    gateway.stop();
}

#[tokio::test]
async fn requests_that_are_not_served_are_refused_by_their_id_and_their_cancels_ignored() {
    let gateway = answered(vec![]);
    let mut raw = Raw::text(&gateway, 178, 1).await;
    raw.send("10\x005\x0055\x00\x00ES\x00FUT\x00").await; // reqMktDepth
    assert_eq!(raw.next().await[2..4], ["55", "321"]);
    raw.send("11\x001\x0055\x001\x00").await; // its cancel
    raw.send("98\x0012345\x00").await; // a tick-by-tick subscription that never was
    raw.send("15\x001\x001\x00").await; // reqAutoOpenOrders, for client 0 only
    assert_eq!(raw.next().await[3], "327");
    gateway.stop();
}

#[tokio::test]
async fn a_text_client_places_an_order_at_every_version() {
    for (version, count) in [(157, 110), (176, 115), (178, 114)] {
        let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
        let mut raw = Raw::text(&gateway, version, 1).await;
        let fields = crate::wire::tests::limit_order(version, 7);
        assert_eq!(fields.len(), count, "version {version}");
        raw.send(&(fields.join("\0") + "\0")).await;
        let open = raw.next_with(&["5"]).await;
        assert_eq!(open[1..4], ["7", "194238036", "ES"]);
        let status = raw.next_with(&["3"]).await;
        assert_eq!(status[1..5], ["7", "Submitted", "0", "2"]);
        raw.send("4\x001\x007\x00\x00").await; // cancelOrder
        assert_eq!(raw.next_with(&["3"]).await[2], "Cancelled");
        assert_eq!(raw.next_with(&["4"]).await[2..4], ["7", "202"]);
        gateway.stop();
    }
}
