//! Every fault does on the wire what its row says. Each row of the table has a test here that bears its name; a row
//! without one is a failure.

/// Tests of faults, one for each name: `name => async block`.
macro_rules! fault_tests {
    ($($test:ident: $fault:literal => $body:block)*) => {
        /// The faults that are tested in this file.
        pub const TESTED: &[&str] = &[$($fault),*];

        $(#[tokio::test]
        async fn $test() $body)*
    };
}

mod account;
mod connectivity;
mod data;
mod limits;
mod links;
mod order_events;
mod requests;
mod table;

use super::raw::Raw;
use super::*;
use crate::{Fault, Rehearsal, start_rehearsal};

/// Long enough to see that nothing comes meanwhile, short enough to wait for its end. Faults of connections count it on
/// the wall where market time stands still.
const SHORT: Duration = Duration::from_millis(250);
const TRANSCRIPT: usize = 100_000;

/// A gateway with a transcript whose market moves when the first subscriber asks for the time.
fn lab(events: Vec<FeedEvent>) -> Gateway {
    let rehearsal = Rehearsal { transcript_entries: TRANSCRIPT, ..Rehearsal::default() };
    start_rehearsal(options(events, Pacing::Answered), rehearsal).expect("a free port")
}

/// A market that stands at 5000 to 5000.25, a quote and a trade for each second.
fn quiet_market(seconds: i64) -> Vec<FeedEvent> {
    (0..seconds).flat_map(|second| [quote(second, 5000.0, 50, 5000.25, 50), trade(second, 5000.25, 1)]).collect()
}

fn inject(gateway: &Gateway, fault: Fault) -> u64 {
    gateway.inject(fault).expect("a fault that can happen now")
}

/// A desk that paces the market and has seen its first quote, so that orders fill.
async fn desk(gateway: &Gateway) -> (Desk, Subscription<ibapi::market_data::realtime::Trade>) {
    let desk = Desk::open(gateway, 1).await;
    let ticks = within(desk.client.tick_by_tick(&desk.contract, 0).last()).await.expect("trades");
    step(&desk.client).await;
    (desk, ticks)
}

/// Plays until so many seconds after the open.
async fn play_to(client: &Client, second: i64) {
    for _ in 0..1000 {
        if step(client).await >= second {
            return;
        }
    }
    panic!("the market does not reach second {second}");
}

impl Desk {
    async fn cancel(&self, id: i32) {
        drop(within(self.client.cancel_order(id, "")).await.expect("sent"));
    }

    /// The lines of everything about orders that has been sent by now.
    async fn lines(&mut self) -> Vec<String> {
        self.settle().await;
        let mut lines = Vec::new();
        while let Ok(item) = tokio::time::timeout(QUIET, self.updates.next()).await {
            match item.expect("the stream goes on").expect("a message that can be read") {
                SubscriptionItem::Data(update) => lines.push(line(&update)),
                SubscriptionItem::Notice(notice) => lines.push(format!("error {}", notice.code)),
            }
        }
        lines
    }
}

/// Which kinds of lines come, in order: `open`, `status`, `fill`, `commission`, `error`.
fn kinds(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| line.split(' ').next().expect("a word")).collect()
}
