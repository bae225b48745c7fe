//! Returns by month, year and other stretches of the calendar. In: dated returns, oldest first. Out: compounded ones.
//! Absent: trading calendars; a date here is a trade date that somebody else chose.

use chrono::{Datelike, NaiveDate};
use serde::Serialize;

/// A simple return and the date on which it was complete.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Dated {
    pub date: NaiveDate,
    pub value: f64,
}

/// The compounded return of a month.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Month {
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
    pub value: f64,
}

/// The compounded return of a year.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Year {
    pub year: i32,
    pub value: f64,
}

/// Returns without their dates.
pub fn values(returns: &[Dated]) -> Vec<f64> {
    returns.iter().map(|r| r.value).collect()
}

/// Compounds neighbours that have the same key.
fn compound<K: PartialEq>(returns: &[Dated], key: impl Fn(NaiveDate) -> K) -> Vec<(K, f64)> {
    let mut grown: Vec<(K, f64)> = Vec::new();
    for Dated { date, value } in returns {
        let key = key(*date);
        match grown.last_mut() {
            Some((last, wealth)) if *last == key => *wealth *= 1.0 + value,
            _ => grown.push((key, 1.0 + value)),
        }
    }
    grown.into_iter().map(|(key, wealth)| (key, wealth - 1.0)).collect()
}

/// One value a month in which there were returns. The first and the last may be parts of a month.
pub fn monthly(returns: &[Dated]) -> Vec<Month> {
    let months = compound(returns, |date| (date.year(), date.month()));
    months.into_iter().map(|((year, month), value)| Month { year, month, value }).collect()
}

/// One value a year in which there were returns. The first and the last may be parts of a year.
pub fn yearly(returns: &[Dated]) -> Vec<Year> {
    compound(returns, |date| date.year()).into_iter().map(|(year, value)| Year { year, value }).collect()
}

/// Compounded returns of every `length` neighbours.
pub fn rolling(returns: &[f64], length: usize) -> Vec<f64> {
    returns.windows(length.max(1)).map(super::growth::total_return).collect()
}

/// The share of values above zero. `None` for nothing.
pub fn share_positive(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().filter(|v| **v > 0.0).count() as f64 / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(date: &str, value: f64) -> Dated {
        Dated { date: date.parse().expect("a date"), value }
    }

    #[test]
    fn months_and_years_compound_their_days() {
        let days = [on("2023-12-28", 0.5), on("2023-12-29", -0.5), on("2024-01-02", 0.25), on("2024-03-01", 1.0)];
        let months: Vec<_> = monthly(&days).into_iter().map(|m| (m.year, m.month, m.value)).collect();
        assert_eq!(months, [(2023, 12, -0.25), (2024, 1, 0.25), (2024, 3, 1.0)]);
        assert_eq!(yearly(&days), [Year { year: 2023, value: -0.25 }, Year { year: 2024, value: 1.5 }]);
    }

    #[test]
    fn a_window_longer_than_the_record_has_no_value() {
        assert!(rolling(&[0.1], 12).is_empty());
        assert_eq!(rolling(&[0.5, -0.5, 1.0], 2), [-0.25, 0.0]);
        assert_eq!(share_positive(&[]), None);
        assert_eq!(share_positive(&[1.0, 0.0]), Some(0.5));
    }
}
