//! Executions that the broker corrects or takes back.

use super::*;

fn bought(quantity: u32) -> Desk {
    let mut desk = Desk::open();
    desk.buy(ONE, quantity);
    let (entry, stop) = (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop));
    desk.fill(&entry, 1, quantity, 20_001);
    desk.rests(&stop, quantity);
    desk
}

fn corrected(desk: &Desk, quantity: u32, price: i32) -> Execution {
    let was = &desk.executions[0];
    let exec_id = was.exec_id.replace(".01.01", ".01.02");
    assert_ne!(exec_id, was.exec_id);
    Execution { exec_id, quantity, price: Price(price), ..was.clone() }
}

#[test]
fn a_corrected_price_is_the_price() {
    let mut desk = bought(1);
    let stop = desk.ticket(ONE, Leg::Stop);
    desk.fill(&stop, 1, 1, 19_980);
    let correction = corrected(&desk, 1, 20_005);
    desk.broker(BrokerEvent::Execution(correction.clone()));
    desk.broker(BrokerEvent::Execution(correction));
    let old = desk.executions[0].clone();
    desk.broker(BrokerEvent::Execution(old));
    let tick = desk.config.instruments[0].tick_value();
    assert_eq!(desk.books.portfolio().performance(None).realised, tick * -25);
    assert_eq!(desk.events().iter().filter(|e| **e == "execution.corrected").count(), 1);
    desk.assert_rebuilds();
}

#[test]
fn a_corrected_quantity_changes_the_position_its_stop_and_what_the_strategy_knows() {
    let mut desk = bought(2);
    let stop = desk.ticket(ONE, Leg::Stop);
    let correction = corrected(&desk, 1, 20_001);
    desk.executions[0] = correction.clone();
    desk.broker(BrokerEvent::Execution(correction));
    assert_eq!(desk.position(ONE), 1);
    assert_eq!(desk.news.last(), Some(&(ONE, strategy::Input::Position(1))));
    assert!(desk.modified.iter().any(|t| (t.id, t.quantity) == (stop.id, 1)));
    let entry = desk.ticket(ONE, Leg::Entry);
    assert_eq!(desk.books.state().orders.get(entry.id).map(|o| o.filled), Some(1));
    desk.assert_rebuilds();
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!(desk.compared, [Comparison::Agrees]);
}

#[test]
fn a_busted_execution_is_taken_back_when_two_inventories_miss_it() {
    let mut desk = bought(1);
    let stop = desk.ticket(ONE, Leg::Stop);
    let gone = desk.executions.pop().expect("one fill");
    let resting = [(&stop, BrokerStatus::PreSubmitted)];
    desk.tell(Input::TakeInventory);
    desk.inventory(&resting);
    assert_eq!(desk.compared, [Comparison::Differs("position ES: book 1, broker 0".into())], "once may be a delay");
    desk.tell(Input::TakeInventory);
    desk.inventory(&resting);
    assert_eq!(desk.compared.last(), Some(&Comparison::Agrees));
    assert_eq!(desk.position(ONE), 0);
    assert_eq!(desk.news.last(), Some(&(ONE, strategy::Input::Position(0))));
    assert!(desk.events().contains(&"execution.busted"));
    assert!(desk.cancels.contains(&stop.order_id), "the stop would open a position");
    desk.assert_rebuilds();
    // It was the list that was wrong.
    desk.executions.push(gone);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!((desk.position(ONE), desk.compared.last()), (1, Some(&Comparison::Agrees)));
}

#[test]
fn what_is_missing_explains_a_difference_entirely_or_not_at_all() {
    let mut desk = bought(1);
    desk.executions.clear();
    for _ in 0..4 {
        desk.tell(Input::TakeInventory);
        let positions = vec![BrokerPosition { symbol: ES, quantity: -1 }];
        desk.answer(BrokerSnapshot { positions, ..Default::default() });
    }
    assert!(desk.compared.iter().all(|c| *c == Comparison::Differs("position ES: book 1, broker -1".into())));
    assert_eq!(desk.position(ONE), 1);
}

#[test]
fn a_corrected_liquidation_changes_the_parts_it_was_booked_as() {
    let mut desk = bought(1);
    let mut sold = desk.execution(&desk.ticket(ONE, Leg::Entry), 9, 3, 19_900);
    (sold.order_ref, sold.side, sold.liquidation) = (String::new(), Side::Sell, true);
    (sold.order_id, sold.client_id, sold.perm_id) = (BrokerOrderId(0), 0, PermId(77));
    sold.exec_id = "0000e1a7.dead.01.01".into();
    desk.broker(BrokerEvent::Execution(sold.clone()));
    assert_eq!((desk.position(ONE), desk.position(StrategyId::FOREIGN)), (0, -2));
    let less = Execution { exec_id: "0000e1a7.dead.01.02".into(), quantity: 2, ..sold };
    desk.broker(BrokerEvent::Execution(less));
    assert_eq!((desk.position(ONE), desk.position(StrategyId::FOREIGN)), (0, -1));
    desk.assert_rebuilds();
}

/// A simulated gateway that was started anew, another account, a list of another day.
#[test]
fn a_list_that_has_forgotten_the_day_takes_no_trades_back() {
    let mut desk = bought(1);
    let stop = desk.ticket(ONE, Leg::Stop);
    desk.fill(&stop, 1, 1, 19_980);
    let (lost, kept) = (desk.books.portfolio().performance(None).realised, desk.executions.clone());
    desk.buy(ONE, 2);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 2, 20_001);
    let inventories = |desk: &mut Desk| {
        desk.compared.clear();
        for _ in 0..3 {
            desk.tell(Input::TakeInventory);
            desk.inventory(&[]);
        }
        desk.compared.last().cloned()
    };
    desk.executions.clear();
    assert_eq!(inventories(&mut desk), Some(Comparison::Differs("position ES: book 2, broker 0".into())));
    assert_eq!((desk.position(ONE), desk.books.portfolio().performance(None).realised), (2, lost));
    assert_eq!(desk.events().iter().filter(|event| **event == "execution.missing").count(), 1, "told once");
    // The round trip is listed, the second entry is not: that one was taken back.
    desk.executions = kept;
    assert_eq!(inventories(&mut desk), Some(Comparison::Agrees));
    assert_eq!((desk.position(ONE), desk.books.portfolio().performance(None).realised), (0, lost));
    assert!(desk.events().contains(&"execution.busted"));
}
