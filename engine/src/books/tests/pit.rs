//! The real books against a small broker, with wires between them that can be cut. Every step is somebody's choice: a
//! random one for `properties`, every one for `model`. In: moves. Out: what must never be seen, if it is seen.
//!
//! The broker knows brackets, groups that reduce, and that a group is over once it has filled. Its news may arrive in any
//! order and twice; what is on a wire is lost with the link. Requests arrive in order, as on a socket.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::*;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(in crate::books) enum Step {
    /// The strategy wants a position, or wants to be flat.
    Enter,
    Exit,
    Flatten,
    /// The broker hears the oldest request.
    Hear,
    /// The books hear one of the broker's news, or a copy of it.
    Tell(usize),
    TellTwice(usize),
    /// One contract of an order deals.
    Deal(i32),
    /// The exchange cancels an order, or refuses it: only a code says so.
    Kill(i32),
    Refuse(i32),
    CutLink,
    Reconnect,
    /// Six seconds pass.
    Wait,
    /// Another process goes on from the journal.
    Crash,
}

/// How many of each fault.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::books) struct Budget {
    pub cuts: u8,
    pub copies: u8,
    pub kills: u8,
    pub waits: u8,
    pub crashes: u8,
    pub flattens: u8,
    /// News may overtake each other.
    pub reorder: bool,
    pub quantity: u32,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Held {
    id: ClientOrderId,
    order_ref: String,
    leg: Leg,
    side: Side,
    quantity: u32,
    filled: u32,
    /// What its group took from it.
    reduced: u32,
    open: bool,
    parent: Option<i32>,
    group: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct SmallBroker {
    orders: BTreeMap<i32, Held>,
    /// Order and side of every contract that dealt.
    deals: Vec<(i32, Side)>,
    spent: BTreeSet<String>,
}

/// What travels to the books. Inventories are taken when the request is heard.
#[derive(Clone, PartialEq, Debug)]
struct Wired(BrokerEvent);

/// The whole scene.
#[derive(Clone)]
pub(in crate::books) struct Pit {
    books: Arc<Books>,
    broker: SmallBroker,
    requests: Vec<BrokerRequest>,
    news: Vec<Wired>,
    up: bool,
    waits: u8,
    pub left: Budget,
    entered: bool,
    exited: bool,
    /// Deals that the newest inventory saw.
    seen: usize,
    /// Book and broker agreed, and nothing happened since.
    reconciled: bool,
    highest: i32,
    journal: Option<Arc<Vec<Entry>>>,
    wrong: Option<String>,
    key: Arc<Vec<u8>>,
}

impl Pit {
    /// An open connection, reconciled, trading allowed. `keeps_journal`: a crash is possible.
    pub fn open(budget: Budget, keeps_journal: bool) -> Self {
        let mut desk = Desk::open();
        desk.books.risk.order.order_size_max = Limit::Off;
        desk.books.risk.rate.orders_per_second_max = Limit::Off;
        desk.books.risk.stale_after = Limit::Off;
        desk.books.risk.loss.daily_loss_max = Limit::Off;
        let mut pit = Self {
            books: Arc::new(desk.books),
            broker: SmallBroker::default(),
            requests: Vec::new(),
            news: Vec::new(),
            up: true,
            waits: 0,
            left: budget,
            entered: false,
            exited: false,
            seen: 0,
            reconciled: true,
            highest: 0,
            journal: keeps_journal.then(|| Arc::new(desk.journal)),
            wrong: None,
            key: Arc::default(),
        };
        pit.seal();
        pit
    }

    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    pub fn broker_position(&self) -> i64 {
        self.broker.position()
    }

    pub fn book_position(&self) -> i64 {
        self.books.portfolio().net_position(ES)
    }

    pub fn has_dealt(&self) -> bool {
        !self.broker.deals.is_empty()
    }

    /// Nothing is on its way, and nothing was lost that is not found again.
    pub fn is_settled(&self) -> bool {
        self.up && self.requests.is_empty() && self.news.is_empty() && self.reconciled
    }

    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if !self.entered {
            steps.push(Step::Enter);
        }
        if self.entered && !self.exited {
            steps.push(Step::Exit);
        }
        if self.left.flattens > 0 && self.entered {
            steps.push(Step::Flatten);
        }
        if self.up && !self.requests.is_empty() {
            steps.push(Step::Hear);
        }
        let reach = if self.left.reorder { self.news.len() } else { self.news.len().min(1) };
        for n in 0..reach {
            steps.push(Step::Tell(n));
            // An inventory is the answer to a question, and comes once.
            if self.left.copies > 0 && !matches!(self.news[n].0, BrokerEvent::Snapshot(..)) {
                steps.push(Step::TellTwice(n));
            }
        }
        for (&id, order) in self.broker.orders.iter().filter(|(_, order)| order.open) {
            if self.broker.may_deal(order) {
                steps.push(Step::Deal(id));
            }
            if self.left.kills > 0 {
                steps.push(Step::Kill(id));
                steps.push(Step::Refuse(id));
            }
        }
        if self.up && self.left.cuts > 0 && self.entered {
            steps.push(Step::CutLink);
        }
        if !self.up {
            steps.push(Step::Reconnect);
        }
        if self.left.waits > 0 && self.entered {
            steps.push(Step::Wait);
        }
        if self.left.crashes > 0 && self.entered && self.journal.is_some() {
            steps.push(Step::Crash);
        }
        steps
    }

    pub fn take(&mut self, step: Step) {
        match step {
            Step::Enter => {
                self.entered = true;
                let bracket = Bracket { stop: Price(19_980), target: Some(Price(20_040)) };
                let (side, quantity, kind) = (Side::Buy, self.left.quantity, OrderKind::Market);
                self.intend(Intent::Enter { side, quantity, kind, bracket });
            }
            Step::Exit => {
                self.exited = true;
                self.intend(Intent::Exit);
            }
            Step::Flatten => {
                self.left.flattens -= 1;
                self.tell(Input::Flatten { cause: "test".into() });
            }
            Step::Hear => self.hear(),
            Step::Tell(n) => {
                let Wired(event) = self.news.remove(n);
                self.tell_news(event);
            }
            Step::TellTwice(n) => {
                self.left.copies -= 1;
                let Wired(event) = self.news[n].clone();
                self.tell_news(event);
            }
            Step::Deal(id) => {
                self.reconciled = false;
                self.broker.deal(id, &mut self.news, self.up, now(self.waits));
                let position = self.broker.position();
                // Of several contracts a stop may deal in part while a closing order is on its way, which no group sees;
                // what is too much is closed at once.
                let floor = if self.left.quantity > 1 { -i64::from(self.left.quantity) } else { 0 };
                if position < floor || position > i64::from(self.left.quantity) {
                    self.fail(format!("the broker holds {position}"));
                }
            }
            Step::Kill(id) => {
                self.left.kills -= 1;
                self.broker.end(id, &mut self.news, self.up);
            }
            Step::Refuse(id) => {
                self.left.kills -= 1;
                self.broker.end_silently(id);
                if self.up {
                    let (order_id, text) = (BrokerOrderId(id), "refused".into());
                    self.news.push(Wired(BrokerEvent::OrderMessage { order_id, code: 201, text }));
                }
            }
            Step::CutLink => {
                self.left.cuts -= 1;
                self.up = false;
                self.reconciled = false;
                self.requests.clear();
                self.news.clear();
                self.tell(Input::LinkLost);
            }
            Step::Reconnect => {
                self.up = true;
                // It remembers no ids.
                self.tell(Input::Broker(BrokerEvent::NextOrderId(BrokerOrderId(1))));
                self.tell(Input::TakeInventory);
            }
            Step::Wait => {
                self.left.waits -= 1;
                self.waits += 1;
                let at = now(self.waits);
                self.with_books(|books, out| books.on_deadline(at, out));
            }
            Step::Crash => self.crash(),
        }
        self.seal();
    }

    /// Everything on its way arrives, in order, as often as somebody still asks; the link stands.
    pub fn come_to_rest(&mut self) {
        self.left = Budget { cuts: 0, copies: 0, kills: 0, crashes: 0, waits: 0, flattens: 0, ..self.left };
        for _ in 0..200 {
            if !self.up {
                self.take(Step::Reconnect);
            } else if !self.requests.is_empty() {
                self.take(Step::Hear);
            } else if !self.news.is_empty() {
                self.take(Step::Tell(0));
            } else if self.reconciled {
                return;
            } else {
                self.tell(Input::TakeInventory);
            }
        }
    }

    /// The process dies, and its journal ends after some record. How many are left.
    pub fn cut_journal(&mut self, at: proptest::sample::Index) -> usize {
        let journal = Arc::make_mut(self.journal.as_mut().expect("only with a journal"));
        // The first entry is written whole before anything else, or there is no session.
        let left = 1 + at.index(journal.len());
        journal.truncate(left);
        self.crash();
        left
    }

    fn crash(&mut self) {
        self.left.crashes = self.left.crashes.saturating_sub(1);
        self.up = false;
        self.reconciled = false;
        self.requests.clear();
        self.news.clear();
        let journal = self.journal.as_ref().expect("only with a journal");
        let mut state = BooksState::replay(self.books.instruments(), journal.iter()).expect("it begins with the books");
        state.doubt_all();
        let mut desk = Desk::with_state(state);
        let was = &self.books;
        desk.books.risk = was.risk.clone();
        desk.books.state.portfolio.mark(ES, was.portfolio().last_mark(ES));
        // As at a start: the books, as they are now, begin a new segment.
        let Record::SessionStarted { info, .. } = journal[0].record.clone() else { unreachable!("seen by the replay") };
        let record = Record::SessionStarted { info, books: Box::new(desk.books.state.clone()) };
        self.journal = Some(Arc::new(vec![Entry { seq: 1, at: now(self.waits), record }]));
        self.books = Arc::new(desk.books);
    }

    fn intend(&mut self, intent: Intent) {
        let intent = OrderIntent { strategy: ONE, symbol: ES, at: now(self.waits), intent, reason: "test".into() };
        self.tell(Input::Intent(intent));
    }

    fn hear(&mut self) {
        let request = self.requests.remove(0);
        match request {
            BrokerRequest::Place(tickets) => {
                for ticket in tickets {
                    self.broker.place(&ticket, &mut self.news);
                }
            }
            BrokerRequest::Modify(ticket) => self.broker.modify(&ticket, &mut self.news),
            BrokerRequest::Cancel(order_id) => self.broker.end(order_id.0, &mut self.news, true),
            BrokerRequest::TakeInventory(question) => {
                self.seen = self.broker.deals.len();
                let snapshot = self.broker.snapshot(now(self.waits));
                self.news.push(Wired(BrokerEvent::Snapshot(question, Box::new(snapshot))));
            }
            BrokerRequest::ComparePositions(_) => unreachable!("only the link asks for it"),
        }
    }

    fn tell_news(&mut self, event: BrokerEvent) {
        let was: Vec<(ClientOrderId, State, u32)> = self.order_states();
        self.tell(Input::Broker(event));
        for (id, before, filled) in was {
            let Some(order) = self.books.state().orders.get(id) else { continue };
            if before.is_terminal() && order.is_live() && order.filled == filled {
                let text = format!("order {} came back from {} to {}", id.0, before.name(), order.state.name());
                self.fail(text);
            }
        }
    }

    fn order_states(&self) -> Vec<(ClientOrderId, State, u32)> {
        self.books.state().orders.newest_first().map(|o| (o.ticket.id, o.state, o.filled)).collect()
    }

    fn tell(&mut self, input: Input) {
        let at = now(self.waits);
        self.with_books(|books, out| books.handle(at, input, out));
    }

    fn with_books(&mut self, act: impl FnOnce(&mut Books, &mut Vec<Output>)) {
        let mut out = Vec::new();
        let mut books = Books::clone(&self.books);
        act(&mut books, &mut out);
        self.books = Arc::new(books);
        let mut doubt = false;
        for output in out {
            match output {
                Output::Request(request) => self.send(request),
                Output::Record(record) => self.write(record),
                Output::Compared(Comparison::Agrees) => self.on_agreement(),
                Output::Compared(_) | Output::Doubt => doubt = true,
                Output::Strategy(..) | Output::Flat => {}
            }
        }
        // As the link does: one question at a time.
        if doubt && self.up && self.books.inventory.is_empty() {
            self.tell(Input::TakeInventory);
        }
    }

    fn on_agreement(&mut self) {
        if self.broker.deals.len() != self.seen {
            return;
        }
        self.reconciled = true;
        let (ours, theirs) = (self.book_position(), self.broker_position());
        if ours != theirs {
            self.fail(format!("agreed, with {ours} in the book and {theirs} at the broker"));
        }
        for (id, order) in &self.broker.orders {
            let known = self.books.state().orders.get(order.id);
            if order.open && known.is_none_or(|known| !known.is_live()) {
                let text = format!("agreed, and order {id} is open at the broker only");
                self.wrong.get_or_insert(text);
            }
        }
    }

    fn send(&mut self, request: BrokerRequest) {
        if let BrokerRequest::Place(tickets) = &request {
            for ticket in tickets {
                if ticket.order_id.0 <= self.highest {
                    self.wrong.get_or_insert(format!("order id {} after {}", ticket.order_id.0, self.highest));
                }
                self.highest = ticket.order_id.0;
            }
        }
        if self.up {
            self.requests.push(request);
        } else if let BrokerRequest::Place(tickets) = request {
            // The broker actor says at once that there is no connection.
            for ticket in tickets {
                let text = "no connection".to_owned();
                self.tell(Input::Broker(BrokerEvent::NotSent { order_id: ticket.order_id, text }));
            }
        }
    }

    fn write(&mut self, record: Record) {
        if let Some(journal) = &mut self.journal {
            let entry = Entry { seq: journal.len() as u64 + 1, at: now(self.waits), record };
            Arc::make_mut(journal).push(entry);
        }
    }

    fn fail(&mut self, text: String) {
        self.wrong.get_or_insert(text);
    }

    /// What tells two scenes apart.
    fn seal(&mut self) {
        for leg in [Leg::Entry, Leg::Exit] {
            let open = self.broker.orders.values().filter(|order| order.open && order.leg == leg).count();
            if open > 1 {
                self.wrong.get_or_insert(format!("{open} live orders for one {}", leg.name()));
            }
        }
        let b = &self.books;
        let fleeting = format!(
            "{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}",
            b.inventory,
            b.agreed,
            b.connected,
            b.sizes,
            b.cancel_sent,
            b.filled_unseen,
            b.naked_since,
            b.leftover_since,
            b.climbs.keys(),
            b.climbs.values().map(|climb| climb.without_count()).collect::<Vec<_>>(),
            b.flattening,
            self.requests,
            self.news,
        );
        let mut key = postcard::to_allocvec(b.state()).expect("the journal holds it too");
        key.extend_from_slice(fleeting.as_bytes());
        self.key = Arc::new(key);
    }
}

