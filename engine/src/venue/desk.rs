//! What the broker does to an account itself, and what happens to it outside the API: orders entered by hand, positions
//! closed for want of margin, executions corrected or busted, positions set. In: such an act. Out: reports.
//! Absent: who decides on it; the simulated gateway offers these to whoever tests a client.

use super::account::{Happening, Ledger};
use super::exchange::{Venue, name_once};
use super::families::End;
use super::kind::{Kind, Terms, Tif};
use super::orders::{Slot, Stage};
use super::requests::QUANTITY_MAX;
use super::{NewOrder, Refusal, Report, Status, VenueExecution, VenueOrder};
use crate::market::{Price, SymbolId};
use crate::time::Timestamp;
use crate::trade::{PermId, Side};

const UNKNOWN_EXECUTION: i32 = 321;
/// A correction by more is a mistake, and money is counted in 64 bits.
const CORRECTION_TICKS_MAX: u32 = 1_000_000;

impl Venue {
    /// Accepts an order that no API client sent: client id and order id are 0, and several such orders may live.
    pub fn place_manual(&mut self, now: Timestamp, order: NewOrder, out: &mut Vec<Report>) -> Result<PermId, Refusal> {
        self.advance_clock(now);
        self.accept(NewOrder { client_id: 0, order_id: 0, ..order }, out)
    }

    /// Live orders that no client has bound, by permanent id.
    pub fn unbound_orders(&self) -> impl Iterator<Item = &VenueOrder> {
        self.open_orders().filter(|order| order.order.order_id == 0)
    }

    /// A live order from outside the API gets a client's id. `false`: there is no such order.
    pub fn bind(&mut self, perm_id: PermId, client_id: i32, order_id: i32) -> bool {
        let Some(slot) = self.orders.slot_of(perm_id).filter(|slot| self.orders[*slot].view.order.order_id == 0) else {
            return false;
        };
        let order = &mut self.orders[slot].view.order;
        (order.client_id, order.order_id) = (client_id, order_id);
        self.orders.name(slot, client_id, order_id);
        true
    }

    /// Cancels an order of whoever placed it, with a reason in the broker's words. `false`: it is not live.
    pub fn cancel_as_broker(&mut self, now: Timestamp, perm_id: PermId, reason: &str, out: &mut Vec<Report>) -> bool {
        self.advance_clock(now);
        let Some(slot) = self.orders.slot_of(perm_id).filter(|slot| self.orders[*slot].live()) else {
            return false;
        };
        let from = out.len();
        self.end(slot, End::because(reason), out);
        self.after(out);
        name_once(out, from);
        true
    }

    /// A working order is told to be inactive while it rests on, or active again. `false`: it is not at the exchange.
    pub fn set_inactive(&mut self, now: Timestamp, perm_id: PermId, inactive: bool, out: &mut Vec<Report>) -> bool {
        self.advance_clock(now);
        let at_exchange = |slot: &Slot| matches!(self.orders[*slot].stage, Stage::Armed | Stage::Working);
        let Some(slot) = self.orders.slot_of(perm_id).filter(at_exchange) else {
            return false;
        };
        let entry = &mut self.orders[slot];
        entry.view.status = if inactive { Status::Inactive } else { entry.ready_stage().1 };
        out.push(Report::Order(perm_id));
        true
    }

    /// Closes a position at the market: the symbol's orders are cancelled and an order of the broker's own is placed,
    /// whose executions carry the liquidation flag. `None` when there is nothing to close.
    pub fn liquidate(&mut self, now: Timestamp, symbol: SymbolId, out: &mut Vec<Report>) -> Option<PermId> {
        self.advance_clock(now);
        let lane = self.lane_index(symbol)?;
        let from = out.len();
        let placed = self.close_out(lane, out);
        self.settle_arrivals(out);
        self.after(out);
        name_once(out, from);
        placed
    }

    /// Closes the positions that the account cannot hold any longer.
    pub(super) fn call_margin(&mut self, lane: usize, out: &mut Vec<Report>) {
        let book = self.lanes[lane].book;
        for called in self.margin_call(lane, &book) {
            self.close_out(called, out);
        }
        self.settle_arrivals(out);
    }

    fn close_out(&mut self, lane: usize, out: &mut Vec<Report>) -> Option<PermId> {
        let (symbol, held) = (self.lanes[lane].symbol, self.lanes[lane].ledger.quantity());
        let side = Side::of_position(held)?.opposite();
        let of_symbol = |slot: &Slot| self.orders[*slot].view.order.symbol == symbol;
        for slot in self.orders.live().filter(of_symbol).collect::<Vec<Slot>>() {
            self.end(slot, End::because("The position is liquidated."), out);
        }
        let order = NewOrder {
            client_id: 0,
            order_id: 0,
            symbol,
            side,
            quantity: u32::try_from(held.unsigned_abs()).unwrap_or(u32::MAX),
            kind: Kind::Market,
            tif: Tif::GoodTillCancelled,
            parent_id: None,
            oca: None,
            transmit: false,
            order_ref: String::new(),
            terms: Terms { liquidation: true, ..Terms::default() },
        };
        let slot = self.push(order);
        let entry = &mut self.orders[slot];
        entry.view.order.transmit = true;
        (entry.stage, entry.view.status) = entry.ready_stage();
        let perm_id = entry.view.perm_id;
        self.list(slot);
        self.arrivals.push_back(slot);
        out.push(Report::Order(perm_id));
        Some(perm_id)
    }

