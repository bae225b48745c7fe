//! What happens in the account that no order of ours did: trades by hand, of other programs, of the broker; and what an
//! operator accepts. In: executions, open orders. Out: positions whose sum is the broker's, and what is told of them.
//! Absent: orders that would close any of it.
//!
//! Trades of other programs go into a sleeve of their own and never touch a strategy's. A trade by hand that closes a
//! strategy's position has closed it, and so has a liquidation: an exit of ours would then open a new one.

use super::{Books, Output};
use crate::journal::{Record, Severity};
use crate::market::{Price, SymbolId};
use crate::orders::reconcile;
use crate::sabotage::{self, Sabotage};
use crate::strategy;
use crate::time::Timestamp;
use crate::trade::{
    BrokerOrder, BrokerRequest, BrokerSnapshot, ClientOrderId, Execution, Fill, Leg, Side, StrategyId, exec_base,
};

use super::settle::Source;

/// What Interactive Brokers calls an order that was not placed through the interface, besides 0 and negative numbers.
pub(super) const NO_ORDER_ID: i32 = i32::MAX;

/// What was done to the account.
struct Deed<'a> {
    exec_id: &'a str,
    /// Parts of it that are in the book.
    booked: usize,
    leg: Leg,
    /// Positions of strategies before anything else.
    closes: bool,
    symbol: SymbolId,
    side: Side,
    quantity: u32,
    price: Price,
    at: Timestamp,
}

impl<'a> Deed<'a> {
    /// `lost`: an order of ours did it, whose records are gone.
    fn of(execution: &'a Execution, lost: bool) -> Self {
        let leg = origin(execution);
        Self {
            exec_id: &execution.exec_id,
            booked: 0,
            leg,
            closes: lost || leg != Leg::Foreign,
            symbol: execution.symbol,
            side: execution.side,
            quantity: execution.quantity,
            price: execution.price,
            at: execution.at,
        }
    }
}

impl Books {
    /// The first inventory of these books: what was before is not theirs, unless it explains what the account holds.
    pub(super) fn begin(&mut self, now: Timestamp, snapshot: &BrokerSnapshot, out: &mut Vec<Output>) {
        if std::mem::replace(&mut self.state.begun, true) {
            return;
        }
        let before: Vec<String> = snapshot
            .executions
            .iter()
            .filter(|execution| !self.explains(snapshot, execution.symbol))
            .map(|execution| exec_base(&execution.exec_id).to_owned())
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect();
        self.state.before.extend(before.iter().map(|id| (id.clone(), now)));
        out.push(Output::Record(Record::Baseline { exec_ids: before }));
    }

    /// The listed executions of a symbol come to the position that there is.
    fn explains(&self, snapshot: &BrokerSnapshot, symbol: SymbolId) -> bool {
        let held: i64 = snapshot.positions.iter().filter(|p| p.symbol == symbol).map(|p| p.quantity).sum();
        let of_symbol = snapshot.executions.iter().filter(|execution| execution.symbol == symbol);
        held != 0 && of_symbol.map(signed).sum::<i64>() == held
    }

    pub(super) fn on_foreign(&mut self, now: Timestamp, execution: &Execution, source: Source, out: &mut Vec<Output>) {
        if !self.state.begun {
            // The inventory that these books begin with will list it.
            return;
        }
        self.see_number(execution.client_id, execution.order_id, out);
        let (leg, lost) = (origin(execution), self.is_lost(execution));
        let what = match lost {
            true => "an order of ours whose records are lost; it is taken for what closes our positions first",
            false => "not an order of this book",
        };
        let text = format!(
            "{} {} {} at {} ticks, {} (client {}, reference {:?}): {what}",
            execution.side.name(),
            execution.quantity,
            self.name_of(execution.symbol),
            execution.price.0,
            leg.name(),
            execution.client_id,
            execution.order_ref
        );
        let event = if leg == Leg::Liquidation { "execution.liquidation" } else { "execution.foreign" };
        out.push(Self::system(Severity::Error, event, text));
        self.adopt(now, &Deed::of(execution, lost), out);
        if source == Source::Stream {
            out.push(Output::Doubt);
        }
    }

