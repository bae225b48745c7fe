//! What happens to the account outside the API, as clients hear of it.

use engine::trade::Side;
use engine::venue::{Kind, MarginRate, Tif};
use ibapi::accounts::PositionUpdate;
use ibapi::orders::Action;

use super::raw::Raw;
use super::*;
use crate::{CommissionHabit, ManualOrder, Quirks};

const ES: SymbolId = SymbolId(0);

fn manual(side: Side, quantity: u32, kind: Kind) -> ManualOrder {
    ManualOrder { symbol: ES, side, quantity, kind, tif: Tif::Day }
}

/// A gateway whose market shows one quote, and a client that has played it.
async fn open(client_id: i32) -> (Gateway, Desk, Subscription<ibapi::market_data::realtime::Trade>) {
    let gateway = answered(vec![quote(0, 5000.0, 9, 5000.25, 9)]);
    let desk = Desk::open(&gateway, client_id).await;
    let ticks = within(desk.client.tick_by_tick(&desk.contract, 0).last()).await.expect("trades");
    step(&desk.client).await;
    (gateway, desk, ticks)
}

async fn lines(desk: &mut Desk, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for _ in 0..count {
        lines.push(desk.next().await);
    }
    lines
}

#[tokio::test]
async fn orders_by_hand_belong_to_client_0_once_it_binds_them() {
    let (gateway, mut other, _ticks) = open(3).await;
    let mut zero = Raw::text(&gateway, 178, 0).await;
    let resting = manual(Side::Buy, 1, Kind::Limit(price(4990.0)));
    let first = {
        let resting = resting.clone();
        gateway.intervene(move |broker| broker.submit_manual(&resting)).expect("accepted")
    };
    zero.send("16\x001\x00").await; // reqAllOpenOrders
    let open = zero.next_with(&["5"]).await;
    assert_eq!((open[1].as_str(), open[25].as_str()), ("0", first.0.to_string().as_str()), "no order id yet");
    zero.next_with(&["53"]).await;
    zero.send("15\x001\x001\x00").await; // reqAutoOpenOrders
    assert_eq!(zero.next_with(&["100"]).await, ["100", &first.0.to_string(), "0", "-1"]);
    assert_eq!(zero.next_with(&["3"]).await[1..3], ["-1", "Submitted"]);
    let second = gateway.intervene(move |broker| broker.submit_manual(&resting)).expect("accepted");
    assert_eq!(zero.next_with(&["100"]).await, ["100", &second.0.to_string(), "0", "-2"]);
    assert_eq!(zero.next_with(&["5"]).await[1], "-2");
    assert_eq!(zero.next_with(&["3"]).await[1..3], ["-2", "Submitted"]);
    zero.send("4\x001\x00-2\x00\x00").await; // cancelOrder
    assert_eq!(zero.next_with(&["3"]).await[1..3], ["-2", "Cancelled"]);
    let market = manual(Side::Buy, 2, Kind::Market);
    gateway.intervene(move |broker| broker.submit_manual(&market)).expect("accepted");
    let fill = zero.next_with(&["11"]).await;
    assert_eq!((fill[2].as_str(), fill[18].as_str(), fill[19].as_str()), ("-3", "BOT", "2"), "{fill:?}");
    zero.next_with(&["59"]).await;
    other.expect_nothing().await;
    gateway.stop();
}

#[tokio::test]
async fn an_unbound_fill_reaches_client_0_without_an_order() {
    let (gateway, _desk, _ticks) = open(3).await;
    let mut zero = Raw::text(&gateway, 178, 0).await;
    let market = manual(Side::Sell, 1, Kind::Market);
    gateway.intervene(move |broker| broker.submit_manual(&market)).expect("accepted");
    let fill = zero.next().await;
    assert_eq!((fill[0].as_str(), fill[2].as_str(), fill[18].as_str()), ("11", "0", "SLD"));
    assert_eq!(zero.next().await[0], "59");
    gateway.stop();
}

