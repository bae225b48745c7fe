//! Two reports side by side. In: two reports. Out: a line for each figure, and how many trades they share.
//! Absent: a verdict; whether a difference matters is the reader's to say.

use std::collections::BTreeMap;

use serde::Serialize;

use super::figures::Value;
use super::report::{Report, TradeRow};

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Comparison {
    pub a: String,
    pub b: String,
    /// Trades of the same strategy, symbol, side and size, entered and left at the same times.
    pub trades_same: usize,
    /// Of these, how many had the same prices.
    pub prices_same: usize,
    pub trades_only_a: usize,
    pub trades_only_b: usize,
    pub figures: Vec<Pair>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Pair {
    pub key: &'static str,
    pub label: &'static str,
    pub a: Value,
    pub b: Value,
    /// b - a, in the figure's unit; `None` where one of them is not defined or no number.
    pub difference: Option<f64>,
}

impl Pair {
    /// The difference as the figure itself is written.
    pub fn difference_text(&self) -> String {
        let value = match &self.a {
            Value::Share(_) => Value::Share(self.difference),
            Value::Days(_) => Value::Number(self.difference),
            Value::Money(_) | Value::Number(_) | Value::Count(_) | Value::Date(_) => Value::Number(self.difference),
        };
        let sign = if self.difference.is_some_and(|d| d > 0.0) { "+" } else { "" };
        format!("{sign}{}", value.text())
    }
}

pub fn compare(a: &Report, b: &Report) -> Comparison {
    let figures = a.statistics.iter().flat_map(|family| &family.figures).filter_map(|figure| {
        let other = b.figure(figure.key)?.clone();
        let difference = figure.value.number().zip(other.number()).map(|(a, b)| b - a);
        Some(Pair { key: figure.key, label: figure.label, a: figure.value.clone(), b: other, difference })
    });
    let mut left: BTreeMap<_, Vec<&TradeRow>> = BTreeMap::new();
    for trade in &a.trades {
        left.entry(key(trade)).or_default().push(trade);
    }
    let (mut trades_same, mut prices_same) = (0, 0);
    for trade in &b.trades {
        if let Some(twin) = left.get_mut(&key(trade)).and_then(Vec::pop) {
            trades_same += 1;
            let same = (twin.entry_price, twin.exit_price) == (trade.entry_price, trade.exit_price);
            prices_same += usize::from(same);
        }
    }
    Comparison {
        a: a.session.clone(),
        b: b.session.clone(),
        trades_same,
        prices_same,
        trades_only_a: a.trades.len() - trades_same,
        trades_only_b: b.trades.len() - trades_same,
        figures: figures.collect(),
    }
}

fn key(trade: &TradeRow) -> (&str, &str, &str, u32, &str, &str) {
    (&trade.strategy, &trade.symbol, trade.side, trade.quantity, &trade.entry_at, &trade.exit_at)
}
