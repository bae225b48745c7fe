//! A calm market, small limits, a small order: what the tests of the rules begin with.

use std::time::Duration;

use super::sent::Counts;
use super::{Candidate, View, gate};
use crate::config::{Limit, LossLimits, OrderLimits, ProfitLock, RateLimits, RiskConfig};
use crate::market::{Price, SymbolId};
use crate::portfolio::Mark;
use crate::trade::{
    BrokerOrderId, ClientOrderId, Fraction, Leg, Money, OrderKind, OrderTicket, Side, StrategyId, TimeInForce, Trading,
};

pub fn dollars(amount: i64) -> Money {
    Money::from_micros(amount * 1_000_000)
}

/// ES at 5,000.00: one contract is worth 250,000 dollars.
pub fn limits() -> RiskConfig {
    RiskConfig {
        capital: dollars(100_000),
        order: OrderLimits {
            order_size_max: Limit::Max(2),
            order_notional_max: Limit::Max(dollars(1_000_000)),
            max_position_size: Limit::Max(5),
            gross_exposure_max: Limit::Max(dollars(2_000_000)),
            max_portfolio_risk: Limit::Max(Fraction::from_ppm(20_000)),
            margin_use_max: Limit::Max(Fraction::from_ppm(500_000)),
            price_collar_ticks_max: Limit::Max(8),
            duplicate_within: Limit::Max(Duration::from_millis(250)),
            active_orders_max: 15,
            days_to_expiry_min: Limit::Max(2),
            close_guard: Limit::Max(Duration::from_secs(60)),
            self_match: Limit::Max(()),
            order_types: ["MKT", "LMT", "STP", "STP LMT"].map(str::to_owned).to_vec(),
        },
        rate: RateLimits {
            orders_per_second_max: Limit::Max(10),
            orders_per_minute_max: Limit::Max(20),
            orders_per_day_max: Limit::Max(100),
            strategy_orders_per_second_max: Limit::Max(5),
            strategy_orders_per_minute_max: Limit::Max(6),
            strategy_orders_per_day_max: Limit::Max(60),
            symbol_orders_per_second_max: Limit::Max(8),
            symbol_orders_per_minute_max: Limit::Max(12),
            symbol_orders_per_day_max: Limit::Max(80),
            reentries_max: Limit::Max(4),
            reentries_within: Duration::from_secs(3_600),
        },
        loss: LossLimits {
            daily_loss_max: Limit::Max(dollars(1_000)),
            weekly_loss_max: Limit::Max(dollars(3_000)),
            max_drawdown: Limit::Max(Fraction::from_ppm(50_000)),
            trailing_drawdown_max: Limit::Max(dollars(4_000)),
            consecutive_losses_max: Limit::Max(5),
            strategy_daily_loss_max: Limit::Max(dollars(500)),
            strategy_weekly_loss_max: Limit::Max(dollars(700)),
            strategy_drawdown_max: Limit::Max(dollars(900)),
            strategy_profit_lock: Some(ProfitLock { from: dollars(400), keep: Fraction::from_ppm(500_000) }),
            profit_lock: Some(ProfitLock { from: dollars(800), keep: Fraction::from_ppm(750_000) }),
        },
        stale_after: Limit::Max(Duration::from_secs(5)),
        flatten_on_trip: false,
    }
}

/// At market, with a stop ten ticks away.
pub fn buy(quantity: u32) -> Candidate {
    Candidate {
        strategy: StrategyId(0),
        symbol: SymbolId(0),
        side: Side::Buy,
        quantity,
        kind: OrderKind::Market,
        stop: Some(Price(19_990)),
        target: Some(Price(20_020)),
    }
}

pub fn sell(quantity: u32) -> Candidate {
    Candidate { side: Side::Sell, stop: Some(Price(20_010)), target: Some(Price(19_980)), ..buy(quantity) }
}

/// An order as it would be sent.
pub fn ticket(leg: Leg, side: Side, quantity: u32, kind: OrderKind) -> OrderTicket {
    OrderTicket {
        id: ClientOrderId(7),
        order_id: BrokerOrderId(7),
        strategy: StrategyId(0),
        symbol: SymbolId(0),
        leg,
        side,
        quantity,
        kind,
        tif: TimeInForce::Day,
        parent: None,
        oca_group: None,
        transmit: true,
        order_ref: "test-7".to_owned(),
    }
}

pub fn calm() -> View<'static> {
    View {
        trading: Trading::Allowed,
        latch: None,
        enlisted: true,
        engaged: false,
        unprotected_allowed: false,
        mark: Mark { last: Some(Price(20_000)), bid: Some(Price(19_999)), ask: Some(Price(20_000)) },
        data_age: Some(Duration::ZERO),
        feed_live: true,
        tick_value: Money::from_micros(12_500_000),
        margin: Some(dollars(25_000)),
        worst_long: 0,
        worst_short: 0,
        exposure: Some(Money::ZERO),
        at_stake: Money::ZERO,
        margin_used: Some(Money::ZERO),
        equity: dollars(100_000),
        sent: Counts::default(),
        resting: [0, 0],
        since_same: None,
        reentries: 0,
        own_opposite: None,
        session_left: Some(Duration::from_secs(3_600)),
        days_to_expiry: Some(30),
    }
}

/// The code of the rule that refuses.
pub fn broken(order: Candidate, view: View<'_>) -> Option<&'static str> {
    gate::check(order, &view, &limits()).err().map(|breach| breach.rule)
}

/// The same with other limits.
pub fn broken_by(order: Candidate, view: View<'_>, change: impl FnOnce(&mut RiskConfig)) -> Option<&'static str> {
    let mut limits = limits();
    change(&mut limits);
    gate::check(order, &view, &limits).err().map(|breach| breach.rule)
}
