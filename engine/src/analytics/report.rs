//! A run's whole report as data. In: a run. Out: everything that is shown, for HTML, JSON and CSV alike.
//! Absent: how it looks.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Serialize;

use super::assumptions::assumptions;
use super::calendar::{Dated, Month, Year, monthly, values, yearly};
use super::curve::{Curve, curve};
use super::drawdown::{self, Fall};
use super::excursion::excursion;
use super::figures::Family;
use super::groups::{By, Group, Trade, groups};
use super::monte_carlo::{self, Bootstrapped, Draw, Shuffled};
use super::run::{Run, StrategyFacts};
use super::statistics::{Basis, families};
use super::trips::{Ledger, ledger};
use super::warnings::{Warning, warnings};
use crate::time::Timestamp;

/// Falls that are listed, the deepest first.
const FALLS_SHOWN: usize = 5;
/// Fewer days than this are no basis for other histories.
const BOOTSTRAP_DAYS_MIN: usize = 20;

/// Serializes as the JSON of the report. The full curve and the bars are not in it; see the CSV files.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub session: String,
    pub mode: String,
    pub account: String,
    pub started: String,
    pub ended: String,
    pub end_cause: Option<String>,
    pub symbols: Vec<String>,
    pub currency: String,
    pub strategies: Vec<StrategyFacts>,
    pub statistics: Vec<Family>,
    pub warnings: Vec<Warning>,
    pub assumptions: Vec<String>,
    pub groups: Vec<Group>,
    pub drawdowns: Vec<FallRow>,
    pub months: Vec<Month>,
    pub years: Vec<Year>,
    pub daily: Vec<Day>,
    pub monte_carlo: MonteCarlo,
    pub trades: Vec<TradeRow>,
    pub open: Vec<OpenRow>,
    #[serde(skip)]
    pub curve: Curve,
    /// What `trades` are made of.
    #[serde(skip)]
    pub trips: Vec<Trade>,
}

