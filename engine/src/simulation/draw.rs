//! A plan of a seed. In: a seed, a length. Out: the plan. Absent: playing it.

use super::chance::Chance;
use super::plan::{EntryKind, Fault, Plan, Scene, Spot, Victim, What, Wish};

/// Purposes that have random numbers of their own.
const PLAN: u64 = 1;
const RAILS: u64 = 4;

/// Faults come this often on average; wishes a little more often.
const FAULT_EVERY_MS: u32 = 24_000;
const WISH_EVERY_MS: u32 = 9_000;
/// The first fault comes after the first connection.
const QUIET_AT_FIRST_MS: u64 = 3_000;

/// `span_ms`: how long faults and trades go on.
pub fn draw(seed: u64, span_ms: u64) -> Plan {
    let mut chance = Chance::fork(seed, PLAN);
    let scene = Scene {
        liquidate: chance.percent(25),
        strategies: chance.between(2, 4),
        symbols: chance.between(1, 2),
        quantity: chance.between(1, 3),
        thin: chance.percent(60),
        // By a number of its own: a seed keeps its plan.
        rails: Chance::fork(seed, RAILS).percent(50),
    };
    let mut faults = Vec::new();
    series(&mut chance, span_ms, FAULT_EVERY_MS, &mut faults, |chance| fault(chance, &scene));
    series(&mut chance, span_ms, WISH_EVERY_MS, &mut faults, |chance| wish(chance, &scene));
    if chance.percent(25) {
        let at_ms = u64::from(chance.below(u32::try_from(span_ms).unwrap_or(u32::MAX)));
        faults.push(Fault { at_ms: at_ms.max(QUIET_AT_FIRST_MS), what: rare(&mut chance, &scene) });
    }
    faults.sort_by_key(|fault| fault.at_ms);
    Plan { seed, span_ms, scene, faults }
}

fn series<F>(chance: &mut Chance, span_ms: u64, every_ms: u32, out: &mut Vec<Fault>, mut what: F)
where
    F: FnMut(&mut Chance) -> What,
{
    let mut at_ms = QUIET_AT_FIRST_MS;
    loop {
        // In bunches: what happens while something else is being repaired finds most.
        let wait = if chance.percent(40) { chance.between(1, 900) } else { chance.between(1, 2 * every_ms) };
        at_ms += u64::from(wait);
        if at_ms >= span_ms {
            return;
        }
        out.push(Fault { at_ms, what: what(chance) });
    }
}

fn fault(chance: &mut Chance, scene: &Scene) -> What {
    let symbol = chance.below(scene.symbols);
    match chance.below(100) {
        0..12 => What::Disconnect { refuse_ms: span(chance, 8_000), arrive: chance.below(6) },
        12..16 => What::Silence { for_ms: span(chance, 60_000) },
        16..26 => What::Upstream {
            for_ms: span(chance, 20_000),
            data_lost: chance.percent(50),
            orders_wait: chance.percent(50),
            events_lost: chance.percent(60),
        },
        26..29 => What::Farm { symbol, for_ms: span(chance, 20_000), silent_ms: span(chance, 20_000) },
        29 => What::LoseStop,
        30 => What::CancelTooLate { orders: chance.between(1, 2) },
        31 => What::Corrupt { symbol, for_ms: span(chance, 12_000) },
        32..36 => What::Stall { for_ms: span(chance, 9_000) },
        36..41 => What::SlowRequests { for_ms: span(chance, 9_000) },
        41..46 => What::Duplicate { events: chance.between(1, 12) },
        46..52 => What::Reorder { events: chance.between(1, 6), late_ms: span(chance, 3_000) },
        52..57 => What::Swallow { events: chance.between(1, 5) },
        57..61 => What::Reject { orders: chance.between(1, 4) },
        61..65 => What::Remark { orders: chance.between(1, 4), code: *chance.pick(&[399, 2109, 10349]) },
        65..67 => What::Halt { for_ms: span(chance, 15_000) },
        67..70 => What::NoInventory { times: chance.between(1, 2) },
        70..72 => What::IdsFallBack { by: i32::try_from(chance.between(1, 40)).unwrap_or(1) },
        72..76 => What::Jump { symbol, ticks: i32::try_from(chance.below(61)).unwrap_or(0) - 30 },
        76..79 => What::Burst { symbol, trades: chance.between(20, 300) },
        79..81 => What::Skew { ms: i32::try_from(chance.below(4_001)).unwrap_or(0) - 2_000 },
        81..92 => What::Panic { actor: victim(chance, scene), place: spot(chance) },
        92..97 => What::Kill { keep: part(chance), skew_ms: skew(chance) },
        97..99 => What::Restart,
        _ => What::Flatten,
    }
}

