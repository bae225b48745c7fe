//! Faults beyond the gateway: the link to the broker's servers, the farms for market data, history and definitions.
//! In: calls. Out: notices on every connection; while a link is down, silence.

use crate::broker::Broker;
use crate::broker::session::SYSTEM;
use crate::faults::effect::{Effect, Fate};
use crate::faults::order_events;
use crate::faults::spec::{Act, Args, COUNT, Call, Kind, POSITIVE, Param, Scope, Spec, param};
use crate::wire::response::Response;

/// The gateway has lost the broker's servers: nothing comes, nothing goes.
#[derive(Debug)]
pub struct Outage {
    notices: u32,
    data_lost: bool,
    /// What happened to orders meanwhile is told when it is over; otherwise never.
    orders_told: bool,
}

/// One farm is down.
#[derive(Debug)]
pub struct Farm {
    broken: i32,
    ok: i32,
    name: String,
    /// Market data stops too.
    pub silent: bool,
}

const LOST: &str = "Connectivity between IB and Trader Workstation has been lost.";
const RESTORED_LOST: &str = "Connectivity between IB and Trader Workstation has been restored - data lost.";
const RESTORED_KEPT: &str = "Connectivity between IB and Trader Workstation has been restored - data maintained.";
const BROKEN_LINK: &str =
    "Connectivity between Trader Workstation and server is broken. It will be restored automatically.";
const STALENESS: &str = "let the age of its data decide; a farm's notice alone is no reason to drop the connection";
const FARM: Param = param("farm", Kind::Text, "usfuture", "the farm's name");
const HISTORY_FARM: Param = param("farm", Kind::Text, "ushmds", "the farm's name");
const SECDEF_FARM: Param = param("farm", Kind::Text, "secdefil", "the farm's name");
const SILENT: Param = param("silent", Kind::Flag, "true", "market data stops meanwhile");

const fn told(
    name: &'static str,
    about: &'static str,
    expected: &'static str,
    params: &'static [Param],
    act: fn(&mut Broker, &Call) -> Result<(), String>,
) -> Spec {
    Spec { name, scope: Scope::Clients, about, expected, params, act: Act::Once(act), drawn: false }
}

pub const ROWS: &[Spec] = &[
    Spec {
        name: "outage",
        scope: Scope::Clients,
        about: "1100: the link to the broker is lost. Ticks stop, order requests wait at the gateway, fills go on at \
                the exchange and are told afterwards, who connects meanwhile gets 2110; then 1102, or 1101 with every \
                data subscription gone",
        expected: "send no new orders, keep its state; on return compare orders, executions and positions with the \
                   broker, after 1101 subscribe to everything anew",
        params: &[
            param("data", Kind::Choice(&["maintained", "lost"]), "maintained", "1102 or 1101 at its end"),
            param(
                "orders",
                Kind::Choice(&["late", "untold"]),
                "late",
                "whether order messages of the time come at all",
            ),
            param("notices", POSITIVE, "1", "how often 1100 is said"),
        ],
        act: Act::While { lasts: "30s", effect: outage },
        drawn: true,
    },
    told(
        "connectivity-lost",
        "1100 alone, nothing else changes",
        "send no new orders until 1101 or 1102",
        &[],
        |broker, call| notice(broker, call, 1100, LOST),
    ),
    told(
        "restored-data-lost",
        "1101, and every data subscription is gone: streams stay silent",
        "subscribe to everything anew, compare orders and positions with the broker",
        &[],
        |broker, call| {
            drop_subscriptions(broker, call);
            notice(broker, call, 1101, RESTORED_LOST)
        },
    ),
    told(
        "restored-data-maintained",
        "1102 alone",
        "compare orders and positions with the broker, see whether ticks still come",
        &[],
        |broker, call| notice(broker, call, 1102, RESTORED_KEPT),
    ),
    Spec {
        name: "data-farm-broken",
        scope: Scope::Clients,
        about: "2103, ticks stop, then 2104",
        expected: STALENESS,
        params: &[FARM, SILENT],
        act: Act::While { lasts: "15s", effect: |args| farm(2103, 2104, args, args.flag("silent")) },
        drawn: true,
    },
    Spec {
        name: "history-farm-broken",
        scope: Scope::Clients,
        about: "2105, then 2106",
        expected: "delay backfills",
        params: &[HISTORY_FARM],
        act: Act::While { lasts: "15s", effect: |args| farm(2105, 2106, args, false) },
        drawn: true,
    },
    Spec {
        name: "definition-farm-broken",
        scope: Scope::Clients,
        about: "2157, then 2158",
        expected: "go on",
        params: &[SECDEF_FARM],
        act: Act::While { lasts: "15s", effect: |args| farm(2157, 2158, args, false) },
        drawn: true,
    },
    told("data-farm-ok", "2104 alone", "go on", &[FARM], |broker, call| farm_notice(broker, call, 2104)),
    told("history-farm-ok", "2106 alone", "go on", &[HISTORY_FARM], |broker, call| farm_notice(broker, call, 2106)),
    told("history-farm-inactive", "2107: available on demand", "go on", &[HISTORY_FARM], |broker, call| {
        farm_notice(broker, call, 2107)
    }),
    told("data-farm-inactive", "2108: available on demand", "go on", &[FARM], |broker, call| {
        farm_notice(broker, call, 2108)
    }),
    told("data-farm-connecting", "2119", STALENESS, &[FARM], |broker, call| farm_notice(broker, call, 2119)),
    told("definition-farm-ok", "2158 alone", "go on", &[SECDEF_FARM], |broker, call| farm_notice(broker, call, 2158)),
    told(
        "broken-link",
        "2110: gateway and server are apart, and will find each other by themselves",
        "as for 1100: send no new orders until data flows again",
        &[],
        |broker, call| notice(broker, call, 2110, BROKEN_LINK),
    ),
    told(
        "notice",
        "Any message of the gateway that belongs to no request",
        "log it, and act by facts",
        &[
            param("code", COUNT, "2100", "the message's code"),
            param("text", Kind::Text, "API client has been unsubscribed from account data.", "the message's text"),
        ],
        |broker, call| notice(broker, call, call.args.small("code"), call.args.text("text")),
    ),
];

