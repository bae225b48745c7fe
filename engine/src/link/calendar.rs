//! What is known before it happens: expected outages, closes, the weekly login. In: the time. Out: whether entries are
//! held and why, whether positions are to be closed before a close, and what a person is told and when.
//! Absent: closing positions, outages that nobody expected (`outage`).

use std::time::Duration;

use crate::config::{AtClose, CalendarConfig, Config, ExpectedOutage};
use crate::journal::Severity;
use crate::time::Timestamp;
use crate::time::session::Calendar;

use super::outage::Said;

/// The calendar is looked at this often: in half an hour's notice ten seconds do not matter.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A closure of this length is a weekend or a holiday.
const WEEKEND_MIN: Duration = Duration::from_secs(12 * 3_600);
/// A pause shorter than this is no close.
const CLOSE_MIN: Duration = Duration::from_secs(1_800);
/// What remains when a person is told, in seconds.
const LOGIN_ALERTS: &[u64] = &[129_600, 86_400, 14_400, 3_600, 900, 0];
const OPEN_ALERTS: &[u64] = &[14_400, 3_600, 900, 300];

#[derive(Clone, Debug)]
pub(super) struct Plan {
    windows: Vec<ExpectedOutage>,
    config: CalendarConfig,
    /// Of the instruments, each once.
    calendars: Vec<Calendar>,
    look_at: Timestamp,
    /// Why entries are held.
    held: Option<String>,
    /// Positions are to be closed before this close.
    flat_before: Option<Timestamp>,
    /// Entries are held until the market is open again.
    flat_until: Timestamp,
    /// The close that was told about last.
    told_close: Timestamp,
    login_at: Option<Timestamp>,
    login: CountDown,
    open: CountDown,
    /// The broker was away at the look before.
    was_away: bool,
}

/// Alerts at certain times before a moment.
#[derive(Clone, Debug, Default)]
struct CountDown {
    target: Timestamp,
    told: usize,
}

impl CountDown {
    /// The time that remains, if it is time to say so.
    fn step(&mut self, now: Timestamp, target: Timestamp, alerts: &[u64]) -> Option<Duration> {
        if self.target != target {
            *self = CountDown { target, told: 0 };
        }
        let left = target.since(now);
        let due = alerts.iter().filter(|secs| left <= Duration::from_secs(**secs)).count();
        let tells = due > self.told;
        self.told = due;
        tells.then_some(left)
    }
}

impl Plan {
    pub fn new(config: &Config) -> Self {
        let mut calendars: Vec<Calendar> = Vec::new();
        for instrument in &config.instruments {
            let calendar = Calendar::of_root(&instrument.root);
            if !calendars.contains(&calendar) {
                calendars.push(calendar);
            }
        }
        Self {
            windows: config.expected_outages.clone(),
            config: config.calendar.clone(),
            calendars,
            look_at: Timestamp::MIN,
            held: None,
            flat_before: None,
            flat_until: Timestamp::MIN,
            told_close: Timestamp::MIN,
            login_at: None,
            login: CountDown::default(),
            open: CountDown::default(),
            was_away: false,
        }
    }

    /// No person logs in to a simulated gateway.
    pub fn without_login(&mut self) {
        self.config.login = None;
    }

    pub fn windows(&self) -> &[ExpectedOutage] {
        &self.windows
    }

    pub fn held(&self) -> Option<&str> {
        self.held.as_deref()
    }

    /// The close before which positions are to be closed, now.
    pub fn flat_before(&self) -> Option<Timestamp> {
        self.flat_before
    }

    /// Looks, if it is time to. `away`: there is no broker that agrees with the book.
    pub fn look(&mut self, now: Timestamp, away: bool, said: &mut Vec<Said>) {
        if now < self.look_at {
            return;
        }
        self.look_at = now.floor(LOOK_EVERY) + LOOK_EVERY;
        let outage = self.before_outage(now);
        self.before_close(now, said);
        let flat = (now < self.flat_until).then(|| format!("flat over the close until {}", self.flat_until));
        let held = outage.or(flat);
        if held != self.held {
            said.push(match &held {
                Some(why) => (Severity::Info, "calendar.hold", format!("no new entries: {why}")),
                None => (Severity::Info, "calendar.resume", "entries are allowed by the calendar again".to_owned()),
            });
            self.held = held;
        }
        self.login(now, said);
        // A start is away too, until it has connected: seen at two looks, it is more than that.
        if away && self.was_away {
            self.before_open(now, said);
        }
        self.was_away = away;
    }

    fn before_outage(&self, now: Timestamp) -> Option<String> {
        self.windows.iter().find_map(|window| match window.inside(now) {
            Some(end) => self.config.hold_inside.then(|| format!("{} until {end}", window.name)),
            None => {
                let end = window.inside(now + self.config.hold_before)?;
                let begin = Timestamp::from_nanos(end.nanos() - i64::try_from(window.length.as_nanos()).ok()?);
                Some(format!("{} begins at {begin}", window.name))
            }
        })
    }

    fn before_close(&mut self, now: Timestamp, said: &mut Vec<Said>) {
        self.flat_before = None;
        let mut due: Option<(Timestamp, AtClose, Timestamp)> = None;
        for calendar in &self.calendars {
            let Some(session) = calendar.session_of(now) else { continue };
            if now + self.config.flat_before < session.close {
                continue;
            }
            let opens = calendar.next_open(session.close);
            let closure = opens.since(session.close);
            let rule = match closure {
                long if long >= WEEKEND_MIN => self.config.weekend,
                short if short >= CLOSE_MIN => self.config.session_close,
                _ => continue,
            };
            // A market without a break (its days follow each other) has no close.
            if due.is_none_or(|(_, other, _)| other == AtClose::Protected) {
                due = Some((session.close, rule, opens));
            }
        }
        let Some((close, rule, opens)) = due else { return };
        if rule == AtClose::Flat {
            (self.flat_before, self.flat_until) = (Some(close), opens);
        }
        if self.told_close != close {
            self.told_close = close;
            let what = match rule {
                AtClose::Flat => "positions are closed before",
                AtClose::Protected => "positions stay with their stops",
            };
            said.push((
                Severity::Info,
                "calendar.close",
                format!("the market closes at {close} until {opens}: {what}"),
            ));
        }
    }

    fn login(&mut self, now: Timestamp, said: &mut Vec<Said>) {
        let Some(login) = self.config.login else { return };
        let due = *self.login_at.get_or_insert_with(|| login.next(now));
        if let Some(left) = self.login.step(now, due, LOGIN_ALERTS) {
            let severity = if left <= Duration::from_secs(3_600) { Severity::Warning } else { Severity::Info };
            let when = if left.is_zero() { "now".to_owned() } else { format!("in {}", shown(left)) };
            said.push((severity, "login.due", format!("the gateway's credentials end {when}: a person has to log in")));
        }
        if now >= due {
            self.login_at = Some(login.next(now));
        }
    }

    /// Nobody trades if nobody has logged in before the open.
    fn before_open(&mut self, now: Timestamp, said: &mut Vec<Said>) {
        let closed = self.calendars.iter().filter(|calendar| !calendar.is_open(now));
        let Some(open) = closed.map(|calendar| calendar.next_open(now)).min() else { return };
        if let Some(left) = self.open.step(now, open, OPEN_ALERTS) {
            let text = format!("the market opens in {}, and the broker is away", shown(left));
            said.push((Severity::Error, "link.away_before_open", text));
        }
    }
}

/// `3 h 20 min`.
fn shown(span: Duration) -> String {
    let minutes = span.as_secs().div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
