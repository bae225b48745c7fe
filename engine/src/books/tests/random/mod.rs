//! Random trading days with all rails on: the real books, gate and link against the simulated exchange with its faults.
//! A day is drawn from a seed: rails, intents that are mostly reasonable and often not, disconnects, lost and doubled
//! news, refused orders, jumps, deaths of the process that lose the end of its journal. `drive` plays it, `wire` checks
//! every request as it leaves and every limit against what the venue really holds, `ledger` what could still be lost.

mod drive;
mod ledger;
mod wire;

use proptest::prelude::*;

use crate::config::{Limit, RiskConfig};
use crate::simulation::chance::Chance;
use crate::simulation::draw::draw;
use crate::simulation::plan::{Plan, What};
use crate::trade::{Fraction, Money};
use drive::{Drive, Ended};

const SPAN_MS: u64 = 120_000;

/// What others do to the account is no doing of ours, and a loss of power may cost what was sent.
fn is_ours(what: &What) -> bool {
    !matches!(
        what,
        What::Foreign { .. } | What::Liquidate { .. } | What::Correct { .. } | What::Bust | What::Power { .. }
    )
}

fn plan_of(seed: u64) -> Plan {
    let mut plan = draw(seed, SPAN_MS);
    plan.faults.retain(|fault| is_ours(&fault.what));
    plan
}

/// Small enough to be met, and never switched off.
fn rails_of(seed: u64) -> RiskConfig {
    let mut chance = Chance::fork(seed, 71);
    let mut dollars = |low, high| Limit::Max(Money::from_micros(i64::from(chance.between(low, high)) * 1_000_000));
    let mut rails = RiskConfig::out_of_reach();
    rails.capital = Money::from_micros(100_000_000_000);
    rails.loss.daily_loss_max = dollars(150, 1_500);
    rails.loss.weekly_loss_max = dollars(1_000, 3_000);
    rails.loss.trailing_drawdown_max = dollars(500, 3_000);
    rails.loss.strategy_daily_loss_max = dollars(100, 1_000);
    rails.loss.max_drawdown = Limit::Max(Fraction::from_ppm(50_000));
    rails.loss.consecutive_losses_max = Limit::Max(chance.between(2, 8));
    rails.order.max_portfolio_risk = Limit::Max(Fraction::from_ppm(chance.between(1_500, 20_000)));
    rails.order.max_position_size = Limit::Max(chance.between(1, 8));
    rails.order.order_size_max = Limit::Max(chance.between(1, 4));
    rails.order.price_collar_ticks_max = Limit::Max(chance.between(2, 20));
    rails.order.duplicate_within = Limit::Max(std::time::Duration::from_millis(250));
    rails.order.active_orders_max = chance.between(4, 15);
    rails.order.self_match = Limit::Max(());
    rails.rate.orders_per_second_max = Limit::Max(chance.between(3, 12));
    rails.rate.orders_per_minute_max = Limit::Max(chance.between(10, 80));
    rails.rate.orders_per_day_max = Limit::Max(chance.between(60, 300));
    rails.rate.reentries_max = Limit::Max(chance.between(5, 40));
    rails.stale_after = Limit::Max(std::time::Duration::from_secs(5));
    rails.flatten_on_trip = chance.percent(50);
    rails.rate.strategy_orders_per_second_max = Limit::Max(chance.between(3, 8));
    rails.rate.strategy_orders_per_minute_max = Limit::Max(chance.between(6, 40));
    rails.rate.strategy_orders_per_day_max = Limit::Max(chance.between(30, 150));
    rails.rate.symbol_orders_per_second_max = Limit::Max(chance.between(3, 10));
    rails.rate.symbol_orders_per_minute_max = Limit::Max(chance.between(8, 60));
    rails.rate.symbol_orders_per_day_max = Limit::Max(chance.between(40, 250));
    rails
}

fn play(seed: u64) -> Ended {
    let rails = rails_of(seed);
    Drive::new(plan_of(seed), rails.clone(), rails).play()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is wanted, told, lost and restarted: no order without the gate's word, no position beyond its limit at the
    /// venue, no loss beyond what was left to lose but for gaps, and one truth in the end.
    #[test]
    fn no_day_leads_beyond_a_limit(seed in any::<u64>()) {
        let ended = play(seed);
        prop_assert!(ended.wrong.is_none(), "seed {}: {}", seed, ended.wrong.unwrap_or_default());
    }
}

/// A property of days on which nothing happens would be worth nothing.
#[test]
fn random_days_are_busy_and_meet_their_rails() {
    let (mut entries, mut fills, mut restarts) = (0, 0, 0);
    let mut rules = std::collections::BTreeMap::<String, u32>::new();
    for seed in 0..200 {
        let ended = play(seed);
        assert_eq!(ended.wrong, None, "seed {seed}");
        entries += ended.entries;
        fills += ended.fills;
        restarts += ended.restarts;
        for rule in ended.refused {
            *rules.entry(rule).or_default() += 1;
        }
    }
    println!("{entries} entries, {fills} fills, {restarts} restarts, refused: {rules:?}");
    assert!(entries > 800 && fills > 1_000 && restarts > 60, "{entries} entries, {fills} fills, {restarts} restarts");
    for rule in ["max_position_size", "order_size", "price_collar", "bracket_side", "max_portfolio_risk", "latched"] {
        assert!(rules.contains_key(rule), "no day met {rule}: {rules:?}");
    }
}

/// Days that could not find a missing rail would prove nothing of one that is there.
#[test]
fn a_rail_that_is_off_is_found_out() {
    type Off = fn(&mut RiskConfig);
    let rails: [(&str, Off); 9] = [
        ("max_position_size", |r| r.order.max_position_size = Limit::Off),
        ("order_size", |r| r.order.order_size_max = Limit::Off),
        ("max_portfolio_risk", |r| r.order.max_portfolio_risk = Limit::Off),
        ("daily_loss", |r| {
            // The limits beside it would hide that it is gone.
            let loss = &mut r.loss;
            (loss.daily_loss_max, loss.strategy_daily_loss_max) = (Limit::Off, Limit::Off);
            (loss.trailing_drawdown_max, loss.weekly_loss_max) = (Limit::Off, Limit::Off);
            loss.consecutive_losses_max = Limit::Off;
        }),
        ("orders_per_second", |r| {
            // The others would hide that it is gone, as those on losses do.
            let rate = &mut r.rate;
            (rate.orders_per_second_max, rate.symbol_orders_per_second_max) = (Limit::Off, Limit::Off);
            rate.strategy_orders_per_second_max = Limit::Off;
        }),
        ("orders_per_minute", |r| {
            let rate = &mut r.rate;
            (rate.orders_per_minute_max, rate.symbol_orders_per_minute_max) = (Limit::Off, Limit::Off);
            rate.strategy_orders_per_minute_max = Limit::Off;
        }),
        ("strategy_orders_per_minute", |r| r.rate.strategy_orders_per_minute_max = Limit::Off),
        ("symbol_orders_per_minute", |r| {
            (r.rate.symbol_orders_per_minute_max, r.rate.orders_per_minute_max) = (Limit::Off, Limit::Off);
        }),
        ("price_collar", |r| r.order.price_collar_ticks_max = Limit::Off),
    ];
    for (name, off) in rails {
        let found = (0..400).find(|seed| {
            let (mut weak, strict) = (rails_of(*seed), rails_of(*seed));
            off(&mut weak);
            Drive::new(plan_of(*seed), weak, strict).play().wrong.is_some()
        });
        assert!(found.is_some(), "no day shows that {name} is off");
    }
}
