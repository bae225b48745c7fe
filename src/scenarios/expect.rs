//! What one scenario expects beyond the rules: a small closed vocabulary. In: evidence. Out: for each expectation what
//! it lacks. Spans named `..._wall_s` are seconds on the wall, because Pitboss's deadlines are; `..._s` are market time.

use std::time::Duration;

use engine::journal::{Record, Verdict};
use engine::market::Price;
use engine::time::Timestamp;
use engine::trade::{Leg, Trading};
use gateway::Direction;
use serde::Deserialize;

use super::evidence::{Evidence, OURS};
use super::rules::held;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    FromPitboss,
    ToPitboss,
    Withheld,
}

/// The gateway's clock and Pitboss's are not further apart, or the machine counts as held up.
pub const CLOCKS_APART_WALL_S: f64 = 0.4;

fn one() -> usize {
    1
}

/// Counts begin with the script's time 0, or with the fault `after`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "that", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Expect {
    /// A message passed on the wire so often; of errors with this code.
    Wire {
        way: Way,
        message: String,
        code: Option<i64>,
        text: Option<String>,
        #[serde(default = "one")]
        min: usize,
        max: Option<usize>,
        after: Option<String>,
    },
    /// Trading was paused so soon after the fault began.
    Paused { after: String, within_wall_s: f64 },
    /// Trading stayed allowed all the time.
    NeverPaused,
    /// Trading was allowed again so soon after the fault's end (its beginning, if it happens at once).
    Reopened { after: String, within_wall_s: f64 },
    /// Pitboss said so, in its journal or its log.
    Event {
        name: String,
        text: Option<String>,
        #[serde(default = "one")]
        min: usize,
        max: Option<usize>,
    },
    /// A warning, an alarm or a cause of Pitboss's has this text in it, whatever its name, in upper or lower case.
    EventText { text: String },
    /// So many connections were made since time 0.
    Connections { min: usize, max: usize },
    /// Entries were made after the fault's end.
    Traded { after: String, min: usize },
    /// No entry reached the gateway while the fault lasted, but for the first `margin_s` market seconds and, with
    /// `end_margin_s`, its last.
    NoEntry {
        during: String,
        margin_s: f64,
        #[serde(default)]
        end_margin_s: f64,
    },
    /// The orders that a message with this code names ended so, by the journal.
    OrderEnds { code: i64, states: Vec<String> },
    /// Every bar lies so close to the market's beginning.
    Bars { within_points: f64, of_points: f64 },
    /// Bars of this quality were closed.
    BarQuality {
        quality: String,
        #[serde(default = "one")]
        min: usize,
    },
    /// Risk refused entries by this rule.
    Refused {
        rule: String,
        #[serde(default = "one")]
        min: usize,
    },
    /// So many executions of ours.
    Fills { min: usize },
    /// The gateway holds no position.
    Flat,
    /// Never more orders at work on one side of the market.
    ActiveOrders { max: usize },
    /// The program ended by itself.
    Ended { code: i32 },
}

