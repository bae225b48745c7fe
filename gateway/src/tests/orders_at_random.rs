//! Orders that make no sense, in any combination of fields: the broker answers each, and its books stay whole.

use proptest::prelude::*;

use super::*;
use crate::broker::Broker;
use crate::stats::Counters;
use crate::wire::Encoding;
use crate::wire::order::{Order as WireOrder, PlaceOrderRequest};
use crate::wire::order_request::{CancelOrderRequest, GlobalCancelRequest};
use crate::wire::request::Request;
use crate::wire::session::StartApiRequest;

const CONN: u64 = 1;

fn word(words: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.9, prop::sample::select(words).prop_map(str::to_owned))
}

fn points() -> impl Strategy<Value = Option<f64>> {
    let odd = prop::sample::select(vec![0.0, -1.0, 0.25, 0.1, 1.5, 100.0, 1e7, 1e300, f64::NAN, f64::INFINITY]);
    prop::option::weighted(
        0.7,
        prop_oneof![2 => (0i32..80).prop_map(|ticks| 4990.0 + f64::from(ticks) / 4.0), 1 => odd],
    )
}

const TYPES: &[&str] =
    &["MKT", "LMT", "STP", "STP LMT", "TRAIL", "TRAIL LIMIT", "MIT", "LIT", "MOC", "LOC", "", "REL", "lmt"];
const TIMES: &[&str] = &[
    "",
    "20261123 09:10:00 US/Central",
    "20261123-15:00:02",
    "20261124",
    "19991231 00:00:00",
    "99991231-23:59:59",
    "21990101 00:00:00 UTC",
    "soon",
];

fn wire_order() -> impl Strategy<Value = WireOrder> {
    let head = (
        word(&["BUY", "SELL", "HOLD"]),
        word(&["0", "1", "2.0", "3", "7", "-1", "1e3", "99999999999", ""]),
        word(TYPES),
        word(&["DAY", "GTC", "IOC", "FOK", "GTD", "GTX", ""]),
        word(TIMES),
        word(TIMES),
    );
    let prices = (points(), points(), points(), points(), points(), points(), points(), points());
    let numbers = (-1i32..10, prop::option::of(-1i32..200), 0i32..5, 0i32..6, any::<[bool; 3]>());
    let adjusted = word(&["", "None", "STP", "STP LMT", "TRAIL", "MKT"]);
    (head, prices, numbers, adjusted, points()).prop_map(|(head, prices, numbers, adjusted, amount)| WireOrder {
        action: head.0,
        total_quantity: head.1,
        order_type: head.2,
        tif: head.3,
        good_till_date: head.4,
        good_after_time: head.5.filter(|_| numbers.4[0]),
        lmt_price: prices.0,
        aux_price: prices.1,
        trail_stop_price: prices.2,
        trailing_percent: prices.3.filter(|_| numbers.4[1]),
        lmt_price_offset: prices.4,
        trigger_price: prices.5,
        adjusted_stop_price: prices.6,
        adjusted_stop_limit_price: prices.7,
        adjusted_order_type: adjusted.filter(|_| numbers.2 == 0),
        adjusted_trailing_amount: amount,
        adjustable_trailing_unit: numbers.1,
        trigger_method: Some(numbers.0),
        parent_id: Some(numbers.3),
        oca_group: Some("g".to_owned()).filter(|_| numbers.2 == 1),
        oca_type: Some(numbers.2),
        outside_rth: Some(numbers.4[2]),
        what_if: Some(numbers.2 == 4),
        transmit: Some(numbers.4[1] || numbers.4[2]),
        ..WireOrder::default()
    })
}

#[derive(Clone, Debug)]
enum Ask {
    Place(i32, Box<WireOrder>),
    Cancel(i32),
    CancelAll,
    Play,
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let ask = prop_oneof![
        8 => (-1i32..30, wire_order()).prop_map(|(id, order)| Ask::Place(id, Box::new(order))),
        1 => (-1i32..30).prop_map(Ask::Cancel),
        1 => Just(Ask::CancelAll),
        4 => Just(Ask::Play),
    ];
    prop::collection::vec(ask, 1..60)
}

/// Some days with gaps, prices around 5000.
fn market() -> Vec<FeedEvent> {
    let moves = [0, 2, -3, 5, -8, 1, 13, -6];
    let at = |step: i64| step * 1_700;
    let events = (0..60).flat_map(|step| {
        let points = 5000.0 + f64::from(moves[step % moves.len()]) / 4.0;
        let second = at(i64::try_from(step).expect("few"));
        [quote(second, points, 3, points + 0.25, 2), trade(second + 1, points, 1)]
    });
    events.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_order_is_answered_and_the_books_stay_whole(asks in asks(), text in any::<bool>()) {
        let encoding = if text { Encoding::Text { version: 178 } } else { Encoding::Protobuf { version: 225 } };
        let mut broker = Broker::new(options(market(), Pacing::Answered), Counters::default());
        broker.open(CONN, encoding);
        broker.handle(CONN, Request::StartApi(StartApiRequest { client_id: Some(1), optional_capabilities: None }));
        broker.play(Timestamp::MAX);
        for ask in asks {
            let before = broker.clients()[&CONN].outbox.pending().len();
            let mut must_answer = true;
            match ask {
                Ask::Place(id, order) => {
                    let contract = crate::wire::contract::Contract {
                        symbol: Some("ES".to_owned()),
                        last_trade_date_or_contract_month: Some("202612".to_owned()),
                        ..Default::default()
                    };
                    let request = PlaceOrderRequest {
                        order_id: Some(id), contract: Some(contract), order: Some(*order), attached_orders: None,
                    };
                    broker.handle(CONN, Request::PlaceOrder(request));
                }
                Ask::Cancel(id) => broker.handle(CONN, Request::CancelOrder(CancelOrderRequest { order_id: Some(id) })),
                Ask::CancelAll => {
                    broker.handle(CONN, Request::GlobalCancel(GlobalCancelRequest {}));
                    must_answer = false;
                }
                Ask::Play => {
                    broker.play(Timestamp::MAX);
                    must_answer = false;
                }
            }
            let answered = broker.clients()[&CONN].outbox.pending().len() > before;
            prop_assert!(answered || !must_answer, "no answer");
            let truth = broker.truth();
            let signed = |fill: &engine::venue::VenueExecution| i64::from(fill.side.sign()) * i64::from(fill.quantity);
            let sum: i64 = truth.executions.iter().map(signed).sum();
            prop_assert_eq!(truth.positions.iter().map(|held| held.quantity).sum::<i64>(), sum);
        }
    }
}
