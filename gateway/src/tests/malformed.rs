//! What no client should send, and what a gateway says to it: an error with its code, or the end of that connection; and
//! to everybody else nothing.

use std::net::SocketAddr;

use ibapi::orders::Action;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::raw::Raw;
use super::*;
use crate::connection::Bounds;
use crate::fuzzing;
use crate::server::start_with;
use crate::wire::tests::examples::{protobuf_request, text_request};

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short");
    [&length.to_be_bytes()[..], body].concat()
}

fn hello(offer: &str) -> Vec<u8> {
    [b"API\0".to_vec(), framed(offer.as_bytes())].concat()
}

async fn nobody_is_left(gateway: &Gateway) {
    within(async {
        while gateway.stats().clients > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The first byte chooses the encoding: see [`fuzzing::session`].
    #[test]
    fn no_session_of_spoiled_text_ends_anything_but_itself(
        (which, bodies) in (0u8..3).prop_flat_map(|which| {
            let version = [157, 176, 178][usize::from(which)];
            (Just(which), prop::collection::vec(text_request(version), 1..16))
        }),
    ) {
        let frames = bodies.iter().filter(|body| !body.is_empty()).flat_map(|body| framed(body));
        fuzzing::session(&[which].into_iter().chain(frames).collect::<Vec<u8>>());
    }

    #[test]
    fn no_session_of_protobuf_ends_anything_but_itself(bodies in prop::collection::vec(protobuf_request(), 1..16)) {
        let frames = bodies.iter().filter(|body| !body.is_empty()).flat_map(|body| framed(body));
        fuzzing::session(&[3].into_iter().chain(frames).collect::<Vec<u8>>());
    }

    #[test]
    fn no_bytes_make_a_fuzzed_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzzing::decode(&bytes);
        fuzzing::session(&bytes);
    }
}

#[test]
fn the_fuzzed_session_understands_what_is_good() {
    let start = framed(b"49\x001\x00");
    assert_eq!(fuzzing::session(&[&[2][..], &start, &start, &framed(b"nonsense\x00"), &start].concat()), 3);
}

/// One whole life of a client in both encodings, cut after every byte.
#[tokio::test]
async fn a_connection_may_end_after_any_byte() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let order = crate::wire::tests::limit_order(178, 7).join("\0") + "\0";
    let text = [hello("v100..178"), framed(b"71\x002\x004\x00\x00"), framed(b"61\x001\x00"), framed(order.as_bytes())];
    let start = [0, 0, 1, 15, 0x08, 4];
    let protobuf = [hello("v213..225"), framed(&start), framed(&261_i32.to_be_bytes()), framed(&249_i32.to_be_bytes())];
    for life in [text.concat(), protobuf.concat()] {
        for length in 0..=life.len() {
            let mut stream = within(TcpStream::connect(gateway.local_addr())).await.expect("it listens");
            within(stream.write_all(&life[..length])).await.expect("it reads");
            // Only the writing half ends: whatever is said can still be read, and then the gateway ends its half.
            within(stream.shutdown()).await.expect("a live socket");
            let mut said = Vec::new();
            match within(stream.read_to_end(&mut said)).await {
                Ok(_) => {}
                Err(reset) => assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset),
            }
            nobody_is_left(&gateway).await;
        }
    }
    let truth = gateway.truth();
    assert_eq!(truth.open_orders.len(), 1, "the order that was whole is there, once: later ones had its id");
    gateway.stop();
}

