//! `[on_disconnect]`, `[feeds]` and `[calendar]`.

use super::*;
use crate::config::{AtClose, FeedsConfig, LossPolicy, OnDisconnect, WeeklyLogin};

fn policy(more: &str, liquidate: bool) -> OnDisconnect {
    let text = SMALLEST.replace("on_disconnect = false", &format!("on_disconnect = {liquidate}"));
    read_text(&format!("{text}{more}")).expect("no mistake").on_disconnect
}

fn after(secs: u64) -> LossPolicy {
    LossPolicy::Liquidate { after: Duration::from_secs(secs) }
}

#[test]
fn the_flag_alone_means_what_it_says() {
    assert_eq!(policy("", true), OnDisconnect { unexpected: after(0), expected: after(0) });
    assert_eq!(policy("", false), OnDisconnect { unexpected: LossPolicy::Hold, expected: LossPolicy::Hold });
}

#[test]
fn a_grace_period_and_another_policy_for_expected_outages() {
    let more = "[on_disconnect]\ngrace_s = 60\n";
    assert_eq!(policy(more, true), OnDisconnect { unexpected: after(60), expected: after(60) });
    assert_eq!(policy(more, false).unexpected, LossPolicy::Hold);
    let more = "[on_disconnect]\npolicy = \"liquidate\"\nexpected_policy = \"hold\"\n";
    assert_eq!(policy(more, true), OnDisconnect { unexpected: after(0), expected: LossPolicy::Hold });
    let more = "[on_disconnect]\nexpected_policy = \"liquidate\"\nexpected_grace_s = 7200\n";
    assert_eq!(policy(more, false), OnDisconnect { unexpected: LossPolicy::Hold, expected: after(7_200) });
}

#[test]
fn a_policy_that_contradicts_the_flag_is_a_mistake() {
    check_more(
        "[on_disconnect]\npolicy = \"liquidate\"\n",
        expect![[
            r#"my.toml:31: on_disconnect.policy: found "liquidate"; expected "hold", since orders.emergency_liquidate_on_disconnect = false"#
        ]],
    );
    check_more(
        "[on_disconnect]\npolicy = \"pray\"\ngrace_s = -1\n",
        expect![[r#"
            my.toml:31: on_disconnect.policy: found "pray"; expected "liquidate" or "hold"
            my.toml:32: on_disconnect.grace_s: found -1; expected a whole number from 0 to 86400 seconds"#]],
    );
}

#[test]
fn silence_and_calendar_have_defaults_and_limits() {
    let config = read_text(SMALLEST).expect("no mistake");
    assert_eq!(config.feeds, FeedsConfig::default());
    assert_eq!(config.calendar.login, Some(WeeklyLogin::default()));
    let more = "[feeds]\nsilent_after_ms = 2000\n[calendar]\nweekend = \"flat\"\nlogin = false\nhold_entries_min = 0\n";
    let config = read_text(&format!("{SMALLEST}{more}")).expect("no mistake");
    assert_eq!(config.feeds.silent_after, Duration::from_secs(2));
    assert_eq!((config.calendar.weekend, config.calendar.login), (AtClose::Flat, None));
    assert_eq!(config.calendar.hold_before, Duration::ZERO);
    check_more(
        "[feeds]\nsilent_after_ms = 90000\n[calendar]\nweekend = \"closed\"\nlogin_from = \"1 am\"\n",
        expect![[r#"
            my.toml:31: feeds.silent_after_ms: found 90000; expected at most quiet_after_ms, which is 60000
            my.toml:33: calendar.weekend: found "closed"; expected "flat" or "protected"
            my.toml:34: calendar.login_from: found "1 am"; expected a time of day such as "23:00""#]],
    );
}

#[test]
fn a_session_is_recorded_on_one_thread_or_not_at_all() {
    let split = "[actors.books]\nthread = \"books\"\n";
    assert_eq!(mistakes(&format!("{SMALLEST}{split}")), "no mistake");
    assert_eq!(mistakes(&format!("{SMALLEST}[recording]\nenabled = true\n")), "no mistake");
    let told = mistakes(&format!("{SMALLEST}{split}[recording]\nenabled = true\n"));
    assert!(told.contains("recording.enabled") && told.contains("books on \"books\""), "{told}");
    assert!(told.contains("on one thread"), "{told}");
}
