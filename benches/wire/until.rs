//! When a session is over: all trades have come and the order that the last of them caused has been read by the gateway.
//! In: the gateway's probe. Out: a wait with a deadline.

use std::time::{Duration, Instant};

use gateway::{Probe, WireLog};

/// Nothing takes this long; what does is a failure.
pub const DEADLINE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(2);

pub struct Until {
    /// Trades that the market holds.
    pub trades: u64,
    /// Which order the last trade causes, counted from 1; `None`: it causes none.
    pub last_order: Option<usize>,
    pub probe: Probe,
}

impl Until {
    /// Resolves when the gateway has read the last trade's order.
    pub async fn last_order_is_read(&self) {
        let waiting = async {
            while self.last_order.is_some() && self.last_order_at(&self.probe.log()).is_none() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let in_time = tokio::time::timeout(DEADLINE, waiting).await.is_ok();
        let read = self.probe.log().orders.len();
        assert!(in_time, "the last trade causes an order, but {read} of {:?} were read", self.last_order);
    }

    /// When it was read; `None` before that.
    pub fn last_order_at(&self, log: &WireLog) -> Option<Instant> {
        let read = log.orders.get(self.last_order? - 1).copied()?;
        let last_written = log.steps.last()?.at;
        assert!(read > last_written, "order {:?} came before the trade that should cause it", self.last_order);
        Some(read)
    }
}
