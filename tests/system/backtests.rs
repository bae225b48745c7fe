//! Results of other engines, repeated: each case is a configuration in `tests/backtests`, run by the real program over the
//! other engine's data, and compared with what that engine stated.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use serde_json::Value;

use crate::support::{Desk, Finished, data};

/// Runs a case in a folder of its own; leaves `fills.csv` and `account.csv` there.
fn run(case: &str, files: &[PathBuf], more: &[&str]) -> (Desk, Value) {
    let desk = Desk::new();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backtests").join(case);
    let text = std::fs::read_to_string(&config).expect("the case is there");
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    desk.write("case.toml", text.replace("../shared/data", data::text(&shared)));
    let files = files.iter().map(|path| data::text(path));
    let fixed = ["backtest", "--config", "case.toml", "--json", "--fills", "fills.csv", "--account", "account.csv"];
    let args: Vec<&str> = fixed.into_iter().chain(more.iter().copied()).chain(["--data"]).chain(files).collect();
    let finished: Finished = desk.run(&args).ok();
    let json = finished.json();
    (desk, json)
}

fn rows(desk: &Desk, name: &str) -> Vec<csv::StringRecord> {
    let mut reader = csv::Reader::from_path(desk.path(name)).expect("the list was written");
    reader.records().collect::<Result<_, _>>().expect("a list of rows")
}

/// `(time, signed contracts, price)`.
fn fills(desk: &Desk) -> Vec<(DateTime<Utc>, i64, f64)> {
    let fill = |row: csv::StringRecord| {
        let contracts: i64 = row[4].parse().expect("contracts");
        let signed = if &row[3] == "buy" { contracts } else { -contracts };
        (row[0].parse().expect("a time"), signed, row[5].parse().expect("a price"))
    };
    rows(desk, "fills.csv").into_iter().map(fill).collect()
}

fn equity(json: &Value) -> &str {
    json["balance"]["equity"].as_str().expect("a backtest over bars tells its balance")
}

fn lean(name: &str) -> Option<Value> {
    let path = data::path("reference/lean_expected.json")?;
    let text = std::fs::read_to_string(path).expect("the data can be read");
    let all: Value = serde_json::from_str(&text).expect("JSON");
    Some(all[name].clone())
}

fn lean_quotes(days: &[&str]) -> Option<Vec<PathBuf>> {
    let folder = data::path("lean/Data/future/cme/minute/es")?;
    Some(days.iter().map(|day| folder.join(format!("201310{day}_quote.zip"))).collect())
}

#[track_caller]
fn assert_money(amount: &str, expected: &Value) {
    let (amount, expected): (f64, f64) = (amount.parse().expect("an amount"), expected.as_f64().expect("an amount"));
    assert!((amount - expected).abs() < 0.005, "{amount} is not {expected}");
}

fn backtrader(commission: &str) -> Option<(Desk, Value, Value)> {
    let reference = data::path("reference/backtrader_esz23_sma20_50.json")?;
    let bars = data::path("sierra_es/data/5m/ESZ23-CME.scid_BarData__5m.txt.gz")?;
    let text = std::fs::read_to_string(reference).expect("the data can be read");
    let expected: Value = serde_json::from_str(&text).expect("JSON");
    let (desk, json) = match commission {
        "0" => {
            let desk_and_json = run("backtrader_esz23_free.toml", &[bars], &[]);
            (desk_and_json.0, desk_and_json.1)
        }
        _ => run("backtrader_esz23.toml", &[bars], &[]),
    };
    Some((desk, json, expected["results_by_commission"][commission].clone()))
}