impl Expect {
    /// `None` when it is met, else what is missing.
    pub fn lacks(&self, seen: &Evidence) -> Option<String> {
        match self {
            Expect::Wire { way, message, code, text, min, max, after } => {
                let from = match begin_of(seen, after.as_deref()) {
                    Ok(from) => from,
                    Err(lack) => return Some(lack),
                };
                let direction = match way {
                    Way::FromPitboss => Direction::In,
                    Way::ToPitboss => Direction::Out,
                    Way::Withheld => Direction::Withheld,
                };
                let found = seen.said(direction, from).filter(|entry| {
                    let code_of = entry.fields["error_code"].as_i64();
                    let of_ours = entry.client.is_none_or(|client| client == OURS);
                    let has = |text: &str| entry.fields.to_string().contains(text);
                    of_ours
                        && entry.message == *message
                        && (code.is_none() || code_of == *code)
                        && text.as_deref().is_none_or(has)
                });
                let what = format!("{message}{}", code.map(|code| format!(" {code}")).unwrap_or_default());
                count(&what, found.count(), *min, *max)
            }
            Expect::Paused { after, within_wall_s } => changed(seen, after, *within_wall_s, false),
            Expect::NeverPaused => seen.journal.iter().find_map(|entry| match &entry.record {
                Record::Trading { trading, cause } if *trading != Trading::Allowed && entry.at >= seen.since() => {
                    Some(format!("trading was paused at {}: {cause}", entry.at))
                }
                _ => None,
            }),
            Expect::Reopened { after, within_wall_s } => changed(seen, after, *within_wall_s, true),
            Expect::Event { name, text, min, max } => {
                let has = |said: &str| text.as_deref().is_none_or(|text| said.contains(text));
                let recorded = seen.journal.iter().filter(|entry| match &entry.record {
                    Record::System { event, text, .. } => event == name && has(text),
                    _ => false,
                });
                let logged = seen.log.iter().filter(|line| line.event == *name && has(&line.text));
                count(&format!("event {name}"), recorded.count().max(logged.count()), *min, *max)
            }
            Expect::EventText { text } => {
                let wanted = text.to_lowercase();
                let says = |said: &str| said.to_lowercase().contains(&wanted);
                let found = seen.journal.iter().any(|entry| match &entry.record {
                    Record::System { event, text, .. } => says(event) || says(text),
                    Record::Trading { cause, .. } => says(cause),
                    _ => false,
                });
                (!found).then(|| format!("nothing that was told has {text:?} in it"))
            }
            Expect::Connections { min, max } => {
                let made = seen.said(Direction::Out, seen.since()).filter(|entry| entry.message == "NextValidId");
                count("connections", made.filter(|entry| entry.client == Some(OURS)).count(), *min, Some(*max))
            }
            Expect::Traded { after, min } => {
                let from = match end_of(seen, after) {
                    Ok(from) => from,
                    Err(lack) => return Some(lack),
                };
                let entries = seen.entry_refs();
                let made = seen.placed().filter(|(at, _, name)| *at >= from && entries.contains(name)).count();
                count(&format!("entries after {after}"), made, *min, None)
            }
            Expect::NoEntry { during, margin_s, end_margin_s } => no_entry(seen, during, *margin_s, *end_margin_s),
            Expect::OrderEnds { code, states } => order_ends(seen, *code, states),
            Expect::Bars { within_points, of_points } => bars(seen, *within_points, *of_points),
            Expect::BarQuality { quality, min } => {
                let found = seen.journal.iter().filter(|entry| match &entry.record {
                    Record::Bar(bar) | Record::BarRevised(bar) => {
                        bar.quality.name() == quality && entry.at >= seen.since()
                    }
                    _ => false,
                });
                count(&format!("bars marked {quality}"), found.count(), *min, None)
            }
            Expect::Refused { rule, min } => {
                let found = seen.journal.iter().filter(|entry| match &entry.record {
                    Record::Signal { verdict: Verdict::Refused { rule: by, .. }, .. } => {
                        by == rule && entry.at >= seen.since()
                    }
                    _ => false,
                });
                count(&format!("signals refused by {rule}"), found.count(), *min, None)
            }
            Expect::Fills { min } => {
                let fills = seen.journal.iter().filter(|entry| matches!(entry.record, Record::Fill(_)));
                count("fills", fills.count(), *min, None)
            }
            Expect::Flat => {
                let held = held(seen);
                (!held.is_empty()).then(|| format!("the gateway holds {held:?}"))
            }
            Expect::ActiveOrders { max } => {
                let most = seen.active_max;
                (most > *max).then(|| format!("{most} orders were at work on one side"))
            }
            Expect::Ended { code } => match seen.exit {
                None => Some("the program still runs".to_owned()),
                Some(status) if status.code() == Some(*code) => None,
                Some(status) => Some(format!("the program ended: {status}, expected exit code {code}")),
            },
        }
    }