/// Wednesday, 10:00 in New York, and six seconds for every wait.
fn now(waits: u8) -> Timestamp {
    Timestamp::from_secs(1_718_200_800 + 6 * i64::from(waits))
}

impl SmallBroker {
    fn position(&self) -> i64 {
        self.deals.iter().map(|(_, side)| i64::from(side.sign())).sum()
    }

    fn may_deal(&self, order: &Held) -> bool {
        match order.parent.and_then(|parent| self.orders.get(&parent)) {
            Some(parent) => parent.filled > order.filled + order.reduced && order.quantity > order.filled,
            None => order.quantity > order.filled,
        }
    }

    fn place(&mut self, ticket: &OrderTicket, news: &mut Vec<Wired>) {
        let over = ticket.oca_group.as_ref().is_some_and(|group| self.spent.contains(group));
        let orphan = ticket.parent.is_some_and(|id| self.orders.get(&id.0).is_some_and(|p| !p.open && p.filled == 0));
        let order = Held {
            id: ticket.id,
            order_ref: ticket.order_ref.clone(),
            leg: ticket.leg,
            side: ticket.side,
            quantity: ticket.quantity,
            filled: 0,
            reduced: 0,
            open: true,
            parent: ticket.parent.map(|id| id.0),
            group: ticket.oca_group.clone(),
        };
        self.orders.insert(ticket.order_id.0, order);
        if over || orphan {
            return self.end(ticket.order_id.0, news, true);
        }
        self.say(ticket.order_id.0, BrokerStatus::PreSubmitted, news);
    }

