//! Positions, account values, profit and loss: at once, and as they change.

use ibapi::accounts::types::{AccountGroup, AccountId, ContractId};
use ibapi::accounts::{AccountSummaryResult, AccountUpdate, AccountUpdateMulti, PositionUpdate, PositionUpdateMulti};
use ibapi::orders::Action;

use super::*;

fn account() -> AccountId {
    AccountId(ACCOUNT.to_owned())
}

async fn desk_with_ticks(gateway: &Gateway) -> (Desk, Subscription<ibapi::market_data::realtime::Trade>) {
    let desk = Desk::open(gateway, 1).await;
    let ticks = within(desk.client.tick_by_tick(&desk.contract, 0).last()).await.expect("trades");
    step(&desk.client).await;
    (desk, ticks)
}

#[tokio::test]
async fn positions_are_told_at_once_and_when_they_change() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let (mut desk, _ticks) = desk_with_ticks(&gateway).await;
    let mut positions = within(desk.client.positions()).await.expect("positions");
    assert!(matches!(data!(positions), PositionUpdate::PositionEnd), "flat: only the end");
    desk.submit(&order(Action::Sell, 2.0, "MKT", 0.0)).await;
    let PositionUpdate::Position(short) = data!(positions) else { panic!("the end came twice") };
    assert_eq!((short.position, short.average_cost, short.account.as_str()), (-2.0, 250_000.0, ACCOUNT));
    assert_eq!(short.contract.last_trade_date_or_contract_month, "20261218");
    desk.submit(&order(Action::Buy, 2.0, "MKT", 0.0)).await;
    let PositionUpdate::Position(flat) = data!(positions) else { panic!("the end came twice") };
    assert_eq!((flat.position, flat.average_cost), (0.0, 0.0), "closing is told too");

    desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
    let mut multi = within(desk.client.positions_multi(Some(&account()), None)).await.expect("positions");
    let PositionUpdateMulti::Position(long) = data!(multi) else { panic!("the position comes first") };
    assert_eq!(long.position, 1.0);
    assert!(matches!(data!(multi), PositionUpdateMulti::PositionEnd));
    gateway.stop();
}

#[tokio::test]
async fn account_values_follow_fills() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let (mut desk, _ticks) = desk_with_ticks(&gateway).await;
    let mut updates = within(desk.client.account_updates(&account())).await.expect("updates");
    let mut values = Vec::new();
    loop {
        match data!(updates) {
            AccountUpdate::AccountValue(value) => values.push(format!("{} {}", value.key, value.value)),
            AccountUpdate::End => break,
            _ => {}
        }
    }
    assert!(values.contains(&"NetLiquidation 100000.00".to_owned()), "{values:?}");
    desk.submit(&order(Action::Buy, 2.0, "MKT", 0.0)).await;
    let held = loop {
        if let AccountUpdate::PortfolioValue(held) = data!(updates) {
            break held;
        }
    };
    assert_eq!((held.position, held.average_cost, held.realized_pnl), (2.0, 250_012.5, -4.5));
    assert_eq!((held.market_price, held.unrealized_pnl), (5000.0, -25.0), "at the bid, where it could be closed");

    let tags = ["NetLiquidation", "TotalCashValue", "Unknown"];
    let mut summary =
        within(desk.client.account_summary(&AccountGroup("All".to_owned()), &tags)).await.expect("a summary");
    let mut found = Vec::new();
    while let AccountSummaryResult::Summary(line) = data!(summary) {
        found.push(format!("{} {}", line.tag, line.value));
    }
    found.sort();
    assert_eq!(found, ["NetLiquidation 99970.50", "TotalCashValue 99970.50"], "cash counts what futures gained");

    let mut multi = within(desk.client.account_updates_multi(Some(&account()), None)).await.expect("updates");
    let mut keys = Vec::new();
    while let AccountUpdateMulti::AccountMultiValue(value) = data!(multi) {
        keys.push(value.key);
    }
    assert!(keys.contains(&"UnrealizedPnL".to_owned()), "{keys:?}");
    gateway.stop();
}

#[tokio::test]
async fn profit_and_loss_is_told_at_once_and_then_at_most_once_a_second() {
    let mut events = vec![quote(0, 5000.0, 5, 5000.25, 5)];
    events.extend([trade(1, 5001.0, 1), quote(1, 5001.0, 5, 5001.25, 5), trade(1, 5002.0, 1), trade(2, 5004.25, 1)]);
    let gateway = answered(events);
    let (mut desk, _ticks) = desk_with_ticks(&gateway).await;
    desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
    let mut all = within(desk.client.pnl(&account(), None)).await.expect("profit");
    let first = data!(all);
    assert_eq!((first.daily_pnl, first.unrealized_pnl, first.realized_pnl), (-14.75, Some(-12.5), Some(-2.25)));
    let contract_id = ContractId(desk.contract.contract_id);
    let mut single = within(desk.client.pnl_single(&account(), contract_id, None)).await.expect("profit");
    let one = data!(single);
    assert_eq!((one.position, one.daily_pnl, one.value), (1.0, -14.75, 250_000.0));
    for expected in [1, 1, 1, 2] {
        assert_eq!(step(&desk.client).await, expected);
    }
    assert_eq!(data!(all).daily_pnl, 35.25, "of second 1 the first trade");
    assert_eq!(data!(all).daily_pnl, 197.75, "then second 2");
    assert_eq!(data!(single).unrealized_pnl, 37.5);
    assert_eq!(data!(single).value, 250_212.5);
    gateway.stop();
}

