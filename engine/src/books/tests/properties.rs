//! Random days: any order of events, duplicates, late and lost news, a process that dies between two records.

use proptest::prelude::*;

use super::pit::{Budget, Pit, Step};

const DAY: Budget =
    Budget { cuts: 3, copies: 6, kills: 3, waits: 4, crashes: 0, flattens: 1, reorder: true, quantity: 3 };

fn play(budget: Budget, keeps_journal: bool, choices: &[prop::sample::Index]) -> (Pit, Vec<Step>) {
    let mut pit = Pit::open(budget, keeps_journal);
    let mut played = Vec::new();
    for choice in choices {
        let steps = pit.steps();
        if steps.is_empty() {
            break;
        }
        let step = steps[choice.index(steps.len())];
        played.push(step);
        pit.take(step);
    }
    (pit, played)
}

fn assert_comes_right(mut pit: Pit, played: &[Step]) -> Result<(), TestCaseError> {
    pit.come_to_rest();
    prop_assert_eq!(pit.wrong(), None, "{:?}", played);
    prop_assert!(pit.is_settled(), "it does not come to rest after {:?}", played);
    prop_assert_eq!(pit.book_position(), pit.broker_position(), "{:?}", played);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// One contract: never a position on the other side, whatever fills while something else is on its way.
    #[test]
    fn one_contract_never_turns_around(choices in prop::collection::vec(any::<prop::sample::Index>(), 1..80)) {
        let (pit, played) = play(Budget { quantity: 1, flattens: 3, ..DAY }, false, &choices);
        assert_comes_right(pit, &played)?;
    }

    /// However events arrive: position = sum of unique executions = the broker's.
    #[test]
    fn any_order_of_events_ends_with_the_brokers_position(
        choices in prop::collection::vec(any::<prop::sample::Index>(), 1..80),
    ) {
        let (pit, played) = play(DAY, false, &choices);
        assert_comes_right(pit, &played)?;
    }

    /// A crash between any two events, more than once, with everything on its way lost.
    #[test]
    fn a_crash_at_any_point_loses_and_doubles_nothing(
        choices in prop::collection::vec(any::<prop::sample::Index>(), 1..80),
    ) {
        let (pit, played) = play(Budget { crashes: 3, ..DAY }, true, &choices);
        assert_comes_right(pit, &played)?;
    }

    /// A journal that ends after any record: books that one or two inventories bring to the broker's truth, or trading
    /// that stays paused because they cannot.
    #[test]
    fn a_journal_cut_after_any_record_is_brought_to_the_brokers_truth(
        choices in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut pit, played) = play(DAY, true, &choices);
        let cut = pit.cut_journal(cut);
        pit.come_to_rest();
        prop_assert_eq!(pit.book_position(), pit.broker_position(), "cut after {} records, {:?}", cut, played);
    }
}
