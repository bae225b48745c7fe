//! An order as a client sends it, turned into what the venue takes. In: a wire order and its contract. Out: a new order,
//! or the refusal that Interactive Brokers gives. Whatever would make the venue execute something else than was ordered
//! is refused. Absent: dates and times (`order_times`), what the venue makes of the order.

use engine::market::Price;
use engine::time::Timestamp;
use engine::trade::Side;
use engine::venue::{Adjust, Kind, NewOrder, OcaType, Refusal, Terms, Tif, TrailBy, TriggerMethod};

use crate::broker::order_times::parse_instant;
use crate::broker::session::{check_account, invalid};
use crate::catalog::{Catalog, Listing};
use crate::wire::order::{Order, PlaceOrderRequest};

const OFF_GRID: i32 = 110;
const REJECTED: i32 = 201;
const UNSUPPORTED_TYPE: i32 = 387;
const SIZE_ZERO: i32 = 434;
/// `adjustableTrailingUnit` of a trailing amount in percent; 0 is an amount.
const UNIT_PERCENT: i32 = 100;

/// Reads an order whose id has been checked.
pub fn read(
    catalog: &Catalog,
    account: &str,
    (client_id, order_id): (i32, i32),
    request: &PlaceOrderRequest,
) -> Result<NewOrder, Refusal> {
    let order = request.order.clone().unwrap_or_default();
    let listing = catalog.one(&request.contract.clone().unwrap_or_default())?;
    if request.attached_orders.as_ref().is_some_and(|attached| *attached != Default::default()) {
        return Err(invalid("Attached orders are not supported; place them as children"));
    }
    check_attributes(&order, account)?;
    let side = side(&order)?;
    Ok(NewOrder {
        client_id,
        order_id,
        symbol: listing.instrument.id,
        side,
        quantity: quantity(&order)?,
        kind: kind(&order, side, listing)?,
        tif: time_in_force(&order)?,
        parent_id: order.parent_id.filter(|parent| *parent != 0),
        oca: oca(&order)?,
        terms: terms(&order, listing)?,
        // Absent is false on the wire: clients that transmit say so.
        transmit: order.transmit.unwrap_or(false),
        order_ref: order.order_ref.unwrap_or_default(),
    })
}

