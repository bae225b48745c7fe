//! Faults begin, time passes over them, and they end. In: calls, market time. Out: what had been held back is sent,
//! connections stall or go on, the script moves. Runs after every request, step and wait, so that whatever these
//! caused is seen before anything is written.

use engine::time::Timestamp;
use slog::{info, warn};

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::faults::effect::Running;
use crate::faults::request::{Fault, FaultError, FaultId};
use crate::faults::spec::{Act, Call};
use crate::script::Event;

/// Faults that set each other off, once each, are no loop; more rounds than this would be.
const ROUNDS_MAX: usize = 64;

impl Broker {
    /// Begins a fault now. The error says everything that is wrong with it, and nothing has happened then.
    pub(crate) fn inject(&mut self, fault: &Fault) -> Result<FaultId, FaultError> {
        let call = fault.check()?;
        let id = self.begin(call, self.now())?;
        self.settle();
        Ok(id)
    }

    fn begin(&mut self, call: Call, at: Timestamp) -> Result<FaultId, FaultError> {
        // What waits to be written is from before: faults that look at frames see only those that are made from now on.
        self.scan_outboxes();
        self.clients().values_mut().for_each(|client| client.outbox.mark_seen());
        let name = call.spec.name;
        let text = call.client.map_or_else(|| name.to_owned(), |client| format!("{name} for client {client}"));
        self.faults.transcript.note(at, &format!("fault {text} begins"));
        let id = match call.spec.act {
            Act::Once(act) => {
                let done = act(self, &call);
                done.map_err(|reason| FaultError::Impossible { name, reason })?;
                self.faults.take_id()
            }
            Act::While { effect, .. } => {
                let mut effect = effect(&call.args);
                effect.begin(self, &call);
                self.faults.add(call, effect, at)
            }
        };
        info!(self.log(), "fault {id} begins: {text}"; "event" => "gateway.fault", "fault" => name, "id" => id);
        Ok(id)
    }

    /// Ends a fault before its time; `false` if it is not in force.
    pub(crate) fn clear_fault(&mut self, id: FaultId) -> bool {
        let Some(place) = self.faults.running.iter().position(|fault| fault.id == id) else {
            return false;
        };
        let fault = self.faults.running.remove(place);
        self.end_fault(fault, self.now());
        self.settle();
        true
    }

    pub(crate) fn settle(&mut self) {
        self.settle_at(self.now());
    }

    /// As [`Broker::settle`]; everything that is due at `at` happens, before the step of that time is played.
    pub(crate) fn settle_at(&mut self, at: Timestamp) {
        if self.faults.is_dormant() {
            return;
        }
        self.faults.listing = false;
        self.send_afterwords();
        self.send_gathered();
        for _ in 0..ROUNDS_MAX {
            let moved = self.run_script(at) | self.end_faults(at) | self.release(at);
            self.send_gathered();
            if !moved {
                break;
            }
        }
        // Frames are looked at where they wait to be written.
        self.gather();
        self.hold_lines();
        self.scan_outboxes();
    }

    fn send_afterwords(&mut self) {
        for word in std::mem::take(&mut self.faults.afterwords) {
            self.error(word.conn, word.id, word.code, &word.text);
        }
    }

    /// Something happened that a script may wait for. `before` tells that it is yet to take effect.
    pub(crate) fn happens(&mut self, event: Event, client: Option<i32>, before: bool) {
        let now = self.now();
        self.faults.timeline.note(event, client, before, now);
        if before {
            self.run_script(now);
        }
    }

    fn run_script(&mut self, at: Timestamp) -> bool {
        let due = self.faults.timeline.take_due(at);
        let any = !due.is_empty();
        for (line, call) in due {
            if let Err(reason) = self.begin(call, at) {
                warn!(self.log(), "line {line} of the script: {reason}"; "event" => "gateway.script_failed");
                self.faults.transcript.note(at, &format!("line {line} of the script: {reason}"));
            }
        }
        any
    }

    fn end_faults(&mut self, at: Timestamp) -> bool {
        if self.faults.running.is_empty() {
            return false;
        }
        let clock = (self.faults.clock)();
        let over = |fault: &Running| {
            let now = if fault.effect.is_link() { clock } else { at };
            fault.effect.is_spent() || fault.until.is_some_and(|until| until <= now)
        };
        let (ended, running) = std::mem::take(&mut self.faults.running).into_iter().partition(over);
        self.faults.running = running;
        let ended: Vec<Running> = ended;
        let any = !ended.is_empty();
        for fault in ended {
            self.end_fault(fault, at);
        }
        any
    }

    fn end_fault(&mut self, fault: Running, at: Timestamp) {
        let Running { id, call, effect, .. } = fault;
        let name = call.spec.name;
        info!(self.log(), "fault {id} ends: {name}"; "event" => "gateway.fault_over", "fault" => name, "id" => id);
        self.faults.transcript.note(at, &format!("fault {name} ends"));
        effect.end(self, &call);
        for held in self.faults.held.iter_mut().filter(|held| held.by == id && held.at.is_none()) {
            held.at = Some(Timestamp::MIN);
        }
        for held in self.faults.requests.iter_mut().filter(|held| held.by == id && held.at.is_none()) {
            held.at = Some(Timestamp::MIN);
        }
        self.faults.wake.notify_one();
    }

    /// Sends, serves and shows what was held back until `at`.
    fn release(&mut self, at: Timestamp) -> bool {
        let mut any = false;
        let is_due = |due: Option<Timestamp>| due.is_some_and(|due| due <= at);
        if self.faults.held.iter().any(|held| is_due(held.at)) {
            let (due, held): (Vec<_>, _) =
                std::mem::take(&mut self.faults.held).into_iter().partition(|held| is_due(held.at));
            self.faults.held = held;
            for held in due {
                self.put(held.conn, &held.response);
            }
            any = true;
        }
        if self.faults.requests.iter().any(|held| is_due(held.at)) {
            let (due, held): (Vec<_>, _) =
                std::mem::take(&mut self.faults.requests).into_iter().partition(|held| is_due(held.at));
            self.faults.requests = held;
            self.faults.replaying = true;
            for held in due {
                self.handle(held.conn, held.request);
            }
            self.faults.replaying = false;
            any = true;
        }
        while self.faults.ticks.front().is_some_and(|(due, _)| *due <= at) {
            if let Some((_, event)) = self.faults.ticks.pop_front() {
                self.send_market(&[event]);
                any = true;
            }
        }
        any
    }

    /// Marks which connections are not read, not written, or written up to the middle of a frame.
    fn hold_lines(&mut self) {
        if self.faults.running.is_empty() && !self.faults.door.stalled {
            return;
        }
        let conns: Vec<ConnId> = self.clients().keys().copied().collect();
        self.faults.door.stalled = false;
        for conn in conns {
            self.hold_line(conn);
        }
        self.faults.gates.notify_waiters();
    }
}
