//! Trading sessions of CME equity-index and COMEX metal futures, and a market that never closes.
//! In: instants and trade dates. Out: sessions, the Chicago trade date, open or not. The week runs from Sunday 17:00 to
//! Friday 16:00 Chicago time with a daily break at 16:00; `holidays` knows the exceptions.
//! Absent: a clock, the host's time zone, a contract's own last trading day.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::America::Chicago;

use super::Timestamp;
use super::holidays::{self, Products};

/// The hours of one group of products. Small; copy it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calendar {
    /// `None` never closes: its sessions are UTC days.
    products: Option<Products>,
}

/// One trade date's trading, `[open, close)`. A pause in the afternoon, where there was one, lies inside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session {
    pub trade_date: NaiveDate,
    pub open: Timestamp,
    pub close: Timestamp,
}

impl Session {
    pub fn contains(&self, at: Timestamp) -> bool {
        self.open <= at && at < self.close
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no calendar is named `{name}`; known are {}", Calendar::NAMES.join(", "))]
pub struct UnknownCalendar {
    pub name: String,
}

const METALS: [&str; 8] = ["GC", "MGC", "QO", "SI", "SIL", "QI", "HG", "MHG"];

/// A new trade date begins at this Chicago hour of the evening before.
const EVENING_HOUR: u32 = 17;
/// No market of these closes for longer; the search for the next session ends here.
const CLOSED_DAYS_MAX: u64 = 10;

impl Calendar {
    pub const CME_EQUITY_INDEX: Calendar = Calendar { products: Some(Products::EquityIndex) };
    pub const COMEX_METALS: Calendar = Calendar { products: Some(Products::Metals) };
    pub const ALWAYS: Calendar = Calendar { products: None };
    pub const NAMES: [&str; 3] = ["cme_equity_index", "comex_metals", "always"];

    pub fn by_name(name: &str) -> Result<Calendar, UnknownCalendar> {
        match name {
            "cme_equity_index" => Ok(Self::CME_EQUITY_INDEX),
            "comex_metals" => Ok(Self::COMEX_METALS),
            "always" => Ok(Self::ALWAYS),
            _ => Err(UnknownCalendar { name: name.to_owned() }),
        }
    }

    /// The hours of a root: metals those of COMEX, all else those of CME's equity indices.
    pub fn of_root(root: &str) -> Calendar {
        if METALS.contains(&root) { Self::COMEX_METALS } else { Self::CME_EQUITY_INDEX }
    }

    pub fn name(self) -> &'static str {
        match self.products {
            Some(Products::EquityIndex) => Self::NAMES[0],
            Some(Products::Metals) => Self::NAMES[1],
            None => Self::NAMES[2],
        }
    }

    /// The session of a trade date; `None` on weekends and full holidays.
    pub fn session(self, trade_date: NaiveDate) -> Option<Session> {
        let Some(products) = self.products else {
            return Some(Session { trade_date, open: utc_midnight(trade_date), close: utc_midnight(next(trade_date)) });
        };
        let close = holidays::close_of(products, trade_date)?;
        Some(Session { trade_date, open: evening_before(trade_date), close: chicago(trade_date, close) })
    }

    /// The session that `at` falls into, its afternoon pause included.
    pub fn session_of(self, at: Timestamp) -> Option<Session> {
        self.span_of(at).session.filter(|session| session.contains(at))
    }

    /// Whether trades can happen at `at`. For one answer; a stream of ticks asks a [`SessionCursor`].
    pub fn is_open(self, at: Timestamp) -> bool {
        self.span_of(at).open
    }

    /// The trade date that `at` belongs to: from 17:00 Chicago time the next one, and on days without a session the
    /// first that has one. Between the close and 17:00 it is still the day that closed.
    pub fn trade_date(self, at: Timestamp) -> NaiveDate {
        self.span_of(at).trade_date
    }

    /// The first instant after `at` at which trading begins: a session's open or the end of an afternoon pause.
    pub fn next_open(self, at: Timestamp) -> Timestamp {
        let mut span = self.span_of(at);
        while span.to < Timestamp::MAX {
            let next = self.span_of(span.to);
            if next.open && (!span.open || self.products.is_none()) {
                return next.from;
            }
            span = next;
        }
        Timestamp::MAX
    }

    /// The end of the session that `at` falls into, otherwise of the next one. A pause is not an end.
    pub fn next_close(self, at: Timestamp) -> Timestamp {
        let mut span = self.span_of(at);
        while span.to < Timestamp::MAX {
            if let Some(session) = span.session
                && at < session.close
            {
                return session.close;
            }
            span = self.span_of(span.to);
        }
        Timestamp::MAX
    }

    /// The part of a session when the underlying market is open: 08:30 to 15:00 Chicago time for equity indices, 07:20
    /// to 12:30 for metals, cut short by an early close; `None` if the session is over before or there is none.
    pub fn regular_hours(self, trade_date: NaiveDate) -> Option<Session> {
        let session = self.session(trade_date)?;
        let Some(products) = self.products else {
            return Some(session);
        };
        let (from, to) = holidays::regular_hours_of(products);
        let open = chicago(trade_date, from);
        let close = chicago(trade_date, to).min(session.close);
        (open < close).then_some(Session { trade_date, open, close })
    }

    /// The longest known stretch around `at` in which every answer of this calendar is the same.
    fn span_of(self, at: Timestamp) -> Span {
        let Some(products) = self.products else {
            let session = self.session(at.to_datetime().date_naive()).expect("a UTC day is a session");
            return Span::inside(session, session.open, session.close, true);
        };
        let date = evening_rule_date(at);
        let session = self.session_from(date);
        if at < session.open {
            return Span::inside(session, evening_before(date), session.open, false);
        }
        if at >= session.close {
            return Span::inside(session, session.close, evening_before(next(date)), false);
        }
        let Some((from, to)) = holidays::pause_of(products, date) else {
            return Span::inside(session, session.open, session.close, true);
        };
        let (from, to) = (chicago(date, from), chicago(date, to));
        match () {
            () if at < from => Span::inside(session, session.open, from, true),
            () if at < to => Span::inside(session, from, to, false),
            () => Span::inside(session, to, session.close, true),
        }
    }

    /// The first session with this trade date or a later one.
    fn session_from(self, date: NaiveDate) -> Session {
        (0..CLOSED_DAYS_MAX)
            .find_map(|days| self.session(date + Days::new(days)))
            .expect("no run of holidays and weekends is ten days long")
    }
}

/// A stretch of time with one answer.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Timestamp,
    to: Timestamp,
    open: bool,
    trade_date: NaiveDate,
    session: Option<Session>,
}

