//! The venue behind a line and a broker that fail as a plan says. In: connections and requests of a client, time.
//! Out: what the client hears, and what befalls its process. Absent: the client; what it should do about it.
//!
//! Requests and news are under way for some milliseconds each and keep their order, except where a fault says
//! otherwise. An inventory is answered in four parts, one after another, while news go on coming.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::chance::Chance;
use super::line::{Line, millis};
use super::market::Market;
use super::plan::{Fault, Plan, Spot, Victim, What};
use super::scene::{self, COMMISSION, START};
use crate::backtest::{CLIENT_ID, broker_order, execution_event, order_events, positions};
use crate::market::{FeedEvent, Instrument, MarketEvent, Price, Quote, SymbolId, Trade};
use crate::time::Timestamp;
use crate::trade::{
    BrokerEvent, BrokerOrderId, BrokerPosition, BrokerRequest, BrokerSnapshot, Money, OrderIntent, OrderTicket,
    Question,
};
use crate::venue::{Report, Rules, Venue, VenueConfig, VenueExecution};
use crate::wiring::News;

mod faults;
mod orders;

/// Purposes that have random numbers of their own.
const LINE: u64 = 2;
const MARKET: u64 = 3;

/// Either way.
const DELAY_MS: (u32, u32) = (1, 12);
const HANDSHAKE_MS: (u32, u32) = (5, 60);
/// What was added to every price after a farm had come back, in the real case.
const CORRUPTION: i32 = 1_337_581_200;
/// The newest executions of an inventory come on the order stream as well.
const REPEATED: usize = 8;

/// What reaches the client.
#[derive(Debug)]
pub enum Heard {
    News(News),
    /// Market data of one symbol, in order.
    Ticks(SymbolId, Vec<MarketEvent>),
    /// The answer to [`Exchange::ping`].
    Pong,
    /// The peer closed the socket.
    Closed,
}

/// What befalls the process, for whoever plays it.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    Panic(Victim, Spot),
    Kill { keep: u16, skew_ms: i32 },
    Power { keep: u16, skew_ms: i32 },
    Restart,
    Wish(OrderIntent),
    Flatten,
}

/// A request under way.
#[derive(Debug)]
enum Asked {
    Place(OrderTicket),
    Modify(OrderTicket),
    Cancel(BrokerOrderId),
    /// With the parts that were answered: open orders, completed orders, executions, positions.
    Inventory(Question, u32, Box<BrokerSnapshot>),
    Positions(Question),
    Subscribe(SymbolId),
    Ping,
}

impl Asked {
    fn is_order(&self) -> bool {
        matches!(self, Asked::Place(_) | Asked::Modify(_) | Asked::Cancel(_))
    }
}

/// The broker's connection to its own upstream.
#[derive(Debug)]
struct Lost {
    until: Timestamp,
    data_lost: bool,
    /// `None`: requests vanish.
    requests: Option<Vec<Asked>>,
    /// `None`: what happens is not told afterwards.
    events: Option<Vec<BrokerEvent>>,
    /// What the broker's own machine still believes.
    stale: BrokerSnapshot,
}

/// Faults that wait for the next message of their kind.
#[derive(Clone, Debug, Default)]
struct Armed {
    duplicate: u32,
    reorder: (u32, u32),
    swallow: u32,
    reject: u32,
    cancel_too_late: u32,
    remark: (u32, i32),
    no_inventory: u32,
    ids_fall_back: i32,
}

