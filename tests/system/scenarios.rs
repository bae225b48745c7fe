//! Every row of the catalogues of failures has a scenario, and every scenario goes as it should: `pitboss scenarios`
//! plays them over the wire against the full program, several at a time.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::support::Desk;

/// What went wrong at Interactive Brokers for users of other programs.
const FAULTS: &[&str] = &[
    "1100 then 1102 (data kept)",
    "1101 (data lost)",
    "2103/2105/2110 and 2104/2106",
    "326, stuck client id",
    "504/502 at gateway restart",
    "nextValidId falls back",
    "2FA missed, Sunday 01:00 ET token expiry",
    "10349, 399, 2109, 202-after-fill",
    "451/383/163 precaution limits",
    "103 duplicate id, bracket ids",
    "execDetails before openOrder; commission late",
    "partial entry + stop hit",
    "162/420 pacing, 50 open, 60/10 min, 50 msg/s",
    "20 active orders per contract, side, account",
    "101 lines, 10197 session, 354/10089 permissions, delayed data",
    "reqMktData = 250 ms snapshots for futures; tick-by-tick 1 request per instrument per 15 s",
    "Reset windows NA 00:15–01:45 ET, weekend Fri 23:00–Sat 03:00 ET",
    "Broker liquidates (2148)",
    "Market exit refused while CME \"reserved\"",
];

/// Codes and behaviours of a gateway: connectivity (4.1), orders (4.2), data and pacing (4.3), and what it does in turn.
const GATEWAY: &[&str] = &[
    "4.1: 1100",
    "4.1: 1101",
    "4.1: 1102",
    "4.1: 1300",
    "4.1: 2103 / 2104 / 2119",
    "4.1: 2105 / 2106 / 2107",
    "4.1: 2108",
    "4.1: 2110",
    "4.1: 2157 / 2158",
    "4.1: 326",
    "4.1: 502, 504, 501, 503, 505, 507, 508",
    "4.1: 327",
    "script: nightly reset",
    "script: daily gateway auto-restart",
    "script: weekly credential expiry",
    "script: half-open",
    "script: half-open before version",
    "script: half-open after version",
    "script: half-open after start",
    "script: half-open mid-frame",
    "script: only market data silent",
    "script: only orders silent (requests accepted, never answered)",
    "script: ack but no data",
    "script: slow reader",
    "4.2: 103",
    "4.2: 104",
    "4.2: 105",
    "4.2: 110",
    "4.2: 135",
    "4.2: 136",
    "4.2: 161",
    "4.2: 200",
    "4.2: 201",
    "4.2: 202",
    "4.2: 203",
    "4.2: 321, 10349",
    "4.2: 354",
    "4.2: 399",
    "4.2: 404",
    "4.2: 434",
    "4.2: 10147",
    "4.2: 10148",
    "4.2: 10197",
    "4.2: partial fills (each with its own execId; cumQty, avgPrice)",
    "4.2: duplicate statuses",
    "4.2: missing statuses",
    "4.2: exec before openOrder",
    "4.2: Filled before exec",
    "4.2: commission late / never / before exec / interleaved with another order",
    "4.2: exec correction (same prefix, last component +1) and 10225 bust",
    "4.2: fill after cancel request (PendingCancel → Filled) and after Cancelled",
    "4.2: Inactive → Submitted after an overnight hold",
    "4.2: unsolicited cancel",
    "4.2: order from another client or manual (clientId 0, negative or 0 order id), liquidation execution (liquidation flag)",
    "4.2: exec for an order of a previous session",
    "4.2: position that disagrees with the sum of executions (broker adjusts, or position message delayed)",
    "4.2: permId > 2^31",
    "4.2: permId 0 in the first status",
    "4.2: orderStatus without openOrder",
    "4.2: replay of the same execution after reconnect (reqExecutions)",
    "4.2: executions only of today unless lastNDays",
    "4.2: restart losing in-memory ids (nextValidId lower than used)",
    "4.3: 100",
    "4.3: 162",
    "4.3: 165, 366",
    "4.3: 300, 310",
    "4.3: 10089, 10090, 10091, 10167, 10168, 10182, 10189, 10190",
    "4.3: 10225",
    "pacing: historical and tick-by-tick",
    "4.3: gap after 1101",
    "4.3: stall with healthy heartbeat",
    "4.3: duplicated ticks",
    "4.3: ticks with time going backwards by 1 s around a farm change",
    "4.3: price 0 / size 0 ticks",
    "4.3: −1 bid/ask when the side is empty",
    "4.3: corrupt prices",
    "4.3: past-limit and unreported (AllLast) flags",
    "4.3: halted tick (49 = 1/2)",
    "4.3: ticks outside the session",
    "4.3: ticks whose second belongs to the previous minute arriving up to ~1 s after the boundary",
    "4.3: keepUpToDate bars that revise the previous bar",
    "4.3: contract roll (expiry)",
];