fn outage(args: &Args) -> Effect {
    Effect::Outage(Outage {
        notices: args.small("notices"),
        data_lost: args.text("data") == "lost",
        orders_told: args.text("orders") == "late",
    })
}

fn farm(broken: i32, ok: i32, args: &Args, silent: bool) -> Effect {
    Effect::Farm(Farm { broken, ok, name: args.text("farm").to_owned(), silent })
}

fn notice(broker: &mut Broker, call: &Call, code: i32, text: &str) -> Result<(), String> {
    say(broker, call, code, text);
    Ok(())
}

fn drop_subscriptions(broker: &mut Broker, call: &Call) {
    for (conn, _) in broker.concerned(call) {
        broker.drop_data_subscriptions(conn);
    }
}

/// The text of a farm's notice.
pub fn farm_text(code: i32, farm: &str) -> String {
    let (what, state) = match code {
        2103 => ("Market data farm connection", "is broken"),
        2104 => ("Market data farm connection", "is OK"),
        2105 => ("HMDS data farm connection", "is broken"),
        2106 => ("HMDS data farm connection", "is OK"),
        2107 => ("HMDS data farm connection", "is inactive but should be available upon demand."),
        2108 => ("Market data farm connection", "is inactive but should be available upon demand."),
        2119 => ("Market data farm", "is connecting"),
        2157 => ("Sec-def data farm connection", "is broken"),
        _ => ("Sec-def data farm connection", "is OK"),
    };
    format!("{what} {state}:{farm}")
}

fn farm_notice(broker: &mut Broker, call: &Call, code: i32) -> Result<(), String> {
    notice(broker, call, code, &farm_text(code, call.args.text("farm")))
}

/// Tells every client that the call concerns; with nobody there it passes unheard, as it would.
fn say(broker: &mut Broker, call: &Call, code: i32, text: &str) {
    for (conn, _) in broker.concerned(call) {
        broker.error(conn, SYSTEM, code, text);
    }
}

impl Broker {
    /// What a client that starts during an outage is told instead of the farms' state.
    pub(crate) fn link_notice(&self, client_id: i32) -> Option<(i32, &'static str)> {
        let lost = self.faults.effects(Some(client_id)).any(|fault| matches!(fault.effect, Effect::Outage(_)));
        lost.then_some((2110, BROKEN_LINK))
    }
}

impl Outage {
    pub fn begin(&self, broker: &mut Broker, call: &Call) {
        for _ in 0..self.notices {
            say(broker, call, 1100, LOST);
        }
    }

    pub fn outgoing(&self, response: &Response) -> Fate {
        match (order_events::is_order_event(response), self.orders_told) {
            (false, _) => Fate::Pass,
            (true, true) => Fate::AtEnd,
            (true, false) => Fate::Withhold,
        }
    }

    pub fn end(self, broker: &mut Broker, call: &Call) {
        if self.data_lost {
            drop_subscriptions(broker, call);
            say(broker, call, 1101, RESTORED_LOST);
        } else {
            say(broker, call, 1102, RESTORED_KEPT);
        }
    }
}

impl Farm {
    pub fn begin(&self, broker: &mut Broker, call: &Call) {
        say(broker, call, self.broken, &farm_text(self.broken, &self.name));
    }

    pub fn end(self, broker: &mut Broker, call: &Call) {
        say(broker, call, self.ok, &farm_text(self.ok, &self.name));
    }
}
