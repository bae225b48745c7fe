//! When an order may go to the exchange. In: a symbol's root, instants. Out: how long an order is held, when it closes.
//! Absent: what happens then (`timed`). The sessions are those of `crate::time`.

use chrono::Days;

use crate::time::Timestamp;
use crate::time::session::{Calendar, Session};

/// Which hours a venue keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Hours {
    /// Orders go to the exchange at any time, and the day ends when [`super::Venue::end_of_day`] says so.
    Always,
    /// Each symbol has the sessions of its root: metals those of COMEX, all else those of CME's equity indices.
    #[default]
    ByRoot,
}

/// Looking for a day with regular hours ends here.
const DAYS_MAX: u64 = 10;

impl Hours {
    /// The sessions of a root; `None` where there are none.
    pub fn calendar(self, root: &str) -> Option<Calendar> {
        match self {
            Hours::Always => None,
            Hours::ByRoot => Some(Calendar::of_root(root)),
        }
    }
}

/// The regular hours that `at` falls into, otherwise the next ones.
pub(super) fn regular_hours(calendar: Calendar, at: Timestamp) -> Option<Session> {
    let today = calendar.trade_date(at);
    let days = (0..DAYS_MAX).filter_map(|ahead| calendar.regular_hours(today.checked_add_days(Days::new(ahead))?));
    days.into_iter().find(|hours| at < hours.close)
}

/// When a market-on-close or limit-on-close order of this moment is due.
pub(super) fn close_after(calendar: Calendar, at: Timestamp, regular_only: bool) -> Timestamp {
    if regular_only && let Some(hours) = regular_hours(calendar, at) {
        return hours.close;
    }
    calendar.next_close(at)
}
