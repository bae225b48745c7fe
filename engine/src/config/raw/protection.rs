//! The section `[protection]`: how a position is protected and closed. In: the section. Out: the typed one, with defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use super::kind::{millis, whole};
use super::walk::{Section, Walk};
use crate::config::ProtectionConfig;

const MINUTES_10: u64 = 600_000;

pub(super) fn protection(root: &Section<'_>) -> Option<ProtectionConfig> {
    root.section("protection", |s| {
        let repair_after = s.or("repair_after_ms", millis(100..=MINUTES_10), Duration::from_secs(1));
        let flatten_after = s.or("flatten_after_ms", millis(200..=MINUTES_10), Duration::from_secs(5));
        let ladder_step = s.or("ladder_step_ms", millis(100..=MINUTES_10), Duration::from_secs(1));
        let ladder_ticks = s.or("ladder_ticks", whole(0..=10_000u32, "ticks"), 4);
        let ladder_reprices = s.or("ladder_reprices", whole(0..=100u32, "new prices"), 1);
        let ladder_retry_max = s.or("ladder_retry_max_ms", millis(100..=MINUTES_10), Duration::from_secs(30));
        Some(ProtectionConfig {
            repair_after: repair_after?,
            flatten_after: flatten_after?,
            ladder_step: ladder_step?,
            ladder_ticks: ladder_ticks?,
            ladder_reprices: ladder_reprices?,
            ladder_retry_max: ladder_retry_max?,
            accepted: BTreeMap::new(),
        })
    })
}

/// A repair that comes after the position was closed is none; a wait that shrinks is a slip.
pub(super) fn contradictions(walk: &Walk<'_>, protection: &ProtectionConfig) {
    let ms = |span: Duration| span.as_millis().to_string();
    if protection.flatten_after <= protection.repair_after {
        let expected = format!("more than protection.repair_after_ms, which is {}", ms(protection.repair_after));
        walk.report("protection.flatten_after_ms", ms(protection.flatten_after), expected);
    }
    if protection.ladder_retry_max < protection.ladder_step {
        let expected = format!("at least protection.ladder_step_ms, which is {}", ms(protection.ladder_step));
        walk.report("protection.ladder_retry_max_ms", ms(protection.ladder_retry_max), expected);
    }
}
