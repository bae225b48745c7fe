//! The simulation of whole runs. `tests/system/simulation.rs` plays a thousand of them.

use engine::simulation::draw::draw;

use super::{Options, run};

const SPAN_MS: u64 = 300_000;

#[test]
fn a_seed_played_twice_writes_the_same_journal_byte_for_byte() {
    for seed in 0..4 {
        let plan = draw(seed, SPAN_MS);
        let options = Options { keep_journal: true, ..Options::default() };
        let first = run(&plan, &options).expect("it runs");
        let second = run(&plan, &options).expect("it runs");
        assert!(first.executions > 0 && first.journal.len() > 10_000, "seed {seed}: something happened: {first:?}");
        assert_eq!(first.violation, second.violation, "seed {seed}");
        assert!(first.journal == second.journal, "seed {seed}: the journals differ");
    }
}
