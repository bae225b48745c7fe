//! A partner for a client that practises: it greets, sends a trade when it is told to, and takes orders without a word.
//! In: one connection of the crate's protocol, over loopback. Out: frames as the gateway sends them.
//! Absent: a market, an account, threads. Nothing happens but in its turns, and nothing there waits, so that it can run on
//! the thread of its client, between other work.

use std::fmt::Display;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use crate::wire::handshake::Offer;
use crate::wire::request::Request;
use crate::wire::response::Response;
use crate::wire::session::{ManagedAccounts, NextValidId, StartApiRequest};
use crate::wire::ticks::{Mask, Tick, TickByTickRequest, TickKind};
use crate::wire::ticks::{put_frame, put_prefix, put_protobuf_body, put_text_body};
use crate::wire::{Ask as _, Encoding, frame, handshake};

const ACCOUNT: &str = "DU0000000";
/// 2026-11-24T15:00:00Z, as seconds and as the greeting has it.
const TRADED_AT_S: i64 = 1_795_532_400;
const CONNECTED_AT: &str = "20261124 15:00:00 UTC";
/// On the grid of every instrument that there is.
const PRICE: f64 = 5_000.0;
const READ_BYTES: usize = 16 << 10;

/// One turn of a partner. It answers what has come since the last one, and with `true` sends a trade to a client that has
/// subscribed to some. Returns how many messages came. An error means that the line is gone, or that the client does not
/// speak the protocol or does not read.
pub type Turn = Box<dyn FnMut(bool) -> io::Result<usize>>;

/// A partner on a free port of the loopback interface, for one client: the first one, and nobody after it.
pub fn spar() -> io::Result<(SocketAddr, Turn)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let mut partner = Sparring::Listens(listener);
    Ok((address, Box::new(move |trade| partner.turn(trade))))
}

enum Sparring {
    Listens(TcpListener),
    Talks(Line),
}

struct Line {
    stream: TcpStream,
    input: Vec<u8>,
    /// From the handshake on.
    encoding: Option<Encoding>,
    /// The whole frame of a trade, once the client has subscribed.
    trade: Option<Vec<u8>>,
}

impl Sparring {
    fn turn(&mut self, trade: bool) -> io::Result<usize> {
        if let Sparring::Listens(listener) = self {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(none) if none.kind() == ErrorKind::WouldBlock => return Ok(0),
                Err(reason) => return Err(reason),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            *self = Sparring::Talks(Line { stream, input: Vec::new(), encoding: None, trade: None });
        }
        let Sparring::Talks(line) = self else { return Ok(0) };
        line.read()?;
        let came = line.answer()?;
        if let Some(frame) = line.trade.as_ref().filter(|_| trade) {
            line.stream.write_all(frame)?;
        }
        Ok(came)
    }
}

impl Line {
    /// Takes what has arrived.
    fn read(&mut self) -> io::Result<()> {
        let mut bytes = [0; READ_BYTES];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.input.extend_from_slice(&bytes[..count]),
                Err(none) if none.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(reason) => return Err(reason),
            }
        }
    }

    /// Answers every whole message, and returns their number.
    fn answer(&mut self) -> io::Result<usize> {
        let Some(encoding) = self.encoding else { return self.greet().map(|()| 0) };
        let (mut came, mut used, mut reply) = (0, 0, Vec::new());
        while let Some((body, length)) = frame::split(&self.input[used..]).map_err(unreadable)? {
            (came, used) = (came + 1, used + length);
            match encoding.message_id(body) {
                Some(StartApiRequest::ID) => {
                    let accounts_list = Some(ACCOUNT.to_owned());
                    Response::from(ManagedAccounts { accounts_list }).put(encoding, &mut reply);
                    Response::from(NextValidId { order_id: Some(1) }).put(encoding, &mut reply);
                }
                Some(TickByTickRequest::ID) => {
                    if let Request::TickByTick(request) = Request::decode(encoding, body).map_err(unreadable)? {
                        let req_id = request.req_id.ok_or_else(|| unreadable("a subscription without an id"))?;
                        self.trade = Some(trade(encoding, req_id));
                    }
                }
                // Orders are most of what comes, and nobody looks into them.
                _ => {}
            }
        }
        self.input.drain(..used);
        self.stream.write_all(&reply)?;
        Ok(came)
    }

    fn greet(&mut self) -> io::Result<()> {
        let Some((Offer { min, max }, used)) = handshake::read_offer(&self.input).map_err(unreadable)? else {
            return Ok(());
        };
        let nothing = || unreadable(format!("the client speaks versions {min} to {max}: nothing in common"));
        let encoding = Encoding::negotiate(min, max).ok_or_else(nothing)?;
        let mut reply = Vec::new();
        handshake::put_reply(&mut reply, encoding.version(), CONNECTED_AT);
        self.input.drain(..used);
        self.encoding = Some(encoding);
        self.stream.write_all(&reply)
    }
}

