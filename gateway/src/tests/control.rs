//! The control channel over real HTTP, and what it shows.

use ibapi::orders::Action;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::raw::Raw;
use super::*;
use crate::{ControlOptions, Rehearsal, StartError, start_rehearsal};

fn control(listen: &str) -> ControlOptions {
    ControlOptions { listen: listen.parse().expect("an address"), token: None, any_address: false }
}

fn controlled(events: Vec<FeedEvent>, control: ControlOptions) -> Result<Gateway, StartError> {
    let rehearsal = Rehearsal { transcript_entries: 10_000, control: Some(control), ..Rehearsal::default() };
    start_rehearsal(options(events, Pacing::Answered), rehearsal)
}

fn open(events: Vec<FeedEvent>) -> Gateway {
    controlled(events, control("127.0.0.1:0")).expect("a free port")
}

/// One request as text, with these headers besides; status and JSON of its answer.
async fn ask_with(gateway: &Gateway, request: &str, headers: &str, body: &str) -> (u16, Json) {
    let address = gateway.control_addr().expect("a control channel");
    let mut stream = within(TcpStream::connect(address)).await.expect("a connection");
    let length = body.len();
    let text = format!(
        "{request} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    within(stream.write_all(text.as_bytes())).await.expect("the gateway reads");
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    assert!(head.contains("content-type: application/json"), "{head}");
    (status, serde_json::from_str(body).expect("JSON"))
}

async fn ask(gateway: &Gateway, request: &str, body: impl ToString) -> (u16, Json) {
    ask_with(gateway, request, "", &body.to_string()).await
}

#[tokio::test]
async fn faults_are_listed_begun_shown_and_cleared() {
    let gateway = open(vec![]);
    let mut raw = Raw::text(&gateway, 178, 7).await;
    let (status, table) = ask(&gateway, "GET /faults", "").await;
    assert_eq!((status, table == crate::fault_json()), (200, true));
    let fault = json!({ "name": "unanswered", "for": "1h", "client": 7, "params": { "requests": "clock" } });
    let (status, begun) = ask(&gateway, "POST /faults", fault).await;
    assert_eq!((status, &begun["name"]), (201, &json!("unanswered")));
    raw.send("49\x001\x00").await;
    raw.expect_silence().await;
    let (_, running) = ask(&gateway, "GET /faults/running", "").await;
    assert_eq!(running, json!([{ "id": begun["id"], "name": "unanswered", "client": 7, "for": "3600s" }]));
    let (status, _) = ask(&gateway, &format!("DELETE /faults/{}", begun["id"]), "").await;
    assert_eq!(status, 200);
    raw.send("49\x001\x00").await;
    raw.next_with(&["49"]).await;
    let (status, _) = ask(&gateway, &format!("DELETE /faults/{}", begun["id"]), "").await;
    assert_eq!(status, 404);
    gateway.stop();
}

#[tokio::test]
async fn bad_requests_say_what_was_expected() {
    let gateway = open(vec![]);
    let bad = [
        ("POST /faults", "{", "a JSON object"),
        ("POST /faults", "[1]", "a JSON object"),
        ("POST /faults", "{}", "the name of a fault"),
        ("POST /faults", "{\"name\": \"half-closed\"}", "one of half-open"),
        ("POST /faults", "{\"name\": \"lag\", \"by\": 5, \"for\": \"x\"}", "a span like"),
        ("POST /faults", "{\"name\": \"lag\", \"client\": 1}", "concerns what all clients share"),
        ("POST /faults", "{\"name\": \"half-open\", \"client\": -1}", "a client id, a whole number from 0"),
        ("POST /faults", "{\"name\": \"half-open\", \"for\": \"0s\"}", "a span longer than 0"),
        ("POST /script", "[[at]]\ntime = \"1s\"\nfault = \"half-open\"\nfor = \"0s\"\n", "a span longer than 0"),
        ("POST /script", "[[at]]\nafter = \"fill\"\nof = -1\nfault = \"half-open\"\n", "a client id from 0"),
        ("DELETE /faults/first", "", "DELETE /faults/ID"),
        ("GET /transcript?since=yesterday", "", "since=N"),
        ("GET /transcript?last=5&since=1", "", "last=N"),
        ("POST /orders", "{\"side\": \"UP\", \"quantity\": 1}", "BUY"),
        ("POST /orders", "{\"side\": \"BUY\"}", "quantity"),
        ("POST /clock/advance", "{\"by\": 3}", "a span like"),
        ("POST /script", "[[at]]\nfault = \"gap\"\n", "expected time, after or before"),
    ];
    for (request, body, expected) in bad {
        let (status, answer) = ask(&gateway, request, body).await;
        assert_eq!(status, 400, "{request} {body}: {answer}");
        assert!(answer.to_string().contains(expected), "{request} {body}: {answer}");
    }
    let impossible = json!({ "name": "liquidation" });
    assert_eq!(ask(&gateway, "POST /faults", impossible).await.0, 409);
    let refused = json!({ "side": "BUY", "quantity": 1, "type": "LMT", "limit": 5000.1 });
    let (status, answer) = ask(&gateway, "POST /orders", refused).await;
    assert_eq!((status, &answer["code"]), (409, &json!(110)));
    assert_eq!(ask(&gateway, "PUT /faults", "").await.0, 405);
    let (status, answer) = ask(&gateway, "GET /", "").await;
    assert_eq!(status, 404);
    assert!(answer["expected"].as_array().is_some_and(|routes| routes.len() == 10), "{answer}");
    gateway.stop();
}

#[tokio::test]
async fn the_truth_and_every_message_can_be_read() {
    let gateway = open(vec![quote(0, 5000.0, 5, 5000.25, 5), trade(1, 5000.25, 1), trade(2, 5000.5, 1)]);
    let mut raw = Raw::text(&gateway, 178, 2).await;
    let mut desk = Desk::open(&gateway, 1).await;
    let _ticks = within(desk.client.tick_by_tick(&desk.contract, 0).last()).await.expect("trades");
    step(&desk.client).await;
    desk.submit(&order(Action::Buy, 2.0, "MKT", 0.0)).await;
    desk.settle().await;
    step(&desk.client).await;
    raw.send("3\x001\x00").await;
    raw.error().await;
    let (status, state) = ask(&gateway, "GET /state", "").await;
    assert_eq!(status, 200);
    assert_eq!((&state["positions"][0]["contract"], &state["positions"][0]["quantity"]), (&json!("ESZ6"), &json!(2)));
    assert_eq!(state["executions"][0]["price"], 5000.25);
    assert_eq!(state["completed_orders"][0]["status"], "Filled");
    assert_eq!(state["clients"].as_array().map(Vec::len), Some(2));
    assert_eq!(state["now"], "2026-11-23T15:00:01Z");

    let (_, of_desk) = ask(&gateway, "GET /transcript?client=1", "").await;
    let entries = of_desk["entries"].as_array().expect("entries");
    let of = |direction: &str, message: &str| {
        let mut found = entries.iter().filter(|e| e["direction"] == direction && e["message"] == message);
        found.next().unwrap_or_else(|| panic!("{direction} {message} in {of_desk}"))
    };
    assert_eq!(of("in", "placeOrder")["fields"]["order"]["total_quantity"], "2");
    assert_eq!(of("out", "Execution")["fields"]["execution"]["price"], 5000.25);
    assert_eq!(of("out", "TickByTick")["fields"]["last"]["price"], 5000.25);
    assert_eq!(of("out", "OrderStatus")["fields"]["perm_id"].as_i64().map(|id| id > 1 << 31), Some(true));
    let (_, of_raw) = ask(&gateway, "GET /transcript?client=2&since=0", "").await;
    let text = of_raw.to_string();
    assert!(text.contains("\"unreadable\"") && text.contains("\"code\":\"320\""), "{text}");
    assert!(text.contains("\"accountsList\":\"DU1234567\""), "{text}");
    let (_, newest) = ask(&gateway, "GET /transcript?client=1&last=3", "").await;
    assert_eq!(newest["entries"].as_array().map(|newest| &newest[..]), Some(&entries[entries.len() - 3..]));
    assert_eq!(newest["next"], of_desk["next"]);
    let (_, rest) = ask(&gateway, &format!("GET /transcript?since={}", of_desk["next"]), "").await;
    assert!(rest["entries"].as_array().is_some_and(|rest| rest.len() < entries.len()), "only what is new: {rest}");
    gateway.stop();
}

#[tokio::test]
async fn orders_by_hand_the_clock_and_scripts() {
    let gateway = open((0..40).map(|second| quote(second, 5000.0, 5, 5000.25, 5)).collect());
    let desk = Desk::open(&gateway, 1).await;
    let _ticks = within(desk.client.tick_by_tick(&desk.contract, 0).last()).await.expect("trades");
    step(&desk.client).await;
    let (status, placed) = ask(&gateway, "POST /orders", json!({ "side": "SELL", "quantity": 2 })).await;
    assert_eq!((status, &placed["order_id"]), (201, &json!(0)));
    assert_eq!(gateway.truth().positions[0].quantity, -2);
    let by_other = json!({ "side": "BUY", "quantity": 1, "client": 99, "contract": "ESZ6", "order_ref": "theirs" });
    assert_eq!(ask(&gateway, "POST /orders", by_other).await.0, 201);
    let last = gateway.truth().executions.pop().expect("an execution");
    assert_eq!((last.client_id, last.order_ref.as_str()), (99, "theirs"));

    let script = "[[at]]\ntime = \"00:00:05\"\nfault = \"connectivity-lost\"\n";
    let (status, answer) = ask(&gateway, "POST /script", script).await;
    assert_eq!((status, answer), (201, json!({ "entries": 1 })));
    let mut raw = Raw::text(&gateway, 178, 2).await;
    let (_, moved) = ask(&gateway, "POST /clock/advance", json!({ "by": "10s" })).await;
    assert_eq!(moved["now"], "2026-11-23T15:00:10Z");
    assert_eq!(ask(&gateway, "GET /clock", "").await.1, moved);
    assert_eq!(raw.error().await, (-1, 1100));
    gateway.stop();
}

#[tokio::test]
async fn only_those_who_should_get_in() {
    let anywhere = controlled(vec![], control("0.0.0.0:0"));
    assert!(matches!(anywhere, Err(StartError::ControlOpen(_))));
    let allowed = ControlOptions { any_address: true, ..control("0.0.0.0:0") };
    controlled(vec![], allowed).expect("allowed explicitly").stop();
    let token = ControlOptions { token: Some("s3cret".to_owned()), ..control("127.0.0.1:0") };
    assert!(!format!("{token:?}").contains("s3cret"));
    let gateway = controlled(vec![], token).expect("a free port");
    for (headers, status) in [
        ("", 401),
        ("authorization: Bearer s3cre\r\n", 401),
        ("authorization: s3cret\r\n", 401),
        ("authorization: Bearer s3cret\r\n", 200),
        ("authorization: Bearer s3cret\r\norigin: http://example.com\r\n", 403),
    ] {
        assert_eq!(ask_with(&gateway, "GET /clock", headers, "").await.0, status, "{headers:?}");
    }
    gateway.stop();
}

#[tokio::test]
async fn a_body_without_end_and_a_nonsense_request_hurt_nobody() {
    let gateway = open(vec![]);
    let address = gateway.control_addr().expect("a control channel");
    let mut nonsense = within(TcpStream::connect(address)).await.expect("a connection");
    within(nonsense.write_all(b"API\0\0\0\0\x09v100..178\r\n\r\n")).await.expect("sent");
    let mut answer = Vec::new();
    within(nonsense.read_to_end(&mut answer)).await.expect("an end");
    let huge = "x".repeat(2 << 20);
    let address = gateway.control_addr().expect("a control channel");
    let mut stream = within(TcpStream::connect(address)).await.expect("a connection");
    let head = format!("POST /script HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", huge.len());
    within(stream.write_all(head.as_bytes())).await.expect("sent");
    // The gateway may stop reading before the end: then writing fails, and the answer is there all the same.
    drop(tokio::time::timeout(DEADLINE, stream.write_all(huge.as_bytes())).await);
    let mut start = [0; 12];
    if within(stream.read_exact(&mut start)).await.is_ok() {
        assert_eq!(&start, b"HTTP/1.1 400");
    }
    assert_eq!(ask(&gateway, "GET /clock", "").await.0, 200);
    gateway.stop();
}

#[tokio::test]
async fn a_market_with_a_clock_is_moved_forward_and_a_stalled_client_gets_everything_afterwards() {
    let began = std::time::Instant::now();
    let pace = Pacing::Clock(std::sync::Arc::new(move || at(0) + began.elapsed()));
    let events = (0..7200).map(|second| trade(second, 5000.0, 1)).collect();
    let gateway = start_rehearsal(options(events, pace), Rehearsal::default()).expect("a free port");
    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let mut ticks = within(client.tick_by_tick(&contract, 0).last()).await.expect("trades");
    // The first tick tells that the subscription was read before the connection stalls.
    let first = data!(ticks).time.unix_timestamp();
    gateway.inject(crate::Fault::new("half-open").lasting(Duration::from_secs(300))).expect("it can happen");
    assert!(gateway.advance(Duration::from_secs(200)) >= at(200));
    let stalled = tokio::time::timeout(QUIET, ticks.next()).await;
    assert!(stalled.is_err(), "200 seconds of ticks wait: {stalled:?}");
    gateway.advance(Duration::from_secs(200));
    for second in 1..400 {
        assert_eq!(data!(ticks).time.unix_timestamp(), first + second, "every tick, in order");
    }
    gateway.stop();
}

#[tokio::test]
async fn advancing_is_answered_when_it_is_done_and_refused_while_the_market_waits() {
    let began = std::time::Instant::now();
    let pace = Pacing::Clock(std::sync::Arc::new(move || at(0) + began.elapsed()));
    let events = (0..7200).map(|second| trade(second, 5000.0, 1)).collect();
    let options = Options { wait_for_client: true, ..options(events, pace) };
    let rehearsal = Rehearsal { control: Some(control("127.0.0.1:0")), ..Rehearsal::default() };
    let gateway = start_rehearsal(options, rehearsal).expect("a free port");
    let by = json!({ "by": "1h" });
    let (status, answer) = ask(&gateway, "POST /clock/advance", &by).await;
    assert_eq!(status, 409);
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("first subscription")), "{answer}");
    assert_eq!(gateway.truth().now, at(0), "nothing has moved");

    let client = connect(&gateway, 1).await;
    let contract = es(&client).await;
    let mut ticks = within(client.tick_by_tick(&contract, 0).last()).await.expect("trades");
    data!(ticks);
    let (status, moved) = ask(&gateway, "POST /clock/advance", &by).await;
    let steps = gateway.stats().steps;
    assert_eq!(status, 200);
    assert!(steps > 3600, "an hour of steps has been played, found {steps}");
    assert!(moved["now"].as_str().is_some_and(|now| now.starts_with("2026-11-23T16:00:")), "{moved}");
    gateway.stop();
}
