//! Orders in any one second, over all strategies. Source: MiFID RTS 6, article 15.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Breach, View};
use crate::config::Limit;
use crate::time::Timestamp;

pub const RULE: &str = "orders_per_second";
const WINDOW: Duration = Duration::from_secs(1);

/// `new_orders`: tickets this intent would send, children included.
pub fn check(view: &View, new_orders: u32, limit: Limit<u32>) -> Result<(), Breach> {
    let Limit::Max(max) = limit else { return Ok(()) };
    let would_be = view.orders_last_second.saturating_add(new_orders);
    if would_be > max { Err(Breach::new(RULE, would_be, max)) } else { Ok(()) }
}

/// When orders were sent, for the last second.
#[derive(Clone, Debug, Default)]
pub struct Sent(VecDeque<Timestamp>);

impl Sent {
    pub fn record(&mut self, now: Timestamp, orders: usize) {
        self.0.extend(std::iter::repeat_n(now, orders));
    }

    pub fn last_second(&mut self, now: Timestamp) -> u32 {
        while self.0.front().is_some_and(|&at| now.since(at) >= WINDOW) {
            self.0.pop_front();
        }
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}
