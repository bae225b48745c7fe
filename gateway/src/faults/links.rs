//! Faults of connections: half-open in every variant, a gateway that does not read, closed connections and ports,
//! restarts, frames that no client can read. In: calls. Out: which connections stall, what the port does.

use crate::broker::Broker;
use crate::broker::session::SYSTEM;
use crate::faults::effect::Effect;
use crate::faults::lines::{LinkFault, Stage};
use crate::faults::spec::{Act, Args, Call, Kind, Param, Scope, Spec, param};

const END: Param = param(
    "end",
    Kind::Choice(&["resume", "close"]),
    "resume",
    "what its end does: everything that waits is served, or the connections break",
);
const RESET: Param = param("reset", Kind::Flag, "false", "end with a TCP reset instead of a close");
const UNSENT: Param = param(
    "unsent",
    Kind::Choice(&["deliver", "lose"]),
    "lose",
    "what becomes of messages that were made but not yet written",
);
const HEARTBEAT: &str = "notice by its own heartbeat that the link is dead, trade no more on it, connect anew and \
                         compare orders, executions and positions with the broker";

pub const ROWS: &[Spec] = &[
    Spec {
        name: "half-open",
        scope: Scope::Clients,
        about: "The gateway hangs: connections stay open, nothing is read or written; new ones are accepted and \
                never greeted (with `client`: only that client's connection hangs)",
        expected: HEARTBEAT,
        params: &[END],
        act: Act::While { lasts: "20s", effect: |args| half_open(Stage::Now, args) },
        drawn: true,
    },
    Spec {
        name: "half-open-before-version",
        scope: Scope::All,
        about: "New connections are accepted by TCP and never told a version",
        expected: "give up the handshake after its own deadline and try again",
        params: &[END],
        act: Act::While { lasts: "20s", effect: |args| half_open(Stage::BeforeVersion, args) },
        drawn: false,
    },
    Spec {
        name: "half-open-after-version",
        scope: Scope::All,
        about: "New connections are told the version; START_API is never read",
        expected: "give up the handshake after its own deadline and try again",
        params: &[END],
        act: Act::While { lasts: "20s", effect: |args| half_open(Stage::AfterVersion, args) },
        drawn: false,
    },
    Spec {
        name: "half-open-after-start",
        scope: Scope::All,
        about: "New connections start, and neither accounts nor an order id ever come",
        expected: "give up the handshake after its own deadline and try again",
        params: &[END],
        act: Act::While { lasts: "20s", effect: |args| half_open(Stage::AfterStart, args) },
        drawn: false,
    },
    Spec {
        name: "half-open-mid-frame",
        scope: Scope::Clients,
        about: "The connection hangs in the middle of the next frame that is written",
        expected: "read no half message, and notice the dead link by its own heartbeat",
        params: &[END],
        act: Act::While { lasts: "20s", effect: |args| half_open(Stage::MidFrame, args) },
        drawn: true,
    },
    Spec {
        name: "slow-reader",
        scope: Scope::Clients,
        about: "The gateway writes but does not read: the client's own sending fills up",
        expected: "bound its queue of requests, never block what it hears on what it cannot say",
        params: &[],
        act: Act::While { lasts: "20s", effect: |_| Effect::Link(LinkFault::NotReading) },
        drawn: true,
    },
    Spec {
        name: "disconnect",
        scope: Scope::Clients,
        about: "The connection is closed at once",
        expected: "connect anew; learn by reconciliation what it missed, not by memory",
        params: &[UNSENT, RESET],
        act: Act::Once(disconnect),
        drawn: true,
    },
    Spec {
        name: "port-closed",
        scope: Scope::All,
        about: "Nobody listens on the port; connections that stand go on",
        expected: "try again with growing pauses, and say so",
        params: &[],
        act: Act::While { lasts: "60s", effect: |_| Effect::Link(LinkFault::PortClosed) },
        drawn: false,
    },
    Spec {
        name: "gateway-restart",
        scope: Scope::All,
        about: "All connections are closed, the port refuses for a while, then everything begins with a new handshake; \
                orders and ids are kept (as in the gateway's daily restart)",
        expected: "connect anew with the same client id, subscribe anew, compare with the broker before trading",
        params: &[UNSENT, RESET],
        act: Act::While { lasts: "90s", effect: |_| Effect::Link(LinkFault::PortClosed) },
        drawn: true,
    },
    Spec {
        name: "credentials-expired",
        scope: Scope::All,
        about: "As the weekly log-out: all connections are closed and the port refuses until the fault is cleared",
        expected: "try again with growing pauses and call a person",
        params: &[UNSENT, RESET],
        act: Act::While { lasts: "", effect: |_| Effect::Link(LinkFault::PortClosed) },
        drawn: false,
    },
    Spec {
        name: "port-reset",
        scope: Scope::All,
        about: "Error 1300: the port moves, connections are dropped and the old port refuses",
        expected: "connect on the new port, or stop and call a person",
        params: &[param("port", Kind::Int { min: 0, max: 65_535 }, "0", "the new port; 0 takes a free one")],
        act: Act::Once(move_port),
        drawn: false,
    },
    Spec {
        name: "client-id-in-use",
        scope: Scope::Clients,
        about: "Error 326 and a close for each start: the gateway still holds the last session",
        expected: "try again with the same client id after a pause; another id would orphan its orders",
        params: &[],
        act: Act::While { lasts: "30s", effect: |_| Effect::Link(LinkFault::IdInUse) },
        drawn: true,
    },
    Spec {
        name: "oversized-frame",
        scope: Scope::Clients,
        about: "A frame announces more bytes than the protocol allows (clients call it 507)",
        expected: "drop the connection and connect anew",
        params: &[],
        act: Act::Once(|broker, call| raw(broker, call, |_| vec![0xFF, 0xFF, 0xFF, 0xFF])),
        drawn: false,
    },
    Spec {
        name: "unknown-message",
        scope: Scope::Clients,
        about: "A message with an id that no client knows (clients call it 505)",
        expected: "pass over it and go on",
        params: &[],
        act: Act::Once(|broker, call| raw(broker, call, unknown_message)),
        drawn: false,
    },
    Spec {
        name: "broken-message",
        scope: Scope::Clients,
        about: "An order status whose content cannot be read (clients call it 508)",
        expected: "report it, and reconcile: what it said is unknown",
        params: &[],
        act: Act::Once(|broker, call| raw(broker, call, broken_message)),
        drawn: false,
    },
];

