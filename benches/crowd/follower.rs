//! One client of the crowd, without a library: it subscribes to quotes and trades and checks each frame's number.
//! In: an address. Out: what it has seen. Absent: trading.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::served::size_of;

const READ_BYTES: usize = 256 << 10;
const TICK_BY_TICK: i32 = 99;
const CURRENT_TIME: i32 = 49;

#[derive(Default)]
pub struct Seen {
    pub frames: u64,
    pub bytes: u64,
    /// Frames that were not the next of the market.
    pub disordered: u64,
}

pub struct Follower {
    stream: TcpStream,
    protobuf: bool,
}

impl Follower {
    /// Connects, starts and subscribes; returns when the gateway has done all of it. Even numbers speak text.
    pub async fn subscribe(address: SocketAddr, number: usize) -> Self {
        let protobuf = number % 2 == 1;
        let mut stream = TcpStream::connect(address).await.expect("the gateway listens");
        stream.set_nodelay(true).expect("a TCP socket");
        let offer: &[u8] = if protobuf { b"v213..225" } else { b"v157..178" };
        stream.write_all(b"API\0").await.expect("the gateway reads");
        let mut follower = Self { stream, protobuf };
        follower.send(offer).await;
        follower.frame().await;
        let client_id = (number & 0x7F) as u8;
        let text = |fields: &[&str]| (fields.join("\0") + "\0").into_bytes();
        if protobuf {
            // StartApiRequest: the client id, in two bytes of a varint.
            follower.send(&[0, 0, 1, 15, 0x08, client_id | 0x80, (number >> 7) as u8]).await;
        } else {
            follower.send(&text(&["71", "2", &number.to_string(), ""])).await;
        }
        for (req_id, kind) in [(1, "BidAsk"), (2, "AllLast")] {
            if protobuf {
                let mut body = vec![0, 0, 1, 41, 0x08, req_id, 0x12, 22];
                // Contract: symbol, security type, month, exchange.
                body.extend_from_slice(b"\x12\x02ES\x1a\x03FUT\x22\x06202612\x42\x03CME");
                body.extend_from_slice(&[0x1a, kind.len() as u8]);
                body.extend_from_slice(kind.as_bytes());
                follower.send(&body).await;
            } else {
                let contract = ["", "ES", "FUT", "202612", "", "", "", "CME", "", "", "", ""];
                let req_id = req_id.to_string();
                let fields = [&["97", &req_id][..], &contract, &[kind, "0", "0"]].concat();
                follower.send(&text(&fields)).await;
            }
        }
        // The answer to a question comes after everything before it was done.
        follower.send(if protobuf { &[0, 0, 0, 249] } else { b"49\x001\x00" }).await;
        loop {
            let body = follower.frame().await;
            match follower.id(&body) {
                4 => follower.complain(&body),
                CURRENT_TIME => return follower,
                _ => {}
            }
        }
    }

    fn id(&self, body: &[u8]) -> i32 {
        if self.protobuf {
            let id = body.first_chunk().expect("a message id");
            return i32::from_be_bytes(*id) - 200;
        }
        field(body, 0)
    }

    /// Errors but for the notices of the start mean that this bench asks wrongly.
    fn complain(&self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        assert!(text.contains("connection is OK"), "{text:?}");
    }

    async fn send(&mut self, body: &[u8]) {
        let mut frame = u32::try_from(body.len()).expect("short").to_be_bytes().to_vec();
        frame.extend_from_slice(body);
        self.stream.write_all(&frame).await.expect("the gateway reads");
    }

    async fn frame(&mut self) -> Vec<u8> {
        let length = self.stream.read_u32().await.expect("the gateway answers");
        let mut body = vec![0; length as usize];
        self.stream.read_exact(&mut body).await.expect("the gateway answers");
        body
    }

    /// Reads `ticks` ticks, or until the gateway hangs up.
    pub async fn follow(mut self, ticks: u64) -> Seen {
        let mut seen = Seen::default();
        let mut buffer: Vec<u8> = Vec::with_capacity(READ_BYTES);
        while seen.frames < ticks {
            match self.stream.read_buf(&mut buffer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
            let mut used = 0;
            while let Some((head, rest)) = buffer[used..].split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*head) as usize;
                let Some(body) = rest.get(..length) else { break };
                if self.id(body) == TICK_BY_TICK {
                    seen.disordered += u64::from(self.size(body) != size_of(seen.frames));
                    seen.frames += 1;
                    seen.bytes += 4 + length as u64;
                }
                used += 4 + length;
            }
            buffer.drain(..used);
        }
        seen
    }

    /// The size that tells this tick from its neighbours: the bid's of a quote, the trade's.
    fn size(&self, body: &[u8]) -> u32 {
        let quote = if self.protobuf { body[5] == 1 } else { field(body, 1) == 1 };
        if !self.protobuf {
            return field(body, if quote { 6 } else { 5 }) as u32;
        }
        // Four digits under tag 5 of a quote or 4 of a trade; no other part of the message has the same head.
        let head: &[u8] = if quote { &[0x2a, 4] } else { &[0x22, 4] };
        let at = body.windows(2).rposition(|two| two == head).expect("a size of four digits");
        body[at + 2..at + 6].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    }
}

fn field(body: &[u8], at: usize) -> i32 {
    let digits = body.split(|byte| *byte == 0).nth(at).expect("a field");
    digits.iter().fold(0, |number, digit| number * 10 + i32::from(digit.wrapping_sub(b'0')))
}
