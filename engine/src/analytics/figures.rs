//! One number of a report with its name, its unit and how it was made. In: what was computed. Out: what is shown,
//! written as JSON and compared. Absent: computing.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::trade::Money;

/// What kind of number it is, which decides how it is written. In JSON a plain number, a text, or null; money is a text
/// with all its digits.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub enum Value {
    Money(Option<Decimal>),
    /// A fraction of one, shown in per cent.
    Share(Option<f64>),
    Number(Option<f64>),
    Count(u64),
    Days(Option<f64>),
    Date(Option<NaiveDate>),
}

/// One line of a report.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Figure {
    /// Stable name for programs: `sharpe`.
    pub key: &'static str,
    pub label: &'static str,
    pub value: Value,
    /// How it is made, and from what.
    pub about: &'static str,
}

/// Figures that belong together.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Family {
    pub title: &'static str,
    pub figures: Vec<Figure>,
}

impl Family {
    pub fn new(title: &'static str) -> Self {
        Self { title, figures: Vec::new() }
    }

    #[must_use]
    pub fn with(mut self, key: &'static str, label: &'static str, value: Value, about: &'static str) -> Self {
        self.figures.push(Figure { key, label, value, about });
        self
    }

    #[must_use]
    pub fn money(self, key: &'static str, label: &'static str, amount: Option<Money>, about: &'static str) -> Self {
        self.with(key, label, Value::Money(amount.map(Money::to_decimal)), about)
    }

    #[must_use]
    pub fn share(self, key: &'static str, label: &'static str, value: Option<f64>, about: &'static str) -> Self {
        self.with(key, label, Value::Share(value), about)
    }

    #[must_use]
    pub fn number(self, key: &'static str, label: &'static str, value: Option<f64>, about: &'static str) -> Self {
        self.with(key, label, Value::Number(value), about)
    }

    #[must_use]
    pub fn count(self, key: &'static str, label: &'static str, value: usize, about: &'static str) -> Self {
        self.with(key, label, Value::Count(value as u64), about)
    }

    #[must_use]
    pub fn days(self, key: &'static str, label: &'static str, value: Option<f64>, about: &'static str) -> Self {
        self.with(key, label, Value::Days(value), about)
    }

    #[must_use]
    pub fn date(self, key: &'static str, label: &'static str, value: Option<NaiveDate>, about: &'static str) -> Self {
        self.with(key, label, Value::Date(value), about)
    }
}

impl Value {
    /// As a person reads it.
    pub fn text(&self) -> String {
        match self {
            Value::Money(amount) => amount.map_or_else(nothing, money_text),
            Value::Share(value) => value.map_or_else(nothing, |v| format!("{} %", number_text(v * 100.0, 2))),
            Value::Number(value) => value.map_or_else(nothing, |v| number_text(v, 2)),
            Value::Count(count) => grouped(&count.to_string()),
            Value::Days(days) => days.map_or_else(nothing, days_text),
            Value::Date(date) => date.map_or_else(nothing, |d| d.to_string()),
        }
    }

    /// For comparing, in the unit of the value; money in account currency. `None` for dates and what is not defined.
    pub fn number(&self) -> Option<f64> {
        use rust_decimal::prelude::ToPrimitive;
        match self {
            Value::Money(amount) => amount.and_then(|a| a.to_f64()),
            Value::Share(value) | Value::Number(value) | Value::Days(value) => *value,
            Value::Count(count) => Some(*count as f64),
            Value::Date(_) => None,
        }
    }
}

/// What is not defined.
fn nothing() -> String {
    "–".to_owned()
}

/// Two decimals, thousands grouped.
pub fn money_text(amount: Decimal) -> String {
    grouped(&format!("{:.2}", amount.round_dp(2)))
}

/// So many decimals, thousands grouped; huge ones as powers of ten.
pub fn number_text(value: f64, decimals: usize) -> String {
    if value.abs() >= 1e9 {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.decimals$}");
    let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    grouped(if is_zero { text.trim_start_matches('-') } else { &text })
}

fn days_text(days: f64) -> String {
    let minutes = days * 1_440.0;
    match () {
        () if minutes < 120.0 => format!("{} min", number_text(minutes, 1)),
        () if days < 2.0 => format!("{} h", number_text(minutes / 60.0, 1)),
        () => format!("{} days", number_text(days, 1)),
    }
}

/// `-1234567.5` becomes `-1,234,567.5`.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, rest) = digits.find('.').map_or((digits, ""), |dot| digits.split_at(dot));
    let mut text = String::from(sign);
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(money_text(Decimal::new(-123_456_789, 2)), "-1,234,567.89");
        assert_eq!(money_text(Decimal::new(5, 1)), "0.50");
        assert_eq!(Value::Share(Some(0.12345)).text(), "12.35 %");
        assert_eq!(Value::Number(Some(-0.001)).text(), "0.00", "no negative zero");
        assert_eq!(Value::Number(Some(5e12)).text(), "5.00e12");
        assert_eq!(Value::Number(None).text(), "–");
        assert_eq!(Value::Count(1_000).text(), "1,000");
        assert_eq!(Value::Days(Some(1.0 / 24.0)).text(), "60.0 min");
        assert_eq!(Value::Days(Some(400.0)).text(), "400.0 days");
    }
}
