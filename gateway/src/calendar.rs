//! Last trading days of futures. In: a root symbol's rule, a month or a day. Out: expiries, the front month, the chain
//! of months that are listed. Absent: hours of trading (see `hours`).

use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, Weekday};
use engine::market::Instrument;
use engine::time::Timestamp;

use crate::hours::Hours;
use crate::roots::{Root, root};

/// How the last trading day follows from the month.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// The day before, if that Friday has no whole session.
    ThirdFriday,
    ThirdLastBusinessDay,
}

impl Rule {
    /// Days before its expiry at which a contract stops being the front month: volume has moved on. Metals move before
    /// the month in which they are delivered.
    fn roll_days(self) -> u64 {
        match self {
            Rule::ThirdFriday => 8,
            Rule::ThirdLastBusinessDay => 30,
        }
    }

    /// The last trading day of the month that `day` lies in.
    fn expiry(self, day: NaiveDate) -> NaiveDate {
        match self {
            Rule::ThirdFriday => {
                let friday = NaiveDate::from_weekday_of_month_opt(day.year(), day.month(), Weekday::Fri, 3);
                let friday = friday.expect("every month has three Fridays");
                if is_whole(friday) { friday } else { friday - Days::new(1) }
            }
            Rule::ThirdLastBusinessDay => third_last_business_day(day),
        }
    }
}

/// Whether equity indices trade until the afternoon.
fn is_whole(date: NaiveDate) -> bool {
    let hours = Hours::EQUITY_INDEX;
    let afternoon = NaiveTime::from_hms_opt(15, 0, 0).expect("a time of day");
    hours.calendar().session(date).is_some_and(|session| hours.local(session.close).time() >= afternoon)
}

fn third_last_business_day(day: NaiveDate) -> NaiveDate {
    let first = day.with_day(1).expect("every month has a first day");
    let next = first.checked_add_months(Months::new(1)).expect("dates here lie within the years of timestamps");
    let days = (1..=20).map(|back| next - Days::new(back));
    let mut business = days.filter(|day| Hours::METALS.calendar().session(*day).is_some());
    business.nth(2).expect("twenty days hold three business days")
}

fn rule_of(symbol: &str) -> (Rule, &'static [u32]) {
    root(symbol).map_or((Rule::ThirdFriday, &[3, 6, 9, 12]), |root| (root.rule, root.months))
}

/// The last trading day; `today` decides which contract is the front month.
pub fn expiry_of(instrument: &Instrument, today: Timestamp) -> NaiveDate {
    let (rule, months) = rule_of(&instrument.root);
    let wanted = instrument.expiry.as_deref().unwrap_or("");
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y%m%d").ok();
    let given = match wanted.len() {
        8 => date(wanted),
        6 => date(&format!("{wanted}01")).map(|month| rule.expiry(month)),
        _ => None,
    };
    given.unwrap_or_else(|| {
        let today = local_date(today);
        let end = today.checked_add_days(Days::new(rule.roll_days())).unwrap_or(today);
        expiries(rule, months, end).next().expect("there is always a next month")
    })
}

/// The contracts of a root that are listed on a day: those that still trade.
pub fn chain(root: &Root, today: Timestamp) -> impl Iterator<Item = NaiveDate> {
    let yesterday = local_date(today) - Days::new(1);
    expiries(root.rule, root.months, yesterday).take(root.listed)
}

/// Expiries after a day.
fn expiries(rule: Rule, months: &'static [u32], after: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let first = after.with_day(1).expect("every month has a first day");
    let all = (0..).map_while(move |ahead| first.checked_add_months(Months::new(ahead)));
    let listed = all.filter(move |month| months.contains(&month.month()));
    listed.map(move |month| rule.expiry(month)).skip_while(move |expiry| *expiry <= after)
}

fn local_date(at: Timestamp) -> NaiveDate {
    Hours::EQUITY_INDEX.local(at).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(symbol: &str, day: &str) -> String {
        let noon = chrono::NaiveDateTime::parse_from_str(&format!("{day} 18:00:00"), "%Y-%m-%d %H:%M:%S");
        let today = noon.expect("a date").and_utc().into();
        let root = root(symbol).expect("a known root");
        chain(root, today).take(4).map(|day| day.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn chains_have_the_expiries_that_the_exchange_lists() {
        assert_eq!(shown("ES", "2026-11-23"), "2026-12-18 2027-03-19 2027-06-17 2027-09-17", "Juneteenth moves one");
        assert_eq!(shown("MNQ", "2026-12-18"), "2026-12-18 2027-03-19 2027-06-17 2027-09-17", "it trades to the end");
        assert_eq!(shown("GC", "2013-11-01"), "2013-12-27 2014-02-26 2014-04-28 2014-06-26");
    }
}
