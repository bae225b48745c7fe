//! Days and hours of the contracts: expiries, trading hours. In: an instrument, market time. Out: dates and the
//! broker's text. Absent: exchange holidays; the regular week is shown.

use chrono::{Datelike, Days, NaiveDate, Timelike, Weekday};
use chrono_tz::US::Central;
use engine::market::Instrument;
use engine::time::Timestamp;

/// When the electronic session ends, local time.
pub const CLOSE_HOUR: u32 = 16;
/// Days before its expiry at which a quarterly contract stops being the front month: volume has moved on.
const ROLL_DAYS: u64 = 8;
const DAYS_OF_HOURS: u64 = 7;

/// The last trading day; `today` decides which contract is the front month.
pub fn expiry_of(instrument: &Instrument, today: Timestamp) -> NaiveDate {
    let today = today.to_datetime().with_timezone(&Central).date_naive();
    let wanted = instrument.expiry.as_deref().unwrap_or("");
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y%m%d").ok();
    match wanted.len() {
        8 => date(wanted),
        6 => date(&format!("{wanted}01")).map(third_friday),
        _ => None,
    }
    .unwrap_or_else(|| front_quarter(today))
}

fn third_friday(day: NaiveDate) -> NaiveDate {
    NaiveDate::from_weekday_of_month_opt(day.year(), day.month(), Weekday::Fri, 3)
        .expect("every month has three Fridays")
}

/// Third Friday of the first March, June, September or December that has not rolled.
fn front_quarter(today: NaiveDate) -> NaiveDate {
    let end = today.checked_add_days(Days::new(ROLL_DAYS)).unwrap_or(today);
    let mut month = end.with_day(1).expect("every month has a first day");
    loop {
        if month.month().is_multiple_of(3) && third_friday(month) > end {
            return third_friday(month);
        }
        let next = month.checked_add_months(chrono::Months::new(1));
        month = next.expect("dates here lie within the years that timestamps cover");
    }
}

/// Entries of the coming days in the form `20260827:1700-20260828:1600;20260829:CLOSED`.
pub fn hours(now: Timestamp, of_day: fn(NaiveDate) -> Option<String>) -> String {
    let local = now.to_datetime().with_timezone(&Central);
    // Until it closes, the session that opened yesterday is the first entry.
    let open_since_yesterday = local.hour() < CLOSE_HOUR;
    let first = local.date_naive().checked_sub_days(Days::new(u64::from(open_since_yesterday)));
    let days = (0..DAYS_OF_HOURS).filter_map(|ahead| first?.checked_add_days(Days::new(ahead)));
    days.filter_map(of_day).collect::<Vec<_>>().join(";")
}

/// The electronic session that opens on this day's evening.
pub fn session(day: NaiveDate) -> Option<String> {
    let open = day.format("%Y%m%d");
    match day.weekday() {
        Weekday::Fri => None,
        Weekday::Sat => Some(format!("{open}:CLOSED")),
        _ => Some(format!("{open}:1700-{}:1600", day.succ_opt()?.format("%Y%m%d"))),
    }
}

/// The hours of the stock market.
pub fn regular_hours(day: NaiveDate) -> Option<String> {
    let date = day.format("%Y%m%d");
    Some(match day.weekday() {
        Weekday::Sat | Weekday::Sun => format!("{date}:CLOSED"),
        _ => format!("{date}:0830-{date}:1500"),
    })
}
