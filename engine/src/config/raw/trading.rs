//! The sections that decide about trading: strategies and orders.
//! In: sections and what the program knows. Out: typed sections. Absent: defaults for sizes, stops and limits.

use std::collections::BTreeSet;

use super::Known;
use super::instruments::{bars, instruments, unique};
use super::kind::{Kind, boolean, millis, name, string, text, whole};
use super::mistake::one_of;
use super::sizing;
use super::walk::Section;
use crate::config::{BarsConfig, OrdersConfig, StrategyConfig};
use crate::market::{Instrument, SymbolId};
use crate::trade::StrategyId;

pub(super) const CONTRACTS_MAX: u32 = 100_000;
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
        let name = s.need("name", name(32)).filter(|name| not_reserved(s, name));
        let kind = s.need("kind", kind(&known.kinds));
        let symbol = s.need("symbol", text("the name of an instrument", |_| true));
        let symbol = symbol.and_then(|symbol| self.symbol(s, &symbol));
        let bar_s = s.get("bar_s", whole(1..=DAY_S, "seconds")).and_then(|bar_s| self.bar_length(s, bar_s));
        let quantity = sizing::quantity(s);
        let unprotected = s.or("unprotected", boolean(), false);
        let stop_ticks = match (s.has("target_ticks") && !s.has("stop_ticks"), unprotected) {
            (true, _) => {
                s.mistake(
                    "stop_ticks",
                    "a target without a stop",
                    "stop_ticks as well, since every entry has a protective stop",
                );
                None
            }
            (false, Some(true)) if s.has("stop_ticks") => {
                s.mistake("unprotected", "true together with stop_ticks", "one of the two");
                None
            }
            (false, Some(true)) => Some(None),
            (false, Some(false)) => s.need("stop_ticks", whole(1..=TICKS_MAX, "ticks")).map(Some),
            (false, None) => None,
        };
        let target_ticks = s.get("target_ticks", whole(1..=TICKS_MAX, "ticks"));
        let params = params(s, kind.as_deref(), known);
        let (quantity, size) = quantity?;
        Some(StrategyConfig {
            id: StrategyId(u16::try_from(i).ok()?),
            name: name?,
            kind: kind?,
            symbol: symbol?,
            bar_s: bar_s?,
            quantity,
            size,
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
                s.mistake(
                    "bar_s",
                    bar_s.to_string(),
                    format!(
                        "one of bars.lengths_s, which are {}",
                        lengths.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
                    ),
                );
                None
            }
        }
    }
}

/// Reports list what is not ours under a name of its own.
fn not_reserved(s: &Section<'_>, name: &str) -> bool {
    let free = name != StrategyId::FOREIGN_NAME;
    if !free {
        s.mistake("name", format!("{name:?}, which stands for positions that are not Pitboss's"), "another name");
    }
    free
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

pub(super) fn orders(root: &Section<'_>) -> Option<OrdersConfig> {
    root.section("orders", |s| {
        let answer_within = s.or("answer_within_ms", millis(100..=600_000), std::time::Duration::from_secs(5));
        let compare_every = whole(1..=3_600u32, "seconds").map(|s| std::time::Duration::from_secs(s.into()));
        let compare_every = s.or("compare_every_s", compare_every, std::time::Duration::from_secs(60));
        // What happens to an open position is the user's decision, not a default's.
        let flatten_on_stop = s.need("flatten_on_stop", boolean());
        let liquidate = s.need("emergency_liquidate_on_disconnect", boolean());
        let before_close = whole(1..=DAY_S / 4, "seconds").map(|s| std::time::Duration::from_secs(s.into()));
        let flatten_before_close = s.get("flatten_before_close_s", before_close);
        let pnl_tolerance = s.get("broker_pnl_tolerance_usd", sizing::positive_money());
        Some(OrdersConfig {
            answer_within: answer_within?,
            compare_every: compare_every?,
            flatten_on_stop: flatten_on_stop?,
            flatten_before_close: flatten_before_close?,
            broker_pnl_tolerance: pnl_tolerance?,
            emergency_liquidate_on_disconnect: liquidate?,
        })
    })
}
