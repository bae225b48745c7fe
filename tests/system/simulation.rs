//! A thousand seeds of the simulation, through the program as a user would play them.

use std::process::Command;

const SEEDS: &str = "0..1000";
const HOURS: &str = "0.05";
/// Not yet right, and told at each run: an entry of the very instant in which the connection is lost (408), an orderly stop
/// that gives up before the position is closed (426, 556, 608, 843), a change of an order over a crash (535).
const OPEN: [u64; 6] = [408, 426, 535, 556, 608, 843];

#[test]
fn a_thousand_seeds_break_no_invariant_but_those_that_are_known() {
    let output = Command::new(env!("CARGO_BIN_EXE_pitboss"))
        .args(["simulate", "--seeds", SEEDS, "--hours", HOURS])
        .output()
        .expect("the program was built");
    let told = String::from_utf8_lossy(&output.stdout);
    let broke = |line: &str| line.strip_prefix("seed ")?.split_once(" broke ")?.0.parse().ok();
    let found: Vec<u64> = told.lines().filter_map(broke).collect();
    let summary = told.lines().find(|line| line.starts_with("1000 seeds, ")).unwrap_or_default();
    println!("{summary}; not yet right: {OPEN:?}, found now: {found:?}");
    assert!(summary.starts_with(&format!("1000 seeds, {} failed", found.len())), "{told}");
    assert!(found.iter().all(|seed| OPEN.contains(seed)), "{told}");
}

#[test]
fn a_plan_that_cannot_be_played_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("plan.toml");
    let plan = "seed = 1\nspan_ms = 1000\nfaults = []\n[scene]\nliquidate = false\nstrategies = 0\nsymbols = 1\n\
                quantity = 1\nthin = false\n";
    std::fs::write(&path, plan).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_pitboss"))
        .args(["simulate", "--plan", path.to_str().expect("UTF-8")])
        .output()
        .expect("the program was built");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("plan.toml: expected 1 or 2 symbols, 1 to 8 strategies"), "{told}");
}