    /// For a reader of the timeline.
    pub fn describe(&self) -> String {
        match self {
            Expect::Wire { way, message, code, text, min, max, after } => {
                let way = match way {
                    Way::FromPitboss => "from Pitboss",
                    Way::ToPitboss => "to Pitboss",
                    Way::Withheld => "kept back by the gateway",
                };
                let code = code.map(|code| format!(" {code}")).unwrap_or_default();
                let text = text.as_ref().map(|text| format!(" with {text:?}")).unwrap_or_default();
                format!("{message}{code}{text} {way} {}{}", times(*min, *max), since(after.as_deref()))
            }
            Expect::Paused { after, within_wall_s } => format!("trading paused within {within_wall_s} s of {after}"),
            Expect::NeverPaused => "trading is never paused".to_owned(),
            Expect::Reopened { after, within_wall_s } => {
                format!("trading allowed again within {within_wall_s} s of the end of {after}")
            }
            Expect::Event { name, text, min, max } => {
                let text = text.as_ref().map(|text| format!(" with {text:?}")).unwrap_or_default();
                format!("event {name}{text} {}", times(*min, *max))
            }
            Expect::EventText { text } => format!("something with {text:?} is told"),
            Expect::Connections { min, max } => format!("connections made: {}", times(*min, Some(*max))),
            Expect::Traded { after, min } => format!("at least {min} entries after {after}"),
            Expect::NoEntry { during, margin_s, .. } => {
                format!("no entry during {during}, {margin_s} s after it began")
            }
            Expect::OrderEnds { code, states } => format!("orders told {code} end as {}", states.join(" or ")),
            Expect::Bars { within_points, of_points } => format!("bars within {within_points} points of {of_points}"),
            Expect::BarQuality { quality, min } => format!("at least {min} bars marked {quality}"),
            Expect::Refused { rule, min } => format!("at least {min} signals refused by {rule}"),
            Expect::Fills { min } => format!("at least {min} fills"),
            Expect::Flat => "the gateway holds no position".to_owned(),
            Expect::ActiveOrders { max } => format!("at most {max} orders at work on one side of the market"),
            Expect::Ended { code } => format!("the program ends with exit code {code}"),
        }
    }
}

fn times(min: usize, max: Option<usize>) -> String {
    match max {
        Some(0) => "never".to_owned(),
        Some(max) if max == min => format!("exactly {min} times"),
        Some(max) => format!("{min} to {max} times"),
        None => format!("at least {min} times"),
    }
}

fn since(after: Option<&str>) -> String {
    after.map(|after| format!(" after {after}")).unwrap_or_default()
}

fn count(what: &str, found: usize, min: usize, max: Option<usize>) -> Option<String> {
    // `max = 0` needs no `min = 0` beside it.
    let min = min.min(max.unwrap_or(usize::MAX));
    let holds = found >= min && max.is_none_or(|max| found <= max);
    (!holds).then(|| format!("{what}: found {found}, expected {}", times(min, max)))
}

fn begin_of(seen: &Evidence, fault: Option<&str>) -> Result<Timestamp, String> {
    match fault {
        None => Ok(seen.since()),
        Some(fault) => {
            seen.span(fault).map(|span| span.begin).ok_or_else(|| format!("the fault {fault} did not happen"))
        }
    }
}

fn end_of(seen: &Evidence, fault: &str) -> Result<Timestamp, String> {
    let span = seen.span(fault).ok_or_else(|| format!("the fault {fault} did not happen"))?;
    Ok(span.end.unwrap_or(span.begin))
}

