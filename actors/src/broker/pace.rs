//! Time and the gateway: the heartbeat of a real connection, and the stepping of a replay at the client's pace.
//! In: clock answers. Out: a dead link found, or a driven clock moved. Absent: what deadlines do.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix::{ActorFutureExt, Addr, AsyncContext, Context, WrapFuture};
use ibapi::Error;
use tokio::task::yield_now;

use super::send::StartInventory;
use super::*;
use crate::directory::Wake;
use crate::floor::Hold;

/// One clock request at a time; two without an answer and the link is dead, whatever the socket says.
pub(super) fn spawn_heartbeat(broker: &mut Broker, ctx: &mut Context<Broker>) {
    let handle = ctx.run_later(broker.config.broker.heartbeat_every, |broker, ctx| {
        let Some(live) = &broker.session else { return };
        let client = live.session.client.clone();
        let patience = broker.config.broker.heartbeat_patience();
        let asking = async move { tokio::time::timeout(patience, client.server_time_millis()).await };
        let handle = ctx.spawn(asking.into_actor(broker).map(|answer, broker, ctx| {
            let Some(live) = &mut broker.session else { return };
            let before = live.heartbeat_misses;
            live.heartbeat_misses = if matches!(answer, Ok(Ok(_))) { 0 } else { before + 1 };
            let misses = live.heartbeat_misses;
            broker.tell_heartbeat(before, misses);
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

impl Broker {
    /// A clock request without an answer is an alarm before it is a dead link; its end is told too.
    fn tell_heartbeat(&mut self, before: u32, misses: u32) {
        let max = self.config.broker.heartbeat_misses_max;
        if misses > 0 {
            let text = format!("heartbeat {misses} of {max} without an answer");
            self.tell(Severity::Warning, "broker.heartbeat_missed", text);
        } else if before > 0 {
            let text = "heartbeats are answered again".to_owned();
            self.tell(Severity::Info, "broker.heartbeat_back", text);
        }
    }
}

/// Asks the simulated gateway for one step after another: each clock request plays one, and its answer comes behind
/// the step's data. Between two steps everything that the step caused is done, orders and their fills included.
pub(super) fn spawn_driver(broker: &mut Broker, ctx: &mut Context<Broker>) {
    let Some(live) = &broker.session else { return };
    let driver = Driver {
        broker: ctx.address(),
        session: live.session.clone(),
        outgoing: live.outgoing.clone(),
        incoming: live.incoming.clone(),
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
    broker: Addr<Broker>,
    session: Rc<Session>,
    outgoing: Rc<Outgoing>,
    incoming: Rc<Gate>,
    shared: Arc<Shared>,
    hot: Vec<Arc<Gauge>>,
}

impl Driver {
    /// Ends with the connection, or waits with open gates for the system's end.
    async fn run(&self) -> Error {
        self.outgoing.driven.set(true);
        self.incoming.shut();
        self.outgoing.gate.shut();
        let mut hold = Hold::new(self.shared.clone());
        let ended = self.drive(&mut hold).await;
        drop(hold);
        self.outgoing.driven.set(false);
        self.incoming.open();
        self.outgoing.gate.open();
        match ended {
            Err(reason) => reason,
            Ok(()) => std::future::pending().await,
        }
    }

    async fn drive(&self, floor: &mut Hold) -> Result<(), Error> {
        while !self.shared.is_stopping() {
            let at = self.session.client.server_time_millis().await?;
            self.receive(floor).await;
            self.settle(floor).await?;
            if self.shared.is_stopping() {
                // Whoever would be woken is ending.
                break;
            }
            self.shared.clock.advance(convert::timestamp(at));
            for port in &self.shared.addresses().timed {
                port.send(Wake);
            }
            self.settle(floor).await?;
            self.shared.tally.steps.fetch_add(1, Ordering::Release);
        }
        // The system stops; nobody wants another step.
        Ok(())
    }

    /// Until nothing is under way: in mailboxes, in the queue to the socket, or at the gateway. Requests go out when
    /// everything that could add one is done, and answers come in when all of them are there, so that the order of both
    /// is the same every time, and the backtest's.
    async fn settle(&self, floor: &mut Hold) -> Result<(), Error> {
        loop {
            self.quiet(floor).await;
            if self.outgoing.waiting.get() == 0 && self.outgoing.inventories.get() == 0 {
                return Ok(());
            }
            self.send().await;
            if self.outgoing.unconfirmed.replace(0) > 0 {
                // The answer comes behind everything that the gateway says to the requests before it.
                self.session.client.next_valid_order_id().await?;
            }
            self.receive(floor).await;
            self.take_inventories(floor).await;
        }
    }

    /// Their rows come on the order stream as well, which would overflow if nobody read it.
    /// The crate copies every execution that an inventory lists to the order stream, whose queue is bounded: the gate
    /// stays open meanwhile. All of them are known to the books, so it does not matter when they come in.
    async fn take_inventories(&self, floor: &mut Hold) {
        while let asked @ 1.. = self.outgoing.inventories.get() {
            let Some(question) = self.outgoing.questions.borrow_mut().pop_front() else { return };
            self.broker.do_send(StartInventory(question));
            self.incoming.open();
            while self.outgoing.inventories.get() == asked {
                yield_now().await;
            }
            self.receive(floor).await;
        }
    }

    async fn send(&self) {
        self.outgoing.gate.open();
        while self.outgoing.waiting.get() > 0 {
            yield_now().await;
        }
        self.outgoing.gate.shut();
    }

    /// Lets in everything that has come, however much that is, and waits until it is handled.
    async fn receive(&self, floor: &mut Hold) {
        self.incoming.open();
        loop {
            self.quiet(floor).await;
            if !self.incoming.take_moved() {
                break;
            }
        }
        self.incoming.shut();
    }

    /// Until the floor is done and every mailbox empty.
    async fn quiet(&self, floor: &mut Hold) {
        // Streams that were ready along with this task get their turn first.
        yield_now().await;
        yield_now().await;
        while floor.run() || !self.shared.is_quiet(&self.hot) {
            yield_now().await;
        }
    }
}
