//! What a configuration may say and what is said about its mistakes.

use std::path::PathBuf;
use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::config::{Background, LOG_LEVELS, Limit, MarketSource, Pace};
use crate::time::Timestamp;
use crate::trade::{Fraction, Money};

mod backtest;
mod connection;
mod junk;
mod mistakes;
mod shares;
mod sizes;

/// The least that a paper account needs.
const SMALLEST: &str = r#"[broker]
address = "127.0.0.1:7497"

[[instruments]]
name = "ES"

[[strategies]]
name = "trend"
kind = "ma_crossover"
symbol = "ES"
quantity = 1
stop_ticks = 20

[risk]
order_size_max = 2
max_position_size = 4
orders_per_second_max = 10
daily_loss_usd_max = 2500.50
stale_after_ms = 5000
capital_usd = 100_000
order_notional_usd_max = 1_000_000
gross_exposure_usd_max = 2_000_000
max_portfolio_risk = 0.02
weekly_loss_usd_max = 5_000
max_drawdown = 0.05

[orders]
flatten_on_stop = true
emergency_liquidate_on_disconnect = false
"#;

fn es() -> ContractSpec {
    ContractSpec {
        root: "ES".into(),
        exchange: "CME".into(),
        currency: "USD".into(),
        tick_size: Decimal::new(25, 2),
        multiplier: Decimal::from(50),
    }
}

fn read_all(layers: &[Layer], env: &[(&str, &str)]) -> Result<Config, Mistakes> {
    let env: Vec<_> = env.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    read(layers, &env, &Known::registered(&[es()]))
}

fn read_text(text: &str) -> Result<Config, Mistakes> {
    read_all(&[Layer::new("my.toml", text)], &[])
}

fn mistakes(text: &str) -> String {
    match read_text(text) {
        Ok(_) => "no mistake".to_owned(),
        Err(mistakes) => mistakes.to_string(),
    }
}

/// The smallest configuration with `line` in the place of `old`.
fn check_change(old: &str, new: &str, expected: Expect) {
    assert!(SMALLEST.contains(old), "{old} is not in the text");
    expected.assert_eq(&mistakes(&SMALLEST.replacen(old, new, 1)));
}

/// The smallest configuration and `more`.
fn check_more(more: &str, expected: Expect) {
    expected.assert_eq(&mistakes(&format!("{SMALLEST}{more}")));
}

fn shipped(name: &str) -> Layer {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../config").join(name);
    Layer::new(name, std::fs::read_to_string(&path).expect("a shipped configuration"))
}

#[test]
fn the_smallest_file_has_every_default() {
    let config = read_text(SMALLEST).expect("no mistake");
    assert_eq!((config.instance.name.as_str(), config.instance.live), ("pitboss", false));
    assert_eq!(config.instance.background, Background::Low);
    assert_eq!(config.broker.request_timeout, Duration::from_secs(10));
    assert_eq!(config.gateway, None);
    assert_eq!(config.instruments[0].multiplier, Decimal::from(50));
    assert_eq!(config.instruments[0].exchange, "CME");
    assert_eq!(config.bars.lengths_s, [60]);
    assert_eq!(config.strategies[0].bar_s, 60);
    assert_eq!(config.strategies[0].target_ticks, None);
    assert_eq!(config.risk.loss.daily_loss_max, Limit::Max(Money::from_micros(2_500_500_000)));
    assert_eq!(config.expected_outages.len(), 2);
    assert_eq!(config.storage.database_url, "sqlite:var/pitboss.db");
    assert_eq!(config.actors.books.thread, "trading");
    assert_eq!(config.backtest.market, None);
}

#[test]
fn the_embedded_default_is_a_simulated_session() {
    let config = read_all(&[Layer::embedded_default()], &[]).expect("no mistake");
    let gateway = config.gateway.expect("the default simulates");
    let start = Timestamp::from_secs(1_718_198_700);
    assert_eq!(gateway.market, MarketSource::Synthetic { seed: 1, start });
    assert_eq!(gateway.pace, Pace::Speed(300.0));
    assert_eq!(gateway.listen.port(), 0);
    assert_eq!(config.broker.address, gateway.listen);
    assert_eq!(config.strategies.len(), 3);
    assert!(!config.instance.live);
    assert_eq!(Layer::embedded_default().text, shipped("default.toml").text);
}

#[test]
fn the_values_of_the_default_file_are_the_documented_defaults() {
    // A key of the reference with its default in the comment must not differ from the default in the code.
    let written = read_all(&[Layer::embedded_default()], &[]).expect("no mistake");
    let defaults = read_text(SMALLEST).expect("no mistake");
    assert_eq!(written.bars, defaults.bars);
    assert_eq!(written.expected_outages, defaults.expected_outages);
    assert_eq!(written.log, defaults.log);
    assert_eq!(written.storage, defaults.storage);
    assert_eq!(written.orders.answer_within, defaults.orders.answer_within);
    assert_eq!(written.orders.compare_every, defaults.orders.compare_every);
    assert_eq!(written.on_disconnect, defaults.on_disconnect);
    assert_eq!(written.feeds, defaults.feeds);
    assert_eq!(written.calendar, defaults.calendar);
    assert_eq!(written.protection, defaults.protection);
    assert_eq!(written.actors.broker, defaults.actors.broker);
    assert_eq!(written.actors.ping_every, defaults.actors.ping_every);
    assert_eq!(written.actors.report_every, defaults.actors.report_every);
    let market = written.backtest.market.clone();
    assert_eq!(written.backtest, crate::config::BacktestConfig { market, ..defaults.backtest.clone() });
    let broker = super::super::BrokerConfig { address: defaults.broker.address, ..written.broker };
    assert_eq!(broker, defaults.broker);
}

