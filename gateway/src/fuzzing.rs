//! What a stranger may send, without a socket: for fuzzers and property tests. In: bytes as they come off the wire.
//! Out: nothing but the assertion that whatever was said in return can be read. Absent: anything that a program needs.

use engine::market::{FeedEvent, Instrument, MarketEvent, Price, Quote, SymbolId, Trade};
use engine::time::Timestamp;
use engine::trade::Money;
use rust_decimal::Decimal;

use crate::broker::Broker;
use crate::history::History;
use crate::options::{CLIENTS_MAX, Options, Pacing};
use crate::stats::Counters;
use crate::wire::request::Request;
use crate::wire::{Encoding, frame, handshake};

/// Every way in which a client may be spoken to.
const ENCODINGS: [Encoding; 4] = [
    Encoding::Text { version: 157 },
    Encoding::Text { version: 176 },
    Encoding::Text { version: 178 },
    Encoding::Protobuf { version: 225 },
];
/// 2026-11-23T15:00:00Z, a Monday in regular hours.
const OPEN_S: i64 = 1_795_446_000;
const STRANGER: u64 = 1;
const WITNESS: u64 = 2;

/// Reads bytes as a hello, as a frame and as a request in each encoding.
pub fn decode(bytes: &[u8]) {
    drop(handshake::read_offer(bytes));
    if let Ok(Some((body, used))) = frame::split(bytes) {
        assert!(body.len() + 4 == used && used <= bytes.len(), "a frame lies in its bytes");
    }
    for encoding in ENCODINGS {
        drop(Request::decode(encoding, bytes));
    }
}

/// A started client sends `bytes`, the first of which chooses its encoding, while another one follows the account
/// and the trades. Returns how many of the frames were understood as requests.
///
/// # Panics
/// If the gateway would have said anything that is not a whole frame, or the other client was ended.
pub fn session(bytes: &[u8]) -> usize {
    let Some((first, rest)) = bytes.split_first() else { return 0 };
    let encoding = ENCODINGS[usize::from(*first) % ENCODINGS.len()];
    let mut broker = broker();
    start(&mut broker, WITNESS, Encoding::Text { version: 178 });
    for body in WITNESSED {
        ask(&mut broker, WITNESS, Encoding::Text { version: 178 }, body.as_bytes());
    }
    while broker.counters.read().ticks_sent == 0 {
        assert!(broker.play(Timestamp::MAX), "the witness follows trades, and there are some");
    }
    start(&mut broker, STRANGER, encoding);
    let (mut at, mut understood) = (0, 0);
    while let Ok(Some((body, used))) = frame::split(&rest[at..]) {
        understood += usize::from(ask(&mut broker, STRANGER, encoding, body));
        broker.play(Timestamp::MAX);
        check(&mut broker);
        at += used;
        if broker.clients()[&STRANGER].leaving {
            break;
        }
    }
    broker.close(STRANGER);
    assert!(broker.clients()[&WITNESS].client_id.is_some(), "a stranger cannot end another client");
    understood
}

/// Positions, account updates, trades of ES.
const WITNESSED: [&str; 3] = [
    "61\x001\x00",
    "6\x002\x001\x00\x00",
    "97\x005\x00\x00ES\x00FUT\x00202612\x00\x00\x00\x00CME\x00\x00\x00\x00\x00AllLast\x000\x000\x00",
];

fn start(broker: &mut Broker, conn: u64, encoding: Encoding) {
    broker.open(conn, encoding);
    let body = match encoding {
        Encoding::Text { .. } => format!("71\x002\x00{conn}\x00\x00").into_bytes(),
        Encoding::Protobuf { .. } => vec![0, 0, 1, 15, 0x08, conn as u8],
    };
    assert!(ask(broker, conn, encoding, &body), "a start is understood");
}

/// As a connection does it.
fn ask(broker: &mut Broker, conn: u64, encoding: Encoding, body: &[u8]) -> bool {
    match Request::decode(encoding, body) {
        Ok(request) => broker.handle(conn, request),
        Err(bad) => {
            broker.reject_frame(conn, Request::order_id_in(encoding, body), &bad.to_string());
            return false;
        }
    }
    true
}

/// Whatever waits to be written is whole frames, each with a message id; it is read and forgotten.
fn check(broker: &mut Broker) {
    broker.gather();
    for client in broker.clients().values_mut() {
        let mut rest = client.outbox.pending();
        let count = rest.len();
        while !rest.is_empty() {
            let (body, used) = frame::split(rest).expect("a length that is allowed").expect("a whole frame");
            match client.encoding {
                Encoding::Text { .. } => assert!(body.last() == Some(&0) && body[0].is_ascii_digit(), "fields"),
                Encoding::Protobuf { .. } => assert!(body.len() >= 4 && body[..2] == [0, 0], "a message id"),
            }
            rest = &rest[used..];
        }
        client.outbox.consume(count);
    }
}

/// A market of some minutes in which prices come and go.
fn broker() -> Broker {
    let es = Instrument {
        id: SymbolId(0),
        name: "ES".to_owned(),
        root: "ES".to_owned(),
        expiry: Some("202612".to_owned()),
        exchange: "CME".to_owned(),
        currency: "USD".to_owned(),
        tick_size: Decimal::new(25, 2),
        multiplier: Decimal::from(50),
    };
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        instruments: vec![es],
        source: Box::new((0..400).map(event)),
        pace: Pacing::Answered,
        account: "DU1234567".to_owned(),
        cash: Money::from_micros(100_000_000_000),
        commission: Money::from_micros(2_250_000),
        wait_for_client: false,
        clients_max: CLIENTS_MAX,
        history: History::default(),
        log: slog::Logger::root(slog::Discard, slog::o!()),
    };
    Broker::new(options, Counters::default())
}

fn event(n: i64) -> FeedEvent {
    let ts = Timestamp::from_secs(OPEN_S + n);
    let price = Price(20_000 + (n % 16 - 8) as i32);
    let event = if n % 2 == 0 {
        let ask = Some(Price(price.0 + 1));
        MarketEvent::Quote(Quote { ts, bid: Some(price), ask, bid_size: 3, ask_size: 2 })
    } else {
        MarketEvent::Trade(Trade { ts, price, size: 4 })
    };
    FeedEvent { symbol: SymbolId(0), event }
}
