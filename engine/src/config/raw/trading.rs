//! The sections that decide about money: strategies, risk, orders.
//! In: sections and what the program knows. Out: typed sections. Absent: defaults for sizes, stops and limits.

use std::collections::BTreeSet;

use super::Known;
use super::instruments::{bars, instruments, unique};
use super::kind::{Kind, boolean, list, millis, money, name, string, text, whole};
use super::mistake::one_of;
use super::walk::Section;
use crate::config::{BarsConfig, Limit, OrdersConfig, RiskConfig, StrategyConfig};
use crate::market::{Instrument, SymbolId};
use crate::trade::{Money, StrategyId};

const CONTRACTS_MAX: u32 = 100_000;
pub(super) const TICKS_MAX: u32 = 100_000;
pub(super) const DAY_S: u32 = 86_400;

/// What strategies refer to.
pub(super) struct Market {
    pub(super) instruments: Option<Vec<Instrument>>,
    pub(super) bars: Option<BarsConfig>,
}

impl Market {
    pub(super) fn read(root: &Section<'_>, known: &Known<'_>) -> Self {
        Self { instruments: instruments(root, known.contracts), bars: bars(root) }
    }

    pub(super) fn strategies(&self, root: &Section<'_>, known: &Known<'_>) -> Option<Vec<StrategyConfig>> {
        let mut names = BTreeSet::new();
        root.sections("strategies", |s, i| {
            let strategy = self.strategy(s, i, known);
            unique(s, "name", strategy.as_ref().map(|strategy| strategy.name.as_str()), &mut names)?;
            strategy
        })
    }

    fn strategy(&self, s: &Section<'_>, i: usize, known: &Known<'_>) -> Option<StrategyConfig> {
        let name = s.need("name", name(32));
        let kind = s.need("kind", kind(&known.kinds));
        let symbol = s.need("symbol", text("the name of an instrument", |_| true));
        let symbol = symbol.and_then(|symbol| self.symbol(s, &symbol));
        let bar_s = s.get("bar_s", whole(1..=DAY_S, "seconds")).and_then(|bar_s| self.bar_length(s, bar_s));
        let quantity = s.need("quantity", whole(1..=CONTRACTS_MAX, "contracts"));
        let stop_ticks = match s.has("target_ticks") && !s.has("stop_ticks") {
            true => {
                s.mistake(
                    "stop_ticks",
                    "a target without a stop",
                    "stop_ticks as well, since every entry has a protective stop",
                );
                None
            }
            false => s.need("stop_ticks", whole(1..=TICKS_MAX, "ticks")),
        };
        let target_ticks = s.get("target_ticks", whole(1..=TICKS_MAX, "ticks"));
        let params = params(s, kind.as_deref(), known);
        Some(StrategyConfig {
            id: StrategyId(u16::try_from(i).ok()?),
            name: name?,
            kind: kind?,
            symbol: symbol?,
            bar_s: bar_s?,
            quantity: quantity?,
            stop_ticks: stop_ticks?,
            target_ticks: target_ticks?,
            params: params?,
        })
    }

    fn symbol(&self, s: &Section<'_>, name: &str) -> Option<SymbolId> {
        // Instruments with mistakes are reported on their own; a reference to one of them is not another mistake.
        let instruments = self.instruments.as_ref()?;
        let found = instruments.iter().find(|instrument| instrument.name == name);
        if found.is_none() {
            let names = instruments.iter().map(|instrument| instrument.name.as_str());
            s.mistake("symbol", format!("{name:?}, which is no instrument"), one_of(name, names));
        }
        found.map(|instrument| instrument.id)
    }

    /// The first length of `bars.lengths_s` unless the strategy names one.
    fn bar_length(&self, s: &Section<'_>, bar_s: Option<u32>) -> Option<u32> {
        let lengths = &self.bars.as_ref()?.lengths_s;
        match bar_s {
            None => lengths.first().copied(),
            Some(bar_s) if lengths.contains(&bar_s) => Some(bar_s),
            Some(bar_s) => {
                s.mistake("bar_s", bar_s.to_string(), format!("one of bars.lengths_s, which are {lengths:?}"));
                None
            }
        }
    }
}