impl Span {
    fn inside(session: Session, from: Timestamp, to: Timestamp, open: bool) -> Self {
        Self { from, to, open, trade_date: session.trade_date, session: Some(session) }
    }
}

/// A calendar with a memory: as long as instants stay in the same stretch, an answer costs two comparisons.
#[derive(Clone, Copy, Debug)]
pub struct SessionCursor {
    calendar: Calendar,
    span: Span,
}

impl SessionCursor {
    pub fn new(calendar: Calendar) -> Self {
        let span =
            Span { from: Timestamp::MAX, to: Timestamp::MIN, open: false, trade_date: NaiveDate::MIN, session: None };
        Self { calendar, span }
    }

    pub fn calendar(&self) -> Calendar {
        self.calendar
    }

    /// As [`Calendar::is_open`].
    #[inline]
    pub fn is_open(&mut self, at: Timestamp) -> bool {
        self.at(at).open
    }

    /// As [`Calendar::trade_date`].
    #[inline]
    pub fn trade_date(&mut self, at: Timestamp) -> NaiveDate {
        self.at(at).trade_date
    }

    /// As [`Calendar::session_of`].
    #[inline]
    pub fn session_of(&mut self, at: Timestamp) -> Option<Session> {
        self.at(at).session.filter(|session| session.contains(at))
    }

    /// The first instant after `at` at which an answer may be another one.
    pub fn same_until(&mut self, at: Timestamp) -> Timestamp {
        self.at(at).to
    }

    #[inline]
    fn at(&mut self, at: Timestamp) -> &Span {
        if at < self.span.from || at >= self.span.to {
            self.span = self.calendar.span_of(at);
        }
        &self.span
    }
}

/// The Chicago calendar day of `at`, or the next one from 17:00 on.
fn evening_rule_date(at: Timestamp) -> NaiveDate {
    let local = at.to_datetime().with_timezone(&Chicago);
    let today = local.date_naive();
    if local.hour() >= EVENING_HOUR { next(today) } else { today }
}

fn evening_before(date: NaiveDate) -> Timestamp {
    let evening = NaiveTime::from_hms_opt(EVENING_HOUR, 0, 0).expect("an hour of the day");
    chicago(date - Days::new(1), evening)
}

fn chicago(date: NaiveDate, time: NaiveTime) -> Timestamp {
    let local = Chicago.from_local_datetime(&date.and_time(time)).single();
    local.expect("Chicago changes its clocks at 02:00, no session edge is near").with_timezone(&Utc).into()
}

fn utc_midnight(date: NaiveDate) -> Timestamp {
    DateTime::from_naive_utc_and_offset(date.and_time(NaiveTime::MIN), Utc).into()
}

fn next(date: NaiveDate) -> NaiveDate {
    date + Days::new(1)
}

/// The last day of trading of a contract month, `YYYYMMDD` or `YYYYMM`. A month alone is enough for equity indices, which
/// end on its third Friday; of others `None`.
pub fn last_trading_day(root: &str, expiry: &str) -> Option<NaiveDate> {
    if expiry.len() == 8 {
        return NaiveDate::parse_from_str(expiry, "%Y%m%d").ok();
    }
    if expiry.len() != 6 || METALS.contains(&root) {
        return None;
    }
    let (year, month) = (expiry[..4].parse().ok()?, expiry[4..].parse().ok()?);
    NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Fri, 3)
}

/// The first 16:00 in Chicago after `at`: CME's trading day ends then on every calendar day; a weekend's ends change
/// nothing.
pub fn next_day_end(at: Timestamp) -> Timestamp {
    let close = NaiveTime::from_hms_opt(16, 0, 0).expect("a time of day");
    let today = at.to_datetime().with_timezone(&Chicago).date_naive();
    let closes = (0..=2).filter_map(|ahead| {
        let local = today.checked_add_days(Days::new(ahead))?.and_time(close);
        Some(Timestamp::from(Chicago.from_local_datetime(&local).earliest()?.to_utc()))
    });
    closes.into_iter().find(|close| *close > at).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