fn listed() -> Vec<Value> {
    let listed = Desk::new().run(&["scenarios", "--list", "--json"]).ok().json();
    listed.as_array().expect("a list").clone()
}

#[test]
fn every_row_of_the_catalogues_has_a_scenario() {
    let scenarios = listed();
    let names: BTreeSet<&str> = scenarios.iter().filter_map(|scenario| scenario["name"].as_str()).collect();
    assert_eq!(names.len(), scenarios.len(), "each name once");
    let played: BTreeSet<&str> = scenarios
        .iter()
        .flat_map(|scenario| scenario["rows"].as_array().expect("rows are a list"))
        .map(|row| row.as_str().expect("a row is a text"))
        .collect();
    let known: BTreeSet<String> =
        FAULTS.iter().map(|row| format!("faults: {row}")).chain(GATEWAY.iter().map(|row| (*row).to_owned())).collect();
    let missing: Vec<_> = known.iter().filter(|row| !played.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "no scenario for {missing:#?}");
    let unknown: Vec<_> = played.iter().filter(|row| !known.contains(**row)).collect();
    assert!(unknown.is_empty(), "rows that are in no catalogue: {unknown:#?}");
}

/// Together they are a minute or two on an idle machine, and a busy one takes its time.
#[test]
fn every_scenario_goes_as_it_should() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pitboss"));
    let done =
        command.args(["scenarios", "--run", "all", "--json"]).output().expect("pitboss was built before its tests");
    let out = String::from_utf8(done.stdout).expect("JSON is text");
    let told: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    assert_eq!(told.len(), listed().len(), "every one of them was played: {}", String::from_utf8_lossy(&done.stderr));
    let mut not_yet = 0;
    let mut broken = String::new();
    for verdict in &told {
        let (name, passed) = (verdict["name"].as_str().expect("a name"), verdict["passed"] == true);
        match (passed, verdict["not_yet"].as_str()) {
            (true, None) => {}
            (true, Some(missing)) => println!("{name} works although it is noted: {missing}"),
            (false, Some(missing)) => {
                not_yet += 1;
                println!("not yet: {name}: {missing}");
            }
            (false, None) => broken.push_str(&format!("\n{name}: {}", what_is_wrong(verdict))),
        }
    }
    println!("{} scenarios, {not_yet} not yet", told.len());
    assert!(broken.is_empty(), "{broken}");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn what_is_wrong(verdict: &Value) -> String {
    let findings = verdict["findings"].as_array().expect("findings are a list").iter();
    let unmet = findings.filter(|finding| finding["met"] == false).map(|finding| finding["text"].to_string());
    let error = verdict["error"].as_str().map(str::to_owned);
    let held_up = verdict["held_up_s"].as_f64().filter(|held_up| *held_up > 0.0);
    let held_up = held_up.map(|held_up| format!("(the machine was held up for {held_up:.1} s)"));
    error.into_iter().chain(unmet).chain(held_up).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_scenario_can_be_watched_and_a_wrong_name_is_told() {
    let desk = Desk::new();
    let watched = desk.run(&["scenarios", "--run", "upstream-lost-and-back"]).ok();
    for text in ["gateway  says 1100", "pitboss  trading paused", "gateway  says 1102", "ok      positions"] {
        assert!(watched.out.contains(text), "no {text:?} in\n{}", watched.out);
    }
    let wrong = desk.run(&["scenarios", "--run", "upstream-lost-and-bak"]);
    assert_eq!(wrong.code(), Some(2));
    assert!(
        wrong.err.contains("upstream-lost-and-bak") && wrong.err.contains("upstream-lost-and-back"),
        "{}",
        wrong.err
    );
}
