//! What clients ask about orders. In: place, modify, cancel, what-if, lists of orders. Out: the venue is asked; its
//! reports and refusals go to whom they concern. Absent: how a wire order is read (`order_reading`), what is told of one
//! (`reports`), orders that no client placed (`interventions`).

use std::collections::{BTreeMap, BTreeSet};

use engine::market::SymbolId;
use engine::time::Timestamp;
use engine::trade::{Money, PermId};
use engine::venue::{Refusal, VenueExecution, VenueOrder, told};

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::order_reading;
use crate::broker::session::{SYSTEM, invalid};
use crate::wire::order::{Order, PlaceOrderRequest};
use crate::wire::order_report::{CompletedOrdersEnd, OpenOrdersEnd, OrderBound};

const AUTO_BIND_REFUSED: i32 = 327;
const CHANGED_TOO_MUCH: i32 = 105;
const NOT_ALLOWED: i32 = 203;
const TIF_PRESET: i32 = 10349;

/// What the broker knows of orders besides the venue.
#[derive(Debug, Default)]
pub struct Notes {
    /// The order as its client sent it last, for fields that are shown again and mean nothing to the venue.
    pub sent: BTreeMap<PermId, Order>,
    /// Commission so far.
    pub commission: BTreeMap<PermId, Money>,
    /// When the order ended.
    pub ended: BTreeMap<PermId, Timestamp>,
    /// Why the account or the exchange did not take an order.
    pub rejected: BTreeMap<PermId, String>,
    /// Orders that a client asked to cancel.
    pub cancelled_by_client: BTreeSet<PermId>,
    /// Orders of which a status was told.
    pub told: BTreeSet<PermId>,
    /// Fills whose commission is not told yet, see `interventions`.
    pub held_commissions: Vec<VenueExecution>,
    /// Instruments that this account may not trade for now.
    pub forbidden: BTreeSet<SymbolId>,
    /// Client 0 wants orders from outside the API bound to it as they come.
    pub auto_bind: bool,
    /// The last order id that was given to such an order; they count down from -1.
    pub last_bound: i32,
}

impl Broker {
    pub(super) fn place_order(&mut self, conn: ConnId, client_id: i32, request: &PlaceOrderRequest) {
        let order_id = request.order_id.unwrap_or(0);
        if let Err(refusal) = self.try_place(conn, client_id, order_id, request) {
            self.refuse(conn, order_id, &refusal);
        }
    }

    fn try_place(
        &mut self,
        conn: ConnId,
        client_id: i32,
        order_id: i32,
        request: &PlaceOrderRequest,
    ) -> Result<(), Refusal> {
        // Orders from outside the API carry negative ids once they are bound, and may be changed under them.
        if order_id <= 0 && self.player.venue().order_of(client_id, order_id).is_none() {
            return Err(invalid(&format!("Order id {order_id} is not positive")));
        }
        self.check_same_contract(client_id, order_id, request)?;
        let order = order_reading::read(&self.catalog, &self.account, (client_id, order_id), request)?;
        if self.notes.forbidden.contains(&order.symbol) {
            let name = self.catalog.listing(order.symbol).map_or("", |listing| listing.instrument.root.as_str());
            let text = format!("The security {name} is not available or allowed for this account.");
            return Err(Refusal { code: NOT_ALLOWED, text });
        }
        let sent = request.order.clone().unwrap_or_default();
        if sent.what_if == Some(true) {
            return self.answer_what_if(conn, order, sent);
        }
        let now = self.now();
        let mut reports = Vec::new();
        let perm_id = self.player.venue_mut().place(now, order, &mut reports)?;
        told::announce(&mut reports);
        self.counters.order();
        let preset = self.quirks.tif_preset_told && sent.tif.as_deref().unwrap_or("").is_empty();
        self.notes.sent.insert(perm_id, sent);
        self.publish(&reports);
        if preset {
            self.error(conn, order_id, TIF_PRESET, "Order TIF was set to DAY based on order preset.");
        }
        Ok(())
    }

