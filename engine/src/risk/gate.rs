//! The one way from an intent to orders. In: a candidate and the books' view. Out: `Approved`, or the rule it broke.
//! Fails closed: every rule has a limit or was switched off by name.

use super::{Breach, Candidate, View, daily_loss, order_rate, order_size, position, stale_data, trading_state};
use crate::config::RiskConfig;

/// Proof that the gate let an entry through. Nobody else can make one: the field is private.
#[derive(Debug, PartialEq, Eq)]
pub struct Approved(Candidate);

impl Approved {
    pub fn candidate(&self) -> &Candidate {
        &self.0
    }
}

/// Runs every rule in a fixed order; the first that is broken refuses.
pub fn check(order: Candidate, view: &View, limits: &RiskConfig) -> Result<Approved, Breach> {
    let tickets = 2 + u32::from(order.target.is_some());
    trading_state::check(&order, view)?;
    order_size::check(&order, limits.order_size_max)?;
    order_size::check_bracket(&order, view)?;
    position::check(&order, view, limits.max_position_size)?;
    order_rate::check(view, tickets, limits.orders_per_second_max)?;
    daily_loss::check(view, limits.daily_loss_max)?;
    stale_data::check(view, limits.stale_after)?;
    Ok(Approved(order))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Limit;
    use crate::market::{Price, SymbolId};
    use crate::time::Timestamp;
    use crate::trade::{Money, Side, StrategyId, Trading};

    fn limits() -> RiskConfig {
        RiskConfig {
            order_size_max: Limit::Max(2),
            max_position_size: Limit::Max(5),
            orders_per_second_max: Limit::Max(10),
            daily_loss_max: Limit::Max(Money::from_micros(1_000_000_000)),
            stale_after: Limit::Max(Duration::from_secs(5)),
        }
    }

    fn buy(quantity: u32) -> Candidate {
        Candidate {
            strategy: StrategyId(0),
            symbol: SymbolId(0),
            side: Side::Buy,
            quantity,
            stop: Price(19_990),
            target: Some(Price(20_020)),
        }
    }

    fn calm() -> View {
        View {
            trading: Trading::Allowed,
            worst_long: 0,
            worst_short: 0,
            engaged: false,
            last_price: Some(Price(20_000)),
            data_age: Some(Duration::ZERO),
            day_pnl: Money::ZERO,
            orders_last_second: 0,
            now: Timestamp::from_secs(0),
        }
    }

    fn rule_broken(order: Candidate, view: View) -> Option<&'static str> {
        check(order, &view, &limits()).err().map(|breach| breach.rule)
    }

    #[test]
    fn a_calm_market_lets_a_small_order_through() {
        assert_eq!(rule_broken(buy(2), calm()), None);
    }

    #[test]
    fn each_limit_holds_on_both_sides_of_its_border() {
        assert_eq!(rule_broken(buy(3), calm()), Some("order_size"));
        assert_eq!(rule_broken(buy(0), calm()), Some("order_size"));
        assert_eq!(rule_broken(buy(2), View { worst_long: 3, ..calm() }), None);
        assert_eq!(rule_broken(buy(2), View { worst_long: 4, ..calm() }), Some("max_position_size"));
        assert_eq!(rule_broken(buy(2), View { worst_short: 5, ..calm() }), None, "shorts do not stop a buyer");
        assert_eq!(rule_broken(buy(2), View { orders_last_second: 7, ..calm() }), None);
        assert_eq!(rule_broken(buy(2), View { orders_last_second: 8, ..calm() }), Some("orders_per_second"));
        let loss = |micros: i64| View { day_pnl: Money::from_micros(-micros), ..calm() };
        assert_eq!(rule_broken(buy(1), loss(999_999_999)), None);
        assert_eq!(rule_broken(buy(1), loss(1_000_000_000)), Some("daily_loss"));
        let aged = |ms| View { data_age: Some(Duration::from_millis(ms)), ..calm() };
        assert_eq!(rule_broken(buy(1), aged(5_000)), None);
        assert_eq!(rule_broken(buy(1), aged(5_001)), Some("stale_data"));
    }

    #[test]
    fn what_is_missing_refuses() {
        assert_eq!(rule_broken(buy(1), View { data_age: None, ..calm() }), Some("stale_data"));
        assert_eq!(rule_broken(buy(1), View { last_price: None, ..calm() }), Some("bracket_side"));
        assert_eq!(rule_broken(buy(1), View { trading: Trading::Paused, ..calm() }), Some("trading_state"));
        assert_eq!(rule_broken(buy(1), View { trading: Trading::Liquidating, ..calm() }), Some("trading_state"));
        assert_eq!(rule_broken(buy(1), View { engaged: true, ..calm() }), Some("trading_state"));
    }

    #[test]
    fn a_bracket_on_the_wrong_side_refuses() {
        assert_eq!(rule_broken(Candidate { stop: Price(20_000), ..buy(1) }, calm()), Some("bracket_side"));
        assert_eq!(rule_broken(Candidate { target: Some(Price(20_000)), ..buy(1) }, calm()), Some("bracket_side"));
        let short = Candidate { side: Side::Sell, stop: Price(20_010), target: Some(Price(19_980)), ..buy(1) };
        assert_eq!(rule_broken(short, calm()), None);
        assert_eq!(rule_broken(Candidate { stop: Price(19_999), ..short }, calm()), Some("bracket_side"));
    }

    #[test]
    fn a_limit_that_is_off_by_name_does_not_refuse() {
        let off = RiskConfig { order_size_max: Limit::Off, max_position_size: Limit::Off, ..limits() };
        assert!(check(buy(100), &calm(), &off).is_ok());
    }
}
