//! The queue transport: the same cores and the same wiring as live, fed by a venue in the same process.
//! In: a market. Out: journal records, and the cores as they ended. Absent: actors, sockets, files, clocks.
//!
//! It behaves as the live system does when the simulated gateway plays at the client's pace: trades are stamped with
//! whole seconds as Interactive Brokers stamps them, orders reach the venue between two steps, and after each step the
//! clock moves to the step's time and deadlines fire. So both give the same signals, orders and fills.

pub mod assumed;
pub mod bar_run;
#[cfg(test)]
mod bar_run_tests;
pub mod expiry;
pub mod fast;
pub mod interest;
pub mod latency;
pub mod lookahead;
pub mod recursive;
pub mod session;
pub mod shadow;
#[cfg(test)]
mod tick_expiry_tests;
pub mod verdict;

use std::collections::VecDeque;
use std::time::Duration;

use crate::bars::Bars;
use crate::books::{Books, BooksState};
use crate::config::Config;
use crate::config::backtest::{BacktestConfig, ExpiryRule, MarginRule};
use crate::intake::{Fresh, Intake, Verdict};
use crate::journal::{Record, Severity};
use crate::link::Link;
use crate::market::{FeedEvent, MarketEvent, SymbolId, Trade};
use crate::strategy::StrategyCore;
use crate::strategy::registry;
use crate::time::Timestamp;
use crate::trade::{
    BrokerEvent, BrokerOrder, BrokerOrderId, BrokerPosition, BrokerRequest, BrokerSnapshot, BrokerStatus,
    ClientOrderId, Execution, Money, OrderTicket, StrategyId,
};
use crate::venue::{
    Hours, NewOrder, OcaType, Player, Refusal, Report, Rules, SettleRule, Status, Step, Terms, Venue, VenueConfig,
    VenueExecution, VenueOrder, told,
};
use crate::wiring::{BrokerCommand, Core, Deliver, News, Output, Topology, route, system};
use crate::{bars, books, link, strategy};
use expiry::Expiries;
use latency::{Latencies, Wire};
use recursive::Tap;

/// Resolution of the broker's time stamps.
const STAMP: Duration = Duration::from_secs(1);
/// Resolution of the broker's clock, which live deadlines go by.
const CLOCK: Duration = Duration::from_millis(1);

/// Every core of one system.
#[derive(Debug)]
pub struct Cores {
    pub bars: Vec<Bars>,
    pub strategies: Vec<StrategyCore>,
    pub books: Books,
    pub link: Link,
    pub topology: Topology,
}

impl Cores {
    /// `books` is the state to go on from. The configuration was validated, strategies included.
    pub fn new(config: &Config, books: BooksState) -> Self {
        Self {
            bars: config.instruments.iter().map(|i| Bars::new(i.id, &config.bars)).collect(),
            strategies: (0..config.strategies.len()).map(|n| strategy_core(config, n)).collect(),
            books: Books::new(config, books),
            link: Link::of(&played(config), link::INVENTORY_WITHIN).without_login(),
            topology: Topology::new(config.instruments.len(), &config.strategies),
        }
    }
}

/// The configuration for a link to a market that is played step by step: its broker has no resets.
pub fn played(config: &Config) -> Config {
    Config { feeds: config.feeds.of_played_market(), expected_outages: Vec::new(), ..config.clone() }
}

/// The core of the `n`th configured strategy, fresh.
pub fn strategy_core(config: &Config, n: usize) -> StrategyCore {
    let strategy = &config.strategies[n];
    let instrument = config.instruments[usize::from(strategy.symbol.0)].clone();
    let params = registry::params(&strategy.kind, &strategy.params).expect("validated when the configuration was read");
    let built = registry::build(&strategy.kind, &params).expect("its kind was just found");
    StrategyCore::new(strategy.clone(), instrument, built)
}

/// The ends of contracts, if they end.
fn expiries(config: &Config, start: Timestamp) -> Expiries {
    match config.backtest.account.expiry {
        ExpiryRule::Settle => Expiries::after(start, &config.instruments),
        ExpiryRule::Hold => Expiries::default(),
    }
}

/// What the account's settings leave of the broker's insistence.
fn rules(config: &Config) -> Rules {
    let BacktestConfig { account, commissions, .. } = &config.backtest;
    let broker = Rules::of_broker();
    Rules {
        hours: if account.sessions { broker.hours } else { Hours::Always },
        margins: broker.margins.filter(|_| account.margin != MarginRule::None),
        commissions: commissions.clone(),
    }
}