#[test]
fn the_keys_of_the_first_design_work_as_written() {
    let text = SMALLEST
        .replace("max_position_size = 4", "max_position_size = 5")
        .replace("emergency_liquidate_on_disconnect = false", "emergency_liquidate_on_disconnect = true");
    let config = read_text(&text).expect("no mistake");
    assert_eq!(config.risk.order.max_position_size, Limit::Max(5));
    assert_eq!(config.risk.order.max_portfolio_risk, Limit::Max(Fraction::from_ppm(20_000)), "0.02");
    assert_eq!(config.risk.loss.max_drawdown, Limit::Max(Fraction::from_ppm(50_000)), "0.05");
    assert!(config.orders.emergency_liquidate_on_disconnect);
}

#[test]
fn every_rail_can_be_switched_off_by_its_name_and_is_told() {
    let must = [
        "order_size_max",
        "order_notional_usd_max",
        "max_position_size",
        "gross_exposure_usd_max",
        "max_portfolio_risk",
        "orders_per_second_max",
        "daily_loss_usd_max",
        "weekly_loss_usd_max",
        "max_drawdown",
        "stale_after_ms",
    ];
    for (key, name) in RAILS {
        let lines: Vec<&str> = SMALLEST.lines().filter(|line| !line.starts_with(&format!("{key} ="))).collect();
        let text = lines.join("\n");
        let off = text.replace("[risk]", &format!("[risk]\ndisabled = [\"{name}\"]"));
        let config = read_text(&off).expect("no mistake");
        assert!(config.risk.switched_off().contains(&name), "{name}");
        assert_eq!(read_text(&text).is_err(), must.contains(&key), "{key} has no default");
    }
}

#[test]
fn the_paper_file_is_right() {
    let config = read_all(&[shipped("paper.toml")], &[]).expect("no mistake");
    assert!(!config.instance.live && config.gateway.is_none());
    assert!(config.storage.database_url.starts_with("postgres://"));
}

#[test]
fn the_live_file_is_refused_for_the_acknowledgement_alone() {
    let layer = shipped("live.toml");
    let refused = read_all(std::slice::from_ref(&layer), &[]).expect_err("nobody has acknowledged");
    expect![[r#"live.toml:6: instance.live_acknowledgement: found nothing; expected "I accept that this trades real money", since instance.live is true and real money will be traded"#]]
    .assert_eq(&refused.to_string());
    let text = layer.text.replace("# live_acknowledgement", "live_acknowledgement");
    let config = read_all(&[Layer::new("live.toml", text)], &[]).expect("acknowledged");
    assert!(config.instance.live);
}

#[test]
fn the_environment_wins_and_is_typed_by_the_key() {
    let env = [
        ("PITBOSS__RISK__ORDER_SIZE_MAX", "3"),
        ("PITBOSS__RISK__DAILY_LOSS_USD_MAX", "0.1"),
        ("PITBOSS__ORDERS__FLATTEN_ON_STOP", "false"),
        ("PITBOSS__BARS__LENGTHS_S", "60, 300"),
        ("PITBOSS__STRATEGIES__0__PARAMS__FAST", "7"),
        ("PITBOSS__STRATEGIES__0__QUANTITY", "2"),
        ("PITBOSS__BROKER__ACCOUNT", "12345"),
        ("PITBOSS__RISK__DISABLED", "stale_after"),
        ("PITBOSS_CONFIG", "ignored"),
        ("PATH", "/bin"),
    ];
    let text = SMALLEST.replace("stale_after_ms = 5000\n", "");
    let config = read_all(&[Layer::new("my.toml", text)], &env).expect("no mistake");
    assert_eq!((config.risk.order.order_size_max, config.risk.stale_after), (Limit::Max(3), Limit::Off));
    assert_eq!(config.risk.loss.daily_loss_max, Limit::Max(Money::from_micros(100_000)));
    assert!(!config.orders.flatten_on_stop);
    assert_eq!(config.bars.lengths_s, [60, 300]);
    assert_eq!(config.strategies[0].params["fast"], toml::Value::Integer(7));
    assert_eq!(config.strategies[0].quantity, 2);
    assert_eq!(config.broker.account.as_deref(), Some("12345"));
}

#[test]
fn a_later_layer_wins_key_by_key_and_is_named_in_its_mistakes() {
    let over = |text: &str| read_all(&[Layer::new("base.toml", SMALLEST), Layer::new("over.toml", text)], &[]);
    let config = over("[risk]\nmax_position_size = 9\n").expect("no mistake");
    assert_eq!((config.risk.order.max_position_size, config.risk.order.order_size_max), (Limit::Max(9), Limit::Max(2)));
    let refused = over("\n[risk]\nmax_position_size = 0\n").expect_err("zero contracts");
    assert_eq!((refused.0[0].file.as_str(), refused.0[0].line), ("over.toml", Some(3)));
}

#[test]
fn a_password_is_not_shown() {
    let more = |url: &str| read_text(&format!("{SMALLEST}[storage]\ndatabase_url = \"{url}\"\n"));
    let storage = more("postgres://user:se:cr@et@host/db").expect("no mistake").storage;
    assert_eq!(storage.database_url_shown(), "postgres://user:***@host/db");
    assert_eq!(more("sqlite:a.db").expect("no mistake").storage.database_url_shown(), "sqlite:a.db");
    assert!(!more("mysql://user:secret@host/db").expect_err("no such scheme").to_string().contains("secret"));
}

#[test]
fn known_levels_are_levels() {
    for level in LOG_LEVELS {
        assert_eq!(mistakes(&format!("{SMALLEST}[log]\nfile_level = {level:?}\n")), "no mistake");
    }
}
