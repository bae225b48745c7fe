//! One client's socket. In: bytes. Out: requests to the broker, and the outbox to the socket.
//! Bad input costs its sender an error or the connection, and nobody else anything.

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::{Duration, Instant};

use chrono::Utc;
use slog::{debug, warn};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::broker::clients::ConnId;
use crate::faults::lines::Greeting;
use crate::pace::FLOOD_BYTES;
use crate::server::Shared;
use crate::wire::request::Request;
use crate::wire::{Encoding, frame, handshake};

/// A client with more unread bytes than this is dropped: some hundred thousand ticks.
pub const OUTBOX_BYTES_MAX: usize = 16 << 20;
/// So often it is looked whether a client has started, until its time is up.
const LOOKS: u32 = 20;
const READ_BYTES: usize = 64 << 10;
/// Answers to one client that are written before its next request is looked at, however many it sent at once.
const ANSWER_BYTES: usize = 1 << 20;

/// What a client may cost the others before it is disconnected.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub outbox_bytes_max: usize,
    /// Of the machine's time, from the connection to START_API: a stranger who says nothing must not keep a place.
    pub start_within: Duration,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { outbox_bytes_max: OUTBOX_BYTES_MAX, start_within: Duration::from_secs(10) }
    }
}

/// What other tasks need to write to a client.
pub struct Link {
    stream: Rc<TcpStream>,
    /// Wakes the client's task: there is something to write, or it must end.
    wake: Rc<Notify>,
    /// The task knows that bytes wait. Each of these is told once: tasks that woke each other would never rest.
    writing: Rc<Cell<bool>>,
    /// The task knows that it must end.
    ending: bool,
    /// The task knows that a fault keeps it from reading.
    held: bool,
}

