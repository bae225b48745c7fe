//! An order as the wire shows it: open, completed, its state and status. In: the venue's view, what its client sent.
//! Out: messages. Absent: when they are sent (`reports`).

use engine::market::Price;
use engine::time::Timestamp;
use engine::trade::Side;
use engine::venue::{Kind, OcaType, Status, TrailBy, VenueOrder};
use rust_decimal::prelude::ToPrimitive;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::catalog::{Listing, ZONE_NAME};
use crate::wire::order::Order;
use crate::wire::order_report::{CompletedOrder, OpenOrder, OrderState, OrderStatus};

impl Broker {
    pub(super) fn send_open(&mut self, conn: ConnId, open: OpenOrder) {
        if !self.quirks.status_only {
            self.send(conn, open);
        }
    }

    /// The order's status message with this word.
    pub(super) fn send_status(&mut self, conn: ConnId, order: &VenueOrder, word: Status) {
        let mut status = order_status(order, word, self.catalog.listing(order.order.symbol));
        status.why_held = self.why_held(order);
        if self.notes.told.insert(order.perm_id) && self.quirks.perm_id_late {
            status.perm_id = Some(0);
        }
        self.send(conn, status);
    }

    /// What a pre-submitted order waits for: its parent's fill, its trigger, or both.
    fn why_held(&self, order: &VenueOrder) -> Option<String> {
        let new = &order.order;
        let parent = new.parent_id.and_then(|id| self.player.venue().order_of(new.client_id, id));
        let waits = [("child", parent.is_some_and(|parent| parent.filled == 0)), ("trigger", new.kind.is_triggered())];
        let held = order.status == Status::PreSubmitted && order.filled == 0;
        let words: Vec<&str> = waits.into_iter().filter(|(_, waits)| held && *waits).map(|(word, _)| word).collect();
        Some(words.join(",")).filter(|words| !words.is_empty())
    }

    pub(super) fn open_order(&self, order: &VenueOrder) -> OpenOrder {
        OpenOrder {
            order_id: Some(order.order.order_id),
            contract: self.contract_of(order.order.symbol),
            order: Some(self.wire_order(order, &self.sent(order))),
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
            ..self.wire_order(order, &self.sent(order))
        };
        CompletedOrder {
            contract: self.contract_of(order.order.symbol),
            order: Some(wire),
            order_state: Some(self.order_state(order)),
        }
    }

    fn sent(&self, order: &VenueOrder) -> Order {
        self.notes.sent.get(&order.perm_id).cloned().unwrap_or_default()
    }

    /// The order as it is now; what means nothing to the venue is shown as it was sent.
    pub(super) fn wire_order(&self, order: &VenueOrder, sent: &Order) -> Order {
        let new = &order.order;
        let listing = self.catalog.listing(new.symbol);
        let points = |price: Option<Price>| Some(listing?.points.of_ticks(i64::from(price?.0)));
        let oca = new.oca.as_ref();
        let adjusted = new.terms.adjust.is_some();
        Order {
            client_id: Some(new.client_id),
            order_id: Some(new.order_id),
            perm_id: Some(order.perm_id.0),
            parent_id: Some(new.parent_id.unwrap_or(0)),
            action: Some(action(new.side).to_owned()),
            total_quantity: Some(new.quantity.to_string()),
            display_size: sent.display_size,
            order_type: Some(new.kind.name().to_owned()),
            lmt_price: points(new.kind.limit_price(new.side)),
            aux_price: points(aux_ticks(new.kind)),
            trail_stop_price: points(new.kind.trigger_price().filter(|_| new.kind.trail().is_some())),
            trailing_percent: trailing_percent(new.kind),
            lmt_price_offset: match new.kind {
                Kind::TrailLimit { offset, .. } => points(Some(Price(offset))),
                _ => None,
            },
            tif: Some(new.tif.name().to_owned()),
            good_till_date: sent.good_till_date.clone(),
            good_after_time: sent.good_after_time.clone(),
            account: Some(self.account.clone()),
            outside_rth: sent.outside_rth,
            oca_group: oca.map(|(group, _)| group.clone()),
            order_ref: Some(new.order_ref.clone()).filter(|text| !text.is_empty()),
            oca_type: Some(oca.map_or(0, |(_, kind)| oca_number(*kind))),
            trigger_method: sent.trigger_method,
            transmit: Some(true),
            open_close: sent.open_close.clone(),
            origin: Some(0),
            adjusted_order_type: sent.adjusted_order_type.clone().filter(|_| adjusted),
            trigger_price: sent.trigger_price.filter(|_| adjusted),
            adjusted_stop_price: sent.adjusted_stop_price.filter(|_| adjusted),
            adjusted_stop_limit_price: sent.adjusted_stop_limit_price.filter(|_| adjusted),
            adjusted_trailing_amount: sent.adjusted_trailing_amount.filter(|_| adjusted),
            adjustable_trailing_unit: sent.adjustable_trailing_unit.filter(|_| adjusted),
            ..Order::default()
        }
    }

    fn order_state(&self, order: &VenueOrder) -> OrderState {
        let by_client = self.notes.cancelled_by_client.contains(&order.perm_id);
        let over = match order.status {
            Status::Filled => Some(format!("Filled Size: {}", order.filled)),
            Status::Cancelled if by_client => Some("Cancelled by Trader".to_owned()),
            Status::Cancelled => Some("Cancelled by System".to_owned()),
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
            reject_reason: self.notes.rejected.get(&order.perm_id).cloned(),
            completed_time: ended.map(local_time),
            completed_status: over,
            ..OrderState::default()
        }
    }
}

fn order_status(order: &VenueOrder, word: Status, listing: Option<&Listing>) -> OrderStatus {
    let points = |ticks: i64| listing.map_or(0.0, |listing| listing.points.of_ticks(ticks));
    let average = if order.filled == 0 { 0.0 } else { points(order.fill_ticks) / f64::from(order.filled) };
    OrderStatus {
        order_id: Some(order.order.order_id),
        status: Some(word.name().to_owned()),
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

/// What `auxPrice` means for this type: a stop, a trigger, or a trailing amount.
fn aux_ticks(kind: Kind) -> Option<Price> {
    match kind.trail() {
        Some(TrailBy::Ticks(ticks)) => Some(Price(ticks)),
        Some(TrailBy::Millionths(_)) => None,
        None => kind.trigger_price(),
    }
}

fn trailing_percent(kind: Kind) -> Option<f64> {
    match kind.trail() {
        Some(TrailBy::Millionths(parts)) => Some(f64::from(parts) / 1e4),
        _ => None,
    }
}

fn action(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
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
