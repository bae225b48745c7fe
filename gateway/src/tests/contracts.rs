//! What is listed, and in how many ways a client may name it.

use ibapi::contracts::SecurityType;
use ibapi::{Client, Error};

use super::*;

/// Local symbols that fit, or the code of the error.
async fn found(client: &Client, wanted: &Contract) -> String {
    match within(client.contract_details(wanted)).await {
        Ok(details) => details.iter().map(|d| d.contract.local_symbol.clone()).collect::<Vec<_>>().join(" "),
        Err(Error::Notice(notice)) => notice.code.to_string(),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_future_is_found_by_id_symbol_expiry_and_local_symbol() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let client = connect(&gateway, 1).await;
    let root = es_root();
    assert_eq!(found(&client, &root).await, "ESZ6 ESH7 ESM7 ESU7 ESZ7 ESH8 ESM8 ESU8 ESZ8");
    let month = |text: &str| Contract { last_trade_date_or_contract_month: text.to_owned(), ..es_root() };
    assert_eq!(found(&client, &month("202703")).await, "ESH7");
    assert_eq!(found(&client, &month("20261218")).await, "ESZ6");
    assert_eq!(found(&client, &month("20261218 08:30:00 US/Central")).await, "ESZ6", "as contract details show it");
    assert_eq!(found(&client, &month("202701")).await, "200");
    assert_eq!(found(&client, &month("2026")).await, "200");
    let local = Contract {
        local_symbol: "ESH7".to_owned(),
        security_type: SecurityType::Future,
        exchange: Exchange::new("CME"),
        ..Contract::default()
    };
    assert_eq!(found(&client, &local).await, "ESH7");
    let by_id = es(&client).await;
    assert_eq!(found(&client, &by_id).await, "ESZ6");
    assert_eq!(found(&client, &Contract { exchange: Exchange::new("NYMEX"), ..by_id }).await, "200");
    assert_eq!(found(&client, &Contract { security_type: SecurityType::Stock, ..es_root() }).await, "200");
    assert_eq!(found(&client, &Contract { multiplier: "5".to_owned(), ..es_root() }).await, "200");
    gateway.stop();
}

#[tokio::test]
async fn details_are_those_of_the_real_contract_and_its_id_never_changes() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let client = connect(&gateway, 1).await;
    let details = within(client.contract_details(&es(&client).await)).await.expect("ES").remove(0);
    assert_eq!(details.contract.contract_id, 194_238_036);
    assert_eq!(details.contract.last_trade_date_or_contract_month, "20261218 08:30:00 US/Central");
    assert_eq!(details.contract.multiplier, "50");
    assert_eq!(details.min_tick, 0.25);
    assert_eq!(details.time_zone_id, "US/Central");
    assert_eq!(details.contract_month, "202612");
    assert_eq!(details.trading_hours[0], "20261122:1700-20261123:1600", "the session that is open");
    assert!(details.trading_hours.contains(&"20261128:CLOSED".to_owned()), "{:?}", details.trading_hours);
    let rule = within(client.market_rule(details.market_rule_ids[0].parse().expect("a number"))).await.expect("a rule");
    assert_eq!(rule.price_increments[0].increment, 0.25);
    gateway.stop();
}

#[test]
fn the_front_month_rolls_eight_days_before_its_expiry() {
    let front = |day: &str| {
        let noon = chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").expect("a date").and_hms_opt(18, 0, 0);
        let instrument = Instrument { expiry: None, ..instrument(0, "ES", "") };
        let catalog = crate::catalog::Catalog::new(vec![instrument], noon.expect("a time").and_utc().into());
        catalog.first().expect("one").expiry.to_string()
    };
    assert_eq!(front("2026-12-09"), "2026-12-18");
    assert_eq!(front("2026-12-10"), "2027-03-19");
    assert_eq!(front("2023-12-25"), "2024-03-15");
}
