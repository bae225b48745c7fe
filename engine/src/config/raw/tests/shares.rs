//! `[allocation]`: what may be said, and what is said about mistakes.

use super::*;
use crate::allocation::{Method, Settings};
use crate::config::{AllocationConfig, Recompute};

const SIZED: &str = "size = { method = \"risk_per_trade\", fraction = 0.005, max = 2 }";

fn shared(allocation: &str) -> String {
    let text = SMALLEST.replacen("quantity = 1", SIZED, 1);
    format!("{text}[allocation]\n{allocation}\n")
}

fn check_shared(allocation: &str, expected: Expect) {
    expected.assert_eq(&mistakes(&shared(allocation)));
}

#[test]
fn the_method_is_enough_and_everything_can_be_said() {
    let read = |text: &str| read_text(&shared(text)).expect("no mistake").allocation.expect("a section");
    let settings = Settings {
        method: Method::RiskParity,
        lookback_days: 60,
        history_days_min: 20,
        correlation_max: 1.0,
        weight_min: 0.0,
    };
    let least = AllocationConfig { settings, recompute: Recompute::Weekly, caps: vec![1.0] };
    assert_eq!(read("method = \"risk_parity\""), least);
    let all = read(
        "method = \"mean_variance\"\nlookback_days = 250\nmin_history_days = 30\nrecompute = \"daily\"\n\
         correlation_max = 0.9\nweight_min = 0.05\nweight_max = 0.4\ncaps = { trend = 1 }",
    );
    let settings = Settings {
        method: Method::MeanVariance,
        lookback_days: 250,
        history_days_min: 30,
        correlation_max: 0.9,
        weight_min: 0.05,
    };
    assert_eq!(all, AllocationConfig { settings, recompute: Recompute::Daily, caps: vec![1.0] });
    assert_eq!(read_text(SMALLEST).expect("no mistake").allocation, None);
}

#[test]
fn mistakes_of_an_allocation_are_told_at_their_line() {
    check_shared(
        "",
        expect![
            "my.toml:30: allocation.method: found nothing; expected one of equal, inverse_volatility, risk_parity, hierarchical_risk_parity, mean_variance"
        ],
    );
    check_shared(
        "method = \"markowitz\"\nlookback_days = 5_000\nrecompute = \"hourly\"\ncorrelation_max = 1.5\nlookback = 3",
        expect![[r#"
            my.toml:31: allocation.method: found "markowitz"; expected one of equal, inverse_volatility, risk_parity, hierarchical_risk_parity, mean_variance
            my.toml:32: allocation.lookback_days: found 5000; expected a whole number from 2 to 1000 days
            my.toml:33: allocation.recompute: found "hourly"; expected daily or weekly
            my.toml:34: allocation.correlation_max: found 1.5; expected a number from 0 to 1
            my.toml:35: allocation.lookback: found an unknown key; expected one of caps, correlation_max, lookback_days, method, min_history_days, recompute, weight_max, weight_min"#]],
    );
    check_shared(
        "method = \"equal\"\nmin_history_days = 61",
        expect!["my.toml:32: allocation.min_history_days: found 61; expected at most lookback_days, which is 60"],
    );
    check_shared(
        "method = \"equal\"\ncaps = { trnd = 1.0 }",
        expect![
            "my.toml:32: allocation.caps.trnd: found no strategy of this name; expected trend, the nearest known name"
        ],
    );
    check_shared(
        "method = \"equal\"\ncaps = { trend = \"all\" }",
        expect![[r#"my.toml:32: allocation.caps.trend: found "all"; expected a number from 0 to 1"#]],
    );
    check_shared(
        "method = \"equal\"\nweight_max = 0.5",
        expect![
            "my.toml:32: allocation.weight_max: found 0.5000 over all strategies; expected weight_max and caps that add up to at least 1 over all strategies"
        ],
    );
    check_shared(
        "method = \"mean_variance\"\nweight_min = 0.6\ncaps = { trend = 0.5 }",
        expect![[r#"
        my.toml:30: allocation.weight_max: found 0.5000 over all strategies; expected weight_max and caps that add up to at least 1 over all strategies
        my.toml:32: allocation.weight_min: found 0.6; expected at most 0.5000: an equal part, or the lowest cap"#]],
    );
    check_more(
        "[allocation]\nmethod = \"equal\"\n",
        expect![
            "my.toml:30: allocation: found shares that change nothing; expected a strategy whose size is a fraction of equity: shares change no other"
        ],
    );
}
