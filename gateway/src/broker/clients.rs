//! One client: how it speaks, what it subscribed to, what waits to be written to it.
//! Absent: its socket; the connection's task empties the outbox.

use std::collections::{BTreeMap, BTreeSet};

use crate::faults::lines::Line;
use crate::wire::Encoding;
use crate::wire::pnl::{PnL, PnLSingle};

/// A connection, numbered in the order of arrival.
pub type ConnId = u64;

/// Frames that wait to be written.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    written: usize,
    /// Up to here frames have been looked at before they are written.
    seen: usize,
}

/// An empty outbox keeps this much; what a burst took is given back.
const BYTES_KEPT: usize = 256 << 10;

impl Outbox {
    pub fn pending(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Where to append frames.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Everything up to here has been looked at.
    pub fn mark_seen(&mut self) {
        self.seen = self.bytes.len();
    }

    /// Takes out what was appended since the last [`Outbox::mark_seen`].
    pub fn take_unseen(&mut self) -> Vec<u8> {
        self.bytes.split_off(self.seen.max(self.written))
    }

    /// The first `count` pending bytes are on their way.
    pub fn consume(&mut self, count: usize) {
        self.written += count;
        assert!(self.written <= self.bytes.len(), "no more is written than was pending");
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(BYTES_KEPT);
            (self.written, self.seen) = (0, 0);
        } else if self.written > self.bytes.len() / 2 {
            self.bytes.drain(..self.written);
            self.seen = self.seen.saturating_sub(self.written);
            self.written = 0;
        }
    }
}

/// A subscription to account values by model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MultiUpdates {
    /// Empty: the whole account.
    pub model: String,
    /// Only the ledger and the net liquidation value.
    pub ledger_only: bool,
}

#[derive(Debug)]
pub struct Client {
    pub encoding: Encoding,
    /// `None` until it has started.
    pub client_id: Option<i32>,
    pub outbox: Outbox,
    /// To be closed once the outbox is empty.
    pub leaving: bool,
    /// What faults do to the connection.
    pub line: Line,
    pub positions: bool,
    pub positions_multi: BTreeMap<i32, String>,
    pub account_updates: bool,
    /// What is followed, by request id.
    pub account_multi: BTreeMap<i32, MultiUpdates>,
    /// Tags by request id.
    pub summaries: BTreeMap<i32, BTreeSet<String>>,
    /// The last answer by request id, so that only changes are sent.
    pub pnl: BTreeMap<i32, PnL>,
    /// Contract id and last answer by request id.
    pub pnl_single: BTreeMap<i32, (i32, PnLSingle)>,
}

impl Client {
    pub fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            client_id: None,
            outbox: Outbox::default(),
            leaving: false,
            line: Line::default(),
            positions: false,
            positions_multi: BTreeMap::new(),
            account_updates: false,
            account_multi: BTreeMap::new(),
            summaries: BTreeMap::new(),
            pnl: BTreeMap::new(),
            pnl_single: BTreeMap::new(),
        }
    }
}
