//! `[on_disconnect]`, `[feeds]` and `[calendar]`: what happens when the broker or its data is away.
//! In: sections. Out: typed sections, with the documented defaults.

use std::time::Duration;

use super::kind::{Kind, boolean, millis, text, whole};
use super::session::{time_of_day, weekday, zone};
use super::walk::Section;
use crate::config::{AtClose, CalendarConfig, FeedsConfig, LossPolicy, OnDisconnect, OrdersConfig, WeeklyLogin};

const POLICIES: &str = "\"liquidate\" or \"hold\"";
const DAY_S: u64 = 86_400;

/// `orders` says what holds where the section does not; it must not say the contrary.
pub(super) fn on_disconnect(root: &Section<'_>, orders: Option<&OrdersConfig>) -> Option<OnDisconnect> {
    let flag = orders.map(|orders| orders.emergency_liquidate_on_disconnect);
    if !root.has("on_disconnect") {
        return Some(OnDisconnect::of_flag(flag?));
    }
    root.section("on_disconnect", |s| {
        let policy = s.get("policy", policy());
        let grace = s.or("grace_s", whole(0..=DAY_S, "seconds"), 0);
        let expected = s.get("expected_policy", self::policy());
        let expected_grace = s.get("expected_grace_s", whole(0..=DAY_S, "seconds"));
        if let (Some(Some(liquidates)), Some(flag)) = (policy, flag)
            && liquidates != flag
        {
            let expected = format!(
                "{}, since orders.emergency_liquidate_on_disconnect = {flag}",
                if flag { "\"liquidate\"" } else { "\"hold\"" }
            );
            s.mistake("policy", if liquidates { "\"liquidate\"" } else { "\"hold\"" }, expected);
            return None;
        }
        let liquidates = policy?.or(flag)?;
        let (grace, expected_grace) = (grace?, expected_grace?);
        Some(OnDisconnect {
            unexpected: loss(liquidates, grace),
            expected: loss(expected?.unwrap_or(liquidates), expected_grace.unwrap_or(grace)),
        })
    })
}

fn loss(liquidates: bool, grace_s: u64) -> LossPolicy {
    if liquidates { LossPolicy::Liquidate { after: Duration::from_secs(grace_s) } } else { LossPolicy::Hold }
}

/// Whether positions are closed.
fn policy() -> Kind<'static, bool> {
    text(POLICIES, |text| matches!(text, "liquidate" | "hold")).map(|text| text == "liquidate")
}

pub(super) fn feeds(root: &Section<'_>) -> Option<FeedsConfig> {
    let default = FeedsConfig::default();
    root.section("feeds", |s| {
        let silent_after = s.or("silent_after_ms", millis(1_000..=3_600_000), default.silent_after);
        let quiet_after = s.or("quiet_after_ms", millis(1_000..=86_400_000), default.quiet_after);
        let bars_missed_max = s.or("bars_missed_max", whole(1..=1_000, "bars"), default.bars_missed_max);
        let feeds =
            FeedsConfig { silent_after: silent_after?, quiet_after: quiet_after?, bars_missed_max: bars_missed_max? };
        super::plumbing::ordered(s, ("silent_after_ms", feeds.silent_after), ("quiet_after_ms", feeds.quiet_after))?;
        Some(feeds)
    })
}

pub(super) fn calendar(root: &Section<'_>) -> Option<CalendarConfig> {
    let default = CalendarConfig::default();
    root.section("calendar", |s| {
        let minutes = |max: u64| whole(0..=max, "minutes").map(|minutes| Duration::from_secs(60 * minutes));
        let hold_before = s.or("hold_entries_min", minutes(720), default.hold_before);
        let hold_inside = s.or("hold_entries_inside", boolean(), default.hold_inside);
        let weekend = s.or("weekend", at_close(), default.weekend);
        let session_close = s.or("session_close", at_close(), default.session_close);
        let flat_before = s.or("flat_before_min", minutes(720), default.flat_before);
        let login = s.or("login", boolean(), true);
        let of_login = WeeklyLogin::default();
        let weekday = s.or("login_weekday", weekday(), of_login.weekday);
        let from = s.or("login_from", time_of_day(), of_login.from);
        let zone = s.or("login_zone", zone(), of_login.zone);
        let weekly = WeeklyLogin { weekday: weekday?, from: from?, zone: zone? };
        Some(CalendarConfig {
            hold_before: hold_before?,
            hold_inside: hold_inside?,
            weekend: weekend?,
            session_close: session_close?,
            flat_before: flat_before?,
            login: login?.then_some(weekly),
        })
    })
}

fn at_close() -> Kind<'static, AtClose> {
    text("\"flat\" or \"protected\"", |text| matches!(text, "flat" | "protected"))
        .map(|text| if text == "flat" { AtClose::Flat } else { AtClose::Protected })
}
