//! What clients ask about orders. In: place, modify, cancel, lists of orders. Out: the venue is asked; its reports and
//! refusals go to whom they concern. Whatever would make this venue execute something else than was ordered is refused.

use std::collections::BTreeMap;

use engine::market::Price;
use engine::time::Timestamp;
use engine::trade::{Money, OrderKind, PermId, Side, TimeInForce};
use engine::venue::{NewOrder, OcaType, Refusal, Report, VenueOrder};

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::session::{SYSTEM, invalid};
use crate::catalog::Listing;
use crate::wire::order::{Order, PlaceOrderRequest};
use crate::wire::order_report::{CompletedOrdersEnd, OpenOrdersEnd};

const OFF_GRID: i32 = 110;
const REJECTED: i32 = 201;
const AUTO_BIND_REFUSED: i32 = 327;
const UNSUPPORTED_TYPE: i32 = 387;
const SIZE_ZERO: i32 = 434;

/// What the broker knows of orders besides the venue.
#[derive(Debug, Default)]
pub struct Notes {
    /// Fields that are shown as they were sent, by client and order id.
    pub sent: BTreeMap<(i32, i32), Echo>,
    /// Commission so far.
    pub commission: BTreeMap<PermId, Money>,
    /// When the order ended.
    pub ended: BTreeMap<PermId, Timestamp>,
}

/// Fields without a meaning for the venue that clients expect to see again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Echo {
    pub outside_rth: Option<bool>,
    pub open_close: Option<String>,
    pub trigger_method: Option<i32>,
    pub display_size: Option<i32>,
}

impl Broker {
    pub(super) fn place_order(&mut self, conn: ConnId, client_id: i32, request: &PlaceOrderRequest) {
        let order_id = request.order_id.unwrap_or(0);
        let order = match self.read_order(client_id, order_id, request) {
            Ok(order) => order,
            Err(refusal) => return self.refuse(conn, order_id, &refusal),
        };
        let now = self.now();
        let mut reports = Vec::new();
        let placed = self.player.venue_mut().place(now, order, &mut reports);
        if placed.is_ok() {
            announce(&mut reports);
            self.counters.order();
            let sent = request.order.as_ref().map(echo).unwrap_or_default();
            self.notes.sent.insert((client_id, order_id), sent);
        }
        self.publish(&reports);
        if let Err(refusal) = placed {
            self.refuse(conn, order_id, &refusal);
        }
    }

    pub(super) fn read_order(&self, client_id: i32, order_id: i32, request: &PlaceOrderRequest) -> Result<NewOrder, Refusal> {
        let order = request.order.clone().unwrap_or_default();
        if order_id <= 0 {
            return Err(invalid(&format!("Order id {order_id} is not positive")));
        }
        let listing = self.catalog.one(&request.contract.clone().unwrap_or_default())?;
        if request.attached_orders.as_ref().is_some_and(|attached| *attached != Default::default()) {
            return Err(invalid("Attached orders are not supported; place them as children"));
        }
        check_attributes(&order, &self.account)?;
        Ok(NewOrder {
            client_id,
            order_id,
            symbol: listing.instrument.id,
            side: side(&order)?,
            quantity: quantity(&order)?,
            kind: kind(&order, listing)?,
            tif: time_in_force(&order)?,
            parent_id: order.parent_id.filter(|parent| *parent != 0),
            oca: oca(&order)?,
            // Absent is false on the wire: clients that transmit say so.
            transmit: order.transmit.unwrap_or(false),
            order_ref: order.order_ref.unwrap_or_default(),
        })
    }

    pub(super) fn cancel_order(&mut self, conn: ConnId, client_id: i32, order_id: i32) {
        let now = self.now();
        let mut reports = Vec::new();
        let cancelled = self.player.venue_mut().cancel(now, client_id, order_id, &mut reports);
        self.publish(&reports);
        if let Err(refusal) = cancelled {
            self.refuse(conn, order_id, &refusal);
        }
    }

    pub(super) fn cancel_all_orders(&mut self) {
        let now = self.now();
        let mut reports = Vec::new();
        self.player.venue_mut().cancel_all(now, &mut reports);
        self.publish(&reports);
    }

    /// Open orders of one client, or of all, with their status.
    pub(super) fn send_open_orders(&mut self, conn: ConnId, of_client: Option<i32>) {
        let venue = self.player.venue();
        let wanted = |order: &&VenueOrder| of_client.is_none_or(|client_id| order.order.client_id == client_id);
        let orders: Vec<VenueOrder> = venue.open_orders().filter(wanted).cloned().collect();
        for order in &orders {
            self.send_order(conn, order);
        }
        self.send(conn, OpenOrdersEnd {});
    }

    /// There are no orders from outside the API here, so binding them needs no answer; a real gateway has none either.
    pub(super) fn bind_orders(&mut self, conn: ConnId, client_id: i32) {
        if client_id != 0 {
            let text = "Only the default client (i.e 0) can auto bind orders.";
            self.error(conn, SYSTEM, AUTO_BIND_REFUSED, text);
        }
    }

    pub(super) fn send_completed_orders(&mut self, conn: ConnId) {
        let orders: Vec<VenueOrder> = self.player.venue().completed_orders().cloned().collect();
        for order in &orders {
            let completed = self.completed_order(order);
            self.send(conn, completed);
        }
        self.send(conn, CompletedOrdersEnd {});
    }
}

