//! Sizes: what may be said, and what is said about mistakes.

use super::*;
use crate::sizing::{Factor, Kelly, Method, Part, Size};

const QUANTITY: &str = "quantity = 1";

fn sized(size: &str) -> String {
    SMALLEST.replacen(QUANTITY, size, 1)
}

fn check_size(size: &str, expected: Expect) {
    expected.assert_eq(&mistakes(&sized(size)));
}

fn size(text: &str) -> (u32, Size) {
    let strategy = read_text(&sized(text)).expect("no mistake").strategies.remove(0);
    (strategy.quantity, strategy.size.expect("it has one"))
}

#[test]
fn each_method_is_read_with_its_defaults() {
    let half = Factor::from_millionths(500_000);
    let risk = Part { method: Method::RiskPerTrade { fraction: Factor::from_millionths(5_000) }, max: Some(2) };
    assert_eq!(
        size("size = { method = \"risk_per_trade\", fraction = 0.005, max = 2 }"),
        (2, Size { parts: vec![risk] })
    );
    let kelly = Kelly { fraction: half, cap: Factor::from_millionths(20_000), trades_min: 30, contracts_before: 1 };
    let (most, kelly_read) =
        size("size = { method = \"kelly\", fraction = 0.5, cap = 0.02, contracts_before = 1, max = 2 }");
    assert_eq!((most, kelly_read.parts[0].method), (2, Method::Kelly(kelly)));
    let (most, several) = size(
        "size = [{ method = \"volatility_target\", fraction = 0.5 }, { method = \"margin\", fraction = 0.5, margin_usd = 25_300, max = 2 }, { method = \"fixed\", contracts = 1 }, { method = \"fixed_fractional\", fraction = 5 }]",
    );
    assert_eq!(most, 1, "the smallest upper end");
    let volatility = Method::VolatilityTarget { fraction: half, period: 14, multiple: Factor::ONE };
    let margin = Method::Margin { fraction: half, per_contract: Money::from_micros(25_300_000_000) };
    let leverage = Method::FixedFractional { fraction: Factor::from_millionths(5_000_000) };
    let methods: Vec<Method> = several.parts.iter().map(|part| part.method).collect();
    assert_eq!(methods, [volatility, margin, Method::Fixed(1), leverage]);
}

#[test]
fn mistakes_of_a_size_are_told_at_their_line() {
    check_size(
        "size = 3",
        expect![[r#"my.toml:11: strategies[0].size: found 3; expected a section [strategies[0].size]"#]],
    );
    check_size(
        "size = { method = \"kely\", fraction = 0.1 }",
        expect![[r#"
            my.toml:11: strategies[0].size.method: found "kely"; expected one of fixed, fixed_fractional, volatility_target, kelly, risk_per_trade, margin"#]],
    );
    check_size(
        "size = { method = \"risk_per_trade\", fraction = 1.5, max = 2, stop = 3 }",
        expect![[r#"
            my.toml:11: strategies[0].size.fraction: found 1.5; expected a number of more than 0 and up to 1 of equity, with at most six decimals
            my.toml:11: strategies[0].size.stop: found an unknown key; expected one of fraction, max, method"#]],
    );
    for fraction in ["0", "-0.1", "nan", "inf", "0.0000001", "\"half\""] {
        let told =
            mistakes(&sized(&format!("size = {{ method = \"risk_per_trade\", fraction = {fraction}, max = 2 }}")));
        assert!(told.starts_with("my.toml:11: strategies[0].size.fraction: found "), "{fraction}: {told}");
    }
    check_size(
        "size = { method = \"risk_per_trade\", fraction = 0.1 }",
        expect![
            "my.toml:11: strategies[0].size: found no end to the contracts; expected max, from 1 to 100000, in one of its methods"
        ],
    );
    check_size("size = []", expect!["my.toml:11: strategies[0].size: found 0 methods; expected from 1 to 8 methods"]);
    check_size(
        "quantity = 1\nsize = { method = \"fixed\", contracts = 1 }",
        expect!["my.toml:11: strategies[0].quantity: found quantity beside size; expected one of the two"],
    );
    check_size(
        "size = { method = \"fixed\", contracts = 9 }",
        expect![[r#"
            my.toml:11: strategies[0].size: found 9; expected at most risk.order_size_max, which is 2
            my.toml:11: strategies[0].size: found 9; expected at most risk.max_position_size, which is 4"#]],
    );
    check_size(
        "size = [{ method = \"volatility_target\", fraction = 0.1, max = 2 }, { method = \"volatility_target\", fraction = 0.1, atr_bars = 20 }]",
        expect![
            "my.toml:11: strategies[0].size: found volatility_target twice with different periods; expected one period"
        ],
    );
    check_size(
        "size = { method = \"kelly\", fraction = 0.5, max = 2 }",
        expect![[r#"
            my.toml:11: strategies[0].size.cap: found nothing; expected a number of more than 0 and up to 1 of equity, with at most six decimals
            my.toml:11: strategies[0].size.contracts_before: found nothing; expected a whole number from 0 to 100000 contracts"#]],
    );
}

#[test]
fn the_environment_sets_a_part_of_a_size() {
    let text = sized("size = { method = \"risk_per_trade\", fraction = 0.005, max = 2 }");
    let env = [("PITBOSS__STRATEGIES__0__SIZE__FRACTION", "0.01")];
    let config = read_all(&[Layer::new("my.toml", text)], &env).expect("no mistake");
    let fraction = Factor::from_millionths(10_000);
    assert_eq!(config.strategies[0].size.as_ref().expect("sized").parts[0].method, Method::RiskPerTrade { fraction });
}
