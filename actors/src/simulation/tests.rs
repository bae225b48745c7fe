//! The simulation of whole runs: that a run is the same every time, that nothing once found comes back, and that it finds
//! what is broken on purpose. `tests/system/simulation.rs` plays a thousand seeds.

use std::path::Path;

use engine::journal::{MAGIC, Reader};
use engine::sabotage::{Sabotage, switch};
use engine::simulation::draw::draw;
use engine::simulation::{Plan, Violation};

use super::{Options, run};

/// As long as the thousand seeds.
const SPAN_MS: u64 = 180_000;

#[test]
fn a_seed_played_twice_writes_the_same_journal_byte_for_byte() {
    for seed in 0..4 {
        let plan = draw(seed, SPAN_MS);
        let options = Options { keep_journal: true, ..Options::default() };
        let first = run(&plan, &options).expect("it runs");
        let second = run(&plan, &options).expect("it runs");
        assert!(first.executions > 0 && first.journal.len() > 10_000, "seed {seed}: something happened");
        assert_eq!(first.violation, second.violation, "seed {seed}");
        assert_same(seed, &first.journal, &second.journal);
    }
}

fn assert_same(seed: u64, first: &[u8], second: &[u8]) {
    let differing = entries(first).into_iter().zip(entries(second)).find(|(first, second)| first != second);
    if let Some((first, second)) = differing {
        panic!("seed {seed}: the journals differ:\n{first:.2000}\n{second:.2000}");
    }
    assert!(first == second, "seed {seed}: the journals' ends differ");
}

/// Of all segments, one behind the other.
fn entries(journal: &[u8]) -> Vec<String> {
    let begins = journal.windows(MAGIC.len()).enumerate().filter(|(_, bytes)| *bytes == MAGIC).map(|(at, _)| at);
    let segments = begins.map(|at| Reader::of_segment(&journal[at..]).expect("it begins with the magic"));
    segments.flat_map(|segment| segment.map_while(Result::ok)).map(|entry| format!("{entry:?}")).collect()
}

/// Each file is the smallest plan that showed a mistake; see `tests/seeds/README.md`.
#[test]
fn plans_that_once_failed_play_without_a_violation() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/seeds");
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let mut plans: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    plans.retain(|path| path.extension().is_some_and(|e| e == "toml"));
    plans.sort();
    assert!(!plans.is_empty(), "plans are there");
    for path in plans {
        let outcome = run(&kept(&path), &Options::default()).expect("it runs");
        assert_eq!(outcome.violation, None, "{}", path.display());
    }
}

fn kept(path: &Path) -> Plan {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let plan: Plan = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    plan.check().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    plan
}

/// What is broken on purpose, and a seed that finds it.
const FOUND_BY: &[(Sabotage, u64)] = &[
    (Sabotage::SkipReconciliation, 0),
    (Sabotage::DropFill, 0),
    (Sabotage::DoubleExecution, 0),
    (Sabotage::ReuseOrderId, 0),
    (Sabotage::LetIdsFall, 7),
    (Sabotage::EndBy10349, 11),
    (Sabotage::ForgetResize, 39),
    (Sabotage::SendBeforeJournal, 0),
    (Sabotage::ResendUnknown, 0),
    (Sabotage::OpenOn1102, 31),
    (Sabotage::IgnoreFillOfCancelled, 10),
    (Sabotage::ForgetGroup, 0),
    (Sabotage::EnterWhilePaused, 0),
    (Sabotage::ForgetBooked, 0),
    (Sabotage::CountPositionsOnly, 0),
];
/// Should the drawing of plans change, so many seeds are tried in its stead.
const TRIED: u64 = 60;

/// Mistakes that were there once, and the plans that showed them.
const FOUND_BY_PLAN: &[(Sabotage, &str)] = &[
    (Sabotage::ForgetPauseOfFailedLink, "entry-without-a-link.toml"),
    (Sabotage::TradeOnLostNews, "lost-order-news.toml"),
    (Sabotage::ForgetRest, "liquidation-cut-in-half.toml"),
    (Sabotage::NeverRepair, "lost-stop.toml"),
    (Sabotage::TrustFarm, "farm-said-to-be-back.toml"),
];

fn broken_by(plan: &Plan) -> Option<Violation> {
    run(plan, &Options::default()).expect("it runs").violation
}

#[test]
fn every_sabotage_is_found() {
    let mut missed = Vec::new();
    for &(sabotage, seed) in FOUND_BY {
        switch(Some(sabotage));
        let mut seeds = std::iter::once(seed).chain(0..TRIED);
        let found = seeds.find_map(|seed| Some((seed, broken_by(&draw(seed, SPAN_MS))?)));
        switch(None);
        match found {
            Some((seed, violation)) => println!("(Sabotage::{sabotage:?}, {seed}), // {}", violation.rule),
            None => missed.push(sabotage),
        }
    }
    assert_eq!(missed, [], "not found in {TRIED} seeds");
}

#[test]
fn a_kept_plan_finds_its_mistake_again() {
    let mut missed = Vec::new();
    for &(sabotage, name) in FOUND_BY_PLAN {
        let plan = kept(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/seeds").join(name));
        switch(Some(sabotage));
        let found = broken_by(&plan);
        switch(None);
        missed.extend(found.is_none().then_some((sabotage, name)));
    }
    assert_eq!(missed, [], "not found by their plans");
}