/// Equity at the end of a trade date.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Day {
    pub date: NaiveDate,
    pub equity: Decimal,
    /// `None` where equity was not positive all the time.
    pub value: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FallRow {
    /// Fraction of the peak, negative.
    pub depth: f64,
    pub peak: String,
    pub trough: String,
    pub recovered: Option<String>,
    pub days: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TradeRow {
    /// From 1, in order of exits.
    pub number: usize,
    pub strategy: String,
    pub symbol: String,
    /// `long` or `short`.
    pub side: &'static str,
    pub quantity: u32,
    pub entry_at: String,
    /// Mean price in points.
    pub entry_price: Decimal,
    pub exit_at: String,
    pub exit_price: Decimal,
    /// What closed it: `exit`, `stop`, `target`, or `entry` of the other side.
    pub exit: &'static str,
    pub bars: u32,
    pub gross: Decimal,
    pub commission: Decimal,
    pub net: Decimal,
    pub adverse: Decimal,
    pub favourable: Decimal,
}

/// What is open at the end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OpenRow {
    pub strategy: String,
    pub symbol: String,
    /// Contracts, negative when short.
    pub quantity: i64,
    pub entry_at: String,
    /// Mean price in points.
    pub entry_price: Decimal,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MonteCarlo {
    pub draw: Draw,
    /// `None` for fewer than two trades.
    pub trades_shuffled: Option<Shuffled>,
    /// `None` for fewer than twenty days.
    pub days_bootstrapped: Option<Bootstrapped>,
}

impl Report {
    /// `fills` says how orders were filled; see [`assumptions`].
    pub fn of(run: &Run, draw: Draw, fills: &[String]) -> Self {
        let ledger = ledger(run);
        let trades = trades(run, &ledger);
        let curve = curve(run, None);
        let daily = curve.daily_returns(run);
        let basis = Basis { run, ledger: &ledger, trades: &trades, curve: &curve, daily: &daily };
        let ended = curve.points.last().map_or(run.started, |point| point.at);
        Self {
            session: run.session.clone(),
            mode: run.mode.clone(),
            account: run.account.clone(),
            started: run.started.to_string(),
            ended: ended.to_string(),
            end_cause: run.end_cause.clone(),
            symbols: run.instruments.iter().map(|i| i.name.clone()).collect(),
            currency: run.instruments.first().map_or("USD", |i| &i.currency).to_owned(),
            strategies: run.strategies.clone(),
            statistics: families(basis),
            warnings: warnings(basis),
            assumptions: assumptions(run, fills),
            groups: By::ALL.iter().flat_map(|by| groups(run, &trades, *by)).collect(),
            drawdowns: falls(&curve),
            months: monthly(&daily),
            years: yearly(&daily),
            daily: days(run, &curve, &daily),
            monte_carlo: monte_carlo(&trades, &daily, draw),
            trades: trades.iter().enumerate().map(|(n, trade)| row(run, n + 1, trade)).collect(),
            open: open(run, &ledger),
            curve,
            trips: trades,
        }
    }

    /// A figure by its key.
    pub fn figure(&self, key: &str) -> Option<&super::figures::Value> {
        self.statistics.iter().flat_map(|family| &family.figures).find(|f| f.key == key).map(|f| &f.value)
    }
}

/// Every round trip with how far it went.
pub fn trades(run: &Run, ledger: &Ledger) -> Vec<Trade> {
    let bars: Vec<_> = run.symbols().map(|symbol| run.bars_of(symbol)).collect();
    let far = |trip: &super::trips::RoundTrip| {
        excursion(trip, &bars[usize::from(trip.symbol.0)], run.instrument(trip.symbol).tick_value())
    };
    ledger.trips.iter().map(|trip| Trade { trip: trip.clone(), far: far(trip) }).collect()
}

fn row(run: &Run, number: usize, Trade { trip, far }: &Trade) -> TradeRow {
    let instrument = run.instrument(trip.symbol);
    TradeRow {
        number,
        strategy: run.strategy(trip.strategy).name.clone(),
        symbol: instrument.name.clone(),
        side: if trip.side.sign() > 0 { "long" } else { "short" },
        quantity: trip.quantity,
        entry_at: trip.entry_at.to_string(),
        entry_price: trip.entry_price(instrument),
        exit_at: trip.exit_at.to_string(),
        exit_price: trip.exit_price(instrument),
        exit: trip.exit_leg.name(),
        bars: far.bars,
        gross: trip.gross().to_decimal(),
        commission: trip.commission.to_decimal(),
        net: trip.net().to_decimal(),
        adverse: far.adverse.to_decimal(),
        favourable: far.favourable.to_decimal(),
    }
}

fn open(run: &Run, ledger: &Ledger) -> Vec<OpenRow> {
    let row = |lot: &super::trips::Lot| {
        let instrument = run.instrument(lot.symbol);
        let contracts = instrument.multiplier * Decimal::from(lot.quantity);
        OpenRow {
            strategy: run.strategy(lot.strategy).name.clone(),
            symbol: instrument.name.clone(),
            quantity: i64::from(lot.side.sign()) * i64::from(lot.quantity),
            entry_at: lot.entry_at.to_string(),
            entry_price: (lot.value.to_decimal() / contracts).round_dp(6).normalize(),
        }
    };
    ledger.open.iter().map(row).collect()
}

fn falls(curve: &Curve) -> Vec<FallRow> {
    let values = curve.values();
    if values.iter().any(|value| *value <= 0.0) {
        return Vec::new();
    }
    let mut falls = drawdown::falls(&values);
    falls.sort_by(|a, b| a.depth.total_cmp(&b.depth));
    let at = |place: usize| curve.points[place].at;
    let row = |fall: &Fall| FallRow {
        depth: fall.depth,
        peak: at(fall.peak).to_string(),
        trough: at(fall.trough).to_string(),
        recovered: fall.recovered.map(|place| at(place).to_string()),
        days: days_between(at(fall.peak), at(fall.end(values.len() - 1))),
    };
    falls.iter().take(FALLS_SHOWN).map(row).collect()
}

fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    to.since(from).as_secs_f64() / 86_400.0
}

fn days(run: &Run, curve: &Curve, returns: &[Dated]) -> Vec<Day> {
    let mut returns = returns.iter();
    let day = |(date, equity): (NaiveDate, crate::trade::Money)| Day {
        date,
        equity: equity.to_decimal(),
        value: returns.next().map(|r| r.value),
    };
    curve.daily(run).into_iter().map(day).collect()
}

fn monte_carlo(trades: &[Trade], daily: &[Dated], draw: Draw) -> MonteCarlo {
    let nets: Vec<f64> = trades.iter().map(|t| super::curve::dollars(t.trip.net())).collect();
    let returns = values(daily);
    let enough = returns.len() >= BOOTSTRAP_DAYS_MIN;
    let block = monte_carlo::block_length(returns.len());
    MonteCarlo {
        draw,
        trades_shuffled: monte_carlo::shuffle(&nets, draw),
        days_bootstrapped: if enough { monte_carlo::bootstrap(&returns, block, draw) } else { None },
    }
}
