//! What others did in the account, while we looked and while we did not.

use super::*;

#[test]
fn a_trade_by_hand_has_a_row_of_its_own_and_survives_a_restart() {
    let mut desk = Desk::open();
    desk.traded_elsewhere("", 0, 0, Side::Buy, 2);
    assert_eq!(desk.compared, [Comparison::Agrees]);
    assert_eq!(desk.position(StrategyId::FOREIGN), 2);
    assert_eq!(desk.books.portfolio().net_position(ES), 2);
    let mut reborn = Desk::with_state(desk.rebuilt());
    desk.assert_rebuilds();
    reborn.executions = desk.executions.clone();
    reborn.tell(Input::TakeInventory);
    reborn.inventory(&[]);
    assert_eq!(reborn.compared, [Comparison::Agrees]);
    assert_eq!(reborn.position(StrategyId::FOREIGN), 2, "once");
    let shown = reborn.journal.iter().any(|entry| {
        matches!(&entry.record, Record::Position(row) if row.strategy == Some(StrategyId::FOREIGN) && row.quantity == 2)
    });
    assert!(shown, "the new session has a row of it");
}

#[test]
fn a_position_closed_by_hand_is_closed_and_its_stop_goes() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.fill(&entry, 1, 1, 20_001);
    desk.rests(&stop, 1);
    desk.rests(&target, 1);
    desk.traded_elsewhere_with("", 0, 0, Side::Sell, 1, &[&stop, &target]);
    assert_eq!((desk.position(ONE), desk.position(StrategyId::FOREIGN)), (0, 0));
    assert_eq!(desk.cancels, [stop.order_id, target.order_id], "they would open a short position");
    let told = desk.news.iter().any(|(id, news)| {
        *id == ONE && matches!(news, strategy::Input::Fill(fill) if fill.leg == Leg::Manual && fill.side == Side::Sell)
    });
    assert!(told, "the strategy knows");
    for _ in 0..10 {
        desk.wait(1_000);
    }
    assert!(desk.tickets.values().all(|t| t.leg != Leg::Exit));
}

#[test]
fn another_program_that_sells_does_not_close_ours() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.fill(&entry, 1, 1, 20_001);
    desk.rests(&stop, 1);
    desk.rests(&target, 1);
    desk.traded_elsewhere_with("sim-2-99", 7, 12, Side::Sell, 1, &[&stop, &target]);
    assert_eq!((desk.position(ONE), desk.position(StrategyId::FOREIGN)), (1, -1));
    assert_eq!(desk.compared, [Comparison::Agrees]);
    assert_eq!(desk.cancels, []);
    desk.intend(ONE, Intent::Exit);
    assert_eq!(desk.ticket(ONE, Leg::Exit).quantity, 1, "ours, and no more");
}

#[test]
fn a_liquidation_closes_strategies_in_order_and_what_is_more_is_not_theirs() {
    let mut desk = Desk::open();
    for strategy in [ONE, TWO] {
        desk.buy(strategy, 1);
        let entry = desk.ticket(strategy, Leg::Entry);
        desk.fill(&entry, 1, 1, 20_001);
    }
    let mut sold = desk.execution(&desk.ticket(ONE, Leg::Entry), 9, 3, 19_900);
    (sold.order_ref, sold.side, sold.liquidation) = (String::new(), Side::Sell, true);
    (sold.order_id, sold.client_id, sold.perm_id) = (BrokerOrderId(0), 0, PermId(77));
    sold.exec_id = "0000e1a7.dead.01.01".into();
    desk.executions.push(sold.clone());
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!((desk.position(ONE), desk.position(TWO), desk.position(StrategyId::FOREIGN)), (0, 0, -1));
    assert!(desk.events().contains(&"execution.liquidation"));
    let amount = Money::from_micros(6_750_000);
    desk.broker(BrokerEvent::Commission { exec_id: sold.exec_id.clone(), amount });
    assert_eq!(desk.books.portfolio().performance(None).commission, amount, "once for all its parts");
    desk.assert_rebuilds();
}

