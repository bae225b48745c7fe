//! A script: which fault begins when, by market time or after something that happens. In: TOML. Out: a timeline that
//! hands out the calls that are due; or every mistake in the script, each with line, key and what was expected.
//!
//! ```toml
//! [[at]]
//! time = "00:01:30"         # market time since the start; or
//! # after = "first-fill"    # an event: connect, disconnect, subscription, order, cancel, fill; "nth-order:3"
//! # before = "nth-order:3"  # the same, before it takes effect
//! # delay = "2s"            # that much after the event
//! fault = "half-open"
//! for = "20s"               # optional, the fault's default otherwise
//! client = 7                # optional: only this client, whose events are then the ones that count
//! # of = 7                  # optional: only events of this client count, whomever the fault concerns
//! end = "close"             # the fault's own parameters
//! ```

use std::time::Duration;

use engine::time::Timestamp;

use crate::faults::spec::Call;

mod read;

pub use read::{ScriptError, ScriptMistake};

/// Something that a script can wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A client has started.
    Connect,
    Disconnect,
    /// A subscription to market data.
    Subscription,
    /// A new order; changes are none.
    Order,
    Cancel,
    Fill,
}

pub const EVENTS: [(&str, Event); 6] = [
    ("connect", Event::Connect),
    ("disconnect", Event::Disconnect),
    ("subscription", Event::Subscription),
    ("order", Event::Order),
    ("cancel", Event::Cancel),
    ("fill", Event::Fill),
];

/// When an entry of a script is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Market time since the start.
    Time(Duration),
    /// At the `nth` event, counted from 1, of a client or of all; `before` it takes effect, or `delay` after it.
    Event { event: Event, nth: u32, of: Option<i32>, before: bool, delay: Duration },
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub line: usize,
    pub when: When,
    pub call: Call,
}

/// A script that has been read: every fault in it is known and its parameters are good.
#[derive(Clone, Default)]
pub struct Script {
    pub(crate) entries: Vec<Entry>,
}

impl Script {
    /// Reads a script; `name` is what its mistakes are reported under.
    pub fn parse(name: &str, text: &str) -> Result<Script, ScriptError> {
        read::parse(name, text)
    }

    /// How many faults it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Both scripts as one.
    #[must_use]
    pub fn and(mut self, other: Script) -> Script {
        self.entries.extend(other.entries);
        self
    }
}

struct Waiting {
    entry: Entry,
    /// Events seen.
    seen: u32,
    /// `None`: its event has not come.
    due: Option<Timestamp>,
}

/// Scripts under way.
#[derive(Default)]
pub struct Timeline {
    waiting: Vec<Waiting>,
}

impl Timeline {
    /// Adds a script whose time 0 is `start`.
    pub fn add(&mut self, script: Script, start: Timestamp) {
        self.waiting.extend(script.entries.into_iter().map(|entry| {
            let due = match entry.when {
                When::Time(span) => Some(start + span),
                When::Event { .. } => None,
            };
            Waiting { entry, seen: 0, due }
        }));
    }

    /// Time alone will bring something.
    pub fn is_timed(&self) -> bool {
        self.waiting.iter().any(|waiting| waiting.due.is_some())
    }

    /// Something happened, or is about to take effect.
    pub fn note(&mut self, event: Event, client: Option<i32>, is_before: bool, now: Timestamp) {
        for waiting in &mut self.waiting {
            let When::Event { event: wanted, nth, of, before, delay } = waiting.entry.when else { continue };
            let of = of.or(waiting.entry.call.client);
            let counts = of.is_none() || of == client;
            if wanted == event && before == is_before && counts && waiting.due.is_none() {
                waiting.seen += 1;
                if waiting.seen == nth {
                    waiting.due = Some(now + delay);
                }
            }
        }
    }

    /// What is due at `now`, in the order of time, then of the script; each with its line. Nothing comes twice.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<(usize, Call)> {
        if !self.waiting.iter().any(|waiting| waiting.due.is_some_and(|due| due <= now)) {
            return Vec::new();
        }
        let (mut due, waiting): (Vec<Waiting>, _) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| waiting.due.is_some_and(|due| due <= now));
        self.waiting = waiting;
        due.sort_by_key(|waiting| waiting.due);
        due.into_iter().map(|waiting| (waiting.entry.line, waiting.entry.call)).collect()
    }
}
