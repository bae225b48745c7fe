//! Orders in any second, any minute and a trade date: of the account, of a strategy, of a symbol. Each order is counted
//! when it is sent, children included. In: what was sent, limits. Out: breaches. Absent: who counts (`super::sent`).
//! Source: FIA 2024, 3.4; MiFID RTS 6, article 15.

use super::sent::Window;
use super::{Breach, Candidate, View};
use crate::config::{Limit, RateLimits};

pub const SECOND_RULE: &str = "orders_per_second";
pub const MINUTE_RULE: &str = "orders_per_minute";
pub const DAY_RULE: &str = "orders_per_day";
pub const STRATEGY_SECOND_RULE: &str = "strategy_orders_per_second";
pub const STRATEGY_MINUTE_RULE: &str = "strategy_orders_per_minute";
pub const STRATEGY_DAY_RULE: &str = "strategy_orders_per_day";
pub const SYMBOL_SECOND_RULE: &str = "symbol_orders_per_second";
pub const SYMBOL_MINUTE_RULE: &str = "symbol_orders_per_minute";
pub const SYMBOL_DAY_RULE: &str = "symbol_orders_per_day";

/// A rule, the orders that it counts, and how many there may be.
pub type Counted = (&'static str, u32, Limit<u32>);

pub fn of_account(sent: Window, limits: &RateLimits) -> [Counted; 3] {
    [
        (SECOND_RULE, sent.second, limits.orders_per_second_max),
        (MINUTE_RULE, sent.minute, limits.orders_per_minute_max),
        (DAY_RULE, sent.day, limits.orders_per_day_max),
    ]
}

pub fn of_strategy(sent: Window, limits: &RateLimits) -> [Counted; 3] {
    [
        (STRATEGY_SECOND_RULE, sent.second, limits.strategy_orders_per_second_max),
        (STRATEGY_MINUTE_RULE, sent.minute, limits.strategy_orders_per_minute_max),
        (STRATEGY_DAY_RULE, sent.day, limits.strategy_orders_per_day_max),
    ]
}

pub fn of_symbol(sent: Window, limits: &RateLimits) -> [Counted; 3] {
    [
        (SYMBOL_SECOND_RULE, sent.second, limits.symbol_orders_per_second_max),
        (SYMBOL_MINUTE_RULE, sent.minute, limits.symbol_orders_per_minute_max),
        (SYMBOL_DAY_RULE, sent.day, limits.symbol_orders_per_day_max),
    ]
}

pub fn check(order: &Candidate, view: &View<'_>, limits: &RateLimits) -> Result<(), Breach> {
    let new = order.tickets();
    all_within(of_account(view.sent.account, limits), new)?;
    all_within(of_strategy(view.sent.strategy, limits), new)?;
    all_within(of_symbol(view.sent.symbol, limits), new)
}

fn all_within(counted: [Counted; 3], new: u32) -> Result<(), Breach> {
    for (rule, sent, limit) in counted {
        let Limit::Max(max) = limit else { continue };
        let would_be = sent.saturating_add(new);
        if would_be > max {
            return Err(Breach::new(rule, would_be, max));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, broken_by, buy, calm};
    use super::super::sent::Counts;
    use super::*;

    /// What each rule counts, its limit in the fixtures, and how it is switched off.
    type Row = (&'static str, u32, fn(&mut Counts) -> &mut u32, fn(&mut RateLimits));

    const NINE: [Row; 9] = [
        (SECOND_RULE, 10, |c| &mut c.account.second, |l| l.orders_per_second_max = Limit::Off),
        (MINUTE_RULE, 20, |c| &mut c.account.minute, |l| l.orders_per_minute_max = Limit::Off),
        (DAY_RULE, 100, |c| &mut c.account.day, |l| l.orders_per_day_max = Limit::Off),
        (STRATEGY_SECOND_RULE, 5, |c| &mut c.strategy.second, |l| l.strategy_orders_per_second_max = Limit::Off),
        (STRATEGY_MINUTE_RULE, 6, |c| &mut c.strategy.minute, |l| l.strategy_orders_per_minute_max = Limit::Off),
        (STRATEGY_DAY_RULE, 60, |c| &mut c.strategy.day, |l| l.strategy_orders_per_day_max = Limit::Off),
        (SYMBOL_SECOND_RULE, 8, |c| &mut c.symbol.second, |l| l.symbol_orders_per_second_max = Limit::Off),
        (SYMBOL_MINUTE_RULE, 12, |c| &mut c.symbol.minute, |l| l.symbol_orders_per_minute_max = Limit::Off),
        (SYMBOL_DAY_RULE, 80, |c| &mut c.symbol.day, |l| l.symbol_orders_per_day_max = Limit::Off),
    ];

    #[test]
    fn each_of_the_nine_counts_has_its_limit_and_a_bracket_counts_three() {
        for (rule, max, count, off) in NINE {
            let sent = |n| {
                let mut sent = Counts::default();
                *count(&mut sent) = n;
                View { sent, ..calm() }
            };
            assert_eq!((broken(buy(1), sent(max - 3)), broken(buy(1), sent(max - 2))), (None, Some(rule)), "{rule}");
            assert_eq!(broken_by(buy(1), sent(u32::MAX), |limits| off(&mut limits.rate)), None, "{rule} is off");
            let bare = Candidate { target: None, ..buy(1) };
            assert_eq!((broken(bare, sent(max - 2)), broken(bare, sent(max - 1))), (None, Some(rule)), "{rule}");
        }
    }
}