#[test]
fn a_process_that_dies_between_two_parts_of_a_liquidation_books_the_rest_later() {
    let mut desk = Desk::open();
    for strategy in [ONE, TWO] {
        desk.buy(strategy, 1);
        let entry = desk.ticket(strategy, Leg::Entry);
        desk.fill(&entry, 1, 1, 20_001);
    }
    let mut sold = desk.execution(&desk.ticket(ONE, Leg::Entry), 9, 2, 19_900);
    (sold.order_ref, sold.side, sold.liquidation) = (String::new(), Side::Sell, true);
    (sold.order_id, sold.client_id, sold.perm_id) = (BrokerOrderId(0), 0, PermId(77));
    sold.exec_id = "0000e1a7.dead.01.01".into();
    desk.executions.push(sold);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    let first_part =
        |entry: &journal::Entry| matches!(&entry.record, Record::Fill(fill) if fill.leg == Leg::Liquidation);
    let written = desk.journal.iter().position(first_part).expect("it was booked") + 1;
    let state = BooksState::replay(&desk.config.instruments, desk.journal[..written].iter()).expect("it begins well");
    let mut reborn = Desk::with_state(state);
    reborn.executions = desk.executions.clone();
    assert_eq!((reborn.position(ONE), reborn.position(TWO)), (0, 1));
    for _ in 0..2 {
        reborn.tell(Input::TakeInventory);
        reborn.inventory(&[]);
        assert_eq!((reborn.position(ONE), reborn.position(TWO), reborn.position(StrategyId::FOREIGN)), (0, 0, 0));
    }
    assert!(!reborn.events().contains(&"reconcile.differs"));
    reborn.assert_rebuilds();
}

#[test]
fn a_person_closes_a_position_of_their_own_first() {
    let mut desk = Desk::open();
    desk.traded_elsewhere("", 0, 0, Side::Buy, 1);
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    desk.traded_elsewhere("", 0, 0, Side::Sell, 1);
    assert_eq!((desk.position(ONE), desk.position(StrategyId::FOREIGN)), (1, 0));
    desk.traded_elsewhere("", 0, 0, Side::Sell, 1);
    assert_eq!((desk.position(ONE), desk.position(StrategyId::FOREIGN)), (0, 0));
}

#[test]
fn others_positions_count_towards_the_limit_and_their_gains_make_no_room() {
    let mut desk = Desk::open();
    desk.books.risk.order.max_position_size = Limit::Max(2);
    desk.traded_elsewhere("theirs-1", 5, 3, Side::Buy, 2);
    desk.buy(ONE, 1);
    assert!(matches!(desk.verdicts()[0], Verdict::Refused { rule, .. } if rule == "max_position_size"));
    desk.price(20_100);
    assert_eq!(desk.day_pnl(), Money::ZERO, "their gain");
    desk.price(19_900);
    assert!(desk.day_pnl() < Money::ZERO, "their loss");
}

#[test]
fn what_was_before_these_books_is_not_booked() {
    let mut desk = Desk::with_state(BooksState::default());
    desk.executed_elsewhere("", 0, 0, Side::Buy, 2);
    desk.executed_elsewhere("", 0, 0, Side::Sell, 2);
    for _ in 0..2 {
        desk.tell(Input::TakeInventory);
        desk.inventory(&[]);
    }
    assert_eq!(desk.compared, [Comparison::Agrees, Comparison::Agrees]);
    assert!(!desk.journal.iter().any(|entry| matches!(entry.record, Record::Fill(_))));
    desk.traded_elsewhere("", 0, 0, Side::Buy, 1);
    assert_eq!(desk.position(StrategyId::FOREIGN), 1);
    desk.assert_rebuilds();
}

#[test]
fn a_position_that_the_listed_executions_explain_is_taken_over_at_the_first_look() {
    let mut desk = Desk::with_state(BooksState::default());
    desk.executed_elsewhere("other-3", 9, 4, Side::Sell, 2);
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!(desk.compared, [Comparison::Agrees]);
    assert_eq!(desk.position(StrategyId::FOREIGN), -2);
}

