//! How the risk budget is shared among strategies. In: `[allocation]`. Out: the method and its limits; `None` without
//! the section. Absent: the methods.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::Parts;
use super::kind::{Kind, decimal, string, whole};
use super::mistake::one_of;
use super::walk::{Section, Walk};
use crate::allocation::{DAYS_MAX, Method, Settings};
use crate::config::{AllocationConfig, Recompute, StrategyConfig};

/// As read: the caps are by name until the strategies are known.
pub(super) struct Read {
    config: AllocationConfig,
    weight_max: f64,
    caps: BTreeMap<String, f64>,
}

pub(super) fn allocation(root: &Section<'_>) -> Option<Option<Read>> {
    if !root.has("allocation") {
        return Some(None);
    }
    root.section("allocation", |s| {
        let method = s.need("method", method());
        let lookback_days = s.or("lookback_days", whole(2..=DAYS_MAX as u32, "days"), 60);
        let history_days_min = s.or("min_history_days", whole(2..=DAYS_MAX as u32, "days"), 20);
        let recompute = s.or("recompute", recompute(), Recompute::Weekly);
        let correlation_max = s.or("correlation_max", part(), 1.0);
        let weight_min = s.or("weight_min", part(), 0.0);
        let weight_max = s.or("weight_max", part(), 1.0);
        let caps = caps(s);
        let (lookback_days, history_days_min) = (lookback_days?, history_days_min?);
        if history_days_min > lookback_days {
            let expected = format!("at most lookback_days, which is {lookback_days}");
            s.mistake("min_history_days", history_days_min.to_string(), expected);
            return None;
        }
        let settings = Settings {
            method: method?,
            lookback_days: lookback_days as usize,
            history_days_min: history_days_min as usize,
            correlation_max: correlation_max?,
            weight_min: weight_min?,
        };
        let config = AllocationConfig { settings, recompute: recompute?, caps: Vec::new() };
        Some(Some(Read { config, weight_max: weight_max?, caps: caps? }))
    })
}

fn method() -> Kind<'static, Method> {
    Kind::new(one_of("", Method::ALL.map(Method::name)), |value| {
        let name = string(value)?;
        Method::ALL.into_iter().find(|method| method.name() == name)
    })
}

fn recompute() -> Kind<'static, Recompute> {
    Kind::new("daily or weekly", |value| match string(value)? {
        "daily" => Some(Recompute::Daily),
        "weekly" => Some(Recompute::Weekly),
        _ => None,
    })
}

fn part() -> Kind<'static, f64> {
    Kind::new(PART, |value| decimal(value).and_then(of_part))
}

const PART: &str = "a number from 0 to 1";

fn of_part(number: Decimal) -> Option<f64> {
    number.to_f64().filter(|part| (0.0..=1.0).contains(part))
}

/// Most weight by the name of a strategy.
fn caps(s: &Section<'_>) -> Option<BTreeMap<String, f64>> {
    let mut caps = Some(BTreeMap::new());
    for (name, value) in s.free_table("caps")? {
        let number = match &value {
            toml::Value::Integer(number) => Some(Decimal::from(*number)),
            toml::Value::Float(number) => number.to_string().parse().ok(),
            _ => None,
        };
        match (number.and_then(of_part), &mut caps) {
            (Some(cap), Some(caps)) => drop(caps.insert(name, cap)),
            (Some(_), None) => {}
            (None, _) => {
                s.mistake(&format!("caps.{name}"), value.to_string(), PART);
                caps = None;
            }
        }
    }
    caps
}

impl Read {
    fn cap(&self, strategy: &StrategyConfig) -> f64 {
        self.caps.get(&strategy.name).copied().unwrap_or(self.weight_max)
    }

    /// With a cap for every strategy.
    pub(super) fn of(self, strategies: &[StrategyConfig]) -> AllocationConfig {
        let caps = strategies.iter().map(|strategy| self.cap(strategy)).collect();
        AllocationConfig { caps, ..self.config }
    }
}

/// Shares that nobody uses, or that cannot add up.
pub(super) fn contradictions(walk: &Walk<'_>, parts: &Parts) {
    let (Some(Some(read)), Some(strategies)) = (&parts.allocation, &parts.strategies) else { return };
    for name in read.caps.keys().filter(|name| strategies.iter().all(|s| s.name != **name)) {
        let names = strategies.iter().map(|s| s.name.as_str());
        walk.report(&format!("allocation.caps.{name}"), "no strategy of this name", one_of(name, names));
    }
    if !strategies.iter().any(|s| s.size.as_ref().is_some_and(|size| size.uses_equity())) {
        let expected = "a strategy whose size is a fraction of equity: shares change no other";
        walk.report("allocation", "shares that change nothing", expected);
    }
    let caps: Vec<f64> = strategies.iter().map(|s| read.cap(s)).collect();
    let sum: f64 = caps.iter().sum();
    if sum < 1.0 - 1e-9 {
        let expected = "weight_max and caps that add up to at least 1 over all strategies";
        walk.report("allocation.weight_max", format!("{sum:.4} over all strategies"), expected);
    }
    let least = read.config.settings.weight_min;
    let most = caps.iter().copied().fold(1.0 / caps.len().max(1) as f64, f64::min);
    if least > most + 1e-9 {
        let expected = format!("at most {most:.4}: an equal part, or the lowest cap");
        walk.report("allocation.weight_min", least.to_string(), expected);
    }
}
