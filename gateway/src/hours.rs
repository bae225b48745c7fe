//! When an instrument trades, in its own time zone: sessions, liquid hours, trade dates.
//! In: a root symbol or exchange. Out: windows of time, and the broker's text for them. Absent: which contracts exist.

use std::time::Duration;

use chrono::Datelike;
use chrono::{DateTime, Days, NaiveDate, Weekday};
use chrono_tz::Tz;
use engine::market::Instrument;
use engine::time::Timestamp;
use engine::time::session::{Calendar, Session};

pub const MINUTE: Duration = Duration::from_secs(60);
/// Days that contract details show besides the running one.
const DAYS_SHOWN: u64 = 6;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hours {
    calendar: Calendar,
    zone: Tz,
}

impl Hours {
    /// Equity indices on CME, by Chicago's clock.
    pub const EQUITY_INDEX: Hours = Hours { calendar: Calendar::CME_EQUITY_INDEX, zone: Tz::US__Central };
    /// Metals on COMEX and what keeps their hours, by New York's clock.
    pub const METALS: Hours = Hours { calendar: Calendar::COMEX_METALS, zone: Tz::US__Eastern };

    /// Every exchange but those of New York keeps the hours of equity indices.
    pub fn of(instrument: &Instrument) -> Hours {
        match instrument.exchange.as_str() {
            "COMEX" | "NYMEX" => Self::METALS,
            _ => Self::EQUITY_INDEX,
        }
    }

    pub fn calendar(self) -> Calendar {
        self.calendar
    }

    pub fn zone(self) -> Tz {
        self.zone
    }

    /// As Interactive Brokers names it.
    pub fn zone_name(self) -> &'static str {
        self.zone.name()
    }

    pub fn local(self, at: Timestamp) -> DateTime<Tz> {
        at.to_datetime().with_timezone(&self.zone)
    }

    /// `20261123 09:30:00 US/Central`.
    pub fn text(self, at: Timestamp) -> String {
        format!("{} {}", self.local(at).format("%Y%m%d %H:%M:%S"), self.zone_name())
    }

    /// The liquid hours of a trade date: for equity indices from the opening bell to the end of the session, as
    /// contract details have shown them since the pause in the afternoon is gone; for metals the former pit's hours.
    pub fn liquid(self, date: NaiveDate) -> Option<Session> {
        let regular = self.calendar.regular_hours(date)?;
        if self.calendar == Calendar::CME_EQUITY_INDEX {
            let close = self.calendar.session(date)?.close;
            return Some(Session { close, ..regular });
        }
        Some(regular)
    }

    /// The session of a trade date, or its liquid hours.
    pub fn window(self, date: NaiveDate, liquid: bool) -> Option<Session> {
        if liquid { self.liquid(date) } else { self.calendar.session(date) }
    }

    /// The session, or the liquid hours, that `at` falls into.
    pub fn window_of(self, at: Timestamp, liquid: bool) -> Option<Session> {
        let session = self.calendar.session_of(at)?;
        self.window(session.trade_date, liquid).filter(|window| window.contains(at))
    }

    /// Windows that begin before `end`, the latest first, back to the year 1970.
    pub fn windows_before(self, end: Timestamp, liquid: bool) -> impl Iterator<Item = Session> {
        let first = self.calendar.trade_date(end);
        let dates = std::iter::successors(Some(first), |date| date.pred_opt()).take_while(|date| date.year() >= 1970);
        dates.filter_map(move |date| self.window(date, liquid)).skip_while(move |window| window.open >= end)
    }

    /// Entries of the running and the coming days: `20260827:1700-20260828:1600;20260829:CLOSED`.
    pub fn trading_text(self, now: Timestamp) -> String {
        self.days_text(now, false, |date| date.weekday() == Weekday::Sun)
    }

    /// As [`Hours::trading_text`], of the liquid hours.
    pub fn liquid_text(self, now: Timestamp) -> String {
        self.days_text(now, true, |_| false)
    }

    /// `hidden`: days that are not shown as closed.
    fn days_text(self, now: Timestamp, liquid: bool, hidden: fn(NaiveDate) -> bool) -> String {
        let first = self.calendar.trade_date(now);
        let dates = (0..=DAYS_SHOWN).filter_map(|ahead| first.checked_add_days(Days::new(ahead)));
        let entry = |date: NaiveDate| {
            let Some(window) = self.window(date, liquid) else {
                return (!hidden(date)).then(|| format!("{}:CLOSED", date.format("%Y%m%d")));
            };
            let edge = |at: Timestamp| self.local(at).format("%Y%m%d:%H%M").to_string();
            Some(format!("{}-{}", edge(window.open), edge(window.close)))
        };
        dates.filter_map(entry).collect::<Vec<_>>().join(";")
    }
}