#[tokio::test]
async fn a_foreign_order_is_seen_in_lists_and_moves_the_position() {
    let (gateway, mut desk, _ticks) = open(1).await;
    let mut positions = within(desk.client.positions()).await.expect("positions");
    assert!(matches!(data!(positions), PositionUpdate::PositionEnd));
    gateway.intervene(|broker| broker.submit_foreign(77, &manual(Side::Buy, 2, Kind::Market))).expect("accepted");
    let PositionUpdate::Position(held) = data!(positions) else { panic!("a position") };
    assert_eq!(held.position, 2.0);
    desk.expect_nothing().await;
    let truth = gateway.truth();
    assert_eq!((truth.executions[0].client_id, truth.executions[0].order_id), (77, 1));
    let refused = gateway.intervene(|broker| broker.submit_foreign(77, &manual(Side::Buy, 0, Kind::Market)));
    assert_eq!(refused.map_err(|no| no.code), Err(434));
    gateway.stop();
}

#[tokio::test]
async fn a_liquidation_closes_cancels_and_flags() {
    let (gateway, mut desk, _ticks) = open(1).await;
    let mut zero = Raw::text(&gateway, 178, 0).await;
    desk.submit(&order(Action::Buy, 2.0, "MKT", 0.0)).await;
    lines(&mut desk, 8).await;
    desk.submit(&order(Action::Sell, 2.0, "LMT", 5050.0)).await;
    lines(&mut desk, 2).await;
    assert!(gateway.intervene(|broker| broker.liquidate(ES)).is_some());
    assert_eq!(lines(&mut desk, 2).await, ["status 2 Cancelled 0/2", "error 202"]);
    let fill = zero.next_with(&["11"]).await;
    assert_eq!((fill[18].as_str(), fill[23].as_str()), ("SLD", "1"), "the liquidation flag: {fill:?}");
    assert_eq!(gateway.truth().positions[0].quantity, 0);
    assert_eq!(gateway.intervene(|broker| broker.liquidate(ES)), None);
    gateway.stop();
}

#[tokio::test]
async fn a_correction_comes_under_the_next_id_and_a_bust_only_by_the_position() {
    let (gateway, mut desk, _ticks) = open(1).await;
    desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
    lines(&mut desk, 8).await;
    let first = gateway.truth().executions[0].exec_id.clone();
    let (bad, gone) = (first.clone(), format!("{first}x"));
    let refused = gateway.intervene(move |broker| broker.correct_execution(&bad, 5001.1)).map_err(|no| no.code);
    assert_eq!(refused, Err(110));
    let refused = gateway.intervene(move |broker| broker.correct_execution(&gone, 5001.0)).map_err(|no| no.code);
    assert_eq!(refused, Err(321));
    gateway.intervene(move |broker| broker.correct_execution(&first, 5001.0)).expect("corrected");
    let item = within(desk.updates.next()).await.expect("the stream goes on").expect("a message that can be read");
    let SubscriptionItem::Data(OrderUpdate::ExecutionData(data)) = item else { panic!("{item:?}") };
    assert_eq!((data.execution.execution_id.as_str(), data.execution.price), ("0000e1a7.6b0373b5.00000001.02", 5001.0));
    assert_eq!(lines(&mut desk, 5).await.last().map(String::as_str), Some("commission 2.25 None"));
    let mut positions = within(desk.client.positions()).await.expect("positions");
    let PositionUpdate::Position(held) = data!(positions) else { panic!("a position") };
    assert_eq!((held.position, held.average_cost), (1.0, 250_050.0));
    assert!(matches!(data!(positions), PositionUpdate::PositionEnd));
    gateway.intervene(|broker| broker.bust_execution("0000e1a7.6b0373b5.00000001.02")).expect("busted");
    let PositionUpdate::Position(held) = data!(positions) else { panic!("a position") };
    assert_eq!(held.position, 0.0);
    assert!(gateway.truth().executions.is_empty());
    gateway.stop();
}

