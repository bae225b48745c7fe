//! The books as trading days: intents in, a broker that answers, and what is true at the end.

mod away;
mod corrections;
mod knight;
mod ladder;
mod limits;
mod model;
mod naked;
pub(super) mod pit;
mod properties;
mod random;
mod written;

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::config::Limit;
use crate::journal::{self, Entry, Mode, SessionInfo, Verdict};
use crate::market::Price;
use crate::orders::machine::State;
use crate::trade::{
    Bracket, BrokerOrder, BrokerPosition, BrokerSnapshot, BrokerStatus, Execution, Intent, OrderKind, OrderTicket,
    PermId, Question, Side,
};

mod closing;
mod days;
mod sizing;

/// A config whose limits let one contract a strategy through.
fn config() -> Config {
    let layer = crate::config::raw::Layer::embedded_default();
    let contracts = [crate::config::raw::ContractSpec {
        root: "ES".into(),
        exchange: "CME".into(),
        currency: "USD".into(),
        tick_size: rust_decimal::Decimal::new(25, 2),
        multiplier: 50.into(),
    }];
    let mut config = crate::config::raw::read(&[layer], &[], &crate::config::raw::Known::registered(&contracts))
        .expect("the built-in configuration has no mistakes");
    config.risk.order.max_position_size = Limit::Max(4);
    config
}

struct Desk {
    config: Config,
    books: Books,
    now: Timestamp,
    journal: Vec<Entry>,
    tickets: BTreeMap<BrokerOrderId, OrderTicket>,
    sent: Vec<OrderTicket>,
    modified: Vec<OrderTicket>,
    cancels: Vec<BrokerOrderId>,
    executions: Vec<Execution>,
    news: Vec<(StrategyId, strategy::Input)>,
    compared: Vec<Comparison>,
    doubts: usize,
    flats: usize,
    /// Questions without an answer: for everything, or for positions only.
    asked: VecDeque<(bool, Question)>,
}

const ES: SymbolId = SymbolId(0);
const ONE: StrategyId = StrategyId(0);
const TWO: StrategyId = StrategyId(1);

fn perm_id(ticket: &OrderTicket) -> PermId {
    PermId(3_000_000_000 + i64::from(ticket.order_id.0))
}

impl Desk {
    fn open() -> Self {
        Self::open_changed(|_| {})
    }

    fn open_changed(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config();
        change(&mut config);
        let mut desk = Self::with(config, BooksState::default());
        desk.broker(BrokerEvent::NextOrderId(BrokerOrderId(1)));
        desk.tell(Input::TakeInventory);
        desk.inventory(&[]);
        desk.compared.clear();
        desk.tell(Input::Trading { trading: Trading::Allowed, cause: "test".into() });
        desk.price(20_000);
        desk
    }

    fn with_state(state: BooksState) -> Self {
        Self::with(config(), state)
    }

    fn with(config: Config, state: BooksState) -> Self {
        let info = SessionInfo {
            id: "test".into(),
            mode: Mode::Run,
            instance: config.instance.name.clone(),
            account: "DU1".into(),
            instruments: config.instruments.clone(),
            strategies: Vec::new(),
        };
        // A Wednesday, 10:00 in New York.
        let now = Timestamp::from_secs(1_718_200_800);
        let record = Record::SessionStarted { info: Box::new(info), books: Box::new(state.clone()) };
        Self {
            books: Books::new(&config, state),
            config,
            now,
            journal: vec![Entry { seq: 1, at: now, record }],
            tickets: BTreeMap::new(),
            sent: Vec::new(),
            modified: Vec::new(),
            cancels: Vec::new(),
            executions: Vec::new(),
            news: Vec::new(),
            compared: Vec::new(),
            doubts: 0,
            flats: 0,
            asked: VecDeque::new(),
        }
    }

    /// A new process on the books of another, whose account has nothing open, at the same time.
    fn resumed(state: BooksState, now: Timestamp) -> Self {
        let mut desk = Self::with_state(state);
        desk.now = now;
        desk.broker(BrokerEvent::NextOrderId(BrokerOrderId(1)));
        desk.tell(Input::TakeInventory);
        desk.inventory(&[]);
        desk.tell(Input::Trading { trading: Trading::Allowed, cause: "test".into() });
        desk.price(20_000);
        desk
    }

