//! Opening-range breakout: the high and low of the first minutes of regular hours; the first close beyond them enters.
//! One entry a day in each direction; flat before the regular close.

use std::time::Duration;

use crate::market::{Bar, Price};
use crate::strategy::registry::{Kind, Param, Params};
use crate::strategy::{Decision, Desk, Strategy};
use crate::time::Timestamp;
use crate::time::session::Calendar;
use crate::trade::Side;

pub const KIND: Kind = Kind {
    name: "opening_range",
    about: "enters on the first close beyond the high or low of the first minutes of regular hours, flat at the close",
    params: &[
        Param { name: "minutes", about: "length of the opening range", min: 1, max: 240, default: 15 },
        Param { name: "buffer_ticks", about: "how far beyond the range a close must be", min: 0, max: 400, default: 1 },
        Param { name: "exit_minutes", about: "flat this long before the regular close", min: 1, max: 240, default: 5 },
    ],
    // One whole day; what is known of a day is forgotten with the next.
    warm_up: |_, bar_s| (86_400 / bar_s.max(1)) as usize,
    check: |_| Ok(()),
    build: |params| Box::new(OpeningRange::new(params)),
};

struct OpeningRange {
    calendar: Calendar,
    range_for: Duration,
    exit_before: Duration,
    buffer_ticks: i32,
    day: Option<Day>,
}

/// One trade date's regular hours and what happened in them.
struct Day {
    open: Timestamp,
    range_end: Timestamp,
    exit_at: Timestamp,
    close: Timestamp,
    range: Option<(Price, Price)>,
    went_long: bool,
    went_short: bool,
}

impl OpeningRange {
    fn new(params: &Params) -> Self {
        let minutes = |name| Duration::from_secs(60 * params.size(name) as u64);
        Self {
            calendar: Calendar::by_name("cme_equity_index").expect("a built-in calendar"),
            range_for: minutes("minutes"),
            exit_before: minutes("exit_minutes"),
            buffer_ticks: params.get("buffer_ticks") as i32,
            day: None,
        }
    }

    /// The regular hours that hold `at`, looked up once a day.
    fn day(&mut self, at: Timestamp) -> Option<&mut Day> {
        if self.day.as_ref().is_none_or(|day| at >= day.close || at < day.open) {
            let hours = self.calendar.regular_hours(self.calendar.trade_date(at))?;
            if at < hours.open || at >= hours.close {
                return None;
            }
            self.day = Some(Day {
                open: hours.open,
                range_end: hours.open + self.range_for,
                exit_at: hours.close - self.exit_before,
                close: hours.close,
                range: None,
                went_long: false,
                went_short: false,
            });
        }
        self.day.as_mut()
    }
}

impl Strategy for OpeningRange {
    fn on_bar(&mut self, bar: &Bar, desk: &Desk<'_>) -> Option<Decision> {
        let buffer = self.buffer_ticks;
        let day = self.day(bar.open_ts)?;
        if bar.end() <= day.range_end {
            let (low, high) = day.range.unwrap_or((bar.low, bar.high));
            day.range = Some((low.min(bar.low), high.max(bar.high)));
            return None;
        }
        if bar.end() >= day.exit_at {
            return (desk.position != 0).then(|| Decision::Exit { reason: "regular hours end soon".to_owned() });
        }
        let (low, high) = day.range?;
        let points = |price| desk.instrument.points(price);
        if !day.went_long && bar.close.0 > high.0 + buffer {
            day.went_long = true;
            let reason = format!("close {} above the opening range's high {}", points(bar.close), points(high));
            return Some(Decision::Enter { side: Side::Buy, reason });
        }
        if !day.went_short && bar.close.0 < low.0 - buffer {
            day.went_short = true;
            let reason = format!("close {} below the opening range's low {}", points(bar.close), points(low));
            return Some(Decision::Enter { side: Side::Sell, reason });
        }
        None
    }
}
