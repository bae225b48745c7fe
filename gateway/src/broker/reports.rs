//! The venue's reports as a live gateway would send them, in its order. In: reports. Out: open orders, statuses,
//! executions, commissions and errors to the client that owns the order; positions and profit to who subscribed.
//!
//! A complete fill is: execution, open order, status; then open order with commission, status again (real gateways
//! repeat it), commission report. Reports come in batches and the venue shows orders as they are after the whole
//! batch, so what an order was in between is worked out from the executions that follow.

use engine::time::Timestamp;
use engine::trade::PermId;
use engine::venue::{OcaType, Report, Status, VenueExecution, VenueOrder};
use rust_decimal::prelude::ToPrimitive;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::catalog::{Listing, ZONE_NAME};
use crate::script::Event;
use crate::wire::order::Order;
use crate::wire::order_report::{CompletedOrder, OpenOrder, OrderState, OrderStatus};

impl Broker {
    pub(super) fn publish(&mut self, reports: &[Report]) {
        let mut traded = Vec::new();
        let mut commissions: Vec<&VenueExecution> = Vec::new();
        for (at, report) in reports.iter().enumerate() {
            match report {
                Report::Execution(execution) => {
                    *self.notes.commission.entry(execution.perm_id).or_default() += execution.commission;
                    self.send_own_execution(execution);
                    self.happens(Event::Fill, Some(execution.client_id), false);
                    commissions.push(execution);
                    if !traded.contains(&execution.symbol) {
                        traded.push(execution.symbol);
                    }
                }
                Report::Order(perm_id) if !repeated(*perm_id, &reports[at + 1..]) => {
                    self.publish_order(*perm_id, &reports[at + 1..]);
                    let (due, later) = commissions.into_iter().partition(|fill| fill.perm_id == *perm_id);
                    commissions = later;
                    self.send_commissions(due);
                }
                Report::Order(_) => {}
                Report::Message { client_id, order_id, refusal } => {
                    if let Some(conn) = self.conn_of(*client_id) {
                        self.refuse(conn, *order_id, refusal);
                    }
                }
            }
        }
        self.send_commissions(commissions);
        if !traded.is_empty() {
            self.update_positions(&traded);
            self.update_accounts(&traded);
        }
    }

    fn send_commissions(&mut self, executions: Vec<&VenueExecution>) {
        for execution in executions {
            if let Some(conn) = self.conn_of(execution.client_id) {
                let report = self.commission_report(execution);
                self.send(conn, report);
            }
        }
    }

    /// `later`: the reports of the batch that come after this one.
    fn publish_order(&mut self, perm_id: PermId, later: &[Report]) {
        let now = self.now();
        let Some(order) = self.player.venue().order(perm_id) else {
            return;
        };
        let order = before(order, later);
        let over = matches!(order.status, Status::Filled | Status::Cancelled | Status::Inactive);
        if over {
            self.notes.ended.entry(perm_id).or_insert(now);
        }
        let Some(conn) = self.conn_of(order.order.client_id) else {
            return;
        };
        match order.status {
            Status::Cancelled => {
                let status = order_status(&order, self.catalog.listing(order.order.symbol));
                self.send(conn, status);
            }
            Status::Filled => {
                let mut first = self.open_order(&order);
                if let Some(state) = &mut first.order_state {
                    state.commission_and_fees = None;
                }
                self.send(conn, first);
                let status = order_status(&order, self.catalog.listing(order.order.symbol));
                self.send(conn, status);
                self.send_order(conn, &order);
            }
            _ => self.send_order(conn, &order),
        }
    }

    /// The open order and its status, as lists and changes show them.
    pub(super) fn send_order(&mut self, conn: ConnId, order: &VenueOrder) {
        let open = self.open_order(order);
        let status = order_status(order, self.catalog.listing(order.order.symbol));
        self.send(conn, open);
        self.send(conn, status);
    }

    pub(super) fn status_of(&self, order: &VenueOrder) -> OrderStatus {
        order_status(order, self.catalog.listing(order.order.symbol))
    }

    fn open_order(&self, order: &VenueOrder) -> OpenOrder {
        OpenOrder {
            order_id: Some(order.order.order_id),
            contract: self.catalog.listing(order.order.symbol).map(|listing| listing.contract.clone()),
            order: Some(self.wire_order(order)),
            order_state: Some(self.order_state(order)),
        }
    }

    pub(super) fn completed_order(&self, order: &VenueOrder) -> CompletedOrder {
        let parent = order.order.parent_id.and_then(|id| self.player.venue().order_of(order.order.client_id, id));
        let wire = Order {
            filled_quantity: Some(order.filled.to_string()),
            parent_perm_id: parent.map(|parent| parent.perm_id.0),
            // A completed order has left its connection: the broker no longer names client and order id.
            client_id: None,
            order_id: None,
            ..self.wire_order(order)
        };
        CompletedOrder {
            contract: self.catalog.listing(order.order.symbol).map(|listing| listing.contract.clone()),
            order: Some(wire),
            order_state: Some(self.order_state(order)),
        }
    }