    /// Of an execution whose order is not in the book: it carries our name and our client's number. The disk was full when it was sent, or
    /// the journal's end is gone. What was lost with it is more often the close of a position than its beginning, since a
    /// full disk lets only orders through that close.
    fn is_lost(&self, execution: &Execution) -> bool {
        execution.client_id == self.client_id && reconcile::parse_ref(&execution.order_ref, &self.instance).is_some()
    }

    /// An execution of others is booked part by part, and the process may have died between two of them.
    pub(super) fn adopt_rest(&mut self, now: Timestamp, execution: &Execution, out: &mut Vec<Output>) {
        let parts: Vec<&Fill> = self.state.portfolio.fills_of(exec_base(&execution.exec_id)).collect();
        // What is too old is forgotten beginning with the first part.
        let begins = parts.first().is_some_and(|first| first.order == ClientOrderId(0) && !first.exec_id.contains('#'));
        let (booked, contracts) = (parts.len(), parts.iter().map(|part| part.quantity).sum::<u32>());
        if begins && contracts < execution.quantity && !sabotage::is(Sabotage::ForgetRest) {
            let text = format!("{}: {contracts} of {} contracts were booked", execution.exec_id, execution.quantity);
            out.push(Self::system(Severity::Warning, "execution.rest", text));
            let quantity = execution.quantity - contracts;
            let deed = Deed { booked, quantity, ..Deed::of(execution, self.is_lost(execution)) };
            self.adopt(now, &deed, out);
        }
    }

    /// Books what others did, part by part.
    fn adopt(&mut self, now: Timestamp, deed: &Deed<'_>, out: &mut Vec<Output>) {
        for (n, (strategy, quantity)) in self.shares(deed).into_iter().enumerate() {
            let exec_id = match n + deed.booked {
                0 => deed.exec_id.to_owned(),
                n => format!("{}#{}", deed.exec_id, n + 1),
            };
            let fill = Fill {
                exec_id,
                order: ClientOrderId(0),
                strategy,
                symbol: deed.symbol,
                leg: deed.leg,
                side: deed.side,
                quantity,
                price: deed.price,
                at: deed.at,
            };
            out.push(Output::Record(Record::Fill(fill.clone())));
            self.state.take_fill(now, &fill);
            self.write_position(strategy, deed.symbol, out);
            if strategy != StrategyId::FOREIGN {
                out.push(Output::Strategy(strategy, strategy::Input::Fill(fill)));
                self.cancel_entries(strategy, deed.symbol, out);
                self.fit_protection(strategy, deed.symbol, out);
            }
        }
        self.book_early_commission(deed.exec_id, out);
    }

    /// Whose positions a deed changes, and by how many contracts.
    fn shares(&self, deed: &Deed<'_>) -> Vec<(StrategyId, u32)> {
        let mut left = deed.quantity;
        let mut shares = Vec::new();
        let mut foreign = 0;
        if deed.closes {
            // A person closes a position of their own first; the broker closes what there is.
            let by_hand = self.state.by_hand.get(&deed.symbol).copied().unwrap_or(0);
            if deed.leg != Leg::Liquidation {
                foreign = closes(by_hand, deed.side).min(left);
                left -= foreign;
            }
            for (strategy, symbol, held) in self.state.portfolio.held() {
                let part = if symbol == deed.symbol { closes(held, deed.side).min(left) } else { 0 };
                if part > 0 {
                    shares.push((strategy, part));
                    left -= part;
                }
            }
        }
        if foreign + left > 0 {
            shares.push((StrategyId::FOREIGN, foreign + left));
        }
        shares
    }

