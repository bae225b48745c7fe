//! One symbol at the venue: its market, the orders at its exchange, its position, what applies to it.
//! In: an instrument and the venue's rules. Out: marks, settlements. Absent: other symbols, what orders do.

use std::time::Duration;

use super::account::{Happening, Ledger};
use super::book::Book;
use super::margin::MarginRate;
use super::orders::Slot;
use super::{Rules, SettleRule};
use crate::market::{Instrument, MarketEvent, Price, SymbolId};
use crate::time::Timestamp;
use crate::time::session::Calendar;
use crate::trade::{Money, Side};

/// Shorter than any time for which a market is closed.
const BREAK_MIN: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub book: Book,
    /// Armed and working orders, in no particular order.
    pub working: Vec<Slot>,
    /// While every price of an event lies strictly between these two, no order here can react to it.
    pub calm_above: i32,
    pub calm_below: i32,
    /// Prices at or below, at or above which the position may be called.
    pub guard: Option<(i32, i32)>,
    /// Events that are not calm matter to somebody.
    pub watched: bool,
    pub ledger: Ledger,
    /// All that the ledger was told, oldest first.
    pub history: Vec<Happening>,
    pub symbol: SymbolId,
    /// Per contract and side.
    pub commission: Money,
    /// Per contract; zero without margins.
    pub rate: MarginRate,
    /// The rate follows the contract's value: the table has none.
    pub rate_from_value: bool,
    /// The contract has ended.
    pub expired: bool,
    /// `None`: always open.
    pub calendar: Option<Calendar>,
    /// As messages name it: `ES DEC'26`.
    pub shown: String,
}

impl Lane {
    pub fn new(instrument: &Instrument, commission: Money, rules: &Rules) -> Self {
        let listed = rules.margins.as_ref().map(|table| table.0.get(&instrument.root).copied());
        Self {
            book: Book::default(),
            working: Vec::new(),
            calm_above: i32::MIN,
            calm_below: i32::MAX,
            guard: None,
            watched: false,
            ledger: Ledger::new(instrument.tick_value()),
            history: Vec::new(),
            symbol: instrument.id,
            commission: rules.commissions.get(&instrument.root).copied().unwrap_or(commission),
            rate: listed.flatten().unwrap_or_default(),
            rate_from_value: listed == Some(None),
            expired: false,
            calendar: rules.hours.calendar(&instrument.root),
            shown: shown(instrument),
        }
    }

    /// Whether no order and no position here can react to the event.
    #[inline]
    pub fn calm(&self, event: &MarketEvent) -> bool {
        let calm = |price: Price| price.0 > self.calm_above && price.0 < self.calm_below;
        match event {
            MarketEvent::Trade(trade) => calm(trade.price),
            MarketEvent::Quote(quote) => quote.bid.is_some_and(calm) && quote.ask.is_some_and(calm),
        }
    }

    /// Whether a session has begun since the market was seen last: its prices are those of before the close.
    pub fn opened_unseen(&self, now: Timestamp) -> bool {
        let (Some(calendar), Some(newest)) = (self.calendar, self.book.newest()) else { return false };
        // No session begins anew within the shortest of breaks.
        now.since(newest) >= BREAK_MIN && calendar.session_of(now).is_some_and(|session| newest <= session.open)
    }

    /// What a contract of the position is worth; `None` when flat or without a market.
    pub fn mark(&self) -> Option<Price> {
        self.mark_in(&self.book)
    }

    /// The same if the market were `book`.
    pub fn mark_in(&self, book: &Book) -> Option<Price> {
        book.mark(self.ledger.closing_side()?)
    }

    /// What a contract is worth, also when there is no position.
    pub fn mark_any(&self) -> Option<Price> {
        self.book.mark(self.ledger.closing_side().unwrap_or(Side::Sell))
    }

    /// What the position gained since its last settlement goes into cash.
    pub fn settle(&mut self, rule: SettleRule) {
        self.rate_by_value();
        if let Some(twice) = self.settlement_price(rule) {
            self.ledger.settle(twice);
            self.history.push(Happening::Settled { twice });
        }
    }
}

/// `ES DEC'26`, or the root alone when the contract month is not configured.
fn shown(instrument: &Instrument) -> String {
    const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let month = || {
        let expiry = instrument.expiry.as_deref()?;
        let month: usize = expiry.get(4..6)?.parse().ok()?;
        Some(format!(" {}'{}", MONTHS.get(month.checked_sub(1)?)?, expiry.get(2..4)?))
    };
    format!("{}{}", instrument.root, month().unwrap_or_default())
}