#[derive(Debug)]
pub struct Exchange {
    plan: VecDeque<Fault>,
    scene: super::plan::Scene,
    now: Timestamp,
    chance: Chance,
    venue: Venue,
    markets: Vec<Market>,
    /// By symbol: prices that are told are wrong until then.
    corrupt_until: Vec<Timestamp>,
    /// The broker's clock less the true one.
    skew_ms: i32,
    open: bool,
    /// By symbol.
    subscribed: Vec<bool>,
    refuses_until: Timestamp,
    out: Line<Asked>,
    back: Line<Heard>,
    upstream: Option<Lost>,
    /// By symbol: no data before.
    farms: Vec<Option<Timestamp>>,
    /// By symbol: data that was said to be back is not, before.
    silent_until: Vec<Timestamp>,
    halted_until: Timestamp,
    /// Nothing goes wrong any more.
    calm_from: Timestamp,
    armed: Armed,
    foreign_id: i32,
    /// Contracts that others traded.
    foreign: i64,
    /// When others last changed a position, which nobody tells this client.
    others_at: Option<Timestamp>,
    /// Orders that were told to be cancelled and filled nevertheless.
    untrue: BTreeSet<i32>,
    /// Positions of strategies were changed behind their orders' backs.
    touched: bool,
    /// Faults that took effect, for reports.
    pub played: u32,
    /// What happened lately, if anybody wants to know.
    trace: Option<Vec<String>>,
}

impl Exchange {
    pub fn new(plan: &Plan, instruments: &[Instrument]) -> Self {
        let venue = Venue::new(VenueConfig {
            instruments: instruments.to_vec(),
            commission: COMMISSION,
            cash: Money::from_micros(1_000_000_000_000),
            rules: Rules::none(),
        });
        let market = |i: &Instrument| {
            let chance = Chance::fork(plan.seed, MARKET + u64::from(i.id.0));
            Market::new(i.id, START, plan.scene.thin, chance)
        };
        Self {
            plan: plan.faults.clone().into(),
            scene: plan.scene.clone(),
            now: START,
            chance: Chance::fork(plan.seed, LINE),
            venue,
            markets: instruments.iter().map(market).collect(),
            corrupt_until: vec![START; instruments.len()],
            skew_ms: 0,
            open: false,
            subscribed: vec![false; instruments.len()],
            refuses_until: START,
            out: Line::default(),
            back: Line::default(),
            upstream: None,
            farms: vec![None; instruments.len()],
            silent_until: vec![START; instruments.len()],
            halted_until: START,
            calm_from: START + Duration::from_millis(plan.span_ms),
            armed: Armed::default(),
            foreign_id: 0,
            foreign: 0,
            others_at: None,
            untrue: BTreeSet::new(),
            touched: false,
            played: 0,
            trace: None,
        }
    }

    /// Keeps what happens from now on, one line each.
    pub fn keep_trace(&mut self) {
        self.trace = Some(Vec::new());
    }

    pub fn trace(&self) -> &[String] {
        self.trace.as_deref().unwrap_or_default()
    }