#[tokio::test]
async fn positions_ids_and_permissions_can_be_changed() {
    let (gateway, mut desk, _ticks) = open(1).await;
    let mut positions = within(desk.client.positions()).await.expect("positions");
    assert!(matches!(data!(positions), PositionUpdate::PositionEnd));
    assert!(gateway.intervene(|broker| broker.set_position(ES, -3)));
    let PositionUpdate::Position(held) = data!(positions) else { panic!("a position") };
    assert_eq!((held.position, held.average_cost), (-3.0, 250_012.5), "at the price that would close it");
    assert!(gateway.intervene(|broker| broker.set_position(ES, 0)));

    desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
    lines(&mut desk, 2).await;
    gateway.intervene(|broker| broker.roll_back_ids(1));
    assert_eq!(within(desk.client.next_valid_order_id()).await.expect("an id"), 1, "used already");
    gateway.intervene(|broker| broker.roll_back_ids(0));

    gateway.intervene(|broker| {
        let symbol = broker.symbol_named("ESZ6").expect("listed");
        broker.set_tradable(symbol, false);
    });
    desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
    desk.expect(&["error 203"]).await;
    gateway.intervene(|broker| broker.set_tradable(ES, true));
    desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
    desk.expect(&["open 3 Submitted 1", "status 3 Submitted 0/1"]).await;
    gateway.stop();
}

#[tokio::test]
async fn an_order_may_be_deactivated_revived_repeated_and_cancelled_by_the_exchange() {
    let (gateway, mut desk, _ticks) = open(1).await;
    desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
    lines(&mut desk, 2).await;
    let perm_id = gateway.truth().open_orders[0].perm_id;
    assert!(gateway.intervene(move |broker| broker.set_inactive(perm_id, true)));
    desk.expect(&["open 1 Inactive 1", "status 1 Inactive 0/1"]).await;
    assert!(gateway.intervene(move |broker| broker.set_inactive(perm_id, false)));
    desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
    assert!(gateway.intervene(move |broker| broker.repeat_order(perm_id)));
    desk.expect(&["open 1 Submitted 1", "status 1 Submitted 0/1"]).await;
    assert!(gateway.intervene(move |broker| broker.cancel_unsolicited(perm_id, "Exchange is closing.")));
    desk.expect(&["status 1 Cancelled 0/1", "error 202"]).await;
    assert!(!gateway.intervene(move |broker| broker.cancel_unsolicited(perm_id, "")));
    gateway.stop();
}

/// What a market order of one contract and then a cancelled limit order give under these habits.
async fn heard(quirks: Quirks, count: usize) -> Vec<String> {
    let (gateway, mut desk, _ticks) = open(1).await;
    gateway.intervene(move |broker| broker.set_quirks(quirks));
    desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
    let id = desk.submit(&order(Action::Buy, 1.0, "LMT", 4990.0)).await;
    drop(within(desk.client.cancel_order(id, "")).await.expect("sent"));
    let heard = lines(&mut desk, count).await;
    desk.expect_nothing().await;
    gateway.stop();
    heard
}

