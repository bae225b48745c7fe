//! What the control channel answers. In: method, path, query, body. Out: JSON with a status. Absent: HTTP itself.

use std::time::Duration;

use engine::time::Timestamp;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value as Json, json};

use super::{Answer, orders, state};
use crate::broker::Broker;
use crate::faults::{self, Fault, FaultError, span};
use crate::script::Script;

/// Entries of one answer about the transcript.
const ENTRIES_MAX: usize = 10_000;

/// Every route, for those who ask for something else.
const ROUTES: &[&str] = &[
    "GET /faults",
    "GET /faults/running",
    "POST /faults {\"name\": \"half-open\", \"for\": \"20s\", \"client\": 7, \"params\": {\"end\": \"close\"}}",
    "DELETE /faults/ID",
    "GET /state",
    "GET /transcript?since=N&client=ID&limit=N, or ?last=N&client=ID",
    "POST /orders {\"side\": \"BUY\", \"quantity\": 1, \"type\": \"MKT\"}",
    "GET /clock",
    "POST /clock/advance {\"by\": \"30s\"}",
    "POST /script (TOML, or {\"script\": \"...\"})",
];

pub fn answer(broker: &mut Broker, method: &Method, path: &str, query: &str, body: &[u8]) -> Answer {
    let path = path.trim_end_matches('/');
    match (method, path) {
        (&Method::GET, "/faults") => Answer::ok(faults::fault_json()),
        (&Method::GET, "/faults/running") => Answer::ok(state::running(broker)),
        (&Method::POST, "/faults") => object(body).map_or_else(|bad| bad, |keys| inject(broker, keys)),
        (&Method::GET, "/state") => Answer::ok(state::of(broker)),
        (&Method::GET, "/transcript") => transcript(broker, query),
        (&Method::POST, "/orders") => object(body).map_or_else(|bad| bad, |keys| orders::place(broker, &keys)),
        (&Method::GET, "/clock") => Answer::ok(json!({ "now": broker.now().to_string() })),
        (&Method::POST, "/script") => script(broker, body),
        (&Method::DELETE, path) if path.starts_with("/faults/") => clear(broker, path),
        _ => {
            let known = ROUTES.iter().any(|route| route.split([' ', '?']).nth(1) == Some(path));
            let status = if known { StatusCode::METHOD_NOT_ALLOWED } else { StatusCode::NOT_FOUND };
            Answer(status, json!({ "error": format!("no such route: {method} {path}"), "expected": ROUTES }))
        }
    }
}

/// The body as a JSON object.
fn object(body: &[u8]) -> Result<Map<String, Json>, Answer> {
    match serde_json::from_slice::<Json>(body) {
        Ok(Json::Object(keys)) => Ok(keys),
        Ok(other) => Err(Answer::bad(format!("the body is {other}"), "a JSON object")),
        Err(reason) => Err(Answer::bad(format!("the body is no JSON: {reason}"), "a JSON object")),
    }
}

fn inject(broker: &mut Broker, mut keys: Map<String, Json>) -> Answer {
    // Parameters may stand beside the other keys, as in a script, or in an object of their own.
    match keys.remove("params") {
        None => {}
        Some(Json::Object(params)) => keys.extend(params),
        Some(other) => return Answer::bad(format!("params: {other}"), "params: an object"),
    }
    let fault = match Fault::read(keys, "name") {
        Ok(fault) => fault,
        Err(mistakes) => {
            let expected: Vec<Json> =
                mistakes.iter().map(|m| json!({ "key": m.key, "found": m.found, "expected": m.expected })).collect();
            return Answer::bad(FaultError::Mistakes(mistakes), expected);
        }
    };
    match broker.inject(&fault) {
        Ok(id) => Answer(StatusCode::CREATED, json!({ "id": id, "name": fault.name })),
        Err(impossible) => Answer(StatusCode::CONFLICT, json!({ "error": impossible.to_string() })),
    }
}

