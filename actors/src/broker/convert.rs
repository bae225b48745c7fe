//! Between `ibapi`'s types and the engine's. In: frames as the crate decoded them. Out: engine values, or what is wrong.
//! Absent: sending, state.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use engine::market::{BadPrice, Instrument, PriceGrid, Quote, SymbolId, Trade};
use engine::time::Timestamp;
use engine::trade::{
    BrokerEvent, BrokerOrder, BrokerOrderId, BrokerStatus, Execution, Money, OrderKind, OrderTicket, PermId, Side,
    TimeInForce,
};
use ibapi::market_data::realtime;
use ibapi::orders::{self as ib, Action, ExecutionSide, OcaType};

/// What the wire cannot say in the engine's terms.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("price {0}")]
    Price(#[from] BadPrice),
    #[error("{what} {value} is not a whole, positive number of contracts")]
    Contracts { what: &'static str, value: f64 },
    #[error("time {0:?}; expected YYYYMMDD HH:MM:SS with a zone, or YYYYMMDD-HH:MM:SS")]
    Time(String),
    #[error("commission {0}")]
    Commission(f64),
    #[error("side {0:?}")]
    Side(String),
}

fn contracts(what: &'static str, value: f64) -> Result<u32, Unreadable> {
    let whole = value.round();
    if (value - whole).abs() > 1e-6 || !(0.0..=f64::from(u32::MAX)).contains(&whole) {
        return Err(Unreadable::Contracts { what, value });
    }
    Ok(whole as u32)
}

pub fn trade(grid: &PriceGrid, tick: &realtime::Trade) -> Result<Trade, Unreadable> {
    Ok(Trade {
        ts: Timestamp::from_secs(tick.time.unix_timestamp()),
        price: grid.price(tick.price)?,
        size: contracts("size", tick.size)?,
    })
}

/// A side without anybody comes as a price of -1 or 0, or with size 0.
pub fn quote(grid: &PriceGrid, tick: &realtime::BidAsk) -> Result<Quote, Unreadable> {
    let side = |price: f64, size: f64| -> Result<_, Unreadable> {
        let size = contracts("size", size)?;
        let empty = size == 0 && price <= 0.0;
        Ok(if empty || price == -1.0 { (None, 0) } else { (Some(grid.price(price)?), size) })
    };
    let (bid, bid_size) = side(tick.bid_price, tick.bid_size)?;
    let (ask, ask_size) = side(tick.ask_price, tick.ask_size)?;
    Ok(Quote { ts: Timestamp::from_secs(tick.time.unix_timestamp()), bid, ask, bid_size, ask_size })
}

pub fn timestamp(at: time::OffsetDateTime) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(at.unix_timestamp_nanos()).unwrap_or(i64::MAX))
}

/// An execution's time: `20260824 15:50:07 US/Central`, or `20260824-15:50:07` in UTC.
pub fn execution_time(text: &str) -> Result<Timestamp, Unreadable> {
    let wrong = || Unreadable::Time(text.to_owned());
    if let Ok(utc) = NaiveDateTime::parse_from_str(text, "%Y%m%d-%H:%M:%S") {
        return Ok(utc.and_utc().into());
    }
    let (local, zone) = text.trim().rsplit_once(' ').ok_or_else(wrong)?;
    let local = NaiveDateTime::parse_from_str(local.trim(), "%Y%m%d %H:%M:%S").map_err(|_| wrong())?;
    let zone: Tz = zone.parse().map_err(|_| wrong())?;
    zone.from_local_datetime(&local).earliest().map(|at| at.with_timezone(&Utc).into()).ok_or_else(wrong)
}

pub fn execution(symbol: SymbolId, instrument: &Instrument, of: &ib::Execution) -> Result<Execution, Unreadable> {
    let side = match &of.side {
        ExecutionSide::Bought => Side::Buy,
        ExecutionSide::Sold => Side::Sell,
        #[allow(unreachable_patterns)] // the crate may learn more sides
        other => return Err(Unreadable::Side(format!("{other:?}"))),
    };
    Ok(Execution {
        exec_id: of.execution_id.clone(),
        order_id: BrokerOrderId(of.order_id),
        perm_id: PermId(of.perm_id),
        client_id: of.client_id,
        order_ref: of.order_reference.clone(),
        symbol,
        side,
        quantity: contracts("shares", of.shares)?,
        price: instrument.price_from_f64(of.price)?,
        at: execution_time(&of.time)?,
        liquidation: of.liquidation != 0,
    })
}

pub fn status(kind: &ib::OrderStatusKind) -> BrokerStatus {
    use ib::OrderStatusKind as Kind;
    match kind {
        Kind::ApiPending | Kind::PendingSubmit => BrokerStatus::PendingSubmit,
        Kind::PreSubmitted => BrokerStatus::PreSubmitted,
        Kind::Submitted => BrokerStatus::Submitted,
        Kind::PendingCancel => BrokerStatus::PendingCancel,
        Kind::ApiCancelled | Kind::Cancelled => BrokerStatus::Cancelled,
        Kind::Filled => BrokerStatus::Filled,
        Kind::Inactive => BrokerStatus::Inactive,
        Kind::Unknown(word) => BrokerStatus::from_wire(word),
        #[allow(unreachable_patterns)] // the crate may learn more words
        _ => BrokerStatus::Other,
    }
}

pub fn status_event(of: &ib::OrderStatus) -> Result<BrokerEvent, Unreadable> {
    Ok(BrokerEvent::Status {
        order_id: BrokerOrderId(of.order_id),
        perm_id: PermId(of.perm_id),
        status: status(&of.status),
        filled: contracts("filled", of.filled)?,
        remaining: contracts("remaining", of.remaining)?,
    })
}

