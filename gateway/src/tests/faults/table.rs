//! The table itself: names, defaults, texts, and that every row has its test.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::faults::spec::{Act, Scope};
use crate::faults::table;
use crate::tests::faults::{account, connectivity, data, limits, links, order_events, requests};
use crate::{Fault, FaultError, draw_script};

#[test]
fn every_fault_has_a_test_on_the_wire() {
    let files = [
        account::TESTED,
        connectivity::TESTED,
        data::TESTED,
        limits::TESTED,
        links::TESTED,
        order_events::TESTED,
        requests::TESTED,
    ];
    let tested: BTreeSet<&str> = files.concat().into_iter().collect();
    let rows: BTreeSet<&str> = table::rows().map(|spec| spec.name).collect();
    assert_eq!(rows.difference(&tested).collect::<Vec<_>>(), Vec::<&&str>::new(), "faults without a test");
    assert_eq!(tested.difference(&rows).collect::<Vec<_>>(), Vec::<&&str>::new(), "tests without a fault");
}

#[test]
fn names_are_kebab_case_and_unique_and_every_default_is_what_its_parameter_takes() {
    let mut names = BTreeSet::new();
    for spec in table::rows() {
        assert!(names.insert(spec.name), "{} is there twice", spec.name);
        assert!(spec.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", spec.name);
        assert!(!spec.about.ends_with('.') && !spec.expected.ends_with('.'), "{}", spec.name);
        // Reading nothing reads every default.
        spec.read(&serde_json::Map::new()).expect("defaults are good");
        if let Act::While { lasts, .. } = spec.act {
            assert!(lasts.is_empty() || spec.lasts().is_some(), "{}: {lasts}", spec.name);
        }
    }
}

#[test]
fn the_table_is_shown_as_text_and_as_json() {
    let text = crate::fault_text();
    let json = crate::fault_json();
    let rows = json.as_array().expect("an array");
    assert_eq!(rows.len(), table::rows().count());
    for spec in table::rows() {
        assert!(text.contains(&format!("\n  {}  (", spec.name)), "{}", spec.name);
        assert!(rows.iter().any(|row| row["name"] == spec.name && row["client"] == (spec.scope == Scope::Clients)));
    }
}

#[test]
fn all_mistakes_in_a_fault_are_told_at_once_and_a_name_close_to_another_is_suggested() {
    let wrong = Fault::new("fill-after-cancel").with("count", "three").with("loud", true);
    let Err(FaultError::Mistakes(mistakes)) = wrong.check() else { panic!("it is wrong") };
    let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "loud: fill-after-cancel has no such parameter, expected count",
            "count: \"three\", expected a whole number from 0 to 1000000",
        ]
    );
    let Err(unknown) = Fault::new("half-closed").check() else { panic!("there is no such fault") };
    assert!(unknown.to_string().contains("\"half-closed\" is not a fault, expected one of half-open, "), "{unknown}");
    let Err(twice) = Fault::new("gap").client(3).check() else { panic!("a gap is for all") };
    assert_eq!(twice.to_string(), "client: gap concerns what all clients share, expected no such key");
    let Err(long) = Fault::new("disconnect").lasting(Duration::from_secs(1)).check() else { panic!("it is at once") };
    assert_eq!(long.to_string(), "for: disconnect happens at once and is over, expected no such key");
}

#[test]
fn a_seed_draws_the_same_script_every_time_and_another_seed_another_one() {
    let day = Duration::from_secs(24 * 3600);
    let drawn = draw_script(7, 12.0, day);
    assert_eq!(drawn, draw_script(7, 12.0, day));
    assert_ne!(drawn, draw_script(8, 12.0, day));
    let script = crate::Script::parse("drawn", &drawn).expect("what is drawn can be played");
    assert!((200..400).contains(&script.len()), "about twelve an hour: {}", script.len());
    assert!(draw_script(7, 0.0, day).lines().count() == 1, "no rate, no faults");
}
