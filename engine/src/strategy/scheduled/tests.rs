use rust_decimal::Decimal;

use super::*;
use crate::market::{Instrument, Price, SymbolId};
use crate::strategy::registry::ParamMistake;

fn es() -> Instrument {
    Instrument {
        id: SymbolId(0),
        name: "ESZ13".into(),
        root: "ES".into(),
        expiry: Some("201312".into()),
        exchange: "CME".into(),
        currency: "USD".into(),
        tick_size: Decimal::new(25, 2),
        multiplier: Decimal::from(50),
    }
}

fn plan(text: &str) -> Result<Scheduled, Vec<ParamMistake>> {
    read::read(&text.parse().expect("TOML"))
}

fn at(text: &str) -> Timestamp {
    chrono::DateTime::parse_from_rfc3339(text).expect("an instant").to_utc().into()
}

fn decisions(plan: &mut Scheduled, due: Timestamp, position: i64, close: Option<i32>) -> Vec<Decision> {
    let instrument = es();
    plan.on_wake(due, &Desk { now: due, instrument: &instrument, position, close: close.map(Price), explained: true })
}

#[test]
fn a_daily_order_keeps_local_time_over_the_clock_change() {
    let plan = plan("orders = [{ at = \"19:00\", do = \"buy\", weekdays = [\"sun\", \"mon\"] }]").expect("a good plan");
    let times: Vec<String> =
        std::iter::successors(plan.wake_after(at("2013-10-27T00:00:00Z")), |t| plan.wake_after(*t))
            .take(4)
            .map(|t| t.to_string())
            .collect();
    let expected = ["2013-10-27T23:00:00Z", "2013-10-28T23:00:00Z", "2013-11-04T00:00:00Z", "2013-11-05T00:00:00Z"];
    assert_eq!(times, expected, "New York leaves summer time on 2013-11-03");
}

#[test]
fn dates_end_the_plan() {
    let plan =
        plan("orders = [{ at = \"09:31\", do = \"sell\", dates = [\"2013-10-09\", \"2013-10-08\"] }]").expect("good");
    let first = plan.wake_after(at("2013-01-01T00:00:00Z")).expect("a date ahead");
    assert_eq!(first, at("2013-10-08T13:31:00Z"));
    let second = plan.wake_after(first).expect("another");
    assert_eq!((second, plan.wake_after(second)), (at("2013-10-09T13:31:00Z"), None));
}

#[test]
fn prices_are_reckoned_from_the_close_when_the_order_is_sent() {
    let mut plan = plan(
        "orders = [
            { at = \"19:00\", do = \"buy\" },
            { at = \"19:00\", do = \"sell\", kind = \"stop\", stop = { percent = 110 }, quantity = 2, tif = \"day\" },
            { at = \"19:00\", do = \"buy\", kind = \"stop_limit\", stop = { ticks = 4 }, limit = { points = \"1700.5\" } },
            { at = \"20:00\", do = \"exit\", when = \"long\" },
        ]",
    )
    .expect("a good plan");
    let due = at("2013-10-07T23:00:00Z");
    let sent = decisions(&mut plan, due, 0, Some(6_705));
    let kinds: Vec<OrderKind> = sent
        .iter()
        .map(|decision| match decision {
            Decision::Order { kind, .. } => *kind,
            other => panic!("{other:?}"),
        })
        .collect();
    // 110 % of 6705 ticks is 7375.5: half a tick goes away from zero.
    let expected = [
        OrderKind::Market,
        OrderKind::Stop(Price(7_376)),
        OrderKind::StopLimit { stop: Price(6_709), limit: Price(6_802) },
    ];
    assert_eq!(kinds, expected);
    assert_eq!(decisions(&mut plan, due, 0, None).len(), 1, "without a close only the market order has a price");
    let evening = at("2013-10-08T00:00:00Z");
    assert!(decisions(&mut plan, evening, 0, None).is_empty());
    assert_eq!(decisions(&mut plan, evening, 1, None).len(), 1);
}

#[test]
fn every_mistake_is_named() {
    let mistakes = plan(
        "zone = \"Mars\"
         extra = 1
         orders = [{ do = \"hold\", at = \"25:00\", quantity = 0 }, { at = \"10:00\", do = \"buy\", kind = \"limit\" }]",
    )
    .expect_err("nothing is right");
    let keys: Vec<&str> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
    assert_eq!(keys, ["zone", "extra", "orders[0].at", "orders[0].do", "orders[0].quantity", "orders[1].limit"]);
    assert!(plan("").expect_err("no orders")[0].expected.contains("at least one"));
}
