//! When contracts end. In: instruments. Out: the instant after which a contract does not trade any more. Absent: at which
//! price it is settled (`venue::expiry`), whether anybody wants that (`[backtest.account] expiry`).
//!
//! Equity indices end with the opening of the stock market on the third Friday of their month, or on the day before if
//! that Friday is a holiday; everything else with the session of its last trading day, where that is known.

use std::time::Duration;

use chrono::{Days, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::America::Chicago;

use crate::market::{Instrument, SymbolId};
use crate::time::Timestamp;
use crate::time::session::{Calendar, last_trading_day};

/// The end of an instrument's contract; `None` for a root without a contract, and where only a month is known whose last
/// day nobody can work out from it.
pub fn expires_at(instrument: &Instrument) -> Option<Timestamp> {
    let expiry = instrument.expiry.as_deref()?;
    let date = last_trading_day(&instrument.root, expiry)?;
    let calendar = Calendar::of_root(&instrument.root);
    if calendar == Calendar::CME_EQUITY_INDEX {
        let opening = NaiveTime::from_hms_opt(8, 30, 0).expect("a time of day");
        let last = if expiry.len() == 8 { date } else { last_with_a_stock_market(calendar, date)? };
        return Some(Chicago.from_local_datetime(&last.and_time(opening)).earliest()?.to_utc().into());
    }
    Some(calendar.session(date)?.close)
}

fn last_with_a_stock_market(calendar: Calendar, friday: NaiveDate) -> Option<NaiveDate> {
    let days = (0..=4).filter_map(|back| friday.checked_sub_days(Days::new(back)));
    // On holidays of stocks futures trade until noon, if at all.
    let afternoon = NaiveTime::from_hms_opt(15, 0, 0)?;
    let ends = |day: NaiveDate| Some(calendar.session(day)?.close.to_datetime().with_timezone(&Chicago).time());
    days.into_iter().find(|day| ends(*day).is_some_and(|end| end >= afternoon))
}

/// The ends of contracts, the next one first.
#[derive(Clone, Debug, Default)]
pub struct Expiries {
    left: Vec<(Timestamp, SymbolId, Calendar)>,
}

impl Expiries {
    /// Of those that end after `start`.
    pub fn after(start: Timestamp, instruments: &[Instrument]) -> Self {
        let end = |i: &Instrument| Some((expires_at(i)?, i.id, Calendar::of_root(&i.root)));
        let mut left: Vec<_> = instruments.iter().filter_map(end).filter(|(at, ..)| *at > start).collect();
        left.sort_unstable_by_key(|(at, symbol, _)| std::cmp::Reverse((*at, *symbol)));
        Self { left }
    }

    pub fn next(&self) -> Option<(Timestamp, SymbolId)> {
        self.left.last().map(|(at, symbol, _)| (*at, *symbol))
    }

    /// Takes the next one if it is due.
    pub fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, SymbolId)> {
        self.left.pop_if(|(at, ..)| *at <= now).map(|(at, symbol, _)| (at, symbol))
    }

    /// When the next contract ends, if data that ends at `seen` ends on its last trade date: then it has ended too.
    pub fn next_on_the_day_of(&self, seen: Timestamp) -> Option<Timestamp> {
        let (at, _, calendar) = self.left.last()?;
        // What is seen at a session's very end belongs to what just ended.
        let seen = seen - Duration::from_nanos(1);
        (calendar.trade_date(seen) == calendar.trade_date(*at)).then_some(*at)
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;

    fn ends(root: &str, expiry: Option<&str>) -> Option<String> {
        let instrument = Instrument {
            id: SymbolId(0),
            name: root.to_owned(),
            root: root.to_owned(),
            expiry: expiry.map(str::to_owned),
            exchange: "CME".to_owned(),
            currency: "USD".to_owned(),
            tick_size: Decimal::new(25, 2),
            multiplier: Decimal::from(50),
        };
        expires_at(&instrument).map(|at| at.to_string())
    }

    #[test]
    fn equity_indices_end_with_the_opening_of_the_third_friday() {
        assert_eq!(ends("ES", Some("202312")).as_deref(), Some("2023-12-15T14:30:00Z"), "winter");
        assert_eq!(ends("MNQ", Some("202309")).as_deref(), Some("2023-09-15T13:30:00Z"), "summer");
        assert_eq!(ends("ES", Some("20231214")).as_deref(), Some("2023-12-14T14:30:00Z"), "a day that is named");
        // Juneteenth of 2026 is the third Friday of June.
        assert_eq!(ends("ES", Some("202606")).as_deref(), Some("2026-06-18T13:30:00Z"));
    }

    #[test]
    fn others_end_with_the_session_of_a_day_that_is_known() {
        assert_eq!(ends("GC", Some("20131227")).as_deref(), Some("2013-12-27T22:15:00Z"));
        assert_eq!(ends("GC", Some("201312")), None, "a month says too little");
        assert_eq!(ends("ES", None), None, "the front month is no contract");
    }
}
