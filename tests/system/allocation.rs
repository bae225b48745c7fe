//! `pitboss allocation` as a person uses it: from a CSV of daily profits, and from a session's journal.

use crate::support::{Desk, Settings, config};

const CSV: &str = "\
date,trend,channel
20240603,100,-50
20240604,-100,50
20240605,100,50
20240606,-100,-50
";

fn desk(allocation: &str) -> Desk {
    let size = "{ method = \"risk_per_trade\", fraction = 0.0005, max = 1 }";
    let mut strategies: Vec<_> = config::ten().into_iter().take(2).map(|strategy| strategy.sized(size)).collect();
    (strategies[0].name, strategies[1].name) = ("trend".to_owned(), "channel".to_owned());
    let mut settings = Settings::synthetic("300", strategies);
    settings.more.push_str(allocation);
    Desk::with(&settings)
}

/// What a command that the user has to change says.
fn refused(desk: &Desk, args: &[&str]) -> String {
    let finished = desk.run(args);
    assert_eq!(finished.code(), Some(2), "{}", finished.err);
    finished.err
}

#[test]
fn a_csv_of_daily_profits_is_explained() {
    let desk = desk("[allocation]\nmethod = \"inverse_volatility\"\nmin_history_days = 4\n");
    desk.write("days.csv", CSV);
    let told = desk.run(&["allocation", "--config", "desk.toml", "--csv", "days.csv"]).ok();
    for line in [
        "inverse_volatility over 4 days",
        "trend      0.3333   0.6667",
        "channel    0.6667   1.3333",
        "trend: 1 / volatility 115.47 is 33.33 % of the sum",
    ] {
        assert!(told.out.contains(line), "{line} is not in\n{}", told.out);
    }
    let few = desk.run(&["allocation", "--config", "desk.toml", "--csv", "days.csv", "--method", "risk_parity"]).ok();
    assert!(few.out.starts_with("risk_parity over 4 days"), "{}", few.out);
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    let desk = desk("[allocation]\nmethod = \"equal\"\n");
    desk.write("days.csv", CSV.replace("-100,50", "much,50"));
    let told = refused(&desk, &["allocation", "--config", "desk.toml", "--csv", "days.csv"]);
    assert!(told.contains("days.csv:3: trend: found \"much\"; expected a profit, or nothing"), "{told}");
    let told = refused(&desk, &["allocation", "--config", "desk.toml", "--method", "best"]);
    assert!(told.contains("there is no method \"best\"; known are equal, inverse_volatility"), "{told}");
}

#[test]
fn a_sessions_journal_has_its_days_and_the_shares_in_force() {
    let desk = desk("[allocation]\nmethod = \"equal\"\n");
    desk.run(&["backtest", "--config", "desk.toml", "--minutes", "30"]).ok();
    let told = desk.run(&["allocation", "--config", "desk.toml", "--journal", "var/journal/backtest"]).ok();
    for line in
        ["equal over 0 days", "only 0 days of history, 20 are needed", "in force since 20240612: trend 1, channel 1"]
    {
        assert!(told.out.contains(line), "{line} is not in\n{}", told.out);
    }
}
