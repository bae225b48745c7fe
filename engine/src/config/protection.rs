//! How positions are protected and closed: the section `[protection]`, typed. Absent: who acts on it; the books do.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::market::SymbolId;

#[derive(Clone, Debug, PartialEq)]
pub struct ProtectionConfig {
    /// A position without a resting stop of its size gets one after this time: the stop may have ended because its
    /// position did, and that is told a moment later.
    pub repair_after: Duration,
    /// A position that has been without for this long is closed.
    pub flatten_after: Duration,
    /// How long each step of closing a position may take before the next.
    pub ladder_step: Duration,
    /// How far beyond the other side's price a closing limit order may deal, in ticks; each new price adds as much.
    pub ladder_ticks: u32,
    /// How often a closing limit order gets a new price before it becomes a market order.
    pub ladder_reprices: u32,
    /// When closing was refused or did not fill, the next attempt waits, doubling from `ladder_step` up to this.
    pub ladder_retry_max: Duration,
    /// Net positions that an operator has seen at the broker and accepts although the book cannot explain them. Never
    /// from a file: `pitboss run --accept`.
    pub accepted: BTreeMap<SymbolId, i64>,
}
