//! Contract specifications by root symbol. In: `specs.toml`, built into the program. Out: tick size, multiplier,
//! exchange, calendar; instruments made of them. Absent: expiries, margins.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use engine::market::{Instrument, Price, SymbolId};
use engine::time::session::Calendar;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;

use crate::contract::Contract;
use crate::error::FeedError;

/// What all contracts of a root symbol share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spec {
    pub exchange: String,
    pub currency: String,
    /// Points.
    pub tick_size: Decimal,
    /// Currency units per point.
    pub multiplier: Decimal,
    pub calendar: Calendar,
    /// It may trade at zero and below.
    pub below_zero: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    exchange: String,
    tick_size: Decimal,
    multiplier: Decimal,
    calendar: String,
    #[serde(default)]
    below_zero: bool,
}

static SPECS: LazyLock<BTreeMap<String, Spec>> = LazyLock::new(|| {
    let rows: BTreeMap<String, Row> =
        toml::from_str(include_str!("../specs.toml")).expect("the built-in table is checked by a test");
    rows.into_iter().map(|(root, row)| (root, row.into())).collect()
});

impl From<Row> for Spec {
    fn from(row: Row) -> Self {
        let calendar = Calendar::by_name(&row.calendar).expect("the built-in table is checked by a test");
        let Row { exchange, tick_size, multiplier, below_zero, .. } = row;
        Self { exchange, currency: "USD".to_owned(), tick_size, multiplier, calendar, below_zero }
    }
}

/// Root symbols with a specification, in alphabetical order.
pub fn roots() -> impl Iterator<Item = &'static str> {
    SPECS.keys().map(String::as_str)
}

/// The specification of a root symbol such as `ES`.
pub fn spec(root: &str) -> Result<&'static Spec, FeedError> {
    SPECS
        .get(root)
        .ok_or_else(|| FeedError::UnknownRoot { root: root.to_owned(), known: roots().map(str::to_owned).collect() })
}

pub(crate) fn instrument(contract: &Contract, id: SymbolId) -> Result<Instrument, FeedError> {
    let spec = spec(&contract.root)?;
    Ok(Instrument {
        id,
        name: contract.name.clone(),
        root: contract.root.clone(),
        expiry: contract.expiry.clone(),
        exchange: spec.exchange.clone(),
        currency: spec.currency.clone(),
        tick_size: spec.tick_size,
        multiplier: spec.multiplier,
    })
}

/// The tick grid of one instrument for prices in billionths of a point: exact, no floating point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    tick_nanos: i64,
    below_zero: bool,
}

/// Prices further from zero are a fault of the feed, as in `engine::market`.
const PRICE_TICKS_MAX: i64 = 40_000_000;

impl Grid {
    /// `None` if the tick size is finer than a billionth of a point, not positive, or huge.
    pub(crate) fn of(instrument: &Instrument) -> Option<Self> {
        let nanos = instrument.tick_size.checked_mul(Decimal::from(1_000_000_000))?;
        let tick_nanos = nanos.is_integer().then(|| nanos.to_i64()).flatten()?;
        let below_zero = SPECS.get(&instrument.root).is_some_and(|spec| spec.below_zero);
        (tick_nanos > 0).then_some(Self { tick_nanos, below_zero })
    }

    /// Whether this is a price at all: most contracts have none at zero or below.
    pub(crate) fn may_trade_at(self, price: Price) -> bool {
        price.0 > 0 || self.below_zero
    }

    /// `None` beyond the range of billionths.
    pub(crate) fn nanos(self, price: Price) -> Option<i64> {
        self.tick_nanos.checked_mul(i64::from(price.0))
    }

    /// `None` off the grid.
    #[inline]
    pub(crate) fn price(self, nanos: i64) -> Option<Price> {
        let ticks = nanos / self.tick_nanos;
        let on_grid = ticks * self.tick_nanos == nanos && ticks.abs() <= PRICE_TICKS_MAX;
        on_grid.then_some(Price(ticks as i32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_makes_an_instrument() {
        assert!(roots().count() >= 20);
        for root in roots() {
            let contract = Contract::new(root, Some("202403"));
            let instrument = instrument(&contract, SymbolId(3)).expect("a known root");
            assert!(Grid::of(&instrument).is_some(), "{root}");
            assert!(instrument.tick_value().micros() > 0, "{root}");
            assert_eq!(instrument.id, SymbolId(3));
        }
    }

    #[test]
    fn the_grid_is_exact() {
        let es = Grid::of(&instrument(&Contract::new("ES", None), SymbolId(0)).expect("known")).expect("a grid");
        assert_eq!(es.price(5_000_250_000_000), Some(Price(20_001)));
        assert_eq!(es.price(-250_000_000), Some(Price(-1)));
        assert_eq!(es.price(5_000_260_000_000), None);
        assert_eq!(es.price(i64::MAX), None);
        let yen = Grid::of(&instrument(&Contract::new("6J", None), SymbolId(0)).expect("known")).expect("a grid");
        assert_eq!(yen.price(6_789_500), Some(Price(13_579)));
        let crude = Grid::of(&instrument(&Contract::new("CL", None), SymbolId(0)).expect("known")).expect("a grid");
        assert!(crude.may_trade_at(Price(-3_763)), "April 2020");
        assert!(!es.may_trade_at(Price(0)) && es.may_trade_at(Price(1)));
    }

    #[test]
    fn an_unknown_root_names_the_known_ones() {
        let text = spec("ZW").expect_err("not in the table").to_string();
        assert!(text.starts_with("the root symbol `ZW` is not known; known are 6A, 6B,"), "{text}");
    }
}
