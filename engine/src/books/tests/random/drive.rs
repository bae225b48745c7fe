//! Plays one day: time, the connection, deaths and starts. In: a plan, rails. Out: how it ended.
//! The client's half of the connection is as the simulated broker actor has it.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use super::wire::Wire;
use crate::books::{self, Books, BooksState, Command, Operator};
use crate::config::{Config, RiskConfig};
use crate::intake::{Fresh, Intake, Verdict};
use crate::journal::{Entry, Mode, Record, SessionInfo};
use crate::link::{self, Link};
use crate::market::{MarketEvent, SymbolId};
use crate::risk::latch::{KILL, Scope};
use crate::simulation::chance::Chance;
use crate::simulation::plan::{Plan, Victim};
use crate::simulation::scene::{self, START};
use crate::simulation::{Act, Exchange, Heard};
use crate::time::Timestamp;
use crate::trade::{Bracket, BrokerEvent, BrokerRequest, Intent, OrderIntent, OrderKind, Side, StrategyId, Trading};
use crate::wiring::{BrokerCommand, Core, Deliver, News, Output, Topology, route};
use crate::{bars, strategy};

const WANT_EVERY_MS: u32 = 2_500;
const CONNECT_AFTER: Duration = Duration::from_millis(700);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const HEARTBEAT_EVERY: Duration = Duration::from_secs(10);
/// How long everything has to come right after the last fault.
const SETTLE_FOR: Duration = Duration::from_secs(240);
const TICK: Duration = Duration::from_millis(1);

pub struct Ended {
    pub wrong: Option<String>,
    pub entries: u32,
    pub fills: usize,
    pub restarts: u32,
    /// Rules that refused.
    pub refused: Vec<String>,
}

enum Message {
    Books(books::Input),
    Link(link::Input),
    Broker(BrokerCommand),
}

/// Where what a core says goes.
struct Queue<'a> {
    messages: &'a mut VecDeque<Message>,
    journal: &'a mut Vec<Entry>,
    wire: &'a mut Wire,
    now: Timestamp,
}

impl Deliver for Queue<'_> {
    fn bars(&mut self, _: SymbolId, _: bars::Input) {}

    fn strategy(&mut self, _: StrategyId, _: strategy::Input) {}

    fn books(&mut self, input: books::Input) {
        self.messages.push_back(Message::Books(input));
    }

    fn link(&mut self, input: link::Input) {
        self.messages.push_back(Message::Link(input));
    }

    fn broker(&mut self, command: BrokerCommand) {
        self.messages.push_back(Message::Broker(command));
    }

    fn journal(&mut self, record: Record) {
        self.wire.on_record(&record);
        let seq = self.journal.len() as u64 + 1;
        self.journal.push(Entry { seq, at: self.now, record });
    }

    fn commit(&mut self) -> bool {
        true
    }
}

#[derive(Default)]
struct Session {
    subscribed: bool,
    answer_by: Option<Timestamp>,
    pong_by: Option<Timestamp>,
    ping_at: Option<Timestamp>,
}

pub struct Drive {
    config: Config,
    exchange: Exchange,
    books: Books,
    link: Link,
    intakes: Vec<Intake>,
    queue: VecDeque<Message>,
    journal: Vec<Entry>,
    /// Entries that were safe when the last request left.
    safe: usize,
    wire: Wire,
    session: Option<Session>,
    connect_at: Option<Timestamp>,
    opened_at: Option<Timestamp>,
    want_at: Timestamp,
    last_fault: Timestamp,
    chance: Chance,
    now: Timestamp,
    restarts: u32,
}

impl Drive {
    /// `rails` are the system's; `audited` is what is held against it.
    pub fn new(plan: Plan, rails: RiskConfig, audited: RiskConfig) -> Self {
        let mut config = scene::config(&plan.scene, Path::new("unused")).expect("a scene is a configuration");
        config.risk = rails;
        let books = Books::new(&config, BooksState::default());
        let wire = Wire::new(&books, audited);
        let mut drive = Self {
            exchange: Exchange::new(&plan, &config.instruments),
            link: Link::of(&config, link::INVENTORY_WITHIN).without_login(),
            intakes: vec![Intake::new(config.bars.jump_ticks_max); config.instruments.len()],
            queue: VecDeque::new(),
            journal: Vec::new(),
            safe: 0,
            wire,
            session: None,
            connect_at: Some(START),
            opened_at: None,
            want_at: START + Duration::from_secs(3),
            last_fault: START + Duration::from_millis(plan.span_ms),
            chance: Chance::fork(plan.seed, 72),
            now: START,
            restarts: 0,
            books,
            config,
        };
        drive.begin_segment();
        drive
    }

