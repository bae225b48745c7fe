//! The journal read by somebody else: positions and orders out of the records alone, worked out in another way than the
//! books do. In: entries of a segment, in order. Out: what a rebuilt book must hold. Absent: profit, decisions.

use std::collections::BTreeMap;

use crate::books::BooksState;
use crate::journal::{Entry, Record};
use crate::market::SymbolId;
use crate::orders::machine::State;
use crate::orders::working::Order;
use crate::trade::{ClientOrderId, Fill, OrderTicket, StrategyId, Trading};

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Fold {
    pub positions: BTreeMap<(StrategyId, SymbolId), i64>,
    /// Orders that are not over, as last recorded.
    pub live: BTreeMap<ClientOrderId, State>,
    /// Contracts filled of each order, and how those ended that are over.
    filled: BTreeMap<ClientOrderId, u32>,
    ended: BTreeMap<ClientOrderId, State>,
    /// Every order that was ever placed, in this segment or live at its beginning.
    pub placed: BTreeMap<ClientOrderId, OrderTicket>,
    /// Each version of a ticket that was written down.
    written: BTreeMap<ClientOrderId, Vec<OrderTicket>>,
    /// Fills of this segment, and those that the books remembered at its beginning, by execution id.
    pub fills: BTreeMap<String, Fill>,
    pub trading: Option<Trading>,
}

impl Fold {
    /// Where a segment begins.
    pub fn of_state(books: &BooksState) -> Self {
        let held = books.portfolio.sleeves().filter(|(_, _, sleeve)| sleeve.quantity != 0);
        Self {
            positions: held.map(|(strategy, symbol, sleeve)| ((strategy, symbol), sleeve.quantity)).collect(),
            live: books.orders.live().map(|order| (order.ticket.id, order.state)).collect(),
            placed: books.orders.live().map(|order| (order.ticket.id, order.ticket.clone())).collect(),
            fills: books.portfolio.remembered().map(|fill| (fill.exec_id.clone(), fill.clone())).collect(),
            filled: books.orders.live().map(|order| (order.ticket.id, order.filled)).collect(),
            ..Self::default()
        }
    }

    pub fn of_segment<'a>(mut entries: impl Iterator<Item = &'a Entry>) -> Option<Self> {
        let Record::SessionStarted { books, .. } = &entries.next()?.record else { return None };
        let mut fold = Self::of_state(books);
        for entry in entries {
            if let Err(_again) = fold.apply(&entry.record) {
                return None;
            }
        }
        Some(fold)
    }

    /// # Errors
    /// A fill that was recorded before.
    pub fn apply(&mut self, record: &Record) -> Result<(), String> {
        match record {
            Record::OrderPlaced(ticket) => {
                self.live.entry(ticket.id).or_insert(State::Sent);
                self.placed.insert(ticket.id, ticket.clone());
                self.written.entry(ticket.id).or_default().push(ticket.clone());
            }
            Record::OrderChanged(change) if change.state.is_terminal() => {
                self.live.remove(&change.id);
                self.ended.insert(change.id, change.state);
                self.filled.insert(change.id, change.filled);
            }
            Record::OrderChanged(change) => {
                self.ended.remove(&change.id);
                self.live.insert(change.id, change.state);
                self.filled.insert(change.id, change.filled);
            }
            Record::Fill(fill) => self.fill(fill)?,
            Record::Corrected { fills, .. } => fills.iter().for_each(|fill| self.correct(fill)),
            Record::Trading { trading, .. } => self.trading = Some(*trading),
            _ => {}
        }
        Ok(())
    }

    fn fill(&mut self, fill: &Fill) -> Result<(), String> {
        if self.fills.insert(fill.exec_id.clone(), fill.clone()).is_some() {
            return Err(format!("execution {} is in the journal twice", fill.exec_id));
        }
        self.add(fill, i64::from(fill.quantity));
        self.count(fill.order, fill.quantity);
        Ok(())
    }

    fn add(&mut self, fill: &Fill, contracts: i64) {
        let key = (fill.strategy, fill.symbol);
        let held = self.positions.entry(key).or_default();
        *held += i64::from(fill.side.sign()) * contracts;
        if *held == 0 {
            self.positions.remove(&key);
        }
    }

    fn correct(&mut self, fill: &Fill) {
        let was = self.fills.insert(fill.exec_id.clone(), fill.clone()).map_or(0, |was| was.quantity);
        self.add(fill, i64::from(fill.quantity) - i64::from(was));
    }

    /// What a fill does to its order, should the order's own record not follow.
    fn count(&mut self, id: ClientOrderId, quantity: u32) {
        let filled = self.filled.entry(id).or_default();
        *filled += quantity;
        let Some(ticket) = self.placed.get(&id) else { return };
        if *filled >= ticket.quantity {
            self.live.remove(&id);
            self.ended.insert(id, State::Filled);
        } else if self.ended.get(&id) == Some(&State::Rejected) {
            self.live.insert(id, State::Unknown);
        }
    }

    /// Whether exactly this was written down before.
    pub fn has_written(&self, ticket: &OrderTicket) -> bool {
        self.written.get(&ticket.id).is_some_and(|versions| versions.contains(ticket))
    }

    pub fn position(&self, strategy: StrategyId, symbol: SymbolId) -> i64 {
        self.positions.get(&(strategy, symbol)).copied().unwrap_or(0)
    }

    /// What differs between this and a book; nothing if they agree. A book that was rebuilt may doubt what it read.
    pub fn differences(&self, books: &BooksState) -> Vec<String> {
        let mut found = Vec::new();
        let held = books.portfolio.sleeves().filter(|(_, _, sleeve)| sleeve.quantity != 0);
        if !held.clone().map(|(strategy, symbol, s)| ((strategy, symbol), s.quantity)).eq(positions(self)) {
            let theirs = Fold::of_state(books).positions;
            found.push(format!("positions by the journal {:?}, in the book {theirs:?}", self.positions));
        }
        let agrees = |((id, state), order): ((&ClientOrderId, &State), &Order)| {
            *id == order.ticket.id && (*state == order.state || order.state == State::Unknown)
        };
        let as_many = self.live.len() == books.orders.live().count();
        if !as_many || !self.live.iter().zip(books.orders.live()).all(agrees) {
            let theirs = Fold::of_state(books).live;
            found.push(format!("live orders by the journal {:?}, in the book {theirs:?}", self.live));
        }
        found
    }
}

fn positions(fold: &Fold) -> impl Iterator<Item = ((StrategyId, SymbolId), i64)> {
    fold.positions.iter().map(|(key, quantity)| (*key, *quantity))
}