#[test]
fn backtraders_422_trades_are_repeated_fill_by_fill() {
    let Some((desk, json, expected)) = backtrader("2.15") else { return };
    let path = data::path("reference/backtrader_esz23_sma20_50_fills.csv").expect("its neighbour was there");
    let mut reader = csv::Reader::from_path(path).expect("the data can be read");
    let reference: Vec<(DateTime<Utc>, i64, f64)> = reader
        .records()
        .map(|row| {
            let row = row.expect("a row");
            let local = NaiveDateTime::parse_from_str(&row[0], "%Y-%m-%d %H:%M:%S").expect("a time");
            let at = chrono_tz::America::Chicago.from_local_datetime(&local).earliest().expect("an hour that is");
            (at.to_utc(), row[1].parse().expect("contracts"), row[2].parse().expect("a price"))
        })
        .collect();
    assert_eq!(reference.len(), 423);
    let ours = fills(&desk);
    for (n, (ours, theirs)) in ours.iter().zip(&reference).enumerate() {
        assert_eq!(ours, theirs, "fill {}", n + 1);
    }
    assert_eq!(ours.len(), reference.len());
    assert_eq!(equity(&json), "70383.25");
    assert_money(equity(&json), &expected["final_value"]);
    let account = &json["account"];
    assert_eq!(account["trades"], expected["closed_trades"]);
    assert_eq!(account["wins"], expected["winners"]);
    assert_money(account["drawdown_max"].as_str().expect("money"), &expected["max_drawdown_money"]);
}

#[test]
fn without_commission_backtraders_account_ends_at_72200() {
    let Some((_desk, json, expected)) = backtrader("0") else { return };
    assert_eq!(equity(&json), "72200");
    assert_money(equity(&json), &expected["final_value"]);
    assert_money(json["account"]["gross"].as_str().expect("money"), &expected["sum_closed_pnl"]);
}

/// Compares fills with `[["2013-10-07 09:31 ET", 1, 1669.5], ..]`.
#[test]
fn a_backtest_without_a_journal_finds_the_same() {
    let Some(bars) = data::path("sierra_es/data/5m/ESZ23-CME.scid_BarData__5m.txt.gz") else { return };
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backtests/backtrader_esz23.toml");
    let text = std::fs::read_to_string(case).expect("the case is there");
    let other_model = text.replace("\"next_open\"", "\"close\"");
    assert_ne!(text, other_model);
    // The second is not for the fast path, which says so and leaves it to the queue.
    for (config, is_fast) in [(text, true), (other_model, false)] {
        let desk = Desk::new();
        desk.write("case.toml", config);
        let args = ["backtest", "--config", "case.toml", "--json", "--data", data::text(&bars)];
        let unrecorded = desk.run(&[&args[..], &["--no-journal"]].concat()).ok();
        assert_eq!(unrecorded.err.contains("not on the fast path"), !is_fast, "{}", unrecorded.err);
        assert!(!desk.path("var").exists(), "nothing is written");
        let (found, recorded) = (unrecorded.json(), desk.run(&args).ok().json());
        for key in ["account", "strategies", "bars", "signals", "open_positions", "live_orders"] {
            assert_eq!(found[key], recorded[key], "{key}");
        }
        assert!(found["account"]["trades"].as_u64().is_some_and(|trades| trades > 400));
    }
}

fn assert_fills(desk: &Desk, expected: &Value) {
    let expected: Vec<(DateTime<Utc>, i64, f64)> = expected
        .as_array()
        .expect("a list of orders")
        .iter()
        .map(|order| {
            let text = order[0].as_str().expect("a time");
            let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M ET").expect("a time in New York");
            let at = chrono_tz::America::New_York.from_local_datetime(&local).earliest().expect("an hour that is");
            (at.to_utc(), order[1].as_i64().expect("contracts"), order[2].as_f64().expect("a price"))
        })
        .collect();
    assert_eq!(fills(desk), expected);
}

#[test]
fn leans_daily_settlement_is_repeated_to_the_cent() {
    let Some(expected) = lean("FuturesDailySettlementLongRegressionAlgorithm") else { return };
    let Some(files) = lean_quotes(&["07", "08", "09", "10"]) else { return };
    let (desk, json) = run("lean_daily_settlement_long.toml", &files, &["--contract", "ESZ13"]);
    assert_fills(&desk, &expected["orders"]);
    assert_money(equity(&json), &expected["expected"]["End Equity"]);
    assert_money(json["account"]["commission"].as_str().expect("money"), &expected["expected"]["Total Fees"]);
    assert_eq!(json["balance"]["orders"], expected["expected"]["Total Orders"]);
    // Settled at midnight in New York: what a day begins with.
    let accounts = rows(&desk, "account.csv");
    for (day, row) in ["2013-10-07", "2013-10-08", "2013-10-09", "2013-10-10", "end"].iter().zip(&accounts) {
        assert_money(&row[1], &expected["expected_cash"][*day]);
    }
    assert_eq!(accounts.len(), 5);
}