    pub fn play(mut self) -> Ended {
        while self.wire.wrong().is_none() && self.now < self.last_fault + SETTLE_FOR {
            self.step();
            if self.now > self.last_fault + Duration::from_secs(20) && self.has_settled() {
                break;
            }
        }
        if self.wire.wrong().is_none() {
            if !self.has_settled() {
                let text = format!("trading is {:?} long after the last fault", self.books.trading());
                self.wire.fail(text);
            }
            self.wire.check_ended(&self.books, self.exchange.venue());
        }
        Ended {
            wrong: self.wire.wrong().map(str::to_owned),
            entries: self.wire.entries,
            fills: self.wire.fills(),
            restarts: self.restarts,
            refused: self.wire.refused,
        }
    }

    fn has_settled(&self) -> bool {
        let heard = self.books.state().booked_executions().count() == self.exchange.venue().executions().len();
        self.books.trading() == Trading::Allowed && self.exchange.is_quiet() && self.books.agrees() && heard
    }

    fn step(&mut self) {
        let session = self.session.iter().flat_map(|s| [s.answer_by, s.pong_by, s.ping_at]).flatten();
        let cores = [self.books.next_deadline(), self.link.next_deadline(), self.connect_at, self.opened_at];
        let next = session.chain(cores.into_iter().flatten()).chain([self.exchange.next_at(), self.want_at]).min();
        self.now = next.unwrap_or(self.now).max(self.now + TICK);
        let acts = self.exchange.step(self.now);
        self.connect();
        while let Some(heard) = self.exchange.hear() {
            self.on_heard(heard);
        }
        self.watch_session();
        self.fire();
        acts.into_iter().for_each(|act| self.act(act));
        if self.want_at <= self.now {
            self.want();
        }
        self.wire.see_fills(self.exchange.venue());
        self.wire.check_worst(self.exchange.venue(), "at the venue");
        self.wire.check_loss(self.exchange.venue());
    }

    fn fire(&mut self) {
        if self.books.next_deadline().is_some_and(|at| at <= self.now) {
            let output = Core::on_deadline(&mut self.books, self.now);
            self.hand_on(output);
        }
        if self.link.next_deadline().is_some_and(|at| at <= self.now) {
            let output = Core::on_deadline(&mut self.link, self.now);
            self.hand_on(output);
        }
    }

    fn say(&mut self, news: News) {
        self.hand_on(Output::Broker(news));
    }

    fn tell_books(&mut self, input: books::Input) {
        self.queue.push_back(Message::Books(input));
        self.deliver();
    }

    /// What a core said, with everything that comes of it.
    fn hand_on(&mut self, output: Output) {
        self.route(output);
        self.deliver();
    }

    fn route(&mut self, output: Output) {
        let Self { queue, journal, wire, now, .. } = self;
        let mut to = Queue { messages: queue, journal, wire, now: *now };
        route(&Topology::default(), output, &mut to);
    }

    fn deliver(&mut self) {
        while let Some(message) = self.queue.pop_front() {
            let output = match message {
                Message::Books(input) => Core::handle(&mut self.books, self.now, input),
                Message::Link(input) => Core::handle(&mut self.link, self.now, input),
                Message::Broker(command) => {
                    self.obey(command);
                    continue;
                }
            };
            self.route(output);
        }
    }

    fn obey(&mut self, command: BrokerCommand) {
        match command {
            BrokerCommand::Request(request) if self.session.is_some() => {
                self.safe = self.journal.len();
                self.wire.on_request(self.now, &request, &self.books, self.exchange.venue());
                if matches!(request, BrokerRequest::TakeInventory(_) | BrokerRequest::ComparePositions(_)) {
                    self.session.iter_mut().for_each(|s| s.answer_by = Some(self.now + ANSWER_WITHIN));
                }
                self.exchange.request(request);
            }
            BrokerCommand::Request(request) => self.refuse(request),
            BrokerCommand::Resubscribe => self.subscribe_all(),
            BrokerCommand::ResubscribeOne(symbol) => self.exchange.subscribe(symbol),
            BrokerCommand::Listen(symbol) => self.intakes[usize::from(symbol.0)].listen(),
            BrokerCommand::Rebuild { cause } => self.lose(cause),
        }
    }

    /// Nothing was sent, and that is certain.
    fn refuse(&mut self, request: BrokerRequest) {
        let orders = match request {
            BrokerRequest::Place(tickets) => tickets.into_iter().map(|ticket| ticket.order_id).collect(),
            BrokerRequest::Modify(ticket) => vec![ticket.order_id],
            BrokerRequest::Cancel(order_id) => vec![order_id],
            BrokerRequest::TakeInventory(_) | BrokerRequest::ComparePositions(_) => Vec::new(),
        };
        for order_id in orders {
            let event = BrokerEvent::NotSent { order_id, text: "no connection".to_owned() };
            self.route(Output::Broker(News::Event(event)));
        }
    }

