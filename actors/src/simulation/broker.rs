//! The broker actor of a simulation: behaves towards the cores as `crate::broker` does, before a wire instead of a socket.
//! In: commands, what is heard. Out: news, requests. Absent: `ibapi`, sockets, decisions about orders.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, SpawnHandle, Supervised};
use engine::config::Config;
use engine::intake::{Fresh, Intake, Verdict};
use engine::market::{MarketEvent, Price, SymbolId};
use engine::simulation::Heard;
use engine::time::Timestamp;
use engine::trade::{BrokerEvent, BrokerRequest};
use engine::wiring::{BrokerCommand, News, Output};

use super::wire::Wire;
use crate::directory::{Cause, Outlet, Shared, Told};
use crate::floor;
use crate::supervisor::{Gauge, Stop, mono_ns};

/// There is something to hear.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Hear;

/// Panic: at once, or between what it says next and what comes of that.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Message)]
#[rtype(result = "()")]
pub enum Break {
    AtOnce,
    WhileSaying,
}

/// More than all orders of a scene at once.
const REQUESTS_AT_ONCE_MAX: u32 = 2_000;

pub struct SimulatedBroker {
    config: Arc<Config>,
    wire: Wire,
    outlet: Outlet,
    intakes: Vec<Intake>,
    gauge: Arc<Gauge>,
    session: Option<Session>,
    attempt: u32,
    breaks: bool,
    /// At this instant.
    requests: (Timestamp, u32),
}

#[derive(Default)]
struct Session {
    subscribed: bool,
    /// Questions of the books, and how many of them were answered or given up.
    asked: u64,
    answered: u64,
    question: Option<SpawnHandle>,
    /// Heartbeats without an answer, and whether one is awaited.
    misses: u32,
    awaited: bool,
    heartbeat: Option<SpawnHandle>,
}

impl SimulatedBroker {
    /// `last`: where each symbol's market was seen last in an earlier session.
    pub fn new(
        config: Arc<Config>,
        wire: Wire,
        last: &[Option<Price>],
        shared: Arc<Shared>,
        gauge: Arc<Gauge>,
    ) -> Self {
        let intakes = last.iter().map(|price| Intake::new(config.bars.jump_ticks_max).after(*price)).collect();
        Self {
            config,
            wire,
            outlet: Outlet::new(shared),
            intakes,
            gauge,
            session: None,
            attempt: 0,
            breaks: false,
            requests: Default::default(),
        }
    }

    /// Tells news, waits for the conclusions and does what they ask for.
    fn say(&mut self, news: News, ctx: &mut Context<Self>) {
        self.outlet.now = self.outlet.shared.clock.now();
        self.outlet.hand_on(Output::Broker(news));
        self.outlet.run_floor();
        assert!(!std::mem::take(&mut self.breaks), "as was ordered, in the broker");
        while let Some(told) = floor::take_command() {
            self.obey(told.input, ctx);
        }
    }

    /// Everything that is said within comes with its consequences before this returns.
    fn within(&mut self, ctx: &mut Context<Self>, work: impl FnOnce(&mut Self, &mut Context<Self>)) {
        self.outlet.cause = Cause::default();
        floor::collect(true);
        work(self, ctx);
        while let Some(told) = floor::take_command() {
            self.obey(told.input, ctx);
        }
        floor::collect(false);
        self.outlet.settle();
    }

    fn obey(&mut self, command: BrokerCommand, ctx: &mut Context<Self>) {
        match command {
            BrokerCommand::Request(request) if self.session.is_some() => {
                if !self.comes_to_rest() {
                    return;
                }
                let asks = matches!(request, BrokerRequest::TakeInventory(_) | BrokerRequest::ComparePositions(_));
                self.wire.request(request, &self.outlet.shared);
                if asks {
                    self.await_answer(ctx);
                }
            }
            BrokerCommand::Request(request) => self.refuse(request, ctx),
            BrokerCommand::Resubscribe => self.subscribe_all(),
            BrokerCommand::ResubscribeOne(symbol) => self.wire.subscribe(symbol),
            BrokerCommand::Listen(symbol) => self.intakes[usize::from(symbol.0)].listen(),
            BrokerCommand::Rebuild { cause } => self.drop_session(cause, ctx),
        }
    }

    /// Whoever asks on and on without time going by would never let it go on.
    fn comes_to_rest(&mut self) -> bool {
        let now = self.outlet.shared.clock.now();
        if self.requests.0 != now {
            self.requests = (now, 0);
        }
        self.requests.1 += 1;
        let rests = self.requests.1 <= REQUESTS_AT_ONCE_MAX;
        if !rests {
            self.wire.world().auditor.break_rule("it comes to rest", format!("{} requests at once", self.requests.1));
        }
        rests
    }

