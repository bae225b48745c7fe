//! Tick streams, written once for all clients that follow the same ones. In: who follows what, encoded ticks.
//! Out: the frames that each client has yet to get. Absent: what a tick says (`ticks`), sockets.
//!
//! A feed is a list of streams, as one client asked for them, with the frames of these streams since the last write.
//! Clients with equal lists share a feed: a tick is framed once a feed, and a client costs one copy a write. What else
//! is said to a client comes behind the ticks before it: see [`Fanout::say`].

use std::collections::BTreeMap;

use engine::market::{Price, Quote, SymbolId};

use crate::broker::clients::{Client, ConnId};
use crate::wire::response::Response;
use crate::wire::ticks::{Tick, TickKind, put_frame, put_protobuf_body, put_text_body};

/// One subscription, but for whose it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    pub req_id: i32,
    pub symbol: SymbolId,
    pub kind: TickKind,
    pub text: bool,
    /// Only price changes are wanted.
    pub ignore_size: bool,
    /// What every frame begins with.
    pub prefix: Vec<u8>,
    /// The last tick's prices, for kinds that send changes only.
    pub last: Option<(Option<Price>, Option<Price>)>,
}

impl Stream {
    /// Whether this quote is a tick for this stream.
    pub fn wants(&mut self, quote: &Quote) -> bool {
        let prices = (quote.bid, quote.ask);
        match self.kind {
            TickKind::Last | TickKind::AllLast => false,
            TickKind::BidAsk if !self.ignore_size => true,
            TickKind::MidPoint if quote.bid.is_none() || quote.ask.is_none() => false,
            TickKind::BidAsk => self.last.replace(prices) != Some(prices),
            TickKind::MidPoint => {
                let middle = |(bid, ask): (Option<Price>, Option<Price>)| Some(i64::from(bid?.0) + i64::from(ask?.0));
                self.last.replace(prices).and_then(middle) != middle(prices)
            }
        }
    }
}

#[derive(Debug)]
struct Member {
    conn: ConnId,
    /// How much of the feed's bytes this client has, or must not have.
    taken: usize,
}

#[derive(Debug, Default)]
struct Feed {
    streams: Vec<Stream>,
    members: Vec<Member>,
    bytes: Vec<u8>,
}

/// All tick-by-tick subscriptions.
#[derive(Debug, Default)]
pub struct Fanout {
    feeds: Vec<Feed>,
    /// Who subscribed, in the order in which they did.
    order: Vec<(ConnId, i32)>,
    /// Kept for their capacity: the body of the tick at hand in text and in protobuf, and its inner message.
    text: Vec<u8>,
    protobuf: Vec<u8>,
    scratch: Vec<u8>,
}

/// A feed's memory is kept from write to write up to this; a burst's is given back.
const FEED_BYTES_KEPT: usize = 1 << 20;

impl Fanout {
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The client whose clock requests play the market: the one that subscribed first.
    pub fn pacer(&self) -> Option<ConnId> {
        self.order.first().map(|(conn, _)| *conn)
    }

    pub fn follows(&self, conn: ConnId, req_id: i32) -> bool {
        self.order.contains(&(conn, req_id))
    }

    pub fn add(&mut self, conn: ConnId, client: &mut Client, stream: Stream) {
        self.order.push((conn, stream.req_id));
        let mut streams = self.leave(conn, client.outbox.tail());
        streams.push(stream);
        self.join(conn, streams);
    }

    pub fn remove(&mut self, conn: ConnId, client: &mut Client, req_id: i32) {
        if !self.follows(conn, req_id) {
            return;
        }
        self.order.retain(|entry| *entry != (conn, req_id));
        let mut streams = self.leave(conn, client.outbox.tail());
        streams.retain(|stream| stream.req_id != req_id);
        self.join(conn, streams);
    }

    pub fn remove_client(&mut self, conn: ConnId) {
        self.order.retain(|(other, _)| *other != conn);
        self.leave(conn, &mut Vec::new());
    }

    /// Ends all streams of a connection; returns their request ids.
    pub fn take_client(&mut self, conn: ConnId) -> Vec<i32> {
        let ended = self.order.iter().filter(|(other, _)| *other == conn).map(|(_, req_id)| *req_id).collect();
        self.remove_client(conn);
        ended
    }

