//! The broker actor: one connection to TWS or IB Gateway through `ibapi`, rebuilt whenever it is in doubt.
//! In: commands of the books and the link. Out: ticks, order events, connection news. Absent: decisions about orders.
//!
//! The crate's own reconnecting is switched off, so that every loss has one path. Orders go out through one queue in
//! the order in which they were asked for. A dead peer is found by our own heartbeat: a send on a half-open
//! connection succeeds.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, SpawnHandle, StreamHandler, Supervised, WrapFuture,
};
use engine::config::Config;
use engine::intake::Intake;
use engine::journal::Severity;
use engine::market::{Price, PriceGrid, SymbolId};
use engine::trade::{BrokerEvent, BrokerOrderId, BrokerRequest};
use engine::wiring::{BrokerCommand, News, Output};
use futures::Stream;
use ibapi::orders::OrderUpdate;
use ibapi::subscriptions::{NoticeStream, SubscriptionItem};
use ibapi::{Error, Notice};
use slog::{debug, info, warn};
use tokio::sync::mpsc;

use crate::directory::{Cause, Outlet, Shared, Told};
use crate::floor;
use crate::logging;
use crate::priority;
use crate::supervisor::{Gauge, Stop, mono_ns};

mod busy;
mod convert;
mod gate;
mod pace;
mod practice;
mod profit;
mod ready;
mod rehearsal;
mod send;
mod session;
mod ticks;

use busy::BusyPoll;
use gate::{Gate, Gated};
pub use practice::{FindPartner, Partner, Turn};
use ready::{Merged, Ready};
use send::{Ask, Job, Writing};
pub use session::{ConnectError, gateway_time};
use session::{Manner, Session, Streams, Tick, TickKind, TickStream};
use ticks::Batches;

/// Order messages handled in one go.
const UPDATES_AT_ONCE: usize = 64;
/// Market data frames handled in one go.
const TICKS_AT_ONCE: usize = 256;
/// Interactive Brokers allows one tick-by-tick request per instrument in this time.
const TICK_REQUEST_SPACING: Duration = Duration::from_secs(15);

/// How the actor behaves towards what is at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// TWS or IB Gateway: IB's pacing limits hold.
    Real,
    /// The simulated gateway, which has none and may run faster than the wall clock.
    Simulated,
}

pub struct Broker {
    config: Arc<Config>,
    peer: Peer,
    outlet: Outlet,
    gauge: Arc<Gauge>,
    grids: Vec<PriceGrid>,
    intakes: Vec<Intake>,
    batches: Batches,
    busy: BusyPoll,
    find_partner: Option<FindPartner>,
    session: Option<Live>,
    attempt: u32,
    /// Connections so far.
    sessions: u64,
    /// Where the gateway said that it has moved to.
    moved_to: Option<u16>,
    /// Commands that its news lead to are fetched before its handler returns.
    collects: bool,
}

/// A session and everything that must go with it.
struct Live {
    session: Rc<Session>,
    jobs: mpsc::UnboundedSender<Job>,
    outgoing: Rc<Outgoing>,
    writing: Rc<Writing>,
    /// Shut while a replay's driver waits until nothing is under way inside the process.
    incoming: Rc<Gate>,
    handles: Vec<SpawnHandle>,
    heartbeat_misses: u32,
    subscribed: bool,
    feeds: Vec<ticks::FeedStreams>,
}

/// What goes to the socket.
#[derive(Default)]
struct Outgoing {
    /// Requests asked for and not written yet.
    waiting: Cell<u64>,
    /// Requests written since the last barrier.
    unconfirmed: Cell<u64>,
    /// Inventories and positions asked for by the books and not answered yet; with a driver, those still to start.
    inventories: Cell<u64>,
    questions: RefCell<VecDeque<Ask>>,
    /// A replay's driver opens the gate, and starts inventories.
    driven: Cell<bool>,
    gate: Gate,
}

/// What the writing side has to say about requests that did not go out.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct NotSent {
    order_id: BrokerOrderId,
    text: String,
}

impl Broker {
    /// `last`: where each symbol's market was seen last in an earlier session. `find_partner`: for rehearsals.
    pub fn new(
        config: Arc<Config>,
        peer: Peer,
        find_partner: Option<FindPartner>,
        last: &[Option<Price>],
        shared: Arc<Shared>,
        gauge: Arc<Gauge>,
    ) -> Self {
        let grids = config.instruments.iter().map(PriceGrid::of).collect();
        let intakes = last.iter().map(|price| Intake::new(config.bars.jump_ticks_max).after(*price)).collect();
        let batches = Batches::new(config.instruments.len());
        let busy = BusyPoll::new(config.broker.busy_poll, shared.log.clone());
        let outlet = Outlet::new(shared);
        Self {
            config,
            peer,
            outlet,
            gauge,
            grids,
            intakes,
            batches,
            busy,
            find_partner,
            session: None,
            attempt: 0,
            sessions: 0,
            moved_to: None,
            collects: false,
        }
    }

