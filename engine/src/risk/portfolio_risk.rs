//! What would be lost if every stop were hit, as a part of equity. A stop is no promise: a gap loses more.
//! Source: the fixed-fractional rule applied to the whole portfolio.

use super::{Breach, Candidate, View};
use crate::config::Limit;
use crate::trade::{Fraction, Money};

pub const RULE: &str = "max_portfolio_risk";

pub fn check(order: &Candidate, view: &View<'_>, limit: Limit<Fraction>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    let allowed = max.of(view.equity);
    let Some(price) = order.price(&view.mark) else {
        return Err(Breach::new(RULE, "no price", max));
    };
    let Some(stop) = order.stop else {
        return Err(Breach::new(RULE, "no stop: all of it", max));
    };
    let ticks = (i64::from(price.0) - i64::from(stop.0)) * i64::from(order.side.sign());
    let own = view.tick_value * (ticks.max(0) * i64::from(order.quantity));
    let would_be = view.at_stake + own;
    // Without equity nothing may be staked.
    if view.equity <= Money::ZERO || would_be > allowed {
        return Err(Breach::new(RULE, would_be, format!("{allowed} ({max} of {})", view.equity)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{broken, buy, calm, dollars, sell};
    use super::*;
    use crate::market::Price;

    #[test]
    fn all_stops_together_may_cost_so_much() {
        // 2 % of 100,000 is 2,000; ten ticks of two contracts are 250.
        let staked = |amount| View { at_stake: dollars(amount), ..calm() };
        assert_eq!((broken(buy(2), staked(1_750)), broken(buy(2), staked(1_751))), (None, Some(RULE)));
        let far = Candidate { stop: Some(Price(20_000 - 81)), ..buy(2) };
        assert_eq!(broken(far, calm()), Some(RULE), "81 ticks of two contracts are 2,025");
        let short = Candidate { stop: Some(Price(19_999 + 80)), ..sell(2) };
        assert_eq!(broken(short, calm()), None, "80 ticks are 2,000");
    }

    #[test]
    fn who_has_lost_everything_stakes_nothing() {
        assert_eq!(broken(buy(1), View { equity: Money::ZERO, ..calm() }), Some(RULE));
        assert_eq!(broken(buy(1), View { equity: dollars(-5), ..calm() }), Some(RULE));
        // Not even what would cost nothing.
        let free = Candidate { stop: Some(Price(20_000)), ..buy(1) };
        let of = |equity| check(&free, &View { equity, ..calm() }, Limit::Max(Fraction::from_ppm(20_000)));
        assert!(of(Money::ZERO).is_err() && of(dollars(1)).is_ok());
    }
}