    fn tell(&mut self, input: Input) {
        let mut out = Vec::new();
        self.books.handle(self.now, input, &mut out);
        self.take(out);
    }

    fn wait(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
        let mut out = Vec::new();
        self.books.on_deadline(self.now, &mut out);
        self.take(out);
    }

    fn take(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Record(record) => {
                    let seq = self.journal.len() as u64 + 1;
                    self.journal.push(Entry { seq, at: self.now, record });
                }
                Output::Request(BrokerRequest::Place(tickets)) => {
                    for ticket in tickets {
                        assert!(self.is_journalled(&ticket), "an order leaves only when it is written down");
                        self.sent.push(ticket.clone());
                        let twice = self.tickets.insert(ticket.order_id, ticket);
                        assert_eq!(twice, None, "an order id is used once");
                    }
                }
                Output::Request(BrokerRequest::Modify(ticket)) => {
                    self.modified.push(ticket.clone());
                    assert!(self.tickets.insert(ticket.order_id, ticket).is_some(), "only what was placed changes");
                }
                Output::Request(BrokerRequest::Cancel(order_id)) => self.cancels.push(order_id),
                Output::Request(BrokerRequest::TakeInventory(question)) => self.asked.push_back((true, question)),
                Output::Request(BrokerRequest::ComparePositions(question)) => self.asked.push_back((false, question)),
                Output::Strategy(id, news) => self.news.push((id, news)),
                Output::Compared(comparison) => self.compared.push(comparison),
                Output::Doubt => self.doubts += 1,
                Output::Flat => self.flats += 1,
            }
        }
    }

    fn is_journalled(&self, ticket: &OrderTicket) -> bool {
        self.journal.iter().any(|entry| entry.record == Record::OrderPlaced(ticket.clone()))
    }

    fn broker(&mut self, event: BrokerEvent) {
        self.tell(Input::Broker(event));
    }

    /// Answers the oldest question for everything.
    fn answer(&mut self, snapshot: BrokerSnapshot) {
        let question = self.question(true);
        self.broker(BrokerEvent::Snapshot(question, Box::new(snapshot)));
    }

    /// Answers the oldest question for positions.
    fn answer_positions(&mut self, positions: Vec<BrokerPosition>) {
        let question = self.question(false);
        self.broker(BrokerEvent::Positions(question, positions));
    }

    fn question(&mut self, whole: bool) -> Question {
        let n = self.asked.iter().position(|asked| asked.0 == whole).expect("it was asked");
        self.asked.remove(n).expect("it was just found").1
    }

    fn price(&mut self, ticks: i32) {
        let (last, bid, ask) = (Some(Price(ticks)), Some(Price(ticks - 1)), Some(Price(ticks + 1)));
        self.tell(Input::Mark { symbol: ES, mark: Mark { last, bid, ask } });
    }

    fn intend(&mut self, strategy: StrategyId, intent: Intent) {
        let intent = OrderIntent { strategy, symbol: ES, at: self.now, intent, reason: "test".into() };
        self.tell(Input::Intent(intent));
    }

    /// Buys with a stop 20 ticks below and a target 40 above 20,000.
    fn buy(&mut self, strategy: StrategyId, quantity: u32) {
        let bracket = Bracket { stop: Price(19_980), target: Some(Price(20_040)) };
        self.intend(strategy, Intent::Enter { side: Side::Buy, quantity, kind: OrderKind::Market, bracket });
    }

    fn ticket(&self, strategy: StrategyId, leg: Leg) -> OrderTicket {
        let of = |t: &&OrderTicket| t.strategy == strategy && t.leg == leg;
        self.tickets.values().rfind(of).cloned().unwrap_or_else(|| panic!("no {leg:?} of {strategy:?}"))
    }

    fn status(&mut self, ticket: &OrderTicket, status: BrokerStatus) {
        let (filled, perm_id) = (0, perm_id(ticket));
        self.broker(BrokerEvent::Status { order_id: ticket.order_id, perm_id, status, filled, remaining: 1 });
    }

    /// The broker says that an order rests with so many contracts.
    fn rests(&mut self, ticket: &OrderTicket, remaining: u32) {
        let status = BrokerStatus::PreSubmitted;
        let filled = self.books.state().orders.get(ticket.id).map_or(0, |o| o.filled);
        self.broker(BrokerEvent::Status {
            order_id: ticket.order_id,
            perm_id: perm_id(ticket),
            status,
            filled,
            remaining,
        });
    }

    /// Somebody else trades; nobody tells.
    fn executed_elsewhere(&mut self, order_ref: &str, client_id: i32, order_id: i32, side: Side, quantity: u32) {
        let n = self.executions.len();
        self.executions.push(Execution {
            exec_id: format!("0000e1a7.f0e1{n:04}.01.01"),
            order_id: BrokerOrderId(order_id),
            perm_id: PermId(4_000_000_000 + n as i64),
            client_id,
            order_ref: order_ref.into(),
            symbol: ES,
            side,
            quantity,
            price: Price(20_000),
            at: self.now,
            liquidation: false,
        });
    }

    /// Somebody else trades, and the next inventory shows it.
    fn traded_elsewhere(&mut self, order_ref: &str, client_id: i32, order_id: i32, side: Side, quantity: u32) {
        self.traded_elsewhere_with(order_ref, client_id, order_id, side, quantity, &[]);
    }

    fn traded_elsewhere_with(
        &mut self,
        order_ref: &str,
        client_id: i32,
        order_id: i32,
        side: Side,
        quantity: u32,
        resting: &[&OrderTicket],
    ) {
        self.executed_elsewhere(order_ref, client_id, order_id, side, quantity);
        self.tell(Input::TakeInventory);
        let resting: Vec<_> = resting.iter().map(|ticket| (*ticket, BrokerStatus::PreSubmitted)).collect();
        self.inventory(&resting);
    }

    fn execution(&self, ticket: &OrderTicket, n: u32, quantity: u32, price: i32) -> Execution {
        Execution {
            exec_id: format!("0000e1a7.{:08x}.{n:02}.01", ticket.order_id.0),
            order_id: ticket.order_id,
            perm_id: perm_id(ticket),
            client_id: 1,
            order_ref: ticket.order_ref.clone(),
            symbol: ES,
            side: ticket.side,
            quantity,
            price: Price(price),
            at: self.now,
            liquidation: false,
        }
    }

    fn fill(&mut self, ticket: &OrderTicket, n: u32, quantity: u32, price: i32) {
        let execution = self.execution(ticket, n, quantity, price);
        self.executions.push(execution.clone());
        self.broker(BrokerEvent::Execution(execution));
    }

    fn position(&self, strategy: StrategyId) -> i64 {
        self.books.portfolio().position(strategy, ES)
    }

    fn state(&self, ticket: &OrderTicket) -> State {
        self.books.state().orders.get(ticket.id).map(|o| o.state).expect("the book knows it")
    }

    fn verdicts(&self) -> Vec<&Verdict> {
        let verdict = |entry: &'_ Entry| matches!(entry.record, Record::Signal { .. });
        self.journal
            .iter()
            .filter(|entry| verdict(entry))
            .map(|entry| match &entry.record {
                Record::Signal { verdict, .. } => verdict,
                _ => unreachable!("only signals are left"),
            })
            .collect()
    }

    fn events(&self) -> Vec<&str> {
        self.journal
            .iter()
            .filter_map(|entry| match &entry.record {
                Record::System { event, .. } => Some(event.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The broker's truth: these orders open, everything executed so far, and the position that follows.
    fn inventory(&mut self, open: &[(&OrderTicket, BrokerStatus)]) {
        let order = |(ticket, status): &(&OrderTicket, BrokerStatus)| BrokerOrder {
            order_id: ticket.order_id,
            perm_id: perm_id(ticket),
            client_id: 1,
            order_ref: ticket.order_ref.clone(),
            symbol: ES,
            side: ticket.side,
            quantity: ticket.quantity,
            filled: 0,
            status: *status,
        };
        let signed = |e: &Execution| i64::from(e.side.sign()) * i64::from(e.quantity);
        let quantity = self.executions.iter().map(signed).sum();
        let snapshot = BrokerSnapshot {
            open_orders: open.iter().map(order).collect(),
            executions: self.executions.clone(),
            positions: vec![BrokerPosition { symbol: ES, quantity }],
            ..BrokerSnapshot::default()
        };
        self.answer(snapshot);
    }

    fn day_pnl(&self) -> Money {
        self.books.state.risk.figures(Money::ZERO, self.books.portfolio()).day
    }

    /// A process that starts now knows the same; prices, and what depends on them, begin anew.
    fn assert_rebuilds(&self) {
        let (rebuilt, live) = (self.rebuilt(), self.books.state());
        assert_eq!(rebuilt.orders, live.orders);
        assert_eq!((rebuilt.next_id, rebuilt.next_order_id), (live.next_id, live.next_order_id));
        assert_eq!(rebuilt.executions, live.executions);
        assert_eq!((rebuilt.begun, &rebuilt.before, &rebuilt.by_hand), (live.begun, &live.before, &live.by_hand));
        for strategy in [ONE, TWO, StrategyId::FOREIGN] {
            assert_eq!(rebuilt.portfolio.row(strategy, ES), live.portfolio.row(strategy, ES));
            let told = |p: journal::Performance| (p.trades, p.wins, p.gross_profit, p.gross_loss);
            let of = |state: &BooksState| told(state.portfolio.performance(Some(strategy)));
            assert_eq!(of(&rebuilt), of(live));
        }
    }

    /// What a process that starts now would know.
    fn rebuilt(&self) -> BooksState {
        BooksState::replay(&self.config.instruments, self.journal.iter()).expect("the journal begins with the books")
    }
}

#[test]
fn an_entry_goes_out_as_a_bracket_whose_last_leg_transmits() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let (entry, target, stop) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Target), desk.ticket(ONE, Leg::Stop));
    assert_eq!((entry.transmit, target.transmit, stop.transmit), (false, false, true));
    assert_eq!((target.parent, stop.parent), (Some(entry.order_id), Some(entry.order_id)));
    assert_eq!((target.kind, stop.kind), (OrderKind::Limit(Price(20_040)), OrderKind::Stop(Price(19_980))));
    assert!(stop.oca_group.is_some() && stop.oca_group == target.oca_group && entry.oca_group.is_none());
    assert_eq!(stop.side, Side::Sell);
    let sent: Vec<BrokerOrderId> = desk.sent.iter().map(|ticket| ticket.order_id).collect();
    assert!(sent.is_sorted(), "the broker refuses an id below one it has seen");
}