    /// Tells news, and waits until every core of this thread has drawn its conclusions.
    fn say(&mut self, news: News) {
        self.outlet.now = self.outlet.shared.clock.now();
        self.outlet.shared.tape.news(self.outlet.now, &news);
        self.outlet.hand_on(Output::Broker(news));
        if self.collects {
            // Orders go out before the rest is tidied up.
            self.outlet.run_floor();
        } else {
            self.outlet.settle();
        }
    }

    /// Tells a person, in the log and in the journal.
    fn tell(&mut self, severity: Severity, event: &'static str, text: String) {
        logging::tell(&self.outlet.shared.log, severity, event, "broker", &text);
        self.say(News::Told { severity, event, text });
    }

    /// Until [`Broker::let_go`], commands come without a mailbox.
    fn collect(&mut self, on: bool) {
        self.collects = on;
        floor::collect(on);
    }

    /// Does what the cores have decided so far.
    fn fetch(&mut self, ctx: &mut Context<Self>) {
        while let Some(told) = floor::take_command() {
            self.obey(told, ctx);
        }
    }

    fn let_go(&mut self, ctx: &mut Context<Self>) {
        self.fetch(ctx);
        self.collect(false);
        self.outlet.settle();
    }

    fn obey(&mut self, told: Told<BrokerCommand>, ctx: &mut Context<Self>) {
        match told.input {
            BrokerCommand::Request(request) => self.on_request(request, told.cause),
            BrokerCommand::Resubscribe => ticks::subscribe(self, self.symbols(), ctx),
            BrokerCommand::ResubscribeOne(symbol) => ticks::subscribe(self, vec![symbol], ctx),
            BrokerCommand::Listen(symbol) => self.intakes[usize::from(symbol.0)].listen(),
            BrokerCommand::Rebuild { cause } => self.drop_session(cause, ctx),
        }
    }

    fn connect(&mut self, ctx: &mut Context<Self>) {
        let config = self.config.clone();
        let manner = Manner { paced: self.peer == Peer::Real, live: config.instance.live };
        let mut at = config.broker.clone();
        // Every other time where it is configured to be: a gateway that was started anew listens there again.
        if let Some(port) = self.moved_to.filter(|_| !self.attempt.is_multiple_of(2)) {
            at.address.set_port(port);
        }
        let opening = async move { Session::open(&at, &config.instruments, manner).await };
        ctx.spawn(opening.into_actor(self).map(|opened, broker, ctx| match opened {
            Ok((session, streams)) => broker.on_connected(session, streams, ctx),
            Err(reason) => broker.on_connect_failed(&reason, ctx),
        }));
    }

    fn on_connect_failed(&mut self, reason: &ConnectError, ctx: &mut Context<Self>) {
        let (min, max) = (self.config.broker.reconnect_delay_min, self.config.broker.reconnect_delay_max);
        let delay = convert::reconnect_delay(self.attempt, min, max);
        self.attempt = self.attempt.saturating_add(1);
        warn!(self.outlet.shared.log, "cannot connect (attempt {}), again in {delay:.1?}: {reason}", self.attempt;
            "event" => "broker.connect_failed", "attempt" => self.attempt);
        // Kept for a person at the first time, the second, the fourth and so on.
        if self.attempt.is_power_of_two() {
            let (severity, event) = reason.alarm();
            self.say(News::Told { severity, event, text: format!("attempt {}: {reason}", self.attempt) });
        }
        ctx.run_later(delay, Self::connect);
    }

    fn on_connected(&mut self, session: Session, streams: Streams, ctx: &mut Context<Self>) {
        let version = session.client.server_version();
        info!(self.outlet.shared.log, "connected as client {} to account {}, server version {version}",
            self.config.broker.client_id, session.account;
            "event" => "broker.connected", "account" => &session.account, "server_version" => version);
        let next_order_id = session.next_order_id();
        let session = Rc::new(session);
        let (jobs, queue) = mpsc::unbounded_channel();
        let (outgoing, incoming) = (Rc::new(Outgoing::default()), Rc::new(Gate::default()));
        let orders = Ready::new(Gated::new(incoming.clone(), Box::pin(streams.orders)), UPDATES_AT_ONCE);
        let writing = send::writing(self, session.clone(), queue, outgoing.clone(), ctx);
        let handles = vec![ctx.add_stream(orders), ctx.spawn(writing.clone().done().into_actor(self))];
        // Not among what is dropped with the session: the last notices say why it ended.
        self.sessions += 1;
        ctx.add_stream(system_notices(streams.notices, self.sessions));
        let (heartbeat_misses, subscribed) = (0, false);
        let feeds = self.config.instruments.iter().map(|_| ticks::FeedStreams::default()).collect();
        self.session =
            Some(Live { session, jobs, outgoing, writing, incoming, handles, heartbeat_misses, subscribed, feeds });
        self.say(News::Event(BrokerEvent::NextOrderId(next_order_id)));
        self.say(News::Connected);
        profit::watch(self, ctx);
        if !self.outlet.shared.clock.is_driven() {
            pace::spawn_heartbeat(self, ctx);
        }
    }

