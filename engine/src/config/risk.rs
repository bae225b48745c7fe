//! What risk goes by: one limit a rail, each chosen or switched off by name. Absent: the rules (`crate::risk`).

use std::time::Duration;

use crate::trade::{Fraction, Money, OrderKind};

/// A limit that somebody chose. There is no third case: a missing limit is a configuration error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit<T> {
    Max(T),
    /// Switched off by name in `risk.disabled`; shown at every start.
    Off,
}

impl<T: Copy> Limit<T> {
    pub fn max(self) -> Option<T> {
        match self {
            Limit::Max(max) => Some(max),
            Limit::Off => None,
        }
    }
}

/// Interactive Brokers holds this many orders per contract, side and account, and refuses more.
pub const ACTIVE_ORDERS_OF_BROKER: u32 = 20;

/// Limits on money and size have no default: each is set, or switched off by name. Limits against runaway programs have
/// documented defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskConfig {
    /// What the account holds before these books begin; equity is this and what the books earned.
    pub capital: Money,
    pub order: OrderLimits,
    pub rate: RateLimits,
    pub loss: LossLimits,
    /// Entries need a quote or trade no older than this.
    pub stale_after: Limit<Duration>,
    /// Close every position when an account-wide limit of [`LossLimits`] is reached, besides pausing entries.
    pub flatten_on_trip: bool,
}

/// What is checked before an order leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderLimits {
    /// Contracts in one order.
    pub order_size_max: Limit<u32>,
    /// Price times multiplier times contracts of one order.
    pub order_notional_max: Limit<Money>,
    /// Contracts per symbol, worst case of position and all working orders, long and short.
    pub max_position_size: Limit<u32>,
    /// Value of all symbols' worst cases together.
    pub gross_exposure_max: Limit<Money>,
    /// Loss if every stop were hit, as a part of equity.
    pub max_portfolio_risk: Limit<Fraction>,
    /// Initial margin of everything that is held or working, as a part of equity.
    pub margin_use_max: Limit<Fraction>,
    /// How far a limit price may lie on the bad side of the quote, in ticks.
    pub price_collar_ticks_max: Limit<u32>,
    /// The same order again within this time is a slip.
    pub duplicate_within: Limit<Duration>,
    /// Orders resting per symbol and side, all strategies; at most [`ACTIVE_ORDERS_OF_BROKER`].
    pub active_orders_max: u32,
    /// Calendar days between an entry and the contract's last trading day.
    pub days_to_expiry_min: Limit<u32>,
    /// Entries need an open session that goes on for longer than this.
    pub close_guard: Limit<Duration>,
    /// Refuse an entry that could trade with another order of this account.
    pub self_match: Limit<()>,
    /// Types of entries that may be sent, by the broker's names: `MKT`, `LMT`, `STP`, `STP LMT`.
    pub order_types: Vec<String>,
}

impl OrderLimits {
    pub fn allows(&self, kind: OrderKind) -> bool {
        self.order_types.iter().any(|name| name == kind.name())
    }
}

/// Against programs that run wild. Orders count with their children.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimits {
    pub orders_per_second_max: Limit<u32>,
    pub orders_per_minute_max: Limit<u32>,
    /// In one trade date.
    pub orders_per_day_max: Limit<u32>,
    /// The same of one strategy.
    pub strategy_orders_per_second_max: Limit<u32>,
    pub strategy_orders_per_minute_max: Limit<u32>,
    pub strategy_orders_per_day_max: Limit<u32>,
    /// The same of one symbol.
    pub symbol_orders_per_second_max: Limit<u32>,
    pub symbol_orders_per_minute_max: Limit<u32>,
    pub symbol_orders_per_day_max: Limit<u32>,
    /// Entries of one strategy within [`RateLimits::reentries_within`]; the next one disables it until a person enables it.
    pub reentries_max: Limit<u32>,
    pub reentries_within: Duration,
}

