//! Faults of requests: orders and cancels that are refused, warned of, delayed or lost; requests without an answer;
//! market data and history refused. In: requests. Out: passed on, held, answered otherwise, or nothing.

use std::time::Duration;

use crate::broker::Broker;
use crate::faults::effect::{Effect, Fate};
use crate::faults::order_events;
use crate::faults::spec::{Act, Args, CODE, COUNT, Call, Kind, Param, Scope, Spec, param};
use crate::faults::texts;
use crate::wire::response::Response;

/// Message ids of requests by what they are about.
pub const ORDERS: &[i32] = &[3, 4, 58];
pub const SNAPSHOTS: &[i32] = &[5, 6, 7, 15, 16, 61, 62, 74, 76, 99];
pub const HISTORY: &[i32] = &[20, 87, 96];
pub const TICKS: &[i32] = &[1, 10, 50, 97];
pub const CLOCK: &[i32] = &[49, 105];
const COMPLETED: &[i32] = &[99];
/// The request that begins a session.
pub const START: i32 = 71;

#[derive(Debug)]
pub enum AskFault {
    /// Orders are refused. `inactive`: with an open order and a status around the error.
    RejectOrder {
        code: i32,
        text: String,
        left: u32,
        inactive: bool,
    },
    RejectCancel {
        code: i32,
        text: String,
        left: u32,
    },
    /// Orders are taken, and an error message names them.
    WarnOrder {
        code: i32,
        text: String,
        left: u32,
    },
    DelayOrders(Duration),
    /// Shown as `Inactive` first, taken later.
    Inactive {
        by: Duration,
        left: u32,
    },
    /// A cancel loses against a fill. `told_cancelled`: after the cancellation was confirmed.
    FillAfterCancel {
        told_cancelled: bool,
        left: u32,
    },
    /// Requests with these message ids, all with none, are taken and never answered.
    Unanswered(&'static [i32]),
    /// Orders are executed, and nothing is said of them.
    OrdersUntold,
    /// Requests with these message ids are refused.
    Refuse {
        ids: &'static [i32],
        code: i32,
        text: String,
    },
    /// A cancel of market data is answered as if there were none.
    UnknownTicker(i32),
}

const COUNTED: Param = param("count", COUNT, "1", "how many; 0: all while it lasts");
const TEXT: Param = param("text", Kind::Text, "", "the message's text; empty: the one that goes with the code");
const FACTS: &str = "keep the order's state by facts, and have it confirmed before it trades the same again";

pub const ROWS: &[Spec] = &[
    Spec {
        name: "reject-order",
        scope: Scope::Clients,
        about: "Orders are refused with any code: 103, 110, 161, 200, 201, 203, 321, 383, 387, 404, 434, 451, 10349 \
                and others",
        expected: "treat the order as refused, not retry blindly, protect what is open",
        params: &[
            param("code", CODE, "201", "the error's code"),
            TEXT,
            COUNTED,
            param(
                "around",
                Kind::Choice(&["auto", "nothing", "inactive"]),
                "auto",
                "openOrder and orderStatus Inactive before the error, or the error alone; auto: as 201 and 10349 do",
            ),
        ],
        act: Act::While { lasts: "10m", effect: reject_order },
        drawn: true,
    },
    Spec {
        name: "reject-cancel",
        scope: Scope::Clients,
        about: "Cancels are refused: 135, 136, 161, 10147, 10148; the order lives on",
        expected: "not take the order for gone; ask the broker what it is",
        params: &[param("code", CODE, "10148", "the error's code"), TEXT, COUNTED],
        act: Act::While {
            lasts: "10m",
            effect: |args| {
                let (code, text, left) = refusal(args);
                Effect::Ask(AskFault::RejectCancel { code, text, left })
            },
        },
        drawn: true,
    },
    Spec {
        name: "warn-order",
        scope: Scope::Clients,
        about: "Orders are taken, and a message names them that looks like a refusal: 399, 404, 2109, 10349",
        expected: "keep the order: only its status ends it",
        params: &[param("code", CODE, "399", "the message's code"), TEXT, COUNTED],
        act: Act::While {
            lasts: "10m",
            effect: |args| {
                let (code, text, left) = refusal(args);
                Effect::Ask(AskFault::WarnOrder { code, text, left })
            },
        },
        drawn: true,
    },
    Spec {
        name: "slow-orders",
        scope: Scope::Clients,
        about: "Orders and cancels take their time at the gateway",
        expected: "wait, and not send the same again",
        params: &[param("by", Kind::Span, "3s", "how long each waits")],
        act: Act::While { lasts: "60s", effect: |args| Effect::Ask(AskFault::DelayOrders(args.span("by"))) },
        drawn: true,
    },
    Spec {
        name: "inactive-then-revived",
        scope: Scope::Clients,
        about: "An order is shown as Inactive and comes to life later, as after an overnight hold",
        expected: "not replace it as long as it may revive; cancel it if it is not wanted any more",
        params: &[param("by", Kind::Span, "10s", "how long it is held"), COUNTED],
        act: Act::While {
            lasts: "10m",
            effect: |args| Effect::Ask(AskFault::Inactive { by: args.span("by"), left: count(args) }),
        },
        drawn: true,
    },
    Spec {
        name: "fill-after-cancel",
        scope: Scope::Clients,
        about: "A cancel is acknowledged with PendingCancel, and the order fills",
        expected: "book the fill: it has a position it did not want",
        params: &[COUNTED],
        act: Act::While {
            lasts: "10m",
            effect: |args| Effect::Ask(AskFault::FillAfterCancel { told_cancelled: false, left: count(args) }),
        },
        drawn: true,
    },
    Spec {
        name: "fill-after-cancelled",
        scope: Scope::Clients,
        about: "A cancel is confirmed with Cancelled and 202, and then the order fills",
        expected: "book the fill: it has a position it did not want",
        params: &[COUNTED],
        act: Act::While {
            lasts: "10m",
            effect: |args| Effect::Ask(AskFault::FillAfterCancel { told_cancelled: true, left: count(args) }),
        },
        drawn: true,
    },
    Spec {
        name: "silent-orders",
        scope: Scope::Clients,
        about: "Orders and cancels are taken and nothing is ever said of them, while data and clock go on",
        expected: "hold them for unknown after a deadline, ask for orders and executions, and not send them again \
                   before it knows",
        params: &[param("executed", Kind::Flag, "true", "whether they are executed, or lost")],
        act: Act::While {
            lasts: "30s",
            effect: |args| {
                let executed = args.flag("executed");
                Effect::Ask(if executed { AskFault::OrdersUntold } else { AskFault::Unanswered(ORDERS) })
            },
        },
        drawn: true,
    },
    Spec {
        name: "unanswered",
        scope: Scope::Clients,
        about: "Requests are read and never answered; the connection itself is well",
        expected: "have a deadline for each request, and not trade on a picture that is not complete",
        params: &[param(
            "requests",
            Kind::Choice(&["all", "snapshots", "completed-orders", "history", "ticks", "clock"]),
            "all",
            "which requests",
        )],
        act: Act::While { lasts: "30s", effect: unanswered },
        drawn: true,
    },
    Spec {
        name: "refuse-data",
        scope: Scope::Clients,
        about: "Subscriptions to market data are refused: 101, 354, 10089, 10090, 10091, 10167, 10168, 10189, 10190, \
                10197",
        expected: "say so, and not trade without data",
        params: &[param("code", CODE, "354", "the error's code"), TEXT],
        act: Act::While { lasts: "30s", effect: |args| refuse(TICKS, args) },
        drawn: true,
    },
    Spec {
        name: "refuse-history",
        scope: Scope::Clients,
        about: "Requests for history are refused: 162 (pacing and other reasons), 165, 366, 420",
        expected: "wait before it asks again, trade without what it could not learn only if that is safe",
        params: &[param("code", CODE, "162", "the error's code"), TEXT],
        act: Act::While { lasts: "60s", effect: |args| refuse(HISTORY, args) },
        drawn: true,
    },
    Spec {
        name: "unknown-ticker",
        scope: Scope::Clients,
        about: "Cancels of market data are answered with 300 (or 310)",
        expected: "go on: what it wanted to end is not there",
        params: &[param("code", CODE, "300", "the error's code")],
        act: Act::While { lasts: "60s", effect: |args| Effect::Ask(AskFault::UnknownTicker(args.small("code"))) },
        drawn: true,
    },
    Spec {
        name: "unsolicited-cancel",
        scope: Scope::Clients,
        about: "The exchange cancels open orders: status Cancelled and 202 without a request",
        expected: "see what is unprotected now, and protect it",
        params: &[
            param("which", Kind::Choice(&["oldest", "newest", "all"]), "newest", "which open orders"),
            param("reason", Kind::Text, "", "what stands behind 202's text"),
        ],
        act: Act::Once(cancel_unsolicited),
        drawn: true,
    },
    Spec {
        name: "executions-told-again",
        scope: Scope::Clients,
        about: "All executions of the client's orders are sent once more, unasked",
        expected: FACTS,
        params: &[],
        act: Act::Once(tell_executions_again),
        drawn: true,
    },
];

fn count(args: &Args) -> u32 {
    match args.small("count") {
        0 => u32::MAX,
        count => count,
    }
}

fn refusal(args: &Args) -> (i32, String, u32) {
    (args.small("code"), args.text("text").to_owned(), count(args))
}

fn reject_order(args: &Args) -> Effect {
    let (code, text, left) = refusal(args);
    let inactive = match args.text("around") {
        "inactive" => true,
        "nothing" => false,
        _ => matches!(code, 201 | 10349),
    };
    Effect::Ask(AskFault::RejectOrder { code, text, left, inactive })
}

fn unanswered(args: &Args) -> Effect {
    Effect::Ask(AskFault::Unanswered(match args.text("requests") {
        "snapshots" => SNAPSHOTS,
        "completed-orders" => COMPLETED,
        "history" => HISTORY,
        "ticks" => TICKS,
        "clock" => CLOCK,
        _ => &[],
    }))
}

fn refuse(ids: &'static [i32], args: &Args) -> Effect {
    Effect::Ask(AskFault::Refuse { ids, code: args.small("code"), text: args.text("text").to_owned() })
}

fn cancel_unsolicited(broker: &mut Broker, call: &Call) -> Result<(), String> {
    let mut open = broker.open_order_ids(call.client);
    match call.args.text("which") {
        "oldest" => open.truncate(1),
        "newest" => open = open.pop().into_iter().collect(),
        _ => {}
    }
    if open.is_empty() {
        return Err("there is no open order".to_owned());
    }
    for perm_id in open {
        // Its family may have ended it a moment ago; then there is nothing left to cancel.
        broker.cancel_unsolicited(perm_id, call.args.text("reason"));
    }
    Ok(())
}

fn tell_executions_again(broker: &mut Broker, call: &Call) -> Result<(), String> {
    for (_, client_id) in broker.concerned(call) {
        broker.tell_own_executions(client_id);
    }
    Ok(())
}

impl AskFault {
    pub fn is_spent(&self) -> bool {
        match self {
            AskFault::RejectOrder { left, .. }
            | AskFault::RejectCancel { left, .. }
            | AskFault::WarnOrder { left, .. }
            | AskFault::Inactive { left, .. }
            | AskFault::FillAfterCancel { left, .. } => *left == 0,
            _ => false,
        }
    }

    pub fn outgoing(&self, response: &Response) -> Fate {
        match self {
            AskFault::OrdersUntold if order_events::is_order_event(response) => Fate::Withhold,
            _ => Fate::Pass,
        }
    }
}

/// The text that was asked for, or else the code's own.
pub fn worded(table: &[(i32, &str)], text: &str, code: i32, id: i32) -> String {
    if text.is_empty() { texts::text_of(table, code, id) } else { text.to_owned() }
}
