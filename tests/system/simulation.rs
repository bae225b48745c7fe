//! A thousand seeds of the simulation, through the program as a user would play them.

use std::process::Command;

const SEEDS: &str = "0..1000";
const HOURS: &str = "0.05";
#[test]
fn a_thousand_seeds_break_no_invariant() {
    let output = Command::new(env!("CARGO_BIN_EXE_pitboss"))
        .args(["simulate", "--seeds", SEEDS, "--hours", HOURS])
        .output()
        .expect("the program was built");
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{}", told.lines().rev().take(2).collect::<Vec<_>>().join("; "));
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.starts_with("1000 seeds, 0 failed"), "{told}");
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
