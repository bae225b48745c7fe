//! The section that decides what may be risked. In: `[risk]`. Out: [`RiskConfig`]. Absent: defaults for money and sizes.

use std::time::Duration;

use super::kind::{Kind, boolean, fraction, list, millis, money, text, whole};
use super::trading::CONTRACTS_MAX;
use super::walk::Section;
use crate::config::{ACTIVE_ORDERS_OF_BROKER, Limit, LossLimits, OrderLimits, ProfitLock, RateLimits, RiskConfig};
use crate::trade::{Fraction, Money};

/// Every rail by its key, and the name that switches it off.
pub const RAILS: [(&str, &str); 30] = [
    ("order_size_max", "order_size_max"),
    ("order_notional_usd_max", "order_notional_max"),
    ("max_position_size", "max_position_size"),
    ("gross_exposure_usd_max", "gross_exposure_max"),
    ("max_portfolio_risk", "max_portfolio_risk"),
    ("orders_per_second_max", "orders_per_second_max"),
    ("daily_loss_usd_max", "daily_loss_max"),
    ("weekly_loss_usd_max", "weekly_loss_max"),
    ("max_drawdown", "max_drawdown"),
    ("stale_after_ms", "stale_after"),
    ("margin_use_max", "margin_use_max"),
    ("price_collar_ticks_max", "price_collar"),
    ("duplicate_within_ms", "duplicate_order"),
    ("days_to_expiry_min", "days_to_expiry"),
    ("close_guard_ms", "outside_session"),
    ("self_match", "self_match"),
    ("orders_per_minute_max", "orders_per_minute_max"),
    ("orders_per_day_max", "orders_per_day_max"),
    ("strategy_orders_per_minute_max", "strategy_orders_per_minute_max"),
    ("symbol_orders_per_minute_max", "symbol_orders_per_minute_max"),
    ("reentries_max", "reentries_max"),
    ("trailing_drawdown_usd_max", "trailing_drawdown_max"),
    ("consecutive_losses_max", "consecutive_losses_max"),
    ("strategy_daily_loss_usd_max", "strategy_daily_loss_max"),
    ("strategy_weekly_loss_usd_max", "strategy_weekly_loss_max"),
    ("strategy_drawdown_usd_max", "strategy_drawdown_max"),
    ("strategy_orders_per_second_max", "strategy_orders_per_second_max"),
    ("strategy_orders_per_day_max", "strategy_orders_per_day_max"),
    ("symbol_orders_per_second_max", "symbol_orders_per_second_max"),
    ("symbol_orders_per_day_max", "symbol_orders_per_day_max"),
];

const ORDER_TYPES: [&str; 4] = ["MKT", "LMT", "STP", "STP LMT"];
const DAY_MS: u64 = 86_400_000;

pub(super) fn risk(root: &Section<'_>) -> Option<RiskConfig> {
    root.section("risk", |s| {
        let names = RAILS.map(|(_, name)| name).join(", ");
        let name = text(&format!("one of {names}"), |name| RAILS.iter().any(|(key, off)| [key, off].contains(&&name)));
        // If the list is wrong, no limit is known to be missing; the list's own mistake is enough.
        let disabled = s.or("disabled", list(name, 0), Vec::new());
        let rails = Rails { s, disabled: disabled.as_deref() };
        // All parts are read, so that all mistakes are told.
        let capital = s.need("capital_usd", some_money());
        let order = order(&rails);
        let rate = rate(&rails);
        let loss = loss(&rails);
        let stale_after = rails.must("stale_after_ms", millis(1..=3_600_000));
        let flatten_on_trip = s.or("flatten_on_trip", boolean(), false);
        Some(RiskConfig {
            capital: capital?,
            order: order?,
            rate: rate?,
            loss: loss?,
            stale_after: stale_after?,
            flatten_on_trip: flatten_on_trip?,
        })
    })
}

