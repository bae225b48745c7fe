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
/// Connected, as far as that is known.
const UNHEARD: &str = "the broker has not answered since; if it cannot wait, use TWS or call the broker";
const KILLED: &str = "the kill is latched, nobody enters any more";

pub(super) fn killed(before: &RiskView, after: &RiskView) -> String {
    let confirmed = before.entries.saturating_sub(after.entries);
    match (before.entries, after.entries) {
        (0, 0) => format!("{KILLED}; no entry was working by the book"),
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
pub(super) fn kept(risk: &RiskView, heard: bool) -> String {
    // By strategy: positions that make nothing together are positions.
    let stands = match risk.held.is_empty() {
        true => "flat".to_owned(),
        false => format!("{} kept with what protects it", risk.holdings()),
    };
    match (heard, risk.agrees) {
        (true, true) => stands,
        (true, false) => format!("{stands} by the book, which does NOT agree with the broker's positions"),
        (false, _) => format!("{stands} by the book, NOT CONFIRMED: {UNHEARD}"),
    }
}

/// `None` when the broker's positions say so too: `heard`, since the command.
pub(super) fn not_flat(risk: &RiskView, heard: bool) -> Option<String> {
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
    match (heard, risk.agrees) {
        (true, _) => None,
        (false, true) => Some(format!("flat by the book, NOT CONFIRMED: {UNHEARD}")),
        (false, false) => {
            Some("flat by the book, NOT CONFIRMED: the broker's positions do not agree, look at the account".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::books::Entries;
    use engine::trade::{Money, Trading};

    use super::*;

    fn stands(entries: usize, held: &[(&str, i64)]) -> RiskView {
        let held = held.iter().map(|(name, contracts)| ((*name).to_owned(), "ES".to_owned(), *contracts)).collect();
        RiskView {
            trading: Entries::Blocked,
            held_back: Vec::new(),
            link: Trading::Allowed,
            connected: true,
            agrees: true,
            comparisons: 1,
            equity: Money::ZERO,
            limits: Vec::new(),
            latches: Vec::new(),
            broker_pnl: None,
            switched_off: Vec::new(),
            positions: Vec::new(),
            held,
            entries,
            orders: entries,
        }
    }

    #[test]
    fn a_kill_claims_what_the_broker_confirmed_and_nothing_else() {
        let all = killed(&stands(3, &[]), &stands(0, &[]));
        assert!(all.ends_with("3 of 3 working entries ended, as the broker confirmed"), "{all}");
        let some = killed(&stands(3, &[]), &stands(2, &[]));
        assert!(some.contains("1 of 3 working entries ended") && some.contains("2 NOT CONFIRMED in time"), "{some}");
        let none = killed(&stands(0, &[]), &stands(0, &[]));
        assert!(!none.contains("confirmed"), "{none}");
        let away = RiskView { connected: false, ..stands(2, &[("trend", 1)]) };
        for (flatten, says) in [(false, "trend ES +1 held"), (true, "trend ES +1 NOT CLOSED")] {
            let told = killed_unheard(&away, flatten);
            assert!(told.contains("NO CONNECTION") && told.contains("2 entries may still work"), "{told}");
            assert!(told.contains(says) && !told.contains("as the broker confirmed"), "{told}");
        }
    }

    #[test]
    fn flat_is_said_without_more_only_if_the_broker_was_heard_and_agrees() {
        let flat = stands(0, &[]);
        assert_eq!((kept(&flat, true).as_str(), not_flat(&flat, true)), ("flat", None));
        let silent = "NOT CONFIRMED: the broker has not answered since";
        assert!(kept(&flat, false).contains(silent) && not_flat(&flat, false).is_some_and(|t| t.contains(silent)));
        let differs = RiskView { agrees: false, ..stands(0, &[]) };
        assert!(kept(&differs, true).contains("does NOT agree"));
        assert!(not_flat(&differs, false).is_some_and(|text| text.contains("do not agree, look at the account")));
        let held = stands(1, &[("trend", -2)]);
        assert!(not_flat(&held, false).is_some_and(|text| text.contains("NOT FLAT YET, trend ES -2 and 1 entries")));
        let away = RiskView { connected: false, ..stands(0, &[]) };
        assert!(not_flat(&away, false).is_some_and(|text| text.contains("there is no connection to the broker")));
    }

    #[test]
    fn names_from_elsewhere_are_shown_short_and_without_what_a_terminal_obeys() {
        let told = [not_latched("\u{1b}[2J", None, &[]), no_strategy(&"x\u{7}".repeat(1_000), &["trend"])];
        for text in told {
            assert!(text.len() < 600 && !text.chars().any(char::is_control), "{text:?}");
        }
    }
}