    fn join(&mut self, conn: ConnId, streams: Vec<Stream>) {
        if streams.is_empty() {
            return;
        }
        // Streams that remember different last ticks are different streams.
        let at = self.feeds.iter().position(|feed| feed.streams == streams).unwrap_or_else(|| {
            self.feeds.push(Feed { streams, ..Feed::default() });
            self.feeds.len() - 1
        });
        let feed = &mut self.feeds[at];
        feed.members.push(Member { conn, taken: feed.bytes.len() });
    }

    /// Takes the client out of its feed, its frames put into `out`; returns the streams that it followed.
    fn leave(&mut self, conn: ConnId, out: &mut Vec<u8>) -> Vec<Stream> {
        let Some((at, member)) = self.place(conn) else { return Vec::new() };
        let feed = &mut self.feeds[at];
        let taken = feed.members.remove(member).taken;
        out.extend_from_slice(&feed.bytes[taken..]);
        if feed.members.is_empty() { self.feeds.remove(at).streams } else { self.feeds[at].streams.clone() }
    }

    /// Index of the client's feed, and of the client in it.
    fn place(&self, conn: ConnId) -> Option<(usize, usize)> {
        let member = |feed: &Feed| feed.members.iter().position(|member| member.conn == conn);
        self.feeds.iter().enumerate().find_map(|(at, feed)| Some((at, member(feed)?)))
    }

    pub fn wanted(&self, symbol: SymbolId, kind: fn(TickKind) -> bool) -> bool {
        let streams = self.feeds.iter().flat_map(|feed| &feed.streams);
        streams.into_iter().any(|stream| stream.symbol == symbol && kind(stream.kind))
    }

    /// Encodes one tick in the encodings that are needed.
    pub fn encode(&mut self, tick: &Tick<'_>) {
        self.text.clear();
        self.protobuf.clear();
        let mut streams = self.feeds.iter().flat_map(|feed| &feed.streams);
        if streams.clone().any(|stream| stream.text) {
            put_text_body(&mut self.text, tick);
        }
        if streams.any(|stream| !stream.text) {
            put_protobuf_body(&mut self.protobuf, &mut self.scratch, tick);
        }
    }

    /// Frames the encoded tick for the streams of the symbol that want it; returns how many clients get it, each
    /// counted once a stream.
    pub fn deliver(&mut self, symbol: SymbolId, mut wants: impl FnMut(&mut Stream) -> bool) -> u64 {
        let Self { feeds, text, protobuf, .. } = self;
        let mut sent = 0;
        for Feed { streams, members, bytes } in feeds {
            for stream in streams.iter_mut().filter(|stream| stream.symbol == symbol) {
                if wants(stream) {
                    put_frame(bytes, &stream.prefix, if stream.text { text } else { protobuf });
                    sent += members.len() as u64;
                }
            }
        }
        sent
    }

    /// Says something to one client, behind the ticks before it. Nothing more is said to one that leaves: it would never
    /// be done.
    pub fn say(&mut self, conn: ConnId, client: &mut Client, response: &Response) {
        if client.leaving || client.line.cut {
            return;
        }
        self.take(conn, client.outbox.tail());
        response.put(client.encoding, client.outbox.tail());
    }

    /// Puts the ticks that a client has yet to get into `out`, so that what is put next comes behind them.
    fn take(&mut self, conn: ConnId, out: &mut Vec<u8>) {
        if self.feeds.iter().all(|feed| feed.bytes.is_empty()) {
            return;
        }
        let Some((at, member)) = self.place(conn) else { return };
        let Feed { members, bytes, .. } = &mut self.feeds[at];
        out.extend_from_slice(&bytes[members[member].taken..]);
        members[member].taken = bytes.len();
    }

    /// Puts all ticks into the outboxes: the sockets are written next.
    pub fn gather(&mut self, clients: &mut BTreeMap<ConnId, Client>) {
        for Feed { members, bytes, .. } in self.feeds.iter_mut().filter(|feed| !feed.bytes.is_empty()) {
            for Member { conn, taken } in members {
                if let Some(client) = clients.get_mut(conn).filter(|client| !client.leaving && !client.line.cut) {
                    client.outbox.tail().extend_from_slice(&bytes[*taken..]);
                }
                *taken = 0;
            }
            bytes.clear();
            bytes.shrink_to(FEED_BYTES_KEPT);
        }
    }
}