#[test]
fn an_entry_whose_stop_is_refused_is_withdrawn() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.broker(BrokerEvent::OrderMessage { order_id: stop.order_id, code: 201, text: "no".into() });
    desk.tell(Input::TakeInventory);
    desk.inventory(&[(&entry, BrokerStatus::PendingSubmit), (&target, BrokerStatus::PendingSubmit)]);
    assert_eq!(desk.state(&stop), State::Rejected);
    assert_eq!(desk.cancels, [entry.order_id]);
}

#[test]
fn a_refusal_is_recorded_with_number_and_limit_and_sends_nothing() {
    let mut desk = Desk::open();
    desk.buy(ONE, 3);
    assert!(desk.tickets.is_empty());
    let [Verdict::Refused { rule, value, limit }] = desk.verdicts()[..] else { panic!("one refusal") };
    assert_eq!((rule.as_str(), value.as_str(), limit.as_str()), ("order_size", "3", "2"));
    assert_eq!(desk.news, [(ONE, strategy::Input::OrderEnded(Leg::Entry))]);
}

#[test]
fn working_entries_count_towards_the_position_limit() {
    let mut desk = Desk::open();
    desk.config.risk.order.max_position_size = Limit::Max(2);
    desk.books.risk.order.max_position_size = Limit::Max(2);
    desk.buy(ONE, 2);
    desk.buy(TWO, 1);
    assert!(matches!(desk.verdicts()[1], Verdict::Refused { rule, .. } if rule == "max_position_size"));
}

