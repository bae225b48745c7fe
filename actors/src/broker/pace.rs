//! Time and the gateway: the heartbeat of a real connection, and the stepping of a replay at the client's pace.
//! In: clock answers. Out: a dead link found, or a driven clock moved. Absent: what deadlines do.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use ibapi::Error;
use tokio::task::yield_now;

use super::*;
use crate::directory::Wake;

/// One clock request at a time; two without an answer and the link is dead, whatever the socket says.
pub(super) fn spawn_heartbeat(broker: &mut Broker, ctx: &mut Context<Broker>) {
    let handle = ctx.run_later(broker.config.broker.heartbeat_every, |broker, ctx| {
        let Some(live) = &broker.session else { return };
        let client = live.session.client.clone();
        let patience = broker.config.broker.request_timeout;
        let asking = async move { tokio::time::timeout(patience, client.server_time_millis()).await };
        let handle = ctx.spawn(asking.into_actor(broker).map(|answer, broker, ctx| {
            let Some(live) = &mut broker.session else { return };
            live.heartbeat_misses = if matches!(answer, Ok(Ok(_))) { 0 } else { live.heartbeat_misses + 1 };
            let misses = live.heartbeat_misses;
            if misses >= broker.config.broker.heartbeat_misses_max {
                broker.drop_session(format!("{misses} heartbeats without an answer"), ctx);
            } else {
                spawn_heartbeat(broker, ctx);
            }
        }));
        if let Some(live) = &mut broker.session {
            live.handles.push(handle);
        }
    });
    if let Some(live) = &mut broker.session {
        live.handles.push(handle);
    }
}

/// Asks the simulated gateway for one step after another: each clock request plays one, and its answer comes behind
/// the step's data. Between two steps everything that the step caused is done, orders and their fills included.
pub(super) fn spawn_driver(broker: &mut Broker, ctx: &mut Context<Broker>) {
    let Some(live) = &broker.session else { return };
    let driver = Driver {
        session: live.session.clone(),
        outgoing: live.outgoing.clone(),
        shared: broker.outlet.shared.clone(),
        hot: hot_gauges(&broker.outlet.shared),
    };
    let handle = ctx.spawn(async move { driver.run().await }.into_actor(broker).map(|reason, broker, ctx| {
        broker.drop_session(format!("the clock request failed: {reason}"), ctx);
    }));
    if let Some(live) = &mut broker.session {
        live.handles.push(handle);
    }
}

fn hot_gauges(shared: &Shared) -> Vec<Arc<Gauge>> {
    let addresses = shared.addresses();
    let bars = addresses.bars.iter().map(|port| port.gauge().clone());
    let strategies = addresses.strategies.iter().map(|port| port.gauge().clone());
    let others = [addresses.books.gauge(), addresses.link.gauge(), addresses.broker.gauge()];
    bars.chain(strategies).chain(others.into_iter().cloned()).collect()
}

struct Driver {
    session: Rc<Session>,
    outgoing: Rc<Outgoing>,
    shared: Arc<Shared>,
    hot: Vec<Arc<Gauge>>,
}

impl Driver {
    async fn run(&self) -> Error {
        while !self.shared.is_stopping() {
            let answer = self.session.client.server_time_millis().await;
            let at = match answer {
                Ok(at) => at,
                Err(reason) => return reason,
            };
            if let Err(reason) = self.settle().await {
                return reason;
            }
            self.shared.clock.advance(convert::timestamp(at));
            for port in &self.shared.addresses().timed {
                port.send(Wake);
            }
            if let Err(reason) = self.settle().await {
                return reason;
            }
        }
        // The system stops; nobody wants another step.
        std::future::pending().await
    }

    /// Until nothing is under way: in mailboxes, in the queue to the socket, or at the gateway.
    async fn settle(&self) -> Result<(), Error> {
        loop {
            self.quiet().await;
            if self.outgoing.unconfirmed.replace(0) == 0 {
                return Ok(());
            }
            // The answer comes behind everything that the gateway says to the requests before it.
            self.session.client.next_valid_order_id().await?;
        }
    }

    async fn quiet(&self) {
        // Streams that were ready along with this task get their turn first.
        yield_now().await;
        yield_now().await;
        while !self.shared.is_quiet(&self.hot) || self.outgoing.waiting.get() > 0 {
            yield_now().await;
        }
    }
}
