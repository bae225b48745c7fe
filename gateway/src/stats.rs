//! What can be read of a running gateway from outside: counters, and the truth about the account.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use engine::time::Timestamp;
use engine::trade::Money;
use engine::venue::{VenueExecution, VenueOrder, VenuePosition};

/// Counters since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Started clients that are connected now.
    pub clients: usize,
    pub frames_in: u64,
    /// Ticks included.
    pub frames_out: u64,
    pub ticks_sent: u64,
    /// Steps of the market that were played.
    pub steps: u64,
    /// Orders placed or modified that the venue accepted.
    pub orders: u64,
    /// The longest that any client's unread data ever was.
    pub unread_bytes_peak: usize,
    /// The market is over.
    pub finished: bool,
}

/// The account as the venue has it, whatever clients were told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Truth {
    pub now: Timestamp,
    /// One for each instrument, also when flat.
    pub positions: Vec<VenuePosition>,
    pub open_orders: Vec<VenueOrder>,
    pub completed_orders: Vec<VenueOrder>,
    pub executions: Vec<VenueExecution>,
    pub cash: Money,
    pub unrealised: Money,
}

#[derive(Debug, Default)]
struct Cells {
    clients: AtomicUsize,
    frames_in: AtomicU64,
    frames_out: AtomicU64,
    ticks: AtomicU64,
    steps: AtomicU64,
    orders: AtomicU64,
    unread_peak: AtomicUsize,
    finished: AtomicBool,
}

/// Written by the gateway's thread, read by any.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<Cells>);

impl Counters {
    pub fn set_clients(&self, count: usize) {
        self.0.clients.store(count, Ordering::Relaxed);
    }

    pub fn frame_in(&self) {
        self.0.frames_in.fetch_add(1, Ordering::Relaxed);
    }

    pub fn frame_out(&self) {
        self.0.frames_out.fetch_add(1, Ordering::Relaxed);
    }

    pub fn ticks(&self, count: u64) {
        self.0.ticks.fetch_add(count, Ordering::Relaxed);
    }

    pub fn step(&self) {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
    }

    pub fn order(&self) {
        self.0.orders.fetch_add(1, Ordering::Relaxed);
    }

    pub fn unread(&self, bytes: usize) {
        self.0.unread_peak.fetch_max(bytes, Ordering::Relaxed);
    }

    pub fn finish(&self) {
        self.0.finished.store(true, Ordering::Relaxed);
    }

    pub fn read(&self) -> Stats {
        let cells = &self.0;
        let ticks_sent = cells.ticks.load(Ordering::Relaxed);
        Stats {
            clients: cells.clients.load(Ordering::Relaxed),
            frames_in: cells.frames_in.load(Ordering::Relaxed),
            frames_out: cells.frames_out.load(Ordering::Relaxed) + ticks_sent,
            ticks_sent,
            steps: cells.steps.load(Ordering::Relaxed),
            orders: cells.orders.load(Ordering::Relaxed),
            unread_bytes_peak: cells.unread_peak.load(Ordering::Relaxed),
            finished: cells.finished.load(Ordering::Relaxed),
        }
    }
}