/// What an open order says of its status; statuses are not promised for every change.
pub fn open_order_event(of: &ib::OrderData) -> Option<BrokerEvent> {
    let status = status(&of.order_state.status);
    let tells = matches!(status, BrokerStatus::PreSubmitted | BrokerStatus::Submitted | BrokerStatus::Inactive);
    tells.then_some(BrokerEvent::Status {
        order_id: BrokerOrderId(of.order_id),
        perm_id: PermId(of.order.perm_id),
        status,
        filled: 0,
        remaining: 0,
    })
}

pub fn broker_order(symbol: SymbolId, of: &ib::OrderData) -> Result<BrokerOrder, Unreadable> {
    Ok(BrokerOrder {
        order_id: BrokerOrderId(of.order_id),
        perm_id: PermId(of.order.perm_id),
        client_id: of.order.client_id,
        order_ref: of.order.order_ref.clone(),
        symbol,
        side: if of.order.action == Action::Buy { Side::Buy } else { Side::Sell },
        quantity: contracts("quantity", of.order.total_quantity)?,
        filled: contracts("filled", of.order.filled_quantity.min(f64::from(u32::MAX)))?,
        status: status(&of.order_state.status),
    })
}

pub fn commission(of: &ib::CommissionReport) -> Result<BrokerEvent, Unreadable> {
    let amount = Money::from_f64(of.commission).ok_or(Unreadable::Commission(of.commission))?;
    Ok(BrokerEvent::Commission { exec_id: of.execution_id.clone(), amount })
}

pub fn order(ticket: &OrderTicket, instrument: &Instrument, account: &str) -> ib::Order {
    let price = |p| Some(instrument.points_f64(p));
    let mut order = ib::Order {
        order_id: ticket.order_id.0,
        action: match ticket.side {
            Side::Buy => Action::Buy,
            Side::Sell => Action::Sell,
        },
        total_quantity: f64::from(ticket.quantity),
        order_type: ticket.kind.name().to_owned(),
        tif: match ticket.tif {
            TimeInForce::Day => ib::TimeInForce::Day,
            TimeInForce::GoodTillCancelled => ib::TimeInForce::GoodTillCanceled,
            TimeInForce::ImmediateOrCancel => ib::TimeInForce::ImmediateOrCancel,
            TimeInForce::FillOrKill => ib::TimeInForce::FillOrKill,
        },
        order_ref: ticket.order_ref.clone(),
        transmit: ticket.transmit,
        parent_id: ticket.parent.map_or(0, |id| id.0),
        // Globex trades outside what Interactive Brokers calls regular hours, and so do the stops.
        outside_rth: true,
        account: account.to_owned(),
        ..ib::Order::default()
    };
    match ticket.kind {
        OrderKind::Market => {}
        OrderKind::Limit(limit) => order.limit_price = price(limit),
        OrderKind::Stop(stop) => order.aux_price = price(stop),
        OrderKind::StopLimit { stop, limit } => {
            order.aux_price = price(stop);
            order.limit_price = price(limit);
        }
    }
    if let Some(group) = &ticket.oca_group {
        order.oca_group = group.clone();
        order.oca_type = OcaType::ReduceWithBlock;
    }
    order
}

/// The port that 1300 names: `Please reconnect on the new port - 4003`.
pub fn new_port(code: i32, text: &str) -> Option<u16> {
    let (_, port) = text.rsplit_once('-').filter(|_| code == 1300)?;
    port.trim().trim_end_matches('.').parse().ok()
}

/// Doubling from `min` to `max`, shortened by up to a quarter so that clients do not come back all at once.
pub fn reconnect_delay(attempt: u32, min: Duration, max: Duration) -> Duration {
    let doubled = min.saturating_mul(1 << attempt.min(16)).min(max);
    let jitter = f64::from(std::process::id() % 251) / 250.0 * 0.25;
    doubled.mul_f64(1.0 - jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn execution_times_come_in_three_forms() {
        let utc = Timestamp::from_secs(1_787_597_407);
        assert_eq!(execution_time("20260824-18:50:07"), Ok(utc));
        assert_eq!(execution_time("20260824 13:50:07 US/Central"), Ok(utc));
        assert_eq!(execution_time("20260824 14:50:07 America/New_York"), Ok(utc));
        assert!(matches!(execution_time("yesterday"), Err(Unreadable::Time(_))));
        assert!(matches!(execution_time("20260824 13:50:07 Nowhere/City"), Err(Unreadable::Time(_))));
    }

    #[test]
    fn a_port_reset_names_the_new_port() {
        let text = "TWS socket port has been reset and this connection is being dropped.\nPlease reconnect on the new port - 4003";
        assert_eq!((new_port(1300, text), new_port(1100, text)), (Some(4_003), None));
        assert_eq!(new_port(1300, "Please reconnect."), None);
    }

    #[test]
    fn delays_double_up_to_their_limit() {
        let delay = |attempt| reconnect_delay(attempt, Duration::from_millis(100), Duration::from_secs(2));
        assert!(delay(0) <= Duration::from_millis(100) && delay(0) >= Duration::from_millis(75));
        assert!(delay(3) <= Duration::from_millis(800) && delay(3) >= Duration::from_millis(600));
        assert!(delay(40) <= Duration::from_secs(2) && delay(40) >= Duration::from_millis(1_500));
    }

    #[test]
    fn fractions_of_contracts_are_refused() {
        assert_eq!(contracts("size", 3.0), Ok(3));
        assert!(contracts("size", 0.5).is_err());
        assert!(contracts("size", -1.0).is_err());
        assert!(contracts("size", f64::NAN).is_err());
    }
}
