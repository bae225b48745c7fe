//! Texts that nobody would write: read or refused, never a panic.

use proptest::prelude::*;

use super::*;

/// Values of every type at keys that exist and keys that do not: junk that is TOML.
fn junk() -> impl Strategy<Value = String> {
    let sections = prop::sample::select(layers::SECTIONS.map(str::to_owned).to_vec());
    let section = prop_oneof![4 => sections, 1 => "[a-z]{1,4}", 1 => Just("\"x[9999999999999]\"".to_owned())];
    let key = prop_oneof![
        prop::sample::select(vec![
            "name",
            "live",
            "address",
            "listen",
            "start",
            "speed",
            "files",
            "tick_size",
            "multiplier",
            "lengths_s",
            "symbol",
            "kind",
            "params",
            "disabled",
            "order_size_max",
            "stale_after_ms",
            "broker",
            "thread",
            "cash",
            "expiry",
            "from",
            "minutes",
            "zone",
        ])
        .prop_map(str::to_owned),
        "[a-z_]{1,6}",
    ];
    let value = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:?}")),
        Just("99999999999999999999999999999999999999999999999".to_owned()),
        Just("1e999".to_owned()),
        Just("0x7fffffffffffffffffffffff".to_owned()),
        Just("2024-06-12T13:25:00Z".to_owned()),
        Just("23:00:00".to_owned()),
        Just("[[], {}, 1]".to_owned()),
        Just("{ a = { b = [] } }".to_owned()),
        Just("[1, 2]".to_owned()),
        any::<String>().prop_map(|text| format!("{text:?}")),
        "[a-zA-Z0-9:./-]{0,20}".prop_map(|text| format!("\"{text}\"")),
        Just("true".to_owned()),
    ];
    let pair = (key, value).prop_map(|(key, value)| format!("{key} = {value}\n"));
    let block = (section, any::<bool>(), prop::collection::vec(pair, 0..5)).prop_map(|(section, list, pairs)| {
        let header = if list { format!("[[{section}]]\n") } else { format!("[{section}]\n") };
        header + &pairs.concat()
    });
    prop::collection::vec(block, 0..6).prop_map(|blocks| blocks.concat())
}

proptest! {
    #[test]
    fn junk_never_panics(text in prop_oneof![4 => junk(), 1 => any::<String>()]) {
        if let Err(mistakes) = read_text(&text) {
            prop_assert!(!mistakes.0.is_empty());
            prop_assert!(mistakes.0.iter().all(|mistake| mistake.file == "my.toml"));
        }
    }

    #[test]
    fn junk_over_the_default_never_panics(text in junk(), name in "PITBOSS__[A-Z_0-9]{0,24}", value in any::<String>()) {
        let layers = [Layer::embedded_default(), Layer::new("my.toml", text)];
        match read_all(&layers, &[(&name, &value)]) {
            Ok(_) => {}
            Err(mistakes) => prop_assert!(!mistakes.to_string().is_empty()),
        }
    }

    #[test]
    fn a_money_limit_is_exact(cents in 1_i64..100_000_000) {
        let text = SMALLEST.replace("2500.50", &format!("{}.{:02}", cents / 100, cents % 100));
        let config = read_text(&text).expect("no mistake");
        prop_assert_eq!(config.risk.loss.daily_loss_max, Limit::Max(Money::from_micros(cents * 10_000)));
    }
}
