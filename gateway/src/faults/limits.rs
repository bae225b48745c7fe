//! The gateway's own limits, as an option and as faults: messages a second, tick-by-tick requests, history requests,
//! clock requests. In: requests with their time. Out: served, refused, unanswered, or the connection ends.
//! Absent: other faults of requests.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use engine::time::Timestamp;

use crate::broker::clients::ConnId;
use crate::faults::effect::Effect;
use crate::faults::requests::{CLOCK, HISTORY};
use crate::faults::spec::{Act, Kind, POSITIVE, Scope, Spec, param};
use crate::faults::texts;
use crate::wire::request::{Outline, Request};

const RATE_EXCEEDED: i32 = 100;
const PACING: i32 = 162;
const TOO_MANY_TICK_STREAMS: i32 = 10190;
const RATE_MAX: u32 = 50;
/// After so many violations the connection ends.
const RATE_PATIENCE: u32 = 3;
const CLOCK_SPACING: Duration = Duration::from_millis(4250);
const TICK_SPACING: Duration = Duration::from_secs(15);
const TICK_STREAMS_MAX: u32 = 5;

/// Which limits of a real gateway are enforced from the start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Limits {
    /// 50 messages a second, summed over all clients: error 100, and after three of them a disconnect.
    pub messages: bool,
    /// One tick-by-tick request for an instrument in 15 s, and five streams at a time: error 10190.
    pub ticks: bool,
    /// 60 requests for history in 10 minutes, six for one contract within 2 s, the same within 15 s: error 162.
    pub history: bool,
    /// Clock requests closer than 4.25 s get no answer.
    pub clock: bool,
}

/// One limit with its numbers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Limit {
    Messages { per_second: u32, patience: u32 },
    Ticks { spacing: Duration, streams: u32 },
    History,
    Clock { spacing: Duration },
}

pub const ROWS: &[Spec] = &[
    Spec {
        name: "message-limit",
        scope: Scope::All,
        about: "More than so many messages a second over all clients: error 100, and a disconnect in the end",
        expected: "stay below the limit with all its connections together, orders before requests for data",
        params: &[
            param("per_second", POSITIVE, "50", "messages a second"),
            param("patience", POSITIVE, "3", "violations before the disconnect"),
        ],
        act: Act::While {
            lasts: "10m",
            effect: |args| {
                let (per_second, patience) = (args.small("per_second"), args.small("patience"));
                Effect::Limit(Limit::Messages { per_second, patience })
            },
        },
        drawn: true,
    },
    Spec {
        name: "tick-limit",
        scope: Scope::All,
        about: "Tick-by-tick requests too close for one instrument, or too many streams: error 10190",
        expected: "keep a stream it has, wait before it asks again",
        params: &[
            param("spacing", Kind::Span, "15s", "between two requests for one instrument"),
            param("streams", POSITIVE, "5", "streams of one client"),
        ],
        act: Act::While {
            lasts: "10m",
            effect: |args| {
                let (spacing, streams) = (args.span("spacing"), args.small("streams"));
                Effect::Limit(Limit::Ticks { spacing, streams })
            },
        },
        drawn: true,
    },
    Spec {
        name: "history-limit",
        scope: Scope::All,
        about: "History's pacing rules are enforced: 60 in 10 minutes (BID_ASK counts twice), six for one contract in \
                2 s, the same again within 15 s: error 162",
        expected: "space its requests, and wait after a violation",
        params: &[],
        act: Act::While { lasts: "30m", effect: |_| Effect::Limit(Limit::History) },
        drawn: true,
    },
    Spec {
        name: "clock-limit",
        scope: Scope::All,
        about: "Clock requests that follow too soon get no answer",
        expected: "ask with one question under way, at least so far apart, before a missing answer means anything",
        params: &[param("spacing", Kind::Span, "4250ms", "between two answers to one client")],
        act: Act::While { lasts: "10m", effect: |args| Effect::Limit(Limit::Clock { spacing: args.span("spacing") }) },
        drawn: true,
    },
];

/// What becomes of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    Served,
    Unanswered,
    Refused { id: i32, code: i32, text: String },
    Disconnected { code: i32, text: String },
}

#[derive(Debug, Default)]
pub struct Limiter {
    limits: Limits,
    messages: VecDeque<Timestamp>,
    violations: BTreeMap<ConnId, u32>,
    /// By connection and instrument.
    ticks: BTreeMap<(ConnId, Vec<u8>), Timestamp>,
    streams: BTreeMap<ConnId, Vec<i32>>,
    history: VecDeque<Asked>,
    clock: BTreeMap<ConnId, Timestamp>,
}

#[derive(Debug)]
struct Asked {
    at: Timestamp,
    contract: Vec<u8>,
    question: Vec<u8>,
    weight: usize,
}

impl Limiter {
    pub fn new(limits: Limits) -> Limiter {
        Limiter { limits, ..Limiter::default() }
    }