/// The frame of a trade for the subscription `req_id`.
fn trade(encoding: Encoding, req_id: i32) -> Vec<u8> {
    let tick = Tick::Last { time: TRADED_AT_S, price: PRICE, size: 1, mask: Mask::default(), exchange: "CME" };
    let (mut prefix, mut body, mut out) = (Vec::new(), Vec::new(), Vec::new());
    put_prefix(&mut prefix, encoding, req_id, TickKind::Last);
    match encoding {
        Encoding::Text { .. } => put_text_body(&mut body, &tick),
        Encoding::Protobuf { .. } => put_protobuf_body(&mut body, &mut Vec::new(), &tick),
    }
    put_frame(&mut out, &prefix, &body);
    out
}

fn unreadable(reason: impl Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ibapi::Client;
    use ibapi::contracts::{Contract, Exchange};
    use ibapi::orders::Action;
    use ibapi::orders::order_builder::market_order;
    use ibapi::prelude::StreamExt as _;
    use ibapi::subscriptions::SubscriptionItem;

    use super::*;

    /// Turns for as long as `other` needs.
    async fn beside<T>(turn: &mut Turn, other: impl Future<Output = T>) -> T {
        let turning = async {
            loop {
                turn(false).expect("the line holds");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let within = tokio::time::timeout(Duration::from_secs(20), other);
        tokio::select! {
            done = within => done.expect("it ends"),
            () = turning => unreachable!("it never ends"),
        }
    }

    #[tokio::test]
    async fn the_crate_is_greeted_gets_each_trade_and_gives_orders() {
        let (address, mut turn) = spar().expect("a free port");
        let builder = Client::builder().address(address.to_string()).client_id(1).max_reconnect_attempts(0);
        let client = beside(&mut turn, builder.connect()).await.expect("it is greeted");
        assert_eq!(client.handshake_managed_accounts(), [ACCOUNT]);
        turn(true).expect("nobody has subscribed yet, and so nothing is sent");

        let contract = Contract { contract_id: 1, exchange: Exchange::from("CME"), ..Contract::default() };
        let mut trades = client.tick_by_tick(&contract, 0).last().await.expect("a live connection");
        for order_id in 1..=3 {
            turn(true).expect("the line holds");
            let item = beside(&mut turn, trades.next()).await.expect("the stream goes on");
            let Ok(SubscriptionItem::Data(trade)) = item else { panic!("{item:?}") };
            assert_eq!((trade.price, trade.time.unix_timestamp()), (PRICE, TRADED_AT_S));
            let order = market_order(Action::Buy, 1.0);
            client.submit_order(order_id, &contract, &order).await.expect("a live connection");
            assert_eq!(turn(false).expect("the line holds"), 1, "the order came");
        }
        client.disconnect().await;
        let gone = (0..1_000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            turn(true).err()
        });
        assert!(gone.is_some(), "the line's end is told");
    }

    #[test]
    fn both_encodings_have_their_trade() {
        let encodings =
            [Encoding::negotiate(100, 178), Encoding::negotiate(213, 226)].map(|found| found.expect("spoken"));
        let [text, protobuf] = encodings.map(|encoding| trade(encoding, 7));
        let text = String::from_utf8(text[4..].to_vec()).expect("text");
        assert_eq!(text, format!("99\x007\x001\x00{TRADED_AT_S}\x005000.0\x001\x000\x00CME\x00\x00"));
        let (body, whole) = frame::split(&protobuf).expect("a frame").expect("whole");
        assert_eq!((encodings[1].message_id(body), whole), (Some(99), protobuf.len()));
    }

    #[test]
    fn who_does_not_speak_the_protocol_is_told_of_and_waits_for_nothing() {
        for said in [&b"GET / HTTP/1.1\r\n"[..], b"API\0\0\0\0\x08v90..100"] {
            let (address, mut turn) = spar().expect("a free port");
            turn(true).expect("nobody has come yet");
            let mut stranger = TcpStream::connect(address).expect("it listens");
            stranger.write_all(said).expect("it is small");
            let refused = (0..1_000).find_map(|_| {
                std::thread::sleep(Duration::from_millis(1));
                turn(false).err()
            });
            assert_eq!(refused.map(|reason| reason.kind()), Some(ErrorKind::InvalidData), "{said:?}");
        }
    }
}
