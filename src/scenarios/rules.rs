//! What holds in every scenario, whatever the broker does. In: evidence. Out: for each rule, what breaks it.
//! They are judged when both sides have come to rest; until then a broken one may only mean that news is on its way.

use std::collections::{BTreeMap, BTreeSet};

use engine::journal::{Entry, Record};
use engine::orders::machine::State;
use engine::trade::{Leg, Side, Trading};
use gateway::Direction;
use serde::Deserialize;

use super::evidence::{Evidence, OURS, REF};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The program runs, and no part of it failed.
    Alive,
    /// The position of the account in the journal is the gateway's.
    Positions,
    /// Every execution of our orders is in the journal, once, and no other is.
    Executions,
    /// Each order reference is one order at the gateway.
    Identity,
    /// What the gateway knows of us was in the journal.
    WrittenFirst,
    /// New orders have rising ids.
    IdsRise,
    /// No entry is made while trading is not allowed.
    NoEntryWhilePaused,
    /// Pitboss always comes as the same client.
    ClientId,
    /// A position has resting stops of its size at the gateway.
    Protected,
    /// No order is in doubt, and those that live are the gateway's open ones.
    Settled,
}

impl Rule {
    pub const ALL: [Rule; 10] = [
        Rule::Alive,
        Rule::Positions,
        Rule::Executions,
        Rule::Identity,
        Rule::WrittenFirst,
        Rule::IdsRise,
        Rule::NoEntryWhilePaused,
        Rule::ClientId,
        Rule::Protected,
        Rule::Settled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Rule::Alive => "alive",
            Rule::Positions => "positions",
            Rule::Executions => "executions",
            Rule::Identity => "identity",
            Rule::WrittenFirst => "written-first",
            Rule::IdsRise => "ids-rise",
            Rule::NoEntryWhilePaused => "no-entry-while-paused",
            Rule::ClientId => "client-id",
            Rule::Protected => "protected",
            Rule::Settled => "settled",
        }
    }

    /// What breaks it; `None` when it holds.
    pub fn broken(self, seen: &Evidence) -> Option<String> {
        match self {
            Rule::Alive => alive(seen),
            Rule::Positions => positions(seen),
            Rule::Executions => executions(seen),
            Rule::Identity => identity(seen),
            Rule::WrittenFirst => written_first(seen),
            Rule::IdsRise => ids_rise(seen),
            Rule::NoEntryWhilePaused => no_entry_while_paused(seen),
            Rule::ClientId => client_id(seen),
            Rule::Protected => protected(seen),
            Rule::Settled => settled(seen),
        }
    }
}

fn alive(seen: &Evidence) -> Option<String> {
    if let Some(status) = seen.exit {
        return Some(format!("the program ended: {status}"));
    }
    seen.journal.iter().find_map(|entry| match &entry.record {
        Record::System { event, text, .. } if event == "actor.failed" || event == "actor.given_up" => {
            Some(format!("{event}: {text}"))
        }
        _ => None,
    })
}

/// Contracts by symbol that the account holds by Pitboss's own word, everybody's trades included.
fn booked(journal: &[Entry]) -> BTreeMap<u16, i64> {
    let mut held = BTreeMap::new();
    for entry in journal {
        if let Record::Position(row) = &entry.record
            && row.strategy.is_none()
        {
            held.insert(row.symbol.0, row.quantity);
        }
    }
    held.retain(|_, quantity| *quantity != 0);
    held
}

pub fn held(seen: &Evidence) -> BTreeMap<u16, i64> {
    let positions = seen.truth.positions.iter().filter(|position| position.quantity != 0);
    positions.map(|position| (position.symbol.0, position.quantity)).collect()
}

fn positions(seen: &Evidence) -> Option<String> {
    let (booked, held) = (booked(&seen.journal), held(seen));
    (booked != held).then(|| format!("the journal holds {booked:?}, the gateway {held:?}"))
}

/// A correction repeats an execution under the next last part.
fn base(exec_id: &str) -> &str {
    exec_id.rsplit_once('.').map_or(exec_id, |(base, _)| base)
}

fn executions(seen: &Evidence) -> Option<String> {
    // What others did may close something of several strategies: a part for each.
    let mut parts: BTreeMap<&str, BTreeMap<&str, u32>> = BTreeMap::new();
    for entry in &seen.journal {
        match &entry.record {
            Record::Fill(fill) => {
                let parts = parts.entry(base(&fill.exec_id)).or_default();
                if parts.insert(&fill.exec_id, fill.quantity).is_some() {
                    return Some(format!("{} is booked twice", fill.exec_id));
                }
            }
            // All parts anew; with quantity 0 it never was.
            Record::Corrected { fills, .. } => {
                for fill in fills {
                    parts.remove(base(&fill.exec_id));
                }
                for fill in fills {
                    parts.entry(base(&fill.exec_id)).or_default().insert(&fill.exec_id, fill.quantity);
                }
            }
            _ => {}
        }
    }
    let booked: BTreeMap<&str, u32> = parts.into_iter().map(|(id, parts)| (id, parts.into_values().sum())).collect();
    let ours = seen.truth.executions.iter().filter(|execution| execution.order_ref.starts_with(REF));
    let told: BTreeMap<&str, u32> = ours.map(|execution| (base(&execution.exec_id), execution.quantity)).collect();
    let missing: Vec<_> = told.iter().filter(|(id, quantity)| booked.get(*id) != Some(quantity)).collect();
    // What others traded is adopted under its own id.
    let known: BTreeSet<&str> = seen.truth.executions.iter().map(|execution| base(&execution.exec_id)).collect();
    let invented: Vec<_> =
        booked.iter().filter(|(id, quantity)| **quantity > 0 && !known.contains(*id)).map(|(id, _)| id).collect();
    let holds = missing.is_empty() && invented.is_empty();
    (!holds).then(|| format!("not booked: {missing:?}; booked and not the gateway's: {invented:?}"))
}

