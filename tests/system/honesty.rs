//! Runs that say whether a result may be believed, and what an account goes through besides fills: on recorded bars, through
//! the real program.

use std::path::{Path, PathBuf};

use crate::support::{Desk, data};

fn case() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backtests/backtrader_esz23.toml");
    std::fs::read_to_string(path).expect("the case is there")
}

fn esz23() -> Option<PathBuf> {
    data::path("sierra_es/data/5m/ESZ23-CME.scid_BarData__5m.txt.gz")
}

#[test]
fn decisions_do_not_depend_on_when_a_strategy_began() {
    let Some(bars) = esz23() else { return };
    let desk = Desk::new();
    desk.write("case.toml", case());
    let args = ["backtest", "--check-recursive", "--config", "case.toml", "--data", data::text(&bars)];
    let told = desk.run(&args).ok().out;
    assert!(told.contains("averages: no dependence on history: 12 later starts decided the same"), "{told}");
    assert!(told.contains("after a warm-up of 51 bars"), "{told}");
    let short = desk.run(&[&args[..], &["--warm-up", "10"]].concat());
    assert_eq!(short.code(), Some(1), "{short:?}");
    assert!(short.err.contains("averages: DEPENDS ON HISTORY"), "{}", short.err);
    assert!(short.err.contains("with a warm-up of 80 bars all decisions are the same"), "{}", short.err);
    let ticks = desk.run(&["backtest", "--check-recursive", "--minutes", "120"]).ok().out;
    assert!(ticks.lines().count() == 3 && ticks.contains("trend: "), "{ticks}");
    assert!(desk.files().iter().all(|file| !file.contains("journal")), "a check writes nothing");
}

#[test]
fn what_is_open_when_esz23_ends_is_settled_at_its_last_price() {
    let Some(bars) = esz23() else { return };
    let desk = Desk::new();
    desk.write("case.toml", case().replace("expiry = \"hold\"", "expiry = \"settle\""));
    let args = ["backtest", "--config", "case.toml", "--json", "--data", data::text(&bars)];
    let recorded = desk.run(&[&args[..], &["--fills", "fills.csv", "--csv", "tables"]].concat()).ok().json();
    // The last trade before 8:30 in Chicago was at 4713.25; settling costs nothing, so equity is what it was at that price.
    assert_eq!(recorded["balance"]["equity"], "70383.25");
    assert_eq!(recorded["balance"]["cash"], "70383.25");
    assert_eq!(recorded["account"]["trades"], 423);
    assert!(recorded["open_positions"].as_array().is_some_and(Vec::is_empty), "{recorded:#}");
    let fills = std::fs::read_to_string(desk.path("fills.csv")).expect("the list was written");
    let last = fills.lines().last().expect("rows");
    assert!(last.starts_with("2023-12-15T14:30:00Z,") && last.ends_with(",1,4713.25,0"), "{last}");
    let trades = std::fs::read_to_string(desk.path("tables/trades.csv")).expect("the table was written");
    assert!(trades.lines().last().is_some_and(|row| row.contains("settlement")), "{trades}");
    // The fast path settles as the queue does.
    let fast = desk.run(&[&args[..], &["--no-journal"]].concat()).ok();
    assert!(!fast.err.contains("not on the fast path"), "{}", fast.err);
    for key in ["account", "strategies", "bars", "signals", "open_positions", "live_orders"] {
        assert_eq!(fast.json()[key], recorded[key], "{key}");
    }
}

