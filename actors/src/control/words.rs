//! What a person is told of a command: what is so, what the broker confirmed, and what nobody could confirm.
//! In: how things stood before and after. Out: sentences. Absent: waiting and commanding (`obey`).

use engine::books::{LatchLine, RiskView};

/// After a command: it may have been obeyed.
pub(super) const SILENT: &str =
    "the books do not answer: whether this was done is not known, `pitboss risk show` may say";

pub(super) fn no_strategy(name: &str, known: &[&str]) -> String {
    format!("{:?} is no strategy; there are {}", short(name), known.join(", "))
}

/// Names come from whoever writes to the socket.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
}

pub(super) fn not_latched(rule: &str, strategy: Option<&str>, latches: &[LatchLine]) -> String {
    let on: Vec<String> = latches
        .iter()
        .map(|latch| format!("{} of {}", latch.rule, latch.strategy.as_deref().unwrap_or("the account")))
        .collect();
    let on = if on.is_empty() { "nothing is".to_owned() } else { on.join(", ") };
    let rule = if rule.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        short(rule)
    } else {
        format!("{:?}", short(rule))
    };
    format!("{rule} of {} is not latched; latched: {on}", strategy.unwrap_or("the account"))
}

pub(super) fn still_broken(rule: &str, of: &str, broken: &str, reset: &str) -> String {
    let wait = if reset == "by hand" { String::new() } else { format!(", or wait for the {reset}") };
    format!(
        "{rule} of {of} stays latched: it is still broken, {broken}, and would latch again at once. Raise its limit in the \
         configuration and start again{wait}"
    )
}

pub(super) const FLATTENED: &str = "entries are withdrawn, positions are closed";
pub(super) const FLATTENING: &str = "closing everything is ordered";
const KILLED: &str = "the kill is latched, nobody enters any more";

pub(super) fn killed(before: &RiskView, after: &RiskView) -> String {
    let confirmed = before.entries.saturating_sub(after.entries);
    match (before.entries, after.entries) {
        (0, 0) => format!("{KILLED}; no entry was working"),
        (all, 0) => format!("{KILLED}; {confirmed} of {all} working entries ended, as the broker confirmed"),
        (all, left) => format!(
            "{KILLED}; {confirmed} of {all} working entries ended, as the broker confirmed; {left} NOT CONFIRMED in time, \
             they may still fill"
        ),
    }
}

/// Without a connection: what is latched here, and what may be going on there.
pub(super) fn killed_unheard(after: &RiskView, flatten: bool) -> String {
    let entries = match after.entries {
        0 => "the book knows of no working entry".to_owned(),
        1 => "1 entry may still work and fill".to_owned(),
        entries => format!("{entries} entries may still work and fill"),
    };
    let held = match (after.held.is_empty(), flatten) {
        (true, _) => "the book holds no position".to_owned(),
        (false, true) => format!("{} NOT CLOSED", after.holdings()),
        (false, false) => format!("{} held, with what of its protection rests at the broker", after.holdings()),
    };
    let then = match flatten {
        true => "Cancels go out as soon as there is a connection, and positions are closed once book and broker agree",
        false => "Cancels go out as soon as there is a connection",
    };
    format!(
        "{KILLED}. There is NO CONNECTION to the broker, nothing could be confirmed: {entries}; {held}. {then}; \
         if it cannot wait, use TWS or call the broker"
    )
}

/// After a kill that closes nothing.
pub(super) fn kept(risk: &RiskView) -> String {
    // By strategy: positions that make nothing together are positions.
    match (risk.held.is_empty(), risk.agrees) {
        (true, true) => "flat".to_owned(),
        (true, false) => "flat by the book, which has NOT been compared with the broker's positions".to_owned(),
        (false, true) => format!("{} kept with what protects it", risk.holdings()),
        (false, false) => {
            format!("{} kept with what protects it, NOT compared with the broker's positions", risk.holdings())
        }
    }
}

/// `None` when the broker's positions say so too.
pub(super) fn not_flat(risk: &RiskView) -> Option<String> {
    let stands = match risk.entries {
        0 => risk.holdings(),
        entries => format!("{} and {entries} entries", risk.holdings()),
    };
    if !risk.connected {
        return Some(format!(
            "NOT CONFIRMED, there is no connection to the broker; by the book {stands}. Cancels go out as soon as there is \
             one, and positions are closed once book and broker agree; if it cannot wait, use TWS or call the broker"
        ));
    }
    if !risk.is_flat() {
        return Some(format!("NOT FLAT YET, {stands}; Pitboss tries on"));
    }
    let text = "flat by the book, NOT CONFIRMED: it does not agree with the broker's positions, look at the account";
    (!risk.agrees).then(|| text.to_owned())
}
