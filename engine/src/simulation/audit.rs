//! Watches that no invariant is broken. In: what the system asks of the broker, hears and records, and its books, at each
//! step. Out: the first violation. Absent: the system's own opinion of how well it does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::exchange::{Exchange, Heard};
use super::fold::Fold;
use crate::backtest::CLIENT_ID;
use crate::books::{Books, BooksState};
use crate::journal::{Entry, Record};
use crate::market::{Instrument, SymbolId};
use crate::time::Timestamp;
use crate::trade::{
    BrokerEvent, BrokerOrderId, BrokerRequest, ClientOrderId, Leg, Money, OrderTicket, Question, StrategyId, Trading,
};
use crate::wiring::News;

mod ending;
mod positions;
mod requests;

/// How long the books may not have heard of what happened to the connection.
const ALLOWED_WITHIN: Duration = Duration::from_millis(500);
/// How long a position may lack a stop, or a stop a position, while orders reach the exchange and book and broker agree.
const REPAIR_WITHIN: Duration = Duration::from_secs(8);
/// Positions are compared every minute, and what was taken back is believed at the second look.
const DISCOVER_WITHIN: Duration = Duration::from_secs(100);
/// How long book and broker may differ about orders while nothing is under way.
const SETTLE_WITHIN: Duration = Duration::from_secs(30);

/// A broken invariant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Stable name of the invariant.
    pub rule: &'static str,
    pub text: String,
}

/// Something that may last only so long.
#[derive(Clone, Debug)]
struct Since<K: Ord>(BTreeMap<K, Timestamp>);

impl<K: Ord> Default for Since<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Copy> Since<K> {
    /// Notes which ones last, and answers one that has lasted longer than `most`.
    fn outlasts(&mut self, now: Timestamp, lasting: &BTreeSet<K>, most: Duration) -> Option<K> {
        self.0.retain(|key, _| lasting.contains(key));
        for key in lasting {
            self.0.entry(*key).or_insert(now);
        }
        self.0.iter().find(|(_, since)| now.since(**since) > most).map(|(key, _)| *key)
    }
}

/// An exit on its way, and whether something else filled before it was at the exchange.
#[derive(Clone, Copy, Debug)]
struct Exit {
    arrived: bool,
    overtaken: bool,
}

/// Reduces a position, and is not larger.
fn closes(ticket: &OrderTicket, position: i64) -> bool {
    i64::from(ticket.quantity) <= position.abs() && i64::from(ticket.side.sign()) * position < 0
}

#[derive(Debug)]
pub struct Auditor {
    instruments: Vec<Instrument>,
    position_max: i64,
    /// The journal so far, of this life of the process.
    fold: Fold,
    /// Tickets that were ever handed over to be sent, in all lives.
    sent: BTreeMap<ClientOrderId, OrderTicket>,
    by_order_id: BTreeMap<i32, ClientOrderId>,
    order_id_max: BrokerOrderId,
    /// Counts connectivity events and rebuilt books; an inventory counts if it was asked for at the latest of them.
    epoch: u64,
    /// Questions without an answer, and when they were asked: there may be several at once.
    asked: Vec<(Question, u64)>,
    reconciled_in: u64,
    now: Timestamp,
    /// When what was known of the broker last ceased to be certain.
    trusted_until: Option<Timestamp>,
    allowed_unproved: Since<()>,
    naked: Since<(StrategyId, SymbolId)>,
    orphans: Since<ClientOrderId>,
    unsettled: Since<ClientOrderId>,
    /// Positions that others changed, until it is noticed.
    undiscovered: Since<SymbolId>,
    discovered: Option<Timestamp>,
    /// Orders that ended since the last step, in the book.
    ended: Vec<ClientOrderId>,
    executions_seen: usize,
    held: BTreeMap<(StrategyId, SymbolId), i64>,
    exits: BTreeMap<ClientOrderId, Exit>,
    /// Symbols without a tick since their farm broke or they were subscribed.
    unproved: BTreeMap<SymbolId, Timestamp>,
    /// A person may have to settle something that happened: book and broker may differ for good.
    excused: bool,
    violation: Option<Violation>,
    pub steps: u64,
}

