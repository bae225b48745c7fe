//! Faults of market data: gaps, copies, wrong times, prices and sizes, halts, delays, streams that end. In: the market
//! events of a step. Out: those that clients are shown. The exchange itself sees the market as it is.

use std::time::Duration;

use chrono::{NaiveTime, TimeZone, Utc};
use chrono_tz::US::Central;
use engine::market::{FeedEvent, MarketEvent, Price, Quote};
use engine::time::Timestamp;

use crate::broker::Broker;
use crate::faults::effect::{Effect, Fate};
use crate::faults::requests::worded;
use crate::faults::spec::{Act, Args, CODE, COUNT, Call, Kind, POSITIVE, Param, Scope, Spec, param};
use crate::faults::texts;
use crate::wire::market_data::TickPrice;
use crate::wire::response::Response;

#[derive(Clone, Debug)]
pub enum DataFault {
    /// Nothing is shown, for good.
    Silence,
    Twice(u32),
    /// Times run behind by so much.
    Back(Duration),
    ZeroPrice {
        left: u32,
    },
    ZeroSize {
        left: u32,
    },
    EmptySide {
        bid: bool,
        ask: bool,
    },
    /// Points on top of every price.
    Offset(f64),
    Halted,
    /// Trades stamped within the daily break.
    OutsideSession {
        left: u32,
    },
    /// The last second of a minute arrives after the next one has begun, so much later.
    PreviousMinute(Duration),
    Lag(Duration),
}

const STALE: &str = "hold its data for stale after a while, open nothing, subscribe anew or connect anew";
const REFUSE: &str = "not trade on it: leave the tick out, and say so";
const RUINED: &str = "mark the bar as doubtful, and backfill it";
/// Tick types of a quote screen.
const BID: i32 = 1;
const ASK: i32 = 2;
const LAST: i32 = 4;
const COUNTED: Param = param("count", COUNT, "1", "how many; 0: all while it lasts");
const BREAK: NaiveTime = NaiveTime::from_hms_opt(16, 30, 0).expect("a time of day");

const fn lasting(
    name: &'static str,
    about: &'static str,
    expected: &'static str,
    params: &'static [Param],
    lasts: &'static str,
    effect: fn(&Args) -> Effect,
) -> Spec {
    Spec { name, scope: Scope::All, about, expected, params, act: Act::While { lasts, effect }, drawn: true }
}

const fn silent(name: &'static str, about: &'static str) -> Spec {
    let act = Act::While { lasts: "30s", effect: |_| Effect::Data(DataFault::Silence) };
    Spec { name, scope: Scope::Clients, about, expected: STALE, params: &[], act, drawn: true }
}

pub const ROWS: &[Spec] = &[
    silent("silent-data", "Market data stops while orders, account and clock go on (half-open for data only)"),
    lasting(
        "gap",
        "The market goes on unseen: nobody is shown the ticks of this time, ever",
        "mark the bars of the gap as doubtful, and backfill them",
        &[],
        "10s",
        |_| Effect::Data(DataFault::Silence),
    ),
    lasting(
        "duplicated-ticks",
        "Every tick comes more than once",
        "count volume from what cannot be doubled, or see the doubling",
        &[param("copies", POSITIVE, "2", "how many in all")],
        "30s",
        |args| Effect::Data(DataFault::Twice(args.small("copies"))),
    ),
    lasting(
        "time-back",
        "Tick times go back, as around a farm's change",
        "close no bar twice and open none in the past",
        &[param("by", Kind::Span, "1s", "how far")],
        "5s",
        |args| Effect::Data(DataFault::Back(args.span("by"))),
    ),
    lasting("zero-price", "Trades at the price 0", REFUSE, &[COUNTED], "60s", |args| {
        Effect::Data(DataFault::ZeroPrice { left: count(args) })
    }),
    lasting("zero-size", "Trades of the size 0", REFUSE, &[COUNTED], "60s", |args| {
        Effect::Data(DataFault::ZeroSize { left: count(args) })
    }),
    lasting(
        "empty-side",
        "Quotes with -1 for a side of the book that is empty",
        "not take -1 for a price",
        &[param("side", Kind::Choice(&["bid", "ask", "both"]), "both", "which side")],
        "5s",
        |args| {
            let side = args.text("side");
            Effect::Data(DataFault::EmptySide { bid: side != "ask", ask: side != "bid" })
        },
    ),
    lasting(
        "price-offset",
        "Every price of the market data is too high by a constant",
        "refuse prices far from the last ones; open nothing on them",
        &[param("points", Kind::Number, "1337581200", "added to each price, in points")],
        "10s",
        |args| Effect::Data(DataFault::Offset(args.number("points"))),
    ),
    lasting(
        "halted",
        "Trading is halted: both sides of the book empty, then no ticks; fills still follow the market beneath",
        "open nothing; expect that an exit may not fill",
        &[],
        "60s",
        |_| Effect::Data(DataFault::Halted),
    ),
    lasting(
        "outside-session",
        "Trades stamped within the daily break, 16:30 in Chicago",
        "build no bar outside the session",
        &[COUNTED],
        "60s",
        |args| Effect::Data(DataFault::OutsideSession { left: count(args) }),
    ),
    lasting(
        "late-ticks",
        "Ticks of a minute's last second arrive when the next minute has begun",
        RUINED,
        &[param("by", Kind::Span, "800ms", "after the minute's end")],
        "5m",
        |args| Effect::Data(DataFault::PreviousMinute(args.span("by"))),
    ),
    lasting(
        "lag",
        "Market data comes late, in order and with its true times",
        "see from the times that it looks at the past; open nothing on it",
        &[param("by", Kind::Span, "5s", "how late")],
        "60s",
        |args| Effect::Data(DataFault::Lag(args.span("by"))),
    ),
    Spec {
        name: "streams-ended",
        scope: Scope::Clients,
        about: "Every stream of market data ends with an error: 10197 (another session), 10182, 354, 10090",
        expected: "subscribe anew, not faster than one request for an instrument in 15 s",
        params: &[
            param("code", CODE, "10197", "the error's code"),
            param("text", Kind::Text, "", "the message's text; empty: the one that goes with the code"),
        ],
        act: Act::Once(|broker, call| end_streams(broker, call, call.args.small("code"), call.args.text("text"))),
        drawn: true,
    },
    Spec {
        name: "bust-event",
        scope: Scope::Clients,
        about: "10225: trades were busted, and every stream of market data is deactivated",
        expected: "subscribe anew and fetch the bars again",
        params: &[],
        act: Act::Once(|broker, call| end_streams(broker, call, 10225, "")),
        drawn: true,
    },
];