/// A live gateway tells of an accepted order before it tells of its first fill; the venue names each order once, when
/// all is done. So each order that fills is named before its first execution too.
fn announce(reports: &mut Vec<Report>) {
    let mut named = Vec::new();
    let mut at = 0;
    while at < reports.len() {
        match &reports[at] {
            Report::Execution(fill) if !named.contains(&fill.perm_id) => {
                let perm_id = fill.perm_id;
                named.push(perm_id);
                reports.insert(at, Report::Order(perm_id));
            }
            Report::Order(perm_id) => named.push(*perm_id),
            _ => {}
        }
        at += 1;
    }
}

fn echo(order: &Order) -> Echo {
    Echo {
        outside_rth: order.outside_rth,
        open_close: order.open_close.clone(),
        trigger_method: order.trigger_method,
        display_size: order.display_size,
    }
}

/// Refuses what would change the execution and is not simulated.
fn check_attributes(order: &Order, account: &str) -> Result<(), Refusal> {
    let set = |value: &Option<String>| value.as_deref().is_some_and(|value| !value.is_empty());
    let positive = |value: Option<f64>| value.is_some_and(|value| value != 0.0);
    let refused = [
        (!order.conditions.is_empty(), "Order conditions"),
        (set(&order.algo_strategy), "Algo strategies"),
        (set(&order.good_after_time), "goodAfterTime"),
        (order.what_if == Some(true), "What-if orders"),
        (order.all_or_none == Some(true), "allOrNone"),
        (order.min_qty.is_some_and(|quantity| quantity > 0), "minQty"),
        (positive(order.discretionary_amt), "discretionaryAmt"),
    ];
    if let Some((_, what)) = refused.iter().find(|(present, _)| *present) {
        return Err(invalid(&format!("{what}: not supported by this gateway")));
    }
    match order.account.as_deref() {
        None | Some("") => Ok(()),
        Some(named) if named == account => Ok(()),
        Some(named) => Err(invalid(&format!("Invalid account code '{named}', expected {account}"))),
    }
}

fn side(order: &Order) -> Result<Side, Refusal> {
    match order.action.as_deref() {
        Some("BUY") => Ok(Side::Buy),
        Some("SELL") => Ok(Side::Sell),
        other => Err(invalid(&format!("Invalid action {:?}, expected BUY or SELL", other.unwrap_or("")))),
    }
}

/// Whole contracts; clients write them as `1`, `1.0` or `1.00000000`.
fn quantity(order: &Order) -> Result<u32, Refusal> {
    let text = order.total_quantity.as_deref().unwrap_or("0");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    match whole.parse::<u32>() {
        Ok(_) if !fraction.bytes().all(|digit| digit == b'0') => {
            Err(invalid(&format!("Order size {text} is not a whole number of contracts")))
        }
        Ok(0) => Err(Refusal { code: SIZE_ZERO, text: "Order size cannot be zero.".to_owned() }),
        Ok(quantity) => Ok(quantity),
        Err(_) => Err(invalid(&format!("Order size {text:?} is not a positive number"))),
    }
}

fn kind(order: &Order, listing: &Listing) -> Result<OrderKind, Refusal> {
    let limit = || price(listing, order.lmt_price, "limit");
    let stop = || price(listing, order.aux_price, "stop");
    match order.order_type.as_deref().unwrap_or("") {
        "MKT" => Ok(OrderKind::Market),
        "LMT" => Ok(OrderKind::Limit(limit()?)),
        "STP" => Ok(OrderKind::Stop(stop()?)),
        "STP LMT" | "STPLMT" => Ok(OrderKind::StopLimit { stop: stop()?, limit: limit()? }),
        other => Err(Refusal {
            code: UNSUPPORTED_TYPE,
            text: format!("Unsupported order type for this exchange and security type. {other:?}"),
        }),
    }
}

fn price(listing: &Listing, points: Option<f64>, name: &str) -> Result<Price, Refusal> {
    let points = points.ok_or_else(|| invalid(&format!("The {name} price is missing")))?;
    listing.grid.price(points).map_err(|_| Refusal {
        code: OFF_GRID,
        text: "The price does not conform to the minimum price variation for this contract.".to_owned(),
    })
}

fn time_in_force(order: &Order) -> Result<TimeInForce, Refusal> {
    match order.tif.as_deref().unwrap_or("") {
        "" | "DAY" => Ok(TimeInForce::Day),
        "GTC" => Ok(TimeInForce::GoodTillCancelled),
        "IOC" => Ok(TimeInForce::ImmediateOrCancel),
        "FOK" => Ok(TimeInForce::FillOrKill),
        other => Err(Refusal {
            code: REJECTED,
            text: format!("Order rejected - reason:Invalid time in force {other:?}, expected DAY, GTC, IOC or FOK"),
        }),
    }
}

fn oca(order: &Order) -> Result<Option<(String, OcaType)>, Refusal> {
    let Some(group) = order.oca_group.clone().filter(|group| !group.is_empty()) else {
        return Ok(None);
    };
    let kind = match order.oca_type.unwrap_or(0) {
        1 => OcaType::CancelWithBlock,
        2 => OcaType::ReduceWithBlock,
        // TWS takes 3 when a group comes without a type.
        0 | 3 => OcaType::ReduceNonBlock,
        other => return Err(invalid(&format!("Invalid OCA type {other}, expected 1, 2 or 3"))),
    };
    Ok(Some((group, kind)))
}
