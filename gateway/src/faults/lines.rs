//! What faults of connections do to one connection: whether it is read, written, greeted, cut; and to the port.
//! In: faults in force. Out: marks on connections, which their tasks obey. Absent: which faults there are (`links`).

use std::net::SocketAddr;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::faults::effect::{Effect, Running};
use crate::faults::spec::Call;

/// Where a connection stalls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// At once, old connections and new ones.
    Now,
    BeforeVersion,
    AfterVersion,
    AfterStart,
    /// Within the next frame that is written.
    MidFrame,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkFault {
    /// Neither read nor written, and never closed; `close`: its end breaks the connections instead of resuming them.
    HalfOpen { stage: Stage, close: bool },
    /// Written but not read.
    NotReading,
    /// Nobody listens on the port.
    PortClosed,
    /// Every start is refused because its client id is in use.
    IdInUse,
}

/// What holds one connection back.
#[derive(Clone, Debug, Default)]
pub struct Line {
    pub not_read: bool,
    pub not_written: bool,
    /// Bytes that may still be written although the connection stalls: half a frame.
    pub written_yet: usize,
    half_frame: bool,
    /// Nothing that is sent to it from now on goes anywhere.
    pub cut: bool,
    /// It ends at once, whatever still waits to be written to it.
    pub dead: bool,
    /// Ends with a reset instead of a close.
    pub reset: bool,
}

impl Line {
    /// Whether bytes may be written, if some wait.
    pub fn writable(&self, some_wait: bool) -> bool {
        some_wait && (!self.not_written || self.written_yet > 0)
    }

    /// As much of `pending` as may be written.
    pub fn within<'a>(&self, pending: &'a [u8]) -> &'a [u8] {
        if self.not_written { &pending[..pending.len().min(self.written_yet)] } else { pending }
    }

    pub fn wrote(&mut self, count: usize) {
        self.written_yet = self.written_yet.saturating_sub(count);
    }
}

/// What a new connection is to expect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Greeting {
    Go,
    Wait,
}

/// The port: where it is and whether somebody listens.
#[derive(Debug, Default)]
pub struct Door {
    pub address: Option<SocketAddr>,
    /// A socket that is bound to the next port.
    pub next: Option<std::net::TcpListener>,
    /// Some connection was stalled when lines were last looked at.
    pub stalled: bool,
}

impl LinkFault {
    /// Restarts break the connections that stand.
    pub fn begin(self, broker: &mut Broker, call: &Call) {
        if self == LinkFault::PortClosed && call.spec.params.iter().any(|param| param.name == "unsent") {
            let (lose, reset) = (call.args.text("unsent") == "lose", call.args.flag("reset"));
            let conns: Vec<ConnId> = broker.clients().keys().copied().collect();
            for conn in conns {
                broker.cut(conn, lose, reset);
            }
        }
    }

    pub fn end(self, broker: &mut Broker, call: &Call) {
        broker.faults.door.stalled = true;
        if matches!(self, LinkFault::HalfOpen { close: true, .. }) {
            let held: Vec<ConnId> =
                broker.clients().iter().filter(|(_, c)| c.line.not_written).map(|(conn, _)| *conn).collect();
            for conn in held {
                if call.client.is_none() || call.client == broker.client_of(conn) {
                    broker.cut(conn, true, false);
                }
            }
        }
    }
}

impl Running {
    /// Whether this fault stalls the connection now: neither read nor written.
    fn stalls(&self, conn: ConnId, client: Option<i32>) -> bool {
        let Effect::Link(LinkFault::HalfOpen { stage, .. }) = &self.effect else {
            return false;
        };
        let new = conn > self.since_conn;
        match stage {
            Stage::Now | Stage::MidFrame => self.concerns(client),
            // A connection that is known here has been told its version.
            Stage::BeforeVersion => false,
            Stage::AfterVersion => new && client.is_none(),
            Stage::AfterStart => new && client.is_some(),
        }
    }
}

impl Broker {
    /// What a connection that just came is to expect; asked again whenever something changes.
    pub(crate) fn greeting(&self, conn: ConnId) -> Greeting {
        let waits = self.faults.running.iter().any(|fault| match &fault.effect {
            Effect::Link(LinkFault::HalfOpen { stage: Stage::Now, .. }) => fault.call.client.is_none(),
            Effect::Link(LinkFault::HalfOpen { stage: Stage::BeforeVersion, .. }) => conn > fault.since_conn,
            _ => false,
        });
        if waits { Greeting::Wait } else { Greeting::Go }
    }

    /// A connection was accepted.
    pub(crate) fn arrive(&mut self, conn: ConnId) {
        self.faults.latest_conn = self.faults.latest_conn.max(conn);
    }

    /// Whether somebody is to listen on the port.
    pub(crate) fn is_port_open(&self) -> bool {
        !self.faults.running.iter().any(|fault| matches!(fault.effect, Effect::Link(LinkFault::PortClosed)))
    }

    pub(crate) fn is_id_refused(&self, client_id: i32) -> bool {
        let refuses = |fault: &&Running| matches!(fault.effect, Effect::Link(LinkFault::IdInUse));
        self.faults.effects(Some(client_id)).find(refuses).is_some()
    }

    pub(crate) fn hold_line(&mut self, conn: ConnId) {
        let client = self.client_of(conn);
        let stalled = self.faults.running.iter().any(|fault| fault.stalls(conn, client));
        let mid_frame = |fault: &Running| {
            matches!(fault.effect, Effect::Link(LinkFault::HalfOpen { stage: Stage::MidFrame, .. }))
                && fault.stalls(conn, client)
        };
        let half = self.faults.running.iter().any(mid_frame);
        let deaf = self.faults.effects(client).any(|fault| matches!(fault.effect, Effect::Link(LinkFault::NotReading)));
        let Some(client) = self.clients().get_mut(&conn) else { return };
        let Line { half_frame, written_yet, .. } = &mut client.line;
        if half && !*half_frame {
            // Until a frame is there to be cut in two, the connection goes on.
            let Some(length) = first_frame(client.outbox.pending()) else { return };
            (*half_frame, *written_yet) = (true, length / 2);
        }
        if !half {
            (*half_frame, *written_yet) = (false, 0);
        }
        client.line.not_written = stalled;
        client.line.not_read = stalled || deaf;
        let held = client.line.not_read;
        self.faults.door.stalled |= held;
    }
}

fn first_frame(pending: &[u8]) -> Option<usize> {
    let length = u32::from_be_bytes(*pending.first_chunk::<4>()?) as usize + 4;
    (length <= pending.len()).then_some(length)
}
