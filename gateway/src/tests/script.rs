//! Scripts: read with all their mistakes, played by time and after events, the same every time.

use ibapi::orders::Action;

use super::raw::Raw;
use super::*;
use crate::{Direction, Rehearsal, Script, draw_script, start_rehearsal};

fn played(script: &str, events: Vec<FeedEvent>) -> Gateway {
    let script = Script::parse("test.toml", script).expect("a good script");
    let rehearsal = Rehearsal { script, seed: 3, transcript_entries: 100_000, ..Rehearsal::default() };
    start_rehearsal(options(events, Pacing::Answered), rehearsal).expect("a free port")
}

fn market(seconds: i64) -> Vec<FeedEvent> {
    (0..seconds).flat_map(|second| [quote(second, 5000.0, 50, 5000.25, 50), trade(second, 5000.25, 1)]).collect()
}

/// A desk with trades, whose clock requests move the market.
async fn pacer(gateway: &Gateway) -> (Desk, Subscription<ibapi::market_data::realtime::Trade>) {
    let desk = Desk::open(gateway, 1).await;
    let ticks = within(desk.client.tick_by_tick(&desk.contract, 0).last()).await.expect("trades");
    step(&desk.client).await;
    (desk, ticks)
}

/// Fault names with the seconds after the open at which they began or ended.
fn notes(gateway: &Gateway) -> Vec<(i64, String)> {
    let notes = gateway.transcript(0, None).into_iter().filter(|entry| entry.direction == Direction::Note);
    notes.map(|note| (note.at.secs() - OPEN_S, note.message)).collect()
}

#[tokio::test]
async fn faults_begin_by_market_time_and_last_as_long_as_they_are_told() {
    let script = r#"
        [[at]]
        time = "00:00:03"
        fault = "gap"
        for = "2s"

        [[at]]
        time = 00:00:07   # a time without quotes is one too
        fault = "connectivity-lost"
    "#;
    let gateway = played(script, market(12));
    let (desk, _ticks) = pacer(&gateway).await;
    for _ in 0..22 {
        step(&desk.client).await;
    }
    let told = notes(&gateway);
    let told: Vec<(i64, &str)> = told.iter().map(|(at, text)| (*at, text.as_str())).collect();
    assert_eq!(told, [(3, "fault gap begins"), (5, "fault gap ends"), (7, "fault connectivity-lost begins")]);
    gateway.stop();
}

#[tokio::test]
async fn a_disconnect_at_the_first_fill_is_not_heard_of_until_the_client_asks() {
    let script = "[[at]]\nafter = \"first-fill\"\nfault = \"disconnect\"\nclient = 1\n";
    let gateway = played(script, market(5));
    let (mut desk, _ticks) = pacer(&gateway).await;
    desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
    // What was made and not written is lost: the client hears nothing of its fill.
    let mut heard = Vec::new();
    while let Some(Ok(item)) = within(desk.updates.next()).await {
        if let SubscriptionItem::Data(update) = item {
            heard.push(line(&update));
        }
    }
    assert!(!heard.iter().any(|line| line.starts_with("fill")), "{heard:?}");
    assert_eq!(gateway.truth().positions[0].quantity, 1);
    let back = connect(&gateway, 1).await;
    let mut told = within(back.executions(Default::default())).await.expect("a list");
    assert_eq!(told.collect_to_end_within(DEADLINE).await.expect("an end").len(), 2);
    gateway.stop();
}