#[test]
fn an_old_position_pauses_until_an_operator_accepts_exactly_that() {
    let held =
        |quantity| BrokerSnapshot { positions: vec![BrokerPosition { symbol: ES, quantity }], ..Default::default() };
    let look = |desk: &mut Desk, quantity| {
        desk.tell(Input::TakeInventory);
        desk.answer(held(quantity));
        desk.compared.pop().expect("compared")
    };
    let mut desk = Desk::with_state(BooksState::default());
    desk.books.protection.accepted.insert(ES, 2);
    desk.price(20_000);
    let differs = |quantity| Comparison::Differs(format!("position ES: book 0, broker {quantity}"));
    assert_eq!(look(&mut desk, 3), differs(3), "another number than the one accepted");
    assert_eq!(look(&mut desk, 2), Comparison::Agrees);
    assert_eq!(desk.position(StrategyId::FOREIGN), 2);
    assert!(desk.events().contains(&"position.accepted"));
    assert_eq!(look(&mut desk, 0), Comparison::Differs("position ES: book 2, broker 0".into()), "accepted once");
    let mut reborn = Desk::with_state(desk.rebuilt());
    assert_eq!(look(&mut reborn, 2), Comparison::Agrees);
}

#[test]
fn an_order_of_ours_that_the_book_never_knew_is_cancelled_unless_it_may_protect_something() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let lost = OrderTicket {
        id: ClientOrderId(900),
        order_id: BrokerOrderId(900),
        order_ref: format!("{}-900", desk.config.instance.name),
        ..desk.ticket(ONE, Leg::Stop)
    };
    let known = [desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target)];
    let status = BrokerStatus::PreSubmitted;
    let mut open: Vec<(&OrderTicket, BrokerStatus)> = known.iter().map(|ticket| (ticket, status)).collect();
    open.push((&lost, status));
    desk.tell(Input::TakeInventory);
    desk.inventory(&open);
    assert!(matches!(desk.compared.pop(), Some(Comparison::Differs(_))), "paused until it is gone");
    assert_eq!(desk.cancels, [lost.order_id]);
    desk.executed_elsewhere(&lost.order_ref.clone(), 1, 899, Side::Buy, 1);
    desk.tell(Input::TakeInventory);
    desk.inventory(&open);
    assert_eq!(desk.cancels.len(), 1, "its position is in the account: a person decides");
}

#[test]
fn an_order_with_our_name_and_another_client_is_told_and_left_alone() {
    let mut desk = Desk::open();
    desk.books.client_id = 8;
    desk.buy(ONE, 1);
    let order_ref = format!("{}-900", desk.config.instance.name);
    let lost =
        OrderTicket { id: ClientOrderId(900), order_id: BrokerOrderId(900), order_ref, ..desk.ticket(ONE, Leg::Stop) };
    desk.tell(Input::TakeInventory);
    desk.inventory(&[(&lost, BrokerStatus::PreSubmitted)]);
    let Some(Comparison::Differs(text)) = desk.compared.pop() else { panic!("it differs") };
    assert!(text.contains("client 1") && text.contains("instance.name"), "{text}");
    assert_eq!(desk.cancels, []);
}

#[test]
fn an_execution_without_our_reference_is_known_by_its_permanent_id() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.status(&entry, BrokerStatus::Submitted);
    let execution = Execution { order_ref: String::new(), ..desk.execution(&entry, 1, 1, 20_001) };
    desk.broker(BrokerEvent::Execution(execution));
    assert_eq!((desk.position(ONE), desk.state(&entry)), (1, State::Filled));
}

#[test]
fn a_status_of_another_order_with_our_number_changes_nothing() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.status(&entry, BrokerStatus::Submitted);
    let (order_id, status) = (entry.order_id, BrokerStatus::Cancelled);
    desk.broker(BrokerEvent::Status { order_id, perm_id: PermId(5), status, filled: 0, remaining: 1 });
    assert_eq!(desk.state(&entry), State::Working);
    assert!(desk.events().contains(&"order.identity"));
}

#[test]
fn late_news_of_an_order_that_has_filled_is_no_news() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    for status in [BrokerStatus::PreSubmitted, BrokerStatus::Submitted, BrokerStatus::Cancelled, BrokerStatus::Inactive]
    {
        desk.status(&entry, status);
    }
    assert_eq!(desk.state(&entry), State::Filled);
    assert!(!desk.events().contains(&"order.unexpected"), "{:?}", desk.events());
}

