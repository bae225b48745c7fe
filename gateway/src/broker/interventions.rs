//! What happens to the account outside the API, on demand: orders entered by hand or by other programs, positions closed
//! by the broker, executions corrected or busted, positions set, ids forgotten, and the habits of order messages.
//! In: plain calls from whoever injects faults. Out: the venue acts, and clients hear of it as from a live gateway.
//! Absent: when and why; faults of the connection and of market data.

use engine::market::{Price, SymbolId};
use engine::trade::{PermId, Side};
use engine::venue::{Kind, MarginRate, NewOrder, Refusal, Report, Terms, Tif, VenueExecution};

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::session::invalid;

/// An order as somebody enters it in a trading window.
#[derive(Clone, PartialEq, Debug)]
pub struct ManualOrder {
    pub symbol: SymbolId,
    pub side: Side,
    /// Contracts, greater than zero.
    pub quantity: u32,
    pub kind: Kind,
    pub tif: Tif,
}

/// When the commission report of a fill is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CommissionHabit {
    /// After the order's status, as captured fills show it.
    #[default]
    AfterStatus,
    BeforeExecution,
    /// Only when [`Broker::release_commissions`] is called; they wait in order.
    Held,
    Never,
}

/// Habits of order messages that live gateways show now and then. The default is what captures show.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quirks {
    /// A cancelled order is told as `PendingCancel` first.
    pub pending_cancel: bool,
    /// The status of a fill comes before its execution.
    pub filled_before_execution: bool,
    pub commission: CommissionHabit,
    /// The first status of an order has no permanent id yet.
    pub perm_id_late: bool,
    /// Statuses come without the open order before them.
    pub status_only: bool,
    /// A partial fill changes no status; a full one does.
    pub partial_fills_untold: bool,
    /// An order without a time in force gets message 10349 besides.
    pub tif_preset_told: bool,
}

impl Broker {
    /// An instrument by its configured name, its local symbol (`ESZ6`) or its root, the first that fits.
    pub fn symbol_named(&self, name: &str) -> Option<SymbolId> {
        let symbols = || self.player.venue().positions().map(|held| held.symbol);
        let listings = || symbols().filter_map(|symbol| self.catalog.listing(symbol));
        let by_name = listings().find(|listing| listing.instrument.name == name);
        let by_local = || listings().find(|listing| listing.contract.local_symbol.as_deref() == Some(name));
        let by_root = || listings().find(|listing| listing.instrument.root == name);
        by_name.or_else(by_local).or_else(by_root).map(|listing| listing.instrument.id)
    }

    /// A price in points on the grid of its instrument; `None` off the grid or without such an instrument.
    pub fn price_of(&self, symbol: SymbolId, points: f64) -> Option<Price> {
        self.catalog.listing(symbol)?.grid.price(points).ok()
    }

    /// An order from a trading window: client 0, order id 0, until client 0 binds it.
    pub fn submit_manual(&mut self, order: &ManualOrder) -> Result<PermId, Refusal> {
        let (now, new) = (self.now(), new_order(0, 0, order));
        self.intervene(|broker, reports| broker.player.venue_mut().place_manual(now, new, reports))
    }

    /// An order of another API client, connected or not, under that client's next order id.
    pub fn submit_foreign(&mut self, client_id: i32, order: &ManualOrder) -> Result<PermId, Refusal> {
        let now = self.now();
        let new = new_order(client_id, self.player.venue().free_order_id(client_id), order);
        self.intervene(|broker, reports| broker.player.venue_mut().place(now, new, reports))
    }

    /// The broker closes a position at the market, with the liquidation flag on the executions; the symbol's orders are
    /// cancelled. `None`: there is no position.
    pub fn liquidate(&mut self, symbol: SymbolId) -> Option<PermId> {
        let now = self.now();
        self.intervene(|broker, reports| {
            broker.player.venue_mut().liquidate(now, symbol, reports).ok_or_else(|| invalid("There is no position"))
        })
        .ok()
    }

    /// The exchange corrects the price of an execution, in points: it is told again under its next id, with a commission
    /// report of its own. Refused with 321 without such an execution, with 110 off the price grid.
    pub fn correct_execution(&mut self, exec_id: &str, new_price: f64) -> Result<(), Refusal> {
        let executions = self.player.venue().executions();
        let symbol = executions.iter().find(|fill| fill.exec_id == exec_id).map(|fill| fill.symbol);
        let symbol = symbol.ok_or_else(|| invalid(&format!("There is no execution {exec_id}")))?;
        let off_grid = || Refusal { code: 110, text: format!("{new_price} is not a price of this contract") };
        let price = self.price_of(symbol, new_price).ok_or_else(off_grid)?;
        let now = self.now();
        self.intervene(|broker, reports| broker.player.venue_mut().correct_execution(now, exec_id, price, reports))
    }

    /// The exchange busts an execution: it is gone from the account and from lists. Clients hear of it by their
    /// positions and account values only.
    pub fn bust_execution(&mut self, exec_id: &str) -> Result<VenueExecution, Refusal> {
        let now = self.now();
        let gone = self.player.venue_mut().bust_execution(now, exec_id)?;
        self.tell_position(gone.symbol);
        Ok(gone)
    }

