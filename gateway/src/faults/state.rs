//! What is in force, what is held back, and the script that is still to come. In: calls. Out: running faults.
//! Absent: what each effect does.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use engine::market::FeedEvent;
use engine::time::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use tokio::sync::Notify;

use crate::broker::clients::ConnId;
use crate::faults::effect::{Effect, Gathering, Running};
use crate::faults::limits::Limiter;
use crate::faults::lines::Door;
use crate::faults::spec::Call;
use crate::script::Timeline;
use crate::transcript::Transcript;
use crate::wire::request::Request;
use crate::wire::response::Response;

/// A message that waits for its time.
#[derive(Debug)]
pub struct Held {
    /// Market time; `None`: until fault `by` is over.
    pub at: Option<Timestamp>,
    pub by: u64,
    pub conn: ConnId,
    pub response: Response,
}

/// A request that waits for its time.
#[derive(Debug)]
pub struct HeldRequest {
    pub at: Option<Timestamp>,
    pub by: u64,
    pub conn: ConnId,
    pub request: Request,
}

/// An error message that follows what the request at hand does.
#[derive(Debug)]
pub struct Afterword {
    pub conn: ConnId,
    pub id: i32,
    pub code: i32,
    pub text: String,
}

pub struct Faults {
    /// In the order of their beginning.
    pub running: Vec<Running>,
    pub held: Vec<Held>,
    pub requests: Vec<HeldRequest>,
    /// Market events that are shown later, in order.
    pub ticks: VecDeque<(Timestamp, FeedEvent)>,
    /// Messages of the request or step at hand whose order a fault chooses.
    pub gathered: Vec<(Gathering, ConnId, Response)>,
    pub afterwords: Vec<Afterword>,
    /// The request at hand asks for a list, so what is sent is no event.
    pub listing: bool,
    /// Requests that had been held are served: nothing holds them again.
    pub replaying: bool,
    pub limiter: Limiter,
    pub timeline: Timeline,
    pub door: Door,
    pub transcript: Transcript,
    pub chance: ChaCha8Rng,
    /// By which faults of connections end: it never stands still.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pub latest_conn: ConnId,
    /// Something was begun or ended: the timer and the listener look again.
    pub wake: Rc<Notify>,
    /// A connection that waits to be greeted looks again.
    pub gates: Rc<Notify>,
    /// Added to the market clock, in nanoseconds.
    pub clock_offset: Arc<AtomicI64>,
    next_id: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            running: Vec::new(),
            held: Vec::new(),
            requests: Vec::new(),
            ticks: VecDeque::new(),
            gathered: Vec::new(),
            afterwords: Vec::new(),
            listing: false,
            replaying: false,
            limiter: Limiter::default(),
            timeline: Timeline::default(),
            door: Door::default(),
            transcript: Transcript::default(),
            chance: ChaCha8Rng::seed_from_u64(0),
            clock: Arc::new(Timestamp::default),
            latest_conn: 0,
            wake: Rc::new(Notify::new()),
            gates: Rc::new(Notify::new()),
            clock_offset: Arc::default(),
            next_id: 1,
        }
    }
}

impl Faults {
    /// Nothing stands between the broker and its clients.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.gathered.is_empty()
    }

    /// There is nothing to settle.
    pub fn is_dormant(&self) -> bool {
        self.is_idle()
            && !self.listing
            && self.afterwords.is_empty()
            && !self.is_timed()
            && !self.door.stalled
            && !self.transcript.is_on()
    }

    /// Time alone may change something.
    pub fn is_timed(&self) -> bool {
        !self.held.is_empty()
            || !self.requests.is_empty()
            || !self.ticks.is_empty()
            || self.running.iter().any(|fault| fault.until.is_some())
            || self.timeline.is_timed()
    }

    /// Puts an effect in force; `now` is market time.
    pub fn add(&mut self, call: Call, effect: Effect, now: Timestamp) -> u64 {
        let start = if effect.is_link() { (self.clock)() } else { now };
        let until = call.lasts.map(|span| start + span);
        let id = self.take_id();
        self.running.push(Running { id, call, effect, until, since_conn: self.latest_conn });
        self.wake.notify_one();
        id
    }

    /// A number for something begun: the next one.
    pub fn take_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// The effects in force that concern this client.
    pub fn effects(&self, client: Option<i32>) -> impl Iterator<Item = &Running> {
        self.running.iter().filter(move |fault| fault.concerns(client))
    }
}
