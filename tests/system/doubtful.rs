//! Backtests over data and with commands that cannot be right: what is refused, what is left out and told, and that what is
//! told adds up. On bars that are made here.

use std::fmt::Write as _;
use std::path::Path;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::support::{Desk, data};

const COLUMNS: &str = "[backtest.columns]\ntime = [\"time\"]\ntime_format = \"unix_s\"\nvolume = \"volume\"\n";

fn case() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backtests/backtrader_esz23.toml");
    format!("{}\n{COLUMNS}", std::fs::read_to_string(path).expect("the case is there"))
}

/// Five-minute bars from a Monday of November 2023 on, a walk in ticks.
fn rows(count: u64) -> Vec<String> {
    let (mut state, mut price) = (7_u64, 18_000_i64);
    let mut row = |n: u64| {
        let open = price;
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        price += i64::try_from((state >> 33) % 21).expect("small") - 10;
        let points = |ticks: i64| format!("{}.{:02}", ticks / 4, ticks % 4 * 25);
        let (high, low) = (open.max(price), open.min(price));
        let at = 1_699_280_000 - 1_699_280_000 % 300 + 300 * n;
        format!("{at},{},{},{},{},100", points(open), points(high), points(low), points(price))
    };
    (0..count).map(&mut row).collect()
}

fn file(desk: &Desk, name: &str, rows: &[String]) {
    desk.write(name, format!("time,open,high,low,close,volume\n{}\n", rows.join("\n")));
}

fn desk(config: &str, rows: &[String]) -> Desk {
    let desk = Desk::new();
    desk.write("case.toml", config);
    file(&desk, "ESZ23.csv", rows);
    desk
}

const BACKTEST: [&str; 5] = ["backtest", "--config", "case.toml", "--data", "ESZ23.csv"];

/// What a command says that the user has to change.
#[track_caller]
fn refused(desk: &Desk, args: &[&str]) -> String {
    let finished = desk.run(args);
    assert_eq!(finished.code(), Some(2), "{}{}", finished.out, finished.err);
    finished.err
}

fn amount(value: &Value) -> Decimal {
    value.as_str().expect("money is a text").parse().expect("a number")
}

#[test]
fn an_expiry_of_another_contract_is_refused_with_both_sides() {
    let desk = desk(&case().replace("\"202312\"", "\"202403\""), &rows(100));
    for more in [&[][..], &["--no-journal"], &["--check-lookahead"]] {
        let told = refused(&desk, &[&BACKTEST[..], more].concat());
        for part in ["`expiry = \"202403\"`", "[[instruments]] ESZ23", "ESZ23.csv holds ESZ23"] {
            assert!(told.contains(part), "{told}");
        }
    }
    assert!(!desk.path("var").exists(), "nothing is written");
}

#[test]
fn an_expiry_that_definitions_contradict_is_refused_for_bars_and_ticks() {
    let below = "nautilus_trader/tests/test_data/databento/historical_bars_catalog/databento";
    let Some(folder) = data::path(below) else { return };
    let file = |name: &str| folder.join(name).to_str().expect("plain text").to_owned();
    let definition = file("futures_definition.dbn.zst");
    let minutes = file("futures_ohlcv-1m_2024-07-01T23-40_2024-07-02T00-10.dbn.zst");
    let trades = file("futures_trades_2024-07-01T23-58_2024-07-02T00-02.dbn.zst");
    for (expiry, contradicts) in [("20240920", false), ("202409", false), ("20240919", true)] {
        let config = case().replace("ESZ23", "ES").replace("202312", expiry).replace("[300]", "[60]");
        let desk = Desk::new();
        desk.write("bars.toml", &config);
        desk.write("ticks.toml", config.replace("\"next_open\"", "\"ticks\"").replace(COLUMNS, ""));
        for (config, prices) in [("bars.toml", &minutes), ("ticks.toml", &trades)] {
            let args = ["backtest", "--no-journal", "--config", config, "--data", prices, &definition];
            if !contradicts {
                desk.run(&args).ok();
                continue;
            }
            let told = refused(&desk, &args);
            assert!(told.contains("futures_definition.dbn.zst says 20240920"), "{config}: {told}");
            assert!(told.contains("[[instruments]] ES of the configuration says 20240919"), "{config}: {told}");
        }
    }
}

