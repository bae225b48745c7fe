//! What a backtest assumes: its market, how orders fill, what the account pays and is asked for.
//! Absent: files of margins and interest, which the program reads; strategies, which are those of every other command.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;

use super::MarketSource;
use crate::market::SymbolId;
use crate::time::Timestamp;
use crate::trade::{Money, StrategyId};
use crate::venue::in_bars::BarFills;
use crate::venue::{MarkRule, SettleRule};

#[derive(Clone, Debug, PartialEq)]
pub struct BacktestConfig {
    pub market: Option<MarketSource>,
    /// Commission per contract and side, where `commissions` names none for the root.
    pub commission: Money,
    pub commissions: BTreeMap<String, Money>,
    pub cash: Money,
    pub fills: Fills,
    pub account: AccountRules,
    /// Time zone of files of bars that do not name theirs.
    pub file_zone: Tz,
    /// How text files are read whose format is not known; `None`: they are refused.
    pub columns: Option<ColumnsConfig>,
    /// All contracts of the files as one series; `None`: each is an instrument.
    pub continuous: Option<RollRule>,
    /// Only bars inside these hours are played; `None`: all of them.
    pub hours: Option<DataHours>,
    /// How long market data, orders and answers are on their way; `None`: no time. Ticks only.
    pub latency: Option<LatencyConfig>,
    /// Held before the first bar.
    pub positions: Vec<OpeningPosition>,
    /// On the account's cash; `None`: it earns nothing.
    pub interest: Option<InterestConfig>,
    /// Strategies may send orders that no stop protects.
    pub unprotected_entries: bool,
    /// With ticks: orders meet the tick that led to them. Otherwise ticks of one second come together, as live.
    pub tick_by_tick: bool,
}

/// A rate a year in millionths of a per cent: 5.25 % is 5,250,000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Percent(pub i64);

#[derive(Clone, Debug, PartialEq)]
pub struct InterestConfig {
    pub rate: RateSource,
    /// What the broker keeps of the rate, and adds to it on debts.
    pub spread: Percent,
    /// The first part of the cash, which earns nothing.
    pub above: Money,
    /// Days by which a year's rate is divided.
    pub year_days: u16,
    /// Credited with the first settlement of the next month; otherwise with each settlement.
    pub monthly: bool,
}

impl Default for InterestConfig {
    fn default() -> Self {
        let rate = RateSource::Constant(Percent(0));
        Self { rate, spread: Percent(0), above: Money::ZERO, year_days: 360, monthly: false }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum RateSource {
    Constant(Percent),
    /// Rates by date.
    File(PathBuf),
}

/// What becomes of a position when its contract ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ExpiryRule {
    /// It is settled in cash at the last price, and orders are cancelled.
    #[default]
    Settle,
    /// Nothing: it is held beyond its last bar.
    Hold,
}

/// Delays of the three ways.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyConfig {
    pub feed: DelayConfig,
    pub order: DelayConfig,
    pub ack: DelayConfig,
    /// Of what is drawn from files.
    pub seed: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DelayConfig {
    Constant(Duration),
    /// One measured delay a line, in microseconds.
    File(PathBuf),
}

/// Where a text file of bars has what; names of columns as its first line has them.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnsConfig {
    pub delimiter: char,
    /// One column, or a date and a time of day.
    pub time: Vec<String>,
    /// As `strftime` has it, or `rfc3339`, `unix_s`, `unix_ms`, `unix_us`, `unix_ns`.
    pub time_format: String,
    pub zone: Tz,
    /// Rows are stamped when their bar closes, not when it opens.
    pub stamped_at_close: bool,
    pub open: String,
    pub high: String,
    pub low: String,
    pub close: String,
    pub volume: Option<String>,
    pub trades: Option<String>,
    /// The contract; `None`: the file's name begins with it.
    pub symbol: Option<String>,
    /// Seconds; `None`: the smallest step between the first rows.
    pub bar_s: Option<u32>,
}

/// When the next contract of a series takes over.
#[derive(Clone, Debug, PartialEq)]
pub enum RollRule {
    /// With its first bar.
    FirstBar,
    /// On the trade date after the first one on which it traded more.
    Volume,
    DaysBeforeExpiry(u32),
    /// One instant for each roll, in order.
    Dates(Vec<Timestamp>),
}

/// What the market is made of, and so how orders fill.
#[derive(Clone, Debug, PartialEq)]
pub enum Fills {
    /// Trades and quotes, matched with queues as the simulated exchange does.
    Ticks,
    /// Bars as they are; no ticks are made of them.
    Bars(BarFills),
}

#[derive(Clone, Debug, PartialEq)]
pub struct AccountRules {
    pub settlement: Settlement,
    pub mark: MarkRule,
    /// Equity is told less what closing the open positions would cost in commission.
    pub closing_fees: bool,
    pub margin: MarginRule,
    /// Orders wait for the sessions of their symbol, and day orders end with them.
    pub sessions: bool,
    /// When day orders end where there are no sessions; `None`: with the settlement.
    pub day_orders_end: Option<DailyTime>,
    pub expiry: ExpiryRule,
}

/// When and at which price positions are settled every day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settlement {
    pub rule: SettleRule,
    pub at: NaiveTime,
    pub zone: Tz,
}

impl Settlement {
    /// The first settlement after `at`.
    pub fn next(&self, at: Timestamp) -> Timestamp {
        DailyTime { at: self.at, zone: self.zone }.next(at)
    }
}

/// An instant of every day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DailyTime {
    pub at: NaiveTime,
    pub zone: Tz,
}

impl DailyTime {
    /// The first one after `at`.
    pub fn next(&self, at: Timestamp) -> Timestamp {
        let today = at.to_datetime().with_timezone(&self.zone).date_naive();
        let on = |date: NaiveDate| self.zone.from_local_datetime(&date.and_time(self.at)).earliest();
        (0..=3)
            .filter_map(|ahead| on(today.checked_add_days(Days::new(ahead))?))
            .map(|local| Timestamp::from(local.to_utc()))
            .find(|next| *next > at)
            .unwrap_or(Timestamp::MAX)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum MarginRule {
    /// The account may hold anything.
    None,
    /// Interactive Brokers' rates of late 2026, whatever the date of the data.
    Broker,
    /// Rates by date from a file for each root; a root without a file is charged as `Broker` does.
    Files(BTreeMap<String, PathBuf>),
}

/// Hours of a day in a zone. A bar is inside if it begins at `from` or later and ends at `to` or earlier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DataHours {
    pub from: NaiveTime,
    pub to: NaiveTime,
    pub zone: Tz,
}

impl DataHours {
    pub fn hold(&self, open_ts: Timestamp, end: Timestamp) -> bool {
        let local = |at: Timestamp| at.to_datetime().with_timezone(&self.zone);
        let (open, end): (DateTime<Tz>, DateTime<Tz>) = (local(open_ts), local(end));
        open.date_naive() == end.date_naive() && open.time() >= self.from && end.time() <= self.to
    }
}

/// A position that is there when the backtest begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpeningPosition {
    pub strategy: StrategyId,
    pub symbol: SymbolId,
    /// Contracts, negative when short; not zero.
    pub quantity: i32,
    /// What it was bought or sold for, in points; no settlement since.
    pub price: rust_decimal::Decimal,
}