#[test]
fn the_word_filled_ends_an_order_that_its_group_made_smaller() {
    let mut desk = Desk::open();
    desk.buy(ONE, 2);
    let (entry, stop, target) =
        (desk.ticket(ONE, Leg::Entry), desk.ticket(ONE, Leg::Stop), desk.ticket(ONE, Leg::Target));
    desk.fill(&entry, 1, 2, 20_001);
    desk.fill(&target, 1, 1, 20_040);
    let told = |order: &OrderTicket| BrokerEvent::Status {
        order_id: order.order_id,
        perm_id: perm_id(order),
        status: BrokerStatus::Filled,
        filled: 1,
        remaining: 0,
    };
    // The status comes before its execution, as it may.
    desk.broker(told(&stop));
    assert_eq!(desk.state(&stop), State::Sent);
    desk.fill(&stop, 1, 1, 19_980);
    assert_eq!((desk.state(&stop), desk.position(ONE)), (State::Filled, 0));
    assert_eq!(desk.rebuilt().orders, desk.books.state().orders);
}

#[test]
fn an_exit_of_ours_whose_records_are_lost_closes_what_it_closed() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    let written = desk.journal.len();
    desk.intend(ONE, Intent::Exit);
    let exit = desk.ticket(ONE, Leg::Exit);
    desk.fill(&exit, 1, 1, 19_999);
    // The disk was full: nothing since has been written.
    let state = BooksState::replay(&desk.config.instruments, desk.journal[..written].iter()).expect("it begins well");
    let mut reborn = Desk::with_state(state);
    reborn.executions = desk.executions.clone();
    reborn.tell(Input::TakeInventory);
    reborn.inventory(&[]);
    assert_eq!((reborn.position(ONE), reborn.position(StrategyId::FOREIGN)), (0, 0));
    assert!(reborn.events().contains(&"execution.foreign"), "it is told");
    let mut theirs = desk.execution(&exit, 2, 1, 19_999);
    (theirs.client_id, theirs.exec_id) = (9, "0000e1a7.beef.01.01".into());
    reborn.broker(BrokerEvent::Execution(theirs));
    assert_eq!(reborn.position(StrategyId::FOREIGN), -1, "another client under our name is not us");
    reborn.assert_rebuilds();
}

#[test]
fn a_number_that_the_broker_knows_is_not_used_again_by_a_journal_that_has_lost_it() {
    let mut before = Desk::open();
    before.buy(ONE, 1);
    let (entry, stop) = (before.ticket(ONE, Leg::Entry), before.ticket(ONE, Leg::Stop));
    before.fill(&entry, 1, 1, 20_001);
    before.fill(&stop, 1, 1, 19_980);
    before.buy(ONE, 2);
    let target = before.ticket(ONE, Leg::Target);
    assert!(target.order_id > stop.order_id);

    // The disk is new, and nextValidId begins with 1 again.
    let mut desk = Desk::with_state(BooksState::default());
    desk.broker(BrokerEvent::NextOrderId(BrokerOrderId(1)));
    desk.executions = before.executions.clone();
    desk.tell(Input::TakeInventory);
    desk.inventory(&[]);
    assert_eq!(desk.books.state().next_order_id, BrokerOrderId(stop.order_id.0 + 1), "executions are listed");
    desk.tell(Input::TakeInventory);
    desk.inventory(&[(&target, BrokerStatus::Submitted)]);
    assert_eq!(desk.books.state().next_order_id, BrokerOrderId(target.order_id.0 + 1), "so are open orders");
    desk.assert_rebuilds();
    let late = Execution {
        order_id: BrokerOrderId(900),
        exec_id: "0000e1a7.late.01.01".into(),
        ..before.executions[0].clone()
    };
    desk.broker(BrokerEvent::Execution(late.clone()));
    assert_eq!(desk.books.state().next_order_id, BrokerOrderId(901), "so is what fills only now");
    let others =
        Execution { order_id: BrokerOrderId(5_000), client_id: 77, exec_id: "0000e1a7.else.01.01".into(), ..late };
    desk.broker(BrokerEvent::Execution(others));
    assert_eq!(desk.books.state().next_order_id, BrokerOrderId(901), "each client has numbers of its own");
}