    fn modify(&mut self, ticket: &OrderTicket, news: &mut Vec<Wired>) {
        let id = ticket.order_id.0;
        if let Some(order) = self.orders.get_mut(&id).filter(|order| order.open && ticket.quantity > order.filled) {
            order.quantity = ticket.quantity;
            self.say(id, BrokerStatus::PreSubmitted, news);
        }
    }

    fn deal(&mut self, id: i32, news: &mut Vec<Wired>, up: bool, at: Timestamp) {
        let order = self.orders.get_mut(&id).expect("an open order");
        order.filled += 1;
        order.open = order.filled < order.quantity;
        let (side, group, done) = (order.side, order.group.clone(), !order.open);
        self.deals.push((id, side));
        let mut heard = Vec::new();
        heard.push(Wired(BrokerEvent::Execution(self.execution(self.deals.len() - 1, at))));
        self.say(id, if done { BrokerStatus::Filled } else { BrokerStatus::Submitted }, &mut heard);
        if let Some(group) = group {
            self.reduce(&group, id, &mut heard);
        }
        if up {
            news.extend(heard);
        }
    }

    fn reduce(&mut self, group: &str, id: i32, news: &mut Vec<Wired>) {
        let others: Vec<i32> = self
            .orders
            .iter()
            .filter(|(other, order)| **other != id && order.open && order.group.as_deref() == Some(group))
            .map(|(other, _)| *other)
            .collect();
        for other in others {
            let order = self.orders.get_mut(&other).expect("just found");
            order.quantity -= 1;
            order.reduced += 1;
            if order.quantity > order.filled {
                self.say(other, BrokerStatus::PreSubmitted, news);
            } else {
                self.end(other, news, true);
            }
        }
        if !self.orders.values().any(|order| order.open && order.group.as_deref() == Some(group)) {
            self.spent.insert(group.to_owned());
        }
    }