#[test]
fn the_same_execution_twice_is_one_fill_and_a_fill_alone_closes_the_order() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    let again = desk.executions[0].clone();
    desk.broker(BrokerEvent::Execution(again));
    assert_eq!(desk.position(ONE), 1);
    assert_eq!(desk.state(&entry), State::Filled);
    let fills = desk.news.iter().filter(|(_, n)| matches!(n, strategy::Input::Fill(_))).count();
    assert_eq!(fills, 1);
}

#[test]
fn a_commission_before_its_execution_is_kept_and_booked_once() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    let execution = desk.execution(&entry, 1, 1, 20_001);
    let report = BrokerEvent::Commission { exec_id: execution.exec_id.clone(), amount: Money::from_micros(2_250_000) };
    desk.broker(report.clone());
    desk.broker(BrokerEvent::Execution(execution));
    desk.broker(report);
    assert_eq!(desk.books.portfolio().performance(None).commission, Money::from_micros(2_250_000));
}

#[test]
fn an_exit_joins_the_oca_group_of_the_orders_that_protect_the_position() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let (entry, stop) = (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop));
    desk.fill(&entry, 1, 1, 20_001);
    desk.intend(ONE, Intent::Exit);
    let exit = desk.ticket(ONE, Leg::Exit);
    assert_eq!((exit.side, exit.quantity, exit.oca_group.clone()), (Side::Sell, 1, stop.oca_group));
    desk.intend(ONE, Intent::Exit);
    assert_eq!(desk.ticket(ONE, Leg::Exit), exit, "a second wish to leave sends no second order");
}