    /// A question that is not answered in time is told; the link decides what that means.
    fn await_answer(&mut self, ctx: &mut Context<Self>) {
        let Some(session) = &mut self.session else { return };
        session.asked += 1;
        let asked = session.asked;
        let handle = ctx.run_later(self.config.broker.request_timeout, move |broker, ctx| {
            if broker.session.as_ref().is_some_and(|session| session.asked == asked && session.answered < asked) {
                let cause = "the inventory failed: no answer".to_owned();
                broker.within(ctx, |broker, ctx| broker.say(News::NoInventory { cause }, ctx));
            }
        });
        if let Some(waiting) = session.question.replace(handle) {
            ctx.cancel_future(waiting);
        }
    }

    fn subscribe_all(&mut self) {
        if let Some(session) = &mut self.session {
            session.subscribed = true;
        }
        self.symbols().into_iter().for_each(|symbol| self.wire.subscribe(symbol));
    }

    /// There is no connection: nothing was sent, and that is certain.
    fn refuse(&mut self, request: BrokerRequest, ctx: &mut Context<Self>) {
        let orders = match request {
            BrokerRequest::Place(tickets) => tickets.into_iter().map(|ticket| ticket.order_id).collect(),
            BrokerRequest::Modify(ticket) => vec![ticket.order_id],
            BrokerRequest::Cancel(order_id) => vec![order_id],
            BrokerRequest::TakeInventory(_) | BrokerRequest::ComparePositions(_) => Vec::new(),
        };
        for order_id in orders {
            let text = "there is no connection to the broker".to_owned();
            self.say(News::Event(BrokerEvent::NotSent { order_id, text }), ctx);
        }
    }

    fn connect(&mut self, ctx: &mut Context<Self>) {
        match self.wire.connect() {
            Some(handshake) => {
                ctx.run_later(handshake, |broker, ctx| broker.within(ctx, Self::on_handshake));
            }
            None => self.try_again(ctx),
        }
    }

    fn try_again(&mut self, ctx: &mut Context<Self>) {
        let delay = self.delay();
        ctx.run_later(delay, Self::connect);
    }

    fn delay(&mut self) -> Duration {
        let (min, max) = (self.config.broker.reconnect_delay_min, self.config.broker.reconnect_delay_max);
        let delay = min.saturating_mul(1 << self.attempt.min(16)).min(max);
        self.attempt = self.attempt.saturating_add(1);
        delay
    }

    fn on_handshake(&mut self, ctx: &mut Context<Self>) {
        let Some(next_order_id) = self.wire.opened() else { return self.try_again(ctx) };
        self.session = Some(Session::default());
        self.say(News::Event(BrokerEvent::NextOrderId(next_order_id)), ctx);
        self.wire.world().auditor.on_heard(&Heard::News(News::Connected));
        self.say(News::Connected, ctx);
        self.plan_heartbeat(ctx);
    }

    fn plan_heartbeat(&mut self, ctx: &mut Context<Self>) {
        let every = self.config.broker.heartbeat_every;
        let handle = ctx.run_later(every, |broker, ctx| {
            if let Some(session) = &mut broker.session {
                session.awaited = true;
                broker.wire.ping();
                let patience = broker.config.broker.heartbeat_patience();
                broker.keep(ctx.run_later(patience, Self::on_silence));
            }
        });
        self.keep(handle);
    }

    fn keep(&mut self, heartbeat: SpawnHandle) {
        if let Some(session) = &mut self.session {
            session.heartbeat = Some(heartbeat);
        }
    }

    fn on_silence(&mut self, ctx: &mut Context<Self>) {
        let Some(session) = &mut self.session else { return };
        session.misses += 1;
        let misses = session.misses;
        if misses >= self.config.broker.heartbeat_misses_max {
            self.within(ctx, |broker, ctx| {
                broker.drop_session(format!("{misses} heartbeats without an answer"), ctx);
            });
        } else {
            self.plan_heartbeat(ctx);
        }
    }

    fn on_pong(&mut self, ctx: &mut Context<Self>) {
        let Some(session) = &mut self.session else { return };
        session.misses = 0;
        if std::mem::take(&mut session.awaited) {
            if let Some(waiting) = session.heartbeat.take() {
                ctx.cancel_future(waiting);
            }
            self.plan_heartbeat(ctx);
        }
    }

    /// One path for every loss: forget the connection, tell, try again.
    fn drop_session(&mut self, cause: String, ctx: &mut Context<Self>) {
        let Some(session) = self.session.take() else { return };
        for waiting in session.heartbeat.into_iter().chain(session.question) {
            ctx.cancel_future(waiting);
        }
        self.wire.close();
        self.tell_loss(cause, ctx);
        let delay = self.delay();
        ctx.run_later(delay, Self::connect);
    }