fn clear(broker: &mut Broker, path: &str) -> Answer {
    let id = path.strip_prefix("/faults/").unwrap_or("");
    match id.parse() {
        Ok(id) if broker.clear_fault(id) => Answer::ok(json!({ "cleared": id })),
        Ok(id) => Answer(StatusCode::NOT_FOUND, json!({ "error": format!("fault {id} is not in force") })),
        Err(_) => Answer::bad(format!("{id:?} is not the id of a fault"), "DELETE /faults/ID"),
    }
}

fn transcript(broker: &Broker, query: &str) -> Answer {
    const EXPECTED: &str = "since=N, client=ID, limit=N; or last=N, client=ID";
    let (mut since, mut client, mut limit, mut last) = (None, None, None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let read = match key {
            "since" => value.parse().map(|value| since = Some(value)).is_ok(),
            "client" => value.parse().map(|value| client = Some(value)).is_ok(),
            "limit" => value.parse().map(|value: usize| limit = Some(value.min(ENTRIES_MAX))).is_ok(),
            "last" => value.parse().map(|value: usize| last = Some(value.min(ENTRIES_MAX))).is_ok(),
            _ => false,
        };
        if !read {
            return Answer::bad(format!("{pair:?} in the query"), EXPECTED);
        }
    }
    if last.is_some() && (since.is_some() || limit.is_some()) {
        return Answer::bad("last together with since or limit in the query", EXPECTED);
    }
    if !broker.faults.transcript.is_on() {
        return Answer(StatusCode::CONFLICT, json!({ "error": "this gateway keeps no transcript" }));
    }
    let kept = &broker.faults.transcript;
    let entries = match last {
        Some(last) => kept.newest(client, last),
        None => kept.entries(since.unwrap_or(0), client, limit.unwrap_or(ENTRIES_MAX)),
    };
    let next = entries.last().map_or(since.unwrap_or(0), |last| last.seq + 1);
    let entries: Vec<Json> = entries.iter().map(|entry| entry.to_json()).collect();
    Answer::ok(json!({ "next": next, "entries": entries }))
}

/// The one request whose answer takes time, for which the caller waits: `POST /clock/advance`.
pub fn is_advance(method: &Method, path: &str) -> bool {
    method == Method::POST && path.trim_end_matches('/') == "/clock/advance"
}

pub fn span_to_advance(body: &[u8]) -> Result<Duration, Answer> {
    let keys = object(body)?;
    let expected = "{\"by\": a span like \"20s\", \"250ms\" or \"00:01:30\"}";
    let by = keys.get("by").and_then(Json::as_str).and_then(span::parse).filter(|_| keys.len() == 1);
    by.ok_or_else(|| Answer::bad(format!("the body is {}", Json::from(keys)), expected))
}

pub fn advanced(now: Result<Timestamp, &'static str>) -> Answer {
    match now {
        Ok(now) => Answer::ok(json!({ "now": now.to_string() })),
        Err(reason) => Answer(StatusCode::CONFLICT, json!({ "error": reason })),
    }
}

/// A script as it stands, or as text within JSON.
fn script(broker: &mut Broker, body: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(body) else {
        return Answer::bad("the body is not UTF-8", "a script in TOML");
    };
    let within = serde_json::from_str::<Json>(text).ok();
    let text = within.as_ref().and_then(|json| json.get("script")?.as_str()).unwrap_or(text);
    match Script::parse("script", text) {
        Ok(script) => {
            let entries = script.len();
            broker.add_script(script);
            Answer(StatusCode::CREATED, json!({ "entries": entries }))
        }
        Err(bad) => {
            let mistakes: Vec<Json> =
                bad.mistakes.iter().map(|m| json!({ "line": m.line, "key": m.key, "mistake": m.text })).collect();
            Answer::bad(bad, mistakes)
        }
    }
}