#[test]
fn a_half_filled_entry_that_is_cancelled_shrinks_its_children() {
    let mut desk = Desk::open();
    desk.buy(ONE, 2);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    desk.status(&entry, BrokerStatus::Cancelled);
    assert_eq!(desk.ticket(ONE, Leg::Stop).quantity, 1);
    assert_eq!(desk.ticket(ONE, Leg::Target).quantity, 1);
    assert_eq!(desk.rebuilt().orders, desk.books.state().orders, "the journal knows the smaller ones");
}

#[test]
fn when_the_stop_fills_the_rest_of_the_entry_is_withdrawn() {
    let mut desk = Desk::open();
    desk.buy(ONE, 2);
    let (entry, stop) = (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop));
    desk.fill(&entry, 1, 1, 20_001);
    desk.fill(&stop, 1, 1, 19_980);
    assert_eq!(desk.cancels, [entry.order_id]);
}

#[test]
fn silence_makes_an_order_unknown_and_only_inventory_settles_it() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.wait(6_000);
    assert_eq!(desk.state(&entry), State::Unknown);
    assert_eq!(desk.doubts, 1);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!(desk.state(&entry), State::Rejected, "absent everywhere: it never arrived");
    assert_eq!(desk.compared, [Comparison::Agrees]);
}

#[test]
fn a_code_alone_never_ends_an_order() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    for (code, expected) in [(202, State::Sent), (399, State::Sent), (10349, State::Sent), (201, State::Unknown)] {
        desk.broker(BrokerEvent::OrderMessage { order_id: entry.order_id, code, text: "x".into() });
        assert_eq!(desk.state(&entry), expected, "after {code}");
    }
}

#[test]
fn what_filled_while_the_link_was_down_is_learned_by_reconciliation() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.tell(Input::LinkLost);
    let fill = desk.execution(&entry, 1, 1, 20_001);
    desk.executions.push(fill);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[(&stop, BrokerStatus::PreSubmitted), (&target, BrokerStatus::Submitted)]);
    assert_eq!(desk.position(ONE), 1);
    assert_eq!(
        (desk.state(&entry), desk.state(&stop), desk.state(&target)),
        (State::Filled, State::Held, State::Working)
    );
    assert_eq!(desk.compared, [Comparison::Agrees]);
}