    /// Positions that an operator has seen at the broker and told this run to accept: each once, if it is the broker's.
    pub(super) fn accept(&mut self, now: Timestamp, differing: &[(SymbolId, i64, i64)], out: &mut Vec<Output>) -> bool {
        let mut accepted = false;
        for &(symbol, ours, theirs) in differing {
            if self.protection.accepted.get(&symbol) != Some(&theirs) {
                continue;
            }
            let Some(price) = self.state.portfolio.last_mark(symbol).exit_price(theirs - ours) else {
                // Without a price it would be worth anything; market data comes after the first inventory.
                continue;
            };
            let Ok(quantity) = u32::try_from((theirs - ours).unsigned_abs()) else { continue };
            self.protection.accepted.remove(&symbol);
            let text = format!(
                "position {}: book {ours}, broker {theirs}; the difference was accepted by the operator",
                self.name_of(symbol)
            );
            out.push(Self::system(Severity::Warning, "position.accepted", text));
            let exec_id = format!("accepted.{}.{}.1", self.name_of(symbol), now.nanos());
            let side = if theirs > ours { Side::Buy } else { Side::Sell };
            self.adopt(
                now,
                &Deed {
                    exec_id: &exec_id,
                    booked: 0,
                    leg: Leg::Accepted,
                    closes: true,
                    symbol,
                    side,
                    quantity,
                    price,
                    at: now,
                },
                out,
            );
            accepted = true;
        }
        accepted
    }

    pub(super) fn tell_foreign_orders(&mut self, snapshot: &BrokerSnapshot, out: &mut Vec<Output>) {
        let instance = self.instance.clone();
        for order in reconcile::foreign(snapshot, &instance) {
            let ours = order.order_ref.is_empty() && self.state.orders.by_perm_id(order.perm_id).is_some();
            if !ours && self.tell_once(format!("order {} {}", order.perm_id.0, order.order_ref)) {
                let text = format!(
                    "{} {} {} (client {}, reference {:?}): an open order of somebody else",
                    order.side.name(),
                    order.quantity,
                    self.name_of(order.symbol),
                    order.client_id,
                    order.order_ref
                );
                out.push(Self::system(Severity::Info, "order.foreign", text));
            }
        }
    }

    /// Orders that are ours by name and client, and that the book holds for ended or has never known: whatever they
    /// were to do is not wanted. One that the book never knew may be all that protects a position of ours that a
    /// damaged journal has forgotten; it stays, and a person decides.
    pub(super) fn withdraw_strangers(&mut self, strangers: &[BrokerOrder], out: &mut Vec<Output>) {
        for order in strangers.iter().filter(|order| order.client_id == self.client_id && order.order_id.0 > 0) {
            let known = reconcile::parse_ref(&order.order_ref, &self.instance)
                .is_some_and(|id| self.state.orders.get(id).is_some());
            let protects = self.state.portfolio.position(StrategyId::FOREIGN, order.symbol) != 0
                || !self.agreed.contains(&order.symbol);
            if known || !protects {
                let text = format!("{}: live at the broker and not in the book", order.order_ref);
                out.push(Self::system(Severity::Warning, "order.withdrawn", text));
                out.push(Output::Request(BrokerRequest::Cancel(order.order_id)));
            }
        }
    }
}

/// Contracts of a position that a trade on this side closes.
fn closes(position: i64, side: Side) -> u32 {
    if position.signum() * i64::from(side.sign()) >= 0 {
        return 0;
    }
    u32::try_from(position.unsigned_abs()).unwrap_or(u32::MAX)
}

fn origin(execution: &Execution) -> Leg {
    let by_hand = execution.client_id <= 0 && (execution.order_id.0 <= 0 || execution.order_id.0 == NO_ORDER_ID);
    match execution {
        Execution { liquidation: true, .. } => Leg::Liquidation,
        _ if by_hand => Leg::Manual,
        _ => Leg::Foreign,
    }
}

pub(super) fn signed(execution: &Execution) -> i64 {
    i64::from(execution.side.sign()) * i64::from(execution.quantity)
}
