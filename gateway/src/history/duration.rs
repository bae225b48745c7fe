//! How far back a request for bars reaches. In: `3600 S`, `5 D`, `2 W`, `1 M`, `1 Y` and the end. Out: the first instant.
//! Seconds count time in which the market trades; the others count trade dates and begin at the edge of a session.

use chrono::{Days, Months};
use engine::time::Timestamp;

use crate::hours::Hours;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    count: u32,
    unit: Unit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    Second,
    Day,
    Week,
    Month,
    Year,
}

/// Why a text is not a duration that is served; the texts are those that clients see.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadSpan {
    #[error("Duration format should be integer{{SPACE}}unit (S|D|W|M|Y)")]
    Format,
    #[error("Historical data requests for durations longer than 86400 seconds must be made in days")]
    Seconds,
    #[error("Historical data requests for durations longer than 365 days must be made in years")]
    Days,
    #[error("Historical data requests for durations longer than 52 weeks must be made in years")]
    Weeks,
    #[error("Historical data requests for durations longer than 12 months must be made in years")]
    Months,
    #[error("Historical data requests for durations longer than 100 years are not supported")]
    Years,
}

impl Span {
    /// Without a unit, seconds.
    pub fn from_wire(text: &str) -> Result<Span, BadSpan> {
        let (count, unit) = text.split_once(' ').unwrap_or((text, "S"));
        let count: u32 = count.parse().map_err(|_| BadSpan::Format)?;
        let (unit, max, too_long) = match unit {
            "S" => (Unit::Second, 86_400, BadSpan::Seconds),
            "D" => (Unit::Day, 365, BadSpan::Days),
            "W" => (Unit::Week, 52, BadSpan::Weeks),
            "M" => (Unit::Month, 12, BadSpan::Months),
            "Y" => (Unit::Year, 100, BadSpan::Years),
            _ => return Err(BadSpan::Format),
        };
        match count {
            0 => Err(BadSpan::Format),
            count if count > max => Err(too_long),
            count => Ok(Span { count, unit }),
        }
    }

    /// The seconds of a span that is given in seconds.
    pub fn seconds(self) -> Option<u32> {
        (self.unit == Unit::Second).then_some(self.count)
    }

    /// The first instant of a request that ends at `end`; with `liquid`, only liquid hours count.
    pub fn begin(self, hours: Hours, liquid: bool, end: Timestamp) -> Timestamp {
        if self.unit == Unit::Second {
            return self.begin_seconds(hours, liquid, end);
        }
        let mut windows = hours.windows_before(end, liquid);
        let Some(latest) = windows.next() else { return end };
        if self.unit == Unit::Day {
            let more = usize::try_from(self.count - 1).expect("at most 364");
            return windows.take(more).last().unwrap_or(latest).open;
        }
        let date = latest.trade_date;
        let before = match self.unit {
            Unit::Week => date.checked_sub_days(Days::new(7 * u64::from(self.count))),
            Unit::Month => date.checked_sub_months(Months::new(self.count)),
            _ => date.checked_sub_months(Months::new(12 * self.count)),
        };
        let later = windows.take_while(|window| before.is_none_or(|before| window.trade_date > before));
        later.last().unwrap_or(latest).open
    }

    fn begin_seconds(self, hours: Hours, liquid: bool, end: Timestamp) -> Timestamp {
        let mut left = std::time::Duration::from_secs(u64::from(self.count));
        for window in hours.windows_before(end, liquid) {
            let to = end.min(window.close);
            let length = to.since(window.open);
            if length >= left {
                return to - left;
            }
            left -= length;
        }
        end - left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        chrono::DateTime::parse_from_rfc3339(text).expect("an instant").to_utc().into()
    }

    fn begin(span: &str, liquid: bool, end: &str) -> String {
        let span = Span::from_wire(span).expect("a duration");
        Hours::EQUITY_INDEX.text(span.begin(Hours::EQUITY_INDEX, liquid, at(end)))
    }

    #[test]
    fn days_begin_at_a_session_and_the_running_one_is_the_first() {
        let monday_nine = "2026-11-23T15:00:00Z";
        assert_eq!(begin("1 D", false, monday_nine), "20261122 17:00:00 US/Central");
        assert_eq!(begin("1 D", true, monday_nine), "20261123 08:30:00 US/Central");
        assert_eq!(begin("2 D", true, monday_nine), "20261120 08:30:00 US/Central", "over the weekend");
        assert_eq!(begin("1 D", true, "2026-11-23T14:00:00Z"), "20261120 08:30:00 US/Central", "before the bell");
        assert_eq!(begin("1 D", false, "2026-11-22T12:00:00Z"), "20261119 17:00:00 US/Central", "on a Sunday");
        assert_eq!(begin("1 W", false, monday_nine), "20261116 17:00:00 US/Central");
        assert_eq!(begin("1 M", true, monday_nine), "20261026 08:30:00 US/Central");
        assert_eq!(begin("1 Y", true, monday_nine), "20251124 08:30:00 US/Central");
    }

    #[test]
    fn seconds_count_trading_time() {
        assert_eq!(begin("1800 S", false, "2026-11-23T15:00:00Z"), "20261123 08:30:00 US/Central");
        assert_eq!(begin("3600 S", false, "2026-11-22T23:30:00Z"), "20261120 15:30:00 US/Central");
        assert_eq!(begin("5400 S", true, "2026-11-23T15:00:00Z"), "20261120 15:00:00 US/Central");
    }

    #[test]
    fn what_is_no_duration_is_said() {
        assert_eq!(Span::from_wire("60").and_then(|span| span.seconds().ok_or(BadSpan::Format)), Ok(60));
        for bad in ["", "x S", "1 X", "-1 D", "0 D", "1D", "1  D"] {
            assert_eq!(Span::from_wire(bad), Err(BadSpan::Format), "{bad:?}");
        }
        assert_eq!(Span::from_wire("86401 S"), Err(BadSpan::Seconds));
        assert_eq!(Span::from_wire("366 D"), Err(BadSpan::Days));
    }
}
