//! The scenarios that are built in. Out: all of them, in the order of the catalogues; one by name.
//! A new one is a file in `scenarios/` and its name here.

use super::file::{BadScenario, Scenario};

macro_rules! scenarios {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),*]
    };
}

/// Names with their texts.
const FILES: &[(&str, &str)] = scenarios! {
    "upstream-lost-and-back"
};

pub fn all() -> Result<Vec<Scenario>, BadScenario> {
    FILES.iter().map(|(name, text)| Scenario::read(name, text)).collect()
}
