//! What the supervisor is told about an actor, and what it hands back. In: a spec. Out: addresses and ports.
//! Absent: running it.

use std::sync::Arc;

use actix::dev::channel::AddressSender;
use actix::{Actor, Addr, Context, Handler, Message};
use engine::config::ActorConfig;
use engine::supervision::OnGiveUp;

use super::gauge::Gauge;
use super::port::Port;

/// Sent to an actor when the system ends in order, behind everything already in its mailbox. The actor ends
/// when its answer is complete, so a handler that has to flush or to wait returns a future.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Stop;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Restart {
    /// Always rebuilt, also when it stops itself.
    Permanent,
    /// Rebuilt after a panic; may stop itself.
    Transient,
    /// Never rebuilt.
    Temporary,
}

#[derive(Clone, Debug)]
pub struct ChildSpec {
    /// Unique: `strategy:opening-range`.
    pub name: String,
    /// `strategy`.
    pub kind: String,
    pub config: ActorConfig,
    pub restart: Restart,
    /// When one of a group fails, all of it are rebuilt together. The limits and `on_give_up` of a group are those of
    /// the member that was added first.
    pub group: Option<String>,
    /// Started in rising order, stopped in falling order; equal ones in the order in which they were added.
    pub order: u32,
    pub on_give_up: OnGiveUp,
}

/// A supervised actor, from the moment it is added. What is sent before it starts waits in its mailbox.
pub struct Child<A: Actor> {
    sender: Arc<AddressSender<A>>,
    gauge: Arc<Gauge>,
}

impl<A: Actor> Clone for Child<A> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), gauge: self.gauge.clone() }
    }
}

impl<A: Actor<Context = Context<A>>> Child<A> {
    pub(crate) fn new(sender: AddressSender<A>, gauge: Arc<Gauge>) -> Self {
        Self { sender: Arc::new(sender), gauge }
    }

    /// For requests with an answer. Stays valid when the actor is rebuilt; not counted in the gauge.
    pub fn addr(&self) -> Addr<A> {
        Addr::new(AddressSender::clone(&self.sender))
    }

    pub fn gauge(&self) -> &Arc<Gauge> {
        &self.gauge
    }

    pub fn port<M>(&self) -> Port<M>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        Port::new(self.sender.clone(), self.gauge.clone())
    }
}