#[test]
fn a_position_that_cannot_be_explained_is_told_with_both_sides() {
    let mut desk = Desk::open();
    desk.tell(Input::TakeInventory);
    let positions = vec![BrokerPosition { symbol: ES, quantity: 3 }];
    desk.answer(BrokerSnapshot { positions, ..BrokerSnapshot::default() });
    assert_eq!(desk.compared, [Comparison::Differs("position ES: book 0, broker 3".to_owned())]);
    let told = |desk: &Desk| desk.events().iter().filter(|event| **event == "reconcile.differs").count();
    let look = |desk: &mut Desk, quantity: i64, after_ms: u64| {
        desk.now = desk.now + Duration::from_millis(after_ms);
        desk.tell(Input::TakeInventory);
        let positions = vec![BrokerPosition { symbol: ES, quantity }];
        desk.answer(BrokerSnapshot { positions, ..BrokerSnapshot::default() });
    };
    assert_eq!(told(&desk), 1);
    look(&mut desk, 3, 59_999);
    assert_eq!(told(&desk), 1, "the same, once a minute");
    look(&mut desk, 3, 1);
    assert_eq!(told(&desk), 2);
    look(&mut desk, 2, 5_000);
    assert_eq!(told(&desk), 3, "another one at once");
    look(&mut desk, 0, 5_000);
    look(&mut desk, 2, 5_000);
    assert_eq!(told(&desk), 4, "again after they had agreed");
    desk.tell(Input::ComparePositions);
    desk.answer_positions(vec![BrokerPosition { symbol: ES, quantity: 0 }]);
    look(&mut desk, 2, 5_000);
    assert_eq!(told(&desk), 5, "also when only positions were compared");
}

#[test]
fn an_order_that_ended_while_the_inventory_was_taken_is_no_stranger() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let (entry, stop) = (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop));
    let target = desk.ticket(ONE, Leg::Target);
    desk.status(&entry, BrokerStatus::Cancelled);
    desk.tell(Input::TakeInventory);
    desk.status(&stop, BrokerStatus::Cancelled);
    desk.status(&target, BrokerStatus::Cancelled);
    let listed = [(&stop, BrokerStatus::PreSubmitted), (&target, BrokerStatus::Submitted)];
    desk.inventory(&listed);
    assert_eq!(desk.compared, [Comparison::Agrees]);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[listed[0], listed[0]]);
    assert_eq!(desk.cancels.last(), Some(&stop.order_id), "and is cancelled");
    let told = format!("open order {} at the broker is not live in the book", stop.order_ref);
    assert_eq!(desk.compared[1..], [Comparison::Differs(told)], "one that is still there later is, and is told once");
}

#[test]
fn an_exit_shares_the_group_of_the_position_that_it_closes() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    desk.intend(ONE, Intent::Exit);
    let exit = desk.ticket(ONE, Leg::Exit);
    desk.fill(&exit, 1, 1, 20_000);
    // That stop and target of the first position were cancelled with its exit is never told.
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    desk.intend(ONE, Intent::Exit);
    let (stop, exit) = (desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Exit));
    assert_eq!(stop.parent, Some(entry.order_id));
    assert_eq!(exit.oca_group, stop.oca_group, "the group of the first position is over at the broker");
}

#[test]
fn an_execution_that_is_not_ours_is_told_once_however_often_it_is_listed() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let mut foreign = desk.execution(&desk.ticket(ONE, Leg::Entry), 7, 1, 20_000);
    foreign.order_ref = format!("{}-999", desk.config.instance.name);
    desk.executions.push(foreign);
    for _ in 0..3 {
        desk.tell(Input::TakeInventory);
        desk.inventory(&[]);
    }
    assert_eq!(desk.events().iter().filter(|e| **e == "execution.foreign").count(), 1);
    assert_eq!(desk.doubts, 0, "asking again for what is known would never end");
    assert_eq!(desk.position(StrategyId::FOREIGN), 1);
    assert!(desk.compared.iter().all(|c| *c == Comparison::Agrees), "{:?}", desk.compared);
}

