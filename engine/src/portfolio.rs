//! Fills to positions and profit, per strategy and net. In: fills, commissions, marks. Out: positions, totals.
//! Average cost; exact money: what is rounded when a part is closed stays in the open part.
//! Absent: orders, limits, clocks.

mod history;
pub mod ledger;
mod roll;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use history::{Base, Kept};

use crate::journal::{Performance, PositionRow};
use crate::market::{Instrument, MarketEvent, Price, SymbolId};
use crate::trade::{Fill, Money, StrategyId};

/// Prices at which an open position could be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Mark {
    pub last: Option<Price>,
    pub bid: Option<Price>,
    pub ask: Option<Price>,
}

impl Mark {
    pub fn see(&mut self, event: &MarketEvent) {
        match event {
            MarketEvent::Trade(trade) => self.last = Some(trade.price),
            MarketEvent::Quote(quote) => (self.bid, self.ask) = (quote.bid, quote.ask),
        }
    }

    /// A long position is worth the bid, a short one the ask; without a quote the last trade.
    pub fn exit_price(&self, quantity: i64) -> Option<Price> {
        let touch = if quantity > 0 { self.bid } else { self.ask };
        touch.or(self.last)
    }
}

/// One strategy's holding of one symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Sleeve {
    pub quantity: i64,
    /// Sum of price x multiplier x contracts of the open part, negative when short.
    pub cost: Money,
    pub realised: Money,
    pub commission: Money,
    trip: u32,
    trip_net: Money,
    last_trip_net: Option<Money>,
}

/// What a fill did to its sleeve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Taken {
    /// The trip that it opened, added to or closed; of a turn, the new one.
    trip: u32,
    /// See [`FillKey::turned`].
    turned: Option<(u32, u32)>,
    /// What the trip that it ended earned.
    ended: Option<Money>,
}

