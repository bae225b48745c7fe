//! Orders in any second and minute, and in a day: of the account, of a strategy, of a symbol. Each order is counted when
//! it is sent, children included. Source: FIA 2024, 3.4; MiFID RTS 6, article 15.

use super::{Breach, Candidate, View};
use crate::config::{Limit, RateLimits};

pub const SECOND_RULE: &str = "orders_per_second";
pub const MINUTE_RULE: &str = "orders_per_minute";
pub const DAY_RULE: &str = "orders_per_day";
pub const STRATEGY_RULE: &str = "strategy_orders_per_minute";
pub const SYMBOL_RULE: &str = "symbol_orders_per_minute";

pub fn check(order: &Candidate, view: &View<'_>, limits: &RateLimits) -> Result<(), Breach> {
    let sent = &view.sent;
    let new = order.tickets();
    within(SECOND_RULE, sent.second, new, limits.orders_per_second_max)?;
    within(MINUTE_RULE, sent.minute, new, limits.orders_per_minute_max)?;
    within(DAY_RULE, sent.day, new, limits.orders_per_day_max)?;
    within(STRATEGY_RULE, sent.strategy_minute, new, limits.strategy_orders_per_minute_max)?;
    within(SYMBOL_RULE, sent.symbol_minute, new, limits.symbol_orders_per_minute_max)
}

fn within(rule: &'static str, sent: u32, new: u32, limit: Limit<u32>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    let would_be = sent.saturating_add(new);
    if would_be > max { Err(Breach::new(rule, would_be, max)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm};
    use super::super::sent::Counts;
    use super::*;

    #[test]
    fn each_count_has_its_limit_and_a_bracket_counts_three() {
        let none = Counts::default();
        let rule = |sent| broken(buy(1), View { sent, ..calm() });
        assert_eq!(rule(Counts { second: 7, ..none }), None);
        assert_eq!(rule(Counts { second: 8, ..none }), Some(SECOND_RULE));
        assert_eq!(rule(Counts { minute: 17, ..none }), None);
        assert_eq!(rule(Counts { minute: 18, ..none }), Some(MINUTE_RULE));
        assert_eq!(rule(Counts { day: 97, ..none }), None);
        assert_eq!(rule(Counts { day: 98, ..none }), Some(DAY_RULE));
        assert_eq!(rule(Counts { strategy_minute: 3, ..none }), None);
        assert_eq!(rule(Counts { strategy_minute: 4, ..none }), Some(STRATEGY_RULE));
        assert_eq!(rule(Counts { symbol_minute: 9, ..none }), None);
        assert_eq!(rule(Counts { symbol_minute: 10, ..none }), Some(SYMBOL_RULE));
    }
}
