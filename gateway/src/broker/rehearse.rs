//! What faults and the control channel may do to the broker, and nothing else. In: their wishes. Out: messages, orders,
//! subscriptions, connections. Absent: which fault wishes what.

use engine::market::{FeedEvent, Price, SymbolId};
use engine::time::Timestamp;
use engine::trade::PermId;
use engine::venue::{Refusal, Status, VenueExecution};
use slog::Logger;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::order_reading;
use crate::faults::requests::worded;
use crate::faults::spec::Call;
use crate::faults::texts;
use crate::options::Pacing;
use crate::transcript::Direction;
use crate::wire::contract::Contract;
use crate::wire::market_data::TickGeneric;
use crate::wire::order::{Order, PlaceOrderRequest};
use crate::wire::{Encoding, frame};

/// The tick type that tells of a halt.
const HALTED: i32 = 49;
/// What market data is on the wire: ticks, real-time bars, updates of history.
const DATA: &[i32] = &[1, 2, 21, 45, 46, 50, 57, 90, 99];

/// An order that no client of this gateway's sent.
#[derive(Clone, PartialEq, Debug)]
pub struct HandOrder {
    /// `BUY` or `SELL`.
    pub side: &'static str,
    /// Contracts, a decimal number.
    pub quantity: String,
    /// As the API names it, e.g. `STP LMT`.
    pub kind: String,
    pub limit: Option<f64>,
    pub stop: Option<f64>,
    pub tif: String,
    /// Local symbol; `None`: the first contract.
    pub contract: Option<String>,
    /// 0: by hand; otherwise another program.
    pub client_id: i32,
    pub order_ref: String,
}

impl Default for HandOrder {
    fn default() -> Self {
        Self {
            side: "",
            quantity: String::new(),
            kind: "MKT".to_owned(),
            limit: None,
            stop: None,
            tif: "DAY".to_owned(),
            contract: None,
            client_id: 0,
            order_ref: String::new(),
        }
    }
}

impl Broker {
    /// Places it; returns its permanent id and its order id.
    pub(crate) fn place_by_hand(&mut self, order: &HandOrder) -> Result<(i64, i32), Refusal> {
        let first = self.catalog.first().and_then(|listing| listing.contract.local_symbol.clone());
        let contract = Contract { local_symbol: order.contract.clone().or(first), ..Contract::default() };
        let wire = Order {
            action: Some(order.side.to_owned()),
            total_quantity: Some(order.quantity.clone()),
            order_type: Some(order.kind.clone()),
            lmt_price: order.limit,
            aux_price: order.stop,
            tif: Some(order.tif.clone()),
            transmit: Some(true),
            order_ref: Some(order.order_ref.clone()),
            ..Order::default()
        };
        let request = PlaceOrderRequest { contract: Some(contract), order: Some(wire), ..PlaceOrderRequest::default() };
        let by_hand = order.client_id == 0;
        let order_id = if by_hand { 0 } else { self.player.venue().next_order_id(order.client_id) };
        let ids = (order.client_id, order_id);
        let new = order_reading::read(&self.catalog, &self.account, ids, &request)?;
        let (now, mut reports) = (self.now(), Vec::new());
        let venue = self.player.venue_mut();
        let perm_id =
            if by_hand { venue.place_manual(now, new, &mut reports)? } else { venue.place(now, new, &mut reports)? };
        engine::venue::told::announce(&mut reports);
        self.publish(&reports);
        self.look_ahead();
        self.settle();
        Ok((perm_id.0, order_id))
    }

    pub(crate) fn log(&self) -> &Logger {
        &self.log
    }

    /// The client's own number, once it has started.
    pub(crate) fn client_of(&self, conn: ConnId) -> Option<i32> {
        self.client_id(conn)
    }

    /// Started clients that a call concerns.
    pub(crate) fn concerned(&self, call: &Call) -> Vec<(ConnId, i32)> {
        let started = self.clients.iter().filter_map(|(conn, client)| Some((*conn, client.client_id?)));
        started.filter(|(_, client_id)| call.client.is_none_or(|wanted| wanted == *client_id)).collect()
    }

    /// Market time follows a clock; otherwise it stands still until somebody plays a step.
    pub(crate) fn moves_by_clock(&self) -> bool {
        matches!(self.pace, Pacing::Clock(_))
    }

    /// The contract's local symbol, e.g. `ESZ6`.
    pub(crate) fn name_of(&self, symbol: SymbolId) -> Option<String> {
        self.contract_of(symbol)?.local_symbol
    }

    pub(crate) fn points_of(&self, symbol: SymbolId, price: Price) -> Option<f64> {
        self.catalog.listing(symbol).map(|listing| listing.points.of_ticks(i64::from(price.0)))
    }

    pub(crate) fn symbols(&self) -> Vec<SymbolId> {
        self.player.venue().positions().map(|held| held.symbol).collect()
    }

    /// Shows market events to their subscribers.
    pub(crate) fn send_market(&mut self, events: &[FeedEvent]) {
        self.send_ticks(events);
    }

    /// Ends every subscription to market data of a connection; returns their request ids.
    pub(crate) fn drop_data_subscriptions(&mut self, conn: ConnId) -> Vec<i32> {
        let mut ended = self.ticks.take_client(conn);
        ended.extend(self.data.take_client(conn));
        ended
    }

    /// Tells everybody who follows quotes whether trading is halted: tick type 49.
    pub(crate) fn tell_halt(&mut self, halted: bool) {
        let conns: Vec<ConnId> = self.clients.keys().copied().collect();
        for conn in conns {
            for req_id in self.data.markets.req_ids(conn) {
                let value = Some(f64::from(u8::from(halted)));
                let tick = TickGeneric { req_id: Some(req_id), tick_type: Some(HALTED), value };
                self.put(conn, &tick.into());
            }
        }
    }