    pub fn forget(&mut self, conn: ConnId) {
        self.violations.remove(&conn);
        self.ticks.retain(|(other, _), _| *other != conn);
        self.streams.remove(&conn);
        self.clock.remove(&conn);
    }

    /// `extra`: limits that faults enforce besides the options.
    pub fn judge(&mut self, now: Timestamp, conn: ConnId, request: &Request, extra: &[Limit]) -> Verdict {
        let Limits { messages, ticks, history, clock } = self.limits;
        let options = [
            messages.then_some(Limit::Messages { per_second: RATE_MAX, patience: RATE_PATIENCE }),
            ticks.then_some(Limit::Ticks { spacing: TICK_SPACING, streams: TICK_STREAMS_MAX }),
            history.then_some(Limit::History),
            clock.then_some(Limit::Clock { spacing: CLOCK_SPACING }),
        ];
        for limit in options.into_iter().flatten().chain(extra.iter().copied()) {
            let verdict = match limit {
                Limit::Messages { per_second, patience } => self.judge_rate(now, conn, per_second, patience),
                Limit::Ticks { spacing, streams } => self.judge_ticks(now, conn, request, spacing, streams),
                Limit::History => self.judge_history(now, request),
                Limit::Clock { spacing } => self.judge_clock(now, conn, request, spacing),
            };
            if verdict != Verdict::Served {
                return verdict;
            }
        }
        Verdict::Served
    }

    fn judge_rate(&mut self, now: Timestamp, conn: ConnId, per_second: u32, patience: u32) -> Verdict {
        self.messages.push_back(now);
        while self.messages.front().is_some_and(|at| now.since(*at) >= Duration::from_secs(1)) {
            self.messages.pop_front();
        }
        let received = self.messages.len();
        if received <= per_second as usize {
            return Verdict::Served;
        }
        let violations = self.violations.entry(conn).or_default();
        *violations += 1;
        let text =
            format!("Max rate of messages per second has been exceeded:max={per_second} rec={received} ({violations})");
        match *violations >= patience {
            true => Verdict::Disconnected { code: RATE_EXCEEDED, text },
            false => Verdict::Refused { id: -1, code: RATE_EXCEEDED, text },
        }
    }

    fn judge_ticks(&mut self, now: Timestamp, conn: ConnId, request: &Request, spacing: Duration, max: u32) -> Verdict {
        let id = request.req_id().unwrap_or(0);
        let streams = self.streams.entry(conn).or_default();
        match request {
            Request::CancelTickByTick(_) => streams.retain(|stream| *stream != id),
            Request::TickByTick(_) => {
                let key = (conn, request.outline().contract);
                let soon = self.ticks.get(&key).is_some_and(|last| now.since(*last) < spacing);
                if soon || streams.len() >= max as usize {
                    let text = texts::text_of(texts::DATA, TOO_MANY_TICK_STREAMS, id);
                    return Verdict::Refused { id, code: TOO_MANY_TICK_STREAMS, text };
                }
                streams.push(id);
                self.ticks.insert(key, now);
            }
            _ => {}
        }
        Verdict::Served
    }

    fn judge_history(&mut self, now: Timestamp, request: &Request) -> Verdict {
        if !HISTORY.contains(&request.message_id()) {
            return Verdict::Served;
        }
        while self.history.front().is_some_and(|asked| now.since(asked.at) >= Duration::from_secs(600)) {
            self.history.pop_front();
        }
        let Outline { contract, question, what } = request.outline();
        let weight = if what == "BID_ASK" { 2 } else { 1 };
        let within = |asked: &&Asked, seconds| now.since(asked.at) < Duration::from_secs(seconds);
        // A request whose content is not known here is only counted.
        let same = |asked: &&Asked| !question.is_empty() && within(asked, 15) && asked.question == question;
        let near = |asked: &&Asked| !contract.is_empty() && within(asked, 2) && asked.contract == contract;
        let total: usize = self.history.iter().map(|asked| asked.weight).sum();
        let violated = total + weight > 60
            || self.history.iter().any(|asked| same(&asked))
            || self.history.iter().filter(near).count() >= 5;
        let id = request.req_id().unwrap_or(0);
        if violated {
            return Verdict::Refused { id, code: PACING, text: texts::text_of(texts::HISTORY, PACING, id) };
        }
        self.history.push_back(Asked { at: now, contract, question, weight });
        Verdict::Served
    }

    fn judge_clock(&mut self, now: Timestamp, conn: ConnId, request: &Request, spacing: Duration) -> Verdict {
        if !CLOCK.contains(&request.message_id()) {
            return Verdict::Served;
        }
        let last = self.clock.get(&conn);
        if last.is_some_and(|last| now.since(*last) < spacing) {
            return Verdict::Unanswered;
        }
        self.clock.insert(conn, now);
        Verdict::Served
    }
}