#[test]
fn leans_stops_in_extended_hours_are_repeated_to_the_cent() {
    let Some(expected) = lean("FutureStopMarketOrderOnExtendedHoursRegressionAlgorithm") else { return };
    let Some(files) = lean_quotes(&["06", "07", "08", "09", "10"]) else { return };
    let (desk, json) = run("lean_stop_market_extended_hours.toml", &files, &["--contract", "ESZ13"]);
    let prices: Vec<f64> = fills(&desk).iter().map(|(_, _, price)| *price).collect();
    let days = expected["fills"].as_array().expect("a list of days");
    let theirs: Vec<f64> = days.iter().flat_map(|day| [day[1].as_f64(), day[2].as_f64()]).flatten().collect();
    assert_eq!(prices, theirs);
    assert_money(equity(&json), &expected["expected"]["End Equity"]);
    assert_money(json["account"]["commission"].as_str().expect("money"), &expected["expected"]["Total Fees"]);
    assert_eq!(json["balance"]["orders"], expected["expected"]["Total Orders"]);
}

#[test]
fn leans_market_orders_in_extended_hours_are_repeated_to_the_cent() {
    let Some(expected) = lean("MarketOrdersAreSupportedOnExtendedHoursForFuturesRegressionAlgorithm") else { return };
    let Some(files) = lean_quotes(&["06", "07", "08", "09", "10"]) else { return };
    let (desk, json) = run("lean_market_orders_extended_hours.toml", &files, &[]);
    let prices: Vec<f64> = fills(&desk).iter().map(|(_, _, price)| *price).collect();
    assert_eq!(prices, [1676.25, 1654.75]);
    assert_money(equity(&json), &expected["expected"]["End Equity"]);
    assert_money(json["account"]["commission"].as_str().expect("money"), &expected["expected"]["Total Fees"]);
    assert_eq!(json["balance"]["orders"], expected["expected"]["Total Orders"]);
}

#[test]
fn what_has_no_stop_is_refused_outside_of_backtests_that_say_so() {
    let desk = Desk::new();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backtests/backtrader_esz23.toml");
    let text = std::fs::read_to_string(&config).expect("the case is there");
    desk.write("bare.toml", &text);
    let refused = desk.run(&["run", "--config", "bare.toml"]);
    assert_eq!(refused.code(), Some(2));
    assert!(refused.err.contains("unprotected"), "{}", refused.err);
    desk.write("bare.toml", text.replace("unprotected_entries = true", ""));
    let refused = desk.run(&["backtest", "--config", "bare.toml", "--data", "bare.toml"]);
    assert_eq!(refused.code(), Some(2));
    assert!(refused.err.contains("unprotected_entries = true"), "{}", refused.err);
}

/// A sweep of four sets over ESZ23; the file of rows stays in the desk's folder.
fn sweep(desk: &Desk, bars: &Path, values: &str) -> String {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backtests/backtrader_esz23.toml");
    let slow = "strategies.0.params.slow=40,50";
    let fast = format!("strategies.0.params.fast={values}");
    let args = ["sweep", "--config", data::text(&config), "--set", &fast, slow, "--out", "rows.csv", "--data"];
    desk.run(&[args.as_slice(), &[data::text(bars)]].concat()).ok().out
}