    pub fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let at = self.now.since(START);
            trace.push(format!(
                "{:02}:{:02}.{:03} {}",
                at.as_secs() / 60,
                at.as_secs() % 60,
                at.subsec_millis(),
                text()
            ));
        }
    }

    pub fn venue(&self) -> &Venue {
        &self.venue
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// It is at least this late; nothing happens by that alone.
    pub fn pass(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// When something happens next, whether or not anybody is connected.
    pub fn next_at(&self) -> Timestamp {
        let fault = self.plan.front().map(|fault| START + Duration::from_millis(fault.at_ms));
        let markets = self.markets.iter().map(Market::next_at);
        let lines = self.out.next_at().into_iter().chain(self.back.next_at());
        let restored = self.upstream.iter().map(|lost| lost.until).chain(self.farms.iter().flatten().copied());
        fault.into_iter().chain(markets).chain(lines).chain(restored).min().unwrap_or(Timestamp::MAX)
    }

    /// Lets everything happen that is due. What it does to the process, in order.
    pub fn step(&mut self, now: Timestamp) -> Vec<Act> {
        self.pass(now);
        let mut acts = Vec::new();
        while let Some(fault) = self.plan.pop_front_if(|f| START + Duration::from_millis(f.at_ms) <= now) {
            self.note(|| format!("fault: {:?}", fault.what));
            self.played += 1;
            acts.extend(self.befall(fault.what));
        }
        self.restore();
        self.trade();
        while let Some(asked) = self.out.take_due(now) {
            self.answer(asked);
        }
        acts
    }

    /// The client wants to connect: how long the handshake takes, or `None` if nobody listens.
    pub fn connect(&mut self) -> Option<Duration> {
        let takes = self.between(HANDSHAKE_MS);
        (self.now >= self.refuses_until).then_some(takes)
    }

    /// The handshake is over: the next order id, or `None` if it failed after all.
    pub fn opened(&mut self) -> Option<BrokerOrderId> {
        if self.now < self.refuses_until {
            return None;
        }
        self.out.cut();
        self.back.cut();
        self.open = true;
        self.subscribed.fill(false);
        if self.upstream.is_some() {
            self.tell(Heard::News(notice(2110, "Connectivity between TWS and server is broken.")));
        }
        let back = std::mem::take(&mut self.armed.ids_fall_back);
        Some(BrokerOrderId((self.venue.next_order_id(CLIENT_ID) - back).max(1)))
    }

    /// The client closes the socket, or its process is dead: what it sent still arrives.
    pub fn close(&mut self) {
        self.cut(usize::MAX);
        self.back.cut();
        self.note(|| "the client closed the socket".to_owned());
    }

    fn cut(&mut self, arrive: usize) {
        self.open = false;
        self.subscribed.fill(false);
        let under_way: Vec<Asked> = self.out.cut().into_iter().filter(Asked::is_order).take(arrive).collect();
        under_way.into_iter().for_each(|asked| self.answer(asked));
    }

    /// Contracts that others have traded on the account.
    pub fn foreign(&self) -> i64 {
        self.foreign
    }

    /// When others last changed a position, which nobody tells this client.
    pub fn others_at(&self) -> Option<Timestamp> {
        self.others_at
    }

    /// The order was told to be cancelled, and filled nevertheless.
    pub fn told_untruly(&self, order_id: i32) -> bool {
        self.untrue.contains(&order_id)
    }

    /// Contracts of all such orders of a symbol.
    pub fn untrue_contracts(&self, symbol: SymbolId) -> i64 {
        let orders = self.untrue.iter().filter_map(|id| self.venue.order_of(CLIENT_ID, *id));
        orders.filter(|order| order.order.symbol == symbol).map(|order| i64::from(order.order.quantity)).sum()
    }

    /// Positions of strategies were changed behind their orders' backs.
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Nothing is under way in either direction, and nothing keeps it from being so.
    pub fn is_quiet(&self) -> bool {
        let only_ticks = |heard: &Heard| matches!(heard, Heard::Ticks(..) | Heard::Pong);
        let only_pings = |asked: &Asked| matches!(asked, Asked::Ping);
        self.open && self.upstream.is_none() && self.out.iter().all(only_pings) && self.back.iter().all(only_ticks)
    }

    /// Orders reach the exchange and can trade there.
    pub fn has_path(&self) -> bool {
        let held = self.out.is_held(self.now) || self.back.is_held(self.now);
        self.open && !held && self.upstream.is_none() && self.now >= self.halted_until && self.armed.reject == 0
    }

    pub fn request(&mut self, request: BrokerRequest) {
        self.note(|| format!("asked: {request:?}"));
        let asked = match request {
            BrokerRequest::Place(tickets) => tickets.into_iter().map(Asked::Place).collect(),
            BrokerRequest::Modify(ticket) => vec![Asked::Modify(ticket)],
            BrokerRequest::Cancel(order_id) => vec![Asked::Cancel(order_id)],
            BrokerRequest::TakeInventory(question) => vec![Asked::Inventory(question, 0, Box::default())],
            BrokerRequest::ComparePositions(question) => vec![Asked::Positions(question)],
        };
        asked.into_iter().for_each(|asked| self.send(asked));
    }

    pub fn subscribe(&mut self, symbol: SymbolId) {
        self.send(Asked::Subscribe(symbol));
    }

    pub fn ping(&mut self) {
        self.send(Asked::Ping);
    }

    /// What has reached the client by now.
    pub fn hear(&mut self) -> Option<Heard> {
        let heard = self.back.take_due(self.now)?;
        if !matches!(heard, Heard::Ticks(..) | Heard::Pong) {
            self.note(|| format!("heard: {heard:?}"));
        }
        Some(heard)
    }

    fn send(&mut self, asked: Asked) {
        if self.open {
            let at = self.now + self.between(DELAY_MS);
            self.out.send(at, asked);
        }
    }

    fn tell(&mut self, heard: Heard) {
        if self.open {
            let at = self.now + self.between(DELAY_MS);
            self.back.send(at, heard);
        }
    }

    fn between(&mut self, (low, high): (u32, u32)) -> Duration {
        millis(self.chance.between(low, high))
    }

    /// The broker's clock.
    fn broker_now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.millis() + i64::from(self.skew_ms))
    }

    /// Markets move; what that does to orders is told before the prices.
    fn trade(&mut self) {
        for n in 0..self.markets.len() {
            while self.markets[n].next_at() <= self.now {
                let events = self.markets[n].happen();
                self.show(n, events);
            }
        }
    }

    fn show(&mut self, n: usize, mut events: Vec<FeedEvent>) {
        if self.now < self.halted_until {
            return;
        }
        let at = self.broker_now();
        let mut reports = Vec::new();
        let mut told = Vec::new();
        let shift = if self.now < self.corrupt_until[n] { CORRUPTION } else { 0 };
        for event in &mut events {
            match &mut event.event {
                MarketEvent::Trade(trade) => trade.ts = at,
                MarketEvent::Quote(quote) => quote.ts = at,
            }
            self.venue.on_market(event, &mut reports);
            told.push(shown(event.event, shift));
        }
        self.report(&reports);
        let symbol = self.markets[n].symbol();
        let silent = self.now < self.silent_until[n];
        if !silent && self.subscribed[n] && self.upstream.is_none() && self.farms[n].is_none() {
            self.tell(Heard::Ticks(symbol, told));
        }
    }

    fn report(&mut self, reports: &[Report]) {
        let others = |fill: &VenueExecution| fill.client_id != CLIENT_ID || fill.order_id == 0;
        if reports.iter().any(|report| matches!(report, Report::Execution(fill) if others(fill))) {
            self.others_at = Some(self.now);
        }
        for event in order_events(&self.venue, reports) {
            self.tell_event(event);
        }
    }

    /// The end of a lost upstream or farm.
    fn restore(&mut self) {
        if let Some(lost) = self.upstream.take_if(|lost| lost.until <= self.now) {
            let code = if lost.data_lost { 1101 } else { 1102 };
            if lost.data_lost {
                self.subscribed.fill(false);
            }
            self.tell(Heard::News(notice(code, "Connectivity between IB and TWS has been restored.")));
            lost.requests.into_iter().flatten().for_each(|asked| self.answer(asked));
            lost.events.into_iter().flatten().for_each(|event| self.tell_event(event));
        }
        for n in 0..self.farms.len() {
            if self.farms[n].take_if(|until| *until <= self.now).is_some() {
                self.tell(Heard::News(notice(2104, "Market data farm connection is OK:usfuture")));
            }
        }
    }
}

/// As clients are told it: stamped with whole seconds, and wrong by `shift` ticks.
fn shown(event: MarketEvent, shift: i32) -> MarketEvent {
    let stamp = |ts: Timestamp| ts.floor(Duration::from_secs(1));
    let wrong = |price: Price| Price(price.0.saturating_add(shift));
    match event {
        MarketEvent::Trade(trade) => {
            MarketEvent::Trade(Trade { ts: stamp(trade.ts), price: wrong(trade.price), ..trade })
        }
        MarketEvent::Quote(quote) => {
            let (bid, ask) = (quote.bid.map(wrong), quote.ask.map(wrong));
            MarketEvent::Quote(Quote { ts: stamp(quote.ts), bid, ask, ..quote })
        }
    }
}

fn notice(code: i32, text: &str) -> News {
    News::Notice { code, text: text.to_owned() }
}

fn snapshot_of_positions(venue: &Venue) -> Vec<BrokerPosition> {
    positions(venue)
}

fn symbol_id(n: usize) -> SymbolId {
    SymbolId(u16::try_from(n).expect("a simulation has few instruments"))
}