    fn wire_order(&self, order: &VenueOrder) -> Order {
        let new = &order.order;
        let points = |price: Option<engine::market::Price>| {
            let listing = self.catalog.listing(new.symbol)?;
            price.map(|price| listing.points.of_ticks(i64::from(price.0)))
        };
        let sent = self.notes.sent.get(&(new.client_id, new.order_id)).cloned().unwrap_or_default();
        let oca = new.oca.as_ref();
        Order {
            client_id: Some(new.client_id),
            order_id: Some(new.order_id),
            perm_id: Some(order.perm_id.0),
            parent_id: Some(new.parent_id.unwrap_or(0)),
            action: Some(action(order).to_owned()),
            total_quantity: Some(new.quantity.to_string()),
            display_size: sent.display_size,
            order_type: Some(new.kind.name().to_owned()),
            lmt_price: points(new.kind.limit_price()),
            aux_price: points(new.kind.stop_price()),
            tif: Some(new.tif.name().to_owned()),
            account: Some(self.account.clone()),
            outside_rth: sent.outside_rth,
            oca_group: oca.map(|(group, _)| group.clone()),
            order_ref: Some(new.order_ref.clone()).filter(|text| !text.is_empty()),
            oca_type: Some(oca.map_or(0, |(_, kind)| oca_number(*kind))),
            trigger_method: sent.trigger_method,
            transmit: Some(true),
            open_close: sent.open_close,
            origin: Some(0),
            ..Order::default()
        }
    }

    fn order_state(&self, order: &VenueOrder) -> OrderState {
        let over = match order.status {
            Status::Filled => Some(format!("Filled Size: {}", order.filled)),
            Status::Cancelled => Some("Cancelled".to_owned()),
            Status::Inactive => Some("Inactive".to_owned()),
            _ => None,
        };
        let ended = self.notes.ended.get(&order.perm_id).copied().filter(|_| over.is_some());
        let listing = self.catalog.listing(order.order.symbol);
        let commission = self.notes.commission.get(&order.perm_id).filter(|_| order.status == Status::Filled);
        OrderState {
            status: Some(order.status.name().to_owned()),
            commission_and_fees: commission.and_then(|money| money.to_decimal().to_f64()),
            commission_and_fees_currency: listing.map(|listing| listing.instrument.currency.clone()),
            completed_time: ended.map(local_time),
            completed_status: over,
            ..OrderState::default()
        }
    }
}

fn order_status(order: &VenueOrder, listing: Option<&Listing>) -> OrderStatus {
    let points = |ticks: i64| listing.map_or(0.0, |listing| listing.points.of_ticks(ticks));
    let average = if order.filled == 0 { 0.0 } else { points(order.fill_ticks) / f64::from(order.filled) };
    OrderStatus {
        order_id: Some(order.order.order_id),
        status: Some(order.status.name().to_owned()),
        filled: Some(order.filled.to_string()),
        remaining: Some(order.remaining().to_string()),
        avg_fill_price: Some(average),
        perm_id: Some(order.perm_id.0),
        parent_id: Some(order.order.parent_id.unwrap_or(0)),
        last_fill_price: Some(order.last_fill.map_or(0.0, |price| points(i64::from(price.0)))),
        client_id: Some(order.order.client_id),
        why_held: None,
        mkt_cap_price: Some(0.0),
    }
}

/// Whether a later report of the batch tells of this order again before it trades.
fn repeated(perm_id: PermId, later: &[Report]) -> bool {
    let concerns = |report: &&Report| match report {
        Report::Order(other) => *other == perm_id,
        Report::Execution(execution) => execution.perm_id == perm_id,
        Report::Message { .. } => false,
    };
    matches!(later.iter().find(concerns), Some(Report::Order(_)))
}

/// The order as it was before the executions of it in `later`.
fn before(order: &VenueOrder, later: &[Report]) -> VenueOrder {
    let mut order = order.clone();
    for report in later {
        let Report::Execution(execution) = report else { continue };
        if execution.perm_id != order.perm_id {
            continue;
        }
        order.filled -= execution.quantity;
        order.fill_ticks -= i64::from(execution.price.0) * i64::from(execution.quantity);
        // A market order is only pre-submitted when it trades; a limit order has been submitted.
        let submitted = order.filled > 0 || order.order.kind.limit_price().is_some();
        order.status = if submitted { Status::Submitted } else { Status::PreSubmitted };
        if order.filled == 0 {
            order.last_fill = None;
        }
    }
    order
}

fn action(order: &VenueOrder) -> &'static str {
    match order.order.side {
        engine::trade::Side::Buy => "BUY",
        engine::trade::Side::Sell => "SELL",
    }
}

fn oca_number(kind: OcaType) -> i32 {
    match kind {
        OcaType::CancelWithBlock => 1,
        OcaType::ReduceWithBlock => 2,
        OcaType::ReduceNonBlock => 3,
    }
}

/// `20260824 15:50:07 US/Central`.
pub(super) fn local_time(at: Timestamp) -> String {
    let local = at.to_datetime().with_timezone(&chrono_tz::US::Central);
    format!("{} {ZONE_NAME}", local.format("%Y%m%d %H:%M:%S"))
}