fn order(rails: &Rails<'_, '_>) -> Option<OrderLimits> {
    let contracts = || whole(1..=CONTRACTS_MAX, "contracts");
    let order_size_max = rails.must("order_size_max", contracts());
    let order_notional_max = rails.must("order_notional_usd_max", some_money());
    let max_position_size = rails.must("max_position_size", contracts());
    let gross_exposure_max = rails.must("gross_exposure_usd_max", some_money());
    let max_portfolio_risk = rails.must("max_portfolio_risk", fraction());
    let margin_use_max = rails.or("margin_use_max", fraction(), Fraction::from_ppm(900_000));
    let price_collar_ticks_max = rails.or("price_collar_ticks_max", whole(1..=100_000, "ticks"), 40);
    let duplicate_within = rails.or("duplicate_within_ms", millis(1..=600_000), Duration::from_millis(250));
    let active = whole(1..=ACTIVE_ORDERS_OF_BROKER, "orders");
    let active_orders_max = rails.s.or("active_orders_max", active, 15);
    let days_to_expiry_min = rails.or("days_to_expiry_min", whole(0..=365, "days"), 1);
    let close_guard = rails.or("close_guard_ms", millis(0..=DAY_MS), Duration::ZERO);
    let block = text("\"block\", or self_match in risk.disabled", |word| word == "block").map(drop);
    let self_match = rails.or("self_match", block, ());
    let order_type = text(&format!("one of {}", ORDER_TYPES.join(", ")), |name| ORDER_TYPES.contains(&name));
    let all = ORDER_TYPES.map(str::to_owned).to_vec();
    let order_types = rails.s.or("order_types", list(order_type, 1), all);
    Some(OrderLimits {
        order_size_max: order_size_max?,
        order_notional_max: order_notional_max?,
        max_position_size: max_position_size?,
        gross_exposure_max: gross_exposure_max?,
        max_portfolio_risk: max_portfolio_risk?,
        margin_use_max: margin_use_max?,
        price_collar_ticks_max: price_collar_ticks_max?,
        duplicate_within: duplicate_within?,
        active_orders_max: active_orders_max?,
        days_to_expiry_min: days_to_expiry_min?,
        close_guard: close_guard?,
        self_match: self_match?,
        order_types: order_types?,
    })
}

fn rate(rails: &Rails<'_, '_>) -> Option<RateLimits> {
    let a_second = || whole(1..=1_000, "orders a second");
    let orders_per_second_max = rails.must("orders_per_second_max", a_second());
    let a_minute = || whole(1..=60_000, "orders a minute");
    let orders_per_minute_max = rails.or("orders_per_minute_max", a_minute(), 200);
    let a_day = || whole(1..=10_000_000, "orders a day");
    let orders_per_day_max = rails.or("orders_per_day_max", a_day(), 5_000);
    let strategy_orders_per_second_max = rails.or("strategy_orders_per_second_max", a_second(), 20);
    let strategy_orders_per_minute_max = rails.or("strategy_orders_per_minute_max", a_minute(), 60);
    let strategy_orders_per_day_max = rails.or("strategy_orders_per_day_max", a_day(), 2_000);
    let symbol_orders_per_second_max = rails.or("symbol_orders_per_second_max", a_second(), 50);
    let symbol_orders_per_minute_max = rails.or("symbol_orders_per_minute_max", a_minute(), 150);
    let symbol_orders_per_day_max = rails.or("symbol_orders_per_day_max", a_day(), 4_000);
    let reentries_max = rails.or("reentries_max", whole(1..=100_000, "entries of one strategy"), 60);
    let reentries_within = rails.s.or("reentries_within_ms", millis(1_000..=DAY_MS), Duration::from_secs(3_600));
    Some(RateLimits {
        orders_per_second_max: orders_per_second_max?,
        orders_per_minute_max: orders_per_minute_max?,
        orders_per_day_max: orders_per_day_max?,
        strategy_orders_per_second_max: strategy_orders_per_second_max?,
        strategy_orders_per_minute_max: strategy_orders_per_minute_max?,
        strategy_orders_per_day_max: strategy_orders_per_day_max?,
        symbol_orders_per_second_max: symbol_orders_per_second_max?,
        symbol_orders_per_minute_max: symbol_orders_per_minute_max?,
        symbol_orders_per_day_max: symbol_orders_per_day_max?,
        reentries_max: reentries_max?,
        reentries_within: reentries_within?,
    })
}