    /// Cancelled, with the children of what never filled.
    fn end(&mut self, id: i32, news: &mut Vec<Wired>, up: bool) {
        let Some(order) = self.orders.get_mut(&id).filter(|order| order.open) else { return };
        order.open = false;
        let without_fill = order.filled == 0;
        let mut heard = Vec::new();
        self.say(id, BrokerStatus::Cancelled, &mut heard);
        if without_fill {
            let children: Vec<i32> =
                self.orders.iter().filter(|(_, o)| o.open && o.parent == Some(id)).map(|(child, _)| *child).collect();
            children.into_iter().for_each(|child| self.end(child, &mut heard, true));
        }
        if up {
            news.extend(heard);
        }
    }

    fn end_silently(&mut self, id: i32) {
        self.end(id, &mut Vec::new(), false);
    }

    fn say(&self, id: i32, status: BrokerStatus, news: &mut Vec<Wired>) {
        let order = &self.orders[&id];
        news.push(Wired(BrokerEvent::Status {
            order_id: BrokerOrderId(id),
            perm_id: PermId(3_000_000_000 + i64::from(id)),
            status,
            filled: order.filled,
            remaining: if order.open { order.quantity - order.filled } else { 0 },
        }));
    }

    fn execution(&self, n: usize, at: Timestamp) -> Execution {
        let (id, side) = self.deals[n];
        Execution {
            exec_id: format!("0000e1a7.{n:04}.01.01"),
            order_id: BrokerOrderId(id),
            perm_id: PermId(3_000_000_000 + i64::from(id)),
            client_id: 1,
            order_ref: self.orders[&id].order_ref.clone(),
            symbol: ES,
            side,
            quantity: 1,
            price: Price(20_000),
            at,
            liquidation: false,
        }
    }