/// Why a connection ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("closed by the client")]
    Closed,
    #[error("closed by the gateway")]
    HungUp,
    #[error("reset by a fault")]
    Reset,
    #[error("it has not started within {0:?}")]
    Late(Duration),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Hello(#[from] handshake::BadHello),
    #[error("the client speaks versions {min} to {max}: nothing in common")]
    Versions { min: i32, max: i32 },
    #[error(transparent)]
    Frame(#[from] frame::BadFrame),
}

/// Serves one connection until it ends.
pub async fn serve(shared: Rc<Shared>, stream: TcpStream, conn: ConnId) {
    let ended = tokio::select! {
        // What has arrived in time is read before time is up.
        biased;
        ended = converse(&shared, stream, conn) => ended,
        () = too_late(&shared, conn) => Ended::Late(shared.bounds.start_within),
    };
    shared.links.borrow_mut().remove(&conn);
    shared.broker.borrow_mut().close(conn);
    shared.drained.notify_one();
    match ended {
        Ended::Closed | Ended::HungUp | Ended::Reset => {
            debug!(shared.log, "connection {conn} {ended}"; "event" => "gateway.closed", "connection" => conn);
        }
        _ => warn!(shared.log, "connection {conn} ended: {ended}"; "event" => "gateway.broken", "connection" => conn),
    }
}

async fn converse(shared: &Shared, stream: TcpStream, conn: ConnId) -> Ended {
    if let Err(reason) = stream.set_nodelay(true) {
        return reason.into();
    }
    shared.broker.borrow_mut().arrive(conn);
    until_greeted(shared, conn).await;
    let mut input = Vec::new();
    let encoding = match greet(&stream, &mut input).await {
        Ok(encoding) => encoding,
        Err(ended) => return ended,
    };
    let (stream, wake, writing) = (Rc::new(stream), Rc::new(Notify::new()), Rc::new(Cell::new(false)));
    let link =
        Link { stream: stream.clone(), wake: wake.clone(), writing: writing.clone(), ending: false, held: false };
    shared.links.borrow_mut().insert(conn, link);
    shared.broker.borrow_mut().open(conn, encoding);
    let (mut more, mut behind) = (false, false);
    loop {
        if !behind {
            more = match handle_frames(shared, conn, encoding, &mut input) {
                Ok(more) => more,
                Err(bad) => return bad.into(),
            };
        }
        flush(shared);
        let (unsent, held) = match next_turn(shared, conn) {
            Turn::Goes { unsent, held } => (unsent, held),
            Turn::Ends => return Ended::HungUp,
            Turn::Resets => {
                return match stream.set_zero_linger() {
                    Ok(()) => Ended::Reset,
                    Err(reason) => reason.into(),
                };
            }
        };
        writing.set(unsent);
        // A client that asks much and reads little waits until it has read.
        behind = more && unsent;
        if more && !unsent && !held {
            tokio::task::yield_now().await;
            continue;
        }
        let interest = match (unsent, held || behind) {
            (true, true) => Some(Interest::WRITABLE),
            (false, true) => None,
            (true, false) => Some(Interest::READABLE | Interest::WRITABLE),
            (false, false) => Some(Interest::READABLE),
        };
        tokio::select! {
            ready = stream.ready(interest.unwrap_or(Interest::READABLE)), if interest.is_some() => {
                if let Err(reason) = ready {
                    return reason.into();
                }
            }
            () = wake.notified() => {}
        }
        if held || behind {
            continue;
        }
        match read(&stream, &mut input) {
            Ok(()) => {}
            Err(ended) => return ended,
        }
    }
}

/// Ends when the client has had its time to start; never for one that has started. Time in which a fault keeps the
/// gateway from greeting or reading it is not the client's.
async fn too_late(shared: &Shared, conn: ConnId) {
    let whole = shared.bounds.start_within;
    let look = (whole / LOOKS).max(Duration::from_millis(1));
    let mut spent = Duration::ZERO;
    while spent < whole {
        tokio::time::sleep(look).await;
        let mut broker = shared.broker.borrow_mut();
        let client = broker.clients().get(&conn);
        if client.is_some_and(|client| client.client_id.is_some()) {
            break;
        }
        let unread = client.is_some_and(|client| client.line.not_read);
        if !unread && broker.greeting(conn) == Greeting::Go {
            spent += look;
        }
    }
    if spent < whole {
        std::future::pending().await
    }
}

/// A fault may leave new connections waiting before a word is said.
async fn until_greeted(shared: &Shared, conn: ConnId) {
    let gates = shared.broker.borrow().faults.gates.clone();
    loop {
        let changed = gates.notified();
        if shared.broker.borrow().greeting(conn) == Greeting::Go {
            return;
        }
        changed.await;
    }
}

/// Agrees on a version. The reply is one write, and nothing follows it until START_API has come.
async fn greet(stream: &TcpStream, input: &mut Vec<u8>) -> Result<Encoding, Ended> {
    let (offer, used) = loop {
        if let Some(offer) = handshake::read_offer(input)? {
            break offer;
        }
        stream.readable().await?;
        read(stream, input)?;
    };
    input.drain(..used);
    let nothing = Ended::Versions { min: offer.min, max: offer.max };
    let encoding = Encoding::negotiate(offer.min, offer.max).ok_or(nothing)?;
    let mut reply = Vec::new();
    handshake::put_reply(&mut reply, encoding.version(), &Utc::now().format("%Y%m%d %H:%M:%S UTC").to_string());
    let mut sent = 0;
    while sent < reply.len() {
        stream.writable().await?;
        match stream.try_write(&reply[sent..]) {
            Ok(count) => sent += count,
            Err(again) if again.kind() == ErrorKind::WouldBlock => {}
            Err(reason) => return Err(reason.into()),
        }
    }
    Ok(encoding)
}

/// Takes what has arrived; nothing is not an error.
fn read(stream: &TcpStream, input: &mut Vec<u8>) -> Result<(), Ended> {
    input.reserve(READ_BYTES);
    match stream.try_read_buf(input) {
        Ok(0) => Err(Ended::Closed),
        Ok(_) => Ok(()),
        Err(again) if again.kind() == ErrorKind::WouldBlock => Ok(()),
        Err(reason) => Err(reason.into()),
    }
}

/// Does what has been asked; `true` when there is more to do once the answers so far are written.
fn handle_frames(
    shared: &Shared,
    conn: ConnId,
    encoding: Encoding,
    input: &mut Vec<u8>,
) -> Result<bool, frame::BadFrame> {
    let (mut used, mut more, mut before) = (0, false, None);
    let read_at = shared.probe.as_ref().map(|probe| (probe, Instant::now()));
    let mut broker = shared.broker.borrow_mut();
    while let Some((body, length)) = frame::split(&input[used..])? {
        // A fault that came with an earlier frame may have stopped the reading.
        if broker.is_unread(conn) {
            break;
        }
        shared.counters.frame_in();
        broker.note_request(conn, encoding, body);
        match Request::decode(encoding, body) {
            Ok(request) => {
                if let (Some((probe, at)), Request::PlaceOrder(_)) = (read_at, &request) {
                    probe.order_read(at);
                }
                broker.handle(conn, request);
            }
            Err(bad) => broker.reject_frame(conn, Request::order_id_in(encoding, body), &bad.to_string()),
        }
        broker.settle();
        used += length;
        let Some(client) = broker.clients().get(&conn).filter(|client| !client.leaving) else { break };
        let unsent = client.outbox.pending().len();
        if unsent > ANSWER_BYTES + *before.get_or_insert(unsent) {
            more = true;
            break;
        }
    }
    input.drain(..used);
    if input.is_empty() {
        input.shrink_to(READ_BYTES);
    }
    if broker.due().is_some() {
        shared.play.notify_one();
    }
    Ok(more)
}

/// What the connection's task does next.
enum Turn {
    /// `unsent`: bytes wait that may be written; `held`: a fault keeps it from reading.
    Goes {
        unsent: bool,
        held: bool,
    },
    Ends,
    Resets,
}

fn next_turn(shared: &Shared, conn: ConnId) -> Turn {
    let mut broker = shared.broker.borrow_mut();
    let Some(client) = broker.clients().get(&conn) else { return Turn::Ends };
    let unsent = !client.outbox.pending().is_empty();
    if client.line.dead || (client.leaving && !unsent) {
        return if client.line.reset { Turn::Resets } else { Turn::Ends };
    }
    Turn::Goes { unsent: client.line.writable(unsent), held: client.line.not_read }
}

/// Writes every outbox as far as its socket takes it, one write for all that has gathered. Never waits.
/// Returns the number of bytes in the longest outbox that is left.
pub fn flush(shared: &Shared) -> usize {
    let mut broker = shared.broker.borrow_mut();
    broker.settle();
    let mut links = shared.links.borrow_mut();
    let (mut longest, mut unread) = (0, 0);
    broker.gather();
    for (conn, client) in broker.clients().iter_mut() {
        let Some(link) = links.get_mut(conn) else { continue };
        let (mut dead, before) = (false, client.outbox.pending().len());
        while client.line.writable(!client.outbox.pending().is_empty()) && !dead {
            let bytes = client.line.within(client.outbox.pending());
            match link.stream.try_write(bytes) {
                Ok(count) => {
                    client.outbox.consume(count);
                    client.line.wrote(count);
                }
                Err(again) if again.kind() == ErrorKind::WouldBlock => break,
                Err(_) => dead = true,
            }
        }
        let pending = client.outbox.pending().len();
        unread = unread.max(pending);
        if pending > shared.bounds.outbox_bytes_max {
            warn!(shared.log, "dropping connection {conn}: {pending} bytes are unread";
                "event" => "gateway.slow_client", "connection" => *conn, "bytes" => pending);
            dead = true;
        }
        if dead {
            // What a dead or hopelessly slow client has not read is not worth keeping; its task ends.
            client.outbox.consume(pending);
            client.leaving = true;
            client.line.dead = true;
        }
        let left = client.outbox.pending().len();
        longest = longest.max(left);
        if before > FLOOD_BYTES && left <= FLOOD_BYTES {
            shared.drained.notify_one();
        }
        let tell_writing = client.line.writable(left > 0) && !link.writing.replace(true);
        let ends = client.line.dead || (left == 0 && client.leaving);
        let tell_ending = ends && !std::mem::replace(&mut link.ending, true);
        let tell_held = std::mem::replace(&mut link.held, client.line.not_read) != client.line.not_read;
        if tell_writing || tell_ending || tell_held {
            link.wake.notify_one();
        }
    }
    shared.counters.unread(unread);
    longest
}