#[tokio::test]
async fn events_are_counted_before_and_after_they_take_effect_and_delays_are_market_time() {
    let script = r#"
        [[at]]
        before = "nth-order:2"
        fault = "reject-order"
        code = 203

        [[at]]
        after = "nth-cancel:1"
        delay = "3s"
        fault = "connectivity-lost"

        [[at]]
        after = "disconnect"
        of = 2
        fault = "port-closed"
        for = "1h"
    "#;
    let gateway = played(script, market(20));
    let (mut desk, _ticks) = pacer(&gateway).await;
    let first = desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
    desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
    // Changing an order is no new order.
    within(desk.client.submit_order(first, &desk.contract, &order(Action::Buy, 1.0, "LMT", 4980.0)))
        .await
        .expect("sent");
    desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
    desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
    desk.expect(&["error 203"]).await;
    drop(within(desk.client.cancel_order(first, "")).await.expect("sent"));
    desk.expect(&["status 1 Cancelled 0/1", "error 202"]).await;
    for _ in 0..12 {
        step(&desk.client).await;
    }
    drop(Raw::text(&gateway, 178, 3).await);
    drop(Raw::text(&gateway, 178, 2).await);
    within(async {
        while notes(&gateway).len() < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let told = notes(&gateway);
    let told: Vec<&str> = told.iter().map(|(_, text)| text.as_str()).collect();
    let expected = [
        "fault reject-order begins",
        "fault reject-order ends",
        "fault connectivity-lost begins",
        "fault port-closed begins",
    ];
    assert_eq!(told, expected, "client 3's leaving is another event");
    assert_eq!(notes(&gateway)[2].0, 3);
    gateway.stop();
}

#[test]
fn all_mistakes_of_a_script_are_told_at_once_each_with_line_and_key() {
    let script = r#"
[[at]]
time = "soon"
fault = "half-open"
for = "20 minutes"

[[at]]
after = "nth-fill:0"
fault = "fill-after-cancell"

[[at]]
fault = "late-commission"
by = 5
loud = true

[[at]]
time = "1s"
before = "first-fill"
fault = "disconnect"
for = "1s"

[[at]]
before = "first-fill"
delay = "2s"
fault = "gap"
client = 7

[other]
"#;
    let Err(bad) = Script::parse("rehearsal.toml", script) else { panic!("it is full of mistakes") };
    let told = bad.to_string();
    let events = "expected \"first-EVENT\" or \"nth-EVENT:N\", where EVENT is one of connect, disconnect, subscription, \
                  order, cancel, fill";
    let expected = [
        "rehearsal.toml:3: time: \"soon\", expected market time since the start like \"00:01:30\" or \"90s\""
            .to_owned(),
        "rehearsal.toml:5: for: \"20 minutes\", expected a span like \"20s\", \"250ms\" or \"00:01:30\"".to_owned(),
        format!("rehearsal.toml:8: after: \"nth-fill:0\", {events}"),
        "rehearsal.toml:9: fault: \"fill-after-cancell\" is not a fault, expected one of ".to_owned(),
        "rehearsal.toml:11: at: it is not said when, expected time, after or before".to_owned(),
        "rehearsal.toml:13: by: 5, expected a span like \"20s\", \"250ms\" or \"00:01:30\"".to_owned(),
        "rehearsal.toml:14: loud: late-commission has no such parameter, expected by".to_owned(),
        "rehearsal.toml:16: at: time, after and before exclude each other, expected one of them".to_owned(),
        "rehearsal.toml:20: for: disconnect happens at once and is over, expected no such key".to_owned(),
        "rehearsal.toml:23: before: \"first-fill\", expected an order, a cancel or a subscription".to_owned(),
        "rehearsal.toml:24: delay: expected only together with after".to_owned(),
        "rehearsal.toml:26: client: gap concerns what all clients share, expected no such key".to_owned(),
        "rehearsal.toml:28: other: no such key, expected [[at]] tables".to_owned(),
    ];
    for (line, expected) in told.lines().zip(&expected) {
        assert!(line.starts_with(expected.as_str()), "{line}\n{expected}\n\n{told}");
    }
    assert_eq!(told.lines().count(), expected.len(), "{told}");
}

#[test]
fn broken_toml_is_told_with_its_line() {
    let Err(bad) = Script::parse("x.toml", "[[at]]\ntime = \n") else { panic!("it is broken") };
    assert!(bad.to_string().starts_with("x.toml:2: TOML: "), "{bad}");
    assert!(Script::parse("x.toml", "").expect("nothing is no mistake").is_empty());
}

/// What a client of a drawn script is told, message by message.
async fn played_by_seed(seed: u64) -> Vec<String> {
    // Faults of connections end on the wall where market time stands still, so only the others are the same every time.
    let drawn = draw_script(seed, 3600.0, Duration::from_secs(60));
    let blocks = drawn.split("\n\n").filter(|block| {
        let links =
            ["half-open", "slow-reader", "disconnect", "restart", "id-in-use", "-limit", "unanswered", "outage"];
        !links.iter().any(|name| block.contains(name))
    });
    let gateway = played(&blocks.collect::<Vec<_>>().join("\n\n"), market(90));
    let (mut desk, ticks) = pacer(&gateway).await;
    drop(ticks);
    let mut raw = Raw::text(&gateway, 178, 2).await;
    raw.send("97\x0031\x00\x00ES\x00FUT\x00202612\x00\x00\x00\x00CME\x00\x00\x00\x00\x00Last\x000\x000\x00").await;
    for turn in 0..60 {
        raw.send("49\x001\x00").await;
        raw.next_with(&["49"]).await;
        if turn % 10 == 0 {
            desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
            desk.settle().await;
        }
    }
    let entries = gateway.transcript(0, None);
    gateway.stop();
    let entries = entries.into_iter().filter(|entry| entry.client != Some(1) || entry.direction != Direction::In);
    entries.map(|entry| format!("{} {:?} {} {}", entry.at, entry.direction, entry.message, entry.fields)).collect()
}

#[tokio::test]
async fn the_same_seed_plays_the_same_faults_with_the_same_words() {
    let first = played_by_seed(11).await;
    assert!(first.iter().any(|entry| entry.contains("Note fault ")), "some fault has begun");
    assert_eq!(first, played_by_seed(11).await);
}

#[test]
fn the_scripts_that_come_with_the_gateway_can_be_played() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("the folder is there") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("text");
        let script = Script::parse(&path.display().to_string(), &text).expect("a good script");
        assert!(!script.is_empty(), "{}", path.display());
        count += 1;
    }
    assert_eq!(count, 5);
}

/// The README's table of faults is the program's own.
#[test]
fn the_readme_names_every_fault() {
    let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).expect("the README is there");
    for spec in crate::faults::table::rows() {
        assert!(readme.contains(&format!("`{}`", spec.name)), "{} is not in the README", spec.name);
    }
}
