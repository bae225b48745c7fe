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
    pub ending: Ending,
    pub probe: Probe,
}

/// Which order is the last trade's.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// None: the last trade opens no minute.
    None,
    /// The one with this number, counted from 1: there is one order for each minute that a trade opened.
    Numbered(usize),
    /// The first that is read after the last trade was written: the minutes before caused none.
    FirstAfter,
}

impl Until {
    /// Resolves when the gateway has read the last trade's order.
    pub async fn last_order_is_read(&self) {
        let waiting = async {
            while !matches!(self.ending, Ending::None) && self.last_order(&self.probe.log()).is_none() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.expect("the last trade causes an order");
    }

    /// When it was read; `None` before that.
    pub fn last_order(&self, log: &WireLog) -> Option<Instant> {
        let written: u64 = log.steps.iter().map(|step| step.ticks).sum();
        let last = log.steps.last().filter(|_| written == self.trades)?;
        match self.ending {
            Ending::None => None,
            Ending::Numbered(n) => log.orders.get(n - 1).copied(),
            Ending::FirstAfter => log.orders.iter().copied().find(|&read| read > last.at),
        }
    }
}
