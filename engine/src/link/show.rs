//! The action table as README shows it: as a Markdown table and as a mermaid diagram of the states.
//! In: `table`. Out: text. README is compared with it by a test.

use std::fmt::Write as _;

use super::table::{Action, Event, Layer, Row, State, TABLE};

const LAYERS: [Layer; 3] = [Layer::Socket, Layer::Upstream, Layer::Feed];

/// `| layer | state | event | next | actions |`, one line a row.
pub fn markdown() -> String {
    let mut text = "| layer | in | on | goes to | does |\n|---|---|---|---|---|\n".to_owned();
    for layer in LAYERS {
        for row in TABLE.iter().filter(|row| row.from[0].layer() == layer) {
            line(&mut text, format_args!("| {} |", cells(layer, row).join(" | ")));
        }
    }
    text
}

/// The three layers side by side. Pairs that change no state are left to the table.
pub fn mermaid() -> String {
    let mut text = "stateDiagram-v2\n".to_owned();
    for layer in LAYERS {
        line(&mut text, format_args!("    state {layer:?} {{"));
        for state in State::ALL.into_iter().filter(|state| state.layer() == layer) {
            for next in State::ALL {
                let moves = |row: &&Row| row.to == Some(next) && next != state && row.from.contains(&state);
                let events: Vec<&str> = TABLE.iter().filter(moves).map(|row| event(row.event)).collect();
                if !events.is_empty() {
                    line(&mut text, format_args!("        {state:?} --> {next:?} : {}", events.join(" / ")));
                }
            }
        }
        line(&mut text, format_args!("    }}"));
    }
    text
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("memory takes what is written");
    text.push('\n');
}

fn cells(layer: Layer, row: &Row) -> [String; 5] {
    let from: Vec<String> = row.from.iter().map(|state| format!("{state:?}")).collect();
    let actions: Vec<&str> = row.actions.iter().map(|done| action(*done)).collect();
    let to = row.to.map_or("(stays)".to_owned(), |state| format!("{state:?}"));
    let does = if actions.is_empty() { "-".to_owned() } else { actions.join("; ") };
    [format!("{layer:?}"), from.join(", "), event(row.event).to_owned(), to, does]
}

fn event(event: Event) -> &'static str {
    match event {
        Event::Connected => "connected",
        Event::Disconnected => "socket lost",
        Event::PortReset => "1300",
        Event::UpstreamLost => "1100, 2110",
        Event::RestoredDataKept => "1102",
        Event::RestoredDataLost => "1101",
        Event::LostTooLong => "lost for 5 minutes",
        Event::InventoryAgrees => "inventory agrees",
        Event::InventoryDiffers => "inventory differs",
        Event::InventoryOvertaken => "inventory overtaken",
        Event::PositionsSuspect => "positions differ",
        Event::NoInventory => "no inventory",
        Event::CompareDue => "comparison due",
        Event::Doubt => "order in doubt",
        Event::NewsLost => "order news lost",
        Event::BooksRestarted => "books rebuilt",
        Event::Subscribed => "subscribed",
        Event::StreamEnded => "stream ended",
        Event::FreshTick => "fresh tick",
        Event::FarmBroken => "2103",
        Event::FarmNotice => "2104, 2108, 2119",
        Event::Silent => "silent",
        Event::StillSilent => "still silent",
        Event::Corrupted => "corrupt prices",
    }
}

fn action(action: Action) -> &'static str {
    match action {
        Action::TakeInventory => "ask for the inventory",
        Action::TakeInventoryOnce => "ask for the inventory unless asked",
        Action::ComparePositions => "compare positions",
        Action::ForgetInventory => "what was asked does not count",
        Action::DoubtOrders => "live orders Unknown",
        Action::CompareLater => "compare in a minute",
        Action::CompareSoon => "compare in 5 seconds",
        Action::OutageBegins => "the outage begins",
        Action::OutageEnds => "the outage ends: hold or liquidate",
        Action::PathIsBack => "the outage's time stops",
        Action::TellAgain => "tell the books everything again",
        Action::TellFeeds => "tell the books every feed",
        Action::Rebuild => "rebuild the connection",
        Action::RebuildSeldom => "rebuild the connection, at most every 5 minutes",
        Action::ResubscribeAll => "subscribe to everything anew",
        Action::Resubscribe => "subscribe anew",
        Action::AwaitTick => "await a tick",
        Action::TryAtOnce => "its waits begin anew",
        Action::Alarm => "alarm",
        Action::AlarmEnds => "the alarm ends",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    const README: &str = include_str!("../../../README.md");

    /// `text` with what stands between the two marks replaced.
    fn with(text: &str, from: &str, to: &str, what: &str) -> String {
        let begin = text.find(from).map(|at| at + from.len()).unwrap_or_else(|| panic!("README has no {from}"));
        let end = text[begin..].find(to).map(|at| at + begin).unwrap_or_else(|| panic!("README has no {to}"));
        format!("{}{what}{}", &text[..begin], &text[end..])
    }

    /// `UPDATE_EXPECT=1 cargo test -p engine the_readme_shows` writes it there.
    #[test]
    fn the_readme_shows_this_table_and_its_diagram() {
        let text = with(README, "<!-- link table -->\n", "<!-- end of link table -->", &markdown());
        let text = with(&text, "<!-- link diagram -->\n```mermaid\n", "```\n<!-- end of link diagram -->", &mermaid());
        expect_file!["../../../README.md"].assert_eq(&text);
    }
}