#[test]
fn a_sweep_goes_on_where_it_was_and_agrees_with_single_backtests() {
    let Some(bars) = data::path("sierra_es/data/5m/ESZ23-CME.scid_BarData__5m.txt.gz") else { return };
    let desk = Desk::new();
    assert!(sweep(&desk, &bars, "20").contains("2 runs (0 were there already)"));
    let first = std::fs::read_to_string(desk.path("rows.csv")).expect("rows");
    // As after a crash in the middle of a row.
    std::fs::write(desk.path("rows.csv"), &first[..first.len() - 3]).expect("writable");
    assert!(sweep(&desk, &bars, "10..20..10").contains("4 runs (1 were there already)"));
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_path(desk.path("rows.csv")).expect("rows");
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("whole rows");
    let keys: std::collections::BTreeSet<(&str, &str)> = rows.iter().map(|row| (&row[1], &row[2])).collect();
    assert_eq!((rows.len(), keys.len()), (4, 4), "each set once");
    let known = rows.iter().find(|row| (&row[1], &row[2]) == ("20", "50")).expect("the set of backtrader");
    assert_eq!((&known[3], &known[11]), ("422", "70383.25"));
    let refused = desk.run(&["sweep", "--set", "strategies.0.params.fast=1"]);
    assert_eq!(refused.code(), Some(2), "the built-in configuration plays ticks");
}

#[test]
fn decisions_are_the_same_on_markets_that_end_early() {
    let Some(bars) = data::path("sierra_es/data/5m/ESZ23-CME.scid_BarData__5m.txt.gz") else { return };
    let desk = Desk::new();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backtests/backtrader_esz23.toml");
    let args = ["backtest", "--check-lookahead", "--config", data::text(&config), "--data", data::text(&bars)];
    let told = desk.run(&args).ok().out;
    assert!(told.contains("no look-ahead: 423 decisions, and 8 runs"), "{told}");
    let ticks = desk.run(&["backtest", "--check-lookahead", "--minutes", "60"]).ok().out;
    assert!(ticks.contains("no look-ahead"), "{ticks}");
    assert!(desk.files().iter().all(|file| !file.contains("journal")), "a check writes nothing");
}

#[test]
fn a_series_holds_a_position_through_rolls() {
    let Some(folder) = data::path("sierra_es/data/5m") else { return };
    let files = ["ESU23", "ESZ23"].map(|name| folder.join(format!("{name}-CME.scid_BarData__5m.txt.gz")));
    let (_desk, json) = run("backtrader_esz23.toml", &files, &[]);
    let (desk, series) = {
        let desk = Desk::new();
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backtests/backtrader_esz23.toml");
        let text = std::fs::read_to_string(config).expect("the case is there");
        desk.write("case.toml", format!("{text}\n[backtest.continuous]\nroll = \"first_bar\"\n"));
        let args = ["backtest", "--config", "case.toml", "--json", "--fills", "fills.csv", "--data"];
        let json = desk.run(&[args.as_slice(), &files.each_ref().map(|file| data::text(file))].concat()).ok().json();
        (desk, json)
    };
    assert_eq!(series["bars"][0][1].as_u64(), json["bars"][0][1].as_u64(), "every bar of both is in the series");
    assert!(rows(&desk, "fills.csv").iter().all(|row| &row[2] == "ES"), "one instrument");
    assert!(series["account"]["trades"].as_u64() > Some(600));
}

#[test]
fn a_day_order_of_leans_ends_at_seventeen_hours_in_new_york() {
    let Some(quotes) = lean_quotes(&["07", "08", "09", "10"]) else { return };
    let (desk, json) = run("lean_day_limits.toml", &quotes, &["--contract", "ESZ13"]);
    // Worked out from the quotes by another program (a loop over the rows): on the 7th and the 10th nobody sold below the
    // limit by 17:00, though on the 7th somebody did at 17:46.
    let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
    let expected = [
        (at("2013-10-08T13:38:00Z"), 1, 1666.75),
        (at("2013-10-08T19:59:00Z"), -1, 1651.25),
        (at("2013-10-09T13:36:00Z"), 1, 1650.75),
        (at("2013-10-09T19:59:00Z"), -1, 1651.75),
    ];
    assert_eq!(fills(&desk), expected);
    assert_eq!(equity(&json), "99266.4");
}