fn count(args: &Args) -> u32 {
    match args.small("count") {
        0 => u32::MAX,
        count => count,
    }
}

fn end_streams(broker: &mut Broker, call: &Call, code: i32, text: &str) -> Result<(), String> {
    for (conn, _) in broker.concerned(call) {
        for req_id in broker.drop_data_subscriptions(conn) {
            broker.error(conn, req_id, code, &worded(texts::DATA, text, code, req_id));
        }
    }
    Ok(())
}

impl DataFault {
    pub fn is_silence(&self) -> bool {
        matches!(self, DataFault::Silence)
    }

    pub fn is_spent(&self) -> bool {
        matches!(
            self,
            DataFault::ZeroPrice { left: 0 } | DataFault::ZeroSize { left: 0 } | DataFault::OutsideSession { left: 0 }
        )
    }

    /// A halt empties the book that clients see.
    pub fn begin(&self, broker: &mut Broker) {
        if matches!(self, DataFault::Halted) {
            broker.tell_halt(true);
            let ts = broker.now();
            let quote = Quote { ts, bid: None, ask: None, bid_size: 0, ask_size: 0 };
            for symbol in broker.symbols() {
                broker.send_market(&[FeedEvent { symbol, event: MarketEvent::Quote(quote) }]);
            }
        }
    }

    /// What it held back comes at once.
    pub fn end(self, broker: &mut Broker, _call: &Call) {
        if matches!(self, DataFault::Halted) {
            broker.tell_halt(false);
        }
        if matches!(self, DataFault::Lag(_) | DataFault::PreviousMinute(_)) {
            for (due, _) in &mut broker.faults.ticks {
                *due = Timestamp::MIN;
            }
        }
    }

    /// Quotes on a screen and real-time bars are messages of their own, made from the market as it is.
    pub fn outgoing(&self, response: &mut Response) -> Fate {
        let is_data = matches!(
            response,
            Response::TickPrice(_)
                | Response::TickSize(_)
                | Response::TickString(_)
                | Response::TickGeneric(_)
                | Response::RealTimeBar(_)
        );
        match (self, response) {
            (DataFault::Twice(copies), _) if is_data => Fate::Copies(*copies),
            (DataFault::Lag(by), _) if is_data => Fate::Later(*by),
            (DataFault::Halted, _) if is_data => Fate::Withhold,
            (_, Response::TickPrice(tick)) => {
                self.alter_quote(tick);
                Fate::Pass
            }
            _ => Fate::Pass,
        }
    }

    fn alter_quote(&self, tick: &mut TickPrice) {
        let (kind, price) = (tick.tick_type.unwrap_or(0), tick.price.unwrap_or(0.0));
        match self {
            DataFault::Offset(points) if price > 0.0 => tick.price = Some(price + points),
            DataFault::ZeroPrice { left } if *left > 0 && kind == LAST => tick.price = Some(0.0),
            DataFault::EmptySide { bid, ask } if (*bid && kind == BID) || (*ask && kind == ASK) => {
                (tick.price, tick.size) = (Some(-1.0), Some("0".to_owned()));
            }
            _ => {}
        }
    }