/// What others do to the account, and the loss of power: at most one in a run.
fn rare(chance: &mut Chance, scene: &Scene) -> What {
    let symbol = chance.below(scene.symbols);
    match chance.below(5) {
        0 => What::Foreign { symbol, quantity: if chance.percent(50) { 1 } else { -1 } },
        1 => What::Liquidate { symbol },
        2 => What::Correct { ticks: i32::try_from(chance.between(1, 8)).unwrap_or(1) },
        3 => What::Bust,
        _ => What::Power { keep: part(chance), skew_ms: skew(chance) },
    }
}

/// Mostly short, up to `most` milliseconds.
fn span(chance: &mut Chance, most: u32) -> u32 {
    let longest = if chance.percent(60) { most / 8 } else { most };
    chance.between(1, longest.max(1))
}

fn part(chance: &mut Chance) -> u16 {
    match chance.below(3) {
        0 => u16::MAX,
        1 => 0,
        _ => u16::try_from(chance.below(65_536)).unwrap_or(u16::MAX),
    }
}

fn skew(chance: &mut Chance) -> i32 {
    if chance.percent(70) { 0 } else { i32::try_from(chance.below(4_001)).unwrap_or(0) - 2_000 }
}

fn victim(chance: &mut Chance, scene: &Scene) -> Victim {
    match chance.below(10) {
        0..2 => Victim::Broker,
        2..6 => Victim::Books,
        6..8 => Victim::Link,
        8 => Victim::Bars(chance.below(scene.symbols)),
        _ => Victim::Strategy(chance.below(scene.strategies)),
    }
}

fn spot(chance: &mut Chance) -> Spot {
    const ALL: [Spot; 8] = [
        Spot::Handler,
        Spot::Timer,
        Spot::Stream,
        Spot::Spawned,
        Spot::Waited,
        Spot::Started,
        Spot::Restarting,
        Spot::Input,
    ];
    if chance.percent(50) { Spot::Input } else { *chance.pick(&ALL) }
}

fn wish(chance: &mut Chance, scene: &Scene) -> What {
    let strategy = chance.below(scene.strategies);
    let ticks = |chance: &mut Chance, low, high| i32::try_from(chance.between(low, high)).unwrap_or(1);
    let wish = match chance.below(10) {
        0..6 => Wish::Enter {
            buy: chance.percent(50),
            quantity: chance.between(1, 3),
            kind: *chance.pick(&[EntryKind::Market, EntryKind::Market, EntryKind::Limit, EntryKind::Stop]),
            offset: ticks(chance, 0, 6),
            stop_ticks: ticks(chance, 8, 24),
            target_ticks: chance.percent(60).then(|| ticks(chance, 8, 24)),
        },
        6..9 => Wish::Exit,
        _ => Wish::CancelEntries,
    };
    What::Wish { strategy, wish }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_plan_and_another_seed_another() {
        let plan = draw(7, 600_000);
        assert_eq!(plan, draw(7, 600_000));
        assert_ne!(plan.faults, draw(8, 600_000).faults);
        assert!(plan.faults.is_sorted_by_key(|fault| fault.at_ms));
        assert!(plan.faults.iter().all(|fault| fault.at_ms < 600_000));
    }

    #[test]
    fn a_plan_survives_being_written_down() {
        let plan = draw(11, 600_000);
        let text = toml::to_string(&plan).expect("plain data");
        assert_eq!(toml::from_str::<Plan>(&text).expect("it was just written"), plan);
    }

    #[test]
    fn a_thousand_seeds_hold_every_kind_of_fault() {
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..1_000 {
            for fault in draw(seed, 600_000).faults {
                let text = format!("{:?}", fault.what);
                kinds.insert(text.split([' ', '(']).next().unwrap_or_default().to_owned());
            }
        }
        assert_eq!(kinds.len(), 30, "{kinds:?}");
    }
}
