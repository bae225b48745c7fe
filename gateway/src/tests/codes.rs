//! Every code that this gateway can send is one that the engine's table of codes knows.

use std::collections::BTreeSet;

use crate::faults::fault_json;
use crate::faults::texts::{DATA, HISTORY, ORDERS};

/// Codes that stand in the descriptions of faults and in their parameters' defaults.
fn of_faults() -> BTreeSet<i32> {
    let text = fault_json().to_string();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let codes = words.filter(|word| matches!(word.len(), 3..=5)).filter_map(|word| word.parse().ok());
    let is_code = |code: &i32| matches!(code, 1100..=1102 | 1300 | 2100..=2170 | 10_000..=10_400);
    codes.filter(is_code).collect()
}

#[test]
fn every_code_that_can_be_sent_has_a_row() {
    let texts = [ORDERS, DATA, HISTORY].into_iter().flatten().map(|(code, _)| *code);
    let farms = [2103, 2104, 2105, 2106, 2107, 2108, 2119, 2157, 2158];
    let session = [100, 326, 502, 504, 1100, 1101, 1102, 1300, 2110, 2148];
    let said: BTreeSet<i32> = texts.chain(farms).chain(session).chain(of_faults()).collect();
    assert!(said.len() > 50, "{said:?}");
    let unknown: Vec<i32> = said.into_iter().filter(|code| engine::codes::of(*code).is_none()).collect();
    assert_eq!(unknown, Vec::<i32>::new(), "codes without a row in engine/src/codes/table.rs");
}