    /// The position becomes `quantity`, negative for short, without any execution. `false`: no such instrument.
    pub fn set_position(&mut self, symbol: SymbolId, quantity: i64) -> bool {
        let now = self.now();
        let done = self.player.venue_mut().set_position(now, symbol, quantity);
        if done {
            self.tell_position(symbol);
        }
        done
    }

    /// From now on the next order id is told `count` too low, as after a restart that lost ids; 0 ends it.
    pub fn roll_back_ids(&mut self, count: i32) {
        self.player.venue_mut().roll_back_ids(count);
    }

    /// A market that waits for its first subscription goes on from where it waited, as if its clock had been started when
    /// a client last asked for the time, or else with the subscription. Without this all that is due by then is played
    /// at once, which is right for a client that shares the clock.
    pub fn wait_with_clock(&mut self) {
        self.clock_waits = true;
    }

    /// See [`engine::venue::Venue::set_run`].
    pub fn set_run(&mut self, run: u32) {
        self.player.venue_mut().set_run(run);
    }

    /// Cancels an order that nobody asked to cancel. `false`: it is not live.
    pub fn cancel_unsolicited(&mut self, perm_id: PermId, reason: &str) -> bool {
        let now = self.now();
        self.tell(|broker, reports| broker.player.venue_mut().cancel_as_broker(now, perm_id, reason, reports))
    }

    /// A working order is told as `Inactive`, or as what it is again; it rests at the exchange all the while. `false`:
    /// it is not at the exchange.
    pub fn set_inactive(&mut self, perm_id: PermId, inactive: bool) -> bool {
        let now = self.now();
        self.tell(|broker, reports| broker.player.venue_mut().set_inactive(now, perm_id, inactive, reports))
    }

    /// Tells an order's owner its open order and status once more, as it is. `false`: no such order, or its owner is
    /// not connected.
    pub fn repeat_order(&mut self, perm_id: PermId) -> bool {
        let Some(order) = self.player.venue().order(perm_id).cloned() else { return false };
        let Some(conn) = self.owner(&order) else { return false };
        self.send_order(conn, &order);
        true
    }

    /// Tells an execution to its order's owner once more, under the same id. `false`: no such execution, or its owner
    /// is not connected.
    pub fn repeat_execution(&mut self, exec_id: &str) -> bool {
        let executions = self.player.venue().executions();
        let Some(fill) = executions.iter().find(|fill| fill.exec_id == exec_id).cloned() else { return false };
        self.send_own_execution(&fill)
    }

    /// Whether the account may trade an instrument; orders are refused with 203 otherwise.
    pub fn set_tradable(&mut self, symbol: SymbolId, tradable: bool) {
        if tradable {
            self.notes.forbidden.remove(&symbol);
        } else {
            self.notes.forbidden.insert(symbol);
        }
    }

    /// What a contract ties up from now on, in the account's currency; raised enough, positions are closed at the next
    /// event of the market. `false`: no such instrument.
    pub fn set_margin(&mut self, symbol: SymbolId, rate: MarginRate) -> bool {
        self.player.venue_mut().set_margin_rate(symbol, rate)
    }

    pub fn set_quirks(&mut self, quirks: Quirks) {
        self.quirks = quirks;
    }

    /// Sends the commission reports that [`CommissionHabit::Held`] kept back. Returns how many were due.
    pub fn release_commissions(&mut self) -> usize {
        let held = std::mem::take(&mut self.notes.held_commissions);
        for fill in &held {
            self.send_commission(fill);
        }
        held.len()
    }

    /// All executions as they are now, oldest first: to find one to correct.
    pub fn all_executions(&self) -> &[VenueExecution] {
        self.player.venue().executions()
    }

    /// The connection that hears of this order's changes; an order that nobody has bound has none.
    pub(super) fn owner(&self, order: &engine::venue::VenueOrder) -> Option<ConnId> {
        self.conn_of(order.order.client_id).filter(|_| order.order.order_id != 0)
    }

    /// An act that places or changes orders; what it reported is told as after a client's request.
    fn intervene<R>(
        &mut self,
        act: impl FnOnce(&mut Broker, &mut Vec<Report>) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        self.tell(act)
    }

    fn tell<R>(&mut self, act: impl FnOnce(&mut Broker, &mut Vec<Report>) -> R) -> R {
        let mut reports = Vec::new();
        let answer = act(self, &mut reports);
        engine::venue::told::announce(&mut reports);
        self.publish(&reports);
        self.look_ahead();
        answer
    }

    fn tell_position(&mut self, symbol: SymbolId) {
        self.update_positions(&[symbol]);
        self.update_accounts(&[symbol]);
    }
}

fn new_order(client_id: i32, order_id: i32, order: &ManualOrder) -> NewOrder {
    NewOrder {
        client_id,
        order_id,
        symbol: order.symbol,
        side: order.side,
        quantity: order.quantity,
        kind: order.kind,
        tif: order.tif,
        parent_id: None,
        oca: None,
        transmit: true,
        order_ref: String::new(),
        terms: Terms::default(),
    }
}
