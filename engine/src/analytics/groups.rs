//! Trades by what they have in common: strategy, symbol, side, hour, weekday, session. In: trades. Out: a line for each
//! group. Absent: a judgement; a good hour among 24 is expected of chance.

use std::collections::BTreeMap;

use chrono::{Datelike, Timelike};
use chrono_tz::America::Chicago;
use rust_decimal::Decimal;
use serde::Serialize;

use super::curve::dollars;
use super::excursion::Excursion;
use super::moments::mean;
use super::run::Run;
use super::trips::RoundTrip;
use super::wins;
use crate::time::Timestamp;
use crate::trade::{Money, Side};

/// A round trip and how far it went.
#[derive(Clone, PartialEq, Debug)]
pub struct Trade {
    pub trip: RoundTrip,
    pub far: Excursion,
}

/// What groups have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Strategy,
    Symbol,
    Side,
    /// Regular hours of the stock market, or the rest of the trading day.
    Session,
    /// Of the trade date of the entry.
    Weekday,
    /// Of the entry, in Chicago.
    Hour,
    /// What closed it.
    Exit,
}

impl By {
    pub const ALL: [By; 7] = [By::Strategy, By::Symbol, By::Side, By::Session, By::Weekday, By::Hour, By::Exit];

    pub fn name(self) -> &'static str {
        match self {
            By::Strategy => "strategy",
            By::Symbol => "symbol",
            By::Side => "side",
            By::Session => "entry session",
            By::Weekday => "entry weekday",
            By::Hour => "entry hour, Chicago",
            By::Exit => "exit",
        }
    }

    /// What a trade belongs to: a number to sort by, and a name.
    fn of(self, run: &Run, trip: &RoundTrip) -> (u32, String) {
        match self {
            By::Strategy => (u32::from(trip.strategy.0), run.strategy(trip.strategy).name.clone()),
            By::Symbol => (u32::from(trip.symbol.0), run.instrument(trip.symbol).name.clone()),
            By::Side => match trip.side {
                Side::Buy => (0, "long".to_owned()),
                Side::Sell => (1, "short".to_owned()),
            },
            By::Session => match in_regular_hours(run, trip.entry_at) {
                true => (0, "regular hours".to_owned()),
                false => (1, "overnight".to_owned()),
            },
            By::Weekday => {
                let day = run.calendar().trade_date(trip.entry_at).weekday();
                (day.num_days_from_monday(), day.to_string())
            }
            By::Hour => {
                let hour = trip.entry_at.to_datetime().with_timezone(&Chicago).hour();
                (hour, format!("{hour:02}:00"))
            }
            By::Exit => (trip.exit_leg as u32, trip.exit_leg.name().to_owned()),
        }
    }
}

fn in_regular_hours(run: &Run, at: Timestamp) -> bool {
    let calendar = run.calendar();
    calendar.regular_hours(calendar.trade_date(at)).is_some_and(|hours| hours.contains(at))
}

/// A group's line. Money in account currency.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Group {
    pub by: By,
    pub name: String,
    pub trades: usize,
    pub wins: usize,
    pub win_rate: Option<f64>,
    pub gross: Decimal,
    pub commission: Decimal,
    pub net: Decimal,
    pub profit_factor: Option<f64>,
    pub payoff: Option<f64>,
    /// Mean net result of a trade.
    pub expectancy: Option<f64>,
    /// Deepest fall of the sum of net results, in order of exits; zero or negative.
    pub drawdown: Decimal,
    pub mean_bars: Option<f64>,
    pub mean_adverse: Option<f64>,
    pub mean_favourable: Option<f64>,
}

/// A line for each group that has trades.
pub fn groups(run: &Run, trades: &[Trade], by: By) -> Vec<Group> {
    let mut members: BTreeMap<(u32, String), Vec<&Trade>> = BTreeMap::new();
    for trade in trades {
        members.entry(by.of(run, &trade.trip)).or_default().push(trade);
    }
    members.into_iter().map(|((_, name), trades)| group(by, name, &trades)).collect()
}

fn group(by: By, name: String, trades: &[&Trade]) -> Group {
    let nets: Vec<f64> = trades.iter().map(|t| dollars(t.trip.net())).collect();
    let total = |of: fn(&RoundTrip) -> Money| trades.iter().map(|t| of(&t.trip)).sum::<Money>().to_decimal();
    let mean_of = |of: &dyn Fn(&Trade) -> f64| mean(&trades.iter().map(|t| of(t)).collect::<Vec<_>>());
    Group {
        by,
        name,
        trades: trades.len(),
        wins: nets.iter().filter(|net| **net > 0.0).count(),
        win_rate: wins::win_rate(&nets),
        gross: total(RoundTrip::gross),
        commission: total(|trip| trip.commission),
        net: total(RoundTrip::net),
        profit_factor: wins::profit_factor(&nets),
        payoff: wins::payoff(&nets),
        expectancy: wins::expectancy(&nets),
        drawdown: closed_drawdown(trades.iter().map(|t| t.trip.net())).to_decimal(),
        mean_bars: mean_of(&|t| f64::from(t.far.bars)),
        mean_adverse: mean_of(&|t| dollars(t.far.adverse)),
        mean_favourable: mean_of(&|t| dollars(t.far.favourable)),
    }
}

/// The deepest fall of a running sum that begins at zero; zero or negative.
pub fn closed_drawdown(results: impl Iterator<Item = Money>) -> Money {
    let (mut sum, mut peak, mut deepest) = (Money::ZERO, Money::ZERO, Money::ZERO);
    for result in results {
        sum += result;
        peak = peak.max(sum);
        deepest = deepest.min(sum - peak);
    }
    deepest
}
