//! Orders in text are read at every version, whatever optional parts they have.

use super::VERSIONS;
use crate::wire::Encoding;
use crate::wire::request::Request;

/// A limit order as text clients send it: each field empty or zero, except the ones named here by position.
pub fn limit_order(version: i32, order_id: i32) -> Vec<String> {
    let total = match version {
        157 => 110,
        176 => 115,
        _ => 114,
    };
    let mut fields = vec![String::new(); total];
    let id = order_id.to_string();
    let head = [(0, "3"), (1, id.as_str()), (3, "ES"), (4, "FUT"), (5, "202612"), (9, "CME"), (16, "BUY"), (17, "2")];
    let body = [(18, "LMT"), (19, "4990.25"), (21, "DAY"), (22, "group"), (25, "0"), (26, "ref"), (27, "1"), (28, "0")];
    for (at, value) in head.into_iter().chain(body) {
        fields[at] = value.to_owned();
    }
    let shift = usize::from(version < 177);
    for (at, value) in [(46, "2"), (81, "0"), (84, "0"), (89, "0")] {
        fields[at + shift] = value.to_owned();
    }
    fields
}

fn decode(version: i32, fields: &[String]) -> Request {
    let body = fields.join("\0") + "\0";
    Request::decode(Encoding::Text { version }, body.as_bytes()).expect("a request")
}

#[test]
fn an_order_in_text_is_read_at_every_version() {
    for version in VERSIONS {
        let Request::PlaceOrder(request) = decode(version, &limit_order(version, 7)) else { panic!("another request") };
        let (contract, order) = (request.contract.expect("a contract"), request.order.expect("an order"));
        assert_eq!(request.order_id, Some(7));
        assert_eq!((contract.symbol.as_deref(), contract.exchange.as_deref()), (Some("ES"), Some("CME")));
        assert_eq!((order.action.as_deref(), order.total_quantity.as_deref()), (Some("BUY"), Some("2")));
        assert_eq!((order.lmt_price, order.aux_price), (Some(4990.25), None));
        assert_eq!((order.oca_group.as_deref(), order.oca_type), (Some("group"), Some(2)));
        assert_eq!((order.transmit, order.order_ref.as_deref()), (Some(true), Some("ref")));
        assert_eq!((order.what_if, order.conditions.len()), (Some(false), 0));
    }
}

#[test]
fn optional_parts_of_an_order_in_text_shift_the_rest() {
    for version in VERSIONS {
        let mut fields = limit_order(version, 7);
        let shift = usize::from(version < 177);
        fields[84 + shift] = "1".to_owned(); // whatIf
        fields[82 + shift] = "Twap".to_owned(); // algoStrategy, with one parameter
        fields.splice(83 + shift..83 + shift, ["1", "tag", "value"].map(str::to_owned));
        fields[64 + shift] = "None".to_owned(); // deltaNeutralOrderType, with its eight fields
        fields.splice(66 + shift..66 + shift, vec![String::new(); 8]);
        let Request::PlaceOrder(request) = decode(version, &fields) else { panic!("another request") };
        let order = request.order.expect("an order");
        assert_eq!((order.algo_strategy.as_deref(), order.what_if), (Some("Twap"), Some(true)));
    }
}

#[test]
fn trailing_and_adjustable_parts_are_read_at_every_version() {
    for version in VERSIONS {
        let mut fields = limit_order(version, 7);
        let shift = usize::from(version < 177);
        let dates = [(37, "20261123 09:30:00 US/Central"), (38, "20261123-16:00:00"), (32, "4"), (33, "1")];
        for (at, value) in dates {
            fields[at] = value.to_owned();
        }
        let adjusted = ["TRAIL", "5010.0", "0.5", "5000.0", "4999.75", "1.5", "100"];
        let trailing = [(68, "4980.5"), (69, "0.25")];
        for (at, value) in trailing.into_iter().chain((90..).zip(adjusted)) {
            fields[at + shift] = value.to_owned();
        }
        let Request::PlaceOrder(request) = decode(version, &fields) else { panic!("another request") };
        let order = request.order.expect("an order");
        assert_eq!((order.trail_stop_price, order.trailing_percent), (Some(4980.5), Some(0.25)));
        assert_eq!((order.trigger_method, order.outside_rth), (Some(4), Some(true)));
        assert_eq!(order.good_after_time.as_deref(), Some("20261123 09:30:00 US/Central"));
        assert_eq!(order.good_till_date.as_deref(), Some("20261123-16:00:00"));
        assert_eq!((order.adjusted_order_type.as_deref(), order.trigger_price), (Some("TRAIL"), Some(5010.0)));
        assert_eq!((order.lmt_price_offset, order.adjusted_stop_price), (Some(0.5), Some(5000.0)));
        assert_eq!((order.adjusted_stop_limit_price, order.adjusted_trailing_amount), (Some(4999.75), Some(1.5)));
        assert_eq!(order.adjustable_trailing_unit, Some(100));
    }
}