    /// One path for every loss: forget the connection, tell, try again.
    fn drop_session(&mut self, cause: String, ctx: &mut Context<Self>) {
        let Some(live) = self.session.take() else { return };
        live.handles.into_iter().for_each(|handle| {
            ctx.cancel_future(handle);
        });
        warn!(self.outlet.shared.log, "connection dropped: {cause}"; "event" => "broker.disconnected");
        let client = live.session.client.clone();
        ctx.spawn(async move { client.disconnect().await }.into_actor(self));
        self.say(News::Disconnected { cause });
        for symbol in self.symbols() {
            self.say(News::FeedDown(symbol));
        }
        // The first time at once; a connection that is lost again before it was of any use waits longer.
        let (min, max) = (self.config.broker.reconnect_delay_min, self.config.broker.reconnect_delay_max);
        let delay = convert::reconnect_delay(self.attempt, min, max);
        self.attempt = self.attempt.saturating_add(1);
        ctx.run_later(delay, Self::connect);
    }

    fn symbols(&self) -> Vec<SymbolId> {
        self.config.instruments.iter().map(|i| i.id).collect()
    }

    fn on_request(&mut self, request: BrokerRequest, cause: Cause) {
        let Some(live) = &self.session else { return self.refuse(request) };
        let jobs: Vec<Job> = match request {
            BrokerRequest::Place(tickets) => tickets.into_iter().map(|ticket| Job::Place { ticket, cause }).collect(),
            BrokerRequest::Modify(ticket) => vec![Job::Place { ticket, cause: Cause::default() }],
            BrokerRequest::Cancel(order_id) => vec![Job::Cancel(order_id)],
            BrokerRequest::TakeInventory(question) => vec![Job::Ask(Ask::Inventory(question))],
            BrokerRequest::ComparePositions(question) => vec![Job::Ask(Ask::Positions(question))],
        };
        for job in jobs {
            live.outgoing.waiting.set(live.outgoing.waiting.get() + 1);
            if live.jobs.send(job).is_err() {
                // The writer is gone with its connection, whose loss is on its way to everybody.
                live.outgoing.waiting.set(live.outgoing.waiting.get() - 1);
            }
        }
        if !live.outgoing.driven.get() {
            live.writing.push_on(&live.outgoing);
        }
    }

    /// There is no connection: nothing was sent, and that is certain.
    fn refuse(&mut self, request: BrokerRequest) {
        let orders = match request {
            BrokerRequest::Place(tickets) => tickets.into_iter().map(|ticket| ticket.order_id).collect(),
            BrokerRequest::Modify(ticket) => vec![ticket.order_id],
            BrokerRequest::Cancel(order_id) => vec![order_id],
            BrokerRequest::TakeInventory(_) | BrokerRequest::ComparePositions(_) => Vec::new(),
        };
        for order_id in orders {
            let text = "there is no connection to the broker".to_owned();
            self.say(News::Event(BrokerEvent::NotSent { order_id, text }));
        }
    }

    fn on_answer(&mut self, answer: Result<BrokerEvent, ConnectError>, ctx: &mut Context<Self>) {
        if let Some(live) = &self.session {
            live.outgoing.inventories.set(live.outgoing.inventories.get().saturating_sub(1));
        }
        match answer {
            Ok(answer) => {
                self.say(News::Event(answer));
                self.attempt = 0;
                // Market data only after the inventory: nothing is decided on a book that may be wrong.
                if self.session.as_ref().is_some_and(|live| !live.subscribed) {
                    ticks::subscribe(self, self.symbols(), ctx);
                }
            }
            // Behind a gateway that has lost its servers nobody can answer; the link knows.
            Err(reason) => self.say(News::NoInventory { cause: format!("the inventory failed: {reason}") }),
        }
    }

    fn on_order_update(&mut self, update: OrderUpdate) {
        let Some(live) = &self.session else { return };
        let event = match &update {
            OrderUpdate::OrderStatus(status) => Some(convert::status_event(status)),
            OrderUpdate::OpenOrder(order) => convert::open_order_event(order).map(Ok),
            OrderUpdate::ExecutionData(data) => live.session.execution(data),
            OrderUpdate::CommissionReport(report) => Some(convert::commission(report)),
            OrderUpdate::OrderBound(_) => None,
        };
        match event {
            Some(Ok(event)) => self.say(News::Event(event)),
            Some(Err(reason)) => self.say(News::OrderStreamBroken { why: format!("{reason} in {update:?}") }),
            None => {}
        }
    }
}