    fn symbols(&self) -> Vec<SymbolId> {
        self.config.instruments.iter().map(|i| i.id).collect()
    }

    fn subscribe_all(&mut self) {
        self.session.iter_mut().for_each(|session| session.subscribed = true);
        self.symbols().into_iter().for_each(|symbol| self.exchange.subscribe(symbol));
    }

    fn connect(&mut self) {
        if self.connect_at.take_if(|at| *at <= self.now).is_some() {
            match self.exchange.connect() {
                Some(takes) => self.opened_at = Some(self.now + takes),
                None => self.connect_at = Some(self.now + CONNECT_AFTER),
            }
        }
        if self.opened_at.take_if(|at| *at <= self.now).is_some() {
            let Some(next) = self.exchange.opened() else {
                self.connect_at = Some(self.now + CONNECT_AFTER);
                return;
            };
            self.session = Some(Session { ping_at: Some(self.now + HEARTBEAT_EVERY), ..Session::default() });
            self.say(News::Event(BrokerEvent::NextOrderId(next)));
            self.say(News::Connected);
        }
    }

    fn lose(&mut self, cause: String) {
        if self.session.take().is_none() {
            return;
        }
        self.exchange.close();
        self.connect_at = Some(self.now + CONNECT_AFTER);
        self.route(Output::Broker(News::Disconnected { cause }));
        for symbol in self.symbols() {
            self.route(Output::Broker(News::FeedDown(symbol)));
        }
    }

    fn watch_session(&mut self) {
        let Some(session) = &mut self.session else { return };
        if session.ping_at.take_if(|at| *at <= self.now).is_some() {
            session.pong_by = Some(self.now + ANSWER_WITHIN);
            self.exchange.ping();
        }
        if session.answer_by.take_if(|at| *at <= self.now).is_some() {
            self.say(News::NoInventory { cause: "no answer".to_owned() });
        }
        if self.session.as_ref().is_some_and(|s| s.pong_by.is_some_and(|at| at <= self.now)) {
            self.lose("no heartbeat".to_owned());
            self.deliver();
        }
    }

    fn on_heard(&mut self, heard: Heard) {
        match heard {
            Heard::Pong => {
                let next = self.now + HEARTBEAT_EVERY;
                self.session.iter_mut().for_each(|s| (s.pong_by, s.ping_at) = (None, Some(next)));
            }
            Heard::Closed => {
                self.lose("closed".to_owned());
                self.deliver();
            }
            Heard::Ticks(symbol, events) => self.on_ticks(symbol, &events),
            Heard::News(news) => {
                if let News::FeedUp(symbol) = news {
                    self.intakes[usize::from(symbol.0)].reopened();
                }
                let answers = matches!(&news, News::Event(BrokerEvent::Snapshot(..) | BrokerEvent::Positions(..)));
                if answers {
                    self.session.iter_mut().for_each(|s| s.answer_by = None);
                }
                self.say(news);
                if answers && self.session.as_ref().is_some_and(|s| !s.subscribed) {
                    self.subscribe_all();
                }
            }
        }
    }

    fn on_ticks(&mut self, symbol: SymbolId, events: &[MarketEvent]) {
        let mut moved = false;
        for event in events {
            match self.intakes[usize::from(symbol.0)].see(event) {
                Verdict::Take => moved = true,
                Verdict::Drop => {}
                Verdict::Lost(why) => self.say(News::Lost { symbol, why }),
                Verdict::Corrupt(why) => self.say(News::Corrupt { symbol, why }),
            }
        }
        if moved {
            let intake = &mut self.intakes[usize::from(symbol.0)];
            let (fresh, mark) = (intake.take_fresh(), Some(intake.mark()));
            if let Some(Fresh { cleaned }) = fresh {
                self.say(News::Fresh { symbol, cleaned });
            }
            self.say(News::Market { symbol, trades: Vec::new(), mark });
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Wish(intent) => self.tell_books(books::Input::Intent(intent)),
            Act::Flatten => self.operate(Command::Flatten),
            Act::Kill { keep, .. } => self.die(keep),
            Act::Restart => self.die(u16::MAX),
            Act::Panic(Victim::Books, _) => self.rebuild_books(),
            // Other actors have nothing to forget that a limit goes by, and power is not lost on these days.
            Act::Panic(..) | Act::Power { .. } => {}
        }
    }

    fn operate(&mut self, command: Command) {
        let operator = Operator { command, who: "somebody".to_owned(), why: "a random day".to_owned() };
        self.tell_books(books::Input::Operator(operator));
    }

    fn recovered(&self) -> BooksState {
        let mut state =
            BooksState::replay(&self.config.instruments, self.journal.iter()).expect("a segment's beginning");
        state.doubt_all();
        state
    }