/// More than any [`first_id`] of the next centuries.
const IDS_A_RUN: u64 = 100_000_000_000_000;

/// The first order id of a journal that begins at `start`: later journals begin higher.
pub fn first_id(start: Timestamp) -> ClientOrderId {
    ClientOrderId(u64::try_from(start.secs()).unwrap_or(0) * 10_000 + 1)
}

#[derive(Debug)]
enum Message {
    Bars(SymbolId, bars::Input),
    Strategy(StrategyId, strategy::Input),
    Books(books::Input),
    Link(link::Input),
    Broker(BrokerCommand),
}

/// The queue: first in, first out, over all receivers.
struct Queue<'a, J> {
    messages: &'a mut VecDeque<Message>,
    now: Timestamp,
    journal: &'a mut J,
}

impl<J: FnMut(Timestamp, Record)> Deliver for Queue<'_, J> {
    fn bars(&mut self, symbol: SymbolId, input: bars::Input) {
        self.messages.push_back(Message::Bars(symbol, input));
    }

    fn strategy(&mut self, strategy: StrategyId, input: strategy::Input) {
        self.messages.push_back(Message::Strategy(strategy, input));
    }

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
        (self.journal)(self.now, record);
    }

    fn commit(&mut self) -> bool {
        true
    }
}

/// One run.
pub struct Backtest<S: Iterator<Item = FeedEvent>, J: FnMut(Timestamp, Record)> {
    cores: Cores,
    player: Player<S>,
    intakes: Vec<Intake>,
    queue: VecDeque<Message>,
    /// What the broker is asked, until everybody is done.
    requests: Vec<BrokerRequest>,
    strategies_ended: bool,
    now: Timestamp,
    journal: J,
    /// What is on the way, where ways take time.
    wire: Option<Wire>,
    /// Contracts that will end, and at which price.
    expiries: Expiries,
    final_price: SettleRule,
}

impl<S: Iterator<Item = FeedEvent>, J: FnMut(Timestamp, Record)> Backtest<S, J> {
    /// A run over `source` that begins at `start`; `journal` receives every record.
    pub fn new(config: &Config, source: S, start: Timestamp, cash: Money, commission: Money, journal: J) -> Self {
        let venue =
            Venue::new(VenueConfig { instruments: config.instruments.clone(), commission, cash, rules: rules(config) });
        let mut state = BooksState::default();
        state.raise_ids(first_id(start));
        let mut cores = Cores::new(config, state);
        if config.backtest.unprotected_entries {
            cores.books.allow_unprotected();
        }
        let player = Player::new(source, venue);
        let player = if config.backtest.tick_by_tick { player.one_by_one() } else { player };
        Self {
            cores,
            player,
            intakes: vec![Intake::new(config.bars.jump_ticks_max); config.instruments.len()],
            queue: VecDeque::new(),
            requests: Vec::new(),
            strategies_ended: false,
            now: start,
            journal,
            wire: None,
            expiries: expiries(config, start),
            final_price: config.backtest.account.settlement.rule,
        }
    }

    /// The number of this run in its journal, from 1: orders and executions of different runs have different ids, also
    /// when they begin at the same market time.
    #[must_use]
    pub fn in_run(mut self, run: u32) -> Self {
        self.player.venue_mut().set_run(run);
        let first = first_id(self.now).0 + u64::from(run.saturating_sub(1)) * IDS_A_RUN;
        self.cores.books.raise_ids(ClientOrderId(first));
        self
    }

    /// Market data, orders and answers take time.
    #[must_use]
    pub fn with_latency(mut self, latencies: Option<Latencies>) -> Self {
        self.wire = latencies.map(Wire::new);
        self
    }

    /// Listens to every strategy; in the order of the configuration.
    pub fn tapped(mut self) -> (Self, Vec<Tap>) {
        let mut taps = Vec::new();
        let tapped = |core: StrategyCore| {
            let tap = Tap::default();
            taps.push(tap.clone());
            core.wrapped(|strategy| tap.on(strategy))
        };
        self.cores.strategies = std::mem::take(&mut self.cores.strategies).into_iter().map(tapped).collect();
        (self, taps)
    }

    /// Plays the whole market and returns the cores. Open positions stay open.
    pub fn run(mut self) -> Cores {
        self.connect();
        while self.step() {}
        while let Some(at) = self.expiries.next_on_the_day_of(self.now) {
            self.expire_due(at);
        }
        self.close();
        self.cores
    }

