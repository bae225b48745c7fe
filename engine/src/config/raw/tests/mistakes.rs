//! Each kind of mistake alone, and all of them together.

use super::*;

#[test]
fn mistakes_of_the_environment_name_the_variable() {
    let env = [
        ("PITBOSS__RISK__ORDER_SIZE_MAX", "two"),
        ("PITBOSS__RSK__ORDER_SIZE_MAX", "2"),
        ("PITBOSS_RISK_STALE_AFTER_MS", "2"),
        ("PITBOSS__STRATEGIES__7777__QUANTITY", "2"),
        ("PITBOSS__RISK__A B", "2"),
    ];
    let refused = read_all(&[Layer::new("my.toml", SMALLEST)], &env).expect_err("five mistakes");
    expect![[r#"
        environment PITBOSS_RISK_STALE_AFTER_MS: found a variable that sets nothing; expected PITBOSS__RISK__STALE_AFTER_MS
        environment PITBOSS__RISK__A B: found a name that is no key; expected PITBOSS__SECTION__KEY
        environment PITBOSS__RSK__ORDER_SIZE_MAX: found an unknown section; expected risk, the nearest known name
        environment PITBOSS__STRATEGIES__7777__QUANTITY: found an index; expected a section, or an index from 0 to 99 after one
        environment PITBOSS__RISK__ORDER_SIZE_MAX: risk.order_size_max: found "two"; expected a whole number from 1 to 100000 contracts"#]]
    .assert_eq(&refused.to_string());
}

#[test]
fn text_that_is_not_toml_is_placed_by_line_and_column() {
    check_change(
        "quantity = 1",
        "quantity = ",
        expect![
            "my.toml:11:12: found a syntax error (string values must be quoted, expected literal string); expected TOML"
        ],
    );
}

#[test]
fn an_unknown_key_gets_the_nearest_known_one() {
    check_change(
        "order_size_max",
        "order_size_mx",
        expect![[r#"
        my.toml:14: risk.order_size_max: found nothing; expected a whole number from 1 to 100000 contracts, or "order_size_max" in risk.disabled
        my.toml:15: risk.order_size_mx: found an unknown key; expected order_size_max, the nearest known name"#]],
    );
    check_change(
        "[orders]",
        "[order]",
        expect![[r#"
        my.toml:27: order: found an unknown section; expected orders, the nearest known name
        my.toml: orders.emergency_liquidate_on_disconnect: found nothing; expected true or false
        my.toml: orders.flatten_on_stop: found nothing; expected true or false"#]],
    );
    check_change(
        "stop_ticks",
        "target_ticks = 3\nstop_tick",
        expect![[r#"
            my.toml:7: strategies[0].stop_ticks: found a target without a stop; expected stop_ticks as well, since every entry has a protective stop
            my.toml:13: strategies[0].stop_tick: found an unknown key; expected stop_ticks, the nearest known name"#]],
    );
    check_more(
        "[log]\nzzzzzzzzzzzz = 1\n",
        expect![
            "my.toml:31: log.zzzzzzzzzzzz: found an unknown key; expected one of backups, file, file_bytes_max, file_level, terminal_level"
        ],
    );
}

#[test]
fn a_value_of_the_wrong_type_or_range_is_shown() {
    check_change(
        "order_size_max = 2",
        "order_size_max = \"2\"",
        expect![[r#"my.toml:15: risk.order_size_max: found "2"; expected a whole number from 1 to 100000 contracts"#]],
    );
    check_change(
        "order_size_max = 2",
        "order_size_max = 2.5",
        expect!["my.toml:15: risk.order_size_max: found 2.5; expected a whole number from 1 to 100000 contracts"],
    );
    check_change(
        "order_size_max = 2",
        "order_size_max = 0",
        expect!["my.toml:15: risk.order_size_max: found 0; expected a whole number from 1 to 100000 contracts"],
    );
    check_change(
        "order_size_max = 2",
        "order_size_max = 99999999999999999999999999999999999999999999",
        expect![[
            r#"my.toml:15: risk.order_size_max: found "99999999999999999999999999999999999999999999"; expected a whole number from 1 to 100000 contracts"#
        ]],
    );
    check_change(
        "daily_loss_usd_max = 2500.50",
        "daily_loss_usd_max = nan",
        expect![
            "my.toml:18: risk.daily_loss_usd_max: found NaN; expected an amount of more than 0 and up to 1000000000 US dollars with at most six decimals"
        ],
    );
    check_change(
        "daily_loss_usd_max = 2500.50",
        "daily_loss_usd_max = 0",
        expect![
            "my.toml:18: risk.daily_loss_usd_max: found 0; expected an amount of more than 0 and up to 1000000000 US dollars with at most six decimals"
        ],
    );
    check_change(
        "daily_loss_usd_max = 2500.50",
        "daily_loss_usd_max = 0.0000001",
        expect![
            "my.toml:18: risk.daily_loss_usd_max: found 1e-7; expected an amount of more than 0 and up to 1000000000 US dollars with at most six decimals"
        ],
    );
    check_change(
        "flatten_on_stop = true",
        "flatten_on_stop = 1",
        expect!["my.toml:28: orders.flatten_on_stop: found 1; expected true or false"],
    );
    check_change(
        "127.0.0.1:7497",
        "tws.example:7497",
        expect![[
            r#"my.toml:2: broker.address: found "tws.example:7497"; expected an IP address and port such as 127.0.0.1:7497, or a [gateway] section to simulate one"#
        ]],
    );
    check_change(
        "name = \"ES\"",
        "name = \"ES\"\nexpiry = 202409",
        expect![
            "my.toml:6: instruments[0].expiry: found 202409; expected a contract month YYYYMM or last trade date YYYYMMDD in quotes; without one it is the front month"
        ],
    );
    check_change(
        "name = \"ES\"",
        "name = \"ES\"\nexpiry = \"202413\"",
        expect![[
            r#"my.toml:6: instruments[0].expiry: found "202413"; expected a contract month YYYYMM or last trade date YYYYMMDD in quotes; without one it is the front month"#
        ]],
    );
    // A day that its month does not have, in no leap year.
    for date in ["20240231", "20230229", "20240431", "20240100", "20240132"] {
        let text = SMALLEST.replacen("name = \"ES\"", &format!("name = \"ES\"\nexpiry = \"{date}\""), 1);
        assert!(mistakes(&text).contains(&format!("expiry: found \"{date}\"")), "{date}");
    }
    check_more(
        "[storage]\ndatabase_url = \"mysql://u:secret@h/d\"\n",
        expect![
            "my.toml:31: storage.database_url: found a text that is not shown; expected sqlite:PATH or postgres://USER@HOST/DATABASE"
        ],
    );
    check_more(
        "[log]\nterminal_level = \"loud\"\n",
        expect![[
            r#"my.toml:31: log.terminal_level: found "loud"; expected one of critical, error, warning, info, debug, trace"#
        ]],
    );
    check_more(
        "[bars]\nlengths_s = [60, 60]\n",
        expect![
            "my.toml:31: bars.lengths_s: found [60, 60]; expected a list of different elements, at least 1, each a whole number from 1 to 86400 seconds that divides a day"
        ],
    );
    check_more(
        "[bars]\nlengths_s = [7]\n",
        expect![
            "my.toml:31: bars.lengths_s: found [7]; expected a list of different elements, at least 1, each a whole number from 1 to 86400 seconds that divides a day"
        ],
    );
}

#[test]
fn an_outage_is_a_time_of_a_day_that_exists() {
    let outage =
        "[[expected_outages]]\nname = \"a\"\nweekday = \"someday\"\nfrom = \"25:00\"\nminutes = 0\nzone = \"Here\"\n";
    check_more(
        outage,
        expect![[r#"
        my.toml:32: expected_outages[0].weekday: found "someday"; expected a weekday: mon, tue, wed, thu, fri, sat or sun; without one it is every day
        my.toml:33: expected_outages[0].from: found "25:00"; expected a time of day such as "23:00"
        my.toml:34: expected_outages[0].minutes: found 0; expected a whole number from 1 to 2880 minutes
        my.toml:35: expected_outages[0].zone: found "Here"; expected a time zone such as America/New_York"#]],
    );
}

#[test]
fn a_limit_is_set_or_switched_off_by_name() {
    check_change(
        "order_size_max = 2\n",
        "",
        expect![[
            r#"my.toml:14: risk.order_size_max: found nothing; expected a whole number from 1 to 100000 contracts, or "order_size_max" in risk.disabled"#
        ]],
    );
    check_change(
        "daily_loss_usd_max = 2500.50\n",
        "",
        expect![[
            r#"my.toml:14: risk.daily_loss_usd_max: found nothing; expected an amount of more than 0 and up to 1000000000 US dollars with at most six decimals, or "daily_loss_max" in risk.disabled"#
        ]],
    );
    check_change(
        "order_size_max = 2",
        "order_size_max = 2\ndisabled = [\"order_size_max\"]",
        expect![
            "my.toml:15: risk.order_size_max: found a limit that risk.disabled switches off; expected one of the two"
        ],
    );
    check_change(
        "[risk]",
        "[risk]\ndisabled = [\"order_size\"]",
        expect![[
            r#"my.toml:15: risk.disabled: found ["order_size"]; expected a list of different elements, each one of order_size_max, order_notional_max, max_position_size, gross_exposure_max, max_portfolio_risk, orders_per_second_max, daily_loss_max, weekly_loss_max, max_drawdown, stale_after, margin_use_max, price_collar, duplicate_order, days_to_expiry, outside_session, self_match, orders_per_minute_max, orders_per_day_max, strategy_orders_per_minute_max, symbol_orders_per_minute_max, reentries_max, trailing_drawdown_max, consecutive_losses_max, strategy_daily_loss_max, strategy_weekly_loss_max, strategy_drawdown_max, strategy_orders_per_second_max, strategy_orders_per_day_max, symbol_orders_per_second_max, symbol_orders_per_day_max"#
        ]],
    );
    let text = SMALLEST.replace("daily_loss_usd_max = 2500.50", "disabled = [\"daily_loss_max\"]");
    assert_eq!(read_text(&text).expect("no mistake").risk.loss.daily_loss_max, Limit::Off);
    let text = SMALLEST.replace("stale_after_ms = 5000", "disabled = [\"stale_after_ms\"]");
    assert_eq!(read_text(&text).expect("no mistake").risk.stale_after, Limit::Off);
}

#[test]
fn what_happens_to_positions_has_no_default() {
    check_change(
        "flatten_on_stop = true\n",
        "",
        expect!["my.toml:27: orders.flatten_on_stop: found nothing; expected true or false"],
    );
    check_change(
        "quantity = 1\n",
        "",
        expect!["my.toml:7: strategies[0].quantity: found nothing; expected a whole number from 1 to 100000 contracts"],
    );
    check_change(
        "stop_ticks = 20\n",
        "",
        expect!["my.toml:7: strategies[0].stop_ticks: found nothing; expected a whole number from 1 to 100000 ticks"],
    );
    check_change(
        "address = \"127.0.0.1:7497\"\n",
        "",
        expect![
            "my.toml:1: broker.address: found nothing; expected an IP address and port such as 127.0.0.1:7497, or a [gateway] section to simulate one"
        ],
    );
}

#[test]
fn names_are_used_once_and_references_exist() {
    check_more(
        "[[instruments]]\nname = \"ES\"\nexpiry = \"202409\"\n",
        expect![[r#"my.toml:31: instruments[1].name: found "ES" a second time; expected a name of its own"#]],
    );
    check_more(
        "[[instruments]]\nname = \"ES2\"\nroot = \"ES\"\n",
        expect![
            "my.toml:32: instruments[1].root: found a contract that another instrument has; expected another root, expiry or exchange"
        ],
    );
    let again =
        "[[strategies]]\nname = \"trend\"\nkind = \"donchian\"\nsymbol = \"ES\"\nquantity = 1\nstop_ticks = 9\n";
    check_more(
        again,
        expect![[r#"my.toml:31: strategies[1].name: found "trend" a second time; expected a name of its own"#]],
    );
    check_change(
        "symbol = \"ES\"",
        "symbol = \"EQ\"",
        expect![[
            r#"my.toml:10: strategies[0].symbol: found "EQ", which is no instrument; expected ES, the nearest known name"#
        ]],
    );
    check_change(
        "ma_crossover",
        "ma_crosover",
        expect![[
            r#"my.toml:9: strategies[0].kind: found "ma_crosover"; expected a kind of strategy: one of ma_crossover, opening_range, donchian, rsi_reversion, scheduled"#
        ]],
    );
    check_change(
        "[[instruments]]\nname = \"ES\"\n",
        "",
        expect!["my.toml: instruments: found nothing; expected at least one [[instruments]]"],
    );
    check_change(
        "name = \"ES\"",
        "name = \"XX\"",
        expect![[r#"
        my.toml:4: instruments[0].currency: found nothing; expected a currency, 1 to 32 letters, digits, dots or dashes
        my.toml:4: instruments[0].exchange: found nothing; expected an exchange, 1 to 32 letters, digits, dots or dashes
        my.toml:4: instruments[0].multiplier: found nothing; expected a number greater than zero currency units a point
        my.toml:4: instruments[0].tick_size: found nothing; expected a number greater than zero points"#]],
    );
}

#[test]
fn parameters_are_checked_by_the_registry() {
    check_change(
        "stop_ticks = 20",
        "stop_ticks = 20\nparams = { fast = 0, slwo = 3 }",
        expect![[r#"
            my.toml:13: strategies[0].params.fast: found 0; expected a whole number from 1 to 1000 (bars in the fast average)
            my.toml:13: strategies[0].params.slwo: found an unknown key; expected one of fast, slow, short, at_once"#]],
    );
    check_change(
        "stop_ticks = 20",
        "stop_ticks = 20\nparams = 3",
        expect!["my.toml:13: strategies[0].params: found 3; expected a section [strategies[0].params]"],
    );
}

#[test]
fn contradictions_are_found_between_right_sections() {
    check_change(
        "quantity = 1",
        "quantity = 3",
        expect!["my.toml:11: strategies[0].quantity: found 3; expected at most risk.order_size_max, which is 2"],
    );
    check_change(
        "stop_ticks = 20",
        "target_ticks = 20",
        expect![
            "my.toml:7: strategies[0].stop_ticks: found a target without a stop; expected stop_ticks as well, since every entry has a protective stop"
        ],
    );
    check_change(
        "stop_ticks = 20",
        "stop_ticks = 20\nbar_s = 300",
        expect!["my.toml:13: strategies[0].bar_s: found 300; expected one of bars.lengths_s, which are 60"],
    );
    check_change(
        "7497",
        "7496",
        expect![
            "my.toml:2: broker.address: found 7496, the port of accounts with real money; expected a paper trading port (7497 of TWS, 4002 of IB Gateway), or instance.live = true"
        ],
    );
    check_change(
        "[broker]",
        "[broker]\naccount = \"U1234567\"",
        expect![[
            r#"my.toml:2: broker.account: found "U1234567", an account with real money; expected a paper account (they begin with D), or instance.live = true"#
        ]],
    );
    check_change(
        "name = \"ES\"",
        "name = \"ES\"\nmultiplier = 5",
        expect![
            "my.toml:6: instruments[0].multiplier: found 5; expected 50 currency units a point, as the exchange specifies"
        ],
    );
    check_more(
        "[actors]\nping_every_ms = 5000\n",
        expect![[r#"
        my.toml:30: actors.bars.hang_after_ms: found 5000; expected more than actors.ping_every_ms, which is 5000
        my.toml:30: actors.books.hang_after_ms: found 5000; expected more than actors.ping_every_ms, which is 5000
        my.toml:30: actors.broker.hang_after_ms: found 5000; expected more than actors.ping_every_ms, which is 5000
        my.toml:30: actors.storage.hang_after_ms: found 5000; expected more than actors.ping_every_ms, which is 5000
        my.toml:30: actors.strategy.hang_after_ms: found 5000; expected more than actors.ping_every_ms, which is 5000"#]],
    );
    check_more(
        "[actors.bars]\nbackoff_min_ms = 20000\n",
        expect!["my.toml:31: actors.bars.backoff_min_ms: found 20000; expected at most backoff_max_ms, which is 10000"],
    );
    check_more(
        "[gateway]\nsource = \"synthetic\"\nfiles = [\"a\"]\nstart = 2024-06-12T13:25:00Z\n",
        expect![[
            r#"my.toml:32: gateway.files: found a setting of another source; expected source = "files", or no files"#
        ]],
    );
    check_more(
        "[gateway]\nsource = \"files\"\nseed = 1\n",
        expect![[r#"
        my.toml:30: gateway.files: found nothing; expected a list of different elements, at least 1, each a path
        my.toml:32: gateway.seed: found a setting of another source; expected source = "synthetic", or no seed"#]],
    );
    check_more(
        "[gateway]\nspeed = \"fast\"\n",
        expect![[r#"
        my.toml:30: gateway.source: found nothing; expected "synthetic" or "files"
        my.toml:31: gateway.speed: found "fast"; expected market seconds per second, more than 0 and at most 100000, or "max""#]],
    );
    check_more(
        "[backtest]\nseed = 1\n",
        expect![[
            r#"my.toml:31: backtest.seed: found a setting of another source; expected source = "synthetic", or no seed"#
        ]],
    );
    let live = "[instance]\nlive = true\nlive_acknowledgement = \"I accept that this trades real money\"\n";
    check_more(
        &format!("{live}[gateway]\nsource = \"synthetic\"\nstart = 2024-06-12T13:25:00Z\n"),
        expect![
            "my.toml:31: instance.live: found true together with a simulated [gateway]; expected live = false, or no [gateway]"
        ],
    );
    check_more(
        &live.replace("I accept", "I do not accept"),
        expect![[
            r#"my.toml:32: instance.live_acknowledgement: found "I do not accept that this trades real money"; expected "I accept that this trades real money""#
        ]],
    );
}

#[test]
fn all_mistakes_are_shown_together() {
    let text = r#"
risk = 5
[instance]
nam = "x"
live = "yes"
background = "never"
[broker]
client_id = -1
[[instruments]]
name = "ES"
tick_size = 0.5
[[strategies]]
name = "A"
kind = "unknown"
symbol = "NQ"
[[strategies]]
name = "b"
kind = "donchian"
symbol = "ES"
quantity = 0
stop_ticks = "ten"
[strategies.params]
period = 1
[bars]
lengths_s = []
[orders]
flatten_on_stop = "no"
[actors.stratgy]
thread = "t"
[tweaks]
"#;
    expect![[r#"
        my.toml:2: risk: found 5; expected a section [risk]
        my.toml:4: instance.nam: found an unknown key; expected name, the nearest known name
        my.toml:5: instance.live: found "yes"; expected true or false
        my.toml:6: instance.background: found "never"; expected "low" or "idle"
        my.toml:7: broker.address: found nothing; expected an IP address and port such as 127.0.0.1:7497, or a [gateway] section to simulate one
        my.toml:8: broker.client_id: found -1; expected a whole number from 0 to 999999
        my.toml:11: instruments[0].tick_size: found 0.5; expected 0.25 points, as the exchange specifies
        my.toml:12: strategies[0].quantity: found nothing; expected a whole number from 1 to 100000 contracts
        my.toml:12: strategies[0].stop_ticks: found nothing; expected a whole number from 1 to 100000 ticks
        my.toml:13: strategies[0].name: found "A"; expected a name of 1 to 32 of a-z 0-9 _ -
        my.toml:14: strategies[0].kind: found "unknown"; expected a kind of strategy: one of ma_crossover, opening_range, donchian, rsi_reversion, scheduled
        my.toml:20: strategies[1].quantity: found 0; expected a whole number from 1 to 100000 contracts
        my.toml:21: strategies[1].stop_ticks: found "ten"; expected a whole number from 1 to 100000 ticks
        my.toml:23: strategies[1].params.period: found 1; expected a whole number from 2 to 1000 (bars in the channel)
        my.toml:25: bars.lengths_s: found []; expected a list of different elements, at least 1, each a whole number from 1 to 86400 seconds that divides a day
        my.toml:26: orders.emergency_liquidate_on_disconnect: found nothing; expected true or false
        my.toml:27: orders.flatten_on_stop: found "no"; expected true or false
        my.toml:28: actors.stratgy: found an unknown key; expected strategy, the nearest known name
        my.toml:30: tweaks: found an unknown section; expected one of actors, allocation, backtest, bars, broker, calendar, control, expected_outages, feeds, gateway, instance, instruments, log, on_disconnect, orders, protection, recording, risk, storage, strategies"#]].assert_eq(&mistakes(text));
}

#[test]
fn a_protection_that_contradicts_itself_and_a_reserved_name_are_told() {
    check_more(
        "[protection]\nrepair_after_ms = 3_000\nflatten_after_ms = 3_000\nladder_step_ms = 40_000\nladder_tick = 2\n",
        expect![[r#"
            my.toml:30: protection.ladder_retry_max_ms: found 30000; expected at least protection.ladder_step_ms, which is 40000
            my.toml:32: protection.flatten_after_ms: found 3000; expected more than protection.repair_after_ms, which is 3000
            my.toml:34: protection.ladder_tick: found an unknown key; expected ladder_ticks, the nearest known name"#]],
    );
    check_change(
        "name = \"trend\"",
        "name = \"foreign\"",
        expect![[
            r#"my.toml:8: strategies[0].name: found "foreign", which stands for positions that are not Pitboss's; expected another name"#
        ]],
    );
}