fn loss(rails: &Rails<'_, '_>) -> Option<LossLimits> {
    let daily_loss_max = rails.must("daily_loss_usd_max", some_money());
    let weekly_loss_max = rails.must("weekly_loss_usd_max", some_money());
    let max_drawdown = rails.must("max_drawdown", fraction());
    let trailing_drawdown_max = rails.may("trailing_drawdown_usd_max", some_money());
    let consecutive_losses_max = rails.or("consecutive_losses_max", whole(1..=1_000, "losing trades in a row"), 10);
    let strategy_daily_loss_max = rails.may("strategy_daily_loss_usd_max", some_money());
    let strategy_weekly_loss_max = rails.may("strategy_weekly_loss_usd_max", some_money());
    let strategy_drawdown_max = rails.may("strategy_drawdown_usd_max", some_money());
    let profit_lock = rails.s.get("profit_lock_usd", some_money());
    let strategy_profit_lock = rails.s.get("strategy_profit_lock_usd", some_money());
    let keep = rails.s.or("profit_lock_keep", fraction(), Fraction::from_ppm(500_000))?;
    let lock = |from: Option<Money>| from.map(|from| ProfitLock { from, keep });
    Some(LossLimits {
        daily_loss_max: daily_loss_max?,
        weekly_loss_max: weekly_loss_max?,
        max_drawdown: max_drawdown?,
        trailing_drawdown_max: trailing_drawdown_max?,
        consecutive_losses_max: consecutive_losses_max?,
        strategy_daily_loss_max: strategy_daily_loss_max?,
        strategy_weekly_loss_max: strategy_weekly_loss_max?,
        strategy_drawdown_max: strategy_drawdown_max?,
        profit_lock: lock(profit_lock?),
        strategy_profit_lock: lock(strategy_profit_lock?),
    })
}

fn some_money() -> Kind<'static, Money> {
    let amount = money(0..=1_000_000_000, "US dollars");
    let expected = amount.expected.replace("from 0 to", "of more than 0 and up to");
    Kind::new(expected, move |value| (amount.read)(value).filter(|amount| *amount > Money::ZERO))
}

/// The limits of the section, and those that are switched off.
struct Rails<'a, 'b> {
    s: &'a Section<'b>,
    disabled: Option<&'a [String]>,
}

impl Rails<'_, '_> {
    /// A limit that somebody has to choose.
    fn must<T>(&self, key: &'static str, kind: Kind<'_, T>) -> Option<Limit<T>> {
        let expected = kind.expected.clone();
        match self.read(key, kind)? {
            Some(limit) => Some(limit),
            None => {
                if self.disabled.is_some() {
                    self.s.mistake(key, "nothing", format!("{expected}, or \"{}\" in risk.disabled", off_name(key)));
                }
                None
            }
        }
    }

    /// A limit with a documented default.
    fn or<T>(&self, key: &'static str, kind: Kind<'_, T>, default: T) -> Option<Limit<T>> {
        Some(self.read(key, kind)?.unwrap_or(Limit::Max(default)))
    }

    /// A limit beside a stricter one that cannot be left out: without it, it is off.
    fn may<T>(&self, key: &'static str, kind: Kind<'_, T>) -> Option<Limit<T>> {
        Some(self.read(key, kind)?.unwrap_or(Limit::Off))
    }

    fn read<T>(&self, key: &'static str, kind: Kind<'_, T>) -> Option<Option<Limit<T>>> {
        let off = off_name(key);
        let is_off = self.disabled.is_some_and(|names| names.iter().any(|name| name == off || name == key));
        match (self.s.get(key, kind)?, is_off) {
            (Some(limit), false) => Some(Some(Limit::Max(limit))),
            (None, true) => Some(Some(Limit::Off)),
            (None, false) => Some(None),
            (Some(_), true) => {
                self.s.mistake(key, "a limit that risk.disabled switches off", "one of the two");
                None
            }
        }
    }
}

fn off_name(key: &str) -> &'static str {
    RAILS.iter().find(|(rail, _)| *rail == key).map(|(_, off)| *off).expect("a rail of the table")
}