    fn snapshot(&self, at: Timestamp) -> BrokerSnapshot {
        let listed = |(id, order): (&i32, &Held)| BrokerOrder {
            order_id: BrokerOrderId(*id),
            perm_id: PermId(3_000_000_000 + i64::from(*id)),
            client_id: 1,
            order_ref: order.order_ref.clone(),
            symbol: ES,
            side: order.side,
            quantity: order.quantity,
            filled: order.filled,
            status: if order.open { BrokerStatus::PreSubmitted } else { BrokerStatus::Cancelled },
        };
        let (open, completed) = self.orders.iter().partition::<Vec<_>, _>(|(_, order)| order.open);
        BrokerSnapshot {
            open_orders: open.into_iter().map(listed).collect(),
            completed_orders: completed.into_iter().map(listed).collect(),
            executions: (0..self.deals.len()).map(|n| self.execution(n, at)).collect(),
            positions: vec![BrokerPosition { symbol: ES, quantity: self.position() }],
            ..BrokerSnapshot::default()
        }
    }
}

impl PartialEq for Pit {
    fn eq(&self, other: &Self) -> bool {
        let parts = |pit: &Self| (pit.up, pit.waits, pit.left, pit.entered, pit.exited, pit.reconciled, pit.seen);
        self.key == other.key && self.broker == other.broker && self.wrong == other.wrong && parts(self) == parts(other)
    }
}

impl Hash for Pit {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
        self.broker.hash(state);
        self.wrong.hash(state);
        (self.up, self.waits, self.left, self.entered, self.exited, self.reconciled, self.seen).hash(state);
    }
}

impl std::fmt::Debug for Pit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let states = self.order_states();
        f.debug_struct("Pit").field("wrong", &self.wrong).field("book", &states).field("broker", &self.broker).finish()
    }
}
