//! Reports in the order and the state in which a client hears of them. In: what one call reported. Out: the same, with
//! each order named before it trades, as it was then. Absent: wire formats.
//!
//! The venue names an order once, when all is done; a live gateway tells of an accepted order before its first fill.

use super::{Report, Status, Tif, VenueOrder};
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

/// The status words of which a client hears when it hears of this order, in order: the rest of an immediate order is on
/// its way out before it is cancelled.
pub fn statuses(order: &VenueOrder) -> &'static [Status] {
    const OUT: [Status; 2] = [Status::PendingCancel, Status::Cancelled];
    match order.status {
        Status::Cancelled if order.order.tif == Tif::ImmediateOrCancel => &OUT,
        Status::Cancelled => &OUT[1..],
        Status::PendingSubmit => &[Status::PendingSubmit],
        Status::PreSubmitted => &[Status::PreSubmitted],
        Status::Submitted => &[Status::Submitted],
        Status::PendingCancel => &[Status::PendingCancel],
        Status::Filled => &[Status::Filled],
        Status::Inactive => &[Status::Inactive],
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Price;
    use crate::trade::{OrderKind, Side, TimeInForce};
    use crate::venue::tests::{Floor, order};
    use crate::venue::{NewOrder, VenueExecution};

    /// What a client hears when these reports come: order id, word, filled; executions as `fill`.
    fn heard(floor: &Floor, reports: &[Report]) -> Vec<String> {
        let mut lines = Vec::new();
        for (at, report) in reports.iter().enumerate() {
            let later = &reports[at + 1..];
            match report {
                Report::Order(perm_id) if is_repeated(*perm_id, later) => {}
                Report::Order(perm_id) => {
                    let order = before(floor.venue.order(*perm_id).expect("an order of this venue"), later);
                    let id = order.order.order_id;
                    lines.extend(statuses(&order).iter().map(|status| format!("{id} {status:?} {}", order.filled)));
                }
                Report::Execution(fill) | Report::Corrected(fill) => {
                    lines.push(format!("{} fill {} at {}", fill.order_id, fill.quantity, fill.price.0));
                }
                Report::Message { order_id, refusal, .. } => lines.push(format!("{order_id} [{}]", refusal.code)),
            }
        }
        lines
    }

    fn placed(floor: &mut Floor, order: NewOrder) -> Vec<Report> {
        let (now, mut reports) = (floor.venue.now(), Vec::new());
        floor.venue.place(now, order, &mut reports).expect("accepted");
        announce(&mut reports);
        reports
    }

    #[test]
    fn an_order_that_fills_at_once_is_told_before_its_fill() {
        let mut floor = Floor::new();
        floor.play("quote 400 5 401 2");
        let reports = placed(&mut floor, order(1, Side::Buy, 3, OrderKind::Limit(Price(401))));
        assert_eq!(heard(&floor, &reports), ["1 Submitted 0", "1 fill 2 at 401", "1 Submitted 2"]);
        floor.play("quote 400 5 401 9");
        let reports = placed(&mut floor, order(2, Side::Buy, 3, OrderKind::Market));
        assert_eq!(heard(&floor, &reports), ["2 PreSubmitted 0", "2 fill 3 at 401", "2 Filled 3"]);
    }

    #[test]
    fn an_order_that_rests_is_told_once() {
        let mut floor = Floor::new();
        floor.play("quote 400 5 401 2");
        let reports = placed(&mut floor, order(1, Side::Buy, 3, OrderKind::Limit(Price(400))));
        assert_eq!(heard(&floor, &reports), ["1 Submitted 0"]);
    }

    #[test]
    fn the_rest_of_an_immediate_order_is_on_its_way_out_first() {
        let mut floor = Floor::new();
        floor.play("quote 400 5 401 2");
        let new = NewOrder { tif: TimeInForce::ImmediateOrCancel.into(), ..order(1, Side::Buy, 3, OrderKind::Market) };
        let reports = placed(&mut floor, new);
        let lines = ["1 PreSubmitted 0", "1 fill 2 at 401", "1 PendingCancel 2", "1 Cancelled 2", "1 [202]"];
        assert_eq!(heard(&floor, &reports), lines);
    }

    #[test]
    fn what_an_order_was_between_two_fills_is_worked_out() {
        let mut floor = Floor::new();
        floor.play("quote 400 5 401 2");
        let mut reports = placed(&mut floor, order(1, Side::Buy, 4, OrderKind::Market));
        floor.venue.on_market(&crate::venue::tests::quote(floor.venue.now(), Some(400), 5, Some(402), 9), &mut reports);
        let fills: Vec<&VenueExecution> = floor.venue.executions().iter().collect();
        assert_eq!(fills.len(), 2);
        let order = floor.venue.order(fills[0].perm_id).expect("placed");
        let was = before(order, &reports[reports.len() - 2..]);
        assert_eq!((was.filled, was.fill_ticks, was.status), (2, 802, Status::Submitted));
        let was = before(order, &reports);
        assert_eq!((was.filled, was.fill_ticks, was.status, was.last_fill), (0, 0, Status::PreSubmitted, None));
    }

    #[test]
    fn a_telling_is_repeated_only_if_nothing_traded_in_between() {
        let mut floor = Floor::new();
        floor.play("quote 400 5 401 2");
        let reports = placed(&mut floor, order(1, Side::Buy, 3, OrderKind::Limit(Price(401))));
        let Report::Order(perm_id) = reports[0] else { panic!("the order is told first") };
        assert!(!is_repeated(perm_id, &reports[1..]), "an execution comes first");
        assert!(is_repeated(perm_id, &[Report::Order(perm_id)]));
        assert!(!is_repeated(perm_id, &[]));
    }
}
