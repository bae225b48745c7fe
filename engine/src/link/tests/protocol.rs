//! The bare protocol: one connection, without market data and calendar.

use super::*;

fn told(link: &mut Link, secs: i64, input: Input) -> Vec<Output> {
    let mut out = Vec::new();
    link.handle(Timestamp::from_secs(secs), input, &mut out);
    out
}

fn trading(out: &[Output]) -> Option<Trading> {
    out.iter().find_map(|o| match o {
        Output::Trading { trading, .. } => Some(*trading),
        _ => None,
    })
}

fn up(liquidate: bool) -> Link {
    let mut link = Link::new(liquidate, INVENTORY_WITHIN);
    told(&mut link, 0, Input::Connected);
    assert_eq!(trading(&told(&mut link, 1, Input::Compared(Comparison::Agrees))), Some(Trading::Allowed));
    link
}

fn notice(code: i32) -> Input {
    Input::Notice { code, text: format!("code {code}") }
}

#[test]
fn only_a_reconciliation_opens_trading() {
    let mut link = Link::new(false, INVENTORY_WITHIN);
    assert_eq!(told(&mut link, 0, Input::Connected), [Output::TakeInventory]);
    assert_eq!(trading(&told(&mut link, 1, Input::Compared(Comparison::Differs("ES: ours 1, broker 0".into())))), None);
    assert_eq!(link.next_deadline(), Some(Timestamp::from_secs(6)), "a difference is looked at again");
    let mut out = Vec::new();
    link.on_deadline(Timestamp::from_secs(6), &mut out);
    assert_eq!(out, [Output::TakeInventory]);
    assert_eq!(trading(&told(&mut link, 7, Input::Compared(Comparison::Agrees))), Some(Trading::Allowed));
}

#[test]
fn upstream_loss_pauses_and_restoration_reconciles() {
    let mut link = up(false);
    let out = told(&mut link, 2, notice(1100));
    assert_eq!(trading(&out), Some(Trading::Paused));
    assert!(out.contains(&Output::Lost));
    assert_eq!(
        told(&mut link, 3, Input::Compared(Comparison::Agrees)),
        [],
        "an answer from before the loss proves nothing"
    );
    assert_eq!(told(&mut link, 4, notice(1101)), [Output::Resubscribe, Output::TakeInventory]);
    assert_eq!(trading(&told(&mut link, 5, Input::Compared(Comparison::Agrees))), Some(Trading::Allowed));
}

#[test]
fn lost_news_of_orders_pause_trading_until_an_inventory_was_taken() {
    let mut link = up(false);
    let out = told(&mut link, 2, Input::NewsLost);
    assert_eq!(trading(&out), Some(Trading::Paused));
    assert!(out.contains(&Output::TakeInventory));
    assert_eq!(trading(&told(&mut link, 3, Input::Compared(Comparison::Agrees))), Some(Trading::Allowed));
}

#[test]
fn a_farm_flap_changes_nothing() {
    let mut link = up(false);
    for code in [2103, 2104, 2105, 2106, 2108, 2119, 2157, 2158] {
        assert_eq!(told(&mut link, 2, notice(code)), []);
    }
}

#[test]
fn after_a_loss_positions_are_liquidated_if_so_configured() {
    let mut link = up(true);
    told(&mut link, 2, Input::Disconnected { cause: "reset".into() });
    told(&mut link, 3, Input::Connected);
    assert_eq!(trading(&told(&mut link, 4, Input::Compared(Comparison::Agrees))), Some(Trading::Liquidating));
    assert_eq!(trading(&told(&mut link, 5, Input::Flat)), Some(Trading::Allowed));
}

#[test]
fn book_and_broker_are_compared_every_minute() {
    let mut link = up(false);
    assert_eq!(link.next_deadline(), Some(Timestamp::from_secs(61)));
    let mut out = Vec::new();
    link.on_deadline(Timestamp::from_secs(61), &mut out);
    assert_eq!(out, [Output::ComparePositions], "and trading goes on meanwhile");
    assert_eq!(told(&mut link, 62, Input::Compared(Comparison::Overtaken)), []);
    assert_eq!(link.next_deadline(), Some(Timestamp::from_secs(67)));
    assert_eq!(told(&mut link, 67, Input::Compared(Comparison::Suspect)), [Output::TakeInventory]);
    let differs = Input::Compared(Comparison::Differs("position ES: book 2, broker 0".into()));
    assert_eq!(trading(&told(&mut link, 68, differs)), Some(Trading::Paused));
}

#[test]
fn a_halt_outlives_every_reconciliation() {
    let mut link = up(false);
    assert_eq!(trading(&told(&mut link, 2, Input::Halt { cause: "journal: disk full".into() })), Some(Trading::Paused));
    told(&mut link, 3, Input::Doubt);
    assert_eq!(trading(&told(&mut link, 4, Input::Compared(Comparison::Agrees))), None);
}

#[test]
fn a_silent_inventory_means_a_dead_link() {
    let mut link = Link::new(false, INVENTORY_WITHIN);
    told(&mut link, 0, Input::Connected);
    let mut out = Vec::new();
    link.on_deadline(Timestamp::from_secs(20), &mut out);
    assert!(matches!(out[..], [Output::Rebuild { .. }]));
}