    /// The exchange corrects the price of an execution: same execution with the next id, the account as if it had
    /// been so from the start. Refused with 321 when there is no such execution, or the price is beyond all reason.
    pub fn correct_execution(
        &mut self,
        now: Timestamp,
        exec_id: &str,
        price: Price,
        out: &mut Vec<Report>,
    ) -> Result<(), Refusal> {
        self.advance_clock(now);
        let at = self.execution_at(exec_id)?;
        let execution = &mut self.executions[at];
        if price.0.abs_diff(execution.price.0) > CORRECTION_TICKS_MAX {
            return Err(Refusal::new(UNKNOWN_EXECUTION, format!("{} ticks is no correction", price.0)));
        }
        let change = i64::from(price.0) - i64::from(execution.price.0);
        execution.price = price;
        execution.exec_id = corrected_id(&execution.exec_id);
        let (symbol, perm_id, contracts) = (execution.symbol, execution.perm_id, execution.quantity);
        self.tell_ledger_again(symbol);
        let slot = self.orders.slot_of(perm_id).expect("an execution is of an order");
        let last = self.executions.iter().rev().find(|execution| execution.perm_id == perm_id);
        let last_price = last.map(|execution| execution.price);
        let view = &mut self.orders[slot].view;
        view.fill_ticks += change * i64::from(contracts);
        view.last_fill = last_price;
        out.push(Report::Corrected(self.executions[at].clone()));
        out.push(Report::Order(perm_id));
        self.after(out);
        Ok(())
    }

    /// The exchange busts an execution: it never was, for the account; the order keeps what it counted. Returns what is
    /// gone. Refused with 321 when there is no such execution.
    pub fn bust_execution(&mut self, now: Timestamp, exec_id: &str) -> Result<VenueExecution, Refusal> {
        self.advance_clock(now);
        let at = self.execution_at(exec_id)?;
        let gone = self.executions.remove(at);
        self.tell_ledger_again(gone.symbol);
        self.guard_positions();
        Ok(gone)
    }

    /// The position becomes `quantity` without any execution, at the market's price. `false`: no such symbol, or more
    /// contracts than an order may have.
    pub fn set_position(&mut self, now: Timestamp, symbol: SymbolId, quantity: i64) -> bool {
        self.advance_clock(now);
        let few = quantity.unsigned_abs() <= u64::from(QUANTITY_MAX);
        let Some(index) = self.lane_index(symbol).filter(|_| few) else { return false };
        let lane = &mut self.lanes[index];
        lane.rate_by_value();
        let closing = Side::of_position(quantity).map_or(Side::Sell, Side::opposite);
        let at = lane.book.mark(closing).unwrap_or_default();
        lane.ledger.set(quantity, at);
        lane.history.push(Happening::Set { quantity, at });
        self.guard_positions();
        true
    }

    /// From now on clients are told a next order id that is `count` too low, as after a restart that lost ids.
    pub fn roll_back_ids(&mut self, count: i32) {
        self.ids_forgotten = count.max(0);
    }

    /// An execution by its present id.
    fn execution_at(&self, exec_id: &str) -> Result<usize, Refusal> {
        let found = self.executions.iter().position(|execution| execution.exec_id == exec_id);
        found.ok_or_else(|| Refusal::new(UNKNOWN_EXECUTION, format!("There is no execution {exec_id}")))
    }

    /// Writes a symbol's ledger anew from its executions as they are now.
    fn tell_ledger_again(&mut self, symbol: SymbolId) {
        let index = self.lane_index(symbol).expect("an execution is of a listed symbol");
        let lane = &mut self.lanes[index];
        let mut ledger = Ledger::new(lane.ledger.tick_value());
        let executions = &mut self.executions;
        lane.history.retain(|happening| match *happening {
            Happening::Settled { twice } => {
                ledger.settle(twice);
                true
            }
            Happening::Set { quantity, at } => {
                ledger.set(quantity, at);
                true
            }
            Happening::Expired { twice } => {
                ledger.expire(twice);
                true
            }
            Happening::Fill { serial } => match executions.binary_search_by_key(&serial, |fill| fill.serial) {
                Ok(at) => {
                    let fill = &mut executions[at];
                    fill.realised = ledger.fill(fill.side, fill.quantity, fill.price, fill.commission);
                    true
                }
                Err(_) => false,
            },
        });
        lane.ledger = ledger;
    }
}

/// The same id with the last part, which counts corrections, one higher.
fn corrected_id(exec_id: &str) -> String {
    let (stem, count) = exec_id.rsplit_once('.').unwrap_or((exec_id, "0"));
    let next = count.parse::<u32>().unwrap_or(0) + 1;
    format!("{stem}.{next:02}")
}