impl Auditor {
    pub fn new(instruments: &[Instrument], position_max: u32) -> Self {
        Self {
            instruments: instruments.to_vec(),
            position_max: i64::from(position_max),
            fold: Fold::default(),
            sent: BTreeMap::new(),
            by_order_id: BTreeMap::new(),
            order_id_max: BrokerOrderId(0),
            epoch: 1,
            asked: Vec::new(),
            reconciled_in: 0,
            now: Timestamp::MIN,
            trusted_until: None,
            allowed_unproved: Since::default(),
            naked: Since::default(),
            orphans: Since::default(),
            unsettled: Since::default(),
            undiscovered: Since::default(),
            discovered: None,
            ended: Vec::new(),
            executions_seen: 0,
            held: BTreeMap::new(),
            exits: BTreeMap::new(),
            unproved: BTreeMap::new(),
            excused: false,
            violation: None,
            steps: 0,
        }
    }

    /// It is this late.
    pub fn pass(&mut self, now: Timestamp) {
        self.now = now;
    }

    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// Book and broker may differ for good from now on. Ids that nobody knows of any more are those above the broker's.
    pub fn excuse(&mut self, exchange: &Exchange) {
        self.excused = true;
        self.order_id_max = BrokerOrderId(exchange.venue().next_order_id(CLIENT_ID) - 1);
    }

    pub fn is_excused(&self) -> bool {
        self.excused
    }

    pub fn break_rule(&mut self, rule: &'static str, text: impl Into<String>) {
        self.violation.get_or_insert(Violation { rule, text: text.into() });
    }

    /// Whether a complete inventory was taken since the last connectivity event.
    pub fn is_reconciled(&self) -> bool {
        self.reconciled_in == self.epoch
    }

    /// Whatever was known of the broker may be wrong now: the books were rebuilt.
    pub fn doubt(&mut self) {
        if self.is_reconciled() {
            self.trusted_until = Some(self.now);
        }
        self.epoch += 1;
    }

    /// One record, when it is in the journal's file.
    pub fn on_record(&mut self, entry: &Entry) {
        if let Record::SessionStarted { books, .. } = &entry.record {
            self.fold = Fold::of_state(books);
            return;
        }
        match &entry.record {
            Record::OrderPlaced(ticket) if !self.fold.placed.contains_key(&ticket.id) => self.check_new(ticket),
            Record::OrderChanged(change) if change.state.is_terminal() => self.ended.push(change.id),
            _ => {}
        }
        if let Err(text) = self.fold.apply(&entry.record) {
            self.break_rule("an execution counts once", text);
        }
    }

    /// An order comes into being with its record: what the books knew by then is what it must fit.
    fn check_new(&mut self, ticket: &OrderTicket) {
        let id = ticket.id.0;
        let trading = self.fold.trading.unwrap_or(Trading::Paused);
        if ticket.leg == Leg::Entry && trading != Trading::Allowed {
            self.break_rule("no entry while paused", format!("entry {id} while trading is {trading:?}"));
        }
        let known = self.fold.position(ticket.strategy, ticket.symbol);
        if ticket.leg == Leg::Exit && !closes(ticket, known) {
            let text = format!("exit {id} of {} contracts for a position of {known}", ticket.quantity);
            self.break_rule("an exit fits its position", text);
        }
    }

    pub fn on_heard(&mut self, heard: &Heard) {
        match heard {
            Heard::Ticks(symbol, _) => {
                self.unproved.remove(symbol);
            }
            Heard::News(News::FeedUp(symbol)) => {
                self.unproved.entry(*symbol).or_insert(self.now);
            }
            Heard::News(News::Notice { code: 2103, .. }) => {
                for instrument in &self.instruments {
                    self.unproved.entry(instrument.id).or_insert(self.now);
                }
            }
            Heard::Closed | Heard::News(News::Connected | News::Disconnected { .. }) => self.doubt(),
            Heard::News(News::Notice { code: 1100 | 1101 | 1102 | 1300 | 2110, .. }) => self.doubt(),
            Heard::News(News::Event(BrokerEvent::Snapshot(question, _))) => {
                if let Some(place) = self.asked.iter().position(|(asked, _)| asked == question) {
                    // Answers come in order.
                    let answered = self.asked.drain(..=place).next_back();
                    self.reconciled_in = answered.map_or(0, |(_, epoch)| epoch).max(self.reconciled_in);
                }
            }
            Heard::News(_) | Heard::Pong => {}
        }
    }