    /// Plays one step of the market and everything that comes of it; false at the market's end. After
    /// [`Backtest::connect`].
    pub fn step(&mut self) -> bool {
        if self.wire.is_some() {
            return self.step_delayed();
        }
        let Some((at, step)) = self.player.step() else { return false };
        self.expire_due(at);
        match step {
            Step::Market(events) => self.on_market(&events),
            Step::Reports(reports) => self.on_reports(&reports),
        }
        self.settle();
        self.now = self.now.max(at.floor(CLOCK));
        self.fire_deadlines();
        true
    }

    /// Before the first step.
    pub fn connect(&mut self) {
        let floor = BrokerOrderId(self.player.venue().next_order_id(0));
        self.say(News::Event(BrokerEvent::NextOrderId(floor)));
        self.say(News::Connected);
        self.settle();
        for symbol in 0..self.cores.bars.len() {
            self.say(News::FeedUp(symbol_id(symbol)));
        }
        self.settle();
    }

    /// As live: strategies end first, so the last bar, which the end cut off, is written down and not traded on.
    fn close(&mut self) {
        self.strategies_ended = true;
        for symbol in 0..self.cores.bars.len() {
            self.queue.push_back(Message::Bars(symbol_id(symbol), bars::Input::Flush));
        }
        self.settle();
        self.queue.push_back(Message::Books(books::Input::Close));
        self.settle();
    }

    fn on_market(&mut self, events: &[FeedEvent]) {
        let Some(first) = events.first() else { return };
        let symbol = first.symbol;
        self.now = self.now.max(first.event.ts().floor(STAMP));
        let (mut trades, mut moved) = (Vec::new(), false);
        for FeedEvent { event, .. } in events {
            match (self.intakes[usize::from(symbol.0)].see(event), event) {
                (Verdict::Take, MarketEvent::Trade(trade)) => {
                    trades.push(Trade { ts: trade.ts.floor(STAMP), ..*trade });
                    moved = true;
                }
                (Verdict::Take, MarketEvent::Quote(_)) => moved = true,
                (Verdict::Drop, _) => {}
                // As live: what came before it is told before it.
                (Verdict::Lost(why), _) => {
                    self.tell_market(symbol, std::mem::take(&mut trades), std::mem::take(&mut moved));
                    self.say(News::Lost { symbol, why });
                }
                (Verdict::Corrupt(why), _) => {
                    self.tell_market(symbol, std::mem::take(&mut trades), std::mem::take(&mut moved));
                    self.say(News::Corrupt { symbol, why });
                }
            }
        }
        self.tell_market(symbol, trades, moved);
    }

    /// Nothing if no price was taken: one that was refused is not a fresh one.
    fn tell_market(&mut self, symbol: SymbolId, trades: Vec<Trade>, moved: bool) {
        if !moved {
            return;
        }
        let intake = &mut self.intakes[usize::from(symbol.0)];
        let (fresh, mark) = (intake.take_fresh(), intake.mark());
        if let Some(Fresh { cleaned }) = fresh {
            self.say(News::Fresh { symbol, cleaned });
        }
        self.say(News::Market { symbol, trades, mark: Some(mark) });
    }

    fn say(&mut self, news: News) {
        self.route(Output::Broker(news));
    }

    fn route_record(&mut self, record: Record) {
        (self.journal)(self.now, record);
    }

    fn route(&mut self, output: Output) {
        let mut to = Queue { messages: &mut self.queue, now: self.now, journal: &mut self.journal };
        route(&self.cores.topology, output, &mut to);
    }

