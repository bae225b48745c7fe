//! Contradictions between sections that are each right. In: the sections that could be read. Out: mistakes.

use super::walk::Walk;
use super::{Parts, allocation, sizing};
use crate::config::{Limit, RiskConfig, StrategyConfig};

/// Ports on which TWS and IB Gateway serve accounts with real money, unless somebody moves them.
const LIVE_PORTS: [u16; 2] = [7496, 4001];

pub(super) fn contradictions(walk: &Walk<'_>, parts: &Parts) {
    real_money(walk, parts);
    if let (Some(strategies), Some(risk)) = (&parts.strategies, &parts.risk) {
        for (i, strategy) in strategies.iter().enumerate() {
            quantity_within_limits(walk, i, strategy, risk);
        }
    }
    pings_before_hangs(walk, parts);
    recorded_on_one_thread(walk, parts);
    allocation::contradictions(walk, parts);
    if let Some(protection) = &parts.protection {
        super::protection::contradictions(walk, protection);
    }
}

/// Real money is traded on purpose or not at all.
fn real_money(walk: &Walk<'_>, parts: &Parts) {
    let (Some(instance), Some(gateway), Some(broker)) = (&parts.instance, &parts.gateway, &parts.broker) else {
        return;
    };
    if instance.live && gateway.is_some() {
        walk.report("instance.live", "true together with a simulated [gateway]", "live = false, or no [gateway]");
    }
    if instance.live || gateway.is_some() {
        return;
    }
    let port = broker.address.port();
    if LIVE_PORTS.contains(&port) {
        let expected = "a paper trading port (7497 of TWS, 4002 of IB Gateway), or instance.live = true";
        walk.report("broker.address", format!("{port}, the port of accounts with real money"), expected);
    }
    if let Some(account) = broker.account.as_deref().filter(|account| account.starts_with('U')) {
        let expected = "a paper account (they begin with D), or instance.live = true";
        walk.report("broker.account", format!("{account:?}, an account with real money"), expected);
    }
}

/// A strategy whose every order risk would refuse is a slip in one of the two numbers.
fn quantity_within_limits(walk: &Walk<'_>, i: usize, strategy: &StrategyConfig, risk: &RiskConfig) {
    let order = &risk.order;
    let limits = [("risk.order_size_max", order.order_size_max), ("risk.max_position_size", order.max_position_size)];
    for (name, limit) in limits {
        if let Limit::Max(max) = limit
            && strategy.quantity > max
        {
            let key = sizing::key_of(i, strategy);
            walk.report(&key, strategy.quantity.to_string(), format!("at most {name}, which is {max}"));
        }
    }
}

/// What happens on several threads at once has no one order in which it could be decided again.
fn recorded_on_one_thread(walk: &Walk<'_>, parts: &Parts) {
    let (Some(Some(_)), Some(actors)) = (&parts.recording, &parts.actors) else { return };
    if let Some(split) = actors.split_threads() {
        let expected = "broker, bars, strategy and books on one thread: a session of several cannot be decided again";
        walk.report("recording.enabled", format!("true, with {split}"), expected);
    }
}

/// An actor that is asked every second cannot be found hanging after half of one.
fn pings_before_hangs(walk: &Walk<'_>, parts: &Parts) {
    let Some(actors) = &parts.actors else { return };
    let kinds = [
        ("broker", &actors.broker),
        ("bars", &actors.bars),
        ("strategy", &actors.strategy),
        ("books", &actors.books),
        ("storage", &actors.storage),
    ];
    for (kind, actor) in kinds {
        if actor.hang_after <= actors.ping_every {
            let expected = format!("more than actors.ping_every_ms, which is {}", actors.ping_every.as_millis());
            walk.report(&format!("actors.{kind}.hang_after_ms"), actor.hang_after.as_millis().to_string(), expected);
        }
    }
}
