//! How many contracts an entry gets: `quantity = N`, or `size = { method = ... }`, or a list of such, of which the
//! smallest answer counts. In: a strategy's section. Out: the most that it may order, and the methods. Absent: equity.

use rust_decimal::Decimal;

use super::kind::{Kind, decimal, money, string, whole};
use super::mistake::one_of;
use super::trading::CONTRACTS_MAX;
use super::walk::Section;
use crate::config::StrategyConfig;
use crate::sizing::{Factor, Kelly, Method, Part, Size};
use crate::trade::Money;

const METHODS: [&str; 6] = ["fixed", "fixed_fractional", "volatility_target", "kelly", "risk_per_trade", "margin"];
const KEYS: [&str; 10] = [
    "atr_bars",
    "atr_multiple",
    "cap",
    "contracts",
    "contracts_before",
    "fraction",
    "margin_usd",
    "max",
    "method",
    "trades_min",
];
/// More methods than there are kinds of are a slip.
const PARTS_MAX: usize = 8;

/// The most contracts of one entry, and how they are found if they are not always the same.
pub(super) fn quantity(s: &Section<'_>) -> Option<(u32, Option<Size>)> {
    if !s.has("size") {
        return Some((s.need("quantity", whole(1..=CONTRACTS_MAX, "contracts"))?, None));
    }
    if s.has("quantity") {
        s.mistake("quantity", "quantity beside size", "one of the two");
        return None;
    }
    let parts = match s.is_list("size") {
        true => s.sections("size", |s, _| part(s))?,
        false => vec![s.section("size", part)?],
    };
    if parts.is_empty() || parts.len() > PARTS_MAX {
        s.mistake("size", format!("{} methods", parts.len()), format!("from 1 to {PARTS_MAX} methods"));
        return None;
    }
    let size = Size { parts };
    if size.atr_periods() > 1 {
        s.mistake("size", "volatility_target twice with different periods", "one period");
        return None;
    }
    let Some(most) = size.most() else {
        s.mistake("size", "no end to the contracts", format!("max, from 1 to {CONTRACTS_MAX}, in one of its methods"));
        return None;
    };
    Some((most, Some(size)))
}

fn part(s: &Section<'_>) -> Option<Part> {
    let Some(method) = s.need("method", method()) else {
        // Of an unknown method no key can be called unknown.
        KEYS.into_iter().filter(|key| s.has(key)).for_each(drop);
        return None;
    };
    let max = s.get("max", whole(1..=CONTRACTS_MAX, "contracts"));
    let method = match method {
        "fixed" => Method::Fixed(s.need("contracts", whole(1..=CONTRACTS_MAX, "contracts"))?),
        "fixed_fractional" => Method::FixedFractional { fraction: s.need("fraction", factor(50, "of equity"))? },
        "volatility_target" => {
            let fraction = s.need("fraction", factor(1, "of equity"));
            let period = s.or("atr_bars", whole(1..=1_000, "bars"), 14);
            let multiple = s.or("atr_multiple", factor(100, "average true ranges"), Factor::ONE);
            Method::VolatilityTarget { fraction: fraction?, period: period?, multiple: multiple? }
        }
        "kelly" => Method::Kelly(kelly(s)?),
        "risk_per_trade" => Method::RiskPerTrade { fraction: s.need("fraction", factor(1, "of equity"))? },
        _ => {
            let fraction = s.need("fraction", factor(1, "of equity"));
            let per_contract = s.need("margin_usd", positive_money());
            Method::Margin { fraction: fraction?, per_contract: per_contract? }
        }
    };
    Some(Part { method, max: max? })
}

fn kelly(s: &Section<'_>) -> Option<Kelly> {
    let fraction = s.need("fraction", factor(1, "of the full Kelly fraction"));
    let cap = s.need("cap", factor(1, "of equity"));
    let trades_min = s.or("trades_min", whole(1..=1_000_000, "closed trades"), 30);
    // Nothing would ever begin to count trades if this were zero by default.
    let contracts_before = s.need("contracts_before", whole(0..=CONTRACTS_MAX, "contracts"));
    Some(Kelly { fraction: fraction?, cap: cap?, trades_min: trades_min?, contracts_before: contracts_before? })
}

fn method() -> Kind<'static, &'static str> {
    Kind::new(one_of("", METHODS), |value| {
        let name = string(value)?;
        METHODS.into_iter().find(|method| *method == name)
    })
}

/// More than zero and at most `most`, to the millionth.
fn factor(most: u32, of: &str) -> Kind<'static, Factor> {
    let expected = format!("a number of more than 0 and up to {most} {of}, with at most six decimals");
    Kind::new(expected, move |value| {
        let number = decimal(value).filter(|number| *number <= Decimal::from(most))?;
        Factor::from_decimal(number).filter(|fraction| *fraction > Factor::ZERO)
    })
}

/// More than zero.
pub(super) fn positive_money() -> Kind<'static, Money> {
    let amount = money(0..=1_000_000_000, "US dollars");
    let expected = amount.expected.replace("from 0 to", "of more than 0 and up to");
    Kind::new(expected, move |value| (amount.read)(value).filter(|amount| *amount > Money::ZERO))
}

/// Where the most contracts of a strategy stand, for a mistake about them.
pub(super) fn key_of(i: usize, strategy: &StrategyConfig) -> String {
    match strategy.size {
        Some(_) => format!("strategies[{i}].size"),
        None => format!("strategies[{i}].quantity"),
    }
}