#[test]
fn an_order_that_stays_unknown_is_asked_about_again() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    desk.wait(6_000);
    desk.wait(1_000);
    desk.wait(1_000);
    assert_eq!(desk.doubts, 3);
}

#[test]
fn an_inventory_that_nobody_asked_for_proves_nothing() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    desk.tell(Input::TakeInventory);
    desk.tell(Input::LinkLost);
    desk.inventory(&[]);
    assert_eq!(desk.compared, []);
    assert_eq!(desk.state(&desk.ticket(ONE, Leg::Entry)), State::Unknown);
}

#[test]
fn an_answer_to_an_older_question_does_not_judge_what_was_sent_before_a_newer_one() {
    let mut desk = Desk::open();
    desk.tell(Input::TakeInventory);
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.broker(BrokerEvent::OrderMessage { order_id: entry.order_id, code: 201, text: "perhaps".into() });
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!(desk.state(&entry), State::Unknown);
    // Positions that nobody asked for are no answer either.
    let (_, question) = desk.asked[0];
    desk.broker(BrokerEvent::Positions(question, Vec::new()));
    desk.inventory(&[]);
    assert_eq!(desk.state(&entry), State::Rejected);
}

#[test]
fn an_answer_to_a_question_of_before_the_loss_is_not_taken_for_that_of_after_it() {
    let mut desk = Desk::open();
    desk.tell(Input::TakeInventory);
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    // 1100 and 1102 at once: the connection lives, and so does the first question.
    desk.tell(Input::LinkLost);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!((desk.state(&entry), &desk.compared[..]), (State::Unknown, &[][..]));
    desk.inventory(&[(&entry, BrokerStatus::Submitted)]);
    assert_eq!(desk.compared, [Comparison::Agrees]);
    assert!(!desk.state(&entry).is_terminal(), "{:?}", desk.state(&entry));
}

#[test]
fn an_order_sent_after_the_question_is_not_judged_by_the_answer() {
    let mut desk = Desk::open();
    desk.tell(Input::TakeInventory);
    desk.buy(ONE, 1);
    desk.inventory(&[]);
    assert_eq!(desk.state(&desk.ticket(ONE, Leg::Entry)), State::Sent);
}

#[test]
fn nothing_is_closed_while_book_and_broker_differ() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    // The position is gone and nothing says why; stop and target are gone too.
    desk.tell(Input::TakeInventory);
    let (executions, positions) = (desk.executions.clone(), vec![BrokerPosition { symbol: ES, quantity: 0 }]);
    let snapshot = BrokerSnapshot { executions, positions, ..BrokerSnapshot::default() };
    desk.answer(snapshot);
    assert_eq!(desk.compared, [Comparison::Differs("position ES: book 1, broker 0".to_owned())]);
    for _ in 0..10 {
        desk.wait(1_000);
    }
    desk.intend(ONE, Intent::Exit);
    desk.tell(Input::Flatten { cause: "test".into() });
    for _ in 0..10 {
        desk.wait(1_000);
    }
    assert!(desk.tickets.values().all(|t| t.leg != Leg::Exit), "an exit would open a short position");
}

#[test]
fn a_trade_by_hand_is_suspected_by_positions_alone() {
    let mut desk = Desk::open();
    for (broker, expected) in [(0, Comparison::Agrees), (-2, Comparison::Suspect)] {
        desk.tell(Input::ComparePositions);
        desk.answer_positions(vec![BrokerPosition { symbol: ES, quantity: broker }]);
        assert_eq!(desk.compared.pop(), Some(expected));
    }
}

#[test]
fn an_inventory_that_a_fill_overtook_proves_nothing_about_positions() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    desk.tell(Input::TakeInventory);
    let entry = desk.ticket(ONE, Leg::Entry);
    let before = desk.executions.clone();
    desk.fill(&entry, 1, 1, 20_001);
    let after = std::mem::replace(&mut desk.executions, before);
    desk.inventory(&[]);
    assert_eq!(desk.compared, [Comparison::Overtaken]);
    desk.executions = after;
    assert_eq!(desk.position(ONE), 1);
}