fn kind<'k>(kinds: &'k [&'k str]) -> Kind<'k, String> {
    let expected = format!("a kind of strategy: {}", one_of("", kinds.iter().copied()));
    Kind::new(expected, |value| string(value).filter(|kind| kinds.contains(kind)).map(str::to_owned))
}

/// The parameters if the registry accepts them; of an unknown kind nothing can be said.
fn params(s: &Section<'_>, kind: Option<&str>, known: &Known<'_>) -> Option<toml::Table> {
    let params = s.free_table("params")?;
    match (known.check_params)(kind?, &params) {
        Ok(()) => Some(params),
        Err(mistakes) => {
            for mistake in mistakes {
                let key = match mistake.key.as_str() {
                    "" => "kind".to_owned(),
                    key => format!("params.{key}"),
                };
                s.mistake(&key, mistake.found, mistake.expected);
            }
            None
        }
    }
}

/// Every limit: the key that sets it and the name that switches it off.
const LIMITS: [(&str, &str); 5] = [
    ("order_size_max", "order_size_max"),
    ("max_position_size", "max_position_size"),
    ("orders_per_second_max", "orders_per_second_max"),
    ("daily_loss_usd_max", "daily_loss_max"),
    ("stale_after_ms", "stale_after"),
];

pub(super) fn risk(root: &Section<'_>) -> Option<RiskConfig> {
    root.section("risk", |s| {
        let names = LIMITS.map(|(_, name)| name).join(", ");
        let name = text(&format!("one of {names}"), |name| LIMITS.iter().any(|(key, off)| [key, off].contains(&&name)));
        // If the list is wrong, no limit is known to be missing; the list's own mistake is enough.
        let disabled = s.or("disabled", list(name, 0), Vec::new());
        let order_size_max = limit(s, "order_size_max", disabled.as_deref(), whole(1..=CONTRACTS_MAX, "contracts"));
        let max_position_size =
            limit(s, "max_position_size", disabled.as_deref(), whole(1..=CONTRACTS_MAX, "contracts"));
        let orders_per_second_max =
            limit(s, "orders_per_second_max", disabled.as_deref(), whole(1..=1_000, "orders a second"));
        let daily_loss_max = limit(s, "daily_loss_usd_max", disabled.as_deref(), loss());
        let stale_after = limit(s, "stale_after_ms", disabled.as_deref(), millis(1..=3_600_000));
        Some(RiskConfig {
            order_size_max: order_size_max?,
            max_position_size: max_position_size?,
            orders_per_second_max: orders_per_second_max?,
            daily_loss_max: daily_loss_max?,
            stale_after: stale_after?,
        })
    })
}

fn loss() -> Kind<'static, Money> {
    let amount = money(0..=1_000_000_000, "US dollars");
    let expected = amount.expected.replace("from 0 to", "of more than 0 and up to");
    Kind::new(expected, move |value| (amount.read)(value).filter(|amount| *amount > Money::ZERO))
}

fn limit<T>(s: &Section<'_>, key: &'static str, disabled: Option<&[String]>, kind: Kind<'_, T>) -> Option<Limit<T>> {
    let off = LIMITS.iter().find(|(limit, _)| *limit == key).map(|(_, off)| *off).expect("a limit of the table");
    let is_off = disabled.is_some_and(|names| names.iter().any(|name| name == off || name == key));
    let expected = kind.expected.clone();
    match (s.get(key, kind)?, is_off) {
        (Some(limit), false) => Some(Limit::Max(limit)),
        (None, true) => Some(Limit::Off),
        (Some(_), true) => {
            s.mistake(key, "a limit that risk.disabled switches off", "one of the two");
            None
        }
        (None, false) => {
            if disabled.is_some() {
                s.mistake(key, "nothing", format!("{expected}, or \"{off}\" in risk.disabled"));
            }
            None
        }
    }
}

pub(super) fn orders(root: &Section<'_>) -> Option<OrdersConfig> {
    root.section("orders", |s| {
        let answer_within = s.or("answer_within_ms", millis(100..=600_000), std::time::Duration::from_secs(5));
        // What happens to an open position is the user's decision, not a default's.
        let flatten_on_stop = s.need("flatten_on_stop", boolean());
        let liquidate = s.need("emergency_liquidate_on_disconnect", boolean());
        Some(OrdersConfig {
            answer_within: answer_within?,
            flatten_on_stop: flatten_on_stop?,
            emergency_liquidate_on_disconnect: liquidate?,
        })
    })
}
