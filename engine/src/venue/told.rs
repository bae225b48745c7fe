//! Reports in the order and the state in which a client hears of them. In: what one call reported. Out: the same, with
//! each order named before it trades, as it was then. Absent: wire formats.
//!
//! The venue names an order once, when all is done; a live gateway tells of an accepted order before its first fill.

use super::{Report, Status, VenueOrder};
use crate::trade::PermId;

/// Names each order that trades before its first execution too. For what the placing of an order reported.
pub fn announce(reports: &mut Vec<Report>) {
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

/// Whether `later` tells of this order again before it trades: then this telling is left out.
pub fn is_repeated(perm_id: PermId, later: &[Report]) -> bool {
    let concerns = |report: &&Report| match report {
        Report::Order(other) => *other == perm_id,
        Report::Execution(execution) => execution.perm_id == perm_id,
        Report::Corrected(_) | Report::Message { .. } => false,
    };
    matches!(later.iter().find(concerns), Some(Report::Order(_)))
}

/// The order as it was before the executions of it in `later`.
pub fn before(order: &VenueOrder, later: &[Report]) -> VenueOrder {
    let mut order = order.clone();
    for report in later {
        let Report::Execution(execution) = report else { continue };
        if execution.perm_id != order.perm_id {
            continue;
        }
        order.filled -= execution.quantity;
        order.fill_ticks -= i64::from(execution.price.0) * i64::from(execution.quantity);
        // A market order is only pre-submitted when it trades; a limit order has been submitted.
        let submitted = order.filled > 0 || order.order.kind.limit_price(order.order.side).is_some();
        order.status = if submitted { Status::Submitted } else { Status::PreSubmitted };
        if order.filled == 0 {
            order.last_fill = None;
        }
    }
    order
}