    /// Delivers until nobody has anything more to say. Requests reach the venue together, once everybody is done, as
    /// they do when a replay drives the live system.
    fn settle(&mut self) {
        loop {
            self.deliver();
            if self.requests.is_empty() {
                return;
            }
            for request in std::mem::take(&mut self.requests) {
                match &mut self.wire {
                    Some(wire) => wire.request(self.now, request),
                    None => self.on_request(request),
                }
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(message) = self.queue.pop_front() {
            let output = match message {
                Message::Bars(symbol, input) => {
                    Core::handle(&mut self.cores.bars[usize::from(symbol.0)], self.now, input)
                }
                Message::Strategy(..) if self.strategies_ended => continue,
                Message::Strategy(id, input) => {
                    Core::handle(&mut self.cores.strategies[usize::from(id.0)], self.now, input)
                }
                Message::Books(input) => Core::handle(&mut self.cores.books, self.now, input),
                Message::Link(input) => Core::handle(&mut self.cores.link, self.now, input),
                Message::Broker(BrokerCommand::Request(request)) => {
                    self.requests.push(request);
                    continue;
                }
                Message::Broker(BrokerCommand::Listen(symbol)) => {
                    self.intakes[usize::from(symbol.0)].listen();
                    continue;
                }
                // Its market data is subscribed once and for all, and its connection does not fail.
                Message::Broker(
                    BrokerCommand::Resubscribe | BrokerCommand::ResubscribeOne(_) | BrokerCommand::Rebuild { .. },
                ) => continue,
            };
            self.route(output);
        }
    }

    /// In the order in which the live broker adapter wakes the cores.
    fn fire_deadlines(&mut self) {
        let mut outputs: Vec<Output> = Vec::new();
        for bars in &mut self.cores.bars {
            outputs.extend(due(bars, self.now));
        }
        for strategy in &mut self.cores.strategies {
            outputs.extend(due(strategy, self.now));
        }
        outputs.extend(due(&mut self.cores.books, self.now));
        outputs.extend(due(&mut self.cores.link, self.now));
        outputs.into_iter().for_each(|output| self.route(output));
        self.settle();
    }

    /// Contracts whose end has come: the venue settles their positions and ends their orders, and the books hear of both.
    fn expire_due(&mut self, now: Timestamp) {
        while let Some((end, symbol)) = self.expiries.pop(now) {
            self.now = self.now.max(end.floor(CLOCK));
            let mut reports = Vec::new();
            let price = self.player.venue_mut().expire(self.now, symbol, self.final_price, &mut reports);
            self.on_reports(&reports);
            self.settle();
            match price {
                Some(price) => self.queue.push_back(Message::Books(books::Input::Expired { symbol, price })),
                None => {
                    let held = self.cores.books.portfolio().net_position(symbol);
                    let text = format!("symbol {}: {held} contracts, and no price to settle them at", symbol.0);
                    self.route_record(system(Severity::Error, "contract.expired", "venue", text));
                }
            }
            self.settle();
        }
    }

    fn on_request(&mut self, request: BrokerRequest) {
        match request {
            // One by one, as each is a message of its own on a socket, and answered as such.
            BrokerRequest::Place(tickets) => {
                for ticket in tickets {
                    self.ask(ticket.order_id, |venue, at, reports| {
                        venue.place(at, new_order(&ticket), reports).map(|_| told::announce(reports))
                    });
                }
            }
            BrokerRequest::Modify(ticket) => {
                self.ask(ticket.order_id, |venue, at, reports| venue.modify(at, new_order(&ticket), reports).map(drop));
            }
            BrokerRequest::Cancel(order_id) => {
                self.ask(order_id, |venue, at, reports| venue.cancel(at, CLIENT_ID, order_id.0, reports).map(drop));
            }
            BrokerRequest::ComparePositions(question) => {
                let positions = positions(self.player.venue());
                self.hear(BrokerEvent::Positions(question, positions));
            }
            BrokerRequest::TakeInventory(question) => {
                let snapshot = snapshot(self.player.venue());
                self.hear(BrokerEvent::Snapshot(question, Box::new(snapshot)));
            }
        }
    }

    fn ask<F>(&mut self, order_id: BrokerOrderId, request: F)
    where
        F: FnOnce(&mut Venue, Timestamp, &mut Vec<Report>) -> Result<(), Refusal>,
    {
        let at = self.player.now().max(self.now);
        let mut reports = Vec::new();
        let answer = request(self.player.venue_mut(), at, &mut reports);
        self.on_reports(&reports);
        if let Err(Refusal { code, text }) = answer {
            self.hear(BrokerEvent::OrderMessage { order_id, code, text });
        }
    }

    /// The exchange says something now.
    fn hear(&mut self, event: BrokerEvent) {
        match &mut self.wire {
            Some(wire) => wire.event(self.now.max(self.player.now()), event),
            None => self.say(News::Event(event)),
        }
    }

    fn on_reports(&mut self, reports: &[Report]) {
        for event in order_events(self.player.venue(), reports) {
            self.hear(event);
        }
    }
}

/// What our client hears of these reports, in order. Other clients' orders and those that the broker places itself are
/// not told to it: it learns of them by its inventory.
pub(crate) fn order_events(venue: &Venue, reports: &[Report]) -> Vec<BrokerEvent> {
    let is_ours = |client: i32, order: i32| client == CLIENT_ID && order != 0;
    let mut events = Vec::new();
    for (at, report) in reports.iter().enumerate() {
        let later = &reports[at + 1..];
        match report {
            Report::Order(perm_id) if told::is_repeated(*perm_id, later) => {}
            Report::Order(perm_id) => {
                let order = venue.order(*perm_id).filter(|o| is_ours(o.order.client_id, o.order.order_id));
                if let Some(order) = order {
                    let order = told::before(order, later);
                    events.extend(told::statuses(&order).iter().map(|status| status_event(&order, *status)));
                }
            }
            Report::Execution(fill) | Report::Corrected(fill) if is_ours(fill.client_id, fill.order_id) => {
                let (exec_id, amount) = (fill.exec_id.clone(), fill.commission);
                events.push(BrokerEvent::Execution(execution_event(fill)));
                events.push(BrokerEvent::Commission { exec_id, amount });
            }
            Report::Message { client_id, order_id, refusal: Refusal { code, text } }
                if is_ours(*client_id, *order_id) =>
            {
                let order_id = BrokerOrderId(*order_id);
                events.push(BrokerEvent::OrderMessage { order_id, code: *code, text: text.clone() });
            }
            Report::Execution(_) | Report::Corrected(_) | Report::Message { .. } => {}
        }
    }
    events
}

/// The account's client whose orders these are.
pub(crate) const CLIENT_ID: i32 = 0;

fn symbol_id(n: usize) -> SymbolId {
    SymbolId(u16::try_from(n).expect("fewer than 65536 instruments"))
}

fn due<C: Core>(core: &mut C, now: Timestamp) -> Option<Output> {
    core.next_deadline().is_some_and(|at| at <= now).then(|| core.on_deadline(now))
}

pub(crate) fn new_order(ticket: &OrderTicket) -> NewOrder {
    NewOrder {
        client_id: CLIENT_ID,
        order_id: ticket.order_id.0,
        symbol: ticket.symbol,
        side: ticket.side,
        quantity: ticket.quantity,
        kind: ticket.kind.into(),
        tif: ticket.tif.into(),
        parent_id: ticket.parent.map(|id| id.0),
        oca: ticket.oca_group.clone().map(|group| (group, OcaType::ReduceWithBlock)),
        transmit: ticket.transmit,
        order_ref: ticket.order_ref.clone(),
        terms: Terms::default(),
    }
}

fn broker_status(status: Status) -> BrokerStatus {
    match status {
        Status::PendingSubmit => BrokerStatus::PendingSubmit,
        Status::PreSubmitted => BrokerStatus::PreSubmitted,
        Status::Submitted => BrokerStatus::Submitted,
        Status::PendingCancel => BrokerStatus::PendingCancel,
        Status::Cancelled => BrokerStatus::Cancelled,
        Status::Filled => BrokerStatus::Filled,
        Status::Inactive => BrokerStatus::Inactive,
    }
}

pub(crate) fn status_event(order: &VenueOrder, status: Status) -> BrokerEvent {
    BrokerEvent::Status {
        order_id: BrokerOrderId(order.order.order_id),
        perm_id: order.perm_id,
        status: broker_status(status),
        filled: order.filled,
        remaining: order.remaining(),
    }
}

pub(crate) fn execution_event(execution: &VenueExecution) -> Execution {
    Execution {
        exec_id: execution.exec_id.clone(),
        order_id: BrokerOrderId(execution.order_id),
        perm_id: execution.perm_id,
        client_id: execution.client_id,
        order_ref: execution.order_ref.clone(),
        symbol: execution.symbol,
        side: execution.side,
        quantity: execution.quantity,
        price: execution.price,
        at: execution.at.floor(STAMP),
        liquidation: execution.liquidation,
    }
}

pub(crate) fn broker_order(order: &VenueOrder) -> BrokerOrder {
    BrokerOrder {
        order_id: BrokerOrderId(order.order.order_id),
        perm_id: order.perm_id,
        client_id: order.order.client_id,
        order_ref: order.order.order_ref.clone(),
        symbol: order.order.symbol,
        side: order.order.side,
        quantity: order.order.quantity,
        filled: order.filled,
        status: broker_status(order.status),
    }
}

fn snapshot(venue: &Venue) -> BrokerSnapshot {
    BrokerSnapshot {
        open_orders: venue.open_orders().map(broker_order).collect(),
        completed_orders: venue.completed_orders().map(broker_order).collect(),
        executions: venue.executions().iter().map(execution_event).collect(),
        commissions: venue.executions().iter().map(|e| (e.exec_id.clone(), e.commission)).collect(),
        positions: positions(venue),
    }
}

pub(crate) fn positions(venue: &Venue) -> Vec<BrokerPosition> {
    venue.positions().map(|p| BrokerPosition { symbol: p.symbol, quantity: p.quantity }).collect()
}
