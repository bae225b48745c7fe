//! Orders at given times: a strategy that is written down in the configuration, for backtests that repeat what another
//! program did. In: a list of orders with local times, dates and conditions. Out: orders as they stand, exits,
//! withdrawals. Absent: an idea of its own; it looks at its position and its newest bar's close only.

use chrono::{Datelike, Days, NaiveDate, NaiveTime, TimeZone, Weekday};
use chrono_tz::Tz;

use crate::market::Bar;
use crate::strategy::registry::TableKind;
use crate::strategy::{Decision, Desk, Strategy};
use crate::time::Timestamp;
use crate::trade::{OrderKind, Side, TimeInForce};

mod offset;
mod read;

use offset::Offset;

pub const KIND: TableKind = TableKind {
    name: "scheduled",
    about: "orders at given times, from a list in its parameters; for backtests",
    read: |table| read::read(table).map(|strategy| Box::new(strategy) as Box<dyn Strategy>),
};

/// Days ahead that are searched for the next time of an order.
const AHEAD_DAYS: u64 = 400;

#[derive(Debug)]
struct Scheduled {
    zone: Tz,
    orders: Vec<Planned>,
}

/// One line of the plan.
#[derive(Clone, Debug)]
struct Planned {
    at: NaiveTime,
    /// Empty: every day.
    dates: Vec<NaiveDate>,
    /// Empty: every weekday.
    weekdays: Vec<Weekday>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    when: When,
    act: Act,
    name: String,
}

/// The position that the plan wants to see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum When {
    Always,
    Flat,
    Long,
    Short,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Order { side: Side, quantity: u32, kind: Priced, tif: TimeInForce },
    Exit,
    Cancel,
}

/// An order type whose prices are known when it is sent.
#[derive(Clone, Copy, Debug)]
enum Priced {
    Market,
    Limit(Offset),
    Stop(Offset),
    StopLimit { stop: Offset, limit: Offset },
}

impl When {
    fn holds(self, position: i64) -> bool {
        match self {
            When::Always => true,
            When::Flat => position == 0,
            When::Long => position > 0,
            When::Short => position < 0,
        }
    }
}

impl Priced {
    /// `None` while there is no price to reckon from.
    fn at(self, desk: &Desk<'_>) -> Option<OrderKind> {
        let price = |offset: Offset| offset.price(desk.instrument, desk.close);
        Some(match self {
            Priced::Market => OrderKind::Market,
            Priced::Limit(limit) => OrderKind::Limit(price(limit)?),
            Priced::Stop(stop) => OrderKind::Stop(price(stop)?),
            Priced::StopLimit { stop, limit } => OrderKind::StopLimit { stop: price(stop)?, limit: price(limit)? },
        })
    }
}

impl Planned {
    fn on(&self, date: NaiveDate) -> bool {
        (self.dates.is_empty() || self.dates.contains(&date))
            && (self.weekdays.is_empty() || self.weekdays.contains(&date.weekday()))
            && self.from.is_none_or(|from| date >= from)
            && self.to.is_none_or(|to| date <= to)
    }

    /// Its first time after `at`.
    fn next(&self, at: Timestamp, zone: Tz) -> Option<Timestamp> {
        let today = at.to_datetime().with_timezone(&zone).date_naive();
        let first = self.dates.iter().min().copied().into_iter().chain(self.from).fold(today, NaiveDate::max);
        (0..AHEAD_DAYS)
            .map_while(|ahead| first.checked_add_days(Days::new(ahead)))
            .take_while(|date| self.to.is_none_or(|to| *date <= to))
            .filter(|date| self.on(*date))
            // A time that the clock change leaves out does not happen.
            .filter_map(|date| zone.from_local_datetime(&date.and_time(self.at)).earliest())
            .map(|local| Timestamp::from(local.to_utc()))
            .find(|time| *time > at)
    }

    /// Whether `at` is one of its times.
    fn is_due(&self, at: Timestamp, zone: Tz) -> bool {
        let local = at.to_datetime().with_timezone(&zone);
        local.time() == self.at && self.on(local.date_naive())
    }

    fn decide(&self, desk: &Desk<'_>) -> Option<Decision> {
        if !self.when.holds(desk.position) {
            return None;
        }
        let reason = self.name.clone();
        match self.act {
            Act::Order { side, quantity, kind, tif } => {
                Some(Decision::Order { side, quantity, kind: kind.at(desk)?, tif, reason })
            }
            Act::Exit => Some(Decision::Exit { reason }),
            Act::Cancel => Some(Decision::Cancel { reason }),
        }
    }
}

impl Strategy for Scheduled {
    fn on_bar(&mut self, _bar: &Bar, _desk: &Desk<'_>) -> Option<Decision> {
        None
    }

    fn wake_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.orders.iter().filter_map(|order| order.next(at, self.zone)).min()
    }

    fn on_wake(&mut self, due: Timestamp, desk: &Desk<'_>) -> Vec<Decision> {
        self.orders.iter().filter(|order| order.is_due(due, self.zone)).filter_map(|order| order.decide(desk)).collect()
    }
}

#[cfg(test)]
mod tests;