#[test]
fn an_absurd_bar_is_left_out_and_told_on_both_paths() {
    let good = rows(600);
    let clean = desk(&case(), &good);
    let recorded = clean.run(&[&BACKTEST[..], &["--json"]].concat()).ok().json();
    assert!(recorded["account"]["trades"].as_u64() > Some(4), "{recorded:#}");
    let mut with = good.clone();
    let at: u64 = good[300].split(',').next().and_then(|at| at.parse().ok()).expect("a time");
    with.insert(301, format!("{},450000,450000,450000,450000,100", at + 300));
    for row in &mut with[302..] {
        let (time, rest) = row.split_once(',').expect("columns");
        *row = format!("{},{rest}", time.parse::<u64>().expect("a time") + 300);
    }
    let absurd = desk(&case(), &with);
    let told = absurd.run(&[&BACKTEST[..], &["--json", "--csv", "tables", "--html", "run.html"]].concat()).ok().json();
    let fast = absurd.run(&[&BACKTEST[..], &["--json", "--no-journal"]].concat()).ok();
    assert!(!fast.err.contains("not on the fast path"), "{}", fast.err);
    for found in [&told, &fast.json()] {
        assert_eq!(found["account"], recorded["account"], "as if it were not there");
        let note = found["notes"][0].as_str().expect("a note");
        assert!(note.starts_with("1 bar was left out") && note.contains("ESZ23"), "{note}");
    }
    let read = |name: &str| std::fs::read_to_string(absurd.path(name)).expect("it was written");
    assert!(
        read("tables/warnings.csv").contains("data_doubtful,1 bar was left out"),
        "{}",
        read("tables/warnings.csv")
    );
    assert!(read("run.html").contains("1 bar was left out"));
    absurd.run(&["report", "--config", "case.toml", "--html", "stored.html"]).ok();
    assert!(read("stored.html") == read("run.html"), "the database tells another run");
    file(&absurd, "ESZ23.csv", &[&good[..300], &vec![with[301].clone(); 1], &good[300..]].concat());
    let damaged = absurd.run(&BACKTEST);
    assert_eq!(damaged.code(), Some(1), "a row that steps back");
    assert!(damaged.err.contains("ESZ23.csv: damaged at line 303"), "{}", damaged.err);
}

/// Of a terminal's row: gross, open, interest, commission, net.
fn printed(text: &str, name: &str) -> Vec<Decimal> {
    let line = text.lines().find(|line| line.trim_start().starts_with(name)).expect("its row");
    let words: Vec<&str> = line.split_whitespace().collect();
    let figures = &words[words.len() - 6..words.len() - 1];
    figures.iter().map(|word| word.parse().expect("a figure")).collect()
}