/// Refuses what would change the execution and is not simulated.
fn check_attributes(order: &Order, account: &str) -> Result<(), Refusal> {
    let set = |value: &Option<String>| value.as_deref().is_some_and(|value| !value.is_empty());
    // Protobuf clients may send the largest number for what is unset, as text clients do.
    let nonzero = |value: Option<f64>| value.is_some_and(|value| value != 0.0 && value != f64::MAX);
    let count = |value: Option<i32>| value.is_some_and(|value| value != 0 && value != i32::MAX);
    let yes = |value: Option<bool>| value == Some(true);
    let refused = [
        (!order.conditions.is_empty(), "Order conditions"),
        (set(&order.algo_strategy), "Algo strategies"),
        (yes(order.all_or_none), "allOrNone"),
        (count(order.min_qty), "minQty"),
        (nonzero(order.discretionary_amt), "discretionaryAmt"),
        (set(&order.hedge_type), "hedgeType"),
        (nonzero(order.cash_qty), "cashQty"),
        (set(&order.fa_group), "faGroup"),
        (set(&order.model_code), "modelCode"),
        (count(order.display_size), "displaySize"),
        (yes(order.hidden), "hidden"),
        (count(order.duration), "duration"),
        (yes(order.sweep_to_fill), "sweepToFill"),
        (yes(order.block_order), "blockOrder"),
        (yes(order.not_held), "notHeld"),
        (nonzero(order.scale_price_increment), "scalePriceIncrement"),
        (yes(order.randomize_size), "randomizeSize"),
        (yes(order.randomize_price), "randomizePrice"),
    ];
    if let Some((_, what)) = refused.iter().find(|(present, _)| *present) {
        return Err(invalid(&format!("{what}: not supported by this gateway")));
    }
    check_account(account, order.account.as_deref())
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

fn kind(order: &Order, side: Side, listing: &Listing) -> Result<Kind, Refusal> {
    let limit = || price(listing, order.lmt_price, "limit");
    let stop = || price(listing, order.aux_price, "stop");
    let trail_stop = || order.trail_stop_price.map(|points| price(listing, Some(points), "trailing stop")).transpose();
    match order.order_type.as_deref().unwrap_or("") {
        "MKT" => Ok(Kind::Market),
        "LMT" => Ok(Kind::Limit(limit()?)),
        "STP" => Ok(Kind::Stop(stop()?)),
        "STP LMT" | "STPLMT" => Ok(Kind::StopLimit { stop: stop()?, limit: limit()? }),
        "TRAIL" => Ok(Kind::Trail { by: trail_by(order, listing)?, stop: trail_stop()? }),
        "TRAIL LIMIT" | "TRAILLMT" | "TRAIL LMT" => {
            let stop = trail_stop()?;
            let offset = limit_offset(order, side, listing, stop)?;
            Ok(Kind::TrailLimit { by: trail_by(order, listing)?, stop, offset })
        }
        "MIT" => Ok(Kind::MarketIfTouched(stop()?)),
        "LIT" => Ok(Kind::LimitIfTouched { trigger: stop()?, limit: limit()? }),
        "MOC" => Ok(Kind::MarketOnClose),
        "LOC" => Ok(Kind::LimitOnClose(limit()?)),
        other => Err(Refusal {
            code: UNSUPPORTED_TYPE,
            text: format!("Unsupported order type for this exchange and security type. {other:?}"),
        }),
    }
}

/// The trailing amount in `auxPrice`, or a percentage: one of the two.
fn trail_by(order: &Order, listing: &Listing) -> Result<TrailBy, Refusal> {
    let set = |value: Option<f64>| value.filter(|value| *value != 0.0);
    match (set(order.aux_price), set(order.trailing_percent)) {
        (Some(amount), None) => Ok(TrailBy::Ticks(distance(listing, amount, "trailing amount")?)),
        (None, Some(percent)) => Ok(TrailBy::Millionths(millionths(percent)?)),
        (Some(_), Some(_)) => Err(invalid("Both a trailing amount and a trailing percentage are set")),
        (None, None) => Err(invalid("The trailing amount is missing")),
    }
}

fn millionths(percent: f64) -> Result<u32, Refusal> {
    let parts = (percent * 1e4).round();
    match (1.0..1_000_000.0).contains(&parts) {
        true => Ok(parts as u32),
        false => Err(invalid(&format!("Trailing percentage {percent} is not between 0.0001 and 100"))),
    }
}

/// How much worse than its stop a trailing limit is: as an offset, or by a limit and a stop price.
fn limit_offset(order: &Order, side: Side, listing: &Listing, stop: Option<Price>) -> Result<i32, Refusal> {
    match (order.lmt_price_offset, order.lmt_price.filter(|limit| *limit != 0.0), stop) {
        // A client that changes an order echoes the limit that it was shown besides the offset.
        (Some(offset), _, _) => price(listing, Some(offset), "limit offset").map(|offset| offset.0),
        (None, Some(limit), Some(stop)) => {
            let limit = price(listing, Some(limit), "limit")?;
            Ok((limit.0 - stop.0).saturating_mul(side.sign()))
        }
        (None, ..) => Err(invalid("A trailing limit order needs a limit price offset, or a limit and a stop price")),
    }
}

fn terms(order: &Order, listing: &Listing) -> Result<Terms, Refusal> {
    let number = order.trigger_method.unwrap_or(0);
    let trigger = TriggerMethod::from_number(number);
    Ok(Terms {
        trigger: trigger.ok_or_else(|| invalid(&format!("Invalid trigger method {number}")))?,
        regular_only: !order.outside_rth.unwrap_or(false),
        good_after: instant(&order.good_after_time, "good after time")?,
        adjust: adjust(order, listing)?,
        liquidation: false,
    })
}

fn adjust(order: &Order, listing: &Listing) -> Result<Option<Adjust>, Refusal> {
    let kind = order.adjusted_order_type.as_deref().unwrap_or("");
    if matches!(kind, "" | "None") {
        return Ok(None);
    }
    let at = price(listing, order.trigger_price, "adjustment trigger")?;
    let stop = price(listing, order.adjusted_stop_price, "adjusted stop")?;
    let to = match kind {
        "STP" => Kind::Stop(stop),
        "STP LMT" | "STPLMT" => {
            Kind::StopLimit { stop, limit: price(listing, order.adjusted_stop_limit_price, "adjusted limit")? }
        }
        "TRAIL" => Kind::Trail { by: adjusted_trail(order, listing)?, stop: Some(stop) },
        other => {
            return Err(invalid(&format!("Invalid adjusted order type {other:?}, expected STP, STP LMT or TRAIL")));
        }
    };
    Ok(Some(Adjust { at, to }))
}

fn adjusted_trail(order: &Order, listing: &Listing) -> Result<TrailBy, Refusal> {
    let amount = order.adjusted_trailing_amount.ok_or_else(|| invalid("The adjusted trailing amount is missing"))?;
    match order.adjustable_trailing_unit.unwrap_or(0) {
        0 => Ok(TrailBy::Ticks(distance(listing, amount, "adjusted trailing amount")?)),
        UNIT_PERCENT => Ok(TrailBy::Millionths(millionths(amount)?)),
        other => Err(invalid(&format!("Invalid adjustable trailing unit {other}, expected 0 or 100"))),
    }
}

fn price(listing: &Listing, points: Option<f64>, name: &str) -> Result<Price, Refusal> {
    let points = points.ok_or_else(|| invalid(&format!("The {name} price is missing")))?;
    listing.grid.price(points).map_err(|_| Refusal {
        code: OFF_GRID,
        text: "The price does not conform to the minimum price variation for this contract.".to_owned(),
    })
}

/// A distance between prices in ticks, greater than zero.
fn distance(listing: &Listing, points: f64, name: &str) -> Result<i32, Refusal> {
    let ticks = price(listing, Some(points), name)?.0;
    match ticks {
        1.. => Ok(ticks),
        _ => Err(invalid(&format!("The {name} {points} is not positive"))),
    }
}

fn time_in_force(order: &Order) -> Result<Tif, Refusal> {
    let date = instant(&order.good_till_date, "good till date")?;
    match order.tif.as_deref().unwrap_or("") {
        "" | "DAY" => Ok(Tif::Day),
        "GTC" => Ok(Tif::GoodTillCancelled),
        "IOC" => Ok(Tif::ImmediateOrCancel),
        "FOK" => Ok(Tif::FillOrKill),
        "GTD" => date.map(Tif::GoodTillDate).ok_or_else(|| invalid("The good till date is missing")),
        other => Err(Refusal {
            code: REJECTED,
            text: format!(
                "Order rejected - reason:Invalid time in force {other:?}, expected DAY, GTC, IOC, FOK or GTD"
            ),
        }),
    }
}

fn instant(text: &Option<String>, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = text.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
    let unread =
        || invalid(&format!("Invalid {name} {text:?}, expected yyyymmdd hh:mm:ss [zone] or yyyymmdd-hh:mm:ss"));
    parse_instant(text).map(Some).ok_or_else(unread)
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