#[tokio::test]
async fn profit_of_an_unknown_contract_is_refused() {
    let gateway = answered(vec![]);
    let client = connect(&gateway, 1).await;
    let mut single = within(client.pnl_single(&account(), ContractId(5), None)).await.expect("sent");
    let refused = within(single.next()).await.expect("an answer");
    assert!(matches!(&refused, Err(ibapi::Error::Notice(notice)) if notice.code == 321), "{refused:?}");
    gateway.stop();
}

/// Every value of the account under its key, as a new subscriber is told; the account's own, not those of segments.
async fn values(desk: &Desk) -> std::collections::BTreeMap<String, String> {
    let mut updates = within(desk.client.account_updates(&account())).await.expect("updates");
    let mut values = std::collections::BTreeMap::new();
    loop {
        match data!(updates) {
            AccountUpdate::AccountValue(value) => drop(values.insert(value.key, value.value)),
            AccountUpdate::End => return values,
            _ => {}
        }
    }
}

fn amount(values: &std::collections::BTreeMap<String, String>, key: &str) -> f64 {
    values[key].parse().unwrap_or_else(|_| panic!("{key} is {:?}", values[key]))
}

#[tokio::test]
async fn margin_is_the_same_story_in_every_value() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let (mut desk, _ticks) = desk_with_ticks(&gateway).await;
    desk.submit(&order(Action::Buy, 2.0, "MKT", 0.0)).await;
    desk.settle().await;
    let values = values(&desk).await;
    let of = |key: &str| amount(&values, key);
    assert_eq!((of("InitMarginReq"), of("MaintMarginReq")), (50_600.0, 46_000.0));
    assert_eq!(of("NetLiquidation"), 99_970.5);
    assert_eq!(of("AvailableFunds"), of("EquityWithLoanValue") - of("InitMarginReq"));
    assert_eq!(of("ExcessLiquidity"), of("EquityWithLoanValue") - of("MaintMarginReq"));
    assert_eq!(of("BuyingPower"), 4.0 * of("AvailableFunds"));
    assert_eq!((of("FuturesPNL"), of("UnrealizedPnL")), (-25.0, -25.0));
    assert_eq!(of("CashBalance") + of("FuturesPNL"), of("TotalCashBalance"));
    for key in ["NetLiquidation", "AvailableFunds", "InitMarginReq", "ExcessLiquidity", "TotalCashValue"] {
        assert_eq!((of(&format!("{key}-C")), of(&format!("{key}-S"))), (of(key), 0.0), "futures are commodities");
    }
    assert_eq!(values["Cushion"], "0.539864", "(99,970.50 - 46,000) of 99,970.50");
    gateway.stop();
}

#[tokio::test]
async fn a_summary_tells_the_ledger_when_it_is_asked_for() {
    let gateway = answered(vec![]);
    let client = connect(&gateway, 1).await;
    for (tag, currencies) in
        [("$LEDGER", vec!["BASE"]), ("$LEDGER:USD", vec!["USD"]), ("$LEDGER:ALL", vec!["BASE", "USD"])]
    {
        let group = AccountGroup("All".to_owned());
        let mut summary = within(client.account_summary(&group, &[tag])).await.expect("a summary");
        let mut found = Vec::new();
        while let AccountSummaryResult::Summary(line) = data!(summary) {
            if line.tag == "TotalCashBalance" {
                found.push(line.currency);
            }
        }
        assert_eq!(found, currencies, "{tag}");
    }
    gateway.stop();
}

#[tokio::test]
async fn the_day_ends_with_a_settlement_that_moves_gains_into_cash() {
    let end_s = 7 * 3600;
    let events =
        vec![quote(0, 5000.0, 5, 5000.25, 5), trade(1, 5010.25, 1), quote(end_s + 4_000, 5010.0, 5, 5010.25, 5)];
    let gateway = answered(events);
    let (mut desk, _ticks) = desk_with_ticks(&gateway).await;
    desk.submit(&order(Action::Buy, 1.0, "MKT", 0.0)).await;
    step(&desk.client).await;
    let before = values(&desk).await;
    assert_eq!((amount(&before, "CashBalance"), amount(&before, "FuturesPNL")), (99_997.75, 500.0));
    assert_eq!(step(&desk.client).await, end_s, "before the market goes on");
    let after = values(&desk).await;
    assert_eq!((amount(&after, "CashBalance"), amount(&after, "FuturesPNL")), (100_497.75, 0.0));
    for key in ["NetLiquidation", "TotalCashBalance", "UnrealizedPnL"] {
        assert_eq!(before[key], after[key], "{key}");
    }
    assert_eq!(amount(&after, "PreviousDayEquityWithLoanValue"), amount(&after, "NetLiquidation"));
    assert_eq!(gateway.truth().positions[0].cost, Money::from_micros(250_012_500_000), "average cost stays");
    gateway.stop();
}

#[tokio::test]
async fn another_account_or_group_is_refused() {
    let gateway = answered(vec![]);
    let mut raw = raw::Raw::text(&gateway, 178, 1).await;
    let requests = [
        ("-1", "6\x002\x001\x00U999\x00"),
        ("9", "62\x001\x009\x00Zork\x00NetLiquidation\x00"),
        ("9", "92\x009\x00U999\x00\x00"),
        ("9", "94\x009\x00U999\x00\x00194238036\x00"),
        ("9", "74\x001\x009\x00U999\x00\x00"),
        ("9", "76\x001\x009\x00U999\x00\x000\x00"),
    ];
    for (id, request) in requests {
        raw.send(request).await;
        assert_eq!(raw.next().await[2..4], [id, "321"], "{request:?}");
        raw.send(&request.replace("U999", ACCOUNT).replace("Zork", ACCOUNT)).await;
        assert_ne!(raw.next().await[0], "4", "{request:?} of our own");
        raw.send("49\x001\x00").await;
        raw.next_with(&["49"]).await;
    }
    gateway.stop();
}