/// Where a fill's commission belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct FillKey {
    strategy: StrategyId,
    symbol: SymbolId,
    /// The trip that the fill opened or added to; one that only closed belongs to what it closed.
    trip: u32,
    /// Of a fill that turned the position around: contracts that ended the trip before, and all of its contracts.
    turned: Option<(u32, u32)>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Portfolio {
    sleeves: BTreeMap<(StrategyId, SymbolId), Sleeve>,
    totals: BTreeMap<StrategyId, Totals>,
    account: Totals,
    marks: BTreeMap<SymbolId, Mark>,
    tick_values: BTreeMap<SymbolId, Money>,
    /// Fills whose commission has not come.
    awaiting_commission: BTreeMap<String, FillKey>,
    /// What strategies and contracts that are not configured any more have earned.
    retired: Money,
    gone: roll::Gone,
    /// The books before the fills that may still be corrected, and those fills.
    base: Base,
    history: Vec<Kept>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Totals {
    trades: u32,
    wins: u32,
    losses: u32,
    gross_profit: Money,
    gross_loss: Money,
    peak: Money,
    drawdown_max: Money,
    /// Round trips lost in a row, now and before the last one: its commission may still turn it.
    losses_in_row: u32,
    in_row_before: u32,
}

impl Totals {
    fn add_trip(&mut self, net: Money) {
        self.trades += 1;
        self.in_row_before = self.losses_in_row;
        if net > Money::ZERO {
            self.losses_in_row = 0;
            self.wins += 1;
            self.gross_profit += net;
        } else {
            self.losses_in_row += 1;
            self.losses += 1;
            self.gross_loss += net;
        }
    }

    /// The last one.
    fn remove_trip(&mut self, net: Money) {
        self.trades -= 1;
        self.losses_in_row = self.in_row_before;
        if net > Money::ZERO {
            self.wins -= 1;
            self.gross_profit -= net;
        } else {
            self.losses -= 1;
            self.gross_loss -= net;
        }
    }

    #[inline]
    fn see_equity(&mut self, equity: Money) {
        self.peak = self.peak.max(equity);
        self.drawdown_max = self.drawdown_max.max(self.peak - equity);
    }
}

impl Portfolio {
    pub fn new(instruments: &[Instrument]) -> Self {
        let mut portfolio = Self::default();
        portfolio.set_instruments(instruments);
        portfolio
    }

    /// Money per tick of each symbol; after a restart the configuration's values hold.
    pub fn set_instruments(&mut self, instruments: &[Instrument]) {
        self.tick_values = instruments.iter().map(|i| (i.id, i.tick_value())).collect();
        self.gone.set_roots(instruments);
    }

    /// Gives every sleeve the ids of another numbering. Flat sleeves of what has no number any more are forgotten; an
    /// open one is the error.
    pub fn renumber(
        &mut self,
        strategy: &impl Fn(StrategyId) -> Option<StrategyId>,
        symbol: &impl Fn(SymbolId) -> Option<SymbolId>,
    ) -> Result<(), (StrategyId, SymbolId)> {
        let forgets = |s: StrategyId, y: SymbolId| strategy(s).is_none() || symbol(y).is_none();
        if self.sleeves.keys().any(|&(s, y)| forgets(s, y)) {
            // What a forgotten sleeve did to the account's totals can only be kept as it stands.
            self.settle_history();
        }
        self.renumber_history(strategy, symbol);
        self.gone.renumber(strategy);
        let mut sleeves = BTreeMap::new();
        for (&(s, y), sleeve) in &self.sleeves {
            match (strategy(s), symbol(y)) {
                (Some(s), Some(y)) => {
                    sleeves.insert((s, y), *sleeve);
                }
                (stays, _) if sleeve.quantity == 0 => {
                    self.retired += sleeve.realised - sleeve.commission;
                    self.gone.take(stays, y, sleeve);
                }
                _ => return Err((s, y)),
            }
        }
        self.sleeves = sleeves;
        let totals = std::mem::take(&mut self.totals);
        self.totals = totals.into_iter().filter_map(|(s, totals)| Some((strategy(s)?, totals))).collect();
        self.awaiting_commission.retain(|_, key| match (strategy(key.strategy), symbol(key.symbol)) {
            (Some(s), Some(y)) => {
                (key.strategy, key.symbol) = (s, y);
                true
            }
            _ => false,
        });
        self.marks.clear();
        Ok(())
    }

    pub fn apply(&mut self, fill: &Fill) {
        self.remember(fill);
        self.book(fill);
        self.see_equity();
    }

    fn book(&mut self, fill: &Fill) {
        let tick_value = self.tick_value(fill.symbol);
        let key = (fill.strategy, fill.symbol);
        let sleeve = self.sleeves.entry(key).or_default();
        let taken = sleeve.take(i64::from(fill.side.sign()) * i64::from(fill.quantity), fill.price, tick_value);
        let Taken { trip, turned, ended } = taken;
        if let Some(net) = ended {
            self.totals.entry(fill.strategy).or_default().add_trip(net);
            self.account.add_trip(net);
        }
        let awaiting = FillKey { strategy: fill.strategy, symbol: fill.symbol, trip, turned };
        self.awaiting_commission.insert(fill.exec_id.clone(), awaiting);
    }

    /// Adds the commission of a fill that was applied, and says whose position it was; a second one for the same fill
    /// changes nothing.
    pub fn commission(&mut self, exec_id: &str, amount: Money) -> Option<(StrategyId, SymbolId)> {
        let of = self.book_commission(exec_id, amount)?;
        self.remember_commission(exec_id, amount);
        self.see_equity();
        Some((of.strategy, of.symbol))
    }

    fn book_commission(&mut self, exec_id: &str, amount: Money) -> Option<FillKey> {
        let of = self.awaiting_commission.remove(exec_id)?;
        let sleeve = self.sleeves.get_mut(&(of.strategy, of.symbol)).expect("a fill made this sleeve");
        if let Some((net, after)) = sleeve.charge(of.trip, of.turned, amount) {
            for totals in [self.totals.entry(of.strategy).or_default(), &mut self.account] {
                totals.remove_trip(net);
                totals.add_trip(after);
            }
        }
        Some(of)
    }

    pub fn mark(&mut self, symbol: SymbolId, mark: Mark) {
        self.marks.insert(symbol, mark);
        if self.sleeves.values().any(|sleeve| sleeve.quantity != 0) {
            self.see_equity();
        }
    }

    pub fn last_mark(&self, symbol: SymbolId) -> Mark {
        self.marks.get(&symbol).copied().unwrap_or_default()
    }

    /// Contracts, negative when short.
    pub fn position(&self, strategy: StrategyId, symbol: SymbolId) -> i64 {
        self.sleeves.get(&(strategy, symbol)).map_or(0, |sleeve| sleeve.quantity)
    }

    pub fn net_position(&self, symbol: SymbolId) -> i64 {
        self.sleeves.iter().filter(|((_, s), _)| *s == symbol).map(|(_, sleeve)| sleeve.quantity).sum()
    }

    /// Every sleeve that was ever used, in a fixed order.
    pub fn sleeves(&self) -> impl Iterator<Item = (StrategyId, SymbolId, &Sleeve)> + Clone {
        self.sleeves.iter().map(|(&(strategy, symbol), sleeve)| (strategy, symbol, sleeve))
    }

    pub fn row(&self, strategy: StrategyId, symbol: SymbolId) -> PositionRow {
        let sleeve = self.sleeves.get(&(strategy, symbol)).copied().unwrap_or_default();
        PositionRow {
            strategy: Some(strategy),
            symbol,
            quantity: sleeve.quantity,
            cost: sleeve.cost,
            realised: sleeve.realised,
            commission: sleeve.commission,
        }
    }

    pub fn net_row(&self, symbol: SymbolId) -> PositionRow {
        let of_symbol = || self.sleeves.iter().filter(move |((_, s), _)| *s == symbol).map(|(_, sleeve)| sleeve);
        PositionRow {
            strategy: None,
            symbol,
            quantity: of_symbol().map(|s| s.quantity).sum(),
            cost: of_symbol().map(|s| s.cost).sum(),
            realised: of_symbol().map(|s| s.realised).sum(),
            commission: of_symbol().map(|s| s.commission).sum(),
        }
    }

    /// Realised and unrealised after commission, since the beginning of the books.
    pub fn equity(&self) -> Money {
        let earned: Money = self.sleeves.iter().map(|((_, symbol), sleeve)| self.worth(*symbol, sleeve)).sum();
        earned + self.retired
    }

    /// Strategies that ever traded, in a fixed order.
    pub fn strategies(&self) -> impl Iterator<Item = StrategyId> {
        let mut last = None;
        self.sleeves.keys().map(|(strategy, _)| *strategy).filter(move |id| last.replace(*id) != Some(*id))
    }

    /// Realised and unrealised after commission, since the beginning of the books.
    pub fn earned(&self, strategy: StrategyId) -> Money {
        let mine = self.sleeves.iter().filter(|((id, _), _)| *id == strategy);
        let in_contracts: Money = mine.map(|((_, symbol), sleeve)| self.worth(*symbol, sleeve)).sum();
        in_contracts + self.gone.of(strategy)
    }

    /// Round trips of a strategy that lost money since the last one that did not.
    /// The row of losses begins anew. A correction of an earlier execution counts it again from the fills.
    pub fn forget_row_of_losses(&mut self, strategy: StrategyId) {
        if let Some(totals) = self.totals.get_mut(&strategy) {
            (totals.losses_in_row, totals.in_row_before) = (0, 0);
        }
    }

    pub fn losses_in_row(&self, strategy: StrategyId) -> u32 {
        self.totals.get(&strategy).map_or(0, |totals| totals.losses_in_row)
    }

    /// What others have earned in this account, realised and unrealised after commission.
    pub fn foreign_equity(&self) -> Money {
        let foreign = self.sleeves.iter().filter(|((strategy, _), _)| *strategy == StrategyId::FOREIGN);
        foreign.map(|((_, symbol), sleeve)| self.worth(*symbol, sleeve)).sum()
    }

    /// Sleeves of strategies that hold something: `(strategy, symbol, contracts)`, negative when short.
    pub fn held(&self) -> impl Iterator<Item = (StrategyId, SymbolId, i64)> {
        let open = self.sleeves.iter().filter(|((s, _), sleeve)| *s != StrategyId::FOREIGN && sleeve.quantity != 0);
        open.map(|(&(strategy, symbol), sleeve)| (strategy, symbol, sleeve.quantity))
    }

    /// What the open part of a sleeve cost on average, in ticks; `None` when flat.
    pub fn average_price(&self, strategy: StrategyId, symbol: SymbolId) -> Option<Price> {
        let sleeve = self.sleeves.get(&(strategy, symbol)).filter(|sleeve| sleeve.quantity != 0)?;
        let ticks = sleeve.cost.micros() / (self.tick_value(symbol).micros() * sleeve.quantity);
        i32::try_from(ticks).ok().map(Price)
    }

    /// Every open position has a price at which it could be closed.
    pub fn is_marked(&self) -> bool {
        let mut open = self.sleeves.iter().filter(|(_, sleeve)| sleeve.quantity != 0);
        open.all(|((_, symbol), s)| self.last_mark(*symbol).exit_price(s.quantity).is_some())
    }

    pub fn performance(&self, strategy: Option<StrategyId>) -> Performance {
        let none = Totals::default();
        let totals = match strategy {
            Some(id) => self.totals.get(&id).unwrap_or(&none),
            None => &self.account,
        };
        let mine = || self.sleeves.iter().filter(move |((s, _), _)| strategy.is_none_or(|id| id == *s));
        Performance {
            trades: totals.trades,
            wins: totals.wins,
            losses: totals.losses,
            gross_profit: totals.gross_profit,
            gross_loss: totals.gross_loss,
            realised: mine().map(|(_, s)| s.realised).sum(),
            unrealised: mine().map(|((_, symbol), s)| self.unrealised(*symbol, s)).sum(),
            commission: mine().map(|(_, s)| s.commission).sum(),
            drawdown_max: totals.drawdown_max,
        }
    }

    pub fn tick_value(&self, symbol: SymbolId) -> Money {
        *self.tick_values.get(&symbol).expect("fills are of configured instruments")
    }

    fn unrealised(&self, symbol: SymbolId, sleeve: &Sleeve) -> Money {
        match self.last_mark(symbol).exit_price(sleeve.quantity) {
            Some(price) if sleeve.quantity != 0 => {
                self.tick_value(symbol) * (i64::from(price.0) * sleeve.quantity) - sleeve.cost
            }
            Some(_) | None => Money::ZERO,
        }
    }

    fn worth(&self, symbol: SymbolId, sleeve: &Sleeve) -> Money {
        sleeve.realised - sleeve.commission + self.unrealised(symbol, sleeve)
    }

    fn see_equity(&mut self) {
        let mut account = self.retired;
        let mut of_strategy: Option<(StrategyId, Money)> = None;
        let mut seen: Vec<(StrategyId, Money)> = Vec::new();
        for (&(strategy, symbol), sleeve) in &self.sleeves {
            let worth = self.worth(symbol, sleeve);
            account += worth;
            match &mut of_strategy {
                Some((id, sum)) if *id == strategy => *sum += worth,
                _ => seen.extend(of_strategy.replace((strategy, worth))),
            }
        }
        seen.extend(of_strategy);
        for (strategy, equity) in seen {
            let equity = equity + self.gone.of(strategy);
            self.totals.entry(strategy).or_default().see_equity(equity);
        }
        self.account.see_equity(account);
    }
}

impl Sleeve {
    fn begin_trip(&mut self) {
        self.trip += 1;
        self.trip_net = Money::ZERO;
    }

    /// Books a fill of a signed quantity.
    fn take(&mut self, signed: i64, price: Price, tick_value: Money) -> Taken {
        let before = self.quantity;
        if before == 0 {
            self.begin_trip();
        }
        let realised = self.trade(signed, price, tick_value);
        self.trip_net += realised;
        let turned = before.signum() * self.quantity.signum() < 0;
        let ended = (self.quantity == 0 || turned).then(|| {
            self.last_trip_net = Some(self.trip_net);
            self.trip_net
        });
        if turned {
            self.begin_trip();
        }
        let contracts = |n: i64| u32::try_from(n.unsigned_abs()).unwrap_or(u32::MAX);
        Taken { trip: self.trip, turned: turned.then(|| (contracts(before), contracts(signed))), ended }
    }

    /// Books the commission of a fill; returns what the last trip earned before and after, if it was its.
    fn charge(&mut self, trip: u32, turned: Option<(u32, u32)>, amount: Money) -> Option<(Money, Money)> {
        self.commission += amount;
        // The contracts that ended a trip and those that began the next each bear their part.
        let ending = turned.map_or(Money::ZERO, |(closed, all)| part(amount, i64::from(closed), i64::from(all)));
        let mut of_last_trip = ending;
        if trip == self.trip && self.quantity != 0 {
            self.trip_net -= amount - ending;
        } else if trip == self.trip {
            of_last_trip = amount;
        }
        let net = self.last_trip_net.filter(|_| trip == self.trip && of_last_trip != Money::ZERO)?;
        self.last_trip_net = Some(net - of_last_trip);
        Some((net, net - of_last_trip))
    }

    /// Books a signed quantity at a price; returns the profit of the part that it closed.
    fn trade(&mut self, signed: i64, price: Price, tick_value: Money) -> Money {
        let value_of = |quantity: i64| tick_value * (i64::from(price.0) * quantity);
        let closes =
            if self.quantity.signum() * signed.signum() < 0 { signed.abs().min(self.quantity.abs()) } else { 0 };
        let mut realised = Money::ZERO;
        if closes > 0 {
            let removed = part(self.cost, closes, self.quantity.abs());
            realised = -value_of(closes * signed.signum()) - removed;
            self.cost -= removed;
            self.quantity += closes * signed.signum();
            self.realised += realised;
        }
        let opens = signed - closes * signed.signum();
        self.cost += value_of(opens);
        self.quantity += opens;
        realised
    }
}

/// `amount` x `of` / `whole`, rounded toward zero to a millionth.
fn part(amount: Money, of: i64, whole: i64) -> Money {
    let micros = i128::from(amount.micros()) * i128::from(of) / i128::from(whole);
    Money::from_micros(i64::try_from(micros).expect("a part is not larger than the whole"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::time::Timestamp;
    use crate::trade::{ClientOrderId, Leg, Side};

    pub(super) fn es() -> Instrument {
        Instrument {
            id: SymbolId(0),
            name: "ES".into(),
            root: "ES".into(),
            expiry: None,
            exchange: "CME".into(),
            currency: "USD".into(),
            tick_size: Decimal::new(25, 2),
            multiplier: Decimal::from(50),
        }
    }

    pub(super) fn fill(n: usize, strategy: u16, side: Side, quantity: u32, price: i32) -> Fill {
        Fill {
            exec_id: format!("e{n}"),
            order: ClientOrderId(1),
            strategy: StrategyId(strategy),
            symbol: SymbolId(0),
            leg: Leg::Entry,
            side,
            quantity,
            price: Price(price),
            at: Timestamp::default(),
        }
    }

    fn dollars(amount: i64) -> Money {
        Money::from_micros(amount * 1_000_000)
    }

    #[test]
    fn a_round_trip_earns_its_ticks_less_commission() {
        let mut book = Portfolio::new(&[es()]);
        book.apply(&fill(1, 0, Side::Buy, 2, 20_000));
        book.apply(&fill(2, 0, Side::Sell, 2, 20_004));
        assert_eq!(book.performance(None).realised, dollars(100), "four ticks, two contracts, $12.50 a tick");
        assert_eq!((book.performance(None).wins, book.performance(None).losses), (1, 0));
        book.commission("e1", dollars(60));
        book.commission("e2", dollars(60));
        let totals = book.performance(Some(StrategyId(0)));
        assert_eq!((totals.wins, totals.losses, totals.gross_loss), (0, 1, dollars(-20)), "commission made it a loss");
        assert_eq!(book.equity(), dollars(-20));
    }

    #[test]
    fn a_commission_counts_once() {
        let mut book = Portfolio::new(&[es()]);
        book.apply(&fill(1, 0, Side::Buy, 1, 20_000));
        book.commission("e1", dollars(2));
        book.commission("e1", dollars(2));
        assert_eq!(book.performance(None).commission, dollars(2));
    }

    #[test]
    fn a_short_gains_when_the_ask_falls() {
        let mut book = Portfolio::new(&[es()]);
        book.apply(&fill(1, 0, Side::Sell, 1, 20_000));
        book.mark(SymbolId(0), Mark { last: Some(Price(1)), bid: Some(Price(2)), ask: Some(Price(19_996)) });
        assert_eq!(book.performance(None).unrealised, dollars(50));
        book.mark(SymbolId(0), Mark { ask: Some(Price(20_008)), ..Mark::default() });
        assert_eq!(book.performance(None).drawdown_max, dollars(150), "from +50 to -100");
    }

    #[test]
    fn turning_around_ends_a_trip_and_splits_the_commission() {
        let mut book = Portfolio::new(&[es()]);
        book.apply(&fill(1, 0, Side::Buy, 1, 20_000));
        book.commission("e1", dollars(2));
        book.apply(&fill(2, 0, Side::Sell, 3, 20_004));
        book.commission("e2", dollars(6));
        let totals = book.performance(None);
        assert_eq!((totals.trades, totals.gross_profit), (1, dollars(46)), "50 less 2 to open and 2 of 6 to close");
        book.apply(&fill(3, 0, Side::Buy, 2, 20_004));
        book.commission("e3", dollars(4));
        let totals = book.performance(None);
        assert_eq!((totals.trades, totals.gross_loss), (2, dollars(-8)), "4 of 6 to open and 4 to close");
        assert_eq!(book.equity(), dollars(38));
    }

    #[test]
    fn turning_around_through_zero_opens_the_rest_at_the_new_price() {
        let mut book = Portfolio::new(&[es()]);
        book.apply(&fill(1, 0, Side::Buy, 1, 100));
        book.apply(&fill(2, 0, Side::Sell, 3, 110));
        let row = book.row(StrategyId(0), SymbolId(0));
        assert_eq!((row.quantity, row.cost, row.realised), (-2, es().tick_value() * -220, es().tick_value() * 10));
    }

    proptest! {
        /// Whatever the path, being flat leaves no cost behind and profit is what was received less what was paid.
        #[test]
        fn profit_is_cash_received_less_cash_paid(
            trades in prop::collection::vec((0u16..3, any::<bool>(), 1u32..5, 19_000i32..21_000), 1..60),
        ) {
            let mut book = Portfolio::new(&[es()]);
            let mut cash = Money::ZERO;
            for (n, &(strategy, buy, quantity, price)) in trades.iter().enumerate() {
                let side = if buy { Side::Buy } else { Side::Sell };
                book.apply(&fill(n, strategy, side, quantity, price));
                cash -= es().tick_value() * (i64::from(price) * i64::from(quantity) * i64::from(side.sign()));
            }
            let net = book.net_row(SymbolId(0));
            prop_assert_eq!(net.realised - net.cost, cash);
            let sum: i64 = trades.iter().map(|&(_, buy, q, _)| if buy { i64::from(q) } else { -i64::from(q) }).sum();
            prop_assert_eq!(net.quantity, sum);
            for (_, _, sleeve) in book.sleeves() {
                prop_assert!(sleeve.quantity != 0 || sleeve.cost == Money::ZERO);
            }
        }
    }
}
