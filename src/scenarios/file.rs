//! One scenario as its file says it. In: TOML. Out: a [`Scenario`], or what is wrong with the file.

use gateway::Script;
use serde::Deserialize;
use toml::Table;

use super::expect::Expect;
use super::rules::Rule;

/// A situation at the broker, and what Pitboss has to do about it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's name without its end.
    #[serde(skip)]
    pub name: String,
    /// One sentence for a reader of the list.
    pub about: String,
    /// The rows of the catalogues of failures that it stands for.
    pub rows: Vec<String>,
    /// What Pitboss cannot do yet: it is played and its failure is no surprise.
    pub not_yet: Option<String>,
    #[serde(default)]
    pub market: MarketPart,
    /// When the script's time 0 is.
    #[serde(default)]
    pub begins: Begins,
    /// Market seconds from the script's time 0 on, at least; then until every expectation is met.
    pub lasts_s: f64,
    /// The script of faults, as `pitboss gateway --script` reads it.
    #[serde(default)]
    at: Vec<Table>,
    /// The program is killed, and started again later.
    #[serde(default)]
    pub crash: Vec<Crash>,
    /// Laid over the configuration with which scenarios are played.
    #[serde(default)]
    pub config: Table,
    /// Rules that hold in every scenario and not in this one, each with the reason.
    #[serde(default)]
    pub excused: std::collections::BTreeMap<Rule, String>,
    #[serde(default)]
    pub expect: Vec<Expect>,
    #[serde(skip)]
    pub script: Script,
}

/// SIGKILL `at_s` market seconds after time 0, and a new start `away_s` later.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    pub at_s: f64,
    pub away_s: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MarketPart {
    pub seed: u64,
    pub start: String,
    /// Market seconds a second.
    pub speed: f64,
    /// Limits of a real gateway that are in force from the start; Pitboss then keeps to them.
    pub limits: Vec<Limit>,
    /// US dollars in the account.
    pub cash: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    Messages,
    Ticks,
    History,
    Clock,
}

impl Default for MarketPart {
    fn default() -> Self {
        Self { seed: 7, start: "2024-06-12T14:00:00Z".to_owned(), speed: 20.0, limits: Vec::new(), cash: 10_000_000 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begins {
    /// When the gateway starts, before Pitboss connects.
    WithTheGateway,
    /// When trading is allowed for the first time.
    #[default]
    WhenTradingIsAllowed,
}

/// A file that is no scenario.
#[derive(Debug, thiserror::Error)]
#[error("scenarios/{name}.toml: {reason}")]
pub struct BadScenario {
    pub name: String,
    pub reason: String,
}

impl Scenario {
    pub fn read(name: &str, text: &str) -> Result<Scenario, BadScenario> {
        let bad = |reason: String| BadScenario { name: name.to_owned(), reason };
        let mut scenario: Scenario = toml::from_str(text).map_err(|reason| bad(reason.to_string()))?;
        scenario.name = name.to_owned();
        let mut script = Table::new();
        let entries = scenario.at.iter().cloned().map(toml::Value::Table).collect();
        script.insert("at".to_owned(), toml::Value::Array(entries));
        let script = toml::to_string(&script).map_err(|reason| bad(reason.to_string()))?;
        scenario.script = Script::parse(name, &script).map_err(|reason| bad(format!("{reason}; read as\n{script}")))?;
        if scenario.rows.is_empty() {
            return Err(bad("rows: none, expected at least one row of a catalogue".to_owned()));
        }
        if !(scenario.lasts_s > 0.0 && scenario.market.speed > 0.0) {
            return Err(bad("lasts_s and market.speed: expected more than zero".to_owned()));
        }
        Ok(scenario)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "about = \"a\"\nrows = [\"r\"]\nlasts_s = 5\n";

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let told = |more: &str| {
            let read = Scenario::read("here", &format!("{GOOD}{more}"));
            read.err().expect("a mistake").to_string()
        };
        for (more, said) in [
            ("lasts = 5\n", "unknown field `lasts`"),
            ("[[expect]]\nthat = \"magic\"\n", "unknown variant `magic`"),
            ("[[expect]]\nthat = \"paused\"\nafter = \"outage\"\nwithin = 3\n", "unknown field `within`"),
            ("[[at]]\ntime = \"5s\"\nfault = \"outrage\"\n", "outrage"),
            ("[excused]\nluck = \"none\"\n", "unknown variant `luck`"),
        ] {
            let told = told(more);
            assert!(told.contains("scenarios/here.toml") && told.contains(said), "{more:?}: {told}");
        }
        assert!(Scenario::read("here", "about = \"a\"\nrows = []\nlasts_s = 5\n").is_err());
    }

    #[test]
    fn what_a_file_leaves_out_has_a_default() {
        let read = Scenario::read("here", GOOD).expect("nothing is wrong with it");
        assert_eq!((read.begins, read.market.speed), (Begins::WhenTradingIsAllowed, 20.0));
        assert!(read.script.is_empty() && read.expect.is_empty());
    }
}
