//! Round trips out of fills: first in, first out, for each strategy and symbol. In: a run. Out: closed trades, open lots.
//! What one exit order closes of one entry order is one round trip, in however many fills it came.
//! Absent: what happened between entry and exit (`excursion`).

use std::collections::{BTreeMap, VecDeque};

use rust_decimal::Decimal;

use super::run::{CostedFill, Run};
use crate::market::{Instrument, SymbolId};
use crate::time::Timestamp;
use crate::trade::{ClientOrderId, Leg, Money, Side, StrategyId};

/// One closed trade. Values are price x multiplier x contracts.
#[derive(Clone, PartialEq, Debug)]
pub struct RoundTrip {
    pub strategy: StrategyId,
    pub symbol: SymbolId,
    /// Of the entry.
    pub side: Side,
    /// Contracts.
    pub quantity: u32,
    /// First fill of the entry; for a position from before the session, the session's begin.
    pub entry_at: Timestamp,
    /// Last fill of the exit.
    pub exit_at: Timestamp,
    pub entry_value: Money,
    pub exit_value: Money,
    /// Of entry and exit, in proportion to the contracts; what is not known counts as nothing.
    pub commission: Money,
    /// What closed it.
    pub exit_leg: Leg,
    /// `None` for a position from before the session.
    entry_order: Option<ClientOrderId>,
    exit_order: ClientOrderId,
}

impl RoundTrip {
    pub fn gross(&self) -> Money {
        (self.exit_value - self.entry_value) * i64::from(self.side.sign())
    }

    pub fn net(&self) -> Money {
        self.gross() - self.commission
    }

    /// Mean price in points.
    pub fn entry_price(&self, instrument: &Instrument) -> Decimal {
        price(self.entry_value, self.quantity, instrument)
    }

    /// Mean price in points.
    pub fn exit_price(&self, instrument: &Instrument) -> Decimal {
        price(self.exit_value, self.quantity, instrument)
    }

    pub fn was_carried_in(&self) -> bool {
        self.entry_order.is_none()
    }
}

fn price(value: Money, quantity: u32, instrument: &Instrument) -> Decimal {
    (value.to_decimal() / (instrument.multiplier * Decimal::from(quantity))).round_dp(6).normalize()
}

/// What is open at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lot {
    pub strategy: StrategyId,
    pub symbol: SymbolId,
    pub side: Side,
    /// Contracts, greater than zero.
    pub quantity: u32,
    pub entry_at: Timestamp,
    pub value: Money,
    pub commission: Money,
    order: Option<ClientOrderId>,
}

/// Everything that fills come to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Ledger {
    /// In the order in which they were closed.
    pub trips: Vec<RoundTrip>,
    pub open: Vec<Lot>,
    /// Contracts that closed a position of which no opening is known.
    pub unmatched: u64,
    /// Fills whose commission is not known.
    pub uncosted: u64,
}

/// Matches every fill of the run.
pub fn ledger(run: &Run) -> Ledger {
    let mut matching = Matching::default();
    for held in &run.carried {
        let Some(side) = Side::of_position(held.quantity) else { continue };
        let lot = Lot {
            strategy: held.strategy,
            symbol: held.symbol,
            side,
            quantity: u32::try_from(held.quantity.unsigned_abs()).unwrap_or(u32::MAX),
            entry_at: run.started,
            value: held.cost * i64::from(side.sign()),
            commission: Money::ZERO,
            order: None,
        };
        matching.lots.entry((held.strategy, held.symbol)).or_default().push_back(lot);
    }
    for costed in &run.fills {
        matching.fill(costed, run.instrument(costed.fill.symbol).tick_value());
    }
    matching.found.open = matching.lots.into_values().flatten().collect();
    matching.found
}

#[derive(Default)]
struct Matching {
    lots: BTreeMap<(StrategyId, SymbolId), VecDeque<Lot>>,
    found: Ledger,
    /// The newest round trip of each sleeve: further fills of the same two orders belong to it.
    newest: BTreeMap<(StrategyId, SymbolId), usize>,
}

impl Matching {
    fn fill(&mut self, CostedFill { fill, commission }: &CostedFill, tick_value: Money) {
        self.found.uncosted += u64::from(commission.is_none());
        let mut rest = Lot {
            strategy: fill.strategy,
            symbol: fill.symbol,
            side: fill.side,
            quantity: fill.quantity,
            entry_at: fill.at,
            value: tick_value * (i64::from(fill.price.0) * i64::from(fill.quantity)),
            commission: commission.unwrap_or_default(),
            order: Some(fill.order),
        };
        let key = (fill.strategy, fill.symbol);
        let lots = self.lots.entry(key).or_default();
        let mut closed = Vec::new();
        while rest.quantity > 0
            && let Some(oldest) = lots.front_mut().filter(|lot| lot.side != fill.side)
        {
            let quantity = rest.quantity.min(oldest.quantity);
            closed.push((oldest.take(quantity), rest.take(quantity)));
            if oldest.quantity == 0 {
                lots.pop_front();
            }
        }
        // An order that is there to close does not open: what it closed was opened where nobody told.
        let closes = matches!(fill.leg, Leg::Stop | Leg::Target | Leg::Exit | Leg::Liquidation);
        if rest.quantity > 0 && closes {
            self.found.unmatched += u64::from(rest.quantity);
        } else if rest.quantity > 0 {
            lots.push_back(rest);
        }
        for (entry, exit) in closed {
            self.close(entry, exit, fill.order, fill.leg);
        }
    }

    fn close(&mut self, entry: Lot, exit: Lot, exit_order: ClientOrderId, exit_leg: Leg) {
        let key = (entry.strategy, entry.symbol);
        let newest = self.newest.get(&key).map(|place| &mut self.found.trips[*place]);
        // Orders of others have no id of ours to tell them apart.
        let ours = matches!(exit_leg, Leg::Entry | Leg::Stop | Leg::Target | Leg::Exit);
        if let Some(trip) = newest.filter(|_| ours)
            && (trip.entry_order, trip.exit_order) == (entry.order, exit_order)
        {
            trip.quantity += exit.quantity;
            trip.entry_value += entry.value;
            trip.exit_value += exit.value;
            trip.commission += entry.commission + exit.commission;
            trip.exit_at = exit.entry_at;
            return;
        }
        self.newest.insert(key, self.found.trips.len());
        self.found.trips.push(RoundTrip {
            strategy: entry.strategy,
            symbol: entry.symbol,
            side: entry.side,
            quantity: exit.quantity,
            entry_at: entry.entry_at,
            exit_at: exit.entry_at,
            entry_value: entry.value,
            exit_value: exit.value,
            commission: entry.commission + exit.commission,
            exit_leg,
            entry_order: entry.order,
            exit_order,
        });
    }
}

impl Lot {
    /// Splits off a part; what does not divide stays here until the last part is taken.
    fn take(&mut self, quantity: u32) -> Lot {
        let part = |amount: Money| {
            let micros = i128::from(amount.micros()) * i128::from(quantity) / i128::from(self.quantity);
            Money::from_micros(i64::try_from(micros).expect("a part is not larger than the whole"))
        };
        let taken = Lot { quantity, value: part(self.value), commission: part(self.commission), ..*self };
        self.quantity -= quantity;
        self.value -= taken.value;
        self.commission -= taken.commission;
        taken
    }
}