#[test]
fn interest_is_in_the_account_its_report_and_its_tables() {
    let Some(bars) = esz23() else { return };
    let desk = Desk::new();
    let interest =
        "[backtest.interest]\nrate_file = \"rates.csv\"\nspread_percent = 0.5\nabove = 10_000\nyear_days = 360\n";
    desk.write("case.toml", format!("{}\n{interest}", case()));
    desk.write("rates.csv", "date,rate_percent\n20230101,5.08\n20231101,5.33\n");
    let fixed =
        ["backtest", "--config", "case.toml", "--json", "--account", "account.csv", "--data", data::text(&bars)];
    let json = desk.run(&[&fixed[..], &["--html", "run.html", "--csv", "run"]].concat()).ok().json();
    // Every night again from the account's list: the rate of the day on which it begins, on the cash of that settlement.
    let mut reader = csv::Reader::from_path(desk.path("account.csv")).expect("the list was written");
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("rows");
    let settled = &rows[..rows.len() - 1];
    let cents: Vec<(chrono::NaiveDate, i64)> = settled
        .iter()
        .map(|row| {
            let at: chrono::DateTime<chrono::Utc> = row[0].parse().expect("a time");
            let cash: rust_decimal::Decimal = row[1].parse().expect("money");
            let cents = (cash * rust_decimal::Decimal::from(100)).to_string();
            let cents: i64 = cents.split('.').next().and_then(|whole| whole.parse().ok()).expect("whole cents");
            (at.with_timezone(&chrono_tz::America::Chicago).date_naive(), cents)
        })
        .collect();
    let november: chrono::NaiveDate = "2023-11-01".parse().expect("a date");
    // Cents times hundredths of a per cent times days: 3,600,000 of them are a cent.
    let (mut owed, mut paid) = (0_i64, 0_i64);
    for pair in cents.windows(2) {
        let ((night, cash), (next, _)) = (pair[0], pair[1]);
        let rate = if night < november { 458 } else { 483 };
        owed += (cash - 1_000_000) * rate * (next - night).num_days();
        let credit = (owed + 1_800_000).div_euclid(3_600_000);
        (owed, paid) = (owed - credit * 3_600_000, paid + credit);
    }
    assert!(paid > 50_000, "a quarter of a year at five per cent: {paid}");
    let earned = rust_decimal::Decimal::new(paid, 2).normalize().to_string();
    let statistics = std::fs::read_to_string(desk.path("run/statistics.csv")).expect("the table was written");
    assert!(statistics.contains(&format!(",interest,Interest,{earned},")), "{earned} is not in\n{statistics}");
    let plain: f64 = 70_383.25;
    let equity: f64 = json["balance"]["equity"].as_str().and_then(|text| text.parse().ok()).expect("an amount");
    assert!((equity - plain - paid as f64 / 100.0).abs() < 0.005, "{equity} with {paid} cents of interest");
    // From the database and from the journal the report is the same.
    desk.run(&["report", "--html", "stored.html", "--config", "case.toml"]).ok();
    desk.run(&["report", "--journal", "var/journal/backtest", "--html", "journal.html", "--config", "case.toml"]).ok();
    let page = |name: &str| std::fs::read_to_string(desk.path(name)).expect("it was written");
    assert!(page("run.html") == page("stored.html"), "the database tells another run");
    assert!(page("run.html") == page("journal.html"), "the journal tells another run");
    assert!(page("run.html").contains("the rates of rates.csv less 0.5 %"), "the assumption is told");
    // The fast path does not know interest, and says so.
    let unrecorded = desk.run(&[&fixed[..4], &["--no-journal", "--data", data::text(&bars)]].concat()).ok();
    assert!(unrecorded.err.contains("earns interest"), "{}", unrecorded.err);
    assert_eq!(unrecorded.json()["balance"], json["balance"]);
}

#[test]
fn the_days_of_the_tables_are_the_days_of_the_report() {
    let Some(bars) = esz23() else { return };
    let desk = Desk::new();
    desk.write("case.toml", case());
    let args = ["backtest", "--config", "case.toml", "--csv", "run", "--data", data::text(&bars)];
    desk.run(&args).ok();
    let daily = std::fs::read_to_string(desk.path("run/daily.csv")).expect("the table was written");
    // Capital is 100,000; what the books count begins with nothing.
    let capital = rust_decimal::Decimal::from(100_000);
    let equity: std::collections::BTreeMap<String, rust_decimal::Decimal> = daily
        .lines()
        .skip(1)
        .map(|row| {
            let mut fields = row.split(',');
            let (date, equity) = (fields.next().expect("a date"), fields.next().expect("equity"));
            (date.to_owned(), equity.parse::<rust_decimal::Decimal>().expect("money") - capital)
        })
        .collect();
    assert!(equity.len() > 60, "a quarter of a year: {}", equity.len());
    let report = desk.report(&["--config", "case.toml"]);
    let performance = report["performance"].as_array().expect("a row a trade date");
    let of = |row: &serde_json::Value, key: &str| -> rust_decimal::Decimal {
        row[key].as_str().expect("money is a text").parse().expect("money")
    };
    let mut days = 0;
    for row in performance {
        let date = row["trade_date"].as_str().expect("a date");
        let told = of(row, "realised") + of(row, "unrealised") - of(row, "commission");
        assert_eq!(Some(&told), equity.get(date), "{date}");
        days += 1;
    }
    // Before the first trade nothing changes, so nothing is written.
    assert!(days + 3 >= equity.len(), "{days} of {} days", equity.len());
}