    /// Changes one event; `None`: it is not shown.
    fn alter(&mut self, event: &mut FeedEvent) -> Option<()> {
        match self {
            DataFault::Halted => return None,
            DataFault::Back(by) => set_time(event, event.event.ts() - *by),
            DataFault::EmptySide { bid, ask } => empty_sides(event, *bid, *ask),
            DataFault::ZeroPrice { left } | DataFault::ZeroSize { left } | DataFault::OutsideSession { left }
                if *left == 0 || !matches!(event.event, MarketEvent::Trade(_)) => {}
            DataFault::ZeroPrice { left } => {
                *left -= 1;
                if let MarketEvent::Trade(trade) = &mut event.event {
                    trade.price = Price(0);
                }
            }
            DataFault::ZeroSize { left } => {
                *left -= 1;
                if let MarketEvent::Trade(trade) = &mut event.event {
                    trade.size = 0;
                }
            }
            DataFault::OutsideSession { left } => {
                *left -= 1;
                set_time(event, in_the_break(event.event.ts()));
            }
            // Silence keeps frames back, client by client; an offset is added where points are made.
            DataFault::Silence
            | DataFault::Offset(_)
            | DataFault::Twice(_)
            | DataFault::PreviousMinute(_)
            | DataFault::Lag(_) => {}
        }
        Some(())
    }

    /// When an event of this time is shown; `None`: at once.
    fn shown_at(&self, ts: Timestamp) -> Option<Timestamp> {
        match self {
            DataFault::Lag(by) => Some(ts + *by),
            DataFault::PreviousMinute(by) => {
                let minute = Duration::from_secs(60);
                let end = ts.floor(minute) + minute;
                (end.since(ts) <= Duration::from_secs(1)).then_some(end + *by)
            }
            _ => None,
        }
    }
}

fn set_time(event: &mut FeedEvent, ts: Timestamp) {
    match &mut event.event {
        MarketEvent::Trade(trade) => trade.ts = ts,
        MarketEvent::Quote(quote) => quote.ts = ts,
    }
}

fn empty_sides(event: &mut FeedEvent, bid: bool, ask: bool) {
    if let MarketEvent::Quote(quote) = &mut event.event {
        if bid {
            (quote.bid, quote.bid_size) = (None, 0);
        }
        if ask {
            (quote.ask, quote.ask_size) = (None, 0);
        }
    }
}

/// 16:30 in Chicago on the same day.
fn in_the_break(ts: Timestamp) -> Timestamp {
    let day = ts.to_datetime().with_timezone(&Central).date_naive();
    let local = Central.from_local_datetime(&day.and_time(BREAK)).earliest();
    local.map_or(ts, |at| at.with_timezone(&Utc).into())
}

impl Broker {
    /// Shows the events of a step as the faults in force let them be seen.
    pub(crate) fn show_market(&mut self, events: &[FeedEvent]) {
        let altered = |fault: &crate::faults::effect::Running| matches!(fault.effect, Effect::Data(_));
        if !self.faults.running.iter().any(altered) && self.faults.ticks.is_empty() {
            return self.send_market(events);
        }
        let mut shown = Vec::with_capacity(events.len());
        for event in events {
            self.show_event(*event, &mut shown);
        }
        self.send_market(&shown);
    }

    fn show_event(&mut self, mut event: FeedEvent, shown: &mut Vec<FeedEvent>) {
        let true_ts = event.event.ts();
        let (mut copies, mut due) = (1, None);
        for fault in &mut self.faults.running {
            let Effect::Data(fault) = &mut fault.effect else { continue };
            if fault.alter(&mut event).is_none() {
                return;
            }
            if let DataFault::Twice(count) = fault {
                copies *= *count as usize;
            }
            due = due.max(fault.shown_at(true_ts));
        }
        let copied = std::iter::repeat_n(event, copies);
        match due {
            None => shown.extend(copied),
            Some(due) => {
                // Later events may be due earlier: the queue stays in the order in which it is emptied.
                let at = self.faults.ticks.partition_point(|(other, _)| *other <= due);
                for event in copied {
                    self.faults.ticks.insert(at, (due, event));
                }
            }
        }
    }

    /// Points that faults add to every price of the market data.
    pub(crate) fn price_offset(&self) -> f64 {
        let offset = |fault: &crate::faults::effect::Running| match fault.effect {
            Effect::Data(DataFault::Offset(points)) => points,
            _ => 0.0,
        };
        self.faults.running.iter().map(offset).sum()
    }
}
