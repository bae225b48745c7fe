//! The products that this gateway knows without a market for them: names, tick sizes, multipliers, contract months.
//! In: a root symbol. Out: what all its contracts share. From the exchanges' product pages and from contract details of
//! a real gateway. Absent: single contracts (`catalog` lists them), prices.

use rust_decimal::Decimal;

use crate::calendar::Rule;

/// What all contracts of a root symbol share.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Root {
    pub symbol: &'static str,
    pub long_name: &'static str,
    pub exchange: &'static str,
    /// Points, in hundredths.
    tick_hundredths: i64,
    /// Currency units per point.
    multiplier: i64,
    /// Months of the year in which contracts end.
    pub months: &'static [u32],
    /// Contracts that are listed at a time.
    pub listed: usize,
    pub rule: Rule,
    /// The underlying's id, where it is known.
    pub under_con_id: Option<i32>,
    pub under_sec_type: &'static str,
    pub settlement: &'static str,
    /// Part of the day at which the last trading day ends, as contract details show it.
    pub ends_at: &'static str,
}

const QUARTERS: &[u32] = &[3, 6, 9, 12];
const EVEN_MONTHS: &[u32] = &[2, 4, 6, 8, 10, 12];

const INDEX: Root = Root {
    symbol: "",
    long_name: "",
    exchange: "CME",
    tick_hundredths: 25,
    multiplier: 1,
    months: QUARTERS,
    listed: 5,
    rule: Rule::ThirdFriday,
    under_con_id: None,
    under_sec_type: "IND",
    settlement: "Cash",
    ends_at: "08:30:00",
};

const ROOTS: [Root; 5] = [
    Root {
        symbol: "ES",
        long_name: "E-mini S&P 500",
        multiplier: 50,
        listed: 9,
        under_con_id: Some(11_004_968),
        ..INDEX
    },
    Root { symbol: "MES", long_name: "Micro E-Mini S&P 500", multiplier: 5, under_con_id: Some(11_004_968), ..INDEX },
    Root { symbol: "NQ", long_name: "E-mini NASDAQ 100", multiplier: 20, listed: 9, ..INDEX },
    Root { symbol: "MNQ", long_name: "Micro E-Mini Nasdaq-100", multiplier: 2, ..INDEX },
    Root {
        symbol: "GC",
        long_name: "Gold",
        exchange: "COMEX",
        tick_hundredths: 10,
        multiplier: 100,
        months: EVEN_MONTHS,
        listed: 12,
        rule: Rule::ThirdLastBusinessDay,
        under_con_id: None,
        under_sec_type: "CMDTY",
        settlement: "Physical",
        ends_at: "13:30:00",
    },
];

impl Root {
    pub fn tick_size(&self) -> Decimal {
        Decimal::new(self.tick_hundredths, 2)
    }

    pub fn multiplier(&self) -> Decimal {
        Decimal::from(self.multiplier)
    }
}

pub fn all() -> impl Iterator<Item = &'static Root> {
    ROOTS.iter()
}

pub fn root(symbol: &str) -> Option<&'static Root> {
    ROOTS.iter().find(|root| root.symbol == symbol)
}
