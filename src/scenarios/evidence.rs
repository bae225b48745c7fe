//! What both sides say for themselves. In: a gateway in this process, Pitboss's journal and log. Out: messages on the
//! wire, the gateway's truth, records, log events, in the order in which they came. Absent: judgement.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use actors::journal::{Position, Tail};
use engine::journal::{Entry, Record};
use engine::time::Timestamp;
use engine::trade::{ClientOrderId, Leg, OrderTicket, Side};
use gateway::{Direction, Gateway, TranscriptEntry, Truth};
use serde_json::Value;

/// The client that Pitboss is.
pub const OURS: i32 = 1;
/// How each of our order references begins.
pub const REF: &str = "scene-";
/// Entries of the journal that are read at once.
const ENTRIES_AT_ONCE: usize = 10_000;

/// One event of Pitboss's log.
#[derive(Clone, Debug)]
pub struct Logged {
    pub level: String,
    pub event: String,
    pub text: String,
}

pub struct Evidence {
    /// The script's time 0.
    pub zero: Option<Timestamp>,
    /// Market seconds a second.
    pub speed: f64,
    /// Without market data.
    pub wire: Vec<TranscriptEntry>,
    pub truth: Truth,
    pub journal: Vec<Entry>,
    pub log: Vec<Logged>,
    /// Of the program, once it has ended.
    pub exit: Option<ExitStatus>,
    /// The most orders that were at work at one look, on one side of the market.
    pub active_max: usize,
    next: u64,
    tail: Tail,
    log_path: PathBuf,
    log_bytes: usize,
}

/// When a fault was in force: the first of its name.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub begin: Timestamp,
    /// The end of the last of its name; for one that happens at once, its beginning.
    pub end: Option<Timestamp>,
}

impl Evidence {
    pub fn new(gateway: &Gateway, folder: &Path, speed: f64) -> Self {
        Self {
            zero: None,
            speed,
            wire: Vec::new(),
            truth: gateway.truth(),
            journal: Vec::new(),
            log: Vec::new(),
            exit: None,
            active_max: 0,
            next: 0,
            tail: Tail::new(&folder.join("var/journal"), Position::START),
            log_path: folder.join("var/log/pitboss.json"),
            log_bytes: 0,
        }
    }

    /// Reads on. The journal first: what it holds then, the gateway knew before.
    pub fn gather(&mut self, gateway: &Gateway, folder: &Path) -> Result<(), String> {
        if folder.join("var/journal/id").exists() {
            loop {
                let chunk = self.tail.read(ENTRIES_AT_ONCE).map_err(|reason| reason.to_string())?;
                if chunk.entries.is_empty() {
                    break;
                }
                self.journal.extend(chunk.entries);
            }
        }
        self.truth = gateway.truth();
        for side in [Side::Buy, Side::Sell] {
            let active = self.truth.open_orders.iter().filter(|order| order.order.side == side).count();
            self.active_max = self.active_max.max(active);
        }
        let new = gateway.transcript(self.next, None);
        self.next = new.last().map_or(self.next, |entry| entry.seq + 1);
        self.wire.extend(new.into_iter().filter(|entry| !is_market_data(&entry.message)));
        self.read_log()
    }

    fn read_log(&mut self) -> Result<(), String> {
        let text = match std::fs::read(&self.log_path) {
            Ok(text) => text,
            Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(reason) => return Err(format!("{}: {reason}", self.log_path.display())),
        };
        // A line that is being written is read the next time.
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        for line in text[self.log_bytes.min(whole)..whole].split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
        {
            let line: Value = serde_json::from_slice(line).map_err(|reason| format!("the log: {reason}"))?;
            let field = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            self.log.push(Logged { level: field("level"), event: field("event"), text: field("msg") });
        }
        self.log_bytes = whole;
        Ok(())
    }

    /// From when on things count.
    pub fn since(&self) -> Timestamp {
        self.zero.unwrap_or(Timestamp::MIN)
    }

    /// Wall seconds as market time.
    pub fn market_s(&self, wall_s: f64) -> f64 {
        wall_s * self.speed
    }

    pub fn span(&self, fault: &str) -> Option<Span> {
        let notes = || self.wire.iter().filter(|entry| entry.direction == Direction::Note);
        let is = |entry: &TranscriptEntry, what: &str| {
            let named = entry.message.strip_prefix("fault ").and_then(|rest| rest.strip_prefix(fault));
            named.is_some_and(|rest| rest.starts_with(' ') && rest.ends_with(what))
        };
        let begin = notes().find(|entry| is(entry, "begins"))?.at;
        let end = notes().filter(|entry| is(entry, "ends")).map(|entry| entry.at).next_back();
        Some(Span { begin, end })
    }

    /// Orders of this book, as they were written before they were sent.
    pub fn tickets(&self) -> impl Iterator<Item = (Timestamp, &OrderTicket)> {
        self.journal.iter().filter_map(|entry| match &entry.record {
            Record::OrderPlaced(ticket) => Some((entry.at, ticket)),
            _ => None,
        })
    }

    pub fn entry_refs(&self) -> BTreeSet<&str> {
        self.tickets().filter(|(_, ticket)| ticket.leg == Leg::Entry).map(|(_, t)| t.order_ref.as_str()).collect()
    }

    /// The state of each order as the journal's last word has it.
    pub fn states(&self) -> BTreeMap<ClientOrderId, engine::orders::machine::State> {
        let mut states = BTreeMap::new();
        for entry in &self.journal {
            match &entry.record {
                // A changed order is written again, and goes on.
                Record::OrderPlaced(ticket) => {
                    states.entry(ticket.id).or_insert(engine::orders::machine::State::Sent);
                }
                Record::OrderChanged(change) => {
                    states.insert(change.id, change.state);
                }
                _ => {}
            }
        }
        states
    }

    /// What was said on the wire from `from` on, one way.
    pub fn said(&self, direction: Direction, from: Timestamp) -> impl Iterator<Item = &TranscriptEntry> {
        self.wire.iter().filter(move |entry| entry.direction == direction && entry.at >= from)
    }

    /// Orders that reached the gateway from us: time, order id, reference.
    pub fn placed(&self) -> impl Iterator<Item = (Timestamp, i64, &str)> {
        let ours = self.wire.iter().filter(|entry| entry.direction == Direction::In && entry.message == "placeOrder");
        ours.filter(|entry| entry.client == Some(OURS)).map(|entry| {
            let id = entry.fields["order_id"].as_i64().unwrap_or_default();
            (entry.at, id, entry.fields["order"]["order_ref"].as_str().unwrap_or_default())
        })
    }
}

fn is_market_data(message: &str) -> bool {
    message.starts_with("Tick") || message == "ContractData"
}