/// Trading became allowed (or not) in time.
fn changed(seen: &Evidence, after: &str, within_wall_s: f64, to_allowed: bool) -> Option<String> {
    let from = if to_allowed { end_of(seen, after) } else { begin_of(seen, Some(after)) };
    let from = match from {
        Ok(from) => from,
        Err(lack) => return Some(lack),
    };
    let span = Duration::from_secs_f64(seen.market_s(within_wall_s));
    // The gateway's stamps are those of the market's last step, and Pitboss's clock only follows.
    let apart = Duration::from_secs_f64(seen.market_s(CLOCKS_APART_WALL_S));
    let allows = |entry: &&engine::journal::Entry| match &entry.record {
        Record::Trading { trading, .. } => Some(*trading == Trading::Allowed),
        _ => None,
    };
    let found = seen.journal.iter().filter(|entry| entry.at + apart >= from);
    let found = found.clone().find(|entry| allows(entry) == Some(to_allowed));
    let word = if to_allowed { "allowed again" } else { "paused" };
    match found {
        None if to_allowed && is_allowed_at(seen, from) => None,
        None => Some(format!("trading was not {word} after {after}")),
        Some(entry) if entry.at <= from + apart + span => None,
        Some(entry) => {
            let late = entry.at.since(from).as_secs_f64() / seen.speed;
            Some(format!("trading was {word} {late:.1} s after {after}, expected {within_wall_s} s"))
        }
    }
}

fn is_allowed_at(seen: &Evidence, at: Timestamp) -> bool {
    let told = seen.journal.iter().filter(|entry| entry.at <= at);
    let mut last = told.filter_map(|entry| match &entry.record {
        Record::Trading { trading, .. } => Some(*trading == Trading::Allowed),
        _ => None,
    });
    last.next_back().unwrap_or(false)
}

fn no_entry(seen: &Evidence, during: &str, margin_s: f64, end_margin_s: f64) -> Option<String> {
    let Some(span) = seen.span(during) else { return Some(format!("the fault {during} did not happen")) };
    let from = span.begin + Duration::from_secs_f64(margin_s);
    let until = span.end.unwrap_or(Timestamp::MAX);
    let entries = seen.tickets().filter(|(_, ticket)| ticket.leg == Leg::Entry);
    let apart = Duration::from_secs_f64(seen.market_s(CLOCKS_APART_WALL_S));
    // By the journal's time: an order that a fault held back was decided before.
    let found = entries
        .map(|(at, ticket)| (at, &ticket.order_ref))
        .find(|(at, _)| *at >= from && *at + apart + Duration::from_secs_f64(end_margin_s) < until);
    found.map(|(at, name)| format!("entry {name} at {at}, while {during} lasted from {from} to {until}"))
}

fn order_ends(seen: &Evidence, code: i64, states: &[String]) -> Option<String> {
    let told = seen.said(Direction::Out, seen.since()).filter(|e| e.fields["error_code"].as_i64() == Some(code));
    let ids: Vec<i64> = told.filter_map(|entry| entry.fields["id"].as_i64()).filter(|id| *id > 0).collect();
    let ended = seen.states();
    let mut found = 0;
    for (_, ticket) in seen.tickets().filter(|(_, ticket)| ids.contains(&i64::from(ticket.order_id.0))) {
        found += 1;
        let state = ended.get(&ticket.id).map_or("unknown", |state| state.name());
        if !states.iter().any(|wanted| wanted == state) {
            return Some(format!("order {} is {state}, expected {}", ticket.order_id.0, states.join(" or ")));
        }
    }
    (found == 0).then(|| format!("no order of ours was told {code}"))
}

fn bars(seen: &Evidence, within_points: f64, of_points: f64) -> Option<String> {
    /// Points of one tick of ES, which scenarios trade.
    const TICK: f64 = 0.25;
    let far = |price: Price| (price.0 as f64 * TICK - of_points).abs() > within_points;
    let mut found = 0;
    for entry in &seen.journal {
        if let Record::Bar(bar) | Record::BarRevised(bar) = &entry.record {
            found += 1;
            if [bar.open, bar.high, bar.low, bar.close].into_iter().any(far) {
                return Some(format!("{bar:?}"));
            }
        }
    }
    (found == 0).then(|| "there are no bars".to_owned())
}