/// What latches when it is reached. Losses are positive amounts, realised and unrealised, after commission.
#[derive(Clone, Debug, PartialEq)]
pub struct LossLimits {
    /// Of a trade date.
    pub daily_loss_max: Limit<Money>,
    /// Of the trade dates from Monday to Friday.
    pub weekly_loss_max: Limit<Money>,
    /// Fall of equity from its peak, as a part of the peak.
    pub max_drawdown: Limit<Fraction>,
    /// The same in money.
    pub trailing_drawdown_max: Limit<Money>,
    /// Losing round trips in a row of one strategy.
    pub consecutive_losses_max: Limit<u32>,
    /// One strategy's loss of a trade date.
    pub strategy_daily_loss_max: Limit<Money>,
    /// One strategy's loss of the trade dates from Monday to Friday.
    pub strategy_weekly_loss_max: Limit<Money>,
    /// Fall of what one strategy has earned from the most that it had.
    pub strategy_drawdown_max: Limit<Money>,
    /// Once a trade date has earned this much, what may be given back of it.
    pub profit_lock: Option<ProfitLock>,
    /// The same of one strategy.
    pub strategy_profit_lock: Option<ProfitLock>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProfitLock {
    pub from: Money,
    pub keep: Fraction,
}

impl RiskConfig {
    /// Rails that refuse nothing, by the names that switch them off.
    pub fn switched_off(&self) -> Vec<&'static str> {
        fn is_off<T>(limit: &Limit<T>) -> bool {
            matches!(limit, Limit::Off)
        }
        let Self { order, rate, loss, stale_after, .. } = self;
        let rails = [
            ("order_size_max", is_off(&order.order_size_max)),
            ("order_notional_max", is_off(&order.order_notional_max)),
            ("max_position_size", is_off(&order.max_position_size)),
            ("gross_exposure_max", is_off(&order.gross_exposure_max)),
            ("max_portfolio_risk", is_off(&order.max_portfolio_risk)),
            ("orders_per_second_max", is_off(&rate.orders_per_second_max)),
            ("daily_loss_max", is_off(&loss.daily_loss_max)),
            ("weekly_loss_max", is_off(&loss.weekly_loss_max)),
            ("max_drawdown", is_off(&loss.max_drawdown)),
            ("stale_after", is_off(stale_after)),
            ("margin_use_max", is_off(&order.margin_use_max)),
            ("price_collar", is_off(&order.price_collar_ticks_max)),
            ("duplicate_order", is_off(&order.duplicate_within)),
            ("days_to_expiry", is_off(&order.days_to_expiry_min)),
            ("outside_session", is_off(&order.close_guard)),
            ("self_match", is_off(&order.self_match)),
            ("orders_per_minute_max", is_off(&rate.orders_per_minute_max)),
            ("orders_per_day_max", is_off(&rate.orders_per_day_max)),
            ("strategy_orders_per_minute_max", is_off(&rate.strategy_orders_per_minute_max)),
            ("symbol_orders_per_minute_max", is_off(&rate.symbol_orders_per_minute_max)),
            ("reentries_max", is_off(&rate.reentries_max)),
            ("trailing_drawdown_max", is_off(&loss.trailing_drawdown_max)),
            ("consecutive_losses_max", is_off(&loss.consecutive_losses_max)),
            ("strategy_daily_loss_max", is_off(&loss.strategy_daily_loss_max)),
            ("strategy_weekly_loss_max", is_off(&loss.strategy_weekly_loss_max)),
            ("strategy_drawdown_max", is_off(&loss.strategy_drawdown_max)),
            ("strategy_orders_per_second_max", is_off(&rate.strategy_orders_per_second_max)),
            ("strategy_orders_per_day_max", is_off(&rate.strategy_orders_per_day_max)),
            ("symbol_orders_per_second_max", is_off(&rate.symbol_orders_per_second_max)),
            ("symbol_orders_per_day_max", is_off(&rate.symbol_orders_per_day_max)),
        ];
        rails.into_iter().filter(|(_, off)| *off).map(|(name, _)| name).collect()
    }

    /// Checks everything and refuses hardly anything: for machinery that invents orders and sends none.
    pub fn out_of_reach() -> Self {
        let (contracts, money) = (Limit::Max(u32::MAX), Limit::Max(Money::from_micros(i64::MAX)));
        let all = Limit::Max(Fraction::from_ppm(1_000_000));
        Self {
            capital: Money::from_micros(i64::MAX / 4),
            order: OrderLimits {
                order_size_max: contracts,
                order_notional_max: money,
                max_position_size: contracts,
                gross_exposure_max: money,
                max_portfolio_risk: all,
                margin_use_max: all,
                price_collar_ticks_max: contracts,
                duplicate_within: Limit::Max(Duration::ZERO),
                active_orders_max: u32::MAX,
                days_to_expiry_min: Limit::Off,
                close_guard: Limit::Max(Duration::ZERO),
                self_match: Limit::Off,
                order_types: ["MKT", "LMT", "STP", "STP LMT"].map(str::to_owned).to_vec(),
            },
            rate: RateLimits {
                orders_per_second_max: contracts,
                orders_per_minute_max: contracts,
                orders_per_day_max: contracts,
                strategy_orders_per_second_max: contracts,
                strategy_orders_per_minute_max: contracts,
                strategy_orders_per_day_max: contracts,
                symbol_orders_per_second_max: contracts,
                symbol_orders_per_minute_max: contracts,
                symbol_orders_per_day_max: contracts,
                reentries_max: contracts,
                reentries_within: Duration::from_secs(60),
            },
            loss: LossLimits {
                daily_loss_max: money,
                weekly_loss_max: money,
                max_drawdown: all,
                trailing_drawdown_max: money,
                consecutive_losses_max: contracts,
                strategy_daily_loss_max: money,
                strategy_weekly_loss_max: money,
                strategy_drawdown_max: money,
                profit_lock: None,
                strategy_profit_lock: None,
            },
            stale_after: Limit::Max(Duration::from_secs(3_600)),
            flatten_on_trip: false,
        }
    }
}