#[tokio::test]
async fn habits_change_the_order_of_messages() {
    const BEFORE: [&str; 2] = ["open 1 PreSubmitted 1", "status 1 PreSubmitted 0/1"];
    const FILL: &str = "fill 1 Bought 1 at 5000.25";
    const FILLED: [&str; 4] =
        ["open 1 Filled 1", "status 1 Filled 1/0", "open 1 Filled 1 with commission", "status 1 Filled 1/0"];
    const COMMISSION: &str = "commission 2.25 None";
    const CANCEL: [&str; 4] = ["open 2 Submitted 1", "status 2 Submitted 0/1", "status 2 Cancelled 0/1", "error 202"];
    let told = heard(Quirks::default(), 12).await;
    assert_eq!(told, [&BEFORE[..], &[FILL], &FILLED, &[COMMISSION], &CANCEL].concat());

    let early =
        Quirks { filled_before_execution: true, commission: CommissionHabit::BeforeExecution, ..Quirks::default() };
    let told = heard(early, 13).await;
    let filled = ["status 1 Filled 1/0"];
    assert_eq!(told, [&BEFORE[..], &[COMMISSION], &filled, &[FILL], &FILLED, &CANCEL].concat());

    let never = Quirks { commission: CommissionHabit::Never, pending_cancel: true, ..Quirks::default() };
    let told = heard(never, 12).await;
    let cancel = [&CANCEL[..2], &["status 2 PendingCancel 0/1"], &CANCEL[2..]].concat();
    assert_eq!(told, [&BEFORE[..], &[FILL], &FILLED, &cancel].concat());

    let told = heard(Quirks { status_only: true, ..Quirks::default() }, 8).await;
    let bare = ["status 1 PreSubmitted 0/1", FILL, "status 1 Filled 1/0", "status 1 Filled 1/0", COMMISSION];
    assert_eq!(told, [&bare[..], &CANCEL[1..]].concat());
}

#[tokio::test]
async fn commissions_that_are_held_come_when_released() {
    let (gateway, mut desk, _ticks) = open(1).await;
    gateway.intervene(|broker| broker.set_quirks(Quirks { commission: CommissionHabit::Held, ..Quirks::default() }));
    desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
    lines(&mut desk, 7).await;
    desk.expect_nothing().await;
    assert_eq!(gateway.intervene(|broker| broker.release_commissions()), 1);
    desk.expect(&["commission 2.25 None"]).await;
    let exec_id = gateway.truth().executions[0].exec_id.clone();
    assert!(gateway.intervene(move |broker| broker.repeat_execution(&exec_id)));
    desk.expect(&["fill 1 Bought 1 at 5000.25"]).await;
    gateway.stop();
}

#[tokio::test]
async fn the_first_status_may_lack_the_permanent_id_and_a_blank_tif_be_told() {
    let (gateway, _desk, _ticks) = open(1).await;
    let quirks = Quirks { perm_id_late: true, tif_preset_told: true, ..Quirks::default() };
    gateway.intervene(move |broker| broker.set_quirks(quirks));
    let mut raw = Raw::text(&gateway, 178, 2).await;
    let mut fields = crate::wire::tests::limit_order(178, 7);
    fields[21].clear();
    raw.send(&(fields.join("\0") + "\0")).await;
    assert_eq!(raw.next_with(&["3"]).await[6], "0");
    assert_eq!(raw.next_with(&["4"]).await[2..4], ["7", "10349"]);
    raw.send("4\x001\x007\x00\x00").await; // cancelOrder
    assert_eq!(raw.next_with(&["3"]).await[6], "2400000001");
    gateway.stop();
}

#[tokio::test]
async fn raised_margin_closes_a_position_at_the_next_event() {
    let gateway = answered(vec![quote(0, 5000.0, 9, 5000.25, 9), quote(1, 4999.0, 9, 4999.25, 9)]);
    let mut desk = Desk::open(&gateway, 1).await;
    let _ticks = within(desk.client.tick_by_tick(&desk.contract, 0).last()).await.expect("trades");
    step(&desk.client).await;
    desk.submit(&order(Action::Buy, 2.0, "MKT", 0.0)).await;
    lines(&mut desk, 8).await;
    desk.submit(&order(Action::Sell, 2.0, "STP", 4900.0)).await;
    lines(&mut desk, 2).await;
    assert!(gateway.intervene(|broker| broker.set_margin(ES, MarginRate::of(60_000, 55_000))));
    step(&desk.client).await;
    assert_eq!(lines(&mut desk, 2).await, ["status 2 Cancelled 0/2", "error 202"]);
    let truth = gateway.truth();
    assert_eq!(truth.positions[0].quantity, 0);
    let last = truth.executions.last().expect("it was closed");
    assert!(last.liquidation && last.price == price(4999.0), "{last:?}");
    gateway.stop();
}