#[test]
fn flattening_withdraws_entries_closes_positions_and_says_when_it_is_done() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    desk.buy(TWO, 1);
    desk.tell(Input::Flatten { cause: "test".into() });
    let (exit, other) = (desk.ticket(ONE, Leg::Exit), desk.ticket(TWO, Leg::Entry));
    assert_eq!(desk.cancels, [other.order_id]);
    desk.fill(&exit, 1, 1, 20_000);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[(&other, BrokerStatus::PreSubmitted)]);
    assert_eq!(desk.flats, 0, "an entry may still fill");
    desk.status(&other, BrokerStatus::Cancelled);
    assert_eq!(desk.flats, 0, "the broker has not been asked since");
    assert!(desk.doubts > 0);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!(desk.flats, 1);
}

#[test]
fn order_ids_only_rise_whatever_the_broker_says() {
    let mut desk = Desk::open();
    desk.broker(BrokerEvent::NextOrderId(BrokerOrderId(500)));
    desk.buy(ONE, 1);
    assert_eq!(desk.ticket(ONE, Leg::Entry).order_id, BrokerOrderId(500));
    desk.broker(BrokerEvent::NextOrderId(BrokerOrderId(2)));
    desk.buy(TWO, 1);
    assert_eq!(desk.ticket(TWO, Leg::Entry).order_id, BrokerOrderId(503));
}

#[test]
fn the_daily_loss_stops_entries_until_the_next_trade_date() {
    let mut desk = Desk::open();
    desk.books.risk.loss.daily_loss_max = Limit::Max(Money::from_micros(100_000_000));
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    let stop = desk.ticket(ONE, Leg::Stop);
    desk.fill(&stop, 1, 1, 19_980);
    desk.buy(TWO, 1);
    assert!(
        matches!(desk.verdicts()[1], Verdict::Refused { rule, value, .. } if rule == "latched" && value.starts_with("daily_loss"))
    );
    desk.now = desk.now + Duration::from_secs(9 * 3_600);
    desk.price(20_000);
    desk.buy(TWO, 1);
    assert!(matches!(desk.verdicts()[2], Verdict::Approved { .. }), "after 17:00 in Chicago it is another day");
}

#[test]
fn the_journal_alone_gives_the_same_books() {
    let mut desk = Desk::open();
    desk.buy(ONE, 2);
    let (entry, stop) = (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop));
    desk.status(&entry, BrokerStatus::Submitted);
    desk.fill(&entry, 1, 1, 20_001);
    desk.fill(&entry, 2, 1, 20_002);
    desk.status(&stop, BrokerStatus::PreSubmitted);
    let exec_id = desk.executions[0].exec_id.clone();
    desk.broker(BrokerEvent::Commission { exec_id, amount: Money::from_micros(2_250_000) });
    desk.intend(ONE, Intent::Exit);
    let (live, rebuilt) = (desk.books.state(), desk.rebuilt());
    assert_eq!(rebuilt.orders, live.orders);
    assert_eq!((rebuilt.next_id, rebuilt.next_order_id), (live.next_id, live.next_order_id));
    assert_eq!(rebuilt.portfolio.row(ONE, ES), live.portfolio.row(ONE, ES));
    assert_eq!(rebuilt.executions, live.executions);
}

#[test]
fn a_journal_cut_between_a_fill_and_its_order_record_still_counts_it_once() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    let fill_at = desk.journal.iter().position(|e| matches!(e.record, Record::Fill(_))).expect("it was recorded");
    desk.journal.truncate(fill_at + 1);
    let mut state = desk.rebuilt();
    state.doubt_all();
    assert_eq!(state.portfolio.position(ONE, ES), 1);
    let mut reborn = Desk::with_state(state);
    reborn.executions = desk.executions.clone();
    reborn.tell(Input::TakeInventory);
    let (stop, target) = (desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    reborn.inventory(&[(&stop, BrokerStatus::PreSubmitted), (&target, BrokerStatus::Submitted)]);
    assert_eq!(reborn.position(ONE), 1);
    assert_eq!(reborn.compared, [Comparison::Agrees]);
}