impl Actor for Broker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(core) = self.config.broker.core
            && let Err(reason) = priority::keep_to(core)
        {
            warn!(self.outlet.shared.log, "the broker's thread cannot keep to core {core}: {reason}"; "event" => "broker.core");
        }
        // A market that waits for its client's word cannot come too early, and polling would keep it from its core.
        if !self.outlet.shared.clock.is_driven() {
            self.busy.start(self.config.clone(), self.find_partner);
        }
        self.connect(ctx);
    }
}

impl Supervised for Broker {
    fn restarting(&mut self, _: &mut Self::Context) {
        // Its streams are gone with the old context; dropping the client closes the socket.
        let had_session = self.session.take().is_some();
        self.attempt = 0;
        self.batches = Batches::new(self.config.instruments.len());
        self.collect(false);
        while let Some(told) = floor::take_command() {
            if let BrokerCommand::Request(request) = told.input {
                self.refuse(request);
            }
        }
        if had_session {
            self.say(News::Disconnected { cause: "the broker actor was rebuilt".to_owned() });
            for symbol in self.symbols() {
                self.say(News::FeedDown(symbol));
            }
        }
    }
}

impl Handler<Told<BrokerCommand>> for Broker {
    type Result = ();

    fn handle(&mut self, told: Told<BrokerCommand>, ctx: &mut Self::Context) {
        let started = mono_ns();
        self.outlet.cause = told.cause;
        self.obey(told, ctx);
        self.gauge.on_handled(started, 1);
    }
}

impl Handler<NotSent> for Broker {
    type Result = ();

    fn handle(&mut self, NotSent { order_id, text }: NotSent, _: &mut Self::Context) {
        self.say(News::Event(BrokerEvent::NotSent { order_id, text }));
    }
}

impl Handler<Stop> for Broker {
    type Result = actix::ResponseFuture<()>;

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) -> Self::Result {
        let live = self.session.take();
        if let Some(live) = &live {
            live.handles.iter().for_each(|&handle| {
                ctx.cancel_future(handle);
            });
        }
        Box::pin(async move {
            if let Some(live) = live {
                live.session.client.disconnect().await;
            }
        })
    }
}

/// Several order messages, in order of arrival.
type Updates = Vec<Result<SubscriptionItem<OrderUpdate>, Error>>;

impl StreamHandler<Updates> for Broker {
    fn handle(&mut self, updates: Updates, ctx: &mut Self::Context) {
        self.outlet.cause = Cause::default();
        self.collect(true);
        for item in updates {
            match item {
                Ok(SubscriptionItem::Data(update)) => self.on_order_update(update),
                Ok(SubscriptionItem::Notice(Notice { request_id: Some(id), code, message, .. })) => {
                    let order_id = BrokerOrderId(id);
                    self.say(News::Event(BrokerEvent::OrderMessage { order_id, code, text: message }));
                }
                // Without an id: frames of this stream were dropped.
                Ok(SubscriptionItem::Notice(notice)) => {
                    self.say(News::OrderStreamBroken { why: format!("{}: {}", notice.code, notice.message) });
                }
                Err(reason) => self.drop_session(format!("order updates ended: {reason}"), ctx),
            }
            self.fetch(ctx);
        }
        self.let_go(ctx);
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        self.drop_session("order updates ended".to_owned(), ctx);
    }
}

/// A notice that names no request, and the number of the connection that it came on.
struct SystemNotice(Notice, u64);

fn system_notices(stream: NoticeStream, session: u64) -> impl Stream<Item = SystemNotice> {
    futures::stream::unfold(stream, move |mut stream| async move {
        let notice = stream.next().await?;
        Some((SystemNotice(notice, session), stream))
    })
}

impl StreamHandler<SystemNotice> for Broker {
    fn handle(&mut self, SystemNotice(notice, session): SystemNotice, _: &mut Self::Context) {
        self.outlet.cause = Cause::default();
        debug!(self.outlet.shared.log, "gateway says {}: {}", notice.code, notice.message;
            "event" => "broker.notice", "code" => notice.code);
        if let Some(port) = convert::new_port(notice.code, &notice.message) {
            self.moved_to = Some(port);
            let text = format!("the gateway has moved to port {port}; broker.address names another one");
            self.tell(Severity::Warning, "broker.port_moved", text);
        }
        // What an earlier connection said of its path says nothing of this one.
        if self.session.is_some() && session == self.sessions {
            self.say(News::Notice { code: notice.code, text: notice.message });
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {
        // It ends with the connection; the order stream tells.
    }
}