    fn tell_loss(&mut self, cause: String, ctx: &mut Context<Self>) {
        self.wire.world().auditor.doubt();
        self.say(News::Disconnected { cause }, ctx);
        for symbol in self.symbols() {
            self.say(News::FeedDown(symbol), ctx);
        }
    }

    fn symbols(&self) -> Vec<SymbolId> {
        self.config.instruments.iter().map(|i| i.id).collect()
    }

    fn on_heard(&mut self, heard: Heard, ctx: &mut Context<Self>) {
        match heard {
            Heard::Pong => self.on_pong(ctx),
            Heard::Closed => self.drop_session("order updates ended".to_owned(), ctx),
            Heard::Ticks(symbol, events) => self.on_ticks(symbol, &events, ctx),
            Heard::News(News::FeedUp(symbol)) => {
                self.intakes[usize::from(symbol.0)].reopened();
                self.say(News::FeedUp(symbol), ctx);
            }
            Heard::News(news) => {
                let answers = matches!(&news, News::Event(BrokerEvent::Snapshot(..) | BrokerEvent::Positions(..)));
                self.say(news, ctx);
                if answers {
                    self.on_answered();
                }
            }
        }
    }

    fn on_answered(&mut self) {
        self.attempt = 0;
        let Some(session) = &mut self.session else { return };
        session.answered = session.asked;
        // Market data only after the inventory: nothing is decided on a book that may be wrong.
        if !session.subscribed {
            self.subscribe_all();
        }
    }

    /// Only plausible prices go on.
    fn on_ticks(&mut self, symbol: SymbolId, events: &[MarketEvent], ctx: &mut Context<Self>) {
        let mut trades = Vec::new();
        let mut moved = false;
        for event in events {
            match self.intakes[usize::from(symbol.0)].see(event) {
                Verdict::Take => {
                    moved = true;
                    if let MarketEvent::Trade(trade) = event {
                        trades.push(*trade);
                    }
                }
                Verdict::Drop => {}
                Verdict::Lost(why) => self.say(News::Lost { symbol, why }, ctx),
                Verdict::Corrupt(why) => self.say(News::Corrupt { symbol, why }, ctx),
            }
        }
        if moved {
            let intake = &mut self.intakes[usize::from(symbol.0)];
            let (fresh, mark) = (intake.take_fresh(), Some(intake.mark()));
            if let Some(Fresh { cleaned }) = fresh {
                self.say(News::Fresh { symbol, cleaned }, ctx);
            }
            self.say(News::Market { symbol, trades, mark }, ctx);
        }
    }
}

impl Actor for SimulatedBroker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_later(Duration::from_millis(1), Self::connect);
    }
}

impl Supervised for SimulatedBroker {
    fn restarting(&mut self, ctx: &mut Self::Context) {
        let had_session = self.session.take().is_some();
        (self.attempt, self.breaks) = (0, false);
        floor::collect(false);
        while let Some(told) = floor::take_command() {
            if let BrokerCommand::Request(request) = told.input {
                self.refuse(request, ctx);
            }
        }
        if had_session {
            self.wire.close();
            self.tell_loss("the broker actor was rebuilt".to_owned(), ctx);
            self.outlet.settle();
        }
    }
}

impl Handler<Told<BrokerCommand>> for SimulatedBroker {
    type Result = ();

    fn handle(&mut self, told: Told<BrokerCommand>, ctx: &mut Self::Context) {
        let started = mono_ns();
        self.obey(told.input, ctx);
        self.outlet.settle();
        self.gauge.on_handled(started, 1);
    }
}

impl Handler<Hear> for SimulatedBroker {
    type Result = ();

    fn handle(&mut self, _: Hear, ctx: &mut Self::Context) {
        // Out of the mailbox: as with a stream, what this leads to may be fetched without one.
        self.gauge.on_handled(mono_ns(), 1);
        self.within(ctx, |broker, ctx| {
            while let Some(heard) = broker.wire.hear() {
                broker.on_heard(heard, ctx);
            }
        });
    }
}

impl Handler<Break> for SimulatedBroker {
    type Result = ();

    fn handle(&mut self, order: Break, _: &mut Self::Context) {
        self.breaks = true;
        assert!(order == Break::WhileSaying, "as was ordered, in the broker");
    }
}

impl Handler<Stop> for SimulatedBroker {
    type Result = ();

    fn handle(&mut self, _: Stop, _: &mut Self::Context) {
        if self.session.take().is_some() {
            self.wire.close();
        }
    }
}