#[test]
fn every_table_adds_up_with_an_open_position_and_interest() {
    let interest = "[backtest.interest]\nrate_file = \"rates.csv\"\nyear_days = 360\n";
    let desk = desk(&format!("{}\n{interest}", case()), &rows(1_000));
    desk.write("rates.csv", "date,rate_percent\n20231107,5.08\n");
    let args = [&BACKTEST[..], &["--csv", "tables", "--html", "run.html"]].concat();
    let text = desk.run(&args).ok().out;
    let json = desk.run(&[&args[..], &["--json"]].concat()).ok().json();
    let account = &json["account"];
    let [gross, open, interest, commission, net] =
        ["gross", "unrealised", "interest", "commission", "net"].map(|key| amount(&account[key]));
    assert!(!open.is_zero() && !interest.is_zero(), "there is something to add up: {account}");
    assert_eq!(gross + open + interest - commission, net);
    assert_eq!(amount(&json["balance"]["equity"]), Decimal::from(100_000) + net);
    assert_eq!(printed(&text, "account"), [gross, open, interest, commission, net].map(|figure| figure.round_dp(2)));
    let strategy = printed(&text, "averages");
    assert_eq!(strategy[0] + strategy[1] + strategy[2] - strategy[3], strategy[4], "{text}");
    let statistics = std::fs::read_to_string(desk.path("tables/statistics.csv")).expect("it was written");
    let figure = |key: &str| -> Decimal {
        let row = csv::Reader::from_reader(statistics.as_bytes()).into_records().find(|row| {
            let row = row.as_ref().expect("a row");
            &row[1] == key
        });
        row.expect("it is told").expect("a row")[3].parse().expect("money")
    };
    let [all, closed, of_open, paid] = ["net_profit", "gross_profit", "open_gross", "commission"].map(figure);
    assert_eq!(all, net, "the report's net is the terminal's");
    assert_eq!(closed + of_open + figure("interest") - paid, all);
    assert_eq!(figure("closed_net") + figure("open_profit") + figure("interest"), all);
    let page = std::fs::read_to_string(desk.path("run.html")).expect("it was written");
    let mut shown = String::new();
    write!(shown, "{:.2}", interest).expect("text");
    assert!(page.contains("Gross of what is open") && page.contains(&shown), "the page has them all");
    // The data begins a day before the rates.
    assert!(text.contains("note: Rates of interest (rates.csv) begin on 2023-11-07, the data on 2023-11-06"), "{text}");
    assert!(page.contains("begin on 2023-11-07"));
    let set = ["--set", "strategies.0.params.fast=20", "--out", "rows.csv"];
    let told = desk.run(&[&["sweep"], &BACKTEST[1..], &set[..]].concat()).ok().out;
    assert!(told.contains("1 of them were played message by message") && told.contains("earns interest"), "{told}");
    let rows = std::fs::read_to_string(desk.path("rows.csv")).expect("rows");
    let row: Vec<Decimal> =
        rows.lines().nth(2).expect("one").split(',').skip(2).map(|field| field.parse().expect("a figure")).collect();
    let [_, _, gross, open, interest, commission, row_net, _, _] = row[..] else { panic!("{rows}") };
    assert_eq!(gross + open + interest - commission, row_net);
    assert_eq!(row_net, net, "the sweep's net is the backtest's");
}

#[test]
fn a_sweep_that_cannot_be_right_writes_nothing() {
    let desk = desk(&case(), &rows(600));
    let sweep = |more: &[&str]| refused(&desk, &[&["sweep"], &BACKTEST[1..], more].concat());
    let fast = ["--set", "strategies.0.params.fast=5,10"];
    for (more, part) in [
        (&["strategies.0.params.fast=20", "--out", "a.csv"][..], "strategies.0.params.fast is set already"),
        (&["--out", "not/there/a.csv"], "--out not/there/a.csv: there is no folder not/there"),
        (&["--out", "a.csv", "--train-days", "3"], "--walk-forward"),
        (
            &["--out", "a.csv", "--walk-forward", "rolling", "--train-days", "30", "--test-days", "5"],
            "no window: the market is not longer than --train-days",
        ),
        (&["instruments.0.expiry=202403", "--out", "a.csv"], "a sweep cannot change [[instruments]]"),
    ] {
        let told = sweep(&[&fast[..], more].concat());
        assert!(told.contains(part), "{told}\nis not {part}");
        assert!(!desk.path("a.csv").exists() && !desk.path("not").exists(), "{part}");
    }
    let same = [&["sweep"], &BACKTEST[1..], &fast[..], &["--out", "a.csv"]].concat();
    desk.run(&same).ok();
    let first = std::fs::read_to_string(desk.path("a.csv")).expect("rows");
    desk.write("case.toml", case().replace("commission = 2.15", "commission = 9.99"));
    assert!(sweep(&[&fast[..], &["--out", "a.csv"]].concat()).contains("holds another sweep"));
    assert_eq!(std::fs::read_to_string(desk.path("a.csv")).expect("rows"), first, "nothing is mixed");
    desk.write("case.toml", case());
    assert!(desk.run(&same).ok().out.contains("2 runs (2 were there already)"));
    let told = refused(&desk, &[&BACKTEST[..], &["--html", "not/there/run.html"]].concat());
    assert!(told.contains("--html not/there/run.html: there is no folder not/there"), "{told}");
}
