//! The writing side: one queue, one writer, so that requests reach the gateway in the order in which they were made.
//! In: jobs. Out: frames on the socket. Absent: waiting for answers; those come on the order stream.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{self, Waker};

use actix::{ActorFutureExt, Addr, AsyncContext, Context, WrapFuture};
use engine::trade::{BrokerEvent, BrokerOrderId, Leg, OrderTicket, Question};
use ibapi::Error;
use slog::error;
use tokio::sync::mpsc;

use super::session::Session;
use super::{Broker, NotSent, Outgoing, convert};
use crate::directory::{Cause, Shared};
use crate::latency::Span;
use crate::supervisor::mono_ns;

pub(super) enum Job {
    /// A new order or a changed one, with the tick and the signal behind it.
    Place {
        ticket: OrderTicket,
        cause: Cause,
    },
    Cancel(BrokerOrderId),
    Ask(Ask),
}

/// What the books want to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Inventory(Question),
    Positions(Question),
}

struct Writer {
    session: Rc<Session>,
    shared: Arc<Shared>,
    config: Arc<engine::config::Config>,
    broker: Addr<Broker>,
    outgoing: Rc<Outgoing>,
}

/// The writer at its work: pushed on by whoever has given it a job, so that an order is on the socket before its
/// caller goes on; and polled as a task for what did not go at once.
pub(super) struct Writing {
    work: RefCell<Pin<Box<dyn Future<Output = ()>>>>,
    /// Of the task.
    waker: RefCell<Waker>,
}

impl Writing {
    /// Writes as much as the socket takes now.
    pub fn push_on(&self, outgoing: &Outgoing) {
        let idle = &mut task::Context::from_waker(Waker::noop());
        let ended = self.work.borrow_mut().as_mut().poll(idle).is_ready();
        if ended || outgoing.waiting.get() > 0 {
            // It waits for something, and the task must be told when that comes.
            self.waker.borrow().wake_by_ref();
        }
    }

    /// The task. Ends with the queue.
    pub async fn done(self: Rc<Self>) {
        poll_fn(|cx| {
            self.waker.borrow_mut().clone_from(cx.waker());
            self.work.borrow_mut().as_mut().poll(cx)
        })
        .await;
    }
}

pub(super) fn writing(
    broker: &Broker,
    session: Rc<Session>,
    mut queue: mpsc::UnboundedReceiver<Job>,
    outgoing: Rc<Outgoing>,
    ctx: &mut Context<Broker>,
) -> Rc<Writing> {
    let writer = Writer {
        session,
        shared: broker.outlet.shared.clone(),
        config: broker.config.clone(),
        broker: ctx.address(),
        outgoing,
    };
    let work = async move {
        while let Some(job) = queue.recv().await {
            writer.outgoing.gate.passed().await;
            writer.write(job).await;
            writer.outgoing.waiting.set(writer.outgoing.waiting.get() - 1);
        }
    };
    Rc::new(Writing { work: RefCell::new(Box::pin(work)), waker: RefCell::new(Waker::noop().clone()) })
}

impl Writer {
    async fn write(&self, job: Job) {
        match job {
            Job::Place { ticket, cause } => self.place(&ticket, cause).await,
            Job::Cancel(order_id) => {
                self.outgoing.unconfirmed.set(self.outgoing.unconfirmed.get() + 1);
                // The subscription is dropped at once: the confirmation comes on the order stream.
                let sent = self.session.client.cancel_order(order_id.0, "").await.map(drop);
                self.check(order_id, "cancel", sent);
            }
            Job::Ask(question) => {
                self.outgoing.inventories.set(self.outgoing.inventories.get() + 1);
                if self.outgoing.driven.get() {
                    self.outgoing.questions.borrow_mut().push_back(question);
                } else {
                    self.broker.do_send(StartInventory(question));
                }
            }
        }
    }

    async fn place(&self, ticket: &OrderTicket, cause: Cause) {
        let symbol = usize::from(ticket.symbol.0);
        let order = convert::order(ticket, &self.config.instruments[symbol], &self.session.account);
        self.outgoing.unconfirmed.set(self.outgoing.unconfirmed.get() + 1);
        let sent = self.session.client.submit_order(ticket.order_id.0, &self.session.contracts[symbol], &order).await;
        if ticket.transmit && !self.config.broker.busy_poll.is_zero() {
            // The kernel wakes the receiver of a loopback connection on this core, where a thread that never rests would
            // keep it waiting. Never between an entry and its stop.
            std::thread::yield_now();
        }
        if cause.signal != 0 && matches!(ticket.leg, Leg::Entry | Leg::Exit) {
            let now = mono_ns();
            self.shared.latency.record(Span::SignalToOrder, now.saturating_sub(cause.signal));
            self.shared.latency.record(Span::TickToOrder, now.saturating_sub(cause.tick));
        }
        self.check(ticket.order_id, "order", sent);
    }

    /// Only a refusal before writing is certain. Any other failure leaves the request's fate open; the connection is
    /// lost with it, and reconciliation settles that.
    fn check(&self, order_id: BrokerOrderId, what: &str, sent: Result<(), Error>) {
        let Err(reason) = sent else { return };
        error!(self.shared.log, "{what} {} was not sent: {reason}", order_id.0;
            "event" => "broker.send_failed", "order_id" => order_id.0);
        let certain = matches!(
            reason,
            Error::InvalidArgument(_) | Error::OrderIdInRequestRange { .. } | Error::ServerVersion(..)
        );
        if certain {
            self.broker.do_send(NotSent { order_id, text: reason.to_string() });
        }
    }
}

/// The queue reached the request for an inventory.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(super) struct StartInventory(pub Ask);

impl actix::Handler<StartInventory> for Broker {
    type Result = ();

    fn handle(&mut self, StartInventory(ask): StartInventory, ctx: &mut Context<Self>) {
        let Some(live) = &mut self.session else { return };
        let (session, log) = (live.session.clone(), self.outlet.shared.log.clone());
        let asking = async move {
            Ok(match ask {
                Ask::Inventory(question) => BrokerEvent::Snapshot(question, Box::new(session.inventory(&log).await?)),
                Ask::Positions(question) => BrokerEvent::Positions(question, session.positions().await?),
            })
        };
        let handle = ctx.spawn(asking.into_actor(self).map(|answer, broker, ctx| broker.on_answer(answer, ctx)));
        if let Some(live) = &mut self.session {
            live.handles.push(handle);
        }
    }
}
