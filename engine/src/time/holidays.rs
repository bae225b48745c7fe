//! When each exchange's day ends: the rules behind the calendars, for any year, checked for 2013 to 2030.
//! In: a product group and a trade date. Out: the Chicago time at which that trade date closes, or `None` for no session.
//! Absent: time zones and instants (`session` makes those). Sources: CME's holiday notices as recorded by public
//! calendars, and the last trades of ten years of ES.

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};

/// Products that share one list of hours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Products {
    EquityIndex,
    Metals,
}

/// A day off or half a day, by the reason for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Day {
    Regular,
    /// New Year's Day, Christmas.
    Closed,
    GoodFriday,
    /// A bank holiday on which Globex still trades until noon.
    Bank,
    /// The Friday after Thanksgiving, Christmas Eve.
    Eve,
    /// 3 July, when the 4th is on the next weekday.
    IndependenceEve,
    /// A national day of mourning: equity products end with the opening bell.
    Mourning,
}

/// The daily close moved from 16:15 to 16:00 with this trade date.
const CLOSE_AT_16_00_SINCE: NaiveDate = date(2015, 9, 21);
/// The last trade date with the pause from 15:15 to 15:30 was the Friday before.
const NO_PAUSE_SINCE: NaiveDate = date(2021, 6, 28);
/// Until then holiday trading ended at 10:30 (metals 12:15) instead of noon.
const NOON_CLOSE_SINCE: NaiveDate = date(2014, 5, 26);
/// Metals trade until 13:30 on bank holidays since then.
const METALS_LATE_HOLIDAYS_SINCE: NaiveDate = date(2022, 1, 1);
/// Good Fridays with an employment report: equity products trade until 08:15.
const GOOD_FRIDAY_MORNINGS: [i32; 4] = [2015, 2021, 2023, 2026];
/// Funerals of presidents Bush and Carter.
const MOURNING: [NaiveDate; 2] = [date(2018, 12, 5), date(2025, 1, 9)];

const fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date of the calendar")
}

const fn time(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).expect("a time of day")
}

/// The Chicago time at which `trade_date` closes; `None` when it has no session.
pub(super) fn close_of(products: Products, trade_date: NaiveDate) -> Option<NaiveTime> {
    if matches!(trade_date.weekday(), Weekday::Sat | Weekday::Sun) {
        return None;
    }
    let regular = if trade_date >= CLOSE_AT_16_00_SINCE { time(16, 0) } else { time(16, 15) };
    match products {
        Products::EquityIndex => equity_close(trade_date, regular),
        Products::Metals => metals_close(trade_date, regular),
    }
}

fn equity_close(trade_date: NaiveDate, regular: NaiveTime) -> Option<NaiveTime> {
    match kind(trade_date) {
        Day::Regular => Some(regular),
        Day::Closed => None,
        Day::GoodFriday => GOOD_FRIDAY_MORNINGS.contains(&trade_date.year()).then_some(time(8, 15)),
        Day::Bank if trade_date < NOON_CLOSE_SINCE => Some(time(10, 30)),
        Day::Bank => Some(time(12, 0)),
        Day::Eve | Day::IndependenceEve => Some(time(12, 15)),
        Day::Mourning => Some(time(8, 30)),
    }
}

fn metals_close(trade_date: NaiveDate, regular: NaiveTime) -> Option<NaiveTime> {
    match kind(trade_date) {
        Day::Regular | Day::IndependenceEve | Day::Mourning => Some(regular),
        Day::Closed | Day::GoodFriday => None,
        Day::Bank if trade_date < NOON_CLOSE_SINCE => Some(time(12, 15)),
        // A holiday on a Friday has no evening session to wait for and ends at noon.
        Day::Bank if trade_date >= METALS_LATE_HOLIDAYS_SINCE && trade_date.weekday() != Weekday::Fri => {
            Some(time(13, 30))
        }
        Day::Bank => Some(time(12, 0)),
        Day::Eve => Some(time(12, 45)),
    }
}

/// The pause inside the session, if this date has one and closes after it.
pub(super) fn pause_of(products: Products, trade_date: NaiveDate) -> Option<(NaiveTime, NaiveTime)> {
    let pause = (time(15, 15), time(15, 30));
    let has = products == Products::EquityIndex && trade_date < NO_PAUSE_SINCE;
    (has && close_of(products, trade_date)? > pause.1).then_some(pause)
}

/// Chicago times between which the market is busiest: the stock market's hours, the former gold pit's hours.
pub(super) fn regular_hours_of(products: Products) -> (NaiveTime, NaiveTime) {
    match products {
        Products::EquityIndex => (time(8, 30), time(15, 0)),
        Products::Metals => (time(7, 20), time(12, 30)),
    }
}

fn kind(day: NaiveDate) -> Day {
    let year = day.year();
    if MOURNING.contains(&day) {
        return Day::Mourning;
    }
    if day == good_friday(year) {
        return Day::GoodFriday;
    }
    if is_christmas(day) || is_new_year(day) {
        return Day::Closed;
    }
    if is_bank_holiday(day) {
        return Day::Bank;
    }
    if day == nth_weekday(year, 11, Weekday::Thu, 4) + Days::new(1) || (day.month(), day.day()) == (12, 24) {
        return Day::Eve;
    }
    let third_of_july = (day.month(), day.day()) == (7, 3);
    if third_of_july && day.weekday() != Weekday::Fri { Day::IndependenceEve } else { Day::Regular }
}

/// 25 December, or the weekday that stands in for it.
fn is_christmas(day: NaiveDate) -> bool {
    day == observed(date(day.year(), 12, 25))
}

/// 1 January, or Monday the 2nd after a Sunday. A Saturday's New Year takes no day off the year before.
fn is_new_year(day: NaiveDate) -> bool {
    let first = date(day.year(), 1, 1);
    first.weekday() != Weekday::Sat && day == observed(first)
}

fn is_bank_holiday(day: NaiveDate) -> bool {
    let year = day.year();
    let juneteenth = year >= 2022 && day == observed(date(year, 6, 19));
    juneteenth
        || day == observed(date(year, 7, 4))
        || day == nth_weekday(year, 1, Weekday::Mon, 3)
        || day == nth_weekday(year, 2, Weekday::Mon, 3)
        || day == last_monday_of_may(year)
        || day == nth_weekday(year, 9, Weekday::Mon, 1)
        || day == nth_weekday(year, 11, Weekday::Thu, 4)
}

/// A holiday on Saturday is kept on Friday, one on Sunday on Monday.
fn observed(holiday: NaiveDate) -> NaiveDate {
    match holiday.weekday() {
        Weekday::Sat => holiday - Days::new(1),
        Weekday::Sun => holiday + Days::new(1),
        _ => holiday,
    }
}

fn nth_weekday(year: i32, month: u32, weekday: Weekday, n: u8) -> NaiveDate {
    NaiveDate::from_weekday_of_month_opt(year, month, weekday, n).expect("every month has four of each weekday")
}

fn last_monday_of_may(year: i32) -> NaiveDate {
    let last = date(year, 5, 31);
    last - Days::new(u64::from(last.weekday().num_days_from_monday()))
}

/// Two days before Easter Sunday, by the anonymous Gregorian algorithm (Meeus, Jones, Butcher).
fn good_friday(year: i32) -> NaiveDate {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let month = (h + l - 7 * m + 114) / 31;
    let day = (h + l - 7 * m + 114) % 31 + 1;
    date(year, month.unsigned_abs(), day.unsigned_abs()) - Days::new(2)
}