/// `(time, signed contracts, price)`, as another program worked them out from the quotes.
#[track_caller]
fn assert_worked_out(desk: &Desk, expected: &[(&str, i64, f64)]) {
    let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
    let expected: Vec<(DateTime<Utc>, i64, f64)> =
        expected.iter().map(|(time, contracts, price)| (at(time), *contracts, *price)).collect();
    assert_eq!(fills(desk), expected);
}

#[test]
fn a_short_position_is_settled_as_leans_long_one_is() {
    let Some(quotes) = lean_quotes(&["07", "08", "09", "10"]) else { return };
    let (desk, json) = run("lean_daily_settlement_short.toml", &quotes, &["--contract", "ESZ13"]);
    assert_worked_out(
        &desk,
        &[
            ("2013-10-07T13:31:00Z", -1, 1669.25),
            ("2013-10-07T13:32:00Z", -1, 1668.5),
            ("2013-10-08T13:31:00Z", 1, 1670.0),
            ("2013-10-09T13:31:00Z", 3, 1652.5),
            ("2013-10-10T13:31:00Z", 1, 1668.0),
            ("2013-10-10T13:32:00Z", -2, 1668.5),
        ],
    );
    assert_eq!((equity(&json), &json["account"]["commission"]), ("98943.15", &"19.35".into()));
    let cash: Vec<String> = rows(&desk, "account.csv").iter().map(|row| row[1].to_owned()).collect();
    let cents = |text: &String| text.parse::<rust_decimal::Decimal>().expect("money").round_dp(2).normalize();
    let expected = ["100000", "96701.95", "98718.55", "97937.1", "98943.15"].map(|text| text.parse().expect("money"));
    assert_eq!(cash.iter().map(cents).collect::<Vec<_>>(), expected, "at each midnight in New York, and at the end");
}

#[test]
fn limit_orders_fill_beyond_their_price_by_leans_rule() {
    let Some(quotes) = lean_quotes(&["07", "08", "09", "10"]) else { return };
    let (desk, json) = run("lean_limit_orders.toml", &quotes, &["--contract", "ESZ13"]);
    assert_worked_out(
        &desk,
        &[
            ("2013-10-07T15:51:00Z", -1, 1678.25),
            ("2013-10-07T20:00:00Z", 1, 1670.0),
            ("2013-10-08T14:04:00Z", 1, 1668.0),
            ("2013-10-09T14:04:00Z", 1, 1649.0),
            ("2013-10-09T15:02:00Z", -1, 1646.25),
            ("2013-10-10T15:34:00Z", -1, 1675.25),
        ],
    );
    assert_eq!((equity(&json), &json["balance"]["orders"]), ("100624.6", &8.into()));
}

#[test]
fn stops_and_stop_limits_fill_by_leans_rule() {
    let Some(quotes) = lean_quotes(&["07", "08", "09", "10"]) else { return };
    let (desk, json) = run("lean_stop_orders.toml", &quotes, &["--contract", "ESZ13"]);
    assert_worked_out(
        &desk,
        &[
            ("2013-10-07T13:48:00Z", 1, 1672.5),
            ("2013-10-07T18:01:00Z", 1, 1678.5),
            ("2013-10-07T19:55:00Z", -2, 1671.25),
            ("2013-10-08T13:38:00Z", -1, 1666.5),
            ("2013-10-08T19:55:00Z", 1, 1651.75),
            ("2013-10-09T13:43:00Z", -1, 1648.5),
            ("2013-10-09T16:04:00Z", 1, 1648.0),
            ("2013-10-09T18:08:00Z", 1, 1655.5),
            ("2013-10-09T19:55:00Z", -1, 1652.0),
            ("2013-10-10T13:39:00Z", 1, 1670.75),
            ("2013-10-10T16:35:00Z", 1, 1680.0),
            ("2013-10-10T19:55:00Z", -2, 1684.75),
        ],
    );
    assert_eq!((equity(&json), &json["balance"]["orders"]), ("101069.9", &16.into()));
}
