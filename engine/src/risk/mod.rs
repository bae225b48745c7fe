//! Risk: may this intent become an order, and may there be any more? One rule a file; [`gate`] runs those of an order and
//! is the only maker of `Approved`, [`watch`] those of the account, whose breaches latch.
//! In: a candidate, the books' view of this instant, limits. Out: yes, or the rule, the number and the limit.
//! Absent: who is told, clocks, anything that could be asked for again.

pub mod account;
pub mod active_orders;
pub mod allow_list;
pub mod consecutive_losses;
pub mod daily_loss;
pub mod drawdown;
pub mod duplicate_order;
pub mod expiry;
pub mod exposure;
pub mod feed;
pub mod gate;
pub mod latch;
pub mod margin;
pub mod order_rate;
pub mod order_size;
pub mod portfolio_risk;
pub mod position;
pub mod price_collar;
pub mod price_sanity;
pub mod profit_lock;
pub mod reducing;
pub mod reentries;
mod scope;
pub mod self_match;
pub mod sent;
pub mod session;
pub mod stale_data;
pub mod trading_state;
pub mod watch;
pub mod weekly_loss;

#[cfg(test)]
mod fixtures;

use std::time::Duration;

use crate::market::{Price, SymbolId};
use crate::portfolio::Mark;
use crate::trade::{Money, OrderKind, Side, StrategyId, Trading};

use latch::Latch;
use sent::Counts;

/// An entry as the rules see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    pub strategy: StrategyId,
    pub symbol: SymbolId,
    pub side: Side,
    /// Contracts.
    pub quantity: u32,
    pub kind: OrderKind,
    /// `None`: nothing would protect the position.
    pub stop: Option<Price>,
    pub target: Option<Price>,
}

impl Candidate {
    /// The entry and its children.
    pub fn tickets(&self) -> u32 {
        1 + u32::from(self.stop.is_some()) + u32::from(self.target.is_some())
    }

    /// What the market asks of the entry now; the last trade where its side of the quote is not known.
    pub fn reference(&self, mark: &Mark) -> Option<Price> {
        let touch = match self.side {
            Side::Buy => mark.ask,
            Side::Sell => mark.bid,
        };
        touch.or(mark.last)
    }

    /// What the entry would pay at worst, as far as that can be said before: its limit, or the price of `mark` that it
    /// would meet.
    pub fn price(&self, mark: &Mark) -> Option<Price> {
        self.kind.limit_price().or(self.kind.stop_price()).or(self.reference(mark))
    }
}

/// What the rules may look at: the books at this instant.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct View<'a> {
    pub trading: Trading,
    /// What keeps this strategy, or everybody, from entering.
    pub latch: Option<&'a Latch>,
    /// The strategy runs, and this is its symbol.
    pub enlisted: bool,
    /// This strategy holds or is entering a position.
    pub engaged: bool,
    /// Entries without a stop may pass: a backtest whose configuration says so, nothing else.
    pub unprotected_allowed: bool,
    pub mark: Mark,
    /// Since the last trade or quote of the symbol arrived; `None` before the first.
    pub data_age: Option<Duration>,
    /// The link has not said that the symbol's market data is in doubt.
    pub feed_live: bool,
    /// Money a tick and contract of the symbol.
    pub tick_value: Money,
    /// Initial margin of one contract; `None` if nobody knows it.
    pub margin: Option<Money>,
    /// Contracts of the symbol if every long order and no short one filled, protective orders included.
    pub worst_long: i64,
    /// The same for the short side, as a positive number.
    pub worst_short: i64,
    /// Value of the worst cases of all symbols, without the candidate; `None` if a price is missing.
    pub exposure: Option<Money>,
    /// Loss if every stop were hit, without the candidate.
    pub at_stake: Money,
    /// Initial margin of the worst cases of all symbols, without the candidate; `None` if a rate is missing.
    pub margin_used: Option<Money>,
    /// Capital and everything earned, open positions included.
    pub equity: Money,
    /// Orders that were sent.
    pub sent: Counts,
    /// Orders of the symbol that rest at the broker, on the candidate's side and on the other.
    pub resting: [u32; 2],
    /// Since the same entry was sent last.
    pub since_same: Option<Duration>,
    /// Entries of this strategy within the time that the limit speaks of.
    pub reentries: u32,
    /// The price at which an order of this account on the other side would trade with the candidate first.
    pub own_opposite: Option<Price>,
    /// How long the session goes on; `None` while the market is closed.
    pub session_left: Option<Duration>,
    /// Calendar days to the contract's last trading day; `None` if the contract does not name it.
    pub days_to_expiry: Option<i64>,
}

/// A rule was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breach {
    /// Stable code, e.g. `order_size`.
    pub rule: &'static str,
    pub value: String,
    pub limit: String,
}

impl Breach {
    fn new(rule: &'static str, value: impl ToString, limit: impl ToString) -> Self {
        Self { rule, value: value.to_string(), limit: limit.to_string() }
    }
}