#[tokio::test]
async fn garbage_before_and_after_the_hello_costs_its_sender_the_connection() {
    let gateway = answered(vec![]);
    for garbage in [&b"\0\0\0\0\0\0\0\0"[..], b"APIX", b"API\0\xff\xff\xff\xff", b"API\0\0\0\x10\x01", &[0xff; 4096]] {
        let mut raw = Raw::connect(&gateway).await;
        raw.write(garbage).await;
        raw.expect_close().await;
    }
    for garbage in [&b"\0\0\0\0"[..], b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x05garba", &[0x80; 512]]
    {
        for offer in ["v100..178", "v100..225"] {
            let mut raw = Raw::offer(&gateway, offer).await;
            raw.next().await;
            raw.write(garbage).await;
            raw.expect_close().await;
        }
    }
    assert!(connect(&gateway, 1).await.is_connected());
    gateway.stop();
}

#[tokio::test]
async fn a_start_that_comes_twice_ends_the_connection_and_frees_its_id() {
    let gateway = answered(vec![]);
    for version in [157, 178] {
        let mut raw = Raw::text(&gateway, version, 3).await;
        raw.send("71\x002\x003\x00\x00").await;
        raw.expect_close().await;
        nobody_is_left(&gateway).await;
    }
    let mut raw = Protobuf::start(gateway.local_addr(), 3).await;
    raw.send(271, &[0x08, 3]).await;
    raw.expect_close().await;
    gateway.stop();
}

/// A client in protobuf without a library.
struct Protobuf {
    stream: TcpStream,
}

impl Protobuf {
    async fn start(address: SocketAddr, client_id: u8) -> Self {
        let stream = within(TcpStream::connect(address)).await.expect("it listens");
        let mut raw = Self { stream };
        within(raw.stream.write_all(&hello("v213..225"))).await.expect("it reads");
        raw.frame().await;
        raw.send(271, &[0x08, client_id]).await;
        while !String::from_utf8_lossy(&raw.frame().await).contains("secdefil") {}
        raw
    }

    async fn send(&mut self, id: i32, payload: &[u8]) {
        let body = [&id.to_be_bytes()[..], payload].concat();
        within(self.stream.write_all(&framed(&body))).await.expect("it reads");
    }

    async fn frame(&mut self) -> Vec<u8> {
        let length = within(self.stream.read_u32()).await.expect("a frame");
        let mut body = vec![0; length as usize];
        within(self.stream.read_exact(&mut body)).await.expect("a whole frame");
        body
    }

    async fn expect_close(mut self) {
        let mut rest = Vec::new();
        match within(self.stream.read_to_end(&mut rest)).await {
            Ok(_) => {}
            Err(reset) => assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }

    /// Id and code of the next message, which is an error, and its text.
    async fn error(&mut self) -> (i32, i32, String) {
        #[derive(Clone, PartialEq, prost::Message)]
        struct Error {
            #[prost(int32, optional, tag = "1")]
            id: Option<i32>,
            #[prost(int32, optional, tag = "3")]
            code: Option<i32>,
            #[prost(string, optional, tag = "4")]
            text: Option<String>,
        }
        let body = self.frame().await;
        assert_eq!(body[..4], 204_i32.to_be_bytes(), "an error");
        let error = <Error as prost::Message>::decode(&body[4..]).expect("protobuf");
        (error.id.unwrap_or(0), error.code.unwrap_or(0), error.text.unwrap_or_default())
    }
}

#[tokio::test]
async fn unreadable_protobuf_is_an_error_and_the_next_request_is_served() {
    let gateway = answered(vec![]);
    let mut raw = Protobuf::start(gateway.local_addr(), 1).await;
    // A length beyond the end, no UTF-8, a number where text belongs, a group that nobody has ended.
    for payload in [&[0x12, 0x7f][..], &[0x12, 0x03, 0x12, 0x01, 0xff], &[0x12, 0x02, 0x10, 0x01], &[0x0b]] {
        raw.send(209, payload).await;
        let (id, code, text) = raw.error().await;
        assert_eq!((id, code), (-1, 320));
        assert!(text.contains("reqContractDetails: not a valid protobuf message"), "{text}");
    }
    raw.send(999, &[0x08, 55]).await;
    assert_eq!(
        raw.error().await,
        (55, 321, "Error validating request.-'bW' : cause - Request 799 is not served by this gateway".to_owned())
    );
    for id in [i32::MIN, -1, 0, 200] {
        raw.send(id, b"1\x0077\x00").await;
        assert_eq!(raw.error().await.1, 321, "id {id}");
    }
    raw.stream.write_all(&framed(&[0, 1])).await.expect("it reads");
    assert_eq!(raw.error().await.1, 320, "too short for an id");
    raw.send(249, &[]).await;
    assert_eq!(raw.frame().await[..4], 249_i32.to_be_bytes(), "the clock still answers");
    gateway.stop();
}

#[tokio::test]
async fn unreadable_text_is_an_error_and_the_next_request_is_served() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let mut raw = Raw::text(&gateway, 178, 1).await;
    let mut order = crate::wire::tests::limit_order(178, 7);
    for (at, value, code) in [
        (17, "two", "321"),
        (19, "NaN", "110"),
        (19, "inf", "110"),
        (19, "cheap", "320"),
        (1, "2147483648", "320"),
        (33, "maybe", "320"),
    ] {
        let good = std::mem::replace(&mut order[at], value.to_owned());
        raw.send(&(order.join("\0") + "\0")).await;
        let error = raw.next_with(&["4"]).await;
        assert_eq!(error[3], code, "field {at} is {value}");
        assert_eq!(error[2], if at == 1 { "-1" } else { "7" }, "the order is named if its id can be read");
        order[at] = good;
    }
    raw.write(&framed(b"91\x00\xff\xfe\x00")).await;
    assert!(raw.next_with(&["4"]).await[4].contains("expected"), "no UTF-8");
    for unknown in ["0\x00", "-5\x001\x00", "555\x0077\x00", "99999999999\x00", "\x00"] {
        raw.send(unknown).await;
        let code = &raw.next_with(&["4"]).await[3];
        assert!(["320", "321"].contains(&code.as_str()), "{unknown:?}: {code}");
    }
    // Longer than any request, though a frame may be that long.
    raw.write(&framed(&vec![b'7'; 1 << 20])).await;
    assert!(raw.next_with(&["4"]).await[4].contains("expected at most 65536"));
    raw.send(&(order.join("\0") + "\0")).await;
    assert_eq!(raw.next_with(&["3"]).await[1..3], ["7", "Submitted"]);
    assert_eq!(gateway.truth().open_orders.len(), 1);
    gateway.stop();
}

#[tokio::test]
async fn a_client_that_asks_much_and_reads_nothing_waits_and_costs_little_memory() {
    const UNREAD_MAX: usize = 4 << 20;
    let gateway = start_with(
        options(vec![quote(0, 5000.0, 5, 5000.25, 5)], Pacing::Answered),
        Bounds { outbox_bytes_max: UNREAD_MAX, ..Bounds::default() },
    );
    let gateway = gateway.expect("a free port");
    let mut desk = Desk::open(&gateway, 1).await;
    let mut rude = Raw::text(&gateway, 178, 2).await;
    // Each asks for some hundred times its own length.
    let questions =
        framed(b"9\x008\x007\x00\x00ES\x00FUT\x00\x00\x00\x00\x00CME\x00\x00\x00\x00\x00\x000\x00\x00\x00").repeat(500);
    let asking = tokio::spawn(async move {
        loop {
            rude.write_or_wait(&questions).await;
        }
    });
    within(async {
        while gateway.stats().unread_bytes_peak == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
    desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
    let peak = gateway.stats().unread_bytes_peak;
    assert!(peak <= UNREAD_MAX, "{peak}");
    assert_eq!((gateway.stats().clients, asking.is_finished()), (2, false), "it is kept waiting, and is not dropped");
    asking.abort();
    gateway.stop();
}

#[tokio::test]
async fn strangers_send_random_bytes_while_a_client_trades_on_and_notices_nothing() {
    let events = (0..200).flat_map(|n| [quote(n, 5000.0, 5, 5000.25, 5), trade(n, 5000.0, 1)]).collect();
    let gateway = answered(events);
    let mut desk = Desk::open(&gateway, 1).await;
    let mut ticks = within(desk.client.tick_by_tick(&desk.contract, 0).last()).await.expect("trades");
    let address = gateway.local_addr();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let noise = prop::collection::vec(any::<u8>(), 0..2000);
    let mut strangers = tokio::task::JoinSet::new();
    for number in 0..120 {
        let tail = noise.new_tree(&mut runner).expect("a strategy without filters").current();
        let start = format!("71\x002\x00{}\x00\x00", 100 + number);
        let bytes = match number % 4 {
            0 => tail,
            1 => [hello("v100..178"), tail].concat(),
            2 => [hello("v100..178"), framed(start.as_bytes()), tail].concat(),
            _ => [hello("v213..225"), framed(&[0, 0, 1, 15, 0x08, 60 + number / 4]), framed(&tail)].concat(),
        };
        strangers.spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            // The gateway may have hung up before it read all of it.
            let written = stream.write_all(&bytes).await;
            let ended = stream.shutdown().await;
            let mut said = Vec::new();
            let read = stream.read_to_end(&mut said).await;
            drop((written, ended, read));
        });
    }
    for n in 0..60 {
        let id = desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
        desk.expect(&[&format!("open {id} Submitted 1"), &format!("status {id} Submitted 0/1")]).await;
        step(&desk.client).await;
        step(&desk.client).await;
        assert_eq!(data!(ticks).time.unix_timestamp(), OPEN_S + n);
        drop(within(desk.client.cancel_order(id, "")).await.expect("sent"));
        desk.expect(&[&format!("status {id} Cancelled 0/1"), "error 202"]).await;
    }
    within(async { while strangers.join_next().await.is_some() {} }).await;
    desk.expect_nothing().await;
    assert_eq!(gateway.truth().completed_orders.len(), 60);
    gateway.stop();
}