    /// A change that names another contract, also one that this account may not trade, is a change that does not fit.
    fn check_same_contract(&self, client_id: i32, order_id: i32, request: &PlaceOrderRequest) -> Result<(), Refusal> {
        let venue = self.player.venue();
        let is_it = |order: &&VenueOrder| (order.order.client_id, order.order.order_id) == (client_id, order_id);
        let Some(working) = venue.open_orders().find(is_it) else { return Ok(()) };
        let Ok(named) = self.catalog.only(&request.contract.clone().unwrap_or_default()) else { return Ok(()) };
        match named.played && named.instrument.id == working.order.symbol {
            true => Ok(()),
            false => {
                let text = "Order being modified does not match original order".to_owned();
                Err(Refusal { code: CHANGED_TOO_MUCH, text })
            }
        }
    }

    pub(super) fn cancel_order(&mut self, conn: ConnId, client_id: i32, order_id: i32) {
        let now = self.now();
        let found = self.player.venue().order_of(client_id, order_id).map(|order| order.perm_id);
        self.notes.cancelled_by_client.extend(found);
        let mut reports = Vec::new();
        let cancelled = self.player.venue_mut().cancel(now, client_id, order_id, &mut reports);
        self.publish(&reports);
        if let Err(refusal) = cancelled {
            self.refuse(conn, order_id, &refusal);
        }
    }

    pub(super) fn cancel_all_orders(&mut self) {
        let now = self.now();
        let live: Vec<PermId> = self.player.venue().open_orders().map(|order| order.perm_id).collect();
        self.notes.cancelled_by_client.extend(live);
        let mut reports = Vec::new();
        self.player.venue_mut().cancel_all(now, &mut reports);
        self.publish(&reports);
    }

    /// What a client asks for as its own; client 0 binds the orders from outside the API by asking.
    pub(super) fn send_own_orders(&mut self, conn: ConnId, client_id: i32) {
        if client_id == 0 {
            self.bind_all();
        }
        self.send_open_orders(conn, Some(client_id));
    }

    /// Open orders of one client, or of all, with their status.
    pub(super) fn send_open_orders(&mut self, conn: ConnId, of_client: Option<i32>) {
        let venue = self.player.venue();
        let is_own = |order: &VenueOrder, client_id| order.order.client_id == client_id && order.order.order_id != 0;
        let wanted = |order: &&VenueOrder| of_client.is_none_or(|client_id| is_own(order, client_id));
        let orders: Vec<VenueOrder> = venue.open_orders().filter(wanted).cloned().collect();
        for order in &orders {
            self.send_order(conn, order);
        }
        self.send(conn, OpenOrdersEnd {});
    }

    /// Binds orders from outside the API to client 0, those that live and those to come. A real gateway does not say
    /// when it has told them all.
    pub(super) fn bind_orders(&mut self, conn: ConnId, client_id: i32, auto_bind: bool) {
        if client_id != 0 {
            let text = "Only the default client (i.e 0) can auto bind orders.";
            return self.error(conn, SYSTEM, AUTO_BIND_REFUSED, text);
        }
        self.notes.auto_bind = auto_bind;
        if auto_bind {
            for order in self.bind_all() {
                self.send_order(conn, &order);
            }
        }
    }

    /// Gives every live order from outside the API an id of client 0; returns them.
    fn bind_all(&mut self) -> Vec<VenueOrder> {
        let unbound: Vec<PermId> = self.player.venue().unbound_orders().map(|order| order.perm_id).collect();
        unbound.iter().for_each(|perm_id| self.bind(*perm_id));
        unbound.iter().filter_map(|perm_id| self.player.venue().order(*perm_id).cloned()).collect()
    }

    /// Binds one order to client 0, if it is not bound, and tells that client.
    pub(super) fn bind(&mut self, perm_id: PermId) {
        let order_id = self.notes.last_bound - 1;
        if !self.player.venue_mut().bind(perm_id, 0, order_id) {
            return;
        }
        self.notes.last_bound = order_id;
        if let Some(conn) = self.conn_of(0) {
            let bound = OrderBound { perm_id: Some(perm_id.0), client_id: Some(0), order_id: Some(order_id) };
            self.send(conn, bound);
        }
    }

    /// `api_only` leaves out orders from outside the API.
    pub(super) fn send_completed_orders(&mut self, conn: ConnId, api_only: bool) {
        let wanted = |order: &&VenueOrder| !api_only || order.order.order_id > 0;
        let orders: Vec<VenueOrder> = self.player.venue().completed_orders().filter(wanted).cloned().collect();
        for order in &orders {
            let completed = self.completed_order(order);
            self.send(conn, completed);
        }
        self.send(conn, CompletedOrdersEnd {});
    }
}
