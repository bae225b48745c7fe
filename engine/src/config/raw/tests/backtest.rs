//! The section [backtest]: the preset, what wins over it, and its mistakes.

use super::*;
use crate::config::backtest::{
    DelayConfig, ExpiryRule, Fills, InterestConfig, LatencyConfig, MarginRule, Percent, RateSource,
};
use crate::venue::{MarkRule, SettleRule};

fn with(section: &str) -> Config {
    read_text(&format!("{SMALLEST}\n{section}")).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn the_lean_preset_changes_defaults_and_what_is_written_wins() {
    let plain = with("[backtest]\npreset = \"lean\"").backtest;
    let Fills::Bars(fills) = &plain.fills else { panic!("{:?}", plain.fills) };
    assert_eq!(fills.model.name(), "quotes");
    assert_eq!(plain.commissions["ES"], Money::from_micros(2_150_000));
    assert_eq!(plain.commissions["MES"], Money::from_micros(570_000));
    assert_eq!((plain.account.margin.clone(), plain.account.mark), (MarginRule::None, MarkRule::Touch));
    assert_eq!(plain.account.settlement.rule, SettleRule::Newest);
    let end = plain.account.day_orders_end.expect("LEAN's day orders end with regular hours");
    assert_eq!((end.at.to_string().as_str(), end.zone), ("17:00:00", chrono_tz::America::New_York));
    assert!(plain.unprotected_entries && plain.account.closing_fees && !plain.account.sessions);
    let changed = with(
        "[backtest]\npreset = \"lean\"\ncommission = 1\ncommissions = { GC = \"2.5\" }\ncash = 7\n\
         [backtest.fills]\nmodel = \"next_open\"\nslippage_of_range = 0.05\nvolume_share_max = 1\n\
         [backtest.account]\nmark = \"last\"\nmargin_files = { ES = \"a.csv\" }\nsettle_at = \"15:30\"",
    )
    .backtest;
    let Fills::Bars(fills) = &changed.fills else { panic!("{:?}", changed.fills) };
    assert_eq!(fills.model.name(), "next_open");
    assert_eq!((fills.costs.slippage_of_range.0, fills.costs.volume_share_max.map(|s| s.0)), (50_000, Some(1_000_000)));
    assert_eq!(changed.commissions.len(), 1, "one rate for everything but what is named");
    assert_eq!((changed.account.mark, changed.cash), (MarkRule::Last, Money::from_micros(7_000_000)));
    assert!(matches!(changed.account.margin, MarginRule::Files(_)));
}

#[test]
fn ticks_come_by_the_second_unless_they_are_to_come_one_by_one() {
    assert!(!with("[backtest]\npreset = \"lean\"").backtest.tick_by_tick);
    assert!(with("[backtest]\ntick_by_tick = true").backtest.tick_by_tick);
}

#[test]
fn settlements_follow_the_clock_of_their_zone() {
    let settlement = with("[backtest]\npreset = \"lean\"").backtest.account.settlement;
    let at = |text: &str| Timestamp::from(chrono::DateTime::parse_from_rfc3339(text).expect("an instant").to_utc());
    assert_eq!(settlement.next(at("2013-11-02T12:00:00Z")), at("2013-11-03T04:00:00Z"), "summer time");
    assert_eq!(settlement.next(at("2013-11-03T04:00:00Z")), at("2013-11-04T05:00:00Z"), "winter time");
}

#[test]
fn strategies_go_without_a_stop_only_on_purpose() {
    let bare = SMALLEST.replace("stop_ticks", "unprotected = true\n#");
    let config = read_text(&bare).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(config.strategies[0].stop_ticks, None);
    assert!(!config.backtest.unprotected_entries, "that needs another key");
    let both = SMALLEST.replace("stop_ticks", "unprotected = true\nstop_ticks");
    assert!(read_text(&both).expect_err("one of the two").to_string().contains("true together with stop_ticks"));
}

#[test]
fn mistakes_of_the_section_are_told_together() {
    let text = format!(
        "{SMALLEST}\n[backtest]\npreset = \"zipline\"\ncommissions = {{ ES = \"two\" }}\n\
         [backtest.fills]\nmodel = \"ticks\"\nslippage_ticks = 1\n\
         [backtest.account]\nmargin = \"none\"\nmargin_files = {{ ES = \"a.csv\" }}\n\
         [backtest.hours]\nfrom = \"17:00\"\nto = \"09:30\"\n\
         [backtest.columns]\ntime = [\"a\", \"b\", \"c\"]\n\
         [[backtest.positions]]\nstrategy = \"nobody\"\nquantity = 1\nprice = 5\n"
    );
    let told = read_text(&text).expect_err("seven mistakes").to_string();
    for part in [
        "backtest.preset: found \"zipline\"",
        "backtest.commissions.ES: found \"two\"",
        "backtest.fills.slippage_ticks: found a setting of bars",
        "backtest.account.margin: found \"none\" together with margin_files",
        "backtest.hours.to: found 09:30:00; expected a time after `from`",
        "backtest.columns.time: found",
        "backtest.positions[0].strategy: found \"nobody\"",
    ] {
        assert!(told.contains(part), "{part} is missing in\n{told}");
    }
}

#[test]
fn what_ticks_do_not_obey_is_refused_and_not_left_out() {
    let text = format!(
        "{SMALLEST}\n[backtest.account]\nsettle_at = \"15:00\"\nmark = \"touch\"\nmargin_files = {{ ES = \"a.csv\" }}\n\
         [backtest.hours]\nfrom = \"09:30\"\nto = \"17:00\"\n"
    );
    let told = read_text(&text).expect_err("four mistakes").to_string();
    for part in [
        "backtest.hours: found a setting of bars",
        "backtest.account.settle_at: found 15:00:00 in America/Chicago; expected 16:00 in America/Chicago with model",
        "backtest.account.mark: found \"touch\"",
        "backtest.account.margin_files: found files",
    ] {
        assert!(told.contains(part), "{part} is missing in\n{told}");
    }
    let lean = read_text(&format!("{SMALLEST}\n[backtest]\npreset = \"lean\"\n[backtest.fills]\nmodel = \"ticks\"\n"));
    assert!(lean.expect_err("its account is one of bars").to_string().contains("(the preset's, or your own)"));
    let obeyed =
        with("[backtest]\ncommissions = { ES = 1.5 }\n[backtest.account]\nsessions = false\nmargin = \"none\"");
    assert!(!obeyed.backtest.account.sessions);
}

#[test]
fn a_way_takes_a_constant_time_or_one_from_a_file() {
    assert_eq!(with("").backtest.latency, None);
    let latency = with("[backtest.latency]\nfeed_us = 250\norder_file = \"orders.txt\"\nseed = 3").backtest.latency;
    let expected = LatencyConfig {
        feed: DelayConfig::Constant(std::time::Duration::from_micros(250)),
        order: DelayConfig::File("orders.txt".into()),
        ack: DelayConfig::Constant(std::time::Duration::ZERO),
        seed: 3,
    };
    assert_eq!(latency, Some(expected));
    let both = read_text(&format!("{SMALLEST}\n[backtest.latency]\nack_us = 1\nack_file = \"a\""));
    assert!(both.expect_err("one of the two").to_string().contains("backtest.latency.ack_file: found a file"));
    let bars = read_text(&format!("{SMALLEST}\n[backtest.latency]\nack_us = 1\n[backtest.fills]\nmodel = \"close\""));
    assert!(bars.expect_err("bars know no delays").to_string().contains("backtest.latency: found a delay"));
}

#[test]
fn cash_earns_interest_only_where_a_rate_is_named() {
    const BARS: &str = "[backtest.fills]\nmodel = \"next_open\"\n";
    assert_eq!(with(BARS).backtest.interest, None);
    let plain = with(&format!("{BARS}[backtest.interest]\nrate_percent = \"5.25\"")).backtest.interest;
    let rate = RateSource::Constant(Percent(5_250_000));
    assert_eq!(plain, Some(InterestConfig { rate, ..InterestConfig::default() }));
    let whole = "[backtest.interest]\nrate_file = \"rates.csv\"\nspread_percent = 0.5\nabove = 10_000\nyear_days = 365\n\
                 credited = \"monthly\"";
    let whole = with(&format!("{BARS}{whole}")).backtest.interest.expect("a section");
    assert_eq!(whole.rate, RateSource::File("rates.csv".into()));
    assert_eq!((whole.spread, whole.above), (Percent(500_000), Money::from_micros(10_000_000_000)));
    assert_eq!((whole.year_days, whole.monthly), (365, true));
    for (section, part) in [
        ("", "rate_percent, or rate_file"),
        ("rate_percent = 5\nrate_file = \"a\"", "one of the two"),
        ("rate_percent = 525", "from 0 to 100"),
        ("rate_percent = -1", "from 0 to 100"),
        ("rate_percent = 5\nyear_days = 364", "360 or 365"),
        ("rate_percent = 5\ncredited = \"weekly\"", "daily"),
    ] {
        let told = mistakes(&format!("{SMALLEST}\n{BARS}[backtest.interest]\n{section}\n"));
        assert!(told.contains(part), "{section}: {told}");
    }
    let ticks = mistakes(&format!("{SMALLEST}\n[backtest.interest]\nrate_percent = 5\n"));
    assert!(ticks.contains("interest") && ticks.contains("a model of bars"), "{ticks}");
}

#[test]
fn contracts_end_unless_they_are_to_be_held() {
    assert_eq!(with("").backtest.account.expiry, ExpiryRule::Settle);
    assert_eq!(with("[backtest.account]\nexpiry = \"hold\"").backtest.account.expiry, ExpiryRule::Hold);
    let told = mistakes(&format!("{SMALLEST}\n[backtest.account]\nexpiry = \"roll\"\n"));
    assert!(told.contains("\"settle\" or \"hold\""), "{told}");
}
