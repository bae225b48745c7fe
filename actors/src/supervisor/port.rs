//! The one way to send to a supervised actor. In: messages. Out: messages in its mailbox, counted in its [`Gauge`].
//! Absent: blocking, locks, allocation of its own, waiting for an answer (that is `Addr::send`).

use std::fmt;
use std::sync::Arc;

use actix::dev::channel::AddressSender;
use actix::{Actor, Context, Handler, Message};

use super::gauge::Gauge;

/// The sending side of a mailbox, whatever actor is behind it.
trait Mailbox<M>: Send + Sync {
    /// Queues `message` whatever the depth; hands it back when the mailbox is closed.
    fn post(&self, message: M) -> Result<(), M>;
}

impl<A, M> Mailbox<M> for AddressSender<A>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn post(&self, message: M) -> Result<(), M> {
        self.do_send(message).map_err(|error| error.into_inner())
    }
}

/// Cheap to clone; stays valid when the actor is rebuilt.
pub struct Port<M> {
    mailbox: Arc<dyn Mailbox<M>>,
    gauge: Arc<Gauge>,
}

impl<M> Clone for Port<M> {
    fn clone(&self) -> Self {
        Self { mailbox: self.mailbox.clone(), gauge: self.gauge.clone() }
    }
}

impl<M> fmt::Debug for Port<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Port(to {})", self.gauge.name())
    }
}

impl<M> Port<M> {
    pub(crate) fn new<A>(mailbox: Arc<AddressSender<A>>, gauge: Arc<Gauge>) -> Self
    where
        A: Actor<Context = Context<A>> + Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        Self { mailbox, gauge }
    }

    pub fn gauge(&self) -> &Arc<Gauge> {
        &self.gauge
    }

    /// Queues an order, a fill, a command: what must never be dropped for want of room. Above the capacity it is
    /// queued all the same and counted; the supervisor reports `mailbox.overflow`. A closed mailbox
    /// (the actor is given up or stopped) is counted too, and reported as `mailbox.closed`.
    pub fn send(&self, message: M) {
        let depth = self.gauge.enter();
        match self.mailbox.post(message) {
            Ok(()) => {
                self.gauge.pushed(depth);
                if depth > self.gauge.capacity() {
                    self.gauge.over_capacity();
                }
            }
            Err(_lost) => self.gauge.found_closed(),
        }
    }

    /// Queues market data, or hands it back to be conflated when the mailbox is full or closed.
    pub fn offer(&self, message: M) -> Result<(), M> {
        let depth = self.gauge.enter();
        if depth > self.gauge.capacity() {
            self.gauge.refuse();
            return Err(message);
        }
        match self.mailbox.post(message) {
            Ok(()) => {
                self.gauge.pushed(depth);
                Ok(())
            }
            Err(message) => {
                self.gauge.found_closed();
                Err(message)
            }
        }
    }
}
