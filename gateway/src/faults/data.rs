//! Faults of market data: gaps, copies, wrong times, prices and sizes, halts, delays, streams that end. In: the market
//! events of a step. Out: those that clients are shown. The exchange itself sees the market as it is.

use crate::broker::Broker;
use crate::faults::effect::Effect;
use crate::faults::requests::worded;
use crate::faults::shown::DataFault;
use crate::faults::spec::{Act, Args, CODE, COUNT, Call, Kind, POSITIVE, Param, Scope, Spec, param};
use crate::faults::texts;
use crate::wire::ticks::Mask;

const STALE: &str = "hold its data for stale after a while, open nothing, subscribe anew or connect anew";
const REFUSE: &str = "not trade on it: leave the tick out, and say so";
const RUINED: &str = "mark the bar as doubtful, and backfill it";
const COUNTED: Param = param("count", COUNT, "1", "how many; 0: all while it lasts");

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
        "marked-ticks",
        "Tick-by-tick trades come marked as past the limit or unreported, quotes as past the low or the high",
        "leave marked trades out of bars, or know that it does not",
        &[param(
            "mark",
            Kind::Choice(&["first", "second", "both"]),
            "both",
            "past limit or bid past low; unreported or ask past high",
        )],
        "10s",
        |args| {
            let mark = args.text("mark");
            Effect::Data(DataFault::Marked(Mask(mark != "second", mark != "first")))
        },
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