    /// After each step, when everything that it caused is done. `books`: as they are, unless they are being rebuilt.
    pub fn check(&mut self, exchange: &Exchange, books: Option<&Books>) {
        self.steps += 1;
        if self.violation.is_some() {
            return;
        }
        self.check_executions(exchange);
        self.check_ended(exchange);
        if let Some(books) = books {
            self.check_book(exchange, books);
        }
        self.check_protection(exchange);
        self.check_limits(exchange);
    }

    /// The books are what the journal says, and what the broker says when nothing is under way.
    fn check_book(&mut self, exchange: &Exchange, books: &Books) {
        let differences = self.fold.differences(books.state());
        if !differences.is_empty() {
            return self.break_rule("the book is what the journal says", differences.join("; "));
        }
        let unproved = books.trading() == Trading::Allowed && !self.is_reconciled();
        let unproved = if unproved { BTreeSet::from([()]) } else { BTreeSet::new() };
        if self.allowed_unproved.outlasts(exchange.now(), &unproved, ALLOWED_WITHIN).is_some() {
            let text = "the books take it that trading is allowed, and nothing was compared since the last connection";
            return self.break_rule("only an inventory opens trading", text);
        }
        let quiet = exchange.is_quiet() && self.is_reconciled() && books.trading() == Trading::Allowed;
        if !quiet || self.excused {
            self.unsettled.0.clear();
            return;
        }
        self.check_positions(exchange, books);
        let at_broker: BTreeSet<ClientOrderId> =
            exchange.venue().open_orders().filter_map(|o| self.id_of(o.order.order_id)).collect();
        let in_book: BTreeSet<ClientOrderId> = self.fold.live.keys().copied().collect();
        let differing: BTreeSet<ClientOrderId> = at_broker.symmetric_difference(&in_book).copied().collect();
        if let Some(id) = self.unsettled.outlasts(exchange.now(), &differing, SETTLE_WITHIN) {
            let text = format!("order {}: live in one of book and broker only", id.0);
            self.break_rule("orders are those at the broker", text);
        }
    }

    /// What the broker tells is older than what is true there, and an order that has ended does not live again.
    fn check_ended(&mut self, exchange: &Exchange) {
        for id in std::mem::take(&mut self.ended) {
            let lives = exchange.venue().open_orders().any(|o| {
                let order_id = o.order.order_id;
                self.id_of(order_id) == Some(id) && !exchange.told_untruly(order_id)
            });
            if lives && !self.excused {
                self.break_rule("only the broker ends an order", format!("order {} still lives there", id.0));
            }
        }
    }

    /// They agree whenever nothing is under way. What others did is told by nobody, and must be found by comparing.
    fn check_positions(&mut self, exchange: &Exchange, books: &Books) {
        let theirs = |of: SymbolId| exchange.venue().positions().find(|p| p.symbol == of).map_or(0, |p| p.quantity);
        let ours = |of: SymbolId| books.portfolio().net_position(of);
        let differing: BTreeSet<SymbolId> =
            self.instruments.iter().map(|i| i.id).filter(|id| ours(*id) != theirs(*id)).collect();
        if differing.is_empty() {
            self.discovered = exchange.others_at();
        }
        let hidden = exchange.others_at() != self.discovered;
        let within = if hidden { DISCOVER_WITHIN } else { Duration::ZERO };
        let late = self.undiscovered.outlasts(exchange.now(), &differing, within);
        if let Some(id) = late.or(differing.first().copied().filter(|_| !hidden)) {
            let text = format!("symbol {}: book {}, broker {}, and trading is allowed", id.0, ours(id), theirs(id));
            self.break_rule("the book is what the broker holds", text);
        }
    }

    /// The ticket that went out under this id.
    fn id_of(&self, order_id: i32) -> Option<ClientOrderId> {
        self.by_order_id.get(&order_id).copied()
    }

    /// A dead process was started again from `entries`, the last segment as it was found, and begins with `books`.
    pub fn check_recovered(&mut self, entries: &[Entry], books: &BooksState) {
        match Fold::of_segment(entries.iter()) {
            Some(fold) => {
                let differences = fold.differences(books);
                if !differences.is_empty() {
                    self.break_rule("a start is a recovery", differences.join("; "));
                }
            }
            None => self.break_rule("a start is a recovery", "the journal holds an execution twice, or no beginning"),
        }
    }
}