fn identity(seen: &Evidence) -> Option<String> {
    let mut ids: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for (_, id, name) in seen.placed() {
        ids.entry(name).or_default().insert(id);
    }
    let mut perm_ids: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for order in seen.truth.open_orders.iter().chain(&seen.truth.completed_orders) {
        if order.order.order_ref.starts_with(REF) {
            perm_ids.entry(&order.order.order_ref).or_default().insert(order.perm_id.0);
        }
    }
    let doubled = |ids: BTreeMap<&str, BTreeSet<i64>>| {
        ids.into_iter().find(|(_, ids)| ids.len() > 1).map(|(name, ids)| format!("{name} was sent as {ids:?}"))
    };
    doubled(ids).or_else(|| doubled(perm_ids))
}

fn written_first(seen: &Evidence) -> Option<String> {
    let written: BTreeSet<&str> = seen.tickets().map(|(_, ticket)| ticket.order_ref.as_str()).collect();
    let unknown: Vec<&str> = seen.placed().map(|(_, _, name)| name).filter(|name| !written.contains(name)).collect();
    (!unknown.is_empty()).then(|| format!("sent and not written: {unknown:?}"))
}

fn ids_rise(seen: &Evidence) -> Option<String> {
    let mut last = i64::MIN;
    let mut known = BTreeSet::new();
    for (at, id, name) in seen.placed() {
        // The same order again is a change of it.
        if !known.insert((id, name)) {
            continue;
        }
        if id <= last {
            return Some(format!("order {id} ({name}) at {at} came after {last}"));
        }
        last = id;
    }
    None
}

fn no_entry_while_paused(seen: &Evidence) -> Option<String> {
    let mut allowed = false;
    for entry in &seen.journal {
        match &entry.record {
            Record::SessionStarted { .. } => allowed = false,
            Record::Trading { trading, .. } => allowed = *trading == Trading::Allowed,
            Record::OrderPlaced(ticket) if ticket.leg == Leg::Entry && !allowed => {
                return Some(format!("entry {} at {} while trading was not allowed", ticket.order_ref, entry.at));
            }
            _ => {}
        }
    }
    None
}

fn client_id(seen: &Evidence) -> Option<String> {
    let orders = seen.said(Direction::In, engine::time::Timestamp::MIN).filter(|entry| entry.message == "placeOrder");
    let other = orders.filter_map(|entry| entry.client).find(|client| *client != OURS);
    other.map(|client| format!("orders came from client {client}"))
}

fn protected(seen: &Evidence) -> Option<String> {
    held(seen).into_iter().find_map(|(symbol, quantity)| {
        let closes = if quantity > 0 { Side::Sell } else { Side::Buy };
        let stops = seen.truth.open_orders.iter().filter(|order| {
            let of = &order.order;
            of.symbol.0 == symbol && of.side == closes && of.kind.trigger_price().is_some()
        });
        let resting: i64 = stops.map(|order| i64::from(order.remaining())).sum();
        // Strategies hold against each other, so there may be more than the net position needs.
        (resting < quantity.abs()).then(|| format!("{quantity} held, stops of {resting} rest at the gateway"))
    })
}

fn settled(seen: &Evidence) -> Option<String> {
    let states = seen.states();
    if let Some((id, state)) = states.iter().find(|(_, state)| matches!(state, State::Unknown | State::Sent)) {
        return Some(format!("order {} is {}", id.0, state.name()));
    }
    let names: BTreeMap<_, &str> = seen.tickets().map(|(_, ticket)| (ticket.id, ticket.order_ref.as_str())).collect();
    let live = states.iter().filter(|(_, state)| !state.is_terminal());
    let live: BTreeSet<&str> = live.filter_map(|(id, _)| names.get(id).copied()).collect();
    let open = seen.truth.open_orders.iter().map(|order| order.order.order_ref.as_str());
    let open: BTreeSet<&str> = open.filter(|name| name.starts_with(REF)).collect();
    (live != open).then(|| {
        let (ours, theirs): (Vec<_>, Vec<_>) = (live.difference(&open).collect(), open.difference(&live).collect());
        format!("live in the journal only: {ours:?}; open at the gateway only: {theirs:?}")
    })
}