    /// A frame was read from a client.
    pub(crate) fn note_request(&mut self, conn: ConnId, encoding: Encoding, body: &[u8]) {
        if self.faults.transcript.is_on() {
            let (now, client) = (self.now(), self.client_of(conn));
            self.faults.transcript.frame(now, (conn, client), Direction::In, encoding, body);
        }
    }

    /// Whether a fault keeps the gateway from reading this connection.
    pub(crate) fn is_unread(&self, conn: ConnId) -> bool {
        self.clients.get(&conn).is_some_and(|client| client.line.not_read)
    }

    /// Closes a connection. `lose`: what is not written yet goes nowhere.
    pub(crate) fn cut(&mut self, conn: ConnId, lose: bool, reset: bool) {
        let pending = self.clients.get(&conn).map_or(0, |client| client.outbox.pending().len());
        if lose && pending > 0 {
            let text = format!("the last {pending} bytes for connection {conn} are lost");
            self.faults.transcript.note(self.now(), &text);
        }
        self.edit(conn, |client| {
            if lose {
                let pending = client.outbox.pending().len();
                client.outbox.consume(pending);
            }
            client.leaving = true;
            (client.line.cut, client.line.dead, client.line.reset) = (true, lose, reset);
        });
    }

    /// Whether the client placed an order under this id, live or not.
    pub(crate) fn knows_order(&self, client_id: i32, order_id: i32) -> bool {
        self.player.venue().order_of(client_id, order_id).is_some()
    }

    /// Permanent ids of the live orders, oldest first, of one client or of all.
    pub(crate) fn open_order_ids(&self, client: Option<i32>) -> Vec<PermId> {
        let open = self.player.venue().open_orders();
        let wanted = open.filter(|order| client.is_none_or(|client| client == order.order.client_id));
        wanted.map(|order| order.perm_id).collect()
    }

    /// Executions of one client, or of all.
    pub(crate) fn execution_ids(&self, client: Option<i32>) -> Vec<String> {
        let wanted = |fill: &&VenueExecution| client.is_none_or(|client| client == fill.client_id);
        self.player.venue().executions().iter().filter(wanted).map(|fill| fill.exec_id.clone()).collect()
    }

    /// Sends every execution of the client's orders, as if it had just happened.
    pub(crate) fn tell_own_executions(&mut self, client_id: i32) {
        let own = |fill: &&VenueExecution| fill.client_id == client_id;
        let fills: Vec<VenueExecution> = self.player.venue().executions().iter().filter(own).cloned().collect();
        for fill in &fills {
            if self.send_own_execution(fill) {
                self.send_commission(fill);
            }
        }
    }

    /// Sends an error message that names an order; `false`: its owner is not connected.
    pub(crate) fn message_of_order(&mut self, perm_id: PermId, code: i32, text: &str) -> bool {
        let Some(order) = self.player.venue().order(perm_id) else { return false };
        let order_id = order.order.order_id;
        let Some(conn) = self.owner(order) else { return false };
        let text = worded(texts::ORDERS, text, code, order_id);
        self.error(conn, order_id, code, &text);
        true
    }

    /// A cancel loses against a fill; `false` if the order is not one that can fill now.
    pub(crate) fn fill_instead_of_cancel(&mut self, conn: ConnId, order_id: i32, told_cancelled: bool) -> bool {
        let client_id = self.client_of(conn).unwrap_or(0);
        let Some(order) = self.player.venue().order_of(client_id, order_id).cloned() else {
            return false;
        };
        let (now, mut reports) = (self.now(), Vec::new());
        if !self.player.venue_mut().fill_now(now, order.perm_id, &mut reports) {
            return false;
        }
        let word = if told_cancelled { Status::Cancelled } else { Status::PendingCancel };
        self.send_status(conn, &order, word);
        if told_cancelled {
            self.error(conn, order_id, 202, "Order Canceled - reason:");
        }
        self.publish(&reports);
        self.look_ahead();
        true
    }

    /// Looks at the frames that were made since it last looked: keeps a copy, takes out market data that a fault
    /// silences. Every way by which a frame may have been made ends here before the frame is written.
    pub(crate) fn scan_outboxes(&mut self) {
        let silent = |fault: &crate::faults::effect::Running| {
            use crate::faults::effect::Effect;
            matches!(fault.effect, Effect::Data(_) | Effect::Outage(_) | Effect::Farm(_))
        };
        if !self.faults.transcript.is_on() && !self.faults.running.iter().any(silent) {
            return;
        }
        let now = self.now();
        let conns: Vec<ConnId> = self.clients.keys().copied().collect();
        for conn in conns {
            self.scan(conn, now);
        }
    }

    fn scan(&mut self, conn: ConnId, now: Timestamp) {
        let client_id = self.client_of(conn);
        let is_silent = self.is_data_silent(client_id);
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let unseen = client.outbox.take_unseen();
        let (mut rest, encoding) = (unseen.as_slice(), client.encoding);
        while let Ok(Some((body, length))) = frame::split(rest) {
            let withheld = is_silent && encoding.message_id(body).is_some_and(|id| DATA.contains(&id));
            let direction = if withheld { Direction::Withheld } else { Direction::Out };
            self.faults.transcript.frame(now, (conn, client_id), direction, encoding, body);
            if !withheld {
                client.outbox.tail().extend_from_slice(&rest[..length]);
            }
            rest = &rest[length..];
        }
        // Bytes that are no frame are a fault's doing, and go out as they are.
        client.outbox.tail().extend_from_slice(rest);
        client.outbox.mark_seen();
    }
}