    fn rebuild_books(&mut self) {
        self.books = Books::new(&self.config, self.recovered());
        self.queue.push_back(Message::Link(link::Input::BooksRestarted));
        self.deliver();
    }

    /// SIGKILL: of what was written after the last request, a part survives. Another process goes on from that.
    fn die(&mut self, keep: u16) {
        self.restarts += 1;
        self.exchange.close();
        self.session = None;
        (self.opened_at, self.connect_at) = (None, Some(self.now + Duration::from_secs(1)));
        let unsafe_part = self.journal.len() - self.safe;
        self.journal.truncate(self.safe + unsafe_part * usize::from(keep) / usize::from(u16::MAX));
        self.books = Books::new(&self.config, self.recovered());
        self.link = Link::of(&self.config, link::INVENTORY_WITHIN).without_login();
        self.intakes = vec![Intake::new(self.config.bars.jump_ticks_max); self.config.instruments.len()];
        self.begin_segment();
    }

    fn begin_segment(&mut self) {
        let info = SessionInfo {
            id: "random day".to_owned(),
            mode: Mode::Run,
            instance: self.config.instance.name.clone(),
            account: "DU1".to_owned(),
            instruments: self.config.instruments.clone(),
            strategies: Vec::new(),
        };
        let record = Record::SessionStarted { info: Box::new(info), books: Box::new(self.books.state().clone()) };
        self.journal = vec![Entry { seq: 1, at: self.now, record }];
        self.safe = 1;
    }

    /// Somebody wants something, which may be anything.
    fn want(&mut self) {
        self.want_at = self.now + Duration::from_millis(u64::from(self.chance.between(1, 2 * WANT_EVERY_MS)));
        if self.now > self.last_fault {
            return;
        }
        let strategy = u16::try_from(self.chance.below(u32::try_from(self.config.strategies.len()).unwrap_or(1)));
        let strategy = StrategyId(strategy.expect("there are few"));
        let symbol = self.config.strategies[usize::from(strategy.0)].symbol;
        let by_rule = |rule: &str, scope| Command::Unlock { rule: rule.to_owned(), scope };
        let intent = match self.chance.below(100) {
            0..70 => self.entry(symbol),
            70..82 => Some(Intent::Exit),
            82..88 => Some(Intent::CancelEntries),
            88 => return self.operate(Command::Flatten),
            89 if self.chance.percent(40) => {
                let flatten = self.chance.percent(50);
                return self.operate(Command::Kill { flatten });
            }
            89..93 => return self.operate(by_rule(KILL, Scope::Account)),
            93 => return self.operate(Command::Pause(strategy)),
            94..96 => return self.operate(Command::Resume(strategy)),
            96 => return self.operate(by_rule("daily_loss", Scope::Account)),
            97 => return self.operate(by_rule("strategy_daily_loss", Scope::Strategy(strategy))),
            98 => return self.operate(by_rule("consecutive_losses", Scope::Strategy(strategy))),
            _ => return self.operate(by_rule("reentries", Scope::Strategy(strategy))),
        };
        let Some(intent) = intent else { return };
        let intent = OrderIntent { strategy, symbol, at: self.now, intent, reason: "a whim".to_owned() };
        let again = self.chance.percent(5).then(|| intent.clone());
        self.tell_books(books::Input::Intent(intent));
        again.into_iter().for_each(|intent| self.tell_books(books::Input::Intent(intent)));
    }

    fn entry(&mut self, symbol: SymbolId) -> Option<Intent> {
        let last = self.exchange.venue().quote(symbol)?.bid?;
        let side = if self.chance.percent(50) { Side::Buy } else { Side::Sell };
        let mut ticks = |low: i32, high: i32| {
            let span = u32::try_from(high - low + 1).unwrap_or(1);
            low + i32::try_from(self.chance.below(span)).unwrap_or(0)
        };
        let (kind, offset, distance, gain) = (ticks(0, 9), ticks(-20, 24), ticks(-2, 40), ticks(-1, 30));
        let quantity = [1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 6, 0][usize::try_from(ticks(0, 11)).unwrap_or(0)];
        let limit = last.better_for(side, offset);
        let (kind, reference) = match kind {
            0..5 => (OrderKind::Market, last),
            5..8 => (OrderKind::Limit(limit), limit),
            8 => (OrderKind::Stop(limit), limit),
            _ => (OrderKind::StopLimit { stop: limit, limit: limit.better_for(side, 2) }, limit),
        };
        let stop = reference.better_for(side, -distance);
        let target = (!(0..=3).contains(&gain)).then(|| reference.better_for(side, gain));
        Some(Intent::Enter { side, quantity, kind, bracket: Bracket { stop, target } })
    }
}