fn half_open(stage: Stage, args: &Args) -> Effect {
    Effect::Link(LinkFault::HalfOpen { stage, close: args.text("end") == "close" })
}

fn disconnect(broker: &mut Broker, call: &Call) -> Result<(), String> {
    let conns = broker.concerned(call);
    if conns.is_empty() {
        return Err("no such client is connected".to_owned());
    }
    let (lose, reset) = (call.args.text("unsent") == "lose", call.args.flag("reset"));
    for (conn, _) in conns {
        broker.cut(conn, lose, reset);
    }
    Ok(())
}

fn move_port(broker: &mut Broker, call: &Call) -> Result<(), String> {
    let mut address = broker.faults.door.address.ok_or("the gateway does not listen")?;
    address.set_port(call.args.small("port"));
    let bound = std::net::TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (address, listener) = bound.map_err(|reason| format!("cannot listen on {address}: {reason}"))?;
    broker.faults.door.address = Some(address);
    broker.faults.door.next = Some(listener);
    let text = format!(
        "TWS socket port has been reset and this connection is being dropped.\nPlease reconnect on the new port - {}",
        address.port()
    );
    for (conn, _) in broker.concerned(call) {
        broker.error(conn, SYSTEM, 1300, &text);
        broker.cut(conn, false, false);
    }
    broker.faults.wake.notify_one();
    Ok(())
}

fn raw(broker: &mut Broker, call: &Call, frame: fn(bool) -> Vec<u8>) -> Result<(), String> {
    let conns = broker.concerned(call);
    if conns.is_empty() {
        return Err("no such client is connected".to_owned());
    }
    for (conn, _) in conns {
        if let Some(client) = broker.clients().get_mut(&conn) {
            let text = matches!(client.encoding, crate::wire::Encoding::Text { .. });
            client.outbox.tail().extend(frame(text));
        }
    }
    Ok(())
}

fn unknown_message(text: bool) -> Vec<u8> {
    let body = if text { b"9999\x001\x00".to_vec() } else { 9999_i32.to_be_bytes().to_vec() };
    framed(&body)
}

fn broken_message(text: bool) -> Vec<u8> {
    // Protobuf: field 1 as a varint that never ends. Text: an order id and a quantity that are no numbers.
    let body = if text {
        b"3\x00seven\x00Submitted\x00many\x00\x00\x00\x00\x00\x00\x00\x00\x00".to_vec()
    } else {
        let mut body = 203_i32.to_be_bytes().to_vec();
        body.extend([0x08, 0xFF, 0xFF]);
        body
    };
    framed(&body)
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    crate::wire::frame::put(&mut out, |out| out.extend_from_slice(body));
    out
}
